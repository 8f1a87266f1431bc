//! What is read from entries without a mistake.

use std::net::IpAddr;
use std::time::Duration;

use vrrp::auth::{Auth, HmacAuth, HmacMode, Key, Password};
use vrrp::config::*;

use super::*;
use crate::bfd::BfdOptions;
use crate::config::node::HealthQuestion;

const KEY: &str = "hex:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// Every option, as the specification's example has them; DIR stands for a directory.
const EXAMPLE: &str = r#"
dns: { listen: ["0.0.0.0:53", "[::]:53"] }
vrrp:
  - name: dns-vip              # logs, metrics, notify, API path; default INTERFACE/ID
    id: 51                     # VRID, same on both hosts, unique on the LAN
    interface: eth0            # may appear later
    version: 3                 # 2: IPv4, whole seconds
    addresses: [192.168.1.100, "fd00:1::100"]   # /32, /128; two families = one group
    priority: 100              # 1-254 when healthy; 255 = owner, health off
    advertise: 1s              # 10ms-40.95s
    preempt: unhealthy         # unhealthy | always | never
    preempt_delay: 0s          # with `always`
    startup_delay: 0s          # least time in Initialize (STP, LACP)
    fault_hold: 5s
    peers:                     # leave out for multicast
      - name: gtm-b
        addresses: [192.168.1.3, 10.255.0.3, "fd00:1::3"]  # paths; the first decides ties
        hops: 1                # TTL must be >= 256 - hops
    source: auto               # or one address per path
    pair_mode: auto            # on with exactly one unicast peer
    checksum: pseudo           # pseudo | plain | mirror; both accepted
    address_mismatch: warn     # warn | drop
    auth:                      # keepalived >= 2.4; for v2: { password_file: FILE }
      mode: enforce            # receive-only | permissive | enforce
      keys: { 1: DIR/vrrp.1, 2: vrrp.2 }
      send: 2
      window: 5s               # 0 = sequence growth only
    health: { every: 200ms, timeout: 200ms, fall: 2, rise: 5, floor: 1 }
    track:
      - { interface: eth1, weight: -50 }       # without weight: fault
      - { address: 10.0.0.53, weight: -20 }    # this local address must exist
    witness: { addresses: [192.168.1.1], need: any, every: 1s, misses: 3, required: false }
    bfd: { interval: 100ms, multiplier: 3 }    # hint only
    resident: true             # address on lo, arp_ignore=1, arp_announce=2
    lease: auto                # VIP lifetime in the kernel; 0 = for ever
    vmac: false                # macvlan 00:00:5e:00:01:VRID
    arp: { burst: 5, again: [1s, 5s], refresh: 10s }
    notify: { command: [DIR/notify], timeout: 10s }   # TYPE NAME STATE PRIORITY
"#;

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// The least entry: id 51 on eth0 with 192.0.2.1.
fn least() -> Config {
    Config {
        name: "eth0/51".to_owned(),
        id: Vrid::new(51).expect("above 0"),
        interface: "eth0".to_owned(),
        version: Version::V3,
        addresses: vec![ip("192.0.2.1")],
        priority: Priority(100),
        advertise: seconds(1),
        preempt: Preempt::Unhealthy,
        preempt_delay: Duration::ZERO,
        startup_delay: Duration::ZERO,
        fault_hold: seconds(5),
        peers: Vec::new(),
        source: None,
        pair_mode: false,
        checksum: ChecksumMode::Pseudo,
        address_mismatch: AddressMismatch::Warn,
        auth: Auth::None,
        floor: Priority(1),
        track: Vec::new(),
        witness: None,
        resident: true,
        lease: Lease::Auto,
        vmac: false,
        arp: ArpSchedule {
            burst: 5,
            again: vec![seconds(1), seconds(5)],
            refresh: Some(seconds(10)),
        },
        notify: None,
    }
}

const QUESTION: HealthQuestion = HealthQuestion {
    every: Duration::from_millis(200),
    timeout: Duration::from_millis(200),
    fall: 2,
    rise: 5,
};

