//! Active, on an ordinary day and after a stall.

use super::*;

const FAILOVER: &str = "advertise 0, Active → HandingOver (failover)";
const STOP: &str = "advertise 0, Active → HandingOver (stop)";
const HIGHER: &str = "disown, Active → Backup (higher_priority)";
const TIE: &str = "disown, Active → Backup (tie)";
const REPLACED: &str = "disown, Active → Backup (replaced)";
const FAULT: &str = "advertise 0, disown, Active → Fault (fault)";
const FLOOR: &str = "warn dual active 10.0.0.2 1, advertise 100, announce 1";
const LOWER: &str = "warn dual active 10.0.0.2 50, advertise 100, announce 1";
const LOSING: &str = "warn dual active 10.0.0.2 100, advertise 100, announce 1";
const BACK: &str = "advertise 100, own, announce 5";

#[test]
fn an_active_says_so_and_yields_to_its_betters() {
    let state = || Node::active(pair(Version::V3));
    check(
        state,
        &[
            (TimeoutEarly, "", State::Active, 1000.0),
            (TimeoutDue, "advertise 100", State::Active, 2000.0),
            (TimeoutLate, "warn stalled 6s", State::Active, 7000.0),
            (HearsRelease, "advertise 100, announce 1", State::Active, 1400.0),
            (HearsFloor, FLOOR, State::Active, 1400.0),
            (HearsLower, LOWER, State::Active, 1400.0),
            (HearsEqualLosing, LOSING, State::Active, 1400.0),
            (HearsEqualWinning, TIE, State::Backup, 4009.375),
            (HearsHigher, HIGHER, State::Backup, 4009.375),
            (Better, "warn priority 120, advertise 120", State::Active, 1400.0),
            (Worse, "warn priority 80, advertise 80", State::Active, 1400.0),
            (Unhealthy, "warn priority 1, advertise 1", State::Active, 1400.0),
            (WitnessLost, "warn priority 1, advertise 1", State::Active, 1400.0),
            (Faulty, FAULT, State::Fault, NEVER),
            (Healthy, "", State::Active, 1000.0),
            (LinkUp, "announce 5", State::Active, 1000.0),
            (AddressRemoved, "warn address removed, own, announce 5", State::Active, 1000.0),
            (BfdDown, "", State::Active, 1000.0),
            (BfdUp, "", State::Active, 1000.0),
            (BfdAdminDown, "", State::Active, 1000.0),
            (Failover, FAILOVER, State::HandingOver, 1650.0),
            (Release, "ended unheld", State::Active, 1000.0),
            (Stop, STOP, State::HandingOver, 1650.0),
            (SameConfig, "", State::Active, 1000.0),
            (NewInterval, BACK, State::Active, 900.0),
            (NewAddresses, BACK, State::Active, 1400.0),
        ],
    );
}

#[test]
fn an_active_that_stood_still_listens_first() {
    let state = || {
        let mut node = Node::active(pair(Version::V3));
        node.at(9000).timeout();
        node.start = node.now;
        node
    };
    check(
        state,
        &[
            (TimeoutEarly, "", State::Active, 1000.0),
            (TimeoutDue, BACK, State::Active, 2000.0),
            (TimeoutLate, BACK, State::Active, 7000.0),
            (HearsRelease, "", State::Active, 1000.0),
            (HearsFloor, "warn dual active 10.0.0.2 1", State::Active, 1000.0),
            (HearsLower, REPLACED, State::Backup, 4009.375),
            (HearsEqualLosing, REPLACED, State::Backup, 4009.375),
            (HearsEqualWinning, TIE, State::Backup, 4009.375),
            (HearsHigher, HIGHER, State::Backup, 4009.375),
            (Better, "warn priority 120", State::Active, 1000.0),
            (Worse, "warn priority 80", State::Active, 1000.0),
            (Unhealthy, "warn priority 1", State::Active, 1000.0),
            (WitnessLost, "warn priority 1", State::Active, 1000.0),
            (Faulty, FAULT, State::Fault, NEVER),
            (Healthy, "", State::Active, 1000.0),
            (LinkUp, "", State::Active, 1000.0),
            (AddressRemoved, "", State::Active, 1000.0),
            (BfdDown, "", State::Active, 1000.0),
            (BfdUp, "", State::Active, 1000.0),
            (BfdAdminDown, "", State::Active, 1000.0),
            (Failover, FAILOVER, State::HandingOver, 1650.0),
            (Release, "ended unheld", State::Active, 1000.0),
            (Stop, STOP, State::HandingOver, 1650.0),
            (SameConfig, "", State::Active, 1000.0),
            (NewInterval, "", State::Active, 1000.0),
            (NewAddresses, "", State::Active, 1000.0),
        ],
    );
}
