//! An ExternalAuth filter with its names checked once.

use super::filter::{InvalidFilter, header_name};
use super::rule::Target;
use crate::model::{self, BackendTarget, Reason};
use crate::upstream::Registry;
use http::HeaderName;
use std::sync::Arc;

/// Who is asked about each request, and how.
#[derive(Clone, Debug)]
pub struct ExternalAuth {
    /// Where the service is.
    pub target: Target,
    /// What it is, as the access log writes it.
    pub name: Arc<str>,
    /// What is spoken to it.
    pub protocol: AuthProtocol,
    /// Bytes of a request's body that it gets; none of a body if 0.
    pub max_body: usize,
    /// It is asked about the request with the edits of the head that are beside the filter.
    pub edited: bool,
    /// It is asked about the request as the rewrite beside the filter makes it.
    pub rewritten: bool,
}

/// What is spoken to an authorizing service.
#[derive(Clone, Debug)]
pub enum AuthProtocol {
    /// HTTP.
    Http {
        /// Put before the path; without trailing slash, empty for none.
        prefix: Arc<str>,
        /// The request's fields that it gets, beyond those that it always gets.
        send: Box<[HeaderName]>,
        /// Its answer's fields that the backend gets; all of them if there is none.
        copy: Box<[HeaderName]>,
    },
    /// Envoy's `ext_authz`.
    Grpc {
        /// The request's fields that it gets; all of them if there is none.
        send: Box<[HeaderName]>,
    },
}

impl ExternalAuth {
    /// Those of a listener. One that cannot be honoured lets no request go on.
    pub(super) fn compile_all(auths: &[model::ExternalAuth], registry: &mut Registry) -> Box<[Self]> {
        let each = auths.iter().map(|auth| match Self::compile(auth, registry) {
            Ok(compiled) => compiled,
            Err(error) => Self {
                target: Target::Broken(Reason::InvalidFilter),
                name: error.to_string().into(),
                protocol: AuthProtocol::Grpc { send: Box::default() },
                max_body: 0,
                edited: false,
                rewritten: false,
            },
        });
        each.collect()
    }

    pub(super) fn compile(
        auth: &model::ExternalAuth,
        registry: &mut Registry,
    ) -> Result<Self, InvalidFilter> {
        let names = |names: &[Arc<str>]| names.iter().map(|name| header_name(name)).collect::<Result<_, _>>();
        let (name, target): (Arc<str>, _) = match &auth.target {
            BackendTarget::Upstream(key) => (key.to_string().into(), Target::Upstream(registry.slot(key))),
            BackendTarget::Broken { reason, reference } => (reference.clone(), Target::Broken(*reason)),
        };
        let protocol = match &auth.protocol {
            model::AuthProtocol::Http { prefix, send, copy } => {
                AuthProtocol::Http { prefix: prefix.clone(), send: names(send)?, copy: names(copy)? }
            }
            model::AuthProtocol::Grpc { send } => AuthProtocol::Grpc { send: names(send)? },
        };
        Ok(Self {
            target,
            name,
            protocol,
            max_body: auth.max_body as usize,
            edited: auth.edited,
            rewritten: auth.rewritten,
        })
    }
}
