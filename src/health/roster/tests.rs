//! Stories of targets, told with a clock of their own.

use std::time::Duration;

use super::*;
use crate::health::brake::LONGEST;
use crate::health::{ProbeKind, ProbeSpec};

const EVERY: Duration = Duration::from_secs(5);

fn target(port: u16) -> Arc<Target> {
    let probe = ProbeSpec {
        kind: ProbeKind::Tcp,
        every: EVERY,
        timeout: Duration::from_secs(2),
        fall: 2,
        rise: 1,
    };
    Arc::new(Target { probe: Arc::new(probe), address: ([192, 0, 2, 1], port).into() })
}

fn targets(count: u16) -> Vec<Arc<Target>> {
    (1..=count).map(target).collect()
}

fn success() -> Finding {
    Finding::Success { warning: None }
}

fn failure() -> Finding {
    Finding::Failure { reason: "status 503".into() }
}

fn health(state: State, results_to_change: u32) -> TargetHealth {
    let reason = (results_to_change > 0).then(|| "status 503".into());
    TargetHealth { state, results_to_change, reason, warning: None }
}

/// A roster, its clock, and what it told.
struct Story {
    roster: Roster,
    now: Instant,
}

impl Story {
    fn begin() -> Self {
        Self { roster: Roster::new(Rng::with_seed(7)), now: Instant::now() }
    }

    fn admit(&mut self, targets: &[Arc<Target>]) {
        for target in targets {
            self.roster.admit(target, None, self.now);
        }
    }

    /// Probes whatever is due in the next `span`, each at its time, without taking any.
    fn probe_for(&mut self, span: Duration, find: impl Fn(&Target) -> Finding) -> Vec<Instant> {
        let end = self.now + span;
        let mut starts = Vec::new();
        while let Some(due) = self.roster.next_due().filter(|due| *due < end) {
            self.now = due.max(self.now);
            self.roster.handle_time(self.now);
            while let Some((key, target)) = self.roster.poll_due(self.now) {
                starts.push(self.now);
                self.roster.handle_result(key, find(&target), self.now, self.now);
            }
        }
        self.now = end;
        self.roster.handle_time(self.now);
        starts
    }

    fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.roster.poll_event()).collect()
    }

    /// What is published of each target.
    fn published(&self, targets: &[Arc<Target>]) -> Vec<State> {
        targets.iter().map(|t| self.roster.health(t).expect("admitted").state).collect()
    }
}

fn brakes(events: &[Event]) -> Vec<bool> {
    events.iter().filter(|e| matches_brake(e)).map(is_on).collect()
}

fn matches_brake(event: &Event) -> bool {
    matches!(event, Event::Brake { .. })
}

fn is_on(event: &Event) -> bool {
    matches!(event, Event::Brake { on: true, .. })
}

#[test]
fn new_targets_are_due_at_once_and_then_spread() {
    let mut story = Story::begin();
    let begin = story.now;
    story.admit(&targets(100));
    let starts = story.probe_for(EVERY, |_| success());
    assert_eq!(starts.iter().filter(|at| **at == begin).count(), 100);
    // The second turn comes anywhere within one interval.
    let by_second = |s: u64| {
        let from = begin + Duration::from_secs(s);
        let until = from + Duration::from_secs(1);
        starts.iter().filter(|at| **at > begin && **at >= from && **at < until).count()
    };
    assert!((0..5).map(by_second).all(|n| (8..40).contains(&n)), "{starts:?}");
}

#[test]
fn targets_never_march_in_step() {
    let mut story = Story::begin();
    let many = targets(1_000);
    story.admit(&many);
    story.probe_for(Duration::from_secs(60), |_| success());
    let begin = story.now;
    let starts = story.probe_for(Duration::from_secs(50), |_| success());
    // Each 4.5 to 5 s: 10 to 12 turns in 50 s, about 21 in each tenth of a second.
    assert!((10_000..=12_000).contains(&starts.len()), "{}", starts.len());
    for tenth in 0..500 {
        let from = begin + Duration::from_millis(tenth * 100);
        let until = from + Duration::from_millis(100);
        let count = starts.iter().filter(|at| **at >= from && **at < until).count();
        assert!((3..60).contains(&count), "{count} probes in one tenth of a second");
    }
}

