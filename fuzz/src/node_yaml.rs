//! A node's configuration: read, and every mistake put into words.

use std::path::Path;

use rhumb::config::node::{Machine, read::read_as_far};

use super::zone_yaml::words;

pub(crate) fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let machine = Machine { host: "node-1".to_owned(), state: "state".into() };
    let (_, diagnostics) = read_as_far(Path::new("rhumb.yaml"), text, &machine);
    words(&diagnostics);
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let packaged = include_str!("../../packaging/rhumb.yaml");
    vec![packaged.as_bytes().to_vec(), WHOLE.as_bytes().to_vec()]
}

/// A node with everything.
const WHOLE: &str = r#"node: a
dns: { listen: ["0.0.0.0:53", "[::]:53"], udp_threads: 1 }
zones: ["zones/*.yaml"]
admin: { listen: "127.0.0.1:8053" }
state: state
vrrp:
  - name: vip
    id: 51
    interface: eth0
    addresses: [192.0.2.100, "fd00:1::100"]
    priority: 100
    advertise: 100ms
    preempt: unhealthy
    peers: [{ name: b, addresses: [192.0.2.2, "fd00:1::2"], hops: 1 }]
    checksum: pseudo
    address_mismatch: warn
    health: { every: 200ms, timeout: 200ms, fall: 2, rise: 5, floor: 1 }
    track: [{ interface: eth1, weight: -50 }]
    witness: { addresses: [192.0.2.1], need: any, every: 1s, misses: 3 }
    bfd: { interval: 100ms, multiplier: 3 }
    lease: auto
    arp: { burst: 5, again: [1s, 5s], refresh: 10s }
    notify: { command: [/etc/rhumb/notify], timeout: 10s }
bgp:
  asn: 64512
  router_id: 192.0.2.1
  allow: [203.0.113.53/32, "2001:db8:53::53/128"]
  peers:
    - name: tor-1
      address: 192.0.2.254
      asn: 64500
      families: [ipv4, ipv6]
      next_hop: { ipv4: self, ipv6: "2001:db8:1::10" }
      hold: 9s
      connect_retry: 1s/30s
      ttl_security: 1
      bfd: { interval: 50ms, multiplier: 3, reconnect: 5s/60s }
  announce:
    - name: anycast
      prefixes: [203.0.113.53/32, "2001:db8:53::53/128"]
      when: dns
      health: { every: 200ms, timeout: 200ms, fall: 2, rise: 5, up_hold: 30s }
      communities: ["64512:100"]
      large_communities: ["64512:1:100"]
      med: 100
      deprefer: { when: [stale_config], med: 200, prepend: 2 }
      keep_last: true
      siblings: [198.51.100.2]
      damping: { half_life: 60s, suppress: 3000, reuse: 750, max: 5m }
  drain: { gshut: 10s, linger: 30s, on_stop: drain }
ecmp:
  - name: fleet
    prefix: 10.0.0.100/32
    pool: example.com/fleet
    via: { 192.0.2.10: 10.0.1.10 }
    type: resilient
    traffic: tcp
    buckets: 256
    metric: 50
    when_down: keep
"#;
