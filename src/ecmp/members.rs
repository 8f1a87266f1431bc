//! The members of pools, as far as groups depend on them; pure.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::sync::Arc;

use super::EcmpConfig;
use crate::health::{MemberHealth, State};
use crate::policy::{Policies, Pool};
use crate::world::Snapshot;

/// A member of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its address.
    pub address: IpAddr,
    /// Its weight in the pool.
    pub weight: NonZeroU16,
    /// Whether it serves.
    pub health: Health,
}

/// What is known of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It serves.
    Serving,
    /// There is no result of its probes yet.
    Unknown,
    /// It does not.
    Down {
        /// It was among those that served when some did last.
        served_last: bool,
    },
    /// An operator took it out.
    Drained {
        /// As above.
        served_last: bool,
    },
}

/// The members of the pools that entries name, by the pool's name. A pool that is not there does
/// not exist.
pub type Pools = BTreeMap<Arc<str>, Vec<Candidate>>;

/// What a snapshot says of the pools of these entries.
#[must_use]
pub fn pools(snapshot: &Snapshot, entries: &[EcmpConfig]) -> Pools {
    let policies = &snapshot.world.policies;
    let named = |name: &str| policies.pools.iter().find(|pool| *pool.name == *name);
    let pools = entries.iter().filter_map(|entry| {
        let pool = named(&entry.pool)?;
        Some((Arc::clone(&entry.pool), candidates(policies, pool, &snapshot.health)))
    });
    pools.collect()
}

fn candidates(policies: &Policies, pool: &Pool, health: &[MemberHealth]) -> Vec<Candidate> {
    let candidate = |id: crate::policy::MemberId| {
        let member = policies.member(id);
        let health = health.get(id.0 as usize).copied().unwrap_or_default().into();
        Candidate { address: member.address, weight: member.weight, health }
    };
    pool.member_ids().map(candidate).collect()
}

impl From<MemberHealth> for Health {
    fn from(health: MemberHealth) -> Self {
        let served_last = health.last_served;
        let unknown = health.forced.is_none() && health.probed == State::Unknown;
        match (health.serves(), health.drained()) {
            (true, true | false) if unknown => Self::Unknown,
            (true, true | false) => Self::Serving,
            (false, true) => Self::Drained { served_last },
            (false, false) => Self::Down { served_last },
        }
    }
}

impl Health {
    /// Whether it is to stay when none serves.
    #[must_use]
    pub fn served_last(self) -> bool {
        match self {
            Self::Serving | Self::Unknown => true,
            Self::Down { served_last } | Self::Drained { served_last } => served_last,
        }
    }
}
