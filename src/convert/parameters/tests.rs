use super::*;
use serde_json::{Value, json};

fn read(spec: &Value) -> wire::GatewayParameters {
    serde_json::from_value(json!({"metadata": {"name": "edge", "namespace": "infra"}, "spec": spec})).unwrap()
}

fn convert(spec: &Value) -> Parameters {
    parameters(&read(spec)).unwrap()
}

fn errors(spec: &Value) -> Vec<String> {
    parameters(&read(spec)).unwrap_err().iter().map(ToString::to_string).collect()
}

fn everything() -> Value {
    json!({
        "service": {
            "type": "LoadBalancer", "annotations": {"a.example.com/b": "c"}, "externalTrafficPolicy": "Local",
            "loadBalancerClass": "example.com/lb", "loadBalancerSourceRanges": ["192.0.2.0/24"],
            "ipFamilyPolicy": "PreferDualStack",
        },
        "clientIP": {"trustedCIDRs": ["10.0.0.0/8", "::ffff:192.0.2.0/120", "::/0"], "proxyProtocol": "Required"},
        "limits": {"headBytes": 8192, "headFields": 1000, "uriBytes": 256, "http2Streams": 1},
        "timeouts": {"head": "1m30s", "idle": "24h", "tlsHandshake": "1ms"},
        "tls": {"minVersion": "TLSv1.3"},
        "accessLog": {"share": 0.01},
    })
}

#[test]
fn nothing_is_set_without_being_asked_for() {
    assert_eq!(convert(&json!({})), Parameters::default());
    let empty = json!({
        "service": {}, "clientIP": {}, "limits": {}, "timeouts": {}, "tls": {}, "accessLog": {}
    });
    assert_eq!(convert(&empty), Parameters::default());
}

#[test]
fn every_field_is_read() {
    let expected = Parameters {
        service: ServiceSettings {
            type_: Some(ServiceType::LoadBalancer),
            annotations: BTreeMap::from([("a.example.com/b".to_owned(), "c".to_owned())]),
            external_traffic_policy: Some(ExternalTrafficPolicy::Local),
            load_balancer_class: Some("example.com/lb".to_owned()),
            load_balancer_source_ranges: Some(vec!["192.0.2.0/24".to_owned()]),
            ip_family_policy: Some(IpFamilyPolicy::PreferDualStack),
        },
        listeners: ListenerSettings {
            // What is written as IPv4 in IPv6 stands for IPv4 addresses.
            trusted: Some(["10.0.0.0/8", "192.0.2.0/24", "::/0"].map(|net| net.parse().unwrap()).to_vec()),
            proxy_protocol: Some(ProxyProtocol::Required),
            head_bytes: Some(8192),
            head_fields: Some(1000),
            uri_bytes: Some(256),
            http2_streams: Some(1),
            head_time: Some(Duration::from_secs(90)),
            idle: Some(Duration::from_hours(24)),
            tls_handshake: Some(Duration::from_millis(1)),
            min_tls: Some(TlsVersion::Tls13),
            logged_per_million: Some(10_000),
        },
    };
    assert_eq!(convert(&everything()), expected);
}

/// The API server lets none of these through, but what is installed there may be of another version.
#[test]
fn each_bad_field_is_named() {
    let bad = json!({
        "service": {"loadBalancerSourceRanges": ["10.0.0.1", "10.0.0.0/8"]},
        "clientIP": {"trustedCIDRs": ["::/0", "10.0.0.0/33"]},
        "limits": {"headBytes": 8191, "headFields": 1001, "uriBytes": 0, "http2Streams": 1001},
        "timeouts": {"head": "0s", "idle": "24h1ms", "tlsHandshake": "soon"},
        "accessLog": {"share": 1.5},
    });
    assert_eq!(
        errors(&bad),
        [
            "spec.clientIP.trustedCIDRs[1]: \"10.0.0.0/33\" is no network: give one such as 10.0.0.0/8 or 2001:db8::/32",
            "spec.limits.headBytes: 8191 is not from 8192 to 1048576",
            "spec.limits.headFields: 1001 is not from 1 to 1000",
            "spec.limits.uriBytes: 0 is not from 256 to 1048576",
            "spec.limits.http2Streams: 1001 is not from 1 to 1000",
            "spec.timeouts.head: 0s is not from 1ms to 24h",
            "spec.timeouts.idle: 24h1ms is not from 1ms to 24h",
            "spec.timeouts.tlsHandshake: soon is not from 1ms to 24h",
            "spec.accessLog.share: 1.5 is no share: give a number from 0 to 1",
            "spec.service.loadBalancerSourceRanges[0]: \"10.0.0.1\" is no network: give one such as 10.0.0.0/8 or 2001:db8::/32",
        ]
    );
}

