//! The path of a decision, for people: what was looked at, what was dropped and why, the TTL and
//! the scope and what caused them.

use std::net::IpAddr;

use serde::Serialize;

use super::Family;
use crate::dns::Name;
use crate::world::Snapshot;

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
pub struct Explanation {}

/// Explains what `pick` would answer.
#[must_use]
pub fn explain(_snapshot: &Snapshot, _asked: &Asked) -> Explanation {
    todo!()
}
