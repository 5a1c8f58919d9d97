use super::*;
use serde_json::json;

mod accepted;
mod random;
mod refused;

fn parse(yaml: &str) -> Value {
    serde_saphyr::from_str(yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}"))
}

fn accepted(yaml: &str) -> Object {
    match decode(parse(yaml)) {
        Decoded::Object { object, not_judged } if not_judged.is_empty() => object,
        other => panic!("{yaml}\n{other:?}"),
    }
}

fn errors(yaml: &str) -> Vec<String> {
    match decode(parse(yaml)) {
        Decoded::Invalid(invalid) => {
            assert!(!invalid.errors.is_empty(), "{yaml}");
            invalid.errors.iter().map(ToString::to_string).collect()
        }
        other => panic!("{yaml}\n{other:?}"),
    }
}
