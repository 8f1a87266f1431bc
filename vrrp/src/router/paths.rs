//! From where to where a group advertises.
//!
//! In multicast each member has one path: from the interface's address to all routers of the
//! protocol. In unicast each address of each peer is a path of the member of its family.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use super::surroundings::Surroundings;
use crate::config::{Config, Family, Priority};
use crate::linux::netlink::AddressState;
use crate::machine::tie::deciding_path;
use crate::packet;

/// A way on which advertisements are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Path {
    /// An index into `Config::families`.
    pub(super) member: usize,
    /// An address of this host.
    pub(super) source: IpAddr,
    /// A peer, or everybody.
    pub(super) destination: IpAddr,
}

/// The paths that can be used now, and what is wrong with the others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// By member.
    pub(super) paths: Vec<Path>,
    /// The families without any path.
    pub(super) without_source: Vec<Family>,
    /// The virtual addresses that are all there would be for some of these.
    pub(super) only_virtual: Vec<IpAddr>,
    /// An address to send from is still being checked for duplicates, and nothing else is there.
    pub(super) tentative: bool,
    /// This node's address on the path that decides ties.
    pub(super) deciding: Option<IpAddr>,
}

/// What one path may be sent from.
enum Source {
    Usable(IpAddr),
    Tentative,
    Missing,
}

impl Plan {
    /// The paths of a group. `towards` is the source that the kernel chooses towards a peer.
    pub(super) fn new(
        config: &Config,
        host: &Surroundings,
        towards: impl Fn(IpAddr) -> Option<IpAddr>,
    ) -> Self {
        let mut plan = Self::default();
        for (member, family) in config.families().into_iter().enumerate() {
            if config.peers.is_empty() {
                plan.multicast(config, host, member, family);
            } else {
                plan.unicast(config, host, member, family, &towards);
            }
            if !plan.paths.iter().any(|path| path.member == member) {
                plan.without_source.push(family);
                plan.only_virtual.extend(only_virtual(config, host, family));
            }
        }
        plan.tentative &= !plan.without_source.is_empty();
        plan
    }

    fn multicast(&mut self, config: &Config, host: &Surroundings, member: usize, family: Family) {
        let given = config.source.iter().flatten().copied().find(|&a| Family::of(a) == family);
        let source = match given {
            Some(address) => usable(host, address),
            None => primary(config, host, family),
        };
        self.add(member, source, packet::group(family), member == 0);
    }

    fn unicast(
        &mut self,
        config: &Config,
        host: &Surroundings,
        member: usize,
        family: Family,
        towards: &impl Fn(IpAddr) -> Option<IpAddr>,
    ) {
        let deciding = deciding_path(config);
        for peer in &config.peers {
            for (number, &destination) in peer.addresses.iter().enumerate() {
                if Family::of(destination) != family {
                    continue;
                }
                let source = match given(config, number) {
                    Some(address) => usable(host, address),
                    None if is_link_local(destination) => primary(config, host, family),
                    None => chosen(config, towards(destination)),
                };
                self.add(member, source, destination, number == deciding);
            }
        }
    }

    fn add(&mut self, member: usize, source: Source, destination: IpAddr, decides: bool) {
        match source {
            Source::Usable(source) => {
                self.paths.push(Path { member, source, destination });
                if decides {
                    self.deciding.get_or_insert(source);
                }
            }
            Source::Tentative => self.tentative = true,
            Source::Missing => {}
        }
    }
}

/// The configured source of a path.
fn given(config: &Config, number: usize) -> Option<IpAddr> {
    config.source.as_ref()?.get(number).copied()
}

fn usable(host: &Surroundings, address: IpAddr) -> Source {
    match host.address(address).map(|found| found.state) {
        Some(AddressState::Usable) => Source::Usable(address),
        Some(AddressState::Tentative) => Source::Tentative,
        Some(AddressState::Duplicate) | None => Source::Missing,
    }
}

/// The interface's own address; the owner's may be the virtual one.
fn primary(config: &Config, host: &Surroundings, family: Family) -> Source {
    let own = on_interface(config, host, family, &config.addresses);
    let found =
        own.or_else(|| is_owner(config).then(|| on_interface(config, host, family, &[]))?);
    found.map_or(Source::Missing, |found| usable(host, found))
}

fn only_virtual(config: &Config, host: &Surroundings, family: Family) -> Option<IpAddr> {
    let any = on_interface(config, host, family, &[]);
    any.filter(|_| on_interface(config, host, family, &config.addresses).is_none())
}

fn on_interface(
    config: &Config,
    host: &Surroundings,
    family: Family,
    except: &[IpAddr],
) -> Option<IpAddr> {
    let link = host.link(&config.interface)?;
    host.primary(link.interface.index, family, except).map(|found| found.address)
}

fn is_owner(config: &Config) -> bool {
    config.priority == Priority::OWNER
}

/// The routes do not say on which link such a peer is: it is on the interface's.
fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

/// Nobody but the Active could send from a virtual address, which the owner always is.
fn chosen(config: &Config, source: Option<IpAddr>) -> Source {
    match source {
        Some(source) if is_owner(config) || !config.addresses.contains(&source) => {
            Source::Usable(source)
        }
        Some(_) | None => Source::Missing,
    }
}

/// The source that the kernel chooses towards a peer; absent without a route. Nothing is sent.
pub(super) fn towards(peer: IpAddr) -> Option<IpAddr> {
    let any: SocketAddr = match peer {
        IpAddr::V4(_) => ([0; 4], 0).into(),
        IpAddr::V6(_) => ([0u16; 8], 0).into(),
    };
    let socket = UdpSocket::bind(any).ok()?;
    // The port of discard: any would do.
    socket.connect((peer, 9)).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

#[cfg(test)]
mod tests;
