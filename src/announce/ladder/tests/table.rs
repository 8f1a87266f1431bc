//! Every state × every event: the stage after it.

use super::*;

/// Where a ladder is when something happens, and the past that led there.
type State = (&'static str, fn() -> Node);

const STATES: [State; 12] = [
    ("new", Node::new),
    ("ready", || with(Node::new(), |node| node.ready())),
    ("announced", Node::announced),
    ("stale", || with(Node::announced(), |node| node.says(stale()))),
    ("weak", || with(Node::announced(), |node| node.says(weak()))),
    ("rising", || with(Node::announced(), |node| node.says(weak()).says(Verdict::Fine))),
    ("draining", || with(Node::announced(), |node| node.drained(true))),
    ("held", || with(Node::announced(), |node| node.siblings(0).drained(true).at(10))),
    ("gone", || with(Node::announced(), |node| node.drained(true).at(10))),
    ("failed", || with(Node::announced(), |node| node.says(cannot("silence")))),
    ("recovering", || {
        with(Node::announced(), |node| node.says(cannot("silence")).says(Verdict::Fine))
    }),
    ("damped", damped),
];

/// What may happen, and the stage that each of [`STATES`] is at then: Announced, de-Preferred,
/// Draining, Withdrawn.
type Event = (&'static str, fn(&mut Node), &'static str);

const EVENTS: [Event; 19] = [
    ("nothing", |_| {}, "WWAPPPDDWWWW"),
    ("fine", |node| _ = node.says(Verdict::Fine), "WAAAPPDDWWWW"),
    ("stale", |node| _ = node.says(stale()), "WPPPPPDDWWWW"),
    ("weak", |node| _ = node.says(weak()), "WPPPPPDDWWWW"),
    ("pool down", |node| _ = node.says(Verdict::PoolDown), "WWWWWWDDWWWW"),
    ("cannot", |node| _ = node.says(cannot("SERVFAIL")), "WWWWWWWWWWWW"),
    ("unknown", |node| _ = node.says(unknown()), "WWAPPPDDWWWW"),
    ("drained", |node| _ = node.drained(true), "WWDDDDDDWWWW"),
    ("undrained", |node| _ = node.drained(false), "WWAPPPAAAWWW"),
    ("forgiven", |node| node.ladder.handle_forgiveness(node.now), "WWAPPADDWWAA"),
    ("forced", |node| node.ladder.handle_force(node.now), "WWAPPPDWWWWW"),
    ("stop: drain", |node| _ = node.stop(Stop::Drain), "WWDDDDDDWWWW"),
    ("stop: withdraw", |node| _ = node.stop(Stop::Withdraw), "WWWWWWWWWWWW"),
    ("stop: at once", |node| _ = node.stop(Stop::AtOnce), "WWWWWWWWWWWW"),
    ("alone", |node| _ = node.siblings(0), "WWAPPPDDWWWA"),
    ("accompanied", |node| _ = node.siblings(2), "WWAPPPDWWWWW"),
    ("ready", |node| _ = node.ready(), "WWAPPPDDWWWW"),
    ("same rules", |node| node.ladder.handle_rules(node.now, rules()), "WWAPPPDDWWWW"),
    ("due", due, "WWAPPAWDWWAA"),
];

/// When [`STATES`] are due next, in seconds.
const DEADLINES: [Option<u64>; 11] = [
    None,
    None,
    None,
    None,
    None,
    Some(30),
    Some(10),
    None,
    // Lingering, which began after ten seconds of draining.
    Some(50),
    Some(40),
    Some(30),
];

fn with(mut node: Node, past: impl FnOnce(&mut Node) -> &mut Node) -> Node {
    past(&mut node);
    node
}

/// The next deadline, or a long time where there is none.
fn due(node: &mut Node) {
    node.now = node.ladder.next_deadline().unwrap_or_else(|| node.now + seconds(10_000));
    node.ladder.handle_timeout(node.now);
}

fn letter(stage: Stage) -> char {
    match stage {
        Stage::Announced => 'A',
        Stage::Depreferred => 'P',
        Stage::Draining => 'D',
        Stage::Withdrawn => 'W',
    }
}

#[test]
fn every_event_leads_from_every_state_to_the_stage_it_should() {
    for (event, happens, expected) in EVENTS {
        let stages = STATES.map(|(_, state)| {
            let mut node = state();
            happens(&mut node);
            letter(node.stage())
        });
        assert_eq!(String::from_iter(stages), expected, "{event}");
    }
}

#[test]
fn every_state_is_due_when_time_alone_changes_it() {
    for ((state, make), expected) in STATES.into_iter().zip(DEADLINES) {
        let node = make();
        let due = node.ladder.next_deadline().map(|due| (due - node.start).as_secs());
        assert_eq!(due, expected, "{state}");
    }
}

#[test]
fn telling_it_what_it_knows_is_no_news() {
    for (state, make) in STATES {
        let mut node = make();
        node.told();
        node.says(node.standing.verdict.clone());
        node.ladder.handle_timeout(node.now);
        assert_eq!(node.told(), [""; 0], "{state}");
    }
}
