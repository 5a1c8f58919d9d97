//! gRPC: calls by GRPCRoutes, and what Tidegate answers to calls itself.

mod backend;

use crate::common::manifests::{documents, gateway, http_gateway, route, service_at};
use crate::common::raw::{Client, ask};
use crate::common::scripted::{Scripted, Step};
use crate::common::tidegate::{Options, Tidegate};
use crate::external_auth::by_http;
use crate::telemetry::Log;
use crate::tracing::{Collector, policy, spans};
use backend::{CallBody, Counted, GrpcBackend, MUCH, frames};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

/// What one stream's windows and buffers hold, on all of the way, at the most.
const WINDOWS: usize = 6 << 20;

/// A GRPCRoute of the Gateway `gateway`.
fn grpc_route(name: &str, hosts: &[&str], rules: &str) -> String {
    route(name, hosts, rules).replace("kind: HTTPRoute", "kind: GRPCRoute")
}

/// In front of one backend, for every call. One worker, so that all calls share what they can.
fn in_front_of(backend: &GrpcBackend) -> Tidegate {
    let options = Options { workers: 1, ..Options::default() };
    let service = service_at("only", &[backend.address], None);
    let route = grpc_route("calls", &[], "- backendRefs: [{name: only, port: 80}]");
    Tidegate::start_with(options, &[("all.yaml", documents(&[http_gateway(), service, route]))])
}

/// A client of gRPC with one connection.
struct Caller(SendRequest<CallBody>);

/// The end of a call.
#[derive(Debug)]
struct Reply {
    status: StatusCode,
    /// `grpc-status` and `grpc-message`, from the trailers or the only head.
    code: String,
    message: String,
    backend: Option<String>,
    data: Bytes,
    trailers: HeaderMap,
    /// There was nothing but a head.
    is_head_alone: bool,
}

impl Caller {
    async fn connect(address: SocketAddr) -> Self {
        let io = TokioIo::new(TcpStream::connect(address).await.unwrap());
        let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
        tokio::spawn(connection);
        Self(sender)
    }

    async fn start(&mut self, method: &str, fields: &[(&str, &str)], body: CallBody) -> Response<Incoming> {
        let mut head = Request::post(format!("http://a.example.com/{method}"))
            .version(Version::HTTP_2)
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        for (name, value) in fields {
            head = head.header(*name, *value);
        }
        self.0.ready().await.unwrap();
        self.0.send_request(head.body(body).unwrap()).await.unwrap()
    }

    async fn call(&mut self, method: &str, fields: &[(&str, &str)]) -> Reply {
        let body = frames(vec![Frame::data(Bytes::from_static(b"\0\0\0\0\x02hi"))]);
        Reply::of(self.start(method, fields, body).await).await
    }
}

impl Reply {
    async fn of(response: Response<Incoming>) -> Self {
        let is_head_alone = response.body().is_end_stream();
        let (head, body) = response.into_parts();
        let collected = body.collect().await.unwrap();
        let trailers = collected.trailers().cloned().unwrap_or_default();
        let end = if is_head_alone { &head.headers } else { &trailers };
        let text = |name: &str| end.get(name).map(|value| value.to_str().unwrap().to_owned());
        Self {
            status: head.status,
            code: text("grpc-status").unwrap_or_default(),
            message: text("grpc-message").unwrap_or_default(),
            backend: head.headers.get("x-backend").map(|name| name.to_str().unwrap().to_owned()),
            data: collected.to_bytes(),
            trailers,
            is_head_alone,
        }
    }

    /// Holds that Tidegate made it.
    #[track_caller]
    fn expect_own(&self, code: &str, message: &str) {
        assert_eq!((self.status, self.is_head_alone), (StatusCode::OK, true), "{self:?}");
        assert_eq!((self.code.as_str(), self.message.as_str()), (code, message), "{self:?}");
    }
}

fn with_caller(address: SocketAddr, test: impl AsyncFnOnce(Caller)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let run = async {
        test(Caller::connect(address).await).await;
    };
    let limit = Duration::from_secs(60);
    runtime.block_on(async { tokio::time::timeout(limit, run).await.expect("the calls ended in time") });
}

