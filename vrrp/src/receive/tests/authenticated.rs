//! The keyed trailer at the receiver: modes, rotation, sequence, clocks, and what it protects.

use proptest::prelude::*;

use super::*;
use crate::auth::Sequence;

fn key(id: u8) -> Key {
    Key { id, secret: vec![id; 32] }
}

/// With the keys 1 and 2, and a window of 5 s.
fn hmac(mode: HmacMode) -> HmacAuth {
    HmacAuth { mode, keys: vec![key(1), key(2)], send: 1, window: Duration::from_secs(5) }
}

fn enforcing(config: Config) -> Config {
    Config { auth: Auth::Hmac(hmac(HmacMode::Enforce)), ..config }
}

/// From one of the peer's addresses to one of ours.
fn stamped(source: &str, key: &Key, stamp: Stamp) -> Arriving {
    let envelope = Envelope {
        source: ip(source),
        destination: ip("10.0.0.1"),
        checksum: ChecksumStyle::Plain,
        seal: Seal::Hmac { key, stamp },
    };
    Arriving::sent(&config(), &envelope)
}

fn now() -> Stamp {
    Stamp::at(NOW)
}

fn later(seconds: u64) -> Stamp {
    Stamp::at(NOW + Duration::from_secs(seconds))
}

#[test]
fn modes_differ_in_what_they_ask_for() {
    use HmacMode::{Enforce, Permissive, ReceiveOnly};
    let forged = Key { id: 1, secret: vec![0] };
    let none = Arriving::new(&unicast());
    let good = stamped("10.0.0.2", &key(1), now());
    let wrong = stamped("10.0.0.2", &forged, now());
    let unknown = stamped("10.0.0.2", &key(3), now());
    let proven = Ok(Proof::Hmac { key: 1, stamp: now() });
    let table = [
        (ReceiveOnly, &none, Ok(Proof::None)),
        (ReceiveOnly, &good, proven),
        (ReceiveOnly, &wrong, Err("wrong_mac")),
        (ReceiveOnly, &unknown, Err("unknown_key")),
        (Permissive, &none, Ok(Proof::None)),
        (Permissive, &good, proven),
        (Permissive, &wrong, Err("wrong_mac")),
        (Permissive, &unknown, Err("unknown_key")),
        (Enforce, &none, Err("unauthenticated")),
        (Enforce, &good, proven),
        (Enforce, &wrong, Err("wrong_mac")),
        (Enforce, &unknown, Err("unknown_key")),
    ];
    for (mode, arriving, expected) in table {
        let config = Config { auth: Auth::Hmac(hmac(mode)), ..unicast() };
        let result = arriving.reach_new(&config);
        let result = result.map(|heard| heard.notes.proof).map_err(|dropped| dropped.reason());
        assert_eq!(result, expected, "{mode:?}");
    }
}

#[test]
fn a_node_without_keys_hears_those_that_have_some() {
    let heard = stamped("10.0.0.2", &key(1), now()).reach_new(&unicast()).unwrap();
    assert_eq!(heard.notes.proof, Proof::Unchecked);
}

#[test]
fn keys_are_rotated_without_a_loss() {
    let mut receiver = Receiver::new(&enforcing(unicast()), Family::V4);
    let mut hear = |id, stamp| reason(stamped("10.0.0.2", &key(id), stamp).reach(&mut receiver));
    assert_eq!(hear(1, later(2)), Ok(()));
    assert_eq!(hear(2, later(1)), Ok(()), "a sequence of its own");
    assert_eq!(hear(1, later(3)), Ok(()), "and back");
    assert_eq!(hear(2, later(1)), Err("replayed"));
    assert_eq!(hear(3, later(4)), Err("unknown_key"));
}

#[test]
fn what_was_known_of_a_key_outlives_a_reload_but_not_the_key() {
    let config = enforcing(unicast());
    let mut receiver = Receiver::new(&config, Family::V4);
    let arriving = stamped("10.0.0.2", &key(1), now());
    assert_eq!(reason(arriving.reach(&mut receiver)), Ok(()));
    receiver.reconfigure(&config);
    assert_eq!(reason(arriving.reach(&mut receiver)), Err("replayed"));

    let only_two = HmacAuth { keys: vec![key(2)], ..hmac(HmacMode::Enforce) };
    receiver.reconfigure(&Config { auth: Auth::Hmac(only_two), ..config.clone() });
    assert_eq!(reason(arriving.reach(&mut receiver)), Err("unknown_key"));
    receiver.reconfigure(&config);
    assert_eq!(receiver.replay.last(ip("10.0.0.2"), 1), None);
}

