//! The policy as a tree of what was looked at, from a recorded evaluation.

use std::collections::HashSet;
use std::net::IpAddr;

use serde::Serialize;

use super::About;
use super::record::Recorder;
use crate::health::{Forced, MemberHealth};
use crate::policy::decide::{self, Because, Candidate, Mode, Place};
use crate::policy::plan::{PlanId, Plans};
use crate::policy::standing::Standing;
use crate::policy::{Family, MinHealthy, Policies, Policy, PolicyId, PoolId};

/// A policy that was looked at.
#[derive(Clone, Debug, Serialize)]
pub struct Node {
    /// What it is called: its name, or its text.
    pub policy: String,
    /// The key that configures it: `geo`, `weighted`; `pool` for a pool.
    pub method: &'static str,
    /// The pool's members, when it is one.
    pub pool: Option<PoolSeen>,
    /// Its children, in the order in which they are looked at.
    pub children: Vec<Branch>,
    /// It stands further up already, with its children.
    pub repeated: bool,
}

/// A child, as its policy saw it.
#[derive(Clone, Debug, Serialize)]
pub struct Branch {
    /// Why it stands where it stands: a key, a weight, a distance.
    pub because: String,
    /// What was found out about it.
    pub finding: Finding,
    /// What it is called.
    pub policy: String,
    /// What it looked at itself; absent when it was not looked at.
    pub node: Option<Node>,
}

/// What was found out about a child.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "finding", rename_all = "snake_case")]
pub enum Finding {
    /// It gets this share, 0 to 1, of what comes to its policy.
    Picked {
        /// 0 to 1.
        share: f64,
    },
    /// It is up but not whole, and keeps a part only.
    Degraded {
        /// The part that it keeps of what comes to it, 0 to 1.
        kept: f64,
        /// What that is of what comes to its policy, 0 to 1.
        share: f64,
    },
    /// It would pick nothing.
    Down,
    /// One before it was enough.
    NotLookedAt,
    /// What it leads to stands before it already.
    SameAsEarlier,
    /// Weight 0 is never picked.
    WeightZero,
    /// A more specific key has `fence: hard`.
    BehindFence,
}

/// A pool that was looked at.
#[derive(Clone, Debug, Serialize)]
pub struct PoolSeen {
    /// Which one it is.
    #[serde(skip)]
    pub id: PoolId,
    /// Whether it picks anything.
    pub up: bool,
    /// Why, or why not.
    pub because: String,
    /// The members that count.
    pub members: Vec<MemberSeen>,
}

/// A member of a pool that was looked at.
#[derive(Clone, Debug, Serialize)]
pub struct MemberSeen {
    /// What is answered.
    pub address: IpAddr,
    /// Its configured weight.
    pub weight: u16,
    /// As probed: `up`, `degraded`, `unknown` or `down`.
    pub probed: &'static str,
    /// As an operator forced it: `up`, `down` or `drain`.
    pub forced: Option<&'static str>,
    /// Whether it serves.
    pub serves: bool,
}

/// Makes trees of one recorded evaluation.
pub(super) struct Paths<'a> {
    policies: &'a Policies,
    about: &'a About<'a>,
    plans: &'a Plans,
    recorder: &'a Recorder,
    shown: HashSet<(PolicyId, PlanId)>,
}

impl<'a> Paths<'a> {
    pub(super) fn new(about: &'a About<'a>, plans: &'a Plans, recorder: &'a Recorder) -> Self {
        Self { policies: about.policies, about, plans, recorder, shown: HashSet::new() }
    }

    /// The tree below a policy, each policy with its children once.
    pub(super) fn path(&mut self, policy: PolicyId, plan: PlanId) -> Node {
        let node = self.policies.node(policy);
        let first = self.shown.insert((policy, plan));
        let candidates = self.recorder.candidates.get(&(policy, plan)).filter(|_| first);
        let pool = match node.policy {
            Policy::Pool(pool) => Some(self.pool(pool)),
            _ => None,
        };
        let candidates = candidates.map_or(&[][..], Vec::as_slice);
        Node {
            policy: self.policies.called(policy).to_owned(),
            method: method(&node.policy),
            repeated: !first && pool.is_none(),
            pool,
            children: candidates.iter().map(|child| self.branch(plan, child)).collect(),
        }
    }

