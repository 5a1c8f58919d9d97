use super::*;

fn address(text: &str) -> Address {
    text.parse().map_or_else(|_| Address::Hostname(text.to_owned()), Address::Ip)
}

/// `ROUTABILITY VALUE`; of the value a `*` is any IP address, and `*.` any name.
fn entry(text: &str) -> Entry {
    let (routability, value) = text.rsplit_once(' ').unwrap_or(("", text));
    let value = Some(value).filter(|value| !value.starts_with('*')).map(address);
    let is_name = text.ends_with("*.") || value.as_ref().is_some_and(|value| value.ip().is_none());
    Entry { is_name, value, routability: Routability::of(Some(routability)) }
}

fn stock(giver: Giver, usual: &[&str], cluster: &[&str]) -> Stock {
    let all = |texts: &[&str]| texts.iter().map(|text| address(text)).collect();
    Stock { giver, usual: Ok(all(usual)), cluster: all(cluster), service: "sys/gw".to_owned() }
}

/// What each entry gets, in their order: `ROUTABILITY ADDRESS`, or why not.
fn assigned(stock: &Stock, asked: &[&str], foreign: &[usize]) -> Vec<String> {
    let asked: Vec<_> = asked.iter().map(|text| entry(text)).collect();
    let foreign = foreign.iter().map(|index| (*index, ObjectKey::new("a", "other"))).collect();
    let (assigned, unsatisfied) = stock.assign(&asked, &foreign);
    assert_eq!(assigned.len() + unsatisfied.len(), asked.len());
    let got = |index: usize| {
        let good = assigned.iter().find(|one| one.entry == Some(index));
        let good = good.map(|one| format!("{} {}", one.routability.as_str(), one.address).trim().to_owned());
        let bad = unsatisfied.iter().find(|one| one.entry == index);
        good.unwrap_or_else(|| {
            let bad = bad.unwrap();
            assert!(bad.why.starts_with(&format!("spec.addresses[{index}]")), "{}", bad.why);
            format!("{:?}", bad.lack)
        })
    };
    (0..asked.len()).map(got).collect()
}

const SENTINEL: &str = "testing.x-k8s.io/sentinel";

#[test]
fn each_entry_gets_an_address_of_its_own_or_none() {
    let balanced =
        stock(Giver::Balancer, &["192.0.2.1", "2001:db8::1", "lb.example"], &["10.0.0.1", "fd00::1"]);
    let sentinel = format!("{SENTINEL} *");
    for (asked, expected) in [
        (&["*"][..], &["192.0.2.1"][..]),
        (&["*", "*", "*"], &["192.0.2.1", "2001:db8::1", "Never"]),
        (&["*", "*", "192.0.2.1"], &["2001:db8::1", "Never", "192.0.2.1"]),
        (&["*.", "*."], &["lb.example", "Never"]),
        (&["lb.example", "*"], &["lb.example", "192.0.2.1"]),
        (&["Cluster *", "*"], &["Cluster 10.0.0.1", "192.0.2.1"]),
        (&["*", "Cluster *"], &["192.0.2.1", "Cluster 10.0.0.1"]),
        (&["Cluster *", "Cluster *", "Cluster *"], &["Cluster 10.0.0.1", "Cluster fd00::1", "Never"]),
        (&["Cluster *", "Cluster 10.0.0.1"], &["Cluster fd00::1", "Cluster 10.0.0.1"]),
        (&["Cluster 10.0.0.2"], &["Never"]),
        // No other scope in place of one.
        (&["Cluster 192.0.2.1", "10.0.0.1"], &["Never", "Never"]),
        (&["Cluster *.", "Cluster lb.example"], &["Never", "Never"]),
        (&[&sentinel, "*"], &["testing.x-k8s.io/sentinel 192.0.2.1", "2001:db8::1"]),
        (&["example.com/lab *", "testing.x-k8s.io/other *"], &["Never", "Never"]),
    ] {
        assert_eq!(assigned(&balanced, asked, &[]), expected, "{asked:?}");
    }
}

#[test]
fn a_cluster_ip_is_told_as_one_where_nothing_certain_is_asked_for() {
    let inside = stock(Giver::Service, &["10.0.0.1", "fd00::1"], &["10.0.0.1", "fd00::1"]);
    assert_eq!(assigned(&inside, &["*"], &[]), ["Cluster 10.0.0.1"]);
    assert_eq!(assigned(&inside, &["*", "Cluster *"], &[]), ["Cluster fd00::1", "Cluster 10.0.0.1"]);
    assert_eq!(
        assigned(&inside, &["*", "Cluster *", "*"], &[]),
        ["Cluster fd00::1", "Cluster 10.0.0.1", "Never"]
    );
    // That name was asked for, and it promises nothing.
    assert_eq!(assigned(&inside, &[&format!("{SENTINEL} *")], &[]), [format!("{SENTINEL} 10.0.0.1")]);
    let told: Vec<_> = inside.unasked().iter().map(|one| one.routability.as_str()).collect();
    assert_eq!(told, ["Cluster", "Cluster"]);
    let nodes = stock(Giver::Nodes, &["192.0.2.10"], &["10.0.0.1"]);
    assert_eq!(nodes.unasked()[0].routability, Routability::Default);
    assert_eq!(nodes.all(), [address("192.0.2.10"), address("10.0.0.1")]);
}

#[test]
fn what_is_not_there_yet_is_waited_for() {
    let pending =
        Stock { usual: Err("nothing yet".to_owned()), ..stock(Giver::Balancer, &[], &["10.0.0.1"]) };
    let asked = ["*", "Cluster *", "192.0.2.1", "192.0.2.2", "lb.example"];
    let expected = ["Waits", "Cluster 10.0.0.1", "NotGiven", "NotAsked", "NotGiven"];
    assert_eq!(assigned(&pending, &asked, &[]), expected);
    // The first one is another Gateway's, so the second is asked for.
    let expected = ["Waits", "Cluster 10.0.0.1", "Never", "NotGiven", "NotGiven"];
    assert_eq!(assigned(&pending, &asked, &[2]), expected);
    let fresh = Stock { cluster: Vec::new(), giver: Giver::Service, ..pending };
    assert_eq!(assigned(&fresh, &["Cluster *", "Cluster 10.0.0.1", "*"], &[]), ["Waits", "Waits", "Waits"]);
}

#[test]
fn what_another_gateway_has_is_nobody_elses() {
    let balanced = stock(Giver::Balancer, &["192.0.2.1"], &["10.0.0.1"]);
    assert_eq!(assigned(&balanced, &["192.0.2.1", "Cluster 10.0.0.1"], &[0, 1]), ["Never", "Never"]);
    let (_, unsatisfied) = balanced.assign(&[entry("192.0.2.1")], &[(0, ObjectKey::new("a", "b"))].into());
    assert_eq!(
        unsatisfied[0].why,
        "spec.addresses[0]: 192.0.2.1 belongs to Gateway a/b: ask for another one"
    );
}
