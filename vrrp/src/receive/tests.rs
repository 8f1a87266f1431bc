//! Every reason, every mode; no bit of an authenticated packet can be changed.

mod authenticated;
mod reasons;

use std::num::NonZeroU8;

use super::*;
use crate::auth::{Auth, HmacAuth, HmacMode, Key, Seal};
use crate::config::{AddressMismatch, ArpSchedule, Lease, Peer, Preempt, Version, Vrid};
use crate::packet::{Advertisement, Envelope};

const SECOND: Duration = Duration::from_secs(1);
/// When everything arrives.
const NOW: Duration = Duration::from_secs(1_700_000_000);
const CLOCK: WallClock = WallClock { now: NOW, synchronised: true };

fn ip(address: &str) -> IpAddr {
    address.parse().unwrap()
}

/// VRID 51 in version 3 for 10.0.0.100, by multicast, without authentication.
fn config() -> Config {
    Config {
        name: "test".to_owned(),
        id: Vrid(NonZeroU8::new(51).unwrap()),
        interface: "eth0".to_owned(),
        version: Version::V3,
        addresses: vec![ip("10.0.0.100")],
        priority: Priority(100),
        advertise: SECOND,
        preempt: Preempt::Unhealthy,
        preempt_delay: Duration::ZERO,
        startup_delay: Duration::ZERO,
        fault_hold: Duration::ZERO,
        peers: Vec::new(),
        source: None,
        pair_mode: false,
        checksum: ChecksumMode::Pseudo,
        address_mismatch: AddressMismatch::Warn,
        auth: Auth::None,
        floor: Priority(1),
        track: Vec::new(),
        witness: None,
        resident: true,
        lease: Lease::Auto,
        vmac: false,
        arp: ArpSchedule { burst: 5, again: Vec::new(), refresh: None },
        notify: None,
    }
}

fn version2() -> Config {
    Config { version: Version::V2, ..config() }
}

/// Also for fe80::100.
fn both_families() -> Config {
    Config { addresses: vec![ip("10.0.0.100"), ip("fe80::100")], ..config() }
}

/// With one peer, 10.0.0.2 and on a second path 10.9.0.2.
fn unicast() -> Config {
    let addresses = vec![ip("10.0.0.2"), ip("10.9.0.2")];
    Config { peers: vec![Peer { name: "b".to_owned(), addresses, hops: 1 }], ..config() }
}

/// A packet on its way.
#[derive(Clone, Debug)]
struct Arriving {
    source: IpAddr,
    destination: IpAddr,
    hops: u8,
    claimed: Option<usize>,
    payload: Vec<u8>,
}

impl Arriving {
    /// What a node of this configuration sends from 10.0.0.2 to the group, or to
    /// 10.0.0.1 if it has peers.
    fn new(config: &Config) -> Self {
        let destination = match config.peers.is_empty() {
            true => group(Family::V4),
            false => ip("10.0.0.1"),
        };
        let checksum = ChecksumStyle::Pseudo;
        let (source, seal) = (ip("10.0.0.2"), Seal::None);
        Self::sent(config, &Envelope { source, destination, checksum, seal })
    }

    fn sent(config: &Config, envelope: &Envelope<'_>) -> Self {
        let mut payload = Vec::new();
        Advertisement {
            version: config.version,
            vrid: config.id,
            priority: config.priority,
            interval: config.advertise,
            addresses: config.addresses.clone(),
        }
        .encode(envelope, &mut payload);
        let Envelope { source, destination, .. } = *envelope;
        Self { source, destination, hops: 255, claimed: None, payload }
    }

    /// With some bytes changed in place, and a checksum that takes no notice.
    fn patched(mut self, at: usize, bytes: &[u8]) -> Self {
        self.payload[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    fn datagram(&self) -> Datagram<'_> {
        Datagram {
            source: self.source,
            destination: self.destination,
            hops: self.hops,
            claimed: self.claimed,
            payload: &self.payload,
        }
    }

    fn reach(&self, receiver: &mut Receiver) -> Result<Heard, Dropped> {
        receiver.receive(&self.datagram(), CLOCK)
    }

    fn reach_new(&self, config: &Config) -> Result<Heard, Dropped> {
        self.reach(&mut Receiver::new(config, Family::of(self.source)))
    }
}

fn reason(result: Result<Heard, Dropped>) -> Result<(), &'static str> {
    result.map(drop).map_err(|dropped| dropped.reason())
}