#[test]
fn a_call_goes_through_with_metadata_and_trailers() {
    let backend = GrpcBackend::start("only");
    let tidegate = in_front_of(&backend);
    with_caller(tidegate.http(), async |mut caller| {
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", HeaderValue::from_static("17"));
        let body = frames(vec![Frame::data(Bytes::from_static(b"hello")), Frame::trailers(trailers)]);
        let fields = [("x-token-bin", "AAE="), ("grpc-timeout", "5S")];
        let reply = Reply::of(caller.start("shop.Cart/Get", &fields, body).await).await;
        assert_eq!((reply.status, reply.code.as_str(), &*reply.data), (StatusCode::OK, "0", &b"hello"[..]));
        assert_eq!(reply.trailers["x-check-bin"], "AQI=");
        assert_eq!(reply.trailers["x-length"], "5");
    });
    let [call] = backend.calls().try_into().unwrap();
    assert_eq!((call.version, call.path.as_str()), (Version::HTTP_2, "/shop.Cart/Get"));
    for (name, value) in [
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("x-token-bin", "AAE="),
        ("grpc-timeout", "5S"),
    ] {
        assert_eq!(call.headers[name], value);
    }
    assert_eq!(call.trailers.unwrap()["x-sum"], "17");
}

#[test]
fn calls_go_by_service_method_and_headers() {
    let (one, two) = (GrpcBackend::start("one"), GrpcBackend::start("two"));
    let rules = "
- matches: [{method: {service: shop_v1.Cart, method: Get}}]
  backendRefs: [{name: one, port: 80}]
- matches: [{method: {service: shop_v1.Cart, method: List}}, {headers: [{name: version, value: two}]}]
  backendRefs: [{name: two, port: 80}]
- matches: [{method: {method: Find}}]
  backendRefs: [{name: one, port: 80}]
- matches: [{method: {service: shop_v1.Open}}]
  backendRefs: [{name: two, port: 80}]";
    let texts = [
        http_gateway(),
        service_at("one", &[one.address], None),
        service_at("two", &[two.address], None),
        grpc_route("calls", &["a.example.com"], rules),
    ];
    let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
    with_caller(tidegate.http(), async |mut caller| {
        for (method, fields, backend) in [
            ("shop_v1.Cart/Get", [].as_slice(), "one"),
            // An exact method goes before headers.
            ("shop_v1.Cart/Get", &[("version", "two")], "one"),
            ("shop_v1.Cart/List", &[], "two"),
            ("other.Cart/List", &[("version", "two")], "two"),
            ("other.Cart/Find", &[], "one"),
            // More of the service goes before more of the method.
            ("shop_v1.Open/Find", &[], "two"),
        ] {
            let reply = caller.call(method, fields).await;
            assert_eq!((reply.backend.as_deref(), reply.code.as_str()), (Some(backend), "0"), "{method}");
        }
        for method in
            ["shop_v1.Cart/get", "shop_v1.cart/Get", "shop_v1.Cart/GetAll", "shop_v1.Cart", "other/Get"]
        {
            caller.call(method, &[]).await.expect_own("12", "NoRoute");
        }
    });
}

#[test]
fn filters_of_rule_and_backend_edit_metadata() {
    let backend = GrpcBackend::start("only");
    let rules = "
- filters:
  - {type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-set, value: new}], remove: [x-gone]}}
  - {type: ResponseHeaderModifier, responseHeaderModifier: {set: [{name: x-backend, value: edited}]}}
  backendRefs:
  - name: only
    port: 80
    filters: [{type: RequestHeaderModifier, requestHeaderModifier: {add: [{name: x-add, value: b}]}}]";
    let texts =
        [http_gateway(), service_at("only", &[backend.address], None), grpc_route("calls", &[], rules)];
    let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
    with_caller(tidegate.http(), async |mut caller| {
        let fields = [("x-set", "old"), ("x-gone", "1"), ("x-add", "a")];
        let reply = caller.call("shop.Cart/Get", &fields).await;
        assert_eq!((reply.backend.as_deref(), reply.code.as_str()), (Some("edited"), "0"));
    });
    let headers = &backend.calls()[0].headers;
    let all = |name: &str| {
        let values = headers.get_all(name).iter().map(|value| value.to_str().unwrap());
        values.collect::<Vec<_>>().join(",")
    };
    assert_eq!((all("x-set"), all("x-gone"), all("x-add")), ("new".into(), "".into(), "a,b".into()));
}

