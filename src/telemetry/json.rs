//! JSON objects of a fixed shape, written straight into a byte buffer.

use std::fmt::Display;
use std::io::Write;
use std::time::Duration;

/// Writes one object, its values in the order of `fields`.
pub(super) struct Object<'a> {
    out: &'a mut Vec<u8>,
    fields: std::slice::Iter<'static, &'static str>,
    first: bool,
}

impl<'a> Object<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>, fields: &'static [&'static str]) -> Self {
        out.push(b'{');
        Self { out, fields: fields.iter(), first: true }
    }

    fn key(&mut self) {
        if !self.first {
            self.out.push(b',');
        }
        self.first = false;
        let field = self.fields.next();
        debug_assert!(field.is_some(), "more values than fields");
        self.out.push(b'"');
        self.out.extend_from_slice(field.copied().unwrap_or_default().as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    pub(super) fn null(&mut self) {
        self.key();
        self.out.extend_from_slice(b"null");
    }

    /// A text; what is not UTF-8 becomes U+FFFD.
    pub(super) fn text(&mut self, value: &[u8]) {
        self.key();
        quoted(self.out, value);
    }

    pub(super) fn optional_text(&mut self, value: Option<&[u8]>) {
        match value {
            Some(value) => self.text(value),
            None => self.null(),
        }
    }

    /// What is shown without any character that JSON would escape.
    pub(super) fn plain(&mut self, value: impl Display) {
        self.key();
        // Only a writer can fail, and a `Vec` does not.
        let _ = write!(self.out, "\"{value}\"");
    }

    pub(super) fn number(&mut self, value: u64) {
        self.key();
        digits(self.out, value, 1);
    }

    /// In seconds, to the microsecond.
    pub(super) fn seconds(&mut self, value: Duration) {
        self.key();
        digits(self.out, value.as_secs(), 1);
        self.out.push(b'.');
        digits(self.out, u64::from(value.subsec_micros()), 6);
    }

    pub(super) fn texts(&mut self, values: &[&str]) {
        self.key();
        self.out.push(b'[');
        for (index, value) in values.iter().enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            quoted(self.out, value.as_bytes());
        }
        self.out.push(b']');
    }

    pub(super) fn end(self) {
        debug_assert_eq!(self.fields.len(), 0, "fewer values than fields");
        self.out.extend_from_slice(b"}\n");
    }
}

fn digits(out: &mut Vec<u8>, mut value: u64, at_least: usize) {
    let mut text = [b'0'; 20];
    let mut start = text.len();
    while value > 0 {
        start -= 1;
        text[start] = b'0' + (value % 10) as u8;
        value /= 10;
    }
    out.extend_from_slice(&text[start.min(text.len() - at_least)..]);
}

fn quoted(out: &mut Vec<u8>, value: &[u8]) {
    out.push(b'"');
    for chunk in value.utf8_chunks() {
        escaped(out, chunk.valid().as_bytes());
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
    out.push(b'"');
}

fn escaped(out: &mut Vec<u8>, mut text: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    // Nearly every text has nothing to escape: it is copied in one go.
    while let Some(place) = text.iter().position(|byte| *byte < 0x20 || matches!(byte, b'"' | b'\\' | 0x7f)) {
        out.extend_from_slice(&text[..place]);
        match text[place] {
            byte @ (b'"' | b'\\') => out.extend_from_slice(&[b'\\', byte]),
            byte => {
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            }
        }
        text = &text[place + 1..];
    }
    out.extend_from_slice(text);
}

#[cfg(test)]
mod tests;