#[test]
fn an_advertisement_is_heard() {
    let heard = Arriving::new(&config()).reach_new(&config());
    let sender = Sender { address: ip("10.0.0.2"), peer: None };
    let notes = Notes {
        addresses: None,
        checksum: ChecksumStyle::Pseudo,
        not_link_local: None,
        proof: Proof::None,
        clock: None,
    };
    assert_eq!(heard, Ok(Heard { sender, priority: Priority(100), interval: SECOND, notes }));
}

#[test]
fn a_backup_hears_the_interval_of_the_active() {
    let faster = Config { advertise: Duration::from_millis(250), ..config() };
    let heard = Arriving::new(&faster).reach_new(&config()).unwrap();
    assert_eq!(heard.interval, Duration::from_millis(250));
}

#[test]
fn the_reserved_bits_before_the_interval_are_ignored() {
    let mut arriving = Arriving::new(&config()).patched(4, &[0xf0, 100]);
    rewrite_checksum(&mut arriving.payload);
    assert_eq!(arriving.reach_new(&config()).unwrap().interval, SECOND);
}

#[test]
fn the_path_of_a_peer_does_not_change_who_it_is() {
    for address in ["10.0.0.2", "10.9.0.2"] {
        let envelope = Envelope {
            source: ip(address),
            destination: ip("10.0.0.1"),
            checksum: ChecksumStyle::Plain,
            seal: Seal::None,
        };
        let heard = Arriving::sent(&config(), &envelope).reach_new(&unicast()).unwrap();
        assert_eq!(heard.sender, Sender { address: ip(address), peer: Some(PeerId(0)) });
    }
}

#[test]
fn a_peer_may_be_as_far_away_as_it_is_said_to_be() {
    // (hops of the peer, TTL that arrives, heard)
    let table = [
        (0, 255, true),
        (0, 254, false),
        (1, 255, true),
        (1, 254, false),
        (2, 254, true),
        (2, 253, false),
        (255, 1, true),
        (255, 0, false),
    ];
    for (hops, ttl, heard) in table {
        let mut config = unicast();
        config.peers[0].hops = hops;
        let arriving = Arriving { hops: ttl, ..Arriving::new(&config) };
        assert_eq!(arriving.reach_new(&config).is_ok(), heard, "hops {hops}, TTL {ttl}");
    }
}

#[test]
fn nobody_but_a_peer_may_be_far_away() {
    let mut config = unicast();
    config.peers[0].hops = 5;
    let stranger = Arriving { source: ip("10.0.0.9"), hops: 254, ..Arriving::new(&config) };
    assert_eq!(reason(stranger.reach_new(&config)), Err("hops"));
}

#[test]
fn other_addresses_are_noted_or_dropped() {
    use AddressMismatch::{Drop, Warn};
    use Version::{V2, V3};
    // (version, address_mismatch, priority of the sender, heard)
    let table = [
        (V3, Warn, 150, true),
        (V3, Drop, 150, false),
        (V3, Drop, 255, false),
        (V2, Warn, 150, false),
        (V2, Drop, 150, false),
        (V2, Warn, 255, true),
        (V2, Drop, 255, true),
    ];
    for (version, address_mismatch, priority, heard) in table {
        let ours = Config { version, address_mismatch, ..config() };
        let (addresses, priority) = (vec![ip("10.0.0.101")], Priority(priority));
        let theirs = Config { addresses, priority, ..ours.clone() };
        match Arriving::new(&theirs).reach_new(&ours) {
            Ok(Heard { notes, .. }) => {
                let difference = notes.addresses.expect("other addresses are noted").to_string();
                assert_eq!(difference, "without 10.0.0.100, with 10.0.0.101");
                assert!(heard, "{version} {address_mismatch:?} {priority}");
            }
            Err(dropped) => {
                assert_eq!(dropped.reason(), "address_mismatch");
                assert!(!heard, "{version} {address_mismatch:?} {priority}");
            }
        }
    }
}

