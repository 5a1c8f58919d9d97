//! Opening connections.

use super::Target;
use rustls::pki_types::ServerName;
use std::io;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A connection, plain or encrypted.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Connects, and offers that one protocol where there is TLS.
pub(super) async fn connect(target: &Target, protocol: &str) -> io::Result<Box<dyn Stream>> {
    let stream = TcpStream::connect(target.address).await?;
    stream.set_nodelay(true)?;
    let Some(tls) = &target.tls else { return Ok(Box::new(stream)) };
    let mut tls = (**tls).clone();
    tls.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    let name = ServerName::try_from(target.host.clone()).map_err(io::Error::other)?;
    let stream = TlsConnector::from(std::sync::Arc::new(tls)).connect(name, stream).await?;
    let chosen = stream.get_ref().1.alpn_protocol();
    if chosen != Some(protocol.as_bytes()) {
        return Err(io::Error::other(format!("ALPN chose {chosen:?} and not {protocol}")));
    }
    Ok(Box::new(stream))
}
