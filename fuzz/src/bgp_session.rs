//! A peer that does anything: a whole session, fed with octets and with time.

use std::net::Ipv4Addr;
use std::time::Instant;

use rhumb::bgp::message::{Cease, keepalive};
use rhumb::bgp::routes::{Attributes, Community, Route, RouteSet};
use rhumb::bgp::session::{Action, Bfd, Config, ConnectionId, Local, Session, State};
use rhumb::geo::Asn;

use super::bgp_messages::{open, refresh};
use super::steps::{self, Steps};

/// A session has one connection of its own and one of the peer's.
const MOST_CONNECTIONS: usize = 2;
/// What one step can call for: every route, and a few words around them.
const MOST_ACTIONS: usize = 100;

const OURS: Asn = Asn(64512);
const THEIRS: u32 = 64500;
const LOCAL: Local = Local::V4(Ipv4Addr::new(10, 0, 0, 1));

struct Story {
    session: Session,
    now: Instant,
    open: Vec<ConnectionId>,
    connecting: Option<ConnectionId>,
    /// What was to be sent and is not reported as sent.
    queued: Vec<(ConnectionId, usize)>,
}

/// The first octet is the configuration, the rest steps.
pub(crate) fn run(input: &[u8]) {
    let mut steps = Steps(input);
    let Some(options) = steps.octet() else { return };
    let mut story = Story {
        session: Session::new(config(options), fastrand::Rng::with_seed(1)),
        now: steps::origin(),
        open: Vec::new(),
        connecting: None,
        queued: Vec::new(),
    };
    story.session.handle_start(story.now);
    story.session.set_routes(story.now, routes(2));
    story.act();
    while story.step(&mut steps).is_some() {
        story.act();
    }
}

fn config(options: u8) -> Config {
    Config {
        passive: options & 1 != 0,
        extended_next_hop: options & 2 != 0,
        graceful_restart: (options & 4 != 0).then_some(120),
        ..Config::new(OURS, Ipv4Addr::new(10, 0, 0, 1), Asn(THEIRS))
    }
}

fn routes(count: u8) -> RouteSet {
    let attributes = Attributes {
        med: Some(100),
        communities: [Community::GRACEFUL_SHUTDOWN].into(),
        ..Attributes::default()
    };
    let route = Route { attributes, ..Route::default() };
    let prefix = |n: u8| format!("192.0.2.{n}/32").parse().expect("a prefix");
    (0..count).map(|n| (prefix(n), route.clone())).collect()
}

impl Story {
    fn step(&mut self, steps: &mut Steps<'_>) -> Option<()> {
        let (kind, now) = (steps.octet()?, self.now);
        // The connection that got furthest is the last.
        let id = self.open.get(usize::from(kind >> 4) % self.open.len().max(1)).copied();
        match (kind & 15, id) {
            (0, Some(id)) => self.session.handle_received(now, id, steps.octets()?),
            (1, Some(id)) => self.session.handle_received(now, id, &open(THEIRS).encode()),
            (2, Some(id)) => self.session.handle_received(now, id, &keepalive()),
            (3, Some(id)) => self.session.handle_received(now, id, &refresh()),
            (4, Some(id)) => self.close(id),
            (5, _) => self.sent(usize::from(steps.octet()?)),
            (6, _) => {
                self.now += steps.while_()?;
                self.session.handle_timeout(self.now);
            }
            (7, _) => {
                if let Some(id) = self.connecting.take() {
                    self.session.handle_connected(now, id, LOCAL);
                    self.open.push(id);
                }
            }
            (8, _) => {
                if let Some(id) = self.connecting.take() {
                    self.session.handle_closed(now, id);
                }
            }
            (9, _) => self.open.extend(self.session.handle_accepted(now, LOCAL)),
            (10, _) => self.session.handle_bfd(now, Bfd::Up),
            (11, _) => self.session.handle_bfd(now, Bfd::Down),
            (12, _) => self.session.set_routes(now, routes(steps.octet()? % 8)),
            (13, _) => self.session.handle_stop(now, Cease::AdministrativeShutdown, "enough"),
            (14, _) => self.session.handle_start(now),
            (15, _) => self.session.handle_reset(now, "again"),
            (_, None) | (16.., Some(_)) => {}
        }
        Some(())
    }

    fn close(&mut self, id: ConnectionId) {
        self.forget(id);
        self.session.handle_closed(self.now, id);
    }

    fn forget(&mut self, id: ConnectionId) {
        self.open.retain(|open| *open != id);
        self.queued.retain(|(of, _)| *of != id);
        self.connecting = self.connecting.filter(|connecting| *connecting != id);
    }

    /// The kernel takes the first messages.
    fn sent(&mut self, count: usize) {
        let count = count.min(self.queued.len());
        for (id, bytes) in self.queued.drain(..count).collect::<Vec<_>>() {
            self.session.handle_sent(self.now, id, bytes);
        }
    }

    /// Does what the session asks for.
    fn act(&mut self) {
        let mut count = 0;
        while let Some(action) = self.session.poll_action() {
            count += 1;
            assert!(count <= MOST_ACTIONS, "no end of actions");
            match action {
                Action::Connect { id } => {
                    assert_eq!(self.connecting.replace(id), None, "a second attempt to connect");
                }
                Action::Send { id, message } => {
                    assert!((19..=4096).contains(&message.len()), "{} octets", message.len());
                    assert!(self.open.contains(&id), "sent on no connection");
                    self.queued.push((id, message.len()));
                }
                Action::Close { id } => self.forget(id),
                Action::Transition(transition) => {
                    assert_ne!(transition.from, transition.to);
                    let _ = transition.to_string();
                }
                Action::Unsendable { prefix, why } => drop(format!("{prefix}: {why}")),
            }
        }
        assert!(self.open.len() <= MOST_CONNECTIONS, "{} connections", self.open.len());
        let up = self.session.state() == State::Established;
        assert_eq!(up, self.session.established().is_some());
        assert_eq!(up, self.session.announced().is_some());
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let open = steps::octets(&open(THEIRS).encode());
    let raw = |bytes: &[u8]| [&[0], bytes].concat();
    // Connected; sent; OPEN, KEEPALIVE; the routes go; a refresh; time; another set.
    let life = [7, 5, 9, 1, 2, 5, 9, 5, 9, 3, 5, 9, 6, 30, 12, 1, 5, 9, 6, 255];
    let passive = [9, 1, 2, 5, 9, 10, 11, 6, 200, 9, 1, 2, 12, 0, 13, 14];
    vec![
        [&[0], &life[..]].concat(),
        [&[6], &life[..], &passive].concat(),
        [&[1], &passive[..]].concat(),
        [&[0, 7], &raw(&open)[..], &raw(&steps::octets(&keepalive())), &[5, 9, 6, 90]].concat(),
        [&[0, 7, 9, 0x11, 1, 2, 0x12, 4, 6, 10, 8, 15], &passive[..]].concat(),
    ]
}
