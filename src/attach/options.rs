//! What holds for all objects.

use crate::support::forbidden::TargetPolicy;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// Settings of the decisions.
#[derive(Clone, Debug)]
pub struct Options {
    /// The name under which GatewayClasses and status entries are this controller's.
    pub controller_name: Arc<str>,
    /// A class name that needs no GatewayClass object.
    pub implicit_class: Option<Arc<str>>,
    /// Where a Gateway listens that does not ask for an address.
    pub default_address: IpAddr,
    /// Whether objects are made for each Gateway, which carry its `infrastructure`.
    pub makes_infrastructure: bool,
    /// Which targets may be connected to.
    pub targets: TargetPolicy,
}

impl Options {
    /// The name in a GatewayClass's `controllerName`.
    pub const CONTROLLER_NAME: &'static str = "tidegate.dev/gateway-controller";

    /// Without a cluster: Gateways of class `tidegate` need no GatewayClass, listeners bind to
    /// 127.0.0.1 unless told otherwise, and targets may be on this machine.
    pub fn standalone() -> Self {
        Self {
            controller_name: Self::CONTROLLER_NAME.into(),
            implicit_class: Some("tidegate".into()),
            default_address: Ipv4Addr::LOCALHOST.into(),
            makes_infrastructure: false,
            targets: TargetPolicy::new(true, Vec::new()),
        }
    }
}
