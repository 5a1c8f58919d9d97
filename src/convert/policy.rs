//! Timeouts and retries of a rule.

use super::{InvalidField, InvalidValue};
use crate::api::gateway::{self, HttpRouteRetry, HttpRouteTimeouts};
use crate::model::{Retry, Timeouts};
use std::time::Duration;

/// Converts the timeouts of the rule that is at `field`.
pub(super) fn timeouts(wire: Option<&HttpRouteTimeouts>, field: &str) -> Result<Timeouts, InvalidField> {
    let Some(wire) = wire else { return Ok(Timeouts::default()) };
    Ok(Timeouts {
        request: duration(wire.request.as_ref(), || format!("{field}.timeouts.request"))?,
        backend_request: duration(wire.backend_request.as_ref(), || {
            format!("{field}.timeouts.backendRequest")
        })?,
    })
}

/// Converts the retries of the rule that is at `field`.
pub(super) fn retry(wire: Option<&HttpRouteRetry>, field: &str) -> Result<Option<Retry>, InvalidField> {
    let Some(wire) = wire else { return Ok(None) };
    Ok(Some(Retry {
        codes: wire.codes.clone(),
        attempts: wire.attempts.min(Retry::MAX_ATTEMPTS),
        backoff: duration(wire.backoff.as_ref(), || format!("{field}.retry.backoff"))?,
    }))
}

/// Zero is as if the field were not there.
pub(super) fn duration(
    wire: Option<&gateway::Duration>,
    field: impl Fn() -> String,
) -> Result<Option<Duration>, InvalidField> {
    let Some(wire) = wire else { return Ok(None) };
    let invalid = || InvalidField::new(field(), InvalidValue::Duration(wire.0.clone()));
    let duration = wire.parse().ok_or_else(invalid)?;
    Ok((!duration.is_zero()).then_some(duration))
}

#[cfg(test)]
mod tests;
