//! Why an announcement is where it is, for people.

use std::fmt;

use super::Leave;
use crate::announce::standing::{Doubt, Lesser};
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
