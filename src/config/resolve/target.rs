//! Pools and probes to members and what is probed: equal targets are one.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use super::names::{Names, ProbeIndex};
use crate::config::diagnostic::Report;
use crate::config::read::pool::MemberShape;
use crate::health::{ProbeSpec, Target, TargetId};
use crate::policy::{Member, Pool, PoolId};

/// Pools, members, and what is probed of them.
#[derive(Debug, Default)]
pub(super) struct Probed {
    pub(super) pools: Vec<Pool>,
    pub(super) members: Vec<Member>,
    pub(super) targets: Vec<Target>,
    pub(super) target_names: Vec<String>,
}

/// A probe found, to be pointed at members.
struct Probe {
    spec: Arc<ProbeSpec>,
    port: u16,
    name: Box<str>,
}

/// Builds every pool; reports unknown probes.
pub(super) fn build(names: &Names, report: &mut Report) -> Probed {
    let probes: Vec<Option<Probe>> = names
        .probes
        .iter()
        .map(|defined| {
            let shape = defined.shape.as_ref()?;
            let name = names.qualified(defined.scope, &defined.name.value);
            Some(Probe { spec: Arc::new(shape.spec.clone()), port: shape.port, name })
        })
        .collect();
    let mut probed = Probed::default();
    let mut known = HashMap::new();
    for (index, pool) in names.pools.iter().enumerate() {
        let find = |name| names.find_probe(pool.scope, name, report);
        let found: Vec<ProbeIndex> = pool.shape.probes.iter().filter_map(find).collect();
        let asked: Vec<&Probe> = found.iter().filter_map(|i| probes[i.0].as_ref()).collect();
        let first = probed.members.len() as u32;
        for member in &pool.shape.members {
            let targets = asked.iter().map(|probe| probed.target(&mut known, probe, member));
            let mut targets: Vec<_> = targets.collect();
            targets.sort_unstable();
            targets.dedup();
            let pool = PoolId(index as u32);
            let address = member.address.value;
            probed.members.push(Member { pool, address, weight: member.weight, targets });
        }
        probed.pools.push(Pool {
            name: names.qualified(pool.scope, &pool.name.value),
            at: pool.shape.at,
            min_healthy: pool.shape.min_healthy,
            linked: pool.shape.linked,
            capacity: pool.shape.capacity,
            members: first..probed.members.len() as u32,
        });
    }
    probed
}

impl Probed {
    /// The target of a probe at a member; a new one, or the equal one that is there.
    fn target(
        &mut self,
        known: &mut HashMap<Target, TargetId>,
        probe: &Probe,
        member: &MemberShape,
    ) -> TargetId {
        let address = member.probe_address.unwrap_or(member.address).value;
        let address = SocketAddr::new(address, probe.port);
        let target = Target { probe: Arc::clone(&probe.spec), address };
        *known.entry(target).or_insert_with_key(|target| {
            self.targets.push(target.clone());
            self.target_names.push(probe.name.to_string());
            TargetId(self.targets.len() as u32 - 1)
        })
    }
}
