//! Which member each flow takes, as the kernel says, and what the removal of one moves.
//!
//! Flows are drawn at random from a seed and asked for one by one (`RTM_GETROUTE` with ports), as
//! packets that come in to be forwarded. What a removal moves is tried on a copy: the same group, with
//! the same weights, type and buckets, in a network namespace of its own under the same hash policy and
//! seed; the flows are asked for, the group is replaced as the driver would replace it, the flows are
//! asked for again. The live group is only read.
//!
//! What the kernel tells is what becomes of a packet whose hash it works out itself. With the hash
//! policy `l4` it takes the hash that a network card found for the packet instead, where the card
//! found one over ports (`ethtool -k DEV`, `receive-hashing`). Then each flow keeps its member as
//! well and the shares are the same, but which member it is only the card knows.
//!
//! The kernel deals buckets of a resilient group anew in the copy. So its flows need not be where
//! the live group has them, whose buckets remember who came and went, but as many move. The choice
//! of a multipath group depends on its next hops alone: there the copy does what the live one does
//! (but that the live one passes over next hops that do not answer ARP or neighbour solicitation).

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use vrrp::linux::netlink::exchange::Refusal;

use super::kernel::{Change, Group, Id, RouteKey, Tables};
use super::knobs::{Knob, Knobs};
use super::netlink::scratch::{LOOPBACK, Scratch};
use super::netlink::{Flow, Netlink, Transport, Way};
use crate::policy::Family;

/// What flows are to be drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    /// Where they go: one of its addresses each.
    pub to: IpNet,
    /// Where they come from: one of its addresses each; of the same family.
    pub from: IpNet,
    /// TCP or UDP.
    pub transport: Transport,
    /// To which port.
    pub port: u16,
    /// How many.
    pub count: usize,
    /// The same seed draws the same flows.
    pub seed: u64,
    /// Whether they come in to be forwarded, or begin on this host (without an address of theirs:
    /// ports alone tell them apart).
    pub origin: Origin,
}

/// Where flows begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Elsewhere.
    Forwarded,
    /// Here.
    ThisHost,
}

/// The ways of some flows, in their order; absent: none.
pub type Ways = Vec<Option<Way>>;

/// A group of the kernel with the gateways of its next hops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// The route that leads to it.
    pub route: RouteKey,
    /// Its id.
    pub id: Id,
    /// What it is.
    pub group: Group,
    /// By the id of the next hop.
    pub gateways: BTreeMap<Id, IpAddr>,
}

/// What happened to flows when next hops were removed from a copy of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    /// The ways before.
    pub before: Ways,
    /// The ways after.
    pub after: Ways,
    /// Flows that took what was removed.
    pub of_removed: usize,
    /// Flows that took something else and do not take it any more.
    pub of_others: usize,
}

impl Removal {
    /// How many flows moved.
    #[must_use]
    pub fn moved(&self) -> usize {
        self.of_removed + self.of_others
    }
}

/// The sources that are drawn from unless others are named: addresses for tests of networks (RFC
/// 2544 appendix C.2.2, RFC 5180 §8).
#[must_use]
pub fn default_sources(family: Family) -> IpNet {
    let (address, length) = match family {
        Family::V4 => (Ipv4Addr::new(198, 18, 0, 0).into(), 15),
        Family::V6 => (Ipv6Addr::new(0x2001, 2, 0, 0, 0, 0, 0, 0).into(), 48),
    };
    IpNet::new_assert(address, length)
}

/// Draws flows. The source ports are those that hosts choose from (RFC 6335 §6: dynamic ports, from
/// 32768 as Linux does).
#[must_use]
pub fn draw(draw: &Draw) -> Vec<Flow> {
    let mut random = fastrand::Rng::with_seed(draw.seed);
    let interface = match draw.origin {
        Origin::Forwarded => LOOPBACK,
        Origin::ThisHost => 0,
    };
    let flow = |_| Flow {
        interface,
        source: address_in(draw.from, &mut random),
        destination: address_in(draw.to, &mut random),
        transport: draw.transport,
        source_port: random.u16(32768..=60999),
        destination_port: draw.port,
    };
    (0..draw.count).map(flow).collect()
}

/// Any address of a network but, where there are others, its first: that is nobody's.
fn address_in(net: IpNet, random: &mut fastrand::Rng) -> IpAddr {
    match net {
        IpNet::V4(net) => {
            let hosts = u32::MAX.checked_shr(net.prefix_len().into()).unwrap_or(0);
            let host = if hosts == 0 { 0 } else { random.u32(1..=hosts) };
            Ipv4Addr::from_bits(net.network().to_bits() | host).into()
        }
        IpNet::V6(net) => {
            let hosts = u128::MAX.checked_shr(net.prefix_len().into()).unwrap_or(0);
            let host = if hosts == 0 { 0 } else { random.u128(1..=hosts) };
            Ipv6Addr::from_bits(net.network().to_bits() | host).into()
        }
    }
}

/// Asks for the way of each.
///
/// # Errors
/// When the kernel refuses a question.
pub fn ask(netlink: &mut Netlink, flows: &[Flow]) -> Result<Ways, Refusal> {
    flows.iter().map(|flow| netlink.way_of(flow)).collect()
}

impl Live {
    /// The group that a route leads to, as listed.
    #[must_use]
    pub fn of(route: RouteKey, tables: &Tables) -> Option<Self> {
        let (id, group) = tables.group_of(&route)?;
        let gateway = |member: &Id| Some((*member, tables.next_hop(*member)?.gateway));
        let gateways = group.members.keys().filter_map(gateway).collect();
        Some(Self { route, id, group: group.clone(), gateways })
    }

