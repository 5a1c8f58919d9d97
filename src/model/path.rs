//! The one reading of a path: what is matched, rewritten, logged and forwarded.

use std::borrow::Cow;

/// Why a path has no normal form. It is refused, as a backend might read it in another way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPath {
    /// It does not begin with "/".
    #[error("does not begin with \"/\"")]
    Relative,
    /// "%" without two hex digits, or "%00".
    #[error("has an incomplete escape or %00")]
    Escape,
    /// A raw control character, space or backslash.
    #[error("has a raw control character, space or backslash")]
    Character,
    /// ".." elements lead above the root.
    #[error("leads above the root")]
    AboveRoot,
}

/// Brings an absolute path into the normal form of RFC 3986 §6.2.2: escapes of unreserved
/// characters are decoded, the hex digits of the others are upper case, dot segments are removed.
/// `%2F`, `%5C` and `;` stay as they are, and so does `//`: an empty element is an element. Raw
/// bytes beyond ASCII, which some clients send, are escaped.
///
/// Nothing is allocated for a path in normal form.
pub fn normalize_path(path: &str) -> Result<Cow<'_, str>, InvalidPath> {
    let bytes = path.as_bytes();
    if bytes.first() != Some(&b'/') {
        return Err(InvalidPath::Relative);
    }
    let mut before = b'/';
    let plain = bytes.iter().all(|&byte| {
        let dot_segment = byte == b'.' && before == b'/';
        before = byte;
        !dot_segment && byte.is_ascii_graphic() && byte != b'%' && byte != b'\\'
    });
    if plain {
        return Ok(Cow::Borrowed(path));
    }
    let decoded = decode(bytes)?;
    let normal = if decoded.contains("/.") { remove_dot_segments(&decoded)? } else { decoded };
    Ok(Cow::Owned(normal))
}

fn decode(bytes: &[u8]) -> Result<String, InvalidPath> {
    let mut decoded = String::with_capacity(bytes.len());
    let mut rest = bytes.iter();
    while let Some(&byte) = rest.next() {
        let escaped = match byte {
            b'%' => {
                let mut digit = || rest.next().and_then(|digit| char::from(*digit).to_digit(16));
                let (Some(high), Some(low)) = (digit(), digit()) else { return Err(InvalidPath::Escape) };
                (high * 16 + low) as u8
            }
            b'\\' => return Err(InvalidPath::Character),
            _ if byte.is_ascii_graphic() => {
                decoded.push(char::from(byte));
                continue;
            }
            _ if byte.is_ascii() => return Err(InvalidPath::Character),
            _ => byte,
        };
        match escaped {
            0 => return Err(InvalidPath::Escape),
            b'-' | b'.' | b'_' | b'~' => decoded.push(char::from(escaped)),
            _ if escaped.is_ascii_alphanumeric() => decoded.push(char::from(escaped)),
            _ => {
                const HEX: &[u8; 16] = b"0123456789ABCDEF";
                decoded.push('%');
                decoded.push(char::from(HEX[usize::from(escaped >> 4)]));
                decoded.push(char::from(HEX[usize::from(escaped & 15)]));
            }
        }
    }
    Ok(decoded)
}

/// RFC 3986 §5.2.4, but a path that climbs above the root is refused.
fn remove_dot_segments(path: &str) -> Result<String, InvalidPath> {
    let mut kept: Vec<&str> = Vec::new();
    let mut elements = path[1..].split('/').peekable();
    while let Some(element) = elements.next() {
        let last = elements.peek().is_none();
        match element {
            "." => {}
            ".." => {
                kept.pop().ok_or(InvalidPath::AboveRoot)?;
            }
            _ => {
                kept.push(element);
                continue;
            }
        }
        // "/a/." and "/a/b/.." are directories: "/a/".
        if last {
            kept.push("");
        }
    }
    Ok(format!("/{}", kept.join("/")))
}

#[cfg(test)]
mod tests;
