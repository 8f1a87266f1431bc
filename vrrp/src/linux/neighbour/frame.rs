//! Frames that tell and ask where an address is: ARP (RFC 826, RFC 5227), neighbour discovery
//! (RFC 4861), and an echo for those that are farther away (RFC 792).

use std::net::{Ipv4Addr, Ipv6Addr};

use super::Role;
use crate::linux::Mac;

/// EtherType of ARP.
pub(super) const ARP: u16 = 0x0806;
const IPV6: u16 = 0x86dd;
/// ARP for IPv4 on Ethernet: hardware type 1, protocol type 0x0800, 6 and 4 octets.
const ARP_ETHERNET_IPV4: [u8; 6] = [0, 1, 8, 0, 6, 4];
const ARP_REQUEST: [u8; 2] = [0, 1];
const ICMPV6: u8 = 58;
const NEIGHBOUR_SOLICITATION: u8 = 135;
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;
/// Neighbour discovery believes only what nobody forwarded (RFC 4861 §7.1).
pub(super) const HOPS: u8 = 255;
/// Flags of an advertisement (RFC 4861 §4.4).
const ROUTER: u8 = 0x80;
const OVERRIDE: u8 = 0x20;
/// Options (RFC 4861 §4.6.1), each one unit of 8 octets long.
const SOURCE_LINK_LAYER: u8 = 1;
const TARGET_LINK_LAYER: u8 = 2;
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// Echo types of ICMP and of ICMPv6 (RFC 4443 §4).
pub(super) const ECHO_REPLY: u8 = 0;
const ECHO_REQUEST: u8 = 8;
pub(super) const ECHO_REPLY_V6: u8 = 129;
const ECHO_REQUEST_V6: u8 = 128;

/// An ARP announcement: a request for one's own address (RFC 5227 §2.3). Everybody who knows the
/// address takes the new place of it.
#[must_use]
pub fn arp_announcement(mac: Mac, address: Ipv4Addr) -> Vec<u8> {
    arp_question(mac, address, address)
}

/// An ARP request for `target`.
#[must_use]
pub fn arp_question(mac: Mac, source: Ipv4Addr, target: Ipv4Addr) -> Vec<u8> {
    let mut frame = ethernet(Mac::BROADCAST, mac, ARP);
    frame.extend_from_slice(&ARP_ETHERNET_IPV4);
    frame.extend_from_slice(&ARP_REQUEST);
    frame.extend_from_slice(&mac.0);
    frame.extend_from_slice(&source.octets());
    frame.extend_from_slice(&[0; 6]);
    frame.extend_from_slice(&target.octets());
    frame
}

/// An unsolicited neighbour advertisement to all nodes (RFC 4861 §7.2.6), with the override flag:
/// everybody who knows the address takes the new place of it.
#[must_use]
pub fn neighbour_advertisement(mac: Mac, address: Ipv6Addr, role: Role) -> Vec<u8> {
    let flags = match role {
        Role::Host => OVERRIDE,
        Role::Router => OVERRIDE | ROUTER,
    };
    let body = discovery(NEIGHBOUR_ADVERTISEMENT, flags, address, TARGET_LINK_LAYER, mac);
    icmpv6_frame(mac, address, ALL_NODES, body)
}

/// A neighbour solicitation for `target`, to its solicited-node group (RFC 4861 §7.2.2).
#[must_use]
pub fn neighbour_solicitation(mac: Mac, source: Ipv6Addr, target: Ipv6Addr) -> Vec<u8> {
    let body = discovery(NEIGHBOUR_SOLICITATION, 0, target, SOURCE_LINK_LAYER, mac);
    icmpv6_frame(mac, source, solicited_node(target), body)
}

/// Who an ARP packet (without its Ethernet header) says has an address. Absent for what is no ARP,
/// and for a probe, which says nothing (RFC 5227 §2.1).
#[must_use]
pub fn read_arp(packet: &[u8]) -> Option<(Ipv4Addr, Mac)> {
    let rest = packet.strip_prefix(&ARP_ETHERNET_IPV4)?;
    let (_operation, rest) = rest.split_first_chunk::<2>()?;
    let (mac, rest) = rest.split_first_chunk::<6>()?;
    let (address, rest) = rest.split_first_chunk::<4>()?;
    rest.first_chunk::<10>()?;
    let address = Ipv4Addr::from(*address);
    (!address.is_unspecified()).then_some((address, Mac(*mac)))
}

