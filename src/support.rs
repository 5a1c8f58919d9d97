//! Small tools that know nothing of gateways: draining, backoff, hashes.

pub mod backoff;
pub mod drain;
pub mod forbidden;
pub mod local_executor;
pub mod pem;
pub mod relation;
pub mod stable_hash;
