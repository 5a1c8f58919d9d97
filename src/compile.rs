//! Attachments to a `model::Delta`.
