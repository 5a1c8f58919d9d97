//! GatewayParameters.

use super::{InvalidField, InvalidValue};
use crate::api::gateway_parameters::{
    self as wire, Cidr, ClientIpParameters, ExternalTrafficPolicy, IpFamilyPolicy, LimitParameters,
    ServiceParameters, ServiceType, Time, TimeoutParameters,
};
use crate::model::{ListenerSettings, ProxyProtocol, TlsVersion};
use ipnet::{IpNet, Ipv4Net};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

/// Settings of a Gateway: of one object, or of its class's and its own together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parameters {
    /// For the Service by which it is reached.
    pub service: ServiceSettings,
    /// For the clients of its listeners.
    pub listeners: ListenerSettings,
}

/// What a Gateway's Service shall be like; what is none is left to Kubernetes, except the type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceSettings {
    /// Who gives the Gateway its address.
    pub type_: Option<ServiceType>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// Only with the types that have one.
    pub external_traffic_policy: Option<ExternalTrafficPolicy>,
    /// Only with type LoadBalancer.
    pub load_balancer_class: Option<String>,
    /// Networks, in the order of the object.
    pub load_balancer_source_ranges: Option<Vec<String>>,
    /// Which of IPv4 and IPv6 the Service has.
    pub ip_family_policy: Option<IpFamilyPolicy>,
}

// As the CRD in the cluster may be of another version, its limits are held here too.
const HEAD_BYTES: RangeInclusive<u32> = 8_192..=1_048_576;
const HEAD_FIELDS: RangeInclusive<u32> = 1..=1_000;
const URI_BYTES: RangeInclusive<u32> = 256..=1_048_576;
const HTTP2_STREAMS: RangeInclusive<u32> = 1..=1_000;
const TIMES: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_hours(24);

/// Converts the parameters of one object.
///
/// # Errors
/// Every field that cannot be used.
pub fn parameters(object: &wire::GatewayParameters) -> Result<Parameters, Vec<InvalidField>> {
    let spec = &object.spec;
    let mut errors = Vec::new();
    let mut listeners = ListenerSettings::default();
    if let Some(client_ip) = &spec.client_ip {
        convert_client_ip(client_ip, &mut listeners, &mut errors);
    }
    if let Some(limits) = &spec.limits {
        convert_limits(limits, &mut listeners, &mut errors);
    }
    if let Some(timeouts) = &spec.timeouts {
        convert_timeouts(timeouts, &mut listeners, &mut errors);
    }
    listeners.min_tls = spec.tls.as_ref().and_then(|tls| tls.min_version).map(|version| match version {
        wire::TlsVersion::Tls12 => TlsVersion::Tls12,
        wire::TlsVersion::Tls13 => TlsVersion::Tls13,
    });
    if let Some(share) = spec.access_log.as_ref().and_then(|log| log.share) {
        if (0.0..=1.0).contains(&share) {
            listeners.logged_per_million = Some((share * 1e6).round() as u32);
        } else {
            errors.push(InvalidField::new("spec.accessLog.share", InvalidValue::Share(share.to_string())));
        }
    }
    let service = spec.service.as_ref().map(|service| convert_service(service, &mut errors));
    if errors.is_empty() {
        Ok(Parameters { service: service.unwrap_or_default(), listeners })
    } else {
        Err(errors)
    }
}

fn convert_client_ip(
    wire: &ClientIpParameters,
    listeners: &mut ListenerSettings,
    errors: &mut Vec<InvalidField>,
) {
    let nets = wire.trusted_cidrs.as_ref().map(|all| networks("spec.clientIP.trustedCIDRs", all, errors));
    listeners.trusted = nets.map(|nets| nets.into_iter().map(canonical).collect());
    listeners.proxy_protocol = wire.proxy_protocol.map(|wire| match wire {
        wire::ProxyProtocol::Off => ProxyProtocol::Off,
        wire::ProxyProtocol::Optional => ProxyProtocol::Optional,
        wire::ProxyProtocol::Required => ProxyProtocol::Required,
    });
}

fn networks(field: &str, wire: &[Cidr], errors: &mut Vec<InvalidField>) -> Vec<IpNet> {
    let mut networks = Vec::new();
    for (index, Cidr(text)) in wire.iter().enumerate() {
        match text.parse() {
            Ok(network) => networks.push(network),
            Err(_) => {
                errors.push(InvalidField::new(
                    format!("{field}[{index}]"),
                    InvalidValue::Network(text.clone()),
                ));
            }
        }
    }
    networks
}

/// Peers are compared as IPv4 addresses wherever they are such, so `::ffff:10.0.0.0/104` would
/// never have one.
fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(mapped) = network else { return network };
    let (Some(address), Some(length)) = (mapped.addr().to_ipv4_mapped(), mapped.prefix_len().checked_sub(96))
    else {
        return network;
    };
    Ipv4Net::new(address, length).map_or(network, IpNet::V4)
}

