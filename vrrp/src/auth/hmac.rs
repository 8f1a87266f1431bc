//! The keyed trailer of version 3, byte for byte keepalived's `auth_hmac`.
//!
//! ```text
//!           0               1               2               3
//!   0 +---------------+---------------+-------------------------------+
//!     | algorithm = 1 |      key      |               0               |
//!   4 +---------------+---------------+-------------------------------+
//!     |                        stamp.seconds                          |
//!   8 +-------------------------------+-------------------------------+
//!     |        stamp.fraction         |         stamp.counter         |
//!  12 +-------------------------------+-------------------------------+
//!     |          the first 16 bytes of HMAC-SHA256 (RFC 2104)         |
//!  28 +---------------------------------------------------------------+
//! ```
//!
//! What is authenticated, one after the other:
//!
//! - 20 bytes about the packet: 4 or 6 for the family, the version, the VRID, 0, and the source
//!   address, filled up with zeros to 16 bytes;
//! - the advertisement with its checksum zeroed, and the trailer's first 12 bytes;
//! - 16 zeros in the place of the MAC.
//!
//! Not authenticated are thus the checksum, which routers that rewrite addresses change, and of the
//! IP header everything but the source: the destination, the TTL or hop limit, the traffic class.

use std::hint::black_box;
use std::net::IpAddr;

use ring::hmac::{Context, HMAC_SHA256, Key as Secret};

use super::{Key, Stamp};

/// HMAC-SHA256, the only algorithm.
const ALGORITHM: u8 = 1;
/// The MAC's length in bytes; RFC 2104 §5 allows a half of the hash.
const MAC: usize = 16;
/// The trailer up to the MAC.
const HEAD: usize = 12;
/// The whole of it.
const LENGTH: usize = HEAD + MAC;

/// A trailer as it arrived, not yet believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trailer<'a> {
    /// The id of the key that it claims.
    pub key: u8,
    /// Its place in the sender's sequence.
    pub stamp: Stamp,
    head: &'a [u8; HEAD],
    mac: &'a [u8; MAC],
}

impl<'a> Trailer<'a> {
    /// Its length in bytes.
    pub const LENGTH: usize = LENGTH;

    /// What follows the addresses, if that is a trailer: 28 bytes of the known algorithm.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (head, mac) = bytes.split_first_chunk::<HEAD>()?;
        let mac = mac.try_into().ok()?;
        let &[ALGORITHM, key, _, _, s0, s1, s2, s3, f0, f1, c0, c1] = head else { return None };
        let stamp = Stamp {
            seconds: u32::from_be_bytes([s0, s1, s2, s3]),
            fraction: u16::from_be_bytes([f0, f1]),
            counter: u16::from_be_bytes([c0, c1]),
        };
        Some(Self { key, stamp, head, mac })
    }

    /// True if `key` made it for this header and these addresses, sent by `source`.
    pub(crate) fn verifies(
        &self,
        key: &Key,
        source: IpAddr,
        header: &[u8; 8],
        addresses: &[u8],
    ) -> bool {
        equal(&mac(key, source, header, &[addresses, self.head]), self.mac)
    }
}

/// The trailer of an advertisement; its header's checksum may be anything.
pub(crate) fn trailer(
    key: &Key,
    stamp: Stamp,
    source: IpAddr,
    header: &[u8; 8],
    addresses: &[u8],
) -> [u8; LENGTH] {
    let [s0, s1, s2, s3] = stamp.seconds.to_be_bytes();
    let [f0, f1] = stamp.fraction.to_be_bytes();
    let [c0, c1] = stamp.counter.to_be_bytes();
    let head = [ALGORITHM, key.id, 0, 0, s0, s1, s2, s3, f0, f1, c0, c1];
    let mac = mac(key, source, header, &[addresses, &head]);
    let mut trailer = [0; LENGTH];
    trailer[..HEAD].copy_from_slice(&head);
    trailer[HEAD..].copy_from_slice(&mac);
    trailer
}

fn mac(key: &Key, source: IpAddr, header: &[u8; 8], body: &[&[u8]]) -> [u8; MAC] {
    let &[version_type, vrid, priority, count, high, low, _, _] = header;
    let mut context = Context::with_key(&Secret::new(HMAC_SHA256, &key.secret));
    context.update(&about(source, version_type >> 4, vrid));
    context.update(&[version_type, vrid, priority, count, high, low, 0, 0]);
    body.iter().for_each(|part| context.update(part));
    context.update(&[0; MAC]);
    *context.sign().as_ref().first_chunk().expect("a SHA-256 has 32 bytes")
}

