use super::*;
use crate::api::Kind;
use crate::attach::Head;
use crate::model::ObjectKey;
use crate::status::Body;

fn wanted(name: &str, generation: i64) -> Arc<Wanted> {
    of_kind(Kind::HttpRoute, name, generation)
}

fn of_kind(kind: Kind, name: &str, generation: i64) -> Arc<Wanted> {
    let id = ObjectId { kind, key: ObjectKey::new("web", name) };
    let head = Head { uid: "u".into(), generation };
    Arc::new(Wanted { id, head, body: Body::Unwritten, notes: Vec::new(), bad: false })
}

fn taken(queue: &mut Queue) -> Option<(String, i64)> {
    taken_at(queue, Instant::now())
}

fn taken_at(queue: &mut Queue, now: Instant) -> Option<(String, i64)> {
    queue.take(now).map(|wanted| (wanted.id.key.name.to_string(), wanted.head.generation))
}

#[test]
fn only_the_latest_of_an_object_is_written_in_the_place_of_the_first() {
    let mut queue = Queue::default();
    for one in [wanted("a", 1), wanted("b", 1), wanted("a", 2)] {
        queue.put(one);
    }
    assert_eq!(taken(&mut queue), Some(("a".to_owned(), 2)));
    assert_eq!(taken(&mut queue), Some(("b".to_owned(), 1)));
    assert_eq!(taken(&mut queue), None);
}

#[test]
fn an_object_under_way_is_not_given_out_a_second_time() {
    let mut queue = Queue::default();
    let first = wanted("a", 1);
    queue.put(first.clone());
    assert_eq!(taken(&mut queue), Some(("a".to_owned(), 1)));
    queue.put(wanted("a", 2));
    queue.put(wanted("a", 3));
    assert_eq!(taken(&mut queue), None);
    assert_eq!(queue.newer(&first.id), Some(wanted("a", 3)));
    queue.put(wanted("a", 4));
    queue.done(&first.id, Instant::now());
    assert_eq!(taken(&mut queue), Some(("a".to_owned(), 4)));
    queue.done(&first.id, Instant::now());
    assert_eq!(taken(&mut queue), None);
}

#[test]
fn what_is_removed_is_not_written() {
    let mut queue = Queue::default();
    let a = wanted("a", 1);
    queue.put(a.clone());
    queue.remove(&a.id);
    assert_eq!(taken(&mut queue), None);
    queue.put(a);
    assert_eq!(taken(&mut queue), Some(("a".to_owned(), 1)));
}

#[test]
fn what_counts_routes_goes_before_them() {
    let mut queue = Queue::default();
    for one in
        [wanted("a", 1), of_kind(Kind::Gateway, "g", 1), wanted("b", 1), of_kind(Kind::ListenerSet, "s", 1)]
    {
        queue.put(one);
    }
    let all: Vec<_> = std::iter::from_fn(|| taken(&mut queue)).map(|(name, _)| name).collect();
    assert_eq!(all, ["g", "s", "a", "b"]);
}

#[test]
fn what_counts_routes_rests_between_writes() {
    let mut queue = Queue::default();
    let begun = Instant::now();
    let gateway = of_kind(Kind::Gateway, "g", 1);
    queue.put(gateway.clone());
    assert_eq!(taken_at(&mut queue, begun), Some(("g".to_owned(), 1)));
    queue.put(of_kind(Kind::Gateway, "g", 2));
    queue.done(&gateway.id, begun);
    queue.put(of_kind(Kind::Gateway, "g", 3));
    queue.put(wanted("a", 1));
    queue.put(of_kind(Kind::Gateway, "h", 1));
    assert_eq!(queue.next(), Some(begun + REST));
    let early = begun + REST - Duration::from_millis(1);
    assert_eq!(taken_at(&mut queue, early), Some(("h".to_owned(), 1)), "another need not wait for it");
    assert_eq!(taken_at(&mut queue, early), Some(("a".to_owned(), 1)), "nor what counts none");
    assert_eq!(taken_at(&mut queue, early), None);
    assert_eq!(taken_at(&mut queue, begun + REST), Some(("g".to_owned(), 3)));
    assert_eq!(queue.next(), None);
}

#[test]
fn nothing_is_remembered_of_what_has_rested() {
    let mut queue = Queue::default();
    let begun = Instant::now();
    queue.done(&of_kind(Kind::Gateway, "g", 1).id, begun);
    queue.put(wanted("a", 1));
    assert_eq!(taken_at(&mut queue, begun + REST), Some(("a".to_owned(), 1)));
    assert!(queue.resting.is_empty());
}
