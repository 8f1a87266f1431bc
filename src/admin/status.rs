//! `GET /v1/status`: what is served, what is known of it, and what happened last.
//!
//! [`Status`] is the JSON, and what `rhumb status` reads back and shows to people.

mod pair;
mod text;
mod tier;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use axum::extract::State as Handle;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::anycast::BgpStatus;
use super::bfd::{self, BfdStatus};
use super::ecmp::{self, EcmpStatus};
use super::failure::Failure;
use super::pair::GroupStatus;
use super::{Control, ReloadRefused, Reloaded, pretty};
use crate::health::{MemberHealth, State, Target, TargetHealth};
use crate::node::{NodeState, Reason, ServiceState};
use crate::policy::decide::Mode;
use crate::policy::standing::Standing;
use crate::policy::{Family, Member, Policies, PoolId};
use crate::world::{Snapshot, World};
use crate::zone::ZoneId;

/// A node at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The node's name.
    pub node: String,
    /// Of the program.
    pub version: String,
    /// Since it began to serve.
    pub uptime_seconds: u64,
    /// Whether the first answer may be given.
    pub ready: bool,
    /// The node takes its leave; it still answers.
    #[serde(default)]
    pub stopping: bool,
    /// Of the snapshot served; grows with each change of health or world.
    pub generation: u64,
    /// An operator wants the node to do without new work.
    pub drained: bool,
    /// The configuration on disk was refused at the last reload: an older one is in force.
    pub stale: bool,
    /// Where the node asks itself whether it can answer, by name.
    pub services: Vec<ServiceStatus>,
    /// By name, in the order of the files.
    pub zones: Vec<ZoneStatus>,
    /// In the order of the files.
    pub pools: Vec<PoolStatus>,
    /// Everything probed.
    pub targets: Vec<TargetStatus>,
    /// For how many seconds states have been frozen, because so much fell at once that the prober
    /// itself is suspect; absent: they are not.
    pub brake_seconds: Option<u64>,
    /// The groups of virtual routers, in the order of the configuration.
    #[serde(default)]
    pub vrrp: Vec<GroupStatus>,
    /// The announcer of anycast prefixes, where there is one.
    #[serde(default)]
    pub bgp: Option<BgpStatus>,
    /// The paths that BFD watches.
    #[serde(default)]
    pub bfd: Vec<BfdStatus>,
    /// Routes over the members of pools, in the order of the configuration.
    #[serde(default)]
    pub ecmp: Vec<EcmpStatus>,
    /// The last reload that was asked for.
    pub last_reload: Option<ReloadStatus>,
}

/// A set of addresses on which the node asks itself whether it can answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceStatus {
    /// Of a VRRP entry or of a BGP announcement.
    pub name: String,
    /// `unknown`, `yes` or `no`.
    pub answering: String,
    /// Why not.
    pub failure: Option<String>,
    /// Alarms, each with its reason: other queries are answered, our own are not;
    pub overloaded: Option<String>,
    /// nothing could be asked, so the last verdict stands;
    pub no_result: Option<String>,
    /// queries over TCP are not answered.
    pub tcp_failing: Option<String>,
}

/// A zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneStatus {
    /// Its name, absolute.
    pub name: String,
    /// Of its start of authority.
    pub serial: u32,
}

/// A pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PoolStatus {
    /// `NAME` when shared, else `ZONE/NAME`.
    pub name: String,
    /// Whether enough of its IPv4 members serve; absent when it has none.
    pub ipv4_up: Option<bool>,
    /// Whether enough of its IPv6 members serve; absent when it has none.
    pub ipv6_up: Option<bool>,
    /// What it can carry, in the operator's unit.
    pub capacity: Option<f64>,
    /// In the order of the configuration.
    pub members: Vec<MemberStatus>,
}

/// A member of a pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberStatus {
    /// What is answered.
    pub address: std::net::IpAddr,
    /// Its share inside the pool.
    pub weight: u16,
    /// Whether anything probes it.
    pub has_probe: bool,
    /// `up`, `degraded`, `unknown` or `down`.
    pub probed: String,
    /// `up`, `down` or `drain` when an operator imposes it.
    pub forced: Option<String>,
    /// Probed and forced together.
    pub serving: bool,
    /// The last failure of the worst of its targets, unless it is up.
    pub reason: Option<String>,
}

/// Something probed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetStatus {
    /// The name of the probe.
    pub probe: String,
    /// `tcp`, `tls`, `http` or `https`.
    pub kind: String,
    /// Address and port.
    pub address: std::net::SocketAddr,
    /// `up`, `degraded`, `unknown` or `down`.
    pub state: String,
    /// The last failure.
    pub reason: Option<String>,
    /// A warning beside a success: a certificate that expires soon.
    pub warning: Option<String>,
}

/// The last reload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReloadStatus {
    /// How long ago it ended.
    pub seconds_ago: u64,
    /// Whether it was published; otherwise it changed nothing.
    pub published: bool,
    /// Each mistake; empty when it was published.
    pub errors: Vec<String>,
    /// Warnings of what was published.
    pub warnings: Vec<String>,
}

