use super::*;

fn calls(version: Version, content_type: &str) -> bool {
    let request = http::Request::builder().version(version).header(CONTENT_TYPE, content_type);
    is_rpc(&request.body(()).unwrap().into_parts().0)
}

#[test]
fn calls_are_known_by_version_and_type() {
    for content_type in ["application/grpc", "application/grpc+proto", "Application/gRPC;x=y"] {
        assert!(calls(Version::HTTP_2, content_type), "{content_type}");
        assert!(!calls(Version::HTTP_11, content_type), "{content_type}");
    }
    for content_type in ["application/grpc-web", "application/grpc-web+proto", "application/json", ""] {
        assert!(!calls(Version::HTTP_2, content_type), "{content_type}");
    }
}

#[test]
fn each_reason_has_the_status_that_grpc_gives_it() {
    let unavailable = [
        Reason::NoBackends,
        Reason::BackendNotFound,
        Reason::InvalidBackend,
        Reason::InvalidBackendTls,
        Reason::RefNotPermitted,
        Reason::NoReadyTargets,
        Reason::ForbiddenTarget,
        Reason::RetryBudgetExceeded,
        Reason::AuthUnavailable,
        Reason::ConnectFailed,
        Reason::ConnectTimeout,
        Reason::UpstreamReset,
        Reason::UpstreamProtocolError,
        Reason::UpstreamTimeout,
        Reason::RouteTimeout,
        Reason::Draining,
    ];
    for reason in Reason::ALL {
        let expected = match reason {
            Reason::DeadlineExceeded => "4",
            Reason::NoRoute => "12",
            Reason::CorsPreflightRefused | Reason::AuthDenied => "7",
            Reason::BadRequest => "13",
            reason if unavailable.contains(&reason) => "14",
            _ => "2",
        };
        assert_eq!(rpc_status(reason), expected, "{reason:?}");
    }
}

#[test]
fn a_call_is_answered_by_a_head_alone() {
    let answer = rpc(Reason::NoRoute);
    assert_eq!(answer.status(), StatusCode::OK);
    let text = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(
        (text("content-type"), text("grpc-status"), text("grpc-message")),
        ("application/grpc".to_owned(), "12".to_owned(), "NoRoute".to_owned())
    );
    assert!(http_body::Body::is_end_stream(answer.body()));
}

#[test]
fn what_a_service_says_becomes_an_answer_to_a_call() {
    let said = |status: u16, content_type: &'static str| {
        let mut response = Response::new(ResponseBody::full(Bytes::from_static(b"log in")));
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        response.headers_mut().insert("content-length", HeaderValue::from_static("6"));
        response.headers_mut().insert("www-authenticate", HeaderValue::from_static("Basic"));
        as_rpc(response, Reason::AuthDenied)
    };
    for (status, expected) in
        [(400, "13"), (401, "16"), (403, "7"), (404, "12"), (429, "14"), (503, "14"), (302, "2"), (204, "2")]
    {
        let answer = said(status, "text/html");
        let fields = ["grpc-status", "grpc-message", "content-type", "www-authenticate"];
        assert_eq!(answer.status(), StatusCode::OK);
        let found = fields.map(|name| answer.headers()[name].to_str().unwrap());
        assert_eq!(found, [expected, "AuthDenied", "application/grpc", "Basic"], "{status}");
        assert_eq!(answer.headers().len(), fields.len());
        assert!(http_body::Body::is_end_stream(answer.body()));
    }
    // One that knows gRPC has said it.
    let answer = said(403, "application/grpc");
    assert_eq!((answer.status(), answer.headers().get("grpc-status")), (StatusCode::FORBIDDEN, None));
}
