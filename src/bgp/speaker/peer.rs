//! A peer's task: the clock and the sockets of one session.

#![expect(clippy::disallowed_methods, reason = "a driver: it owns the clock")]

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use arc_swap::ArcSwap;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot, watch};

mod connections;

use self::connections::{Attempt, dialled, ready};
use super::change::Change;
use super::farewell::Farewells;
use super::link::Link;
use super::observer::Observer;
use super::status::{Counters, PeerStatus, Trouble};
use super::wanted::Wanted;
use crate::bgp::config::PeerConfig;
use crate::bgp::message::Cease;
use crate::bgp::routes::RouteSet;
use crate::bgp::session::{Action, Reason, Session, State, Transition};

/// What is read at a time, in bytes: some messages of the longest kind, so that a peer with a full
/// table is heard at speed, and no more than others can wait for.
const BUFFER: usize = 16 << 10;

/// A peer's task.
pub(super) struct Peer {
    config: Arc<PeerConfig>,
    surroundings: Surroundings,
    inbox: Inbox,
    session: Session,
    /// What is wanted, as the session knows it.
    heard: Wanted,
    attempt: Option<Attempt>,
    links: Vec<Link>,
    farewells: Farewells,
    buffer: Box<[u8]>,
    counters: Counters,
    /// What the network has said last.
    trouble: Option<Arc<str>>,
    /// When the state changed last.
    since: Instant,
    status: Arc<Mutex<PeerStatus>>,
}

/// What all peers have in common.
#[derive(Clone)]
pub(super) struct Surroundings {
    pub(super) observer: Arc<dyn Observer>,
    /// Addresses that no connection begins at by accident.
    pub(super) services: Arc<ArcSwap<BTreeSet<IpAddr>>>,
}

/// Where a task hears from others.
pub(super) struct Inbox {
    pub(super) wanted: watch::Receiver<Wanted>,
    pub(super) accepted: mpsc::Receiver<TcpStream>,
    pub(super) left: oneshot::Receiver<Leave>,
}

/// Why a task is to end.
#[derive(Debug)]
pub(super) struct Leave {
    pub(super) cease: Cease,
    /// For the peer's operator.
    pub(super) reason: String,
}

/// What a task wakes up for.
enum Event {
    Left(Leave),
    Wanted,
    Accepted(TcpStream),
    Dialled(Result<TcpStream, String>),
    /// A socket can be read or written, or a deadline has come: that is looked after every time.
    Due,
}

impl Peer {
    pub(super) fn new(config: PeerConfig, inbox: Inbox, surroundings: Surroundings) -> Self {
        let since = Instant::now();
        let status = PeerStatus::new(&config, since);
        Self {
            session: Session::new(config.session.clone(), fastrand::Rng::new()),
            config: Arc::new(config),
            surroundings,
            inbox,
            heard: Wanted::default(),
            attempt: None,
            links: Vec::new(),
            farewells: Farewells::default(),
            buffer: vec![0; BUFFER].into_boxed_slice(),
            counters: Counters::default(),
            trouble: None,
            since,
            status: Arc::new(Mutex::new(status)),
        }
    }

    /// Where it writes how it is.
    pub(super) fn status(&self) -> Arc<Mutex<PeerStatus>> {
        Arc::clone(&self.status)
    }

    /// Its life, until it is told to leave.
    pub(super) async fn run(mut self) {
        self.hear();
        self.session.handle_start(Instant::now());
        loop {
            self.turn(Instant::now());
            match self.next().await {
                Event::Left(leave) => break self.leave(&leave),
                Event::Wanted => self.hear(),
                Event::Accepted(stream) => self.accept(stream),
                Event::Dialled(outcome) => self.connected(outcome),
                Event::Due => {}
            }
        }
        self.farewells.ended().await;
    }

