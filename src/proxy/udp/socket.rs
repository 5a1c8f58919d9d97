//! Sockets for datagrams.

use nix::sys::socket::{setsockopt, sockopt};
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::SocketAddr;
use tokio::net::UdpSocket;

/// Bytes that wait to be read from a listener's socket: a burst of all of its clients. The kernel
/// cuts it to net.core.rmem_max.
const RECEIVE_BUFFER: usize = 4 << 20;

/// Whether an address can be listened on: nobody else may listen there, which SO_REUSEPORT would
/// hide. The socket is closed again.
pub(in crate::proxy) fn probe(address: SocketAddr) -> io::Result<()> {
    bound(address, false).map(drop)
}

/// A worker's own socket on an address.
pub(in crate::proxy) fn open(address: SocketAddr) -> io::Result<UdpSocket> {
    UdpSocket::from_std(bound(address, true)?.into())
}

/// A socket that gets datagrams of one endpoint only, and its errors.
pub(super) fn connect(endpoint: SocketAddr) -> io::Result<UdpSocket> {
    let socket = new(endpoint)?;
    socket.connect(&endpoint.into())?;
    UdpSocket::from_std(socket.into())
}

fn bound(address: SocketAddr, shared: bool) -> io::Result<Socket> {
    let socket = new(address)?;
    // Not SO_REUSEADDR: by it another process could take the datagrams away.
    if shared {
        socket.set_reuse_port(true)?;
    }
    // A reply has to leave from the address that was asked, which on a socket for every address
    // comes with each datagram.
    if address.is_ipv6() {
        // "::" and "0.0.0.0" are two listeners, wherever the system's default stands.
        socket.set_only_v6(true)?;
        setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?;
    } else {
        setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
    }
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

fn new(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}
