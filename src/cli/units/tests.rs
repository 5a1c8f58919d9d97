use super::*;

#[test]
fn times_are_read_and_written() {
    for (text, millis) in [("0s", 0), ("500ms", 500), ("15s", 15_000), ("2m", 120_000), ("1h", 3_600_000)] {
        assert_eq!(text.parse(), Ok(Time(Duration::from_millis(millis))), "{text}");
    }
    for (millis, text) in [(0, "0ms"), (1500, "1500ms"), (75_000, "75s"), (120_000, "2m")] {
        assert_eq!(Time(Duration::from_millis(millis)).to_string(), text);
    }
    for text in ["", "15", "s", "-1s", "1.5s", "1 s", "1d", "99999999999999999999s", "9999999999999999h"] {
        assert!(text.parse::<Time>().is_err(), "{text}");
    }
}

#[test]
fn sizes_are_read_and_written() {
    for (text, bytes) in [("0", 0), ("512", 512), ("64KiB", 65_536), ("1MiB", 1 << 20)] {
        assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        assert_eq!(Size(bytes).to_string(), text);
    }
    for text in ["", "KiB", "64K", "64 KiB", "-1", "1.5MiB"] {
        assert!(text.parse::<Size>().is_err(), "{text}");
    }
}
