//! `all`: every serving member of the up children.

use super::PolicyId;
use super::decide::{Because, Candidate, Decider, Evaluated, Finding, Place, Seen, Trace};
use super::plan::{Plan, PlanId};
use super::resolve::{At, Resolver, Visit};

impl Resolver<'_> {
    /// The children as listed, each once.
    pub(super) fn all(
        &mut self,
        at: At,
        children: &[PolicyId],
        visit: &mut Visit<'_, impl Trace>,
    ) -> PlanId {
        let mut of: Vec<PlanId> = Vec::new();
        let mut candidates = Vec::new();
        for policy in children.iter().copied() {
            let to = self.plan_of(At { policy, ..at }, visit);
            let place = match of.iter().position(|earlier| *earlier == to) {
                Some(earlier) => Place::SameAs(earlier),
                None => {
                    of.push(to);
                    Place::Step(of.len() - 1)
                }
            };
            candidates.push(Candidate { policy, because: Because::Member, place });
        }
        let plan = self.plans.intern(Plan::All(of.into()));
        visit.trace.resolved(at.policy, plan, || candidates);
        plan
    }
}

impl<T: Trace> Decider<'_, T> {
    /// Looks at every child and takes those that are up.
    pub(super) fn every(&mut self, plan: PlanId, of: &[PlanId]) -> Evaluated {
        let mut seen = Seen::default();
        let mut up = Vec::new();
        for (child, to) in of.iter().enumerate() {
            let found = seen.add(self.evaluate(*to));
            up.extend(found.choice);
            let finding = if found.is_up() { Finding::Picked(1.0) } else { Finding::Down };
            self.trace.found(plan, child, finding);
        }
        seen.picks(self.together(&up))
    }
}
