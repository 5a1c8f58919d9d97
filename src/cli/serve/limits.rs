//! Limits and timeouts as flags.

use crate::cli::units::{Size, Time};
use crate::proxy::Limits;
use clap::builder::{RangedU64ValueParser, TypedValueParser};
use std::time::Duration;

/// Each default is that of [`Limits`], which gives its reason.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Limits")]
pub(super) struct LimitArgs {
    /// Bytes of a request's head; more is answered with 431
    #[arg(long, value_name = "SIZE", default_value_t = Size(Limits::default().head_bytes), value_parser = head())]
    max_head: Size,
    /// Fields of a request's head; more is answered with 431
    #[arg(long, value_name = "N", default_value_t = Limits::default().head_fields, value_parser = count(1..=1000))]
    max_head_fields: usize,
    /// Bytes of a request's target; more is answered with 414
    #[arg(long, value_name = "SIZE", default_value_t = Size(Limits::default().uri_bytes), value_parser = uri())]
    max_uri: Size,
    /// For a request's whole head to arrive
    #[arg(long, value_name = "TIME", default_value_t = Time(Limits::default().head_time), value_parser = time())]
    head_timeout: Time,
    /// Between two requests of one connection
    #[arg(long, value_name = "TIME", default_value_t = Time(Limits::default().idle), value_parser = time())]
    idle_timeout: Time,
    /// Without a byte either way on a connection that is no HTTP
    #[arg(long, value_name = "TIME", default_value_t = Time(Limits::default().stream_idle), value_parser = time())]
    stream_idle_timeout: Time,
    /// Without a datagram either way of a UDP session
    #[arg(long, value_name = "TIME", default_value_t = Time(Limits::default().udp_idle), value_parser = time())]
    udp_session_timeout: Time,
    /// Sessions of one UDP listener on one worker; datagrams of more clients are dropped
    #[arg(long, value_name = "N", default_value_t = Limits::default().udp_sessions, value_parser = count(1..=1_000_000))]
    max_udp_sessions: usize,
    /// For a client's TLS handshake
    #[arg(long, value_name = "TIME", default_value_t = Time(Limits::default().tls_handshake), value_parser = time())]
    tls_handshake_timeout: Time,
    /// Streams at once on one HTTP/2 connection of a client
    #[arg(long, value_name = "N", default_value_t = Limits::default().http2_streams, value_parser = streams())]
    max_http2_streams: u32,
    /// For TCP and TLS towards a backend
    #[arg(long, value_name = "TIME", default_value_t = Time(Limits::default().backend_connect), value_parser = time())]
    backend_connect_timeout: Time,
    /// For which an idle connection to a backend is kept
    #[arg(long, value_name = "TIME", default_value_t = Time(Limits::default().backend_idle), value_parser = time())]
    backend_idle_timeout: Time,
}

impl LimitArgs {
    pub(super) fn limits(&self) -> Limits {
        Limits {
            head_bytes: self.max_head.0,
            head_fields: self.max_head_fields,
            uri_bytes: self.max_uri.0,
            head_time: self.head_timeout.0,
            idle: self.idle_timeout.0,
            stream_idle: self.stream_idle_timeout.0,
            udp_idle: self.udp_session_timeout.0,
            udp_sessions: self.max_udp_sessions,
            tls_handshake: self.tls_handshake_timeout.0,
            http2_streams: self.max_http2_streams,
            backend_connect: self.backend_connect_timeout.0,
            backend_idle: self.backend_idle_timeout.0,
            ..Limits::default()
        }
    }
}

/// A head is read into one buffer: below 8 KiB the HTTP library does not go.
fn head() -> impl TypedValueParser<Value = Size> {
    size(8 << 10, 1 << 20)
}

fn uri() -> impl TypedValueParser<Value = Size> {
    size(256, 1 << 20)
}

fn size(least: usize, most: usize) -> impl TypedValueParser<Value = Size> {
    clap::builder::StringValueParser::new().try_map(move |text| {
        let size: Size = text.parse()?;
        let fits = (Size(least)..=Size(most)).contains(&size);
        fits.then_some(size).ok_or_else(|| format!("must be from {} to {}", Size(least), Size(most)))
    })
}

fn time() -> impl TypedValueParser<Value = Time> {
    clap::builder::StringValueParser::new().try_map(|text| {
        let time: Time = text.parse()?;
        let (least, most) = (Time(Duration::from_millis(1)), Time(Duration::from_secs(24 * 3600)));
        (least..=most)
            .contains(&time)
            .then_some(time)
            .ok_or_else(|| format!("must be from {least} to {most}"))
    })
}

fn count(range: std::ops::RangeInclusive<u64>) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(range)
}

fn streams() -> RangedU64ValueParser<u32> {
    RangedU64ValueParser::new().range(1..=100_000)
}

#[cfg(test)]
mod tests;
