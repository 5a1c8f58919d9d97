use super::*;
use crate::model::OriginateTls;
use crate::tls::ClientConfigs;

#[test]
fn what_is_spoken_goes_by_entry_and_request() {
    let mut configs = ClientConfigs::new(rustls::RootCertStore::empty());
    let mut entry = |protocol, tls: bool| Entry {
        name: "a".into(),
        identity: 0,
        protocol,
        tls: tls.then(|| configs.get(&OriginateTls::system("a"))),
        shown: None,
        base_path: "".into(),
        budgets: Box::default(),
        endpoints: Box::default(),
    };
    let all = |entry: Entry| [Wants::Anything, Wants::Http1, Wants::Http2].map(|wants| entry.speaks(wants));
    use BackendProtocol::{H2c, Http, Http1, Http1Only};
    assert_eq!(all(entry(Http, false)), [Speaks::Http1, Speaks::Http1, Speaks::Http2]);
    assert_eq!(all(entry(Http1, false)), [Speaks::Http1; 3]);
    assert_eq!(all(entry(Http, true)), [Speaks::Agreed, Speaks::Http1, Speaks::Http2]);
    assert_eq!(all(entry(Http1, true)), [Speaks::Agreed, Speaks::Http1, Speaks::Agreed]);
    for tls in [false, true] {
        assert_eq!(all(entry(Http1Only, tls)), [Speaks::Http1; 3]);
        assert_eq!(all(entry(H2c, tls)), [Speaks::Http2; 3]);
    }
}
