//! Not in the election: Initialize and Fault.

use super::*;

const RECOVERED: &str = "Fault → Backup (recovered)";
const STOPPED: &str = "Fault → Initialize (stop), ended stopped";
const JOINED: &str = "Initialize → Backup (joined)";

#[test]
fn a_node_whose_start_is_delayed_only_waits() {
    let state = || Node::new(Config { startup_delay: secs(3), ..pair(Version::V3) });
    check(
        state,
        &[
            (TimeoutEarly, "", State::Initialize, 3000.0),
            (TimeoutDue, JOINED, State::Backup, 6609.375),
            (TimeoutLate, JOINED, State::Backup, 11_609.375),
            (HearsRelease, "", State::Initialize, 3000.0),
            (HearsFloor, "", State::Initialize, 3000.0),
            (HearsLower, "", State::Initialize, 3000.0),
            (HearsEqualLosing, "", State::Initialize, 3000.0),
            (HearsEqualWinning, "", State::Initialize, 3000.0),
            (HearsHigher, "", State::Initialize, 3000.0),
            (Better, "warn priority 120", State::Initialize, 3000.0),
            (Worse, "warn priority 80", State::Initialize, 3000.0),
            (Unhealthy, "warn priority 1", State::Initialize, 3000.0),
            (WitnessLost, "warn priority 1", State::Initialize, 3000.0),
            (Faulty, "", State::Initialize, NEVER),
            (Healthy, "", State::Initialize, 3000.0),
            (LinkUp, "", State::Initialize, 3000.0),
            (AddressRemoved, "", State::Initialize, 3000.0),
            (BfdDown, "", State::Initialize, 3000.0),
            (BfdUp, "", State::Initialize, 3000.0),
            (BfdAdminDown, "", State::Initialize, 3000.0),
            (Failover, "ended not active but Initialize", State::Initialize, 3000.0),
            (Release, "ended unheld", State::Initialize, 3000.0),
            (Stop, "ended stopped", State::Initialize, NEVER),
            (SameConfig, "", State::Initialize, 3000.0),
            (NewInterval, "", State::Initialize, 3000.0),
            (NewAddresses, "", State::Initialize, 3000.0),
        ],
    );
}

#[test]
fn a_node_that_starts_with_a_fault_joins_when_it_is_over() {
    let state = || Node::with(pair(Version::V3), faulty());
    check(
        state,
        &[
            (TimeoutEarly, "", State::Initialize, NEVER),
            (TimeoutDue, "", State::Initialize, NEVER),
            (TimeoutLate, "", State::Initialize, NEVER),
            (HearsRelease, "", State::Initialize, NEVER),
            (HearsFloor, "", State::Initialize, NEVER),
            (HearsLower, "", State::Initialize, NEVER),
            (HearsEqualLosing, "", State::Initialize, NEVER),
            (HearsEqualWinning, "", State::Initialize, NEVER),
            (HearsHigher, "", State::Initialize, NEVER),
            (Better, "warn priority 120, Initialize → Backup (joined)", State::Backup, 3931.25),
            (Worse, "warn priority 80, Initialize → Backup (joined)", State::Backup, 4087.5),
            (Unhealthy, "warn priority 1, Initialize → Backup (joined)", State::Backup, 4396.09375),
            (
                WitnessLost,
                "warn priority 1, Initialize → Backup (joined)",
                State::Backup,
                4396.09375,
            ),
            (Faulty, "", State::Initialize, NEVER),
            (Healthy, JOINED, State::Backup, 4009.375),
            (LinkUp, "", State::Initialize, NEVER),
            (AddressRemoved, "", State::Initialize, NEVER),
            (BfdDown, "", State::Initialize, NEVER),
            (BfdUp, "", State::Initialize, NEVER),
            (BfdAdminDown, "", State::Initialize, NEVER),
            (Failover, "ended not active but Initialize", State::Initialize, NEVER),
            (Release, "ended unheld", State::Initialize, NEVER),
            (Stop, "ended stopped", State::Initialize, NEVER),
            (SameConfig, "", State::Initialize, NEVER),
            (NewInterval, "", State::Initialize, NEVER),
            (NewAddresses, "", State::Initialize, NEVER),
        ],
    );
}

