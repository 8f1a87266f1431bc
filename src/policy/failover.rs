//! `failover`, and every policy that has become an order of preference (`geo`, `nearest`): the
//! first up child.

use super::decide::{Because, Candidate, Decider, Evaluated, Finding, Place, Seen, Trace};
use super::plan::{Drawing, Plan, PlanId, Step};
use super::resolve::{At, Resolver, Visit};
use super::{FailoverChild, hash};

impl Resolver<'_> {
    /// The children as listed.
    pub(super) fn failover(
        &mut self,
        at: At,
        children: &[FailoverChild],
        visit: &mut Visit<'_, impl Trace>,
    ) -> PlanId {
        let splits = children.iter().any(|child| child.degraded.is_some());
        let steps = children.iter().map(|child| {
            let key = if splits { self.key(at, child.to) } else { 0 };
            let to = self.plan_of(At { policy: child.to, ..at }, visit);
            Step { to, degraded: child.degraded, key }
        });
        let steps = steps.collect();
        let by = if splits { at.under.drawing() } else { Drawing::Random };
        let plan = self.plans.intern(Plan::Ordered { steps, by });
        visit.trace.resolved(at.policy, plan, || {
            let candidate = |(place, child): (usize, &FailoverChild)| Candidate {
                policy: child.to,
                because: Because::Listed { degraded: child.degraded },
                place: Place::Step(place),
            };
            children.iter().enumerate().map(candidate).collect()
        });
        plan
    }
}

impl<T: Trace> Decider<'_, T> {
    /// Looks at one child after the other, down to the first that keeps all.
    ///
    /// A child that is up but not whole keeps its percentage and the rest goes on down the list;
    /// with no later child up it keeps all.
    pub(super) fn ordered(&mut self, plan: PlanId, steps: &[Step], by: Drawing) -> Evaluated {
        let mut seen = Seen::default();
        let mut keeping: Vec<(usize, Evaluated, u32)> = Vec::new();
        let mut last = None;
        for (child, step) in steps.iter().enumerate() {
            let found = seen.add(self.evaluate(step.to));
            match found.kept(step.degraded) {
                None => self.trace.found(plan, child, Finding::Down),
                Some(100) => {
                    last = Some((child, found));
                    break;
                }
                Some(kept) => keeping.push((child, found, kept)),
            }
        }
        // Nothing after the last that is up: it keeps all.
        let last = last.or_else(|| keeping.pop().map(|(child, found, _)| (child, found)));
        self.report(plan, &keeping, last.map(|(child, _)| child));
        let mut choice = last.and_then(|(_, found)| found.choice);
        for (child, found, kept) in keeping.into_iter().rev() {
            let key = steps[child].key;
            let rest = choice.map(|rest| (hash::rest_after(key), 100 - kept, rest));
            let kept = found.choice.map(|choice| (key, kept, choice));
            choice = self.draw(by, &kept.into_iter().chain(rest).collect::<Vec<_>>());
        }
        seen.picks(choice)
    }

    /// Tells what each child that is up gets.
    fn report(&mut self, plan: PlanId, keeping: &[(usize, Evaluated, u32)], last: Option<usize>) {
        let mut left = 1.0;
        for (child, _, kept) in keeping {
            let kept = f64::from(*kept) / 100.0;
            self.trace.found(plan, *child, Finding::Degraded { kept, share: left * kept });
            left *= 1.0 - kept;
        }
        if let Some(child) = last {
            self.trace.found(plan, child, Finding::Picked(left));
        }
    }
}

impl Evaluated {
    /// The percentage that a child keeps of what comes to it; `None` when it is down.
    fn kept(self, degraded: Option<u8>) -> Option<u32> {
        self.choice?;
        Some(match degraded {
            Some(percent) if !self.whole => u32::from(percent.min(100)),
            _ => 100,
        })
    }
}
