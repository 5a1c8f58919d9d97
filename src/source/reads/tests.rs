use super::*;

#[test]
fn a_file_is_read_when_it_is_closed_or_moved_and_not_before() {
    let (mut reads, path, now) = (Reads::default(), FilePath::new("a.yaml"), Instant::now());
    assert_eq!(reads.note(&path, Signal::Found, now), None);
    assert_eq!(reads.note(&path, Signal::Modified, now), None);
    assert_eq!(reads.deadline(), None, "its writer may take as long as it likes");
    assert_eq!(reads.note(&path, Signal::Found, now), None);
    assert_eq!(reads.take_due(now + Duration::from_secs(3600)), []);
    assert_eq!(reads.note(&path, Signal::Closed, now), Some(How::InPlace));
    assert_eq!(reads.note(&path, Signal::Moved, now), Some(How::Whole));
    assert_eq!(reads.take_due(now + Duration::from_secs(3600)), []);
}

#[test]
fn a_file_that_nobody_writes_is_read_after_a_short_while() {
    let (mut reads, path, now) = (Reads::default(), FilePath::new("a.yaml"), Instant::now());
    assert_eq!(reads.note(&path, Signal::Found, now), None);
    assert_eq!(reads.deadline(), Some(now + QUIET));
    assert_eq!(reads.take_due(now + QUIET - Duration::from_nanos(1)), []);
    assert_eq!(reads.take_due(now + QUIET), [path]);
    assert_eq!(reads.deadline(), None);
}

#[test]
fn what_is_gone_is_not_read() {
    let (mut reads, path, now) = (Reads::default(), FilePath::new("a.yaml"), Instant::now());
    reads.note(&path, Signal::Found, now);
    reads.forget(&path);
    assert_eq!(reads.take_due(now + QUIET), []);
    reads.note(&path, Signal::Modified, now);
    reads.reset();
    reads.note(&path, Signal::Found, now);
    assert_eq!(reads.take_due(now + QUIET), [path]);
}
