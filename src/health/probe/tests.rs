//! Probes of real sockets on loopback that behave, and of many that do not.

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{CertificateParams, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::health::{HttpSpec, ProbeSpec, TlsSpec};

/// Long enough that only a mistake reaches it.
const NEVER: Duration = Duration::from_secs(60);

/// Short enough to wait for; the target does nothing, so being late changes nothing.
const SOON: Duration = Duration::from_millis(150);

type Serving = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Serves each connection with `serve`, until the test's runtime ends.
async fn server<F>(serve: F) -> SocketAddr
where
    F: Fn(TcpStream) -> Serving + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    address
}

/// What a server does once it has said its part.
#[derive(Clone, Copy, Debug)]
enum Then {
    Close,
    Hang,
    /// One byte after another, for ever.
    Drip(u8),
    /// As fast as it is read, for ever.
    Flood(&'static [u8]),
}

/// Reads a request's head, answers with `reply`, and then does what it does.
async fn answer<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, reply: &[u8], then: Then) {
    read_head(&mut stream).await;
    let _ = stream.write_all(reply).await;
    let _ = stream.flush().await;
    match then {
        Then::Close => {
            let _ = stream.shutdown().await;
        }
        Then::Hang => std::future::pending().await,
        Then::Drip(byte) => {
            while stream.write_all(&[byte]).await.is_ok() {
                let _ = stream.flush().await;
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        Then::Flood(bytes) => while stream.write_all(bytes).await.is_ok() {},
    }
}

async fn read_head<S: AsyncRead + Unpin>(stream: &mut S) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(head).unwrap()
}

async fn http_server(reply: Vec<u8>, then: Then) -> SocketAddr {
    server(move |stream| {
        let reply = reply.clone();
        Box::pin(async move { answer(stream, &reply, then).await })
    })
    .await
}

fn http(body: Option<&str>) -> HttpSpec {
    HttpSpec {
        path: "/healthz".into(),
        host: None,
        status: Box::new([(200, 299)]),
        body: body.map(Into::into),
    }
}

async fn probe(kind: ProbeKind, address: SocketAddr, timeout: Duration) -> Outcome {
    let trust = Trust::load(kind.tls());
    probe_with(&trust, kind, address, timeout).await
}

async fn probe_with(
    trust: &Trust,
    kind: ProbeKind,
    address: SocketAddr,
    timeout: Duration,
) -> Outcome {
    let probe = ProbeSpec { kind, every: NEVER, timeout, fall: 1, rise: 1 };
    run(&Target { probe: Arc::new(probe), address }, trust).await
}

/// "ok", "ok, but …", or the reason of the failure.
fn told(outcome: &Outcome) -> String {
    match &outcome.result {
        Ok(Success { warning: None }) => "ok".to_owned(),
        Ok(Success { warning: Some(warning) }) => format!("ok, but {warning}"),
        Err(Failure { reason, fault: Fault::Target }) => reason.clone(),
        Err(Failure { reason, fault: Fault::Prober }) => panic!("not probed: {reason}"),
    }
}

/// A port of loopback on which nobody listens, for as long as the socket is held.
fn closed_port() -> (socket2::Socket, SocketAddr) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, address)
}

#[tokio::test]
async fn an_accepted_connection_is_all_that_tcp_asks() {
    let address = server(|_| Box::pin(std::future::pending())).await;
    let outcome = probe(ProbeKind::Tcp, address, NEVER).await;
    assert_eq!(told(&outcome), "ok");
    let Timings { connect, handshake, response, body, total } = outcome.timings;
    assert!(connect.is_some_and(|connect| connect <= total));
    assert_eq!((handshake, response, body), (None, None, None));
}

