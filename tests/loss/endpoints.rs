//! Endpoints that come and go.

use crate::common::backend::Backend;
use crate::common::load::{Kind, What};
use crate::world::{World, duration, slices};
use std::time::Duration;

/// A rollout: each new backend is announced as the oldest leaves, which then drains.
#[test]
fn endpoints_that_come_and_leave_lose_nothing() {
    let mut world = World::start();
    let load = world.load();
    for number in 2..10 {
        world.a.push(Backend::start_for_load(&format!("a{number}")));
        let leaving = world.a.remove(0);
        world.tidegate.apply(&[("a.yaml", slices("a", &world.a))]);
        // From here on it gets no new request; its clients have to leave by themselves.
        assert_eq!(leaving.drain(), 0, "connections to an endpoint that left were kept");
        load.wait_for_answers(50);
    }
    let report = load.stop_after(duration());
    report.assert_no_loss();
    assert!(report.answers_of("a9") > 0, "{report}");
}

/// As the endpoint controller announces a pod that is deleted: still serving, but terminating.
#[test]
fn terminating_endpoints_lose_nothing() {
    let mut world = World::start();
    let load = world.load();
    for number in 2..6 {
        world.a.push(Backend::start_for_load(&format!("a{number}")));
        let leaving = world.a.remove(0);
        let gone = slices("a", &world.a);
        let terminating = crate::common::manifests::endpoint_slice("a", leaving.address())
            .replace("{ready: true}", "{ready: false, serving: true, terminating: true}");
        world.tidegate.apply(&[("a.yaml", format!("{gone}---\n{terminating}"))]);
        assert_eq!(leaving.drain(), 0, "connections to a terminating endpoint were kept");
        world.tidegate.apply(&[("a.yaml", gone)]);
        load.wait_for_answers(50);
    }
    load.stop_after(duration()).assert_no_loss();
}

/// As when the API server or a node is away for a while: Kubernetes then says of all pods that they are
/// not ready, and they serve as before.
#[test]
fn endpoints_that_all_turn_unready_at_once_lose_nothing() {
    let world = World::start();
    let load = world.load();
    let (a, b) = (slices("a", &world.a), slices("b", &world.b));
    let unready = |slices: &str| slices.replace("{ready: true}", "{ready: false}");
    world.tidegate.apply(&[("a.yaml", unready(&a)), ("b.yaml", unready(&b))]);
    load.wait_for_answers(500);
    world.tidegate.apply(&[("a.yaml", a), ("b.yaml", b)]);
    load.stop_after(duration()).assert_no_loss();
}

/// What cannot be saved is told; all else is saved.
#[test]
fn a_killed_backend_costs_only_what_cannot_be_repeated() {
    let mut world = World::start();
    let load = world.load();
    let killed = load.age();
    world.a.remove(0).kill();
    load.wait_for_answers(500);
    let report = load.stop_after(duration());
    report.assert_was_load();
    println!("{report}");
    for failure in &report.failures {
        // Only what was under way at that moment: later ones find the connection dead, or none. A
        // session that was open notices with its next message.
        let notices = if failure.kind == Kind::WebSocket { 400 } else { 100 };
        assert!(failure.begun < killed + Duration::from_millis(notices), "{failure}");
        match failure.what {
            What::Cut { .. } => {}
            What::Status(502) => assert!(!failure.idempotent, "{failure}"),
            What::NoAnswer(_) => assert_eq!(failure.kind, Kind::WebSocket, "{failure}"),
            _ => panic!("{failure}"),
        }
    }
}

/// The same rollout with backends that do not drain: the load must see it.
#[test]
fn without_draining_there_are_losses() {
    let mut world = World::start();
    let load = world.load();
    for number in 2..6 {
        world.a.push(Backend::start_for_load(&format!("a{number}")));
        world.a.remove(0).kill();
        world.tidegate.apply(&[("a.yaml", slices("a", &world.a))]);
        load.wait_for_answers(50);
    }
    let report = load.stop_after(duration());
    assert!(!report.failures.is_empty(), "{report}");
}
