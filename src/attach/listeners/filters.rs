//! Filters of listeners (GEP-5224): who is asked about requests before a route is looked for.

use super::{Context, Entry, Listener};
use crate::attach::rules::external_auth;
use crate::attach::verdict::{ListenerResolvedRefs, Verdict};
use crate::model::{ExternalAuth, Protocol};

/// What is wrong with the filters, wherever they lead.
pub(super) fn refused(entry: &Entry<'_>) -> Option<String> {
    let filters = match &entry.filters {
        Ok(filters) => filters,
        Err(error) => return Some(error.to_string()),
    };
    let is_http = matches!(entry.protocol, None | Some(Protocol::Http | Protocol::Https));
    (!is_http && !filters.is_empty()).then(|| {
        format!(
            "{}: filters need protocol HTTP or HTTPS, where requests are seen: remove them",
            entry.field("filters")
        )
    })
}

impl Listener {
    /// The filters with their services. One that leads nowhere lets no request go on.
    pub(super) fn resolve_filters(&mut self, context: &Context<'_>, entry: &Entry<'_>) -> Vec<ExternalAuth> {
        let from = entry.referrer();
        let mut refusals = Vec::new();
        let filters = entry
            .filters
            .iter()
            .flatten()
            .map(|auth| external_auth(context.references, context.known, from, auth, &mut refusals));
        let filters = filters.collect();
        let requests = entry.wire.filters.iter().flat_map(|filters| &filters.requests);
        for (place, extension) in
            requests.enumerate().filter_map(|(at, one)| Some((at, one.extension_ref.as_ref()?)))
        {
            let message = format!(
                "{}[{place}].extensionRef: kind {:?} of group {:?} is no filter here",
                entry.field("filters.requests"),
                extension.kind,
                extension.group
            );
            self.add_unresolved(Verdict::new(ListenerResolvedRefs::InvalidListenerFilterRef, message));
        }
        let refused = refusals.iter().map(|(field, refusal)| {
            let message = format!("{field}: {}", refusal.message);
            Verdict::new(refusal.cause.on_listener(), message)
        });
        refused.for_each(|unresolved| self.add_unresolved(unresolved));
        filters
    }
}

#[cfg(test)]
mod tests;
