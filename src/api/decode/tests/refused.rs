//! What `kubectl` refuses, and what is said.

use super::*;

/// Each manifest and everything that is wrong with it.
fn check(cases: &[(String, &[&str])]) {
    for (yaml, wanted) in cases {
        assert_eq!(errors(yaml), *wanted, "{yaml}");
    }
}

/// An object of Gateway API with this spec.
fn gateway_api(kind: &str, spec: &str) -> String {
    format!("{{apiVersion: gateway.networking.k8s.io/v1, kind: {kind}, metadata: {{name: a}}, spec: {spec}}}")
}

fn route(spec: &str) -> String {
    gateway_api("HTTPRoute", spec)
}

/// A route with this in its only rule.
fn rule(rule: &str) -> String {
    route(&format!("{{rules: [{rule}]}}"))
}

/// A Gateway with this as its only listener.
fn listener(listener: &str) -> String {
    gateway_api("Gateway", &format!("{{gatewayClassName: a, listeners: [{listener}]}}"))
}

/// A Gateway with this as its only address.
fn address(address: &str) -> String {
    let listeners = "listeners: [{name: a, port: 80, protocol: HTTP}]";
    gateway_api("Gateway", &format!("{{gatewayClassName: a, addresses: [{address}], {listeners}}}"))
}

#[test]
fn fields_of_routes() {
    check(&[
        (
            rule("{backendRef: []}"),
            &["spec.rules[0].backendRef: unknown field, did you mean \"backendRefs\"?"],
        ),
        (
            rule("{matches: [{paths: {value: /}}]}"),
            &["spec.rules[0].matches[0].paths: unknown field, did you mean \"path\"?"],
        ),
        (rule("{timeout: {}}"), &["spec.rules[0].timeout: unknown field, did you mean \"timeouts\"?"]),
        (
            rule("{weight: 1}"),
            &[
                "spec.rules[0].weight: unknown field; known here: backendRefs, filters, matches, name, retry, \
               sessionPersistence, timeouts",
            ],
        ),
        (
            rule("{backendRefs: [{name: a, port: http}]}"),
            &["spec.rules[0].backendRefs[0].port: must be an integer, not a string"],
        ),
        (
            rule("{backendRefs: [{name: a, port: 80, weight: 1.5}]}"),
            &["spec.rules[0].backendRefs[0].weight: must be an integer, not a number"],
        ),
        (
            rule("{backendRefs: [{name: a, port: 80, weight: -1}]}"),
            &["spec.rules[0].backendRefs[0].weight: must be at least 0, not -1"],
        ),
        (
            rule("{backendRefs: [{name: a, port: 70000}]}"),
            &["spec.rules[0].backendRefs[0].port: must be at most 65535, not 70000"],
        ),
        (rule("{backendRefs: [{port: 80}]}"), &["spec.rules[0].backendRefs[0].name: is required"]),
        (
            rule("{backendRefs: {name: a, port: 80}}"),
            &["spec.rules[0].backendRefs: must be a list, not an object"],
        ),
        (route("{rules: []}"), &["spec.rules: must have at least 1 entries, has 0"]),
        (route("1"), &["spec: must be an object, not an integer"]),
        (
            "{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: a}}".to_owned(),
            &["spec: is required"],
        ),
        (
            rule("{retry: {codes: [503, 99999999999]}}"),
            &["spec.rules[0].retry.codes[1]: must be at most 599, not 99999999999"],
        ),
        (
            rule("{retry: {attempts: 5000000000000000000000}}"),
            &["spec.rules[0].retry.attempts: must be an integer, not a number"],
        ),
    ]);
}

