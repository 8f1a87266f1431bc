//! A small world without zones or databases: pools, policies, health, one client.

use std::net::IpAddr;
use std::num::NonZeroU16;
use std::sync::Arc;

use ipnet::IpNet;

use crate::geo::partition::{ClassId, Who};
use crate::geo::{Coordinates, Facts};
use crate::health::{Forced, MemberHealth, State};
use crate::policy::choice::{PolicyChoices, PoolTables};
use crate::policy::decide::{Silent, resolve};
use crate::policy::explain::{About, Steering};
use crate::policy::pick::{Tables, Verdict};
use crate::policy::plan::{PlanId, Plans};
use crate::policy::{
    FailoverChild, Family, Member, MinHealthy, Policies, Policy, PolicyId, PolicyNode, Pool,
    PoolId, PrefixLengths, Routed, TtlRange, WhenDown,
};

/// What a test sets up.
pub(super) struct Fixture {
    pub(super) policies: Policies,
    pub(super) health: Vec<MemberHealth>,
    pub(super) facts: Facts,
    pub(super) cidrs: Vec<IpNet>,
    pub(super) routed: Routed,
}

/// The tables of one policy for the fixture's client.
pub(super) struct Scene {
    pub(super) choices: PolicyChoices,
    pub(super) pools: Vec<Arc<PoolTables>>,
    names: Vec<Box<str>>,
    routed: Routed,
}

impl Fixture {
    /// Nothing but a name with `ttl: 60s/15s`.
    pub(super) fn new() -> Self {
        Self {
            policies: Policies::default(),
            health: Vec::new(),
            facts: Facts::default(),
            cidrs: Vec::new(),
            routed: Routed {
                policy: PolicyId(0),
                answers: None,
                ttl: TtlRange { longest: 60, shortest: 15 },
                when_down: WhenDown::ServeAll,
                ecs: true,
            },
        }
    }

    /// Pools `a`, `b` and `c` of two IPv4 members each: 192.0.2.10 and .11, .20 and .21, .30 and
    /// .31; all up.
    pub(super) fn abc() -> (Self, [PolicyId; 3]) {
        let mut fixture = Self::new();
        let ids = [
            fixture.pool("a", "192.0.2.10 192.0.2.11"),
            fixture.pool("b", "192.0.2.20 192.0.2.21"),
            fixture.pool("c", "192.0.2.30 192.0.2.31"),
        ];
        (fixture, ids)
    }

    /// Adds a pool; members are `ADDRESS` or `ADDRESS*WEIGHT`.
    pub(super) fn pool(&mut self, name: &str, members: &str) -> PolicyId {
        let pool = PoolId(self.policies.pools.len() as u32);
        let first = self.policies.members.len() as u32;
        for member in members.split_whitespace() {
            let (address, weight) = member.split_once('*').unwrap_or((member, "1"));
            self.policies.members.push(Member {
                pool,
                address: address.parse().unwrap(),
                weight: weight.parse::<NonZeroU16>().unwrap(),
                targets: Vec::new(),
            });
            self.health.push(MemberHealth { probed: State::Up, ..MemberHealth::default() });
        }
        self.policies.pools.push(Pool {
            name: name.into(),
            at: None,
            min_healthy: MinHealthy::AnyOne,
            linked: false,
            capacity: None,
            members: first..self.policies.members.len() as u32,
        });
        self.policy(Policy::Pool(pool))
    }

    /// Adds a policy; its label is its text.
    pub(super) fn policy(&mut self, policy: Policy) -> PolicyId {
        let id = PolicyId(self.policies.policies.len() as u32);
        let label = match &policy {
            Policy::Pool(pool) => self.policies.pool(*pool).name.clone(),
            other => format!("{other:?}").into(),
        };
        self.policies.policies.push(PolicyNode { name: None, label, policy });
        id
    }

    pub(super) fn weighted(&mut self, of: &[(PolicyId, u16)]) -> PolicyId {
        self.policy(Policy::Weighted(of.to_vec()))
    }

    pub(super) fn sticky(&mut self, of: &[(PolicyId, u16)]) -> PolicyId {
        let by = PrefixLengths { v4: 24, v6: 56 };
        self.policy(Policy::Sticky { children: of.to_vec(), by })
    }

    pub(super) fn failover(&mut self, of: &[PolicyId]) -> PolicyId {
        let listed = |to: &PolicyId| FailoverChild { to: *to, degraded: None };
        self.policy(Policy::Failover(of.iter().map(listed).collect()))
    }

    /// A `failover` whose children keep a percentage each.
    pub(super) fn degrading(&mut self, of: &[(PolicyId, u8)]) -> PolicyId {
        let listed = |(to, kept): &(PolicyId, u8)| FailoverChild { to: *to, degraded: Some(*kept) };
        self.policy(Policy::Failover(of.iter().map(listed).collect()))
    }

    pub(super) fn all(&mut self, of: &[PolicyId]) -> PolicyId {
        self.policy(Policy::All(of.to_vec()))
    }

    pub(super) fn pool_mut(&mut self, name: &str) -> &mut Pool {
        self.policies.pools.iter_mut().find(|pool| &*pool.name == name).expect("a pool's name")
    }