#[test]
fn equal_targets_are_probed_once() {
    let mut story = Story::begin();
    assert_eq!(story.roster.admit(&target(1), None, story.now), Admission::Awaited(0));
    assert_eq!(story.roster.admit(&target(1), None, story.now), Admission::Awaited(0));
    let (key, _) = story.roster.poll_due(story.now).expect("due at once");
    assert_eq!(story.roster.poll_due(story.now), None);
    story.roster.handle_result(key, success(), story.now, story.now);
    assert_eq!(story.roster.admit(&target(1), None, story.now), Admission::Known);
}

#[test]
fn a_target_under_way_is_not_due_however_late_it_is() {
    let mut story = Story::begin();
    story.admit(&targets(1));
    let (key, _) = story.roster.poll_due(story.now).expect("due at once");
    let started = story.now;
    story.now += EVERY * 10;
    assert_eq!(story.roster.poll_due(story.now), None);
    let due = story.roster.handle_result(key, success(), started, story.now);
    // Spread after the first turn; at once after a later one that took too long.
    assert!(due.is_some_and(|due| due >= story.now && due <= story.now + EVERY));
    story.now += EVERY;
    let started = story.now;
    let (key, _) = story.roster.poll_due(started).expect("due within an interval");
    story.now += EVERY * 3;
    assert_eq!(story.roster.handle_result(key, success(), started, story.now), Some(story.now));
}

