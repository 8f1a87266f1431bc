//! The kernel's network configuration, by rtnetlink: addresses and links.
//!
//! A request is done when the call that sends it returns, and its acknowledgement lies in the
//! socket then; reading it waits for nothing. Several changes go out in one system call. What can
//! delay a request is the kernel's lock of the whole network configuration, while another program
//! has it.
//!
//! Word of changes that anybody makes comes through a [`Monitor`].
//!
//! What else rtnetlink can do is open to other crates by what these are made of: [`message`], the
//! codec; [`exchange`], requests and their answers; [`listen`], notifications.

mod change;
mod decode;
pub mod exchange;
mod links;
pub mod listen;
pub mod message;
mod monitor;

use std::net::IpAddr;
use std::time::Duration;

use self::exchange::Exchange;
use super::{Interface, KernelError, Mac, NEEDS_ADMIN};

pub use self::change::{Change, Placement};
pub use self::monitor::{Event, Monitor};

/// So many changes are sent at once that their acknowledgements fit into the socket's buffer.
const BATCH: usize = 64;

/// A socket for requests.
#[derive(Debug)]
pub struct Netlink {
    exchange: Exchange,
}

/// A link as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Which one.
    pub interface: Interface,
    /// Administratively up and running: it has a carrier and is not dormant (`IFF_UP` and
    /// `IFF_RUNNING`).
    pub up: bool,
    /// Its hardware address, where that is of Ethernet's size.
    pub mac: Option<Mac>,
}

/// An address that this host has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalAddress {
    /// The index of its interface.
    pub interface: u32,
    /// The address.
    pub address: IpAddr,
    /// The length of its prefix, in bits.
    pub prefix: u8,
    /// Whether it can be used.
    pub state: AddressState,
    /// The rest of its valid lifetime; absent: for ever.
    pub valid: Option<Duration>,
}

impl LocalAddress {
    /// Whether another address is a neighbour's by this one's prefix.
    #[must_use]
    pub fn is_on_link(&self, other: IpAddr) -> bool {
        let prefix = u32::from(self.prefix);
        match (self.address, other) {
            (IpAddr::V4(ours), IpAddr::V4(other)) => {
                let differing = ours.to_bits() ^ other.to_bits();
                differing.leading_zeros() >= prefix
            }
            (IpAddr::V6(ours), IpAddr::V6(other)) => {
                let differing = ours.to_bits() ^ other.to_bits();
                differing.leading_zeros() >= prefix
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// Whether an address can be used (RFC 4862 §5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressState {
    /// It can.
    Usable,
    /// It is not known yet whether another host has it.
    Tentative,
    /// Another host has it.
    Duplicate,
}

impl Netlink {
    /// Opens a socket; needs no privilege, unlike the changes made through it.
    ///
    /// # Errors
    /// When the system gives no socket.
    pub fn open() -> Result<Self, KernelError> {
        Exchange::open().map(|exchange| Self { exchange }).map_err(|error| {
            KernelError::new("open a socket for network configuration", error, NEEDS_ADMIN)
        })
    }

    /// Makes changes of addresses, in order and in as few system calls as possible. Each is made or
    /// refused for itself; the refusals, in order.
    pub fn change(&mut self, changes: &[Change<'_>]) -> Vec<KernelError> {
        let mut refusals = Vec::new();
        for batch in changes.chunks(BATCH) {
            let answers = self.exchange.batch(batch, Change::write);
            let refused = batch.iter().zip(answers);
            refusals.extend(refused.filter_map(|(change, answer)| change.judge(answer).err()));
        }
        refusals
    }

    /// Adds an address or renews it; see [`Change::Add`].
    ///
    /// # Errors
    /// When the kernel refuses: without CAP_NET_ADMIN, or when the interface is gone.
    pub fn add_address(
        &mut self,
        interface: &Interface,
        address: IpAddr,
        placement: Placement,
    ) -> Result<(), KernelError> {
        let refused = self.change(&[Change::Add { interface, address, placement }]);
        refused.into_iter().next().map_or(Ok(()), Err)
    }

    /// Removes an address; one that is absent, or whose interface is, is as good as removed.
    ///
    /// # Errors
    /// When the kernel refuses, without CAP_NET_ADMIN.
    pub fn remove_address(
        &mut self,
        interface: &Interface,
        address: IpAddr,
    ) -> Result<(), KernelError> {
        let refused = self.change(&[Change::Remove { interface, address }]);
        refused.into_iter().next().map_or(Ok(()), Err)
    }

    /// All addresses of the host.
    ///
    /// # Errors
    /// When the kernel does not answer.
    pub fn addresses(&mut self) -> Result<Vec<LocalAddress>, KernelError> {
        let structure = [0; decode::ADDRESS_STRUCTURE];
        self.exchange
            .dump(libc::RTM_GETADDR, libc::RTM_NEWADDR, &structure, decode::address)
            .map_err(|error| KernelError::new("list the addresses", error, NEEDS_ADMIN))
    }

    /// All links of the host.
    ///
    /// # Errors
    /// When the kernel does not answer.
    pub fn links(&mut self) -> Result<Vec<Link>, KernelError> {
        let structure = [0; decode::LINK_STRUCTURE];
        self.exchange
            .dump(libc::RTM_GETLINK, libc::RTM_NEWLINK, &structure, decode::link)
            .map_err(|error| KernelError::new("list the interfaces", error, NEEDS_ADMIN))
    }

    /// The link of that name; absent when there is none.
    ///
    /// # Errors
    /// When the kernel does not answer.
    pub fn link(&mut self, name: &str) -> Result<Option<Link>, KernelError> {
        Ok(self.links()?.into_iter().find(|link| link.interface.name == name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_share_the_prefix() {
        for (ours, prefix, other, expected) in [
            ("192.0.2.1", 24, "192.0.2.254", true),
            ("192.0.2.1", 25, "192.0.2.254", false),
            ("192.0.2.1", 32, "192.0.2.1", true),
            ("192.0.2.1", 0, "203.0.113.1", true),
            ("fe80::1", 64, "fe80::2", true),
            ("2001:db8::1", 64, "2001:db8:0:1::1", false),
            ("2001:db8::1", 0, "192.0.2.1", false),
        ] {
            let address = LocalAddress {
                interface: 1,
                address: ours.parse().expect("an address"),
                prefix,
                state: AddressState::Usable,
                valid: None,
            };
            let other = other.parse().expect("an address");
            assert_eq!(address.is_on_link(other), expected, "{ours}/{prefix} {other}");
        }
    }

    #[test]
    fn links_and_addresses_of_this_host_are_listed() {
        let mut netlink = Netlink::open().expect("a socket");
        let lo = netlink.link("lo").expect("a list").expect("lo");
        let addresses = netlink.addresses().expect("a list");
        // A network namespace may have its lo down and empty.
        assert!(!lo.up || addresses.iter().any(|a| a.interface == lo.interface.index));
        assert_eq!(netlink.link("no such link").expect("a list"), None);
    }
}
