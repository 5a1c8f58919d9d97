use super::*;

#[test]
fn what_is_in_no_trace_says_so() {
    let context = TraceContext::parse(untraced().as_bytes()).unwrap();
    assert!(!context.sampled);
}
