//! Other programs and people, who change what is ours and have what is theirs.

use crate::lab::{Lab, until};
use crate::router::{Fleet, How, PATIENCE, Router, V4, V6, entry, next_hops};

const MEMBERS: [&str; 4] = ["10.0.0.11", "10.0.0.12", "fd00:1::11", "fd00:1::12"];
const ALL4: [(&str, u64); 2] = [("10.0.0.11", 1), ("10.0.0.12", 1)];
const ALL6: [(&str, u64); 2] = [("fd00:1::11", 1), ("fd00:1::12", 1)];

#[test]
fn what_somebody_removes_or_changes_is_put_back() {
    let Some(lab) = Lab::new(&["n1"]) else { return };
    let host = lab.host("n1");
    let router = Router::start(host, &[entry(V4), entry(V6)], &Fleet::of(MEMBERS));
    router.wait_for(V4, &ALL4);
    router.wait_for(V6, &ALL6);
    let id = |object: &serde_json::Value| object.get("id").and_then(serde_json::Value::as_u64);
    let a_next_hop = || {
        let objects = next_hops(host);
        let member = objects.iter().find(|object| object.get("gateway").is_some());
        member.and_then(id).expect("a next hop")
    };
    let group = || router.group(V4).expect("a group").id;
    for what in [
        "route del 10.9.9.9/32 proto 82".to_owned(),
        "-6 route del fd09::9/128 proto 82".to_owned(),
        format!("nexthop del id {}", group()),
        format!("nexthop del id {}", a_next_hop()),
        "nexthop flush".to_owned(),
    ] {
        host.ip(&what);
        router.wait_for(V4, &ALL4);
        router.wait_for(V6, &ALL6);
    }
    // A weight, and a route that is led elsewhere.
    let objects = next_hops(host);
    let gateways = objects.iter().filter(|object| object.get("gateway").is_some());
    let first = gateways.filter_map(id).min().expect("one");
    host.ip(&format!("nexthop replace id {} group {first},9 type resilient protocol 82", group()));
    router.wait_for(V4, &ALL4);
    host.ip("route replace blackhole 10.9.9.9/32 metric 50 proto 82");
    router.wait_for(V4, &ALL4);
}

#[test]
fn ids_and_routes_of_others_are_left_alone_with_an_alarm() {
    let Some(lab) = Lab::new(&["n1"]) else { return };
    let host = lab.host("n1");
    host.ip("nexthop add id 820000000 via 10.0.0.99 dev eth0 protocol 12");
    host.ip("nexthop add id 820000002 via 10.0.0.98 dev eth0 protocol 12");
    host.ip("nexthop add id 7 via 10.0.0.97 dev eth0 protocol 82");
    host.ip("route add 10.9.9.9/32 via 10.0.0.99 metric 50 proto 12");
    host.ip("route add fd09::9/128 via fd00:1::99 metric 50 proto 12");
    let theirs = || {
        let lines = |words: &str| {
            let text = host.ip(words);
            text.lines().filter(|line| !line.contains("proto 82 ")).map(str::to_owned).collect()
        };
        let mut all: Vec<String> = lines("nexthop");
        all.push(host.ip("nexthop show id 7"));
        all.extend::<Vec<String>>(lines("route show proto 12"));
        all.extend::<Vec<String>>(lines("-6 route show proto 12"));
        all
    };
    let before = theirs();

    let elsewhere = rhumb::ecmp::EcmpConfig {
        prefix: "10.9.9.8/32".parse().expect("one"),
        name: "elsewhere".into(),
        ..entry(V4)
    };
    let fleet = Fleet::of(MEMBERS);
    let mut router = Router::start(host, &[entry(V4), entry(V6), elsewhere], &fleet);
    router.wait_for("10.9.9.8/32", &ALL4);
    for place in [0, 1] {
        let alarmed = until(PATIENCE, || {
            let alarms = router.status(place).alarms;
            let has = |text: &str| alarms.iter().any(|alarm| alarm.contains(text));
            has("another program's route stands at") && has("820000000 is another program's")
        });
        assert!(alarmed, "{:?}", router.status(place));
    }
    router.react(&fleet.clone().with("10.0.0.11", How::Down));
    router.wait_for("10.9.9.8/32", &ALL4[1..]);
    assert_eq!(theirs(), before);

    // Theirs goes: ours takes its place, without being told.
    host.ip("route del 10.9.9.9/32 metric 50 proto 12");
    router.react(&fleet);
    router.wait_for(V4, &ALL4);
    host.ip("route add 10.9.9.9/32 via 10.0.0.99 metric 40 proto 12");
    let before = theirs();
    router.stop();
    assert_eq!(theirs(), before);
    let ours: Vec<_> =
        next_hops(host).into_iter().filter(|o| o.to_string().contains("\"82\"")).collect();
    assert_eq!(ours.len(), 1, "but for the one with an id of theirs: {ours:?}");
}

#[test]
fn a_host_that_does_not_forward_is_told_the_line_that_lets_it() {
    let Some(lab) = Lab::new(&["n1"]) else { return };
    let host = lab.host("n1");
    let fleet = Fleet::of(MEMBERS);
    let router = Router::start(host, &[entry(V4), entry(V6)], &fleet);
    let says = |place: usize, line: &str| {
        router.status(place).alarms.iter().any(|alarm| alarm.contains(line))
    };
    router.wait_for(V4, &ALL4);
    router.wait_for(V6, &ALL6);
    let lines = ["sysctl -w net.ipv4.ip_forward=1", "sysctl -w net.ipv6.conf.all.forwarding=1"];
    for (place, line) in lines.iter().enumerate() {
        assert!(until(PATIENCE, || says(place, line)), "{:?}", router.status(place));
    }
    host.sysctl("net/ipv4/ip_forward", "1");
    host.sysctl("net/ipv6/conf/all/forwarding", "1");
    router.react(&fleet.with("10.0.0.11", How::Down));
    router.wait_for(V4, &ALL4[1..]);
    let quiet = || (0..2).all(|place| router.status(place).alarms.is_empty());
    assert!(until(PATIENCE, quiet), "{:?}", router.ecmp().status());
}
