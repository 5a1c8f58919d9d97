//! TLS towards backends: who is trusted, under which name, and that nothing goes out without.

use crate::common::backend::Backend;
use crate::common::certificates::{Authority, Pair};
use crate::common::manifests::{
    backend_tls_policy, config_map, documents, gateway, http_gateway, route, route_to, service, service_at,
    trust_bundle,
};
use crate::common::raw::{Answer, ask};
use crate::common::tidegate::Tidegate;
use http::Version;

const NAME: &str = "pay.example.com";
const TRUSTED: &str =
    "{hostname: pay.example.com, caCertificateRefs: [{group: '', kind: ConfigMap, name: ca}]}";

/// In front of one backend, with this policy.
fn in_front_of(backend: &Backend, validation: &str, trusted: &str) -> Tidegate {
    let policy = backend_tls_policy("only", validation);
    let texts =
        [http_gateway(), service("only", &[backend]), route_to("only"), policy, config_map("ca", trusted)];
    Tidegate::start(&[("all.yaml", documents(&texts))])
}

fn get(tidegate: &Tidegate) -> Answer {
    ask(tidegate.http(), "GET /a?b HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n")
}

/// What became of a request to a backend with this certificate.
fn status(pair: &Pair, validation: &str, trusted: &str) -> u16 {
    let backend = Backend::start_tls("only", pair, &["h2", "http/1.1"]);
    let status = get(&in_front_of(&backend, validation, trusted)).status();
    assert_eq!(backend.requests() > 0, status == 200, "a backend that is not trusted is asked nothing");
    status
}

#[test]
fn the_name_goes_into_the_handshake_and_the_host_stays() {
    let authority = Authority::new();
    let pair = authority.issue(&[NAME]);
    for (alpn, version) in [
        (["h2", "http/1.1"].as_slice(), Version::HTTP_2),
        (&["http/1.1"], Version::HTTP_11),
        (&[], Version::HTTP_11),
    ] {
        let backend = Backend::start_tls("only", &pair, alpn);
        let tidegate = in_front_of(&backend, TRUSTED, authority.pem());
        assert_eq!(get(&tidegate).status(), 200);
        let seen = backend.last();
        assert_eq!((seen.sni.as_deref(), seen.version), (Some(NAME), version));
        let host = match version {
            Version::HTTP_2 => seen.target.strip_suffix("/a?b").unwrap(),
            _ => seen.header("host").unwrap(),
        };
        assert_eq!(host.trim_start_matches("https://"), "shop.example");
        let raw = String::from_utf8_lossy(&backend.raw().concat()).into_owned();
        assert!(!raw.contains("shop.example"), "nothing is in plain text");
    }
}

