//! IPv6 addresses that carry an IPv4 address: a client behind one is where its IPv4 address is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

/// A block of IPv6 addresses, each of which carries an IPv4 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transition {
    /// `::ffff:0:0/96`, RFC 4291 §2.5.5.2.
    Mapped,
    /// `64:ff9b::/96`, RFC 6052 §2.1.
    Translated,
    /// `2001::/32`, RFC 4380 §4: the client's address is inverted in the low 32 bits.
    Teredo,
    /// `2002::/16`, RFC 3056 §2: the address follows the prefix.
    SixToFour,
}

impl Transition {
    /// Every block, in the order of its addresses.
    pub(super) const ALL: [Self; 4] =
        [Self::Mapped, Self::Translated, Self::Teredo, Self::SixToFour];

    /// The block that an address is in.
    pub(super) fn of(address: Ipv6Addr) -> Option<Self> {
        match address.segments() {
            [0, 0, 0, 0, 0, 0xffff, ..] => Some(Self::Mapped),
            [0x64, 0xff9b, 0, 0, 0, 0, ..] => Some(Self::Translated),
            [0x2001, 0, ..] => Some(Self::Teredo),
            [0x2002, ..] => Some(Self::SixToFour),
            _ => None,
        }
    }

    /// The block's first and last address.
    pub(super) fn block(self) -> RangeInclusive<u128> {
        let (first, length) = match self {
            Self::Mapped => (0xffff << 32, 96),
            Self::Translated => (0x0064_ff9b << 96, 96),
            Self::Teredo => (0x2001_0000 << 96, 32),
            Self::SixToFour => (0x2002 << 112, 16),
        };
        first..=first | (u128::MAX >> length)
    }

    /// The IPv4 address that an address of this block carries.
    pub(super) fn carried(self, address: Ipv6Addr) -> Ipv4Addr {
        let bits = u128::from(address);
        let after = self.bits_before();
        let carried = (bits >> (128 - 32 - after)) as u32;
        Ipv4Addr::from(if self == Self::Teredo { !carried } else { carried })
    }

    /// How many bits stand before the IPv4 address.
    pub(super) fn bits_before(self) -> u32 {
        match self {
            Self::Mapped | Self::Translated | Self::Teredo => 96,
            Self::SixToFour => 16,
        }
    }
}

/// The address whose place counts: the IPv4 address carried by an IPv4-mapped (RFC 4291 §2.5.5.2),
/// 6to4 (RFC 3056), Teredo (RFC 4380) or 64:ff9b::/96 (RFC 6052) address, else the address itself.
#[must_use]
pub fn canonical(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    Transition::of(v6).map_or(address, |transition| transition.carried(v6).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carried_addresses_are_looked_up_instead() {
        let cases = [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("64:ff9b::192.0.2.1", "192.0.2.1"),
            // RFC 4380 §4: server 65.54.227.120, port 40000 and client 192.0.2.45 inverted.
            ("2001:0:4136:e378:8000:63bf:3fff:fdd2", "192.0.2.45"),
            ("2002:c000:201::1", "192.0.2.1"),
            ("2002:c000:201:ffff:ffff:ffff:ffff:ffff", "192.0.2.1"),
            ("::192.0.2.1", "::192.0.2.1"),
            ("64:ff9b:1::1", "64:ff9b:1::1"),
            ("64:ff9b:0:0:0:1:c000:201", "64:ff9b::1:c000:201"),
            ("2001:1::1", "2001:1::1"),
            ("2003::1", "2003::1"),
            ("::fffe:c000:201", "::fffe:c000:201"),
        ];
        for (address, expected) in cases {
            let (address, expected): (IpAddr, IpAddr) =
                (address.parse().expect("an address"), expected.parse().expect("an address"));
            assert_eq!(canonical(address), expected, "{address}");
        }
    }

    #[test]
    fn a_block_holds_the_addresses_of_its_kind_and_no_others() {
        for transition in Transition::ALL {
            let (first, last) = transition.block().into_inner();
            assert_eq!(Transition::of(first.into()), Some(transition));
            assert_eq!(Transition::of(last.into()), Some(transition));
            assert_ne!(Transition::of((first - 1).into()), Some(transition));
            assert_ne!(Transition::of((last + 1).into()), Some(transition));
        }
        assert!(Transition::ALL.is_sorted_by_key(|transition| *transition.block().start()));
    }
}
