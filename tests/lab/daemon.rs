//! A program that runs in a host until it is told to end, and what it said.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::until;

/// A running program. It is killed with its children when dropped; its log is shown if the test
/// panics meanwhile.
pub struct Daemon {
    name: String,
    child: Child,
    log: Arc<Mutex<String>>,
}

/// What can be sent to a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM: it may end in good order.
    Terminate,
    /// SIGKILL: a crash.
    Kill,
    /// SIGSTOP: a freeze.
    Freeze,
    /// SIGCONT: after a freeze.
    Thaw,
    /// SIGHUP: a reload.
    Reload,
}

impl Signal {
    fn name(self) -> &'static str {
        match self {
            Self::Terminate => "TERM",
            Self::Kill => "KILL",
            Self::Freeze => "STOP",
            Self::Thaw => "CONT",
            Self::Reload => "HUP",
        }
    }

    /// A daemon passes on what it is asked itself; what happens to it happens to its children too.
    fn reaches_children(self) -> bool {
        match self {
            Self::Kill | Self::Freeze | Self::Thaw => true,
            Self::Terminate | Self::Reload => false,
        }
    }
}

impl Daemon {
    pub(super) fn start(name: &str, command: &mut Command) -> Self {
        // In a group of its own, so that ^C ends the test and the test ends the daemon.
        use std::os::unix::process::CommandExt;
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let log = Arc::new(Mutex::new(String::new()));
        collect(child.stdout.take().expect("piped"), &log);
        collect(child.stderr.take().expect("piped"), &log);
        Self { name: name.to_owned(), child, log }
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal; see [`signal`] for more than one program.
    pub fn signal(&self, what: Signal) {
        signal(&[self], what);
    }

    /// What it wrote so far, to standard output and error.
    pub fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until its log contains a text; panics with the log when it does not in time.
    pub fn wait_for_log(&self, text: &str, patience: Duration) {
        let found = until(patience, || self.log().contains(text));
        assert!(found, "{}: no {text:?} in {patience:?}\n{}", self.name, self.log());
    }

    /// Waits for its end.
    pub fn wait(&mut self, patience: Duration) -> Option<ExitStatus> {
        let mut status = None;
        until(patience, || {
            status = self.child.try_wait().expect("its state");
            status.is_some()
        });
        status
    }

    /// Asks it to end, and kills it if it has not by then; whether it ended by itself.
    pub fn stop(&mut self, patience: Duration) -> bool {
        self.signal(Signal::Terminate);
        let ended = self.wait(patience).is_some();
        if !ended {
            self.signal(Signal::Kill);
            self.wait(patience);
        }
        ended
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.signal(Signal::Kill);
            let _ = self.child.wait();
        }
        if std::thread::panicking() {
            eprintln!("--- {}\n{}", self.name, self.log());
        }
    }
}

/// Sends a signal to programs at one instant: all in one process's loop of system calls.
pub fn signal(daemons: &[&Daemon], what: Signal) {
    let mut pids: Vec<u32> = daemons.iter().map(|daemon| daemon.pid()).collect();
    if what.reaches_children() {
        pids = with_descendants(pids);
    }
    // Never a failure: some may have ended meanwhile.
    let pids = pids.iter().map(u32::to_string);
    let _ = Command::new("kill").args(["-s", what.name()]).args(pids).output();
}

/// These processes and all below them, parents first. (A daemon's workers may be in groups of
/// their own, so a process group is not enough.)
fn with_descendants(mut pids: Vec<u32>) -> Vec<u32> {
    let parents = parents();
    let mut next = 0;
    while let Some(&parent) = pids.get(next) {
        pids.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    pids
}

/// Every process with its parent (proc_pid_stat(5): the fourth field).
fn parents() -> Vec<(u32, u32)> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let parent = |pid: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
    };
    pids.filter_map(|pid| Some((pid, parent(pid)?))).collect()
}

fn collect(pipe: impl Read + Send + 'static, log: &Arc<Mutex<String>>) {
    let log = Arc::clone(log);
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            log.push_str(&line);
            log.push('\n');
        }
    });
}
