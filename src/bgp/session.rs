//! One peer, pure: the finite state machine of RFC 4271 §8, with time and bytes as arguments.
//!
//! ```text
//!            start                 TCP is up                 OPEN             KEEPALIVE
//!  ┌──────┐───────▶┌─────────┐───────────────▶┌──────────┐───────▶┌─────────────┐───────▶┌─────────────┐
//!  │ Idle │        │ Connect │                │ OpenSent │        │ OpenConfirm │        │ Established │
//!  └──────┘        └─────────┘                └──────────┘        └─────────────┘        └─────────────┘
//!     ▲ stop,     refused │ ▲ ConnectRetryTimer    ▲ │                   │                      │
//!     │ BFD down          ▼ │                      │ │ whatever ends the connection             │
//!     │                  ┌────────┐  a connection  │ ▼                   ▼                      │
//!     └─── all states    │ Active │────────────────┘◀───────────────────────────────────────────┘
//!                        └────────┘
//! ```
//!
//! A peer has at most two connections: one that this end opened, one that the peer did. Each has
//! its own OpenSent, OpenConfirm and Established; [`Session::state`] is that of the further one, and
//! when both have got an OPEN one is closed (§6.8). The RFC goes to Idle after every error and
//! starts again by itself; here that start is the wait in Active, so that the peer, which may wait
//! for minutes before it tries again, is let in meanwhile. Idle is where an operator, or BFD, wants
//! nothing to happen.
//!
//! The driver calls a `handle_*` for all that happens, then [`Session::poll_action`] until nothing
//! is left, and [`Session::handle_timeout`] at [`Session::next_deadline`]. Before a time-out it
//! reads every socket: a silence is only a silence when nothing waits to be read.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

mod backoff;
mod collision;
mod config;
mod connection;
mod event;
mod negotiate;
mod outbox;
#[cfg(test)]
mod tests;
mod traffic;
mod transport;

use self::backoff::Backoff;
pub use self::config::Config;
use self::connection::{Connection, Stage};
pub use self::event::{Action, Bfd, ConnectionId, Local, Reason, State, Transition};
pub use self::negotiate::Negotiated;
pub use self::outbox::Unsendable;
pub use self::traffic::{Messages, Traffic};

use super::message::{Cease, Message, Notification, refresh::Subtype};
use super::routes::RouteSet;

/// An attempt to connect is given up after so long: two repetitions of a lost SYN. Another one
/// begins at once, for a new SYN goes out sooner than the third repetition.
const ATTEMPT: Duration = Duration::from_secs(5);

/// One peer.
#[derive(Debug)]
pub struct Session {
    config: Config,
    rng: fastrand::Rng,
    phase: Phase,
    /// What this end opens.
    outgoing: Outgoing,
    /// What the peer opened.
    incoming: Option<Connection>,
    /// What the peer is to know; absent: that is not decided yet.
    desired: Option<RouteSet>,
    retry: Backoff,
    /// Between sessions that BFD has ended.
    bfd_retry: Backoff,
    bfd: Bfd,
    /// No session was established yet.
    fresh: bool,
    connections: u64,
    traffic: Traffic,
    /// The state as last told.
    told: State,
    actions: VecDeque<Action>,
}

/// Whether there are to be connections.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Not until then; absent: not until told.
    Idle(Option<Instant>),
    Running,
}

/// The connection that this end opens.
#[derive(Debug)]
enum Outgoing {
    /// None is wanted.
    Off,
    /// ConnectRetryTimer runs.
    Waiting(Instant),
    /// TCP is being opened, until then.
    Connecting(ConnectionId, Instant),
    Open(Connection),
}

impl Session {
    /// A peer that is let alone until [`Self::handle_start`].
    #[must_use]
    pub fn new(config: Config, rng: fastrand::Rng) -> Self {
        let retry = Backoff::new(config.connect_retry.clone());
        let bfd_retry = Backoff::new(config.bfd_reconnect.clone());
        Self {
            config,
            rng,
            phase: Phase::Idle(None),
            outgoing: Outgoing::Off,
            incoming: None,
            desired: None,
            retry,
            bfd_retry,
            bfd: Bfd::Down,
            fresh: true,
            connections: 0,
            traffic: Traffic::default(),
            told: State::Idle,
            actions: VecDeque::new(),
        }
    }

    /// The state of the connection that has got furthest.
    #[must_use]
    pub fn state(&self) -> State {
        let connected = self.open().map(|connection| connection.stage.state()).max();
        let connecting = match (self.phase, &self.outgoing) {
            (Phase::Idle(_), _) => State::Idle,
            (Phase::Running, Outgoing::Connecting(..)) => State::Connect,
            (Phase::Running, Outgoing::Off | Outgoing::Waiting(_) | Outgoing::Open(_)) => {
                State::Active
            }
        };
        connected.unwrap_or(connecting)
    }

