use super::*;
use crate::api::Kind;
use crate::api::schema::kinds;
use std::collections::BTreeSet;

/// Rules of the schema below this one, the status left out.
fn all(schema: &Schema, found: &mut BTreeSet<String>) {
    found.extend(schema.rules.iter().map(|rule| rule.rule.clone()));
    let properties = schema.properties.iter().filter(|(name, _)| *name != "status");
    properties.for_each(|(_, field)| all(field, found));
    schema.items.iter().chain(&schema.additional_properties).for_each(|inner| all(inner, found));
}

/// Rules that come up for the value.
fn reached(schema: &Schema, value: &Value, found: &mut BTreeSet<String>) {
    found.extend(schema.rules.iter().map(|rule| rule.rule.clone()));
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if let Some(member) = schema.member(name) {
                    reached(member, value, found);
                }
            }
        }
        Value::Array(items) => {
            for (schema, item) in
                schema.items.iter().flat_map(|schema| items.iter().map(move |item| (schema, item)))
            {
                reached(schema, item, found);
            }
        }
        _ => {}
    }
}

#[test]
fn every_rule_can_be_judged() {
    let manifests: Vec<Value> = serde_saphyr::from_multiple(include_str!("everything.yaml")).unwrap();
    assert_eq!(manifests.len(), 13);
    let mut count = 0;
    for mut manifest in manifests {
        let kind = Kind::ALL.into_iter().find(|kind| manifest["kind"] == kind.name()).unwrap();
        let schema = kinds::of(kind).unwrap();
        schema.fill_in(&mut manifest);
        manifest.as_object_mut().unwrap().remove("status");
        let mut report = Report::default();
        schema.find_unknown(&manifest, &mut report);
        schema.check(&manifest, &mut report);
        schema.check_rules(&manifest, &mut report);
        assert_eq!(report, Report::default(), "{kind}");
        let (mut known, mut seen) = (BTreeSet::new(), BTreeSet::new());
        all(schema, &mut known);
        reached(schema, &manifest, &mut seen);
        assert_eq!(known, seen, "{kind}: rules that the manifest does not reach");
        count += known.len();
    }
    // As many as the schemas have: a smaller number means that rules are no longer found.
    assert_eq!(count, 168);
}

fn outcome(rule: &str, value: &Value) -> Report {
    let schema: Schema = serde_json::from_value(serde_json::json!({
        "x-kubernetes-preserve-unknown-fields": true,
        "properties": {"a": {"type": "integer"}, "namespace": {"type": "string"}, "b-c": {"type": "string"}},
        "x-kubernetes-validations": [{"rule": rule, "message": "m"}],
    }))
    .unwrap();
    let mut report = Report::default();
    schema.check_rules(value, &mut report);
    report
}

#[test]
fn what_a_rule_finds() {
    let value = serde_json::json!({"a": 1, "namespace": "x", "b-c": "y"});
    let broken = Report { errors: vec![crate::api::FieldError::new("", "m")], not_judged: vec![] };
    for (rule, report) in [
        ("self.a == 1", Report::default()),
        ("self.a == 2", broken.clone()),
        ("self.__namespace__ == 'x' && self.b__dash__c == 'y'", Report::default()),
        ("!has(self.missing)", Report::default()),
        // An error is the same as no, unless the other side decides.
        ("self.missing == 1", broken.clone()),
        ("self.missing == 1 || self.a == 2", broken.clone()),
        ("self.missing == 1 || self.a == 1", Report::default()),
        ("self.missing == 1 && self.a == 2", broken),
        // A new object has not changed.
        ("self.a == oldSelf.a", Report::default()),
    ] {
        assert_eq!(outcome(rule, &value), report, "{rule}");
    }
}

#[test]
fn a_rule_that_is_not_understood_is_never_taken_to_hold() {
    let value = serde_json::json!({"a": 1});
    for rule in ["quantity('1Gi').isGreaterThan(quantity('1Mi'))", "self.a ==", "self.a.nope()", "1"] {
        let report = outcome(rule, &value);
        assert_eq!((report.errors.len(), report.not_judged.len()), (0, 1), "{rule}: {report:?}");
        assert!(report.not_judged[0].message.starts_with("\"m\": "), "{rule}: {report:?}");
    }
}
