//! The one evaluation of a policy, with a recorder for `explain`.

use super::plan::{PlanId, Plans};
use super::{Policies, PolicyId};
use crate::geo::partition::Who;

/// Hears what an evaluation does and why.
pub trait Trace {}

/// Resolves a policy's geography for one client (or class of clients).
pub fn resolve(
    _policies: &Policies,
    _root: PolicyId,
    _who: Who<'_>,
    _plans: &mut Plans,
    _trace: &mut impl Trace,
) -> PlanId {
    todo!()
}

/// The trace that hears nothing: what the builder runs with.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Trace for Silent {}
