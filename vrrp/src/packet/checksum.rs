//! The Internet checksum of an advertisement (RFC 1071), and what it covers.
//!
//! - Version 2: the message with its authentication data (RFC 3768 §5.3.8).
//! - Version 3, IPv6: a pseudo-header and the message (RFC 9568 §5.2.8). A trailer is a part of it.
//! - Version 3, IPv4: RFC 9568 §5.2.8 has no pseudo-header here; keepalived to 2.2 and FRR to 8.4
//!   always had one. Both are accepted. A trailer is left out.

use std::net::IpAddr;

use crate::config::{Family, Version};

/// The protocol number of VRRP (RFC 9568 §5.1.1.4).
const PROTOCOL: u8 = 112;

/// What a checksum covers beside the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChecksumStyle {
    /// A pseudo-header: source, destination, protocol and length.
    Pseudo,
    /// Nothing.
    Plain,
}

impl ChecksumStyle {
    /// The style itself where there is a choice, in version 3 over IPv4; else the only one.
    #[must_use]
    pub fn permitted(self, version: Version, family: Family) -> Self {
        match (version, family) {
            (Version::V2, Family::V4 | Family::V6) => Self::Plain,
            (Version::V3, Family::V4) => self,
            (Version::V3, Family::V6) => Self::Pseudo,
        }
    }

    /// The checksum of a message in parts, whose checksum field is zero; every part but the last has
    /// an even length.
    pub(super) fn checksum(self, parts: &[&[u8]], source: IpAddr, destination: IpAddr) -> u16 {
        !self.sum(parts, source, destination)
    }

    /// True if the checksum that is in `message` is right.
    pub(super) fn verifies(self, message: &[u8], source: IpAddr, destination: IpAddr) -> bool {
        self.sum(&[message], source, destination) == u16::MAX
    }

    fn sum(self, parts: &[&[u8]], source: IpAddr, destination: IpAddr) -> u16 {
        let message = parts.iter().map(|part| words(part)).sum::<u64>();
        match self {
            Self::Plain => fold(message),
            Self::Pseudo => {
                let length = parts.iter().map(|part| part.len() as u64).sum::<u64>();
                let addresses = address(source) + address(destination);
                fold(message + addresses + u64::from(PROTOCOL) + length)
            }
        }
    }
}

/// True if a trailer counts as a part of the message.
pub(super) fn covers_trailer(family: Family) -> bool {
    match family {
        Family::V4 => false,
        Family::V6 => true,
    }
}

fn address(address: IpAddr) -> u64 {
    match address {
        IpAddr::V4(address) => words(&address.octets()),
        IpAddr::V6(address) => words(&address.octets()),
    }
}

/// The sum of 16-bit words; an odd byte at the end is the high half of one.
fn words(bytes: &[u8]) -> u64 {
    let (pairs, odd) = bytes.as_chunks::<2>();
    let words: u64 = pairs.iter().map(|&pair| u64::from(u16::from_be_bytes(pair))).sum();
    words + odd.iter().map(|&byte| u64::from(byte) << 8).sum::<u64>()
}

/// One's complement addition: what exceeds 16 bits is added at the low end.
fn fold(sum: u64) -> u16 {
    match u16::try_from(sum) {
        Ok(sum) => sum,
        Err(_) => fold((sum >> 16) + (sum & 0xffff)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_summed_as_rfc_1071_shows() {
        // RFC 1071 §3: the words 0001, f203, f4f5, f6f7 sum up to ddf2.
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(fold(words(&bytes)), 0xddf2);
        assert_eq!(fold(words(&bytes[..7])), fold(0x0001 + 0xf203 + 0xf4f5 + 0xf600));
        assert_eq!(fold(0x1_ffff), 1);
        assert_eq!(fold(0), 0);
    }

    #[test]
    fn only_version_3_over_ipv4_has_a_choice() {
        use ChecksumStyle::{Plain, Pseudo};
        for wanted in [Plain, Pseudo] {
            assert_eq!(wanted.permitted(Version::V2, Family::V4), Plain);
            assert_eq!(wanted.permitted(Version::V3, Family::V4), wanted);
            assert_eq!(wanted.permitted(Version::V3, Family::V6), Pseudo);
        }
    }
}
