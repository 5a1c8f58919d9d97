use super::*;
use proptest::prelude::*;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

/// A header of version 2 with these addresses and whatever comes behind them.
fn v2(command: u8, family: u8, addresses: &[u8], rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(addresses.len() + rest.len()).unwrap().to_be_bytes();
    [V2_START, &[command, family], &length, addresses, rest].concat()
}

fn v2_of(source: SocketAddr, target: SocketAddr, rest: &[u8]) -> Vec<u8> {
    let octets = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    let (from, to) = (source.port().to_be_bytes(), target.port().to_be_bytes());
    let addresses = [octets(source.ip()), octets(target.ip()), from.to_vec(), to.to_vec()].concat();
    v2(0x21, if source.is_ipv4() { 0x11 } else { 0x21 }, &addresses, rest)
}

fn v1_of(source: SocketAddr, target: SocketAddr) -> Vec<u8> {
    let family = if source.is_ipv4() { "TCP4" } else { "TCP6" };
    let (from, to) = (source.port(), target.port());
    format!("PROXY {family} {} {} {from} {to}\r\n", source.ip(), target.ip()).into_bytes()
}

fn header(source: Option<&str>, length: usize) -> Parsed {
    Parsed::Header { source: source.map(|source| source.parse().unwrap()), length }
}

#[test]
fn lines_of_version_1() {
    for (line, source) in [
        ("PROXY TCP4 192.0.2.1 198.51.100.1 1024 443\r\n", Some("192.0.2.1:1024")),
        ("PROXY TCP4 255.255.255.255 255.255.255.255 65535 0\r\n", Some("255.255.255.255:65535")),
        ("PROXY TCP6 2001:db8::1 ::1 1 2\r\n", Some("[2001:db8::1]:1")),
        // What stands for an IPv4 address is one.
        ("PROXY TCP6 ::ffff:192.0.2.1 ::ffff:192.0.2.2 1 2\r\n", Some("192.0.2.1:1")),
        ("PROXY UNKNOWN\r\n", None),
        ("PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n", None),
    ] {
        assert_eq!(parse(line.as_bytes()), header(source, line.len()), "{line:?}");
        let request = format!("{line}GET / HTTP/1.1\r\n");
        assert_eq!(parse(request.as_bytes()), header(source, line.len()), "{line:?} and a request");
    }
    for line in [
        "PROXY \r\n",
        "PROXY TCP4\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 1024\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 1024 443 \r\n",
        "PROXY TCP4  192.0.2.1 198.51.100.1 1024 443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 1024 443\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 1024 65536\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 +1 443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 01 443\r\n",
        "PROXY TCP4 192.0.2.01 198.51.100.1 1 443\r\n",
        "PROXY TCP4 ::1 ::1 1 443\r\n",
        "PROXY TCP6 192.0.2.1 ::1 1 443\r\n",
        "PROXY UDP4 192.0.2.1 198.51.100.1 1 443\r\n",
        "PROXY tcp4 192.0.2.1 198.51.100.1 1 443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 1 443\u{e9}\r\n",
    ] {
        assert!(matches!(parse(line.as_bytes()), Parsed::Invalid(_)), "{line:?}");
    }
    let longest = format!("PROXY UNKNOWN {}\r\n", "x".repeat(LONGEST - 16));
    assert_eq!(parse(longest.as_bytes()), header(None, LONGEST));
    let longer = format!("PROXY UNKNOWN {}\r\n", "x".repeat(LONGEST - 15));
    assert_eq!(parse(longer.as_bytes()), Parsed::Invalid("the line is too long"));
}

#[test]
fn headers_of_version_2() {
    let (four, six) = ("192.0.2.1:1024", "[2001:db8::1]:1024");
    let whole = |bytes: &[u8], source| assert_eq!(parse(bytes), header(source, bytes.len()), "{bytes:?}");
    whole(&v2_of(four.parse().unwrap(), "198.51.100.1:443".parse().unwrap(), b""), Some(four));
    whole(&v2_of(six.parse().unwrap(), "[::1]:443".parse().unwrap(), b"\x04\0\x01\0"), Some(six));
    let mapped = "[::ffff:192.0.2.1]:1024";
    whole(&v2_of(mapped.parse().unwrap(), "[::1]:443".parse().unwrap(), b""), Some(four));
    // LOCAL, whatever it says beside.
    whole(&v2(0x20, 0, b"", b""), None);
    whole(&v2(0x20, 0xff, &[1; 12], b""), None);
    whole(&v2(0x20, 0x11, &[1; 3], b""), None);
    // Nothing that a TCP connection could come from.
    whole(&v2(0x21, 0, b"", b""), None);
    whole(&v2(0x21, 0x12, &[1; 12], b""), None);
    whole(&v2(0x21, 0x31, &[1; 216], b""), None);
    for (bad, why) in [
        (v2(0x22, 0x11, &[1; 12], b""), "neither of the commands of version 2"),
        (v2(0x11, 0x11, &[1; 12], b""), "neither of the commands of version 2"),
        (v2(0x21, 0x41, &[1; 12], b""), "none of the address families of version 2"),
        (v2(0x21, 0x13, &[1; 12], b""), "none of the address families of version 2"),
        (v2(0x21, 0x11, &[1; 11], b""), "too short for its addresses"),
        (v2(0x21, 0x21, &[1; 35], b""), "too short for its addresses"),
    ] {
        assert_eq!(parse(&bad), Parsed::Invalid(why), "{bad:?}");
    }
}

