use super::*;

#[test]
fn a_duration_counts_in_the_first_bucket_that_holds_it() {
    let histogram = Histogram::default();
    for micros in [0, 500, 501, 30_000_000, 30_000_001] {
        histogram.record(Duration::from_micros(micros));
    }
    let (sum, buckets) = histogram.snapshot();
    assert_eq!(sum, 60.001_002);
    let filled: Vec<_> = buckets.iter().copied().filter(|(_, count)| *count > 0).collect();
    assert_eq!(filled, [(0.0005, 2), (0.001, 1), (30.0, 1), (f64::INFINITY, 1)]);
}

#[test]
fn a_forgotten_handle_is_exported_no_more_and_its_key_starts_anew() {
    let live = Live::<u8, Counter>::new();
    let first = live.resolve(&1);
    first.increment();
    assert!(Arc::ptr_eq(&first, &live.resolve(&1)));

    live.forget(&1);
    first.increment();
    assert_eq!(live.snapshot().len(), 0);
    assert_eq!(live.resolve(&1).get(), 0);
    assert_eq!(first.get(), 2);
}

#[test]
fn a_gauge_goes_up_and_down() {
    let gauge = Gauge::default();
    gauge.increment();
    gauge.increment();
    gauge.decrement();
    assert_eq!(gauge.get(), 1);
    gauge.set(u64::MAX);
    assert_eq!(gauge.get(), i64::MAX);
}
