//! The links and addresses of this host, as the kernel last told.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::conditions::InterfaceState;
use crate::config::{Family, Tracked};
use crate::linux::netlink::{AddressState, Event, Link, LocalAddress};

/// What the kernel has told.
#[derive(Debug, Default)]
pub(super) struct Surroundings {
    links: BTreeMap<u32, Link>,
    /// In the order in which they were added: the first of a family is an interface's primary one.
    addresses: Vec<LocalAddress>,
}

/// Whether what was known is still all there is to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Knowledge {
    /// It is.
    Complete,
    /// Links and addresses are to be listed anew.
    Lost,
}

impl Surroundings {
    /// All of it, listed.
    pub(super) fn new(links: Vec<Link>, addresses: Vec<LocalAddress>) -> Self {
        let links = links.into_iter().map(|link| (link.interface.index, link)).collect();
        Self { links, addresses }
    }

    /// A change.
    pub(super) fn apply(&mut self, event: &Event) -> Knowledge {
        match event {
            Event::Link(link) => drop(self.links.insert(link.interface.index, link.clone())),
            Event::LinkGone(interface) => {
                self.links.remove(&interface.index);
                self.addresses.retain(|address| address.interface != interface.index);
            }
            Event::Address(address) => match self.position(address) {
                Some(known) => *known = *address,
                None => self.addresses.push(*address),
            },
            Event::AddressGone(gone) => {
                self.addresses.retain(|address| !is_same(address, gone));
            }
            Event::Lost => return Knowledge::Lost,
        }
        Knowledge::Complete
    }

    fn position(&mut self, address: &LocalAddress) -> Option<&mut LocalAddress> {
        self.addresses.iter_mut().find(|known| is_same(known, address))
    }

    /// The interface of that name.
    pub(super) fn link(&self, name: &str) -> Option<&Link> {
        self.links.values().find(|link| link.interface.name == name)
    }

    /// What the election makes of an interface.
    pub(super) fn state(&self, name: &str) -> InterfaceState {
        match self.link(name) {
            None => InterfaceState::Missing,
            Some(link) if link.up => InterfaceState::Up,
            Some(_) => InterfaceState::Down,
        }
    }

    /// What may be sent from on an interface in multicast: the primary IPv4 address, or the IPv6
    /// link-local address (RFC 9568 §5.1.2.1). Not one of `virtuals`, and nobody else's; it may be
    /// tentative.
    pub(super) fn primary(
        &self,
        interface: u32,
        family: Family,
        virtuals: &[IpAddr],
    ) -> Option<LocalAddress> {
        let candidates = self.addresses.iter().filter(|candidate| {
            candidate.interface == interface
                && candidate.state != AddressState::Duplicate
                && !virtuals.contains(&candidate.address)
        });
        let right_kind = |address: IpAddr| match (family, address) {
            (Family::V4, IpAddr::V4(_)) => true,
            (Family::V6, IpAddr::V6(address)) => address.is_unicast_link_local(),
            (Family::V4, IpAddr::V6(_)) | (Family::V6, IpAddr::V4(_)) => false,
        };
        candidates.copied().find(|candidate| right_kind(candidate.address))
    }

    /// An address of this host, wherever it is; absent as long as another host has it.
    pub(super) fn address(&self, address: IpAddr) -> Option<LocalAddress> {
        let there = |known: &&LocalAddress| {
            known.address == address && known.state != AddressState::Duplicate
        };
        self.addresses.iter().find(there).copied()
    }

    /// Whether an interface has an address.
    pub(super) fn is_on(&self, interface: u32, address: IpAddr) -> bool {
        let is_it = |known: &LocalAddress| (known.interface, known.address) == (interface, address);
        self.addresses.iter().any(is_it)
    }

    /// An address of an interface, and none of `virtuals`, that has `other` on its link.
    pub(super) fn neighbour_of(
        &self,
        interface: u32,
        other: IpAddr,
        virtuals: &[IpAddr],
    ) -> Option<LocalAddress> {
        self.own(interface, virtuals).find(|known| known.is_on_link(other)).copied()
    }

    /// The first usable address of an interface of a family, and none of `virtuals`.
    pub(super) fn first(
        &self,
        interface: u32,
        family: Family,
        virtuals: &[IpAddr],
    ) -> Option<LocalAddress> {
        let mut own = self.own(interface, virtuals);
        own.find(|known| Family::of(known.address) == family).copied()
    }

