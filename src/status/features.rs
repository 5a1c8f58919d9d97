//! What a GatewayClass claims to support.

use crate::api::Optional;
use crate::attach::Class;

/// References to ClusterTrustBundles.
const TRUST_BUNDLES: &str = "ClusterTrustBundle";
/// `spec.addresses[].routability`.
const ROUTABILITY: &str = "GatewayAddressRoutability";
/// The same with `Cluster`.
const CLUSTER_ROUTABILITY: &str = "GatewayAddressRoutabilityCluster";
/// `spec.listeners[].filters`.
const LISTENER_FILTERS: &str = "GatewayListenerFilters";

/// What has to be served by the API server for a feature to be there.
const NEEDS: [(&str, Optional); 4] = [
    (TRUST_BUNDLES, Optional::TRUST_BUNDLES),
    (ROUTABILITY, Optional::ADDRESS_ROUTABILITY),
    (CLUSTER_ROUTABILITY, Optional::ADDRESS_ROUTABILITY),
    (LISTENER_FILTERS, Optional::LISTENER_FILTERS),
];

/// Those that a class has.
pub(super) fn of_class(class: &Class) -> Vec<&'static str> {
    let is_served =
        |feature: &&str| NEEDS.iter().all(|(name, what)| name != feature || !class.unserved.contains(what));
    let can_be = |feature: &&str| class.has_cluster_ips || *feature != CLUSTER_ROUTABILITY;
    FEATURES.into_iter().filter(is_served).filter(can_be).collect()
}

/// Features of the conformance suite that are honoured, sorted by name as the API demands.
pub const FEATURES: [&str; 54] = [
    "BackendTLSPolicy",
    "BackendTLSPolicySANValidation",
    TRUST_BUNDLES,
    "GRPCRoute",
    "GRPCRouteNamedRouteRule",
    "GRPCRouteRequestHeaderModifier",
    "Gateway",
    "GatewayAddressEmpty",
    ROUTABILITY,
    CLUSTER_ROUTABILITY,
    "GatewayBackendClientCertificate",
    "GatewayFrontendClientCertificateValidation",
    "GatewayFrontendClientCertificateValidationInsecureFallback",
    "GatewayHTTPListenerIsolation",
    "GatewayHTTPSListenerDetectMisdirectedRequests",
    "GatewayInfrastructure",
    LISTENER_FILTERS,
    "GatewayPort8080",
    "GatewayRouteHostnameIntersectionPrecedence",
    "GatewayStaticAddresses",
    "HTTPRoute",
    "HTTPRoute303RedirectStatusCode",
    "HTTPRoute307RedirectStatusCode",
    "HTTPRoute308RedirectStatusCode",
    "HTTPRouteBackendProtocolH2C",
    "HTTPRouteBackendProtocolWebSocket",
    "HTTPRouteBackendRequestHeaderModification",
    "HTTPRouteBackendTimeout",
    "HTTPRouteBackendURLRewrite",
    "HTTPRouteCORS",
    "HTTPRouteDestinationPortMatching",
    "HTTPRouteHostRewrite",
    "HTTPRouteMethodMatching",
    "HTTPRouteNamedRouteRule",
    "HTTPRouteParentRefPort",
    "HTTPRoutePathRedirect",
    "HTTPRoutePathRewrite",
    "HTTPRoutePortRedirect",
    "HTTPRouteQueryParamMatching",
    "HTTPRouteRequestMirror",
    "HTTPRouteRequestMultipleMirrors",
    "HTTPRouteRequestPercentageMirror",
    "HTTPRouteRequestTimeout",
    "HTTPRouteResponseHeaderModification",
    "HTTPRouteRetryCodes",
    "HTTPRouteRetryConnectionError",
    "HTTPRouteSchemeRedirect",
    "ListenerSet",
    "ReferenceGrant",
    "TCPRoute",
    "TLSRoute",
    "TLSRouteModeMixed",
    "TLSRouteModeTerminate",
    "UDPRoute",
];
