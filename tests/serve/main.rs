//! The program as its users start it: `serve` on a directory of files, `check` and `crds`.

#![allow(missing_docs, unreachable_pub, reason = "a program of its own: nobody links to it")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod program;

use common::backend::Backend;
use common::raw::Client;
use program::{Program, gateway, route_to, tidegate};
use serde_json::{Value, json};
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Output;

#[test]
fn an_edited_weight_moves_the_traffic_and_served_tells_when() {
    let (blue, green) = (Backend::start("blue"), Backend::start("green"));
    let program = Program::start(&[
        ("gateway.yaml", gateway(80)),
        ("route.yaml", route_to(&[(&blue, 1), (&green, 0)])),
    ]);
    assert_eq!(program.get(80, "/x").status(), 200);
    assert_eq!((blue.requests(), green.requests()), (1, 0));

    let served = program.served(0);
    assert_eq!(served["objects"]["HTTPRoute default/shop"], 1);
    program.write("route.yaml", &route_to(&[(&blue, 0), (&green, 1)]));
    let changed = program.wait_served(served["cursor"].as_u64().unwrap());
    assert_eq!(changed["objects"], json!({"HTTPRoute default/shop": 2}), "and nothing else changed");
    assert_eq!(program.get(80, "/x").status(), 200);
    assert_eq!((blue.requests(), green.requests()), (1, 1));
    assert_eq!(program.terminate(), Some(0));
}

#[test]
fn a_configmap_volume_is_followed() {
    let (blue, green) = (Backend::start("blue"), Backend::start("green"));
    let program = Program::prepare(|root| {
        fs::create_dir(root.join("..1")).unwrap();
        fs::write(root.join("..1/all.yaml"), gateway(80) + &route_to(&[(&blue, 1)])).unwrap();
        symlink("..1", root.join("..data")).unwrap();
        symlink("..data/all.yaml", root.join("all.yaml")).unwrap();
    });
    assert_eq!(program.get(80, "/x").status(), 200);
    let cursor = program.served(0)["cursor"].as_u64().unwrap();

    fs::create_dir(program.path("..2")).unwrap();
    program.write("..2/all.yaml", &(gateway(80) + &route_to(&[(&green, 1)])));
    symlink("..2", program.path("..data_tmp")).unwrap();
    fs::rename(program.path("..data_tmp"), program.path("..data")).unwrap();
    fs::remove_dir_all(program.path("..1")).unwrap();
    program.wait_served(cursor);
    assert_eq!(program.get(80, "/x").status(), 200);
    assert_eq!((blue.requests(), green.requests()), (1, 1));
}

#[test]
fn files_that_break_are_told_of_and_change_nothing() {
    let blue = Backend::start("blue");
    let program = Program::start(&[("gateway.yaml", gateway(80)), ("route.yaml", route_to(&[(&blue, 1)]))]);
    program.write("route.yaml", "rules: [");
    program.wait_status(|status| status["source_problems"].as_array().unwrap().len() == 1);
    let problem = &program.status()["source_problems"][0];
    assert_eq!((&problem["file"], &problem["kind"]), (&json!("route.yaml"), &json!("Unparsable")));
    assert_eq!(program.get(80, "/x").status(), 200);

    let cursor = program.served(0)["cursor"].as_u64().unwrap();
    program.write("again.yaml", &gateway(81));
    program.wait_served(cursor);
    program.wait_status(|status| {
        let problems = status["source_problems"].as_array().unwrap();
        problems.iter().any(|problem| problem["kind"] == "Duplicate" && problem["file"] == "gateway.yaml")
    });
    // By its path the new file comes first: it is its port that counts.
    assert_eq!(program.get(81, "/x").status(), 200);
    assert!(Client::try_connect(program.address(80)).is_err());
}

