//! Events to index, attachments and published deltas.
