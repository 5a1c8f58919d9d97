//! W3C Trace Context: who a request's trace is, as far as those before tell it.
//!
//! <https://www.w3.org/TR/trace-context/>, the Recommendation of 2021, by its section numbers.

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};

/// The field that names the trace and the span before.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// What vendors say of the trace; without a good `traceparent` it means nothing (§3.3).
pub const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Bytes of a `traceparent` of version 00: two digits, 32, 16 and 2, with dashes between them.
const LENGTH: usize = 55;

/// The place of a request in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// The same for all spans of the trace; never 0.
    pub trace_id: u128,
    /// The span that sends the request; never 0.
    pub span_id: u64,
    /// Whether that span may be recorded.
    pub sampled: bool,
}

impl TraceContext {
    /// What the fields of a request say. Nothing if there is none or are several (§3.2), or if one is
    /// not just as it has to be (§3.2.2): the trace begins anew then.
    pub fn read(headers: &HeaderMap) -> Option<Self> {
        let mut all = headers.get_all(TRACEPARENT).iter();
        match (all.next(), all.next()) {
            (Some(one), None) => Self::parse(one.as_bytes()),
            _ => None,
        }
    }

    /// Reads a `traceparent`. Of a version that is not known yet what begins like version 00 counts
    /// (§4.3); the version `ff` is none (§3.2.2.1).
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (known, rest) = text.split_at_checked(LENGTH)?;
        let [version, trace_id, span_id, flags] = parts(known)?;
        let version = hex(version)?;
        let ends = match (version, rest.first()) {
            (0xff, _) => false,
            (_, None) => true,
            (0, Some(_)) => false,
            (_, Some(next)) => *next == b'-',
        };
        let trace_id = hex(trace_id)?;
        let span_id = u64::try_from(hex(span_id)?).ok()?;
        let sampled = hex(flags)? & 1 == 1;
        (ends && trace_id != 0 && span_id != 0).then_some(Self { trace_id, span_id, sampled })
    }

    /// As a `traceparent` of version 00. Of the flags only the one is known that it knows, so that all
    /// others are 0 (§3.2.2.5).
    pub fn header(&self) -> HeaderValue {
        let text = format!("00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, u8::from(self.sampled));
        // Digits and dashes can always stand in a field.
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
    }
}

fn parts(text: &[u8]) -> Option<[&[u8]; 4]> {
    let mut parts = text.split(|byte| *byte == b'-');
    let mut next = |length: usize| parts.next().filter(|part| part.len() == length);
    let all = [next(2)?, next(32)?, next(16)?, next(2)?];
    parts.next().is_none().then_some(all)
}

/// A number in lower case digits; others are not allowed (§3.2.2).
fn hex(text: &[u8]) -> Option<u128> {
    text.iter().try_fold(0, |number: u128, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(value))
    })
}

#[cfg(test)]
mod tests;
