//! What is drawn by lot: the hosts, and what befalls them.

use std::time::Duration;

use proptest::prelude::*;

use super::host::{Host, Sources};
use super::network::Way;
use crate::config::{Config, Family, Peer, Preempt, Priority, Version};
use crate::fixture::{pair, v4, v6};

/// Hosts before anything befalls them.
#[derive(Clone, Debug)]
pub(super) struct Setup {
    pub(super) hosts: Vec<Config>,
    sources: Vec<Sources>,
    /// The shortest of the hosts' intervals.
    pub(super) shortest: Duration,
    /// The longest.
    pub(super) longest: Duration,
    /// Of the network.
    pub(super) seed: u64,
}

impl Setup {
    pub(super) fn hosts(&self) -> Vec<Host> {
        let host =
            |(n, config): (usize, &Config)| Host::new(n, config.clone(), self.sources.clone());
        self.hosts.iter().enumerate().map(host).collect()
    }

    /// The longest that any host is told to wait by its configuration.
    pub(super) fn longest_delay(&self, delay: impl Fn(&Config) -> Duration) -> Duration {
        self.hosts.iter().map(delay).max().unwrap_or_default()
    }
}

/// Something that befalls a host, for a time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Disturbance {
    pub(super) at: Duration,
    pub(super) lasts: Duration,
    pub(super) host: usize,
    pub(super) other: usize,
    pub(super) trouble: Trouble,
}

/// What befalls it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Trouble {
    /// The process stands still.
    Freeze,
    /// It is killed, and started again.
    Crash,
    /// It is stopped, and started again.
    Stop,
    /// Its interface is down.
    Fault,
    /// Its addresses are being checked for duplicates again.
    Check,
    /// What it serves is being loaded again.
    Load,
    /// It cannot answer.
    Illness,
    /// It does not see its witness.
    Blindness,
    /// An operator gives the role away.
    Failover,
    /// And allows it to be taken back.
    Release,
    /// BFD is mistaken, or not.
    BfdDown,
    /// Another program removes a virtual address.
    Removal,
    /// It is configured anew.
    Priority(Priority),
    /// The network loses so many in a hundred.
    Loss(u8),
    /// The network takes up to so long more.
    Detour(Duration),
    /// The network is cut.
    Cut(Cut),
}

/// What is cut.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cut {
    /// The host hears nobody.
    Deaf,
    /// Nor is it heard.
    Alone,
    /// Another one does not hear it.
    OneWay,
    /// The two do not hear each other in one family.
    Family(Family),
    /// Another one does not hear it in one family.
    FamilyOneWay(Family),
}

impl Cut {
    pub(super) fn ways(self, host: usize, other: usize, hosts: usize) -> impl Iterator<Item = Way> {
        let families = [Family::V4, Family::V6];
        let all = families.into_iter().flat_map(move |family| {
            let pairs = (0..hosts).flat_map(move |from| (0..hosts).map(move |to| (from, to)));
            pairs.map(move |(from, to)| Way { from, to, family })
        });
        all.filter(move |way| {
            let there = way.from == host && way.to == other;
            let back = way.from == other && way.to == host;
            match self {
                Self::Deaf => way.to == host,
                Self::Alone => way.to == host || way.from == host,
                Self::OneWay => there,
                Self::Family(family) => (there || back) && way.family == family,
                Self::FamilyOneWay(family) => there && way.family == family,
            }
        })
    }
}

/// What hosts of one group have in common.
#[derive(Clone, Debug)]
struct Common {
    version: Version,
    families: Vec<Family>,
    interval: Duration,
    unicast: bool,
    pair_mode: bool,
}

fn both_families() -> impl Strategy<Value = Vec<Family>> {
    Just(vec![Family::V4, Family::V6]).prop_shuffle()
}

/// What the hosts of a group of version 3 may have in common.
fn modern(families: impl Strategy<Value = Vec<Family>>) -> impl Strategy<Value = Common> {
    let interval = prop_oneof![Just(10), Just(100), Just(1000)].prop_map(Duration::from_millis);
    (families, interval, any::<bool>(), any::<bool>()).prop_map(
        |(families, interval, unicast, pair_mode)| Common {
            version: Version::V3,
            families,
            interval,
            unicast,
            pair_mode,
        },
    )
}

fn common() -> impl Strategy<Value = Common> {
    let old =
        (1..=2u64, any::<bool>(), any::<bool>()).prop_map(|(seconds, unicast, pair_mode)| Common {
            version: Version::V2,
            families: vec![Family::V4],
            interval: Duration::from_secs(seconds),
            unicast,
            pair_mode,
        });
    let modern = modern(prop_oneof![1 => Just(vec![Family::V4]), 2 => both_families()]);
    prop_oneof![4 => modern, 1 => old]
}

fn preempt() -> impl Strategy<Value = Preempt> {
    prop_oneof![
        2 => Just(Preempt::Unhealthy),
        2 => Just(Preempt::Always),
        1 => Just(Preempt::Never),
    ]
}

pub(super) fn priority() -> impl Strategy<Value = Priority> {
    prop_oneof![Just(2), Just(50), Just(100), Just(100), Just(200), Just(254)].prop_map(Priority)
}

