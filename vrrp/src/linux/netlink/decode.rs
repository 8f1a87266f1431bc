//! What the kernel says: links, addresses, refusals.

use std::ffi::CStr;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::exchange::{Answer, Refusal};
use super::message::{HEADER, Message, attributes, number};
use super::{AddressState, Link, LocalAddress};
use crate::linux::{Interface, Mac};

/// `struct ifinfomsg`: family, padding, type (u16), index, flags, change.
pub(super) const LINK_STRUCTURE: usize = 16;
/// `struct ifaddrmsg`: family, prefix length, flags, scope, index.
pub(super) const ADDRESS_STRUCTURE: usize = 8;
/// `IFA_FLAGS`: the flags that do not fit into the structure's octet.
pub(super) const IFA_FLAGS: u16 = 8;
/// `NLMSGERR_ATTR_MSG`: a sentence.
const EXPLANATION: u16 = 1;
/// "For ever", in a lifetime.
pub(super) const INFINITY: u32 = u32::MAX;

/// The answer to one request: `NLMSG_ERROR`, whose error is 0 for "done".
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Acknowledgement {
    /// A positive `errno`, or 0.
    pub(super) errno: i32,
    /// The kernel's own words.
    pub(super) explanation: Option<String>,
}

impl Acknowledgement {
    /// From `struct nlmsgerr`: the error, the request's header (and the request itself unless
    /// capped), attributes.
    pub(super) fn read(message: &Message<'_>) -> Option<Self> {
        let (error, rest) = message.body.split_first_chunk()?;
        let errno = i32::from_ne_bytes(*error).checked_neg()?;
        let explanation = rest
            .get(HEADER..)
            .filter(|_| message.flags & (libc::NLM_F_CAPPED as u16) != 0)
            .and_then(|tail| attributes(tail).find(|(kind, _)| *kind == EXPLANATION))
            .map(|(_, text)| text_of(text));
        Some(Self { errno, explanation })
    }

    pub(super) fn into_result(self) -> Answer {
        match self.errno {
            0 => Ok(()),
            errno => {
                let error = io::Error::from_raw_os_error(errno);
                Err(Refusal { error, explanation: self.explanation })
            }
        }
    }
}

/// From `RTM_NEWLINK` or `RTM_DELLINK`. Absent for what speaks of something else than the link as
/// such: a port that leaves a bridge is said to be deleted too, in the bridge's family.
pub(super) fn link(message: &Message<'_>) -> Option<Link> {
    let (structure, rest) = message.body.split_at_checked(LINK_STRUCTURE)?;
    if i32::from(structure[0]) != libc::AF_UNSPEC {
        return None;
    }
    let index = number(structure.get(4..)?)?;
    let flags = number(structure.get(8..)?)?.cast_signed();
    let mut name = None;
    let mut mac = None;
    for (kind, value) in attributes(rest) {
        match kind {
            libc::IFLA_IFNAME => name = Some(text_of(value)),
            libc::IFLA_ADDRESS => mac = value.try_into().ok().map(Mac),
            _ => {}
        }
    }
    let up = flags & libc::IFF_UP != 0 && flags & libc::IFF_RUNNING != 0;
    Some(Link { interface: Interface { index, name: name? }, up, mac })
}

/// From `RTM_NEWADDR` or `RTM_DELADDR`.
pub(super) fn address(message: &Message<'_>) -> Option<LocalAddress> {
    let (structure, rest) = message.body.split_at_checked(ADDRESS_STRUCTURE)?;
    let mut flags = u32::from(structure[2]);
    let (mut local, mut given, mut valid) = (None, None, None);
    for (kind, value) in attributes(rest) {
        match kind {
            // With a peer (point to point), IFA_ADDRESS is the peer's.
            libc::IFA_LOCAL => local = address_of(value),
            libc::IFA_ADDRESS => given = address_of(value),
            libc::IFA_CACHEINFO => valid = value.get(4..).and_then(number),
            IFA_FLAGS => flags = number(value)?,
            _ => {}
        }
    }
    Some(LocalAddress {
        interface: number(structure.get(4..)?)?,
        address: local.or(given)?,
        prefix: structure[1],
        state: state_of(flags),
        valid: valid.filter(|&v| v != INFINITY).map(|v| Duration::from_secs(v.into())),
    })
}

fn state_of(flags: u32) -> AddressState {
    if flags & libc::IFA_F_DADFAILED != 0 {
        AddressState::Duplicate
    } else if flags & libc::IFA_F_TENTATIVE != 0 && flags & libc::IFA_F_OPTIMISTIC == 0 {
        AddressState::Tentative
    } else {
        AddressState::Usable
    }
}

fn address_of(value: &[u8]) -> Option<IpAddr> {
    if let Ok(octets) = <[u8; 4]>::try_from(value) {
        return Some(Ipv4Addr::from(octets).into());
    }
    <[u8; 16]>::try_from(value).ok().map(|octets| Ipv6Addr::from(octets).into())
}