/// `GET /v1/status`.
pub(super) async fn handle(Handle(control): Handle<Control>) -> Result<Response, Failure> {
    pretty(&Status::of(&control))
}

impl Status {
    /// A node as it is now.
    #[must_use]
    pub fn of(control: &Control) -> Self {
        let snapshot = control.published.load_full();
        let targets = control.prober.health(&snapshot.world.targets);
        let now = control.started + control.started.elapsed();
        Self {
            node: control.node.to_string(),
            version: env!("CARGO_PKG_VERSION").into(),
            uptime_seconds: control.started.elapsed().as_secs(),
            ready: control.ready.load(Relaxed),
            stopping: control.orders.is_closed(),
            generation: snapshot.generation,
            drained: snapshot.node.drained,
            stale: snapshot.node.stale,
            services: services(&snapshot.node),
            zones: zones(&snapshot),
            pools: pools(&snapshot, &targets),
            targets: target_statuses(&snapshot, &targets),
            brake_seconds: control.prober.brake().map(|since| since.elapsed().as_secs()),
            vrrp: control.pair.groups().iter().map(|group| GroupStatus::of(group)).collect(),
            bgp: BgpStatus::of(&control.anycast),
            bfd: bfd::sessions(control.ground.bfd_if_started().as_ref(), now),
            ecmp: ecmp::entries(&control.ecmp, now),
            last_reload: control.metrics.last_reload().map(|last| {
                let (errors, warnings) = match last.outcome {
                    Ok(Reloaded { warnings, incomplete, .. }) => {
                        (Vec::new(), [incomplete, warnings].concat())
                    }
                    Err(ReloadRefused { errors }) => (errors, Vec::new()),
                };
                let seconds_ago = last.at.elapsed().as_secs();
                ReloadStatus { seconds_ago, published: errors.is_empty(), errors, warnings }
            }),
        }
    }
}

fn services(node: &NodeState) -> Vec<ServiceStatus> {
    let text = |reason: &Option<Reason>| reason.as_deref().map(str::to_owned);
    let status = |(name, service): (&Arc<str>, &ServiceState)| ServiceStatus {
        name: name.to_string(),
        answering: service.answering.word().into(),
        failure: text(&service.failure),
        overloaded: text(&service.overloaded),
        no_result: text(&service.no_result),
        tcp_failing: text(&service.tcp_failing),
    };
    node.services.iter().map(status).collect()
}

fn zones(snapshot: &Snapshot) -> Vec<ZoneStatus> {
    let zones = &snapshot.world.zones;
    let ids = (0..zones.len() as u32).map(ZoneId);
    let status = |id| ZoneStatus { name: zones.apex(id).to_string(), serial: zones.soa(id).serial };
    ids.map(status).collect()
}

fn pools(snapshot: &Snapshot, targets: &[TargetHealth]) -> Vec<PoolStatus> {
    let policies = &snapshot.world.policies;
    let status = |id| {
        let pool = policies.pool(id);
        let [ipv4_up, ipv6_up] = families_up(policies, id, &snapshot.health);
        let members = pool.member_ids().map(|member| {
            let health = snapshot.health.get(member.0 as usize).copied().unwrap_or_default();
            member_status(policies.member(member), health, targets)
        });
        PoolStatus {
            name: pool.name.to_string(),
            ipv4_up,
            ipv6_up,
            capacity: pool.capacity,
            members: members.collect(),
        }
    };
    (0..policies.pools.len() as u32).map(PoolId).map(status).collect()
}

/// Whether a pool is up, for each family that it has members of.
pub(crate) fn families_up(
    policies: &Policies,
    pool: PoolId,
    health: &[MemberHealth],
) -> [Option<bool>; 2] {
    let standing = Standing::of(policies, pool, health);
    Family::BOTH.map(|family| {
        let has_members = standing.families[family.index()].every > 0;
        has_members.then(|| standing.is_up(family, Mode::Normal))
    })
}

fn member_status(member: &Member, health: MemberHealth, targets: &[TargetHealth]) -> MemberStatus {
    let of_member = member.targets.iter().filter_map(|id| targets.get(id.0 as usize));
    let worst = of_member.max_by_key(|health| health.state);
    let reason = worst.filter(|w| w.state != State::Up).and_then(|worst| worst.reason.as_deref());
    MemberStatus {
        address: member.address,
        weight: member.weight.get(),
        has_probe: !member.targets.is_empty(),
        probed: health.probed.word().into(),
        forced: health.forced.map(|forced| forced.word().into()),
        serving: health.serves(),
        reason: reason.map(str::to_owned),
    }
}

fn target_statuses(snapshot: &Snapshot, targets: &[TargetHealth]) -> Vec<TargetStatus> {
    let World { targets: probed, target_names, .. } = &*snapshot.world;
    let status =
        |((target, name), health): ((&Arc<Target>, &String), &TargetHealth)| TargetStatus {
            probe: name.clone(),
            kind: target.probe.kind.word().into(),
            address: target.address,
            state: health.state.word().into(),
            reason: health.reason.as_deref().map(str::to_owned),
            warning: health.warning.as_deref().map(str::to_owned),
        };
    probed.iter().zip(target_names).zip(targets).map(status).collect()
}
