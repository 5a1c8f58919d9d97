use super::*;
use crate::model::OriginateTls;
use crate::support::pem::read_pair;
use crate::tls::{ClientConfigs, Offer, server_config};
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{AlertDescription, ClientConfig, HandshakeKind, RootCertStore};
use tokio::io::{AsyncReadExt, DuplexStream};
use tokio_rustls::TlsConnector;

const LIMIT: Duration = Duration::from_secs(10);
const NAME: &str = "shop.example.com";

struct Pki {
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
}

fn pki() -> Pki {
    let key = KeyPair::generate().unwrap();
    let names = [NAME.to_owned(), "127.0.0.1".to_owned()];
    let pem = CertificateParams::new(names).unwrap().self_signed(&key).unwrap().pem();
    let certified = read_pair(&pem, &key.serialize_pem()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
    Pki {
        server: server_config(vec![Arc::new(certified)], crate::model::TlsVersion::Tls12, true, None)
            .unwrap(),
        client: ClientConfigs::new(roots)
            .get(&OriginateTls::system(NAME))
            .connect(Offer::Both, &crate::tls::Identity::Anonymous)
            .unwrap()
            .0,
    }
}

type Handshake = Result<(TlsStream<Recorded<DuplexStream>>, Option<String>), AcceptError<Option<String>>>;

/// What each side has of one handshake, when the server's listener serves `served`.
async fn handshake(
    pki: &Pki,
    name: &str,
    served: &str,
) -> (io::Result<tokio_rustls::client::TlsStream<DuplexStream>>, Handshake) {
    let (near, far) = tokio::io::duplex(16 * 1024);
    let connector = TlsConnector::from(pki.client.clone());
    let connecting = async {
        let mut stream = connector.connect(ServerName::try_from(name.to_owned()).unwrap(), near).await?;
        // In TLS 1.3 the client is done before the server: one byte shows that both are, and
        // brings the tickets.
        stream.read_u8().await?;
        Ok(stream)
    };
    let accepting = async {
        let accepted = accept(far, LIMIT, |sni| {
            let sni = sni.map(str::to_owned);
            (sni.as_deref().unwrap_or("") == served).then(|| Choice::Terminate(pki.server.clone(), sni))
        });
        match accepted.await? {
            Accepted::Terminated(mut stream, chosen) => {
                stream.write_u8(1).await.unwrap();
                Ok((*stream, chosen))
            }
            Accepted::PassedThrough { .. } => panic!("nobody chose that"),
        }
    };
    tokio::join!(connecting, accepting)
}

fn alert(error: io::Error) -> rustls::Error {
    *error.into_inner().unwrap().downcast().unwrap()
}

#[tokio::test]
async fn the_listener_is_chosen_by_the_name_in_lower_case() {
    let (client, server) = handshake(&pki(), "SHOP.example.com", NAME).await;
    let client = client.unwrap();
    assert_eq!(client.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    assert_eq!(server.unwrap().1.as_deref(), Some(NAME));
}

#[tokio::test]
async fn a_client_without_name_is_served_when_a_listener_takes_it() {
    let (client, server) = handshake(&pki(), "127.0.0.1", "").await;
    client.unwrap();
    assert_eq!(server.unwrap().1, None);
}

#[tokio::test]
async fn a_name_that_no_listener_has_gets_the_alert_that_says_so() {
    for (name, wanted) in [(NAME, Some(NAME)), ("127.0.0.1", None)] {
        let (client, server) = handshake(&pki(), name, "other.example.com").await;
        let error = alert(client.map(|_| ()).unwrap_err());
        assert_eq!(error, rustls::Error::AlertReceived(AlertDescription::UnrecognisedName));
        match server {
            Err(AcceptError::UnrecognizedName(name)) => assert_eq!(name.as_deref(), wanted),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_client_resumes_its_session_with_the_same_settings_only() {
    let pki = pki();
    let (first, _) = handshake(&pki, NAME, NAME).await;
    assert_eq!(first.unwrap().get_ref().1.handshake_kind(), Some(HandshakeKind::Full));
    let (second, _) = handshake(&pki, NAME, NAME).await;
    assert_eq!(second.unwrap().get_ref().1.handshake_kind(), Some(HandshakeKind::Resumed));

    let certificate = pki.server.clone();
    let renewed = Pki { server: renew(&certificate), client: pki.client };
    let (third, _) = handshake(&renewed, NAME, NAME).await;
    assert_eq!(third.unwrap().get_ref().1.handshake_kind(), Some(HandshakeKind::Full));
}

/// The same certificate in settings of another listener: its tickets are its own.
fn renew(config: &Arc<ServerConfig>) -> Arc<ServerConfig> {
    let mut other = ServerConfig::clone(config);
    other.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new().unwrap();
    Arc::new(other)
}

#[tokio::test]
async fn a_failed_handshake_tells_whose_listener_it_was() {
    let (client, server) = handshake(&pki(), "wrong.example.com", "wrong.example.com").await;
    assert!(client.is_err(), "the certificate is for another name");
    match server {
        Err(AcceptError::Handshake { chosen, .. }) => {
            assert_eq!(chosen.as_deref(), Some("wrong.example.com"))
        }
        other => panic!("{other:?}"),
    }
}

fn refuse(_: Option<&str>) -> Option<Choice<()>> {
    panic!("nothing to choose by")
}

#[tokio::test]
async fn what_is_no_tls_is_told_apart() {
    let (mut near, far) = tokio::io::duplex(1024);
    near.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let error = accept(far, LIMIT, refuse).await.unwrap_err();
    assert!(matches!(error, AcceptError::ClientHello(_)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_says_nothing_is_cut_off() {
    let (_near, far) = tokio::io::duplex(1024);
    let start = Instant::now();
    let error = accept(far, LIMIT, refuse).await.unwrap_err();
    assert!(matches!(error, AcceptError::Timeout { chosen: None, .. }), "{error}");
    assert_eq!(start.elapsed(), LIMIT);
}

#[tokio::test]
async fn what_passes_through_is_given_back_whole() {
    let (near, far) = tokio::io::duplex(16 * 1024);
    let connector = TlsConnector::from(pki().client);
    let connecting = connector.connect(ServerName::try_from(NAME).unwrap(), near);
    let accepting = async {
        match accept(far, LIMIT, |_| Some(Choice::PassThrough(()))).await.unwrap() {
            Accepted::PassedThrough { hello, name, .. } => (hello, name),
            Accepted::Terminated(..) => panic!("nobody chose that"),
        }
    };
    // The client sees its connection end without an answer.
    let (connected, (hello, name)) = tokio::join!(connecting, accepting);
    assert!(connected.is_err());
    assert_eq!(name.as_deref(), Some(NAME));
    // A handshake record, whole.
    assert_eq!((hello[0], usize::from(hello[3]) << 8 | usize::from(hello[4])), (22, hello.len() - 5));
}
