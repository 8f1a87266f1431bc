//! What is read from a section without a mistake.

use std::net::IpAddr;
use std::time::Duration;

use super::*;
use crate::announce::{Announcement, Damping, Deprefer, Drain, OnDown, OnStop, When};
use crate::bgp::config::{BfdOptions, Distance, Password, PeerConfig, Selection, SpeakerConfig};
use crate::bgp::routes::{Attributes, Community, Families, LargeCommunity, NextHop, Origin};
use crate::bgp::session;
use crate::config::node::{BgpConfig, HealthQuestion};
use crate::geo::Asn;

/// Every option, as the specification's example has them; the files lie beside it.
const EXAMPLE: &str = r#"
dns: { listen: ["0.0.0.0:53", "[::]:53"] }
bgp:
  asn: 64512
  router_id: 192.0.2.1         # unique per node; never a VIP or anycast address
  listen: ["0.0.0.0:179", "[::]:179"]   # [] beside another routing daemon
  allow: [203.0.113.53/32, "2001:db8:53::53/128"]   # exact; nothing else ever leaves
  allow_short: false           # shorter than /24, /48
  peers:
    - name: tor-1
      address: 192.168.1.1     # or "fe80::1%eth0"
      asn: 64500               # same as ours: iBGP
      port: 179
      source: auto
      passive: false
      families: [ipv4, ipv6]   # default: the session's own
      next_hop: { ipv4: self, ipv6: "2001:db8:1::10" }
      extended_next_hop: false # RFC 8950
      hold: 9s                 # keepalive is a third; 3s least
      connect_retry: 1s/30s
      password_file: bgp.tor-1    # TCP MD5, mode 0600
      ttl_security: 1          # hops; excludes multihop
      # multihop: 2
      graceful_restart: false  # true keeps a dead node's routes
      bfd: { interval: 50ms, multiplier: 3, reconnect: 5s/60s }
      announce: all            # or names below
  announce:
    - name: anycast-dns
      prefixes: [203.0.113.53/32, "2001:db8:53::53/128"]
      addresses: [203.0.113.53, "2001:db8:53::53"]   # on lo from start to exit
      when: dns                # dns | always | { pool: ZONE/POOL }
      # on_down: deprefer      # with a pool: deprefer | withdraw
      health: { every: 200ms, timeout: 200ms, fall: 2, rise: 5, up_hold: 30s }
      communities: ["64512:100"]
      large_communities: ["64512:1:100"]
      no_export: false
      med: 100
      prepend: 0
      local_pref: 100          # iBGP only
      deprefer: { when: [stale_config], med: 200, prepend: 2, communities: ["64512:200"] }   # absolute values
      keep_last: true
      siblings: [198.51.100.2, 198.51.100.3]   # other nodes' unicast DNS addresses
      damping: { half_life: 60s, suppress: 3000, reuse: 750, max: 5m }
  drain: { gshut: 10s, linger: 30s, on_stop: drain }   # drain | withdraw
"#;

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// The section of a file without a mistake or a warning.
fn only(path: &Path, text: &str) -> BgpConfig {
    let (config, found) = load(path, text);
    assert!(found.is_empty(), "{found:?}");
    config.bgp.expect("a section")
}

