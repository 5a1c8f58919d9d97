//! How long the caller of a gRPC method waits: `grpc-timeout`, as gRPC's `PROTOCOL-HTTP2.md` has it.

use http::header::{HeaderMap, HeaderName, HeaderValue};
use std::time::Duration;
use tokio::time::Instant;

const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// "TimeoutValue → {positive integer as ASCII string of at most 8 digits}".
const DIGITS: usize = 8;
const LARGEST: u128 = 99_999_999;

/// When the caller stops waiting for a call that began then; none if it does not say, or not in a
/// way that is allowed.
pub(super) fn of(headers: &HeaderMap, began: Instant) -> Option<Instant> {
    began.checked_add(read(headers.get(GRPC_TIMEOUT)?)?)
}

/// Says how long the caller still waits. The value that came is kept until some of it is used up by
/// another attempt, as a server takes it to begin anew.
pub(super) fn tell(headers: &mut HeaderMap, left: Duration) {
    headers.insert(GRPC_TIMEOUT, write(left));
}

fn read(value: &HeaderValue) -> Option<Duration> {
    let (unit, digits) = value.as_bytes().split_last()?;
    if digits.is_empty() || digits.len() > DIGITS || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = std::str::from_utf8(digits).ok()?.parse().ok().filter(|number| *number > 0)?;
    Some(match unit {
        b'H' => Duration::from_secs(number * 3600),
        b'M' => Duration::from_secs(number * 60),
        b'S' => Duration::from_secs(number),
        b'm' => Duration::from_millis(number),
        b'u' => Duration::from_micros(number),
        b'n' => Duration::from_nanos(number),
        _ => return None,
    })
}

/// As exactly as the digits allow, and never more than there is.
fn write(left: Duration) -> HeaderValue {
    let numbers = [(left.as_nanos(), 'n'), (left.as_micros(), 'u'), (left.as_millis(), 'm')];
    let (number, unit) = numbers
        .into_iter()
        .find(|(number, _)| *number <= LARGEST)
        .unwrap_or((u128::from(left.as_secs()).min(LARGEST), 'S'));
    // Zero is no value, and there is no time below it.
    HeaderValue::try_from(format!("{}{unit}", number.max(1)))
        .unwrap_or_else(|_| HeaderValue::from_static("1n"))
}

#[cfg(test)]
mod tests;
