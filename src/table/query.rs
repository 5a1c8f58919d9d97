//! The parameters of a query, read only when a rule asks for one.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::HashMap;

/// A raw query and, once it was asked for, its parameters.
#[derive(Debug)]
pub(super) struct Query<'a> {
    raw: &'a str,
    parameters: OnceCell<Parameters<'a>>,
}

/// The first value of each name, all decoded. By hash: a query of thousands of parameters would
/// otherwise cost as many comparisons for each rule that asks.
type Parameters<'a> = HashMap<Cow<'a, [u8]>, Cow<'a, [u8]>>;

impl<'a> Query<'a> {
    pub(super) fn new(raw: Option<&'a str>) -> Self {
        Self { raw: raw.unwrap_or_default(), parameters: OnceCell::new() }
    }

    /// The decoded value of the first parameter with this name.
    pub(super) fn first(&self, name: &str) -> Option<&[u8]> {
        let parameters = self.parameters.get_or_init(|| parse(self.raw));
        parameters.get(name.as_bytes()).map(|value| &**value)
    }
}

/// As HTML forms and RFC 3986 have it: pairs are put apart by `&`, a name from its value by the
/// first `=`; `+` and `%20` are a space. A name alone has an empty value.
fn parse(raw: &str) -> Parameters<'_> {
    let mut parameters = HashMap::new();
    for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        parameters.entry(decode(name)).or_insert_with(|| decode(value));
    }
    parameters
}

/// An escape that is none (`%`, `%4`, `%zz`) stands for itself.
fn decode(text: &str) -> Cow<'_, [u8]> {
    let bytes = text.as_bytes();
    if !bytes.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return Cow::Borrowed(bytes);
    }
    let hex = |place: usize| bytes.get(place).and_then(|digit| char::from(*digit).to_digit(16));
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut place = 0;
    while let Some(&byte) = bytes.get(place) {
        let escaped = match byte {
            b'%' => hex(place + 1).zip(hex(place + 2)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => {
                decoded.push((high * 16 + low) as u8);
                place += 3;
            }
            None => {
                decoded.push(if byte == b'+' { b' ' } else { byte });
                place += 1;
            }
        }
    }
    Cow::Owned(decoded)
}

#[cfg(test)]
mod tests;
