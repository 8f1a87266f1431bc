//! Bytes of other implementations, both ways, and every packet there and back.

use proptest::prelude::*;

use super::*;
use crate::auth::{Key, Password, Stamp};

/// A capture: what was said, by whom to whom, and its bytes.
struct Capture {
    version: Version,
    priority: u8,
    interval: Duration,
    addresses: &'static [&'static str],
    source: &'static str,
    destination: &'static str,
    checksum: ChecksumStyle,
    seal: SealKind,
    bytes: &'static str,
}

enum SealKind {
    None,
    Password,
    Hmac,
}

const SECOND: Duration = Duration::from_secs(1);
const STAMP: Stamp = Stamp { seconds: 0x6800_0000, fraction: 0x8000, counter: 0 };

/// Of keepalived 2.2.7 with VRID 51, and of 2.4 where there is a trailer.
const CAPTURES: [Capture; 9] = [
    Capture {
        version: Version::V3,
        priority: 150,
        interval: SECOND,
        addresses: &["10.0.0.100"],
        source: "10.0.0.1",
        destination: "224.0.0.18",
        checksum: ChecksumStyle::Pseudo,
        seal: SealKind::None,
        bytes: "31339601006443730a000064",
    },
    Capture {
        version: Version::V3,
        priority: 0,
        interval: SECOND,
        addresses: &["10.0.0.100"],
        source: "10.0.0.1",
        destination: "224.0.0.18",
        checksum: ChecksumStyle::Pseudo,
        seal: SealKind::None,
        bytes: "313300010064d9730a000064",
    },
    Capture {
        version: Version::V3,
        priority: 150,
        interval: SECOND,
        addresses: &["10.0.0.100"],
        source: "10.0.0.1",
        destination: "10.0.0.2",
        checksum: ChecksumStyle::Pseudo,
        seal: SealKind::None,
        bytes: "31339601006419840a000064",
    },
    Capture {
        version: Version::V3,
        priority: 150,
        interval: Duration::from_millis(250),
        addresses: &["fe80::100", "2001:db8::100"],
        source: "fe80::1",
        destination: "ff02::12",
        checksum: ChecksumStyle::Pseudo,
        seal: SealKind::None,
        bytes: "3133960200190c48fe80000000000000000000000000010020010db8000000000000000000000100",
    },
    Capture {
        version: Version::V2,
        priority: 150,
        interval: SECOND,
        addresses: &["10.0.0.100", "10.0.0.101"],
        source: "10.0.0.1",
        destination: "224.0.0.18",
        checksum: ChecksumStyle::Plain,
        seal: SealKind::Password,
        bytes: "213396020101d09d0a0000640a0000653131313100000000",
    },
    Capture {
        version: Version::V2,
        priority: 0,
        interval: SECOND,
        addresses: &["10.0.0.100", "10.0.0.101"],
        source: "10.0.0.1",
        destination: "224.0.0.18",
        checksum: ChecksumStyle::Plain,
        seal: SealKind::Password,
        bytes: "213300020101669e0a0000640a0000653131313100000000",
    },
    Capture {
        version: Version::V2,
        priority: 150,
        interval: SECOND,
        addresses: &["10.0.0.100"],
        source: "10.0.0.1",
        destination: "224.0.0.18",
        checksum: ChecksumStyle::Plain,
        seal: SealKind::None,
        bytes: "2133960100013e660a0000640000000000000000",
    },
    Capture {
        version: Version::V3,
        priority: 200,
        interval: SECOND,
        addresses: &["192.0.2.100"],
        source: "198.51.100.10",
        destination: "224.0.0.18",
        checksum: ChecksumStyle::Plain,
        seal: SealKind::Hmac,
        bytes: "3133c80100644402c0000264\
                0101000068000000800000001b84bc4e8e43892dc6d98448f8ee2265",
    },
    Capture {
        version: Version::V3,
        priority: 200,
        interval: SECOND,
        addresses: &["fe80::100"],
        source: "fe80::10",
        destination: "fe80::20",
        checksum: ChecksumStyle::Pseudo,
        seal: SealKind::Hmac,
        bytes: "3133c8010064a2e9fe800000000000000000000000000100\
                010100006800000080000000c8c56146ebfd66ee10ec4d8186461b78",
    },
];

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn key() -> Key {
    Key { id: 1, secret: (0..32).collect() }
}

impl Capture {
    fn advertisement(&self) -> Advertisement {
        Advertisement {
            version: self.version,
            vrid: Vrid::new(51).unwrap(),
            priority: Priority(self.priority),
            interval: self.interval,
            addresses: self.addresses.iter().map(|address| address.parse().unwrap()).collect(),
        }
    }

    fn ends(&self) -> (IpAddr, IpAddr) {
        (self.source.parse().unwrap(), self.destination.parse().unwrap())
    }
}

