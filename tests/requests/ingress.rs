//! Ingresses over the wire.

use crate::common::backend::Backend;
use crate::common::certificates::Authority;
use crate::common::manifests::{documents, h2c_service, secret, service};
use crate::common::raw::ask;
use crate::common::tidegate::Tidegate;
use crate::telemetry::Log;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A class on the address of the test.
const CLASS: &str = "apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: web, annotations: {tidegate.dev/addresses: $ADDRESS}}
spec: {controller: tidegate.dev/ingress-controller}
";

fn ingress(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: {name}}}
spec:
  ingressClassName: web
{spec}
"
    )
}

/// A rule with one path, for the list `rules`.
fn rule(host: &str, path: &str, type_: &str, service: &str) -> String {
    format!(
        "  - {{host: '{host}', http: {{paths: [{{path: {path}, pathType: {type_}, backend: {{service: {{name: {service}, \
         port: {{name: http}}}}}}}}]}}}}\n"
    )
}

fn asked(tidegate: &Tidegate, host: &str, path: &str) -> String {
    let answer = ask(tidegate.http(), format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    answer.header("x-backend").map_or_else(|| answer.status().to_string(), str::to_owned)
}

#[test]
fn hosts_and_paths_choose_the_backend() {
    let names = ["exact", "prefix", "longer", "wildcard", "default", "all"];
    let backends = names.map(Backend::start);
    let shop = format!(
        "  defaultBackend: {{service: {{name: default, port: {{number: 80}}}}}}\n  rules:\n{}{}{}{}",
        rule("shop.example.com", "/cart", "Exact", "exact"),
        rule("shop.example.com", "/cart", "Prefix", "prefix"),
        rule("shop.example.com", "/cart/items/", "ImplementationSpecific", "longer"),
        rule("*.example.com", "/cart", "Prefix", "wildcard"),
    );
    let all = "  defaultBackend: {service: {name: all, port: {number: 80}}}";
    let mut texts = vec![CLASS.to_owned(), ingress("shop", &shop), ingress("all", all)];
    texts.extend(backends.iter().map(|backend| service(backend.name(), &[backend])));
    let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
    let cases = [
        ("shop.example.com", "/cart", "exact"),
        ("SHOP.example.com:8080", "/cart?a=b", "exact"),
        ("shop.example.com", "/cart/", "prefix"),
        ("shop.example.com", "/cart/items", "longer"),
        ("shop.example.com", "/cart/items/7", "longer"),
        ("shop.example.com", "/cart/itemsize", "prefix"),
        ("shop.example.com", "/cartoon", "default"),
        ("other.example.com", "/cart/1", "wildcard"),
        ("other.example.com", "/", "default"),
        // One label, no less and no more.
        ("example.com", "/cart", "all"),
        ("a.b.example.com", "/cart", "all"),
        ("elsewhere.org", "/", "all"),
    ];
    for (host, path, wanted) in cases {
        assert_eq!(asked(&tidegate, host, path), wanted, "{host}{path}");
    }
    // An edit counts from the next request on, and a deletion.
    tidegate.apply(&[(
        "all.yaml",
        documents(&texts).replace("path: /cart, pathType: Exact", "path: /till, pathType: Exact"),
    )]);
    assert_eq!(asked(&tidegate, "shop.example.com", "/till"), "exact");
    assert_eq!(asked(&tidegate, "shop.example.com", "/cart"), "prefix");
    texts.remove(2);
    tidegate.apply(&[("all.yaml", documents(&texts))]);
    assert_eq!(asked(&tidegate, "elsewhere.org", "/"), "404");
}

#[test]
fn what_is_not_there_is_answered_as_for_routes() {
    let rules = format!(
        "  rules:\n{}{}",
        rule("", "/gone", "Prefix", "gone"),
        rule("", "/empty", "Prefix", "empty"),
    );
    let texts = [CLASS.to_owned(), ingress("bad", &rules), service("empty", &[])];
    let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
    assert_eq!(asked(&tidegate, "a", "/gone"), "500");
    assert_eq!(asked(&tidegate, "a", "/empty"), "503");
    assert_eq!(asked(&tidegate, "a", "/"), "404");
}

#[test]
fn a_line_of_the_log_and_the_metrics_name_the_ingress() {
    // By its appProtocol the Service is asked in HTTP/2.
    let (backend, log) = (Backend::start_h2c("only"), Log::new());
    let rules = format!("  rules:\n{}", rule("shop.example.com", "/a", "Prefix", "only"));
    let texts = [CLASS.to_owned(), ingress("shop", &rules), h2c_service("only", &[&backend])];
    let tidegate = Tidegate::start_with(log.options("full"), &[("all.yaml", documents(&texts))]);
    assert_eq!(asked(&tidegate, "shop.example.com", "/a/b"), "only");
    let line = log.lines(&tidegate, 1).remove(0);
    let told: Vec<_> =
        ["listener", "route", "rule"].map(|field| line[field].as_str().unwrap().to_owned()).into();
    assert_eq!(told, ["web/http", "Ingress default/shop", "shop.example.com/a"]);
    let metrics = tidegate.health("/metrics");
    let text = String::from_utf8(metrics.body.clone()).unwrap();
    assert!(text.contains("Ingress"), "{text}");
}

async fn handshake(tidegate: &Tidegate, authority: &Authority, name: &str) -> Result<Vec<u8>, rustls::Error> {
    let connector = TlsConnector::from(Arc::clone(&authority.client(&[])));
    let name = rustls::pki_types::ServerName::try_from(name.to_owned()).unwrap();
    let stream = TcpStream::connect(tidegate.https()).await.unwrap();
    match connector.connect(name, stream).await {
        Ok(stream) => Ok(stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()),
        Err(error) => Err(error.downcast::<rustls::Error>().unwrap()),
    }
}

#[test]
fn each_host_has_the_certificate_of_its_ingress() {
    let authority = Authority::new();
    let (shop, wild) = (authority.issue(&["shop.example.com"]), authority.issue(&["*.example.org"]));
    let backend = Backend::start("only");
    let spec = |host: &str, secret: &str, hosts: &str| {
        format!("  tls: [{{secretName: {secret}{hosts}}}]\n  rules:\n{}", rule(host, "/", "Prefix", "only"))
    };
    let texts = [
        CLASS.to_owned(),
        ingress("shop", &spec("shop.example.com", "shop", ", hosts: [shop.example.com]")),
        // For the host of its rule.
        ingress("wild", &spec("*.example.org", "wild", "")),
        secret("shop", &shop),
        secret("wild", &wild),
        service("only", &[&backend]),
    ];
    let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let shown = |name: &str| runtime.block_on(handshake(&tidegate, &authority, name));
    assert!(shown("shop.example.com").unwrap() == shop.der.as_ref());
    assert!(shown("a.example.org").unwrap() == wild.der.as_ref());
    let refused = rustls::Error::AlertReceived(rustls::AlertDescription::UnrecognisedName);
    assert_eq!(shown("other.example.com").unwrap_err(), refused);
    // Both hosts are served without TLS as well.
    assert_eq!(asked(&tidegate, "shop.example.com", "/"), "only");
}
