//! Ends, good and bad, and what is left after them.

use rhumb::ecmp::{self, Ecmp, EcmpConfig, HashPolicy, OnExit};

use crate::lab::{Host, Lab, until};
use crate::router::{Fleet, How, Monitor, PATIENCE, Router, V4, V6, entry, next_hops, route};

const MEMBERS: [&str; 4] = ["10.0.0.11", "10.0.0.12", "fd00:1::11", "fd00:1::12"];
const ALL4: [(&str, u64); 2] = [("10.0.0.11", 1), ("10.0.0.12", 1)];
const ALL6: [(&str, u64); 2] = [("fd00:1::11", 1), ("fd00:1::12", 1)];

const POLICY4: &str = "net.ipv4.fib_multipath_hash_policy";
const POLICY6: &str = "net.ipv6.fib_multipath_hash_policy";
const SEED: &str = "net.ipv4.fib_multipath_hash_seed";

fn is_clean(host: &Host) -> bool {
    next_hops(host).is_empty() && route(host, V4).is_none() && route(host, V6).is_none()
}

fn policies(host: &Host) -> [String; 3] {
    [POLICY4, POLICY6, SEED].map(|knob| host.sysctl_value(knob))
}

#[test]
fn a_stop_leaves_the_host_as_it_was() {
    let Some(lab) = Lab::new(&["n1"]) else { return };
    let host = lab.host("n1");
    host.sysctl(POLICY6, "2");
    let seeded = EcmpConfig { hash_seed: Some(7), ..entry(V6) };
    let mut router = Router::start(host, &[entry(V4), seeded], &Fleet::of(MEMBERS));
    router.wait_for(V4, &ALL4);
    router.wait_for(V6, &ALL6);
    assert_eq!(policies(host), ["1", "1", "7"]);
    assert!(router.state().join("ecmp.json").exists());
    router.stop();
    assert!(is_clean(host), "{:?}", next_hops(host));
    assert_eq!(policies(host), ["0", "2", "0"]);
    assert!(!router.state().join("ecmp.json").exists());
}

#[test]
fn a_run_after_a_crash_takes_over_and_nothing_moves() {
    let Some(lab) = Lab::new(&["n1"]) else { return };
    let host = lab.host("n1");
    let fleet = Fleet::of(MEMBERS);
    let mut router = Router::start(host, &[entry(V4), entry(V6)], &fleet);
    router.wait_for(V4, &ALL4);
    router.wait_for(V6, &ALL6);
    router.crash();
    let monitor = Monitor::of(host);
    // The first snapshot after a start knows nothing of any member.
    router.run(&fleet.clone().all(How::Unknown));
    router.react(&fleet);
    assert!(until(PATIENCE, || !router.ecmp().status().is_empty()));
    router.wait_for(V4, &ALL4);
    router.wait_for(V6, &ALL6);
    assert_eq!(monitor.of_ours(), Vec::<String>::new());
    // It is in charge: a member goes, and at the end all goes.
    router.react(&fleet.with("10.0.0.11", How::Down));
    router.wait_for(V4, &ALL4[1..]);
    router.stop();
    assert!(is_clean(host), "{:?}", next_hops(host));
    assert_eq!(policies(host)[..2], ["0", "0"]);
}

#[test]
fn a_run_after_a_crash_removes_what_it_does_not_want() {
    let Some(lab) = Lab::new(&["n1"]) else { return };
    let host = lab.host("n1");
    let mut router = Router::start(host, &[entry(V4), entry(V6)], &Fleet::of(MEMBERS));
    router.wait_for(V4, &ALL4);
    router.wait_for(V6, &ALL6);
    router.crash();
    let other = EcmpConfig { prefix: "10.9.9.8/32".parse().expect("one"), ..entry(V4) };
    let ecmp = host.inside(|| Ecmp::start(&[other], router.state())).expect("it starts");
    ecmp.react(&Fleet::of(MEMBERS).snapshot());
    let done = until(PATIENCE, || {
        route(host, "10.9.9.8").is_some() && route(host, V4).is_none() && route(host, V6).is_none()
    });
    assert!(done, "{:?}", next_hops(host));
    let without_ipv6 = || next_hops(host).len() == 3;
    assert!(until(PATIENCE, without_ipv6), "{:?}", next_hops(host));
    ecmp.stop();
    assert!(is_clean(host));
}

