//! A change of state, in one line for the operator.

use std::fmt;
use std::sync::Arc;

use crate::bgp::session::{Reason, State, Transition};

/// A change of state, and what the network had to do with it.
///
/// Written `Established → Active: hold timer expired (4/0)`, or
/// `Connect → Active: 192.0.2.1:179: connection refused`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What the session says.
    pub transition: Transition,
    /// What the network says, where the session only knows that TCP is closed.
    pub trouble: Option<Arc<str>>,
}

/// How much a change matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Importance {
    /// A step on the way to a session, or an attempt that led to nothing: many a second may come.
    Routine,
    /// One end does not want the session: its NOTIFICATION says why.
    Refusal,
    /// A session begins or ends.
    Session,
}

impl Change {
    /// How much it matters.
    #[must_use]
    pub fn importance(&self) -> Importance {
        let Transition { from, to, reason, .. } = &self.transition;
        if *from == State::Established || *to == State::Established {
            return Importance::Session;
        }
        match reason {
            Reason::Sent(notification) | Reason::Received(notification) => {
                if notification.is_collision() { Importance::Routine } else { Importance::Refusal }
            }
            Reason::Started
            | Reason::IdleHoldTimer
            | Reason::BfdUp
            | Reason::ConnectRetryTimer
            | Reason::Connected
            | Reason::Closed
            | Reason::Opened
            | Reason::Confirmed => Importance::Routine,
        }
    }

    /// Why, if something went wrong.
    pub(super) fn failure(&self) -> Option<Arc<str>> {
        match &self.transition.reason {
            Reason::Sent(notification) | Reason::Received(notification)
                if notification.is_collision() =>
            {
                None
            }
            reason @ (Reason::Sent(_) | Reason::Received(_)) => Some(reason.to_string().into()),
            Reason::Closed => Some(self.closed()),
            Reason::Started
            | Reason::IdleHoldTimer
            | Reason::BfdUp
            | Reason::ConnectRetryTimer
            | Reason::Connected
            | Reason::Opened
            | Reason::Confirmed => None,
        }
    }

    fn closed(&self) -> Arc<str> {
        self.trouble.clone().unwrap_or_else(|| Reason::Closed.to_string().into())
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Transition { from, to, reason, .. } = &self.transition;
        match reason {
            Reason::Closed => write!(f, "{from} → {to}: {}", self.closed()),
            _ => self.transition.fmt(f),
        }
    }
}
