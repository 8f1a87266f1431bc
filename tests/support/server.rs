//! The real binary on free ports, in a folder of its own.
#![allow(clippy::disallowed_methods, reason = "it waits for a process")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A running `rhumb run`.
pub struct Server {
    pub folder: tempfile::TempDir,
    pub dns: SocketAddr,
    pub dns6: Option<SocketAddr>,
    pub admin: SocketAddr,
    child: Child,
    log: Arc<Mutex<String>>,
}

/// How long the server may take to start: the first round of probes takes up to 3 s.
const PATIENCE: Duration = Duration::from_secs(20);

impl Server {
    /// Starts with these zone files and waits until it is ready.
    pub fn start(zones: &[(&str, &str)]) -> Self {
        Self::start_on(&["127.0.0.1:0", "[::1]:0"], zones)
    }

    /// Starts on the addresses given; port 0 takes a free one.
    pub fn start_on(listen: &[&str], zones: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in zones {
            std::fs::write(folder.path().join(name), text).expect("a zone file");
        }
        let listen = listen.iter().map(|l| format!("\"{l}\"")).collect::<Vec<_>>().join(", ");
        let node = format!(
            "node: test\ndns: {{ listen: [{listen}] }}\nzones: [\"*.yaml\"]\n\
             admin: {{ listen: 127.0.0.1:0 }}\nstate: state\n"
        );
        let config = folder.path().join("node.conf");
        std::fs::write(&config, node).expect("a configuration");
        let mut child = rhumb(&["run", "--log-format", "json", "-c"])
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let log = Arc::new(Mutex::new(String::new()));
        collect(child.stderr.take().expect("a pipe"), &log);
        let started = Instant::now();
        let ready = || {
            let log = log.lock().expect("no panic");
            log.lines().find(|line| line.contains("\"ready\"")).map(str::to_owned)
        };
        let line = loop {
            if let Some(line) = ready() {
                break line;
            }
            let ended = child.try_wait().expect("its state");
            let text = || log.lock().expect("no panic").clone();
            assert!(ended.is_none(), "the server ended: {ended:?}\n{}", text());
            assert!(started.elapsed() < PATIENCE, "not ready in {PATIENCE:?}\n{}", text());
            std::thread::sleep(Duration::from_millis(20));
        };
        let fields: serde_json::Value = serde_json::from_str(&line).expect("a JSON log line");
        let fields = &fields["fields"];
        let dns = fields["dns"].as_str().expect("the addresses bound");
        let dns: Vec<SocketAddr> = dns.split(' ').map(|a| a.parse().expect("an address")).collect();
        let admin = fields["admin"].as_str().expect("the admin address").parse().expect("one");
        let dns6 = dns.iter().copied().find(SocketAddr::is_ipv6);
        Self { folder, dns: dns[0], dns6, admin, child, log }
    }

    /// A file of the server's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a zone file, as `mv` would put it there: whole or not at all.
    pub fn write(&self, name: &str, text: &str) {
        let fresh = self.path("fresh.tmp");
        std::fs::write(&fresh, text).expect("a file");
        std::fs::rename(fresh, self.path(name)).expect("the same file system");
    }

    /// Runs `rhumb` against this server.
    pub fn rhumb(&self, words: &[&str]) -> Output {
        let token = self.path("state/token");
        rhumb(words)
            .args(["--admin", &self.admin.to_string(), "--token-file"])
            .arg(token)
            .output()
            .expect("rhumb runs")
    }

    /// The body of a GET at the admin address.
    pub fn admin_get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.admin).expect("the admin address");
        let host = self.admin;
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")
            .expect("sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("an answer");
        text.split_once("\r\n\r\n").expect("a body").1.to_owned()
    }

    /// The value of a metric's series, as its line begins.
    pub fn metric(&self, series: &str) -> Option<f64> {
        let text = self.admin_get("/metrics");
        let line = text
            .lines()
            .find(|line| line.strip_prefix(series).is_some_and(|rest| rest.starts_with(' ')))?;
        line.rsplit(' ').next()?.parse().ok()
    }

    /// What was logged so far.
    pub fn log(&self) -> String {
        self.log.lock().expect("no panic").clone()
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status().expect("kill runs");
        assert!(sent.success());
    }

    /// Waits for the end.
    pub fn wait(&mut self, patience: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + patience;
        loop {
            if let Some(status) = self.child.try_wait().expect("its state") {
                return Some(status);
            }
            if Instant::now() > until {
                return None;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- the server's log\n{}", self.log());
        }
    }
}

/// The binary under test with these words.
pub fn rhumb(words: &[&str]) -> Command {
    let mut command = Command::new(Path::new(env!("CARGO_BIN_EXE_rhumb")));
    command.args(words);
    command
}

fn collect(pipe: impl Read + Send + 'static, log: &Arc<Mutex<String>>) {
    let log = Arc::clone(log);
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let mut log = log.lock().expect("no panic");
            log.push_str(&line);
            log.push('\n');
        }
    });
}
