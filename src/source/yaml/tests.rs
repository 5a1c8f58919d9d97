use super::*;
use serde_json::json;

fn values(text: &str) -> Vec<Value> {
    parse(text.as_bytes()).unwrap().into_iter().map(|document| document.value).collect()
}

fn error(text: &str) -> String {
    parse(text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn scalars_are_read_as_kubectl_reads_them() {
    let cases = [
        ("yes", json!(true)),
        ("Off", json!(false)),
        ("\"on\"", json!("on")),
        ("0644", json!(420)),
        ("0x1F", json!(31)),
        ("~", json!(null)),
        ("", json!(null)),
        ("0.5", json!(0.5)),
        ("9e1", json!(90.0)),
        ("1:30", json!("1:30")),
        ("2026-01-02T03:04:05Z", json!("2026-01-02T03:04:05Z")),
    ];
    for (text, expected) in cases {
        assert_eq!(values(&format!("a: {text}")), [json!({ "a": expected })], "{text}");
    }
}

#[test]
fn empty_documents_are_left_out_and_lines_are_those_of_the_file() {
    let text = "# first\n---\n\na: 1\n---\n---\n# nothing\n---\n{\"b\": 2}\n...\n";
    let documents = parse(text.as_bytes()).unwrap();
    assert_eq!(
        documents,
        [Document { line: 4, value: json!({"a": 1}) }, Document { line: 9, value: json!({"b": 2}) }]
    );
}

#[test]
fn a_byte_order_mark_and_dos_line_ends_do_no_harm() {
    assert_eq!(values("\u{feff}a: 1\r\n---\r\nb: 2\r\n"), [json!({"a": 1}), json!({"b": 2})]);
}

#[test]
fn aliases_and_merge_keys_are_expanded() {
    let text = "a: &x {b: 1}\nc: *x\nd:\n  <<: *x\n  e: 2\n";
    assert_eq!(values(text), [json!({"a": {"b": 1}, "c": {"b": 1}, "d": {"b": 1, "e": 2}})]);
}

#[test]
fn many_aliases_of_one_anchor_are_fine_but_a_bomb_is_not() {
    let many: String = (0..500).map(|i| format!("k{i}: *x\n")).collect();
    let first = values(&format!("a: &x {{b: 1}}\n{many}")).remove(0);
    assert_eq!(first["k499"], json!({"b": 1}));

    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for i in 1..10 {
        let before = vec![format!("*a{}", i - 1); 10].join(", ");
        bomb.push_str(&format!("a{i}: &a{i} [{before}]\n"));
    }
    assert!(error(&bomb).contains("budget breached"), "{}", error(&bomb));
}

#[test]
fn errors_name_the_place() {
    assert_eq!(error("a: 1\na: 2"), "the key \"a\" is there twice in one mapping, again at line 2, column 1");
    assert!(error("a: 1\n---\nb: [").contains("line 3"), "{}", error("a: 1\n---\nb: ["));
    assert_eq!(parse(b"a: \xff").unwrap_err().to_string(), "not UTF-8 from byte 3 on");
}
