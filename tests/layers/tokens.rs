//! As much of Rust's grammar as it takes to find paths: comments and texts are left out.

/// A part of the source that can belong to a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// A name or keyword.
    Name(String),
    /// `::`
    Path,
    /// Anything else that is no space.
    Mark(char),
}

impl Token {
    /// Whether it is this name.
    pub(crate) fn is(&self, name: &str) -> bool {
        matches!(self, Self::Name(own) if own == name)
    }

    /// Whether it is `::`.
    pub(crate) fn is_path(&self) -> bool {
        *self == Self::Path
    }
}

/// The tokens of a source text.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let mut rest = text;
    let mut tokens = Vec::new();
    while let Some(first) = rest.chars().next() {
        let (token, length) = next(rest, first);
        tokens.extend(token);
        rest = &rest[length..];
    }
    tokens
}

/// The next token, if it counts, and its length.
fn next(rest: &str, first: char) -> (Option<Token>, usize) {
    if rest.starts_with("//") {
        return (None, rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (None, comment(rest));
    }
    if let Some(length) = raw_string(rest) {
        return (None, length);
    }
    if first == '"' || rest.starts_with("b\"") || rest.starts_with("c\"") {
        return (None, quoted(rest, '"'));
    }
    if first == '\'' || rest.starts_with("b'") {
        return (None, character_or_lifetime(rest));
    }
    if first.is_alphabetic() || first == '_' {
        let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        return (Some(Token::Name(rest[..length].to_owned())), length);
    }
    if rest.starts_with("::") {
        return (Some(Token::Path), 2);
    }
    ((!first.is_whitespace()).then_some(Token::Mark(first)), first.len_utf8())
}

/// The length of a block comment, with those inside it.
fn comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// The length of `r"…"`, `r#"…"#`, `br"…"`, if there is one.
fn raw_string(text: &str) -> Option<usize> {
    let start = ["r", "br", "cr"].into_iter().find(|start| {
        let after = text.strip_prefix(start).map(|after| after.trim_start_matches('#'));
        after.is_some_and(|after| after.starts_with('"'))
    })?;
    let hashes = text[start.len()..].find('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let begin = start.len() + hashes + 1;
    Some(text[begin..].find(&end).map_or(text.len(), |at| begin + at + end.len()))
}

/// The length of a text between quotes, with a prefix before the first.
fn quoted(text: &str, quote: char) -> usize {
    let begin = text.find(quote).map_or(text.len(), |at| at + 1);
    let mut escaped = false;
    for (at, character) in text[begin..].char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if character == quote => return begin + at + 1,
            _ => {}
        }
    }
    text.len()
}

/// `'a'` and `'\n'` are characters, `'a` is a lifetime.
fn character_or_lifetime(text: &str) -> usize {
    let inner = &text[text.find('\'').map_or(0, |at| at + 1)..];
    let mut characters = inner.chars();
    let is_character =
        matches!((characters.next(), characters.next()), (Some('\\'), _) | (Some(_), Some('\'')));
    if is_character { quoted(text, '\'') } else { 1 }
}