#[tokio::test]
async fn a_tcp_probe_leaves_by_a_reset_and_no_time_wait() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    assert_eq!(told(&probe(ProbeKind::Tcp, address, NEVER).await), "ok");
    let (mut stream, _) = listener.accept().await.unwrap();
    let error = stream.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_refused_connection_fails_every_kind() {
    let (_held, address) = closed_port();
    let tls = TlsSpec { host: None, ca: None };
    let kinds = [
        ProbeKind::Tcp,
        ProbeKind::Tls(tls.clone()),
        ProbeKind::Http(http(None)),
        ProbeKind::Https(http(None), tls),
    ];
    for kind in kinds {
        // The system may trust nothing here, which is found out before the handshake only.
        let outcome = probe(kind, address, NEVER).await;
        assert_eq!(told(&outcome), "connect: connection refused");
        assert_eq!(outcome.timings.connect, None);
    }
}

#[tokio::test]
async fn a_target_is_judged_by_its_response() {
    let page = |status: &str, body: &str| {
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    };
    let far = format!("{}ok", ".".repeat(64 * 1024));
    let near = format!("{}ok", ".".repeat(64 * 1024 - 2));
    let chunked =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n";
    let endless = "HTTP/1.1 200 OK\r\n\r\n";
    let short = "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nnot all of it";
    let interim = format!("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n{}", page("200 OK", ""));
    let absent = "body does not contain \"ok\" in the first 64 KiB";
    let cut = "http: connection closed before message completed";
    let table: Vec<(String, Then, Option<&str>, &str)> = vec![
        (page("200 OK", ""), Then::Close, None, "ok"),
        (page("204 No Content", ""), Then::Hang, None, "ok"),
        (page("503 Service Unavailable", "ok"), Then::Close, Some("ok"), "status 503"),
        (page("404 Not Found", ""), Then::Hang, None, "status 404"),
        ("HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n".into(), Then::Close, None, "status 302"),
        ("HTTP/1.0 200 OK\r\n\r\nall ok".into(), Then::Close, Some("ok"), "ok"),
        (interim, Then::Close, None, "ok"),
        // The body is read only as far as it decides.
        (page("200 OK", "all ok"), Then::Close, Some("ok"), "ok"),
        (page("200 OK", "all bad"), Then::Close, Some("ok"), absent),
        (page("200 OK", ""), Then::Close, Some("ok"), absent),
        (page("200 OK", &near), Then::Close, Some("ok"), "ok"),
        (page("200 OK", &far), Then::Close, Some("ok"), absent),
        (chunked.into(), Then::Close, Some("ok"), "ok"),
        (endless.into(), Then::Hang, None, "ok"),
        (format!("{endless}ok"), Then::Hang, Some("ok"), "ok"),
        (endless.into(), Then::Flood(b"bad "), Some("ok"), absent),
        // What is no HTTP, and what breaks off.
        (String::new(), Then::Close, None, cut),
        ("HTTP/1.1 200 OK\r\nContent-".into(), Then::Close, None, cut),
        (
            "220 mail.example ESMTP\r\n".into(),
            Then::Hang,
            None,
            "http: invalid HTTP version parsed",
        ),
        (
            "\0\u{1}\u{2}garbage\r\n\r\n".into(),
            Then::Hang,
            None,
            "http: invalid HTTP version parsed",
        ),
        (
            short.into(),
            Then::Close,
            Some("ok"),
            "http: error reading a body from connection: \
            end of file before message length reached",
        ),
        // Endless heads are given up at a size.
        (
            "HTTP/1.1 200 OK\r\nX: ".into(),
            Then::Flood(b"aaaaaaaa"),
            None,
            "http: message head is too large",
        ),
        (
            "HTTP/1.1 200 OK\r\n".into(),
            Then::Flood(b"X: a\r\n"),
            None,
            "http: message head is too large",
        ),
    ];
    for (reply, then, body, expected) in table {
        let address = http_server(reply.clone().into_bytes(), then).await;
        let outcome = probe(ProbeKind::Http(http(body)), address, NEVER).await;
        let start: String = reply.chars().take(60).collect();
        assert_eq!(told(&outcome), expected, "{start:?}, then {then:?}, body {body:?}");
    }
}

