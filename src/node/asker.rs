//! Asks one service over UDP, round after round: the driver of a [`Question`].
//!
//! A thread of its own with blocking sockets: a runtime that is busy with other things must not
//! look like a server that does not answer. Each question has a fresh socket, so that rounds reach
//! one after another of the sockets that share an address, and a late reply meets nobody.
#![expect(clippy::disallowed_methods, reason = "a driver: it owns the clock")]

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use super::askers::{Observer, Transport};
use super::progress::Progress;
use super::query::{Judged, OwnQuery, queries};
use super::question::{Finding, Limits, Question, Round};
use super::{Reason, Service, ServiceState};
use crate::server::counters::Counters;
use crate::sys;
use crate::world::publish::Published;

/// Messages that are no answer to the question, of one socket and one round: it hears this host
/// alone, so more than a few are somebody's bad joke.
const MOST_STRAYS: usize = 64;

/// The longest reply that matters: no question carries EDNS (RFC 1035 §2.3.4).
const LONGEST: usize = 512;

/// What all askers of a node share.
pub(super) struct Shared {
    pub(super) published: Arc<Published>,
    pub(super) counters: Arc<Counters>,
    pub(super) observer: Arc<dyn Observer>,
    pub(super) ours: Ours,
}

/// The askers' own share of what the UDP threads answer.
#[derive(Debug, Default)]
pub(super) struct Ours {
    /// Questions sent over UDP.
    asked: AtomicU64,
    /// Of those, the ones that are answered and counted, or given up.
    settled: AtomicU64,
}

/// The counters at one moment.
#[derive(Clone, Copy, Debug)]
struct Mark {
    answered: u64,
    settled: u64,
}

impl Shared {
    fn mark(&self) -> Mark {
        let settled = self.ours.settled.load(Relaxed);
        Mark { answered: self.counters.udp_answered(), settled }
    }

    /// Whether more was answered since then than the askers could have asked for.
    fn others_answered_since(&self, mark: Mark) -> bool {
        let ours = self.ours.asked.load(Relaxed).wrapping_sub(mark.settled);
        self.counters.udp_answered().wrapping_sub(mark.answered) > ours
    }
}

/// What the thread of a service is told.
pub(super) enum Message {
    /// What the addresses said over TCP.
    Tcp(Finding),
    /// To end.
    Stop,
}

/// One service's thread.
pub(super) struct Asker {
    name: Arc<str>,
    service: Service,
    shared: Arc<Shared>,
    question: Question,
    progress: Progress,
    /// Taken before the first round of a row of failures.
    mark: Mark,
    /// Of this configuration (`World::configuration`).
    queries: (u64, Vec<OwnQuery>),
    /// Sent in the last round: settled when the next begins, for a thread counts a reply only
    /// after it has sent it.
    unsettled: u64,
    rng: fastrand::Rng,
}

/// A question that was sent.
struct Sent<'q> {
    to: SocketAddr,
    query: &'q OwnQuery,
    id: u16,
    socket: UdpSocket,
}

impl Asker {
    pub(super) fn new(service: Service, state: ServiceState, shared: Arc<Shared>) -> Self {
        Self {
            name: service.name.as_str().into(),
            question: Question::new(Limits::of(&service), state),
            service,
            progress: Progress::default(),
            mark: shared.mark(),
            queries: (0, Vec::new()),
            unsettled: 0,
            rng: fastrand::Rng::new(),
            shared,
        }
    }

    /// Asks until it is told to stop; the last state. Dropping `tcp` ends the thread that asks over
    /// TCP.
    pub(super) fn run(mut self, inbox: &Receiver<Message>, tcp: Sender<()>) -> ServiceState {
        let mut planned = Instant::now();
        while self.wait(planned, inbox) {
            let round = self.round(planned);
            self.handle(|question| question.handle_round(round));
            planned = Instant::now().max(planned + self.service.every);
        }
        self.settle();
        drop(tcp);
        self.question.state()
    }

