use super::*;

fn entry(value: Option<&str>, routability: &str) -> Entry {
    let value = value.map(|value| Address::Ip(value.parse().unwrap()));
    Entry { is_name: false, value, routability: Routability::of(Some(routability)) }
}

fn reached(asked: &[Entry], giver: Giver, usual: Result<&[&str], &str>) -> Reached {
    let all =
        |texts: &[&str]| texts.iter().map(|text| Address::Ip(text.parse().unwrap())).collect::<Vec<_>>();
    let usual = usual.map(all).map_err(str::to_owned);
    let stock = Stock { giver, usual, cluster: all(&["10.0.0.1"]), service: "sys/gw".to_owned() };
    let mut reached = Reached { stock: Some(stock), ..Reached::default() };
    reached.assign(asked, &Foreign::new());
    reached
}

/// How many addresses there are, and the reasons of the two conditions.
fn outcome(asked: &[Entry], usual: Result<&[&str], &str>) -> (usize, String, String, bool) {
    let reached = reached(asked, Giver::Balancer, usual);
    let outcome = reached.outcome(asked, &BTreeMap::new());
    let assigned = outcome.assigned.map(|verdict| format!("{:?}", verdict.reason)).unwrap_or_default();
    let missing = outcome.missing.map(|verdict| format!("{:?}", verdict.reason)).unwrap_or_default();
    (outcome.addresses.len(), assigned, missing, reached.is_on_its_way())
}

#[test]
fn a_gateway_is_programmed_with_the_addresses_that_can_be_had() {
    let any = || entry(None, "");
    let value = |value| entry(Some(value), "");
    let cluster = |value| entry(value, "Cluster");
    let given: Result<&[&str], &str> = Ok(&["192.0.2.1"]);
    let (all, some, none) = ("AddressesAssigned", "PartiallyAssigned", "NotAssigned");
    for (asked, usual, expected) in [
        (vec![], given, (1, all, "", false)),
        (vec![], Err("not yet"), (0, "", "AddressNotAssigned", true)),
        (vec![any()], given, (1, all, "", false)),
        (vec![any()], Err("not yet"), (0, "", "AddressNotAssigned", true)),
        (vec![any(), cluster(None)], given, (2, all, "", false)),
        (vec![any(), cluster(None)], Err("not yet"), (1, some, "", true)),
        (vec![any(), cluster(Some("10.9.9.9"))], given, (1, some, "", false)),
        (vec![cluster(Some("10.9.9.9"))], given, (0, none, "AddressNotAssigned", false)),
        (vec![entry(None, "example.com/lab")], given, (0, none, "AddressNotAssigned", false)),
        (vec![value("192.0.2.9")], Err("not yet"), (0, none, "AddressNotAssigned", true)),
        (vec![value("192.0.2.9")], given, (0, none, "AddressNotAssigned", false)),
        // As the official suite wants it of what is asked for by its value.
        (vec![value("192.0.2.1"), value("192.0.2.9")], given, (1, some, "AddressNotUsable", false)),
        (vec![value("192.0.2.9"), value("192.0.2.1")], Err("not yet"), (0, none, "AddressNotUsable", true)),
    ] {
        let (count, assigned, missing, is_coming) = outcome(&asked, usual);
        assert_eq!((count, &*assigned, &*missing, is_coming), expected, "{asked:?} {usual:?}");
    }
}

#[test]
fn all_entries_without_an_address_are_named() {
    let asked = [entry(None, ""), entry(None, "example.com/lab"), entry(Some("10.9.9.9"), "Cluster")];
    let reached = reached(&asked, Giver::Balancer, Ok(&["192.0.2.1"]));
    let assigned = reached.outcome(&asked, &BTreeMap::new()).assigned.unwrap();
    assert_eq!(assigned.reason, GatewayAddressesAssigned::PartiallyAssigned);
    let (first, second) = assigned.message.split_once("; ").unwrap();
    assert_eq!(
        first,
        "spec.addresses[1].routability: \"example.com/lab\" is not supported: use \"Cluster\" or leave it empty"
    );
    assert!(
        second
            .starts_with("spec.addresses[2]: 10.9.9.9 is no ClusterIP of Service sys/gw, which has 10.0.0.1")
    );
}

#[test]
fn an_address_on_which_nothing_can_listen_is_not_told() {
    let asked = [entry(Some("192.0.2.1"), ""), entry(Some("192.0.2.2"), "")];
    let reached = reached(&asked, Giver::Sockets, Ok(&["192.0.2.1", "192.0.2.2"]));
    let lost =
        |texts: &[&str]| texts.iter().map(|text| (text.parse().unwrap(), "in use".to_owned())).collect();
    let one = reached.outcome(&asked, &lost(&["192.0.2.2"]));
    assert_eq!(one.addresses.len(), 1);
    assert_eq!(one.assigned.unwrap().message, "spec.addresses[1]: in use");
    assert_eq!(one.missing.unwrap().reason, GatewayProgrammed::AddressNotUsable);
    let both = reached.outcome(&asked, &lost(&["192.0.2.1", "192.0.2.2"]));
    assert_eq!(both.addresses.len(), 0);
    assert_eq!(both.assigned.unwrap().reason, GatewayAddressesAssigned::NotAssigned);
    assert_eq!(both.missing.unwrap().reason, GatewayProgrammed::AddressNotAssigned);
}

#[test]
fn who_can_no_longer_get_an_address_keeps_it_from_nobody() {
    let inside = |value| entry(value, "Cluster");
    let known = reached(&[], Giver::Service, Ok(&["10.0.0.1"]));
    assert!(known.may_have(&inside(Some("10.0.0.1"))) && known.may_have(&inside(None)));
    assert!(!known.may_have(&inside(Some("10.0.0.2"))));
    assert!(!known.may_have(&entry(Some("192.0.2.9"), "example.com/lab")), "nobody knows what that is");
    assert!(!known.may_have(&Entry { is_name: true, ..inside(None) }));
    // A load balancer can still give it.
    assert!(known.may_have(&entry(Some("192.0.2.9"), "")));
    assert!(Reached::default().may_have(&inside(Some("10.0.0.2"))), "there is no Service yet");
}
