use super::*;
use crate::api::Kind;
use crate::model::{
    Attachment, Filters, HeaderMatch, ObjectKey, PathMatch, RouteKey, Rule, RuleKey, Timeouts, ValueMatch,
};

fn listener(name: &str) -> ListenerKey {
    ListenerKey::of_gateway(ObjectKey::new("a", "web"), name)
}

fn id(name: &str) -> ObjectId {
    ObjectId { kind: Kind::HttpRoute, key: ObjectKey::new("a", name) }
}

/// `PREFIX`, or `PREFIX NAME NAME` with headers.
fn one_match(text: &str) -> Match {
    let mut parts = text.split(' ');
    let path = PathMatch::Prefix(parts.next().unwrap().into());
    let header = |name: &str| HeaderMatch { name: name.into(), value: ValueMatch::Exact("1".into()) };
    Match { path, method: None, headers: parts.map(header).collect(), queries: Vec::new(), rpc: None }
}

/// On the listener `l`, with rules of such matches.
fn route(name: &str, created: i64, hostnames: &[&str], rules: &[&[&str]]) -> model::Route {
    let rule = |(index, matches): (usize, &&[&str])| Rule {
        key: RuleKey::Index(index as u32),
        host: None,
        matches: matches.iter().map(|text| one_match(text)).collect(),
        filters: Filters::default(),
        backends: Vec::new(),
        timeouts: Timeouts::default(),
        retry: None,
    };
    let hostnames = hostnames.iter().map(|name| Hostname::parse(name).unwrap()).collect();
    model::Route {
        key: RouteKey { kind: RouteKind::Http, object: id(name).key },
        created,
        attachments: vec![Attachment { listener: listener("l"), hostnames }],
        rules: rules.iter().enumerate().map(rule).collect(),
    }
}

#[derive(Default)]
struct World {
    shadows: Shadows,
    routes: BTreeMap<ObjectId, model::Route>,
}

impl World {
    /// Sets routes, and returns what changed of what is told, by name.
    fn set(&mut self, routes: Vec<model::Route>) -> BTreeMap<String, Vec<String>> {
        for route in routes {
            let id = ObjectId { kind: Kind::HttpRoute, key: route.key.object.clone() };
            self.shadows.set(&id, Some(&route));
            self.routes.insert(id, route);
        }
        self.settle()
    }

    fn remove(&mut self, name: &str) -> BTreeMap<String, Vec<String>> {
        self.shadows.set(&id(name), None);
        self.routes.remove(&id(name));
        self.settle()
    }

    fn settle(&mut self) -> BTreeMap<String, Vec<String>> {
        let gateways = BTreeMap::new();
        let told = self.shadows.settle(Isolation::new(&gateways), |id| self.routes.get(id));
        told.into_iter()
            .map(|(id, shadowed)| {
                (id.key.name.to_string(), shadowed.matches.into_values().flatten().collect())
            })
            .collect()
    }
}

fn lost(told: &BTreeMap<String, Vec<String>>) -> Vec<&str> {
    told.iter().filter(|(_, told)| !told.is_empty()).map(|(name, _)| name.as_str()).collect()
}

#[test]
fn the_older_then_the_first_by_name_gets_the_requests() {
    for (ages, loser) in [((1, 2), "y"), ((2, 1), "x"), ((1, 1), "y")] {
        let told = World::default()
            .set(vec![route("x", ages.0, &["a.b"], &[&["/a"]]), route("y", ages.1, &["a.b"], &[&["/a"]])]);
        assert_eq!(lost(&told), [loser], "{ages:?}");
    }
}

#[test]
fn the_message_names_the_match_the_host_and_the_winner() {
    let told = World::default().set(vec![
        route("old", 1, &["a.b", "*.c"], &[&["/x"], &["/", "/a"]]),
        route("new", 2, &["a.b"], &[&["/b", "/a"]]),
        route("twice", 3, &[], &[&["/a"], &["/b", "/a"]]),
    ]);
    assert!(told["old"].is_empty());
    assert_eq!(
        told["new"],
        [
            "rule 0, match 1 for a.b: HTTPRoute a/old, which is older or first by name, has the same one and gets the requests"
        ]
    );
    assert_eq!(told["twice"], ["rule 1, match 1: rule 0, match 0 of this route is the same and goes first"]);
}

#[test]
fn matches_differ_by_host_path_and_headers_and_not_by_their_order() {
    for (one, other, shadowed) in [
        (("a.b", "/a"), ("a.b", "/a"), true),
        (("a.b", "/a"), ("b.b", "/a"), false),
        (("*.b", "/a"), ("a.b", "/a"), false),
        (("a.b", "/a"), ("a.b", "/b"), false),
        (("a.b", "/a x"), ("a.b", "/a"), false),
        (("a.b", "/a x y"), ("a.b", "/a y x"), true),
    ] {
        let told = World::default()
            .set(vec![route("x", 1, &[one.0], &[&[one.1]]), route("y", 1, &[other.0], &[&[other.1]])]);
        assert_eq!(!lost(&told).is_empty(), shadowed, "{one:?} {other:?}");
    }
}

#[test]
fn what_is_told_follows_the_routes() {
    let mut world = World::default();
    let three = ["x", "y", "z"].map(|name| route(name, 0, &[], &[&["/a"]]));
    assert_eq!(lost(&world.set(three.to_vec())), ["y", "z"]);
    // The next one has it.
    let told = world.remove("x");
    assert_eq!((lost(&told), told["y"].len()), (vec!["z"], 0));
    // An older one comes; another loses nothing by it.
    let told = world.set(vec![route("w", -1, &[], &[&["/a"]]), route("v", 0, &[], &[&["/b"]])]);
    assert_eq!((lost(&told), told["v"].len()), (vec!["y", "z"], 0));
    // Nothing is left behind.
    for name in ["v", "w", "y", "z"] {
        world.remove(name);
    }
    assert!(world.shadows.seats.is_empty() && world.shadows.of.is_empty());
    // Nothing changes where nothing does.
    world.set(vec![route("x", 0, &[], &[&["/a"]])]);
    assert_eq!(world.set(vec![route("x", 0, &[], &[&["/a"]])]), BTreeMap::new());
}
