use super::*;
use crate::api::Kind;
use crate::attach::Head;
use crate::model::ObjectKey;
use crate::status::Body;

fn condition(type_: &'static str, truth: Truth, reason: &'static str, message: &str, bad: bool) -> Condition {
    Condition { type_, truth, reason, message: message.to_owned(), bad }
}

fn accepted() -> Condition {
    condition("Accepted", Truth::True, "Accepted", "", false)
}

fn refused(message: &str) -> Condition {
    condition("Accepted", Truth::False, "Invalid", message, true)
}

fn upstream(name: &str, conditions: Vec<Condition>) -> Arc<Wanted> {
    let bad = conditions.iter().any(|condition| condition.bad);
    Arc::new(Wanted {
        id: ObjectId { kind: Kind::Upstream, key: ObjectKey::new("default", name) },
        head: Head { uid: name.into(), generation: 3 },
        body: Body::Upstream { conditions, targets: 1 },
        notes: Vec::new(),
        bad,
    })
}

fn statuses() -> Statuses {
    Statuses::new("tidegate.dev/gateway-controller".into())
}

fn time(seconds: i64) -> Time {
    Time(jiff::Timestamp::from_second(seconds).unwrap())
}

/// Lines, the bad ones with a `!`.
fn update(statuses: &mut Statuses, wanted: Arc<Wanted>) -> Vec<String> {
    let lines = statuses.update(vec![wanted], &[], &time(0));
    lines.into_iter().map(|line| format!("{}{}", if line.bad { "! " } else { "" }, line.text)).collect()
}

#[test]
fn a_condition_is_told_when_it_says_something_else() {
    let mut statuses = statuses();
    let resolved = condition("ResolvedRefs", Truth::True, "ResolvedRefs", "", false);
    let good = || upstream("a", vec![accepted(), resolved.clone()]);
    assert_eq!(update(&mut statuses, good()), ["Upstream default/a: Accepted, ResolvedRefs"]);
    assert_eq!(update(&mut statuses, good()), [""; 0]);
    assert_eq!(
        update(&mut statuses, upstream("a", vec![refused("no target"), resolved.clone()])),
        ["! Upstream default/a: Accepted=False Invalid: no target"]
    );
    assert_eq!(
        update(&mut statuses, upstream("a", vec![refused("no url"), resolved.clone()])),
        ["! Upstream default/a: Accepted=False Invalid: no url"]
    );
    assert_eq!(update(&mut statuses, good()), ["Upstream default/a: Accepted=True"]);
}

#[test]
fn a_new_object_that_is_bad_is_told_by_what_is_bad() {
    let resolved = condition("ResolvedRefs", Truth::True, "ResolvedRefs", "", false);
    let lines = update(&mut statuses(), upstream("a", vec![refused("no target"), resolved]));
    assert_eq!(lines, ["! Upstream default/a: Accepted=False Invalid: no target"]);
}

#[test]
fn a_bad_condition_that_is_taken_away_is_told_too() {
    let mut statuses = statuses();
    let partly = condition("PartiallyInvalid", Truth::True, "UnsupportedValue", "rule 1", true);
    update(&mut statuses, upstream("a", vec![accepted(), partly]));
    assert_eq!(
        update(&mut statuses, upstream("a", vec![accepted()])),
        ["Upstream default/a: no longer PartiallyInvalid"]
    );
}

#[test]
fn notes_are_told_once() {
    let mut statuses = statuses();
    let noted = |notes: &[&str]| {
        let mut wanted = Wanted { body: Body::Unwritten, ..(*upstream("a", vec![])).clone() };
        wanted.bad = true;
        wanted.notes = notes.iter().map(|note| (*note).to_owned()).collect();
        Arc::new(wanted)
    };
    assert_eq!(update(&mut statuses, noted(&["x"])), ["! Upstream default/a: x"]);
    assert_eq!(update(&mut statuses, noted(&["x", "y"])), ["! Upstream default/a: y"]);
    assert_eq!(update(&mut statuses, upstream("a", vec![])), ["Upstream default/a: no longer bad"]);
}

#[test]
fn many_new_objects_share_a_line_and_gone_ones_are_named() {
    let mut statuses = statuses();
    let many: Vec<_> = (0..21).map(|i| upstream(&format!("u{i}"), vec![accepted()])).collect();
    let gone = many[0].id.clone();
    let lines = statuses.update(many, &[], &time(0));
    assert_eq!(lines, [Line { bad: false, text: "21 new objects without a problem".to_owned() }]);
    let lines = statuses.update(Vec::new(), &[gone], &time(0));
    assert_eq!(lines, [Line { bad: false, text: "Upstream default/u0: gone".to_owned() }]);
    assert_eq!(statuses.all().count(), 20);
}

#[test]
fn times_move_only_when_a_condition_flips() {
    let mut statuses = statuses();
    let times = |statuses: &Statuses| {
        let shown = statuses.all().next().unwrap().to_json(Some(2));
        assert_eq!((shown["generation"].as_i64(), shown["served_generation"].as_i64()), (Some(3), Some(2)));
        let conditions = shown["status"]["conditions"].as_array().unwrap().clone();
        conditions.iter().map(|c| c["lastTransitionTime"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    statuses.update(vec![upstream("a", vec![accepted()])], &[], &time(10));
    statuses.update(vec![upstream("a", vec![accepted()])], &[], &time(20));
    assert_eq!(times(&statuses), ["1970-01-01T00:00:10Z"]);
    statuses.update(vec![upstream("a", vec![refused("x")])], &[], &time(30));
    assert_eq!(times(&statuses), ["1970-01-01T00:00:30Z"]);
}