/// The only entry of a file without a mistake or a warning.
fn only(path: &Path, text: &str) -> crate::config::node::VrrpEntry {
    let (mut config, found) = load(path, text);
    assert!(found.is_empty(), "{found:?}");
    assert_eq!(config.vrrp.len(), 1);
    config.vrrp.remove(0)
}

fn only_of(entry: &str) -> crate::config::node::VrrpEntry {
    only(Path::new("f"), &format!("{LISTEN}{entry}"))
}

fn services(entry: &crate::config::node::VrrpEntry) -> Vec<String> {
    entry.services.iter().map(ToString::to_string).collect()
}

#[test]
fn three_keys_are_enough() {
    let entry = only_of(&entry(""));
    assert_eq!(entry.group, least());
    assert_eq!(entry.health, QUESTION);
    assert_eq!(entry.bfd, None);
    assert_eq!(services(&entry), ["192.0.2.1:53"]);
    assert_eq!(entry.place, "f:3:3");
}

#[test]
fn every_option_is_read() {
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path();
    file(root, "vrrp.1", &format!("{KEY}\n"), 0o600);
    file(root, "vrrp.2", "0123456789abcdef0123456789abcdef\n", 0o640);
    let notify = file(root, "notify", "#!/bin/sh\n", 0o755);
    let text = EXAMPLE.replace("DIR", root.to_str().expect("a path in UTF-8"));
    let entry = only(&root.join("rhumb.yaml"), &text);
    let keys = vec![
        Key { id: 1, secret: (0..32).collect() },
        Key { id: 2, secret: b"0123456789abcdef0123456789abcdef".to_vec() },
    ];
    let paths = ["192.168.1.3", "10.255.0.3", "fd00:1::3"];
    let track = |object, weight| Track { object, weight: Some(weight) };
    let expected = Config {
        name: "dns-vip".to_owned(),
        addresses: vec![ip("192.168.1.100"), ip("fd00:1::100")],
        peers: vec![Peer { name: "gtm-b".to_owned(), addresses: paths.map(ip).to_vec(), hops: 1 }],
        pair_mode: true,
        auth: Auth::Hmac(HmacAuth { mode: HmacMode::Enforce, keys, send: 2, window: seconds(5) }),
        track: vec![
            track(Tracked::Interface("eth1".to_owned()), -50),
            track(Tracked::Address(ip("10.0.0.53")), -20),
        ],
        witness: Some(Witness {
            addresses: vec![ip("192.168.1.1")],
            need: Need::Any,
            every: seconds(1),
            misses: 3,
            required: false,
        }),
        notify: Some(Notify {
            command: vec![notify.to_str().expect("a path in UTF-8").to_owned()],
            timeout: seconds(10),
        }),
        ..least()
    };
    assert_eq!(entry.group, expected);
    assert_eq!(entry.health, QUESTION);
    let bfd = BfdOptions { interval: Duration::from_millis(100), multiplier: 3, auth: None };
    assert_eq!(entry.bfd, Some(bfd));
    assert_eq!(services(&entry), ["192.168.1.100:53", "[fd00:1::100]:53"]);
}

