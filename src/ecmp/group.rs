//! From a pool's members to the group that an entry wants; pure.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use super::kernel::{NextHop, Shape};
use super::members::{Candidate, Health};
use super::status::{MemberStatus, Standing, Why};
use super::{EcmpConfig, WhenDown};
use crate::policy::Family;

/// Next hops of one group. The kernel's own bound is the 64 KiB of an attribute, 8 octets each.
pub const LARGEST_GROUP: usize = 4096;

/// The heaviest next hop of a group (`NHA_GROUP` has an octet for weight − 1).
const HEAVIEST: u32 = 256;

/// How a gateway is reached, as the kernel's routes say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Path {
    /// It is a neighbour.
    OnLink {
        /// On the interface of this index.
        index: u32,
        /// And of this name.
        name: Arc<str>,
    },
    /// It would be a neighbour, were this link up.
    LinkDown(Arc<str>),
    /// It is behind this router.
    Beyond(IpAddr),
    /// It is an address of this host.
    Own,
    /// No route leads there.
    NoWay,
    /// The kernel would not have it as a next hop, in these words.
    Refused(Arc<str>),
}

/// How gateways are reached.
pub type Paths = BTreeMap<IpAddr, Path>;

/// What an entry wants of the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A route to a group of these next hops with these weights (1 to 256).
    Group(Shape, BTreeMap<NextHop, u16>),
    /// A route that is unreachable.
    Unreachable,
    /// No route.
    Nothing,
    /// Whatever there is stays.
    AsItIs,
}

/// What an entry wants, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What it wants.
    pub wanted: Wanted,
    /// Every member of the route's family; `share` is not known here.
    pub members: Vec<MemberStatus>,
}

/// The next hop of a member.
#[must_use]
pub fn gateway(entry: &EcmpConfig, member: IpAddr) -> IpAddr {
    entry.via.get(&member).copied().unwrap_or(member)
}

/// The members of the route's family, each with its next hop.
pub fn gateways<'a>(
    entry: &'a EcmpConfig,
    members: &'a [Candidate],
) -> impl Iterator<Item = (&'a Candidate, IpAddr)> {
    let family = Family::of(entry.prefix.addr());
    let of_family = members.iter().filter(move |member| Family::of(member.address) == family);
    of_family.map(|member| (member, gateway(entry, member.address)))
}

/// What an entry wants with these members (absent: its pool is not known) when gateways are reached
/// so, and those in `present` are in the kernel's group. Of a gateway without a path nothing leads
/// there.
#[must_use]
pub fn decide(
    entry: &EcmpConfig,
    members: Option<&[Candidate]>,
    paths: &Paths,
    present: &BTreeSet<IpAddr>,
) -> Decision {
    let Some(members) = members else {
        return Decision { wanted: Wanted::AsItIs, members: Vec::new() };
    };
    let pool = Standings::of(entry, members, present);
    let mut left = LARGEST_GROUP;
    let judged: Vec<_> = gateways(entry, members)
        .map(|(member, gateway)| {
            let path = paths.get(&gateway).unwrap_or(&Path::NoWay);
            let standing = pool.by_health(member.health, gateway);
            let standing = standing
                .map_or_else(Standing::Out, |standing| by_path(standing, gateway, path, &mut left));
            (member, gateway, path, standing)
        })
        .collect();
    let next_hops = weigh(&judged);
    let wanted = if next_hops.is_empty() {
        without_next_hops(entry.when_down)
    } else {
        Wanted::Group(entry.spreading.into(), next_hops)
    };
    let members = judged.into_iter().map(|(member, gateway, path, standing)| MemberStatus {
        address: member.address,
        gateway,
        interface: interface(path),
        weight: member.weight.get(),
        share: None,
        standing,
    });
    Decision { wanted, members: members.collect() }
}

/// What each member's standing depends on beside itself.
struct Standings<'a> {
    when_down: WhenDown,
    present: &'a BTreeSet<IpAddr>,
    /// A member serves, or is in the group and nothing is known against it.
    any_proven: bool,
    /// A member serves, or nothing is known against it.
    any: bool,
}