/// Who a neighbour advertisement says has an address. Absent for what is none, or does not name a
/// link-layer address. The checksum and the hop limit are the receiver's to check.
#[must_use]
pub fn read_neighbour_advertisement(message: &[u8]) -> Option<(Ipv6Addr, Mac)> {
    let (head, rest) = message.split_first_chunk::<8>()?;
    if head[..2] != [NEIGHBOUR_ADVERTISEMENT, 0] {
        return None;
    }
    let (target, mut options) = rest.split_first_chunk::<16>()?;
    while let [kind, units, ..] = options {
        // An option of no length voids the message (RFC 4861 §7.1.2).
        let (option, rest) = options.split_at_checked(usize::from(*units).max(1) * 8)?;
        if (*kind, *units) == (TARGET_LINK_LAYER, 1) {
            return Some((Ipv6Addr::from(*target), Mac(*option.get(2..)?.first_chunk()?)));
        }
        if *units == 0 {
            return None;
        }
        options = rest;
    }
    None
}

/// An ICMP echo request.
pub(super) fn echo_question(identifier: u16) -> Vec<u8> {
    let mut message = echo(ECHO_REQUEST, identifier);
    let checksum = checksum(&message, 0);
    message[2..4].copy_from_slice(&checksum.to_be_bytes());
    message
}

/// An ICMPv6 echo request; the kernel writes the checksum.
pub(super) fn echo_question_v6(identifier: u16) -> Vec<u8> {
    echo(ECHO_REQUEST_V6, identifier)
}

/// Whether a message is an echo reply of type `kind` to us.
pub(super) fn is_echo_reply(message: &[u8], kind: u8, identifier: u16) -> bool {
    let [high, low] = identifier.to_be_bytes();
    matches!(message, [k, 0, _, _, h, l, ..] if (*k, *h, *l) == (kind, high, low))
}

fn echo(kind: u8, identifier: u16) -> Vec<u8> {
    let [high, low] = identifier.to_be_bytes();
    vec![kind, 0, 0, 0, high, low, 0, 0]
}

fn ethernet(destination: Mac, source: Mac, kind: u16) -> Vec<u8> {
    let mut frame = Vec::with_capacity(86);
    frame.extend_from_slice(&destination.0);
    frame.extend_from_slice(&source.0);
    frame.extend_from_slice(&kind.to_be_bytes());
    frame
}

/// A message about `target` with one link-layer option; its checksum is zero.
fn discovery(kind: u8, flags: u8, target: Ipv6Addr, option: u8, mac: Mac) -> Vec<u8> {
    let mut body = vec![kind, 0, 0, 0, flags, 0, 0, 0];
    body.extend_from_slice(&target.octets());
    body.extend_from_slice(&[option, 1]);
    body.extend_from_slice(&mac.0);
    body
}

fn icmpv6_frame(mac: Mac, source: Ipv6Addr, group: Ipv6Addr, mut body: Vec<u8>) -> Vec<u8> {
    let length = u16::try_from(body.len()).expect("messages have 32 octets");
    let checksum = checksum(&body, pseudo_header_sum(source, group, length));
    body[2..4].copy_from_slice(&checksum.to_be_bytes());
    let mut frame = ethernet(group_mac(group), mac, IPV6);
    frame.extend_from_slice(&[0x60, 0, 0, 0]);
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(&[ICMPV6, HOPS]);
    frame.extend_from_slice(&source.octets());
    frame.extend_from_slice(&group.octets());
    frame.extend_from_slice(&body);
    frame
}

/// RFC 4291 §2.7.1: ff02::1:ff00:0/104 with the last 24 bits of the address.
fn solicited_node(target: Ipv6Addr) -> Ipv6Addr {
    let [.., a, b, c] = target.octets();
    let low = u16::from_be_bytes([b, c]);
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | u16::from(a), low)
}

/// RFC 2464 §7: 33:33 and the last four octets of the group.
fn group_mac(group: Ipv6Addr) -> Mac {
    let [.., a, b, c, d] = group.octets();
    Mac([0x33, 0x33, a, b, c, d])
}

/// The sum over the pseudo-header (RFC 8200 §8.1).
fn pseudo_header_sum(source: Ipv6Addr, destination: Ipv6Addr, length: u16) -> u32 {
    let words = source.segments().into_iter().chain(destination.segments());
    words.map(u32::from).sum::<u32>() + u32::from(length) + u32::from(ICMPV6)
}

