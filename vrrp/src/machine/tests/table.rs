//! Every state × every event: what is done, the state after it and the next deadline.
//!
//! Each state begins at 0; events come at 400 ms, time-outs when they are due or 5 s later. The
//! peer is 10.0.0.2.

use super::*;
use crate::config::Version;
use crate::fixture::pair;

mod active;
mod backup;
mod leaving;
mod outside;

/// What may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    TimeoutEarly,
    TimeoutDue,
    TimeoutLate,
    HearsRelease,
    HearsFloor,
    HearsLower,
    HearsEqualLosing,
    HearsEqualWinning,
    HearsHigher,
    Better,
    Worse,
    Unhealthy,
    WitnessLost,
    Faulty,
    Healthy,
    LinkUp,
    AddressRemoved,
    BfdDown,
    BfdUp,
    BfdAdminDown,
    Failover,
    Release,
    Stop,
    SameConfig,
    NewInterval,
    NewAddresses,
}

use Event::*;

const EVENTS: [Event; 26] = [
    TimeoutEarly,
    TimeoutDue,
    TimeoutLate,
    HearsRelease,
    HearsFloor,
    HearsLower,
    HearsEqualLosing,
    HearsEqualWinning,
    HearsHigher,
    Better,
    Worse,
    Unhealthy,
    WitnessLost,
    Faulty,
    Healthy,
    LinkUp,
    AddressRemoved,
    BfdDown,
    BfdUp,
    BfdAdminDown,
    Failover,
    Release,
    Stop,
    SameConfig,
    NewInterval,
    NewAddresses,
];

/// An event, what is done, the state after it, the next deadline in milliseconds.
type Row = (Event, &'static str, State, f64);

/// Checks one state against its table.
fn check(state: impl Fn() -> Node, table: &[Row]) {
    let events: Vec<_> = table.iter().map(|row| row.0).collect();
    assert_eq!(events, EVENTS, "every event has its row");
    for &(event, actions, after, due) in table {
        let mut node = state();
        let said = happens(&mut node, event);
        let is = (said.as_str(), node.machine.state(), node.due());
        assert_eq!(is, (actions, after, due), "{event:?}");
    }
}

fn happens(node: &mut Node, event: Event) -> String {
    let due = node.due();
    // Where nothing is ever due, a time-out may still come.
    let due = if due == NEVER { 60_000.0 } else { due };
    let config = node.config.clone();
    node.at(400);
    match event {
        TimeoutEarly => node.timeout(),
        TimeoutDue => node.at(due).timeout(),
        TimeoutLate => node.at(due + 5000.0).timeout(),
        HearsRelease => node.hears(0),
        HearsFloor => node.hears(1),
        HearsLower => node.hears(50),
        HearsEqualLosing => node.hears_advert(losing(100)),
        HearsEqualWinning => node.hears(100),
        HearsHigher => node.hears(150),
        Better => node.standing(standing(120)),
        Worse => node.standing(standing(80)),
        Unhealthy => node.standing(unhealthy()),
        WitnessLost => node.standing(without_witness()),
        Faulty => node.standing(faulty()),
        Healthy => node.recovers(),
        LinkUp => node.link_up(),
        AddressRemoved => node.removed(&[v4(100)]),
        BfdDown => node.bfd(BfdHint::Down),
        BfdUp => node.bfd(BfdHint::Up),
        BfdAdminDown => node.bfd(BfdHint::AdminDown),
        Failover => node.command(Command::Failover),
        Release => node.command(Command::Release),
        Stop => node.command(Command::Stop),
        SameConfig => node.reload(config),
        NewInterval => node.reload(Config { advertise: ms(500), ..config }),
        NewAddresses => node.reload(Config { addresses: vec![v4(100), v4(101)], ..config }),
    }
}