/// What differs from host to host: priority, pre-emption, how many times the interval it advertises
/// at, and for how many intervals it waits before it pre-empts, starts, and trusts after a fault.
type Own = (Priority, Preempt, u32, [u32; 3]);

fn own() -> impl Strategy<Value = Own> {
    let slower = prop_oneof![3 => Just(1), 1 => Just(4)];
    let wait = || prop_oneof![3 => Just(0u32), 1 => 1..10u32];
    (priority(), preempt(), slower, [wait(), wait(), wait()])
}

/// Two to four hosts, whose addresses of the two families are in different orders.
pub(super) fn setup() -> impl Strategy<Value = Setup> {
    with(common())
}

/// The same, where every host has addresses of both families.
pub(super) fn dual_stack() -> impl Strategy<Value = Setup> {
    with(modern(both_families()))
}

fn with(common: impl Strategy<Value = Common>) -> impl Strategy<Value = Setup> {
    let hosts = proptest::collection::vec(own(), 2..=4);
    let orders = (Just([1u8, 2, 3, 4]).prop_shuffle(), Just([1u8, 2, 3, 4]).prop_shuffle());
    let owner = prop_oneof![9 => Just(false), 1 => Just(true)];
    (common, hosts, orders, owner, any::<u64>()).prop_map(|(common, hosts, orders, owner, seed)| {
        let sources: Vec<_> =
            orders.0.iter().zip(orders.1).map(|(&a, b)| Sources { v4: v4(a), v6: v6(b) }).collect();
        let sources = sources[..hosts.len()].to_vec();
        let mut hosts: Vec<_> =
            hosts.iter().enumerate().map(|(n, own)| config(&common, own, &sources, n)).collect();
        if owner {
            hosts[0].priority = Priority::OWNER;
        }
        let intervals = || hosts.iter().map(|host| host.advertise);
        let (shortest, longest) =
            (intervals().min().expect("two"), intervals().max().expect("two"));
        Setup { shortest, longest, hosts, sources, seed }
    })
}

fn config(common: &Common, own: &Own, sources: &[Sources], n: usize) -> Config {
    let &(priority, preempt, slower, [preempt_delay, startup_delay, fault_hold]) = own;
    let address = |family: &Family| match family {
        Family::V4 => v4(100),
        Family::V6 => v6(100),
    };
    let peer = |(_, sources): (usize, &Sources)| Peer {
        name: "peer".to_owned(),
        addresses: common.families.iter().map(|&family| sources.of(family)).collect(),
        hops: 1,
    };
    let others = sources.iter().enumerate().filter(|&(other, _)| other != n);
    let slower = if common.version == Version::V3 { slower } else { 1 };
    Config {
        addresses: common.families.iter().map(address).collect(),
        priority,
        advertise: common.interval * slower,
        preempt,
        preempt_delay: common.interval * preempt_delay,
        startup_delay: common.interval * startup_delay,
        fault_hold: common.interval * fault_hold,
        peers: if common.unicast { others.map(peer).collect() } else { Vec::new() },
        pair_mode: common.unicast && common.pair_mode && sources.len() == 2,
        ..pair(common.version)
    }
}

pub(super) fn family() -> impl Strategy<Value = Family> {
    prop_oneof![Just(Family::V4), Just(Family::V6)]
}

fn cut() -> impl Strategy<Value = Cut> {
    prop_oneof![
        Just(Cut::Deaf),
        Just(Cut::Alone),
        Just(Cut::OneWay),
        family().prop_map(Cut::Family),
        family().prop_map(Cut::FamilyOneWay),
    ]
}

fn trouble(interval: Duration) -> impl Strategy<Value = Trouble> {
    prop_oneof![
        4 => Just(Trouble::Freeze),
        2 => Just(Trouble::Crash),
        2 => Just(Trouble::Stop),
        2 => Just(Trouble::Fault),
        1 => Just(Trouble::Check),
        1 => Just(Trouble::Load),
        3 => Just(Trouble::Illness),
        1 => Just(Trouble::Blindness),
        2 => Just(Trouble::Failover),
        1 => Just(Trouble::Release),
        1 => Just(Trouble::BfdDown),
        1 => Just(Trouble::Removal),
        1 => priority().prop_map(Trouble::Priority),
        2 => (10..100u8).prop_map(Trouble::Loss),
        2 => (1..16u32).prop_map(move |eighths| Trouble::Detour(interval * eighths / 8)),
        4 => cut().prop_map(Trouble::Cut),
    ]
}

/// Hosts, what befalls them within 40 of the shortest interval, and who of them is ill in the end.
pub(super) fn troubled() -> impl Strategy<Value = (Setup, Vec<Disturbance>, Vec<bool>)> {
    setup().prop_flat_map(|setup| {
        let (hosts, interval) = (setup.hosts.len(), setup.shortest);
        let eighths = move |range| (range,).prop_map(move |(n,): (u32,)| interval * n / 8);
        let disturbance =
            (eighths(0..320u32), eighths(1..120u32), 0..hosts, 1..hosts, trouble(interval))
                .prop_map(move |(at, lasts, host, step, trouble)| Disturbance {
                    at,
                    lasts,
                    host,
                    other: (host + step) % hosts,
                    trouble,
                });
        let ill = proptest::collection::vec(proptest::bool::weighted(0.25), hosts);
        (Just(setup), proptest::collection::vec(disturbance, 0..24), ill)
    })
}