/// Text that ends at the first zero.
fn text_of(value: &[u8]) -> String {
    match CStr::from_bytes_until_nul(value) {
        Ok(text) => text.to_string_lossy().into_owned(),
        Err(_) => String::from_utf8_lossy(value).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linux::netlink::message::{Writer, messages};

    fn octets(build: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut out = Vec::new();
        build(&mut out);
        out
    }

    fn link_octets(family: u8, flags: u32) -> Vec<u8> {
        octets(|out| {
            let mut structure = vec![family, 0, 1, 0];
            structure.extend_from_slice(&3u32.to_ne_bytes());
            structure.extend_from_slice(&flags.to_ne_bytes());
            structure.extend_from_slice(&[0; 4]);
            let mut writer = Writer::begin(out, libc::RTM_NEWLINK, 0, 0, &structure);
            writer.attribute(libc::IFLA_ADDRESS, &[2, 0, 0, 0, 0, 1]);
            writer.attribute(libc::IFLA_IFNAME, b"eth0\0");
            // Statistics, shorter than any kernel's: nothing of ours.
            writer.attribute(7, &[0; 3]);
            writer.end();
        })
    }

    #[test]
    fn link_is_up_only_when_it_runs() {
        let (up, running) = (libc::IFF_UP as u32, libc::IFF_RUNNING as u32);
        for (flags, expected) in [(0, false), (up, false), (running, false), (up | running, true)] {
            let octets = link_octets(0, flags);
            let read = messages(&octets).next().and_then(|m| link(&m)).expect("a link");
            assert_eq!(read.interface, Interface { index: 3, name: "eth0".to_owned() });
            assert_eq!(read.mac, Some(Mac([2, 0, 0, 0, 0, 1])));
            assert_eq!(read.up, expected, "flags {flags:#x}");
        }
    }

    #[test]
    fn leaving_a_bridge_is_not_the_end_of_a_link() {
        let octets = link_octets(libc::AF_BRIDGE as u8, 0);
        assert_eq!(messages(&octets).next().and_then(|m| link(&m)), None);
    }

    fn address_octets(flags: u32, valid: u32) -> Vec<u8> {
        octets(|out| {
            let structure = [[10, 128, flags as u8, 0], 3u32.to_ne_bytes()].concat();
            let mut writer = Writer::begin(out, libc::RTM_NEWADDR, 0, 0, &structure);
            let address: Ipv6Addr = "2001:db8::1".parse().expect("an address");
            writer.attribute(libc::IFA_ADDRESS, &address.octets());
            let lifetimes = [[0; 4], valid.to_ne_bytes(), [0; 4], [0; 4]].concat();
            writer.attribute(libc::IFA_CACHEINFO, &lifetimes);
            writer.attribute(IFA_FLAGS, &flags.to_ne_bytes());
            writer.end();
        })
    }

    #[test]
    fn address_is_read_with_its_state_and_lifetime() {
        for (flags, valid, state, lifetime) in [
            (0, 10, AddressState::Usable, Some(Duration::from_secs(10))),
            (libc::IFA_F_TENTATIVE, INFINITY, AddressState::Tentative, None),
            (libc::IFA_F_TENTATIVE | libc::IFA_F_OPTIMISTIC, INFINITY, AddressState::Usable, None),
            (
                libc::IFA_F_TENTATIVE | libc::IFA_F_DADFAILED,
                0,
                AddressState::Duplicate,
                Some(Duration::ZERO),
            ),
        ] {
            let octets = address_octets(flags, valid);
            let read = messages(&octets).next().and_then(|m| address(&m)).expect("an address");
            assert_eq!((read.interface, read.prefix), (3, 128));
            assert_eq!(read.address, "2001:db8::1".parse::<IpAddr>().expect("an address"));
            assert_eq!((read.state, read.valid), (state, lifetime), "flags {flags:#x}");
        }
    }

    #[test]
    fn local_address_of_a_point_to_point_link_is_not_its_peer() {
        let octets = octets(|out| {
            let structure = [[2, 32, 0, 0], 3u32.to_ne_bytes()].concat();
            let mut writer = Writer::begin(out, libc::RTM_NEWADDR, 0, 0, &structure);
            writer.attribute(libc::IFA_ADDRESS, &[192, 0, 2, 2]);
            writer.attribute(libc::IFA_LOCAL, &[192, 0, 2, 1]);
            writer.end();
        });
        let read = messages(&octets).next().and_then(|m| address(&m)).expect("an address");
        assert_eq!(read.address, "192.0.2.1".parse::<IpAddr>().expect("an address"));
    }

    #[test]
    fn refusal_has_its_number_and_the_kernels_words() {
        let octets = octets(|out| {
            let mut body = (-libc::EPERM).to_ne_bytes().to_vec();
            body.extend_from_slice(&[0; HEADER]);
            let flags = (libc::NLM_F_CAPPED | libc::NLM_F_ACK_TLVS) as u16;
            let mut writer = Writer::begin(out, libc::NLMSG_ERROR as u16, flags, 7, &body);
            writer.attribute(EXPLANATION, b"not yours\0");
            writer.end();
        });
        let message = messages(&octets).next().expect("a message");
        let expected =
            Acknowledgement { errno: libc::EPERM, explanation: Some("not yours".to_owned()) };
        assert_eq!(Acknowledgement::read(&message), Some(expected));
    }
}
