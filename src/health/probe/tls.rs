//! A TLS handshake with a certificate that is checked.
//!
//! Trust is loaded ahead of the probes ([`Trust::load`]): the system's authorities once in the life
//! of the process, a `ca` file with each load of the configuration. What it accepted is remembered
//! for a while ([`chains`]).
#![allow(clippy::disallowed_methods, reason = "a driver: it owns the clock")]

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, CipherSuite, ClientConfig, RootCertStore};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use self::chains::Chains;
use super::{Failure, Progress, Step};
use crate::health::TlsSpec;

mod chains;

/// A certificate that expires within this many seconds (14 days) is warned of: renewal is
/// commonly tried 30 days ahead, so by then it has failed for two weeks.
const WARN_BEFORE: u64 = 14 * 86_400;

/// What certificates are checked against: the authorities of each `ca` file, and the system's.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    by_ca: HashMap<Option<Box<Path>>, Loaded>,
}

/// Authorities ready for use, or why they are not.
type Loaded = Result<Clients, Arc<str>>;

/// The same authorities, asked for different protocols.
#[derive(Clone, Debug)]
struct Clients {
    tls: Arc<ClientConfig>,
    https: Arc<ClientConfig>,
}

/// How one handshake is to be made.
#[derive(Debug)]
pub(super) struct Handshake<'a> {
    client: Arc<ClientConfig>,
    host: Option<&'a str>,
}

/// A connection whose certificate is valid.
#[derive(Debug)]
pub(super) struct Secured {
    pub(super) stream: TlsStream<TcpStream>,
    /// The certificate expires soon.
    pub(super) warning: Option<String>,
}

impl Trust {
    /// Reads what these probes trust. Blocks on files. What cannot be read fails the probes that
    /// need it, with the reason.
    #[must_use]
    pub fn load<'a>(specs: impl IntoIterator<Item = &'a TlsSpec>) -> Self {
        let mut by_ca = HashMap::new();
        for TlsSpec { ca, host: _ } in specs {
            by_ca.entry(ca.clone()).or_insert_with(|| match ca {
                Some(path) => clients(read_authorities(path)),
                None => system(),
            });
        }
        Self { by_ca }
    }

    /// Takes `newer` over, and keeps what it does not have.
    pub fn extend(&mut self, newer: Self) {
        self.by_ca.extend(newer.by_ca);
    }

    /// How to shake hands for a `tls` probe.
    pub(super) fn for_tls<'a>(&self, spec: &'a TlsSpec) -> Result<Handshake<'a>, Failure> {
        let client = Arc::clone(&self.clients(spec)?.tls);
        Ok(Handshake { client, host: spec.host.as_deref() })
    }

    /// How to shake hands for HTTP over TLS, which names its protocol (ALPN, RFC 7301).
    pub(super) fn for_https<'a>(&self, spec: &'a TlsSpec) -> Result<Handshake<'a>, Failure> {
        let client = Arc::clone(&self.clients(spec)?.https);
        Ok(Handshake { client, host: spec.host.as_deref() })
    }

    fn clients(&self, spec: &TlsSpec) -> Result<&Clients, Failure> {
        match self.by_ca.get(&spec.ca) {
            Some(Ok(clients)) => Ok(clients),
            Some(Err(reason)) => Err(Failure::of_target(format!("tls: {reason}"))),
            None => Err(Failure::of_prober("tls: its authorities were not loaded".to_owned())),
        }
    }
}

/// The system's authorities, read once.
fn system() -> Loaded {
    static SYSTEM: OnceLock<Loaded> = OnceLock::new();
    let load = || {
        let mut roots = RootCertStore::empty();
        let (valid, _) =
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if valid == 0 {
            return Err("this system trusts no certificate authority (install ca-certificates, \
                        or give the probe a ca)"
                .into());
        }
        clients(Ok(roots))
    };
    SYSTEM.get_or_init(load).clone()
}

fn read_authorities(path: &Path) -> Result<RootCertStore, Arc<str>> {
    let wrong = |what: String| Arc::from(format!("ca {}: {what}", path.display()));
    let pem = std::fs::read(path).map_err(|error| wrong(super::io_text(&error)))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| wrong(format!("not PEM: {error}")))?;
        roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(wrong("holds no certificate (PEM is expected)".to_owned()));
    }
    Ok(roots)
}

fn clients(roots: Result<RootCertStore, Arc<str>>) -> Loaded {
    let provider = Arc::new(provider());
    let verifier =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots?), Arc::clone(&provider))
            .build()
            .map_err(|error| Arc::from(error.to_string()))?;
    let mut tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Arc::from(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Chains::new(verifier)))
        .with_no_client_auth();
    // A resumed session would not show the certificate of today.
    tls.resumption = Resumption::disabled();
    let mut https = tls.clone();
    https.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Clients { tls: Arc::new(tls), https: Arc::new(https) })
}

/// What is offered to servers: all that *ring* has, and first the suite that every implementation
/// of TLS 1.3 must have (RFC 8446 §9.1). Processors have instructions for its SHA-256 but seldom for
/// the SHA-384 of the usual first choice, which was 6 % of a probe.
fn provider() -> CryptoProvider {
    let mut provider = rustls::crypto::ring::default_provider();
    // A stable sort, and `false` comes first: the others keep their order.
    provider.cipher_suites.sort_by_key(|s| s.suite() != CipherSuite::TLS13_AES_128_GCM_SHA256);
    provider
}

