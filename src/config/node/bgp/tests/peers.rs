//! Mistakes in peers: a text, and the first line of each message.

use super::{check, said, with};

const ANNOUNCE: &str = "  announce: { name: a, prefixes: 203.0.113.53/32 }\n";

/// Of keys added to a peer that is right; it stands on line 6.
fn of_peer(more: &str) -> Vec<String> {
    let peer = format!("  peers: {{ address: 192.168.1.1, asn: 64500, {more} }}\n");
    said(&with(&(peer + ANNOUNCE)))
}

fn of_peers(peers: &str) -> Vec<String> {
    said(&with(&format!("  peers: [{peers}]\n{ANNOUNCE}")))
}

#[test]
fn a_peer_is_read_key_by_key() {
    check(
        of_peer,
        &[
            ("foo: 1", &["6:46: error: a BGP peer has no key `foo`"]),
            (r#"name: "a b""#, &["6:52: error: `a b` is no name for paths and metrics"]),
            ("port: 0", &["6:52: error: expected a port (1 to 65535), found `0`"]),
            ("port: 65536", &["6:52: error: expected a port (1 to 65535), found `65536`"]),
            ("asn: 64500", &["6:46: error: `asn` stands twice"]),
            (
                "source: eth0",
                &["6:54: error: expected `auto` or an address of this node, found `eth0`"],
            ),
            (
                r#"source: "fd00::1""#,
                &["6:54: error: source fd00::1 is IPv6, and the peer is IPv4"],
            ),
            ("source: 192.168.1.1", &["6:54: error: source 192.168.1.1 is the peer's own address"]),
            (
                "source: 224.0.0.1",
                &[
                    "6:54: error: source 224.0.0.1 is a multicast address (must be a host's on the network)",
                ],
            ),
            ("source: 127.0.0.2", &[]),
            ("passive: yes", &["6:55: error: expected true or false, found `yes`"]),
        ],
    );
}

#[test]
fn what_a_peer_is_told_of_is_checked() {
    check(
        of_peer,
        &[
            ("families: []", &["6:56: error: `families` is empty: nothing could be announced"]),
            (
                "families: [ipv5]",
                &["6:57: error: expected a family (`ipv4`, `ipv6`), found `ipv5`"],
            ),
            ("families: ipv4", &[]),
            ("families: [ipv4, ipv4]", &["6:63: error: ipv4 stands twice"]),
            ("families: ipv6", &["7:21: warning: no peer is told of announcement a"]),
            (
                "next_hop: self",
                &["6:56: error: `next_hop` is a mapping (`key: value`), found `self`"],
            ),
            (
                "next_hop: { ipv4: me, ipv6: 192.0.2.9 }",
                &[
                    "6:64: error: expected `self` or an address, found `me`",
                    "6:74: error: next hop 192.0.2.9 of IPv6 prefixes is IPv4",
                ],
            ),
            (
                r#"next_hop: { ipv4: "fd00::1" }"#,
                &["6:64: error: next hop fd00::1 of IPv4 prefixes is IPv6"],
            ),
            (r#"next_hop: { ipv4: "fd00::1" }, extended_next_hop: true"#, &[]),
            (r#"next_hop: { ipv6: "fe80::1" }"#, &["6:64: error: next hop fe80::1 is link-local"]),
            (
                "next_hop: { ipv4: 0.0.0.0 }",
                &[
                    "6:64: error: next hop 0.0.0.0 is the unspecified address (must be a host's on the network)",
                ],
            ),
        ],
    );
}

#[test]
fn waits_and_distances_have_limits() {
    check(
        of_peer,
        &[
            ("hold: 2s", &["6:52: error: hold 2s is out of range (3s to 65535s)"]),
            ("hold: 0", &["6:52: error: hold 0s is out of range (3s to 65535s)"]),
            ("hold: 3500ms", &["6:52: error: hold 3.5s is no multiple of 1s (BGP counts seconds)"]),
            ("hold: 65536s", &["6:52: error: hold 65536s is out of range (3s to 65535s)"]),
            (
                "hold: 9",
                &[
                    "6:52: error: expected a duration such as 5s or 200ms (units: ms, s, m, h, d, w), found `9`",
                ],
            ),
            (
                "connect_retry: 1",
                &["6:61: error: expected a wait and what it grows to, such as 1s/30s, found `1`"],
            ),
            ("connect_retry: 30s/1s", &["6:61: error: connect_retry `30s/1s` does not grow"]),
            (
                "connect_retry: 50ms/1s",
                &["6:61: error: connect_retry 50ms is out of range (100ms to 1h)"],
            ),
            (
                "connect_retry: 1s/2h",
                &["6:61: error: connect_retry 2h is out of range (100ms to 1h)"],
            ),
            (
                "connect_retry: 1s/2s/3s",
                &[
                    "6:61: error: expected a wait and what it grows to, such as 1s/30s, found `1s/2s/3s`",
                ],
            ),
            ("connect_retry: 5s", &[]),
            (
                "connect_retry: []",
                &[
                    "6:61: error: expected a wait and what it grows to, such as 1s/30s, found a list",
                ],
            ),
            (
                "ttl_security: 0",
                &["6:60: error: expected a number for `ttl_security` (1 to 254), found `0`"],
            ),
            (
                "ttl_security: 255",
                &["6:60: error: expected a number for `ttl_security` (1 to 254), found `255`"],
            ),
            (
                "multihop: 1",
                &["6:56: error: expected a number for `multihop` (2 to 255), found `1`"],
            ),
            ("ttl_security: 1, multihop: 2", &["6:63: error: `multihop` beside `ttl_security`"]),
            (
                "graceful_restart: true",
                &["6:64: warning: peer 192.168.1.1 would keep the routes of a dead node for 120s"],
            ),
            (
                "name: tor, graceful_restart: true",
                &["6:75: warning: peer tor would keep the routes of a dead node for 120s"],
            ),
            ("graceful_restart: 120s", &["6:64: error: expected true or false, found `120s`"]),
        ],
    );
}

#[test]
fn bfd_is_checked_where_it_stands() {
    check(
        of_peer,
        &[
            ("bfd: true", &["6:51: error: `bfd` is a mapping (`key: value`), found `true`"]),
            (
                "bfd: { interval: 5ms, multiplier: 0 }",
                &[
                    "6:63: error: interval 5ms is out of range (10ms to 10s)",
                    "6:80: error: expected a number for `multiplier` (1 to 255), found `0`",
                ],
            ),
            (
                "bfd: { interval: 11s, multiplier: 256 }",
                &[
                    "6:63: error: interval 11s is out of range (10ms to 10s)",
                    "6:80: error: expected a number for `multiplier` (1 to 255), found `256`",
                ],
            ),
            (
                "bfd: { multiplier: 1 }",
                &["6:65: warning: multiplier 1 takes a single lost packet for a failure"],
            ),
            ("bfd: { reconnect: 60s/5s }", &["6:64: error: reconnect `60s/5s` does not grow"]),
            ("bfd: { foo: 1 }", &["6:53: error: `bfd` has no key `foo`"]),
            (
                "bfd: { auth: {} }",
                &[
                    "6:59: error: `auth` needs `type`",
                    "6:59: error: `auth` needs `id`",
                    "6:59: error: `auth` needs `key_file`",
                ],
            ),
            (
                "bfd: { auth: { type: sha256, id: 256, key_file: [] } }",
                &[
                    "6:67: error: expected a type (`meticulous-sha1`, `sha1`, `meticulous-md5`, `md5`), found `sha256`",
                    "6:79: error: expected a number for `id` (0 to 255), found `256`",
                ],
            ),
        ],
    );
}

#[test]
fn a_peer_is_told_of_announcements_that_exist() {
    check(
        of_peer,
        &[
            ("announce: none", &["6:56: error: there is no announcement none"]),
            ("announce: [a, a]", &["6:60: error: a stands twice"]),
            ("announce: []", &["7:21: warning: no peer is told of announcement a"]),
            (
                "announce: [[]]",
                &["6:57: error: expected `all` or the name of an announcement, found a list"],
            ),
            ("announce: b", &["6:56: error: there is no announcement b"]),
        ],
    );
}

#[test]
fn a_prefix_of_a_family_that_no_peer_has_is_warned_of() {
    let of_peers = |peers: &str| {
        said(&with(&format!(
            "  peers: [{peers}]
  announce: {{ name: a, prefixes: [203.0.113.53/32, \"2001:db8:53::53/128\"] }}
"
        )))
    };
    check(
        of_peers,
        &[
            (
                "{ address: 192.168.1.1, asn: 64500 }, { address: 192.168.1.2, asn: 64500 }",
                &[
                    "7:52: warning: no peer is told of 2001:db8:53::53/128: none with announcement a has family IPv6",
                ],
            ),
            (
                r#"{ address: "fd00::1", asn: 64500 }"#,
                &[
                    "7:35: warning: no peer is told of 203.0.113.53/32: none with announcement a has family IPv4",
                ],
            ),
            (
                r#"{ address: 192.168.1.1, asn: 64500 }, { address: "fd00::1", asn: 64500, announce: [] }"#,
                &[
                    "7:52: warning: no peer is told of 2001:db8:53::53/128: none with announcement a has family IPv6",
                ],
            ),
            (r#"{ address: 192.168.1.1, asn: 64500 }, { address: "fd00::1", asn: 64500 }"#, &[]),
            (
                r#"{ address: 192.168.1.1, asn: 64500, families: [ipv4, ipv6], next_hop: { ipv6: "fd00::2" } }"#,
                &[],
            ),
            ("", &["7:21: warning: no peer is told of announcement a"]),
        ],
    );
}

#[test]
fn a_peer_has_an_address_of_its_own() {
    check(
        of_peers,
        &[
            ("{ asn: 64500 }", &["6:11: error: a BGP peer needs `address`"]),
            ("{ address: 192.168.1.1 }", &["6:11: error: a BGP peer needs `asn`"]),
            (
                "{ address: tor-1, asn: 64500 }",
                &[
                    r#"6:22: error: expected an address such as 192.0.2.1 or "fe80::1%eth0", found `tor-1`"#,
                ],
            ),
            (
                "{ address: 192.168.1.1/32, asn: 64500 }",
                &[
                    r#"6:22: error: expected an address such as 192.0.2.1 or "fe80::1%eth0", found `192.168.1.1/32`"#,
                ],
            ),
            (
                "{ address: 0.0.0.0, asn: 64500 }",
                &[
                    "6:22: error: peer 0.0.0.0 is the unspecified address (must be a host's on the network)",
                ],
            ),
            (
                "{ address: 224.0.0.5, asn: 64500 }",
                &[
                    "6:22: error: peer 224.0.0.5 is a multicast address (must be a host's on the network)",
                ],
            ),
            (
                r#"{ address: "::ffff:10.0.0.1", asn: 64500 }"#,
                &[
                    "6:22: error: peer ::ffff:10.0.0.1 is an IPv4-mapped address (must be a host's on the network)",
                ],
            ),
            (
                r#"{ address: "fe80::1", asn: 64500, announce: [] }"#,
                &["6:22: error: peer fe80::1 is link-local, and no interface is named"],
            ),
            (
                r#"{ address: "fe80::1%", asn: 64500, announce: [] }"#,
                &[
                    "6:22: error: expected the name of an interface (1 to 15 octets, no `/`, no `:`, no space), found `fe80::1%`",
                ],
            ),
            (
                r#"{ address: "fe80::1%eth/0", asn: 64500, announce: [] }"#,
                &[
                    "6:22: error: expected the name of an interface (1 to 15 octets, no `/`, no `:`, no space), found `fe80::1%eth/0`",
                ],
            ),
            (
                "{ address: 192.168.1.1%eth0, asn: 64500 }",
                &["6:22: error: peer `192.168.1.1%eth0` is not link-local"],
            ),
            (
                r#"{ address: "fd00::1%eth0", asn: 64500 }"#,
                &["6:22: error: peer `fd00::1%eth0` is not link-local"],
            ),
            (
                "{ address: 192.168.1.1, asn: 64500 }, { address: 192.168.1.1, asn: 64501, port: 1179 }",
                &["6:60: error: two peers are at 192.168.1.1"],
            ),
            (
                "{ address: 192.168.1.1, asn: 64500 }, { address: 192.168.1.1, asn: 64501, name: b }",
                &["6:60: error: two peers are at 192.168.1.1"],
            ),
            (
                "{ address: 192.168.1.1, asn: 64500, name: b }, { address: 192.168.1.2, asn: 64500, name: b }",
                &["6:100: error: two peers are named b"],
            ),
            (
                r#"{ address: "fe80::1%eth0", asn: 64500 }, { address: "fe80::1%eth1", asn: 64500 }, { address: 192.168.1.1, asn: 1 }"#,
                &[
                    "7:34: warning: prefix 203.0.113.53/32 is documentation space, and AS 1 is public",
                ],
            ),
        ],
    );
}

#[test]
fn packets_for_what_is_announced_find_their_way() {
    check(
        of_peers,
        &[
            (
                "{ address: 192.0.2.1, asn: 64500 }",
                &["4:14: error: router_id 192.0.2.1 is the address of a peer too"],
            ),
            (
                "{ address: 203.0.113.53, asn: 64500 }",
                &["6:22: error: peer 203.0.113.53 is an anycast address too"],
            ),
            (
                "{ address: 192.168.1.1, asn: 64500, source: 203.0.113.53, next_hop: { ipv4: 203.0.113.53 } }",
                &[
                    "6:55: error: source 203.0.113.53 is an anycast address too",
                    "6:87: error: next hop 203.0.113.53 is an anycast address too",
                ],
            ),
            (
                "{ address: 127.0.0.1, asn: 64500 }",
                &["6:22: error: peer 127.0.0.1 is on this host: no router reaches it"],
            ),
            (
                "{ address: 127.0.0.1, asn: 64500, source: 127.0.0.2, multihop: 2, next_hop: { ipv4: 192.0.2.1 } }",
                &[],
            ),
            (
                r#"{ address: "fd00::1", asn: 64500, families: [ipv4] }"#,
                &["6:56: error: IPv4 prefixes have no next hop on the IPv6 session with fd00::1"],
            ),
            (
                r#"{ address: "fd00::1", asn: 64500, families: [ipv4], extended_next_hop: true }"#,
                &[],
            ),
            (
                r#"{ address: "fd00::1", asn: 64500, families: [ipv4], next_hop: { ipv4: 192.0.2.1 } }"#,
                &[],
            ),
            (
                r#"{ address: "fd00::1", asn: 64500 }"#,
                &["7:21: warning: no peer is told of announcement a"],
            ),
            (
                r#"{ address: "fd00::1", asn: 64500, announce: a }"#,
                &["6:55: error: a has no prefix of a family of peer fd00::1"],
            ),
            ("", &["7:21: warning: no peer is told of announcement a"]),
            (
                "{ address: 192.168.1.1, asn: 65000 }, { address: 192.168.1.2, asn: 64512 }, { address: 192.168.1.3, asn: 65540 }, { address: 192.168.1.4, asn: 4200000000 }",
                &[],
            ),
            (
                "{ address: 192.168.1.1, asn: 64495 }",
                &[
                    "7:34: warning: prefix 203.0.113.53/32 is documentation space, and AS 64495 is public",
                ],
            ),
        ],
    );
}
