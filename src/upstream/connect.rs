//! From an endpoint to a connection: TCP, TLS, HTTP.

use super::pool::{Http2, Line};
use super::{Endpoint, Http1, Pick, Speaks, Stream};
use crate::model::Reason;
use crate::support::local_executor::LocalExecutor;
use crate::tls::{ClientTls, Identity, Offer};
use bytes::Bytes;
use http_body::Body;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// Of a stream, what one slow reader can make this process hold.
const STREAM_WINDOW: u32 = 256 * 1024;
/// As many streams as share a connection by default. What is not read yet counts for the connection,
/// too: with less, a few clients that stopped reading would stop all others.
const CONNECTION_WINDOW: u32 = 100 * STREAM_WINDOW;

/// Makes connections, with one limit of time for all of it.
#[derive(Clone, Copy, Debug)]
pub struct Connector {
    limit: Duration,
}

/// A connection on which nothing was sent yet.
pub enum Connected<B> {
    /// For this request, then for the pool.
    Http1(Box<Http1<B>>),
    /// For the pool, to be shared.
    Http2(Http2<B>),
}

/// Why there is no connection. Nothing of the request was sent.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// TCP failed.
    #[error("cannot connect to {address}: {source}")]
    Tcp {
        /// The endpoint.
        address: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
    /// TLS failed: also a certificate that does not fit.
    #[error("TLS with {address} as {server_name:?} failed: {source}")]
    Tls {
        /// The endpoint.
        address: SocketAddr,
        /// The name that was asked for.
        server_name: Arc<str>,
        /// rustls' error.
        source: Box<dyn Error + Send + Sync>,
    },
    /// HTTP's first exchange failed.
    #[error("no HTTP connection to {address}: {source}")]
    Http {
        /// The endpoint.
        address: SocketAddr,
        /// hyper's error.
        source: hyper::Error,
    },
    /// The gateway has to show a certificate and has none.
    #[error("not connected to {address}: the certificate that is to be shown cannot be had")]
    NoIdentity {
        /// The endpoint.
        address: SocketAddr,
    },
    /// Not within the limit.
    #[error("no connection to {address} within {limit:?}")]
    Timeout {
        /// The endpoint.
        address: SocketAddr,
        /// The limit.
        limit: Duration,
    },
}

impl ConnectError {
    /// The reason of the answer, if no other endpoint helps.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Tcp { .. } | Self::Tls { .. } | Self::Http { .. } => Reason::ConnectFailed,
            Self::NoIdentity { .. } => Reason::InvalidBackendTls,
            Self::Timeout { .. } => Reason::ConnectTimeout,
        }
    }

    /// Whether another attempt can only fail like this one.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::NoIdentity { .. })
    }
}

impl Connector {
    /// A connector; `limit` is for TCP and TLS together.
    pub fn new(limit: Duration) -> Self {
        Self { limit }
    }

    /// Connects to an endpoint as its entry says; `speaks` is what that says for the request.
    pub async fn connect<B>(
        &self,
        pick: &Pick<'_>,
        speaks: Speaks,
        identity: &Identity,
    ) -> Result<Connected<B>, ConnectError>
    where
        B: Body<Data = Bytes> + Unpin + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let connecting = connect_unlimited(pick, speaks, identity);
        timeout(self.limit, connecting)
            .await
            .unwrap_or(Err(ConnectError::Timeout { address: pick.endpoint.address, limit: self.limit }))
    }

    /// Connects to an endpoint for bytes of any protocol, within the same limit; over TLS if its entry
    /// says so, unless they are TLS already.
    pub async fn connect_stream(
        &self,
        pick: &Pick<'_>,
        encrypts: bool,
        identity: &Identity,
    ) -> Result<Stream, ConnectError> {
        let address = pick.endpoint.address;
        let connecting = async {
            match pick.entry.tls.as_ref().filter(|_| encrypts) {
                Some(tls) => {
                    let identity = pick.identity(identity);
                    Ok(connect_tls(pick.endpoint, tls, Offer::Nothing, identity).await?.0)
                }
                None => Ok(Stream::Tcp(connect_tcp(address).await?)),
            }
        };
        timeout(self.limit, connecting)
            .await
            .unwrap_or(Err(ConnectError::Timeout { address, limit: self.limit }))
    }
}

async fn connect_unlimited<B>(
    pick: &Pick<'_>,
    speaks: Speaks,
    identity: &Identity,
) -> Result<Connected<B>, ConnectError>
where
    B: Body<Data = Bytes> + Unpin + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let (endpoint, number) = (pick.endpoint, Line::new(pick, identity).identity());
    let address = endpoint.address;
    let (stream, is_h2) = match &pick.entry.tls {
        Some(tls) => connect_tls(endpoint, tls, offer(speaks), pick.identity(identity)).await?,
        None => (Stream::Tcp(connect_tcp(address).await?), speaks == Speaks::Http2),
    };
    if !is_h2 {
        let mut http1 = Http1::new(stream, endpoint.clone());
        http1.identity = number;
        return Ok(Connected::Http1(Box::new(http1)));
    }
    let shared = share(stream, endpoint, number).await;
    shared.map(Connected::Http2).map_err(|source| ConnectError::Http { address, source })
}

/// What is known to be spoken is not asked for by TLS either.
fn offer(speaks: Speaks) -> Offer {
    match speaks {
        Speaks::Http1 => Offer::Http1,
        Speaks::Http2 => Offer::Http2,
        Speaks::Agreed => Offer::Both,
    }
}

/// A TLS stream, and whether HTTP/2 is spoken on it.
async fn connect_tls(
    endpoint: &Arc<Endpoint>,
    tls: &ClientTls,
    offer: Offer,
    identity: &Identity,
) -> Result<(Stream, bool), ConnectError> {
    if let Identity::Missing = identity {
        return Err(ConnectError::NoIdentity { address: endpoint.address });
    }
    let tcp = connect_tcp(endpoint.address).await?;
    let failed = |source: Box<dyn Error + Send + Sync>| ConnectError::Tls {
        address: endpoint.address,
        server_name: tls.server_name.clone(),
        source,
    };
    let (config, name) = tls.connect(offer, identity).map_err(|error| failed(error.into()))?;
    let stream = TlsConnector::from(config).connect(name, tcp).await.map_err(|error| failed(error.into()))?;
    // A target that does not negotiate speaks what it is known to speak.
    let is_h2 = match stream.get_ref().1.alpn_protocol() {
        Some(chosen) => chosen == b"h2",
        None => offer == Offer::Http2,
    };
    Ok((Stream::Tls(Box::new(stream)), is_h2))
}

async fn connect_tcp(address: SocketAddr) -> Result<TcpStream, ConnectError> {
    let connected = async {
        let tcp = TcpStream::connect(address).await?;
        // A head and its body are often two writes: Nagle would hold the second back.
        tcp.set_nodelay(true)?;
        Ok(tcp)
    };
    connected.await.map_err(|source| ConnectError::Tcp { address, source })
}

async fn share<B>(stream: Stream, endpoint: &Arc<Endpoint>, identity: u64) -> hyper::Result<Http2<B>>
where
    B: Body<Data = Bytes> + Unpin + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let mut builder = http2::Builder::new(LocalExecutor);
    builder
        .timer(TokioTimer::new())
        // A connection whose other side vanished would swallow requests until TCP gives up.
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(10))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW);
    let (sender, connection) = builder.handshake(TokioIo::new(stream)).await?;
    tokio::task::spawn_local(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "HTTP/2 connection to a target ended");
        }
    });
    Ok(Http2::new(sender, endpoint.clone(), identity))
}