#[tokio::test]
async fn a_target_that_takes_its_time_is_given_up_at_the_timeout() {
    let head = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    let table = [
        (Vec::new(), Then::Hang, "timeout after 150ms in http response"),
        (Vec::new(), Then::Drip(b'\n'), "timeout after 150ms in http response"),
        (
            b"HTTP/1.1 200 OK\r\nX: ".to_vec(),
            Then::Drip(b'a'),
            "timeout after 150ms in http response",
        ),
        (head.clone(), Then::Hang, "timeout after 150ms in http body"),
        (head, Then::Drip(b'.'), "timeout after 150ms in http body"),
    ];
    for (reply, then, expected) in table {
        let address = http_server(reply, then).await;
        let outcome = probe(ProbeKind::Http(http(Some("ok"))), address, SOON).await;
        assert_eq!(told(&outcome), expected, "{then:?}");
        assert!(outcome.timings.total >= SOON);
    }
}

#[tokio::test]
async fn the_request_is_what_servers_expect_and_redirects_are_not_followed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        count.fetch_add(1, Ordering::Relaxed);
        let head = read_head(&mut stream).await;
        let location = format!("HTTP/1.1 301 Moved\r\nLocation: http://{address}/\r\n\r\n");
        stream.write_all(location.as_bytes()).await.unwrap();
        drop(stream);
        // Whoever follows the redirect would be counted here.
        let follower = tokio::time::timeout(SOON, listener.accept()).await;
        count.fetch_add(usize::from(follower.is_ok()), Ordering::Relaxed);
        head
    });
    let spec = HttpSpec { status: Box::new([(301, 301)]), ..http(None) };
    assert_eq!(told(&probe(ProbeKind::Http(spec), address, NEVER).await), "ok");
    let head = server.await.unwrap();
    assert!(head.starts_with("GET /healthz HTTP/1.1\r\n"), "{head}");
    let version = env!("CARGO_PKG_VERSION");
    for line in [
        format!("host: {address}"),
        format!("user-agent: rhumb/{version}"),
        "connection: close".into(),
    ] {
        assert!(head.contains(&format!("\r\n{line}\r\n")), "{line} in {head}");
    }
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

/// A certificate authority, and the servers that it vouches for.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    directory: tempfile::TempDir,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("ca.pem"), certificate.pem()).unwrap();
        Self { issuer: Issuer::new(params, key), directory }
    }

    fn spec(&self, host: Option<&str>) -> TlsSpec {
        let path = self.directory.path().join("ca.pem");
        TlsSpec { host: host.map(Into::into), ca: Some(path.into()) }
    }

    /// An acceptor with a certificate for `name` that expires at `expires`, in seconds from now.
    fn acceptor(&self, name: &str, expires: i64) -> TlsAcceptor {
        let (certificate, key) = self.certificate(name, expires);
        acceptor(certificate, &key)
    }

    fn certificate(&self, name: &str, expires: i64) -> (rcgen::Certificate, KeyPair) {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let end = now.checked_add_signed(expires).unwrap();
        params.not_after = rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(end);
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }
}

/// Shows this certificate and signs with this key, whether they belong together or not.
fn acceptor(certificate: rcgen::Certificate, key: &KeyPair) -> TlsAcceptor {
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let key = rustls::crypto::ring::sign::any_ecdsa_type(&key).unwrap();
    let shown = CertifiedKey::new(vec![certificate.der().clone()], key);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(shown)));
    TlsAcceptor::from(Arc::new(config))
}

/// A server that answers "200, ok" over TLS.
async fn https_server(acceptor: TlsAcceptor) -> SocketAddr {
    server(move |stream| {
        let acceptor = acceptor.clone();
        Box::pin(async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                answer(stream, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", Then::Close)
                    .await;
            }
        })
    })
    .await
}

/// What both kinds of probes over TLS say.
async fn told_over_tls(spec: &TlsSpec, address: SocketAddr) -> String {
    let tls = told(&probe(ProbeKind::Tls(spec.clone()), address, NEVER).await);
    let https = ProbeKind::Https(http(Some("ok")), spec.clone());
    let https = told(&probe(https, address, NEVER).await);
    assert_eq!(tls, https);
    tls
}

const DAY: i64 = 86_400;

