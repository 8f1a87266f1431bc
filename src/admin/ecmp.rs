//! Routes over the members of pools in the status.

use std::net::IpAddr;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::ecmp::{Ecmp, EntryStatus, Leads, MemberStatus, Spreading};

/// An entry of `ecmp:` at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EcmpStatus {
    /// Its name.
    pub name: String,
    /// Its pool.
    pub pool: String,
    /// Its route, as `ip route` names it.
    pub route: String,
    /// `group`, `unreachable` or `absent`.
    pub leads: String,
    /// The id of the group, as in `ip nexthop show id ID`.
    pub group: Option<u32>,
    /// Its next hops.
    pub next_hops: usize,
    /// Its buckets, if it is resilient.
    pub buckets: Option<u16>,
    /// `resilient` or `multipath`.
    pub spreading: String,
    /// In the order of the configuration.
    pub members: Vec<NextHopStatus>,
    /// How long ago this process changed the group or the route.
    pub changed_seconds_ago: Option<u64>,
    /// How often it did.
    pub changes: u64,
    /// What is not as it should be.
    pub alarms: Vec<String>,
}

/// A member of the pool and its next hop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextHopStatus {
    /// The member.
    pub address: IpAddr,
    /// Its next hop.
    pub gateway: IpAddr,
    /// The interface that leads there.
    pub interface: Option<String>,
    /// The member's weight in the pool.
    pub weight: u16,
    /// The next hop's in the group; absent when it is not in it.
    pub share: Option<u16>,
    /// `in`, `kept` or `out`.
    pub standing: String,
    /// The same with its reason.
    pub text: String,
}

/// Every entry.
pub(super) fn entries(ecmp: &Ecmp, now: Instant) -> Vec<EcmpStatus> {
    ecmp.status().iter().map(|entry| EcmpStatus::of(entry, now)).collect()
}

impl EcmpStatus {
    fn of(entry: &EntryStatus, now: Instant) -> Self {
        let (group, next_hops, buckets) = match entry.leads {
            Leads::Group { id, next_hops, buckets } => (Some(id), next_hops, buckets),
            Leads::Unreachable | Leads::Absent => (None, 0, None),
        };
        let ago = |at: Instant| now.saturating_duration_since(at).as_secs();
        Self {
            name: entry.name.to_string(),
            pool: entry.pool.to_string(),
            route: entry.route.to_string(),
            leads: entry.leads.word().to_owned(),
            group,
            next_hops,
            buckets,
            spreading: match entry.spreading {
                Spreading::Multipath => "multipath".to_owned(),
                Spreading::Resilient { .. } => "resilient".to_owned(),
            },
            members: entry.members.iter().map(NextHopStatus::of).collect(),
            changed_seconds_ago: entry.last_change.map(ago),
            changes: entry.changes,
            alarms: entry.alarms.clone(),
        }
    }
}

impl NextHopStatus {
    fn of(member: &MemberStatus) -> Self {
        Self {
            address: member.address,
            gateway: member.gateway,
            interface: member.interface.as_deref().map(str::to_owned),
            weight: member.weight,
            share: member.share,
            standing: member.standing.word().to_owned(),
            text: member.standing.to_string(),
        }
    }
}
