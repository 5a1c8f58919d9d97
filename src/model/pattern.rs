//! Regular expressions of the configuration, compiled in one way wherever they are judged or used.

use regex::bytes::{Regex, RegexBuilder};
use std::fmt;

/// What one expression may take: bounds what a route can cost, and with it each lookup.
const COMPILED_SIZE_LIMIT: usize = 1024 * 1024;
/// What the states made while matching may take, per expression and thread, whatever clients send;
/// when they do not fit they are made again, which is slower and takes no more. Usual paths
/// need a few KiB.
const CACHE_SIZE_LIMIT: usize = 256 * 1024;

/// An expression that matches a value only as a whole, in time linear to the value's length.
#[derive(Clone)]
pub struct Pattern(Regex);

/// Why a text is no [`Pattern`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{pattern:?} cannot be used as a regular expression: {reason}")]
pub struct InvalidPattern {
    pattern: String,
    reason: String,
}

impl Pattern {
    /// Compiles a text in the syntax of the `regex` crate (RE2's, without look-around and
    /// back-references).
    ///
    /// # Errors
    /// The syntax is wrong, or the compiled form takes more than 1 MiB.
    pub fn compile(text: &str) -> Result<Self, InvalidPattern> {
        let invalid = |error: &regex::Error| InvalidPattern {
            pattern: text.to_owned(),
            reason: match error {
                regex::Error::CompiledTooBig(_) => {
                    format!(
                        "it takes more than {} KiB when compiled: use smaller repetitions",
                        COMPILED_SIZE_LIMIT / 1024
                    )
                }
                // The last line has the cause; those before draw the expression and a mark.
                error => {
                    let text = error.to_string();
                    let cause = text.lines().last().unwrap_or_default();
                    cause.strip_prefix("error: ").unwrap_or(cause).to_owned()
                }
            },
        };
        // By itself first: `a)|(b` is no expression, but would become one between parentheses.
        build(text).map_err(|error| invalid(&error))?;
        // The line end closes a comment, which an expression with `(?x)` may end in.
        let whole = build(&format!(r"\A(?:{text})\z")).or_else(|_| build(&format!("\\A(?:{text}\n)\\z")));
        whole.map(Self).map_err(|error| invalid(&error))
    }

    /// Whether the expression matches the whole value. `.` and classes match characters in UTF-8;
    /// bytes that are none match nothing.
    pub fn matches(&self, value: &[u8]) -> bool {
        self.0.is_match(value)
    }
}

fn build(text: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(text).size_limit(COMPILED_SIZE_LIMIT).dfa_size_limit(CACHE_SIZE_LIMIT).build()
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?})", self.0.as_str())
    }
}

#[cfg(test)]
mod tests;
