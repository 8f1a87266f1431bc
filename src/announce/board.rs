//! The ladders of a node: everything that is announced, and how; pure.
//!
//! A [`Board`] is told what happens and knows what every peer is to be told. Who drives it keeps
//! the clock: after each `handle_*` it takes the [`Board::routes`] of every peer to the speaker and
//! the transitions to the log, and it calls [`Board::handle_timeout`] when
//! [`Board::next_deadline`] is due.
//!
//! Whether the node is drained is a part of every snapshot, so that it holds for the floating
//! addresses in the same moment and over restarts. A command first asks [`Board::permit_drain`],
//! then has the word published; [`Board::forgive`] goes before an impatient end of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::ladder::{Departure, Ladder, Rules, Stop, Transition, Why};
use super::routes::{Made, routes};
use super::siblings::{Company, Sibling};
use super::{Announcement, Drain, Stage};
use crate::bgp::config::PeerConfig;
use crate::bgp::routes::RouteSet;
use crate::reaction;
use crate::world::Snapshot;

/// The ladders of a node.
#[derive(Debug)]
pub struct Board {
    drain: Drain,
    entries: Vec<Entry>,
    siblings: BTreeMap<SocketAddr, Sibling>,
    stop: Option<Stop>,
}

#[derive(Debug)]
struct Entry {
    announcement: Announcement,
    ladder: Ladder,
}

/// How firmly an operator wants a node drained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Insistence {
    /// Only if a sibling answers, where `keep_last` wants one.
    IfNotLast,
    /// Whoever answers.
    Whatever,
}

/// A node is not drained, for it may be the last one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The announcements that it would take away.
    pub announcements: Vec<Arc<str>>,
}

/// An announcement as others see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its name.
    pub name: Arc<str>,
    /// What is announced.
    pub prefixes: Vec<ipnet::IpNet>,
    /// How strongly.
    pub stage: Stage,
    /// Why so.
    pub why: Why,
    /// Since when it has been at this stage.
    pub since: Instant,
    /// When it may be at another without anything else happening.
    pub until: Option<Instant>,
    /// The penalty for flapping.
    pub penalty: u32,
    /// The siblings, in the order listed, and what is known of them.
    pub siblings: Vec<(SocketAddr, Sibling)>,
}

impl Board {
    /// Nothing of it is announced yet.
    #[must_use]
    pub fn new(announcements: Vec<Announcement>, drain: Drain, now: Instant) -> Self {
        let mut board = Self { drain, entries: Vec::new(), siblings: BTreeMap::new(), stop: None };
        board.set(now, announcements, drain);
        board
    }

    /// Makes these the announcements. Those whose names stay keep all that is known; the others
    /// begin, or are gone at once. What depends on the world is judged with the next
    /// [`Self::handle_snapshot`], which should follow.
    pub fn set(&mut self, now: Instant, announcements: Vec<Announcement>, drain: Drain) {
        self.drain = drain;
        let mut before = std::mem::take(&mut self.entries);
        for announcement in announcements {
            let known = before.iter().position(|e| e.announcement.name == announcement.name);
            let rules = Rules::of(&announcement, drain);
            let mut ladder = match known {
                Some(at) => before.swap_remove(at).ladder,
                None => Ladder::new(rules, now),
            };
            ladder.handle_rules(now, rules);
            self.entries.push(Entry { announcement, ladder });
        }
        self.tell_company(now);
        self.stop.into_iter().for_each(|stop| self.handle_stop(now, stop));
    }

    /// The addresses of this announcement are on the host and the sockets open.
    pub fn handle_ready(&mut self, now: Instant, name: &str) {
        let named = self.entries.iter_mut().filter(|entry| *entry.announcement.name == *name);
        named.for_each(|entry| entry.ladder.handle_ready(now));
    }

    /// The world or its health, or what the node knows of itself, is another.
    pub fn handle_snapshot(&mut self, now: Instant, snapshot: &Snapshot) {
        for Entry { announcement, ladder } in &mut self.entries {
            ladder.handle_standing(now, reaction::standing(snapshot, announcement));
        }
    }

    /// What is known of every sibling that is asked.
    pub fn handle_siblings(&mut self, now: Instant, siblings: BTreeMap<SocketAddr, Sibling>) {
        self.siblings = siblings;
        self.tell_company(now);
    }

    /// The node ends.
    pub fn handle_stop(&mut self, now: Instant, stop: Stop) {
        self.stop = self.stop.max(Some(stop));
        self.ladders().for_each(|ladder| ladder.handle_stop(now, stop));
    }

