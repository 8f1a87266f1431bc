//! The path of a decision, for people: what was looked at, what was dropped and why, the TTL and
//! the scope and what caused them.
//!
//! The policy is resolved and decided once more by the code that built the tables, with a recorder
//! listening: what is told here is what happens there. `Display` is the text, `Serialize` the JSON.

use std::net::IpAddr;

use serde::Serialize;

use super::choice::{Choice, Kind, PolicyChoices};
use super::decide::{Decided, Decision, Mode, resolve};
use super::pick::{MAX_ANSWERS, class_of, route_of, sticky_scope};
use super::plan::{PlanId, Plans};
use super::{Family, MemberId, Policies, PoolId, Routed, WhenDown};
use crate::dns::{Name, Rtype};
use crate::geo::Facts;
use crate::geo::partition::{ClassId, Who};
use crate::geo::places::canonical;
use crate::health::MemberHealth;
use crate::world::{Route, Snapshot};

mod lookup;
mod path;
mod record;
mod text;

pub use path::{Branch, Finding, MemberSeen, Node, PoolSeen};
use record::Recorder;

/// What is to be explained.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Asked {
    pub name: Name,
    pub family: Family,
    pub client: IpAddr,
}

/// A decision explained; `Display` is the text for people, `Serialize` the JSON.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// The name asked for, in presentation format.
    pub name: String,
    /// `A` or `AAAA`.
    pub rtype: &'static str,
    /// What the name led to, step by step: zone, wildcard, CNAME, ALIAS.
    pub lookup: Vec<String>,
    /// How the policy at the end decides; absent when no policy is at the end.
    pub steering: Option<Steering>,
}

/// How a routed name is answered to one client.
#[derive(Clone, Debug, Serialize)]
pub struct Steering {
    /// Who asks.
    pub client: ClientSeen,
    /// `A` or `AAAA`.
    pub rtype: &'static str,
    /// The policy and what it looked at.
    pub path: Node,
    /// What counted as up.
    pub mode: Mode,
    /// The name's `when_down`, when nothing serves.
    pub when_down: Option<String>,
    /// Where answers come from.
    pub answer: Answer,
    /// The TTL and its cause.
    pub ttl: Caused,
    /// The ECS scope, in bits, and its cause.
    pub scope: Caused,
}

/// A client as the policy sees it. Facts that the policy does not ask for are absent.
#[derive(Clone, Debug, Default, Serialize)]
#[allow(missing_docs, reason = "the names are those of `Facts`")]
pub struct ClientSeen {
    /// Its address; absent where only its facts are known.
    pub address: Option<IpAddr>,
    /// The IPv4 address that it carries.
    pub looked_up_as: Option<IpAddr>,
    pub continent: Option<&'static str>,
    pub country: Option<String>,
    pub subdivision: Option<String>,
    pub asn: Option<u32>,
    /// Latitude and longitude in degrees.
    pub coordinates: Option<[f64; 2]>,
    /// The policy's CIDRs that hold it, longest first.
    pub cidrs: Vec<String>,
    /// Clients of one class get the same decision.
    pub class: Option<u32>,
}

/// What is answered.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Answer {
    /// Members of pools.
    Members {
        /// How many of them an answer carries, at most.
        at_most: usize,
        /// Each pool that an answer can come from.
        pools: Vec<PoolShare>,
    },
    /// The `fallback` addresses of the family asked; NODATA when there is none.
    Fallback {
        /// In the order sent.
        addresses: Vec<IpAddr>,
    },
    /// Nothing.
    #[serde(rename = "nodata")]
    NoData,
    /// An error.
    #[serde(rename = "servfail")]
    ServFail,
    /// An error.
    Refused,
}

impl Answer {
    /// Whether every answer is NODATA.
    fn is_empty(&self) -> bool {
        match self {
            Self::Members { pools, .. } => pools.iter().all(|pool| pool.members.is_empty()),
            Self::Fallback { addresses } => addresses.is_empty(),
            Self::NoData => true,
            Self::ServFail | Self::Refused => false,
        }
    }
}

/// A pool that answers can come from.
#[derive(Clone, Debug, Serialize)]
pub struct PoolShare {
    /// Its name.
    pub pool: String,
    /// Which one it is.
    #[serde(skip)]
    pub id: PoolId,
    /// The share of answers that carry its members, 0 to 1.
    pub share: f64,
    /// The members drawn from; none: NODATA.
    pub members: Vec<IpAddr>,
}

/// A number and what caused it.
#[derive(Clone, Debug, Serialize)]
pub struct Caused {
    /// The number.
    pub value: u32,
    /// Why.
    pub because: String,
}

