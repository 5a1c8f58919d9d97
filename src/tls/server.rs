//! What a listener shows to its clients.

use super::{alpn_protocols, clients, provider};
use crate::model::{ClientValidation, TlsVersion};
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SignatureScheme};
use std::sync::Arc;

/// Makes the settings of one listener. They are to be kept while its certificates stay the same
/// and shared by all workers: clients resume their sessions with tickets that only the very
/// same settings can read. Where clients are validated none is resumed: a certificate that was
/// good once would stay so for as long as its tickets are.
///
/// Without any certificate every handshake fails. Versions of TLS before `oldest` are not spoken.
/// With `http` its versions are offered by ALPN; else nothing is, as what is spoken is not known.
///
/// # Errors
/// The system gives no random numbers, or none of the authorities can be used.
pub fn server_config(
    certificates: Vec<Arc<CertifiedKey>>,
    oldest: TlsVersion,
    http: bool,
    validation: Option<&ClientValidation>,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    let versions: &[_] = match oldest {
        TlsVersion::Tls12 => &[&TLS13, &TLS12],
        TlsVersion::Tls13 => &[&TLS13],
    };
    let certificates = certificates.into_iter().map(Certificate::new).collect();
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(versions)?
        .with_client_cert_verifier(clients::verifier(validation)?)
        .with_cert_resolver(Arc::new(Certificates(certificates)));
    if http {
        config.alpn_protocols = alpn_protocols();
    }
    if validation.is_none() {
        config.ticketer = Ticketer::new()?;
    } else {
        config.send_tls13_tickets = 0;
    }
    // Tickets do without it, and it is a lock that all workers would share.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(Arc::new(config))
}

/// The certificates of a listener, in the order of the object.
#[derive(Debug)]
struct Certificates(Box<[Certificate]>);

#[derive(Debug)]
struct Certificate {
    key: Arc<CertifiedKey>,
    /// Lower case.
    exact: Vec<String>,
    /// `.example.com` for `*.example.com`.
    wildcards: Vec<String>,
}

/// How well a certificate fits, the best last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Not,
    Wildcard,
    Exact,
}

impl Certificate {
    fn new(key: Arc<CertifiedKey>) -> Self {
        let (mut exact, mut wildcards) = (Vec::new(), Vec::new());
        // A certificate that cannot be read here names nothing, but may still be the only one.
        let leaf = key.cert.first().and_then(|leaf| webpki::EndEntityCert::try_from(leaf).ok());
        for name in leaf.iter().flat_map(|leaf| leaf.valid_dns_names()) {
            let name = name.to_ascii_lowercase();
            match name.strip_prefix('*') {
                Some(suffix) => wildcards.push(suffix.to_owned()),
                None => exact.push(name),
            }
        }
        Self { key, exact, wildcards }
    }

    /// `name` in lower case. Other than a listener's wildcard, a certificate's stands for one
    /// label only (RFC 6125 §6.4.3).
    fn fit(&self, name: &str) -> Fit {
        let parent = name.find('.').map(|dot| &name[dot..]);
        if self.exact.iter().any(|exact| exact == name) {
            Fit::Exact
        } else if self.wildcards.iter().any(|suffix| Some(suffix.as_str()) == parent) {
            Fit::Wildcard
        } else {
            Fit::Not
        }
    }
}

impl Certificates {
    /// The best fit for the name among those whose key the client can check; if none of them
    /// can be checked, the best fit, so that the client's error is about the right certificate.
    fn choose(&self, name: Option<&str>, schemes: &[SignatureScheme]) -> Option<&Arc<CertifiedKey>> {
        let name = name.map(str::to_ascii_lowercase);
        let fit = |certificate: &Certificate| name.as_deref().map_or(Fit::Not, |name| certificate.fit(name));
        let usable = |certificate: &Certificate| certificate.key.key.choose_scheme(schemes).is_some();
        let rank = |certificate: &&Certificate| {
            let (fit, usable) = (fit(certificate), usable(certificate));
            (if usable { fit } else { Fit::Not }, fit, usable)
        };
        // `max_by_key` gives the last of equals; the first of the list is wanted.
        let best = self.0.iter().rev().max_by_key(rank)?;
        Some(&best.key)
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.choose(hello.server_name(), hello.signature_schemes()).cloned()
    }
}

#[cfg(test)]
mod tests;
