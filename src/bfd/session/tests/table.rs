//! Every state × every event: the state after it, what is told, what is sent at once.
//!
//! Each state begins at 0; events come at 50 ms, time-outs 1 ms before and after the detection time
//! has ended, which is 5 × 200 ms once the neighbour was heard.

use super::*;
use Event::{AdminDown as EndedBy, Down as Failed, Enabled, Lapsed, Up as WentUp};
use State::{AdminDown, Down, Init, Up};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Happens {
    HearsAdminDown,
    HearsDown,
    HearsInit,
    HearsUp,
    Early,
    Silence,
    Disable,
    Enable,
}

use Happens::*;

const ALL: [Happens; 8] =
    [HearsAdminDown, HearsDown, HearsInit, HearsUp, Early, Silence, Disable, Enable];

/// What happens; the state after it, what is told, the states and diagnostics of what is sent.
type Row = (Happens, State, &'static [Event], &'static [(State, Diagnostic)]);

const SIGNALLED: Failure = Failure::NeighbourSignalledDown { theirs: Diagnostic::None };
const EXPIRED: Failure = Failure::DetectionTimeExpired {
    silent: Duration::from_millis(1001),
    detection: Duration::from_millis(1000),
};

/// The neighbour's reason as it stands in a packet, and ours.
const NONE: Diagnostic = Diagnostic::None;
const TOLD: Diagnostic = Diagnostic::NeighbourSignalledDown;
const SILENT: Diagnostic = Diagnostic::DetectionTimeExpired;
const ENDED: Diagnostic = Diagnostic::AdministrativelyDown;

const THEIR_END: Event = EndedBy(Side::Neighbour);
const OUR_END: Event = EndedBy(Side::Local);

fn check(state: State, table: &[Row]) {
    let covered: Vec<_> = table.iter().map(|row| row.0).collect();
    assert_eq!(covered, ALL, "every event has its row");
    for &(happens, after, told, sent) in table {
        let mut node = Node::in_state(state);
        node.at(50);
        match happens {
            HearsAdminDown => node.hear(AdminDown),
            HearsDown => node.hear(Down),
            HearsInit => node.hear(Init),
            HearsUp => node.hear(Up),
            Early => node.at(999).timeout(),
            Silence => node.at(1001).timeout(),
            Disable => node.session.handle_command(Command::Disable),
            Enable => node.session.handle_command(Command::Enable),
        }
        assert_eq!(node.session.state(), after, "{state}, {happens:?}");
        assert_eq!(node.told(), told, "{state}, {happens:?}");
        if matches!(happens, Early | Silence) {
            // What is due by then anyway is not of interest.
            node.session.transmission.last = Some(node.now);
        }
        let packets = node.send();
        let packets: Vec<_> = packets.iter().map(|sent| (sent.state, sent.diagnostic)).collect();
        assert_eq!(packets, sent, "{state}, {happens:?}");
    }
}

#[test]
fn admin_down() {
    check(
        AdminDown,
        &[
            (HearsAdminDown, AdminDown, &[THEIR_END], &[]),
            (HearsDown, AdminDown, &[], &[]),
            (HearsInit, AdminDown, &[], &[]),
            (HearsUp, AdminDown, &[], &[]),
            (Early, AdminDown, &[], &[]),
            (Silence, AdminDown, &[], &[]),
            (Disable, AdminDown, &[], &[]),
            (Enable, Down, &[], &[(Down, NONE)]),
        ],
    );
}

#[test]
fn down() {
    check(
        Down,
        &[
            (HearsAdminDown, Down, &[THEIR_END], &[]),
            (HearsDown, Init, &[], &[(Init, NONE)]),
            (HearsInit, Up, &[WentUp], &[(Up, NONE)]),
            (HearsUp, Down, &[], &[]),
            (Early, Down, &[], &[]),
            (Silence, Down, &[], &[]),
            (Disable, AdminDown, &[OUR_END], &[(AdminDown, ENDED)]),
            (Enable, Down, &[], &[]),
        ],
    );
}

#[test]
fn init() {
    check(
        Init,
        &[
            (HearsAdminDown, Down, &[THEIR_END], &[(Down, TOLD)]),
            (HearsDown, Init, &[], &[]),
            (HearsInit, Up, &[WentUp], &[(Up, NONE)]),
            (HearsUp, Up, &[WentUp], &[(Up, NONE)]),
            (Early, Init, &[], &[]),
            (Silence, Down, &[Lapsed(EXPIRED)], &[(Down, SILENT)]),
            (Disable, AdminDown, &[OUR_END], &[(AdminDown, ENDED)]),
            (Enable, Init, &[], &[]),
        ],
    );
}

#[test]
fn up() {
    check(
        Up,
        &[
            (HearsAdminDown, Down, &[THEIR_END], &[(Down, TOLD)]),
            (HearsDown, Down, &[Failed(SIGNALLED)], &[(Down, TOLD)]),
            (HearsInit, Up, &[], &[]),
            (HearsUp, Up, &[], &[]),
            (Early, Up, &[], &[]),
            (Silence, Down, &[Failed(EXPIRED)], &[(Down, SILENT)]),
            (Disable, AdminDown, &[OUR_END], &[(AdminDown, ENDED)]),
            (Enable, Up, &[], &[]),
        ],
    );
}

#[test]
fn a_neighbour_that_takes_part_again_is_told_of() {
    for state in [AdminDown, Down] {
        let mut node = Node::in_state(state);
        node.hear(AdminDown);
        node.hear(AdminDown);
        assert_eq!(node.told(), [THEIR_END]);
        node.hear(Down);
        assert_eq!(node.told(), [Enabled]);
    }
}
