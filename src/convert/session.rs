//! Session persistence (GEP-1619).

use super::filters::CONNECTION_HEADERS;
use super::{InvalidField, InvalidValue, policy};
use crate::api::Kind;
use crate::api::gateway::{self, CookieConfig, CookieLifetimeType, SessionPersistenceType};
use crate::model::{SessionCarrier, SessionPersistence};
use crate::support::stable_hash::stable_hash;
use http::HeaderName;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use std::sync::Arc;

/// Converts what an object says at `field`: a route in a rule, or a policy in its spec.
pub(super) fn session(
    wire: Option<&gateway::SessionPersistence>,
    kind: Kind,
    object: &ObjectMeta,
    field: &str,
) -> Result<Option<SessionPersistence>, InvalidField> {
    let Some(wire) = wire else { return Ok(None) };
    let field = format!("{field}.sessionPersistence");
    let timeout = format!("{field}.absoluteTimeout");
    let absolute_timeout = policy::duration(wire.absolute_timeout.as_ref(), || timeout.clone())?;
    let carrier = match wire.type_ {
        SessionPersistenceType::Cookie => {
            let carrier = cookie(wire.cookie.as_ref(), kind, object, &field)?;
            if matches!(carrier, SessionCarrier::Cookie { permanent: true, .. }) && absolute_timeout.is_none()
            {
                return Err(InvalidField::new(timeout, InvalidValue::PermanentCookie));
            }
            carrier
        }
        SessionPersistenceType::Header => {
            let wire = wire.header.as_ref();
            let wire =
                wire.ok_or_else(|| InvalidField::new(field.as_str(), InvalidValue::NoSessionHeader))?;
            SessionCarrier::Header { name: header(&wire.name, &field)? }
        }
    };
    Ok(Some(SessionPersistence { carrier, absolute_timeout }))
}

fn cookie(
    wire: Option<&CookieConfig>,
    kind: Kind,
    object: &ObjectMeta,
    field: &str,
) -> Result<SessionCarrier, InvalidField> {
    let path = wire.map_or("/", |wire| &wire.path);
    let is_path =
        path.starts_with('/') && path.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b';');
    if !is_path {
        let value = InvalidValue::CookiePath(path.to_owned());
        return Err(InvalidField::new(format!("{field}.cookie.path"), value));
    }
    let lifetime = wire.map(|wire| wire.lifetime_type).unwrap_or_default();
    let name = match wire.and_then(|wire| wire.name.as_deref()) {
        // RFC 6265 §4.1.1: a token, as is the name of a header.
        Some(name) if HeaderName::from_bytes(name.as_bytes()).is_ok() => name.into(),
        Some(name) => {
            let value = InvalidValue::CookieName(name.to_owned());
            return Err(InvalidField::new(format!("{field}.cookie.name"), value));
        }
        None => generated_name(kind, object, path, lifetime),
    };
    Ok(SessionCarrier::Cookie {
        name,
        path: path.into(),
        permanent: lifetime == CookieLifetimeType::Permanent,
    })
}

/// The same for all rules of a route, or all targets of a policy, whose cookies are alike: one token holds the sessions of many
/// backends. It does not go by the rule's place, or a rule that is put before another would end
/// the sessions of that.
fn generated_name(kind: Kind, object: &ObjectMeta, path: &str, lifetime: CookieLifetimeType) -> Arc<str> {
    let of = |text: &Option<String>| text.clone().unwrap_or_default();
    let lifetime = match lifetime {
        CookieLifetimeType::Permanent => "Permanent",
        CookieLifetimeType::Session => "Session",
    };
    let hash = stable_hash([kind.name(), &of(&object.namespace), &of(&object.name), path, lifetime]);
    format!("tidegate-{hash:016x}").into()
}

/// Fields that say how a message or a connection goes on, or hold other cookies, too.
fn header(name: &str, field: &str) -> Result<Arc<str>, InvalidField> {
    let field = || format!("{field}.header.name");
    let Ok(parsed) = HeaderName::from_bytes(name.as_bytes()) else {
        return Err(InvalidField::new(field(), InvalidValue::HeaderName(name.to_owned())));
    };
    let name = parsed.as_str();
    if CONNECTION_HEADERS.contains(&name) || TAKEN.contains(&name) {
        return Err(InvalidField::new(field(), InvalidValue::SessionHeader(name.to_owned())));
    }
    Ok(name.into())
}

const TAKEN: [&str; 8] =
    ["host", "cookie", "set-cookie", "authorization", "content-type", "content-encoding", "date", "location"];

#[cfg(test)]
mod tests;