#[test]
fn every_option_is_read() {
    let directory = tempfile::tempdir().expect("a directory");
    file(directory.path(), "bgp.tor-1", "secret\n", 0o600);
    let config = only(&directory.path().join("rhumb.yaml"), EXAMPLE);
    let session = session::Config {
        families: Families::BOTH,
        ..session::Config::new(Asn(64512), "192.0.2.1".parse().expect("an id"), Asn(64500))
    };
    let prefixes = ["203.0.113.53/32", "2001:db8:53::53/128"].map(|p| p.parse().expect("one"));
    let peer = PeerConfig {
        name: "tor-1".into(),
        address: ip("192.168.1.1"),
        interface: None,
        port: 179,
        source: None,
        session,
        password: Some(Password(b"secret".to_vec())),
        distance: Distance::Security { hops: 1 },
        next_hop_ipv4: NextHop::Own,
        next_hop_ipv6: NextHop::Given(ip("2001:db8:1::10")),
        bfd: Some(BfdOptions { interval: Duration::from_millis(50), multiplier: 3, auth: None }),
        announce: Selection::All,
    };
    let attributes = Attributes {
        origin: Origin::Igp,
        prepend: 0,
        med: Some(100),
        local_pref: Some(100),
        communities: [Community(64512 << 16 | 100)].into(),
        large_communities: [LargeCommunity { administrator: 64512, data1: 1, data2: 100 }].into(),
    };
    let weaker = Attributes {
        prepend: 2,
        med: Some(200),
        communities: [Community(64512 << 16 | 200)].into(),
        ..attributes.clone()
    };
    let announcement = Announcement {
        name: "anycast-dns".into(),
        prefixes: prefixes.to_vec(),
        addresses: vec![ip("203.0.113.53"), ip("2001:db8:53::53")],
        questions: ["203.0.113.53:53", "[2001:db8:53::53]:53"]
            .map(|at| at.parse().expect("one"))
            .to_vec(),
        health: QUESTION,
        when: When::Dns,
        up_hold: seconds(30),
        attributes,
        deprefer: Deprefer { stale_config: true, attributes: weaker },
        keep_last: true,
        siblings: ["198.51.100.2:53", "198.51.100.3:53"].map(|at| at.parse().expect("one")).into(),
        damping: Damping { half_life: seconds(60), suppress: 3000, reuse: 750, max: seconds(300) },
        place: config.announcements[0].place.clone(),
    };
    let expected = BgpConfig {
        speaker: SpeakerConfig {
            asn: Asn(64512),
            router_id: "192.0.2.1".parse().expect("an id"),
            listen: ["0.0.0.0:179", "[::]:179"].map(|at| at.parse().expect("one")).to_vec(),
            allow: prefixes.into(),
            services: [ip("203.0.113.53"), ip("2001:db8:53::53")].into(),
            peers: vec![peer],
        },
        announcements: vec![announcement],
        drain: Drain { gshut: seconds(10), linger: seconds(30), on_stop: OnStop::Drain },
    };
    assert_eq!(config, expected);
    assert!(config.announcements[0].place.ends_with("rhumb.yaml:28:7"));
}

const QUESTION: HealthQuestion = HealthQuestion {
    every: Duration::from_millis(200),
    timeout: Duration::from_millis(200),
    fall: 2,
    rise: 5,
};

