//! Who watches which path, and what one session has to be for all of them; pure.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use super::Watched;
use super::status::{Board, SessionStatus};
use crate::bfd::BfdOptions;
use crate::bfd::session::Config;
use crate::bfd::table::{Reach, SessionId};

/// What a session has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// The names of those who watch.
    pub(super) name: Arc<str>,
    /// The other end.
    pub(super) neighbour: IpAddr,
    /// By which port.
    pub(super) reach: Reach,
    /// The interface that it is on, by name.
    pub(super) interface: Option<Arc<str>>,
    /// Our end; absent: the kernel's choice.
    pub(super) source: Option<IpAddr>,
    /// How closely it is watched.
    pub(super) config: Config,
    /// Whether anybody wants it at present.
    pub(super) enabled: bool,
}

/// Two watchers of one path exclude each other.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "BFD with {neighbour}: {name} speaks from {source_in_use}, and one session has one source: \
     give both the same, not {wanted}"
)]
pub struct PlanConflict {
    /// The other end.
    pub neighbour: IpAddr,
    /// Who came first.
    pub name: Arc<str>,
    /// From where it speaks.
    pub source_in_use: IpAddr,
    /// What was asked for.
    pub wanted: IpAddr,
}

/// A watcher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct WatchId(u64);

/// What the loop is to do.
#[derive(Debug)]
pub(super) enum Change {
    /// Begin a session, or change it.
    Plan(SessionId, Box<Plan>, Arc<Board>),
    /// End it.
    End(SessionId),
}

/// All watchers by session.
#[derive(Debug, Default)]
pub(super) struct Registry {
    sessions: BTreeMap<SessionId, Entry>,
    /// Sessions, watchers and wishes are numbered from here.
    next: u64,
}

/// One session.
#[derive(Debug)]
struct Entry {
    watchers: BTreeMap<WatchId, Watcher>,
    board: Arc<Board>,
}

#[derive(Debug)]
struct Watcher {
    watched: Watched,
    enabled: bool,
    /// Grows with every wish: the newest has the greatest.
    wish: u64,
}

impl Change {
    pub(super) fn session(&self) -> SessionId {
        match self {
            Self::Plan(session, ..) | Self::End(session) => *session,
        }
    }
}

impl Registry {
    /// Adds a watcher to the session on its path, or to a new one.
    pub(super) fn join(&mut self, watched: Watched) -> Result<(WatchId, Change), PlanConflict> {
        let shared = self.sessions.iter().find(|(_, entry)| entry.is_on(&watched));
        let session = match shared {
            Some((session, entry)) => entry.admit(&watched).map(|()| *session)?,
            None => self.found(),
        };
        let (id, wish) = (WatchId(self.number()), self.number());
        let entry = self.sessions.entry(session).or_default();
        entry.watchers.insert(id, Watcher { watched, enabled: true, wish });
        Ok((id, entry.change(session)))
    }

    /// Another wish of a watcher.
    pub(super) fn reconfigure(&mut self, id: WatchId, options: BfdOptions) -> Option<Change> {
        let number = self.number();
        self.alter(id, |watcher| {
            watcher.watched.options = options;
            watcher.wish = number;
        })
    }

    /// A watcher wants the session, or does not at present.
    pub(super) fn enable(&mut self, id: WatchId, enabled: bool) -> Option<Change> {
        self.alter(id, |watcher| watcher.enabled = enabled)
    }

    /// Removes a watcher, and the session with the last one.
    pub(super) fn leave(&mut self, id: WatchId) -> Option<Change> {
        let (&session, entry) = self.sessions.iter_mut().find(|(_, entry)| entry.has(id))?;
        entry.watchers.remove(&id);
        if entry.watchers.is_empty() {
            self.sessions.remove(&session);
            return Some(Change::End(session));
        }
        Some(entry.change(session))
    }

    /// Every session that has begun.
    pub(super) fn status(&self) -> Vec<SessionStatus> {
        self.sessions.values().filter_map(Entry::status).collect()
    }

    fn alter(&mut self, id: WatchId, alter: impl FnOnce(&mut Watcher)) -> Option<Change> {
        let (&session, entry) = self.sessions.iter_mut().find(|(_, entry)| entry.has(id))?;
        entry.watchers.get_mut(&id).map(alter);
        Some(entry.change(session))
    }