/// The plain checksum, written down as RFC 1071 §1 has it.
fn rewrite_checksum(payload: &mut [u8]) {
    payload[6..8].fill(0);
    let words = payload.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1]));
    let sum = words.fold(0, |sum, word| (sum + word) % 0xffff);
    payload[6..8].copy_from_slice(&(!(sum as u16)).to_be_bytes());
}

#[test]
fn addresses_of_the_other_family_are_no_mismatch() {
    let ours = both_families();
    for source in ["10.0.0.2", "fe80::2"] {
        let source = ip(source);
        let destination = group(Family::of(source));
        let checksum = ChecksumStyle::Pseudo;
        let envelope = Envelope { source, destination, checksum, seal: Seal::None };
        let heard = Arriving::sent(&ours, &envelope).reach_new(&ours).unwrap();
        assert_eq!((heard.notes.addresses, heard.notes.not_link_local), (None, None));
    }
}

#[test]
fn a_first_address_that_is_not_link_local_is_noted() {
    let ours = Config { addresses: vec![ip("fd00::100"), ip("fe80::100")], ..config() };
    let (source, destination) = (ip("fe80::2"), group(Family::V6));
    let checksum = ChecksumStyle::Pseudo;
    let envelope = Envelope { source, destination, checksum, seal: Seal::None };
    let heard = Arriving::sent(&ours, &envelope).reach_new(&ours).unwrap();
    assert_eq!(heard.notes.not_link_local, Some("fd00::100".parse().unwrap()));
}

#[test]
fn both_checksums_are_heard_and_told_apart() {
    for checksum in [ChecksumStyle::Pseudo, ChecksumStyle::Plain] {
        let (source, destination) = (ip("10.0.0.2"), group(Family::V4));
        let envelope = Envelope { source, destination, checksum, seal: Seal::None };
        let heard = Arriving::sent(&config(), &envelope).reach_new(&config()).unwrap();
        assert_eq!(heard.notes.checksum, checksum);
    }
}

#[test]
fn ipv6_and_version_2_have_one_checksum_each() {
    // A plain checksum in IPv6.
    let ours = both_families();
    let (source, destination) = (ip("fe80::2"), group(Family::V6));
    let checksum = ChecksumStyle::Pseudo;
    let envelope = Envelope { source, destination, checksum, seal: Seal::None };
    let mut arriving = Arriving::sent(&ours, &envelope);
    rewrite_checksum(&mut arriving.payload);
    assert_eq!(reason(arriving.reach_new(&ours)), Err("checksum"));
    // Version 2 sends plainly whatever it is told.
    let heard = Arriving::new(&version2()).reach_new(&version2()).unwrap();
    assert_eq!(heard.notes.checksum, ChecksumStyle::Plain);
}

#[test]
fn the_configured_checksum_is_sent() {
    use ChecksumMode::{Mirror, Plain, Pseudo};
    for (mode, style) in [
        (Pseudo, ChecksumStyle::Pseudo),
        (Plain, ChecksumStyle::Plain),
        (Mirror, ChecksumStyle::Pseudo),
    ] {
        let config = Config { checksum: mode, ..both_families() };
        let style_for =
            |config: &Config, family| Receiver::new(config, family).style_for(group(family));
        assert_eq!(style_for(&config, Family::V4), style);
        assert_eq!(style_for(&config, Family::V6), ChecksumStyle::Pseudo);
        let config = Config { version: Version::V2, ..config };
        assert_eq!(style_for(&config, Family::V4), ChecksumStyle::Plain);
    }
}

#[test]
fn a_mirror_answers_each_peer_as_that_peer_sends() {
    let mut config = Config { checksum: ChecksumMode::Mirror, ..unicast() };
    config.peers.push(Peer { name: "c".to_owned(), addresses: vec![ip("10.0.0.3")], hops: 1 });
    let mut receiver = Receiver::new(&config, Family::V4);
    let checksum = ChecksumStyle::Plain;
    let (source, destination) = (ip("10.0.0.3"), ip("10.0.0.1"));
    let envelope = Envelope { source, destination, checksum, seal: Seal::None };
    Arriving::sent(&config, &envelope).reach(&mut receiver).unwrap();
    assert_eq!(receiver.style_for(ip("10.0.0.2")), ChecksumStyle::Pseudo);
    assert_eq!(receiver.style_for(ip("10.0.0.3")), ChecksumStyle::Plain);
    config.peers.pop();
    receiver.reconfigure(&config);
    assert_eq!(receiver.style_for(ip("10.0.0.3")), ChecksumStyle::Pseudo, "gone with the peer");
}

