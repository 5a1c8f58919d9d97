//! What the ports of Services and EndpointSlices have in common.

use super::check_choice;
use crate::api::head::QUALIFIED_NAME_FORM;
use crate::api::names;
use crate::api::schema::{Path, Report};

pub(super) const PORT_FORM: &str = "must be a port from 1 to 65535";
const NAME_FORM: &str =
    "must be at most 63 lower-case letters, digits and \"-\", beginning and ending with a letter or digit";

pub(super) fn is_port(number: i32) -> bool {
    (1..=65535).contains(&number)
}

/// The protocol of a port that names none.
pub(super) fn fill_in_protocol(protocol: &mut Option<String>) {
    super::fill_in(protocol, "TCP");
}

/// What says the same of both kinds of ports; whether a name is needed does not.
pub(super) fn check(
    name: Option<&str>,
    protocol: Option<&str>,
    app_protocol: Option<&str>,
    path: &Path<'_>,
    report: &mut Report,
) {
    let name = name.unwrap_or_default();
    if !name.is_empty() && !names::is_label(name) {
        report.error(&path.field("name"), NAME_FORM);
    }
    check_choice(protocol, &["TCP", "UDP", "SCTP"], &path.field("protocol"), report);
    if app_protocol.is_some_and(|protocol| !names::is_qualified_name(protocol)) {
        report.error(&path.field("appProtocol"), QUALIFIED_NAME_FORM);
    }
}