#[test]
fn what_begins_otherwise_is_none() {
    for text in [
        "GET / HTTP/1.1",
        "POST /",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "PROPFIND /",
        "\x16\x03\x01",
        "\r\nGET /",
    ] {
        assert_eq!(parse(text.as_bytes()), Parsed::None, "{text:?}");
    }
    for text in ["P", "PR", "PROXY", "\r", "\r\n\r\n\0\r\nQUIT"] {
        assert_eq!(parse(text.as_bytes()), Parsed::Incomplete, "{text:?}");
    }
}

fn address() -> impl Strategy<Value = (SocketAddr, SocketAddr)> {
    let four = (any::<Ipv4Addr>(), any::<Ipv4Addr>()).prop_map(|(a, b)| (IpAddr::V4(a), IpAddr::V4(b)));
    let six = (any::<Ipv6Addr>(), any::<Ipv6Addr>()).prop_map(|(a, b)| (IpAddr::V6(a), IpAddr::V6(b)));
    (prop_oneof![four, six], any::<u16>(), any::<u16>())
        .prop_map(|((a, b), from, to)| (SocketAddr::new(a, from), SocketAddr::new(b, to)))
}

fn any_header() -> impl Strategy<Value = (SocketAddr, Vec<u8>)> {
    (address(), prop::collection::vec(any::<u8>(), 0..600), any::<bool>()).prop_map(
        |((source, target), rest, text)| {
            let bytes = if text { v1_of(source, target) } else { v2_of(source, target, &rest) };
            (SocketAddr::new(source.ip().to_canonical(), source.port()), bytes)
        },
    )
}

proptest! {
    #[test]
    fn no_bytes_are_too_strange(data in prop::collection::vec(any::<u8>(), 0..LONGEST)) {
        for data in [data.clone(), [V1_START, &data].concat(), [V2_START, &data].concat()] {
            let data = &data[..data.len().min(LONGEST)];
            match parse(data) {
                Parsed::Header { length, .. } => prop_assert!(length >= V2_FIXED.min(data.len())),
                Parsed::Incomplete => prop_assert!(data.len() < LONGEST, "there is always room for more"),
                Parsed::None | Parsed::Invalid(_) => {}
            }
        }
    }

    /// However much of it has come, nothing else is read into it, and nothing behind it is taken.
    #[test]
    fn the_beginning_of_a_header_is_never_something_else((source, bytes) in any_header(), at in any::<prop::sample::Index>()) {
        let part = &bytes[..at.index(bytes.len()).min(LONGEST)];
        let whole = Parsed::Header { source: Some(source), length: bytes.len() };
        let parsed = parse(part);
        prop_assert!(parsed == Parsed::Incomplete || parsed == whole, "{parsed:?}");
        prop_assert_eq!(parse(&bytes[..bytes.len().min(LONGEST)]), whole);
    }
}

/// Sends the pieces one by one; returns what is found, and what is left on the stream.
async fn received(pieces: &[&[u8]]) -> (io::Result<Start>, Vec<u8>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    client.set_nodelay(true).unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    let send = async move {
        for piece in pieces {
            client.write_all(piece).await.unwrap();
            // Lets the reader see each piece by itself, if the kernel does.
            tokio::task::yield_now().await;
        }
    };
    let (start, ()) = tokio::join!(read(&mut server), send);
    let mut left = Vec::new();
    server.read_to_end(&mut left).await.unwrap();
    (start, left)
}

#[tokio::test]
async fn a_header_is_taken_off_and_nothing_else() {
    let (source, target) = ("192.0.2.1:1024".parse().unwrap(), "198.51.100.1:443".parse().unwrap());
    let (text, long) = (v1_of(source, target), v2_of(source, target, &[7; 5000]));
    for bytes in [&text, &v2_of(source, target, b""), &long] {
        for cut in [1, 6, 12, 17, bytes.len() - 1] {
            let (first, second) = bytes.split_at(cut);
            for pieces in [vec![first, second, b"rest"], vec![first, &[second, b"rest"].concat()]] {
                let (start, left) = received(&pieces).await;
                assert_eq!(start.unwrap(), Start::Header { source: Some(source) });
                assert_eq!(left, b"rest", "{cut} of {}", bytes.len());
            }
        }
    }
    let (start, left) = received(&[b"PROXY UNKNOWN\r\n\r\n"]).await;
    assert_eq!((start.unwrap(), left), (Start::Header { source: None }, b"\r\n".to_vec()));
}

#[tokio::test]
async fn nothing_is_lost_of_what_is_no_header() {
    for pieces in [
        [b"GET / HTTP/1.1\r\n".as_slice(), b"", b""],
        [b"PRO", b"PFIND / HTTP/1.1\r\n", b""],
        [b"\r", b"\n", b"GET / HTTP/1.1\r\n"],
        [b"\r\n\r\n\0\r\nQUIT", b"\r", b""],
    ] {
        let (start, left) = received(&pieces).await;
        let Start::Other { taken } = start.unwrap() else { panic!("{pieces:?}") };
        assert!(taken.len() < V2_START.len(), "{taken:?}");
        assert_eq!([&taken[..], &left].concat(), pieces.concat());
    }
}

#[tokio::test]
async fn a_connection_that_ends_too_early() {
    assert_eq!(received(&[]).await.0.unwrap(), Start::End);
    for part in [b"PROXY TCP4 ".to_vec(), V2_START.to_vec(), v2(0x21, 0x11, &[1; 12], &[1; 9])[..30].to_vec()]
    {
        let (start, _) = received(&[&part]).await;
        assert_eq!(start.unwrap_err().kind(), io::ErrorKind::UnexpectedEof, "{part:?}");
    }
    let (start, _) = received(&[b"PROXY nonsense\r\n"]).await;
    assert_eq!(start.unwrap_err().kind(), io::ErrorKind::InvalidData);
}