    /// Changes health from all up: `a down, 192.0.2.20 forced-up due 10`. What comes first is a
    /// pool's name, a member's address, or `*`.
    pub(super) fn set(&mut self, changes: &str) {
        let up = MemberHealth { probed: State::Up, ..MemberHealth::default() };
        self.health.fill(up);
        for change in changes.split(',').map(str::trim).filter(|change| !change.is_empty()) {
            let mut words = change.split_whitespace();
            let who = words.next().unwrap();
            let change = |health: &mut MemberHealth| {
                let mut words = words.clone();
                while let Some(word) = words.next() {
                    match word {
                        "due" => health.ttl_hint = words.next().map(|n| n.parse().unwrap()),
                        word => Self::apply(health, word),
                    }
                }
            };
            let mut known = false;
            for (member, health) in self.policies.members.iter().zip(&mut self.health) {
                let pool = &self.policies.pools[member.pool.0 as usize].name;
                if who == "*" || who == &**pool || who == member.address.to_string() {
                    change(health);
                    known = true;
                }
            }
            assert!(known, "no pool or member {who}");
        }
    }

    fn apply(health: &mut MemberHealth, word: &str) {
        match word {
            "down" => health.probed = State::Down,
            "degraded" => health.probed = State::Degraded,
            "unknown" => health.probed = State::Unknown,
            "forced-up" => health.forced = Some(Forced::Up),
            "forced-down" => health.forced = Some(Forced::Down),
            "drained" => health.forced = Some(Forced::Drain),
            "up-last" => health.last_served = true,
            other => panic!("no such health: {other}"),
        }
    }

    /// Puts the client there.
    pub(super) fn at(&mut self, latitude: f64, longitude: f64) {
        self.facts.coordinates = Coordinates::new(latitude, longitude);
    }

    /// Puts the client inside these networks, longest first.
    pub(super) fn within(&mut self, cidrs: &[&str]) {
        self.cidrs = cidrs.iter().map(|net| net.parse().unwrap()).collect();
    }

    pub(super) fn who(&self) -> Who<'_> {
        Who { facts: &self.facts, cidrs: &self.cidrs }
    }

    /// The plan of a policy for the client.
    pub(super) fn plan(&self, root: PolicyId, plans: &mut Plans) -> PlanId {
        resolve(&self.policies, root, self.who(), plans, &mut Silent)
    }

    /// Builds the tables of a policy for the client.
    pub(super) fn scene(&self, root: PolicyId) -> Scene {
        let mut plans = Plans::default();
        let plan = self.plan(root, &mut plans);
        let choices =
            PolicyChoices::of_plans(&self.policies, &plans, &[plan], &self.health, &mut Silent);
        let pools = (0..self.policies.pools.len() as u32)
            .map(|id| Arc::new(PoolTables::build(&self.policies, PoolId(id), &self.health)))
            .collect();
        let names = self.policies.pools.iter().map(|pool| pool.name.clone()).collect();
        Scene { choices, pools, names, routed: self.routed.clone() }
    }

    pub(super) fn explain(&self, root: PolicyId, family: Family) -> Steering {
        let routed = Routed { policy: root, ..self.routed.clone() };
        let (policies, health) = (&self.policies, &self.health[..]);
        About { policies, health, routed: &routed, family }.explain(self.who())
    }

    /// The shares of a policy under some health, in one text: `a 70, b 30`.
    pub(super) fn shares(&mut self, root: PolicyId, changes: &str) -> String {
        self.shares_in(Family::V4, root, changes)
    }

    pub(super) fn shares_in(&mut self, family: Family, root: PolicyId, changes: &str) -> String {
        self.set(changes);
        self.scene(root).shares(family)
    }
}

/// One answer, whole.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Picked {
    pub(super) verdict: Verdict,
    pub(super) ttl: u32,
    pub(super) pool: Option<PoolId>,
    sent: Vec<IpAddr>,
}

impl Picked {
    pub(super) fn addresses(&self) -> &[IpAddr] {
        &self.sent
    }
}

impl Scene {
    /// One answer to a client.
    pub(super) fn pick(&self, family: Family, client: &str, rng: &mut fastrand::Rng) -> Picked {
        self.pick_for(family, client.parse().unwrap(), rng)
    }

    pub(super) fn pick_for(
        &self,
        family: Family,
        client: IpAddr,
        rng: &mut fastrand::Rng,
    ) -> Picked {
        let tables = Tables { choices: &self.choices, pools: &self.pools };
        let mut sent = Vec::new();
        let picked =
            tables.pick(&self.routed, ClassId(0), (family, client), rng, |_, addresses| {
                sent = addresses.to_vec();
            });
        Picked { verdict: picked.verdict, ttl: picked.ttl, pool: picked.pool, sent }
    }

    /// One answer to any client, IPv4.
    pub(super) fn any(&self) -> Picked {
        self.pick(Family::V4, "198.51.100.1", &mut fastrand::Rng::with_seed(1))
    }

    /// The addresses of many answers, each once, sorted.
    pub(super) fn seen(&self, family: Family) -> Vec<String> {
        let mut rng = fastrand::Rng::with_seed(7);
        let mut seen = Vec::new();
        for client in 0..300_u32 {
            let client = IpAddr::V4((client << 8).into());
            let picked = self.pick_for(family, client, &mut rng);
            seen.extend(picked.addresses().iter().map(ToString::to_string));
        }
        seen.sort();
        seen.dedup();
        seen
    }

    pub(super) fn shares(&self, family: Family) -> String {
        let decision = self.choices.decision(ClassId(0), family).unwrap();
        let Some(root) = decision.choice_of(&self.routed.when_down) else { return String::new() };
        let shares = self.choices.shares(root);
        let percent = |share: f64| (share * 1000.0).round() / 10.0;
        let mut shares: Vec<_> = shares
            .iter()
            .map(|(pool, share)| format!("{} {}", self.names[pool.0 as usize], percent(*share)))
            .collect();
        shares.sort();
        shares.join(", ")
    }
}
