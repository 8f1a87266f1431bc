//! One session with its way out, and those who are told of it.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::sync::Arc;
use std::time::Instant;

use fastrand::Rng;

use super::outlet::{Outlet, Ports, Route};
use super::quiet::Quiet;
use super::registry::{Plan, WatchId};
use super::scribe::{Line, Scribe};
use super::status::{Board, Facts};
use super::{OnEvent, is_link_local};
use crate::bfd::session::{self, Command, Event, Session, Side};
use crate::bfd::table::{InterfaceIndex, Path};
use crate::bfd::{Discard, Packet, State};

/// One session.
pub(super) struct Wire {
    pub(super) plan: Plan,
    pub(super) session: Session,
    /// Where it is, once that is known.
    place: Result<Path, String>,
    outlet: Outlet,
    watchers: BTreeMap<WatchId, Watcher>,
    board: Arc<Board>,
    told: Told,
    /// Nobody watches: it sends AdminDown until then.
    pub(super) ends: Option<Instant>,
}

struct Watcher {
    on_event: OnEvent,
    muted: bool,
}

/// What was published last.
struct Told {
    facts: Facts,
    quiet: Quiet,
}

/// What all sessions use.
pub(super) struct Tools {
    pub(super) rng: Rng,
    pub(super) ports: Ports,
    pub(super) scribe: Scribe,
}

impl Wire {
    /// A session that is nowhere yet.
    pub(super) fn new(plan: Plan, session: Session, board: Arc<Board>, now: Instant) -> Self {
        let facts = Facts {
            session: session.status(),
            since: now,
            source: None,
            ups: 0,
            downs: 0,
            stalls: 0,
            problem: None,
        };
        board.publish(facts.clone());
        Self {
            plan,
            session,
            place: Err("waits for its interface".to_owned()),
            outlet: Outlet::default(),
            watchers: BTreeMap::new(),
            board,
            told: Told { facts, quiet: Quiet::default() },
            ends: None,
        }
    }

    /// It is to be so from now on.
    pub(super) fn replan(&mut self, plan: Plan) {
        if plan.config != self.plan.config {
            self.session.handle_config(plan.config.clone());
        }
        let wanted = plan.enabled && self.ends.is_none();
        self.session.handle_command(if wanted { Command::Enable } else { Command::Disable });
        self.plan = plan;
    }

    /// It is there now, or why it is nowhere.
    pub(super) fn put(&mut self, place: Result<Path, String>) {
        self.place = place;
    }

    /// Where it is.
    pub(super) fn path(&self) -> Option<Path> {
        self.place.as_ref().ok().copied()
    }

    /// Somebody is to be told, and learns what there is to know.
    pub(super) fn tell(&mut self, id: WatchId, mut on_event: OnEvent) {
        self.present().iter().for_each(&mut on_event);
        self.watchers.insert(id, Watcher { on_event, muted: false });
    }

    /// Somebody has ended the session for itself, or begins it again.
    pub(super) fn mute(&mut self, id: WatchId, muted: bool) {
        let present = if muted { Some(Event::AdminDown(Side::Local)) } else { self.present() };
        let Some(watcher) = self.watchers.get_mut(&id).filter(|watcher| watcher.muted != muted)
        else {
            return;
        };
        watcher.muted = muted;
        present.iter().for_each(|event| (watcher.on_event)(event));
    }

    pub(super) fn forget(&mut self, id: WatchId) {
        self.watchers.remove(&id);
    }

    /// Nobody needs it any more: the neighbour is told for a while.
    pub(super) fn end(&mut self, now: Instant) {
        self.session.handle_command(Command::Disable);
        self.ends.get_or_insert_with(|| now + self.session.farewell());
    }

    pub(super) fn hear(&mut self, now: Instant, hops: u8, packet: &Packet<'_>, tools: &Tools) {
        match self.session.handle_packet(now, hops, packet) {
            Ok(()) => self.board.count_received(),
            Err(discard) => self.discard(now, discard, &tools.scribe),
        }
    }

    /// The end of every wake-up: what is to be sent, then what is to be told.
    pub(super) fn settle(&mut self, now: Instant, tools: &mut Tools) {
        let mut packet = Vec::new();
        while self.session.poll_transmit(now, tools.rng.u32(..), &mut packet).is_some() {
            self.send(now, &packet, tools);
            packet.clear();
        }
        while let Some(event) = self.session.poll_event() {
            self.relate(&event, &tools.scribe);
        }
        self.publish(now, &tools.scribe);
    }

