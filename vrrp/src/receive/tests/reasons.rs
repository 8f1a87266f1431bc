//! Each reason with its exact message, and the order of the checks.

use proptest::prelude::*;

use super::*;
use crate::auth::{Password, Sequence};

fn password(text: &[u8; 8]) -> Auth {
    Auth::Password(Password(*text))
}

fn hmac(config: Config) -> Config {
    let keys = vec![Key { id: 1, secret: vec![1] }];
    let window = Duration::from_secs(5);
    let hmac = HmacAuth { mode: HmacMode::Enforce, keys, send: 1, window };
    Config { auth: Auth::Hmac(hmac), ..config }
}

/// As [`Arriving::new`], authenticated as in the sender's configuration at a time by its clock.
fn sealed(theirs: &Config, wall: Duration) -> Arriving {
    let seal = theirs.auth.seal(&mut Sequence::new(), wall);
    let (source, destination) = (ip("10.0.0.2"), group(Family::V4));
    let checksum = ChecksumStyle::Pseudo;
    Arriving::sent(theirs, &Envelope { source, destination, checksum, seal })
}

/// (our configuration, what arrives, the reason, the message)
fn table() -> Vec<(Config, Arriving, &'static str, &'static str)> {
    let multicast = Arriving::new(&config());
    let two = |auth| Config { auth, ..version2() };
    let key = |id, secret| {
        let mut config = hmac(config());
        if let Auth::Hmac(hmac) = &mut config.auth {
            (hmac.keys, hmac.send) = (vec![Key { id, secret: vec![secret] }], id);
        }
        config
    };
    let minute = Duration::from_secs(60);
    let own = Config { source: Some(vec![multicast.source]), ..config() };
    let drop = Config { address_mismatch: AddressMismatch::Drop, ..config() };
    let others = Config { addresses: vec![ip("10.0.0.100"), ip("10.0.0.101")], ..config() };
    let slow = Config { advertise: SECOND * 3, ..version2() };
    let to_us = Arriving { destination: ip("10.0.0.1"), ..multicast.clone() };
    let stranger = Arriving::sent(
        &config(),
        &Envelope {
            source: ip("10.0.0.9"),
            destination: ip("10.0.0.1"),
            checksum: ChecksumStyle::Pseudo,
            seal: Seal::None,
        },
    );
    let mut unicast_to_us = to_us.clone();
    rewrite_checksum(&mut unicast_to_us.payload);
    vec![
        (own, multicast.clone(), "own", "10.0.0.2 is this node itself"),
        (
            config(),
            multicast.clone().patched(1, &[7]),
            "other_vrid",
            "VRID 7 is another virtual router's",
        ),
        (
            config(),
            Arriving { payload: multicast.payload[..11].to_vec(), ..multicast.clone() },
            "too_short",
            "10.0.0.2 sent 11 bytes where its advertisement needs 12",
        ),
        (
            config(),
            Arriving { hops: 253, ..multicast.clone() },
            "hops",
            "10.0.0.2 sent with TTL 253, not 255 or more: it is not on this network \
             (for a peer that is not, set `hops: 3`)",
        ),
        (
            config(),
            Arriving::new(&version2()),
            "version",
            "10.0.0.2 speaks version 2, this node version 3: set the same on both",
        ),
        (
            two(Auth::None),
            sealed(&two(password(b"1111\0\0\0\0")), NOW),
            "auth_type",
            "10.0.0.2 sends authentication type 1, this node type 0: set the same `auth` on both",
        ),
        (
            two(password(b"1111\0\0\0\0")),
            sealed(&two(password(b"1112\0\0\0\0")), NOW),
            "password",
            "10.0.0.2 sends another password: set the same on both",
        ),
        (
            hmac(config()),
            multicast.clone(),
            "unauthenticated",
            "10.0.0.2 sends no authentication trailer, and `mode: enforce` wants one",
        ),
        (
            hmac(config()),
            sealed(&key(9, 1), NOW),
            "unknown_key",
            "10.0.0.2 authenticates with key 9, which this node does not have: add it here",
        ),
        (
            hmac(config()),
            sealed(&key(1, 2), NOW),
            "wrong_mac",
            "10.0.0.2 sends a wrong MAC: it has another key 1, or somebody forges",
        ),
        (
            hmac(config()),
            sealed(&hmac(config()), NOW + minute),
            "stale_clock",
            "clock differs from 10.0.0.2 by 60 s, more than the window of 5 s: \
             set both clocks right",
        ),
        (
            version2(),
            Arriving::new(&slow),
            "interval",
            "10.0.0.2 advertises every 3 s, this node every 1 s: \
             version 2 needs the same on both",
        ),
        (
            config(),
            multicast.clone().patched(4, &[0xf0, 0]),
            "no_interval",
            "10.0.0.2 advertises with an interval of 0",
        ),
        (
            config(),
            multicast.clone().patched(0, &[0x32]),
            "type",
            "10.0.0.2 sent a message of type 2, not an advertisement (1)",
        ),
        (
            config(),
            Arriving::new(&Config { addresses: Vec::new(), ..config() }),
            "no_addresses",
            "10.0.0.2 advertises no addresses",
        ),
        (
            drop,
            Arriving::new(&others),
            "address_mismatch",
            "10.0.0.2 advertises other addresses (with 10.0.0.101): set the same on both",
        ),
        (
            config(),
            Arriving { claimed: Some(32), ..multicast.clone() },
            "total_length",
            "10.0.0.2 sent 32 bytes where its advertisement has 12",
        ),
        (
            config(),
            multicast.clone().patched(6, &[0x00, 0xab]),
            "checksum",
            "10.0.0.2 sent with a wrong checksum, 0x00ab",
        ),
        (
            unicast(),
            multicast,
            "multicast",
            "10.0.0.2 advertises VRID 51 to 224.0.0.18, this node to its `peers`: \
             set them on both nodes or on neither, or choose another VRID",
        ),
        (
            config(),
            unicast_to_us,
            "unicast",
            "10.0.0.2 advertises VRID 51 to 10.0.0.1, this node by multicast: \
             set `peers` on both nodes or on neither, or choose another VRID",
        ),
        (
            unicast(),
            stranger,
            "unknown_sender",
            "VRID 51 is in use by 10.0.0.9, which is not among the `peers`",
        ),
    ]
}

