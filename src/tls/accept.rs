//! From a client's TCP connection to a TLS stream of the listener that its SNI chose.

use super::recorded::Recorded;
use bytes::Bytes;
use rustls::ServerConfig;
use rustls::server::Acceptor;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

/// A fatal `unrecognized_name` alert in a record of its own. rustls has no call for it, and
/// before the ServerHello alerts are not encrypted (RFC 8446 §6, RFC 6066 §3).
const UNRECOGNIZED_NAME: [u8; 7] = [21, 3, 3, 0, 2, 2, 112];

/// Why no TLS stream came of a connection. `T` is what the listener was chosen with.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError<T> {
    /// What came is no ClientHello.
    #[error("no TLS ClientHello: {0}")]
    ClientHello(#[source] io::Error),
    /// No listener serves the name, or none serves clients that send no name.
    #[error("no listener for the server name {0:?}")]
    UnrecognizedName(Option<Box<str>>),
    /// The listener was chosen, and then the handshake failed.
    #[error("TLS handshake failed: {error}")]
    Handshake {
        /// What the listener was chosen with.
        chosen: T,
        /// The error; the client was sent the alert that stands for it.
        error: io::Error,
    },
    /// The handshake was not done within the limit.
    #[error("TLS handshake took longer than {limit:?}")]
    Timeout {
        /// What the listener was chosen with, if the ClientHello came in time.
        chosen: Option<T>,
        /// The limit.
        limit: Duration,
    },
}

/// What is to be done with a client, by the listener that serves its server name.
#[derive(Debug)]
pub enum Choice<T> {
    /// TLS ends here, with these settings.
    Terminate(Arc<ServerConfig>, T),
    /// It ends at the target.
    PassThrough(T),
    /// Nobody serves the name, and the client is not told: its connection ends.
    Close,
}

/// A client whose ClientHello was understood.
#[derive(Debug)]
pub enum Accepted<IO, T> {
    /// The handshake is done.
    Terminated(Box<TlsStream<Recorded<IO>>>, T),
    /// Nothing was sent to the client; `hello` is all that came of it.
    PassedThrough {
        /// The client's stream.
        io: IO,
        /// What was read: at least the ClientHello.
        hello: Bytes,
        /// The server name, in lower case and without trailing dot.
        name: Option<Box<str>>,
        /// What the listener was chosen with.
        chosen: T,
    },
}

/// Reads the ClientHello, has `choose` take a listener by its SNI (lower case, without trailing
/// dot), and finishes the handshake with that listener's settings unless TLS is to pass through, all
/// within `limit`. When `choose` takes none, the client gets an `unrecognized_name` alert.
///
/// # Errors
/// Any of [`AcceptError`]; the connection is closed then.
pub async fn accept<IO, T>(
    io: IO,
    limit: Duration,
    choose: impl FnOnce(Option<&str>) -> Option<Choice<T>>,
) -> Result<Accepted<IO, T>, AcceptError<T>>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let deadline = Instant::now() + limit;
    let io = Recorded::new(io);
    let mut start = match timeout_at(deadline, LazyConfigAcceptor::new(Acceptor::default(), io)).await {
        Err(_) => return Err(AcceptError::Timeout { chosen: None, limit }),
        Ok(Err(error)) => return Err(AcceptError::ClientHello(error)),
        Ok(Ok(start)) => start,
    };
    let name = start.client_hello().server_name().map(normalise);
    let (config, chosen) = match choose(name.as_deref()) {
        Some(Choice::Terminate(config, chosen)) => (config, chosen),
        Some(Choice::PassThrough(chosen)) => {
            let (io, hello) = start.io.into_parts();
            return Ok(Accepted::PassedThrough { io, hello, name, chosen });
        }
        Some(Choice::Close) => return Err(AcceptError::UnrecognizedName(name)),
        None => {
            // The client is refused either way; that it reads why is a courtesy.
            let _ = timeout_at(deadline, async {
                start.io.write_all(&UNRECOGNIZED_NAME).await?;
                start.io.shutdown().await
            })
            .await;
            return Err(AcceptError::UnrecognizedName(name));
        }
    };
    start.io.stop();
    match timeout_at(deadline, start.into_stream(config)).await {
        Err(_) => Err(AcceptError::Timeout { chosen: Some(chosen), limit }),
        Ok(Err(error)) => Err(AcceptError::Handshake { chosen, error }),
        Ok(Ok(stream)) => Ok(Accepted::Terminated(Box::new(stream), chosen)),
    }
}

fn normalise(name: &str) -> Box<str> {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase().into()
}

#[cfg(test)]
mod tests;
