//! Flows as the kernel sends them: over the live group, and over a copy without a member.

use std::collections::BTreeSet;
use std::net::IpAddr;

use rhumb::ecmp::flows::{self, Draw, Live, Origin, Removal, Ways, by_gateway};
use rhumb::ecmp::kernel::RouteKey;
use rhumb::ecmp::netlink::{Flow, Netlink, Transport, Way};
use rhumb::ecmp::{EcmpConfig, Spreading};
use rhumb::policy::Family;

use crate::lab::{Host, Lab};
use crate::router::{Fleet, How, Router, V4, V6, entry};

const FLOWS: usize = 10_000;

/// Eight members of each family; the last number of each is 11 to 18.
fn eight() -> (Vec<String>, Vec<String>) {
    let numbers = 11..=18;
    (
        numbers.clone().map(|n| format!("10.0.0.{n}")).collect(),
        numbers.map(|n| format!("fd00:1::{n}")).collect(),
    )
}

fn fleet() -> Fleet {
    let (v4, v6) = eight();
    Fleet::of(v4.iter().chain(&v6).map(String::as_str))
}

fn some(prefix: &str) -> Vec<Flow> {
    let to: ipnet::IpNet = prefix.parse().expect("a prefix");
    flows::draw(&Draw {
        to,
        from: flows::default_sources(Family::of(to.addr())),
        transport: Transport::Tcp,
        port: 443,
        count: FLOWS,
        seed: 1,
        origin: Origin::Forwarded,
    })
}

fn forward(host: &Host) {
    host.sysctl("net/ipv4/ip_forward", "1");
    host.sysctl("net/ipv6/conf/all/forwarding", "1");
}

fn ask(host: &Host, flows: &[Flow]) -> Ways {
    host.inside(|| {
        let mut netlink = Netlink::open().expect("a socket");
        flows::ask(&mut netlink, flows).expect("answers")
    })
}

fn without(host: &Host, entry: &EcmpConfig, gone: &str, flows: &[Flow]) -> Removal {
    let gone: BTreeSet<IpAddr> = [gone.parse().expect("an address")].into();
    host.inside(|| {
        let tables = Netlink::open().and_then(|mut netlink| netlink.tables()).expect("tables");
        let live = Live::of(RouteKey::of(entry), &tables).expect("a group");
        live.without(&gone, flows).expect("a copy")
    })
}

/// Flows that go another way, of those that took the gateway and of all others.
fn moved(before: &Ways, after: &Ways, gone: &str) -> (usize, usize) {
    let gone: IpAddr = gone.parse().expect("an address");
    let (mut of_removed, mut of_others) = (0, 0);
    for (before, after) in before.iter().zip(after).filter(|(before, after)| before != after) {
        match before {
            Some(Way::Through { gateway, .. }) if *gateway == gone => of_removed += 1,
            _ => panic_unless_through(before, after, &mut of_others),
        }
    }
    (of_removed, of_others)
}

fn panic_unless_through(before: &Option<Way>, after: &Option<Way>, count: &mut usize) {
    for way in [before, after] {
        assert!(matches!(way, Some(Way::Through { .. })), "{before:?} → {after:?}");
    }
    *count += 1;
}

fn all(members: &[String]) -> Vec<(&str, u64)> {
    members.iter().map(|member| (member.as_str(), 1)).collect()
}

