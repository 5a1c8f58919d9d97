use super::*;

#[test]
fn an_answer_counts_for_its_time_within_limits() {
    let mut schedule = Schedule::default();
    let after =
        [0, 1, 60, 300, 301, 86_400].map(|ttl| schedule.after_answer(Duration::from_secs(ttl)).as_secs());
    assert_eq!(after, [1, 1, 60, 300, 300, 300]);
}

#[test]
fn failures_are_tried_again_ever_later_until_an_answer_comes() {
    let mut schedule = Schedule::default();
    assert!(schedule.is_first_failure());
    let pauses: Vec<_> = (0..7).map(|_| schedule.after_failure(0.0).as_secs()).collect();
    assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30]);
    assert!(!schedule.is_first_failure());
    assert_eq!(schedule.after_failure(1.0).as_secs(), 15);

    schedule.after_answer(Duration::ZERO);
    assert!(schedule.is_first_failure());
    assert_eq!(schedule.after_failure(0.5), Duration::from_millis(750));
}
