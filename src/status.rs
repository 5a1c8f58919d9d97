//! From verdicts to what is written into an object's status. Pure: the time is given.
//!
//! ```text
//!  attach's verdicts + what is served ─► Wanted      (no time, no other controllers)
//!  Wanted + the newest object ─► merge ─► Merged     (own entries replaced, foreign ones kept)
//! ```

mod addresses;
mod entries;
mod features;
mod flips;
mod ingress;
mod listener_set;
mod merge;
mod policy;
mod raw;
mod wanted;

pub use addresses::GatewayAddress;
pub use features::FEATURES;
pub use flips::{Flip, flips};
pub use ingress::{ingress, ingress_class, ingress_left};
pub use listener_set::{listener_set, orphaned_listener_set};
pub use merge::{Merged, Status, merge};
pub use policy::{policy, xbackend};
pub use raw::{MergedJson, merge_json};
pub use wanted::{
    Body, ListenerBody, ParentBody, Progress, Wanted, class, gateway, route, unwritten, upstream,
};