#[test]
fn a_mirror_forgets_the_peers_when_there_are_none() {
    let peers = Config { checksum: ChecksumMode::Mirror, ..unicast() };
    let mut receiver = Receiver::new(&peers, Family::V4);
    let mut plain = Arriving::new(&peers);
    rewrite_checksum(&mut plain.payload);
    plain.reach(&mut receiver).unwrap();
    assert_eq!(receiver.style_for(ip("10.0.0.2")), ChecksumStyle::Plain);
    receiver.reconfigure(&Config { peers: Vec::new(), ..peers.clone() });
    receiver.reconfigure(&peers);
    assert_eq!(receiver.style_for(ip("10.0.0.2")), ChecksumStyle::Pseudo);
}

#[test]
fn only_the_group_of_the_protocol_is_listened_to() {
    for (destination, expected) in [
        ("224.0.0.18", Ok(())),
        ("224.0.0.19", Err("unicast")),
        ("10.0.0.1", Err("unicast")),
        ("255.255.255.255", Err("unicast")),
    ] {
        let mut arriving = Arriving { destination: ip(destination), ..Arriving::new(&config()) };
        rewrite_checksum(&mut arriving.payload);
        assert_eq!(reason(arriving.reach_new(&config())), expected, "{destination}");
    }
}

#[test]
fn a_mirror_answers_the_group_as_it_was_last_heard() {
    let config = Config { checksum: ChecksumMode::Mirror, ..config() };
    let mut receiver = Receiver::new(&config, Family::V4);
    for checksum in [ChecksumStyle::Plain, ChecksumStyle::Pseudo, ChecksumStyle::Plain] {
        let (source, destination) = (ip("10.0.0.2"), group(Family::V4));
        let envelope = Envelope { source, destination, checksum, seal: Seal::None };
        Arriving::sent(&config, &envelope).reach(&mut receiver).unwrap();
        assert_eq!(receiver.style_for(group(Family::V4)), checksum);
    }
    receiver.reconfigure(&config);
    assert_eq!(receiver.style_for(group(Family::V4)), ChecksumStyle::Plain, "kept");
}

#[test]
fn a_flood_of_senders_is_heard_but_not_remembered() {
    let keys = vec![Key { id: 1, secret: vec![1] }];
    let hmac = HmacAuth { mode: HmacMode::Permissive, keys, send: 1, window: SECOND };
    let config = Config { auth: Auth::Hmac(hmac), ..config() };
    let mut receiver = Receiver::new(&config, Family::V4);
    for n in 0..5000_u32 {
        let source = IpAddr::from(n.to_be_bytes());
        let (destination, checksum) = (group(Family::V4), ChecksumStyle::Plain);
        let forged = Key { id: 1, secret: vec![2] };
        let seal = match n % 2 {
            0 => Seal::None,
            _ => Seal::Hmac { key: &forged, stamp: Stamp::at(NOW) },
        };
        let envelope = Envelope { source, destination, checksum, seal };
        let result = Arriving::sent(&config, &envelope).reach(&mut receiver);
        assert_eq!(reason(result), if n % 2 == 0 { Ok(()) } else { Err("wrong_mac") });
        assert_eq!(receiver.replay.last(source, 1), None);
    }
    assert_eq!(receiver.styles.len(), 1);
}

#[test]
fn our_own_packets_are_passed_over_on_every_path() {
    let own = Arriving::new(&config());
    let mut receiver = Receiver::new(&config(), Family::V4);
    assert_eq!(reason(own.reach(&mut receiver)), Ok(()));
    receiver.set_sources(&[ip("10.9.0.2"), ip("10.0.0.2")]);
    let dropped = own.reach(&mut receiver).unwrap_err();
    assert!(dropped.is_silent());
    let configured = Config { source: Some(vec![ip("10.0.0.2")]), ..config() };
    assert_eq!(reason(own.reach_new(&configured)), Err("own"));
}
