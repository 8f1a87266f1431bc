use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use super::members::member_health;
use super::publish::Publisher;
use super::*;
use crate::config::{Known, SourceFile};
use crate::geo::mmdb::Databases;
use crate::health::{Forced, State, TargetHealth};
use crate::node::{NodeChange, NodeState};
use crate::policy::MemberId;

const ZONE: &str = r#"
zone: example.com
ns: [ns1]
probes:
  web: { http: { path: / }, every: 5s, timeout: 2s }
  ssh: { tcp: { port: 22 }, every: 10s, timeout: 2s }
pools:
  a: { probe: [web, ssh], members: [192.0.2.1, 192.0.2.2] }
  b: { probe: web, members: [192.0.2.3] }
names:
  ns1: { A: 192.0.2.53 }
  a: { route: a }
  b: { route: b }
"#;

fn world(number: u64) -> Arc<World> {
    let file = SourceFile { path: PathBuf::from("z.yaml"), text: ZONE.into(), modified: 0 };
    let loaded = crate::config::load(&[file], Known::default());
    let config = loaded.config.expect("a good zone");
    Arc::new(World::build(config, &Databases::default(), 1, number))
}

fn up(world: &World) -> Vec<TargetHealth> {
    vec![TargetHealth { state: State::Up, ..TargetHealth::default() }; world.targets.len()]
}

fn health(state: State, results_to_change: u32) -> TargetHealth {
    TargetHealth { state, results_to_change, ..TargetHealth::default() }
}

#[test]
fn a_member_is_as_its_worst_target_and_due_when_that_could_change() {
    use State::{Degraded, Down, Unknown, Up};
    let world = world(1);
    let of_member = &world.policies.member(MemberId(0)).targets;
    let [web, ssh] = of_member[..] else { panic!("two targets") };
    // (web, ssh: state and results still needed) → state, seconds. `web` is asked each 5 s, `ssh`
    // each 10 s.
    for (of_web, of_ssh, state, due) in [
        ((Up, 0), (Up, 0), Up, None),
        ((Degraded, 2), (Up, 0), Degraded, Some(10)),
        ((Degraded, 2), (Degraded, 1), Degraded, Some(10)),
        ((Degraded, 1), (Degraded, 2), Degraded, Some(5)),
        ((Unknown, 1), (Up, 0), Unknown, Some(5)),
        ((Down, 2), (Up, 0), Down, Some(10)),
        ((Down, 1), (Degraded, 1), Down, Some(5)),
        // It serves again when the slower of the two is back.
        ((Down, 1), (Down, 2), Down, Some(20)),
    ] {
        let mut targets = up(&world);
        targets[web.0 as usize] = health(of_web.0, of_web.1);
        targets[ssh.0 as usize] = health(of_ssh.0, of_ssh.1);
        let before = MemberHealth::default();
        let now = member_health(&world, MemberId(0), &targets, before);
        assert_eq!((now.probed, now.ttl_hint), (state, due), "{of_web:?} {of_ssh:?}");
        let forced = MemberHealth { forced: Some(Forced::Up), ..before };
        let now = member_health(&world, MemberId(0), &targets, forced);
        assert_eq!((now.probed, now.ttl_hint, now.serves()), (state, None, true), "forced");
    }
}

#[tokio::test]
async fn a_change_is_published_and_what_it_does_not_touch_is_shared() {
    let world = world(1);
    let targets = up(&world);
    let start = Publisher::start(Arc::clone(&world), targets, Box::new(|_| {}));
    let (publisher, published, thread) = start.expect("a thread");
    let before = published.load_full();
    let [first, ..] = &world.policies.member(MemberId(0)).targets[..] else { panic!("a target") };
    publisher.health(&world.targets[first.0 as usize], health(State::Down, 2));
    publisher.flush().await;
    let after = published.load_full();
    assert_eq!(after.generation, before.generation + 1);
    assert!(!after.health[0].serves() && after.health[1].serves());
    // The route and the pool that changed are new, the others are the same tables.
    let [a, b] = [0, 1].map(|route| Arc::ptr_eq(&before.choices[route], &after.choices[route]));
    assert_eq!((a, b), (false, true));
    let [a, b] = [0, 1].map(|pool| Arc::ptr_eq(&before.pools[pool], &after.pools[pool]));
    assert_eq!((a, b), (false, true));
    // What it knows already is no change.
    publisher.health(&world.targets[first.0 as usize], health(State::Down, 2));
    publisher.flush().await;
    assert_eq!(published.load().generation, after.generation);
    publisher.stop();
    thread.join().expect("the publisher ends");
}

