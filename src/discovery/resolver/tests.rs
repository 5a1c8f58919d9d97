use super::*;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::UdpSocket;

const A: u8 = 1;
const AAAA: u8 = 28;

/// A name server on loopback. It knows one address of each name but for `missing.`, and of
/// `six.` only one of IPv6; all with a TTL of 7 seconds.
async fn name_server(asked: Arc<AtomicUsize>) -> ResolverConfig {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let mut connection = ConnectionConfig::udp();
    connection.port = socket.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut query = [0; 512];
        loop {
            let (_, from) = socket.recv_from(&mut query).await.unwrap();
            asked.fetch_add(1, Ordering::Relaxed);
            socket.send_to(&answer(&query), from).await.unwrap();
        }
    });
    let server = NameServerConfig::new(Ipv4Addr::LOCALHOST.into(), true, vec![connection]);
    ResolverConfig::from_parts(None, Vec::new(), vec![server])
}

/// RFC 1035 §4: header, the question as it came, and at most one answer that points at its name.
fn answer(query: &[u8]) -> Vec<u8> {
    let name_length = query[12..].iter().position(|byte| *byte == 0).unwrap() + 1;
    let question = &query[12..12 + name_length + 4];
    let kind = question[name_length + 1];
    let name = question[1..].to_ascii_lowercase();
    let address: &[u8] = match kind {
        A if !name.starts_with(b"six") => &[192, 0, 2, 1],
        AAAA => &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
        _ => &[],
    };
    let missing = name.starts_with(b"missing");
    let count = u8::from(!address.is_empty() && !missing);
    let mut message =
        vec![query[0], query[1], 0x81, if missing { 0x83 } else { 0x80 }, 0, 1, 0, count, 0, 0, 0, 0];
    message.extend_from_slice(question);
    if count == 1 {
        message.extend_from_slice(&[0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 7, 0, address.len() as u8]);
        message.extend_from_slice(address);
    }
    message
}

#[tokio::test]
async fn an_answer_has_its_addresses_and_time_and_is_asked_for_each_time() {
    let asked = Arc::new(AtomicUsize::new(0));
    let resolver = build(Some(name_server(asked.clone()).await)).unwrap();
    for times in 1..=2 {
        let answer = look_up(&resolver, "both.test.").await.unwrap();
        assert_eq!(answer.addresses, [IpAddr::from([192, 0, 2, 1])]);
        assert!((6..=7).contains(&answer.ttl.as_secs()), "{:?}", answer.ttl);
        assert_eq!(asked.load(Ordering::Relaxed), times, "IPv4 is enough, and nothing is cached");
    }
}

#[tokio::test]
async fn ipv6_serves_where_there_is_no_ipv4() {
    let resolver = build(Some(name_server(Arc::default()).await)).unwrap();
    let answer = look_up(&resolver, "six.test.").await.unwrap();
    assert_eq!(answer.addresses, ["2001:db8::1".parse::<IpAddr>().unwrap()]);
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_an_error() {
    let resolver = build(Some(name_server(Arc::default()).await)).unwrap();
    let error = look_up(&resolver, "missing.test.").await.unwrap_err();
    assert!(error.to_string().contains("missing.test"), "{error}");
}

#[tokio::test]
async fn localhost_needs_no_name_server() {
    let answer = SystemResolver::default().lookup("localhost").await.unwrap();
    assert!(answer.addresses.iter().all(IpAddr::is_loopback), "{answer:?}");
    let without_settings = build(Some(ResolverConfig::default())).unwrap();
    assert!(look_up(&without_settings, "localhost").await.is_ok());
}
