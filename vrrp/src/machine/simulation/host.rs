//! A host: a machine, its driver, its socket and what the kernel has of it.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Instant;

use super::network::Packet;
use crate::conditions::{Conditions, Health, InterfaceState, standing};
use crate::config::{Config, Family, Priority, Version};
use crate::machine::{Action, Advert, BfdHint, Command, Machine, Outcome, State, tie};
use crate::receive::{PeerId, Sender};

/// How many advertisements wait in a socket; what comes then is lost.
const SOCKET: usize = 64;

/// The addresses that a host sends from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sources {
    pub(super) v4: IpAddr,
    pub(super) v6: IpAddr,
}

impl Sources {
    pub(super) fn of(self, family: Family) -> IpAddr {
        match family {
            Family::V4 => self.v4,
            Family::V6 => self.v6,
        }
    }
}

/// One of the hosts.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) index: usize,
    pub(super) config: Config,
    /// Of all hosts.
    hosts: Vec<Sources>,
    /// Absent while it is down.
    machine: Option<Machine>,
    pub(super) conditions: Conditions,
    /// It was told to stop.
    stopping: bool,
    /// So many things keep it from running.
    frozen: u32,
    /// So many things keep it down.
    down: u32,
    /// So many faults it has.
    faults: u32,
    /// So many reasons not to answer it has.
    illnesses: u32,
    /// So many things hide the witness.
    blinds: u32,
    /// So many things that it would serve are not up.
    loads: u32,
    /// So many addresses are not usable yet.
    tentative: u32,
    socket: VecDeque<Packet>,
    /// The addresses are on the interface.
    owns: bool,
    /// What it is about to send.
    outgoing: Vec<Packet>,
    pub(super) sent: u64,
    pub(super) transitions: u64,
    /// What it did, since it was last asked.
    done: Vec<Action>,
}

impl Host {
    pub(super) fn new(index: usize, config: Config, hosts: Vec<Sources>) -> Self {
        let conditions = Conditions {
            interface: InterfaceState::Up,
            without_source: Vec::new(),
            only_virtual: Vec::new(),
            tentative: false,
            ready: true,
            health: Health::Good,
            tracked: Vec::new(),
            witness: true,
        };
        Self {
            index,
            config,
            hosts,
            machine: None,
            stopping: false,
            conditions,
            frozen: 0,
            down: 0,
            faults: 0,
            illnesses: 0,
            blinds: 0,
            loads: 0,
            tentative: 0,
            socket: VecDeque::new(),
            owns: false,
            outgoing: Vec::new(),
            sent: 0,
            transitions: 0,
            done: Vec::new(),
        }
    }

    pub(super) fn state(&self) -> State {
        self.machine.as_ref().map_or(State::Initialize, Machine::state)
    }

    pub(super) fn is_active(&self) -> bool {
        self.state() == State::Active
    }

    pub(super) fn owns(&self) -> bool {
        self.owns
    }

    pub(super) fn machine(&self) -> &Machine {
        self.machine.as_ref().expect("a host that is up")
    }

    /// The addresses that a host sends from.
    pub(super) fn addresses_of(&self, host: usize) -> [IpAddr; 2] {
        [self.hosts[host].v4, self.hosts[host].v6]
    }

