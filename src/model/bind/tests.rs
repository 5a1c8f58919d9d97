use super::*;
use std::collections::HashSet;

#[test]
fn tcp_and_udp_on_one_address_are_two_sockets() {
    let address = SocketAddr::from(([127, 0, 0, 1], 53));
    let both = HashSet::from([BindAddress::tcp(address), BindAddress::udp(address)]);
    assert_eq!(both.len(), 2);
}

#[test]
fn a_text_says_which_of_the_two_it_is() {
    for text in ["127.0.0.1:53", "127.0.0.1:53/udp", "[::1]:53", "[::1]:53/udp"] {
        let bind: BindAddress = text.parse().unwrap();
        assert_eq!(bind.protocol, if text.ends_with("/udp") { IpProtocol::Udp } else { IpProtocol::Tcp });
        assert_eq!(bind.to_string(), text);
        let json = serde_json::to_string(&bind).unwrap();
        assert_eq!(json, format!("{text:?}"));
        assert_eq!(serde_json::from_str::<BindAddress>(&json).unwrap(), bind);
    }
    assert!("127.0.0.1:53/tcp".parse::<BindAddress>().is_err());
}