fn convert_limits(wire: &LimitParameters, listeners: &mut ListenerSettings, errors: &mut Vec<InvalidField>) {
    let mut bounded = |name: &str, value: Option<u32>, range: RangeInclusive<u32>| {
        let value = value?;
        if range.contains(&value) {
            return Some(value);
        }
        let problem = InvalidValue::Range {
            value: value.to_string(),
            least: range.start().to_string(),
            most: range.end().to_string(),
        };
        errors.push(InvalidField::new(format!("spec.limits.{name}"), problem));
        None
    };
    listeners.head_bytes = bounded("headBytes", wire.head_bytes, HEAD_BYTES);
    listeners.head_fields = bounded("headFields", wire.head_fields, HEAD_FIELDS);
    listeners.uri_bytes = bounded("uriBytes", wire.uri_bytes, URI_BYTES);
    listeners.http2_streams = bounded("http2Streams", wire.http2_streams, HTTP2_STREAMS);
}

fn convert_timeouts(
    wire: &TimeoutParameters,
    listeners: &mut ListenerSettings,
    errors: &mut Vec<InvalidField>,
) {
    let mut time = |name: &str, value: &Option<Time>| {
        let Time(text) = value.as_ref()?;
        let time = crate::api::gateway::Duration(text.clone()).parse().filter(|time| TIMES.contains(time));
        if time.is_none() {
            let problem =
                InvalidValue::Range { value: text.clone(), least: "1ms".to_owned(), most: "24h".to_owned() };
            errors.push(InvalidField::new(format!("spec.timeouts.{name}"), problem));
        }
        time
    };
    listeners.head_time = time("head", &wire.head);
    listeners.idle = time("idle", &wire.idle);
    listeners.tls_handshake = time("tlsHandshake", &wire.tls_handshake);
}

fn convert_service(wire: &ServiceParameters, errors: &mut Vec<InvalidField>) -> ServiceSettings {
    let ranges = wire.load_balancer_source_ranges.as_ref().map(|all| {
        let networks = networks("spec.service.loadBalancerSourceRanges", all, errors);
        networks.iter().map(ToString::to_string).collect()
    });
    let annotations = wire.annotations.iter().map(|(key, value)| (key.clone(), value.0.clone()));
    ServiceSettings {
        type_: wire.type_,
        annotations: annotations.collect(),
        external_traffic_policy: wire.external_traffic_policy,
        load_balancer_class: wire.load_balancer_class.clone(),
        load_balancer_source_ranges: ranges,
        ip_family_policy: wire.ip_family_policy,
    }
}

impl Parameters {
    /// These, and for what they leave open `defaults`.
    ///
    /// # Errors
    /// The two do not go together.
    pub fn over(self, defaults: Self) -> Result<Self, InvalidField> {
        let merged = Self {
            service: self.service.over(defaults.service)?,
            listeners: listeners_over(self.listeners, defaults.listeners),
        };
        let ListenerSettings { proxy_protocol, trusted, .. } = &merged.listeners;
        if *proxy_protocol == Some(ProxyProtocol::Optional) && trusted.as_ref().is_none_or(Vec::is_empty) {
            return Err(InvalidField::new("spec.clientIP.proxyProtocol", InvalidValue::OptionalFromAnyone));
        }
        Ok(merged)
    }
}

impl ServiceSettings {
    fn over(self, defaults: Self) -> Result<Self, InvalidField> {
        let mut annotations = defaults.annotations;
        annotations.extend(self.annotations);
        let type_ = self.type_.or(defaults.type_);
        let balanced = type_.is_none_or(|type_| type_ == ServiceType::LoadBalancer);
        let ranges = self.load_balancer_source_ranges.or(defaults.load_balancer_source_ranges);
        if !balanced && ranges.as_ref().is_some_and(|ranges| !ranges.is_empty()) {
            // Without a load balancer nobody would keep the others out.
            let field = "spec.service.loadBalancerSourceRanges";
            return Err(InvalidField::new(field, InvalidValue::RangesWithoutBalancer));
        }
        // What only another type has does no harm: a Gateway cannot unset its class's fields.
        Ok(Self {
            type_,
            annotations,
            external_traffic_policy: self
                .external_traffic_policy
                .or(defaults.external_traffic_policy)
                .filter(|_| type_ != Some(ServiceType::ClusterIP)),
            load_balancer_class: self
                .load_balancer_class
                .or(defaults.load_balancer_class)
                .filter(|_| balanced),
            load_balancer_source_ranges: ranges,
            ip_family_policy: self.ip_family_policy.or(defaults.ip_family_policy),
        })
    }
}

fn listeners_over(own: ListenerSettings, defaults: ListenerSettings) -> ListenerSettings {
    ListenerSettings {
        trusted: own.trusted.or(defaults.trusted),
        proxy_protocol: own.proxy_protocol.or(defaults.proxy_protocol),
        head_bytes: own.head_bytes.or(defaults.head_bytes),
        head_fields: own.head_fields.or(defaults.head_fields),
        uri_bytes: own.uri_bytes.or(defaults.uri_bytes),
        http2_streams: own.http2_streams.or(defaults.http2_streams),
        head_time: own.head_time.or(defaults.head_time),
        idle: own.idle.or(defaults.idle),
        tls_handshake: own.tls_handshake.or(defaults.tls_handshake),
        min_tls: own.min_tls.or(defaults.min_tls),
        logged_per_million: own.logged_per_million.or(defaults.logged_per_million),
    }
}

#[cfg(test)]
mod tests;
