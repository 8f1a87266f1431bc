//! One command: started, waited for, killed when its time is over.

#![expect(clippy::disallowed_methods, reason = "a driver: it owns the clock")]

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

use super::End;
use crate::config::Notify;

/// As much of a first line as a log can bear, in bytes.
const LINE: usize = 240;

/// Runs the command with further arguments until it ends.
pub(super) fn run(notify: &Notify, arguments: &[String]) -> End {
    match Running::start(&notify.command, arguments).and_then(|run| run.wait(notify.timeout)) {
        Ok(end) => end,
        Err(error) => End::NotRun(error),
    }
}

/// A command that was started.
pub(super) struct Running {
    child: Child,
    /// Readable when the child has ended.
    ended: OwnedFd,
    stderr: Option<OwnedFd>,
    said: Vec<u8>,
}

impl Running {
    pub(super) fn start(command: &[String], arguments: &[String]) -> io::Result<Self> {
        let [program, first @ ..] = command else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the command is empty"));
        };
        let mut child = Command::new(program)
            .args(first)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|error| io::Error::new(error.kind(), format!("{program}: {error}")))?;
        let stderr = child.stderr.take().map(OwnedFd::from);
        if let Some(stderr) = &stderr {
            fcntl_setfl(stderr, fcntl_getfl(stderr)? | OFlags::NONBLOCK)?;
        }
        let ended = pidfd_open(pid(&child)?, PidfdFlags::empty())?;
        Ok(Self { child, ended, stderr, said: Vec::new() })
    }

    pub(super) fn wait(mut self, timeout: Duration) -> io::Result<End> {
        let deadline = Instant::now() + timeout;
        while !self.has_ended_before(deadline)? {
            if Instant::now() >= deadline {
                self.kill()?;
                return Ok(End::TimedOut(timeout));
            }
            self.listen();
        }
        self.listen();
        let status = self.child.wait()?;
        if status.success() {
            return Ok(End::Succeeded);
        }
        Ok(End::Failed { status, said: first_line(&self.said) })
    }

    /// Sleeps until the command has ended, or said something, or the time is over.
    fn has_ended_before(&self, deadline: Instant) -> io::Result<bool> {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 });
        let mut fds = vec![PollFd::new(&self.ended, PollFlags::IN)];
        fds.extend(
            self.stderr.as_ref().map(|fd| PollFd::from_borrowed_fd(fd.as_fd(), PollFlags::IN)),
        );
        match poll(&mut fds, Some(&left)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(fds.first().is_some_and(|ended| !ended.revents().is_empty()))
    }

    /// Reads what the command said. All of it: a full pipe would hold it up.
    fn listen(&mut self) {
        let mut chunk = [0; 1024];
        while let Some(stderr) = &self.stderr {
            match rustix::io::read(stderr, &mut chunk) {
                Ok(0) => self.stderr = None,
                Ok(read) => {
                    let room = LINE.saturating_sub(self.said.len());
                    self.said.extend(chunk.iter().take(read.min(room)));
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return,
                Err(_) => self.stderr = None,
            }
        }
    }

    /// The group first, while the child keeps its number from being given to another process.
    fn kill(&mut self) -> io::Result<()> {
        let killed = kill_process_group(pid(&self.child)?, Signal::KILL);
        self.child.wait()?;
        Ok(killed?)
    }
}

fn pid(child: &Child) -> io::Result<Pid> {
    let number = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    number.ok_or_else(|| io::Error::other(format!("process {} is no process", child.id())))
}

fn first_line(said: &[u8]) -> String {
    let line = said.split(|&byte| byte == b'\n').next().unwrap_or_default();
    String::from_utf8_lossy(line).trim_end().to_owned()
}
