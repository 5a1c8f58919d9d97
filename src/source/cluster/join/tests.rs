use super::*;
use crate::index::testing::{id, object};
use crate::model::ObjectKey;

/// A join that follows the whole cluster, everything listed and nothing there.
struct World {
    join: Join,
    kinds: BTreeMap<Kind, u64>,
    names: BTreeMap<ObjectKey, u64>,
}

impl World {
    fn new() -> Self {
        let (join, changes) = Join::new(&Scope::default());
        let kinds: BTreeMap<_, _> =
            changes.begin.into_iter().map(|(number, place)| (place.kind, number)).collect();
        let mut world = Self { join, kinds, names: BTreeMap::new() };
        world.refer(&[]);
        world.join.serves(Served::new());
        for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::ConfigMap && *kind != OPTIONAL) {
            world.by_kind(Event::Reset { kind, namespace: None, objects: Vec::new() });
        }
        world
    }

    fn refer(&mut self, names: &[&str]) -> Vec<Event> {
        let ids = names.iter().map(|name| id(Kind::Secret, name)).collect();
        let (events, changes) = self.join.refer(Referred { ids, complete: true });
        self.follow(changes);
        events
    }

    fn follow(&mut self, changes: Changes) {
        self.names.retain(|_, number| !changes.end.contains(number));
        self.names
            .extend(changes.begin.into_iter().filter_map(|(number, place)| Some((place.id()?.key, number))));
    }

    fn by_kind(&mut self, event: Event) -> Vec<Event> {
        let kind = match &event {
            Event::Apply(object) => object.kind(),
            Event::Reset { kind, .. } => *kind,
            Event::Delete(id) => id.kind,
            other => panic!("{other:?}"),
        };
        self.told(self.kinds[&kind], event)
    }

    fn told(&mut self, number: u64, event: Event) -> Vec<Event> {
        let (events, changes) = self.join.told(number, event);
        self.follow(changes);
        events
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.names.get(&id(Kind::Secret, name).key).copied()
    }
}

fn secret(type_: &str) -> Object {
    let data = "{tls.crt: '', tls.key: ''}";
    object(&format!("{{apiVersion: v1, kind: Secret, metadata: {{name: a}}, type: {type_}, data: {data}}}"))
}

fn deleted() -> Event {
    Event::Delete(id(Kind::Secret, "a"))
}

#[test]
fn whichever_watch_is_first_a_secret_of_certificates_is_known_all_the_time() {
    let tls = || secret("kubernetes.io/tls");
    for by_name_first in [true, false] {
        let mut world = World::new();
        world.refer(&["a"]);
        let number = world.number("a").unwrap();
        if by_name_first {
            assert_eq!(world.told(number, Event::Apply(tls())), [Event::Apply(tls())]);
        }
        assert_eq!(world.by_kind(Event::Apply(tls())), [Event::Apply(tls())]);
        assert_eq!(world.number("a"), None, "it needs no watch of its own");
        // That one had something under way.
        assert_eq!(world.told(number, Event::Apply(tls())), []);
        assert_eq!(world.told(number, deleted()), []);
        assert_eq!(world.by_kind(deleted()), [deleted()]);
        assert!(world.number("a").is_some_and(|again| again != number));
    }
}

#[test]
fn what_is_made_anew_with_another_type_is_not_taken_away_by_the_other_watch() {
    let mut world = World::new();
    world.refer(&["a"]);
    let number = world.number("a").unwrap();
    assert_eq!(world.told(number, Event::Apply(secret("Opaque"))), [Event::Apply(secret("Opaque"))]);
    assert_eq!(world.by_kind(deleted()), [], "that is old news");
    let list = Event::Reset { kind: Kind::Secret, namespace: None, objects: Vec::new() };
    assert_eq!(world.by_kind(list), []);
    assert_eq!(world.number("a"), Some(number));
    assert_eq!(world.refer(&[]), [deleted()]);
    assert_eq!(world.number("a"), None);
}

#[test]
fn a_kind_is_listed_once_and_not_before_every_name_is_answered() {
    let (mut join, changes) =
        Join::new(&Scope { named: [id(Kind::ConfigMap, "ports")].into(), ..Scope::default() });
    let [(number, _)] = changes
        .begin
        .iter()
        .filter(|(_, place)| place.kind == Kind::ConfigMap)
        .cloned()
        .collect::<Vec<_>>()
        .try_into()
        .unwrap();
    let answer =
        || Event::Reset { kind: Kind::ConfigMap, namespace: Some("default".into()), objects: Vec::new() };
    let missing = || Event::Delete(id(Kind::ConfigMap, "ports"));
    assert_eq!(join.told(number, answer()).0, [missing()], "something else may be referred to");
    assert_eq!(
        join.refer(Referred { complete: true, ..Referred::default() }).0,
        [Event::Listed(Kind::ConfigMap)]
    );
    assert_eq!(join.told(number, answer()).0, [missing()]);
}

#[test]
fn every_name_is_answered_also_one_that_is_refused() {
    let names: Vec<_> = (0..MAX_NAMED + 1).map(|number| format!("s{number:03}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let mut world = World::new();
    let last = Event::Delete(id(Kind::Secret, names[MAX_NAMED]));
    assert_eq!(world.refer(&names), [last]);
    assert_eq!(world.refer(&names), [], "that was said");
    let number = world.number(names[0]).unwrap();
    let none = Event::Reset { kind: Kind::Secret, namespace: Some("default".into()), objects: Vec::new() };
    assert_eq!(world.told(number, none), [Event::Delete(id(Kind::Secret, names[0]))]);
}

#[test]
fn a_kind_that_need_not_be_served_is_followed_while_it_is() {
    let (mut join, changes) = Join::new(&Scope::default());
    assert!(changes.begin.iter().all(|(_, place)| place.kind != OPTIONAL));
    let (events, _) = join.refer(Referred { ids: BTreeSet::new(), complete: true });
    assert!(!events.contains(&Event::Listed(OPTIONAL)), "nobody has said yet whether there are any");

    let told = |served| Event::Served { what: Optional::TRUST_BUNDLES, served };
    let fields = |served| Optional::FIELDS.map(|what| Event::Served { what, served }).to_vec();
    let serves = |served: bool| served.then_some(Optional::TRUST_BUNDLES).into_iter().collect();
    let empty = || Event::Reset { kind: OPTIONAL, namespace: None, objects: Vec::new() };
    let (events, changes) = join.serves(serves(false));
    let rest = vec![empty(), Event::Listed(OPTIONAL)];
    assert_eq!(events, [vec![told(false)], fields(false), rest].concat());
    assert_eq!(changes, Changes::default());
    assert_eq!(join.serves(serves(false)), (Vec::new(), Changes::default()));

    let (events, changes) = join.serves(serves(true));
    assert_eq!(events, [told(true)]);
    let [(number, place)] = &changes.begin[..] else { panic!("{changes:?}") };
    assert_eq!((place, changes.end.len()), (&Place::all_of(OPTIONAL), 0));
    assert_eq!(join.told(*number, empty()).0, [empty()]);

    let (events, changes) = join.serves(serves(false));
    assert_eq!(events, [told(false), empty()]);
    assert_eq!(changes.end, [*number]);
    assert_eq!(join.told(*number, empty()).0, [], "it had something under way");

    let all = Optional::FIELDS.into_iter().collect();
    assert_eq!(join.serves(all), (fields(true), Changes::default()));
    assert_eq!(join.serves(serves(false)), (fields(false), Changes::default()));
}
