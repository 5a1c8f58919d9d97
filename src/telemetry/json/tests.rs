use super::*;

fn object(fields: &'static [&'static str], fill: impl FnOnce(&mut Object<'_>)) -> String {
    let mut out = Vec::new();
    let mut object = Object::new(&mut out, fields);
    fill(&mut object);
    object.end();
    String::from_utf8(out).unwrap()
}

#[test]
fn every_kind_of_value_is_json() {
    let text = object(&["a", "b", "c", "d", "e", "f", "g"], |object| {
        object.text(b"x");
        object.null();
        object.number(0);
        object.number(u64::MAX);
        object.seconds(Duration::from_micros(12_000_345));
        object.texts(&["p", "q"]);
        object.plain(std::net::Ipv4Addr::LOCALHOST);
    });
    assert_eq!(
        text,
        "{\"a\":\"x\",\"b\":null,\"c\":0,\"d\":18446744073709551615,\"e\":12.000345,\"f\":[\"p\",\"q\"],\
         \"g\":\"127.0.0.1\"}\n"
    );
}

#[test]
fn any_bytes_make_one_line_that_reads_back() {
    for byte in 0..=255_u8 {
        let text = object(&["a"], |object| object.text(&[b'<', byte, b'>']));
        assert_eq!(text.matches('\n').count(), 1, "{byte}");
        assert!(!text.contains('\u{7f}'), "a terminal must not be told to delete");
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        let wanted = if byte.is_ascii() { char::from(byte) } else { char::REPLACEMENT_CHARACTER };
        assert_eq!(read["a"], format!("<{wanted}>"), "{byte}");
    }
}

#[test]
fn characters_beyond_ascii_stay_as_they_are() {
    let text = object(&["a"], |object| object.text("grüße \u{1f600}".as_bytes()));
    assert_eq!(text, "{\"a\":\"grüße \u{1f600}\"}\n");
}