#[test]
fn a_node_that_has_stopped_does_nothing_any_more() {
    let state = || {
        let mut node = Node::backup(pair(Version::V3));
        node.command(Command::Stop);
        node
    };
    check(
        state,
        &[
            (TimeoutEarly, "", State::Initialize, NEVER),
            (TimeoutDue, "", State::Initialize, NEVER),
            (TimeoutLate, "", State::Initialize, NEVER),
            (HearsRelease, "", State::Initialize, NEVER),
            (HearsFloor, "", State::Initialize, NEVER),
            (HearsLower, "", State::Initialize, NEVER),
            (HearsEqualLosing, "", State::Initialize, NEVER),
            (HearsEqualWinning, "", State::Initialize, NEVER),
            (HearsHigher, "", State::Initialize, NEVER),
            (Better, "warn priority 120", State::Initialize, NEVER),
            (Worse, "warn priority 80", State::Initialize, NEVER),
            (Unhealthy, "warn priority 1", State::Initialize, NEVER),
            (WitnessLost, "warn priority 1", State::Initialize, NEVER),
            (Faulty, "", State::Initialize, NEVER),
            (Healthy, "", State::Initialize, NEVER),
            (LinkUp, "", State::Initialize, NEVER),
            (AddressRemoved, "", State::Initialize, NEVER),
            (BfdDown, "", State::Initialize, NEVER),
            (BfdUp, "", State::Initialize, NEVER),
            (BfdAdminDown, "", State::Initialize, NEVER),
            (Failover, "ended not active but Initialize", State::Initialize, NEVER),
            (Release, "ended unheld", State::Initialize, NEVER),
            (Stop, "ended stopped", State::Initialize, NEVER),
            (SameConfig, "", State::Initialize, NEVER),
            (NewInterval, "", State::Initialize, NEVER),
            (NewAddresses, "", State::Initialize, NEVER),
        ],
    );
}

#[test]
fn a_node_with_a_fault_comes_back_when_it_is_over() {
    let state = || {
        let mut node = Node::backup(pair(Version::V3));
        node.standing(faulty());
        node
    };
    check(
        state,
        &[
            (TimeoutEarly, "", State::Fault, NEVER),
            (TimeoutDue, "", State::Fault, NEVER),
            (TimeoutLate, "", State::Fault, NEVER),
            (HearsRelease, "", State::Fault, NEVER),
            (HearsFloor, "", State::Fault, NEVER),
            (HearsLower, "", State::Fault, NEVER),
            (HearsEqualLosing, "", State::Fault, NEVER),
            (HearsEqualWinning, "", State::Fault, NEVER),
            (HearsHigher, "", State::Fault, NEVER),
            (Better, "warn priority 120, Fault → Backup (recovered)", State::Backup, 5400.0),
            (Worse, "warn priority 80, Fault → Backup (recovered)", State::Backup, 5400.0),
            (Unhealthy, "warn priority 1, Fault → Backup (recovered)", State::Backup, 5400.0),
            (WitnessLost, "warn priority 1, Fault → Backup (recovered)", State::Backup, 5400.0),
            (Faulty, "", State::Fault, NEVER),
            (Healthy, RECOVERED, State::Backup, 5400.0),
            (LinkUp, "", State::Fault, NEVER),
            (AddressRemoved, "", State::Fault, NEVER),
            (BfdDown, "", State::Fault, NEVER),
            (BfdUp, "", State::Fault, NEVER),
            (BfdAdminDown, "", State::Fault, NEVER),
            (Failover, "ended not active but Fault", State::Fault, NEVER),
            (Release, "ended unheld", State::Fault, NEVER),
            (Stop, STOPPED, State::Initialize, NEVER),
            (SameConfig, "", State::Fault, NEVER),
            (NewInterval, "", State::Fault, NEVER),
            (NewAddresses, "", State::Fault, NEVER),
        ],
    );
}

#[test]
fn a_node_whose_addresses_were_taken_waits_for_the_hold() {
    let state = || {
        let mut node = Node::active(pair(Version::V3));
        for _ in 0..3 {
            node.removed(&[v4(100)]);
        }
        node
    };
    check(
        state,
        &[
            (TimeoutEarly, "", State::Fault, 5000.0),
            (TimeoutDue, RECOVERED, State::Backup, 10_000.0),
            (TimeoutLate, RECOVERED, State::Backup, 15_000.0),
            (HearsRelease, "", State::Fault, 5000.0),
            (HearsFloor, "", State::Fault, 5000.0),
            (HearsLower, "", State::Fault, 5000.0),
            (HearsEqualLosing, "", State::Fault, 5000.0),
            (HearsEqualWinning, "", State::Fault, 5000.0),
            (HearsHigher, "", State::Fault, 5000.0),
            (Better, "warn priority 120", State::Fault, 5000.0),
            (Worse, "warn priority 80", State::Fault, 5000.0),
            (Unhealthy, "warn priority 1", State::Fault, 5000.0),
            (WitnessLost, "warn priority 1", State::Fault, 5000.0),
            (Faulty, "", State::Fault, NEVER),
            (Healthy, "", State::Fault, 5000.0),
            (LinkUp, "", State::Fault, 5000.0),
            (AddressRemoved, "", State::Fault, 5000.0),
            (BfdDown, "", State::Fault, 5000.0),
            (BfdUp, "", State::Fault, 5000.0),
            (BfdAdminDown, "", State::Fault, 5000.0),
            (Failover, "ended not active but Fault", State::Fault, 5000.0),
            (Release, "ended unheld", State::Fault, 5000.0),
            (Stop, STOPPED, State::Initialize, NEVER),
            (SameConfig, "", State::Fault, 5000.0),
            (NewInterval, "", State::Fault, 5000.0),
            (NewAddresses, "", State::Fault, 5000.0),
        ],
    );
}
