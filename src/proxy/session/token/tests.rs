use super::*;
use proptest::prelude::*;

fn tokens() -> Tokens {
    Tokens::new("secret").unwrap()
}

fn address() -> impl Strategy<Value = SocketAddr> {
    let ip = prop_oneof![any::<[u8; 4]>().prop_map(IpAddr::from), any::<[u8; 16]>().prop_map(IpAddr::from),];
    (ip, any::<u16>()).prop_map(SocketAddr::from)
}

fn sessions() -> impl Strategy<Value = Vec<Session>> {
    let session = (any::<u64>(), address(), any::<u32>());
    let session = session.prop_map(|(entry, endpoint, began)| Session { entry, endpoint, began });
    prop::collection::vec(session, 0..=MOST)
}

proptest! {
    #[test]
    fn what_was_sealed_is_opened(sessions in sessions()) {
        let token = tokens().seal("a", &sessions).unwrap();
        // It can stand in a cookie, and in a header.
        prop_assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')));
        prop_assert!(token.len() <= LONGEST);
        // Made anew by whoever has the secret.
        prop_assert_eq!(tokens().open("a", token.as_bytes()), Some(sessions));
    }

    #[test]
    fn a_changed_token_is_none(sessions in sessions(), place: prop::sample::Index, bit in 0..8_u8) {
        let mut token = tokens().seal("a", &sessions).unwrap().into_bytes();
        let place = place.index(token.len());
        token[place] ^= 1 << bit;
        prop_assert_eq!(tokens().open("a", &token), None);
    }

    #[test]
    fn a_part_of_a_token_is_none(sessions in sessions(), length: prop::sample::Index) {
        let token = tokens().seal("a", &sessions).unwrap();
        let length = length.index(token.len());
        prop_assert_eq!(tokens().open("a", &token.as_bytes()[..length]), None);
    }

    #[test]
    fn whatever_a_client_makes_up_is_none(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(tokens().open("a", &bytes), None);
        prop_assert_eq!(tokens().open("a", BASE64_URL_SAFE_NO_PAD.encode(&bytes).as_bytes()), None);
    }

    /// Not even a key helps to make it go wrong.
    #[test]
    fn whatever_is_sealed_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        if let Some(sessions) = decode(&bytes) {
            prop_assert_eq!(encode(&sessions), bytes);
        }
    }
}

fn one() -> Session {
    Session { entry: 1, endpoint: ([10, 1, 2, 3], 8080).into(), began: 1_800_000_000 }
}

#[test]
fn a_token_is_only_for_its_secret_and_its_name() {
    let token = tokens().seal("a", &[one()]).unwrap();
    assert_eq!(Tokens::new("other").unwrap().open("a", token.as_bytes()), None);
    assert_eq!(tokens().open("b", token.as_bytes()), None);
}

#[test]
fn a_token_does_not_tell_what_is_in_it() {
    let (first, second) = (tokens().seal("a", &[one()]).unwrap(), tokens().seal("a", &[one()]).unwrap());
    assert_ne!(first, second, "not even that two are of one endpoint");
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(&first).unwrap();
    assert!(!bytes.windows(4).any(|window| window == [10, 1, 2, 3]));
    // What a client has to send with each request.
    assert_eq!(first.len(), 64);
}

#[test]
fn more_sessions_than_fit_are_left_out() {
    let many = vec![one(); MOST + 3];
    let token = tokens().seal("a", &many).unwrap();
    assert_eq!(tokens().open("a", token.as_bytes()), Some(many[..MOST].to_vec()));
}

/// Those of the release before must go on: these bytes are one of form 1.
#[test]
fn a_token_of_an_older_release_is_understood() {
    let token = "YQ30CZ_hR22U7x29BTkSfZktvwa4KZSwscmyJWfMrHb06QJXJ75RH7nTngEseJ6d";
    assert_eq!(tokens().open("a", token.as_bytes()), Some(vec![one()]));
}