#[test]
fn values_in_routes() {
    check(&[
        (
            rule("{matches: [{path: {type: Prefix, value: /}}]}"),
            &["spec.rules[0].matches[0].path.type: \"Prefix\" is not supported; supported: \"Exact\", \
               \"PathPrefix\", \"RegularExpression\""],
        ),
        (
            rule("{matches: [{path: {type: exact, value: /}}]}"),
            &["spec.rules[0].matches[0].path.type: \"exact\" is not supported, did you mean \"Exact\"?"],
        ),
        (
            rule("{matches: [{method: get}]}"),
            &["spec.rules[0].matches[0].method: \"get\" is not supported, did you mean \"GET\"?"],
        ),
        (
            rule("{matches: [{headers: [{name: 'a b', value: c}]}]}"),
            &["spec.rules[0].matches[0].headers[0].name: \"a b\" does not match \
               ^[A-Za-z0-9!#$%&'*+\\-.^_\\x60|~]+$"],
        ),
        (
            rule("{matches: [{headers: [{name: a, value: b}, {name: a, value: c}]}]}"),
            &["spec.rules[0].matches[0].headers[1]: duplicate value {\"name\":\"a\"}"],
        ),
        (
            rule("{filters: [{type: RequestHeaderModifier, requestHeaderModifier: {remove: [a, a]}}]}"),
            &["spec.rules[0].filters[0].requestHeaderModifier.remove[1]: duplicate value \"a\""],
        ),
        (
            rule("{timeouts: {request: 1 minute}}"),
            &["spec.rules[0].timeouts.request: \"1 minute\" does not match ^([0-9]{1,5}(h|m|s|ms)){1,4}$"],
        ),
        (
            route("{hostnames: [a_b]}"),
            &["spec.hostnames[0]: \"a_b\" does not match \
               ^(\\*\\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"],
        ),
        (
            rule(&format!("{{matches: [{{path: {{value: /{}}}}}]}}", "é".repeat(1024))),
            &["spec.rules[0].matches[0].path.value: must have at most 1024 characters, has 1025"],
        ),
    ]);
}

#[test]
fn grpc_routes() {
    let rule = |rule: &str| gateway_api("GRPCRoute", &format!("{{rules: [{rule}]}}"));
    let method = "spec.rules[0].matches[0].method";
    check(&[
        (
            rule("{matches: [{path: {value: /}}]}"),
            &["spec.rules[0].matches[0].path: unknown field; known here: headers, method"],
        ),
        (
            rule("{matches: [{method: {}}]}"),
            &[&format!("{method}: One or both of 'service' or 'method' must be specified")],
        ),
        (
            rule("{matches: [{method: {service: shop/Cart}}]}"),
            &[&format!(
                "{method}: service must only contain valid characters (matching \
                 ^(?i)\\.?[a-z_][a-z_0-9]*(\\.[a-z_][a-z_0-9]*)*$)"
            )],
        ),
        (
            rule("{matches: [{method: {method: Get.it}}]}"),
            &[&format!(
                "{method}: method must only contain valid characters (matching ^[A-Za-z_][A-Za-z_0-9]*$)"
            )],
        ),
        (
            rule("{matches: [{method: {type: Prefix, service: a}}]}"),
            &[&format!(
                "{method}.type: \"Prefix\" is not supported; supported: \"Exact\", \"RegularExpression\""
            )],
        ),
        (
            rule("{filters: [{type: CORS}]}"),
            &["spec.rules[0].filters[0].type: \"CORS\" is not supported; supported: \
               \"ResponseHeaderModifier\", \"RequestHeaderModifier\", \"RequestMirror\", \"ExtensionRef\""],
        ),
    ]);
}

#[test]
fn rules_for_routes() {
    let path = "spec.rules[0].matches[0].path";
    check(&[
        (
            rule("{backendRefs: [{name: a}]}"),
            &["spec.rules[0].backendRefs[0]: Must have port for Service reference"],
        ),
        (
            rule("{matches: [{path: {value: cart}}]}"),
            &[&format!(
                "{path}: value must be an absolute path and start with '/' when type one of ['Exact', 'PathPrefix']"
            )],
        ),
        (
            rule("{matches: [{path: {value: /a//b}}]}"),
            &[&format!("{path}: must not contain '//' when type one of ['Exact', 'PathPrefix']")],
        ),
        (
            rule("{matches: [{path: {value: '/a b'}}]}"),
            &[&format!(
                "{path}: must only contain valid characters (matching \
                 ^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|[%][0-9a-fA-F]{{2}})+$) for types ['Exact', 'PathPrefix']"
            )],
        ),
        (
            rule("{timeouts: {request: 900ms, backendRequest: 1s}}"),
            &["spec.rules[0].timeouts: backendRequest timeout cannot be longer than request timeout"],
        ),
        (rule("{name: x}, {name: x}"), &["spec.rules: Rule name must be unique within the route"]),
        (
            route("{parentRefs: [{name: a}, {name: a}]}"),
            &[
                "spec.parentRefs: sectionName or port must be unique when parentRefs includes 2 or more references to \
               the same parent",
            ],
        ),
        (
            route("{parentRefs: [{name: a, namespace: b, sectionName: c}, {name: a, namespace: b}]}"),
            &[
                "spec.parentRefs: sectionName or port must be specified when parentRefs includes 2 or more references \
               to the same parent",
            ],
        ),
    ]);
}