/// A client of gRPC has to give back by itself what it was told.
#[test]
fn calls_of_one_session_go_to_one_backend() {
    let backends = ["one", "two", "three"].map(GrpcBackend::start);
    let rules = "
- matches: [{method: {service: by.Cookie}}]
  backendRefs: [{name: only, port: 80}]
  sessionPersistence: {cookie: {name: session}}
- matches: [{method: {service: by.Header}}]
  backendRefs: [{name: only, port: 80}]
  sessionPersistence: {type: Header, header: {name: x-session}}";
    let addresses = backends.each_ref().map(|backend| backend.address);
    let texts = [http_gateway(), service_at("only", &addresses, None), grpc_route("calls", &[], rules)];
    let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
    with_caller(tidegate.http(), async |mut caller| {
        let call = || frames(vec![Frame::data(Bytes::from_static(b"hi"))]);
        for (method, told, tells) in
            [("by.Cookie/Get", "set-cookie", "cookie"), ("by.Header/Get", "x-session", "x-session")]
        {
            let mut met = std::collections::BTreeSet::new();
            for _ in 0..20 {
                let first = caller.start(method, &[], call()).await;
                let token = first.headers()[told].to_str().unwrap().split(';').next().unwrap().to_owned();
                let backend = first.headers()["x-backend"].clone();
                Reply::of(first).await;
                for _ in 0..10 {
                    let reply = Reply::of(caller.start(method, &[(tells, &token)], call()).await).await;
                    assert_eq!((reply.code.as_str(), reply.backend.as_deref()), ("0", backend.to_str().ok()));
                }
                met.insert(backend);
            }
            assert!(met.len() > 1, "{method}");
        }
    });
}

/// The copy of a call is a call too.
#[test]
fn a_mirror_gets_calls_in_http2() {
    let (backend, copies) = (GrpcBackend::start("only"), GrpcBackend::start("copies"));
    let rules = "
- filters: [{type: RequestMirror, requestMirror: {backendRef: {name: copies, port: 80}}}]
  backendRefs: [{name: only, port: 80}]";
    let texts = [
        http_gateway(),
        service_at("only", &[backend.address], None),
        service_at("copies", &[copies.address], None),
        grpc_route("calls", &[], rules),
    ];
    let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
    with_caller(tidegate.http(), async |mut caller| {
        assert_eq!(caller.call("shop.Cart/Get", &[]).await.backend.as_deref(), Some("only"));
    });
    tidegate.wait_until("has sent the copy", || copies.calls().len() == 1);
    let copy = &copies.calls()[0];
    assert_eq!((copy.version, copy.path.as_str()), (Version::HTTP_2, "/shop.Cart/Get"));
}

/// A call that ends with its first head has no body and no trailers, on either side.
#[test]
fn a_refusal_is_a_head_alone() {
    let backend = GrpcBackend::start("only");
    let tidegate = in_front_of(&backend);
    with_caller(tidegate.http(), async |mut caller| {
        caller.call("shop.Cart/Refuse", &[]).await.expect_own("7", "not%20you");
    });
}

#[test]
fn what_tidegate_answers_itself_is_a_status_of_grpc() {
    let log = Log::new();
    let rules = "
- matches: [{method: {service: empty}}]
  backendRefs: [{name: empty, port: 80}]
- matches: [{method: {service: missing}}]
  backendRefs: [{name: missing, port: 80}]
- matches: [{method: {service: http}}]
  backendRefs: [{name: http, port: 80}]
- matches: [{method: {service: nothing}}]
- matches: [{method: {service: mirrored}}]
  filters: [{type: ExtensionRef, extensionRef: {group: g, kind: Kind, name: filter}}]";
    let texts = [
        http_gateway(),
        service_at("empty", &[], None),
        service_at("http", &[], Some("http")),
        grpc_route("calls", &["a.example.com"], rules),
    ];
    let tidegate = Tidegate::start_with(log.options("full"), &[("all.yaml", documents(&texts))]);
    let expected = [
        ("else/Get", "12", "NoRoute"),
        ("empty/Get", "14", "NoReadyTargets"),
        ("missing/Get", "14", "BackendNotFound"),
        // Its appProtocol says HTTP/1.1.
        ("http/Get", "14", "InvalidBackend"),
        ("nothing/Get", "14", "NoBackends"),
        ("mirrored/Get", "2", "InvalidFilter"),
        ("%00/Get", "13", "BadRequest"),
    ];
    with_caller(tidegate.http(), async |mut caller| {
        for (method, code, reason) in expected {
            caller.call(method, &[]).await.expect_own(code, reason);
        }
    });
    let lines = log.lines(&tidegate, expected.len());
    for (line, (_, _, reason)) in lines.iter().zip(expected) {
        assert_eq!((&line["reason"], &line["status"]), (&reason.into(), &200.into()), "{line}");
    }
    // Who does not speak gRPC is told in HTTP.
    let mut client = Client::connect(tidegate.http());
    for (path, status) in [("/else/Get", 404), ("/empty/Get", 503), ("/missing/Get", 500)] {
        let head =
            format!("POST {path} HTTP/1.1\r\nHost: a.example.com\r\ncontent-type: application/grpc\r\n");
        let answer = client.send(format!("{head}content-length: 0\r\n\r\n")).answer();
        assert_eq!((answer.status(), answer.header("grpc-status")), (status, None), "{path}");
    }
}