#[test]
fn each_option_can_be_other_than_its_default() {
    let millis = Duration::from_millis;
    for (more, expected) in [
        ("name: a/b", Config { name: "a/b".to_owned(), ..least() }),
        ("version: 2", Config { version: Version::V2, ..least() }),
        (
            "version: 2, advertise: 255s",
            Config { version: Version::V2, advertise: seconds(255), ..least() },
        ),
        ("advertise: 10ms", Config { advertise: millis(10), ..least() }),
        ("advertise: 40950ms", Config { advertise: millis(40_950), ..least() }),
        ("priority: 254", Config { priority: Priority(254), ..least() }),
        ("preempt: never", Config { preempt: Preempt::Never, ..least() }),
        (
            "preempt: always, preempt_delay: 5s",
            Config { preempt: Preempt::Always, preempt_delay: seconds(5), ..least() },
        ),
        ("startup_delay: 30s", Config { startup_delay: seconds(30), ..least() }),
        ("fault_hold: 0", Config { fault_hold: Duration::ZERO, ..least() }),
        ("peers: []", least()),
        ("source: 192.0.2.2", Config { source: Some(vec![ip("192.0.2.2")]), ..least() }),
        ("pair_mode: false", least()),
        ("checksum: plain", Config { checksum: ChecksumMode::Plain, ..least() }),
        ("checksum: mirror", Config { checksum: ChecksumMode::Mirror, ..least() }),
        ("address_mismatch: drop", Config { address_mismatch: AddressMismatch::Drop, ..least() }),
        ("health: { floor: 99 }", Config { floor: Priority(99), ..least() }),
        (
            "track: { interface: eth1 }",
            Config {
                track: vec![Track { object: Tracked::Interface("eth1".to_owned()), weight: None }],
                ..least()
            },
        ),
        ("resident: false", Config { resident: false, ..least() }),
        ("vmac: true", Config { vmac: true, ..least() }),
        ("lease: 0", Config { lease: Lease::Forever, ..least() }),
        ("lease: 3s", Config { lease: Lease::For(seconds(3)), ..least() }),
        (
            "arp: { burst: 100, again: [], refresh: 0 }",
            Config { arp: ArpSchedule { burst: 100, again: vec![], refresh: None }, ..least() },
        ),
        (
            "notify: { command: [/bin/sh, -c, ''], timeout: 1s }",
            Config {
                notify: Some(Notify {
                    command: vec!["/bin/sh".to_owned(), "-c".to_owned(), String::new()],
                    timeout: seconds(1),
                }),
                ..least()
            },
        ),
    ] {
        assert_eq!(only_of(&entry(more)).group, expected, "{more}");
    }
}

#[test]
fn one_peer_makes_a_pair_unless_told_otherwise() {
    let peers = "peers: [{ addresses: 192.0.2.3 }, { name: c, addresses: 192.0.2.4, hops: 1 }]";
    for (more, pair_mode, names) in [
        ("peers: { addresses: 192.0.2.3 }", true, &["192.0.2.3"][..]),
        ("pair_mode: true, peers: { addresses: 192.0.2.3 }", true, &["192.0.2.3"]),
        ("pair_mode: false, peers: { addresses: 192.0.2.3 }", false, &["192.0.2.3"]),
        (peers, false, &["192.0.2.3", "c"]),
    ] {
        let group = only_of(&entry(more)).group;
        assert_eq!(group.pair_mode, pair_mode, "{more}");
        let found: Vec<_> = group.peers.iter().map(|peer| peer.name.as_str()).collect();
        assert_eq!(found, names, "{more}");
    }
}

#[test]
fn a_short_interval_shortens_the_timeout_and_a_long_one_widens_the_window() {
    let health = only_of(&entry("health: { every: 50ms }")).health;
    assert_eq!((health.every, health.timeout), (Duration::from_millis(50), health.every));
    let directory = tempfile::tempdir().expect("a directory");
    file(directory.path(), "k", KEY, 0o600);
    let path = directory.path().join("rhumb.yaml");
    for (advertise, window) in [("10ms", 5), ("1s", 5), ("2s", 6)] {
        let more = format!("advertise: {advertise}, auth: {{ keys: {{ 7: k }} }}");
        let group = only(&path, &format!("{LISTEN}{}", entry(&more))).group;
        let keys = vec![Key { id: 7, secret: (0..32).collect() }];
        let window = seconds(window);
        let expected = HmacAuth { mode: HmacMode::Enforce, keys, send: 7, window };
        assert_eq!(group.auth, Auth::Hmac(expected), "{advertise}");
    }
}

#[test]
fn version_2_has_a_password() {
    let directory = tempfile::tempdir().expect("a directory");
    file(directory.path(), "password", "secret\n", 0o600);
    let more = entry("version: 2, auth: { password_file: password }");
    let group = only(&directory.path().join("f"), &format!("{LISTEN}{more}")).group;
    assert_eq!(group.auth, Auth::Password(Password(*b"secret\0\0")));
}

