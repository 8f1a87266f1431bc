//! Backup, on an ordinary day and in the hold after a fault.

use super::*;

const SILENCE: &str = "advertise 100, own, announce 5, Backup → Active (silence)";
const STOPPED: &str = "Backup → Initialize (stop), ended stopped";

#[test]
fn a_backup_listens() {
    let state = || Node::backup(pair(Version::V3));
    check(
        state,
        &[
            (TimeoutEarly, "", State::Backup, 3609.375),
            (TimeoutDue, SILENCE, State::Active, 4609.375),
            (TimeoutLate, "warn late 5s", State::Backup, 10_218.75),
            (HearsRelease, "", State::Backup, 400.0),
            (HearsFloor, "", State::Backup, 400.0),
            (HearsLower, "", State::Backup, 4009.375),
            (HearsEqualLosing, "", State::Backup, 4009.375),
            (HearsEqualWinning, "", State::Backup, 4009.375),
            (HearsHigher, "", State::Backup, 4009.375),
            (Better, "warn priority 120", State::Backup, 3609.375),
            (Worse, "warn priority 80", State::Backup, 3609.375),
            (Unhealthy, "warn priority 1", State::Backup, 3609.375),
            (WitnessLost, "warn priority 1", State::Backup, 3609.375),
            (Faulty, "Backup → Fault (fault)", State::Fault, NEVER),
            (Healthy, "", State::Backup, 3609.375),
            (LinkUp, "", State::Backup, 3609.375),
            (AddressRemoved, "", State::Backup, 3609.375),
            (BfdDown, "", State::Backup, 1009.375),
            (BfdUp, "", State::Backup, 3609.375),
            (BfdAdminDown, "", State::Backup, 3609.375),
            (Failover, "ended not active but Backup", State::Backup, 3609.375),
            (Release, "ended unheld", State::Backup, 3609.375),
            (Stop, STOPPED, State::Initialize, NEVER),
            (SameConfig, "", State::Backup, 3609.375),
            (NewInterval, "", State::Backup, 3609.375),
            (NewAddresses, "", State::Backup, 3609.375),
        ],
    );
}

#[test]
fn a_backup_that_had_a_fault_holds_but_takes_what_is_given() {
    let state = || {
        let mut node = Node::backup(pair(Version::V3));
        node.standing(faulty());
        node.recovers();
        node
    };
    check(
        state,
        &[
            (TimeoutEarly, "", State::Backup, 5000.0),
            (TimeoutDue, SILENCE, State::Active, 6000.0),
            (TimeoutLate, "warn late 5s", State::Backup, 11_609.375),
            (HearsRelease, "", State::Backup, 400.0),
            (HearsFloor, "", State::Backup, 5000.0),
            (HearsLower, "", State::Backup, 5000.0),
            (HearsEqualLosing, "", State::Backup, 5000.0),
            (HearsEqualWinning, "", State::Backup, 5000.0),
            (HearsHigher, "", State::Backup, 5000.0),
            (Better, "warn priority 120", State::Backup, 5000.0),
            (Worse, "warn priority 80", State::Backup, 5000.0),
            (Unhealthy, "warn priority 1", State::Backup, 5000.0),
            (WitnessLost, "warn priority 1", State::Backup, 5000.0),
            (Faulty, "Backup → Fault (fault)", State::Fault, NEVER),
            (Healthy, "", State::Backup, 5000.0),
            (LinkUp, "", State::Backup, 5000.0),
            (AddressRemoved, "", State::Backup, 5000.0),
            (BfdDown, "", State::Backup, 5000.0),
            (BfdUp, "", State::Backup, 5000.0),
            (BfdAdminDown, "", State::Backup, 5000.0),
            (Failover, "ended not active but Backup", State::Backup, 5000.0),
            (Release, "ended unheld", State::Backup, 5000.0),
            (Stop, STOPPED, State::Initialize, NEVER),
            (SameConfig, "", State::Backup, 5000.0),
            (NewInterval, "", State::Backup, 5000.0),
            (NewAddresses, "", State::Backup, 5000.0),
        ],
    );
}
