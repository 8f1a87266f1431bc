//! Word of changes that may take from us what we have made, or give us a way that was not there.
//!
//! The kernel does not tell of everything: a link that goes down takes next hops, groups and IPv4
//! routes with it in silence. So every change of a link counts.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use vrrp::linux::netlink::listen::{Heard, Listener};
use vrrp::linux::netlink::message::Message;

use super::super::kernel::{IDS, PROTOCOL};
use super::{next_hop, route};

/// `RTNLGRP_LINK`, `_IPV4_IFADDR`, `_IPV4_ROUTE`, `_IPV6_IFADDR`, `_IPV6_ROUTE`, `_NEXTHOP`: the
/// groups' numbers, of which each is a bit.
const GROUPS: [u32; 6] = [1, 5, 7, 9, 11, 32];

/// Datagrams taken in one turn: a router with a full table hears of many routes that are not ours.
const FAIR_SHARE: usize = 512;

/// A socket that hears of changes.
#[derive(Debug)]
pub struct Notices {
    listener: Listener,
}

impl Notices {
    /// Begins to listen. List the tables after this, not before, to miss nothing.
    ///
    /// # Errors
    /// When the system gives no socket.
    pub fn open() -> io::Result<Self> {
        let groups = GROUPS.iter().fold(0, |mask, group| mask | 1 << (group - 1));
        Listener::open(groups).map(|listener| Self { listener })
    }

    /// Takes what there is, within reason; whether any of it may concern us.
    ///
    /// # Errors
    /// When the socket fails.
    pub fn take(&mut self) -> io::Result<bool> {
        let mut concerned = false;
        for _ in 0..FAIR_SHARE {
            match self.listener.receive(|message| concerned |= concerns_us(&message))? {
                Heard::Something => {}
                Heard::Nothing => break,
                Heard::Lost => concerned = true,
            }
        }
        Ok(concerned)
    }
}

impl AsFd for Notices {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

/// Whether a change may take from us what we made, or change which gateways are neighbours.
fn concerns_us(message: &Message<'_>) -> bool {
    match message.kind {
        libc::RTM_NEWLINK | libc::RTM_DELLINK | libc::RTM_NEWADDR | libc::RTM_DELADDR => true,
        next_hop::RTM_NEWNEXTHOP | next_hop::RTM_DELNEXTHOP => {
            next_hop::read(message).is_some_and(|listed| IDS.contains(&listed.id))
        }
        // Ours; or one straight to a link, by which gateways become neighbours.
        libc::RTM_NEWROUTE | libc::RTM_DELROUTE => route::read(message).is_some_and(|route| {
            route.protocol == PROTOCOL || (!route.is_indirect && route.next_hop.is_none())
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use vrrp::linux::netlink::message::{Writer, messages};

    use super::*;

    fn concerned(kind: u16, structure: &[u8], attributes: &[(u16, &[u8])]) -> bool {
        let mut out = Vec::new();
        let mut writer = Writer::begin(&mut out, kind, 0, 0, structure);
        attributes.iter().for_each(|(kind, value)| writer.attribute(*kind, value));
        writer.end();
        messages(&out).any(|message| concerns_us(&message))
    }

    #[test]
    fn links_addresses_our_own_objects_and_direct_routes_concern_us() {
        let id = |id: u32| id.to_ne_bytes();
        let route = |protocol| [2, 24, 0, 0, 254, protocol, 0, 1, 0, 0, 0, 0];
        let destination = (libc::RTA_DST, &[192, 0, 2, 0][..]);
        let gateway = (libc::RTA_GATEWAY, &[192, 0, 2, 1][..]);
        for (what, expected, found) in [
            ("a link", true, concerned(libc::RTM_NEWLINK, &[0; 16], &[])),
            ("an address", true, concerned(libc::RTM_DELADDR, &[0; 8], &[])),
            ("our next hop", true, concerned(105, &[0; 8], &[(1, &id(820_000_000))])),
            ("another's", false, concerned(105, &[0; 8], &[(1, &id(819_999_999))])),
            ("our route", true, concerned(25, &route(PROTOCOL), &[destination, gateway])),
            ("a link's route", true, concerned(24, &route(2), &[destination])),
            ("a BGP route", false, concerned(24, &route(186), &[destination, gateway])),
            ("a neighbour", false, concerned(libc::RTM_NEWNEIGH, &[0; 12], &[])),
            ("half a route", false, concerned(24, &[2], &[])),
        ] {
            assert_eq!(found, expected, "{what}");
        }
    }
}
