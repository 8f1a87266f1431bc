//! Connections come and go.

use std::time::Instant;

use super::connection::{Connection, Stage};
use super::event::{Action, ConnectionId, Local, Reason, State};
use super::{ATTEMPT, Outgoing, Phase, Session};
use crate::bgp::message::{Cease, Notification};

impl Session {
    /// The peer has opened a connection. Absent: it is to be closed at once; nothing is said on it.
    ///
    /// A connection that has not got an OPEN yet gives way to a later one: who opens another one
    /// has given the first one up.
    pub fn handle_accepted(&mut self, now: Instant, local: Local) -> Option<ConnectionId> {
        if matches!(self.phase, Phase::Idle(_)) || self.state() == State::Established {
            return None;
        }
        match self.incoming.as_ref().map(|connection| (connection.id, &connection.stage)) {
            None => {}
            Some((old, Stage::OpenSent)) => {
                let cease = Notification::cease(Cease::ConnectionRejected);
                self.end(now, old, Some(cease.clone()), Reason::Sent(cease));
            }
            Some((_, Stage::OpenConfirm(_) | Stage::Established(_))) => return None,
        }
        let id = self.next_id();
        self.incoming = Some(self.connection_with(now, id, local));
        self.greet(now, id);
        Some(id)
    }

    /// TCP is up for an [`Action::Connect`].
    pub fn handle_connected(&mut self, now: Instant, id: ConnectionId, local: Local) {
        match self.outgoing {
            Outgoing::Connecting(attempt, _) if attempt == id => {}
            Outgoing::Off | Outgoing::Waiting(_) | Outgoing::Connecting(..) | Outgoing::Open(_) => {
                return;
            }
        }
        self.outgoing = Outgoing::Open(self.connection_with(now, id, local));
        self.greet(now, id);
    }

    /// TCP could not be opened, or the peer or the network has closed it.
    pub fn handle_closed(&mut self, now: Instant, id: ConnectionId) {
        match self.outgoing {
            Outgoing::Connecting(attempt, _) if attempt == id => {
                self.outgoing = Outgoing::Off;
                self.wait(now);
                self.settle(now, Reason::Closed);
            }
            Outgoing::Off | Outgoing::Waiting(_) | Outgoing::Connecting(..) | Outgoing::Open(_) => {
                if self.connection(id).is_some() {
                    self.forget(now, id, Reason::Closed);
                }
            }
        }
    }

    /// Bytes were received, in whatever pieces.
    pub fn handle_received(&mut self, now: Instant, id: ConnectionId, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some(connection) = self.connection(id) {
            match connection.framer.read(&mut rest) {
                Ok(Some(message)) => self.handle_message(now, id, message),
                Ok(None) => return,
                Err(notification) => return self.refuse(now, id, notification),
            }
        }
    }

    /// The kernel has taken `bytes` of what was to be sent. Without this word nothing but the
    /// first messages is ever sent.
    pub fn handle_sent(&mut self, now: Instant, id: ConnectionId, bytes: usize) {
        if self.connection(id).is_some_and(|connection| connection.sent(now, bytes)) {
            self.flush(now);
        }
    }

    pub(super) fn start(&mut self, now: Instant, reason: Reason) {
        self.phase = Phase::Running;
        if !self.config.passive {
            self.attempt(now);
        }
        self.settle(now, reason);
    }

    /// ConnectRetryTimer has expired. A connection that has got an OPEN is not to be disturbed.
    pub(super) fn connect(&mut self, now: Instant) {
        match self.state() {
            State::OpenConfirm | State::Established => {
                self.outgoing = Outgoing::Waiting(now + self.retry.next(&mut self.rng));
            }
            State::Idle | State::Active | State::Connect | State::OpenSent => self.attempt(now),
        }
        self.settle(now, Reason::ConnectRetryTimer);
    }

    fn attempt(&mut self, now: Instant) {
        let id = self.next_id();
        self.outgoing = Outgoing::Connecting(id, now + ATTEMPT);
        self.actions.push_back(Action::Connect { id });
    }

    /// All connections end, with a word, and none is wanted until then.
    pub(super) fn rest(&mut self, now: Instant, until: Option<Instant>, word: Notification) {
        self.phase = Phase::Idle(until);
        let mut ids: Vec<ConnectionId> = self.open().map(|connection| connection.id).collect();
        for &id in &ids {
            self.send(now, id, word.encode());
        }
        if let Outgoing::Connecting(id, _) = self.outgoing {
            ids.push(id);
        }
        self.forget_growth(now);
        self.outgoing = Outgoing::Off;
        self.incoming = None;
        self.actions.extend(ids.into_iter().map(|id| Action::Close { id }));
        self.settle(now, Reason::Sent(word));
    }