#[tokio::test]
async fn a_certificate_is_judged_by_its_name_and_time() {
    let authority = Authority::new("ours");
    let www = "www.example.com";
    let table = [
        (www, 90 * DAY, Some(www), "ok"),
        ("*.example.com", 90 * DAY, Some(www), "ok"),
        ("127.0.0.1", 90 * DAY, None, "ok"),
        (www, 6 * DAY + DAY / 2, Some(www), "ok, but certificate expires in 6 days"),
        (www, 15 * DAY, Some(www), "ok"),
        (
            "mail.example.com",
            90 * DAY,
            Some(www),
            "tls: certificate is not for www.example.com but for mail.example.com",
        ),
        (www, 90 * DAY, None, "tls: certificate is not for 127.0.0.1 but for www.example.com"),
        ("127.0.0.2", 90 * DAY, None, "tls: certificate is not for 127.0.0.1 but for 127.0.0.2"),
        (www, -3 * DAY, Some(www), "tls: certificate expired 3 days ago"),
        (www, 90 * DAY, Some("no host name"), "tls: \"no host name\" is not a host name"),
    ];
    for (name, expires, host, expected) in table {
        let address = https_server(authority.acceptor(name, expires)).await;
        let found = told_over_tls(&authority.spec(host), address).await;
        assert_eq!(found, expected, "{name} asked as {host:?}");
    }
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let (authority, stranger) = (Authority::new("ours"), Authority::new("another"));
    let address = https_server(stranger.acceptor("www.example.com", 90 * DAY)).await;
    let untrusted = "tls: certificate is not signed by a trusted authority";
    let spec = authority.spec(Some("www.example.com"));
    assert_eq!(told_over_tls(&spec, address).await, untrusted);

    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["www.example.com".to_owned()]).unwrap();
    let address = https_server(acceptor(params.self_signed(&key).unwrap(), &key)).await;
    assert_eq!(told_over_tls(&spec, address).await, untrusted);
    // Nor one that only takes the authority's name.
    let imposter = Authority::new("ours");
    let address = https_server(imposter.acceptor("www.example.com", 90 * DAY)).await;
    let forged = "tls: certificate has a signature that is not its issuer's";
    assert_eq!(told_over_tls(&spec, address).await, forged);
    // Nor by the system, whatever it trusts.
    let system = TlsSpec { ca: None, ..spec };
    assert!(told_over_tls(&system, address).await.starts_with("tls: "));
}

/// One server after another, for probes that remember what they accepted.
#[tokio::test]
async fn a_certificate_that_was_accepted_counts_only_with_its_key_and_for_its_name() {
    let authority = Authority::new("ours");
    let www = "www.example.com";
    let spec = authority.spec(Some(www));
    let trust = Trust::load([&spec]);
    let told_by = async |acceptor: &TlsAcceptor, spec: &TlsSpec| {
        let address = https_server(acceptor.clone()).await;
        told(&probe_with(&trust, ProbeKind::Tls(spec.clone()), address, NEVER).await)
    };
    let (certificate, key) = authority.certificate(www, 6 * DAY + DAY / 2);
    let soon = "ok, but certificate expires in 6 days";
    let honest = acceptor(certificate.clone(), &key);
    assert_eq!(told_by(&honest, &spec).await, soon);
    assert_eq!(told_by(&honest, &spec).await, soon);
    let thief = acceptor(certificate, &KeyPair::generate().unwrap());
    let stolen = "tls: certificate has a signature that is not its issuer's";
    assert_eq!(told_by(&thief, &spec).await, stolen);
    let other = TlsSpec { host: Some("mail.example.com".into()), ..spec.clone() };
    let wrong = "tls: certificate is not for mail.example.com but for www.example.com";
    assert_eq!(told_by(&honest, &other).await, wrong);
    let renewed = authority.acceptor(www, 90 * DAY);
    assert_eq!(told_by(&renewed, &spec).await, "ok");
}

