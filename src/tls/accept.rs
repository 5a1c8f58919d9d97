//! From a client's TCP connection to a TLS stream of the listener that its SNI chose.

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

/// Reads the ClientHello, has `choose` take a listener by its SNI (lower case, without trailing
/// dot), and finishes the handshake with that listener's settings, all within `limit`. When
/// `choose` takes none, the client gets an `unrecognized_name` alert.
///
/// # Errors
/// Any of [`AcceptError`]; the connection is closed then.
pub async fn accept<IO, T>(
    io: IO,
    limit: Duration,
    choose: impl FnOnce(Option<&str>) -> Option<(Arc<ServerConfig>, T)>,
) -> Result<(TlsStream<IO>, T), AcceptError<T>>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let deadline = Instant::now() + limit;
    let mut start = match timeout_at(deadline, LazyConfigAcceptor::new(Acceptor::default(), io)).await {
        Err(_) => return Err(AcceptError::Timeout { chosen: None, limit }),
        Ok(Err(error)) => return Err(AcceptError::ClientHello(error)),
        Ok(Ok(start)) => start,
    };
    let name = start.client_hello().server_name().map(normalise);
    let Some((config, chosen)) = choose(name.as_deref()) else {
        // The client is refused either way; that it reads why is a courtesy.
        let _ = timeout_at(deadline, async {
            start.io.write_all(&UNRECOGNIZED_NAME).await?;
            start.io.shutdown().await
        })
        .await;
        return Err(AcceptError::UnrecognizedName(name));
    };
    match timeout_at(deadline, start.into_stream(config)).await {
        Err(_) => Err(AcceptError::Timeout { chosen: Some(chosen), limit }),
        Ok(Err(error)) => Err(AcceptError::Handshake { chosen, error }),
        Ok(Ok(stream)) => Ok((stream, chosen)),
    }
}

fn normalise(name: &str) -> Box<str> {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase().into()
}

#[cfg(test)]
mod tests;
