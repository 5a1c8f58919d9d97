use super::*;

fn hosts(names: &[&'static str]) -> Hosts<&'static str> {
    let mut hosts = Hosts::default();
    for name in names {
        let hostname = (*name != "every").then(|| Hostname::parse(name).unwrap());
        assert_eq!(hosts.insert(hostname.as_ref(), *name), None);
    }
    hosts
}

fn order(hosts: &Hosts<&'static str>, host: &str) -> Vec<&'static str> {
    let mut seen = Vec::new();
    let none: Option<()> = hosts.find_map(host, |name| {
        seen.push(*name);
        None
    });
    assert_eq!(none, None);
    seen
}

#[test]
fn values_come_from_the_most_specific_on() {
    let hosts =
        hosts(&["every", "*.com", "*.example.com", "a.example.com", "example.com", "*.b.example.com"]);
    assert_eq!(order(&hosts, "a.example.com"), ["a.example.com", "*.example.com", "*.com", "every"]);
    assert_eq!(order(&hosts, "x.b.example.com"), ["*.b.example.com", "*.example.com", "*.com", "every"]);
    assert_eq!(order(&hosts, "b.example.com"), ["*.example.com", "*.com", "every"]);
    assert_eq!(order(&hosts, "example.com"), ["example.com", "*.com", "every"]);
    assert_eq!(order(&hosts, "com"), ["every"]);
    assert_eq!(order(&hosts, "notexample.com"), ["*.com", "every"]);
}

#[test]
fn odd_hosts_match_as_the_hostname_says() {
    let names = ["*.com", "*.example.com", "*.b.example.com"];
    let hosts = hosts(&names);
    for host in
        ["", ".", ".com", "..com", ".example.com", "..example.com", "a..example.com", "[::1]", "1.2.3.4"]
    {
        let wanted: Vec<_> =
            names.iter().rev().filter(|name| Hostname::parse(name).unwrap().matches(host)).copied().collect();
        assert_eq!(order(&hosts, host), wanted, "{host:?}");
    }
}

#[test]
fn a_host_longer_than_any_name_belongs_to_every_host_only() {
    let hosts = hosts(&["every", "*.com"]);
    assert_eq!(order(&hosts, &format!("{}com", "a.".repeat(125))), ["*.com", "every"]);
    assert_eq!(order(&hosts, &format!("{}com", "a.".repeat(126))), ["every"]);
}

#[test]
fn the_first_find_ends_the_search() {
    let hosts = hosts(&["every", "a.example.com"]);
    assert_eq!(hosts.find_map("a.example.com", Some), Some(&"a.example.com"));
    assert_eq!(hosts.find_map("b.example.com", Some), Some(&"every"));
}

#[test]
fn values_are_replaced_and_removed_one_by_one() {
    let mut hosts = hosts(&["every", "*.a.com", "a.com"]);
    let wildcard = Hostname::parse("*.a.com").unwrap();
    assert_eq!(hosts.insert(Some(&wildcard), "new"), Some("*.a.com"));
    assert_eq!(hosts.get(Some(&wildcard)), Some(&"new"));
    hosts.remove(Some(&wildcard));
    hosts.remove(None);
    assert_eq!(hosts.iter().collect::<Vec<_>>(), [&"a.com"]);
    assert_eq!(hosts.every(), None);
}
