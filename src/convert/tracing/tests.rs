use super::*;
use serde_json::{Value, json};

fn convert(wire: Value) -> Result<Option<Tracing>, Vec<String>> {
    let wire: TracingConfig = serde_json::from_value(wire).unwrap();
    tracing(&wire).map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

fn enabled(more: Value) -> Value {
    let mut wire = json!({ "mode": "Enabled", "provider": { "backendRef": { "name": "a", "port": 1 } } });
    wire.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    wire
}

#[test]
fn only_enabled_means_something() {
    assert_eq!(convert(json!({})), Ok(None));
    assert_eq!(convert(json!({ "mode": "Disabled" })), Ok(None));
    assert_eq!(
        convert(json!({ "mode": "Enabled" })),
        Err(vec![
            "spec.tracing.provider: mode Enabled needs a provider: give the backendRef of a collector"
                .to_owned()
        ])
    );
    let plain = convert(enabled(json!({}))).unwrap().unwrap();
    assert_eq!((plain.sampling, plain.parent_sampling), (Share::ALL, Some(Share::ALL)));
}

#[test]
fn the_parent_is_asked_unless_that_is_disabled() {
    let parent = |wire: Value| convert(enabled(json!({ "parentBasedSampling": wire }))).unwrap().unwrap();
    let half = Share { numerator: 1, denominator: 2 };
    assert_eq!(parent(json!({})).parent_sampling, Some(Share::ALL));
    assert_eq!(parent(json!({ "mode": "Disabled" })).parent_sampling, None);
    let rate = json!({ "mode": "Enabled", "samplingRate": { "numerator": 1, "denominator": 2 } });
    assert_eq!(parent(rate).parent_sampling, Some(half));
}

#[test]
fn every_bad_field_is_named() {
    let wire = enabled(json!({
        "provider": { "backendRef": { "name": "a" }, "headers": [
            { "name": "x-good", "value": "a" }, { "name": "Host", "value": "a" }, { "name": "a b", "value": "" },
        ] },
        "samplingRate": { "numerator": 101 },
        "parentBasedSampling": { "mode": "Enabled", "samplingRate": { "numerator": 0, "denominator": 0 } },
        "attributes": [
            { "name": "a", "sourceType": "Literal" },
            { "name": "b", "sourceType": "Header", "headerName": "x y" },
            { "name": "c", "sourceType": "Literal", "literalValue": "1" },
            { "name": "c", "sourceType": "Literal", "literalValue": "2" },
        ],
    }));
    assert_eq!(
        convert(wire).unwrap_err(),
        [
            "spec.tracing.samplingRate.numerator: 101 is not from 0 to 100",
            "spec.tracing.parentBasedSampling.samplingRate.denominator: 0 is not from 1 to 4294967295",
            "spec.tracing.provider.headers[1]: the header \"Host\" is Tidegate's own in requests to a collector: \
             leave it out",
            "spec.tracing.provider.headers[2]: \"a b\" is not a header name (RFC 9110 §5.1)",
            "spec.tracing.attributes[0]: the sourceType is Literal, but the field of that type is not set",
            "spec.tracing.attributes[1]: \"x y\" is not a header name (RFC 9110 §5.1)",
            "spec.tracing.attributes[3].name: the attribute \"c\" is there twice: leave one out",
        ]
    );
}

#[test]
fn attributes_of_which_nothing_is_known_are_told() {
    let wire = enabled(json!({ "attributes": [
        { "name": "tool", "sourceType": "Attribute", "attributeKey": "gen_ai.tool.name" },
        { "name": "path", "sourceType": "Attribute", "attributeKey": "url.path" },
    ] }));
    let converted = convert(wire).unwrap().unwrap();
    assert_eq!(
        converted.unknown,
        [("spec.tracing.attributes[0].attributeKey".to_owned(), "gen_ai.tool.name".into())]
    );
    let source = AttributeSource::Attribute("url.path".into());
    assert_eq!(converted.attributes, [SpanAttribute { name: "path".into(), source }]);
}
