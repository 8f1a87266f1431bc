//! `weighted` and `sticky`: an up child in proportion to its weight, by chance or by the client's
//! hash.

use super::decide::{Because, Candidate, Decider, Evaluated, Finding, Place, Seen, Trace};
use super::plan::{Drawing, Plan, PlanId, Share};
use super::resolve::{At, Resolver, Under, Visit};
use super::{PolicyId, PrefixLengths, hash};

impl Resolver<'_> {
    /// `weighted`: drawn by chance, or by the hash of a `sticky` above.
    pub(super) fn weighted(
        &mut self,
        at: At,
        children: &[(PolicyId, u16)],
        visit: &mut Visit<'_, impl Trace>,
    ) -> PlanId {
        let keys: Vec<u64> = children.iter().map(|(child, _)| self.key(at, *child)).collect();
        self.split(at, children, &keys, at.under.drawing(), visit)
    }

    /// `sticky`: drawn by the client's hash, here and below.
    pub(super) fn sticky(
        &mut self,
        at: At,
        children: &[(PolicyId, u16)],
        by: PrefixLengths,
        visit: &mut Visit<'_, impl Trace>,
    ) -> PlanId {
        let key = |(child, _): &(PolicyId, u16)| match at.under {
            Under::Hash => self.key(at, *child),
            Under::Chance => hash::join(hash::TOP_LEVEL, hash::text(self.policies.called(*child))),
        };
        let keys: Vec<u64> = children.iter().map(key).collect();
        let at = At { under: Under::Hash, ..at };
        self.split(at, children, &keys, Drawing::HashedBy(by), visit)
    }

    /// The plan that draws: children of weight 0 left out, equal ones put together.
    fn split(
        &mut self,
        at: At,
        children: &[(PolicyId, u16)],
        keys: &[u64],
        by: Drawing,
        visit: &mut Visit<'_, impl Trace>,
    ) -> PlanId {
        let mut of: Vec<Share> = Vec::new();
        let mut candidates = Vec::new();
        for ((policy, weight), key) in children.iter().copied().zip(keys) {
            let place = if weight == 0 {
                Place::WeightZero
            } else {
                let to = self.plan_of(At { policy, ..at }, visit);
                let share = Share { to, weight: weight.into(), key: *key };
                match of.iter().position(|s| (s.to, s.key) == (to, *key)) {
                    Some(earlier) => {
                        of[earlier].weight += share.weight;
                        Place::SameAs(earlier)
                    }
                    None => {
                        of.push(share);
                        Place::Step(of.len() - 1)
                    }
                }
            };
            candidates.push(Candidate { policy, because: Because::Weight(weight), place });
        }
        let plan = self.plans.intern(Plan::Split { of: of.into(), by });
        visit.trace.resolved(at.policy, plan, || candidates);
        plan
    }
}

impl<T: Trace> Decider<'_, T> {
    /// Looks at every child and draws among those that are up.
    pub(super) fn split(&mut self, plan: PlanId, of: &[Share], by: Drawing) -> Evaluated {
        let mut seen = Seen::default();
        let found: Vec<_> = of.iter().map(|share| seen.add(self.evaluate(share.to))).collect();
        let up = of.iter().zip(&found).filter(|(_, found)| found.is_up());
        let total: u64 = up.clone().map(|(share, _)| u64::from(share.weight)).sum();
        for (child, (share, found)) in of.iter().zip(&found).enumerate() {
            let finding = match found.choice {
                Some(_) => Finding::Picked(f64::from(share.weight) / total as f64),
                None => Finding::Down,
            };
            self.trace.found(plan, child, finding);
        }
        let up: Vec<_> = up
            .filter_map(|(share, found)| Some((share.key, share.weight, found.choice?)))
            .collect();
        seen.picks(self.draw(by, &up))
    }
}
