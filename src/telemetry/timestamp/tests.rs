use super::*;
use std::time::Duration;

fn text(millis: u64) -> String {
    Timestamp::new().at(UNIX_EPOCH + Duration::from_millis(millis)).to_owned()
}

#[test]
fn known_times() {
    assert_eq!(text(0), "1970-01-01T00:00:00.000Z");
    assert_eq!(text(951_782_399_999), "2000-02-28T23:59:59.999Z");
    assert_eq!(text(951_782_400_000), "2000-02-29T00:00:00.000Z");
    assert_eq!(text(1_772_368_496_789), "2026-03-01T12:34:56.789Z");
    assert_eq!(text(4_107_542_400_000), "2100-03-01T00:00:00.000Z");
    assert_eq!(text(u64::MAX / 2), "9999-12-31T23:59:59.999Z");
}

#[test]
fn agrees_with_a_calendar_on_every_day_of_four_centuries() {
    let mut timestamp = Timestamp::new();
    for day in 0..146_097_i64 {
        let second = day * 86_400 + day % 86_400;
        let time = UNIX_EPOCH + Duration::from_secs(second.unsigned_abs());
        let wanted =
            jiff::Timestamp::from_second(second).unwrap().strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string();
        assert_eq!(timestamp.at(time), wanted);
    }
}

#[test]
fn a_text_that_is_kept_follows_the_clock_both_ways() {
    let mut timestamp = Timestamp::new();
    let mut at = |millis| timestamp.at(UNIX_EPOCH + Duration::from_millis(millis)).to_owned();
    assert_eq!(at(1_999), "1970-01-01T00:00:01.999Z");
    assert_eq!(at(1_999), "1970-01-01T00:00:01.999Z");
    assert_eq!(at(1_007), "1970-01-01T00:00:01.007Z");
    assert_eq!(at(2_007), "1970-01-01T00:00:02.007Z");
    assert_eq!(at(7), "1970-01-01T00:00:00.007Z");
}
