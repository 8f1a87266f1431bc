//! Chains of three, over a verifier that counts how often it is asked.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;

use super::*;

const DAY: u64 = 86_400;
const WWW: &str = "www.example.com";

/// When the certificates of these tests begin, and when they are first shown.
const BEGIN: u64 = 1_000 * DAY;
const NOW: u64 = BEGIN + 10 * DAY;

#[derive(Debug)]
struct Counting {
    verifier: Arc<WebPkiServerVerifier>,
    asked: AtomicUsize,
}

impl ServerCertVerifier for Counting {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.asked.fetch_add(1, Relaxed);
        self.verifier.verify_server_cert(end_entity, intermediates, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// A root that is trusted, and an intermediate that issues.
struct World {
    chains: Chains,
    counting: Arc<Counting>,
    issuer: Issuer<'static, KeyPair>,
    intermediate: CertificateDer<'static>,
}

/// How a verification went, and whether it was made in full.
#[derive(Debug, PartialEq)]
enum Verdict {
    Remembered,
    Verified,
    Refused(String),
}
use Verdict::{Refused, Remembered, Verified};

impl World {
    /// The intermediate ends at this time.
    fn new(intermediate_ends: u64) -> Self {
        let (root_params, root_key) = (authority("root", NOW + 9_000 * DAY), key());
        let root = root_params.self_signed(&root_key).unwrap();
        let root_issuer = Issuer::new(root_params, root_key);
        let (params, key) = (authority("intermediate", intermediate_ends), key());
        let intermediate = params.signed_by(&key, &root_issuer).unwrap().der().clone();

        let mut roots = RootCertStore::empty();
        roots.add(root.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
        let verifier = verifier.build().unwrap();
        let counting = Arc::new(Counting { verifier, asked: AtomicUsize::new(0) });
        let chains = Chains::new(Arc::clone(&counting) as Arc<dyn ServerCertVerifier>);
        Self { chains, counting, issuer: Issuer::new(params, key), intermediate }
    }

    fn leaf(&self, name: &str, ends: u64) -> CertificateDer<'static> {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        date(&mut params, ends);
        params.signed_by(&key(), &self.issuer).unwrap().der().clone()
    }

    fn verify(&self, leaf: &CertificateDer<'_>, name: &str, now: u64) -> Verdict {
        self.verify_chain(leaf, std::slice::from_ref(&self.intermediate), name, now)
    }

    fn verify_chain(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &str,
        now: u64,
    ) -> Verdict {
        let before = self.counting.asked.load(Relaxed);
        let name = ServerName::try_from(name).unwrap();
        let now = UnixTime::since_unix_epoch(Duration::from_secs(now));
        let verified = self.chains.verify_server_cert(leaf, intermediates, &name, &[], now);
        let asked = self.counting.asked.load(Relaxed) - before;
        match verified {
            Ok(_) if asked == 0 => Remembered,
            Ok(_) => Verified,
            Err(Error::InvalidCertificate(error)) => {
                Refused(super::super::certificate_text(&error))
            }
            Err(error) => panic!("{error}"),
        }
    }
}

fn key() -> KeyPair {
    KeyPair::generate().unwrap()
}

fn authority(name: &str, ends: u64) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    date(&mut params, ends);
    params
}

/// Valid from [`BEGIN`] to the second of `ends`.
fn date(params: &mut CertificateParams, ends: u64) {
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + Duration::from_secs(BEGIN);
    params.not_after = epoch + Duration::from_secs(ends);
}

#[test]
fn a_chain_is_verified_once_an_hour() {
    let world = World::new(NOW + 90 * DAY);
    let leaf = world.leaf(WWW, NOW + 90 * DAY);
    let table = [
        (NOW, Verified),
        (NOW, Remembered),
        (NOW + 3_600, Remembered),
        (NOW + 3_601, Verified),
        (NOW + 7_201, Remembered),
        // A clock that was set back.
        (NOW + 3_600, Verified),
        (NOW + 3_605, Remembered),
    ];
    for (now, verdict) in table {
        assert_eq!(world.verify(&leaf, WWW, now), verdict, "{}", now - NOW);
    }
}

#[test]
fn a_remembered_chain_ends_with_the_first_of_its_certificates() {
    let soon = NOW + 60;
    let expired = "expired less than an hour ago";
    for (leaf_ends, intermediate_ends) in [(soon, soon + DAY), (soon + DAY, soon)] {
        let world = World::new(intermediate_ends);
        let leaf = world.leaf(WWW, leaf_ends);
        assert_eq!(world.verify(&leaf, WWW, NOW), Verified);
        assert_eq!(world.verify(&leaf, WWW, soon), Remembered);
        assert_eq!(world.verify(&leaf, WWW, soon + 1), Refused(expired.to_owned()));
        assert_eq!(world.verify(&leaf, WWW, soon + 1), Refused(expired.to_owned()));
    }
}

#[test]
fn a_refusal_is_not_remembered() {
    let world = World::new(NOW + 90 * DAY);
    let leaf = world.leaf(WWW, NOW + 90 * DAY);
    let early = "is not valid for another less than an hour";
    assert_eq!(world.verify(&leaf, WWW, BEGIN - 1), Refused(early.to_owned()));
    assert_eq!(world.verify(&leaf, WWW, BEGIN), Verified);
    // Nor does the chain that is remembered by now reach back.
    assert_eq!(world.verify(&leaf, WWW, BEGIN - 1), Refused(early.to_owned()));
}

#[test]
fn another_name_is_verified_from_the_start() {
    let world = World::new(NOW + 90 * DAY);
    let leaf = world.leaf("*.example.com", NOW + 90 * DAY);
    assert_eq!(world.verify(&leaf, WWW, NOW), Verified);
    assert_eq!(world.verify(&leaf, "mail.example.com", NOW), Verified);
    let other = "is not for www.example.org but for *.example.com";
    assert_eq!(world.verify(&leaf, "www.example.org", NOW), Refused(other.to_owned()));
    let address = "is not for 192.0.2.1 but for *.example.com";
    assert_eq!(world.verify(&leaf, "192.0.2.1", NOW), Refused(address.to_owned()));
    assert_eq!(world.verify(&leaf, WWW, NOW), Remembered);
}

#[test]
fn another_certificate_is_verified_from_the_start() {
    let world = World::new(NOW + 90 * DAY);
    let leaf = world.leaf(WWW, NOW + 90 * DAY);
    assert_eq!(world.verify(&leaf, WWW, NOW), Verified);
    assert_eq!(world.verify(&world.leaf(WWW, NOW + 90 * DAY), WWW, NOW), Verified);
    let untrusted = Refused("is not signed by a trusted authority".to_owned());
    let stranger = World::new(NOW + 90 * DAY);
    assert_eq!(world.verify_chain(&leaf, &[], WWW, NOW), untrusted);
    assert_eq!(world.verify(&leaf, WWW, NOW), Remembered);
    // One bit of the leaf, and another's intermediate of the same name.
    let mut altered = leaf.to_vec();
    *altered.last_mut().unwrap() ^= 1;
    let forged = Refused("has a signature that is not its issuer's".to_owned());
    assert_eq!(world.verify(&CertificateDer::from(altered), WWW, NOW), forged);
    assert_eq!(world.verify_chain(&leaf, &[stranger.intermediate], WWW, NOW), forged);
}

#[test]
fn a_certificate_that_takes_no_part_does_not_end_a_chain() {
    let world = World::new(NOW + 90 * DAY);
    let leaf = world.leaf(WWW, NOW + 90 * DAY);
    let old = World::new(NOW - 1).intermediate;
    let shown = [world.intermediate.clone(), old];
    assert_eq!(world.verify_chain(&leaf, &shown, WWW, NOW), Verified);
    assert_eq!(world.verify_chain(&leaf, &shown, WWW, NOW + 60), Remembered);
}

#[test]
fn certificates_do_not_run_together() {
    let name = ServerName::try_from(WWW).unwrap();
    let certificate = |bytes: &'static [u8]| CertificateDer::from(bytes);
    let shown = |leaf, rest: &'static [u8]| {
        Shown::new(&certificate(leaf), &[certificate(rest)], &name).chain
    };
    assert_ne!(shown(b"ab", b"c"), shown(b"a", b"bc"));
    let (ab, a, b) = (certificate(b"ab"), certificate(b"a"), certificate(b"b"));
    assert_ne!(Shown::new(&ab, &[], &name), Shown::new(&a, &[b], &name));
}

#[test]
fn memory_is_bounded() {
    let shown = |n: usize| Shown {
        name: ServerName::try_from(WWW).unwrap(),
        chain: n.to_be_bytes().into(),
    };
    let now = UnixTime::since_unix_epoch(Duration::from_secs(NOW));
    let mut accepted = Accepted::default();
    for n in 0..MOST {
        accepted.remember(shown(n), NOW..=NOW);
    }
    assert!(accepted.holds(&shown(0), now));
    for n in MOST..2 * MOST {
        accepted.remember(shown(n), NOW..=NOW);
        assert!(accepted.spans.len() <= MOST);
        assert!(accepted.holds(&shown(n), now));
    }
}
