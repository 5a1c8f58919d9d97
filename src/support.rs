//! Small tools that know nothing of gateways: draining, backoff, clocks.

pub mod drain;
pub mod pem;
