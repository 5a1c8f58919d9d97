//! Verdicts as types: an enum per condition with its legal reasons.

use std::fmt;

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not hold.
    False,
}

impl Truth {
    /// As in a condition's `status`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
        }
    }
}

/// The reasons of one condition of one kind.
pub trait Reason: Copy + Eq + fmt::Debug {
    /// The condition's type.
    const TYPE: &'static str;
    /// Whether the condition tells of something bad when it is true.
    const NEGATIVE: bool = false;
    /// Whether the condition holds for this reason.
    fn truth(self) -> Truth;
    /// As in the condition's `reason`.
    fn as_str(self) -> &'static str;
}

/// What is found of one aspect of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict<R> {
    /// Why.
    pub reason: R,
    /// For people: names the object and the field, and what to do. Empty if all is well.
    pub message: String,
}

/// A verdict as it is written, without generation and time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// `type`
    pub type_: &'static str,
    /// `status`
    pub truth: Truth,
    /// `reason`
    pub reason: &'static str,
    /// `message`
    pub message: String,
    /// Whether it says that something is wrong.
    pub bad: bool,
}

/// What Kubernetes takes in a condition's message, in bytes.
const MESSAGE_LIMIT: usize = 32_768;

impl<R: Reason> Verdict<R> {
    /// All is well.
    pub fn good(reason: R) -> Self {
        Self { reason, message: String::new() }
    }

    /// Something is to be said.
    pub fn new(reason: R, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }

    /// Whether the condition holds.
    pub fn holds(&self) -> bool {
        self.reason.truth() == Truth::True
    }

    /// As it is written.
    pub fn condition(&self) -> Condition {
        let truth = self.reason.truth();
        let mut message = self.message.clone();
        if message.len() > MESSAGE_LIMIT {
            let end = (0..=MESSAGE_LIMIT - '…'.len_utf8()).rev().find(|at| message.is_char_boundary(*at));
            message.truncate(end.unwrap_or_default());
            message.push('…');
        }
        Condition {
            type_: R::TYPE,
            truth,
            reason: self.reason.as_str(),
            message,
            bad: (truth == Truth::True) == R::NEGATIVE,
        }
    }
}

/// Defines conditions with their reasons.
macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $type:literal $(($negative:literal))? {
        $($(#[$reason_doc:meta])* $reason:ident => $truth:ident $text:literal,)*
    })*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$reason_doc])* $reason,)* }

        impl Reason for $name {
            const TYPE: &'static str = $type;
            $(const NEGATIVE: bool = $negative;)?
            fn truth(self) -> Truth {
                match self { $(Self::$reason => Truth::$truth,)* }
            }
            fn as_str(self) -> &'static str {
                match self { $(Self::$reason => $text,)* }
            }
        }
    )* };
}

