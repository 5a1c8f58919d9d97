//! After a 101: bytes both ways, of whatever protocol the two sides agreed on.

use super::activity::{Activity, Command, Handle};
use super::connection::Client;
use super::forward::Outgoing;
use super::headers;
use super::record::Record;
use super::request_body::RequestBody;
use super::response_body::ResponseBody;
use crate::model::Reason;
use crate::upstream::{Http1, Stream};
use bytes::Bytes;
use http::header::{CONNECTION, HeaderValue, UPGRADE};
use http::{Response, StatusCode};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use tokio::io::{AsyncWriteExt, copy_bidirectional};

/// Passes the 101 on and joins the two streams. The record ends with the tunnel.
pub(super) fn switch(
    client: &Rc<Client>,
    connection: Box<Http1<RequestBody>>,
    response: Response<()>,
    outgoing: &mut Outgoing,
    record: &mut Record,
) -> Response<ResponseBody> {
    let protocol = response.headers().get(UPGRADE).cloned();
    let (Some((asked, on_upgrade)), Some(protocol)) = (outgoing.upgrade.take(), protocol) else {
        // Nobody asked, or the answer does not say for what.
        record.answered(
            super::answer::status(Reason::UpstreamProtocolError),
            Some(Reason::UpstreamProtocolError),
        );
        return super::answer::answer(Reason::UpstreamProtocolError);
    };
    tracing::trace!(?asked, ?protocol, "switching protocols");
    let (mut head, ()) = response.into_parts();
    headers::prepare_response(&mut head.headers);
    head.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    head.headers.insert(UPGRADE, protocol);
    record.answered(StatusCode::SWITCHING_PROTOCOLS, None);
    let (target, ahead) = connection.into_tunnel();
    let tunnel = Tunnel { client: client.clone(), on_upgrade, target, ahead };
    Response::from_parts(head, ResponseBody::tunnel(tunnel))
}

/// Two streams that are joined as soon as the client has its answer.
pub(super) struct Tunnel {
    client: Rc<Client>,
    on_upgrade: OnUpgrade,
    target: Stream,
    /// What of the new protocol came right behind the answer.
    ahead: Bytes,
}

impl Tunnel {
    /// Runs until both sides are done; the record ends with it.
    pub(super) fn start(self, record: Record) {
        tokio::task::spawn_local(self.run(record));
    }

    async fn run(mut self, mut record: Record) {
        // A tunnel is on the worker's list like a connection: it counts, and the end of a drain
        // cuts it.
        self.client.handle.activity.set_tunnel();
        let worker = &self.client.worker;
        let handle = Rc::new(Handle::new(Arc::new(Activity::new(worker.clock.clone()))));
        handle.activity.begin();
        let _registered = worker.register(&self.client.socket, &handle);
        let joined = async {
            let mut downstream = TokioIo::new(self.on_upgrade.await.map_err(io::Error::other)?);
            downstream.write_all(&self.ahead).await?;
            copy_bidirectional(&mut downstream, &mut self.target).await
        };
        let mut joined = pin!(joined);
        let result = poll_fn(|cx| match handle.command(cx.waker()) {
            Command::Close => Poll::Ready(Ok((0, 0))),
            Command::Serve | Command::Finish | Command::Settle => joined.as_mut().poll(cx),
        })
        .await;
        match result {
            Ok((_, sent)) => record.tunnelled(sent + self.ahead.len() as u64),
            Err(error) => tracing::debug!(peer = %self.client.address, %error, "tunnel ended"),
        }
    }
}
