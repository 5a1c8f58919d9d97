//! Session persistence with its names and attributes checked once.

use super::filter::{InvalidFilter, header_name, header_value};
use crate::model::{self, SessionCarrier};
use http::HeaderName;
use std::sync::Arc;

/// How the requests of a session are held together.
#[derive(Clone, Debug)]
pub struct SessionPersistence {
    /// What carries it.
    pub carrier: Carrier,
    /// For how many seconds a session lasts; none: for as long as the client remembers it.
    pub lasts: Option<u32>,
}

/// What carries a session.
#[derive(Clone, Debug)]
pub enum Carrier {
    /// A cookie.
    Cookie {
        /// Its name.
        name: Arc<str>,
        /// What stands behind its value in `Set-Cookie`; `Secure` depends on the connection.
        attributes: Arc<str>,
    },
    /// A field.
    Header(HeaderName),
}

impl SessionPersistence {
    pub(super) fn compile(model: &model::SessionPersistence) -> Result<Self, InvalidFilter> {
        // Of a part of a second the whole.
        let seconds =
            |time: std::time::Duration| u32::try_from(time.as_millis().div_ceil(1000)).unwrap_or(u32::MAX);
        let lasts = model.absolute_timeout.map(seconds);
        let carrier = match &model.carrier {
            SessionCarrier::Header { name } => Carrier::Header(header_name(name)?),
            SessionCarrier::Cookie { name, path, permanent } => {
                let age = match lasts.filter(|_| *permanent) {
                    Some(lasts) => format!("; Max-Age={lasts}"),
                    None => String::new(),
                };
                // GEP-1619 wants all that keeps others away from it.
                let attributes = format!("; Path={path}{age}; HttpOnly; SameSite=Strict");
                header_value(&format!("{name}={attributes}"))?;
                Carrier::Cookie { name: name.clone(), attributes: attributes.into() }
            }
        };
        Ok(Self { carrier, lasts })
    }
}