#[test]
fn every_reason_has_its_message() {
    let mut reasons = Vec::new();
    for (config, arriving, reason, message) in table() {
        let dropped = arriving.reach_new(&config).expect_err(reason);
        assert_eq!((dropped.reason(), dropped.to_string().as_str()), (reason, message));
        assert_eq!(dropped.is_silent(), matches!(reason, "own" | "other_vrid"));
        reasons.push(reason);
    }
    reasons.sort_unstable();
    reasons.dedup();
    assert_eq!(reasons.len(), 21, "all but a replay, which takes two packets");
}

#[test]
fn a_replay_has_its_message() {
    let config = hmac(config());
    let mut receiver = Receiver::new(&config, Family::V4);
    let arriving = sealed(&config, NOW);
    assert!(arriving.reach(&mut receiver).is_ok());
    let dropped = arriving.reach(&mut receiver).unwrap_err();
    assert_eq!(dropped.reason(), "replayed");
    assert_eq!(
        dropped.to_string(),
        "10.0.0.2 sends an old place of the sequence of key 1: \
         somebody replays, or it was restarted with its clock set back"
    );
}

#[test]
fn surplus_bytes_and_claims_of_other_lengths_are_dropped() {
    let arriving = Arriving::new(&config());
    let mut longer = arriving.clone();
    longer.payload.push(0);
    // (claimed, payload, the length that is named)
    let table = [
        (None, &arriving, None),
        (Some(12), &arriving, None),
        (Some(11), &arriving, Some(11)),
        (Some(13), &arriving, Some(13)),
        (None, &longer, Some(13)),
        (Some(13), &longer, Some(13)),
    ];
    for (claimed, arriving, named) in table {
        let dropped = Arriving { claimed, ..arriving.clone() }.reach_new(&config()).err();
        let from = ip("10.0.0.2");
        let expected = named.map(|length| Dropped::TotalLength { from, length, expected: 12 });
        assert_eq!(dropped, expected, "claimed {claimed:?}");
    }
}

#[test]
fn a_claim_of_what_arrived_does_not_excuse_a_surplus() {
    let mut arriving = Arriving { claimed: Some(12), ..Arriving::new(&config()) };
    arriving.payload.push(0);
    assert_eq!(reason(arriving.reach_new(&config())), Err("total_length"));
}

/// A version 2 packet in which everything from the `wrong`th check on is wrong.
fn wrong_from(wrong: usize) -> Arriving {
    let pick = |check, right: u8, other: u8| if wrong <= check { other } else { right };
    let mut payload =
        vec![pick(2, 0x20, 0x30) | pick(6, 1, 2), 51, 150, 1, pick(3, 1, 2), pick(5, 1, 7), 0, 0];
    payload.extend([10, 0, 0, pick(7, 100, 101)]);
    payload.extend([pick(4, b'1', b'2'), 0, 0, 0, 0, 0, 0, 0]);
    rewrite_checksum(&mut payload);
    payload[7] ^= pick(9, 0, 1);
    let claimed = payload.len() + usize::from(pick(8, 0, 1));
    payload.truncate(if wrong == 0 { 11 } else { payload.len() });
    Arriving {
        source: IpAddr::from([10, 0, 0, pick(11, 2, 9)]),
        destination: if wrong <= 10 { group(Family::V4) } else { ip("10.0.0.1") },
        hops: pick(1, 255, 254),
        claimed: Some(claimed),
        payload,
    }
}