/// For every single field: the Gateway's own wins, and what it leaves open is as the class says.
#[test]
fn field_by_field_the_gateways_own_win() {
    let own = json!({
        "service": {
            "type": "LoadBalancer", "annotations": {}, "externalTrafficPolicy": "Cluster",
            "loadBalancerClass": "other", "loadBalancerSourceRanges": [], "ipFamilyPolicy": "SingleStack",
        },
        "clientIP": {"trustedCIDRs": [], "proxyProtocol": "Off"},
        "limits": {"headBytes": 9000, "headFields": 9, "uriBytes": 900, "http2Streams": 9},
        "timeouts": {"head": "9s", "idle": "9s", "tlsHandshake": "9s"},
        "tls": {"minVersion": "TLSv1.2"},
        "accessLog": {"share": 0},
    });
    let (class, mut expected) = (everything(), everything());
    let mut fields = 0;
    for (group, inner) in own.as_object().unwrap() {
        for (field, value) in inner.as_object().unwrap() {
            let single = convert(&json!({group: {field: value}}));
            let mut wanted = everything();
            // Annotations add up.
            if field != "annotations" {
                wanted[group][field] = value.clone();
                expected[group][field] = value.clone();
            }
            assert_eq!(single.over(convert(&class)), Ok(convert(&wanted)), "{group}.{field}");
            fields += 1;
        }
    }
    assert_eq!(fields, 17);
    assert_eq!(convert(&own).over(convert(&class)), Ok(convert(&expected)));
    assert_eq!(Parameters::default().over(convert(&class)), Ok(convert(&class)));
}

#[test]
fn annotations_add_up() {
    let class = convert(&json!({"service": {"annotations": {"a": "class", "b": "class"}}}));
    let own = convert(&json!({"service": {"annotations": {"b": "own", "c": "own"}}}));
    let expected = convert(&json!({"service": {"annotations": {"a": "class", "b": "own", "c": "own"}}}));
    assert_eq!(own.over(class), Ok(expected));
}

/// A Gateway cannot unset what its class says, so what another type does not have is left out.
#[test]
fn fields_of_another_type_of_service_are_left_out() {
    let class = json!({"service": {"externalTrafficPolicy": "Local", "loadBalancerClass": "a"}});
    for (type_, rest) in [
        ("LoadBalancer", json!({"externalTrafficPolicy": "Local", "loadBalancerClass": "a"})),
        ("NodePort", json!({"externalTrafficPolicy": "Local"})),
        ("ClusterIP", json!({})),
    ] {
        let own = convert(&json!({"service": {"type": type_}}));
        let mut expected = json!({"service": rest});
        expected["service"]["type"] = type_.into();
        assert_eq!(own.over(convert(&class)), Ok(convert(&expected)), "{type_}");
    }
}

/// Nobody would enforce them.
#[test]
fn source_ranges_need_a_load_balancer() {
    let class = json!({"service": {"loadBalancerSourceRanges": ["10.0.0.0/8"]}});
    for type_ in ["NodePort", "ClusterIP"] {
        let own = convert(&json!({"service": {"type": type_}}));
        let error = own.over(convert(&class)).unwrap_err();
        assert_eq!(error.field, "spec.service.loadBalancerSourceRanges");
        let own = convert(&json!({"service": {"type": type_, "loadBalancerSourceRanges": []}}));
        assert_eq!(own.over(convert(&class)).unwrap().service.load_balancer_source_ranges, Some(Vec::new()));
    }
}

#[test]
fn an_optional_header_needs_someone_to_trust() {
    let trusted = || convert(&json!({"clientIP": {"trustedCIDRs": ["10.0.0.0/8"]}}));
    let optional = || convert(&json!({"clientIP": {"proxyProtocol": "Optional"}}));
    assert!(optional().over(trusted()).is_ok() && trusted().over(optional()).is_ok());
    assert_eq!(
        optional().over(Parameters::default()).unwrap_err().to_string(),
        "spec.clientIP.proxyProtocol: Optional needs clientIP.trustedCIDRs: anybody else could send a header and be whom he likes"
    );
    let nobody = convert(&json!({"clientIP": {"trustedCIDRs": []}}));
    assert!(nobody.over(optional()).is_err());
    let required = convert(&json!({"clientIP": {"proxyProtocol": "Required"}}));
    assert!(required.over(Parameters::default()).is_ok());
}