/// Each piece is sent only when the one before it has come back.
#[test]
fn a_long_conversation_holds_nothing_back() {
    let backend = GrpcBackend::start("only");
    let tidegate = in_front_of(&backend);
    with_caller(tidegate.http(), async |mut caller| {
        let (pieces, mut received) = mpsc::unbounded_channel();
        let stream = futures::stream::poll_fn(move |cx| received.poll_recv(cx).map(|piece| piece.map(Ok)));
        let mut answer =
            caller.start("shop.Cart/Chat", &[], StreamBody::new(stream).boxed_unsync()).await.into_body();
        for number in 0..500 {
            let piece = Bytes::from(format!("piece {number}"));
            pieces.send(Frame::data(piece.clone())).unwrap();
            assert_eq!(answer.frame().await.unwrap().unwrap().into_data().unwrap(), piece);
        }
        // Others on the same connection do not wait for it.
        assert_eq!(caller.call("shop.Cart/Get", &[]).await.code, "0");
        drop(pieces);
        let end = answer.frame().await.unwrap().unwrap().into_trailers().unwrap();
        assert_eq!(end["grpc-status"], "0");
    });
}

#[test]
fn a_call_ends_when_its_caller_waits_no_longer() {
    let (backend, log) = (GrpcBackend::start("only"), Log::new());
    let service = service_at("only", &[backend.address], None);
    let route = grpc_route("calls", &[], "- backendRefs: [{name: only, port: 80}]");
    let files = [("all.yaml", documents(&[http_gateway(), service, route]))];
    let tidegate = Tidegate::start_with(log.options("full"), &files);
    with_caller(tidegate.http(), async |mut caller| {
        caller.call("shop.Cart/Wait", &[("grpc-timeout", "300m")]).await.expect_own("4", "DeadlineExceeded");
        // Others on the connection go on, and what is no time is none.
        assert_eq!(caller.call("shop.Cart/Get", &[("grpc-timeout", "300")]).await.code, "0");
    });
    let line = &log.lines(&tidegate, 2)[0];
    assert_eq!((&line["reason"], &line["status"]), (&"DeadlineExceeded".into(), &200.into()), "{line}");
}

#[test]
fn an_answer_that_has_begun_says_that_time_is_over() {
    let backend = GrpcBackend::start("only");
    let tidegate = in_front_of(&backend);
    with_caller(tidegate.http(), async |mut caller| {
        let (pieces, mut received) = mpsc::unbounded_channel();
        let stream = futures::stream::poll_fn(move |cx| received.poll_recv(cx).map(|piece| piece.map(Ok)));
        pieces.send(Frame::data(Bytes::from_static(b"one"))).unwrap();
        let body = StreamBody::new(stream).boxed_unsync();
        let response = caller.start("shop.Cart/Chat", &[("grpc-timeout", "500m")], body).await;
        let reply = Reply::of(response).await;
        assert_eq!((reply.code.as_str(), reply.message.as_str()), ("4", "DeadlineExceeded"));
        assert_eq!(reply.data, "one");
    });
}

