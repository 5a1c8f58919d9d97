//! Listeners without HTTP: TCP, TLS that ends here and TLS that passes through.

use crate::common::backend::Backend;
use crate::common::certificates::{Authority, Pair};
use crate::common::manifests::{documents, gateway, route_to, secret, service, service_at};
use crate::common::tidegate::{Options, Tidegate};
use crate::telemetry::Log;
use rustls::ClientConnection;
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// A target that greets with its name, reads until the client has said all, and gives that back.
fn greeting(name: &'static str) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.write_all(name.as_bytes());
            let mut all = Vec::new();
            if stream.read_to_end(&mut all).is_ok() {
                let _ = stream.write_all(&all);
            }
        }
    });
    address
}

/// A target that ends TLS itself, and then does the same.
fn encrypted(pair: &Pair) -> SocketAddr {
    let key = rustls::pki_types::PrivateKeyDer::from_pem_slice(pair.key_pem.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![pair.der.clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let session = rustls::ServerConnection::new(config.clone()).unwrap();
            let mut stream = rustls::StreamOwned::new(session, stream.unwrap());
            let _ = stream.write_all(b"encrypted").and_then(|()| stream.flush());
            let mut all = Vec::new();
            if stream.read_to_end(&mut all).is_ok() {
                let _ = stream.write_all(&all);
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        }
    });
    address
}

/// What comes back of `data`, after which the client ends its half.
fn exchange(address: SocketAddr, data: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    stream.write_all(data)?;
    stream.shutdown(Shutdown::Write)?;
    let mut all = Vec::new();
    stream.read_to_end(&mut all)?;
    Ok(all)
}

fn connect_tls(
    address: SocketAddr,
    authority: &Authority,
    name: &str,
) -> std::io::Result<rustls::StreamOwned<ClientConnection, TcpStream>> {
    let server = ServerName::try_from(name.to_owned()).unwrap();
    let session = ClientConnection::new(authority.client(&[]), server).unwrap();
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    Ok(rustls::StreamOwned::new(session, stream))
}

fn exchange_tls(address: SocketAddr, authority: &Authority, name: &str) -> std::io::Result<Vec<u8>> {
    let mut stream = connect_tls(address, authority, name)?;
    stream.write_all(b"hello")?;
    stream.conn.send_close_notify();
    stream.flush()?;
    let mut all = Vec::new();
    stream.read_to_end(&mut all)?;
    Ok(all)
}

fn stream_route(kind: &str, name: &str, section: &str, more: &str, backends: &str) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1
kind: {kind}
metadata: {{name: {name}}}
spec:
  parentRefs: [{{name: gateway, sectionName: {section}}}]
  {more}
  rules: [{{backendRefs: [{backends}]}}]
"
    )
}

const TCP: &str = "- {name: tcp, protocol: TCP, port: 8080}";

#[test]
fn tcp_goes_both_ways_and_ends_half_by_half() {
    let texts = [
        gateway(TCP),
        service_at("one", &[greeting("one ")], Some("postgresql")),
        stream_route("TCPRoute", "route", "tcp", "", "{name: one, port: 80}"),
    ];
    let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
    assert_eq!(exchange(tidegate.http(), b"hello").unwrap(), b"one hello");
    let much = vec![b'x'; 3_000_000];
    let back = exchange(tidegate.http(), &much).unwrap();
    assert!(back.len() == much.len() + 4 && back.ends_with(&much), "{} bytes", back.len());
}

/// Weights share out connections, also those that lead nowhere.
#[test]
fn tcp_connections_are_shared_out_by_weight() {
    let texts = [
        gateway(TCP),
        service_at("one", &[greeting("one")], None),
        service_at("two", &[greeting("two")], None),
        service_at("empty", &[], None),
        stream_route(
            "TCPRoute",
            "route",
            "tcp",
            "",
            "{name: one, port: 80, weight: 5}, {name: two, port: 80, weight: 3}, \
             {name: empty, port: 80, weight: 1}, {name: missing, port: 80, weight: 1}",
        ),
    ];
    let options = Options { workers: 1, ..Options::default() };
    let tidegate = Tidegate::start_with(options, &[("all.yaml", documents(&texts))]);
    let answers: Vec<_> = (0..100).map(|_| exchange(tidegate.http(), b"").unwrap_or_default()).collect();
    let count = |name: &[u8]| answers.iter().filter(|answer| *answer == name).count();
    assert_eq!((count(b"one"), count(b"two"), count(b"")), (50, 30, 20));
}

#[test]
fn a_dead_endpoint_costs_no_tcp_connection() {
    let dead = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let texts = [
        gateway(TCP),
        service_at("one", &[greeting("one"), dead], None),
        stream_route("TCPRoute", "route", "tcp", "", "{name: one, port: 80}"),
    ];
    let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
    for _ in 0..20 {
        assert_eq!(exchange(tidegate.http(), b"").unwrap(), b"one");
    }
}