    /// One connection ends, with a word or without.
    pub(super) fn end(
        &mut self,
        now: Instant,
        id: ConnectionId,
        word: Option<Notification>,
        reason: Reason,
    ) {
        if let Some(word) = word {
            self.send(now, id, word.encode());
        }
        self.actions.push_back(Action::Close { id });
        self.forget(now, id, reason);
    }

    /// A connection is no more.
    fn forget(&mut self, now: Instant, id: ConnectionId, reason: Reason) {
        self.forget_growth(now);
        match &self.outgoing {
            Outgoing::Open(connection) if connection.id == id => self.outgoing = Outgoing::Off,
            Outgoing::Off | Outgoing::Waiting(_) | Outgoing::Connecting(..) | Outgoing::Open(_) => {
            }
        }
        self.incoming.take_if(|connection| connection.id == id);
        self.wait(now);
        self.settle(now, reason);
    }

    /// Long waits are over once a session has lasted.
    pub(super) fn forget_growth(&mut self, now: Instant) {
        if let Some((_, since)) = self.established() {
            let lasted = now.saturating_duration_since(since);
            self.retry.forget_after(lasted);
            self.bfd_retry.forget_after(lasted);
        }
    }

    /// Starts ConnectRetryTimer, where this end is to connect and nothing else is under way.
    fn wait(&mut self, now: Instant) {
        let wanted = matches!(self.phase, Phase::Running) && !self.config.passive;
        if wanted && matches!(self.outgoing, Outgoing::Off) && self.state() < State::OpenConfirm {
            self.outgoing = Outgoing::Waiting(now + self.retry.next(&mut self.rng));
        }
    }

    /// One connection is Established: no other is needed.
    pub(super) fn close_others(&mut self, now: Instant, id: ConnectionId) {
        match self.outgoing {
            Outgoing::Connecting(id, _) => {
                self.actions.push_back(Action::Close { id });
                self.outgoing = Outgoing::Off;
            }
            Outgoing::Waiting(_) => self.outgoing = Outgoing::Off,
            Outgoing::Off | Outgoing::Open(_) => {}
        }
        let other = self.open().map(|connection| connection.id).find(|&other| other != id);
        if let Some(other) = other {
            let cease = Notification::cease(Cease::CollisionResolution);
            self.end(now, other, Some(cease.clone()), Reason::Sent(cease));
        }
    }

    /// Our OPEN.
    fn greet(&mut self, now: Instant, id: ConnectionId) {
        let open = self.config.open(self.fresh).encode();
        self.send(now, id, open);
        self.settle(now, Reason::Connected);
    }

    pub(super) fn send(&mut self, now: Instant, id: ConnectionId, message: Vec<u8>) {
        if let Some(connection) = self.connection(id) {
            connection.queued(now, message.len());
            self.traffic.queued(&message);
            self.actions.push_back(Action::Send { id, message });
        }
    }

    fn connection_with(&self, now: Instant, id: ConnectionId, local: Local) -> Connection {
        let relation = self.config.relation(false);
        Connection::new(id, local, relation, self.config.send_hold(), now)
    }

    fn next_id(&mut self) -> ConnectionId {
        self.connections += 1;
        ConnectionId(self.connections)
    }

    /// Those over which TCP is up.
    pub(super) fn open(&self) -> impl Iterator<Item = &Connection> {
        let outgoing = match &self.outgoing {
            Outgoing::Open(connection) => Some(connection),
            Outgoing::Off | Outgoing::Waiting(_) | Outgoing::Connecting(..) => None,
        };
        self.incoming.iter().chain(outgoing)
    }

    pub(super) fn open_mut(&mut self) -> impl Iterator<Item = &mut Connection> {
        let outgoing = match &mut self.outgoing {
            Outgoing::Open(connection) => Some(connection),
            Outgoing::Off | Outgoing::Waiting(_) | Outgoing::Connecting(..) => None,
        };
        self.incoming.iter_mut().chain(outgoing)
    }

    pub(super) fn connection(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.open_mut().find(|connection| connection.id == id)
    }
}
