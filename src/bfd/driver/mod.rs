//! The driver of BFD: sessions in the real-time loop, and those who watch paths through them.
//!
//! ```text
//!   watch, reconfigure, drop ──▶ Registry ──▶ mailbox ─┐             ┌─▶ watchers' `on_event`
//!                               (who wants what, pure) │             ├─▶ transmit socket of a session
//!   neighbours ──▶ receive sockets (port × family) ────┼──▶ Engine ──┤
//!   kernel ──▶ monitor (interfaces, addresses) ────────┘    Wire…    └─▶ Scribe (a thread: logs)
//!   status ◀──────────────────────── Board ◀───────────────────┘
//! ```
//!
//! Whoever relies on a path [watches](Driver::watch) it. Several who watch the same one share one
//! session, for a neighbour knows only one: it has the shortest of their intervals, and the shortest
//! of their detection times. The session ends when the last [`Watch`] is dropped: the neighbour is
//! told AdminDown for as long as it takes to be heard, so that the end is no failure.
//!
//! Everything that can be wrong in what is asked for is said at once ([`WatchError`]). What may
//! come and go is waited for, and said in the status: the interface, a source address, a route.

mod engine;
mod links;
mod outlet;
mod quiet;
mod registry;
mod scribe;
mod status;
mod wire;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use thiserror::Error;
use vrrp::config::Family;
use vrrp::event_loop::{Lateness, LoopHandle};
use vrrp::linux::netlink::{Monitor, Netlink};
use vrrp::mailbox::{Post, mailbox};

use self::engine::{Engine, Parts};
use self::registry::{Change, Plan, Registry, WatchId};
use self::scribe::Scribe;
use self::status::{Board, Counts};
use super::session::Event;
use super::table::{Reach, SessionId};
use super::{BfdOptions, Discard};
use crate::sys::HopReceiver;

pub use self::registry::PlanConflict;
pub use self::status::{SessionStatus, Status};

/// What is called with every event of a watched path, in the loop's thread: it must be short and
/// must not block, or the sessions of others fail.
pub type OnEvent = Box<dyn FnMut(&Event) + Send>;

/// A path that somebody relies on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    /// Who does; for logs and status.
    pub name: Arc<str>,
    /// The other end.
    pub neighbour: IpAddr,
    /// The interface that it is on, by name; it may appear later. Link-local addresses need it.
    pub interface: Option<Arc<str>>,
    /// Our end; absent: what the kernel chooses by its routes. Never a VIP or an anycast address,
    /// which other nodes have too.
    pub source: Option<IpAddr>,
    /// How far away the other end may be.
    pub distance: Distance,
    /// How closely it is watched.
    pub options: BfdOptions,
}

/// How far away a neighbour may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Distance {
    /// On the same link (RFC 5881).
    SingleHop,
    /// Behind routers (RFC 5883).
    Multihop {
        /// 1 for a neighbour on the link; what comes from farther away, as its TTL says, is not
        /// heard. RFC 5883 does not say what TTL to begin with: FRR sends 255, BIRD 64, and so
        /// BIRD seems to be 191 hops farther away than it is. 255: anything is heard.
        hops: u8,
    },
}

