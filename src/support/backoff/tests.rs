use super::*;

fn between(wait: Duration, whole: u64) -> bool {
    (Duration::from_millis(whole / 2)..=Duration::from_millis(whole)).contains(&wait)
}

#[test]
fn waits_double_up_to_the_longest_and_begin_anew_after_success() {
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(350));
    for whole in [100, 200, 350, 350] {
        let wait = backoff.wait();
        assert!(between(wait, whole), "{wait:?} of {whole} ms");
    }
    backoff.reset();
    let wait = backoff.wait();
    assert!(between(wait, 100), "{wait:?}");
}

#[test]
fn waits_differ() {
    let waits: std::collections::BTreeSet<_> =
        (0..20).map(|_| Backoff::new(Duration::from_secs(1), Duration::from_secs(1)).wait()).collect();
    assert!(waits.len() > 10, "{waits:?}");
}
