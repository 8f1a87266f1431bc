//! Runs a program at each transition, off the loop's thread.
//!
//! One worker runs one command at a time, in the order of the transitions, so that a script never
//! sees BACKUP before the MASTER that it followed. The arguments are those that keepalived's
//! users have scripts for: `TYPE NAME STATE PRIORITY`. There is no shell. A command that outlives
//! its time is killed with everything that it started.

mod child;

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::process::ExitStatus;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::config::{Notify, Priority};
use crate::machine::State;

/// The first argument: what has changed. keepalived's other word is GROUP.
const TYPE: &str = "INSTANCE";

/// Transitions that wait for a slow command. More of them are old news: the oldest go.
const QUEUE: usize = 32;

/// The third argument, in the words of keepalived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// This node is Active.
    Master,
    /// Another node is.
    Backup,
    /// This node cannot take part.
    Fault,
    /// This node has left the election.
    Stop,
}

/// A transition as the command is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The group.
    pub name: String,
    /// What it is now.
    pub word: Word,
    /// Its priority.
    pub priority: Priority,
}

/// What became of a notice.
#[derive(Debug)]
pub struct Report {
    /// Which.
    pub notice: Notice,
    /// How it ended.
    pub end: End,
}

/// How a command ended.
#[derive(Debug)]
pub enum End {
    /// With status 0.
    Succeeded,
    /// With another status, or by a signal.
    Failed {
        /// Which.
        status: ExitStatus,
        /// The first line that it wrote to its standard error; may be empty.
        said: String,
    },
    /// It was killed with its process group after so long.
    TimedOut(Duration),
    /// It could not be started, or not be waited for.
    NotRun(io::Error),
    /// Too many transitions came while another command ran.
    Skipped,
}

/// The worker's other end; when it is dropped the worker ends after what is queued.
pub struct Notifier(Arc<Queue>);

#[derive(Default)]
struct Queue {
    jobs: Mutex<Jobs>,
    changed: Condvar,
}

#[derive(Default)]
struct Jobs {
    waiting: VecDeque<Job>,
    skipped: VecDeque<Notice>,
    /// Called when nothing is left.
    last: Option<Box<dyn FnOnce() + Send>>,
    closed: bool,
}

struct Job {
    notify: Arc<Notify>,
    notice: Notice,
}

/// What the worker does next.
enum Next {
    Report(Notice),
    Run(Job),
    End(Option<Box<dyn FnOnce() + Send>>),
}

impl Notifier {
    /// Starts the worker. Each notice's end is given to `report`, in the worker's thread. Not to
    /// be called in a real-time thread, whose scheduling the worker would inherit.
    ///
    /// # Errors
    ///
    /// No thread is left.
    pub fn spawn(report: impl Fn(Report) + Send + 'static) -> io::Result<Self> {
        let queue = Arc::new(Queue::default());
        let worker = queue.clone();
        thread::Builder::new()
            .name("vrrp-notify".to_owned())
            .spawn(move || worker.work(&report))?;
        Ok(Self(queue))
    }

    /// Queues a command; never waits for one.
    pub fn notify(&self, notify: &Arc<Notify>, notice: Notice) {
        self.0.change(|jobs| jobs.push(Job { notify: notify.clone(), notice }));
    }

    /// Ends the worker when everything queued has been run, and then calls `last` in its thread.
    pub fn finish(self, last: impl FnOnce() + Send + 'static) {
        self.0.change(|jobs| jobs.last = Some(Box::new(last)));
    }
}

impl Drop for Notifier {
    fn drop(&mut self) {
        self.0.change(|jobs| jobs.closed = true);
    }
}

impl Queue {
    fn change(&self, what: impl FnOnce(&mut Jobs)) {
        what(&mut self.jobs.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_one();
    }

    fn next(&self) -> Next {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(next) = jobs.next() {
                return next;
            }
            jobs = self.changed.wait(jobs).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn work(&self, report: &impl Fn(Report)) {
        loop {
            match self.next() {
                Next::Report(notice) => report(Report { notice, end: End::Skipped }),
                Next::Run(Job { notify, notice }) => {
                    let end = child::run(&notify, &notice.arguments());
                    report(Report { notice, end });
                }
                Next::End(last) => return last.map_or((), |last| last()),
            }
        }
    }
}

impl Jobs {
    fn push(&mut self, job: Job) {
        if self.waiting.len() == QUEUE
            && let Some(oldest) = self.waiting.pop_front()
        {
            self.skipped.push_back(oldest.notice);
            self.skipped.truncate(QUEUE);
        }
        self.waiting.push_back(job);
    }

    fn next(&mut self) -> Option<Next> {
        if let Some(notice) = self.skipped.pop_front() {
            return Some(Next::Report(notice));
        }
        if let Some(job) = self.waiting.pop_front() {
            return Some(Next::Run(job));
        }
        self.closed.then(|| Next::End(self.last.take()))
    }
}

impl Notice {
    fn arguments(&self) -> [String; 4] {
        let word = self.word.to_string();
        [TYPE.to_owned(), self.name.clone(), word, self.priority.to_string()]
    }
}

impl Word {
    /// What a command is told of a state; absent: nothing, for it goes on serving.
    #[must_use]
    pub fn of(state: State) -> Option<Self> {
        match state {
            State::Initialize => Some(Self::Stop),
            State::Backup => Some(Self::Backup),
            State::Active => Some(Self::Master),
            State::HandingOver => None,
            State::Fault => Some(Self::Fault),
        }
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Master => "MASTER",
            Self::Backup => "BACKUP",
            Self::Fault => "FAULT",
            Self::Stop => "STOP",
        })
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Succeeded => f.write_str("succeeded"),
            Self::Failed { status, said } if said.is_empty() => write!(f, "failed: {status}"),
            Self::Failed { status, said } => write!(f, "failed: {status}: {said}"),
            Self::TimedOut(after) => write!(f, "was killed after {after:?}"),
            Self::NotRun(error) => write!(f, "could not be run: {error}"),
            Self::Skipped => f.write_str("was not run: too many transitions were waiting"),
        }
    }
}

#[cfg(test)]
mod tests;
