//! Tidegate itself is stopped.

use crate::common::tidegate::Options;
use crate::world::World;
use std::time::Duration;

/// Longer than any client pauses, so that each has been told to take another connection.
const MIN: Duration = Duration::from_secs(6);
const MAX: Duration = Duration::from_secs(20);

#[test]
fn a_drained_shutdown_loses_nothing() {
    let world = World::start_with(Options { drain_min: MIN, drain_max: MAX, ..Options::default() });
    let load = world.load();
    let asked = load.age();
    world.tidegate.begin_to_stop();
    // Into the time when idle connections are closed: new ones are still taken. Not longer in the
    // long form: who keeps coming until MAX is cut then, and rightly.
    let report = load.stop_after(asked + MIN + Duration::from_secs(2));
    report.assert_no_loss();
    let took = world.tidegate.wait_until_stopped();
    assert!(took >= MIN, "it stopped after {took:?}");
    assert!(took < MAX, "it had to be cut");
}

/// The same without a drain: the load must see it.
#[test]
fn without_draining_there_are_losses() {
    let world = World::start_with(Options {
        drain_min: Duration::ZERO,
        drain_max: Duration::ZERO,
        ..Options::default()
    });
    let load = world.load();
    world.tidegate.begin_to_stop();
    load.wait_for_failures(10);
    let report = load.stop();
    assert!(!report.failures.is_empty(), "{report}");
    world.tidegate.wait_until_stopped();
}