    /// Tries on a copy what becomes of flows when the next hops with these gateways go.
    ///
    /// # Errors
    /// When none or all of the group's next hops have them; without CAP_SYS_ADMIN; when the kernel
    /// refuses the copy. In words for people.
    pub fn without(&self, gone: &BTreeSet<IpAddr>, flows: &[Flow]) -> Result<Removal, String> {
        let mut rest = self.group.clone();
        rest.members.retain(|id, _| self.gateways.get(id).is_none_or(|at| !gone.contains(at)));
        if rest.members.len() == self.group.members.len() {
            return Err("it is not in the group".to_owned());
        }
        if rest.members.is_empty() {
            return Err("the group has no other member".to_owned());
        }
        // A thread of its own: it does not come back from its namespace.
        let settings = Settings::of(&Knobs::of_host());
        let (before, after) = std::thread::scope(|scope| {
            let thread = scope.spawn(|| self.try_out(rest, flows, &settings));
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })?;
        Ok(compare(before, after, gone))
    }

    fn try_out(
        &self,
        rest: Group,
        flows: &[Flow],
        settings: &Settings,
    ) -> Result<(Ways, Ways), String> {
        let mut scratch = Scratch::enter()?;
        settings.apply(&Knobs::of_host())?;
        let ask = |scratch: &mut Scratch| {
            ask(scratch.netlink(), flows).map_err(|refusal| {
                format!("the copy does not tell a flow's way: {}", refusal.error)
            })
        };
        // Whatever table it stands in here: there, every packet is to find it.
        let route = RouteKey { table: u32::from(libc::RT_TABLE_MAIN), ..self.route };
        let gateways: Vec<_> = self.gateways.iter().map(|(id, at)| (*id, *at)).collect();
        let said = |error: vrrp::linux::KernelError| error.to_string();
        scratch.build(route, (self.id, &self.group), &gateways).map_err(said)?;
        let before = ask(&mut scratch)?;
        scratch.make(&Change::ReplaceGroup(self.id, rest)).map_err(said)?;
        Ok((before, ask(&mut scratch)?))
    }
}

/// What of the host a flow's way depends on, beside routes.
struct Settings(Vec<(Knob, u32)>);

impl Settings {
    fn of(knobs: &Knobs) -> Self {
        let copied = [Knob::HashPolicyV4, Knob::HashPolicyV6, Knob::HashSeed];
        // A kernel without the seed's knob has one random seed for all namespaces.
        Self(copied.iter().filter_map(|knob| Some((*knob, knobs.read(*knob).ok()?))).collect())
    }

    /// The same in this namespace, and every flow is forwarded.
    fn apply(&self, knobs: &Knobs) -> Result<(), String> {
        let forward = [
            (Knob::ForwardingV4, 1),
            (Knob::ForwardingV6, 1),
            (Knob::ReversePathOfAll, 0),
            (Knob::ReversePathOfLoopback, 0),
        ];
        // A seed of 0 is the random one, which is every namespace's to begin with.
        let copied = self.0.iter().filter(|(knob, value)| *knob != Knob::HashSeed || *value != 0);
        copied.chain(&forward).try_for_each(|(knob, value)| knobs.write(*knob, *value))
    }
}

fn compare(before: Ways, after: Ways, gone: &BTreeSet<IpAddr>) -> Removal {
    let (mut of_removed, mut of_others) = (0, 0);
    for (before, after) in before.iter().zip(&after) {
        if before == after {
            continue;
        }
        match before {
            Some(Way::Through { gateway, .. }) if gone.contains(gateway) => of_removed += 1,
            _ => of_others += 1,
        }
    }
    Removal { before, after, of_removed, of_others }
}

/// How many flows take each gateway; those that take none are not counted.
#[must_use]
pub fn by_gateway(ways: &Ways) -> BTreeMap<IpAddr, usize> {
    let mut counts = BTreeMap::new();
    for way in ways {
        if let Some(Way::Through { gateway, .. }) = way {
            *counts.entry(*gateway).or_default() += 1;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(to: &str, from: &str) -> Draw {
        Draw {
            to: to.parse().expect("a prefix"),
            from: from.parse().expect("a prefix"),
            transport: Transport::Tcp,
            port: 443,
            count: 1000,
            seed: 7,
            origin: Origin::Forwarded,
        }
    }

    #[test]
    fn a_seed_draws_the_same_flows_again_within_their_networks() {
        for (to, from) in [
            ("10.0.0.100/32", "198.18.0.0/15"),
            ("0.0.0.0/0", "192.0.2.0/31"),
            ("2001:db8::/32", "2001:2::/48"),
            ("fd00::1/128", "::/0"),
        ] {
            let asked = some(to, from);
            let flows = draw(&asked);
            assert_eq!(flows.len(), 1000);
            assert_eq!(flows, draw(&asked));
            assert_ne!(flows, draw(&Draw { seed: 8, ..asked }));
            for flow in flows {
                assert!(asked.to.contains(&flow.destination), "{flow:?}");
                assert!(asked.from.contains(&flow.source), "{flow:?}");
            }
        }
    }

    #[test]
    fn moved_flows_are_those_of_the_removed_and_those_of_others() {
        let through = |n: u8| Some(Way::Through { gateway: [10, 0, 0, n].into(), interface: 2 });
        let before = vec![through(1), through(1), through(2), through(3), None];
        let after = vec![through(2), through(3), through(2), through(2), None];
        let removal = compare(before, after, &[IpAddr::from([10, 0, 0, 1])].into());
        assert_eq!((removal.of_removed, removal.of_others, removal.moved()), (2, 1, 3));
        let counts = by_gateway(&removal.after);
        assert_eq!(counts.get(&IpAddr::from([10, 0, 0, 2])), Some(&3));
    }
}