    /// Does what is due; any time.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.ladders().for_each(|ladder| ladder.handle_timeout(now));
    }

    /// Whether the node may be drained; if so, how long that takes, lingering included. The caller
    /// then makes it known ([`NodeChange::Drained`](crate::node::NodeChange::Drained)); the drain
    /// begins with the snapshot that says so.
    ///
    /// # Errors
    /// When it would take away what no sibling serves; nothing has changed.
    pub fn permit_drain(
        &mut self,
        now: Instant,
        insistence: Insistence,
    ) -> Result<Duration, Refusal> {
        let announced = |entry: &&mut Entry| entry.ladder.stage() != Stage::Withdrawn;
        match insistence {
            Insistence::Whatever => self.ladders().for_each(|ladder| ladder.handle_force(now)),
            Insistence::IfNotLast => {
                let last = self.entries.iter_mut().filter(announced).filter(|e| e.ladder.is_last());
                let announcements: Vec<_> =
                    last.map(|entry| Arc::clone(&entry.announcement.name)).collect();
                if !announcements.is_empty() {
                    return Err(Refusal { announcements });
                }
            }
        }
        match self.entries.iter_mut().any(|entry| announced(&entry)) {
            true => Ok(self.drain.gshut + self.drain.linger),
            false => Ok(Duration::ZERO),
        }
    }

    /// The operator wants everything that is fine announced now: flaps and failures that are over
    /// are forgotten. To be called before the end of a drain is made known.
    pub fn forgive(&mut self, now: Instant) {
        self.ladders().for_each(|ladder| ladder.handle_forgiveness(now));
    }

    /// When [`Self::handle_timeout`] is to be called, if nothing happens before.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.entries.iter().filter_map(|entry| entry.ladder.next_deadline()).min()
    }

    /// What happened next, and to which announcement; ask until there is nothing.
    pub fn poll_transition(&mut self) -> Option<(Arc<str>, Transition)> {
        self.entries.iter_mut().find_map(|entry| {
            let transition = entry.ladder.poll_transition()?;
            Some((Arc::clone(&entry.announcement.name), transition))
        })
    }

    /// All that each of these peers is to know, by name.
    #[must_use]
    pub fn routes(&self, peers: &[PeerConfig]) -> BTreeMap<Arc<str>, RouteSet> {
        let made = || self.entries.iter().map(Entry::made);
        peers.iter().map(|peer| (Arc::clone(&peer.name), routes(made(), peer))).collect()
    }

    /// How far the node is on its way out.
    #[must_use]
    pub fn departure(&self) -> Departure {
        let each = self.entries.iter().map(|entry| entry.ladder.departure());
        each.fold(Departure::Finished, Departure::and)
    }

    /// Every sibling that is to be asked.
    #[must_use]
    pub fn siblings(&self) -> BTreeSet<SocketAddr> {
        self.entries.iter().flat_map(|entry| entry.announcement.siblings.iter().copied()).collect()
    }

    /// Every announcement, in the order of the configuration.
    #[must_use]
    pub fn status(&self, now: Instant) -> Vec<Status> {
        self.entries.iter().map(|entry| self.status_of(entry, now)).collect()
    }

    fn status_of(&self, Entry { announcement, ladder }: &Entry, now: Instant) -> Status {
        let known = |address| self.siblings.get(address).cloned().unwrap_or_default();
        let siblings = announcement.siblings.iter();
        Status {
            name: Arc::clone(&announcement.name),
            prefixes: announcement.prefixes.clone(),
            stage: ladder.stage(),
            why: ladder.why().clone(),
            since: ladder.since(),
            until: ladder.next_deadline(),
            penalty: ladder.penalty(now),
            siblings: siblings.map(|address| (*address, known(address))).collect(),
        }
    }

    fn ladders(&mut self) -> impl Iterator<Item = &mut Ladder> {
        self.entries.iter_mut().map(|entry| &mut entry.ladder)
    }

    fn tell_company(&mut self, now: Instant) {
        for Entry { announcement, ladder } in &mut self.entries {
            ladder.handle_company(now, Company::of(&announcement.siblings, &self.siblings));
        }
    }
}

impl Entry {
    fn made(&self) -> Made<'_> {
        let Self { announcement, ladder } = self;
        Made { announcement, stage: ladder.stage(), strength: ladder.strength() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.announcements.join(", ");
        write!(f, "no sibling of {names} answers, so this node may be the last that serves it")
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests;
