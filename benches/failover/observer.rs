//! The coordinator's side of the client, and of the instruments beside it.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::LazyLock;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::client::Phase;
use crate::lab::{Daemon, Host};

/// A client in its host.
pub struct Observer {
    child: Child,
    words: ChildStdin,
    lines: Receiver<String>,
    source: u8,
}

/// How long the client may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

impl Observer {
    /// Starts to ask both addresses.
    pub fn start(client: &Host, shared: SocketAddr, control: SocketAddr) -> Self {
        let mut command = instrument(client);
        command.args(["client", &shared.to_string(), &control.to_string()]);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the client starts");
        let words = child.stdin.take().expect("piped");
        let lines = lines(child.stdout.take().expect("piped"));
        Self { child, words, lines, source: 0 }
    }

    /// Waits until node `number` answers; whether it did in time.
    pub fn answered_by(&mut self, number: u8, patience: Duration) -> bool {
        self.wait_for(patience, |source| source == number)
    }

    /// Waits until any node answers; whether one did in time.
    pub fn answered(&mut self, patience: Duration) -> bool {
        self.wait_for(patience, |source| source != 0)
    }

    fn wait_for(&mut self, patience: Duration, wanted: impl Fn(u8) -> bool) -> bool {
        let until = Instant::now() + patience;
        self.lines.try_iter().for_each(|line| self.source = source(&line).unwrap_or(self.source));
        while !wanted(self.source) {
            let left = until.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else { return false };
            self.source = source(&line).unwrap_or(self.source);
        }
        true
    }

    /// What comes from now on belongs to another phase.
    pub fn begin_phase(&mut self) {
        writeln!(self.words, "phase").expect("the client reads");
    }

    /// Ends it; what it saw in each phase.
    pub fn end(mut self) -> Vec<Phase> {
        writeln!(self.words, "end").expect("the client reads");
        let mut phases = Vec::new();
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            if line.starts_with('{') {
                phases.push(serde_json::from_str(&line).expect("the client's own JSON"));
            }
        }
        phases
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a responder in a host and waits until it listens.
pub fn responder(host: &Host, addresses: &[SocketAddr]) -> Daemon {
    let mut command = instrument(host);
    command.args(["responder", &host.number().to_string()]);
    command.args(addresses.iter().map(SocketAddr::to_string));
    let daemon = host.start("responder", &mut command);
    daemon.wait_for_log("ready", PATIENCE);
    daemon
}

/// Starts to record which addresses a host has, and when.
pub fn monitor(host: &Host) -> Daemon {
    let mut command = first(host, "ip".as_ref());
    command.args(["-ts", "-o", "monitor", "address"]).env("TZ", "UTC");
    let daemon = host.start("monitor", &mut command);
    // It says nothing by itself: give it something to say.
    let said = crate::lab::until(PATIENCE, || {
        host.ip("address add 127.0.0.9/32 dev lo");
        host.ip("address del 127.0.0.9/32 dev lo");
        daemon.log().contains("127.0.0.9")
    });
    assert!(said, "ip monitor says nothing");
    daemon
}

/// Above any daemon: what measures must not wait for what is measured.
const PRIORITY: &str = "60";

/// This program as an instrument.
fn instrument(host: &Host) -> Command {
    first(host, std::env::current_exe().expect("this program").as_os_str())
}

/// A program before which nothing goes but the kernel's own threads, where that is permitted.
fn first(host: &Host, program: &OsStr) -> Command {
    static PERMITTED: LazyLock<bool> = LazyLock::new(|| {
        let tried = Command::new("chrt").args(["-f", PRIORITY, "true"]).output();
        let permitted = tried.is_ok_and(|output| output.status.success());
        if !permitted {
            eprintln!("chrt -f is refused: the instruments share the processor like any program");
        }
        permitted
    });
    if !*PERMITTED {
        return host.command(program);
    }
    let mut command = host.command("chrt");
    command.args(["-f", PRIORITY]).arg(program);
    command
}

/// The node of a line `from N`.
fn source(line: &str) -> Option<u8> {
    line.strip_prefix("from ")?.parse().ok()
}

fn lines(pipe: ChildStdout) -> Receiver<String> {
    let (send, receive) = channel();
    std::thread::spawn(move || {
        let lines = BufReader::new(pipe).lines().map_while(Result::ok);
        lines.for_each(|line| drop(send.send(line)));
    });
    receive
}