#[test]
fn one_bad_object_leaves_the_others_alone() {
    let blue = Backend::start("blue");
    let bad = "\n---\n{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: bad},
        spec: {parentRefs: [{name: web}], rules: [{matches: [{path: {type: RegularExpression, value: '('}}]}]}}\n";
    let program =
        Program::start(&[("gateway.yaml", gateway(80)), ("routes.yaml", route_to(&[(&blue, 1)]) + bad)]);
    assert_eq!(program.get(80, "/x").status(), 200);
    let status = program.status();
    let of = |name: &str| {
        status["objects"].as_array().unwrap().iter().find(|o| o["name"] == name).unwrap().clone()
    };
    assert_eq!((&of("bad")["bad"], &of("shop")["bad"]), (&json!(true), &json!(false)));
}

#[test]
fn a_second_instance_names_the_address_that_is_taken() {
    let blue = Backend::start("blue");
    let files = [("gateway.yaml", gateway(80)), ("route.yaml", route_to(&[(&blue, 1)]))];
    let program = Program::start(&files);
    let second = program.beside(&[
        "--health-address",
        &program.host("9911"),
        "--admin-address",
        &program.host("9912"),
    ]);
    assert_eq!(second.status.code(), Some(1));
    let error = String::from_utf8(second.stderr).unwrap();
    assert!(error.contains(&format!("cannot listen on {}: ", program.address(8080))), "{error}");

    let second = program.beside(&[]);
    assert_eq!(second.status.code(), Some(1));
    let error = String::from_utf8(second.stderr).unwrap();
    assert!(
        error.contains(&format!("cannot listen on {} for health and metrics: ", program.host("9901"))),
        "{error}"
    );
    assert!(error.contains("--health-address"), "{error}");
    assert_eq!(program.get(80, "/x").status(), 200);
}

#[test]
fn an_address_that_is_taken_later_is_a_condition_until_it_is_free() {
    let blue = Backend::start("blue");
    let program = Program::start(&[("gateway.yaml", gateway(80)), ("route.yaml", route_to(&[(&blue, 1)]))]);
    let taken = TcpListener::bind(program.address(81)).unwrap();
    program.write("gateway.yaml", &gateway(81));
    let address = program.address(81).to_string();
    program.wait_status(|status| status["cannot_listen"][&address].is_string());
    let gateway_is_bad = |status: &Value| {
        status["objects"].as_array().unwrap().iter().any(|o| o["kind"] == "Gateway" && o["bad"] == true)
    };
    program.wait_status(gateway_is_bad);
    drop(taken);
    program.wait_status(|status| !gateway_is_bad(status));
    assert_eq!(program.get(81, "/x").status(), 200);
}

#[test]
fn the_pages_are_where_they_belong() {
    let program = Program::start(&[("gateway.yaml", gateway(80))]);
    let status = |port: u16, path: &str| program.ask(port, path).status();
    assert_eq!([status(9901, "/healthz"), status(9901, "/readyz"), status(9901, "/served")], [200, 200, 200]);
    assert_eq!([status(9901, "/debug/config"), status(9901, "/"), status(9902, "/metrics")], [404, 404, 404]);
    assert_eq!([status(9902, "/debug/config"), status(9902, "/debug/status")], [200, 200]);
    assert_eq!(status(9901, "/served?since=x"), 400);
    let metrics = program.ask(9901, "/metrics");
    let content_type = metrics.header("content-type");
    assert_eq!(content_type, Some("application/openmetrics-text; version=1.0.0; charset=utf-8"));
    assert!(metrics.body.ends_with(b"# EOF\n"));
}