#[test]
fn one_of_eight_that_goes_moves_an_eighth_of_the_flows_of_a_resilient_group() {
    let Some(lab) = Lab::new(&["n1"]) else { return };
    let host = lab.host("n1");
    forward(host);
    let router = Router::start(host, &[entry(V4), entry(V6)], &fleet());
    let (v4, v6) = eight();
    for (prefix, members) in [(V4, &v4), (V6, &v6)] {
        router.wait_for(prefix, &all(members));
        let flows = some(prefix);
        let before = ask(host, &flows);
        let shares = by_gateway(&before);
        assert_eq!(shares.values().sum::<usize>(), FLOWS, "{shares:?}");
        assert_eq!(shares.len(), 8);
        let gone = &members[2];

        // A copy says so beforehand …
        let tried = without(host, &entry(prefix), gone, &flows);
        assert_eq!(tried.of_others, 0, "{prefix}");
        assert!(tried.moved() * 1000 <= FLOWS * 135, "{prefix}: {} moved", tried.moved());
        assert!(tried.moved() * 1000 >= FLOWS * 110, "{prefix}: {} moved", tried.moved());
        router.wait_for(prefix, &all(members));
        assert_eq!(ask(host, &flows), before, "the live group was only read");

        // … and so it is.
        router.react(&fleet().with(gone, How::Down));
        let rest: Vec<_> = members.iter().filter(|member| *member != gone).cloned().collect();
        router.wait_for(prefix, &all(&rest));
        let after = ask(host, &flows);
        let (of_removed, of_others) = moved(&before, &after, gone);
        assert_eq!(of_others, 0, "{prefix}");
        assert_eq!(of_removed, shares[&gone.parse::<IpAddr>().expect("one")]);
        assert!(of_removed * 1000 <= FLOWS * 135, "{prefix}: {of_removed} moved");
        println!("{prefix}: {of_removed} of {FLOWS} flows moved; the copy said {}", tried.moved());
        router.react(&fleet());
        router.wait_for(prefix, &all(members));
    }
}

#[test]
fn the_copy_of_a_multipath_group_does_what_the_live_one_does() {
    let Some(lab) = Lab::new(&["n1"]) else { return };
    let host = lab.host("n1");
    forward(host);
    let multipath = |prefix, seed| EcmpConfig {
        spreading: Spreading::Multipath,
        hash_seed: seed,
        ..entry(prefix)
    };
    let (v4, v6) = eight();
    for seed in [None, Some(4711)] {
        let entries = [multipath(V4, seed), multipath(V6, seed)];
        let router = Router::start(host, &entries, &fleet());
        for ((prefix, members), entry) in [(V4, &v4), (V6, &v6)].into_iter().zip(&entries) {
            router.wait_for(prefix, &all(members));
            let flows = some(prefix);
            let before = ask(host, &flows);
            let tried = without(host, entry, &members[2], &flows);
            let through = |ways: &Ways| by_gateways(ways);
            assert_eq!(through(&tried.before), through(&before), "{prefix}, seed {seed:?}");
            router.react(&fleet().with(&members[2], How::Down));
            let rest: Vec<_> = members.iter().filter(|m| **m != members[2]).cloned().collect();
            router.wait_for(prefix, &all(&rest));
            let after = ask(host, &flows);
            assert_eq!(through(&tried.after), through(&after), "{prefix}, seed {seed:?}");
            assert!(tried.of_others > 0, "by hash threshold others' flows move too");
            router.react(&fleet());
            router.wait_for(prefix, &all(members));
        }
        router.ecmp().stop();
    }
}

/// The gateway of each, whatever the interface.
fn by_gateways(ways: &Ways) -> Vec<Option<IpAddr>> {
    let gateway = |way: &Option<Way>| match way {
        Some(Way::Through { gateway, .. }) => Some(*gateway),
        Some(Way::Direct { .. } | Way::Local | Way::Refused) | None => None,
    };
    ways.iter().map(gateway).collect()
}

#[test]
fn weights_are_shares_of_the_flows() {
    let Some(lab) = Lab::new(&["n1"]) else { return };
    let host = lab.host("n1");
    forward(host);
    let fleet = Fleet::of(["10.0.0.11", "10.0.0.12"]).weighing("10.0.0.12", 3);
    let router = Router::start(host, &[entry(V4)], &fleet);
    router.wait_for(V4, &[("10.0.0.11", 1), ("10.0.0.12", 3)]);
    let shares = by_gateway(&ask(host, &some(V4)));
    let share = shares[&IpAddr::from([10, 0, 0, 12])];
    assert!((7300..=7700).contains(&share), "{shares:?}");
}