/// Explains what would be answered.
#[must_use]
pub fn explain(snapshot: &Snapshot, asked: &Asked) -> Explanation {
    let Asked { name, family, client } = asked;
    let rtype = match family {
        Family::V4 => Rtype::A,
        Family::V6 => Rtype::AAAA,
    };
    let found = lookup::find(snapshot, name, rtype);
    let steering = found.routed.and_then(|routed| {
        let mut steering = explain_routed(snapshot, routed, *family, *client)?;
        if steering.answer.is_empty()
            && let Some(zone) = found.zone
        {
            let value = snapshot.world.zones.soa(zone).negative_ttl();
            let because = "the zone's negative TTL: there is no address to give".to_owned();
            steering.ttl = Caused { value, because };
        } else if steering.ttl.value > found.longest {
            let because = "that of a CNAME behind the ALIAS is no longer".to_owned();
            steering.ttl = Caused { value: found.longest, because };
        }
        Some(steering)
    });
    let name = name.to_string();
    Explanation { name, rtype: mnemonic(*family), lookup: found.steps, steering }
}

/// Explains what [`pick`](super::pick::pick) and [`scope`](super::pick::scope) do for a routed
/// name; `None` when the world has no route for it.
#[must_use]
pub fn explain_routed(
    snapshot: &Snapshot,
    routed: &Routed,
    family: Family,
    client: IpAddr,
) -> Option<Steering> {
    let (_, route) = route_of(snapshot, routed)?;
    let world = &snapshot.world;
    let mut steering = route.partition.who(client, |who| {
        let about = About { policies: &world.policies, health: &snapshot.health, routed, family };
        about.explain(who)
    });
    let seen = &mut steering.client;
    seen.address = Some(client);
    seen.looked_up_as = Some(canonical(client)).filter(|carried| *carried != client);
    let class = class_of(route, client);
    seen.class = (route.plans.len() > 1).then_some(class.0);
    steering.scope = scope_of(snapshot, route, routed, client, class);
    Some(steering)
}

/// The scope, and which of the two that set it was the longer.
fn scope_of(
    snapshot: &Snapshot,
    route: &Route,
    routed: &Routed,
    client: IpAddr,
    class: ClassId,
) -> Caused {
    let caused = |value: u8, because: String| Caused { value: value.into(), because };
    if !routed.ecs {
        return caused(0, "ecs is off".into());
    }
    let sticky = sticky_scope(snapshot, route, class, client);
    let place = if route.plans.len() > 1 { route.partition.scope(client) } else { 0 };
    if sticky > place {
        caused(sticky, format!("sticky hashes the first {sticky} bits"))
    } else if route.plans.len() > 1 {
        let class = class.0;
        caused(place, format!("the shortest prefix around the client that is all of class {class}"))
    } else {
        caused(0, "the decision does not depend on the client".into())
    }
}

/// The type that asks for a family.
fn mnemonic(family: Family) -> &'static str {
    match family {
        Family::V4 => "A",
        Family::V6 => "AAAA",
    }
}

/// What a decision is about, but for the client.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "the types say it")]
pub struct About<'a> {
    pub policies: &'a Policies,
    /// By `MemberId`.
    pub health: &'a [MemberHealth],
    pub routed: &'a Routed,
    pub family: Family,
}

