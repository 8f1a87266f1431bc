//! What an entry of `ecmp:` says.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

/// A route of this host over the members of a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EcmpConfig {
    /// For logs, metrics and status; unique.
    pub name: Arc<str>,
    /// What is routed.
    pub prefix: IpNet,
    /// `ZONE/POOL`, or the name of a shared pool, whose members of the prefix's family are the
    /// next hops, with their weights.
    pub pool: Arc<str>,
    /// The next hop of a member whose own address is not on the link.
    pub via: BTreeMap<IpAddr, IpAddr>,
    /// How the kernel spreads flows.
    pub spreading: Spreading,
    /// The routing table; 254 is `main`.
    pub table: u32,
    /// The route's metric; lower is preferred.
    pub metric: u32,
    /// What becomes of the route when no member is up.
    pub when_down: WhenDown,
    /// `fib_multipath_hash_policy` of the whole host; absent: left as it is.
    pub hash_policy: Option<HashPolicy>,
    /// `fib_multipath_hash_seed` of the whole host; absent: left as it is.
    pub hash_seed: Option<u32>,
    /// What becomes of the route when this process ends.
    pub on_exit: OnExit,
    /// Where it stands, `file:line:column`, for messages.
    pub place: String,
}

/// How the kernel spreads flows over next hops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Spreading {
    /// By hash threshold: the departure of a next hop moves others' flows too.
    Multipath,
    /// Over buckets that stay with their next hop while it is there.
    Resilient {
        /// How many; cannot be changed in place.
        buckets: u16,
        /// A bucket without traffic for so long may move to another next hop.
        idle: Duration,
        /// A group that is out of balance for so long moves buckets with traffic too; zero: never.
        unbalanced: Duration,
    },
}

/// What becomes of the route when no member is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WhenDown {
    /// The members that were up last stay.
    Keep,
    /// Senders are told that there is no way.
    Unreachable,
    /// It goes; a less specific route may take its place.
    Withdraw,
}

/// What the kernel hashes a flow by (`fib_multipath_hash_policy`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HashPolicy {
    /// 0: addresses.
    L3,
    /// 1: addresses and ports.
    L4,
}

/// What becomes of the route when this process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OnExit {
    /// It is removed.
    Remove,
    /// It stays as it is.
    Keep,
}
