//! What an evaluation told, kept.

use std::collections::{BTreeSet, HashMap};

use crate::policy::decide::{Candidate, Finding, Mode, Trace};
use crate::policy::plan::PlanId;
use crate::policy::{Family, PolicyId, PoolId};

/// Keeps what was resolved, what the last mode found, and which members were consulted.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    /// A policy may be two plans: below a `sticky` it draws by hash.
    pub(super) candidates: HashMap<(PolicyId, PlanId), Vec<Candidate>>,
    /// By plan and child, in the last mode.
    pub(super) found: HashMap<(PlanId, usize), Finding>,
    /// Pools whose members can shorten the TTL, in these families.
    pub(super) consulted: BTreeSet<(PoolId, Family)>,
    pub(super) mode: Option<Mode>,
}

impl Trace for Recorder {
    fn resolved(
        &mut self,
        policy: PolicyId,
        plan: PlanId,
        candidates: impl FnOnce() -> Vec<Candidate>,
    ) {
        self.candidates.insert((policy, plan), candidates());
    }

    fn deciding(&mut self, mode: Mode) {
        self.mode = Some(mode);
        self.found.clear();
    }

    fn looked_at(&mut self, pool: PoolId, families: &[Family]) {
        // What counts as up in the later modes does not depend on probes.
        if self.mode <= Some(Mode::IgnoringMinHealthy) {
            self.consulted.extend(families.iter().map(|family| (pool, *family)));
        }
    }

    fn found(&mut self, plan: PlanId, child: usize, finding: Finding) {
        self.found.insert((plan, child), finding);
    }
}
