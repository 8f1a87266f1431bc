//! What probing costs: CPU seconds per second of the prober alone, for 5,000 targets every 5 s.
//!
//! `cargo bench --bench probes [SECONDS]`. The targets are served by a second process, so that its
//! work is not counted.
#![allow(clippy::disallowed_methods, reason = "it measures time")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use rhumb::health::schedule::{Observer, Prober};
use rhumb::health::{HttpSpec, ProbeKind, ProbeSpec, Target, TargetHealth, TlsSpec};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

const TARGETS: u32 = 5_000;
const EVERY: Duration = Duration::from_secs(5);
const REPLY: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    match arguments.first().map(String::as_str) {
        Some("serve") => runtime.block_on(serve()),
        first => {
            let seconds = first.and_then(|s| s.parse().ok()).unwrap_or(20);
            runtime.block_on(measure(Duration::from_secs(seconds)));
        }
    }
}

async fn measure(span: Duration) {
    let mut server = Server::start();
    let (plain, secured, ca) = server.ports();
    println!("{TARGETS} targets every {EVERY:?}, for {span:?} each");
    let tls = TlsSpec { host: Some("probe.example".into()), ca: Some(ca.into()) };
    let http = |body: Option<&str>| HttpSpec {
        path: "/healthz".into(),
        host: None,
        status: Box::new([(200, 299)]),
        body: body.map(Into::into),
    };
    let rounds = [
        ("tcp", ProbeKind::Tcp, plain),
        ("http", ProbeKind::Http(http(None)), plain),
        ("http, body", ProbeKind::Http(http(Some("ok"))), plain),
        ("tls", ProbeKind::Tls(tls.clone()), secured),
        ("https, body", ProbeKind::Https(http(Some("ok")), tls), secured),
    ];
    for (name, kind, port) in rounds {
        round(name, kind, port, span).await;
    }
}

async fn round(name: &str, kind: ProbeKind, port: u16, span: Duration) {
    let timeout = Duration::from_secs(2);
    let probe = Arc::new(ProbeSpec { kind, every: EVERY, timeout, fall: 3, rise: 2 });
    let target = |n| {
        let ip = Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 1, 0, 0)) + n);
        Arc::new(Target { probe: Arc::clone(&probe), address: (ip, port).into() })
    };
    let count = Arc::new(Count::default());
    let prober = Prober::start(Arc::clone(&count) as Arc<dyn Observer>);
    let began = Instant::now();
    prober.prepare((0..TARGETS).map(target).collect(), Vec::new(), Duration::from_secs(60)).await;
    let first_round = began.elapsed();
    tokio::time::sleep(EVERY).await;
    let (cpu, began, probed) = (cpu_seconds(), Instant::now(), count.probed.load(Relaxed));
    tokio::time::sleep(span).await;
    let share = (cpu_seconds() - cpu) / began.elapsed().as_secs_f64();
    let probed = count.probed.load(Relaxed) - probed;
    let rate = probed as f64 / began.elapsed().as_secs_f64();
    println!(
        "{name:12} {share:.3} of a core, {rate:.0} probes/s, {:.0} µs each, {} failures; first round {first_round:.2?}",
        share / rate * 1e6,
        count.failed.load(Relaxed),
    );
    prober.stop().await;
}

#[derive(Default)]
struct Count {
    probed: AtomicUsize,
    failed: AtomicUsize,
}

impl Observer for Count {
    fn probed(&self, _: &Target, _: Duration, failure: Option<&str>) {
        self.probed.fetch_add(1, Relaxed);
        if let Some(reason) = failure
            && self.failed.fetch_add(1, Relaxed) == 0
        {
            eprintln!("first failure: {reason}");
        }
    }
    fn changed(&self, _: &Arc<Target>, _: &TargetHealth, _: &TargetHealth) {}
    fn brake(&self, on: bool, reason: &str) {
        eprintln!("brake {}: {reason}", if on { "on" } else { "off" });
    }
}

/// User and system time of this process so far (proc_pid_stat(5): fields 14 and 15, in ticks of
/// 1/100 s).
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let after_name = stat.rsplit_once(") ").expect("a name in parentheses").1;
    let field = |n: usize| after_name.split(' ').nth(n - 3).and_then(|f| f.parse::<f64>().ok());
    (field(14).expect("utime") + field(15).expect("stime")) / 100.0
}

/// The process that serves the targets; it ends with its standard input.
struct Server {
    child: Child,
}

impl Server {
    fn start() -> Self {
        let this = std::env::current_exe().expect("a path");
        let mut command = Command::new(this);
        command.arg("serve").stdin(Stdio::piped()).stdout(Stdio::piped());
        Self { child: command.spawn().expect("the server starts") }
    }

    /// The plain port, the TLS port, and the authority's file.
    fn ports(&mut self) -> (u16, u16, std::path::PathBuf) {
        let stdout = self.child.stdout.as_mut().expect("piped");
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).expect("the server says its ports");
        let mut words = line.trim_end().splitn(3, ' ');
        let mut word = || words.next().expect("three words").to_owned();
        let (plain, secured) = (word(), word());
        (plain.parse().expect("a port"), secured.parse().expect("a port"), word().into())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

async fn serve() {
    let directory = tempfile::tempdir().expect("a directory");
    let ca = directory.path().join("ca.pem");
    let acceptor = acceptor(&ca);
    let any: SocketAddr = ([0, 0, 0, 0], 0).into();
    let (plain, secured) = (listener(any), listener(any));
    let port = |l: &TcpListener| l.local_addr().expect("bound").port();
    println!("{} {} {}", port(&plain), port(&secured), ca.display());
    std::io::stdout().flush().expect("a reader");
    tokio::spawn(accept(plain, reply));
    tokio::spawn(accept(secured, move |stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                reply(stream).await;
            }
        }
    }));
    let wait = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    let _ = wait.await;
}

fn listener(address: SocketAddr) -> TcpListener {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.bind(address).expect("a port");
    socket.listen(4_096).expect("listening")
}

async fn accept<F, Served>(listener: TcpListener, serve: F)
where
    F: Fn(TcpStream) -> Served + Send + 'static,
    Served: Future<Output = ()> + Send + 'static,
{
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream));
    }
}

async fn reply<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) {
    let mut request = [0; 1_024];
    if matches!(stream.read(&mut request).await, Ok(read) if read > 0) {
        let _ = stream.write_all(REPLY).await;
        let _ = stream.shutdown().await;
    }
}

fn acceptor(ca: &std::path::Path) -> TlsAcceptor {
    let key = rcgen::KeyPair::generate().expect("a key");
    let params = rcgen::CertificateParams::new(["probe.example".to_owned()]).expect("a name");
    let certificate = params.self_signed(&key).expect("a certificate");
    std::fs::write(ca, certificate.pem()).expect("written");
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("the key fits");
    TlsAcceptor::from(Arc::new(config))
}
