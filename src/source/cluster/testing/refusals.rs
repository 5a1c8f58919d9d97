//! What nobody may write.

use super::{ApiServer, Asked};
use std::collections::BTreeMap;

/// The messages, by how the paths begin.
#[derive(Default)]
pub(super) struct Refusals {
    messages: BTreeMap<String, String>,
    count: u64,
}

impl Refusals {
    /// The message, if this is refused. The name that it would have got is another one each time.
    pub(super) fn why(&mut self, asked: &Asked) -> Option<String> {
        let mut messages = self.messages.iter();
        let (_, message) = messages.find(|(path, _)| asked.path.starts_with(path.as_str()))?;
        self.count += 1;
        let text = |field: &str| asked.body["metadata"][field].as_str().unwrap_or_default();
        let name = match text("name") {
            "" => format!("{}{:05}", text("generateName"), self.count),
            name => name.to_owned(),
        };
        Some(message.replace("NAME", &name))
    }
}

impl ApiServer {
    /// Writes to paths that begin like this are forbidden with this message, or allowed again. It says
    /// `NAME` for the object's.
    pub(crate) fn refuse(&self, path: &str, message: Option<&str>) {
        let messages = &mut self.state().refusals.messages;
        match message {
            Some(message) => messages.insert(path.to_owned(), message.to_owned()),
            None => messages.remove(path),
        };
    }
}
