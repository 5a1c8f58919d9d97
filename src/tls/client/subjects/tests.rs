use super::*;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType};

/// Signs certificates under a name that other authorities have, too.
struct Authority(Issuer<'static, KeyPair>, CertificateDer<'static>);

fn authority() -> Authority {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "the same for all");
    let certificate = params.self_signed(&key).unwrap().der().clone();
    Authority(Issuer::new(params, key), certificate)
}

impl Authority {
    fn issue(&self, dns: &[&str], uris: &[&str]) -> CertificateDer<'static> {
        let names: Vec<String> = dns.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        let uris = uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap()));
        params.subject_alt_names.extend(uris);
        params.signed_by(&KeyPair::generate().unwrap(), &self.0).unwrap().der().clone()
    }
}

fn verify(
    trusted: &[&Authority],
    subjects: &[SubjectName],
    certificate: &CertificateDer<'_>,
) -> Result<(), Error> {
    let mut roots = RootCertStore::empty();
    for authority in trusted {
        roots.add(authority.1.clone()).unwrap();
    }
    let verifier = SubjectVerifier::new(Arc::new(roots), subjects.into());
    let asked = ServerName::try_from("sni.example").unwrap();
    verifier.verify_server_cert(certificate, &[], &asked, &[], UnixTime::now()).map(drop)
}

fn dns(name: &str) -> SubjectName {
    SubjectName::Dns(Hostname::parse(name).unwrap())
}

fn uri(uri: &str) -> SubjectName {
    SubjectName::Uri(uri.into())
}

#[test]
fn one_of_the_names_is_enough() {
    let authority = authority();
    let certificate =
        authority.issue(&["a.example", "*.wild.example"], &["spiffe://a.example/ns/web/sa/shop"]);
    let spiffe = "spiffe://a.example/ns/web/sa/shop";
    for (subjects, good) in [
        (vec![dns("a.example")], true),
        (vec![dns("b.example")], false),
        (vec![dns("b.example"), dns("a.example")], true),
        // The certificate's wildcard stands for one label.
        (vec![dns("x.wild.example")], true),
        (vec![dns("y.x.wild.example")], false),
        // Ours stands for itself and for all that it matches.
        (vec![dns("*.wild.example")], true),
        (vec![dns("*.example")], true),
        (vec![dns("*.other.example")], false),
        (vec![uri(spiffe)], true),
        (vec![uri("spiffe://a.example/ns/web/sa/other")], false),
        (vec![uri("spiffe://a.example/ns/web/sa")], false),
        (vec![dns("b.example"), uri(spiffe)], true),
        // The name that was asked for does not count.
        (vec![dns("sni.example")], false),
    ] {
        assert_eq!(verify(&[&authority], &subjects, &certificate).is_ok(), good, "{subjects:?}");
    }
    let error = verify(&[&authority], &[dns("b.example")], &certificate).unwrap_err();
    assert!(error.to_string().contains("a.example, *.wild.example, spiffe://"), "{error}");
}

#[test]
fn authorities_of_one_name_are_told_apart_by_their_signatures() {
    let (one, two, three) = (authority(), authority(), authority());
    let certificate = two.issue(&["a.example"], &[]);
    let name = [dns("a.example")];
    assert_eq!(verify(&[&one, &two], &name, &certificate), Ok(()));
    assert_eq!(verify(&[&two, &one], &name, &certificate), Ok(()));
    assert!(verify(&[&one, &three], &name, &certificate).is_err());
}