/// Why a path cannot be watched.
#[derive(Debug, Error)]
pub enum WatchError {
    /// It is no address that one other system has.
    #[error("BFD with {0}: not an address of a neighbour")]
    Neighbour(
        /// As configured.
        IpAddr,
    ),
    /// Link-local addresses mean nothing without it.
    #[error("BFD with {0}: a link-local address needs an interface, as in {0}%eth0")]
    NoInterface(
        /// The neighbour.
        IpAddr,
    ),
    /// One is IPv4, the other IPv6.
    #[error("BFD with {neighbour}: cannot be spoken from {fixed}: choose a source of its family")]
    Family {
        /// The neighbour.
        neighbour: IpAddr,
        /// Our end as configured.
        fixed: IpAddr,
    },
    /// Another watcher of the same path wants something that excludes this.
    #[error(transparent)]
    Conflict(#[from] PlanConflict),
    /// The port where packets arrive cannot be had.
    #[error("BFD: cannot listen on udp port {port} ({family}): {source}{}", advice(.source))]
    Listen {
        /// 3784 or 4784.
        port: u16,
        /// Of which family.
        family: Family,
        /// What the kernel says.
        source: io::Error,
    },
    /// [`Driver::stop`] was called.
    #[error("BFD with {0}: this node is about to end")]
    Stopped(
        /// The neighbour.
        IpAddr,
    ),
}

/// All sessions of this node; a clone is the same one.
#[derive(Clone)]
pub struct Driver {
    shared: Arc<Shared>,
}

/// Somebody relies on a path for as long as this lives.
pub struct Watch {
    id: WatchId,
    shared: Arc<Shared>,
}

struct Shared {
    desk: Mutex<Desk>,
    post: Post<Order>,
    strangers: Arc<Counts>,
    lateness: Arc<Lateness>,
    realtime: Result<(), String>,
}

/// What the loop's thread never waits for.
#[derive(Default)]
struct Desk {
    registry: Registry,
    listening: Vec<(Reach, Family)>,
    stopped: bool,
}

/// What the loop is told.
enum Order {
    /// Packets arrive here, too.
    Listen(Reach, HopReceiver),
    /// A session is to be so; it begins if it is new.
    Plan(SessionId, Box<Plan>, Arc<Board>),
    /// Somebody is to be told of its events, and now of its state.
    Tell(SessionId, WatchId, OnEvent),
    /// Somebody ended the session for itself.
    Mute(SessionId, WatchId),
    /// And begins it again.
    Unmute(SessionId, WatchId),
    /// Somebody is not to be told any more.
    Forget(SessionId, WatchId),
    /// Nobody watches.
    End(SessionId),
    /// All sessions end; something is said when they have.
    Stop(Sender<()>),
    /// There will be no more orders.
    Quit,
}

impl Driver {
    /// Puts the driver into the loop. It opens no socket before the first path is watched.
    ///
    /// # Errors
    ///
    /// No descriptor or thread is left; the message says for what.
    pub fn start(event_loop: &LoopHandle) -> Result<Self, String> {
        let (post, orders) = mailbox().map_err(|error| format!("BFD: {error}"))?;
        // Listening begins before the listing: what changes in between is heard of.
        let monitor = Monitor::open().map_err(|error| format!("BFD: {error}"))?;
        let netlink = Netlink::open().map_err(|error| format!("BFD: {error}"))?;
        let scribe = Scribe::spawn().map_err(|error| format!("BFD: cannot log: {error}"))?;
        let strangers = Arc::new(Counts::default());
        let parts = Parts { orders, monitor, netlink, scribe, strangers: strangers.clone() };
        let (_, lateness) = event_loop.add(Box::new(Engine::new(parts)));
        let (desk, realtime) = (Mutex::default(), event_loop.realtime());
        Ok(Self { shared: Arc::new(Shared { desk, post, strangers, lateness, realtime }) })
    }

    /// Joins the session on this path, or begins it. `on_event` is called first with the present
    /// state, if that is more than Down: with [`Event::Up`], or [`Event::AdminDown`] of the
    /// neighbour. Receive sockets are opened in the network namespace of the caller's thread.
    ///
    /// # Errors
    ///
    /// What is asked for is no path, excludes what another watcher has asked for, or the port where
    /// its packets arrive cannot be had.
    pub fn watch(&self, watched: Watched, on_event: OnEvent) -> Result<Watch, WatchError> {
        check(&watched)?;
        let mut desk = self.shared.desk();
        if desk.stopped {
            return Err(WatchError::Stopped(watched.neighbour));
        }
        self.shared.listen(&mut desk, watched.distance.reach(), Family::of(watched.neighbour))?;
        let (id, change) = desk.registry.join(watched)?;
        let session = change.session();
        self.shared.post_change(change);
        self.shared.post.post(Order::Tell(session, id, on_event));
        Ok(Watch { id, shared: self.shared.clone() })
    }

    /// Every session, and what came from strangers. Never waits for the loop.
    #[must_use]
    pub fn status(&self) -> Status {
        Status {
            sessions: self.shared.desk().registry.status(),
            strangers: self.shared.strangers.read(),
            late_wake_ups: self.shared.lateness.count(),
            latest_wake_up: self.shared.lateness.worst(),
            realtime: self.shared.realtime.clone(),
        }
    }

    /// Ends every session, whoever watches; something comes when all neighbours must have taken
    /// notice, which is some seconds later. The first AdminDown is sent before that, at once.
    pub fn stop(&self) -> Receiver<()> {
        let (end, ends) = channel();
        self.shared.desk().stopped = true;
        self.shared.post.post(Order::Stop(end));
        ends
    }
}

impl Watch {
    /// Other options for the same path, from now on; the session stays as it is. Where watchers
    /// differ in the authentication the newest wish holds, and the status says so.
    pub fn reconfigure(&self, options: BfdOptions) {
        let mut desk = self.shared.desk();
        if let Some(change) = desk.registry.reconfigure(self.id, options) {
            self.shared.post_change(change);
        }
    }

    /// An operator ends the session for this watcher, which is told [`Event::AdminDown`] and
    /// nothing from then on. The neighbour is told when no other watcher is left.
    pub fn admin_down(&self) {
        self.enable(false, Order::Mute);
    }

    /// Undoes [`Watch::admin_down`]: as if the path was watched from now on.
    pub fn admin_up(&self) {
        self.enable(true, Order::Unmute);
    }

