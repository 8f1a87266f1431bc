//! `rhumb run` on a host of the lab: its files, its log, its status, its metrics.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::{IpAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Output};
use std::time::Duration;

use serde_json::Value;

use crate::lab::{Daemon, Host, Signal, VIP, VIP6, until};

/// Longer than anything takes here, on a machine with much else to do.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The name of every test's first entry.
pub const NAME: &str = "pair";

/// An entry of `vrrp:`: `key: value`, both as YAML.
#[derive(Clone, Debug)]
pub struct Entry(BTreeMap<&'static str, String>);

impl Entry {
    /// IPv4 by multicast, ten times a second.
    pub fn ipv4(priority: u8) -> Self {
        let keys = [
            ("name", NAME.to_owned()),
            ("id", "51".to_owned()),
            ("interface", "eth0".to_owned()),
            ("addresses", format!("[{VIP}]")),
            ("priority", priority.to_string()),
            ("advertise", "100ms".to_owned()),
            ("fault_hold", "200ms".to_owned()),
        ];
        Self(keys.into())
    }

    /// IPv6 by multicast.
    pub fn ipv6(priority: u8) -> Self {
        Self::ipv4(priority).with("addresses", format!("[\"{VIP6}\"]"))
    }

    /// Both families.
    pub fn both(priority: u8) -> Self {
        Self::ipv4(priority).with("addresses", format!("[{VIP}, \"{VIP6}\"]"))
    }

    /// The same with a key more, or another value for it.
    pub fn with(mut self, key: &'static str, value: impl ToString) -> Self {
        self.0.insert(key, value.to_string());
        self
    }

    /// The same by unicast, on paths to these addresses.
    pub fn to(self, peer: &[IpAddr]) -> Self {
        let quoted: Vec<_> = peer.iter().map(|address| format!("\"{address}\"")).collect();
        self.with("peers", format!("[{{ addresses: [{}] }}]", quoted.join(", ")))
    }

    /// Whether it has no address of IPv4.
    pub fn is_ipv6(&self) -> bool {
        !self.0["addresses"].contains("10.0.0.")
    }

    fn text(&self) -> String {
        let keys = self.0.iter().map(|(key, value)| format!("{key}: {value}"));
        keys.collect::<Vec<_>>().join("\n    ")
    }
}

/// Where a node has its files.
pub struct Folder(tempfile::TempDir);

impl Folder {
    /// The files of a node with these entries.
    pub fn new(host: &Host, entries: &[&Entry]) -> Self {
        let folder = Self(tempfile::tempdir().expect("a folder"));
        folder.write("pair.zone", &zone(host.number()));
        folder.configure(host, entries);
        folder
    }

    /// The path of a file.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file.
    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("a file");
    }

    /// Writes a file that nobody else can read.
    pub fn write_secret(&self, name: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt;
        self.write(name, text);
        let mode = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(self.path(name), mode).expect("our own file");
    }

    /// Writes `rhumb.yaml`.
    pub fn configure(&self, host: &Host, entries: &[&Entry]) {
        let mut text = format!(
            "node: {}\n\
             dns: {{ listen: [\"0.0.0.0:53\", \"[::]:53\"], udp_threads: 1 }}\n\
             zones: [\"*.zone\"]\n\
             state: state\n",
            host.name()
        );
        if !entries.is_empty() {
            text.push_str("vrrp:\n");
        }
        for entry in entries {
            writeln!(text, "  - {}", entry.text()).expect("room");
        }
        self.write("rhumb.yaml", &text);
    }
}

/// `who.pair.test` says by which node it was answered.
fn zone(number: u8) -> String {
    format!(
        "zone: pair.test\n\
         soa: {{ primary: ns1, contact: hostmaster@pair.test }}\n\
         ns: [ns1]\n\
         names:\n  ns1: {{ A: 192.0.2.53 }}\n  who: {{ A: 192.0.2.{number} }}\n"
    )
}

/// A node of a pair.
pub struct Node<'l> {
    pub host: &'l Host,
    pub folder: Folder,
    pub daemon: Daemon,
    /// How much of the log was read.
    read: Cell<usize>,
}

impl<'l> Node<'l> {
    /// Starts one with an entry.
    pub fn start(host: &'l Host, entry: &Entry) -> Self {
        Self::start_in(host, Folder::new(host, &[entry]))
    }

    /// Starts one with files of its own.
    pub fn start_in(host: &'l Host, folder: Folder) -> Self {
        Self::start_by(host, folder, &["env"])
    }

    /// Starts one by a program that is given its command line.
    pub fn start_by(host: &'l Host, folder: Folder, program: &[&str]) -> Self {
        let daemon = host.start("rhumb", &mut run_by(host, &folder, program));
        Self { host, folder, daemon, read: Cell::new(0) }
    }

    /// Starts it and waits until it is Active.
    pub fn active(host: &'l Host, entry: &Entry) -> Self {
        let node = Self::start(host, entry);
        node.await_state("Active");
        node
    }

    /// Starts it and waits until it is Backup, and has heard the Active.
    pub fn backup(host: &'l Host, entry: &Entry) -> Self {
        let node = Self::start(host, entry);
        node.await_state("Backup");
        node.await_status("to hear the Active", |group| !group["active"].is_null());
        node
    }