    fn own(&self, interface: u32, virtuals: &[IpAddr]) -> impl Iterator<Item = &LocalAddress> {
        self.addresses.iter().filter(move |known| {
            known.interface == interface
                && known.state == AddressState::Usable
                && !virtuals.contains(&known.address)
        })
    }

    /// Whether a tracked object is there.
    pub(super) fn has(&self, object: &Tracked) -> bool {
        match object {
            Tracked::Interface(name) => self.state(name) == InterfaceState::Up,
            Tracked::Address(address) => self.address(*address).is_some(),
        }
    }
}

/// The kernel may have an IPv4 address several times on an interface, with other prefixes.
fn is_same(a: &LocalAddress, b: &LocalAddress) -> bool {
    (a.interface, a.address, a.prefix) == (b.interface, b.address, b.prefix)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::linux::Interface;

    pub(in crate::router) fn link(index: u32, name: &str, up: bool) -> Link {
        Link { interface: Interface { index, name: name.to_owned() }, up, mac: None }
    }

    pub(in crate::router) fn address(interface: u32, address: &str) -> LocalAddress {
        let address: IpAddr = address.parse().unwrap();
        let prefix = if address.is_ipv4() { 24 } else { 64 };
        LocalAddress { interface, address, prefix, state: AddressState::Usable, valid: None }
    }

    fn host() -> Surroundings {
        let addresses = ["192.0.2.100", "192.0.2.1", "2001:db8::1", "fe80::1", "192.0.2.2"];
        Surroundings::new(
            vec![link(1, "lo", true), link(2, "eth0", true), link(3, "eth1", false)],
            addresses.iter().map(|text| address(2, text)).collect(),
        )
    }

    fn primary(host: &Surroundings, family: Family, virtuals: &[&str]) -> Option<String> {
        let virtuals: Vec<IpAddr> = virtuals.iter().map(|text| text.parse().unwrap()).collect();
        host.primary(2, family, &virtuals).map(|found| found.address.to_string())
    }

    #[test]
    fn an_interface_is_up_down_or_missing_and_known_by_its_present_name() {
        let mut host = host();
        assert_eq!(host.state("eth0"), InterfaceState::Up);
        assert_eq!(host.state("eth1"), InterfaceState::Down);
        assert_eq!(host.apply(&Event::Link(link(3, "lan", true))), Knowledge::Complete);
        assert_eq!(host.state("eth1"), InterfaceState::Missing);
        assert_eq!(host.state("lan"), InterfaceState::Up);
    }

    #[test]
    fn an_interface_that_goes_takes_its_addresses_along() {
        let mut host = host();
        host.apply(&Event::LinkGone(link(2, "eth0", true).interface));
        assert_eq!(host.state("eth0"), InterfaceState::Missing);
        assert_eq!(primary(&host, Family::V4, &[]), None);
    }

    #[test]
    fn a_virtual_address_is_never_sent_from() {
        let host = host();
        assert_eq!(primary(&host, Family::V4, &["192.0.2.100"]).unwrap(), "192.0.2.1");
        assert_eq!(primary(&host, Family::V6, &["fe80::100"]).unwrap(), "fe80::1");
        assert_eq!(primary(&host, Family::V6, &["fe80::1"]), None);
    }

    #[test]
    fn an_address_that_another_host_has_is_not_there() {
        let mut host = host();
        let state = AddressState::Duplicate;
        host.apply(&Event::Address(LocalAddress { state, ..address(2, "fe80::1") }));
        assert_eq!(primary(&host, Family::V6, &[]), None);
        assert!(!host.has(&Tracked::Address("fe80::1".parse().unwrap())));
        host.apply(&Event::Address(address(2, "fe80::1")));
        assert!(host.has(&Tracked::Address("fe80::1".parse().unwrap())));
    }

    #[test]
    fn one_of_two_equal_addresses_may_go() {
        let mut host = host();
        let whole = LocalAddress { prefix: 32, ..address(2, "192.0.2.1") };
        host.apply(&Event::Address(whole));
        host.apply(&Event::AddressGone(whole));
        let tracked = Tracked::Address("192.0.2.1".parse().unwrap());
        assert!(host.has(&tracked));
        host.apply(&Event::AddressGone(address(2, "192.0.2.1")));
        assert!(!host.has(&tracked));
    }

    #[test]
    fn what_was_lost_is_to_be_listed_anew() {
        assert_eq!(host().apply(&Event::Lost), Knowledge::Lost);
    }
}
