use super::*;
use proptest::prelude::*;

const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn parse(text: &str) -> Option<TraceContext> {
    TraceContext::parse(text.as_bytes())
}

fn headers(lines: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(TRACEPARENT, HeaderValue::from_str(line).unwrap());
    }
    headers
}

#[test]
fn a_good_one_is_read_as_it_is() {
    let context = TraceContext {
        trace_id: 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c,
        span_id: 0xb7ad_6b71_6920_3331,
        sampled: true,
    };
    assert_eq!(parse(GOOD), Some(context));
    assert_eq!(context.header(), GOOD);
    assert_eq!(parse(&GOOD.replace("-01", "-00")), Some(TraceContext { sampled: false, ..context }));
    // Flags that are not known are passed over.
    assert_eq!(parse(&GOOD.replace("-01", "-ff")), Some(context));
    assert_eq!(parse(&GOOD.replace("-01", "-02")), Some(TraceContext { sampled: false, ..context }));
}

#[test]
fn a_later_version_counts_by_what_is_known_of_it() {
    let context = parse(GOOD);
    let later = GOOD.replacen("00", "cc", 1);
    assert_eq!(parse(&later), context);
    assert_eq!(parse(&format!("{later}-what-the-future-holds")), context);
    assert_eq!(parse(&format!("{later}-")), context);
    assert_eq!(parse(&format!("{later}.what")), None);
    assert_eq!(parse(&GOOD.replacen("00", "fe", 1)), context);
    assert_eq!(parse(&GOOD.replacen("00", "ff", 1)), None);
}

#[test]
fn what_is_not_just_so_is_none() {
    let bad = [
        "",
        "00",
        // All zero.
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        // Capitals, and other letters.
        "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-B7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01",
        "0A-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0x",
        // Too short, too long.
        "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319cc-b7ad6b716920333-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-011",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
        "0-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-011",
        // Other dashes.
        "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331.01",
        " 0-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ];
    for text in bad {
        assert_eq!(parse(text), None, "{text:?}");
    }
}

#[test]
fn several_are_none() {
    let other = GOOD.replace("-01", "-00");
    assert_eq!(TraceContext::read(&headers(&[])), None);
    assert_eq!(TraceContext::read(&headers(&[GOOD])), parse(GOOD));
    assert_eq!(TraceContext::read(&headers(&[GOOD, &other])), None);
    assert_eq!(TraceContext::read(&headers(&[GOOD, GOOD])), None);
    assert_eq!(TraceContext::read(&headers(&["", GOOD])), None);
    assert_eq!(TraceContext::read(&headers(&[&format!("{GOOD},{GOOD}")])), None);
}

proptest! {
    #[test]
    fn what_is_written_is_read(trace_id in 1_u128.., span_id in 1_u64.., sampled: bool) {
        let context = TraceContext { trace_id, span_id, sampled };
        prop_assert_eq!(TraceContext::parse(context.header().as_bytes()), Some(context));
    }

    /// By an expression that says the same.
    #[test]
    fn only_what_is_allowed_is_read(text in "[0-9a-f]{2}-[0-9a-fA0]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-[a-z]{0,2}|[0-9a-f]?)") {
        let pattern = regex::Regex::new(
            "^(?:00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}|[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?)$",
        ).unwrap();
        let zeros = "00000000000000000000000000000000";
        let allowed = pattern.captures(&text).is_some_and(|found| {
            let id = |a, b| found.get(a).or_else(|| found.get(b)).map_or("", |id| id.as_str());
            id(1, 3) != zeros && id(2, 4) != &zeros[..16]
        });
        // The second alternative is for later versions, and ff is none.
        let allowed = allowed && !text.starts_with("ff") && (!text.starts_with("00") || text.len() == LENGTH);
        prop_assert_eq!(parse(&text).is_some(), allowed, "{}", text);
    }

    #[test]
    fn anything_gets_a_verdict(text: Vec<u8>) {
        let _ = TraceContext::parse(&text);
    }
}