#[tokio::test]
async fn authorities_that_cannot_be_read_fail_the_probe_with_the_reason() {
    let authority = Authority::new("ours");
    let address = https_server(authority.acceptor("www.example.com", 90 * DAY)).await;
    let directory = authority.directory.path();
    std::fs::write(directory.join("empty.pem"), "nothing here\n").unwrap();
    let told_with = async |file: &str| {
        let path: Box<Path> = directory.join(file).into();
        let spec = TlsSpec { host: Some("www.example.com".into()), ca: Some(path.clone()) };
        let told = told_over_tls(&spec, address).await;
        told.replace(&path.display().to_string(), "FILE")
    };
    assert_eq!(told_with("absent.pem").await, "tls: ca FILE: no such file or directory");
    let empty = "tls: ca FILE: holds no certificate (PEM is expected)";
    assert_eq!(told_with("empty.pem").await, empty);
}

#[tokio::test]
async fn a_target_that_does_not_shake_hands_fails() {
    let authority = Authority::new("ours");
    let spec = authority.spec(Some("www.example.com"));
    let table = [
        (
            &b"SSH-2.0-OpenSSH_9.2\r\n"[..],
            Then::Hang,
            NEVER,
            "tls: received corrupt message of type InvalidContentType",
        ),
        (b"", Then::Close, NEVER, "tls: tls handshake eof"),
        (b"", Then::Hang, SOON, "timeout after 150ms in tls handshake"),
        // A record that promises more than it brings.
        (
            b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc",
            Then::Drip(0),
            SOON,
            "timeout after 150ms in tls handshake",
        ),
    ];
    for (reply, then, timeout, expected) in table {
        let address = server(move |mut stream| {
            Box::pin(async move {
                let mut hello = [0; 64];
                let _ = stream.read_exact(&mut hello).await;
                let mut rest = tokio::io::join(&b"\r\n\r\n"[..], &mut stream);
                answer(&mut rest, reply, then).await;
            })
        })
        .await;
        let outcome = probe(ProbeKind::Tls(spec.clone()), address, timeout).await;
        assert_eq!(told(&outcome), expected, "{then:?}");
    }
}

#[tokio::test]
async fn the_server_sees_the_name_and_the_protocol() {
    let authority = Authority::new("ours");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(rustls::server::ResolvesServerCertUsingSni::new()));
    let server = tokio::spawn(async move {
        let mut seen = Vec::new();
        for _ in 0..2 {
            let (stream, _) = listener.accept().await.unwrap();
            let start = tokio_rustls::LazyConfigAcceptor::new(Default::default(), stream);
            let start = start.await.unwrap();
            let hello = start.client_hello();
            let alpn = hello.alpn().map(|a| a.map(<[u8]>::to_vec).collect::<Vec<_>>());
            seen.push((hello.server_name().map(str::to_owned), alpn));
            // There is no certificate to go on with.
            assert!(start.into_stream(Arc::new(config.clone())).await.is_err());
        }
        seen
    });
    let spec = authority.spec(Some("www.example.com"));
    probe(ProbeKind::Tls(spec.clone()), address, NEVER).await.result.unwrap_err();
    probe(ProbeKind::Https(http(None), spec), address, NEVER).await.result.unwrap_err();
    let name = Some("www.example.com".to_owned());
    let expected = [(name.clone(), None), (name, Some(vec![b"http/1.1".to_vec()]))];
    assert_eq!(server.await.unwrap(), expected);
}

#[test]
fn reasons_are_tidied() {
    let quoted = Failure::of_target(format!("status \u{1b}[31m\r\n{}", "a".repeat(300)));
    assert!(!quoted.reason.contains(|c: char| c.is_control()));
    assert_eq!(quoted.reason.chars().count(), 241);
}

#[test]
fn a_lack_of_descriptors_or_memory_is_not_the_targets_fault() {
    let fault = |errno| Failure::of_io("connect", &io::Error::from_raw_os_error(errno)).fault;
    for errno in [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM] {
        assert_eq!(fault(errno), Fault::Prober, "{errno}");
    }
    for errno in [libc::ECONNREFUSED, libc::ENETUNREACH, libc::EHOSTUNREACH, libc::ECONNRESET] {
        assert_eq!(fault(errno), Fault::Target, "{errno}");
    }
}