#[test]
fn what_is_to_stay_stays_and_the_next_run_takes_it_over() {
    let Some(lab) = Lab::new(&["n1"]) else { return };
    let host = lab.host("n1");
    let fleet = Fleet::of(MEMBERS);
    let stays = EcmpConfig { on_exit: OnExit::Keep, ..entry(V4) };
    let mut router = Router::start(host, &[stays, entry(V6)], &fleet);
    router.wait_for(V4, &ALL4);
    router.wait_for(V6, &ALL6);
    router.stop();
    router.wait_for(V4, &ALL4);
    assert!(route(host, V6).is_none());
    assert_eq!(next_hops(host).len(), 3, "{:?}", next_hops(host));
    assert_eq!(policies(host)[..2], ["1", "1"], "its flows would move");
    // A crash is no different.
    let released = host.inside(|| ecmp::release(router.state())).expect("released");
    assert!(released.iter().all(|undone| !undone.is_failed()), "{released:?}");
    router.wait_for(V4, &ALL4);

    let monitor = Monitor::of(host);
    router.run(&fleet);
    router.wait_for(V6, &ALL6);
    assert!(!monitor.of_ours().iter().any(|line| line.contains("10.9.9.9")));
    // Without entries nothing is to stay.
    router.stop();
    let none = host.inside(|| Ecmp::start(&[], router.state())).expect("it starts");
    assert!(is_clean(host), "{:?}", next_hops(host));
    assert_eq!(policies(host)[..2], ["0", "0"]);
    none.stop();
}

#[test]
fn release_undoes_a_crash_and_leaves_a_running_one_alone() {
    let Some(lab) = Lab::new(&["n1"]) else { return };
    let host = lab.host("n1");
    let mut router = Router::start(host, &[entry(V4), entry(V6)], &Fleet::of(MEMBERS));
    router.wait_for(V4, &ALL4);
    router.wait_for(V6, &ALL6);
    let refused = host.inside(|| ecmp::release(router.state())).expect_err("it runs");
    assert!(refused.contains("another process keeps this state directory"), "{refused}");
    router.crash();
    let undone = host.inside(|| ecmp::release(router.state())).expect("released");
    assert!(undone.iter().all(|undone| !undone.is_failed()), "{undone:?}");
    assert!(undone.len() >= 4, "two routes, next hops, knobs: {undone:?}");
    assert!(is_clean(host), "{:?}", next_hops(host));
    assert_eq!(policies(host)[..2], ["0", "0"]);
    assert_eq!(host.inside(|| ecmp::release(router.state())), Ok(Vec::new()));
}

#[test]
fn entries_come_and_go_with_a_reload() {
    let Some(lab) = Lab::new(&["n1"]) else { return };
    let host = lab.host("n1");
    let fleet = Fleet::of(MEMBERS);
    let mut router = Router::start(host, &[], &fleet);
    router.set(&[entry(V4)], &fleet);
    router.wait_for(V4, &ALL4);
    let l3 = EcmpConfig { hash_policy: Some(HashPolicy::L3), ..entry(V6) };
    router.set(&[entry(V4), l3], &fleet);
    router.wait_for(V6, &ALL6);
    let alarms = || router.status(1).alarms;
    let contradicts = || alarms().iter().any(|alarm| alarm.contains("one for the whole host"));
    assert!(until(PATIENCE, contradicts), "{:?}", alarms());
    router.set(&[EcmpConfig { hash_policy: None, ..entry(V6) }], &fleet);
    router.wait_for_absence(V4);
    assert!(until(PATIENCE, || policies(host)[..2] == ["0", "0"]), "{:?}", policies(host));
    router.set(&[], &fleet);
    router.wait_for_absence(V6);
    assert!(until(PATIENCE, || is_clean(host)), "{:?}", next_hops(host));
}

#[test]
fn without_the_capability_it_says_which_one() {
    use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
    let Some(lab) = Lab::new(&["n1"]) else { return };
    let state = tempfile::tempdir().expect("a directory");
    let error = lab.host("n1").inside(|| {
        let mut sets = capabilities(None).expect("its capabilities");
        sets.effective.remove(CapabilitySet::NET_ADMIN);
        set_capabilities(None, sets).expect("fewer");
        Ecmp::start(&[entry(V4)], state.path()).map(drop).expect_err("not permitted")
    });
    assert!(error.contains("the capability CAP_NET_ADMIN is needed"), "{error}");
}