#[tokio::test]
async fn what_the_node_knows_of_itself_is_published_without_rebuilding_anything() {
    let first = world(1);
    let start = Publisher::start(Arc::clone(&first), up(&first), Box::new(|_| {}));
    let (publisher, published, thread) = start.expect("a thread");
    let before = published.load_full();
    assert_eq!(*before.node, NodeState::default());
    publisher.node(NodeChange::Drained(true));
    publisher.flush().await;
    let after = published.load_full();
    assert_eq!((after.generation, after.node.drained), (before.generation + 1, true));
    assert!(!before.node.drained, "a snapshot never changes");
    assert!((0..2).all(|id| Arc::ptr_eq(&before.choices[id], &after.choices[id])));
    assert!((0..2).all(|id| Arc::ptr_eq(&before.pools[id], &after.pools[id])));
    // What it knows already is no change, and a reload forgets nothing.
    publisher.node(NodeChange::Drained(true));
    publisher.flush().await;
    assert_eq!(published.load().generation, after.generation);
    let second = world(2);
    let targets = up(&second);
    publisher.world(second, targets).await.expect("it is published");
    assert!(published.load().node.drained);
    publisher.stop();
    thread.join().expect("the publisher ends");
}

#[tokio::test]
async fn those_up_last_are_remembered_over_a_fall_and_a_reload() {
    let world_1 = world(1);
    let start = Publisher::start(Arc::clone(&world_1), up(&world_1), Box::new(|_| {}));
    let (publisher, published, thread) = start.expect("a thread");
    let fall = |member: u32| {
        let [target, ..] = world_1.policies.member(MemberId(member)).targets[..] else {
            panic!("a target")
        };
        publisher.health(&world_1.targets[target.0 as usize], health(State::Down, 2));
    };
    fall(0);
    publisher.flush().await;
    fall(1);
    publisher.flush().await;
    let last = |published: &publish::Published| {
        let snapshot = published.load();
        [0, 1].map(|member| (snapshot.health[member].serves(), snapshot.health[member].last_served))
    };
    assert_eq!(last(&published), [(false, false), (false, true)]);
    let world_2 = world(2);
    let mut down = up(&world_2);
    down.iter_mut().for_each(|target| *target = health(State::Down, 2));
    publisher.world(world_2, down).await.expect("it is published");
    assert_eq!(last(&published), [(false, false), (false, true)]);
    publisher.stop();
    thread.join().expect("the publisher ends");
}

#[tokio::test]
async fn a_world_is_told_of_once_and_only_when_nobody_holds_it() {
    let (retired, worlds) = mpsc::channel();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let tell = move |world: &World| {
        counted.fetch_add(1, SeqCst);
        let _ = retired.send(world.configuration);
    };
    let first = world(1);
    let targets = up(&first);
    let (publisher, published, thread) =
        Publisher::start(first, targets, Box::new(tell)).expect("a thread");
    let held = published.load_full();
    let second = world(2);
    let targets = up(&second);
    publisher.world(second, targets).await.expect("it is published");
    publisher.flush().await;
    assert_eq!(count.load(SeqCst), 0, "it is still held");
    drop(held);
    let told = worlds.recv_timeout(Duration::from_secs(10)).expect("it is told of");
    assert_eq!((told, count.load(SeqCst)), (1, 1));
    publisher.stop();
    thread.join().expect("the publisher ends");
}