    /// What both ends have agreed on, and since when; absent unless Established.
    #[must_use]
    pub fn established(&self) -> Option<(&Negotiated, Instant)> {
        self.open().find_map(|connection| match &connection.stage {
            Stage::Established(up) => Some((&up.negotiated, up.since)),
            Stage::OpenSent | Stage::OpenConfirm(_) => None,
        })
    }

    /// What the peer was told and still holds, as far as this end knows.
    #[must_use]
    pub fn announced(&self) -> Option<&RouteSet> {
        self.open().find_map(|connection| match &connection.stage {
            Stage::Established(up) => Some(up.outbox.sent()),
            Stage::OpenSent | Stage::OpenConfirm(_) => None,
        })
    }

    /// All messages so far, of all connections.
    #[must_use]
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// When the next attempt to connect begins, or the rest after a session that BFD ended is over.
    /// Absent: one is under way, or none is wanted.
    #[must_use]
    pub fn next_attempt(&self) -> Option<Instant> {
        match (self.phase, &self.outgoing) {
            (Phase::Idle(until), _) => until,
            (Phase::Running, Outgoing::Waiting(until)) => Some(*until),
            (Phase::Running, Outgoing::Off | Outgoing::Connecting(..) | Outgoing::Open(_)) => None,
        }
    }

    /// What is to be done next; ask until there is nothing.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// An operator wants the session.
    pub fn handle_start(&mut self, now: Instant) {
        match self.phase {
            Phase::Running => {}
            Phase::Idle(_) => self.start(now, Reason::Started),
        }
    }

    /// An operator does not want the session, for `cease`; `reason` is for the peer's operator
    /// (RFC 9003).
    pub fn handle_stop(&mut self, now: Instant, cease: Cease, reason: &str) {
        let notification = Notification::cease_with(cease, reason);
        self.rest(now, None, notification);
    }

    /// An operator wants the session anew.
    pub fn handle_reset(&mut self, now: Instant, reason: &str) {
        if matches!(self.phase, Phase::Running) {
            self.handle_stop(now, Cease::AdministrativeReset, reason);
            self.handle_start(now);
        }
    }

    /// What BFD says of the path. The peer's AdminDown is not a Down (RFC 5882 §4.2).
    ///
    /// Down ends a session during which the path was Up, and no other: many routers begin with BFD
    /// only when BGP is Established.
    pub fn handle_bfd(&mut self, now: Instant, bfd: Bfd) {
        self.bfd = bfd;
        match bfd {
            Bfd::Up => {
                self.open_mut().for_each(Connection::saw_bfd_up);
                if matches!(self.phase, Phase::Idle(Some(_))) {
                    self.start(now, Reason::BfdUp);
                }
            }
            Bfd::Down => {
                if self.open().any(Connection::relies_on_bfd) {
                    self.forget_growth(now);
                    let until = now + self.bfd_retry.next(&mut self.rng);
                    self.rest(now, Some(until), Notification::cease(Cease::BfdDown));
                }
            }
        }
    }

    /// All that the peer is to know. What it must be told follows as soon as it can be sent; of
    /// several sets meanwhile only the last one counts.
    pub fn set_routes(&mut self, now: Instant, desired: RouteSet) {
        self.desired = Some(desired);
        self.flush(now);
    }