#[test]
fn filters() {
    let redirect = "{type: RequestRedirect, requestRedirect: {hostname: a.example.com}}";
    let rewrite = "{type: URLRewrite, urlRewrite: {hostname: a.example.com}}";
    let prefix = "{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /}}}";
    check(&[
        (
            rule(&format!("{{filters: [{redirect}, {rewrite}]}}")),
            &["spec.rules[0].filters: May specify either httpRouteFilterRequestRedirect or \
               httpRouteFilterRequestRewrite, but not both"],
        ),
        (
            rule(&format!("{{filters: [{rewrite}, {rewrite}]}}")),
            &["spec.rules[0].filters: URLRewrite filter cannot be repeated"],
        ),
        (
            rule(&format!("{{filters: [{redirect}], backendRefs: [{{name: a, port: 80}}]}}")),
            &["spec.rules[0]: RequestRedirect filter must not be used together with backendRefs"],
        ),
        (
            rule(&format!("{{matches: [{{path: {{type: Exact, value: /a}}}}], filters: [{prefix}]}}")),
            &[
                "spec.rules[0]: When using URLRewrite filter with path.replacePrefixMatch, exactly one PathPrefix \
               match must be specified",
            ],
        ),
        (
            rule("{filters: [{type: RequestHeaderModifier}]}"),
            &[
                "spec.rules[0].filters[0]: filter.requestHeaderModifier must be specified for RequestHeaderModifier \
               filter.type",
            ],
        ),
        (
            rule(
                "{filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: a, values: b}]}}]}",
            ),
            &[
                "spec.rules[0].filters[0].requestHeaderModifier.set[0].values: unknown field, did you mean \"value\"?",
                "spec.rules[0].filters[0].requestHeaderModifier.set[0].value: is required",
            ],
        ),
        (
            rule("{filters: [{type: RequestRedirect, requestRedirect: {statusCode: 304}}]}"),
            &[
                "spec.rules[0].filters[0].requestRedirect.statusCode: 304 is not supported; supported: 301, 302, 303, \
               307, 308",
            ],
        ),
    ]);
}

#[test]
fn gateways() {
    let reserved = "spec.addresses[0].routability: Routability must be empty, Cluster, or an \
                    implementation-specific prefixed path; k8s.io and its subdomains are reserved";
    check(&[
        (
            listener("{name: a, port: 0, protocol: HTTP}"),
            &["spec.listeners[0].port: must be at least 1, not 0"],
        ),
        (
            listener("{name: a, port: 80, protocol: HTTP, tls: {certificateRefs: [{name: a}]}}"),
            &["spec.listeners: tls must not be specified for protocols ['HTTP', 'TCP', 'UDP']"],
        ),
        (
            listener("{name: a, port: 443, protocol: HTTPS, tls: {}}"),
            &["spec.listeners[0].tls: certificateRefs or options must be specified when mode is Terminate"],
        ),
        (
            listener("{name: a, port: 80, protocol: HTTP}, {name: b, port: 80, protocol: HTTP}"),
            &["spec.listeners: Combination of port, protocol and hostname must be unique for each listener"],
        ),
        (
            listener("{name: a, port: 80, protocol: HTTP}, {name: a, port: 81, protocol: HTTP}"),
            &["spec.listeners[1]: duplicate value {\"name\":\"a\"}"],
        ),
        (
            listener("{name: a, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: all}}}"),
            &[
                "spec.listeners[0].allowedRoutes.namespaces.from: \"all\" is not supported, did you mean \"All\"?",
            ],
        ),
        (
            address("{value: 300.0.0.1}"),
            &["spec.addresses[0]: fits none of the alternatives (spec.addresses[0].value: fits none of the \
               alternatives (spec.addresses[0].value: must be an IPv4 address; or spec.addresses[0].value: must be \
               an IPv6 address); or spec.addresses[0].type: has a value that is not allowed here)"],
        ),
        (address("{value: '::1', routability: k8s.io/x}"), &[reserved]),
        (address("{value: '::1', routability: 'A_B/x'}"), &[reserved]),
        (address("{value: '::1'}, {value: '::1'}"), &["spec.addresses: IPAddress values must be unique"]),
    ]);
}