/// The 20 bytes that tie an advertisement to its sender.
fn about(source: IpAddr, version: u8, vrid: u8) -> [u8; 20] {
    let mut bytes = [0; 20];
    match source {
        IpAddr::V4(source) => {
            bytes[..4].copy_from_slice(&[4, version, vrid, 0]);
            bytes[4..8].copy_from_slice(&source.octets());
        }
        IpAddr::V6(source) => {
            bytes[..4].copy_from_slice(&[6, version, vrid, 0]);
            bytes[4..].copy_from_slice(&source.octets());
        }
    }
    bytes
}

/// Compares without stopping at the first difference, so that the time taken tells a forger nothing.
fn equal(a: &[u8; MAC], b: &[u8; MAC]) -> bool {
    black_box(a.iter().zip(b).fold(0, |differences, (a, b)| differences | (a ^ b))) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key { id: 1, secret: (0..32).collect() }
    }

    const STAMP: Stamp = Stamp { seconds: 0x6800_0000, fraction: 0x8000, counter: 0 };

    /// Of keepalived: a source, a header with its checksum, addresses, the MAC.
    const VECTORS: [(&str, [u8; 8], &str, &str); 2] = [
        (
            "198.51.100.10",
            [0x31, 0x33, 0xc8, 0x01, 0x00, 0x64, 0x44, 0x02],
            "192.0.2.100",
            "1b84bc4e8e43892dc6d98448f8ee2265",
        ),
        (
            "fe80::10",
            [0x31, 0x33, 0xc8, 0x01, 0x00, 0x64, 0xa2, 0xe9],
            "fe80::100",
            "c8c56146ebfd66ee10ec4d8186461b78",
        ),
    ];

    fn octets(address: &str) -> Vec<u8> {
        match address.parse().unwrap() {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        }
    }

    #[test]
    fn trailers_are_those_of_keepalived() {
        for (source, header, address, mac) in VECTORS {
            let source = source.parse().unwrap();
            let bytes = trailer(&key(), STAMP, source, &header, &octets(address));
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hex, format!("010100006800000080000000{mac}"));
            let parsed = Trailer::parse(&bytes).unwrap();
            assert_eq!((parsed.key, parsed.stamp), (1, STAMP));
            assert!(parsed.verifies(&key(), source, &header, &octets(address)));
        }
    }

    #[test]
    fn a_trailer_is_bound_to_its_sender_key_and_advertisement() {
        let (source, header, address, _) = VECTORS[0];
        let source = source.parse().unwrap();
        let bytes = trailer(&key(), STAMP, source, &header, &octets(address));
        let parsed = Trailer::parse(&bytes).unwrap();
        let verifies = |key: &Key, source: &str, header: [u8; 8], address: &str| {
            parsed.verifies(key, source.parse().unwrap(), &header, &octets(address))
        };
        let mut other = header;
        other[2] = 201;
        let secret = Key { id: 1, secret: vec![7] };
        assert!(verifies(&key(), "198.51.100.10", header, address));
        assert!(!verifies(&secret, "198.51.100.10", header, address), "key");
        assert!(!verifies(&key(), "198.51.100.11", header, address), "source");
        assert!(!verifies(&key(), "198.51.100.10", other, address), "priority");
        assert!(!verifies(&key(), "198.51.100.10", header, "192.0.2.101"), "address");
    }

    #[test]
    fn the_checksum_is_not_authenticated() {
        let (source, mut header, address, _) = VECTORS[0];
        let source = source.parse().unwrap();
        let before = trailer(&key(), STAMP, source, &header, &octets(address));
        header[6] ^= 0xff;
        assert_eq!(trailer(&key(), STAMP, source, &header, &octets(address)), before);
    }

    #[test]
    fn other_lengths_and_algorithms_are_no_trailers() {
        let mut bytes = [0; 29];
        bytes[0] = 1;
        assert!(Trailer::parse(&bytes[..28]).is_some());
        for length in [0, 1, 12, 27, 29] {
            assert_eq!(Trailer::parse(&bytes[..length]), None, "{length}");
        }
        bytes[0] = 2;
        assert_eq!(Trailer::parse(&bytes[..28]), None);
    }
}
