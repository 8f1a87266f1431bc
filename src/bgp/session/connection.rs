//! One connection: its state, its timers, and what is on its way out.

use std::time::{Duration, Instant};

use super::event::{Bfd, ConnectionId, Local, State};
use super::negotiate::Negotiated;
use super::outbox::{News, Outbox};
use crate::bgp::message::update::Relation;
use crate::bgp::message::{Framer, Notification, keepalive};
use crate::bgp::routes::RouteSet;

/// How long the peer's OPEN is waited for. The RFC suggests four minutes; a peer that took the
/// connection and says nothing is not worth more than one round of attempts.
const OPEN_WITHIN: Duration = Duration::from_secs(30);

/// One connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) id: ConnectionId,
    pub(super) framer: Framer,
    pub(super) stage: Stage,
    local: Local,
    relation: Relation,
    /// HoldTimer.
    hold: Option<Instant>,
    /// KeepaliveTimer.
    keepalive: Option<Instant>,
    send_hold_time: Duration,
    /// SendHoldTimer (RFC 9687): runs while something is on its way.
    send_hold: Option<Instant>,
    /// What the driver has and the kernel has not, in bytes.
    unsent: usize,
}

/// A state, with what belongs to it alone.
#[derive(Debug)]
pub(super) enum Stage {
    OpenSent,
    OpenConfirm(Negotiated),
    Established(Box<Established>),
}

/// What belongs to Established alone.
#[derive(Debug)]
pub(super) struct Established {
    pub(super) negotiated: Negotiated,
    pub(super) since: Instant,
    pub(super) outbox: Outbox,
    /// BFD was Up during this session.
    bfd_was_up: bool,
}

impl Stage {
    pub(super) const fn state(&self) -> State {
        match self {
            Self::OpenSent => State::OpenSent,
            Self::OpenConfirm(_) => State::OpenConfirm,
            Self::Established(_) => State::Established,
        }
    }

    const fn negotiated(&self) -> Option<&Negotiated> {
        match self {
            Self::OpenSent => None,
            Self::OpenConfirm(negotiated) => Some(negotiated),
            Self::Established(up) => Some(&up.negotiated),
        }
    }
}

impl Connection {
    /// On which our OPEN is the next thing to be sent.
    pub(super) fn new(
        id: ConnectionId,
        local: Local,
        relation: Relation,
        send_hold_time: Duration,
        now: Instant,
    ) -> Self {
        Self {
            id,
            framer: Framer::default(),
            stage: Stage::OpenSent,
            local,
            relation,
            hold: Some(now + OPEN_WITHIN),
            keepalive: None,
            send_hold_time,
            send_hold: None,
            unsent: 0,
        }
    }

    /// When the next timer expires.
    pub(super) fn deadline(&self) -> Option<Instant> {
        [self.hold, self.keepalive, self.send_hold].into_iter().flatten().min()
    }

    /// Why it has to end, if a timer says so.
    pub(super) fn expired(&self, now: Instant) -> Option<Notification> {
        let due = |timer: Option<Instant>| timer.is_some_and(|at| at <= now);
        match (due(self.hold), due(self.send_hold)) {
            (true, _) => Some(Notification::HOLD_TIMER_EXPIRED),
            (false, true) => Some(Notification::SEND_HOLD_TIMER_EXPIRED),
            (false, false) => None,
        }
    }

    /// A message was received, whatever it says. The wait for an OPEN is not prolonged.
    pub(super) fn heard(&mut self, now: Instant) {
        if let Some(negotiated) = self.stage.negotiated() {
            self.hold = negotiated.hold.map(|hold| now + hold);
        }
    }

    /// OpenSent to OpenConfirm; the KEEPALIVE that says so.
    pub(super) fn confirm(&mut self, now: Instant, open: Negotiated, jitter: f64) -> Vec<u8> {
        self.relation.four_octet = open.four_octet;
        self.keepalive = open.keepalive().map(|every| now + every.mul_f64(jitter));
        self.stage = Stage::OpenConfirm(open);
        self.heard(now);
        keepalive()
    }

    /// OpenConfirm to Established.
    pub(super) fn establish(&mut self, now: Instant, bfd: Bfd) {
        let stage = std::mem::replace(&mut self.stage, Stage::OpenSent);
        self.stage = match stage {
            Stage::OpenConfirm(negotiated) => Stage::Established(Box::new(Established {
                negotiated,
                since: now,
                outbox: Outbox::default(),
                bfd_was_up: bfd == Bfd::Up,
            })),
            stage @ (Stage::OpenSent | Stage::Established(_)) => stage,
        };
    }

    /// The KEEPALIVE, if its time has come. While something is on its way it adds nothing.
    pub(super) fn keepalive_due(&mut self, now: Instant, jitter: f64) -> Option<Vec<u8>> {
        self.keepalive.filter(|&at| at <= now)?;
        let every = self.stage.negotiated()?.keepalive()?;
        self.keepalive = Some(now + every.mul_f64(jitter));
        (self.unsent == 0).then(keepalive)
    }

    /// The driver was given so many bytes.
    pub(super) fn queued(&mut self, now: Instant, bytes: usize) {
        self.unsent += bytes;
        self.send_hold = self.send_hold.or(Some(now + self.send_hold_time));
    }

    /// The kernel has taken so many bytes; whether nothing is left.
    pub(super) fn sent(&mut self, now: Instant, bytes: usize) -> bool {
        self.unsent = self.unsent.saturating_sub(bytes);
        if bytes > 0 {
            self.send_hold = (self.unsent > 0).then(|| now + self.send_hold_time);
        }
        self.unsent == 0
    }

    /// What the peer is to be told, if all before it is on its way.
    pub(super) fn news(&mut self, desired: &RouteSet) -> Option<News> {
        match &mut self.stage {
            Stage::Established(up) if self.unsent == 0 => {
                Some(up.outbox.news(desired, &up.negotiated, self.relation, self.local))
            }
            Stage::Established(_) | Stage::OpenSent | Stage::OpenConfirm(_) => None,
        }
    }

    /// BFD is Up.
    pub(super) fn saw_bfd_up(&mut self) {
        match &mut self.stage {
            Stage::Established(up) => up.bfd_was_up = true,
            Stage::OpenSent | Stage::OpenConfirm(_) => {}
        }
    }

    /// Whether BFD has a say.
    pub(super) fn relies_on_bfd(&self) -> bool {
        match &self.stage {
            Stage::Established(up) => up.bfd_was_up,
            Stage::OpenSent | Stage::OpenConfirm(_) => false,
        }
    }
}
