//! Golden files: each holds manifests and, behind `# Output`, what the data plane is told and
//! what stands in the statuses. `UPDATE_GOLDEN=1 cargo test --test golden` writes them anew; then
//! read the difference.

#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "golden/output.rs"]
mod output;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use tidegate::api::{self, Decoded, Kind, Object, ObjectId};
use tidegate::attach::{self, HostPorts, Pods};
use tidegate::control::pipeline::{Options, Pipeline};
use tidegate::index::{Broken, Event};
use tidegate::infra::Home;
use tidegate::model::ObjectKey;
use tidegate::support::forbidden::TargetPolicy;

const MARK: &str = "---\n# Output\n";
/// Comes before the manifests of every file: the Gateway and Services that most of them need.
const SHARED: &str = "_shared.yaml";
/// So that none is lost unnoticed.
const FILES: usize = 56;

#[test]
fn golden_files_say_what_comes_of_their_manifests() {
    let directory = Path::new(".").join("tests/golden");
    let shared = std::fs::read_to_string(directory.join(SHARED)).unwrap();
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let files = files(&directory);
    let mut wrong = Vec::new();
    for file in &files {
        let text = std::fs::read_to_string(file).unwrap();
        let (manifests, expected) = text.split_once(MARK).unwrap_or((text.trim_end(), ""));
        let actual = run(&shared, manifests, decisions(file));
        if update {
            std::fs::write(file, format!("{}\n{MARK}{actual}", manifests.trim_end())).unwrap();
        } else if actual != expected {
            wrong.push(format!("{}\n{}", file.display(), difference(expected, &actual)));
        }
    }
    assert!(wrong.is_empty(), "UPDATE_GOLDEN=1 writes them anew\n\n{}", wrong.join("\n"));
    assert_eq!(files.len(), FILES);
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "yaml") && !path.ends_with(SHARED))
        .collect();
    files.sort();
    files
}

/// Files named `cluster-…` are about a cluster.
fn decisions(file: &Path) -> attach::Options {
    if !file.file_name().unwrap().to_str().unwrap().starts_with("cluster-") {
        return attach::Options::standalone();
    }
    let home = Home {
        namespace: "tidegate-system".to_owned(),
        selector: BTreeMap::from([("app".to_owned(), "tidegate".to_owned())]),
        owner: OwnerReference::default(),
        managed_by: "tidegate".to_owned(),
    };
    let ports = ObjectKey::new("tidegate-system", "tidegate-ports");
    let host = HostPorts { gateway: ObjectKey::new("default", "by-host"), ports: [(80, 8000)].into() };
    let pods = Pods { home, ports, binds: vec![Ipv4Addr::UNSPECIFIED.into()], host: Some(host) };
    let controller = attach::Options::CONTROLLER_NAME.into();
    attach::Options::cluster(controller, pods, TargetPolicy::new(false, Vec::new()))
}

fn run(shared: &str, manifests: &str, decisions: attach::Options) -> String {
    let mut pipeline = Pipeline::new(Options { decisions, acknowledgements: false });
    pipeline.set_nodes([Ipv4Addr::new(192, 0, 2, 10).into()].into());
    // A file that brings its own Gateway "web" or Service "v1" replaces the shared one.
    let documents = [shared, manifests].map(|text| serde_saphyr::from_multiple::<Value>(text).unwrap());
    let objects = documents.into_iter().flatten().filter(|value| !value.is_null()).map(event);
    let step = pipeline.step(objects.chain(Kind::ALL.map(Event::Listed)), Instant::now());
    assert_eq!(step.next_deadline, None, "all is done in one step");
    output::write(&step)
}

fn event(manifest: Value) -> Event {
    match api::decode(manifest.clone()) {
        // Judged as what somebody applies, which has no status; a Service's is from the cluster.
        Decoded::Object { object, .. } => match object {
            Object::Service(mut service) => {
                let status = manifest.get("status").cloned();
                Arc::make_mut(&mut service).status =
                    status.map(|status| serde_json::from_value(status).unwrap());
                Event::Apply(Object::Service(service))
            }
            other => Event::Apply(other),
        },
        Decoded::Invalid(invalid) => {
            let (Some(kind), Some(key)) = (invalid.kind, invalid.key) else {
                panic!("no object: {:?}", invalid.errors);
            };
            let problems = invalid.errors.iter().map(ToString::to_string).collect();
            Event::Broken(Broken { id: ObjectId { kind, key }, problems, raw: manifest })
        }
        Decoded::Ignored(ignored) => panic!("{} is not read", ignored.kind),
    }
}

/// Lines that are in one text only, in their order.
fn difference(expected: &str, actual: &str) -> String {
    let mut lines = Vec::new();
    for line in expected.lines().filter(|line| !actual.lines().any(|other| other == *line)) {
        lines.push(format!("- {line}"));
    }
    for line in actual.lines().filter(|line| !expected.lines().any(|other| other == *line)) {
        lines.push(format!("+ {line}"));
    }
    lines.join("\n")
}