#[test]
fn classes_and_grants() {
    check(&[
        (
            gateway_api("GatewayClass", "{controllerName: tidegate}"),
            &["spec.controllerName: \"tidegate\" does not match \
               ^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\\/[A-Za-z0-9\\/\\-._~%!$&'()*+,;=:]+$"],
        ),
        (
            gateway_api("ReferenceGrant", "{from: [{kind: HTTPRoute, namespace: a}], to: []}"),
            &["spec.from[0].group: is required", "spec.to: must have at least 1 entries, has 0"],
        ),
    ]);
}

#[test]
fn gateway_parameters() {
    let spec = |spec: &str| {
        format!(
            "{{apiVersion: tidegate.dev/v1alpha1, kind: GatewayParameters, metadata: {{name: a}}, spec: {spec}}}"
        )
    };
    let service = |service: &str| spec(&format!("{{service: {service}}}"));
    let network = "must be a network such as 10.0.0.0/8 or 2001:db8::/32";
    check(&[
        (spec("{servce: {}}"), &["spec.servce: unknown field, did you mean \"service\"?"]),
        (
            service("{type: NodePort, loadBalancerClass: a, loadBalancerSourceRanges: [10.0.0.0/8]}"),
            &[
                "spec.service: loadBalancerClass is for type LoadBalancer",
                "spec.service: loadBalancerSourceRanges is for type LoadBalancer",
            ],
        ),
        (
            service("{type: ClusterIP, externalTrafficPolicy: Local, loadBalancerSourceRanges: []}"),
            &["spec.service: externalTrafficPolicy is for the types LoadBalancer and NodePort"],
        ),
        (
            service("{annotations: {a/b/c: d}}"),
            &[
                "spec.service.annotations: a name must be up to 63 letters, digits, \"-\", \"_\" and \".\", perhaps \
               behind a domain and \"/\"",
            ],
        ),
        (
            service("{loadBalancerSourceRanges: [10.0.0.1]}"),
            &[&format!("spec.service.loadBalancerSourceRanges[0]: {network}")],
        ),
        (
            spec("{clientIP: {trustedCIDRs: [10.0.0.0/8, 10.0.0.0/33], proxyProtocol: Maybe}}"),
            &[
                &format!("spec.clientIP.trustedCIDRs[1]: {network}"),
                "spec.clientIP.proxyProtocol: \"Maybe\" is not supported; supported: \"Off\", \"Optional\", \"Required\"",
            ],
        ),
        (
            spec("{limits: {headBytes: 8191, headFields: 0, uriBytes: 1048577, http2Streams: 1001}}"),
            &[
                "spec.limits.headBytes: must be at least 8192, not 8191",
                "spec.limits.headFields: must be at least 1, not 0",
                "spec.limits.uriBytes: must be at most 1048576, not 1048577",
                "spec.limits.http2Streams: must be at most 1000, not 1001",
            ],
        ),
        (spec("{timeouts: {idle: 0m0s}}"), &["spec.timeouts.idle: must be more than 0"]),
        (
            spec("{timeouts: {head: 1d}}"),
            &["spec.timeouts.head: \"1d\" does not match ^([0-9]{1,5}(h|m|s|ms)){1,4}$"],
        ),
        (
            spec("{tls: {minVersion: TLSv1.1}}"),
            &["spec.tls.minVersion: \"TLSv1.1\" is not supported, did you mean \"TLSv1.2\"?"],
        ),
        (spec("{accessLog: {share: 1.01}}"), &["spec.accessLog.share: must be at most 1, not 1.01"]),
    ]);
}

