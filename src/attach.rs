//! Decides everything once: which Gateways and listeners are valid, which route is on which
//! listener, where each reference leads and whether a grant permits it.
//!
//! ```text
//!  Index + Dirty ─► classes ─► gateways ─► policies ─► upstreams, XBackends ─► routes ─► Changes
//! ```
//!
//! The same pass yields what is served and the verdicts, so status can never disagree with
//! traffic. Only what is dirty is judged again, and [`Work`] counts it.

mod addresses;
mod assigned;
mod authorities;
mod backend_tls;
mod backend_traffic;
mod backends;
mod certificates;
mod claims;
mod class;
mod conflicts;
mod frontend;
mod gateway;
mod grants;
mod identity;
mod ingress;
mod ingress_classes;
mod isolation;
mod listeners;
mod options;
mod parameters;
mod parents;
mod policies;
mod ports;
mod reached;
mod referred;
mod rivals;
mod route;
mod route_kinds;
mod rules;
mod run;
mod sets;
mod shadows;
mod telemetry;
mod upstream;
pub mod verdict;
mod xbackend;

use crate::convert::unsupported::Found;
use verdict::{NotHonoured, Verdict};

pub use class::Class;
pub use gateway::Gateway;
pub use ingress::IngressPart;
pub use listeners::Listener;
pub use options::{HostPorts, Options, Place, Pods};
pub use parents::{Admission, NamespaceChoice, Parent};
pub use policies::{Ancestor, Policy};
pub use reached::Reached;
pub use referred::{referred, refers_by_name};
pub use route::Route;
pub use run::{Attachments, Changes, Head, Work, owner_of};
pub use sets::ListenerSet;
pub use upstream::Upstream;
pub use xbackend::XBackend;

/// The most problems that one message spells out; the rest is counted.
const PROBLEMS_SPELLED_OUT: usize = 8;

/// One message of several problems, readable even if there are hundreds.
fn list_problems(problems: &[String]) -> String {
    let mut message = problems.iter().take(PROBLEMS_SPELLED_OUT).cloned().collect::<Vec<_>>().join("; ");
    if let Some(more) = problems.len().checked_sub(PROBLEMS_SPELLED_OUT).filter(|more| *more > 0) {
        message.push_str(&format!("; and {more} more"));
    }
    message
}

/// The condition for fields that are not honoured and do no harm.
fn not_honoured<'a>(told: impl Iterator<Item = &'a Found>) -> Option<Verdict<NotHonoured>> {
    let told: Vec<_> = told.map(|found| format!("{} ({})", found.path, found.field.instead)).collect();
    let message = format!("accepted and not honoured: {}", list_problems(&told));
    (!told.is_empty()).then(|| Verdict::new(NotHonoured::UnsupportedValue, message))
}

#[cfg(test)]
mod testing;
