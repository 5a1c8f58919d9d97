//! Where a Gateway listens.

use super::Options;
use super::verdict::{GatewayAccepted, Verdict};
use crate::api::gateway::GatewaySpec;
use std::net::IpAddr;

/// The addresses of a Gateway, without doubles, in the order of the spec.
pub(super) fn addresses(
    spec: &GatewaySpec,
    options: &Options,
) -> Result<Vec<IpAddr>, Verdict<GatewayAccepted>> {
    let mut addresses = Vec::new();
    for (index, wire) in spec.addresses.iter().enumerate() {
        let refuse = |problem: String| {
            let message = format!("spec.addresses[{index}].{problem}");
            Err(Verdict::new(GatewayAccepted::UnsupportedAddress, message))
        };
        if wire.type_ != "IPAddress" {
            return refuse(format!("type: {:?} is not supported: use IPAddress", wire.type_));
        }
        let address = match wire.value.as_deref() {
            // "When a value is unspecified, an implementation SHOULD automatically assign an
            // address matching the requested type if possible."
            None | Some("") => options.default_address,
            Some(text) => match text.parse() {
                Ok(address) => address,
                Err(_) => return refuse(format!("value: {text:?} is no IP address")),
            },
        };
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        addresses.push(options.default_address);
    }
    Ok(addresses)
}