    pub(super) fn next_deadline(&self, now: Instant) -> Option<Instant> {
        self.session.next_deadline(now).into_iter().chain(self.ends).min()
    }

    /// An address of this host is gone.
    pub(super) fn lose_address(&mut self, address: IpAddr, tools: &mut Tools) {
        if self.outlet.source() == Some(address) {
            self.outlet.close(&mut tools.ports);
        }
    }

    /// What could not be sent before may be able to be now.
    pub(super) fn hurry(&mut self) {
        self.outlet.hurry();
    }

    /// To be called before it is dropped.
    pub(super) fn close(&mut self, tools: &mut Tools) {
        self.outlet.close(&mut tools.ports);
    }

    fn send(&mut self, now: Instant, packet: &[u8], tools: &mut Tools) {
        let Ok(path) = &self.place else { return };
        let to = destination(path, self.plan.reach.port());
        let route = Route { source: self.plan.source, to };
        if self.outlet.send(packet, route, now, (&mut tools.ports, &mut tools.rng)) {
            self.board.count_sent();
        }
    }

    fn relate(&mut self, event: &Event, scribe: &Scribe) {
        let facts = &mut self.told.facts;
        match event {
            Event::Up => facts.ups += 1,
            Event::Down(_) => facts.downs += 1,
            Event::Stalled { .. } => facts.stalls += 1,
            Event::Lapsed(_) | Event::AdminDown(_) | Event::Enabled => {}
        }
        for watcher in self.watchers.values_mut().filter(|watcher| !watcher.muted) {
            (watcher.on_event)(event);
        }
        scribe.say(Line::Event(self.plan.name.clone(), self.plan.neighbour, *event));
    }

    fn discard(&mut self, now: Instant, discard: Discard, scribe: &Scribe) {
        self.board.discarded.count(&discard);
        if let Some(unsaid) = self.told.quiet.admit(now) {
            let name = self.plan.name.clone();
            scribe.say(Line::Discarded(name, self.plan.neighbour, discard, unsaid));
        }
    }

    /// The state in the form of an event; none where a watcher begins anyway.
    fn present(&self) -> Option<Event> {
        let session::Status { state, remote_state, .. } = self.session.status();
        match (state, remote_state) {
            (State::Up, _) => Some(Event::Up),
            (State::AdminDown | State::Down | State::Init, State::AdminDown) => {
                Some(Event::AdminDown(Side::Neighbour))
            }
            (
                State::AdminDown | State::Down | State::Init,
                State::Down | State::Init | State::Up,
            ) => None,
        }
    }

    /// Stores what has changed since the last time, if anything has.
    fn publish(&mut self, now: Instant, scribe: &Scribe) {
        let problem = self.problem().cloned();
        let (session, before) = (self.session.status(), &self.told.facts);
        let since = if session.state == before.session.state { before.since } else { now };
        let source = self.outlet.source();
        let facts = Facts { session, since, source, problem, ..before.clone() };
        match (&before.problem, &facts.problem) {
            (None, Some(why)) => scribe.say(self.mute_line(why.clone())),
            (Some(_), None) => {
                scribe.say(Line::Unmuted(self.plan.name.clone(), self.plan.neighbour));
            }
            (None, None) | (Some(_), Some(_)) => {}
        }
        if self.board.facts().is_none_or(|published| *published != facts) {
            self.board.publish(facts.clone());
        }
        self.told.facts = facts;
    }

    fn mute_line(&self, why: String) -> Line {
        Line::Mute(self.plan.name.clone(), self.plan.neighbour, why)
    }

    fn problem(&self) -> Option<&String> {
        self.place.as_ref().err().or_else(|| self.outlet.problem())
    }
}

/// Where packets go: link-local addresses are on an interface.
fn destination(path: &Path, port: u16) -> SocketAddr {
    match (path.neighbour, path.interface) {
        (IpAddr::V6(v6), Some(InterfaceIndex(scope))) if is_link_local(path.neighbour) => {
            SocketAddrV6::new(v6, port, 0, scope).into()
        }
        (neighbour, _) => SocketAddr::new(neighbour, port),
    }
}
