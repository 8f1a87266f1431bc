//! The sockets of a group, one for each member, and what goes through them.

#![expect(clippy::disallowed_methods, reason = "a driver: it owns the wall clock")]

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant, SystemTime};

use super::paths::{Path, Plan};
use crate::auth::{Auth, Sequence, Stamp};
use crate::config::{Config, Family, Priority};
use crate::linux::socket::{AdvertSocket, BUFFER, Reach};
use crate::linux::{KernelError, sched};
use crate::packet::{Advertisement, Envelope};
use crate::receive::{Datagram, Dropped, Heard, Receiver, WallClock};

/// How a group reaches the other nodes.
pub(super) struct Wire {
    members: Vec<Member>,
    plan: Plan,
    sequence: Sequence,
    /// What is being sent, and what was received.
    out: Vec<u8>,
    input: Box<[u8]>,
}

struct Member {
    family: Family,
    socket: Option<AdvertSocket>,
    receiver: Receiver,
    last: Option<Print>,
}

/// What tells a packet from others.
#[derive(Clone, Copy, Debug)]
struct Print {
    at: Instant,
    source: IpAddr,
    hash: u64,
}

/// A macvlan delivers a copy in the same moment, but for a queue; nobody advertises as often.
const ECHO: Duration = Duration::from_millis(4);

/// What a socket had.
pub(super) enum Incoming {
    /// Nothing more.
    Nothing,
    /// An advertisement.
    Heard(Heard),
    /// A packet of this sender that is not heard, and why.
    Dropped(IpAddr, Dropped),
    /// The packet before, a second time.
    Echo,
    /// No packet, or none that can be read.
    Failed,
}

impl Wire {
    /// Without sockets and paths. `sequence` goes on where it was left.
    pub(super) fn new(config: &Config, sequence: Sequence) -> Self {
        Self {
            members: members(config),
            plan: Plan::default(),
            sequence,
            out: Vec::with_capacity(BUFFER),
            input: vec![0; BUFFER].into_boxed_slice(),
        }
    }

    /// The present paths.
    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Uses other paths from now on; whether they are others.
    pub(super) fn set_plan(&mut self, plan: Plan) -> bool {
        let differs = plan != self.plan;
        if differs {
            let sources: Vec<IpAddr> = plan.paths.iter().map(|path| path.source).collect();
            for member in &mut self.members {
                member.receiver.set_sources(&sources);
            }
            self.plan = plan;
        }
        differs
    }

    /// Goes on with another configuration of the same families.
    pub(super) fn reconfigure(&mut self, config: &Config) {
        for member in &mut self.members {
            member.receiver.reconfigure(config);
        }
    }

    /// Reaches the others; the members whose descriptors are new.
    pub(super) fn connect(
        &mut self,
        reach: impl Fn(Family) -> Reach,
    ) -> Result<Vec<usize>, KernelError> {
        let mut opened = Vec::new();
        for (number, member) in self.members.iter_mut().enumerate() {
            let reach = reach(member.family);
            if let Some(socket) = &mut member.socket {
                socket.rejoin(reach)?;
            } else {
                member.socket = Some(AdvertSocket::open(member.family, reach)?);
                opened.push(number);
            }
        }
        Ok(opened)
    }

    /// Reaches nobody from now on.
    pub(super) fn disconnect(&mut self) {
        for member in &mut self.members {
            member.socket = None;
        }
    }

    /// The descriptor of a member.
    pub(super) fn descriptor(&self, member: usize) -> Option<BorrowedFd<'_>> {
        Some(self.members.get(member)?.socket.as_ref()?.as_fd())
    }

    /// Sends an advertisement on each path of each member; the paths that failed, and why.
    pub(super) fn send(
        &mut self,
        config: &Config,
        priority: Priority,
        mut sent: impl FnMut(&Path, Result<(), KernelError>),
    ) {
        for path in &self.plan.paths {
            let Some(member) = self.members.get_mut(path.member) else { continue };
            let Some(socket) = &mut member.socket else { continue };
            let envelope = Envelope {
                source: path.source,
                destination: path.destination,
                checksum: member.receiver.style_for(path.destination),
                seal: config.auth.seal(&mut self.sequence, wall()),
            };
            self.out.clear();
            advertisement(config, priority, member.family).encode(&envelope, &mut self.out);
            sent(path, socket.send(&self.out, path.source, path.destination));
        }
    }

    /// The next packet of a member. On its macvlan, if it has one, what is sent from the virtual
    /// MAC address is heard there alone, and everything else a second time.
    pub(super) fn receive(
        &mut self,
        now: Instant,
        member: usize,
        config: &Config,
        vmac: Option<u32>,
    ) -> Incoming {
        let Some(member) = self.members.get_mut(member) else { return Incoming::Nothing };
        let Some(socket) = &mut member.socket else { return Incoming::Nothing };
        let received = match socket.receive(&mut self.input) {
            Ok(Some(received)) => received,
            Ok(None) => return Incoming::Nothing,
            Err(_) => return Incoming::Failed,
        };
        let print = Print::of(now, received.source, received.payload);
        let echo = member.last.replace(print).is_some_and(|last| last.is_echoed_by(&print));
        if vmac == Some(received.interface) && echo {
            return Incoming::Echo;
        }
        let datagram = Datagram {
            source: received.source,
            destination: received.destination,
            hops: received.hops,
            claimed: received.claimed,
            payload: received.payload,
        };
        match member.receiver.receive(&datagram, clock(config)) {
            Ok(heard) => Incoming::Heard(heard),
            Err(dropped) => Incoming::Dropped(datagram.source, dropped),
        }
    }

    /// The last stamp that was sent.
    pub(super) fn last_stamp(&self) -> Option<Stamp> {
        self.sequence.last()
    }
}

impl Print {
    fn of(at: Instant, source: IpAddr, payload: &[u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        payload.hash(&mut hasher);
        Self { at, source, hash: hasher.finish() }
    }

    fn is_echoed_by(&self, next: &Self) -> bool {
        let soon = next.at.saturating_duration_since(self.at) < ECHO;
        soon && (self.source, self.hash) == (next.source, next.hash)
    }
}

fn members(config: &Config) -> Vec<Member> {
    let member = |family| {
        let receiver = Receiver::new(config, family);
        Member { family, socket: None, receiver, last: None }
    };
    config.families().into_iter().map(member).collect()
}

fn advertisement(config: &Config, priority: Priority, family: Family) -> Advertisement {
    Advertisement {
        version: config.version,
        vrid: config.id,
        priority,
        interval: config.advertise,
        addresses: config.of_family(family),
    }
}

pub(super) fn wall() -> Duration {
    // Before 1970 no clock is right, and the sequence never goes back anyway.
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// Only trailers are compared with the clock; the kernel is not asked for nothing.
fn clock(config: &Config) -> WallClock {
    match config.auth {
        Auth::None | Auth::Password(_) => WallClock { now: Duration::ZERO, synchronised: false },
        Auth::Hmac(_) => {
            let synchronised = sched::is_clock_synchronised().unwrap_or(false);
            WallClock { now: wall(), synchronised }
        }
    }
}
