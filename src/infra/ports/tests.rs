use super::*;
use proptest::prelude::*;

fn claim(uid: &str, port: u16) -> Claim {
    Claim { gateway_uid: uid.into(), protocol: IpProtocol::Tcp, port }
}

fn wanted(claims: &[(&str, u16, i64)]) -> BTreeMap<Claim, i64> {
    claims.iter().map(|(uid, port, created)| (claim(uid, *port), *created)).collect()
}

fn data(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn a_claim_keeps_its_port_and_the_config_map_says_it() {
    let mut allocation = Allocation::default();
    let both = wanted(&[("a", 80, 1), ("a", 443, 1)]);
    assert_eq!(allocation.settle(&both, 0), BTreeSet::new());
    assert_eq!(allocation.write(), data(&[("a.tcp.443", "10241"), ("a.tcp.80", "10240")]));

    let more = wanted(&[("a", 80, 1), ("a", 443, 1), ("b", 80, 0)]);
    allocation.settle(&more, 0);
    assert_eq!(allocation.given(&more).ports[&claim("a", 80)], 10240);
    assert_eq!(allocation.given(&more).ports[&claim("b", 80)], 10242);
    assert_eq!(Allocation::read(&allocation.write()), (allocation, Vec::new()));
}

#[test]
fn a_freed_port_rests_and_the_longest_rested_is_given_first() {
    let mut allocation = Allocation::default();
    let all: BTreeMap<_, _> = RANGE.map(|port| (claim("a", port), 0)).collect();
    assert_eq!(allocation.settle(&all, 0), BTreeSet::new());
    let without = |ports: &[u16]| {
        let mut rest = all.clone();
        rest.retain(|claim, _| !ports.contains(&claim.port));
        rest
    };
    allocation.settle(&without(&[20000]), 100);
    let mut new = without(&[20000, 10500]);
    allocation.settle(&new, 200);
    new.insert(claim("b", 1), 0);
    new.insert(claim("b", 2), 0);
    assert_eq!(allocation.settle(&new, 100 + REST - 1), BTreeSet::from([claim("b", 1), claim("b", 2)]));
    assert_eq!(allocation.settle(&new, 100 + REST), BTreeSet::from([claim("b", 2)]));
    assert_eq!(allocation.given(&new).ports[&claim("b", 1)], 20000);
    assert_eq!(allocation.settle(&new, 200 + REST), BTreeSet::new());
    assert_eq!(allocation.given(&new).ports[&claim("b", 2)], 10500);
}

#[test]
fn a_port_that_is_given_twice_is_the_older_gateways_until_the_other_has_one() {
    let (mut allocation, problems) = Allocation::read(&data(&[("a.tcp.80", "10300"), ("b.tcp.80", "10300")]));
    assert_eq!(problems, [""; 0]);
    let both = wanted(&[("a", 80, 9), ("b", 80, 5)]);
    let given = allocation.given(&both);
    assert_eq!(given.ports, BTreeMap::from([(claim("b", 80), 10300)]));
    assert_eq!(given.taken, BTreeSet::from([claim("a", 80)]));
    allocation.settle(&both, 0);
    assert_eq!(allocation.given(&both).ports[&claim("a", 80)], 10240);
    assert_eq!(allocation.given(&both).ports[&claim("b", 80)], 10300);
}

#[test]
fn what_is_no_entry_gives_nothing_and_is_told() {
    let entries = data(&[
        ("a.tcp.80", "22"),
        ("a.tcp.81", "30000"),
        ("a.sctp.82", "10240"),
        ("a.tcp.0", "10240"),
        (".tcp.80", "10240"),
        ("nonsense", "10240"),
        ("freed.80", "5"),
        ("freed.10240", "yesterday"),
    ]);
    let (allocation, problems) = Allocation::read(&entries);
    assert_eq!(allocation, Allocation::default());
    assert_eq!(problems.len(), entries.len());
    assert!(problems.contains(
        &"data[\"a.tcp.80\"]: \"22\" is no port from 10240 to 29999; the entry is not used".to_owned()
    ));
}

#[test]
fn no_time_in_the_config_map_is_too_early_or_too_late() {
    let times = [i64::MIN, i64::MAX].map(|time| time.to_string());
    let (mut allocation, _) =
        Allocation::read(&data(&[("freed.10240", &*times[0]), ("freed.10241", &*times[1])]));
    let one = wanted(&[("a", 80, 0)]);
    allocation.settle(&one, 1_000_000);
    assert_eq!(allocation.given(&one).ports[&claim("a", 80)], 10242);
}

#[test]
fn where_there_are_too_few_the_older_gateways_have_them() {
    let mut allocation = Allocation::default();
    let mut all: BTreeMap<_, _> = RANGE.map(|port| (claim("young", port), 7)).collect();
    all.insert(claim("old", 80), 3);
    let left_out = allocation.settle(&all, 0);
    assert_eq!(left_out, BTreeSet::from([claim("young", 29999)]));
    assert!(allocation.given(&all).ports.contains_key(&claim("old", 80)));
}

proptest! {
    #[test]
    fn no_port_is_ever_given_twice_or_changed_and_none_before_it_rested(
        steps in proptest::collection::vec((proptest::collection::btree_set((0u8..5, 1u16..4), 0..10), 1i64..600), 1..30)
    ) {
        let (mut allocation, mut now) = (Allocation::default(), 0);
        let mut last: BTreeMap<Claim, u16> = BTreeMap::new();
        let mut had: BTreeMap<u16, (Claim, i64)> = BTreeMap::new();
        for (claims, seconds) in steps {
            now += seconds;
            let wanted: BTreeMap<_, _> =
                claims.iter().map(|(uid, port)| (claim(&uid.to_string(), *port), 0)).collect();
            prop_assert!(allocation.settle(&wanted, now).is_empty());
            allocation = Allocation::read(&allocation.write()).0;
            let given = allocation.given(&wanted);
            prop_assert!(given.taken.is_empty());
            prop_assert_eq!(given.ports.len(), wanted.len());
            for (claim, port) in &given.ports {
                if let Some(before) = last.get(claim) {
                    prop_assert_eq!(before, port);
                }
                if let Some((other, until)) = had.get(port) {
                    prop_assert!(other == claim || now - until >= REST);
                }
            }
            for (claim, port) in last.iter().chain(&given.ports) {
                if last.contains_key(claim) || given.ports.contains_key(claim) {
                    had.insert(*port, (claim.clone(), now));
                }
            }
            last = given.ports;
        }
    }
}
