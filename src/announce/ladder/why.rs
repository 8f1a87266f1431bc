//! Why an announcement is where it is, for people.

use std::fmt;

use super::{Demand, Ladder, Leave, Phase};
use crate::announce::Stage;
use crate::announce::standing::{Doubt, Lesser, Verdict};
use crate::node::Reason;

/// Why an announcement is where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// Nothing is announced before it can be served.
    NotReady,
    /// Nothing speaks against it.
    Fine,
    /// Another should be preferred.
    Lesser(Lesser),
    /// Nothing can be said: it stays as it was.
    Doubt(Doubt),
    /// It was not long ago that something was wrong.
    Recovering,
    /// It was withdrawn too often of late.
    Damped,
    /// This node cannot answer; why, if that is known.
    CannotAnswer(Option<Reason>),
    /// Somebody wants it withdrawn.
    Leaving(Leave),
    /// It should go, but no sibling answers.
    Last(Leave),
}

impl Ladder {
    /// Why it is where it is.
    pub(super) fn reason(&self) -> Why {
        let verdict = &self.facts.standing.verdict;
        match (self.demand(), verdict) {
            (Demand::Withdraw, Verdict::CannotAnswer(reason)) => Why::CannotAnswer(reason.clone()),
            (Demand::Withdraw, _) => Why::Leaving(Leave::Stop),
            (Demand::Leave(leave), _) if self.is_held(leave) => Why::Last(leave),
            (Demand::Leave(leave), _) => Why::Leaving(leave),
            (Demand::Hold, Verdict::Unknown(doubt)) if self.facts.ready => {
                Why::Doubt(doubt.clone())
            }
            (Demand::Hold, _) => Why::NotReady,
            (Demand::Announce(_), verdict) => self.reason_up(verdict),
        }
    }

    fn reason_up(&self, verdict: &Verdict) -> Why {
        match (self.stage(), verdict) {
            (Stage::Withdrawn, _) if !self.is_over(self.failure) => Why::Recovering,
            (Stage::Withdrawn, _) => Why::Damped,
            (_, Verdict::Lesser(lesser)) => Why::Lesser(lesser.clone()),
            (Stage::Depreferred, _) => Why::Recovering,
            (Stage::Announced | Stage::Draining, _) => Why::Fine,
        }
    }

    /// Whether it would be withdrawn now but for being the last.
    fn is_held(&self, leave: Leave) -> bool {
        match self.phase {
            Phase::Draining { since, .. } => {
                since + self.rules.gshut(leave) <= self.now && self.is_last()
            }
            Phase::Waiting | Phase::Announced | Phase::Depreferred | Phase::Withdrawn { .. } => {
                false
            }
        }
    }
}

impl Why {
    /// Whether another reason is no news: how a node fails to answer may change with every
    /// question.
    pub(super) fn is_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::CannotAnswer(_), Self::CannotAnswer(_)) => true,
            (one, other) => one == other,
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotReady => f.write_str("its addresses and sockets are not ready"),
            Self::Fine => f.write_str("nothing speaks against it"),
            Self::Lesser(lesser) => lesser.fmt(f),
            Self::Doubt(doubt) => write!(f, "as before, for {doubt}"),
            Self::Recovering => f.write_str("fine again, but not for long enough"),
            Self::Damped => f.write_str("fine again, but withdrawn too often of late"),
            Self::CannotAnswer(None) => f.write_str("this node cannot answer"),
            Self::CannotAnswer(Some(reason)) => write!(f, "this node cannot answer: {reason}"),
            Self::Leaving(leave) => f.write_str(cause(*leave)),
            Self::Last(leave) => {
                write!(f, "{}, but no sibling answers: kept until one does", cause(*leave))
            }
        }
    }
}

fn cause(leave: Leave) -> &'static str {
    match leave {
        Leave::Pool => "its pool is down",
        Leave::Drain => "the node is drained",
        Leave::Stop => "the node stops",
    }
}