/// The least section with one peer and one announcement.
fn least(peer: &str, announcement: &str) -> String {
    format!(
        "dns: {{ listen: [\"0.0.0.0:53\", \"[::]:53\"] }}
bgp:
  asn: 64512
  router_id: 192.0.2.1
  allow: [203.0.113.53/32, 203.0.113.0/24, \"2001:db8:53::/48\"]
  peers: {{ address: 192.168.1.1, asn: 64500{peer} }}
  announce: {{ name: a, prefixes: 203.0.113.53/32{announcement} }}
"
    )
}

fn only_peer(more: &str) -> PeerConfig {
    only(Path::new("f"), &least(more, "")).speaker.peers.remove(0)
}

fn only_announcement(more: &str) -> Announcement {
    only(Path::new("f"), &least("", more)).announcements.remove(0)
}

fn least_peer() -> PeerConfig {
    PeerConfig {
        name: "192.168.1.1".into(),
        address: ip("192.168.1.1"),
        interface: None,
        port: 179,
        source: None,
        session: session::Config {
            families: Families::IPV4,
            ..session::Config::new(Asn(64512), [192, 0, 2, 1].into(), Asn(64500))
        },
        password: None,
        distance: Distance::Unchecked,
        next_hop_ipv4: NextHop::Own,
        next_hop_ipv6: NextHop::Own,
        bfd: None,
        announce: Selection::All,
    }
}

/// What the built-in steps make of attributes that are not written.
fn weaker() -> Attributes {
    Attributes { prepend: 2, med: Some(100), local_pref: Some(50), ..Attributes::default() }
}

fn least_announcement() -> Announcement {
    Announcement {
        name: "a".into(),
        prefixes: vec!["203.0.113.53/32".parse().expect("a prefix")],
        addresses: vec![ip("203.0.113.53")],
        questions: vec!["203.0.113.53:53".parse().expect("an address")],
        health: QUESTION,
        when: When::Dns,
        up_hold: seconds(30),
        attributes: Attributes::default(),
        deprefer: Deprefer { stale_config: true, attributes: weaker() },
        keep_last: false,
        siblings: Vec::new(),
        damping: Damping { half_life: seconds(60), suppress: 3000, reuse: 750, max: seconds(300) },
        place: "f:7:13".to_owned(),
    }
}

#[test]
fn what_is_left_out_has_a_default() {
    let config = only(Path::new("f"), &least("", ""));
    let listen: Vec<_> = config.speaker.listen.iter().map(ToString::to_string).collect();
    assert_eq!(listen, ["0.0.0.0:179", "[::]:179"]);
    assert_eq!(config.speaker.peers, [least_peer()]);
    assert_eq!(config.announcements, [least_announcement()]);
    let drain = Drain { gshut: seconds(10), linger: seconds(30), on_stop: OnStop::Drain };
    assert_eq!(config.drain, drain);
}

#[test]
fn each_option_of_a_peer_can_be_other_than_its_default() {
    let base = least_peer;
    let session = || base().session;
    let millis = Duration::from_millis;
    for (more, expected) in [
        ("name: tor/1", PeerConfig { name: "tor/1".into(), ..base() }),
        ("port: 1179", PeerConfig { port: 1179, ..base() }),
        ("source: 192.168.1.2", PeerConfig { source: Some(ip("192.168.1.2")), ..base() }),
        (
            "passive: true",
            PeerConfig { session: session::Config { passive: true, ..session() }, ..base() },
        ),
        (
            "families: [ipv6, ipv4]",
            PeerConfig {
                session: session::Config { families: Families::BOTH, ..session() },
                ..base()
            },
        ),
        (
            "next_hop: { ipv4: 192.168.1.2, ipv6: self }",
            PeerConfig { next_hop_ipv4: NextHop::Given(ip("192.168.1.2")), ..base() },
        ),
        (
            "next_hop: { ipv4: \"fd00::2\" }, extended_next_hop: true",
            PeerConfig {
                next_hop_ipv4: NextHop::Given(ip("fd00::2")),
                session: session::Config { extended_next_hop: true, ..session() },
                ..base()
            },
        ),
        (
            "hold: 65535s",
            PeerConfig {
                session: session::Config { hold: seconds(65_535), ..session() },
                ..base()
            },
        ),
        (
            "connect_retry: 100ms/1h",
            PeerConfig {
                session: session::Config {
                    connect_retry: millis(100)..=seconds(3600),
                    ..session()
                },
                ..base()
            },
        ),
        (
            "connect_retry: 5s",
            PeerConfig {
                session: session::Config { connect_retry: seconds(5)..=seconds(5), ..session() },
                ..base()
            },
        ),
        ("multihop: 255", PeerConfig { distance: Distance::Multihop { ttl: 255 }, ..base() }),
        ("ttl_security: 254", PeerConfig { distance: Distance::Security { hops: 254 }, ..base() }),
        (
            "bfd: {}",
            PeerConfig {
                bfd: Some(BfdOptions { interval: millis(100), multiplier: 3, auth: None }),
                ..base()
            },
        ),
        (
            "bfd: { interval: 10s, multiplier: 255, reconnect: 1s/2s }",
            PeerConfig {
                bfd: Some(BfdOptions { interval: seconds(10), multiplier: 255, auth: None }),
                session: session::Config { bfd_reconnect: seconds(1)..=seconds(2), ..session() },
                ..base()
            },
        ),
        ("announce: a", PeerConfig { announce: Selection::Only(["a".into()].into()), ..base() }),
    ] {
        assert_eq!(only_peer(&format!(", {more}")), expected, "{more}");
    }
}

#[test]
fn each_option_of_an_announcement_can_be_other_than_its_default() {
    let base = least_announcement;
    let attributes = |attributes: Attributes, deprefer: Attributes| Announcement {
        attributes,
        deprefer: Deprefer { stale_config: true, attributes: deprefer },
        ..base()
    };
    let community = |number| -> std::collections::BTreeSet<_> { [Community(number)].into() };
    let pool = |on_down| When::Pool { pool: "e.example/p".into(), on_down };
    for (more, expected) in [
        ("when: always", Announcement { when: When::Always, ..base() }),
        ("when: { pool: e.example/p }", Announcement { when: pool(OnDown::Deprefer), ..base() }),
        (
            "when: { pool: e.example/p }, on_down: deprefer",
            Announcement { when: pool(OnDown::Deprefer), ..base() },
        ),
        (
            "health: { every: 50ms, up_hold: 0 }",
            Announcement {
                health: HealthQuestion {
                    every: Duration::from_millis(50),
                    timeout: Duration::from_millis(50),
                    ..QUESTION
                },
                up_hold: Duration::ZERO,
                ..base()
            },
        ),
        (
            "no_export: true",
            attributes(
                Attributes { communities: [Community::NO_EXPORT].into(), ..Attributes::default() },
                Attributes { communities: [Community::NO_EXPORT].into(), ..weaker() },
            ),
        ),
        (
            "communities: no-advertise",
            attributes(
                Attributes { communities: community(0xffff_ff02), ..Attributes::default() },
                Attributes { communities: community(0xffff_ff02), ..weaker() },
            ),
        ),
        (
            "no_export: true, deprefer: { communities: 64512:666 }",
            attributes(
                Attributes { communities: [Community::NO_EXPORT].into(), ..Attributes::default() },
                Attributes {
                    communities: [Community::NO_EXPORT, Community(64512 << 16 | 666)].into(),
                    ..Attributes::default()
                },
            ),
        ),
        (
            "med: 4294967295, prepend: 32, local_pref: 0",
            attributes(
                Attributes {
                    med: Some(u32::MAX),
                    prepend: 32,
                    local_pref: Some(0),
                    ..Attributes::default()
                },
                Attributes {
                    med: Some(u32::MAX),
                    prepend: 34,
                    local_pref: Some(0),
                    ..Attributes::default()
                },
            ),
        ),
        (
            "med: 7, deprefer: { prepend: 1 }",
            attributes(
                Attributes { med: Some(7), ..Attributes::default() },
                Attributes { med: Some(7), prepend: 1, ..Attributes::default() },
            ),
        ),
        (
            "deprefer: { when: [] }",
            Announcement {
                deprefer: Deprefer { stale_config: false, attributes: weaker() },
                ..base()
            },
        ),
        (
            "siblings: [198.51.100.2, \"[fd00::3]:5353\"]",
            Announcement {
                keep_last: true,
                siblings: ["198.51.100.2:53", "[fd00::3]:5353"]
                    .map(|at| at.parse().expect("an address"))
                    .into(),
                ..base()
            },
        ),
        (
            "keep_last: false, siblings: 127.0.0.2",
            Announcement { siblings: vec!["127.0.0.2:53".parse().expect("an address")], ..base() },
        ),
        (
            "damping: { half_life: 1s, suppress: 1000, reuse: 1, max: 0 }",
            Announcement {
                damping: Damping {
                    half_life: seconds(1),
                    suppress: 1000,
                    reuse: 1,
                    max: Duration::ZERO,
                },
                ..base()
            },
        ),
    ] {
        assert_eq!(only_announcement(&format!(", {more}")), expected, "{more}");
    }
}

#[test]
fn a_peer_may_be_link_local_or_on_this_host() {
    let text = least("", "").replace("192.168.1.1", "\"fe80::1%eth0\"");
    let text = text.replace("203.0.113.53/32 }", "\"2001:db8:53::/48\", when: always }");
    let peer = only(Path::new("f"), &text).speaker.peers.remove(0);
    assert_eq!((&*peer.name, peer.address), ("fe80::1%eth0", ip("fe80::1")));
    assert_eq!(peer.interface.as_deref(), Some("eth0"));
    assert_eq!(peer.session.families, Families { ipv4: false, ipv6: true });
    let more = ", source: 127.0.0.2, multihop: 2, next_hop: { ipv4: 192.0.2.1 } ";
    let text = least(more, "").replace("192.168.1.1", "127.0.0.1");
    let text = text.replace("  allow:", "  listen: []\n  allow:");
    let config = only(Path::new("f"), &text);
    assert_eq!(config.speaker.listen, []);
    assert_eq!(config.speaker.peers[0].source, Some(ip("127.0.0.2")));
    assert_eq!(config.speaker.peers[0].next_hop_ipv4, NextHop::Given(ip("192.0.2.1")));
}

#[test]
fn a_prefix_may_be_wider_than_what_answers_in_it() {
    let text = least("", ", addresses: 203.0.113.9").replace("53/32,", "0/24,");
    let text = text.replace("[203.0.113.0/24, 203.0.113.0/24", "[203.0.113.0/24");
    let one = only(Path::new("f"), &text).announcements.remove(0);
    assert_eq!(one.prefixes, ["203.0.113.0/24".parse().expect("a prefix")]);
    assert_eq!(one.addresses, [ip("203.0.113.9")]);
    assert_eq!(one.questions, ["203.0.113.9:53".parse().expect("an address")]);
}

#[test]
fn shared_addresses_are_no_source_of_a_session() {
    let text = least("", "") + "vrrp: { id: 51, interface: eth0, addresses: 192.0.2.100 }\n";
    let speaker = only(Path::new("f"), &text).speaker;
    assert_eq!(speaker.services, [ip("192.0.2.100"), ip("203.0.113.53")].into());
}

#[test]
fn a_pool_that_is_spoken_of_is_remembered_with_its_place() {
    let text = least("", ", when: { pool: e.example/p }");
    let (config, found) = load(Path::new("f"), &text);
    assert!(found.is_empty(), "{found:?}");
    let [reference] = &config.pools[..] else { panic!("{:?}", config.pools) };
    assert_eq!(&*reference.pool, "e.example/p");
    let (line, column) = reference.place.source.position(reference.place.span.start);
    assert_eq!((line, column), (7, 65));
}
