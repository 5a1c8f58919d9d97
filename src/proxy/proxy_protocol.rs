//! The header that proxies in front put before everything else that a connection carries:
//! <https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt>, version 1 (a line of text) and
//! version 2 (binary).

use bytes::Bytes;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// The longest header of version 1. Version 2 can be longer, but what Tidegate reads of it is not.
const LONGEST: usize = 107;
const V1_START: &[u8] = b"PROXY ";
const V2_START: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// What comes before the addresses of version 2.
const V2_FIXED: usize = 16;

/// What a connection began with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// A header. Without a source it speaks for the proxy itself, as with a health check.
    Header { source: Option<SocketAddr> },
    /// Something else, of which this was taken from the stream.
    Other { taken: Bytes },
    /// Nothing at all: many health checks only connect.
    End,
}

/// What is at the beginning of some bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Parsed {
    /// Perhaps a header, and all of the bytes belong to it.
    Incomplete,
    /// No header.
    None,
    /// A header of so many bytes, more perhaps than are there.
    Header { source: Option<SocketAddr>, length: usize },
    /// The beginning of one that is wrong.
    Invalid(&'static str),
}

/// Takes a header off a connection, and not one byte more.
///
/// # Errors
/// The header is wrong, or the connection broke.
pub(super) async fn read(stream: &mut TcpStream) -> io::Result<Start> {
    let mut start = [0; LONGEST];
    let mut taken = 0;
    loop {
        let there = taken + stream.peek(&mut start[taken..]).await?;
        if there == taken {
            return match taken {
                0 => Ok(Start::End),
                _ => Err(io::ErrorKind::UnexpectedEof.into()),
            };
        }
        match parse(&start[..there]) {
            // It is shorter than the buffer, so there is room for more of it.
            Parsed::Incomplete => {
                stream.read_exact(&mut start[taken..there]).await?;
                taken = there;
            }
            Parsed::None => return Ok(Start::Other { taken: Bytes::copy_from_slice(&start[..taken]) }),
            Parsed::Header { source, length } => {
                skip(stream, length - taken).await?;
                return Ok(Start::Header { source });
            }
            Parsed::Invalid(why) => return Err(io::Error::new(io::ErrorKind::InvalidData, why)),
        }
    }
}

async fn skip(stream: &mut TcpStream, mut count: usize) -> io::Result<()> {
    let mut rest = [0; 512];
    while count > 0 {
        let piece = count.min(rest.len());
        stream.read_exact(&mut rest[..piece]).await?;
        count -= piece;
    }
    Ok(())
}

fn parse(data: &[u8]) -> Parsed {
    if data.starts_with(V1_START) {
        parse_v1(data)
    } else if data.starts_with(V2_START) {
        parse_v2(data)
    } else if V1_START.starts_with(data) || V2_START.starts_with(data) {
        Parsed::Incomplete
    } else {
        Parsed::None
    }
}

/// `PROXY TCP4 192.0.2.1 198.51.100.1 1024 443`, `PROXY TCP6 …` or `PROXY UNKNOWN …`.
fn parse_v1(data: &[u8]) -> Parsed {
    let Some(end) = memchr::memchr(b'\n', &data[..data.len().min(LONGEST)]) else {
        return if data.len() < LONGEST {
            Parsed::Incomplete
        } else {
            Parsed::Invalid("the line is too long")
        };
    };
    let line = data[..end].strip_suffix(b"\r").and_then(|line| std::str::from_utf8(line).ok());
    let Some(line) = line else { return Parsed::Invalid("no line of text") };
    let fields: Vec<&str> = line.split(' ').skip(1).collect();
    let source = match fields.as_slice() {
        ["UNKNOWN", ..] => Some(None),
        ["TCP4", source, target, from, to] => v1_source::<Ipv4Addr>(source, target, from, to).map(Some),
        ["TCP6", source, target, from, to] => v1_source::<Ipv6Addr>(source, target, from, to).map(Some),
        _ => None,
    };
    match source {
        Some(source) => Parsed::Header { source, length: end + 1 },
        None => Parsed::Invalid("the line has no two addresses and ports"),
    }
}

fn v1_source<T>(source: &str, target: &str, from: &str, to: &str) -> Option<SocketAddr>
where
    T: std::str::FromStr + Into<IpAddr>,
{
    let source: T = source.parse().ok()?;
    let _: T = target.parse().ok()?;
    let port = |text: &str| {
        let digits =
            text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
        text.parse::<u16>().ok().filter(|_| digits)
    };
    port(to)?;
    Some(SocketAddr::new(source.into().to_canonical(), port(from)?))
}

fn parse_v2(data: &[u8]) -> Parsed {
    let Some(fixed) = data.get(..V2_FIXED) else { return Parsed::Incomplete };
    let (command, family) = (fixed[12], fixed[13]);
    let length = V2_FIXED + usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    match command {
        // LOCAL: whatever else it says does not count.
        0x20 => return Parsed::Header { source: None, length },
        0x21 => {}
        _ => return Parsed::Invalid("neither of the commands of version 2"),
    }
    let addresses = match family {
        // TCP over IPv4 and IPv6: two addresses, two ports.
        0x11 => 12,
        0x21 => 36,
        // Unspecified, datagrams and UNIX sockets: nothing that a TCP connection could come from.
        _ if family >> 4 <= 3 && family & 15 <= 2 => return Parsed::Header { source: None, length },
        _ => return Parsed::Invalid("none of the address families of version 2"),
    };
    if length < V2_FIXED + addresses {
        return Parsed::Invalid("too short for its addresses");
    }
    let Some(addresses) = data.get(V2_FIXED..V2_FIXED + addresses) else { return Parsed::Incomplete };
    let ip = match addresses.first_chunk::<16>() {
        Some(octets) => IpAddr::from(*octets),
        None => IpAddr::from([addresses[0], addresses[1], addresses[2], addresses[3]]),
    };
    let ports = &addresses[addresses.len() - 4..];
    let port = u16::from_be_bytes([ports[0], ports[1]]);
    Parsed::Header { source: Some(SocketAddr::new(ip.to_canonical(), port)), length }
}

#[cfg(test)]
mod tests;