    /// When [`Self::handle_timeout`] is due.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        let own = match (self.phase, &self.outgoing) {
            (Phase::Idle(until), _) => until,
            (Phase::Running, Outgoing::Waiting(until) | Outgoing::Connecting(_, until)) => {
                Some(*until)
            }
            (Phase::Running, Outgoing::Off | Outgoing::Open(_)) => None,
        };
        own.into_iter().chain(self.open().filter_map(Connection::deadline)).min()
    }

    /// Does what is due; any time. Every socket must have been read before.
    pub fn handle_timeout(&mut self, now: Instant) {
        match (self.phase, &self.outgoing) {
            (Phase::Idle(Some(until)), _) if until <= now => self.start(now, Reason::IdleHoldTimer),
            (Phase::Running, Outgoing::Waiting(until)) if *until <= now => self.connect(now),
            (Phase::Running, &Outgoing::Connecting(id, until)) if until <= now => {
                self.actions.push_back(Action::Close { id });
                self.connect(now);
            }
            (Phase::Idle(_), _)
            | (Phase::Running, Outgoing::Waiting(_) | Outgoing::Connecting(..))
            | (Phase::Running, Outgoing::Off | Outgoing::Open(_)) => {}
        }
        let ids: Vec<ConnectionId> = self.open().map(|connection| connection.id).collect();
        ids.into_iter().for_each(|id| self.connection_timeout(now, id));
    }

    fn connection_timeout(&mut self, now: Instant, id: ConnectionId) {
        let Some(connection) = self.connection(id) else { return };
        if let Some(expired) = connection.expired(now) {
            return self.end(now, id, Some(expired.clone()), Reason::Sent(expired));
        }
        let jitter = backoff::jitter(&mut self.rng);
        let Some(connection) = self.connection(id) else { return };
        if let Some(message) = connection.keepalive_due(now, jitter) {
            self.send(now, id, message);
        }
    }

    /// What a message does in each state (RFC 4271 §8.2.2, RFC 6608).
    fn handle_message(&mut self, now: Instant, id: ConnectionId, message: Message) {
        let Some(connection) = self.connection(id) else { return };
        connection.heard(now);
        let kind = message.kind();
        self.traffic.received.count(kind);
        let Some(connection) = self.connection(id) else { return };
        match (&mut connection.stage, message) {
            (Stage::OpenSent, Message::Open(open)) => self.handle_open(now, id, &open),
            (
                Stage::OpenSent,
                Message::Keepalive | Message::Update { .. } | Message::RouteRefresh(_),
            ) => self.refuse(now, id, Notification::unexpected(kind, 1)),
            (Stage::OpenConfirm(_), Message::Keepalive) => self.establish(now, id),
            (
                Stage::OpenConfirm(_),
                Message::Open(_) | Message::Update { .. } | Message::RouteRefresh(_),
            ) => self.refuse(now, id, Notification::unexpected(kind, 2)),
            (Stage::Established(_), Message::Open(_)) => {
                self.refuse(now, id, Notification::unexpected(kind, 3));
            }
            (Stage::Established(_), Message::Keepalive | Message::Update { .. }) => {}
            (Stage::Established(up), Message::RouteRefresh(refresh)) => {
                match (refresh.subtype, refresh.family) {
                    (Subtype::Request, Some(family)) => up.outbox.ask_again(family),
                    // Marks around routes that are not looked at, and what is not known.
                    (Subtype::Begin | Subtype::End | Subtype::Unknown(_), _) => {}
                    (Subtype::Request, None) => {}
                }
                self.flush(now);
            }
            (
                Stage::OpenSent | Stage::OpenConfirm(_) | Stage::Established(_),
                Message::Notification(notification),
            ) => self.end(now, id, None, Reason::Received(notification)),
        }
    }

    fn handle_open(&mut self, now: Instant, id: ConnectionId, open: &super::message::Open) {
        let negotiated = match negotiate::check(&self.config, open) {
            Ok(negotiated) => negotiated,
            Err(notification) => return self.refuse(now, id, notification),
        };
        if let Some(loser) = self.loser(id, &negotiated) {
            let cease = Notification::cease(Cease::CollisionResolution);
            self.end(now, loser, Some(cease.clone()), Reason::Sent(cease));
        }
        let jitter = backoff::jitter(&mut self.rng);
        let Some(connection) = self.connection(id) else { return };
        let keepalive = connection.confirm(now, negotiated, jitter);
        self.send(now, id, keepalive);
        self.settle(now, Reason::Opened);
    }

    fn establish(&mut self, now: Instant, id: ConnectionId) {
        let bfd = self.bfd;
        let Some(connection) = self.connection(id) else { return };
        connection.establish(now, bfd);
        self.fresh = false;
        self.settle(now, Reason::Confirmed);
        self.close_others(now, id);
        self.flush(now);
    }

    fn refuse(&mut self, now: Instant, id: ConnectionId, notification: Notification) {
        self.end(now, id, Some(notification.clone()), Reason::Sent(notification));
    }

    /// The difference between what the peer knows and what it is to know, once all that was said
    /// before is on its way: what is queued cannot be taken back.
    fn flush(&mut self, now: Instant) {
        let Some(desired) = self.desired.take() else { return };
        let (mut said, mut unsendable) = (Vec::new(), Vec::new());
        for connection in self.open_mut() {
            if let Some(news) = connection.news(&desired) {
                said.extend(news.messages.into_iter().map(|message| (connection.id, message)));
                unsendable.extend(news.unsendable);
            }
        }
        self.desired = Some(desired);
        let told = |(prefix, why)| Action::Unsendable { prefix, why };
        self.actions.extend(unsendable.into_iter().map(told));
        said.into_iter().for_each(|(id, message)| self.send(now, id, message));
    }

    /// Tells of a change of state.
    fn settle(&mut self, now: Instant, reason: Reason) {
        let state = self.state();
        let from = std::mem::replace(&mut self.told, state);
        if from != self.told {
            let transition = Transition { from, to: self.told, reason, at: now };
            self.actions.push_back(Action::Transition(transition));
        }
    }
}
