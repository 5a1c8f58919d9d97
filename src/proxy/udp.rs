//! UDP: sessions between the clients of a listener and endpoints.
//!
//! Each worker has a socket of its own on each address, and the kernel keeps a client (by its address
//! and port) at one of them. There the client's first datagram makes a session: a socket that is
//! connected to one endpoint, by which the datagrams of that client go and the replies come back.

mod batch;
mod flow;
mod listener;
mod session;
mod socket;

pub(super) use batch::Batch;
pub(super) use listener::serve;
pub(super) use socket::{open, probe};