    /// Starts it again in its folder; it has ended.
    pub fn start_again(self) -> Self {
        let Self { host, folder, .. } = self;
        Self::start_in(host, folder)
    }

    /// Waits for words in what was logged since those that were waited for last.
    pub fn await_log(&self, words: &str) {
        let found = until(PATIENCE, || {
            let log = self.daemon.log();
            let found = log[self.read.get()..].find(words);
            found.map(|at| self.read.set(self.read.get() + at + words.len())).is_some()
        });
        assert!(found, "{}: nothing more of {words:?} in its log", self.host.name());
    }

    /// Whether words were logged.
    pub fn has_logged(&self, words: &str) -> bool {
        self.daemon.log().contains(words)
    }

    /// Waits until the group's state is this one.
    pub fn await_state(&self, state: &str) {
        self.await_status(state, |group| group["state"] == state);
    }

    /// Waits until the group's status is as wanted.
    pub fn await_status(&self, what: &str, mut wanted: impl FnMut(&Value) -> bool) {
        let mut seen = Value::Null;
        let found = until(PATIENCE, || {
            seen = self.status();
            wanted(&seen)
        });
        assert!(found, "{}: waited for {what}: {seen:#}", self.host.name());
    }

    /// Waits until the status warns with these words.
    pub fn await_warning(&self, words: &str) {
        self.await_status(words, |group| warns(group, words));
    }

    /// The state of the first group; empty while the node does not answer.
    pub fn state(&self) -> String {
        self.status()["state"].as_str().unwrap_or_default().to_owned()
    }

    /// The status of the first group; null while the node does not answer.
    pub fn status(&self) -> Value {
        let groups = self.node_status()["vrrp"].take();
        groups.get(0).cloned().unwrap_or_default()
    }

    /// The status of the node.
    pub fn node_status(&self) -> Value {
        let text = self.fetch("/v1/status").unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// The value of a series, as its line begins.
    pub fn metric(&self, series: &str) -> Option<f64> {
        let text = self.fetch("/metrics")?;
        let value = |line: &str| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok();
        text.lines().find_map(value)
    }

    /// Waits until packets were dropped for this reason.
    pub fn await_dropped(&self, reason: &str) {
        let series = format!("rhumb_vrrp_dropped_total{{name=\"{NAME}\",reason=\"{reason}\"}}");
        let counted = || self.metric(&series).is_some_and(|count| count >= 1.0);
        assert!(until(PATIENCE, counted), "{}", self.fetch("/metrics").unwrap_or_default());
    }

    /// Whether its interface has the VIP of IPv4.
    pub fn has_vip(&self) -> bool {
        self.host.holds("eth0", VIP)
    }

    /// Runs `rhumb` beside it.
    pub fn rhumb(&self, words: &str) -> Output {
        let mut command = self.host.command(env!("CARGO_BIN_EXE_rhumb"));
        command.args(words.split(' ')).arg("-c").arg(self.folder.path("rhumb.yaml"));
        command.output().expect("rhumb runs")
    }

    /// Asks for a reload; what it printed, and whether it was taken.
    pub fn reload(&self, entries: &[&Entry]) -> Output {
        self.folder.configure(self.host, entries);
        self.rhumb("reload")
    }

    /// Asks it to end, in good order.
    pub fn stop(&mut self) -> ExitStatus {
        self.daemon.signal(Signal::Terminate);
        self.daemon.wait(PATIENCE).expect("it ends")
    }

    /// Ends it as a crash would.
    pub fn kill(&mut self) {
        self.daemon.signal(Signal::Kill);
        self.daemon.wait(PATIENCE).expect("it ends");
    }

    fn fetch(&self, path: &str) -> Option<String> {
        self.host.inside(|| {
            let mut stream = TcpStream::connect("127.0.0.1:8053").ok()?;
            stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
            write!(
                stream,
                "GET {path} HTTP/1.1\r\nhost: 127.0.0.1:8053\r\nconnection: close\r\n\r\n"
            )
            .ok()?;
            let mut text = String::new();
            stream.read_to_string(&mut text).ok()?;
            Some(text.split_once("\r\n\r\n")?.1.to_owned())
        })
    }
}

/// The command that serves the files of a folder, for a program that runs it.
fn run_by(host: &Host, folder: &Folder, program: &[&str]) -> Command {
    let mut command = host.command(program[0]);
    command.args(&program[1..]).arg(env!("CARGO_BIN_EXE_rhumb")).args(["run", "-c"]);
    command.arg(folder.path("rhumb.yaml"));
    command
}

/// Whether a group's status warns with these words.
pub fn warns(group: &Value, words: &str) -> bool {
    let warnings = group["warnings"].as_array().into_iter().flatten();
    warnings.filter_map(Value::as_str).any(|warning| warning.contains(words))
}

/// What a command printed to standard output and error.
pub fn said(output: &Output) -> String {
    let [out, error] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    format!("{out}{error}")
}

/// Waits until one of two nodes is Active and the other Backup.
pub fn await_one_active(nodes: [&Node<'_>; 2]) {
    let mut states = [String::new(), String::new()];
    let one = until(PATIENCE, || {
        states = nodes.map(Node::state);
        states == ["Active", "Backup"] || states == ["Backup", "Active"]
    });
    assert!(one, "not one Active: {states:?}");
}