    /// When it wants to run.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.frozen {
            0 => self.machine.as_ref()?.next_deadline(),
            _ => None,
        }
    }

    pub(super) fn start(&mut self, now: Instant) {
        self.look(now);
        let standing = standing(&self.config, &self.conditions);
        self.machine = Some(Machine::new(self.config.clone(), standing, now));
        self.perform();
    }

    /// The process is gone, and with it the addresses.
    pub(super) fn crash(&mut self) {
        self.down += 1;
        self.end();
    }

    /// Starts again. Who is still about to stop is killed.
    pub(super) fn boot(&mut self, now: Instant) {
        self.down = self.down.saturating_sub(1);
        if self.stopping {
            self.end();
        }
        if self.down == 0 && self.machine.is_none() {
            self.start(now);
        }
    }

    /// Freezes: the kernel goes on, the process does not.
    pub(super) fn freeze(&mut self) {
        self.frozen += 1;
    }

    pub(super) fn thaw(&mut self, now: Instant) {
        self.frozen = self.frozen.saturating_sub(1);
        self.wake(now);
    }

    pub(super) fn fault(&mut self, now: Instant, more: bool) {
        count(&mut self.faults, more);
        self.look(now);
    }

    pub(super) fn fall_ill(&mut self, now: Instant, more: bool) {
        count(&mut self.illnesses, more);
        self.look(now);
    }

    pub(super) fn blind(&mut self, now: Instant, more: bool) {
        count(&mut self.blinds, more);
        self.look(now);
    }

    pub(super) fn load(&mut self, now: Instant, more: bool) {
        count(&mut self.loads, more);
        self.look(now);
    }

    /// A fault with which it can still send.
    pub(super) fn check_addresses(&mut self, now: Instant, more: bool) {
        count(&mut self.tentative, more);
        self.look(now);
    }

    /// Everything that was done to it is undone.
    pub(super) fn mend(&mut self, now: Instant) {
        (self.frozen, self.down, self.faults) = (0, 0, 0);
        (self.illnesses, self.blinds, self.loads, self.tentative) = (0, 0, 0, 0);
        self.wake(now);
        if self.machine.is_none() || self.stopping {
            self.end();
            self.start(now);
        }
    }

    pub(super) fn command(&mut self, now: Instant, command: Command) {
        self.stopping |= self.frozen == 0 && self.machine.is_some() && command == Command::Stop;
        self.tell(|machine| machine.handle_command(now, command));
    }

    pub(super) fn bfd_down(&mut self, now: Instant) {
        self.tell(|machine| machine.handle_bfd(now, BfdHint::Down));
    }

    pub(super) fn remove_addresses(&mut self, now: Instant) {
        let removed = self.config.addresses.clone();
        self.tell(|machine| machine.handle_addresses_removed(now, &removed));
    }

    pub(super) fn reprioritise(&mut self, now: Instant, priority: Priority) {
        self.config.priority = priority;
        let config = self.config.clone();
        self.tell(|machine| machine.handle_config(now, config));
        self.look(now);
    }

    pub(super) fn receive(&mut self, now: Instant, packet: Packet) {
        if self.machine.is_some() && self.socket.len() < SOCKET && self.faults == 0 {
            self.socket.push_back(packet);
        }
        self.wake(now);
    }

    /// What a driver does: looks around, reads what waits, then does what is due.
    pub(super) fn wake(&mut self, now: Instant) {
        if self.frozen > 0 {
            return;
        }
        self.look(now);
        while let Some(packet) = self.socket.pop_front() {
            if let Some(advert) = self.advert(packet) {
                self.tell(|machine| machine.handle_advertisement(now, &advert));
            }
        }
        self.tell(|machine| {
            if machine.next_deadline().is_some_and(|due| due <= now) {
                machine.handle_timeout(now);
            }
        });
    }

    /// What it wants to send, since it was last asked.
    pub(super) fn outgoing(&mut self) -> Vec<Packet> {
        std::mem::take(&mut self.outgoing)
    }

    /// What it did, since it was last asked.
    pub(super) fn done(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.done)
    }

    fn look(&mut self, now: Instant) {
        let conditions = &mut self.conditions;
        conditions.interface =
            if self.faults > 0 { InterfaceState::Down } else { InterfaceState::Up };
        conditions.health = if self.illnesses > 0 { Health::CannotAnswer } else { Health::Good };
        conditions.witness = self.blinds == 0;
        conditions.ready = self.loads == 0;
        conditions.tentative = self.tentative > 0;
        let standing = standing(&self.config, &self.conditions);
        self.tell(|machine| machine.handle_standing(now, standing));
    }

    /// Nothing is told to a process that does not run.
    fn tell(&mut self, what: impl FnOnce(&mut Machine)) {
        if self.frozen > 0 {
            return;
        }
        if let Some(machine) = &mut self.machine {
            what(machine);
            self.perform();
        }
    }

    fn perform(&mut self) {
        while let Some(action) = self.machine.as_mut().and_then(Machine::poll_action) {
            self.done.push(action.clone());
            match action {
                Action::Advertise { priority } => self.advertise(priority),
                Action::Own => self.owns = true,
                Action::Disown => self.owns = false,
                Action::Transition(_) => self.transitions += 1,
                Action::Ended(Outcome::Stopped) => self.end(),
                Action::Announce { .. } | Action::Warning(_) | Action::Ended(_) => {}
            }
        }
        let serves = matches!(self.state(), State::Active | State::HandingOver);
        assert_eq!(self.owns, serves, "host {} in {}", self.index, self.state());
    }

    fn end(&mut self) {
        self.machine = None;
        self.stopping = false;
        self.owns = false;
        self.socket.clear();
    }

    fn advertise(&mut self, priority: Priority) {
        self.sent += 1;
        let (from, interval) = (self.index, self.config.advertise);
        let packet = |family| Packet { from, family, priority, interval };
        if self.faults == 0 {
            self.outgoing.extend(self.config.families().into_iter().map(packet));
        }
    }

    /// What the receive checks make of a packet.
    fn advert(&self, packet: Packet) -> Option<Advert> {
        let Packet { from, family, priority, interval } = packet;
        let same_interval = interval == self.config.advertise;
        if self.config.version == Version::V2 && !same_interval {
            return None;
        }
        let member = self.config.families().iter().position(|&f| f == family)?;
        let peer = match self.config.peers.is_empty() {
            true => None,
            false => Some(PeerId(if from > self.index { from - 1 } else { from })),
        };
        let sender = Sender { address: self.hosts[from].of(family), peer };
        let rank = tie::rank(&self.config, member, &sender, self.deciding_source(family));
        Some(Advert { member, sender, priority, interval, rank })
    }

    fn deciding_source(&self, family: Family) -> IpAddr {
        let path = tie::deciding_path(&self.config);
        let family = match self.config.peers.first() {
            Some(peer) => Family::of(peer.addresses[path]),
            None => family,
        };
        self.hosts[self.index].of(family)
    }
}

fn count(things: &mut u32, more: bool) {
    *things = if more { *things + 1 } else { things.saturating_sub(1) };
}
