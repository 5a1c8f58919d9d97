use super::*;

fn worker(name: &str, millis: u64) -> WorkerState {
    WorkerState { name: name.to_owned(), since_tick: Duration::from_millis(millis), version: 0 }
}

fn ready() -> Facts {
    Facts {
        first_version: Some(1),
        acknowledged: 1,
        workers: vec![worker("worker-0", 5000)],
        draining: false,
    }
}

#[test]
fn each_reason_counts_by_itself() {
    assert_eq!(ready().judge(), []);
    assert_eq!(
        Facts { first_version: Some(0), acknowledged: 0, ..ready() }.judge(),
        [],
        "an empty directory"
    );
    assert_eq!(Facts { first_version: None, ..ready() }.judge(), [NotReady::NotListed]);
    assert_eq!(Facts { first_version: Some(2), ..ready() }.judge(), [NotReady::NotServed]);
    assert_eq!(Facts { draining: true, ..ready() }.judge(), [NotReady::Draining]);
    let workers = vec![worker("worker-0", 5001), worker("worker-1", 0), worker("worker-2", 9000)];
    assert_eq!(
        Facts { workers, ..ready() }.judge(),
        [NotReady::WorkerLate("worker-0".into()), NotReady::WorkerLate("worker-2".into())]
    );
}

#[test]
fn a_worker_is_lost_after_thirty_seconds() {
    assert!(Facts { workers: vec![worker("worker-0", 30_000)], ..ready() }.lost_worker().is_none());
    let facts = Facts { workers: vec![worker("worker-0", 1), worker("worker-1", 30_001)], ..ready() };
    assert_eq!(facts.lost_worker().map(|worker| worker.name.as_str()), Some("worker-1"));
}