#[test]
fn a_secret_that_changes_under_its_id_starts_a_new_sequence() {
    let config = enforcing(unicast());
    let mut receiver = Receiver::new(&config, Family::V4);
    assert_eq!(reason(stamped("10.0.0.2", &key(1), later(3)).reach(&mut receiver)), Ok(()));
    let changed = Key { id: 1, secret: vec![99] };
    let keys = HmacAuth { keys: vec![changed.clone()], ..hmac(HmacMode::Enforce) };
    receiver.reconfigure(&Config { auth: Auth::Hmac(keys), ..config });
    assert_eq!(reason(stamped("10.0.0.2", &changed, now()).reach(&mut receiver)), Ok(()));
}

#[test]
fn what_was_known_of_a_peer_goes_with_the_peer() {
    let config = enforcing(unicast());
    let mut receiver = Receiver::new(&config, Family::V4);
    assert_eq!(reason(stamped("10.0.0.2", &key(1), now()).reach(&mut receiver)), Ok(()));
    assert_eq!(reason(stamped("10.9.0.2", &key(1), now()).reach(&mut receiver)), Ok(()));
    let mut one_path = config.clone();
    one_path.peers[0].addresses.pop();
    receiver.reconfigure(&one_path);
    assert_eq!(receiver.replay.last(ip("10.0.0.2"), 1), Some(now()));
    assert_eq!(receiver.replay.last(ip("10.9.0.2"), 1), None);
}

#[test]
fn a_sequence_must_grow() {
    let mut receiver = Receiver::new(&enforcing(unicast()), Family::V4);
    let at = |seconds, counter| Stamp { counter, ..later(seconds) };
    let table = [
        (at(1, 0), Ok(())),
        (at(1, 0), Err("replayed")),
        (at(1, 1), Ok(())),
        (at(1, 0), Err("replayed")),
        (at(0, 9), Err("replayed")),
        (at(2, 0), Ok(())),
    ];
    for (stamp, expected) in table {
        let result = stamped("10.0.0.2", &key(1), stamp).reach(&mut receiver);
        assert_eq!(reason(result), expected, "{stamp:?}");
    }
}

#[test]
fn one_advertisement_may_come_on_every_path() {
    let mut receiver = Receiver::new(&enforcing(unicast()), Family::V4);
    for source in ["10.0.0.2", "10.9.0.2"] {
        let arriving = stamped(source, &key(1), now());
        assert_eq!(reason(arriving.reach(&mut receiver)), Ok(()), "{source}");
        assert_eq!(reason(arriving.reach(&mut receiver)), Err("replayed"), "{source}");
    }
}

#[test]
fn a_packet_that_fails_a_later_check_does_not_use_up_its_stamp() {
    let mut receiver = Receiver::new(&enforcing(unicast()), Family::V4);
    let good = stamped("10.0.0.2", &key(1), now());
    let mut damaged = good.clone();
    damaged.payload[6] ^= 1;
    let multicast = Arriving { destination: group(Family::V4), ..good.clone() };
    let longer = Arriving { claimed: Some(99), ..good.clone() };
    assert_eq!(reason(damaged.reach(&mut receiver)), Err("checksum"));
    assert_eq!(reason(multicast.reach(&mut receiver)), Err("multicast"));
    assert_eq!(reason(longer.reach(&mut receiver)), Err("total_length"));
    assert_eq!(reason(good.reach(&mut receiver)), Ok(()));
}

#[test]
fn a_stale_packet_does_not_move_the_sequence() {
    let mut receiver = Receiver::new(&enforcing(unicast()), Family::V4);
    let result = stamped("10.0.0.2", &key(1), later(3600)).reach(&mut receiver);
    assert_eq!(reason(result), Err("stale_clock"));
    assert_eq!(reason(stamped("10.0.0.2", &key(1), now()).reach(&mut receiver)), Ok(()));
}

