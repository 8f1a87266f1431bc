//! What is read from a section without a mistake.

use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use super::*;
use crate::announce::{Announcement, Damping, Deprefer, Drain, OnDown, OnStop, When};
use crate::bfd::auth::{Auth, AuthType, Key};
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
    let password = directory.path().join("bgp.tor-1");
    fs::write(&password, "secret\n").expect("written");
    fs::set_permissions(&password, fs::Permissions::from_mode(0o600)).expect("allowed");
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
    assert!(config.announcements[0].place.ends_with("rhumb.yaml:32:7"));
}

const QUESTION: HealthQuestion = HealthQuestion {
    every: Duration::from_millis(200),
    timeout: Duration::from_millis(200),
    fall: 2,
    rise: 5,
};
