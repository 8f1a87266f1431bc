use super::testing::config;
use super::*;
use crate::config::Priority;

#[test]
fn a_running_group_takes_what_does_not_concern_its_sockets() {
    let before = config();
    let mut after = config();
    after.priority = Priority(7);
    after.advertise *= 2;
    after.addresses.push([192, 0, 2, 101].into());
    assert_eq!(fixed_difference(&before, &after), None);
}

#[test]
fn a_group_that_is_another_on_the_wire_is_not_taken_for_the_same() {
    type Change = fn(&mut Config);
    let table: [(Change, &str); 5] = [
        (|c| c.interface.push('1'), "interface"),
        (|c| c.id = crate::config::Vrid::new(52).unwrap(), "VRID"),
        (|c| c.version = crate::config::Version::V2, "version"),
        (|c| c.addresses.truncate(1), "address families"),
        (|c| c.vmac = true, "virtual MAC address"),
    ];
    for (change, what) in table {
        let mut after = config();
        change(&mut after);
        assert_eq!(fixed_difference(&config(), &after), Some(what));
    }
}

fn saved(seconds: u32) -> LastSequence {
    LastSequence { seconds, fraction: 1, counter: 2 }
}

#[test]
fn a_sequence_goes_on_after_what_may_have_been_sent() {
    assert_eq!(resumed(None, Duration::from_secs(1000)).last(), None);
    let last = |wall| {
        let sequence = resumed(Some(saved(1000)), Duration::from_secs(wall));
        sequence.last().unwrap().seconds
    };
    // The clock went on: whatever is sent now is stamped later than what was sent before.
    assert_eq!(last(1001), 1000);
    // The clock was set back: more may have been sent since the last saving.
    assert_eq!(last(900), 1010);
}