/// `rhumb ecmp flows` in a host, with this configuration.
fn rhumb(host: &Host, config: &str, words: &str) -> std::process::Output {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("rhumb.yaml");
    std::fs::write(&file, config).expect("written");
    let mut command = host.command(env!("CARGO_BIN_EXE_rhumb"));
    command.args(["ecmp", "flows", "-c"]).arg(&file).args(words.split_whitespace());
    command.output().expect("it runs")
}

const CONFIG: &str = "ecmp:
  - name: lb-fleet
    prefix: 10.9.9.9/32
    pool: example.com/fleet
    traffic: dns
    via: { 192.0.2.200: 10.0.0.12 }
";

#[test]
fn the_command_counts_flows_by_member_and_what_a_removal_moves() {
    let Some(lab) = Lab::new(&["n1"]) else { return };
    let host = lab.host("n1");
    forward(host);
    let via = [("192.0.2.200".parse().expect("one"), "10.0.0.12".parse().expect("one"))].into();
    let fleet = Fleet::of(["10.0.0.11", "192.0.2.200", "10.0.0.13", "10.0.0.14"]);
    let router = Router::start(host, &[EcmpConfig { via, ..entry(V4) }], &fleet);
    let gateways = ["10.0.0.11", "10.0.0.12", "10.0.0.13", "10.0.0.14"];
    router.wait_for(V4, &gateways.map(|gateway| (gateway, 1)));

    let shown = rhumb(host, CONFIG, "lb-fleet --flows 2000 --without 192.0.2.200");
    let text = String::from_utf8_lossy(&shown.stdout);
    assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
    for part in [
        "lb-fleet: 10.9.9.9/32 metric 50 in table 254 → group ",
        "2000 flows of seed 1\n",
        "  192.0.2.200 via 10.0.0.12  ",
        "without 192.0.2.200, on a copy of the group: ",
        " of the removed and 0 of others\n",
    ] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
    assert!(!text.contains("note:"), "{text}");

    let json = rhumb(host, CONFIG, "--flows 2000 --without 10.0.0.12 --json --list --seed 7");
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON");
    let number = |value: &serde_json::Value| value.as_u64().expect("a number");
    let shares = json["shares"].as_array().expect("a list");
    assert_eq!(shares.iter().map(|share| number(&share["flows"])).sum::<u64>(), 2000);
    assert_eq!(json["list"].as_array().map(Vec::len), Some(2000));
    let of_removed = number(&json["without"]["of_removed"]);
    assert_eq!(number(&json["without"]["moved"]), of_removed);
    assert!((400..=600).contains(&of_removed), "{json:?}");
    assert_eq!(json["without"]["shares"].as_array().map(Vec::len), Some(3));

    for (words, complaint) in [
        ("other", "there is no entry other"),
        ("--without 10.0.0.99", "lb-fleet without 10.0.0.99: it is not in the group"),
        ("--from 2001:db8::/32", "--from 2001:db8::/32 is not of the family of 10.9.9.9/32"),
    ] {
        let refused = rhumb(host, CONFIG, words);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(1), "{words}");
        assert!(said.contains(complaint), "{words}: {said}");
    }

    // What makes the answers less than they seem is said.
    host.sysctl("net/ipv4/ip_forward", "0");
    host.sysctl("net/ipv4/fib_multipath_hash_policy", "0");
    let shown = rhumb(host, CONFIG, "--flows 100");
    let text = String::from_utf8_lossy(&shown.stdout);
    assert!(text.contains("note: ports do not count"), "{text}");
    assert!(text.contains("note: this host does not forward"), "{text}");
    router.ecmp().stop();
    let refused = rhumb(host, CONFIG, "");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("no route 10.9.9.9/32 metric 50 in table 254 of ours"), "{said}");
}
