//! The sockets of a group, one for each member, and what goes through them.

#![expect(clippy::disallowed_methods, reason = "a driver: it owns the wall clock")]

use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, SystemTime};

use super::paths::{Path, Plan};
use crate::auth::{Auth, Sequence, Stamp};
use crate::config::{Config, Family, Priority};
use crate::linux::socket::{AdvertSocket, BUFFER, Reach};
use crate::linux::{Interface, KernelError, sched};
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
}

/// What a socket had.
pub(super) enum Incoming {
    /// Nothing more.
    Nothing,
    /// An advertisement.
    Heard(Heard),
    /// A packet of this sender that is not heard, and why.
    Dropped(IpAddr, Dropped),
    /// A packet that is not for this group: it came in on another interface.
    Elsewhere,
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

    /// The next packet of a member. `interface`: only what came in there, in multicast.
    pub(super) fn receive(
        &mut self,
        member: usize,
        config: &Config,
        interface: Option<&Interface>,
    ) -> Incoming {
        let Some(member) = self.members.get_mut(member) else { return Incoming::Nothing };
        let Some(socket) = &mut member.socket else { return Incoming::Nothing };
        let received = match socket.receive(&mut self.input) {
            Ok(Some(received)) => received,
            Ok(None) => return Incoming::Nothing,
            Err(_) => return Incoming::Failed,
        };
        let here = interface.is_some_and(|here| here.index == received.interface);
        if config.peers.is_empty() && !here {
            return Incoming::Elsewhere;
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

fn members(config: &Config) -> Vec<Member> {
    let member = |family| Member { family, socket: None, receiver: Receiver::new(config, family) };
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
