//! What a pool becomes.

use std::collections::BTreeMap;

use rhumb::ecmp::{Leads, Spreading, Standing, WhenDown, Why};

use crate::lab::{Lab, until};
use crate::router::{
    Fleet, How, Monitor, PATIENCE, Router, V4, V6, Watch, entry, resilient, route,
};

fn both() -> Fleet {
    Fleet::of(["10.0.0.11", "10.0.0.12", "10.0.0.13", "fd00:1::11", "fd00:1::12", "fd00:1::13"])
}

const ALL4: [(&str, u64); 3] = [("10.0.0.11", 1), ("10.0.0.12", 1), ("10.0.0.13", 1)];
const ALL6: [(&str, u64); 3] = [("fd00:1::11", 1), ("fd00:1::12", 1), ("fd00:1::13", 1)];

#[test]
fn the_members_of_each_family_are_the_next_hops_of_its_route() {
    let Some(lab) = Lab::new(&["n1"]) else { return };
    let fleet = both().weighing("10.0.0.12", 5).weighing("fd00:1::13", 65535);
    let router = Router::start(lab.host("n1"), &[entry(V4), entry(V6)], &fleet);
    router.wait_for(V4, &[("10.0.0.11", 1), ("10.0.0.12", 5), ("10.0.0.13", 1)]);
    // 65535 to 1 is 256 to 1: as far as the kernel goes.
    router.wait_for(V6, &[("fd00:1::11", 1), ("fd00:1::12", 1), ("fd00:1::13", 256)]);
    let group = router.group(V4).expect("a group");
    assert_eq!((&*group.kind, group.buckets), ("resilient", Some(256)));
    let route = route(lab.host("n1"), V4).expect("a route");
    assert_eq!(route.get("metric").and_then(serde_json::Value::as_u64), Some(50));

    let status = router.status(0);
    assert_eq!(
        status.leads,
        Leads::Group { id: group.id as u32, next_hops: 3, buckets: Some(256) }
    );
    let shares: Vec<_> = status.members.iter().map(|m| (m.weight, m.share)).collect();
    assert_eq!(shares, [(1, Some(1)), (5, Some(5)), (1, Some(1))]);
    assert!(status.members.iter().all(|m| m.standing == Standing::In));
    assert!(status.members.iter().all(|m| m.interface.as_deref() == Some("eth0")));
    assert!(status.last_change.is_some());
}

#[test]
fn members_go_and_come_and_the_route_never_misses() {
    let Some(lab) = Lab::new(&["n1"]) else { return };
    let multipath =
        |prefix| rhumb::ecmp::EcmpConfig { spreading: Spreading::Multipath, ..entry(prefix) };
    for entries in [[entry(V4), entry(V6)], [multipath(V4), multipath(V6)]] {
        let router = Router::start(lab.host("n1"), &entries, &both());
        router.wait_for(V4, &ALL4);
        router.wait_for(V6, &ALL6);
        let groups = [V4, V6].map(|prefix| router.group(prefix).expect("a group").id);
        let watches = ["10.9.9.9", "fd09::9"].map(|address| Watch::of(lab.host("n1"), address));
        for _ in 0..10 {
            let down = both().with("10.0.0.12", How::Down).with("fd00:1::11", How::Drained);
            router.react(&down);
            router.wait_for(V4, &[ALL4[0], ALL4[2]]);
            router.wait_for(V6, &[ALL6[1], ALL6[2]]);
            router.react(&both());
            router.wait_for(V4, &ALL4);
            router.wait_for(V6, &ALL6);
        }
        for watch in watches {
            let (missed, asked) = watch.stop();
            assert!(missed == 0 && asked > 100, "{missed} of {asked}");
        }
        let after = [V4, V6].map(|prefix| router.group(prefix).expect("a group").id);
        assert_eq!(groups, after, "the groups are changed in place");
        router.ecmp().stop();
    }
}

