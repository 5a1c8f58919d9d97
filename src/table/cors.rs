//! A CORS filter with the values of its answers made once.

use super::filter::{InvalidFilter, header_name, header_value};
use crate::model::{self, Listed, OriginMatch};
use http::HeaderValue;
use http::header::AUTHORIZATION;

/// Which answers scripts of other origins may read.
#[derive(Clone, Debug)]
pub struct Cors {
    /// Any of them is enough.
    pub origins: Box<[OriginMatch]>,
    /// Requests may carry cookies and the like.
    pub credentials: bool,
    /// Methods beyond those that are always allowed.
    pub methods: Allowed,
    /// Fields of the request beyond those that are always allowed.
    pub headers: Allowed,
    /// Fields of the answer beyond those that scripts may always read.
    pub expose: Allowed,
    /// For how many seconds a preflight's answer may be kept.
    pub max_age: HeaderValue,
    /// `headers` names `Authorization`: scripts may set it, so it is no sign of credentials.
    pub names_authorization: bool,
}

/// An allow list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// It is empty.
    Nothing,
    /// `*`
    Any,
    /// These names, as one value.
    Names(HeaderValue),
}

impl Cors {
    pub(super) fn compile(cors: &model::Cors) -> Result<Self, InvalidFilter> {
        let names_authorization = match &cors.headers {
            Listed::Any => false,
            Listed::Names(names) => {
                let names = names.iter().map(|name| header_name(name)).collect::<Result<Vec<_>, _>>()?;
                names.contains(&AUTHORIZATION)
            }
        };
        Ok(Self {
            origins: cors.origins.clone().into(),
            credentials: cors.credentials,
            methods: Allowed::compile(&cors.methods)?,
            headers: Allowed::compile(&cors.headers)?,
            expose: Allowed::compile(&cors.expose)?,
            max_age: HeaderValue::from(cors.max_age),
            names_authorization,
        })
    }

    /// Whether scripts of the origin may read answers.
    pub fn allows(&self, origin: &HeaderValue) -> bool {
        let text = origin.to_str().unwrap_or_default();
        self.origins.iter().any(|allowed| allowed.matches(text))
    }

    /// Whether every origin is allowed.
    pub fn allows_any(&self) -> bool {
        self.origins.contains(&OriginMatch::Any)
    }
}

impl Allowed {
    fn compile(listed: &Listed) -> Result<Self, InvalidFilter> {
        Ok(match listed {
            Listed::Any => Self::Any,
            Listed::Names(names) if names.is_empty() => Self::Nothing,
            Listed::Names(names) => Self::Names(header_value(&names.join(", "))?),
        })
    }
}
