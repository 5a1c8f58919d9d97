use super::Duration;

#[test]
fn durations() {
    for (text, millis) in [
        ("0s", Some(0)),
        ("10s", Some(10_000)),
        ("1h30m", Some(5_400_000)),
        ("2m5s250ms", Some(125_250)),
        ("99999h", Some(359_996_400_000)),
        ("1s1s", Some(2_000)),
        ("", None),
        ("10", None),
        ("s", None),
        ("-1s", None),
        ("1.5s", None),
        ("100000s", None),
        ("1h1m1s1ms1ms", None),
        ("1us", None),
        ("1s ", None),
        ("1é", None),
    ] {
        let parsed = Duration(text.to_owned()).parse().map(|duration| duration.as_millis());
        assert_eq!(parsed, millis, "{text:?}");
    }
}