#[test]
fn another_number_of_buckets_or_type_is_a_new_group_and_the_route_never_misses() {
    let Some(lab) = Lab::new(&["n1"]) else { return };
    let with =
        |spreading| [V4, V6].map(|prefix| rhumb::ecmp::EcmpConfig { spreading, ..entry(prefix) });
    let mut router = Router::start(lab.host("n1"), &with(resilient(256)), &both());
    router.wait_for(V4, &ALL4);
    router.wait_for(V6, &ALL6);
    let watches = ["10.9.9.9", "fd09::9"].map(|address| Watch::of(lab.host("n1"), address));
    let mut last = router.group(V4).expect("a group");
    for (spreading, kind, buckets) in [
        (resilient(512), "resilient", Some(512)),
        (Spreading::Multipath, "mpath", None),
        (resilient(64), "resilient", Some(64)),
    ] {
        router.set(&with(spreading), &both());
        for prefix in [V4, V6] {
            let found = until(PATIENCE, || {
                router.group(prefix).is_some_and(|g| g.kind == kind && g.buckets == buckets)
            });
            assert!(found, "{prefix}: {:?}, wanted {kind} {buckets:?}", router.group(prefix));
        }
        let group = router.group(V4).expect("a group");
        assert_ne!(group.id, last.id);
        last = group;
    }
    for watch in watches {
        let (missed, asked) = watch.stop();
        assert!(missed == 0 && asked > 100, "{missed} of {asked}");
    }
    let one_group_each = || {
        let objects = crate::router::next_hops(lab.host("n1"));
        objects.iter().filter(|object| object.get("group").is_some()).count() == 2
    };
    assert!(until(PATIENCE, one_group_each), "old groups stay behind");
}

#[test]
fn timers_change_in_place() {
    let Some(lab) = Lab::new(&["n1"]) else { return };
    let mut router = Router::start(lab.host("n1"), &[entry(V4)], &both());
    router.wait_for(V4, &ALL4);
    let before = router.group(V4).expect("a group");
    let (idle, unbalanced) =
        (std::time::Duration::from_secs(30), std::time::Duration::from_secs(300));
    let spreading = Spreading::Resilient { buckets: 256, idle, unbalanced };
    router.set(&[rhumb::ecmp::EcmpConfig { spreading, ..entry(V4) }], &both());
    let changed = until(PATIENCE, || router.group(V4).is_some_and(|g| g.timers != before.timers));
    let after = router.group(V4).expect("a group");
    assert!(changed, "{after:?}");
    assert_eq!((after.id, after.members), (before.id, before.members));
}

#[test]
fn without_a_member_the_route_does_as_the_entry_says() {
    let Some(lab) = Lab::new(&["n1"]) else { return };
    let with = |when_down| [rhumb::ecmp::EcmpConfig { when_down, ..entry(V4) }];
    let before = both().with("10.0.0.13", How::Down);
    let down = before.clone().all(How::Down);
    let two = [ALL4[0], ALL4[1]];

    let router = Router::start(lab.host("n1"), &with(WhenDown::Keep), &before);
    router.wait_for(V4, &two);
    router.ecmp().react(&down.snapshot_after(&before));
    let kept = until(PATIENCE, || router.status(0).members[0].standing == Standing::Kept);
    assert!(kept, "{:?}", router.status(0));
    router.wait_for(V4, &two);
    assert_eq!(router.status(0).members[2].standing, Standing::Out(Why::Down));
    router.ecmp().stop();

    let router = Router::start(lab.host("n1"), &with(WhenDown::Unreachable), &before);
    router.wait_for(V4, &two);
    router.ecmp().react(&down.snapshot_after(&before));
    let unreachable = until(PATIENCE, || {
        let route = route(lab.host("n1"), V4);
        route.is_some_and(|r| r.get("type").and_then(|t| t.as_str()) == Some("unreachable"))
    });
    assert!(unreachable, "{:?}", route(lab.host("n1"), V4));
    assert!(until(PATIENCE, || router.status(0).leads == Leads::Unreachable));
    router.react(&before);
    router.wait_for(V4, &two);
    router.ecmp().stop();

    let router = Router::start(lab.host("n1"), &with(WhenDown::Withdraw), &before);
    router.wait_for(V4, &two);
    router.ecmp().react(&down.snapshot_after(&before));
    router.wait_for_absence(V4);
    assert!(until(PATIENCE, || router.status(0).leads == Leads::Absent));
    router.react(&before);
    router.wait_for(V4, &two);
    router.ecmp().stop();
}