impl About<'_> {
    /// Explains the decision for a client that looks like `who`; the scope is that of all clients
    /// looking alike.
    #[must_use]
    pub fn explain(&self, who: Who<'_>) -> Steering {
        let mut plans = Plans::default();
        let mut recorder = Recorder::default();
        let root = self.routed.policy;
        let plan = resolve(self.policies, root, who, &mut plans, &mut recorder);
        let (choices, decision) = self.decide(&plans, plan, &mut recorder);
        let when_down = matches!(decision.verdict, Decided::Down { .. })
            .then(|| self.routed.when_down.to_string());
        Steering {
            client: ClientSeen::of(who),
            rtype: mnemonic(self.family),
            path: path::Paths::new(self, &plans, &recorder).path(root, plan),
            mode: decision.mode,
            when_down,
            answer: self.answer(&choices, &decision),
            ttl: self.ttl(&decision, &recorder),
            scope: Caused { value: 0, because: "all clients look alike".into() },
        }
    }

    fn decide(
        &self,
        plans: &Plans,
        plan: PlanId,
        recorder: &mut Recorder,
    ) -> (PolicyChoices, Decision) {
        PolicyChoices::of_one(self.policies, plans, (plan, self.family), self.health, recorder)
    }

    fn answer(&self, choices: &PolicyChoices, decision: &Decision) -> Answer {
        match (decision.choice_of(&self.routed.when_down), &self.routed.when_down) {
            (Some(root), _) => self.members(choices, decision, root),
            (None, WhenDown::ServeAll | WhenDown::LastHealthy | WhenDown::NoData) => Answer::NoData,
            (None, WhenDown::ServFail) => Answer::ServFail,
            (None, WhenDown::Refused) => Answer::Refused,
            (None, WhenDown::Fallback(addresses)) => {
                let of_family = addresses.iter().filter(|a| Family::of(**a) == self.family);
                Answer::Fallback { addresses: of_family.take(MAX_ANSWERS).copied().collect() }
            }
        }
    }

    fn members(
        &self,
        choices: &PolicyChoices,
        decision: &Decision,
        root: super::choice::ChoiceId,
    ) -> Answer {
        let together = matches!(choices.choice(root), Some(Choice::All(_)));
        let last = matches!(decision.verdict, Decided::Down { .. })
            && self.routed.when_down == WhenDown::LastHealthy;
        let shares = choices.shares(root);
        let served_last = |pool| !self.drawn_from(pool, Kind::LastHealthy).is_empty();
        let any_served_last = shares.iter().any(|(pool, _)| served_last(*pool));
        let pools = shares.iter().map(|(id, share)| {
            // Under `all` the union counts: when some pool has such members, others add none.
            let last = last && if together { any_served_last } else { served_last(*id) };
            let kind = if last { Kind::LastHealthy } else { decision.mode.kind() };
            let pool = self.policies.pool(*id).name.to_string();
            PoolShare { pool, id: *id, share: *share, members: self.drawn_from(*id, kind) }
        });
        let unset = if together { MAX_ANSWERS } else { 1 };
        let at_most = self.routed.answers.map_or(unset, usize::from).min(MAX_ANSWERS);
        Answer::Members { at_most, pools: pools.collect() }
    }

    /// The addresses that a pool's draw can give.
    fn drawn_from(&self, pool: PoolId, kind: Kind) -> Vec<IpAddr> {
        let ids = self.policies.pool(pool).member_ids();
        ids.filter(|id| kind.includes(self.health_of(*id)))
            .map(|id| self.policies.member(id).address)
            .filter(|address| Family::of(*address) == self.family)
            .collect()
    }

    fn health_of(&self, id: MemberId) -> MemberHealth {
        self.health.get(id.0 as usize).copied().unwrap_or_default()
    }

    fn ttl(&self, decision: &Decision, recorder: &Recorder) -> Caused {
        let range = self.routed.ttl;
        let value = decision.ttl(range);
        let errs = matches!(self.routed.when_down, WhenDown::ServFail | WhenDown::Refused);
        let because = if errs && matches!(decision.verdict, Decided::Down { .. }) {
            "an error carries none".to_owned()
        } else if range.longest == range.shortest {
            "ttl is fixed".to_owned()
        } else if let Decided::Down { .. } = decision.verdict {
            "the shortest, since nothing serves".to_owned()
        } else {
            match decision.hint {
                None => "the longest: no member consulted is due to change".to_owned(),
                Some(hint) => {
                    let end = match hint {
                        hint if hint > range.longest => ", the longest is less",
                        hint if hint < range.shortest => ", the shortest is more",
                        _ => "",
                    };
                    let member = self.due_first(hint, recorder);
                    format!("{member} could change in {hint} s{end}")
                }
            }
        };
        Caused { value, because }
    }

    /// The first member consulted that is due in `hint` seconds.
    fn due_first(&self, hint: u32, recorder: &Recorder) -> String {
        let consulted = recorder.consulted.iter().flat_map(|(pool, family)| {
            let ids = self.policies.pool(*pool).member_ids();
            ids.filter(|id| Family::of(self.policies.member(*id).address) == *family)
        });
        let due = consulted.into_iter().find(|id| self.health_of(*id).ttl_hint == Some(hint));
        due.map_or_else(String::new, |id| {
            let member = self.policies.member(id);
            format!("{} of {}", member.address, self.policies.pool(member.pool).name)
        })
    }
}

impl ClientSeen {
    fn of(who: Who<'_>) -> Self {
        let Facts { continent, country, subdivision, asn, coordinates } = *who.facts;
        Self {
            continent: continent.map(|continent| continent.word()),
            country: country.map(|country| country.to_string()),
            subdivision: subdivision.map(|subdivision| subdivision.to_string()),
            asn: asn.map(|asn| asn.0),
            coordinates: coordinates.map(|at| [at.latitude, at.longitude]),
            cidrs: who.cidrs.iter().map(ToString::to_string).collect(),
            ..Self::default()
        }
    }
}
