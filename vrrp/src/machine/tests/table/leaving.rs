//! HandingOver, for a failover and for a stop.

use super::*;

const TAKEN: &str = "ended taken by 10.0.0.2, disown, HandingOver → Backup (taken_over)";
const NOBODY: &str = "ended nobody took over, advertise 100, own, announce 5, \
    HandingOver → Active (nobody_took_over)";
const GIVEN_UP: &str = "advertise 0, disown, ended nobody took over, HandingOver → Fault (fault)";
const FAULTY: &str = "advertise 0, disown, HandingOver → Initialize (stop), ended stopped";
const ENDED: &str = "disown, HandingOver → Initialize (stop), ended stopped";

#[test]
fn a_node_that_fails_over_serves_until_it_is_relieved() {
    let state = || {
        let mut node = Node::active(pair(Version::V3));
        node.command(Command::Failover);
        node
    };
    check(
        state,
        &[
            (TimeoutEarly, "", State::HandingOver, 1250.0),
            (TimeoutDue, "advertise 0", State::HandingOver, 4000.0),
            (TimeoutLate, NOBODY, State::Active, 7250.0),
            (HearsRelease, "", State::HandingOver, 1250.0),
            (HearsFloor, TAKEN, State::Backup, 4009.375),
            (HearsLower, TAKEN, State::Backup, 4009.375),
            (HearsEqualLosing, TAKEN, State::Backup, 4009.375),
            (HearsEqualWinning, TAKEN, State::Backup, 4009.375),
            (HearsHigher, TAKEN, State::Backup, 4009.375),
            (Better, "warn priority 120", State::HandingOver, 1250.0),
            (Worse, "warn priority 80", State::HandingOver, 1250.0),
            (Unhealthy, "warn priority 1", State::HandingOver, 1250.0),
            (WitnessLost, "warn priority 1", State::HandingOver, 1250.0),
            (Faulty, GIVEN_UP, State::Fault, NEVER),
            (Healthy, "", State::HandingOver, 1250.0),
            (LinkUp, "", State::HandingOver, 1250.0),
            (AddressRemoved, "", State::HandingOver, 1250.0),
            (BfdDown, "", State::HandingOver, 1250.0),
            (BfdUp, "", State::HandingOver, 1250.0),
            (BfdAdminDown, "", State::HandingOver, 1250.0),
            (Failover, "", State::HandingOver, 1250.0),
            (Release, "ended unheld", State::HandingOver, 1250.0),
            (Stop, "", State::HandingOver, 1250.0),
            (SameConfig, "", State::HandingOver, 1250.0),
            (NewInterval, "", State::HandingOver, 1250.0),
            (NewAddresses, "", State::HandingOver, 1250.0),
        ],
    );
}

#[test]
fn a_node_that_stops_serves_until_it_is_relieved() {
    let state = || {
        let mut node = Node::active(pair(Version::V3));
        node.command(Command::Stop);
        node
    };
    check(
        state,
        &[
            (TimeoutEarly, "", State::HandingOver, 1250.0),
            (TimeoutDue, "advertise 0", State::HandingOver, 4000.0),
            (TimeoutLate, ENDED, State::Initialize, NEVER),
            (HearsRelease, "", State::HandingOver, 1250.0),
            (HearsFloor, ENDED, State::Initialize, NEVER),
            (HearsLower, ENDED, State::Initialize, NEVER),
            (HearsEqualLosing, ENDED, State::Initialize, NEVER),
            (HearsEqualWinning, ENDED, State::Initialize, NEVER),
            (HearsHigher, ENDED, State::Initialize, NEVER),
            (Better, "warn priority 120", State::HandingOver, 1250.0),
            (Worse, "warn priority 80", State::HandingOver, 1250.0),
            (Unhealthy, "warn priority 1", State::HandingOver, 1250.0),
            (WitnessLost, "warn priority 1", State::HandingOver, 1250.0),
            (Faulty, FAULTY, State::Initialize, NEVER),
            (Healthy, "", State::HandingOver, 1250.0),
            (LinkUp, "", State::HandingOver, 1250.0),
            (AddressRemoved, "", State::HandingOver, 1250.0),
            (BfdDown, "", State::HandingOver, 1250.0),
            (BfdUp, "", State::HandingOver, 1250.0),
            (BfdAdminDown, "", State::HandingOver, 1250.0),
            (Failover, "", State::HandingOver, 1250.0),
            (Release, "ended unheld", State::HandingOver, 1250.0),
            (Stop, ENDED, State::Initialize, NEVER),
            (SameConfig, "", State::HandingOver, 1250.0),
            (NewInterval, "", State::HandingOver, 1250.0),
            (NewAddresses, "", State::HandingOver, 1250.0),
        ],
    );
}
