//! Datagrams by the batch: one system call receives or sends many of them.

use nix::libc::{in_addr, in_pktinfo, in6_addr, in6_pktinfo};
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, MultiHeaders, RecvMsg, SockaddrIn, SockaddrIn6,
    SockaddrLike, recvmmsg, sendmmsg, sendmsg,
};
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Range;
use std::os::fd::AsRawFd;
use tokio::io::{Interest, Ready};
use tokio::net::UdpSocket;

/// Enough that the calls cost little, few enough that nobody else of the worker waits long.
pub(super) const BATCH: usize = 32;

/// No datagram is longer: its length has 16 bits.
const LARGEST: usize = 65_535;

/// Room for one batch, which all sockets of a worker share: nothing waits while it is in use. Memory
/// that no datagram ever filled is none but on paper.
#[derive(Debug)]
pub(in crate::proxy) struct Batch {
    bytes: Vec<u8>,
    received: Vec<Received>,
    // Each is for one kind of socket only: what the kernel leaves in a header is taken for what fits
    // in it the next time.
    from_v4: MultiHeaders<SockaddrIn>,
    from_v6: MultiHeaders<SockaddrIn6>,
    connected: MultiHeaders<()>,
    sending: MultiHeaders<()>,
}

/// Who sent a datagram, to which of the listener's addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Client {
    pub(super) address: SocketAddr,
    /// From which the replies have to leave; none if the kernel did not say it.
    pub(super) asked: Option<IpAddr>,
}

#[derive(Clone, Copy, Debug)]
struct Received {
    length: usize,
    /// None on a connected socket.
    client: Option<Client>,
}

impl Batch {
    pub(in crate::proxy) fn new() -> Self {
        Self {
            bytes: vec![0; BATCH * LARGEST],
            received: Vec::with_capacity(BATCH),
            from_v4: headers_v4(),
            from_v6: headers_v6(),
            connected: MultiHeaders::preallocate(BATCH, None),
            sending: MultiHeaders::preallocate(BATCH, None),
        }
    }

    /// Takes what waits at a listener's socket; returns how many datagrams.
    pub(super) fn receive_from_clients(&mut self, socket: &UdpSocket, is_v6: bool) -> io::Result<usize> {
        let Self { bytes, received, from_v4, from_v6, .. } = self;
        let readable = (socket, Interest::READABLE);
        let count = if is_v6 {
            receive(readable, bytes, received, from_v6, |message| client(message, of_v6))
        } else {
            receive(readable, bytes, received, from_v4, |message| client(message, of_v4))
        }?;
        // A header from which the address was missing once has no room for it any more.
        if received.iter().any(|one| one.client.is_some_and(|client| client.asked.is_none())) {
            (self.from_v4, self.from_v6) = (headers_v4(), headers_v6());
        }
        Ok(count)
    }

    /// Takes what waits at a connected socket, or the error that its endpoint caused; returns how many
    /// datagrams.
    pub(super) fn receive(&mut self, socket: &UdpSocket, ready: Ready) -> io::Result<usize> {
        // The error alone does not make it readable.
        let interest = if ready.is_readable() { Interest::READABLE } else { Interest::ERROR };
        receive((socket, interest), &mut self.bytes, &mut self.received, &mut self.connected, |_| None)
    }

    /// The client of a datagram that was received, and how many from there on are of the same.
    pub(super) fn run(&self, from: usize) -> Option<(Client, usize)> {
        let client = self.received.get(from)?.client?;
        let same = self.received[from..].iter().take_while(|one| one.client == Some(client)).count();
        Some((client, same))
    }

    /// Bytes of these datagrams.
    pub(super) fn bytes(&self, range: Range<usize>) -> u64 {
        self.received[range].iter().map(|one| one.length as u64).sum()
    }

    /// Sends what was received by a connected socket; returns how many of them went before an error.
    /// Only without any it is returned.
    pub(super) fn send(&mut self, socket: &UdpSocket, range: Range<usize>) -> io::Result<usize> {
        let Self { bytes, received, sending, .. } = self;
        let slices: Vec<_> = range.map(|index| [IoSlice::new(datagram(bytes, received, index))]).collect();
        let nobody = [None; BATCH];
        let sent = sendmmsg(
            socket.as_raw_fd(),
            sending,
            slices.iter(),
            &nobody[..slices.len()],
            [],
            MsgFlags::MSG_DONTWAIT,
        )?;
        Ok(sent.count())
    }