    fn enable(&self, enabled: bool, order: fn(SessionId, WatchId) -> Order) {
        let mut desk = self.shared.desk();
        if let Some(change) = desk.registry.enable(self.id, enabled) {
            self.shared.post.post(order(change.session(), self.id));
            self.shared.post_change(change);
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut desk = self.shared.desk();
        if let Some(change) = desk.registry.leave(self.id) {
            self.shared.post.post(Order::Forget(change.session(), self.id));
            self.shared.post_change(change);
        }
    }
}

impl Shared {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn post_change(&self, change: Change) {
        self.post.post(match change {
            Change::Plan(session, plan, board) => Order::Plan(session, plan, board),
            Change::End(session) => Order::End(session),
        });
    }

    /// Opens the socket that packets of such sessions arrive on, if it is not open.
    fn listen(&self, desk: &mut Desk, reach: Reach, family: Family) -> Result<(), WatchError> {
        if desk.listening.contains(&(reach, family)) {
            return Ok(());
        }
        let wildcard: IpAddr = match family {
            Family::V4 => Ipv4Addr::UNSPECIFIED.into(),
            Family::V6 => Ipv6Addr::UNSPECIFIED.into(),
        };
        let port = reach.port();
        let receiver = HopReceiver::bind(SocketAddr::new(wildcard, port));
        let receiver = receiver.map_err(|source| WatchError::Listen { port, family, source })?;
        desk.listening.push((reach, family));
        self.post.post(Order::Listen(reach, receiver));
        Ok(())
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.post.post(Order::Quit);
    }
}

impl Distance {
    /// Which port its packets arrive on.
    #[must_use]
    pub fn reach(self) -> Reach {
        match self {
            Self::SingleHop => Reach::SingleHop,
            Self::Multihop { .. } => Reach::Multihop,
        }
    }

    /// The least TTL or hop limit of what is heard.
    #[must_use]
    pub fn least_hops(self) -> u8 {
        match self {
            Self::SingleHop => u8::MAX,
            Self::Multihop { hops } => u8::MAX - hops.saturating_sub(1),
        }
    }
}

/// What is wrong with a path by itself.
fn check(watched: &Watched) -> Result<(), WatchError> {
    let neighbour = watched.neighbour;
    let broadcast = neighbour == IpAddr::V4(Ipv4Addr::BROADCAST);
    if neighbour.is_unspecified() || neighbour.is_multicast() || broadcast {
        return Err(WatchError::Neighbour(neighbour));
    }
    if is_link_local(neighbour) && watched.interface.is_none() {
        return Err(WatchError::NoInterface(neighbour));
    }
    match watched.source {
        Some(fixed) if fixed.is_ipv4() != neighbour.is_ipv4() => {
            Err(WatchError::Family { neighbour, fixed })
        }
        Some(_) | None => Ok(()),
    }
}

fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local())
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "; another BFD daemon such as FRR's bfdd or BIRD has it (`ss -ulpn` shows which): \
             end that one, or leave `bfd` out here"
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn watched(neighbour: &str) -> Watched {
        Watched {
            name: "tor-1".into(),
            neighbour: neighbour.parse().unwrap(),
            interface: None,
            source: None,
            distance: Distance::SingleHop,
            options: BfdOptions { interval: Duration::from_millis(50), multiplier: 3, auth: None },
        }
    }

    #[test]
    fn what_is_no_path_is_refused_with_the_reason() {
        let refused = |watched: &Watched| check(watched).unwrap_err().to_string();
        for nobody in ["0.0.0.0", "224.0.0.1", "255.255.255.255", "ff02::1", "::"] {
            let expected = format!("BFD with {nobody}: not an address of a neighbour");
            assert_eq!(refused(&watched(nobody)), expected);
        }
        let sentence =
            "BFD with fe80::1: a link-local address needs an interface, as in fe80::1%eth0";
        assert_eq!(refused(&watched("fe80::1")), sentence);
        let there = Watched { interface: Some("eth0".into()), ..watched("fe80::1") };
        assert!(check(&there).is_ok());
        let crossed = Watched { source: "2001:db8::1".parse().ok(), ..watched("192.0.2.1") };
        assert!(refused(&crossed).contains("choose a source of its family"));
    }

    #[test]
    fn a_taken_port_says_who_may_have_it() {
        let source = io::Error::from(io::ErrorKind::AddrInUse);
        let error = WatchError::Listen { port: 3784, family: Family::V6, source }.to_string();
        assert!(error.starts_with("BFD: cannot listen on udp port 3784 (IPv6): "), "{error}");
        assert!(error.contains("FRR's bfdd or BIRD has it"), "{error}");
    }

    #[test]
    fn hops_are_counted_as_ttl_security_does() {
        assert_eq!(Distance::SingleHop.least_hops(), 255);
        let multihop = |hops| Distance::Multihop { hops }.least_hops();
        assert_eq!([1, 2, 255].map(multihop), [255, 254, 1]);
    }
}