/// One of two endpoints refuses connections, so that some calls are sent again.
#[test]
fn another_attempt_carries_what_is_left_of_the_time() {
    let backend = GrpcBackend::start("only");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let service = service_at("only", &[backend.address, closed], None);
    let route = grpc_route("calls", &[], "- backendRefs: [{name: only, port: 80}]");
    let tidegate = Tidegate::start(&[("all.yaml", documents(&[http_gateway(), service, route]))]);
    with_caller(tidegate.http(), async |mut caller| {
        for _ in 0..40 {
            assert_eq!(caller.call("shop.Cart/Get", &[("grpc-timeout", "50S")]).await.code, "0");
        }
    });
    let told = backend.calls().into_iter().map(|call| call.headers["grpc-timeout"].clone());
    let (first, again): (Vec<_>, Vec<_>) = told.partition(|time| time == "50S");
    assert!(!first.is_empty() && !again.is_empty(), "{first:?} {again:?}");
    for time in again {
        let micros = time.to_str().unwrap().strip_suffix('u').unwrap().parse::<u64>().unwrap();
        assert!(micros < 50_000_000, "{time:?}");
    }
}

/// Who reads slowly slows the backend down, and nobody else.
#[test]
fn a_slow_reader_holds_the_backend_back() {
    let backend = GrpcBackend::start("only");
    let tidegate = in_front_of(&backend);
    with_caller(tidegate.http(), async |mut caller| {
        let mut flood = caller.start("shop.Cart/Flood", &[], frames(Vec::new())).await.into_body();
        let mut read = 0;
        while read < 1 << 20 {
            read += flood.frame().await.unwrap().unwrap().into_data().unwrap().len();
        }
        // Time enough for a backend that nothing holds back.
        for _ in 0..200 {
            assert_eq!(caller.call("shop.Cart/Get", &[]).await.code, "0");
        }
        assert!(backend.flooded() < read + WINDOWS, "{} of {read} read", backend.flooded());
        while let Some(frame) = flood.frame().await {
            read += frame.unwrap().into_data().unwrap().len();
        }
        assert_eq!((read, backend.flooded()), (MUCH, MUCH));
    });
}

/// Calls of many clients share a connection to the backend: those of one that never reads must leave
/// room on it for the others.
#[test]
fn readers_that_stopped_hold_up_nobody_else() {
    let backend = GrpcBackend::start("only");
    let tidegate = in_front_of(&backend);
    with_caller(tidegate.http(), async |mut stopped| {
        let mut floods = Vec::new();
        for _ in 0..16 {
            floods.push(stopped.start("shop.Cart/Flood", &[], frames(Vec::new())).await);
        }
        let mut caller = Caller::connect(tidegate.http()).await;
        for _ in 0..200 {
            assert_eq!(caller.call("shop.Cart/Get", &[]).await.code, "0");
        }
    });
}

/// The same in the other direction.
#[test]
fn a_slow_backend_holds_the_client_back() {
    let backend = GrpcBackend::start("only");
    let tidegate = in_front_of(&backend);
    with_caller(tidegate.http(), async |mut caller| {
        let sent = Arc::new(AtomicUsize::new(0));
        let upload = Counted::much(&sent);
        let mut other = Caller(caller.0.clone());
        let upload =
            tokio::spawn(async move { Reply::of(other.start("shop.Cart/Wait", &[], upload).await).await });
        for _ in 0..200 {
            assert_eq!(caller.call("shop.Cart/Get", &[]).await.code, "0");
        }
        let before = sent.load(Ordering::SeqCst);
        assert!(before < WINDOWS, "{before} sent, 0 read");
        backend.release();
        let reply = upload.await.unwrap();
        assert_eq!((reply.code.as_str(), reply.trailers["x-length"].to_str().unwrap()), ("0", "33554432"));
    });
}

