//! What a request asks its backend to do, in the header `x-answer`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// An order for an answer. Without one, a backend describes the request as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The answer's status.
    pub status: u16,
    /// The body's length, of `content(seed, bytes)`.
    pub bytes: usize,
    pub seed: u64,
    /// Time that the backend takes.
    pub delay: Duration,
    /// No `Content-Length`.
    pub chunked: bool,
    /// Break the connection after so many bytes of the body.
    pub cut: Option<usize>,
    /// Send trailers.
    pub trailers: bool,
    /// Answer without reading the request's body.
    pub early: bool,
    /// Send back each piece of the body as it arrives.
    pub stream: bool,
}

impl Ask {
    /// A whole answer of that many bytes.
    pub fn bytes(bytes: usize, seed: u64) -> Self {
        Self {
            status: 200,
            bytes,
            seed,
            delay: Duration::ZERO,
            chunked: false,
            cut: None,
            trailers: false,
            early: false,
            stream: false,
        }
    }

    /// An empty answer of that status.
    pub fn status(status: u16) -> Self {
        Self { status, ..Self::bytes(0, 0) }
    }

    pub fn delayed(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "status={} bytes={} seed={}", self.status, self.bytes, self.seed)?;
        if !self.delay.is_zero() {
            write!(f, " delay={}", self.delay.as_millis())?;
        }
        if let Some(cut) = self.cut {
            write!(f, " cut={cut}")?;
        }
        let flags = [
            (self.chunked, " chunked"),
            (self.trailers, " trailers"),
            (self.early, " early"),
            (self.stream, " stream"),
        ];
        flags.iter().filter(|flag| flag.0).try_for_each(|flag| f.write_str(flag.1))
    }
}

impl FromStr for Ask {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut ask = Self::status(200);
        for word in text.split_whitespace() {
            let (key, value) = word.split_once('=').unwrap_or((word, ""));
            let number = || value.parse::<u64>().map_err(|error| format!("{word}: {error}"));
            match key {
                "status" => ask.status = number()? as u16,
                "bytes" => ask.bytes = number()? as usize,
                "seed" => ask.seed = number()?,
                "delay" => ask.delay = Duration::from_millis(number()?),
                "cut" => ask.cut = Some(number()? as usize),
                "chunked" => ask.chunked = true,
                "trailers" => ask.trailers = true,
                "early" => ask.early = true,
                "stream" => ask.stream = true,
                _ => return Err(format!("unknown word {word:?} in x-answer")),
            }
        }
        Ok(ask)
    }
}