#[test]
fn each_change_is_told_once_with_its_reason() {
    let mut story = Story::begin();
    story.admit(&targets(1));
    let mut found = Vec::new();
    for finding in [success(), success(), failure(), success(), failure(), failure(), success()] {
        let before = story.events().len();
        assert_eq!(before, 0);
        story.now += EVERY;
        let (key, _) = story.roster.poll_due(story.now).expect("due each interval");
        story.roster.handle_result(key, finding, story.now, story.now);
        for event in story.events() {
            let Event::Changed { before, after, .. } = event else { panic!("{event:?}") };
            found.push((before, after));
        }
    }
    let unknown = TargetHealth { reason: None, ..health(State::Unknown, 1) };
    let (up, degraded, down) =
        (health(State::Up, 0), health(State::Degraded, 1), health(State::Down, 1));
    let expected = [
        (unknown, up.clone()),
        (up.clone(), degraded.clone()),
        (degraded.clone(), up.clone()),
        (up.clone(), degraded.clone()),
        (degraded, down.clone()),
        (down, up),
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_probe_that_could_not_be_made_decides_nothing_and_comes_again() {
    let mut story = Story::begin();
    story.admit(&targets(1));
    let starts = story.probe_for(EVERY * 3, |_| Finding::Inconclusive);
    assert!(starts.len() >= 3);
    assert_eq!(story.events(), []);
    assert_eq!(story.published(&targets(1)), [State::Unknown]);
}

#[test]
fn a_warning_is_told_and_taken_back() {
    let mut story = Story::begin();
    story.admit(&targets(1));
    let warned = Finding::Success { warning: Some("certificate expires in 6 days".into()) };
    for finding in [warned.clone(), warned, success()] {
        let (key, _) = story.roster.poll_due(story.now).expect("due");
        story.roster.handle_result(key, finding, story.now, story.now);
        story.now += EVERY;
    }
    let warnings: Vec<_> = story
        .events()
        .into_iter()
        .map(|event| match event {
            Event::Changed { after, .. } => after.warning.is_some(),
            Event::Brake { .. } => panic!("one target"),
        })
        .collect();
    assert_eq!(warnings, [true, false]);
}

#[test]
fn carried_health_is_kept_until_a_result_changes_it() {
    let mut story = Story::begin();
    let begin = story.now;
    let carried = [health(State::Up, 0), health(State::Degraded, 1), health(State::Down, 1)];
    for (target, health) in targets(3).iter().zip(&carried) {
        assert_eq!(story.roster.admit(target, Some(health), begin), Admission::Known);
        assert_eq!(story.roster.health(target), Some(health));
    }
    assert!(story.roster.next_due().is_some_and(|due| due > begin && due <= begin + EVERY));
    story.probe_for(EVERY, |_| failure());
    let down = |event: &Event| match event {
        Event::Changed { target, after, .. } => (target.address.port(), after.state),
        Event::Brake { .. } => panic!("three targets"),
    };
    let mut told: Vec<_> = story.events().iter().map(down).collect();
    told.sort_unstable();
    told.dedup();
    // The one carried as down stays so, and says nothing new.
    assert_eq!(told[0], (1, State::Degraded));
    assert!(told.contains(&(2, State::Down)) && told.iter().all(|(port, _)| *port != 3));
}

#[test]
fn carried_without_knowing_is_like_new() {
    let mut story = Story::begin();
    let health = TargetHealth::default();
    let admission = story.roster.admit(&target(1), Some(&health), story.now);
    assert_eq!(admission, Admission::Awaited(0));
    assert_eq!(story.roster.next_due(), Some(story.now));
}

#[test]
fn targets_not_retained_are_forgotten_even_while_under_way() {
    let mut story = Story::begin();
    let two = targets(2);
    story.admit(&two);
    let (key, first) = story.roster.poll_due(story.now).expect("due at once");
    story.roster.retain(&two[1..]);
    assert_eq!(first, two[0]);
    assert_eq!(story.roster.handle_result(key, failure(), story.now, story.now), None);
    assert_eq!(story.roster.health(&two[0]), None);
    assert_eq!(story.events(), []);
    let (_, second) = story.roster.poll_due(story.now).expect("due at once");
    assert_eq!(second, two[1]);
}

#[test]
fn the_brake_freezes_what_is_published_and_its_release_tells_the_rest() {
    let mut story = Story::begin();
    let ten = targets(10);
    story.admit(&ten);
    story.probe_for(EVERY * 2, |_| success());
    story.events();

    // Everything fails: the first falls are published, then the brake holds the others.
    story.probe_for(EVERY * 4, |_| failure());
    let events = story.events();
    assert_eq!(brakes(&events), [true]);
    let at = events.iter().position(is_on).expect("put on");
    assert_eq!(at + 1, events.len(), "nothing is told under the brake: {events:?}");
    let frozen = story.published(&ten);
    let down = |states: &[State]| states.iter().filter(|s| **s == State::Down).count();
    assert!(down(&frozen) <= 5, "{frozen:?}");

    // Six answer again: it comes off, and what was held back is told at once.
    let back = |t: &Target| if t.address.port() <= 6 { success() } else { failure() };
    story.probe_for(EVERY, back);
    let events = story.events();
    assert_eq!(brakes(&events), [false]);
    assert!(matches_brake(&events[0]), "{events:?}");
    assert_eq!(story.roster.braked_since(), None);
    let states = story.published(&ten);
    assert_eq!(states, [[State::Up; 6].as_slice(), &[State::Down; 4]].concat());
}

#[test]
fn the_brake_comes_off_after_sixty_seconds_and_the_prober_is_believed() {
    let mut story = Story::begin();
    let ten = targets(10);
    story.admit(&ten);
    story.probe_for(EVERY * 2, |_| success());
    story.probe_for(EVERY * 4, |_| failure());
    let since = story.roster.braked_since().expect("on");
    assert_eq!(story.roster.next_deadline(), Some(since + LONGEST));
    story.probe_for(LONGEST, |_| failure());
    assert_eq!(brakes(&story.events()), [true, false]);
    assert_eq!(story.published(&ten), [State::Down; 10]);
}

#[test]
fn a_new_target_under_the_brake_is_published_when_it_answers() {
    let mut story = Story::begin();
    let ten = targets(10);
    story.admit(&ten);
    story.probe_for(EVERY * 2, |_| success());
    story.probe_for(EVERY * 4, |_| failure());
    story.events();
    let new = [target(11), target(12)];
    story.admit(&new);
    story.probe_for(EVERY, |t| if t.address.port() == 11 { success() } else { failure() });
    assert_eq!(story.published(&new), [State::Up, State::Unknown]);
    assert!(story.roster.braked_since().is_some());
}
