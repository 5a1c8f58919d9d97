//! What can be wrong with a field.

use crate::model::{InvalidHostname, InvalidOrigin, InvalidPath, InvalidPattern};

/// A field whose value cannot be used, by its path in the object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {value}")]
pub struct InvalidField {
    /// For example `spec.rules[0].matches[1].path.value`.
    pub field: String,
    /// What is wrong with it, and what to do.
    pub value: InvalidValue,
}

impl InvalidField {
    /// Names the field that an error is about.
    pub fn new(field: impl Into<String>, value: impl Into<InvalidValue>) -> Self {
        Self { field: field.into(), value: value.into() }
    }
}

/// What is wrong with a value, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidValue {
    /// No hostname.
    #[error(transparent)]
    Hostname(#[from] InvalidHostname),
    /// A wildcard where one name is meant.
    #[error("{0:?} is a wildcard: give one name")]
    Wildcard(String),
    /// No path.
    #[error("the path {path:?} {error}")]
    Path {
        /// The path.
        path: String,
        /// What is wrong with it.
        error: InvalidPath,
    },
    /// A path with more than a path in it.
    #[error("the path {0:?} has a \"?\" or \"#\": give the path alone")]
    PathWithQuery(String),
    /// No expression.
    #[error(transparent)]
    Pattern(#[from] InvalidPattern),
    /// No name of a gRPC service or method.
    #[error("{0:?} is not the name of a gRPC service or method: use letters, digits, \"_\" and \".\"")]
    RpcName(String),
    /// A match of a method without one.
    #[error("service and method are both empty: give one, or leave the field out to match every call")]
    NoServiceAndMethod,
    /// No header name.
    #[error("{0:?} is not a header name (RFC 9110 §5.1)")]
    HeaderName(String),
    /// No header value.
    #[error("{0:?} is not a header value: leave out control characters")]
    HeaderValue(String),
    /// No origin.
    #[error(transparent)]
    Origin(#[from] InvalidOrigin),
    /// No method.
    #[error("{0:?} is not a method (RFC 9110 §9.1)")]
    Method(String),
    /// A header that belongs to the connection.
    #[error("the header {0:?} belongs to the connection and cannot be edited: leave it out")]
    ConnectionHeader(String),
    /// `Host` by a header edit.
    #[error("the header \"Host\" cannot be edited: use a URLRewrite filter's hostname")]
    HostHeader,
    /// A header that means something else.
    #[error(
        "the header {0:?} has a meaning of its own and cannot carry a session: use one such as \"X-Session\""
    )]
    SessionHeader(String),
    /// Sessions by a header, and none is named.
    #[error("the type is Header, but header.name is not set")]
    NoSessionHeader,
    /// No name of a cookie.
    #[error("{0:?} is not the name of a cookie (RFC 6265 §4.1.1)")]
    CookieName(String),
    /// No path of a cookie.
    #[error(
        "{0:?} cannot be the path of a cookie: begin with \"/\" and leave out \";\" and control characters"
    )]
    CookiePath(String),
    /// A cookie that ends at a time that is not given.
    #[error("a cookie of lifetimeType Permanent needs a time after which it ends: give one such as 8h")]
    PermanentCookie,
    /// Two edits of one header.
    #[error("the header {0:?} is edited twice: only one of set, add and remove may name it")]
    HeaderTwice(String),
    /// A filter without the field of its type.
    #[error("the filter's type is {0}, but the field of that type is not set")]
    EmptyFilter(&'static str),
    /// Two filters of one type.
    #[error("there are two {0} filters: leave one out")]
    FilterTwice(&'static str),
    /// Both of two that exclude each other.
    #[error("RequestRedirect and URLRewrite cannot be combined: leave one out")]
    RedirectAndRewrite,
    /// A redirect has no backend.
    #[error("RequestRedirect and backendRefs cannot be combined: leave one out")]
    RedirectAndBackends,
    /// `replacePrefixMatch` without a prefix.
    #[error("replacePrefixMatch needs a PathPrefix in every match of the rule")]
    PrefixWithoutPrefix,
    /// `replacePrefixMatch` or `replaceFullPath` is not the one that `type` names.
    #[error("the field that type {0} names is not set")]
    EmptyPathModifier(&'static str),
    /// A scheme that is neither of two.
    #[error("{0:?} is not a scheme: use \"http\" or \"https\"")]
    Scheme(String),
    /// A redirect with a status that is none.
    #[error("{0} is not the status of a redirect: use 301, 302, 303, 307 or 308")]
    RedirectStatus(u16),
    /// No URL of an Upstream's target.
    #[error("{url:?} {problem}: give http:// or https://HOST[:PORT][/PATH]")]
    Url {
        /// The text.
        url: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A field that goes with a type is missing.
    #[error("the type is {0}, but the field of that type is not set")]
    NoFieldOfType(&'static str),
    /// No name of a host outside of the cluster.
    #[error("{host:?} {problem}: give the whole name of a host outside of the cluster")]
    ExternalHostname {
        /// The text.
        host: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// TLS without what makes a certificate right.
    #[error("the mode is {0}, which needs it: say which certificate of the backend is right")]
    NoValidation(&'static str),
    /// A protocol with TLS and none with it, or the other way round.
    #[error("the protocol {protocol} {problem}")]
    ProtocolTls {
        /// The protocol.
        protocol: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Neither or both of two.
    #[error("exactly one of url and serviceRef must be set")]
    TargetSource,
    /// No network.
    #[error("{0:?} is no network: give one such as 10.0.0.0/8 or 2001:db8::/32")]
    Network(String),
    /// A value beyond its bounds.
    #[error("{value} is not from {least} to {most}")]
    Range {
        /// The value.
        value: String,
        /// The smallest that may be.
        least: String,
        /// The largest that may be.
        most: String,
    },
    /// No duration.
    #[error("{0:?} is no duration: give one such as 500ms or 1m30s")]
    Duration(String),
    /// No share.
    #[error("{0} is no share: give a number from 0 to 1")]
    Share(String),
    /// A PROXY protocol header that anyone could send would be believed.
    #[error("Optional needs clientIP.trustedCIDRs: anybody else could send a header and be whom he likes")]
    OptionalFromAnyone,
    /// A restriction that nobody would enforce.
    #[error(
        "only a Service of type LoadBalancer keeps others out: leave the field empty, or change service.type"
    )]
    RangesWithoutBalancer,
    /// A set of authorities that is not known.
    #[error("{0:?} is no set of authorities that Tidegate has: use \"System\" or caCertificateRefs")]
    WellKnownAuthorities(String),
    /// Neither or both of two.
    #[error("exactly one of caCertificateRefs and wellKnownCACertificates must be set")]
    AuthoritiesSource,
    /// A name without the field of its type.
    #[error("the name's type is {0}, but the field of that type is not set")]
    EmptySubject(&'static str),
    /// No URI.
    #[error("{0:?} is no URI with a scheme")]
    Uri(String),
    /// No provider.
    #[error("mode Enabled needs a provider: give the backendRef of a collector")]
    NoProvider,
    /// A header that says what a request to a collector is.
    #[error("the header {0:?} is Tidegate's own in requests to a collector: leave it out")]
    ExportHeader(String),
    /// An attribute without the field of its type.
    #[error("the sourceType is {0}, but the field of that type is not set")]
    EmptyAttribute(&'static str),
    /// Two attributes with one name.
    #[error("the attribute {0:?} is there twice: leave one out")]
    AttributeTwice(String),
    /// A name that is there already.
    #[error("the name {0:?} is there twice: names of targets must be unique")]
    TargetTwice(String),
}

impl InvalidValue {
    /// Whether filters exclude each other: the API has a reason of its own for that.
    pub fn is_incompatible_filters(&self) -> bool {
        matches!(self, Self::RedirectAndRewrite | Self::RedirectAndBackends | Self::FilterTwice(_))
    }
}