#[test]
fn a_next_hop_that_is_not_a_neighbour_is_left_out_unless_via_names_one() {
    let Some(lab) = Lab::new(&["n1"]) else { return };
    lab.host("n1").ip("route add default via 10.0.0.254");
    let fleet = Fleet::of(["10.0.0.11", "192.0.2.12", "10.0.0.1", "203.0.113.7", "10.0.0.14"]);
    let via = [("192.0.2.12", "10.0.0.12")];
    let via: BTreeMap<_, _> = via
        .iter()
        .map(|(member, at)| (member.parse().expect("one"), at.parse().expect("one")))
        .collect();
    let router =
        Router::start(lab.host("n1"), &[rhumb::ecmp::EcmpConfig { via, ..entry(V4) }], &fleet);
    router.wait_for(V4, &[("10.0.0.11", 1), ("10.0.0.12", 1), ("10.0.0.14", 1)]);
    let found = until(PATIENCE, || router.status(0).members.len() == 5);
    assert!(found, "{:?}", router.status(0));
    let standings: Vec<_> = router.status(0).members.into_iter().map(|m| m.standing).collect();
    let gateway = "10.0.0.254".parse().expect("an address");
    let expected = [
        Standing::In,
        Standing::In,
        Standing::Out(Why::OwnAddress),
        Standing::Out(Why::Beyond(gateway)),
        Standing::In,
    ];
    assert_eq!(standings, expected);
}

#[test]
fn a_member_without_a_result_waits_where_others_serve() {
    let Some(lab) = Lab::new(&["n1"]) else { return };
    let fleet = both().with("10.0.0.13", How::Unknown);
    let router = Router::start(lab.host("n1"), &[entry(V4)], &fleet);
    router.wait_for(V4, &[ALL4[0], ALL4[1]]);
    assert!(until(PATIENCE, || {
        router.status(0).members[2].standing == Standing::Out(Why::Unproven)
    }));
    router.react(&both());
    router.wait_for(V4, &ALL4);
    // Nothing is known of any: what there is stays.
    let monitor = Monitor::of(lab.host("n1"));
    router.react(&both().all(How::Unknown));
    router.react(&both().with("10.0.0.11", How::Down).all(How::Unknown));
    router.react(&both());
    router.wait_for(V4, &ALL4);
    assert_eq!(monitor.of_ours(), Vec::<String>::new());
}

#[test]
fn weights_are_updated_at_most_once_a_second_and_members_at_once() {
    let Some(lab) = Lab::new(&["n1"]) else { return };
    let mut router = Router::start(lab.host("n1"), &[entry(V4)], &both());
    router.wait_for(V4, &ALL4);
    let monitor = Monitor::of(lab.host("n1"));
    let started = std::time::Instant::now();
    for weight in 2..=40 {
        router.set(&[entry(V4)], &both().weighing("10.0.0.11", weight));
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let all = [("10.0.0.11", 40), ALL4[1], ALL4[2]];
    router.wait_for(V4, &all);
    let allowed = 2 + started.elapsed().as_secs() as usize;
    let updates = monitor.of_ours().iter().filter(|line| line.starts_with("id ")).count();
    assert!((2..=allowed).contains(&updates), "{updates} updates: {:?}", monitor.of_ours());

    // The second after an update has just begun; a member goes all the same.
    router.set(&[entry(V4)], &both().weighing("10.0.0.11", 40).with("10.0.0.12", How::Down));
    router.wait_for(V4, &[all[0], all[2]]);
}