#[test]
fn only_a_right_clock_calls_others_wrong() {
    let seconds = Duration::from_secs;
    // (window, our clock is synchronised, the sender's clock, heard)
    let table = [
        (seconds(5), true, NOW, true),
        (seconds(5), true, NOW + seconds(5), true),
        (seconds(5), true, NOW - seconds(5), true),
        (seconds(5), true, NOW + seconds(6), false),
        (seconds(5), true, NOW - seconds(6), false),
        (seconds(5), true, seconds(0), false),
        (seconds(5), false, NOW + seconds(6), true),
        (seconds(5), false, seconds(0), true),
        (Duration::ZERO, true, NOW + seconds(9999), true),
        (Duration::ZERO, true, seconds(0), true),
    ];
    for (window, synchronised, wall, heard) in table {
        let auth = Auth::Hmac(HmacAuth { window, ..hmac(HmacMode::Enforce) });
        let mut receiver = Receiver::new(&Config { auth, ..unicast() }, Family::V4);
        let arriving = stamped("10.0.0.2", &key(1), Stamp::at(wall));
        let clock = WallClock { now: NOW, synchronised };
        let result = receiver.receive(&arriving.datagram(), clock);
        if let Ok(heard) = &result {
            let off = wall.abs_diff(NOW);
            let noted = Some(off).filter(|off| !window.is_zero() && *off > window);
            assert_eq!(heard.notes.clock, noted, "{window:?} {synchronised} {wall:?}");
        }
        let expected = if heard { Ok(()) } else { Err("stale_clock") };
        assert_eq!(reason(result), expected, "{window:?} {synchronised} {wall:?}");
    }
}

#[test]
fn a_sender_whose_clock_is_set_back_within_the_window_is_still_heard() {
    let mut receiver = Receiver::new(&enforcing(unicast()), Family::V4);
    let mut sequence = Sequence::new();
    let seconds = Duration::from_secs;
    for wall in [NOW + seconds(4), NOW, NOW - seconds(4), NOW + seconds(5)] {
        let arriving = stamped("10.0.0.2", &key(1), sequence.next(wall));
        assert_eq!(reason(arriving.reach(&mut receiver)), Ok(()), "{wall:?}");
    }
}

#[test]
fn neither_hops_nor_destination_are_authenticated() {
    let mut config = enforcing(unicast());
    config.peers[0].hops = 3;
    let arriving = stamped("10.0.0.2", &key(1), now());
    for (hops, destination) in [(255, "10.0.0.1"), (253, "10.0.0.1"), (255, "10.9.0.1")] {
        let arriving = Arriving { hops, destination: ip(destination), ..arriving.clone() };
        assert_eq!(reason(arriving.reach_new(&config)), Ok(()));
    }
    let moved = Arriving { source: ip("10.9.0.2"), ..arriving };
    assert_eq!(reason(moved.reach_new(&config)), Err("wrong_mac"), "but the source is");
}

#[test]
fn a_trailer_cannot_be_taken_off() {
    let mut arriving = stamped("10.0.0.2", &key(1), now());
    arriving.payload.truncate(12);
    assert_eq!(reason(arriving.reach_new(&enforcing(unicast()))), Err("unauthenticated"));
}

fn address(v6: bool) -> BoxedStrategy<IpAddr> {
    match v6 {
        true => any::<[u8; 16]>().prop_map(IpAddr::from).boxed(),
        false => any::<[u8; 4]>().prop_map(IpAddr::from).boxed(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bit_of_an_authenticated_packet_can_be_flipped(
        (source, vip) in any::<bool>().prop_flat_map(|v6| (address(v6), address(v6))),
        priority: u8,
        plain: bool,
    ) {
        let priority = Priority(priority);
        let config = enforcing(Config { addresses: vec![vip], priority, ..config() });
        let checksum = if plain { ChecksumStyle::Plain } else { ChecksumStyle::Pseudo };
        let key = key(1);
        let (destination, seal) = (group(Family::of(source)), Seal::Hmac { key: &key, stamp: now() });
        let envelope = Envelope { source, destination, checksum, seal };
        let arriving = Arriving::sent(&config, &envelope);
        let sent = arriving.reach_new(&config).unwrap();
        for bit in 0..arriving.payload.len() * 8 {
            let mut flipped = arriving.clone();
            flipped.payload[bit / 8] ^= 1 << (bit % 8);
            if let Ok(heard) = flipped.reach_new(&config) {
                // The checksum is not authenticated, and with this flip it may be the other style's.
                prop_assert!((6..8).contains(&(bit / 8)), "bit {bit} of {arriving:?}");
                prop_assert_ne!(heard.notes.checksum, sent.notes.checksum);
                let notes = Notes { checksum: sent.notes.checksum, ..heard.notes };
                prop_assert_eq!(Heard { notes, ..heard }, sent.clone());
            }
        }
    }
}
