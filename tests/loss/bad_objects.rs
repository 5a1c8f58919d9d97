//! One bad object changes nothing for the others.

use crate::common::certificates::Pair;
use crate::common::manifests::{documents, gateway, route, secret};
use crate::common::raw::ask;
use crate::world::{HOST, LISTENERS, World, duration};

#[test]
fn bad_objects_change_nothing_for_the_others() {
    let world = World::start();
    let load = world.load();

    // An expression that cannot be read, beside a good rule of the same route.
    let regex = r#"
- matches: [{path: {type: RegularExpression, value: "/a(("}}]
  backendRefs: [{name: a, port: 80}]
- matches: [{path: {value: /good}}]
  backendRefs: [{name: a, port: 80}]"#;
    world.tidegate.apply(&[("regex.yaml", route("regex", &["regex.example.com"], regex))]);
    load.wait_for_answers(100);
    let good = ask(world.tidegate.http(), "GET /good HTTP/1.1\r\nHost: regex.example.com\r\n\r\n");
    assert_eq!(good.status(), 200, "the good rule is served");

    // A certificate that does not belong to its key, on a listener of the same port.
    let (one, two) = (world.certificate(), world.certificate());
    let mixed = Pair { key_pem: two.key_pem, ..one };
    let listeners = format!(
        "{LISTENERS}
- {{name: mixed, protocol: HTTPS, port: 8443, hostname: mixed.example.com, tls: {{certificateRefs: [{{name: mixed}}]}}}}"
    );
    let files = [("mixed.yaml", secret("mixed", &mixed)), ("gateway.yaml", gateway(&listeners))];
    world.tidegate.apply(&files);
    load.wait_for_answers(100);

    // A hundred references that lead nowhere.
    let references: Vec<String> =
        (0..100).map(|number| format!("{{name: missing-{number}, port: 80}}")).collect();
    let rule = format!("- backendRefs: [{}]", references[..16].join(", "));
    let rules = vec![rule; 7].join("\n");
    world.tidegate.apply(&[("references.yaml", route("references", &["references.example.com"], &rules))]);
    load.wait_for_answers(100);
    let broken = ask(world.tidegate.http(), "GET / HTTP/1.1\r\nHost: references.example.com\r\n\r\n");
    assert_eq!(broken.status(), 500);

    // A kind that is misspelt, and a file that is no YAML at all.
    let misspelt = documents(&[route("typo", &[HOST], "- {backendRef: [{name: b, port: 80}]}")]);
    world.tidegate.apply(&[("typo.yaml", misspelt), ("broken.yaml", "a: [b\n".to_owned())]);
    load.wait_for_answers(100);

    load.stop_after(duration()).assert_no_loss();
}

/// A file that can no longer be read keeps what it last said.
#[test]
fn a_file_that_breaks_keeps_its_last_good_objects() {
    let world = World::start();
    let load = world.load();
    world.tidegate.apply(&[("route.yaml", "apiVersion: [\n".to_owned())]);
    load.wait_for_answers(200);
    load.stop_after(duration()).assert_no_loss();
}
