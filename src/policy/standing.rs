//! Whether a pool is up, and whole: the sums of its members' weights, per family.

use super::decide::{Mode, least};
use super::{Family, MinHealthy, Policies, PoolId};
use crate::health::{Forced, MemberHealth};

/// A pool under one state of health.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// By [`Family::index`].
    pub families: [FamilyStanding; 2],
    min_healthy: MinHealthy,
    linked: bool,
}

/// The configured weights of a pool's members of one family, summed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FamilyStanding {
    /// Of all.
    pub every: u64,
    /// Of those not drained.
    pub counted: u64,
    /// Of those neither drained nor forced down.
    pub allowed: u64,
    /// Of those that serve.
    pub serving: u64,
    /// In how many seconds one of them could change at the earliest.
    pub hint: Option<u32>,
}

impl Standing {
    /// Sums up a pool. `health` is by `MemberId`.
    #[must_use]
    pub fn of(policies: &Policies, pool: PoolId, health: &[MemberHealth]) -> Self {
        let pool = policies.pool(pool);
        let mut families = [FamilyStanding::default(); 2];
        for id in pool.member_ids() {
            let member = policies.member(id);
            let health = health.get(id.0 as usize).copied().unwrap_or_default();
            families[Family::of(member.address).index()].add(member.weight.get().into(), health);
        }
        Self { families, min_healthy: pool.min_healthy, linked: pool.linked }
    }

    /// The families whose members decide for the asked one: itself, or the other when the pool has
    /// no member of it; both when they are linked.
    #[must_use]
    pub fn consulted(&self, asked: Family) -> &'static [Family] {
        let has = |family: Family| self.families[family.index()].every > 0;
        match (has(Family::V4), has(Family::V6)) {
            (true, true) if self.linked => &Family::BOTH,
            (true, true) if asked == Family::V4 => &[Family::V4],
            (true, true) => &[Family::V6],
            (true, false) => &[Family::V4],
            (false, true) => &[Family::V6],
            (false, false) => &[],
        }
    }

    /// Whether the pool is up for a family.
    #[must_use]
    pub fn is_up(&self, asked: Family, mode: Mode) -> bool {
        self.all_consulted(asked, |family| match mode {
            Mode::Normal => family.reaches(self.min_healthy),
            Mode::IgnoringMinHealthy => family.serving > 0,
            Mode::AsIfUp => family.allowed > 0,
            Mode::AsIfAllUp => family.every > 0,
        })
    }

    /// Whether every member that is not drained serves.
    #[must_use]
    pub fn is_whole(&self, asked: Family, mode: Mode) -> bool {
        self.all_consulted(asked, |family| match mode {
            Mode::Normal | Mode::IgnoringMinHealthy => family.serving == family.counted,
            Mode::AsIfUp => family.allowed == family.counted,
            Mode::AsIfAllUp => true,
        })
    }

    /// In how many seconds one of the members consulted could change at the earliest.
    #[must_use]
    pub fn hint(&self, asked: Family) -> Option<u32> {
        let hints = self.consulted(asked).iter().map(|f| self.families[f.index()].hint);
        hints.fold(None, least)
    }

    fn all_consulted(&self, asked: Family, good: impl Fn(&FamilyStanding) -> bool) -> bool {
        let consulted = self.consulted(asked);
        !consulted.is_empty() && consulted.iter().all(|f| good(&self.families[f.index()]))
    }
}

impl FamilyStanding {
    fn add(&mut self, weight: u64, health: MemberHealth) {
        let weight_if = |counts: bool| if counts { weight } else { 0 };
        self.every += weight;
        self.counted += weight_if(!health.drained());
        self.allowed += weight_if(!matches!(health.forced, Some(Forced::Drain | Forced::Down)));
        self.serving += weight_if(health.serves());
        self.hint = least(self.hint, health.ttl_hint);
    }

    /// Whether enough weight serves, of that of all not drained. The tolerance keeps a third of 3
    /// enough for 33.333 333 333 3 %.
    fn reaches(&self, min_healthy: MinHealthy) -> bool {
        let enough = match min_healthy {
            MinHealthy::AnyOne => true,
            MinHealthy::Fraction(least) => {
                self.serving as f64 + 1e-9 >= least * self.counted as f64
            }
        };
        self.serving > 0 && enough
    }
}