/// The Internet checksum (RFC 1071) of an even number of octets, added to `sum`.
fn checksum(octets: &[u8], sum: u32) -> u16 {
    let words = octets.chunks_exact(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1]));
    let mut sum = words.fold(sum, |sum, word| sum + word);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: Mac = Mac([2, 0, 0, 0, 0, 0x51]);

    fn v6(text: &str) -> Ipv6Addr {
        text.parse().expect("an address")
    }

    #[test]
    fn arp_announcement_asks_for_its_own_address() {
        let expected = [
            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 0x51, 8, 6, // Ethernet
            0, 1, 8, 0, 6, 4, 0, 1, // a request for IPv4 on Ethernet
            2, 0, 0, 0, 0, 0x51, 192, 0, 2, 100, // the sender
            0, 0, 0, 0, 0, 0, 192, 0, 2, 100, // the target
        ];
        let frame = arp_announcement(MAC, Ipv4Addr::new(192, 0, 2, 100));
        assert_eq!(frame, expected);
        assert_eq!(read_arp(&frame[14..]), Some((Ipv4Addr::new(192, 0, 2, 100), MAC)));
    }

    #[test]
    fn arp_question_names_both() {
        let frame = arp_question(MAC, Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 254));
        assert_eq!(frame[28..32], [192, 0, 2, 1]);
        assert_eq!(frame[38..42], [192, 0, 2, 254]);
    }

    #[test]
    fn neighbour_advertisement_overrides_and_is_sent_to_all_nodes() {
        let expected = [
            0x33, 0x33, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0x51, 0x86, 0xdd, // Ethernet
            0x60, 0, 0, 0, 0, 32, 58, 255, // IPv6: 32 octets of ICMPv6, 255 hops
            0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
            0, // from the address itself
            0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, // to ff02::1
            136, 0, 0xf6, 0xdc, 0x20, 0, 0, 0, // override
            0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, // the target
            2, 1, 2, 0, 0, 0, 0, 0x51, // and where it is
        ];
        let frame = neighbour_advertisement(MAC, v6("2001:db8::100"), Role::Host);
        assert_eq!(frame, expected);
        let claim = read_neighbour_advertisement(&frame[54..]);
        assert_eq!(claim, Some((v6("2001:db8::100"), MAC)));
        let router = neighbour_advertisement(MAC, v6("2001:db8::100"), Role::Router);
        assert_eq!(router[58], 0xa0);
    }

    #[test]
    fn checksum_makes_the_whole_sum_to_zero() {
        for frame in [
            neighbour_advertisement(MAC, v6("fe80::1"), Role::Router),
            neighbour_solicitation(MAC, v6("fe80::1"), v6("2001:db8::ffff:ffff")),
        ] {
            let at = |i: usize| v6_at(&frame, i);
            let sum = pseudo_header_sum(at(22), at(38), 32);
            assert_eq!(checksum(&frame[54..], sum), 0);
        }
        assert_eq!(checksum(&echo_question(0xbeef), 0), 0);
    }

    fn v6_at(frame: &[u8], place: usize) -> Ipv6Addr {
        Ipv6Addr::from(*frame[place..].first_chunk::<16>().expect("an address"))
    }

    #[test]
    fn neighbour_solicitation_goes_to_the_solicited_node_group() {
        let frame = neighbour_solicitation(MAC, v6("fe80::1"), v6("2001:db8::12:3456"));
        assert_eq!(frame[..6], [0x33, 0x33, 0xff, 0x12, 0x34, 0x56]);
        assert_eq!(v6_at(&frame, 38), v6("ff02::1:ff12:3456"));
        assert_eq!(v6_at(&frame, 62), v6("2001:db8::12:3456"));
        assert_eq!(frame[78..80], [SOURCE_LINK_LAYER, 1]);
        assert_eq!(read_neighbour_advertisement(&frame[54..]), None, "no advertisement");
    }

    #[test]
    fn what_is_cut_short_claims_nothing() {
        let arp = arp_announcement(MAC, Ipv4Addr::new(192, 0, 2, 100));
        for end in 14..arp.len() {
            assert_eq!(read_arp(&arp[14..end]), None, "{end}");
        }
        let advertisement = neighbour_advertisement(MAC, v6("fe80::1"), Role::Host);
        for end in 54..advertisement.len() {
            assert_eq!(read_neighbour_advertisement(&advertisement[54..end]), None, "{end}");
        }
    }

    #[test]
    fn arp_probe_claims_nothing() {
        let probe = arp_question(MAC, Ipv4Addr::UNSPECIFIED, Ipv4Addr::new(192, 0, 2, 100));
        assert_eq!(read_arp(&probe[14..]), None);
    }

    #[test]
    fn option_of_no_length_voids_the_message() {
        let mut frame = neighbour_advertisement(MAC, v6("fe80::1"), Role::Host);
        frame[79] = 0;
        assert_eq!(read_neighbour_advertisement(&frame[54..]), None);
    }

    #[test]
    fn unknown_options_are_passed_over() {
        let frame = neighbour_advertisement(MAC, v6("fe80::1"), Role::Host);
        let (head, option) = frame[54..].split_at(24);
        let message = [head, &[14, 2], &[0; 14], option].concat();
        assert_eq!(read_neighbour_advertisement(&message), Some((v6("fe80::1"), MAC)));
    }

    #[test]
    fn echo_reply_is_ours_by_its_identifier() {
        let mut reply = echo_question(0xbeef);
        assert!(!is_echo_reply(&reply, ECHO_REPLY, 0xbeef), "our own question");
        reply[0] = ECHO_REPLY;
        assert!(is_echo_reply(&reply, ECHO_REPLY, 0xbeef));
        assert!(!is_echo_reply(&reply, ECHO_REPLY, 0xbeee));
        assert!(!is_echo_reply(&reply[..5], ECHO_REPLY, 0xbeef));
    }
}
