use super::*;

fn at(served: &mut Served, version: u64, objects: &[(&str, Option<i64>)]) {
    served.published(version, objects.iter().map(|(uid, generation)| ((*uid).into(), *generation)).collect());
}

/// Cursor, complete, objects as `uid=generation` and gone ones as `uid`.
fn since(served: &Served, cursor: u64) -> (u64, bool, String) {
    let report = served.since(cursor, None);
    let objects = report.objects.iter().map(|(uid, generation)| format!("{uid}={generation}"));
    let all: Vec<_> = objects.chain(report.gone.iter().map(ToString::to_string)).collect();
    (report.cursor, report.complete, all.join(" "))
}

#[test]
fn an_object_is_served_once_every_worker_has_its_version() {
    let mut served = Served::default();
    at(&mut served, 1, &[("a", Some(1)), ("b", Some(1))]);
    at(&mut served, 3, &[("a", Some(2))]);
    assert_eq!((served.generation("a"), since(&served, 0)), (None, (0, true, String::new())));
    served.acknowledged(2);
    assert_eq!(since(&served, 0), (2, true, "a=1 b=1".into()));
    served.acknowledged(3);
    assert_eq!((served.generation("a"), served.version()), (Some(2), 3));
    assert_eq!(since(&served, 0), (3, true, "a=2 b=1".into()));
}

#[test]
fn what_takes_no_new_version_is_served_at_once() {
    let mut served = Served::default();
    at(&mut served, 1, &[("a", Some(1))]);
    served.acknowledged(1);
    at(&mut served, 1, &[("b", Some(4))]);
    assert_eq!(since(&served, 0), (2, true, "a=1 b=4".into()));
}

#[test]
fn a_reader_gets_what_changed_since_its_cursor() {
    let mut served = Served::default();
    at(&mut served, 1, &[("a", Some(1)), ("b", Some(1)), ("c", Some(1))]);
    served.acknowledged(1);
    at(&mut served, 2, &[("b", Some(2)), ("c", None), ("a", Some(1))]);
    served.acknowledged(2);
    assert_eq!(since(&served, 3), (5, false, "b=2 c".into()));
    assert_eq!(since(&served, 4), (5, false, "c".into()));
    assert_eq!(since(&served, 5), (5, false, String::new()));
    assert_eq!(since(&served, 0), (5, true, "a=1 b=2".into()), "nobody new need hear what is gone");
    assert_eq!(since(&served, 6), (5, true, "a=1 b=2".into()), "a cursor of another process");
}

#[test]
fn objects_that_come_and_go_leave_nothing_behind() {
    let mut served = Served::default();
    at(&mut served, 1, &[("stays", Some(1))]);
    served.acknowledged(1);
    for i in 0..3 * MAX_GONE as u64 {
        let uid = format!("u{i}");
        at(&mut served, 2 * i + 2, &[(&uid, Some(1))]);
        at(&mut served, 2 * i + 3, &[(&uid, None)]);
        served.acknowledged(2 * i + 3);
    }
    assert!(served.objects.len() <= MAX_GONE + 1, "{}", served.objects.len());
    assert_eq!((served.objects.len(), served.gone), (served.changes.len(), served.objects.len() - 1));
    let (cursor, complete, text) = since(&served, 1);
    assert_eq!((complete, text.as_str()), (true, "stays=1"));
    assert_eq!(since(&served, cursor), (cursor, false, String::new()));
    assert_eq!(since(&served, cursor - 1).2, format!("u{}", 3 * MAX_GONE - 1));
}

#[test]
fn a_cursor_of_another_process_is_answered_with_everything() {
    let mut served = Served::default();
    at(&mut served, 1, &[("a", Some(1)), ("b", Some(1))]);
    served.acknowledged(1);
    let own = served.since(1, None).process;
    assert_eq!((own.len(), served.since(1, Some(&own)).objects.len()), (32, 1));
    let elsewhere = served.since(1, Some("other"));
    assert_eq!((elsewhere.complete, elsewhere.objects.len()), (true, 2));
    assert_ne!(Served::default().since(0, None).process, own);
}