#[test]
fn one_id_serves_two_families_in_two_entries() {
    let entries = "- { id: 51, interface: eth0, addresses: 192.0.2.1/32 }\n\
                   - { id: 51, interface: eth0, name: six, addresses: ['fe80::1/128', 'fd00::1'] }\n\
                   - { id: 51, interface: eth1, addresses: 192.0.2.2 }\n";
    let (config, found) = load(Path::new("f"), &format!("{LISTEN}{entries}"));
    assert!(found.is_empty(), "{found:?}");
    let names: Vec<_> = config.vrrp.iter().map(|entry| entry.group.name.as_str()).collect();
    assert_eq!(names, ["eth0/51", "six", "eth1/51"]);
    assert_eq!(config.vrrp[1].group.addresses, [ip("fe80::1"), ip("fd00::1")]);
}

#[test]
fn dns_is_answered_on_the_port_of_each_address_that_listens() {
    let entry = "vrrp: { id: 1, interface: e, addresses: [192.0.2.1, 'fd00::1'] }";
    for (listen, expected) in [
        ("0.0.0.0:53, '[::]:5353'", &["192.0.2.1:53", "[fd00::1]:5353"][..]),
        ("192.0.2.1:53, 0.0.0.0:53, '[fd00::1]:53'", &["192.0.2.1:53", "[fd00::1]:53"]),
        (
            "192.0.2.1:53, 0.0.0.0:5353, 192.0.2.2:54, '[::]:53'",
            &["192.0.2.1:53", "192.0.2.1:5353", "[fd00::1]:53"],
        ),
    ] {
        let text = format!("dns: {{ listen: [{listen}] }}\n{entry}");
        assert_eq!(services(&only(Path::new("f"), &text)), expected, "{listen}");
    }
}

/// The packaged file with its example of `vrrp:`.
fn packaged() -> String {
    let packaged = include_str!("../../../../../packaging/rhumb.yaml");
    let start = packaged.find("# vrrp:").expect("an example");
    let lines = packaged[start..].lines().map_while(|line| line.strip_prefix("# "));
    let example: String = lines.map(|line| format!("{line}\n")).collect();
    format!("{}{example}", &packaged[..start])
}

#[test]
fn the_commented_example_of_the_package_has_no_mistake() {
    let entry = only(Path::new("rhumb.yaml"), &packaged());
    assert_eq!(entry.group.name, "dns-vip");
    assert_eq!(services(&entry), ["192.168.1.100:53", "[fd00:1::100]:53"]);
}

#[test]
fn the_example_of_the_package_shows_the_defaults() {
    let example = only(Path::new("rhumb.yaml"), &packaged());
    let text = "dns: { listen: ['0.0.0.0:53', '[::]:53'] }\n\
                vrrp:\n  - id: 51\n    interface: eth0\n    name: dns-vip\n    \
                addresses: [192.168.1.100, 'fd00:1::100']\n    \
                peers: [{ name: gtm-b, addresses: [192.168.1.3, 'fd00:1::3'] }]\n    \
                witness: { addresses: [192.168.1.1] }\n";
    let usual = only(Path::new("rhumb.yaml"), text);
    assert_eq!(example.health, usual.health);
    assert_eq!(example.group, usual.group);
}

#[test]
fn the_example_of_the_package_has_every_key_and_no_mistake_in_what_is_commented_twice() {
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path();
    file(root, "vrrp.1", &"k".repeat(32), 0o600);
    file(root, "notify", "", 0o755);
    let bare = |line: &str| match line.strip_prefix("    # ") {
        Some(commented) => format!("    {commented}\n"),
        None => format!("{line}\n"),
    };
    let text: String = packaged().lines().map(bare).collect();
    // What would be in vain with another choice than `always` is warned of.
    let text = text.replace("preempt: unhealthy", "preempt: always");
    let text = text.replace("/etc/rhumb", &root.to_string_lossy());
    let entry = only(Path::new("rhumb.yaml"), &text);
    assert!(matches!(&entry.group.auth, Auth::Hmac(hmac) if hmac.window == seconds(5)));
    assert_eq!(entry.group.track.len(), 2);
    assert_eq!(entry.group.notify.expect("a command").timeout, seconds(10));
    for key in crate::config::node::vrrp::entry::KEYS {
        let is_there =
            |line: &str| line.trim_start_matches([' ', '-']).starts_with(&format!("{key}:"));
        assert!(text.lines().any(is_there), "{key}");
    }
}
