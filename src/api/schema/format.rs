//! The formats of strings and numbers.

use super::node::Schema;
use ipnet::IpNet;
use k8s_openapi::ByteString;
use serde_json::Value;
use std::net::{Ipv4Addr, Ipv6Addr};

/// What the value should be, if it is not. A format that is not here is no limit, for the API
/// server neither.
pub(super) fn mismatch(schema: &Schema, value: &Value) -> Option<&'static str> {
    match (schema.format.as_deref()?, value) {
        ("int32", Value::Number(number)) => {
            let fits = number.as_i64().is_some_and(|number| i32::try_from(number).is_ok());
            (!fits).then_some("must fit into 32 bits")
        }
        ("int64", Value::Number(number)) => number.as_i64().is_none().then_some("must fit into 64 bits"),
        ("ipv4", Value::String(text)) => (!is_ipv4(text)).then_some("must be an IPv4 address"),
        ("ipv6", Value::String(text)) => {
            text.parse::<Ipv6Addr>().is_err().then_some("must be an IPv6 address")
        }
        ("cidr", Value::String(text)) => {
            text.parse::<IpNet>().is_err().then_some("must be a network such as 10.0.0.0/8 or 2001:db8::/32")
        }
        ("date-time", Value::String(text)) => text
            .parse::<jiff::Timestamp>()
            .is_err()
            .then_some("must be a time of RFC 3339, such as 2006-01-02T15:04:05Z"),
        ("byte", Value::String(_)) => {
            serde_json::from_value::<ByteString>(value.clone()).is_err().then_some("must be base64")
        }
        _ => None,
    }
}

/// Leading zeros are let through, as the API server does in schemas.
fn is_ipv4(text: &str) -> bool {
    let number = |part: &str| match part.trim_start_matches('0') {
        "" if !part.is_empty() => "0".to_owned(),
        number => number.to_owned(),
    };
    text.split('.').map(number).collect::<Vec<_>>().join(".").parse::<Ipv4Addr>().is_ok()
}
