//! Whatever stands in an entry, reading it ends: with a mistake, or with a group that holds.

use proptest::prelude::*;

use super::*;
use crate::config::diagnostic::{Severity, Style};
use crate::config::node::VrrpEntry;
use vrrp::config::{Family, Priority, Version};

/// Keys with values that are right somewhere, or nowhere.
fn pairs() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "version",
        "priority",
        "advertise",
        "preempt",
        "preempt_delay",
        "fault_hold",
        "peers",
        "source",
        "pair_mode",
        "checksum",
        "auth",
        "health",
        "track",
        "witness",
        "resident",
        "lease",
        "vmac",
        "arp",
        "notify",
        "name",
        "bfd",
    ]);
    let value = prop::sample::select(vec![
        "2",
        "3",
        "0",
        "255",
        "100",
        "10ms",
        "1s",
        "5s",
        "99999999999w",
        "always",
        "never",
        "auto",
        "true",
        "plain",
        "mirror",
        "",
        "''",
        "[]",
        "{}",
        "[[]]",
        "é",
        "-1",
        "lo",
        "a/b",
        "192.0.2.3",
        "'fe80::3'",
        "[192.0.2.3, 'fe80::3']",
        "{ addresses: 192.0.2.3 }",
        "[{ addresses: [192.0.2.3, 'fd00::3'] }, { addresses: [192.0.2.4, 'fd00::4'], hops: 2 }]",
        "{ addresses: ['fd00::3', 192.0.2.3], name: b }",
        "{ every: 1s, timeout: 50ms, floor: 99 }",
        "{ interface: eth1, weight: -9 }",
        "{ burst: 1, again: 1s, refresh: 0 }",
        "{ command: [/bin/true, \"\\0\"] }",
        "{ keys: { 1: /dev/null } }",
    ]);
    let pairs = prop::collection::btree_map(key, value, 0..6);
    pairs.prop_map(|pairs| {
        pairs.into_iter().map(|(key, value)| format!(", {key}: {value}")).collect()
    })
}

fn entries() -> impl Strategy<Value = String> {
    let addresses = prop::sample::select(vec![
        "192.0.2.1",
        "[192.0.2.1, 'fd00::1']",
        "['fd00::1', 'fe80::1']",
        "'fd00::1/64'",
        "[]",
        "::",
    ]);
    let one = (0..300_u16, addresses, pairs()).prop_map(|(id, addresses, more)| {
        format!("- {{ id: {id}, interface: eth0, addresses: {addresses}{more} }}\n")
    });
    prop::collection::vec(one, 1..3).prop_map(|entries| entries.concat())
}

/// What the parts of a group are to each other.
fn holds(entry: &VrrpEntry) {
    let group = &entry.group;
    assert!(group.floor < group.priority || group.priority == Priority::OWNER);
    assert!(group.version == Version::V3 || group.families() == [Family::V4]);
    assert!(group.lease().is_none_or(|lease| lease >= group.advertise * 3));
    assert!(!group.pair_mode || group.peers.len() == 1);
    assert!(
        group.addresses.iter().all(|address| entry.services.iter().any(|s| s.ip() == *address))
    );
    let families = |addresses: &[std::net::IpAddr]| -> Vec<Family> {
        addresses.iter().copied().map(Family::of).collect()
    };
    for peer in &group.peers {
        assert_eq!(families(&peer.addresses), families(&group.peers[0].addresses));
        assert!(group.families().iter().all(|f| families(&peer.addresses).contains(f)));
        let source = group.source.as_deref().unwrap_or(&peer.addresses);
        assert_eq!(families(source), families(&peer.addresses));
    }
}

proptest! {
    #[test]
    fn random_entries_hold_or_say_why(entries in entries()) {
        let (config, found) = load(Path::new("f"), &format!("{LISTEN}{entries}"));
        let wrong = found.iter().any(|one| one.severity == Severity::Error);
        let count = entries.lines().count();
        prop_assert!(wrong || config.vrrp.len() == count);
        config.vrrp.iter().for_each(holds);
        for one in &found {
            prop_assert!(one.render(Style::Plain).contains(one.severity.word()));
        }
    }
}
