//! Advertisements: the packet, and every check of a receiver.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use ::vrrp::auth::{Auth, HmacAuth, HmacMode, Key, Password, Seal, Stamp};
use ::vrrp::config::{
    AddressMismatch, ArpSchedule, ChecksumMode, Config, Family, Lease, Peer, Preempt, Priority,
    Version, Vrid,
};
use ::vrrp::packet::{Advertisement, ChecksumStyle, Envelope, Packet};
use ::vrrp::receive::{Datagram, Receiver, WallClock};

use super::steps::{self, Steps};

const PEERS: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)),
    IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2)),
];
const OURS: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)),
    IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1)),
];
const VIPS: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, 100)),
    IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x100)),
];
const NOW: Duration = Duration::from_secs(1_700_000_000);

/// The first octet is the configuration; then packets, each behind its TTL and its length.
pub(crate) fn run(input: &[u8]) {
    let mut steps = Steps(input);
    let Some(options) = steps.octet() else { return };
    let family = if options & 1 == 0 { Family::V4 } else { Family::V6 };
    let config = config(options);
    let mut receiver = Receiver::new(&config, family);
    receiver.set_sources(&[OURS[usize::from(options & 1)]]);
    while let Some(hops) = steps.octet() {
        let Some(payload) = steps.octets() else { return };
        hear(&mut receiver, family, hops, payload);
    }
}

fn hear(receiver: &mut Receiver, family: Family, hops: u8, payload: &[u8]) {
    let n = usize::from(family == Family::V6);
    let (source, destination) = (PEERS[n], OURS[n]);
    if let Ok(packet) = Packet::parse(family, payload) {
        again(&packet, family, source, destination);
    }
    // As often as not: most come with a good hop count.
    let hops = if hops & 1 == 0 { hops } else { 255 };
    let claimed = (family == Family::V4).then_some(payload.len());
    let clock = WallClock { now: NOW, synchronised: true };
    let datagram = Datagram { source, destination, hops, claimed, payload };
    match receiver.receive(&datagram, clock) {
        Ok(heard) => assert!(!heard.interval.is_zero(), "an interval of zero was heard"),
        Err(dropped) => drop(format!("{dropped} {} {}", dropped.reason(), dropped.is_silent())),
    }
}

/// What was understood is understood again when we say it, and its checksum is right.
fn again(packet: &Packet<'_>, family: Family, source: IpAddr, destination: IpAddr) {
    assert!(packet.length() + packet.surplus >= 8);
    let _ = packet.checksum_style(source, destination);
    let Some(said) = packet.advertisement() else { return };
    // Nobody may say these (RFC 9568 §5.2.7, RFC 3768 §5.3.7), and we do not.
    if said.interval.is_zero() || said.version == Version::V2 && family == Family::V6 {
        return;
    }
    let checksum = ChecksumStyle::Pseudo.permitted(said.version, family);
    let mut out = Vec::new();
    said.encode(&Envelope { source, destination, checksum, seal: Seal::None }, &mut out);
    let packet = Packet::parse(family, &out).expect("ours are long enough");
    assert_eq!(packet.advertisement(), Some(said));
    assert_eq!(packet.checksum_style(source, destination), Some(checksum));
}

fn config(options: u8) -> Config {
    let version = if options & 3 == 2 { Version::V2 } else { Version::V3 };
    let auth = match (options >> 2 & 3, version) {
        (0 | 1, _) => Auth::None,
        (_, Version::V2) => Auth::Password(Password(*b"secret\0\0")),
        (mode, Version::V3) => Auth::Hmac(HmacAuth {
            mode: if mode == 2 { HmacMode::Permissive } else { HmacMode::Enforce },
            keys: vec![key()],
            send: 1,
            window: Duration::from_secs(5),
        }),
    };
    let drops = options & 16 != 0;
    Config {
        name: "fuzz".to_owned(),
        id: Vrid::new(51).expect("not 0"),
        interface: "eth0".to_owned(),
        version,
        addresses: if version == Version::V2 { vec![VIPS[0]] } else { VIPS.to_vec() },
        priority: Priority(100),
        advertise: Duration::from_secs(1),
        preempt: Preempt::Unhealthy,
        preempt_delay: Duration::ZERO,
        startup_delay: Duration::ZERO,
        fault_hold: Duration::from_secs(5),
        peers: vec![Peer { name: "b".to_owned(), addresses: PEERS.to_vec(), hops: 1 }],
        source: None,
        pair_mode: true,
        checksum: ChecksumMode::Mirror,
        address_mismatch: if drops { AddressMismatch::Drop } else { AddressMismatch::Warn },
        auth,
        floor: Priority(1),
        track: Vec::new(),
        witness: None,
        resident: true,
        lease: Lease::Forever,
        vmac: false,
        arp: ArpSchedule { burst: 5, again: Vec::new(), refresh: None },
        notify: None,
    }
}

fn key() -> Key {
    Key { id: 1, secret: (0..32).collect() }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let key = key();
    let password = Password(*b"secret\0\0");
    let stamp = Stamp::at(NOW);
    let story = |options: u8, seal: Seal<'_>| {
        let n = usize::from(options & 1);
        let version = if options & 3 == 2 { Version::V2 } else { Version::V3 };
        let mut story = vec![options];
        for priority in [150, 0] {
            let said = Advertisement {
                version,
                vrid: Vrid::new(51).expect("not 0"),
                priority: Priority(priority),
                interval: Duration::from_secs(1),
                addresses: vec![VIPS[n]],
            };
            let family = Family::of(VIPS[n]);
            let checksum = ChecksumStyle::Pseudo.permitted(version, family);
            let envelope = Envelope { source: PEERS[n], destination: OURS[n], checksum, seal };
            let mut out = Vec::new();
            said.encode(&envelope, &mut out);
            story.push(255);
            story.extend(steps::octets(&out));
        }
        story
    };
    vec![
        story(0, Seal::None),
        story(1, Seal::None),
        story(2, Seal::None),
        story(2 | 8, Seal::Password(&password)),
        story(12, Seal::Hmac { key: &key, stamp }),
        story(13, Seal::Hmac { key: &key, stamp }),
        story(16, Seal::None),
    ]
}
