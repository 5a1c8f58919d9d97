//! TLS towards backends, as BackendTLSPolicies and XBackends ask for it.

use super::{InvalidField, InvalidValue};
use crate::api::gateway::{
    BackendTlsPolicyValidation, LocalObjectReference, SubjectAltName, SubjectAltNameType,
};
use crate::model::{Hostname, SubjectName};
use std::sync::Arc;

/// Which certificate of a backend is right, before anyone looked where its references lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendTls {
    /// SNI, and without `subjects` the name of the certificate.
    pub server_name: Arc<str>,
    /// Names of which the certificate must have one.
    pub subjects: Arc<[SubjectName]>,
    /// Who must have signed it.
    pub issuers: Issuers,
}

/// Who must have signed a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Issuers {
    /// An authority of the system.
    System,
    /// One that these objects hold; each with its path in the object.
    Referred(Vec<(String, LocalObjectReference)>),
}

/// Converts what the `validation` at `field` says.
///
/// # Errors
/// Every field that cannot be understood.
pub fn backend_tls(wire: &BackendTlsPolicyValidation, field: &str) -> Result<BackendTls, Vec<InvalidField>> {
    let mut errors = Vec::new();
    let mut keep = |error| errors.push(error);
    let issuers = issuers(wire, field).map_err(&mut keep).ok();
    let server_name = server_name(&wire.hostname, field).map_err(&mut keep).ok();
    let mut subjects = Vec::new();
    for (index, name) in wire.subject_alt_names.iter().enumerate() {
        match subject(name, &format!("{field}.subjectAltNames[{index}]")) {
            Ok(subject) => subjects.push(subject),
            Err(error) => keep(error),
        }
    }
    match (server_name, issuers) {
        (Some(server_name), Some(issuers)) if errors.is_empty() => {
            Ok(BackendTls { server_name, subjects: subjects.into(), issuers })
        }
        _ => Err(errors),
    }
}

fn issuers(wire: &BackendTlsPolicyValidation, field: &str) -> Result<Issuers, InvalidField> {
    let named = wire.well_known_ca_certificates.as_deref().filter(|name| !name.is_empty());
    match (named, wire.ca_certificate_refs.as_slice()) {
        (Some("System"), []) => Ok(Issuers::System),
        (Some(other), []) => Err(InvalidField::new(
            format!("{field}.wellKnownCACertificates"),
            InvalidValue::WellKnownAuthorities(other.to_owned()),
        )),
        (None, [_, ..]) => {
            let references = wire.ca_certificate_refs.iter().enumerate();
            let field = |index| format!("{field}.caCertificateRefs[{index}]");
            Ok(Issuers::Referred(
                references.map(|(index, reference)| (field(index), reference.clone())).collect(),
            ))
        }
        (Some(_), [_, ..]) | (None, []) => Err(InvalidField::new(field, InvalidValue::AuthoritiesSource)),
    }
}

fn server_name(text: &str, field: &str) -> Result<Arc<str>, InvalidField> {
    let value = match Hostname::parse(text) {
        Ok(Hostname::Exact(name)) => return Ok(name),
        Ok(Hostname::Wildcard(_)) => InvalidValue::Wildcard(text.to_owned()),
        Err(error) => error.into(),
    };
    Err(InvalidField::new(format!("{field}.hostname"), value))
}

fn subject(wire: &SubjectAltName, field: &str) -> Result<SubjectName, InvalidField> {
    let given = |text: &'_ Option<String>| text.clone().filter(|text| !text.is_empty());
    let empty = |name| InvalidField::new(field, InvalidValue::EmptySubject(name));
    match wire.type_ {
        SubjectAltNameType::Hostname => {
            let name = given(&wire.hostname).ok_or_else(|| empty("Hostname"))?;
            let name = Hostname::parse(&name)
                .map_err(|error| InvalidField::new(format!("{field}.hostname"), error))?;
            Ok(SubjectName::Dns(name))
        }
        SubjectAltNameType::Uri => {
            let uri = given(&wire.uri).ok_or_else(|| empty("URI"))?;
            if !is_absolute(&uri) {
                return Err(InvalidField::new(format!("{field}.uri"), InvalidValue::Uri(uri)));
            }
            Ok(SubjectName::Uri(uri.into()))
        }
    }
}

/// A scheme (RFC 3986 §3.1), and something after it.
fn is_absolute(uri: &str) -> bool {
    uri.split_once(':').is_some_and(|(scheme, rest)| {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(inner)
            && !rest.is_empty()
    })
}

#[cfg(test)]
mod tests;
