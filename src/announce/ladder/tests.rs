//! One announcement, told what happens and asked where it is: transcripts.
//!
//! Times are seconds since the ladder was made. What it tells is written as it is told, in order:
//! `10 announced → draining: the node is drained`.

use std::time::{Duration, Instant};

use super::*;
use crate::announce::OnStop;
use crate::announce::standing::Lesser;

mod schedule;
mod table;

/// A ladder and its clock.
struct Node {
    ladder: Ladder,
    standing: Standing,
    start: Instant,
    now: Instant,
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn rules() -> Rules {
    Rules {
        up_hold: seconds(30),
        keep_last: true,
        damping: Damping { half_life: seconds(60), suppress: 3000, reuse: 750, max: seconds(300) },
        drain: Drain { gshut: seconds(10), linger: seconds(40), on_stop: OnStop::Drain },
    }
}

fn weak() -> Verdict {
    Verdict::Lesser(Lesser::PoolDown("web".into()))
}

fn stale() -> Verdict {
    Verdict::Lesser(Lesser::StaleConfig)
}

fn cannot(why: &str) -> Verdict {
    Verdict::CannotAnswer(Some(why.into()))
}

fn unknown() -> Verdict {
    Verdict::Unknown(Doubt::NoVerdict)
}

impl Node {
    /// Nothing is known of it but that one of two siblings answers.
    fn new() -> Self {
        let now = Instant::now();
        let ladder = Ladder::new(rules(), now);
        let standing = Standing { verdict: unknown(), drained: false };
        let mut node = Self { ladder, standing, start: now, now };
        node.siblings(1);
        node
    }

    /// Announced at 0.
    fn announced() -> Self {
        let mut node = Self::new();
        node.says(Verdict::Fine).ready();
        assert_eq!(node.told(), ["0 withdrawn → announced: nothing speaks against it"]);
        node
    }

    /// Moves the clock, deadline by deadline.
    fn at(&mut self, at: u64) -> &mut Self {
        let until = self.start + seconds(at);
        while let Some(due) = self.ladder.next_deadline().filter(|&due| due <= until) {
            assert!(due > self.now, "a deadline that has passed is dealt with");
            self.now = due;
            self.ladder.handle_timeout(due);
        }
        self.now = until;
        self
    }

    fn ready(&mut self) -> &mut Self {
        self.ladder.handle_ready(self.now);
        self
    }

    fn says(&mut self, verdict: Verdict) -> &mut Self {
        self.standing.verdict = verdict;
        self.ladder.handle_standing(self.now, self.standing.clone());
        self
    }

    fn drained(&mut self, drained: bool) -> &mut Self {
        self.standing.drained = drained;
        self.ladder.handle_standing(self.now, self.standing.clone());
        self
    }

    /// So many of two answer.
    fn siblings(&mut self, answering: usize) -> &mut Self {
        self.ladder.handle_company(self.now, Company { configured: 2, answering });
        self
    }

    fn stop(&mut self, stop: Stop) -> &mut Self {
        self.ladder.handle_stop(self.now, stop);
        self
    }

    fn stage(&self) -> Stage {
        self.ladder.stage()
    }

    fn due(&self) -> Option<u64> {
        self.ladder.next_deadline().map(|due| (due - self.start).as_secs())
    }

