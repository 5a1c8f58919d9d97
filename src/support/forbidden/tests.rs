use super::*;

fn permits(policy: &TargetPolicy, address: &str) -> bool {
    policy.permits(address.parse().unwrap())
}

#[test]
fn special_addresses_are_refused() {
    let policy = TargetPolicy::new(false, vec![]);
    for bad in [
        "0.0.0.0:80",
        "127.0.0.1:80",
        "127.8.9.10:80",
        "169.254.169.254:80",
        "224.0.0.1:80",
        "255.255.255.255:80",
        "[::]:80",
        "[::1]:80",
        "[fe80::1]:80",
        "[ff02::1]:80",
        "[::ffff:127.0.0.1]:80",
        "[::ffff:169.254.169.254]:80",
    ] {
        assert!(!permits(&policy, bad), "{bad} was permitted");
    }
    for good in ["10.0.0.1:80", "192.0.2.1:443", "[2001:db8::1]:80", "[fd00::1]:80"] {
        assert!(permits(&policy, good), "{good} was refused");
    }
}

#[test]
fn networks_can_be_allowed() {
    let policy = TargetPolicy::new(false, vec!["169.254.1.0/24".parse().unwrap()]);
    assert!(permits(&policy, "169.254.1.7:80"));
    assert!(!permits(&policy, "169.254.2.7:80"));
}

#[test]
fn own_listeners_are_refused_even_where_loopback_is_allowed() {
    let mut policy = TargetPolicy::new(true, vec!["127.0.0.0/8".parse().unwrap()]);
    policy.set_own(["127.0.0.1:8080".parse().unwrap(), "0.0.0.0:9901".parse().unwrap()].into());
    assert!(permits(&policy, "127.0.0.1:9000"));
    assert!(permits(&policy, "127.0.0.2:8080"));
    assert!(!permits(&policy, "127.0.0.1:8080"));
    assert!(!permits(&policy, "[::ffff:127.0.0.1]:8080"));
    assert!(!permits(&policy, "127.0.0.5:9901"));
}

#[test]
fn a_listener_on_every_address_answers_on_that_of_the_pod() {
    let mut policy = TargetPolicy::new(false, vec![]).with_local(vec!["10.0.0.7".parse().unwrap()]);
    policy.set_own(["0.0.0.0:10240".parse().unwrap()].into());
    assert!(!permits(&policy, "10.0.0.7:10240"));
    assert!(permits(&policy, "10.0.0.7:10241"));
    assert!(permits(&policy, "10.0.0.8:10240"));
}
