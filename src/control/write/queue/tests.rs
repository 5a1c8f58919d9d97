use super::*;
use crate::api::Kind;
use crate::attach::Head;
use crate::model::ObjectKey;
use crate::status::Body;

fn wanted(name: &str, generation: i64) -> Arc<Wanted> {
    let id = ObjectId { kind: Kind::HttpRoute, key: ObjectKey::new("web", name) };
    let head = Head { uid: "u".into(), generation };
    Arc::new(Wanted { id, head, body: Body::Unwritten, notes: Vec::new(), bad: false })
}

fn taken(queue: &mut Queue) -> Option<(String, i64)> {
    queue.take().map(|wanted| (wanted.id.key.name.to_string(), wanted.head.generation))
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
    queue.done(&first.id);
    assert_eq!(taken(&mut queue), Some(("a".to_owned(), 4)));
    queue.done(&first.id);
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
