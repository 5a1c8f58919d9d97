//! Listening sockets: each worker has its own on each address, and the kernel spreads connections
//! and clients of UDP over them.

use super::connection;
use super::publish::Published;
use super::udp;
use super::worker::Worker;
use crate::model::{BindAddress, IpProtocol};
use socket2::{Domain, Protocol, Socket, Type};
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// Connections that wait to be accepted; the kernel cuts it to net.core.somaxconn.
const BACKLOG: i32 = 4096;
/// Long enough not to spin, short enough not to be noticed, when there are no descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// A socket that is listened on; dropping it ends that.
pub(super) struct Listening {
    _stop: oneshot::Sender<()>,
}

/// Applies a new version as a whole: sockets are opened first, then the table is served, then
/// sockets that are in it no more are closed.
pub(super) fn apply(worker: &Rc<Worker>, new: &Published, listening: &mut HashMap<BindAddress, Listening>) {
    for bind in new.open.iter() {
        if listening.contains_key(bind) {
            continue;
        }
        match listen(worker, *bind) {
            Ok(socket) => drop(listening.insert(*bind, socket)),
            // The publisher has tried before: only a race or the end of descriptors leads here.
            Err(error) => tracing::error!(%bind, %error, "cannot listen"),
        }
    }
    let old = worker.table();
    worker.set_table(&new.table);
    for bind in new.table.binds() {
        let other = old.bind(bind.address).is_some_and(|old| old.transport != bind.transport);
        if other {
            worker.finish_connections_of(bind.address);
        }
    }
    listening.retain(|bind, _| {
        let stays = new.open.contains(bind);
        if !stays {
            worker.finish_connections_of(*bind);
        }
        stays
    });
}

/// Whether an address can be listened on: nobody else may listen there, which SO_REUSEPORT would
/// hide. The socket is closed again.
pub(super) fn probe(bind: BindAddress) -> io::Result<()> {
    if bind.protocol == IpProtocol::Udp {
        return udp::probe(bind.address);
    }
    let socket = socket(bind.address)?;
    socket.bind(&bind.address.into())?;
    socket.listen(1)
}

/// Listens in a task of its own.
fn listen(worker: &Rc<Worker>, bind: BindAddress) -> io::Result<Listening> {
    let (stop, stopped) = oneshot::channel();
    let worker = worker.clone();
    let sockets = &worker.metrics.clone();
    match bind.protocol {
        IpProtocol::Tcp => {
            let socket = open(bind.address)?;
            tokio::task::spawn_local(accept_loop(worker, bind, socket, stopped));
        }
        IpProtocol::Udp => {
            let socket = udp::open(bind.address)?;
            tokio::task::spawn_local(udp::serve(worker, bind, socket, stopped));
        }
    }
    sockets.process().listening_sockets.increment();
    Ok(Listening { _stop: stop })
}

fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket(address)?;
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

fn socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Connections of an earlier process that linger in TIME_WAIT are no obstacle.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        // "::" and "0.0.0.0" are two listeners, wherever the system's default stands.
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}

async fn accept_loop(
    worker: Rc<Worker>,
    bind: BindAddress,
    socket: TcpListener,
    mut stopped: oneshot::Receiver<()>,
) {
    loop {
        let accepting = async {
            worker.room().await;
            socket.accept().await
        };
        tokio::select! {
            biased;
            accepted = accepting => match accepted {
                Ok((stream, peer)) => spawn(&worker, stream, peer, bind),
                Err(error) => pause(&error, bind).await,
            },
            _ = &mut stopped => break,
        }
    }
    // Clients whose connection the kernel has already taken would be reset.
    while let Some(Ok((stream, peer))) = futures::FutureExt::now_or_never(socket.accept()) {
        spawn(&worker, stream, peer, bind);
    }
    worker.metrics.process().listening_sockets.decrement();
}

fn spawn(worker: &Rc<Worker>, stream: TcpStream, peer: SocketAddr, bind: BindAddress) {
    tokio::task::spawn_local(connection::serve(worker.clone(), stream, peer, bind));
}

/// An error of one connection is none of the socket's. Without descriptors or memory a loop
/// would spin: the connection stays in the kernel's queue until there is room.
async fn pause(error: &io::Error, bind: BindAddress) {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, WouldBlock};
    if matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted | WouldBlock) {
        return;
    }
    tracing::warn!(%bind, %error, "cannot accept; will try again");
    tokio::time::sleep(PAUSE).await;
}
