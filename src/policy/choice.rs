//! A plan under today's health: the tables that a query reads.

use super::plan::Plans;
use super::{Policies, PoolId};
use crate::health::MemberHealth;
use crate::world::Route;

/// The members of one pool to draw from, per family and kind of need.
#[derive(Debug)]
pub struct PoolTables {}

impl PoolTables {
    /// Builds a pool's tables.
    #[must_use]
    pub fn build(_policies: &Policies, _pool: PoolId, _health: &[MemberHealth]) -> Self {
        todo!()
    }
}

/// One routed policy under one state of health: a choice for each class and family.
#[derive(Debug)]
pub struct PolicyChoices {}

impl PolicyChoices {
    /// Decides every class and family of a routed policy. `health` is by `MemberId`.
    #[must_use]
    pub fn build(
        _policies: &Policies,
        _plans: &Plans,
        _route: &Route,
        _health: &[MemberHealth],
    ) -> Self {
        todo!()
    }
}