#[test]
fn packets_are_written_as_keepalived_writes_them() {
    let (key, password) = (key(), Password(*b"1111\0\0\0\0"));
    for capture in CAPTURES {
        let (source, destination) = capture.ends();
        let seal = match capture.seal {
            SealKind::None => Seal::None,
            SealKind::Password => Seal::Password(&password),
            SealKind::Hmac => Seal::Hmac { key: &key, stamp: STAMP },
        };
        let envelope = Envelope { source, destination, checksum: capture.checksum, seal };
        let mut bytes = Vec::new();
        capture.advertisement().encode(&envelope, &mut bytes);
        assert_eq!(hex(&bytes), capture.bytes);
    }
}

#[test]
fn packets_of_keepalived_are_read() {
    for capture in CAPTURES {
        let (source, destination) = capture.ends();
        let bytes = unhex(capture.bytes);
        let packet = Packet::parse(Family::of(source), &bytes).unwrap();
        assert_eq!(packet.advertisement(), Some(capture.advertisement()), "{}", capture.bytes);
        assert_eq!(packet.checksum_style(source, destination), Some(capture.checksum));
        assert_eq!((packet.surplus, packet.length()), (0, bytes.len()));
        let password = match capture.seal {
            SealKind::Password => Some((1, *b"1111\0\0\0\0")),
            SealKind::None if capture.version == Version::V2 => Some((0, [0; 8])),
            SealKind::None | SealKind::Hmac => None,
        };
        assert_eq!(packet.password.map(|data| (packet.auth_type(), *data)), password);
        assert_eq!(packet.verifies(&key(), source), matches!(capture.seal, SealKind::Hmac));
    }
}

#[test]
fn an_advertisement_is_appended_to_what_is_there() {
    let capture = &CAPTURES[0];
    let (source, destination) = capture.ends();
    let checksum = ChecksumStyle::Pseudo;
    let mut bytes = vec![9, 9];
    let envelope = Envelope { source, destination, checksum, seal: Seal::None };
    capture.advertisement().encode(&envelope, &mut bytes);
    assert_eq!(hex(&bytes), format!("0909{}", capture.bytes));
}

#[test]
fn intervals_are_cut_down_to_what_a_packet_can_say() {
    let ms = Duration::from_millis;
    let table = [
        (ms(0), ms(10), SECOND),
        (ms(10), ms(10), SECOND),
        (ms(19), ms(10), SECOND),
        (ms(999), ms(990), SECOND),
        (ms(40_950), ms(40_950), ms(40_000)),
        (ms(40_960), ms(40_950), ms(40_000)),
        (ms(255_999), ms(40_950), ms(255_000)),
        (Duration::MAX, ms(40_950), ms(255_000)),
    ];
    for (wanted, v3, v2) in table {
        for (version, said) in [(Version::V3, v3), (Version::V2, v2)] {
            let advertisement =
                Advertisement { version, interval: wanted, ..CAPTURES[0].advertisement() };
            let bytes = encode(&advertisement, "10.0.0.1", "10.0.0.2");
            let packet = Packet::parse(Family::V4, &bytes).unwrap();
            assert_eq!(packet.interval(), said, "{wanted:?} in version {version}");
        }
    }
}

#[test]
fn the_reserved_bits_before_the_interval_are_ignored() {
    let mut bytes = unhex(CAPTURES[0].bytes);
    bytes[4] |= 0xf0;
    assert_eq!(Packet::parse(Family::V4, &bytes).unwrap().interval(), SECOND);
}

#[test]
fn addresses_of_the_other_family_and_beyond_255_are_left_out() {
    let mut advertisement = CAPTURES[0].advertisement();
    advertisement.addresses = (0..300_u32).map(|n| Ipv4Addr::from_bits(n).into()).collect();
    advertisement.addresses.insert(0, "fe80::1".parse().unwrap());
    let bytes = encode(&advertisement, "10.0.0.1", "10.0.0.2");
    let packet = Packet::parse(Family::V4, &bytes).unwrap();
    assert!(packet.addresses().eq(advertisement.addresses[1..256].iter().copied()));
    assert_eq!(packet.surplus, 0);
}

#[test]
fn a_packet_needs_the_bytes_that_it_counts() {
    // The header; two addresses; the authentication data of version 2.
    let table = [
        (Family::V4, "", 8),
        (Family::V4, "31339601006443", 8),
        (Family::V4, "3133960200640000 0a000064 0a0000", 16),
        (Family::V6, "3133960100640000 0a000064", 24),
        (Family::V4, "2133960100010000 0a000064 00000000000000", 20),
    ];
    for (family, bytes, least) in table {
        let bytes = unhex(&bytes.replace(' ', ""));
        let short = TooShort { length: bytes.len(), least };
        assert_eq!(Packet::parse(family, &bytes), Err(short));
    }
}

#[test]
fn what_follows_a_packet_is_its_surplus() {
    let mut bytes = unhex(CAPTURES[0].bytes);
    bytes.extend([0; 27]);
    let packet = Packet::parse(Family::V4, &bytes).unwrap();
    assert_eq!((packet.surplus, packet.length(), packet.trailer), (27, 12, None));
}