#[test]
fn a_signal_drains_and_a_second_one_ends_at_once() {
    let blue = Backend::start("blue");
    let files = [("gateway.yaml", gateway(80)), ("route.yaml", route_to(&[(&blue, 1)]))];
    let program = Program::start_with(&files, &["--drain-min", "60s", "--drain-max", "70s"]);
    let mut before = Client::connect(program.address(80));
    let request = "GET /x HTTP/1.1\r\nhost: x\r\n\r\n";
    assert_eq!(before.send(request).answer().header("connection"), None);

    program.signal("TERM");
    while program.ask(9901, "/readyz").status() == 200 {}
    assert_eq!(program.ask(9901, "/readyz").body, b"draining\n");
    let answer = before.send(request).answer();
    assert_eq!((answer.status(), answer.header("connection")), (200, Some("close")));
    let answer = Client::connect(program.address(80)).send(request).answer();
    assert_eq!(
        (answer.status(), answer.header("connection")),
        (200, Some("close")),
        "new ones are served too"
    );
    program.signal("INT");
    assert_eq!(program.wait(), Some(130));
}

#[test]
fn the_access_log_has_every_line_when_the_process_has_ended() {
    let blue = Backend::start("blue");
    let files = [("gateway.yaml", gateway(80)), ("route.yaml", route_to(&[(&blue, 1)]))];
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("access.log");
    let file = format!("--access-log-file={}", log.display());
    let program = Program::start_with(&files, &["--access-log=full", &file, "--drain-min=0s", "--workers=2"]);
    for i in 0..25 {
        assert_eq!(program.get(80, &format!("/{i}")).status(), 200);
    }
    assert_eq!(program.terminate(), Some(0));
    let text = fs::read_to_string(log).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let routes = lines.iter().filter(|line| line["route"] == "HTTPRoute default/shop").count();
    assert_eq!((lines.len(), routes), (25, 25), "{text}");
}

#[test]
fn what_is_wrong_from_the_start_is_said() {
    let fails = |arguments: &[&str], code: i32, part: &str| {
        let Output { status, stderr, .. } = tidegate(arguments);
        let error = String::from_utf8(stderr).unwrap();
        assert_eq!(status.code(), Some(code), "{arguments:?}: {error}");
        assert!(error.contains(part), "{arguments:?}: {error}");
    };
    let health = ["--health-address", "127.0.0.1:0", "--admin-address", "127.0.0.1:0"];
    let serve = |arguments: &[&'static str]| [&["serve"], arguments, &health].concat();
    fails(
        &serve(&["--source", "/nonexistent"]),
        1,
        "cannot read the manifests in /nonexistent: No such file",
    );
    fails(&serve(&["--source", "/", "--drain-max", "1s"]), 1, "--drain-max 1s is less than --drain-min 15s");
    fails(&serve(&[]), 1, "neither --source nor POD_NAME is given");
    fails(&serve(&["--source", "/", "--workers", "0"]), 2, "--workers");
    fails(&serve(&["--source", "/", "--trusted-cidr", "10.0.0.1/99"]), 2, "--trusted-cidr");
    fails(&serve(&["--source", "/", "--access-log", "2"]), 2, "no access log mode");
    fails(&serve(&["--source", "/", "--log-level", "tidegate=loud"]), 2, "--log-level");
    fails(&["serf"], 2, "serve");
}

#[test]
fn check_tells_by_its_exit_code() {
    let root = tempfile::tempdir().unwrap();
    let check = |root: &Path| tidegate(&["check", root.to_str().unwrap()]).status.code();
    fs::write(root.path().join("a.yaml"), gateway(80).replace("HOST", "127.0.0.1")).unwrap();
    assert_eq!(check(root.path()), Some(0));
    fs::write(
        root.path().join("b.yaml"),
        "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {prots: []}}",
    )
    .unwrap();
    assert_eq!(check(root.path()), Some(1));
    fs::write(root.path().join("b.yaml"), "a: [").unwrap();
    assert_eq!(check(root.path()), Some(1));
    assert_eq!(check(&root.path().join("missing")), Some(2));
}

#[test]
fn crds_prints_what_the_folder_holds() {
    let folder = Path::new(".").join("crds");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let texts: Vec<_> = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let output = tidegate(&["crds"]);
    assert_eq!(
        (output.status.code(), String::from_utf8(output.stdout).unwrap()),
        (Some(0), texts.join("---\n"))
    );
}