    fn branch(&mut self, parent: PlanId, candidate: &Candidate) -> Branch {
        let (finding, looked_at) = match candidate.place {
            Place::SameAs(_) => (Finding::SameAsEarlier, None),
            Place::WeightZero => (Finding::WeightZero, None),
            Place::BehindFence => (Finding::BehindFence, None),
            Place::Step(child) => match self.recorder.found.get(&(parent, child)) {
                None => (Finding::NotLookedAt, None),
                Some(found) => {
                    let plan = self.plans.plan(parent).children().get(child).copied();
                    (Finding::from(*found), plan)
                }
            },
        };
        Branch {
            because: because(candidate.because),
            finding,
            policy: self.policies.called(candidate.policy).to_owned(),
            node: looked_at.map(|plan| self.path(candidate.policy, plan)),
        }
    }

    fn pool(&self, id: PoolId) -> PoolSeen {
        let standing = Standing::of(self.policies, id, self.about.health);
        let mode = self.recorder.mode.unwrap_or(Mode::Normal);
        let families = standing.consulted(self.about.family);
        let ids = self.policies.pool(id).member_ids();
        let members: Vec<MemberSeen> = ids
            .map(|id| (self.policies.member(id), self.about.health_of(id)))
            .filter(|(member, _)| families.contains(&Family::of(member.address)))
            .map(|(member, health)| MemberSeen::new(member.address, member.weight.get(), health))
            .collect();
        let up = standing.is_up(self.about.family, mode);
        PoolSeen { id, up, because: self.why(id, &standing, mode, &members), members }
    }

    /// Why a pool is up or down.
    fn why(&self, id: PoolId, standing: &Standing, mode: Mode, members: &[MemberSeen]) -> String {
        let pool = self.policies.pool(id);
        let count =
            |which: &dyn Fn(&MemberSeen) -> bool| members.iter().filter(|m| which(m)).count();
        let mut why = match mode {
            Mode::Normal | Mode::IgnoringMinHealthy => {
                format!("{} of {} members serve", count(&|m| m.serves), members.len())
            }
            Mode::AsIfUp => {
                let allowed = count(&|m| !matches!(m.forced, Some("down" | "drain")));
                format!("as if up: {allowed} of {} members", members.len())
            }
            Mode::AsIfAllUp => format!("as if up: {} members", members.len()),
        };
        let families = standing.consulted(self.about.family);
        if let (MinHealthy::Fraction(least), Mode::Normal) = (pool.min_healthy, mode) {
            for family in families {
                let of = standing.families[family.index()];
                let least = least * 100.0;
                why += &format!(
                    "; weight {} of {} not drained, min_healthy {least} %",
                    of.serving, of.counted
                );
            }
        }
        match families {
            [_, _] => why += "; IPv4 and IPv6 are linked",
            [only] if *only != self.about.family => {
                why += &format!("; none of its members has {}", super::mnemonic(self.about.family));
            }
            _ => {}
        }
        why
    }
}

impl MemberSeen {
    fn new(address: IpAddr, weight: u16, health: MemberHealth) -> Self {
        Self {
            address,
            weight,
            probed: health.probed.word(),
            forced: health.forced.map(Forced::word),
            serves: health.serves(),
        }
    }
}

impl From<decide::Finding> for Finding {
    fn from(found: decide::Finding) -> Self {
        match found {
            decide::Finding::Down => Self::Down,
            decide::Finding::Picked(share) => Self::Picked { share },
            decide::Finding::Degraded { kept, share } => Self::Degraded { kept, share },
        }
    }
}

/// The key that configures a policy.
fn method(policy: &Policy) -> &'static str {
    match policy {
        Policy::Pool(_) => "pool",
        Policy::Weighted(_) => "weighted",
        Policy::Failover(_) => "failover",
        Policy::Geo(_) => "geo",
        Policy::Nearest(_) => "nearest",
        Policy::Latency { .. } => "latency",
        Policy::Sticky { .. } => "sticky",
        Policy::All(_) => "all",
    }
}

fn because(because: Because) -> String {
    match because {
        Because::Listed { degraded: None } => "as listed".into(),
        Because::Listed { degraded: Some(percent) } => format!("as listed, degraded {percent} %"),
        Because::Member => "one of all".into(),
        Because::Weight(weight) => format!("weight {weight}"),
        Because::Key(key) => key.to_string(),
        Because::Distance(distance) if distance.km == distance.biased_km => {
            format!("{:.0} km", distance.km)
        }
        Because::Distance(distance) => {
            format!("{:.0} km, counted as {:.0}", distance.km, distance.biased_km)
        }
        Because::ClientWithoutPlace => "as listed, the client's place is unknown".into(),
        Because::RoundTrip { ms, key } => format!("{ms} ms from {key}"),
    }
}