#[test]
fn upstreams() {
    let upstream = |spec: &str| {
        format!("{{apiVersion: tidegate.dev/v1alpha1, kind: Upstream, metadata: {{name: a}}, spec: {spec}}}")
    };
    let target = |target: &str| upstream(&format!("{{targets: [{target}]}}"));
    let url = |url: &str| target(&format!("{{name: a, url: '{url}'}}"));
    let source = "spec.targets[0]: exactly one of url and serviceRef must be set";
    let form = "spec.targets[0].url: must be http or https://HOST[:PORT][/PATH] with a port from 1 to 65535";
    let scheme = "spec.targets[0].url: must begin with http:// or https://";
    let user = "spec.targets[0].url: must not have a user name or password";
    let query = "spec.targets[0].url: must not have a query or a fragment";
    check(&[
        (target(""), &["spec.targets: must have at least 1 entries, has 0"]),
        (target("{name: a}"), &[source]),
        (target("{name: a, url: 'http://a', serviceRef: {name: a, port: 80}}"), &[source]),
        (
            target("{name: A, url: 'http://a'}"),
            &["spec.targets[0].name: \"A\" does not match ^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"],
        ),
        (
            target("{name: a, url: 'http://a'}, {name: a, url: 'http://b'}"),
            &["spec.targets[1]: duplicate value {\"name\":\"a\"}"],
        ),
        (
            target("{name: a, url: 'http://a', weight: 1000001}"),
            &["spec.targets[0].weight: must be at most 1000000, not 1000001"],
        ),
        (url("h2c://a"), &[scheme, form]),
        (url("a:80"), &[scheme, form]),
        (url("http://user:pw@a"), &[user, form]),
        (url("http://a?b"), &[query, form]),
        (url("http://a/#b"), &[query, form]),
        (url("http://"), &[form]),
        (url("http://a:0"), &[form]),
        (url("http://a:65536"), &[form]),
        (url("http://a b"), &[form]),
        (url("http://a/%2"), &[form]),
        (url("http://::1"), &[form]),
        (target("{name: a, serviceRef: {name: a}}"), &["spec.targets[0].serviceRef.port: is required"]),
        // Fields that come later are not there yet.
        (
            target("{name: a, url: 'http://a', priority: 1}"),
            &["spec.targets[0].priority: unknown field; known here: name, serviceRef, url, weight"],
        ),
        (
            upstream("{targets: [{name: a, url: 'http://a'}], retry: {attempts: 3}}"),
            &["spec.retry.attempts: must be at most 2, not 3"],
        ),
    ]);
}

