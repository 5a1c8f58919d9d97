//! How requests become spans, with its names and values checked once.

use super::filter::{InvalidFilter, header_name, header_value};
use crate::model::{self, AttributeSource, OtlpProtocol, Share};
use crate::tls::Identity;
use crate::upstream::{Registry, Slot};
use http::{HeaderName, HeaderValue};
use std::sync::Arc;

/// How the requests of a Gateway become spans, and who gets them.
#[derive(Debug)]
pub struct Tracing {
    /// What it was made from.
    model: Arc<model::Tracing>,
    /// Where the collector is; it may be missing in [`super::Table::upstreams`].
    pub collector: Slot,
    /// The host that it is asked for.
    pub authority: HeaderValue,
    /// Fields of each request to it.
    pub headers: Box<[(HeaderName, HeaderValue)]>,
    /// What every span has besides.
    pub attributes: Box<[Attribute]>,
    /// Who asks, if the collector has TLS.
    pub identity: Identity,
}

/// What every span has besides.
#[derive(Debug)]
pub struct Attribute {
    /// Its key.
    pub name: Arc<str>,
    /// Where its value comes from.
    pub value: AttributeValue,
}

/// Where an attribute's value comes from.
#[derive(Debug)]
pub enum AttributeValue {
    /// This field of the request, else of the answer.
    Header(HeaderName),
    /// This.
    Literal(Arc<str>),
    /// The attribute with this key.
    Known(Arc<str>),
}

impl Tracing {
    /// The one that there is already, if nothing of it changes: what was recorded waits by it.
    pub(super) fn keep_or_compile(
        old: Option<Arc<Self>>,
        model: &Arc<model::Tracing>,
        identity: &Identity,
        registry: &mut Registry,
    ) -> Option<Arc<Self>> {
        let is_same = |old: &Arc<Self>| old.model == *model && old.identity.number() == identity.number();
        if let Some(old) = old.filter(is_same) {
            return Some(old);
        }
        let compiled = Self::compile(model, identity, registry);
        let compiled = compiled.inspect_err(|error| {
            tracing::error!(gateway = %model.gateway, %error, "its requests are not traced");
        });
        compiled.ok().map(Arc::new)
    }

    fn compile(
        model: &Arc<model::Tracing>,
        identity: &Identity,
        registry: &mut Registry,
    ) -> Result<Self, InvalidFilter> {
        let header = |(name, value): &(Arc<str>, Arc<str>)| Ok((header_name(name)?, header_value(value)?));
        let attribute = |attribute: &model::SpanAttribute| {
            let value = match &attribute.source {
                AttributeSource::Header(name) => AttributeValue::Header(header_name(name)?),
                AttributeSource::Literal(text) => AttributeValue::Literal(text.clone()),
                AttributeSource::Attribute(key) => AttributeValue::Known(key.clone()),
            };
            Ok(Attribute { name: attribute.name.clone(), value })
        };
        Ok(Self {
            collector: registry.slot(&model.collector),
            authority: header_value(&model.authority)?,
            headers: model.headers.iter().map(header).collect::<Result<_, _>>()?,
            attributes: model.attributes.iter().map(attribute).collect::<Result<_, _>>()?,
            identity: identity.clone(),
            model: model.clone(),
        })
    }

    /// The Gateway.
    pub fn gateway(&self) -> &model::ObjectKey {
        &self.model.gateway
    }

    /// What is spoken to the collector.
    pub fn protocol(&self) -> OtlpProtocol {
        self.model.protocol
    }

    /// `service.name`
    pub fn service_name(&self) -> &str {
        &self.model.service_name
    }

    /// The name of every server span, if the policy gives one.
    pub fn span_name(&self) -> Option<&Arc<str>> {
        self.model.span_name.as_ref()
    }

    /// Whether a request is recorded, if `sampled` is what whoever came before says; `draw` gives a
    /// number from 0 to below the one that it gets.
    pub fn records(&self, sampled: Option<bool>, draw: impl FnOnce(u32) -> u32) -> bool {
        let share = match (sampled, self.model.parent_sampling) {
            (Some(false), Some(_)) => return false,
            (Some(true), Some(share)) => share,
            (_, None) | (None, _) => self.model.sampling,
        };
        takes(share, draw)
    }
}

fn takes(share: Share, draw: impl FnOnce(u32) -> u32) -> bool {
    // All of them need no luck.
    share.numerator >= share.denominator || draw(share.denominator) < share.numerator
}

#[cfg(test)]
mod tests;
