//! Random pasts, and what holds whatever they are.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Act {
    Says(Verdict),
    Drained(bool),
    Siblings(usize),
    Ready,
    Force,
    Forgive,
    Stop(Stop),
}

fn verdict() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        4 => Just(Verdict::Fine),
        1 => Just(stale()),
        1 => Just(weak()),
        1 => Just(Verdict::PoolDown),
        2 => Just(cannot("silence")),
        1 => Just(unknown()),
    ]
}

/// Everything but the end of the node.
fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        12 => verdict().prop_map(Act::Says),
        4 => any::<bool>().prop_map(Act::Drained),
        4 => (0_usize..3).prop_map(Act::Siblings),
        2 => Just(Act::Ready),
        1 => Just(Act::Force),
        1 => Just(Act::Forgive),
    ]
}

/// Acts, and how many seconds pass before each.
fn schedule() -> impl Strategy<Value = Vec<(u64, Act)>> {
    let wait = prop_oneof![3 => 0_u64..3, 2 => 3_u64..60, 1 => 60_u64..400];
    proptest::collection::vec((wait, act()), 1..60)
}

impl Node {
    fn does(&mut self, act: Act) {
        match act {
            Act::Says(verdict) => _ = self.says(verdict),
            Act::Drained(drained) => _ = self.drained(drained),
            Act::Siblings(answering) => _ = self.siblings(answering),
            Act::Ready => _ = self.ready(),
            Act::Force => self.ladder.handle_force(self.now),
            Act::Forgive => self.ladder.handle_forgiveness(self.now),
            Act::Stop(stop) => _ = self.stop(stop),
        }
    }

    fn passes(&mut self, time: u64) {
        let at = (self.now - self.start).as_secs() + time;
        self.at(at);
    }

    fn must_withdraw(&self) -> bool {
        let impatient = self.ladder.facts.stop.is_some_and(|stop| stop > Stop::Drain);
        impatient || matches!(self.standing.verdict, Verdict::CannotAnswer(_))
    }

    /// What must hold after every step from `before`.
    fn check(&self, before: Stage) -> Result<(), TestCaseError> {
        let stage = self.stage();
        if self.must_withdraw() {
            prop_assert_eq!(stage, Stage::Withdrawn, "at once");
        }
        if before < Stage::Withdrawn && stage == Stage::Withdrawn {
            prop_assert!(self.must_withdraw() || !self.ladder.is_last(), "the last one stays");
        }
        if self.standing.drained || self.ladder.facts.stop.is_some() {
            prop_assert!(stage >= before, "a drain never climbs");
            prop_assert!(stage >= Stage::Draining);
        }
        prop_assert!(self.ladder.facts.ready || stage == Stage::Withdrawn, "not ready");
        prop_assert!(self.ladder.next_deadline().is_none_or(|due| due > self.now));
        Ok(())
    }

    /// Lives through all of it.
    fn run(&mut self, schedule: Vec<(u64, Act)>) -> Result<(), TestCaseError> {
        for (wait, act) in schedule {
            let before = self.stage();
            self.passes(wait);
            self.check(before)?;
            let before = self.stage();
            self.ladder.handle_timeout(self.now);
            prop_assert_eq!(self.stage(), before, "time alone does nothing before it is due");
            self.does(act);
            self.check(before)?;
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn the_last_node_stays_a_sick_one_goes_and_a_drain_never_climbs(
        schedule in schedule(),
        stop in prop_oneof![Just(Stop::Drain), Just(Stop::Withdraw), Just(Stop::AtOnce)],
        after in schedule(),
    ) {
        let mut node = Node::new();
        node.run(schedule)?;
        node.run(vec![(0, Act::Stop(stop))])?;
        node.run(after)?;
        node.siblings(1);
        node.passes(51);
        prop_assert_eq!(node.ladder.departure(), Departure::Finished);
    }

    #[test]
    fn what_is_fine_for_long_enough_is_announced(schedule in schedule(), others in 0_usize..3) {
        let mut node = Node::new();
        node.run(schedule)?;
        node.ready().siblings(others).drained(false).says(Verdict::Fine);
        let rules = rules();
        node.passes((rules.up_hold + rules.damping.max).as_secs());
        prop_assert_eq!(node.stage(), Stage::Announced);
    }

    #[test]
    fn what_is_fine_and_forgiven_is_announced_at_once(schedule in schedule()) {
        let mut node = Node::new();
        node.run(schedule)?;
        node.ready().says(Verdict::Fine);
        node.ladder.handle_forgiveness(node.now);
        prop_assert_eq!(node.drained(false).stage(), Stage::Announced);
    }

    #[test]
    fn the_penalty_alone_holds_nothing_back_for_longer_than_it_may(schedule in schedule()) {
        let mut node = Node::new();
        node.run(schedule)?;
        let Some(reuse_at) = node.ladder.penalty.reuse_at(node.now) else { return Ok(()) };
        prop_assert!(reuse_at <= node.now + rules().damping.max);
    }
}