#[test]
fn services() {
    let service =
        |spec: &str| format!("{{apiVersion: v1, kind: Service, metadata: {{name: a}}, spec: {spec}}}");
    let range = "must be a port from 1 to 65535";
    check(&[
        (service("{}"), &["spec.ports: is required"]),
        (service("{port: [{port: 80}]}"), &["spec.port: unknown field, did you mean \"ports\"?"]),
        (
            service("{ports: [{port: 0}]}"),
            &[&format!("spec.ports[0].port: {range}"), &format!("spec.ports[0].targetPort: {range}")],
        ),
        (service("{ports: [{port: '80'}]}"), &["spec.ports[0].port: must be an integer, not a string"]),
        (
            service("{ports: [{port: 80, targetPort: 70000}]}"),
            &[&format!("spec.ports[0].targetPort: {range}")],
        ),
        (
            service("{ports: [{port: 80, targetPort: true}]}"),
            &["spec.ports[0].targetPort: must be an integer or a string, not true or false"],
        ),
        (
            service("{ports: [{port: 80, protocol: HTTP}]}"),
            &["spec.ports[0].protocol: \"HTTP\" is not supported; supported: TCP, UDP, SCTP"],
        ),
        (
            service("{ports: [{port: 80}, {port: 81}]}"),
            &[
                "spec.ports[0].name: is required where there are several ports",
                "spec.ports[1].name: is required where there are several ports",
            ],
        ),
        (
            service("{ports: [{name: a, port: 80}, {name: a, port: 80}]}"),
            &["spec.ports[1].name: duplicate value \"a\"", "spec.ports[1]: duplicate value 80 TCP"],
        ),
        (service("{type: ExternalName}"), &["spec.externalName: must be a host name in lower case"]),
        (
            service("{type: ExternalName, externalName: a, clusterIP: 10.0.0.1}"),
            &["spec.clusterIP: must not be set for an ExternalName"],
        ),
        (
            service("{type: NodePort, clusterIP: None, ports: [{port: 80}]}"),
            &["spec.clusterIP: may be None only for a ClusterIP"],
        ),
        (
            service(
                "{ipFamilies: [IPv4, ipv6], ports: [{port: 80, nodePort: 30000}], externalTrafficPolicy: Local}",
            ),
            &[
                "spec.externalTrafficPolicy: is only for a NodePort or LoadBalancer",
                "spec.ipFamilies[1]: \"ipv6\" is not supported; supported: IPv4, IPv6",
                "spec.ports[0].nodePort: is not for a ClusterIP",
            ],
        ),
        (
            service("{type: LoadBalancer, loadBalancerSourceRanges: [10.0.0.1], ports: [{port: 80}]}"),
            &["spec.loadBalancerSourceRanges[0]: must be a range of addresses, such as 10.9.8.0/24"],
        ),
        (
            service("{type: Cluster, ports: [{port: 80}]}"),
            &[
                "spec.type: \"Cluster\" is not supported; supported: ClusterIP, NodePort, LoadBalancer, ExternalName",
            ],
        ),
    ]);
}

#[test]
fn endpoint_slices_and_secrets() {
    let slice = |rest: &str| {
        format!("{{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {{name: a}}, {rest}}}")
    };
    let secret = |rest: &str| format!("{{apiVersion: v1, kind: Secret, metadata: {{name: a}}, {rest}}}");
    check(&[
        (slice("endpoints: []"), &["addressType: is required"]),
        (
            slice("addressType: IPv4, endpoints: [{addresses: ['::1']}]"),
            &["endpoints[0].addresses[0]: \"::1\" is no IPv4 address"],
        ),
        (
            slice("addressType: IPv6, endpoints: [{addresses: ['::ffff:10.0.0.1']}]"),
            &["endpoints[0].addresses[0]: \"::ffff:10.0.0.1\" is no IPv6 address"],
        ),
        (
            slice("addressType: FQDN, endpoints: [{addresses: [a]}]"),
            &["endpoints[0].addresses[0]: \"a\" is no FQDN address"],
        ),
        (
            slice("addressType: IPv4, endpoints: [{address: [10.0.0.1]}]"),
            &["endpoints[0].address: unknown field, did you mean \"addresses\"?"],
        ),
        (
            slice("addressType: IPv4, endpoints: [{addresses: []}]"),
            &["endpoints[0].addresses: must have 1 to 100 entries"],
        ),
        (
            slice("addressType: IPv4, endpoints: [], ports: [{name: a}, {name: a}]"),
            &["ports[1].name: duplicate value \"a\""],
        ),
        (secret("data: {a: 'not base64!'}"), &["data[a]: must be base64"]),
        (
            secret("data: {..a: aGVsbG8=}"),
            &["data[..a]: must be at most 253 letters, digits, \"-\", \"_\" and \".\""],
        ),
        (
            secret("data: {'a b': aGVsbG8=}"),
            &["data[a b]: must be at most 253 letters, digits, \"-\", \"_\" and \".\""],
        ),
        (
            secret("type: kubernetes.io/tls, stringData: {tls.crt: a}"),
            &["data[tls.key]: is required in a Secret of type kubernetes.io/tls"],
        ),
    ]);
}