    /// What it told since it was asked last, at the time of asking.
    fn told(&mut self) -> Vec<String> {
        let at = (self.now - self.start).as_secs();
        let mut told = Vec::new();
        while let Some(Transition { from, to, why }) = self.ladder.poll_transition() {
            told.push(match from == to {
                true => format!("{at} {}: {why}", to.word()),
                false => format!("{at} {} → {}: {why}", from.word(), to.word()),
            });
        }
        told
    }
}

#[test]
fn nothing_is_announced_before_it_can_be_served() {
    let mut node = Node::new();
    assert_eq!(node.at(5).says(Verdict::Fine).stage(), Stage::Withdrawn);
    assert_eq!(*node.ladder.why(), Why::NotReady);
    assert_eq!(node.at(6).ready().stage(), Stage::Announced);
    assert_eq!(node.told(), ["6 withdrawn → announced: nothing speaks against it"]);

    let mut node = Node::new();
    assert_eq!(node.ready().stage(), Stage::Withdrawn);
    assert_eq!(
        node.told(),
        ["0 withdrawn: as before, for this node does not know yet whether it can answer"]
    );
    assert_eq!(node.at(1).says(Verdict::Fine).stage(), Stage::Announced);
}

#[test]
fn a_bad_start_delays_the_first_announcement_no_longer_than_it_lasts() {
    for bad in [cannot("silence"), Verdict::PoolDown] {
        let mut node = Node::new();
        assert_eq!(node.ready().says(bad).at(5).stage(), Stage::Withdrawn);
        assert_eq!(node.says(Verdict::Fine).stage(), Stage::Announced);
    }
    let mut node = Node::new();
    node.says(weak()).at(5).says(Verdict::Fine).at(6).ready();
    assert_eq!(node.stage(), Stage::Announced);
}

#[test]
fn down_is_fast_and_up_is_slow() {
    let mut node = Node::announced();
    node.at(10).says(cannot("silence"));
    assert_eq!(node.told(), ["10 announced → withdrawn: this node cannot answer: silence"]);
    node.at(12).says(Verdict::Fine);
    assert_eq!(node.told(), ["12 withdrawn: fine again, but not for long enough"]);
    assert_eq!(node.due(), Some(42));
    node.at(41);
    assert_eq!(node.told(), [""; 0]);
    node.at(42);
    assert_eq!(node.told(), ["42 withdrawn → announced: nothing speaks against it"]);
    assert_eq!(node.due(), None);
}

#[test]
fn a_failure_within_the_hold_begins_it_anew() {
    let mut node = Node::announced();
    node.at(10).says(cannot("silence")).at(12).says(Verdict::Fine);
    node.at(40).says(cannot("silence")).at(41).says(Verdict::Fine);
    assert_eq!(node.due(), Some(71));
    assert_eq!(node.at(70).stage(), Stage::Withdrawn);
    assert_eq!(node.at(71).stage(), Stage::Announced);
    assert_eq!(node.ladder.penalty(node.start + seconds(10)), 1000, "it was withdrawn once");
}

#[test]
fn doubt_after_a_failure_is_no_recovery() {
    let mut node = Node::announced();
    node.at(10).says(cannot("silence")).at(12).says(unknown()).at(100).says(Verdict::Fine);
    assert_eq!((node.stage(), node.due()), (Stage::Withdrawn, Some(130)));
}

#[test]
fn a_pool_that_is_up_again_is_preferred_only_after_a_while_and_a_fixed_file_at_once() {
    let mut node = Node::announced();
    node.at(10).says(weak());
    assert_eq!(node.told(), ["10 announced → de-preferred: pool web is down"]);
    node.at(20).says(Verdict::Fine);
    assert_eq!(node.told(), ["20 de-preferred: fine again, but not for long enough"]);
    node.at(50);
    assert_eq!(node.told(), ["50 de-preferred → announced: nothing speaks against it"]);

    node.says(stale());
    assert_eq!(node.stage(), Stage::Depreferred);
    assert_eq!(node.says(Verdict::Fine).stage(), Stage::Announced);
    assert_eq!(node.ladder.penalty(node.now), 0, "nothing was withdrawn");
}

#[test]
fn the_words_of_a_failure_are_no_news() {
    let mut node = Node::announced();
    node.says(cannot("silence"));
    assert_eq!(node.told().len(), 1);
    node.says(cannot("SERVFAIL"));
    assert_eq!(node.told(), [""; 0]);
    assert_eq!(*node.ladder.why(), Why::CannotAnswer(Some("SERVFAIL".into())));
}

#[test]
fn a_drained_node_is_marked_then_withdrawn_then_lingers() {
    let mut node = Node::announced();
    let at = |node: &Node, at| node.start + seconds(at);
    node.at(100).drained(true);
    assert_eq!(node.told(), ["100 announced → draining: the node is drained"]);
    assert_eq!(node.ladder.departure(), Departure::Draining { until: at(&node, 150) });
    node.at(110);
    assert_eq!(node.told(), ["110 draining → withdrawn: the node is drained"]);
    assert_eq!(node.ladder.departure(), Departure::Lingering { until: at(&node, 150) });
    node.at(149);
    assert!(node.ladder.departure().is_withdrawn());
    assert_ne!(node.ladder.departure(), Departure::Finished);
    node.at(150);
    assert_eq!((node.ladder.departure(), node.due()), (Departure::Finished, None));
    node.at(500).drained(false);
    assert_eq!(node.told(), ["500 withdrawn → announced: nothing speaks against it"]);
    assert_eq!(node.ladder.departure(), Departure::Staying);
}

#[test]
fn a_drain_that_is_called_off_goes_back_at_once_to_where_it_came_from() {
    for (before, stage) in [(Verdict::Fine, Stage::Announced), (stale(), Stage::Depreferred)] {
        let mut node = Node::announced();
        node.says(before.clone()).drained(true).at(9);
        let strength = node.ladder.strength();
        assert_eq!(node.drained(false).stage(), stage);
        assert_eq!(node.ladder.strength(), strength, "{before:?}");
        // Even when nobody knows any more how it stands.
        node.at(100).drained(true).says(unknown()).at(105);
        assert_eq!(node.drained(false).stage(), stage, "{before:?}");
    }
}

#[test]
fn the_last_node_stays_until_another_answers() {
    let mut node = Node::announced();
    node.at(10).siblings(0).drained(true).told();
    node.at(20);
    node.ladder.handle_timeout(node.now);
    let held = "draining: the node is drained, but no sibling answers: kept until one does";
    assert_eq!(node.told(), [format!("20 {held}")]);
    assert_eq!((node.ladder.departure(), node.due()), (Departure::Held, None));
    node.at(1000).siblings(1);
    assert_eq!(node.told(), ["1000 draining → withdrawn: the node is drained"]);
}

#[test]
fn the_last_node_goes_when_it_cannot_answer_or_somebody_insists() {
    let held = || {
        let mut node = Node::announced();
        node.siblings(0).drained(true).at(20);
        assert_eq!(node.stage(), Stage::Draining);
        node
    };
    assert_eq!(held().says(cannot("silence")).stage(), Stage::Withdrawn);
    assert_eq!(held().stop(Stop::Withdraw).stage(), Stage::Withdrawn);
    let mut node = held();
    node.ladder.handle_force(node.now);
    assert_eq!(node.stage(), Stage::Withdrawn);
    // The word holds for this drain alone.
    node.drained(false).at(100).drained(true).at(200);
    assert_eq!(node.stage(), Stage::Draining);
}

#[test]
fn without_keep_last_or_without_siblings_nobody_is_waited_for() {
    let alone = Company { configured: 0, answering: 0 };
    let careless = Rules { keep_last: false, ..rules() };
    for (rules, company) in [(careless, Company { configured: 2, answering: 0 }), (rules(), alone)]
    {
        let mut node = Node::announced();
        node.ladder.handle_rules(node.now, rules);
        node.ladder.handle_company(node.now, company);
        assert_eq!(node.drained(true).at(10).stage(), Stage::Withdrawn, "{rules:?}");
    }
}

#[test]
fn a_pool_that_is_down_withdraws_at_once_unless_this_is_the_last_node() {
    let mut node = Node::announced();
    node.at(10).says(Verdict::PoolDown);
    assert_eq!(node.told(), ["10 announced → withdrawn: its pool is down"]);
    node.at(20).says(Verdict::Fine).at(50);
    assert_eq!(node.stage(), Stage::Announced);

    node.told();
    node.siblings(0).says(Verdict::PoolDown);
    let held = "its pool is down, but no sibling answers: kept until one does";
    assert_eq!(node.told(), [format!("50 announced → draining: {held}")]);
    // Up again: others stay preferred for a while.
    node.at(60).says(Verdict::Fine);
    assert_eq!((node.stage(), node.due()), (Stage::Depreferred, Some(90)));
    // A pool of which nothing is known any more changes nothing.
    node.says(Verdict::PoolDown).says(unknown());
    assert_eq!(node.stage(), Stage::Draining);
}

#[test]
fn a_node_that_ends_leaves_as_it_is_told_and_never_more_patiently() {
    let until = |node: &Node, at| node.start + seconds(at);
    let mut node = Node::announced();
    node.at(10).stop(Stop::Drain);
    assert_eq!(node.told(), ["10 announced → draining: the node stops"]);
    assert_eq!(node.ladder.departure(), Departure::Draining { until: until(&node, 60) });
    node.at(12).stop(Stop::Withdraw);
    assert_eq!(node.told(), ["12 draining → withdrawn: the node stops"]);
    assert_eq!(node.ladder.departure(), Departure::Lingering { until: until(&node, 52) });
    node.at(13).stop(Stop::Drain);
    assert_eq!(node.ladder.departure(), Departure::Lingering { until: until(&node, 52) });
    node.stop(Stop::AtOnce);
    assert_eq!((node.ladder.departure(), node.due()), (Departure::Finished, None));
    assert_eq!(node.stop(Stop::Drain).ladder.departure(), Departure::Finished);

    assert_eq!(Node::new().stop(Stop::Drain).ladder.departure(), Departure::Finished);
}

/// Withdrawn so often, once in [`FLAP`] seconds, that it is held back.
fn damped() -> Node {
    let mut node = Node::announced();
    for flap in 1..=20 {
        if node.at(FLAP * flap).stage() == Stage::Withdrawn {
            assert_eq!(*node.ladder.why(), Why::Damped);
            return node;
        }
        node.says(cannot("silence")).at(FLAP * flap + 1).says(Verdict::Fine);
    }
    panic!("never damped");
}

/// Hardly more than it takes to be announced again: what flaps less often is not held back.
const FLAP: u64 = 32;

#[test]
fn flapping_holds_announcements_back_but_not_for_ever() {
    let mut node = damped();
    let due = node.due().expect("an end");
    let withdrawn = node.start + seconds(node.now.duration_since(node.start).as_secs() - FLAP);
    let max = (withdrawn + rules().damping.max - node.start).as_secs();
    assert!(due <= max, "{due} s, later than {max} s");
    assert!(node.ladder.penalty(node.now) >= 750);
    node.at(due + 1);
    assert_eq!(node.stage(), Stage::Announced);
    assert!(node.ladder.penalty(node.now) < 750);
}

#[test]
fn flapping_holds_nothing_back_while_no_sibling_answers_or_once_it_is_forgiven() {
    assert_eq!(damped().siblings(0).stage(), Stage::Announced);
    let mut node = damped();
    node.ladder.handle_forgiveness(node.now);
    assert_eq!((node.stage(), node.ladder.penalty(node.now)), (Stage::Announced, 0));
}

#[test]
fn an_impatient_undrain_waits_for_nothing_that_is_over() {
    let mut node = Node::announced();
    node.drained(true).at(100).says(cannot("silence")).at(101).says(Verdict::Fine);
    node.ladder.handle_forgiveness(node.now);
    assert_eq!(node.drained(false).stage(), Stage::Announced);
    // What is wrong now stays wrong, and its end is waited for.
    node.says(cannot("silence"));
    node.ladder.handle_forgiveness(node.now);
    assert_eq!(node.stage(), Stage::Withdrawn);
    assert_eq!(node.says(Verdict::Fine).stage(), Stage::Withdrawn);
}

#[test]
fn new_rules_hold_for_what_is_under_way() {
    let mut node = Node::announced();
    node.drained(true).at(5);
    let drain = Drain { gshut: seconds(20), ..rules().drain };
    node.ladder.handle_rules(node.now, Rules { drain, ..rules() });
    assert_eq!(node.due(), Some(20));

    let mut node = Node::announced();
    node.says(cannot("silence")).says(Verdict::Fine).at(5);
    node.ladder.handle_rules(node.now, Rules { up_hold: seconds(5), ..rules() });
    assert_eq!(node.stage(), Stage::Announced);
}
