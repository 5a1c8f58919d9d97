//! Sessions (GEP-1619): requests of one client that go to one endpoint of a backend.
//!
//! Which backend a request goes to is chosen before, by weight, and a session does not change that:
//! "Session persistence MUST NOT override which backend is selected during traffic splitting". So
//! a token holds one session for each backend that its client has met.

mod token;

pub use token::{Session, Tokens};

use crate::table::{Carrier, SessionPersistence};
use crate::upstream::{Pick, Upstream};
use http::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Cookies of one name that are looked at: a client may have one for each of several paths and
/// domains, but none has many.
const COOKIES: usize = 4;

/// What a request says of its client's sessions, and then where it went.
pub(super) struct Sticky {
    persistence: Arc<SessionPersistence>,
    /// Those with the backend that was chosen, which are not over.
    own: Vec<Session>,
    /// Those with other backends. When these end, others decide.
    others: Vec<Session>,
    /// The token that all of them are from.
    presented: Option<HeaderValue>,
    now: u32,
    went: Option<Session>,
}

impl Sticky {
    /// Of a request for that upstream.
    pub(super) fn new(
        persistence: &Arc<SessionPersistence>,
        upstream: &Upstream,
        headers: &HeaderMap,
        tokens: &Tokens,
        now: u32,
    ) -> Self {
        let (presented, sessions) = presented(&persistence.carrier, headers, tokens).unzip();
        let is_over = |session: &Session| {
            // Another replica's clock may be ahead.
            persistence.lasts.is_some_and(|lasts| now.saturating_sub(session.began) >= lasts)
        };
        let (mut own, others): (Vec<_>, Vec<_>) =
            sessions.unwrap_or_default().into_iter().partition(|session| upstream.has_entry(session.entry));
        own.retain(|session| !is_over(session));
        Self { persistence: persistence.clone(), own, others, presented, now, went: None }
    }

    /// The endpoint of the session, if it gets requests now and was not tried yet.
    pub(super) fn pick<'a>(&self, upstream: &'a Upstream, tried: &[u64]) -> Option<Pick<'a>> {
        let mut picks = self.own.iter().filter_map(|session| upstream.find(session.entry, session.endpoint));
        picks.find(|pick| !tried.contains(&pick.endpoint.id))
    }

    /// The endpoint that has answered: from now on it is that of the session.
    pub(super) fn went_to(&mut self, pick: &Pick<'_>) {
        self.went =
            Some(Session { entry: pick.entry.identity, endpoint: pick.endpoint.address, began: self.now });
    }

    /// Says on an answer what is new; `secure` if the client asks over TLS. A backend that is asked
    /// for nothing new is no reason for another cookie; a header is no client's to remember, so it
    /// comes each time.
    pub(super) fn mark(self, tokens: &Tokens, secure: bool, headers: &mut HeaderMap) {
        let Some(went) = self.went else { return };
        let is_known = self.own.iter().any(|own| (own.entry, own.endpoint) == (went.entry, went.endpoint));
        match &self.persistence.carrier {
            Carrier::Cookie { .. } if is_known => {}
            Carrier::Cookie { name, attributes } => {
                let Some(token) = self.token(tokens, name, went) else { return };
                let secure = if secure { "; Secure" } else { "" };
                if let Ok(cookie) = HeaderValue::from_str(&format!("{name}={token}{attributes}{secure}")) {
                    headers.append(SET_COOKIE, cookie);
                }
            }
            Carrier::Header(name) => {
                let new = || HeaderValue::from_str(&self.token(tokens, name.as_str(), went)?).ok();
                if let Some(token) = self.presented.clone().filter(|_| is_known).or_else(new) {
                    headers.insert(name, token);
                }
            }
        }
    }

    /// The newest first: those that do not fit any more are the oldest.
    fn token(&self, tokens: &Tokens, name: &str, went: Session) -> Option<String> {
        let sessions: Vec<_> = std::iter::once(went).chain(self.others.iter().copied()).collect();
        tokens.seal(name, &sessions)
    }
}

/// Seconds since 1970.
pub(super) fn now() -> u32 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u32::try_from(since.as_secs()).unwrap_or(u32::MAX)
}

/// The first token that is one, with what it says. A client that makes one up has no session.
fn presented(carrier: &Carrier, headers: &HeaderMap, tokens: &Tokens) -> Option<(HeaderValue, Vec<Session>)> {
    match carrier {
        Carrier::Header(name) => {
            let value = headers.get(name)?;
            Some((value.clone(), tokens.open(name.as_str(), value.as_bytes())?))
        }
        Carrier::Cookie { name, .. } => {
            let lines = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes);
            let pairs = lines.flat_map(|line| line.split(|byte| *byte == b';')).map(<[u8]>::trim_ascii);
            let values = pairs.filter_map(|pair| pair.strip_prefix(name.as_bytes())?.strip_prefix(b"="));
            let mut opened = values.take(COOKIES).filter_map(|value| {
                Some((HeaderValue::from_bytes(value).ok()?, tokens.open(name, unquoted(value))?))
            });
            opened.next()
        }
    }
}

/// RFC 6265 §4.1.1: a value may stand in quotes.
fn unquoted(value: &[u8]) -> &[u8] {
    value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(value)
}

#[cfg(test)]
mod tests;
