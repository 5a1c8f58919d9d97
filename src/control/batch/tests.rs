use super::*;
use crate::api::ObjectId;
use crate::model::ObjectKey;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn event(kind: Kind) -> Vec<Event> {
    vec![Event::Delete(ObjectId { kind, key: ObjectKey::new("a", "b") })]
}

#[test]
fn a_batch_ends_with_the_first_pause() {
    let (mut batch, start) = (Batch::default(), Instant::now());
    assert_eq!((batch.due(), batch.take_due(start)), (None, None));
    batch.add(event(Kind::HttpRoute), start);
    batch.add(event(Kind::Gateway), start + ms(3));
    assert_eq!(batch.due(), Some(start + ms(8)));
    assert_eq!(batch.take_due(start + ms(7)), None);
    assert_eq!(batch.take_due(start + ms(8)), Some([event(Kind::HttpRoute), event(Kind::Gateway)].concat()));
    assert_eq!((batch.due(), batch.take_due(start + ms(60))), (None, None));
}

#[test]
fn a_batch_without_a_pause_ends_all_the_same() {
    let (mut batch, start) = (Batch::default(), Instant::now());
    for at in 0..50 {
        batch.add(event(Kind::HttpRoute), start + ms(at));
        assert_eq!(batch.take_due(start + ms(at)), None, "at {at} ms");
    }
    assert_eq!(batch.take_due(start + ms(50)).map(|events| events.len()), Some(50));
    batch.add(event(Kind::HttpRoute), start + ms(51));
    assert_eq!(batch.due(), Some(start + ms(56)), "the next one begins anew");
}

#[test]
fn endpoints_do_not_wait_for_a_pause_of_other_events() {
    let (mut batch, start) = (Batch::default(), Instant::now());
    for at in 0..10 {
        batch.add(event(Kind::HttpRoute), start + ms(at));
    }
    batch.add(event(Kind::EndpointSlice), start + ms(10));
    for at in 11..15 {
        batch.add(event(Kind::HttpRoute), start + ms(at));
        assert_eq!(batch.due(), Some(start + ms(15)), "at {at} ms");
    }
}

#[test]
fn endpoints_that_come_late_in_a_batch_do_not_prolong_it() {
    let (mut batch, start) = (Batch::default(), Instant::now());
    for at in 0..48 {
        batch.add(event(Kind::HttpRoute), start + ms(at));
    }
    batch.add(event(Kind::EndpointSlice), start + ms(48));
    assert_eq!(batch.due(), Some(start + ms(50)));
}

#[test]
fn nothing_is_no_event() {
    let mut batch = Batch::default();
    batch.add(Vec::new(), Instant::now());
    assert_eq!(batch.due(), None);
}
