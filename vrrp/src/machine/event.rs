//! What comes out of the machine, in words: states, actions, reasons.

use std::fmt;
use std::time::{Duration, Instant};

use crate::conditions::{Fault, Unhealthy};
use crate::config::Priority;
use crate::receive::Sender;

/// The state of a group (RFC 9568 §6.4), and two that the RFC has no word for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Not in the election yet, or no longer.
    Initialize,
    /// Another node has the addresses, as far as it is known.
    Backup,
    /// This node has the addresses.
    Active,
    /// This node has given the role away and serves until it is taken.
    HandingOver,
    /// Something is missing without which it cannot take part.
    Fault,
}

/// What the driver is to do, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send an advertisement of every member on every path.
    Advertise {
        /// 0 releases the role.
        priority: Priority,
    },
    /// Put the addresses on the interface, or renew them there.
    Own,
    /// Take the addresses off the interface.
    Disown,
    /// Tell the neighbours where each address is.
    Announce {
        /// So many times for each address.
        count: u8,
    },
    /// The state has changed.
    Transition(Transition),
    /// Something that an operator should know.
    Warning(Warning),
    /// A command has come to its end.
    Ended(Outcome),
}

/// A change of state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The state before.
    pub from: State,
    /// The state after.
    pub to: State,
    /// Why.
    pub reason: Reason,
    /// When.
    pub at: Instant,
    /// This node's priority.
    pub priority: Priority,
}

/// Why a state has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// All that the election needs is there.
    Joined,
    /// It joined at the floor, for what it would serve is not up.
    JoinedUnready,
    /// This node owns the addresses (priority 255).
    Owner,
    /// No advertisement for Active_Down_Interval.
    Silence {
        /// Who was Active; absent: nobody was heard.
        of: Option<Sender>,
    },
    /// BFD lost the Active.
    BfdDown {
        /// Who was Active.
        of: Option<Sender>,
    },
    /// The Active gave the role away (priority 0).
    Released {
        /// Who was Active.
        by: Sender,
    },
    /// The Active says that it should not be.
    Relieved {
        /// Who was Active.
        of: Sender,
    },
    /// The Active has a lower priority, and pre-emption is on.
    Preempted {
        /// Who was Active.
        of: Sender,
    },
    /// An Active of higher priority was heard.
    Higher {
        /// Who is Active.
        sender: Sender,
        /// With what priority.
        priority: Priority,
    },
    /// An Active of the same priority and a higher address was heard.
    Tie {
        /// Who is Active.
        sender: Sender,
    },
    /// While this process stood still another node became Active.
    Replaced {
        /// Who is Active.
        sender: Sender,
    },
    /// Something is missing.
    Fault(Fault),
    /// What was missing is back.
    Recovered,
    /// An operator asked for it.
    Failover,
    /// This node stops.
    Stop,
    /// Another node has taken the role.
    TakenOver {
        /// Who is Active.
        by: Sender,
    },
    /// Nobody wanted the role.
    NobodyTookOver,
}

/// Something that an operator should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// Two nodes are Active.
    DualActive {
        /// The other one.
        with: Sender,
        /// Its priority.
        priority: Priority,
    },
    /// This process stood still while Active.
    Stalled {
        /// Since its last advertisement.
        silent: Duration,
    },
    /// This process woke too late to tell whether the Active is silent.
    LateWakeUp {
        /// By how much.
        late: Duration,
    },
    /// The Active is silent, and so is the witness: this node is cut off.
    CutOff,
    /// Another program removed a virtual address.
    AddressRemoved,
    /// The node's part in the election has changed.
    Standing {
        /// Why it stands at the floor; absent: it is healthy.
        unhealthy: Option<Unhealthy>,
        /// What it advertises.
        priority: Priority,
    },
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The other node has the role.
    TookOver(Sender),
    /// Nobody took the role: this node has it again.
    NobodyTookOver,
    /// There is nothing to give away: this node is not Active.
    NotActive(State),
    /// The node may displace others again.
    Unheld,
    /// The machine has ended.
    Stopped,
}