    /// Waits until then; false to end.
    fn wait(&mut self, until: Instant, inbox: &Receiver<Message>) -> bool {
        loop {
            match inbox.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(Message::Tcp(finding)) => self.handle(|question| question.handle_tcp(finding)),
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => return false,
                Err(RecvTimeoutError::Timeout) => return true,
            }
        }
    }

    fn handle(&mut self, handle: impl FnOnce(&mut Question)) {
        let before = self.question.state();
        handle(&mut self.question);
        let now = self.question.state();
        if now != before {
            self.shared.observer.changed(&self.name, &before, &now);
        }
    }

    /// One round: all questions to all addresses at once, then their answers.
    fn round(&mut self, planned: Instant) -> Round {
        let woken = Instant::now();
        self.settle();
        if !self.question.is_failing() {
            self.mark = self.shared.mark();
        }
        let deadline = woken + self.service.timeout;
        let finding = self.ask_all(deadline);
        let now = Instant::now();
        let late = (woken - planned).max(now.saturating_duration_since(deadline));
        if late > self.service.every / 2 {
            self.progress.restart();
        }
        Round {
            finding,
            late,
            others_answered: self.shared.others_answered_since(self.mark),
            stuck: self.progress.handle_turns(now, &self.shared.counters.udp_turns()),
        }
    }

    fn settle(&mut self) {
        let settled = std::mem::take(&mut self.unsettled);
        self.shared.ours.settled.fetch_add(settled, Relaxed);
    }

    fn ask_all(&mut self, deadline: Instant) -> Finding {
        self.refresh_queries();
        let (mut found, mut sent) = (Vec::new(), Vec::new());
        for &to in &self.service.addresses {
            let ask = |query| ask(to, query, self.rng.u16(..));
            match absent(to) {
                Some(reason) => found.push(Finding::NoResult(reason)),
                None => self.queries.1.iter().map(ask).for_each(|asked| match asked {
                    Ok(asked) => sent.push(asked),
                    Err(finding) => found.push(finding),
                }),
            }
        }
        self.unsettled = sent.len() as u64;
        self.shared.ours.asked.fetch_add(self.unsettled, Relaxed);
        let timeout = self.service.timeout;
        found.extend(sent.into_iter().map(|sent| sent.answer(deadline, timeout)));
        let observer = &self.shared.observer;
        found.iter().for_each(|finding| observer.asked(&self.name, Transport::Udp, finding));
        let nothing = Finding::NoResult("the service has no address".into());
        found.into_iter().reduce(Finding::worse).unwrap_or(nothing)
    }

    /// The queries of the configuration served now.
    fn refresh_queries(&mut self) {
        let snapshot = self.shared.published.load();
        if self.queries.1.is_empty() || self.queries.0 != snapshot.world.configuration {
            self.queries = (snapshot.world.configuration, queries(&snapshot.world));
        }
    }
}

/// Why an address cannot be asked: the host does not have it (yet). Where the kernel does not say,
/// the `bind` of the question's socket decides.
pub(super) fn absent(address: SocketAddr) -> Option<Reason> {
    let local = sys::is_local(address).unwrap_or(true);
    (!local).then(|| no_such_address(address))
}

fn no_such_address(address: SocketAddr) -> Reason {
    format!("{} is not an address of this host", address.ip()).into()
}

/// What an error on the way to an address means, before any answer.
pub(super) fn unasked(to: SocketAddr, error: &io::Error) -> Finding {
    match error.kind() {
        ErrorKind::ConnectionRefused => Finding::Wrong(format!("nothing listens on {to}").into()),
        _ if sys::is_absence(error) => Finding::NoResult(no_such_address(to)),
        _ => Finding::NoResult(format!("{to} cannot be asked: {error}").into()),
    }
}

/// Sends one question.
fn ask(to: SocketAddr, query: &OwnQuery, id: u16) -> Result<Sent<'_>, Finding> {
    let socket = sys::ask_udp(to).map_err(|error| unasked(to, &error))?;
    socket.send(&query.message(id)).map_err(|error| unasked(to, &error))?;
    Ok(Sent { to, query, id, socket })
}

impl Sent<'_> {
    /// Waits for the answer until `deadline`, `timeout` after the question.
    fn answer(self, deadline: Instant, timeout: Duration) -> Finding {
        let mut buffer = [0; LONGEST];
        for _ in 0..MOST_STRAYS {
            let message = match self.receive(&mut buffer, deadline) {
                Ok(len) => buffer.get(..len).unwrap_or_default(),
                Err(error) if is_timeout(&error) => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return unasked(self.to, &error),
            };
            match self.query.judge(self.id, message) {
                Judged::Good => return Finding::Answered,
                Judged::Wrong(why) => return wrong(self.to, self.query, &why),
                Judged::Stray => {}
            }
        }
        silent(self.to, self.query, timeout)
    }

    /// Receives until `deadline`; afterwards only what is there already.
    fn receive(&self, buffer: &mut [u8], deadline: Instant) -> io::Result<usize> {
        let left = deadline.saturating_duration_since(Instant::now());
        sys::receive_within(&self.socket, buffer, left)
    }
}

pub(super) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

pub(super) fn wrong(to: SocketAddr, query: &OwnQuery, why: &str) -> Finding {
    Finding::Wrong(format!("{to} answers {} with {why}", query.text()).into())
}

pub(super) fn silent(to: SocketAddr, query: &OwnQuery, timeout: Duration) -> Finding {
    Finding::Silent(format!("{to} does not answer {} in {timeout:?}", query.text()).into())
}
