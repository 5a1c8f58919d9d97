//! XBackendTrafficPolicies.

use super::{InvalidField, InvalidValue, policy, session};
use crate::api::Kind;
use crate::api::gateway::{Duration, XBackendTrafficPolicy};
use crate::model::{RetryConstraint, SessionPersistence};
use std::time;

/// What an XBackendTrafficPolicy asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendTraffic {
    /// When requests to the backend are sent again no more.
    pub retries: Option<RetryConstraint>,
    /// How sessions with the backend are held together.
    pub session: Option<SessionPersistence>,
}

/// The longest time over which requests are counted, as the API has it.
const LONGEST: time::Duration = time::Duration::from_secs(60 * 60);

/// Converts an XBackendTrafficPolicy.
///
/// # Errors
/// Every field that cannot be understood.
pub fn backend_traffic(wire: &XBackendTrafficPolicy) -> Result<BackendTraffic, Vec<InvalidField>> {
    let mut errors = Vec::new();
    let retries = match retries(wire) {
        Ok(retries) => retries,
        Err(error) => {
            errors.push(error);
            None
        }
    };
    let persistence = wire.spec.session_persistence.as_ref();
    let session =
        session::session(persistence, Kind::XBackendTrafficPolicy, &wire.metadata, "spec").map_err(|error| {
            errors.push(error);
        });
    match session {
        Ok(session) if errors.is_empty() => Ok(BackendTraffic { retries, session }),
        _ => Err(errors),
    }
}

fn retries(wire: &XBackendTrafficPolicy) -> Result<Option<RetryConstraint>, InvalidField> {
    const FIELD: &str = "spec.retryConstraint";
    let Some(wire) = &wire.spec.retry_constraint else { return Ok(None) };
    let rate = &wire.min_retry_rate;
    Ok(Some(RetryConstraint {
        percent: wire.budget.percent.min(100),
        interval: interval(&wire.budget.interval, time::Duration::from_secs(1), || {
            format!("{FIELD}.budget.interval")
        })?,
        min_retries: rate.count.unwrap_or(10),
        min_interval: match &rate.interval {
            Some(wire) => {
                interval(wire, time::Duration::from_millis(1), || format!("{FIELD}.minRetryRate.interval"))?
            }
            None => time::Duration::from_secs(1),
        },
    }))
}

fn interval(
    wire: &Duration,
    least: time::Duration,
    field: impl Fn() -> String,
) -> Result<time::Duration, InvalidField> {
    let found = policy::duration(Some(wire), &field)?.filter(|found| (least..=LONGEST).contains(found));
    found.ok_or_else(|| {
        let value =
            InvalidValue::Range { value: wire.0.clone(), least: format!("{least:?}"), most: "1h".to_owned() };
        InvalidField::new(field(), value)
    })
}

#[cfg(test)]
mod tests;