reasons! {
    /// Whether Gateways of a GatewayClass are served.
    ClassAccepted = "Accepted" {
        /// They are.
        Accepted => True "Accepted",
        /// Its `parametersRef` leads to no GatewayParameters that can be used.
        InvalidParameters => False "InvalidParameters",
        /// It could not be decoded.
        Invalid => False "Invalid",
    }

    /// Whether the schema of the objects is one that Tidegate knows.
    ClassSupportedVersion = "SupportedVersion" {
        /// It is.
        SupportedVersion => True "SupportedVersion",
    }

    /// Whether a Gateway produces any configuration.
    GatewayAccepted = "Accepted" {
        /// All of its listeners do.
        Accepted => True "Accepted",
        /// Some of its listeners do.
        SomeListenersNotValid => True "ListenersNotValid",
        /// None of its listeners does.
        NoListenerValid => False "ListenersNotValid",
        /// An address of a type that is not supported, or one that is no IP address.
        UnsupportedAddress => False "UnsupportedAddress",
        /// `infrastructure.parametersRef` or the class's leads to none that can be used.
        InvalidParameters => False "InvalidParameters",
        /// It could not be decoded.
        Invalid => False "Invalid",
    }

    /// Whether a Gateway's configuration is served.
    GatewayProgrammed = "Programmed" {
        /// By every worker, on every address.
        Programmed => True "Programmed",
        /// Not yet.
        Pending => False "Pending",
        /// There is nothing to serve.
        Invalid => False "Invalid",
        /// An address cannot be listened on.
        AddressNotUsable => False "AddressNotUsable",
        /// No address was given yet.
        AddressNotAssigned => False "AddressNotAssigned",
        /// There is no port left for a listener.
        NoResources => False "NoResources",
    }

    /// Whether a Gateway has an address for each entry of its spec; not there before that is known.
    GatewayAddressesAssigned = "AddressesAssigned" {
        /// It has, or one at least if the spec has no entries.
        AddressesAssigned => True "AddressesAssigned",
        /// For some.
        PartiallyAssigned => False "PartiallyAssigned",
        /// For none.
        NotAssigned => False "NotAssigned",
    }

    /// Whether all references of a Gateway and its listeners lead somewhere.
    GatewayResolvedRefs = "ResolvedRefs" {
        /// They do.
        ResolvedRefs => True "ResolvedRefs",
        /// Those of a listener do not.
        ListenersNotResolved => False "ListenersNotResolved",
        /// The certificate for backends is not there or bad.
        InvalidClientCertificateRef => False "InvalidClientCertificateRef",
        /// The certificate for backends is in another namespace without a grant.
        RefNotPermitted => False "RefNotPermitted",
    }

    /// Set while clients are let in without a good certificate. That is no defect, its owner asked for
    /// it, and the API wants it told.
    GatewayInsecureValidation = "InsecureFrontendValidationMode" {
        /// They are.
        ConfigurationChanged => True "ConfigurationChanged",
    }

    /// Whether a ListenerSet produces any configuration.
    SetAccepted = "Accepted" {
        /// All of its listeners do.
        Accepted => True "Accepted",
        /// Some of its listeners do.
        SomeListenersNotValid => True "ListenersNotValid",
        /// None of its listeners does.
        NoListenerValid => False "ListenersNotValid",
        /// The Gateway does not take it.
        NotAllowed => False "NotAllowed",
        /// The Gateway is not accepted, or not there any more.
        ParentNotAccepted => False "ParentNotAccepted",
        /// It could not be decoded.
        Invalid => False "Invalid",
    }

    /// Whether a ListenerSet's configuration is served.
    SetProgrammed = "Programmed" {
        /// By every worker.
        Programmed => True "Programmed",
        /// Not yet.
        Pending => False "Pending",
        /// None of its listeners is accepted.
        ListenersNotValid => False "ListenersNotValid",
        /// The Gateway does not take it.
        NotAllowed => False "NotAllowed",
        /// The Gateway cannot be reached.
        ParentNotProgrammed => False "ParentNotProgrammed",
        /// No socket of its listeners could be opened.
        PortUnavailable => False "PortUnavailable",
        /// It could not be decoded.
        Invalid => False "Invalid",
    }

    /// Whether a listener produces any configuration.
    ListenerAccepted = "Accepted" {
        /// It does.
        Accepted => True "Accepted",
        /// Another Gateway has the socket.
        PortUnavailable => False "PortUnavailable",
        /// Its protocol is not supported.
        UnsupportedProtocol => False "UnsupportedProtocol",
        /// A field that must not be passed over is not supported.
        UnsupportedValue => False "UnsupportedValue",
        /// A filter of it cannot be what somebody wanted.
        InvalidListenerFilter => False "InvalidListenerFilter",
        /// None of the references for the certificates of its clients leads to authorities.
        NoValidCaCertificate => False "NoValidCACertificate",
        /// Another listener of the Gateway has its port and hostname.
        HostnameConflict => False "HostnameConflict",
        /// Another listener of the Gateway has its port with another protocol.
        ProtocolConflict => False "ProtocolConflict",
    }

    /// Whether a listener is served.
    ListenerProgrammed = "Programmed" {
        /// By every worker.
        Programmed => True "Programmed",
        /// Not yet.
        Pending => False "Pending",
        /// It is not accepted, or has no certificate.
        Invalid => False "Invalid",
        /// Its socket cannot be opened.
        PortUnavailable => False "PortUnavailable",
        /// As for `Accepted`.
        HostnameConflict => False "HostnameConflict",
        /// As for `Accepted`.
        ProtocolConflict => False "ProtocolConflict",
    }

    /// Whether a listener's references lead somewhere.
    ListenerResolvedRefs = "ResolvedRefs" {
        /// They do.
        ResolvedRefs => True "ResolvedRefs",
        /// A certificate is not there or bad.
        InvalidCertificateRef => False "InvalidCertificateRef",
        /// A kind of routes that the listener cannot have.
        InvalidRouteKinds => False "InvalidRouteKinds",
        /// A certificate, authorities, or the service of a filter, of another namespace without a grant.
        RefNotPermitted => False "RefNotPermitted",
        /// Authorities for the certificates of clients are not there, or bad.
        InvalidCaCertificateRef => False "InvalidCACertificateRef",
        /// They are looked for in a kind that holds none.
        InvalidCaCertificateKind => False "InvalidCACertificateKind",
        /// The service of a filter is not there or cannot be used, or the filter is of no known kind.
        InvalidListenerFilterRef => False "InvalidListenerFilterRef",
    }

    /// Whether a listener conflicts with another.
    ListenerConflicted = "Conflicted" (true) {
        /// Same port and hostname.
        HostnameConflict => True "HostnameConflict",
        /// Same port, HTTP here and HTTPS there.
        ProtocolConflict => True "ProtocolConflict",
        /// It does not.
        NoConflicts => False "NoConflicts",
    }

    /// Set while HTTPS listeners of one port have overlapping hostnames: a client that reuses a
    /// connection can meet a listener that its TLS handshake was not for, and gets 421. That is
    /// no defect, the API only wants it told.
    ListenerOverlapping = "OverlappingTLSConfig" {
        /// They have.
        OverlappingHostnames => True "OverlappingHostnames",
    }

    /// Whether a route is attached to a parent.
    RouteAccepted = "Accepted" {
        /// It is.
        Accepted => True "Accepted",
        /// No listener lets routes of its kind and namespace in.
        NotAllowedByListeners => False "NotAllowedByListeners",
        /// No listener shares a hostname with it.
        NoMatchingListenerHostname => False "NoMatchingListenerHostname",
        /// No listener has the section name and port.
        NoMatchingParent => False "NoMatchingParent",
        /// A route of another kind has its hostnames on every listener.
        HostnameConflict => False "HostnameConflict",
        /// No rule of it can be served.
        UnsupportedValue => False "UnsupportedValue",
        /// The same, for filters that exclude each other.
        IncompatibleFilters => False "IncompatibleFilters",
    }

    /// Whether a route's references lead somewhere.
    RouteResolvedRefs = "ResolvedRefs" {
        /// They do.
        ResolvedRefs => True "ResolvedRefs",
        /// Another namespace's object without a grant.
        RefNotPermitted => False "RefNotPermitted",
        /// A kind that is no backend.
        InvalidKind => False "InvalidKind",
        /// The object or its port is not there.
        BackendNotFound => False "BackendNotFound",
        /// What is spoken there is not supported.
        UnsupportedProtocol => False "UnsupportedProtocol",
        /// An ExternalName Service, or a field that makes no sense there.
        UnsupportedValue => False "UnsupportedValue",
    }

    /// Set while some rules of a route are served and others are not.
    RoutePartiallyInvalid = "PartiallyInvalid" (true) {
        /// A rule has a bad field.
        UnsupportedValue => True "UnsupportedValue",
        /// A rule has filters that exclude each other.
        IncompatibleFilters => True "IncompatibleFilters",
    }

    /// Set while matches of a route get no requests from the listeners of a parent, or none for a
    /// hostname: the message names who does.
    RouteShadowed = "tidegate.dev/Shadowed" (true) {
        /// Another match, which is the same, goes first.
        MatchTaken => True "MatchTaken",
        /// Another listener, which is more specific, gets all requests for a hostname of it.
        HostnameTaken => True "HostnameTaken",
    }

    /// Set while a field is accepted and not honoured, without harm: the message names it.
    NotHonoured = "tidegate.dev/NotHonoured" (true) {
        /// That is why.
        UnsupportedValue => True "UnsupportedValue",
    }

    /// Set while a host of an Ingress has not the certificate that the Ingress means.
    IngressCertificates = "Certificates" {
        /// The Secret is not there or bad.
        InvalidCertificateRef => False "InvalidCertificateRef",
        /// Another Ingress has one for the host.
        HostTaken => False "HostTaken",
        /// No Secret is named.
        NoSecret => False "NoSecret",
    }

    /// Set while another Ingress, or another rule, has a host with the same path.
    IngressConflicted = "Conflicted" (true) {
        /// That is why.
        PathTaken => True "PathTaken",
    }

    /// Whether a policy holds for what it is attached to, for the requests of one Gateway.
    PolicyAccepted = "Accepted" {
        /// It does.
        Accepted => True "Accepted",
        /// Another policy, which comes first, holds in its place.
        Conflicted => False "Conflicted",
        /// A field cannot be understood, a kind takes no such policy, or it could not be decoded.
        Invalid => False "Invalid",
        /// What it is attached to is not there.
        TargetNotFound => False "TargetNotFound",
        /// None of its references leads to certificates of authorities.
        NoValidCaCertificate => False "NoValidCACertificate",
    }

    /// Whether the references of a BackendTLSPolicy lead to certificates of authorities.
    BackendTlsResolvedRefs = "ResolvedRefs" {
        /// They do.
        ResolvedRefs => True "ResolvedRefs",
        /// One leads to nothing, or to something without certificates.
        InvalidCaCertificateRef => False "InvalidCACertificateRef",
        /// One is to a kind that holds none.
        InvalidKind => False "InvalidKind",
    }

    /// Whether the reference of an XTelemetryPolicy leads to a collector.
    TelemetryResolvedRefs = "ResolvedRefs" {
        /// It does, or there is none.
        ResolvedRefs => True "ResolvedRefs",
        /// Another namespace's object without a grant.
        RefNotPermitted => False "RefNotPermitted",
        /// A kind that is no backend.
        InvalidKind => False "InvalidKind",
        /// The object or its port is not there.
        BackendNotFound => False "BackendNotFound",
        /// What is spoken there is not supported.
        UnsupportedProtocol => False "UnsupportedProtocol",
        /// An ExternalName Service, or a field that makes no sense there.
        UnsupportedValue => False "UnsupportedValue",
    }

    /// Whether requests can be sent to an XBackend.
    XBackendAccepted = "Accepted" {
        /// They can.
        Accepted => True "Accepted",
        /// A field cannot be understood, or it could not be decoded.
        Invalid => False "Invalid",
        /// None of its references leads to certificates of authorities.
        NoValidCaCertificate => False "NoValidCACertificate",
        /// The certificate that it is to be shown cannot be had.
        NoClientCertificate => False "NoClientCertificate",
    }

    /// Whether the references of an XBackend lead somewhere.
    XBackendResolvedRefs = "ResolvedRefs" {
        /// They do.
        ResolvedRefs => True "ResolvedRefs",
        /// One leads to nothing, or to something without certificates of authorities.
        InvalidCaCertificateRef => False "InvalidCACertificateRef",
        /// One is to a kind that holds none.
        InvalidKind => False "InvalidKind",
        /// The one for the gateway's certificate leads to none.
        InvalidClientCertificateRef => False "InvalidClientCertificateRef",
        /// A Secret of another namespace without a grant.
        RefNotPermitted => False "RefNotPermitted",
        /// Without a cluster: no Service finds the endpoints.
        ServiceNotFound => False "ServiceNotFound",
    }

    /// Whether an Upstream can be used.
    UpstreamAccepted = "Accepted" {
        /// It can.
        Accepted => True "Accepted",
        /// It can, but every target has weight 0.
        NoWeight => True "NoWeight",
        /// A target cannot be understood, or it could not be decoded.
        Invalid => False "Invalid",
    }

    /// Whether an Upstream's references lead somewhere.
    UpstreamResolvedRefs = "ResolvedRefs" {
        /// They do.
        ResolvedRefs => True "ResolvedRefs",
        /// A Service of another namespace without a grant.
        RefNotPermitted => False "RefNotPermitted",
        /// The Service or its port is not there.
        BackendNotFound => False "BackendNotFound",
        /// What is spoken there is not supported.
        UnsupportedProtocol => False "UnsupportedProtocol",
        /// An ExternalName Service.
        UnsupportedValue => False "UnsupportedValue",
        /// An address that must not be connected to.
        ForbiddenTarget => False "ForbiddenTarget",
    }
}
