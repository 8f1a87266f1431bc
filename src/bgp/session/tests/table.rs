//! Every state and every event.

use super::*;
use crate::bgp::message::update::end_of_rib;
use crate::bgp::message::{RouteRefresh, refresh::Subtype};
use crate::bgp::routes::Family;

/// What can happen to a session.
#[derive(Clone, Copy, Debug)]
enum Event {
    Start,
    Stop,
    Reset,
    Connected,
    Closed,
    Accepted,
    Open,
    WrongAs,
    Keepalive,
    Update,
    RouteRefresh,
    Notification,
    Garbage,
    BfdUp,
    BfdDown,
    Timer,
}

const EVENTS: [Event; 16] = [
    Event::Start,
    Event::Stop,
    Event::Reset,
    Event::Connected,
    Event::Closed,
    Event::Accepted,
    Event::Open,
    Event::WrongAs,
    Event::Keepalive,
    Event::Update,
    Event::RouteRefresh,
    Event::Notification,
    Event::Garbage,
    Event::BfdUp,
    Event::BfdDown,
    Event::Timer,
];

const STATES: [State; 6] = [
    State::Idle,
    State::Active,
    State::Connect,
    State::OpenSent,
    State::OpenConfirm,
    State::Established,
];

fn happens(node: &mut Node, event: Event) -> String {
    match event {
        Event::Start => node.start(),
        Event::Stop => {
            node.session.handle_stop(node.now, Cease::PeerDeconfigured, "");
            node.said()
        }
        Event::Reset => {
            node.session.handle_reset(node.now, "");
            node.said()
        }
        Event::Connected => node.connected(),
        Event::Closed => node.closed(),
        Event::Accepted => node.accepts(),
        Event::Open => node.hears(&their_open().encode()),
        Event::WrongAs => node.hears(&Open { asn: Asn(1), ..wrong_as() }.encode()),
        Event::Keepalive => node.hears(&keepalive()),
        Event::Update => node.hears(&end_of_rib(Family::Ipv4)),
        Event::RouteRefresh => {
            let (family, subtype) = (Some(Family::Ipv4), Subtype::Request);
            node.hears(&RouteRefresh { family, subtype }.encode().expect("a family"))
        }
        Event::Notification => {
            node.hears(&Notification::cease(Cease::AdministrativeShutdown).encode())
        }
        Event::Garbage => node.hears(&[0; 19]),
        Event::BfdUp => node.bfd(Bfd::Up),
        Event::BfdDown => node.bfd(Bfd::Down),
        Event::Timer => node.wait(60_000),
    }
}

fn wrong_as() -> Open {
    Open { capabilities: Capabilities::default(), ..their_open() }
}

#[test]
fn every_event_in_every_state() {
    let mut table = String::new();
    for state in STATES {
        for event in EVENTS {
            let mut node = Node::in_state(config(), state);
            let said = happens(&mut node, event);
            let said = if said.is_empty() { "nothing" } else { &said };
            table.push_str(&format!("{state:?} {event:?}: {said}\n"));
        }
    }
    assert_eq!(table, include_str!("table.txt"));
}
