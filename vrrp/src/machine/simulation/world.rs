//! The clock, and what happens when.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use super::host::Host;
use super::network::{Network, Packet, Way};
use super::story::{Disturbance, Trouble};
use crate::fixture::origin;
use crate::machine::{Action, Command};

/// More wake-ups than this at one instant are a loop without end.
const WAKE_UPS_AT_ONCE: u32 = 1000;

/// What is to happen.
#[derive(Debug)]
enum Event {
    Arrives { to: usize, packet: Packet },
    Begins(Disturbance),
    Ends(Disturbance),
}

/// Hosts, their network and their clock.
#[derive(Debug)]
pub(super) struct World {
    pub(super) hosts: Vec<Host>,
    pub(super) network: Network,
    start: Instant,
    now: Instant,
    events: Vec<Option<Event>>,
    /// Into `events`, the earliest first; of several at once the one that was planned first.
    agenda: BinaryHeap<Reverse<(Instant, usize)>>,
    /// What was done when by which host.
    log: Vec<(Duration, usize, Action)>,
    /// The fewest hosts that had the addresses at any instant.
    pub(super) fewest_owners: usize,
}

impl World {
    pub(super) fn new(hosts: Vec<Host>, network: Network) -> Self {
        let start = origin();
        let mut world = Self {
            hosts,
            network,
            start,
            now: start,
            events: Vec::new(),
            agenda: BinaryHeap::new(),
            log: Vec::new(),
            fewest_owners: usize::MAX,
        };
        for index in 0..world.hosts.len() {
            world.hosts[index].start(start);
            world.send(index);
        }
        world
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    pub(super) fn plan(&mut self, disturbance: Disturbance) {
        let at = self.start + disturbance.at;
        self.note(at, Event::Begins(disturbance));
        self.note(at + disturbance.lasts, Event::Ends(disturbance));
    }

    /// Runs for a time.
    pub(super) fn run(&mut self, time: Duration) {
        let until = self.now + time;
        let mut at_once = 0;
        while let Some(next) = self.next().filter(|&next| next <= until) {
            at_once = if next > self.now { 0 } else { at_once + 1 };
            assert!(at_once < WAKE_UPS_AT_ONCE, "no end at {:?}: {:?}", self.elapsed(), self.hosts);
            self.now = self.now.max(next);
            self.step();
            self.fewest_owners = self.fewest_owners.min(self.owners().count());
        }
        self.now = until;
    }

    /// Every cut is joined, every host runs, nothing of the story is left to happen.
    pub(super) fn make_whole(&mut self) {
        self.network.make_whole();
        for event in &mut self.events {
            event.take_if(|event| !matches!(event, Event::Arrives { .. }));
        }
        for index in 0..self.hosts.len() {
            self.hosts[index].mend(self.now);
            self.send(index);
        }
    }

    pub(super) fn command(&mut self, index: usize, command: Command) {
        self.hosts[index].command(self.now, command);
        self.send(index);
    }

    pub(super) fn crash(&mut self, index: usize) {
        self.hosts[index].crash();
    }

    pub(super) fn boot(&mut self, index: usize) {
        self.hosts[index].boot(self.now);
        self.send(index);
    }

    pub(super) fn fall_ill(&mut self, index: usize, more: bool) {
        self.hosts[index].fall_ill(self.now, more);
        self.send(index);
    }

    /// The hosts that have the addresses.
    pub(super) fn owners(&self) -> impl Iterator<Item = usize> + '_ {
        self.hosts.iter().filter(|host| host.owns()).map(|host| host.index)
    }

    /// The hosts that are Active.
    pub(super) fn actives(&self) -> Vec<usize> {
        self.hosts.iter().filter(|host| host.is_active()).map(|host| host.index).collect()
    }