/// Shakes hands and checks the certificate: for the host, else for the address.
///
/// # Errors
/// When there is no handshake, or the certificate is not valid.
pub(super) async fn handshake(
    stream: TcpStream,
    address: SocketAddr,
    how: Handshake<'_>,
    progress: &mut Progress,
) -> Result<Secured, Failure> {
    progress.begin(Step::Handshake);
    let name = match how.host {
        Some(host) => ServerName::try_from(host.to_owned())
            .map_err(|_| Failure::of_target(format!("tls: {host:?} is not a host name")))?,
        None => ServerName::IpAddress(address.ip().into()),
    };
    let stream = TlsConnector::from(how.client)
        .connect(name, stream)
        .await
        .map_err(|error| failure(&error))?;
    progress.done();
    let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let warning = certificate.and_then(|der| expiry_warning(der, SystemTime::now()));
    Ok(Secured { stream, warning })
}

impl Secured {
    /// Says goodbye, so that the server does not log a handshake that broke off. Gives the warning.
    pub(super) async fn close(mut self) -> Option<String> {
        let _ = self.stream.shutdown().await;
        self.warning
    }
}

/// The warning about a certificate that expires soon; nothing for one that cannot be parsed, which
/// the handshake has already accepted.
fn expiry_warning(der: &[u8], now: SystemTime) -> Option<String> {
    let now = now.duration_since(UNIX_EPOCH).ok()?.as_secs();
    let left = not_after(der)?.saturating_sub(now);
    (left <= WARN_BEFORE).then(|| format!("certificate expires in {}", span(left)))
}

/// The last second at which a certificate is valid, since 1970; nothing for one that cannot be
/// parsed.
fn not_after(der: &[u8]) -> Option<u64> {
    let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
    u64::try_from(certificate.validity().not_after.timestamp()).ok()
}

fn failure(error: &io::Error) -> Failure {
    use rustls::Error as Tls;
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Tls>());
    let text = match tls {
        Some(Tls::InvalidCertificate(error)) => format!("certificate {}", certificate_text(error)),
        Some(error) => error.to_string(),
        None => return Failure::of_io("tls", error),
    };
    Failure::of_target(format!("tls: {text}"))
}

/// What is wrong with a certificate, after the word "certificate".
fn certificate_text(error: &CertificateError) -> String {
    use CertificateError as E;
    match error {
        E::ExpiredContext { time, not_after } => {
            let ago = time.as_secs().saturating_sub(not_after.as_secs());
            format!("expired {} ago", span(ago))
        }
        E::NotValidYetContext { time, not_before } => {
            let left = not_before.as_secs().saturating_sub(time.as_secs());
            format!("is not valid for another {}", span(left))
        }
        E::NotValidForNameContext { expected, presented } => {
            let names: Vec<&str> = presented.iter().map(|name| plain_name(name)).collect();
            let names = if names.is_empty() { "no name".to_owned() } else { names.join(", ") };
            format!("is not for {} but for {names}", expected.to_str())
        }
        E::BadSignature => "has a signature that is not its issuer's".to_owned(),
        E::UnknownIssuer => "is not signed by a trusted authority".to_owned(),
        E::Other(other) => format!("is not accepted: {other}"),
        other => format!("is not accepted: {other}"),
    }
}

/// A name as rustls reports it, `DnsName("a.example")` or `IpAddress(192.0.2.1)`, without its
/// wrapping.
fn plain_name(presented: &str) -> &str {
    let inner = presented.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.unwrap_or(presented).trim_matches('"')
}

/// A span of time as people say it.
fn span(seconds: u64) -> String {
    let counted = |n: u64, unit: &str| format!("{n} {unit}{}", if n == 1 { "" } else { "s" });
    match seconds {
        0..3_600 => "less than an hour".to_owned(),
        3_600..172_800 => counted(seconds / 3_600, "hour"),
        _ => counted(seconds / 86_400, "day"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_said_in_their_unit() {
        let table = [
            (0, "less than an hour"),
            (3_599, "less than an hour"),
            (3_600, "1 hour"),
            (86_400, "24 hours"),
            (172_799, "47 hours"),
            (172_800, "2 days"),
            (14 * 86_400, "14 days"),
        ];
        for (seconds, text) in table {
            assert_eq!(span(seconds), text);
        }
    }

    #[test]
    fn expiry_is_warned_of_from_fourteen_days_before() {
        let mut params = rcgen::CertificateParams::new(["a.example".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(2030, 6, 15);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        // 2030-06-15T00:00:00Z
        let expires = UNIX_EPOCH + std::time::Duration::from_secs(1_907_712_000);
        let days = |n: u64| std::time::Duration::from_secs(n * 86_400);
        let table = [
            (expires - days(15), None),
            (expires - days(14), Some("certificate expires in 14 days")),
            (expires - days(6), Some("certificate expires in 6 days")),
            (expires - days(1), Some("certificate expires in 24 hours")),
            (expires, Some("certificate expires in less than an hour")),
        ];
        for (now, warning) in table {
            assert_eq!(expiry_warning(certificate.der(), now).as_deref(), warning);
        }
        assert_eq!(expiry_warning(b"not a certificate", expires), None);
    }
}
