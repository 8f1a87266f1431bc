//! The I/O of one probe: connect, ask, judge, all of it within one timeout.
//!
//! - [`tcp`]: a connection, the start of all others.
//! - [`tls`]: a handshake with a certificate that is checked; what certificates are checked against.
//! - [`http`]: one exchange over either.
//!
//! A target may hang, close early, send garbage, endless headers or a body drop by drop: every step
//! is bounded in time by `timeout` and in memory by a limit beside the code that reads.
#![allow(clippy::disallowed_methods, reason = "a driver: it owns the clock")]

use std::fmt;
use std::io;
use std::time::{Duration, Instant};

use super::{ProbeKind, Target};

mod http;
mod tcp;
mod tls;

pub use tls::Trust;

/// How one probe went.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Whether the target answered as it should.
    pub result: Result<Success, Failure>,
    /// How long it took, step by step.
    pub timings: Timings,
}

/// The target answered as it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Success {
    /// What is amiss all the same: "certificate expires in 6 days".
    pub warning: Option<String>,
}

/// It did not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Why, as a short text for people: "connect: connection refused".
    pub reason: String,
    /// Whose fault it is.
    pub fault: Fault,
}

/// Whose fault a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The target's, or that of the way to it: it counts.
    Target,
    /// Ours (no file descriptors, no memory): it says nothing about the target.
    Prober,
}

/// How long each step took; absent when it did not take place or did not end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    /// Until the TCP connection stood.
    pub connect: Option<Duration>,
    /// The TLS handshake.
    pub handshake: Option<Duration>,
    /// From the request to the head of the response.
    pub response: Option<Duration>,
    /// Until enough of the body had come.
    pub body: Option<Duration>,
    /// All of it, the end by a failure or the timeout included.
    pub total: Duration,
}

/// Probes a target once. Never takes longer than its `timeout`.
pub async fn run(target: &Target, trust: &Trust) -> Outcome {
    let mut progress = Progress::start();
    let limit = target.probe.timeout;
    let result = match tokio::time::timeout(limit, attempt(target, trust, &mut progress)).await {
        Ok(result) => result,
        Err(_) => Err(Failure::of_target(format!("timeout after {limit:?} in {}", progress.step))),
    };
    Outcome { result, timings: progress.end() }
}

async fn attempt(
    target: &Target,
    trust: &Trust,
    progress: &mut Progress,
) -> Result<Success, Failure> {
    let address = target.address;
    let stream = tcp::connect(address, progress).await?;
    match &target.probe.kind {
        ProbeKind::Tcp => {
            tcp::reset_on_close(&stream);
            Ok(Success { warning: None })
        }
        ProbeKind::Tls(spec) => {
            let secured = tls::handshake(stream, address, trust.for_tls(spec)?, progress).await?;
            Ok(Success { warning: secured.close().await })
        }
        ProbeKind::Http(spec) => {
            let request = http::request(spec, address, http::Scheme::Http)?;
            http::exchange(stream, request, spec, progress).await?;
            Ok(Success { warning: None })
        }
        ProbeKind::Https(spec, tls) => {
            let request = http::request(spec, address, http::Scheme::Https)?;
            let secured = tls::handshake(stream, address, trust.for_https(tls)?, progress).await?;
            http::exchange(secured.stream, request, spec, progress).await?;
            Ok(Success { warning: secured.warning })
        }
    }
}

/// What a probe is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Connect,
    Handshake,
    Response,
    Body,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connect",
            Self::Handshake => "tls handshake",
            Self::Response => "http response",
            Self::Body => "http body",
        })
    }
}

/// Where a probe stands; it outlives the attempt that the timeout ends.
#[derive(Debug)]
struct Progress {
    step: Step,
    began: Instant,
    step_began: Instant,
    timings: Timings,
}

impl Progress {
    fn start() -> Self {
        let now = Instant::now();
        Self { step: Step::Connect, began: now, step_began: now, timings: Timings::default() }
    }

    /// Ends the step before, if any, and begins this one.
    fn begin(&mut self, step: Step) {
        self.step = step;
        self.step_began = Instant::now();
    }

    /// The step is done.
    fn done(&mut self) {
        let took = Some(self.step_began.elapsed());
        match self.step {
            Step::Connect => self.timings.connect = took,
            Step::Handshake => self.timings.handshake = took,
            Step::Response => self.timings.response = took,
            Step::Body => self.timings.body = took,
        }
    }

    fn end(mut self) -> Timings {
        self.timings.total = self.began.elapsed();
        self.timings
    }
}

impl Failure {
    fn of_target(reason: String) -> Self {
        Self { reason: tidy(&reason), fault: Fault::Target }
    }

    fn of_prober(reason: String) -> Self {
        Self { reason: tidy(&reason), fault: Fault::Prober }
    }

    fn of_io(step: &str, error: &io::Error) -> Self {
        let reason = format!("{step}: {}", io_text(error));
        match error.raw_os_error() {
            // Out of file descriptors or memory here; the target was not even asked.
            Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM) => {
                Self::of_prober(reason)
            }
            _ => Self::of_target(reason),
        }
    }
}

/// An error of the system as people say it: "connection refused".
fn io_text(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

/// Reasons can quote the target; what it sends must not fill logs or control terminals.
fn tidy(text: &str) -> String {
    const LONGEST: usize = 240;
    let mut tidied: String =
        text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).take(LONGEST).collect();
    if text.chars().nth(LONGEST).is_some() {
        tidied.push('…');
    }
    tidied
}

#[cfg(test)]
mod tests;