#[test]
fn only_advertisements_of_known_versions_say_something() {
    let bytes = unhex(CAPTURES[0].bytes);
    for (at, byte) in [(0, 0x41), (0, 0x32), (1, 0)] {
        let mut bytes = bytes.clone();
        bytes[at] = byte;
        assert_eq!(Packet::parse(Family::V4, &bytes).unwrap().advertisement(), None);
    }
}

fn encode(advertisement: &Advertisement, source: &str, destination: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let envelope = Envelope {
        source: source.parse().unwrap(),
        destination: destination.parse().unwrap(),
        checksum: ChecksumStyle::Pseudo,
        seal: Seal::None,
    };
    advertisement.encode(&envelope, &mut bytes);
    bytes
}

fn address(family: Family) -> BoxedStrategy<IpAddr> {
    match family {
        Family::V4 => any::<[u8; 4]>().prop_map(IpAddr::from).boxed(),
        Family::V6 => any::<[u8; 16]>().prop_map(IpAddr::from).boxed(),
    }
}

/// Any advertisement, and where it goes.
fn advertisements() -> impl Strategy<Value = (Advertisement, IpAddr, IpAddr)> {
    let kind = prop_oneof![
        Just((Version::V2, Family::V4)),
        Just((Version::V3, Family::V4)),
        Just((Version::V3, Family::V6)),
    ];
    kind.prop_flat_map(|(version, family)| {
        let interval = match version {
            Version::V2 => (1..=255_u64).prop_map(Duration::from_secs).boxed(),
            Version::V3 => (1..=4095_u64).prop_map(|cs| Duration::from_millis(cs * 10)).boxed(),
        };
        let addresses = proptest::collection::vec(address(family), 0..20);
        let said = (1..=255_u8, any::<u8>(), interval, addresses);
        (said, address(family), address(family)).prop_map(move |(said, source, destination)| {
            let (vrid, priority, interval, addresses) = said;
            let (vrid, priority) = (Vrid::new(vrid).unwrap(), Priority(priority));
            let said = Advertisement { version, vrid, priority, interval, addresses };
            (said, source, destination)
        })
    })
}

proptest! {
    #[test]
    fn every_advertisement_comes_back(
        (advertisement, source, destination) in advertisements(),
        plain: bool,
        seal in 0..3,
        stamp: (u32, u16, u16),
        password: [u8; 8],
    ) {
        let (key, password) = (key(), Password(password));
        let stamp = Stamp { seconds: stamp.0, fraction: stamp.1, counter: stamp.2 };
        let seal = match seal {
            0 => Seal::None,
            1 => Seal::Password(&password),
            _ => Seal::Hmac { key: &key, stamp },
        };
        let checksum = if plain { ChecksumStyle::Plain } else { ChecksumStyle::Pseudo };
        let mut bytes = Vec::new();
        advertisement.encode(&Envelope { source, destination, checksum, seal }, &mut bytes);
        let packet = Packet::parse(Family::of(source), &bytes).unwrap();
        prop_assert_eq!(packet.advertisement(), Some(advertisement.clone()));
        prop_assert_eq!(packet.length(), bytes.len());
        let style = checksum.permitted(advertisement.version, Family::of(source));
        let read = packet.checksum_style(source, destination);
        // Both styles are right at once where the pseudo-header sums up to nothing.
        prop_assert!(read == Some(style) || read == Some(ChecksumStyle::Pseudo));
        match (advertisement.version, seal) {
            (Version::V3, Seal::Hmac { .. }) => {
                prop_assert_eq!(packet.trailer.map(|t| (t.key, t.stamp)), Some((1, stamp)));
                prop_assert!(packet.verifies(&key, source));
            }
            (Version::V2, Seal::Password(password)) => {
                prop_assert_eq!((packet.auth_type(), packet.password), (1, Some(&password.0)));
            }
            (Version::V2, Seal::None | Seal::Hmac { .. }) => {
                prop_assert_eq!((packet.auth_type(), packet.password), (0, Some(&[0; 8])));
            }
            (Version::V3, Seal::None | Seal::Password(_)) => {
                prop_assert_eq!((packet.trailer, packet.password), (None, None));
            }
        }
    }

    #[test]
    fn no_bytes_panic(
        v6: bool,
        version_type in prop_oneof![Just(0x21_u8), Just(0x31), any::<u8>()],
        count in 0..12_u8,
        mut bytes in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let family = if v6 { Family::V6 } else { Family::V4 };
        let head = [version_type, 51, 100, count];
        bytes.iter_mut().zip(head).for_each(|(byte, head)| *byte = head);
        match Packet::parse(family, &bytes) {
            Ok(packet) => {
                let source = group(family);
                prop_assert!(!packet.verifies(&key(), source));
                let _ = (packet.checksum_style(source, source), packet.advertisement());
                prop_assert!(packet.length() <= bytes.len());
                prop_assert_eq!(packet.addresses().count(), usize::from(count));
            }
            Err(short) => prop_assert!(short.least > bytes.len() && short.length == bytes.len()),
        }
    }
}