    async fn next(&mut self) -> Event {
        let due = self.session.next_deadline();
        tokio::select! {
            biased;
            leave = &mut self.inbox.left => Event::Left(leave.unwrap_or_default()),
            Ok(()) = self.inbox.wanted.changed() => Event::Wanted,
            outcome = dialled(&mut self.attempt) => Event::Dialled(outcome),
            Some(stream) = self.inbox.accepted.recv() => Event::Accepted(stream),
            () = ready(&self.links) => Event::Due,
            () = until(due) => Event::Due,
        }
    }

    /// Everything there is to do now, with every socket looked at once.
    fn turn(&mut self, now: Instant) {
        self.act(now);
        self.read(now, Link::read);
        if self.is_due(now) {
            // Silence is silence only where nothing waits to be read, whether the runtime has
            // noticed it yet or not.
            self.read(now, Link::read_now);
            self.session.handle_timeout(now);
        }
        self.act(now);
        while self.write(now) {
            self.act(now);
        }
        self.report();
    }

    fn is_due(&self, now: Instant) -> bool {
        self.session.next_deadline().is_some_and(|due| due <= now)
    }

    fn act(&mut self, now: Instant) {
        while let Some(action) = self.session.poll_action() {
            match action {
                Action::Connect { id } => self.dial(id),
                Action::Send { id, message } => {
                    if let Some(link) = self.links.iter_mut().find(|link| link.id == id) {
                        link.queue(&message);
                    }
                }
                Action::Close { id } => self.close(id),
                Action::Transition(transition) => self.tell(transition, now),
                Action::Unsendable { prefix, why } => {
                    self.surroundings.observer.unsendable(&self.config.name, &prefix, why);
                }
            }
        }
    }

    /// Does what is newly wanted.
    fn hear(&mut self) {
        let now = Instant::now();
        let wanted = self.inbox.wanted.borrow_and_update().clone();
        let before = std::mem::replace(&mut self.heard, wanted);
        self.heard.bfd_since(&before).for_each(|bfd| self.session.handle_bfd(now, bfd));
        match &self.heard.routes {
            Some(routes) if before.routes.as_ref() != Some(routes) => {
                self.session.set_routes(now, RouteSet::clone(routes));
            }
            Some(_) | None => {}
        }
    }

    fn leave(&mut self, leave: &Leave) {
        let now = Instant::now();
        self.session.handle_stop(now, leave.cease, &leave.reason);
        self.turn(now);
    }

    /// Tells of a change of state.
    fn tell(&mut self, transition: Transition, now: Instant) {
        self.counters.transitions += 1;
        self.counters.sessions += u64::from(transition.to == State::Established);
        let trouble = self.trouble.take().filter(|_| transition.reason == Reason::Closed);
        let change = Change { transition, trouble };
        if let Some(failure) = change.failure() {
            self.note(failure);
        }
        self.surroundings.observer.transition(&self.config.name, &change);
        self.since = now;
    }

    fn note(&self, text: Arc<str>) {
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        status.trouble = Some(Trouble { text, at: Instant::now() });
    }

    /// Writes how it is now.
    fn report(&mut self) {
        self.counters.messages = *self.session.traffic();
        let known = self.known();
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        status.state = self.session.state();
        status.since = self.since;
        status.counters = self.counters;
        status.next_attempt = self.session.next_attempt();
        status.negotiated = self.session.established().map(|(negotiated, _)| negotiated.clone());
        let local = self.links.first().filter(|_| status.negotiated.is_some());
        status.local = local.map(|link| link.local);
        if let Some(known) = known.filter(|known| **known != *status.announced) {
            status.announced = Arc::new(known.clone());
            let announced = Arc::clone(&status.announced);
            drop(status);
            if self.session.announced().is_some() {
                self.surroundings.observer.announced(&self.config.name, &announced);
            }
        }
    }

    /// What the peer knows; absent: it is being told.
    fn known(&self) -> Option<&RouteSet> {
        const NOTHING: &RouteSet = &RouteSet::new();
        match self.session.announced() {
            None => Some(NOTHING),
            Some(told) => Some(told).filter(|_| self.links.iter().all(Link::is_flushed)),
        }
    }
}

impl Default for Leave {
    fn default() -> Self {
        Self { cease: Cease::AdministrativeShutdown, reason: String::new() }
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}