/// What BFD (RFC 5880) says of the way to the Active.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BfdHint {
    /// Up → Down by detection time-out, while this process ran on time.
    Down,
    /// Up, or on its way there.
    Up,
    /// Administratively down: says nothing (RFC 5882 §4.2).
    AdminDown,
}

/// What an operator asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Give the role away, and do not displace anybody from then on.
    Failover,
    /// Take part as before again.
    Release,
    /// Give the role away and end. A second time: at once.
    Stop,
}

impl State {
    /// For metrics: `initialize`, `backup`, `active`, `handing_over`, `fault`.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Initialize => "initialize",
            Self::Backup => "backup",
            Self::Active => "active",
            Self::HandingOver => "handing_over",
            Self::Fault => "fault",
        }
    }
}

impl Reason {
    /// For metrics.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Joined => "joined",
            Self::JoinedUnready => "joined_unready",
            Self::Owner => "owner",
            Self::Silence { .. } => "silence",
            Self::BfdDown { .. } => "bfd_down",
            Self::Released { .. } => "released",
            Self::Relieved { .. } => "relieved",
            Self::Preempted { .. } => "preempted",
            Self::Higher { .. } => "higher_priority",
            Self::Tie { .. } => "tie",
            Self::Replaced { .. } => "replaced",
            Self::Fault(_) => "fault",
            Self::Recovered => "recovered",
            Self::Failover => "failover",
            Self::Stop => "stop",
            Self::TakenOver { .. } => "taken_over",
            Self::NobodyTookOver => "nobody_took_over",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Initialize => "Initialize",
            Self::Backup => "Backup",
            Self::Active => "Active",
            Self::HandingOver => "HandingOver",
            Self::Fault => "Fault",
        })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Joined => f.write_str("ready for the election"),
            Self::JoinedUnready => f.write_str("not ready yet, in the election at the floor"),
            Self::Owner => f.write_str("owner of the addresses"),
            Self::Silence { of: Some(active) } => write!(f, "{active} is silent"),
            Self::Silence { of: None } => f.write_str("nobody is Active"),
            Self::BfdDown { of: Some(active) } => write!(f, "BFD lost {active}"),
            Self::BfdDown { of: None } => f.write_str("BFD lost the Active"),
            Self::Released { by } => write!(f, "{by} gave the role away"),
            Self::Relieved { of } => write!(f, "{of} says that it should not be Active"),
            Self::Preempted { of } => write!(f, "{of} has a lower priority"),
            Self::Higher { sender, priority } => {
                write!(f, "{sender} is Active with the higher priority {priority}")
            }
            Self::Tie { sender } => {
                write!(f, "{sender} is Active with the same priority and a higher address")
            }
            Self::Replaced { sender } => {
                write!(f, "{sender} became Active while this process stood still")
            }
            Self::Fault(fault) => fault.fmt(f),
            Self::Recovered => f.write_str("the fault is over"),
            Self::Failover => f.write_str("failover was asked for"),
            Self::Stop => f.write_str("stopping"),
            Self::TakenOver { by } => write!(f, "{by} took over"),
            Self::NobodyTookOver => f.write_str("no peer took over"),
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DualActive { with, priority } => {
                write!(f, "{with} is Active too, with priority {priority}")
            }
            Self::Stalled { silent } => write!(
                f,
                "stood still: sent nothing for {silent:.1?} while Active; listening before going on"
            ),
            Self::LateWakeUp { late } => {
                write!(f, "woke {late:.1?} late: the Active gets one interval more")
            }
            Self::CutOff => f.write_str(
                "the Active is silent, and so is the witness: this node is cut off and stays Backup",
            ),
            Self::AddressRemoved => {
                f.write_str("another program removed a virtual address; it is added again")
            }
            Self::Standing { unhealthy: Some(why), priority } => {
                write!(f, "{why}: priority {priority}")
            }
            Self::Standing { unhealthy: None, priority } => write!(f, "priority {priority}"),
        }
    }
}
