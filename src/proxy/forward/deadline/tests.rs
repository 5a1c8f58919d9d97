use super::*;

fn read_text(text: &str) -> Option<Duration> {
    read(&HeaderValue::from_str(text).unwrap())
}

#[test]
fn each_unit_is_read() {
    for (text, expected) in [
        ("2H", Duration::from_secs(7200)),
        ("3M", Duration::from_secs(180)),
        ("5S", Duration::from_secs(5)),
        ("250m", Duration::from_millis(250)),
        ("7u", Duration::from_micros(7)),
        ("99999999n", Duration::from_nanos(99_999_999)),
        ("99999999H", Duration::from_secs(99_999_999 * 3600)),
    ] {
        assert_eq!(read_text(text), Some(expected), "{text}");
    }
}

#[test]
fn what_is_no_timeout_is_none() {
    for text in ["", "S", "5", "5s", "0S", "123456789m", "-1S", "+1S", "1.5S", "1 S", "5SS"] {
        assert_eq!(read_text(text), None, "{text}");
    }
}

#[test]
fn what_is_left_is_written_in_the_smallest_unit_that_it_fits() {
    for (left, expected) in [
        (Duration::ZERO, "1n"),
        (Duration::from_nanos(99_999_999), "99999999n"),
        (Duration::from_nanos(100_000_999), "100000u"),
        (Duration::from_secs(100), "100000m"),
        (Duration::from_secs(100_000), "100000S"),
        (Duration::MAX, "99999999S"),
    ] {
        assert_eq!(write(left), expected, "{left:?}");
    }
}