impl<'a> Standings<'a> {
    fn of(entry: &EcmpConfig, members: &[Candidate], present: &'a BTreeSet<IpAddr>) -> Self {
        let (mut any_proven, mut any) = (false, false);
        for (member, gateway) in gateways(entry, members) {
            match member.health {
                Health::Serving => (any_proven, any) = (true, true),
                Health::Unknown => {
                    any = true;
                    any_proven |= present.contains(&gateway);
                }
                Health::Down { .. } | Health::Drained { .. } => {}
            }
        }
        Self { when_down: entry.when_down, present, any_proven, any }
    }

    /// Whether the pool wants a member in the group. One of which nothing is known stays where it
    /// is while there are others: after a restart nothing moves before the first results.
    fn by_health(&self, health: Health, gateway: IpAddr) -> Result<Standing, Why> {
        let keeps = !self.any && self.when_down == WhenDown::Keep;
        match health {
            Health::Serving => Ok(Standing::In),
            Health::Unknown if self.any_proven && !self.present.contains(&gateway) => {
                Err(Why::Unproven)
            }
            Health::Unknown => Ok(Standing::In),
            Health::Down { .. } | Health::Drained { .. } if keeps && health.served_last() => {
                Ok(Standing::Kept)
            }
            Health::Down { .. } => Err(Why::Down),
            Health::Drained { .. } => Err(Why::Drained),
        }
    }
}

/// Whether the network allows it.
fn by_path(standing: Standing, gateway: IpAddr, path: &Path, left: &mut usize) -> Standing {
    if matches!(gateway, IpAddr::V6(v6) if v6.is_unicast_link_local()) {
        return Standing::Out(Why::LinkLocal);
    }
    match path {
        Path::OnLink { .. } if *left == 0 => Standing::Out(Why::TooMany),
        Path::OnLink { .. } => {
            *left -= 1;
            standing
        }
        Path::LinkDown(interface) => Standing::Out(Why::LinkDown(Arc::clone(interface))),
        Path::Beyond(router) => Standing::Out(Why::Beyond(*router)),
        Path::Own => Standing::Out(Why::OwnAddress),
        Path::NoWay => Standing::Out(Why::NoWay),
        Path::Refused(words) => Standing::Out(Why::Refused(Arc::clone(words))),
    }
}

/// Without a next hop: as `when_down` says. Members that serve and cannot be reached are no
/// different from members that do not serve, but there is nothing to keep: what the kernel still has
/// leads to the same next hops.
fn without_next_hops(when_down: WhenDown) -> Wanted {
    match when_down {
        WhenDown::Keep => Wanted::AsItIs,
        WhenDown::Unreachable => Wanted::Unreachable,
        WhenDown::Withdraw => Wanted::Nothing,
    }
}

fn interface(path: &Path) -> Option<Arc<str>> {
    match path {
        Path::OnLink { name, .. } | Path::LinkDown(name) => Some(Arc::clone(name)),
        Path::Beyond(_) | Path::Own | Path::NoWay | Path::Refused(_) => None,
    }
}

/// The next hops that are wanted, with the kernel's weights. Members behind one gateway are one next
/// hop with the sum of their weights.
fn weigh(judged: &[(&Candidate, IpAddr, &Path, Standing)]) -> BTreeMap<NextHop, u16> {
    let mut sums: BTreeMap<NextHop, u32> = BTreeMap::new();
    for (member, gateway, path, standing) in judged {
        if let (true, Path::OnLink { index, .. }) = (standing.is_wanted(), path) {
            let next_hop = NextHop { gateway: *gateway, interface: *index };
            let sum = sums.entry(next_hop).or_default();
            *sum = sum.saturating_add(member.weight.get().into());
        }
    }
    scale(sums)
}

/// As they are while they fit; else in proportion, and never 0.
fn scale(sums: BTreeMap<NextHop, u32>) -> BTreeMap<NextHop, u16> {
    let heaviest = sums.values().copied().max().unwrap_or(1).max(HEAVIEST);
    let scaled = |weight: u32| {
        let (weight, heaviest) = (u64::from(weight), u64::from(heaviest));
        let share = (weight * u64::from(HEAVIEST) + heaviest / 2) / heaviest;
        u16::try_from(share).unwrap_or(u16::MAX).max(1)
    };
    sums.into_iter().map(|(next_hop, weight)| (next_hop, scaled(weight))).collect()
}

#[cfg(test)]
mod tests;
