//! Tokens: sessions as they are given to clients, who can neither read nor make them.
//!
//! A token is sealed with a key that every replica makes of the same secret, so that any of them
//! understands it, also after a restart, without anything that they would have to share.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::error::Unspecified;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The endpoint that a client has in one entry of one upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// [`crate::upstream::Entry::identity`].
    pub entry: u64,
    /// Where it goes. What a token says is compared with the endpoints that there are, and never
    /// connected to.
    pub endpoint: SocketAddr,
    /// When it began, in seconds since 1970.
    pub began: u32,
}

/// Makes tokens and understands them.
pub struct Tokens(LessSafeKey);

/// Sessions that one token holds: as many as a rule can have backends.
pub(super) const MOST: usize = 16;
/// The first byte that is sealed. Another form of what follows gets another number.
const FORM: u8 = 1;
/// No token is longer: sixteen sessions with endpoints of IPv6 and what seals them.
const LONGEST: usize = 1024;

impl Tokens {
    /// Those of all who know the secret.
    ///
    /// # Errors
    /// The key cannot be made.
    pub fn new(secret: &str) -> Result<Self, Unspecified> {
        let key = digest(&SHA256, format!("tidegate session tokens\n{secret}").as_bytes());
        Ok(Self(LessSafeKey::new(UnboundKey::new(&AES_256_GCM_SIV, key.as_ref())?)))
    }

    /// A token for a cookie or header of that name, in which no other understands it.
    pub fn seal(&self, name: &str, sessions: &[Session]) -> Option<String> {
        // This cipher forgives a nonce that comes twice: it only tells that two tokens are the same.
        let mut nonce = [0; NONCE_LEN];
        fastrand::fill(&mut nonce);
        let mut sealed = encode(sessions);
        let sealing = Nonce::assume_unique_for_key(nonce);
        self.0.seal_in_place_append_tag(sealing, Aad::from(name), &mut sealed).ok()?;
        Some(BASE64_URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat()))
    }

    /// What a token says, if it is one, for a cookie or header of that name.
    pub fn open(&self, name: &str, token: &[u8]) -> Option<Vec<Session>> {
        if token.len() > LONGEST {
            return None;
        }
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_LEN>()?;
        let mut sealed = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        decode(self.0.open_in_place(nonce, Aad::from(name), &mut sealed).ok()?)
    }
}

/// Not the key.
impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens")
    }
}

fn encode(sessions: &[Session]) -> Vec<u8> {
    let mut bytes = vec![FORM];
    for session in sessions.iter().take(MOST) {
        bytes.extend(session.entry.to_be_bytes());
        bytes.extend(session.began.to_be_bytes());
        bytes.extend(session.endpoint.port().to_be_bytes());
        match session.endpoint.ip() {
            IpAddr::V4(ip) => {
                bytes.push(4);
                bytes.extend(ip.octets());
            }
            IpAddr::V6(ip) => {
                bytes.push(6);
                bytes.extend(ip.octets());
            }
        }
    }
    bytes
}

fn decode(bytes: &[u8]) -> Option<Vec<Session>> {
    let (&FORM, mut rest) = bytes.split_first()? else { return None };
    let mut sessions = Vec::new();
    while !rest.is_empty() {
        let entry = u64::from_be_bytes(take(&mut rest)?);
        let began = u32::from_be_bytes(take(&mut rest)?);
        let port = u16::from_be_bytes(take(&mut rest)?);
        let ip = match take(&mut rest)? {
            [4] => IpAddr::V4(Ipv4Addr::from(take::<4>(&mut rest)?)),
            [6] => IpAddr::V6(Ipv6Addr::from(take::<16>(&mut rest)?)),
            _ => return None,
        };
        sessions.push(Session { entry, endpoint: SocketAddr::new(ip, port), began });
    }
    Some(sessions)
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*taken)
}

#[cfg(test)]
mod tests;
