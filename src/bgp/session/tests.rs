//! One session, told what happens and asked what it does.
//!
//! What it does is written as it is done, in order: `send KEEPALIVE, OpenSent → OpenConfirm`.

use std::net::Ipv4Addr;

use super::*;
use crate::bgp::message::{Capabilities, Framer, Open, keepalive};
use crate::bgp::routes::Families;
use crate::geo::Asn;

mod peer;
mod simulation;
mod stories;
mod table;

const OURS: Asn = Asn(64512);
const THEIRS: Asn = Asn(64500);
/// Ours is lower than the peer's: of two connections the peer's stays.
const US: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const THEM: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 9);

fn config() -> Config {
    Config::new(OURS, US, THEIRS)
}

fn local() -> Local {
    Local::V4(US)
}

/// What the peer says first.
fn their_open() -> Open {
    Open {
        asn: THEIRS,
        hold: 90,
        identifier: THEM,
        capabilities: Capabilities {
            families: Families::IPV4,
            route_refresh: true,
            four_octet_asn: Some(THEIRS),
            ..Capabilities::default()
        },
    }
}

/// A session, its clock, and the peer's side as far as it is a socket.
struct Node {
    session: Session,
    now: Instant,
    /// The latest connection of each side.
    outgoing: Option<ConnectionId>,
    incoming: Option<ConnectionId>,
    /// The UPDATEs and marks that were sent.
    routes: Vec<Vec<u8>>,
}

impl Node {
    fn new(config: Config) -> Self {
        let session = Session::new(config, fastrand::Rng::with_seed(1));
        let now = Instant::now();
        Self { session, now, outgoing: None, incoming: None, routes: Vec::new() }
    }

    /// In a state, by way of a connection that it has opened.
    fn in_state(config: Config, state: State) -> Self {
        let mut node = Self::new(config);
        if state == State::Idle {
            return node;
        }
        node.start();
        if state == State::Active {
            node.closed();
        }
        if state >= State::OpenSent {
            node.connected();
        }
        if state >= State::OpenConfirm {
            node.hears(&their_open().encode());
        }
        if state >= State::Established {
            node.hears(&keepalive());
        }
        assert_eq!(node.session.state(), state);
        node
    }

    fn start(&mut self) -> String {
        self.session.handle_start(self.now);
        self.said()
    }

    fn connected(&mut self) -> String {
        let id = self.outgoing.unwrap_or(ConnectionId(0));
        self.session.handle_connected(self.now, id, local());
        self.said()
    }

    fn accepts(&mut self) -> String {
        match self.session.handle_accepted(self.now, local()) {
            None => format!("{}refused", self.said()),
            Some(id) => {
                self.incoming = Some(id);
                self.said()
            }
        }
    }

    fn closed(&mut self) -> String {
        let id = self.outgoing.unwrap_or(ConnectionId(0));
        self.session.handle_closed(self.now, id);
        self.said()
    }

    fn hears(&mut self, bytes: &[u8]) -> String {
        let id = self.outgoing.unwrap_or(ConnectionId(0));
        self.hears_on(id, bytes)
    }

    fn hears_on(&mut self, id: ConnectionId, bytes: &[u8]) -> String {
        self.session.handle_received(self.now, id, bytes);
        self.said()
    }

    fn bfd(&mut self, bfd: Bfd) -> String {
        self.session.handle_bfd(self.now, bfd);
        self.said()
    }

    fn wait(&mut self, milliseconds: u64) -> String {
        self.now += Duration::from_millis(milliseconds);
        self.session.handle_timeout(self.now);
        self.said()
    }

    /// Lets it wake at its deadline; after how many milliseconds, and what it did.
    fn wake(&mut self) -> (u128, String) {
        let due = self.session.next_deadline().expect("a deadline");
        let slept = due.saturating_duration_since(self.now);
        self.now = self.now.max(due);
        self.session.handle_timeout(self.now);
        (slept.as_millis(), self.said())
    }

    /// The kernel takes all at once.
    fn said(&mut self) -> String {
        let mut words = Vec::new();
        while let Some(action) = self.session.poll_action() {
            words.push(self.word(action));
        }
        words.join(", ")
    }

    fn word(&mut self, action: Action) -> String {
        match action {
            Action::Connect { id } => {
                self.outgoing = Some(id);
                "connect".into()
            }
            Action::Send { id, message } => {
                self.session.handle_sent(self.now, id, message.len());
                let word = format!("send {}", name(&message));
                if word == "send UPDATE" || word == "send ROUTE-REFRESH" {
                    self.routes.push(message);
                }
                word
            }
            Action::Close { id } if Some(id) == self.incoming => "close incoming".into(),
            Action::Close { .. } => "close".into(),
            Action::Transition(Transition { from, to, .. }) => format!("{from:?} → {to:?}"),
            Action::Unsendable { prefix, why } => format!("{prefix}: {why}"),
        }
    }
}

fn name(message: &[u8]) -> String {
    match Framer::default().read(&mut &*message).expect("ours").expect("whole") {
        Message::Open(_) => "OPEN".into(),
        Message::Update { .. } => "UPDATE".into(),
        Message::Keepalive => "KEEPALIVE".into(),
        Message::RouteRefresh(_) => "ROUTE-REFRESH".into(),
        Message::Notification(notification) => notification.to_string(),
    }
}
