//! What goes in and comes out, in words: states, actions, reasons.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Instant;

use ipnet::IpNet;

use super::outbox::Unsendable;
use crate::bgp::message::Notification;

/// The state of a session (RFC 4271 §8.2.2), from the least to the furthest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// No connection is wanted.
    Idle,
    /// A connection is waited for.
    Active,
    /// TCP is being opened.
    Connect,
    /// An OPEN was sent.
    OpenSent,
    /// An OPEN was received too.
    OpenConfirm,
    /// Routes go over it.
    Established,
}

/// A connection, or the attempt to open one; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub(super) u64);

/// This end of a connection: the next hop of what is announced over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Local {
    /// Over IPv4.
    V4(Ipv4Addr),
    /// Over IPv6.
    V6 {
        /// The address of the connection, or one of the same interface if that is link-local.
        global: Option<Ipv6Addr>,
        /// The interface's, if the peer is on the same link.
        link_local: Option<Ipv6Addr>,
    },
}

/// What BFD says of the path to the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bfd {
    /// Both directions work.
    Up,
    /// Not known to work, or known not to.
    Down,
}

/// What the driver is to do, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Open TCP to the peer, then call `handle_connected`, or `handle_closed` if that fails.
    Connect {
        /// What it will be called.
        id: ConnectionId,
    },
    /// Queue a message, and call `handle_sent` for what of it the kernel has taken.
    Send {
        /// On which connection.
        id: ConnectionId,
        /// The bytes.
        message: Vec<u8>,
    },
    /// Close it as soon as what is queued is sent, or cannot be; or give up the attempt to open
    /// it. Nothing more needs to be told of it.
    Close {
        /// Which connection.
        id: ConnectionId,
    },
    /// The state has changed.
    Transition(Transition),
    /// A route that the peer cannot be told of. Said once for each connection.
    Unsendable {
        /// The route's.
        prefix: IpNet,
        /// Why.
        why: Unsendable,
    },
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
}

/// Why a state has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// An operator wants the session.
    Started,
    /// The wait after a session that BFD ended is over.
    IdleHoldTimer,
    /// BFD says that the path works again.
    BfdUp,
    /// It is time for another attempt to connect.
    ConnectRetryTimer,
    /// TCP is up.
    Connected,
    /// TCP could not be opened, or was closed without a word.
    Closed,
    /// An OPEN was received.
    Opened,
    /// The peer agrees.
    Confirmed,
    /// This end ended a connection.
    Sent(Notification),
    /// The peer ended a connection.
    Received(Notification),
}

impl State {
    /// Its name in RFC 4271.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Idle => "Idle",
            Self::Active => "Active",
            Self::Connect => "Connect",
            Self::OpenSent => "OpenSent",
            Self::OpenConfirm => "OpenConfirm",
            Self::Established => "Established",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// `hold timer expired (4/0)`; `peer: administrative shutdown (6/2): "maintenance"`.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started => f.write_str("started"),
            Self::IdleHoldTimer => f.write_str("the rest after BFD down is over"),
            Self::BfdUp => f.write_str("BFD up"),
            Self::ConnectRetryTimer => f.write_str("connecting"),
            Self::Connected => f.write_str("TCP is up"),
            Self::Closed => f.write_str("TCP closed"),
            Self::Opened => f.write_str("OPEN received"),
            Self::Confirmed => f.write_str("KEEPALIVE received"),
            Self::Sent(notification) => notification.fmt(f),
            Self::Received(notification) => write!(f, "peer: {notification}"),
        }
    }
}

/// `Established → Active: hold timer expired (4/0)`.
impl fmt::Display for Transition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} → {}: {}", self.from, self.to, self.reason)
    }
}