    /// For people: the last that was done.
    pub(super) fn log(&self) -> String {
        let told =
            |(at, host, action): &(Duration, usize, Action)| format!("{at:?} {host}: {action:?}");
        let tail = &self.log[self.log.len().saturating_sub(60)..];
        tail.iter().map(told).collect::<Vec<_>>().join("\n")
    }

    fn next(&self) -> Option<Instant> {
        let event = self.agenda.peek().map(|Reverse((at, _))| *at);
        self.hosts.iter().filter_map(Host::deadline).chain(event).min()
    }

    /// One event, or else every host that is due.
    fn step(&mut self) {
        match self.agenda.peek() {
            Some(&Reverse((at, event))) if at <= self.now => {
                self.agenda.pop();
                if let Some(event) = self.events[event].take() {
                    self.happens(event);
                }
            }
            Some(_) | None => self.wake_who_is_due(),
        }
    }

    fn wake_who_is_due(&mut self) {
        for index in 0..self.hosts.len() {
            if self.hosts[index].deadline().is_some_and(|due| due <= self.now) {
                self.hosts[index].wake(self.now);
                self.send(index);
            }
        }
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Arrives { to, packet } => {
                self.hosts[to].receive(self.now, packet);
                self.send(to);
            }
            Event::Begins(disturbance) => self.disturb(disturbance, true),
            Event::Ends(disturbance) => self.disturb(disturbance, false),
        }
    }

    fn disturb(&mut self, disturbance: Disturbance, begins: bool) {
        let Disturbance { host: index, other, trouble, .. } = disturbance;
        let (now, count, network) = (self.now, self.hosts.len(), &mut self.network);
        let host = &mut self.hosts[index];
        match (trouble, begins) {
            (Trouble::Freeze, true) => host.freeze(),
            (Trouble::Freeze, false) => host.thaw(now),
            (Trouble::Crash, true) => host.crash(),
            (Trouble::Crash | Trouble::Stop, false) => host.boot(now),
            (Trouble::Stop, true) => host.command(now, Command::Stop),
            (Trouble::Fault, more) => host.fault(now, more),
            (Trouble::Check, more) => host.check_addresses(now, more),
            (Trouble::Load, more) => host.load(now, more),
            (Trouble::Illness, more) => host.fall_ill(now, more),
            (Trouble::Blindness, more) => host.blind(now, more),
            (Trouble::Failover, true) => host.command(now, Command::Failover),
            (Trouble::Release, true) => host.command(now, Command::Release),
            (Trouble::BfdDown, true) => host.bfd_down(now),
            (Trouble::Removal, true) => host.remove_addresses(now),
            (Trouble::Priority(priority), true) => host.reprioritise(now, priority),
            (Trouble::Loss(percent), true) => network.lose(percent),
            (Trouble::Loss(percent), false) => network.lose_less(percent),
            (Trouble::Detour(by), true) => network.detour(by),
            (Trouble::Detour(by), false) => network.straighten(by),
            (Trouble::Cut(cut), true) => {
                cut.ways(index, other, count).for_each(|way| network.cut(way));
            }
            (Trouble::Cut(cut), false) => {
                cut.ways(index, other, count).for_each(|way| network.join(way));
            }
            (
                Trouble::Failover
                | Trouble::Release
                | Trouble::BfdDown
                | Trouble::Removal
                | Trouble::Priority(_),
                false,
            ) => {}
        }
        self.send(index);
    }

    fn send(&mut self, from: usize) {
        let at = self.elapsed();
        let done = self.hosts[from].done().into_iter().map(|action| (at, from, action));
        self.log.extend(done);
        for packet in self.hosts[from].outgoing() {
            for to in (0..self.hosts.len()).filter(|&to| to != from) {
                let way = Way { from, to, family: packet.family };
                if let Some(at) = self.network.carry(self.now, way) {
                    self.note(at, Event::Arrives { to, packet });
                }
            }
        }
    }

    fn note(&mut self, at: Instant, event: Event) {
        self.agenda.push(Reverse((at, self.events.len())));
        self.events.push(Some(event));
    }
}