    fn found(&mut self) -> SessionId {
        SessionId(usize::try_from(self.number()).unwrap_or(usize::MAX))
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

impl Entry {
    fn has(&self, id: WatchId) -> bool {
        self.watchers.contains_key(&id)
    }

    /// Whether it is the session of this path. An interface that one does not name is the other's.
    fn is_on(&self, watched: &Watched) -> bool {
        let Some(first) = self.first() else { return false };
        let same_end = first.neighbour == watched.neighbour
            && first.distance.reach() == watched.distance.reach();
        let interface = self.interface();
        same_end && agree(interface.as_ref(), watched.interface.as_ref())
    }

    fn admit(&self, watched: &Watched) -> Result<(), PlanConflict> {
        let named = self.all().find_map(|other| Some((&other.name, other.source?)));
        match (named, watched.source) {
            (Some((name, source_in_use)), Some(wanted)) if source_in_use != wanted => {
                let (name, neighbour) = (name.clone(), watched.neighbour);
                Err(PlanConflict { neighbour, name, source_in_use, wanted })
            }
            _ => Ok(()),
        }
    }

    fn change(&self, session: SessionId) -> Change {
        match self.plan() {
            Some(plan) => Change::Plan(session, Box::new(plan), self.board.clone()),
            None => Change::End(session),
        }
    }

    /// Absent without a watcher.
    fn plan(&self) -> Option<Plan> {
        let Watched { neighbour, distance, .. } = *self.first()?;
        let least_hops = self.wanting().map(|one| one.watched.distance.least_hops()).min()?;
        Some(Plan {
            name: self.names().join(", ").into(),
            neighbour,
            reach: distance.reach(),
            interface: self.interface(),
            source: self.all().find_map(|watched| watched.source),
            config: self.options()?.config(least_hops),
            enabled: self.is_enabled(),
        })
    }

    /// The shortest interval, and of it the fewest that last for the shortest detection time.
    fn options(&self) -> Option<BfdOptions> {
        let options = || self.wanting().map(|watcher| &watcher.watched.options);
        let interval = options().map(|options| options.interval).min()?;
        let detection = options().map(BfdOptions::detection).min()?;
        let auth = self.newest()?.watched.options.auth.clone();
        Some(BfdOptions { interval, multiplier: times(interval, detection), auth })
    }

    /// Those who count: who want the session; if nobody does, all.
    fn wanting(&self) -> impl Iterator<Item = &Watcher> {
        let any = self.is_enabled();
        self.watchers.values().filter(move |watcher| watcher.enabled || !any)
    }

    fn is_enabled(&self) -> bool {
        self.watchers.values().any(|watcher| watcher.enabled)
    }

    fn newest(&self) -> Option<&Watcher> {
        self.wanting().max_by_key(|watcher| watcher.wish)
    }

    fn all(&self) -> impl Iterator<Item = &Watched> {
        self.watchers.values().map(|watcher| &watcher.watched)
    }

    fn first(&self) -> Option<&Watched> {
        self.all().next()
    }

    fn interface(&self) -> Option<Arc<str>> {
        self.all().find_map(|watched| watched.interface.clone())
    }

    fn names(&self) -> Vec<&str> {
        self.all().map(|watched| &*watched.name).collect()
    }

    fn status(&self) -> Option<SessionStatus> {
        let facts = self.board.facts()?;
        let plan = self.plan()?;
        Some(SessionStatus {
            names: self.all().map(|watched| watched.name.clone()).collect(),
            neighbour: plan.neighbour,
            reach: plan.reach,
            interface: plan.interface,
            source: facts.source,
            enabled: plan.enabled,
            session: facts.session,
            since: facts.since,
            ups: facts.ups,
            downs: facts.downs,
            stalls: facts.stalls,
            sent: self.board.sent(),
            received: self.board.received(),
            discarded: self.board.discarded.read(),
            problem: facts.problem.clone().or_else(|| self.disagreement()),
        })
    }

    fn disagreement(&self) -> Option<String> {
        let newest = self.newest()?;
        let other = self
            .wanting()
            .find(|other| other.watched.options.auth != newest.watched.options.auth)?;
        let (name, other) = (&newest.watched.name, &other.watched.name);
        Some(format!("{other} and {name} want different authentication: {name}'s is used"))
    }
}

impl Default for Entry {
    fn default() -> Self {
        Self { watchers: BTreeMap::new(), board: Arc::new(Board::default()) }
    }
}

fn agree(a: Option<&Arc<str>>, b: Option<&Arc<str>>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a == b,
        (None, _) | (_, None) => true,
    }
}

/// How many intervals last for that long.
fn times(interval: Duration, whole: Duration) -> u8 {
    let interval = interval.as_micros().max(1);
    u8::try_from(whole.as_micros().div_ceil(interval)).unwrap_or(u8::MAX).max(1)
}

#[cfg(test)]
mod tests;