    /// Sends one of those that were received to a client, from the address that it asked. Not by the batch:
    /// with addresses to send to, what nix's `sendmmsg` returns reads those that only receiving writes.
    pub(super) fn reply(&self, socket: &UdpSocket, index: usize, client: &Client) -> io::Result<()> {
        let slice = [IoSlice::new(datagram(&self.bytes, &self.received, index))];
        let (fd, flags) = (socket.as_raw_fd(), MsgFlags::MSG_DONTWAIT);
        match (client.address, client.asked) {
            (SocketAddr::V4(to), Some(IpAddr::V4(from))) => {
                let info = info_v4(from);
                let from = [ControlMessage::Ipv4PacketInfo(&info)];
                sendmsg(fd, &slice, &from, flags, Some(&SockaddrIn::from(to)))
            }
            (SocketAddr::V6(to), Some(IpAddr::V6(from))) => {
                let info = info_v6(from);
                let from = [ControlMessage::Ipv6PacketInfo(&info)];
                sendmsg(fd, &slice, &from, flags, Some(&SockaddrIn6::from(to)))
            }
            (SocketAddr::V4(to), _) => sendmsg(fd, &slice, &[], flags, Some(&SockaddrIn::from(to))),
            (SocketAddr::V6(to), _) => sendmsg(fd, &slice, &[], flags, Some(&SockaddrIn6::from(to))),
        }?;
        Ok(())
    }
}

fn headers_v4() -> MultiHeaders<SockaddrIn> {
    MultiHeaders::preallocate(BATCH, Some(nix::cmsg_space!(in_pktinfo)))
}

fn headers_v6() -> MultiHeaders<SockaddrIn6> {
    MultiHeaders::preallocate(BATCH, Some(nix::cmsg_space!(in6_pktinfo)))
}

fn datagram<'a>(bytes: &'a [u8], received: &[Received], index: usize) -> &'a [u8] {
    let start = index * LARGEST;
    &bytes[start..start + received[index].length]
}

fn receive<S: SockaddrLike + Copy>(
    (socket, interest): (&UdpSocket, Interest),
    bytes: &mut [u8],
    received: &mut Vec<Received>,
    headers: &mut MultiHeaders<S>,
    client: impl Fn(&RecvMsg<'_, '_, S>) -> Option<Client>,
) -> io::Result<usize> {
    received.clear();
    let mut slices: Vec<_> = bytes.chunks_mut(LARGEST).map(|room| [IoSliceMut::new(room)]).collect();
    socket.try_io(interest, || {
        let (fd, flags) = (socket.as_raw_fd(), MsgFlags::MSG_DONTWAIT);
        let messages = recvmmsg(fd, headers, slices.iter_mut(), flags, None)?;
        received.extend(messages.map(|message| Received { length: message.bytes, client: client(&message) }));
        Ok(received.len())
    })
}

fn client<S>(
    message: &RecvMsg<'_, '_, S>,
    of: impl Fn(&S, Option<ControlMessageOwned>) -> Client,
) -> Option<Client> {
    let about = message.cmsgs().ok().and_then(|mut about| about.next());
    message.address.as_ref().map(|address| of(address, about))
}

fn of_v4(address: &SockaddrIn, about: Option<ControlMessageOwned>) -> Client {
    let asked = match about {
        Some(ControlMessageOwned::Ipv4PacketInfo(info)) => {
            Some(Ipv4Addr::from(u32::from_be(info.ipi_spec_dst.s_addr)).into())
        }
        _ => None,
    };
    Client { address: SocketAddr::new(address.ip().into(), address.port()), asked }
}

fn of_v6(address: &SockaddrIn6, about: Option<ControlMessageOwned>) -> Client {
    let asked = match about {
        Some(ControlMessageOwned::Ipv6PacketInfo(info)) => {
            Some(Ipv6Addr::from(info.ipi6_addr.s6_addr).into())
        }
        _ => None,
    };
    // With the interface of a link-local address.
    Client { address: SocketAddr::V6((*address).into()), asked }
}

fn info_v4(from: Ipv4Addr) -> in_pktinfo {
    let address = |ip: Ipv4Addr| in_addr { s_addr: u32::from(ip).to_be() };
    in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: address(from), ipi_addr: address(Ipv4Addr::UNSPECIFIED) }
}

fn info_v6(from: Ipv6Addr) -> in6_pktinfo {
    in6_pktinfo { ipi6_addr: in6_addr { s6_addr: from.octets() }, ipi6_ifindex: 0 }
}

#[cfg(test)]
mod tests;