/// A target that says more than all buffers of the kernel hold; tells how much it got rid of when nobody
/// takes more.
fn flooding() -> (SocketAddr, mpsc::Receiver<usize>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let (held, told) = mpsc::channel();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
        let mut sent = 0;
        while sent < FLOOD {
            match stream.write(&[b'x'; 1 << 16][..(FLOOD - sent).min(1 << 16)]) {
                Ok(count) => sent += count,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    held.send(sent).unwrap();
                    stream.set_write_timeout(None).unwrap();
                }
                Err(error) => panic!("{error}"),
            }
        }
    });
    (address, told)
}

const FLOOD: usize = 256 << 20;

/// More than Linux keeps of two connections: up to 32 MiB for a receiver (`tcp_rmem`) and
/// 4 MiB for a sender.
const OF_THE_KERNEL: usize = 100 << 20;

#[test]
fn who_reads_slowly_holds_the_target_back() {
    let (target, held) = flooding();
    let texts = [
        gateway(TCP),
        service_at("one", &[target], None),
        stream_route("TCPRoute", "route", "tcp", "", "{name: one, port: 80}"),
    ];
    let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
    let mut stream = TcpStream::connect(tidegate.http()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let sent = held.recv_timeout(Duration::from_secs(20)).unwrap();
    assert!(sent < OF_THE_KERNEL, "{sent} bytes of which the client read none");
    assert_eq!(std::io::copy(&mut stream, &mut std::io::sink()).unwrap(), FLOOD as u64);
}

/// What no byte went through for long is closed, and the log does not call that a drain.
#[test]
fn a_stream_without_a_byte_is_closed() {
    let log = Log::new();
    let mut options = log.options("full");
    options.flags.push("--stream-idle-timeout=300ms".to_owned());
    let texts = [
        gateway(TCP),
        service_at("one", &[greeting("one")], None),
        stream_route("TCPRoute", "route", "tcp", "", "{name: one, port: 80}"),
    ];
    let tidegate = Tidegate::start_with(options, &[("all.yaml", documents(&texts))]);
    let mut stream = TcpStream::connect(tidegate.http()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    assert_eq!(all, b"one");
    let line = &log.lines(&tidegate, 1)[0];
    assert_eq!(
        (&line["reason"], &line["protocol"], &line["status"]),
        (&"StreamIdle".into(), &"TCP".into(), &().into())
    );
    assert_eq!((&line["route"], &line["bytes_sent"]), (&"TCPRoute default/route".into(), &3.into()));
}

/// HTTPS, TLS that ends here and TLS that passes through, told apart by the server name.
#[test]
fn a_port_has_tls_of_all_kinds() {
    let authority = Authority::new();
    let [here, there, www] =
        ["here.example.com", "there.example.com", "www.example.com"].map(|name| authority.issue(&[name]));
    let backend = Backend::start("web");
    let listeners = "
- {name: ends, protocol: TLS, port: 8443, hostname: here.example.com, tls: {mode: Terminate, certificateRefs: [{name: here}]}}
- {name: passes, protocol: TLS, port: 8443, hostname: '*.example.com', tls: {mode: Passthrough}}
- {name: https, protocol: HTTPS, port: 8443, hostname: www.example.com, tls: {certificateRefs: [{name: www}]}}";
    let texts = [
        gateway(listeners),
        secret("here", &here),
        secret("www", &www),
        service("web", &[&backend]),
        route_to("web"),
        service_at("plain", &[greeting("plain ")], None),
        service_at("encrypted", &[encrypted(&there)], None),
        stream_route("TLSRoute", "here", "ends", "hostnames: [here.example.com]", "{name: plain, port: 80}"),
        stream_route(
            "TLSRoute",
            "there",
            "passes",
            "hostnames: [there.example.com]",
            "{name: encrypted, port: 80}",
        ),
    ];
    let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
    let ask = |name: &str| exchange_tls(tidegate.https(), &authority, name);
    assert_eq!(ask("here.example.com").unwrap(), b"plain hello");
    assert_eq!(ask("there.example.com").unwrap(), b"encryptedhello");
    let mut http = connect_tls(tidegate.https(), &authority, "www.example.com").unwrap();
    http.write_all(b"GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n").unwrap();
    let mut start = [0; 13];
    http.read_exact(&mut start).unwrap();
    assert_eq!(&start, b"HTTP/1.1 200 ");
    // The listener has no route for the first, and nobody has the second.
    ask("else.example.com").unwrap_err();
    ask("example.org").unwrap_err();
}