#[test]
fn heads() {
    let head = |head: &str| {
        format!(
            "{{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {head}, \
             spec: {{controllerName: a/b}}}}"
        )
    };
    check(&[
        (head("{}"), &["metadata.name: is required"]),
        (head("null"), &["metadata.name: is required"]),
        (head("{name: 1}"), &["metadata.name: must be a string, not an integer"]),
        (
            head("{name: A}"),
            &[
                "metadata.name: must be at most 253 lower-case letters, digits, \"-\" and \".\", each part beginning \
               and ending with a letter or digit",
            ],
        ),
        (head("{name: a, label: {}}"), &["metadata.label: unknown field, did you mean \"labels\"?"]),
        (head("{name: a, labels: {a: true}}"), &["metadata.labels[a]: must be a string, not true or false"]),
        (
            head("{name: a, labels: {a: 'b c'}}"),
            &[
                "metadata.labels[a]: must be at most 63 letters, digits, \"-\", \"_\" and \".\", beginning and ending \
               with a letter or digit",
            ],
        ),
        (
            head("{name: a, annotations: {a/b/c: d}}"),
            &[
                "metadata.annotations[a/b/c]: must be at most 63 letters, digits, \"-\", \"_\" and \".\", perhaps \
               behind a domain and \"/\"",
            ],
        ),
        (
            head("{name: a, creationTimestamp: yesterday}"),
            &["metadata.creationTimestamp: must be a time of RFC 3339, such as 2006-01-02T15:04:05Z"],
        ),
        (
            head("{name: a, finalizers: [a], ownerReferences: [{apiVersion: a/b/c, kind: Pod, name: a}]}"),
            &[
                "metadata.ownerReferences[0].apiVersion: must be a version, perhaps behind a group and \"/\"",
                "metadata.ownerReferences[0].uid: is required",
                "metadata.finalizers[0]: must be a domain, \"/\" and a name",
            ],
        ),
        (
            "{apiVersion: v1, kind: Namespace, metadata: {name: a}, spec: {finalizers: [a]}}".to_owned(),
            &["spec.finalizers[0]: must be a domain, \"/\" and a name"],
        ),
        (
            format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: {}}}}}", "a".repeat(64)),
            &[
                "metadata.name: must be at most 63 lower-case letters, digits and \"-\", beginning and ending with a \
               letter or digit",
            ],
        ),
    ]);
}

#[test]
fn kinds() {
    let manifest = |api_version: &str, kind: &str| format!("{{apiVersion: {api_version}, kind: {kind}}}");
    check(&[
        ("[]".to_owned(), &["must be an object with apiVersion, kind and metadata"]),
        ("{kind: Service}".to_owned(), &["apiVersion: is required"]),
        ("{apiVersion: v1}".to_owned(), &["kind: is required"]),
        ("{apiVersion: v1, kind: 7}".to_owned(), &["kind: must be a string"]),
        (
            manifest("gateway.networking.k8s.io/v1", "HttpRoute"),
            &["kind: unknown kind, did you mean \"HTTPRoute\"?"],
        ),
        (manifest("v1", "Servcie"), &["kind: unknown kind, did you mean \"Service\"?"]),
        (manifest("tidegate.dev/v1alpha1", "Rollout"), &["kind: tidegate.dev has no kind \"Rollout\""]),
        (
            manifest("gateway.networking.k8s.io/v1alpha2", "HTTPRoute"),
            &["apiVersion: HTTPRoute has no version \"v1alpha2\"; use gateway.networking.k8s.io/v1"],
        ),
        (
            manifest("v1", "EndpointSlice"),
            &["apiVersion: EndpointSlice is not of v1; use discovery.k8s.io/v1"],
        ),
    ]);
}

#[test]
fn a_refused_object_is_still_named() {
    let Decoded::Invalid(invalid) = decode(parse(&route("1"))) else { panic!("invalid") };
    assert_eq!((invalid.kind, invalid.key), (Some(Kind::HttpRoute), Some(ObjectKey::new("default", "a"))));
    let class = gateway_api("GatewayClass", "1").replace("{name: a}", "{name: a, namespace: b}");
    let Decoded::Invalid(invalid) = decode(parse(&class)) else { panic!("invalid") };
    assert_eq!(invalid.key, Some(ObjectKey::new("", "a")));
}