/// What is spoken goes by the route, also where both kinds lead to the same endpoint.
#[test]
fn an_httproute_speaks_http1_where_a_grpcroute_speaks_http2() {
    let backend = GrpcBackend::start("only");
    let rules = "- backendRefs: [{name: only, port: 80}]";
    let texts = [
        http_gateway(),
        service_at("only", &[backend.address], None),
        grpc_route("calls", &["a.example.com"], rules),
        route("pages", &["b.example.com"], rules),
    ];
    let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
    for _ in 0..3 {
        let page = ask(tidegate.http(), "GET /page HTTP/1.1\r\nHost: b.example.com\r\n\r\n");
        assert_eq!(page.status(), 200);
        with_caller(tidegate.http(), async |mut caller| {
            assert_eq!(caller.call("shop.Cart/Get", &[]).await.code, "0");
        });
    }
    let calls: Vec<_> = backend.calls().into_iter().map(|call| (call.version, call.path)).collect();
    let page = (Version::HTTP_11, "/page".to_owned());
    let call = (Version::HTTP_2, "/shop.Cart/Get".to_owned());
    assert_eq!(calls, [page.clone(), call.clone(), page.clone(), call.clone(), page, call]);
}

/// Whoever has no permission is told in gRPC's words, of a call that a route has and of one that none has.
#[test]
fn a_call_needs_the_permission_of_its_listener() {
    let backend = GrpcBackend::start("only");
    let auth = Scripted::start(|head| {
        let status = match head.header("authorization") {
            Some("known") => "200 OK",
            Some(_) => "403 No",
            None => "401 No",
        };
        let fields =
            "X-User: alice\r\nWWW-Authenticate: Basic\r\nContent-Type: text/html\r\nContent-Length: 6";
        vec![Step::Send(format!("HTTP/1.1 {status}\r\n{fields}\r\n\r\nlog in").into())]
    });
    let listener = format!(
        "- {{name: http, protocol: HTTP, port: 8080, filters: {{requests: [{}]}}}}",
        by_http("allowedResponseHeaders: [x-user]")
    );
    let texts = [
        gateway(&listener),
        service_at("only", &[backend.address], None),
        service_at("auth", &[auth.address], None),
        grpc_route(
            "calls",
            &[],
            "- matches: [{method: {service: test.Echo}, headers: [{name: x-user, value: alice}]}]\n  \
             backendRefs: [{name: only, port: 80}]",
        ),
    ];
    let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
    with_caller(tidegate.http(), async |mut caller| {
        let reply = caller.call("test.Echo/Echo", &[("authorization", "known")]).await;
        assert_eq!((reply.status, reply.code.as_str()), (StatusCode::OK, "0"), "{reply:?}");
        caller.call("test.Echo/Echo", &[("x-user", "alice")]).await.expect_own("16", "AuthDenied");
        caller.call("test.Other/Echo", &[("authorization", "other")]).await.expect_own("7", "AuthDenied");
        caller.call("test.Other/Echo", &[("authorization", "known")]).await.expect_own("12", "NoRoute");
    });
    assert_eq!((auth.requests().len(), backend.calls().len()), (4, 1));
    assert_eq!(backend.calls()[0].headers["x-user"], "alice");
}

#[test]
fn a_calls_span_has_its_status() {
    let (backend, collector) = (GrpcBackend::start("only"), Collector::by_grpc());
    let texts = [
        http_gateway(),
        service_at("only", &[backend.address], None),
        service_at("collector", &[collector.address], Some("grpc")),
        grpc_route(
            "calls",
            &[],
            "- {matches: [{method: {service: shop.Cart}}], backendRefs: [{name: only, port: 80}]}",
        ),
        policy(""),
    ];
    let tidegate = Tidegate::start_with(
        Options { workers: 1, ..Options::default() },
        &[("all.yaml", documents(&texts))],
    );
    with_caller(tidegate.http(), async |mut caller| {
        assert_eq!(caller.call("shop.Cart/Get", &[]).await.code, "0");
        caller.call("shop.Other/Get", &[]).await.expect_own("12", "NoRoute");
    });
    let spans = spans(&tidegate, &collector, 3);
    let told = |code: &str| {
        let mut servers = spans.iter().filter(|span| span.kind == "server");
        let span = servers.find(|span| span.attributes["rpc.grpc.status_code"] == code).unwrap();
        let attributes = ["rpc.system", "rpc.service", "rpc.method"].map(|key| span.attributes[key].as_str());
        (span.name.as_str(), attributes, span.is_error)
    };
    assert_eq!(told("0"), ("shop.Cart/Get", ["grpc", "shop.Cart", "Get"], false));
    assert_eq!(told("12"), ("POST", ["grpc", "shop.Other", "Get"], true));
    assert_eq!(spans[0].attributes["network.protocol.version"], "2");
}
