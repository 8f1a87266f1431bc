//! `GET /v1/explain`: why a client gets the answer that it gets, on the health of this moment or
//! with pools taken down.
//!
//! Also the part that `rhumb explain` shares when it explains from files.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};

use super::failure::Failure;
use super::{Control, pretty};
use crate::dns::Name;
use crate::health::{Forced, MemberHealth, State as Probed};
use crate::policy::explain::{Asked, Explanation, explain};
use crate::policy::{Family, MemberId, Policies, PoolId};
use crate::world::{Snapshot, World};

/// A name that no pool has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownPool {
    /// As given.
    pub name: String,
    /// Pools that may have been meant.
    pub similar: Vec<String>,
}

impl fmt::Display for UnknownPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no pool is called {}", self.name)
    }
}

impl UnknownPool {
    /// What would help.
    #[must_use]
    pub fn help(&self) -> String {
        match self.similar.as_slice() {
            [] => "a pool is NAME when it is shared, else ZONE/NAME; `rhumb status` lists them"
                .to_owned(),
            similar => format!("did you mean {}?", similar.join(" or ")),
        }
    }
}

/// Explains an answer as if the pools named in `down` had failed all their probes.
///
/// # Errors
/// When a pool is not known, or its name alone stands for several.
pub fn explain_with_down(
    snapshot: &Snapshot,
    asked: &Asked,
    down: &[String],
) -> Result<Explanation, UnknownPool> {
    if down.is_empty() {
        return Ok(explain(snapshot, asked));
    }
    let policies = &snapshot.world.policies;
    let mut health = snapshot.health.to_vec();
    for name in down {
        for member in policies.pool(find_pool(policies, name)?).member_ids() {
            let health = &mut health[member.0 as usize];
            *health = failed(&snapshot.world, member, *health);
        }
    }
    Ok(explain(&Snapshot::of(std::sync::Arc::clone(&snapshot.world), health), asked))
}

/// A pool by its whole name, or by its name inside a zone where that is clear.
fn find_pool(policies: &Policies, name: &str) -> Result<PoolId, UnknownPool> {
    let named = |(id, _)| PoolId(id as u32);
    let mut pools = policies.pools.iter().enumerate();
    if let Some(found) = pools.find(|(_, pool)| &*pool.name == name) {
        return Ok(named(found));
    }
    let within_a_zone = |whole: &str| whole.rsplit_once('/').is_some_and(|(_, own)| own == name);
    let pools = policies.pools.iter().enumerate();
    let found: Vec<_> = pools.filter(|(_, pool)| within_a_zone(&pool.name)).collect();
    if let [one] = found[..] {
        return Ok(named(one));
    }
    let similar = match found[..] {
        [] => nearest_name(policies, name).into_iter().collect(),
        _ => found.iter().map(|(_, pool)| pool.name.to_string()).collect(),
    };
    Err(UnknownPool { name: name.to_owned(), similar })
}

fn nearest_name(policies: &Policies, name: &str) -> Option<String> {
    let own = |whole: &str| whole.rsplit('/').next().unwrap_or_default().to_owned();
    let distance = |pool: &str| {
        strsim::damerau_levenshtein(pool, name).min(strsim::damerau_levenshtein(&own(pool), name))
    };
    let pools = policies.pools.iter().map(|pool| (distance(&pool.name), &pool.name));
    let (distance, nearest) = pools.min()?;
    (distance <= 1 + name.len() / 4).then(|| nearest.to_string())
}

/// A member whose targets have all just gone down. What an operator took out stays out.
fn failed(world: &World, member: MemberId, before: MemberHealth) -> MemberHealth {
    let targets = &world.policies.member(member).targets;
    let until_back = targets.iter().map(|id| {
        let probe = &world.targets[id.0 as usize].probe;
        probe.every.saturating_mul(probe.rise)
    });
    let seconds = |time: Duration| u32::try_from(time.as_millis().div_ceil(1000)).ok();
    let forced = before.forced.filter(|forced| *forced != Forced::Up);
    let ttl_hint = until_back.max().and_then(seconds).filter(|_| forced.is_none());
    MemberHealth { probed: Probed::Down, forced, ttl_hint, ..before }
}

/// What `GET /v1/explain` is asked.
#[derive(Clone, Debug)]
struct Question {
    asked: Asked,
    down: Vec<String>,
    form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Json,
    Text,
}

/// `GET /v1/explain?name=NAME&client=ADDRESS[&type=A|AAAA][&down=POOL]…[&format=json|text]`.
pub(super) async fn handle(
    State(control): State<Control>,
    Query(parameters): Query<Vec<(String, String)>>,
) -> Result<Response, Failure> {
    let question = Question::read(&parameters)?;
    let explained = tokio::task::spawn_blocking(move || {
        let snapshot = control.published.load_full();
        let explained = explain_with_down(&snapshot, &question.asked, &question.down);
        explained.map(|explanation| (explanation, question.form))
    });
    match explained.await.map_err(|_| Failure::internal("the explanation failed"))? {
        Ok((explanation, Form::Json)) => pretty(&explanation),
        Ok((explanation, Form::Text)) => Ok(explanation.to_string().into_response()),
        Err(unknown) => Err(Failure::bad_request(format!("down: {unknown}"), unknown.help())),
    }
}

impl Question {
    fn read(parameters: &[(String, String)]) -> Result<Self, Failure> {
        let help = "ask ?name=NAME&client=ADDRESS, and if wanted &type=A or AAAA, &down=POOL \
                    (repeatable), &format=json or text";
        let wrong = |error: String| Failure::bad_request(error, help);
        let (mut name, mut client, mut family) = (None, None, Family::V4);
        let (mut down, mut form) = (Vec::new(), Form::Json);
        for (key, value) in parameters {
            let misread = || wrong(format!("{key}: {value:?} cannot be read"));
            match key.as_str() {
                "name" => {
                    let read = Name::parse(value, &Name::root());
                    name = Some(read.map_err(|e| wrong(format!("name {value:?}: {e}")))?);
                }
                "client" => {
                    client = Some(value.parse::<IpAddr>().map_err(|_| misread())?);
                }
                "type" => family = family_of(value).ok_or_else(misread)?,
                "down" => down.push(value.clone()),
                "format" if value == "json" => form = Form::Json,
                "format" if value == "text" => form = Form::Text,
                "format" => return Err(misread()),
                _ => return Err(wrong(format!("there is no parameter {key:?}"))),
            }
        }
        let missing = |what| wrong(format!("{what} is missing"));
        let name = name.ok_or_else(|| missing("name"))?;
        let client = client.ok_or_else(|| missing("client"))?;
        Ok(Self { asked: Asked { name, family, client }, down, form })
    }
}

/// The family that a type asks for.
#[must_use]
pub fn family_of(rtype: &str) -> Option<Family> {
    match rtype.to_ascii_uppercase().as_str() {
        "A" => Some(Family::V4),
        "AAAA" => Some(Family::V6),
        _ => None,
    }
}