#[test]
fn the_first_check_that_fails_names_the_reason() {
    let reasons = [
        "too_short",
        "hops",
        "version",
        "auth_type",
        "password",
        "interval",
        "type",
        "address_mismatch",
        "total_length",
        "checksum",
        "multicast",
        "unknown_sender",
    ];
    let config = Config { version: Version::V2, auth: password(b"1\0\0\0\0\0\0\0"), ..unicast() };
    for (wrong, expected) in reasons.into_iter().enumerate() {
        assert_eq!(reason(wrong_from(wrong).reach_new(&config)), Err(expected));
    }
    assert_eq!(reason(wrong_from(reasons.len()).reach_new(&config)), Ok(()));
}

#[test]
fn another_virtual_router_is_passed_over_whatever_it_sends() {
    for payload in [&[0xff, 7][..], &[0x21, 7, 1, 200, 0, 0], &[0x31, 0, 0, 0, 0, 0, 0, 0, 0]] {
        let arriving = Arriving { payload: payload.to_vec(), hops: 1, ..wrong_from(0) };
        assert_eq!(reason(arriving.reach_new(&unicast())), Err("other_vrid"));
    }
    let nothing = Arriving { payload: vec![0x31], ..wrong_from(0) };
    assert_eq!(reason(nothing.reach_new(&unicast())), Err("too_short"));
}

fn configurations() -> impl Strategy<Value = Config> {
    let all = vec![
        config(),
        version2(),
        unicast(),
        both_families(),
        hmac(both_families()),
        hmac(unicast()),
        Config { auth: password(b"1111\0\0\0\0"), ..version2() },
        // Combinations that authenticate nobody.
        Config { auth: password(b"1111\0\0\0\0"), ..config() },
        hmac(version2()),
    ];
    proptest::sample::select(all)
}

proptest! {
    #[test]
    fn no_bytes_panic_the_receiver(
        config in configurations(),
        source in prop_oneof![Just("10.0.0.2"), Just("10.0.0.9"), Just("fe80::2")],
        to_us: bool,
        hops: u8,
        claimed: Option<usize>,
        version_type in prop_oneof![Just(0x21_u8), Just(0x31), any::<u8>()],
        count in 0..12_u8,
        mut payload in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let (source, head) = (ip(source), [version_type, 51, 100, count]);
        payload.iter_mut().zip(head).for_each(|(byte, head)| *byte = head);
        let destination = if to_us { ip("10.0.0.1") } else { group(Family::of(source)) };
        let arriving = Arriving { source, destination, hops, claimed, payload };
        if let Err(dropped) = arriving.reach_new(&config) {
            prop_assert!(!dropped.to_string().is_empty());
        }
    }

    #[test]
    fn what_is_sent_is_heard(config in configurations(), plain: bool, v6: bool) {
        let family = if v6 && config.peers.is_empty() { Family::V6 } else { Family::V4 };
        let config = if family == Family::V6 {
            Config { addresses: both_families().addresses, version: Version::V3, ..config }
        } else {
            config
        };
        let fits = match (config.version, &config.auth) {
            (_, Auth::None) | (Version::V2, Auth::Password(_)) | (Version::V3, Auth::Hmac(_)) => true,
            (Version::V3, Auth::Password(_)) | (Version::V2, Auth::Hmac(_)) => false,
        };
        let (source, to) = match family {
            Family::V4 => (ip("10.0.0.2"), ip("10.0.0.1")),
            Family::V6 => (ip("fe80::2"), ip("fe80::1")),
        };
        let destination = if config.peers.is_empty() { group(family) } else { to };
        let checksum = if plain { ChecksumStyle::Plain } else { ChecksumStyle::Pseudo };
        let seal = config.auth.seal(&mut Sequence::new(), NOW);
        let envelope = Envelope { source, destination, checksum, seal };
        let result = Arriving::sent(&config, &envelope).reach_new(&config);
        let expected = if fits { Ok(()) } else { Err("unauthenticated") };
        prop_assert_eq!(reason(result), expected);
    }

    #[test]
    fn a_flipped_bit_is_dropped(
        address: [u8; 4],
        source: [u8; 4],
        priority: u8,
        plain: bool,
        bit in 0..12_usize * 8,
    ) {
        let checksum = if plain { ChecksumStyle::Plain } else { ChecksumStyle::Pseudo };
        let priority = Priority(priority);
        let config = Config { addresses: vec![address.into()], priority, ..config() };
        let (source, destination) = (source.into(), group(Family::V4));
        let envelope = Envelope { source, destination, checksum, seal: Seal::None };
        let mut arriving = Arriving::sent(&config, &envelope);
        prop_assert_eq!(reason(arriving.reach_new(&config)), Ok(()));
        arriving.payload[bit / 8] ^= 1 << (bit % 8);
        if let Ok(heard) = arriving.reach_new(&config) {
            // The flip makes up for the pseudo-header: the price of accepting both.
            prop_assert_ne!(heard.notes.checksum, checksum);
        }
    }
}