/// Whatever they mean, even if they are TLS already: who has a policy gets nothing in plain text.
#[test]
fn bytes_of_a_tcp_route_go_by_tls_too() {
    let authority = Authority::new();
    let backend = Backend::start_tls("only", &authority.issue(&[NAME]), &[]);
    let tcp_route = "apiVersion: gateway.networking.k8s.io/v1
kind: TCPRoute
metadata: {name: bytes}
spec: {parentRefs: [{name: gateway}], rules: [{backendRefs: [{name: only, port: 80}]}]}
";
    let texts = [
        gateway("- {name: tcp, protocol: TCP, port: 5432}"),
        service("only", &[&backend]),
        backend_tls_policy("only", TRUSTED),
        config_map("ca", authority.pem()),
        tcp_route.to_owned(),
    ];
    let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
    let answer = ask(tidegate.address(5432), "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_eq!((answer.status(), backend.last().sni.as_deref()), (200, Some(NAME)));
}

#[test]
fn only_the_right_certificate_will_do() {
    let [ours, other] = [Authority::new(), Authority::new()];
    let good = ours.issue(&[NAME]);
    assert_eq!(status(&good, TRUSTED, ours.pem()), 200);
    assert_eq!(status(&ours.issue(&["other.example.com"]), TRUSTED, ours.pem()), 502);
    // Both authorities have one name: what counts is who signed.
    assert_eq!(status(&other.issue(&[NAME]), TRUSTED, ours.pem()), 502);
    assert_eq!(status(&good, TRUSTED, &format!("{}{}", other.pem(), ours.pem())), 200);
}

#[test]
fn with_names_of_its_own_the_one_that_is_asked_for_does_not_count() {
    let authority = Authority::new();
    let spiffe = "spiffe://example.com/ns/pay/sa/pay";
    let pair = authority.issue_with(&["pod.internal", "*.pods.internal"], &[spiffe]);
    for (subject, wanted) in [
        (format!("{{type: URI, uri: '{spiffe}'}}"), 200),
        ("{type: URI, uri: 'spiffe://example.com/ns/pay/sa/other'}".to_owned(), 502),
        ("{type: Hostname, hostname: pod.internal}".to_owned(), 200),
        ("{type: Hostname, hostname: one.pods.internal}".to_owned(), 200),
        (format!("{{type: Hostname, hostname: {NAME}}}"), 502),
        (format!("{{type: Hostname, hostname: {NAME}}}, {{type: URI, uri: '{spiffe}'}}"), 200),
    ] {
        let validation = TRUSTED.replacen('{', &format!("{{subjectAltNames: [{subject}], "), 1);
        assert_eq!(status(&pair, &validation, authority.pem()), wanted, "{subject}");
    }
}

/// The conditions say what is wrong; the client learns no more than that it is not its fault.
#[test]
fn a_policy_that_cannot_be_honoured_closes_the_service() {
    let authority = Authority::new();
    let plain = Backend::start("only");
    let tls = Backend::start_tls("only", &authority.issue(&[NAME]), &[]);
    for backend in [&plain, &tls] {
        for (validation, trusted) in [
            (TRUSTED, "nothing"),
            (&TRUSTED.replace("name: ca", "name: nowhere"), authority.pem()),
            (&TRUSTED.replace("kind: ConfigMap", "kind: Bundle"), authority.pem()),
            ("{hostname: pay.example.com, wellKnownCACertificates: example.com/own}", authority.pem()),
            ("{hostname: 10.0.0.1, wellKnownCACertificates: System}", authority.pem()),
        ] {
            let answer = get(&in_front_of(backend, validation, trusted));
            let told = (answer.status(), String::from_utf8_lossy(&answer.body).into_owned());
            assert_eq!(told, (500, "InvalidBackendTls".to_owned()), "{validation}");
        }
        assert_eq!(backend.connections(), 0);
    }
}

/// Connections of before are not used on, and those that could be trusted are made anew.
#[test]
fn another_authority_counts_from_the_next_request_on() {
    let [old, new] = [Authority::new(), Authority::new()];
    let backend = Backend::start_tls("only", &old.issue(&[NAME]), &["http/1.1"]);
    let tidegate = in_front_of(&backend, TRUSTED, old.pem());
    assert_eq!(get(&tidegate).status(), 200);
    let files = |trusted: &str| {
        let policy = backend_tls_policy("only", TRUSTED);
        let texts = [http_gateway(), service("only", &[&backend]), route_to("only"), policy];
        [("all.yaml", documents(&[texts.to_vec(), vec![config_map("ca", trusted)]].concat()))]
    };
    tidegate.apply(&files(new.pem()));
    assert_eq!(get(&tidegate).status(), 502);
    tidegate.apply(&files(&format!("{}{}", new.pem(), old.pem())));
    assert_eq!(get(&tidegate).status(), 200);
    tidegate.apply(&files(""));
    assert_eq!(get(&tidegate).status(), 500);
    assert_eq!(backend.requests(), 2);
}

#[test]
fn a_backend_of_http2_alone_need_not_negotiate() {
    let authority = Authority::new();
    let pair = authority.issue(&[NAME]);
    for backend in [Backend::start_tls_h2("only", &pair), Backend::start_tls("only", &pair, &["h2"])] {
        let service = service_at("only", &[backend.address()], Some("kubernetes.io/h2c"));
        let policy = backend_tls_policy("only", TRUSTED);
        let texts = [http_gateway(), service, route_to("only"), policy, config_map("ca", authority.pem())];
        let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
        assert_eq!(get(&tidegate).status(), 200);
        assert_eq!(backend.last().version, Version::HTTP_2);
    }
}

#[test]
fn copies_for_mirrors_are_sent_by_tls_too() {
    let authority = Authority::new();
    let backend = Backend::start("first");
    let mirror = Backend::start_tls("only", &authority.issue(&[NAME]), &["http/1.1"]);
    let rule = "- filters: [{type: RequestMirror, requestMirror: {backendRef: {name: only, port: 80}}}]\n  \
                backendRefs: [{name: first, port: 80}]";
    let texts = [
        http_gateway(),
        service("first", &[&backend]),
        service("only", &[&mirror]),
        route("route", &[], rule),
        backend_tls_policy("only", TRUSTED),
        config_map("ca", authority.pem()),
    ];
    let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
    assert_eq!(get(&tidegate).status(), 200);
    tidegate.wait_until("has sent its copy", || mirror.requests() == 1);
    assert_eq!(mirror.last().sni.as_deref(), Some(NAME));
}

#[test]
fn a_trust_bundle_of_the_cluster_will_do_and_what_is_in_it_counts() {
    let [old, new] = [Authority::new(), Authority::new()];
    let backend = Backend::start_tls("only", &old.issue(&[NAME]), &["http/1.1"]);
    let reference = "{group: certificates.k8s.io, kind: ClusterTrustBundle, name: 'example.com:pods:v1'}";
    let policy = format!("{{hostname: {NAME}, caCertificateRefs: [{reference}]}}");
    let files = |trusted: Option<&Authority>| {
        let policy = backend_tls_policy("only", &policy);
        let mut texts = vec![http_gateway(), service("only", &[&backend]), route_to("only"), policy];
        texts.extend(trusted.map(|authority| trust_bundle("example.com:pods:v1", authority.pem())));
        [("all.yaml", documents(&texts))]
    };
    let tidegate = Tidegate::start(&files(Some(&old)));
    assert_eq!(get(&tidegate).status(), 200);
    for (trusted, wanted) in [(Some(&new), 502), (Some(&old), 200), (None, 500), (Some(&old), 200)] {
        tidegate.apply(&files(trusted));
        assert_eq!(get(&tidegate).status(), wanted);
    }
}
