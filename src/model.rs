//! What the data plane is told: plain, immutable, serializable data without any Kubernetes type.
//!
//! [`Delta`] is the seam between the two halves of Tidegate. Today it goes through a channel in
//! one process; the same type goes to a last-good file and to proxies in other pods.

mod auth;
mod authorities;
mod bind;
mod certificate;
mod cors;
mod delta;
mod endpoint;
mod filter;
mod hostname;
mod key;
mod listener;
mod matching;
mod path;
mod pattern;
mod policy;
mod reason;
mod route;
mod session;
mod settings;
mod tracing;
mod upstream;

pub use auth::{AuthProtocol, ExternalAuth};
pub use authorities::Authorities;
pub use bind::{BindAddress, IpProtocol};
pub use certificate::Certificate;
pub use cors::{Cors, InvalidOrigin, Listed, OriginHost, OriginMatch};
pub use delta::{Delta, Resource, ResourceKey};
pub use endpoint::{Endpoint, Endpoints};
pub use filter::{Filters, HeaderEdit, Mirror, PathRewrite, Redirect, Rewrite};
pub use hostname::{Hostname, InvalidHostname};
pub use key::{
    CertificateKey, EndpointsKey, ListenerKey, ObjectKey, RouteKey, RouteKind, RuleKey, UpstreamKey,
};
pub use listener::{ClientCertificate, ClientValidation, Listener, Protocol, Transport};
pub use matching::{HeaderMatch, Match, PathMatch, QueryMatch, RpcLengths, ValueMatch};
pub use path::{InvalidPath, normalize_path};
pub use pattern::{InvalidPattern, Pattern};
pub use policy::{Retry, RetryBudget, RetryConstraint, Timeouts};
pub use reason::Reason;
pub use route::{Attachment, Backend, BackendTarget, Route, Rule, RuleHost};
pub use session::{SessionCarrier, SessionPersistence};
pub use settings::{ListenerSettings, ProxyProtocol, TlsVersion};
pub use tracing::{ATTRIBUTE_KEYS, AttributeSource, OtlpProtocol, Share, SpanAttribute, Tracing};
pub use upstream::{BackendProtocol, Entry, EntrySource, OriginateTls, Shown, SubjectName, Trust, Upstream};
