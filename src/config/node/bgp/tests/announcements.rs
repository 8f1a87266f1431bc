//! Mistakes in announcements: a text, and the first line of each message.

use std::path::Path;

use super::{check, load, said, with};

/// Of keys added to an announcement that is right; it stands on line 7.
fn of_announcement(more: &str) -> Vec<String> {
    said(&with(&format!(
        "  peers: {{ address: 192.168.1.1, asn: 64500 }}
  announce: {{ name: a, prefixes: 203.0.113.53/32, {more} }}
"
    )))
}

fn of_announcements(list: &str) -> Vec<String> {
    let peer = "  peers: { address: 192.168.1.1, asn: 64500, families: [ipv4, ipv6], \
                next_hop: { ipv6: 'fd00::1' } }\n";
    said(&with(&format!("{peer}  announce: [{list}]\n")))
}

#[test]
fn prefixes_are_allowed_and_addresses_are_in_them() {
    check(
        of_announcements,
        &[
            ("{ name: a }", &["7:14: error: an announcement needs `prefixes`"]),
            ("{ prefixes: 203.0.113.53/32 }", &["7:14: error: an announcement needs `name`"]),
            (
                "{ name: all, prefixes: 203.0.113.53/32 }",
                &["7:22: error: an announcement cannot be named all"],
            ),
            (
                "{ name: a, prefixes: [] }",
                &["7:35: error: `prefixes` is empty: nothing would be announced"],
            ),
            (
                "{ name: a, prefixes: [203.0.113.53, 203.0.113.1/24, x] }",
                &[
                    "7:36: error: a prefix has a length, found `203.0.113.53`",
                    "7:50: error: prefix 203.0.113.1/24 has host bits set",
                    r#"7:66: error: expected a prefix such as 203.0.113.53/32 or "2001:db8::/48", found `x`"#,
                ],
            ),
            (
                "{ name: a, prefixes: 203.0.113.54/32 }",
                &["7:35: error: prefix 203.0.113.54/32 is not in `allow`"],
            ),
            (
                "{ name: a, prefixes: 203.0.113.0/25, addresses: 203.0.113.53 }",
                &["7:35: error: prefix 203.0.113.0/25 is not in `allow`"],
            ),
            (
                "{ name: a, prefixes: 127.0.0.53/32 }",
                &["7:35: error: prefix 127.0.0.53/32 is never announced: it is loopback space"],
            ),
            (
                "{ name: a, prefixes: 203.0.113.0/24 }",
                &["7:35: error: `when: dns` has no address to ask"],
            ),
            ("{ name: a, prefixes: 203.0.113.0/24, when: always }", &[]),
            (
                "{ name: a, prefixes: 203.0.113.0/24, addresses: [203.0.113.1, 198.51.100.1] }",
                &["7:76: error: 198.51.100.1 is in none of the prefixes"],
            ),
            (
                "{ name: a, prefixes: 203.0.113.53/32, addresses: [] }",
                &["7:63: error: at least one address is needed, found an empty list"],
            ),
            (
                "{ name: a, prefixes: 203.0.113.53/32, addresses: [x, 203.0.113.53, 203.0.113.53] }",
                &[
                    "7:64: error: expected an IPv4 or IPv6 address, found `x`",
                    "7:81: error: 203.0.113.53 stands twice",
                ],
            ),
            (
                "{ name: a, prefixes: [203.0.113.53/32, 203.0.113.53/32] }",
                &["7:53: error: 203.0.113.53/32 is announced twice"],
            ),
            (
                "{ name: a, prefixes: 203.0.113.53/32 }, { name: b, prefixes: 203.0.113.53/32 }",
                &["7:75: error: 203.0.113.53/32 is announced twice"],
            ),
            (
                r#"{ name: a, prefixes: 203.0.113.53/32 }, { name: a, prefixes: "2001:db8:53::53/128" }"#,
                &["7:62: error: two announcements are named a"],
            ),
            (r#"{ name: a, prefixes: [203.0.113.53/32, "2001:db8:53::53/128"] }"#, &[]),
            (
                "{ name: a, prefixes: 203.0.113.53/32 }, { name: b, prefixes: 203.0.113.0/24, addresses: 203.0.113.53 }",
                &[],
            ),
        ],
    );
}

#[test]
fn what_an_announcement_depends_on_is_checked() {
    check(
        of_announcement,
        &[
            ("foo: 1", &["7:51: error: an announcement has no key `foo`"]),
            (
                "when: never",
                &[
                    "7:57: error: expected a condition (`dns`, `always`, `{ pool: ZONE/POOL }`), found `never`",
                ],
            ),
            ("when: { pool: }", &["7:59: error: expected the name of a pool, found nothing"]),
            ("when: {}", &["7:57: error: `when` needs `pool`"]),
            (
                "when: { pool: a/b, on_down: withdraw }",
                &["7:70: error: `when` has no key `on_down`"],
            ),
            (
                "when: []",
                &[
                    "7:57: error: expected a condition (`dns`, `always`, `{ pool: ZONE/POOL }`), found a list",
                ],
            ),
            ("on_down: withdraw", &["7:51: error: `on_down` needs a pool that can be down"]),
            (
                "when: { pool: a/b }, on_down: gone",
                &[
                    "7:81: error: expected a value for `on_down` (`deprefer`, `withdraw`), found `gone`",
                ],
            ),
            (
                "health: { every: 10ms, up_hold: 2h }",
                &[
                    "7:68: error: every 10ms is out of range (50ms to 1m)",
                    "7:83: error: up_hold 2h is out of range (0s to 1h)",
                ],
            ),
            (
                "health: { timeout: 1s, fall: 0, floor: 1 }",
                &[
                    "7:70: error: timeout 1s is longer than every 200ms",
                    "7:80: error: expected a number of results (1 to 1000), found `0`",
                    "7:83: error: `health` has no key `floor`",
                ],
            ),
            ("health: off", &["7:59: error: `health` is a mapping (`key: value`), found `off`"]),
        ],
    );
}

#[test]
fn attributes_are_what_routers_understand() {
    check(
        of_announcement,
        &[
            (
                r#"communities: "64512""#,
                &[
                    r#"7:64: error: expected a community such as "64512:100", or blackhole, no-export, no-advertise, no-export-subconfed, no-peer, found `64512`"#,
                ],
            ),
            (
                r#"communities: [64512:65536, 65536:1, "1:2:3", "+1:2", no_export]"#,
                &[
                    r#"7:65: error: expected a community such as "64512:100", or blackhole, no-export, no-advertise, no-export-subconfed, no-peer, found `64512:65536`"#,
                    r#"7:78: error: expected a community such as "64512:100", or blackhole, no-export, no-advertise, no-export-subconfed, no-peer, found `65536:1`"#,
                    r#"7:87: error: expected a community such as "64512:100", or blackhole, no-export, no-advertise, no-export-subconfed, no-peer, found `1:2:3`"#,
                    r#"7:96: error: expected a community such as "64512:100", or blackhole, no-export, no-advertise, no-export-subconfed, no-peer, found `+1:2`"#,
                    r#"7:104: error: expected a community such as "64512:100", or blackhole, no-export, no-advertise, no-export-subconfed, no-peer, found `no_export`"#,
                ],
            ),
            (
                "communities: [no-export, no-advertise, no-export-subconfed, no-peer, blackhole, 64512:1]",
                &[],
            ),
            (
                "communities: [65535:0]",
                &["7:65: error: community 65535:0 is GRACEFUL_SHUTDOWN, which draining adds"],
            ),
            (
                r#"communities: [64512:1, 64512:1, "65535:65281", no-export]"#,
                &[
                    "7:74: error: community 64512:1 stands twice",
                    "7:98: error: community no-export stands twice",
                ],
            ),
            (
                r#"large_communities: [64512:1, "4294967296:1:1", "1:2:3", "1:2:3"]"#,
                &[
                    r#"7:71: error: expected a large community such as "64512:1:100", found `64512:1`"#,
                    r#"7:80: error: expected a large community such as "64512:1:100", found `4294967296:1:1`"#,
                    "7:107: error: community 1:2:3 stands twice",
                ],
            ),
            ("no_export: 1", &["7:62: error: expected true or false, found `1`"]),
            (
                "med: -1",
                &["7:56: error: expected a number for `med` (0 to 4294967295), found `-1`"],
            ),
            (
                "med: 4294967296",
                &["7:56: error: expected a number for `med` (0 to 4294967295), found `4294967296`"],
            ),
            (
                "prepend: 33",
                &["7:60: error: expected a number for `prepend` (0 to 32), found `33`"],
            ),
            (
                "local_pref: high",
                &[
                    "7:63: error: expected a number for `local_pref` (0 to 4294967295), found `high`",
                ],
            ),
        ],
    );
}

#[test]
fn a_de_preferred_route_is_weaker() {
    check(
        of_announcement,
        &[
            (
                "deprefer: { med: 0 }",
                &["7:61: error: `deprefer` changes nothing: the route would stay as it is"],
            ),
            (
                "med: 100, deprefer: { med: 50 }",
                &["7:78: error: med 50 of `deprefer` is lower than the normal 100"],
            ),
            (
                "prepend: 3, deprefer: { prepend: 1 }",
                &["7:84: error: prepend 1 of `deprefer` is lower than the normal 3"],
            ),
            (
                "deprefer: { local_pref: 200 }",
                &["7:75: error: local_pref 200 of `deprefer` is higher than the normal 100"],
            ),
            (
                "med: 100, deprefer: { med: 100 }",
                &["7:71: error: `deprefer` changes nothing: the route would stay as it is"],
            ),
            (
                "deprefer: { when: [stale] }",
                &["7:70: error: expected a reason (`stale_config`), found `stale`"],
            ),
            ("deprefer: { foo: 1 }", &["7:63: error: `deprefer` has no key `foo`"]),
            (
                "deprefer: [stale_config]",
                &["7:61: error: `deprefer` is a mapping (`key: value`), found a list"],
            ),
            ("deprefer: { when: [] }", &[]),
            ("deprefer: { communities: [64512:666] }", &[]),
        ],
    );
}

#[test]
fn a_node_is_not_its_own_sibling() {
    let of = |siblings: &str| {
        load(
            Path::new("f"),
            &with(&format!(
                "  peers: {{ address: 192.168.1.1, asn: 64500, source: 192.168.1.9 }}
  announce: {{ name: a, prefixes: 203.0.113.53/32, keep_last: true, siblings: {siblings} }}
"
            )),
        )
    };
    for (siblings, left, what, help) in [
        (
            "[192.0.2.1, \"192.0.2.2:5353\"]",
            "192.0.2.2:5353",
            "sibling 192.0.2.1 is this node itself: it is its router_id",
            "list the other nodes alone, or the same list everywhere: it is left out here",
        ),
        (
            "192.168.1.9",
            "",
            "sibling 192.168.1.9 is this node itself: it is its `source` towards a peer",
            "it is left out here, and no other node is left: `keep_last` does nothing",
        ),
    ] {
        let (config, found) = of(siblings);
        let said: Vec<_> = found.iter().map(|one| (&*one.message, one.help.as_deref())).collect();
        assert_eq!(said, [(what, Some(help))]);
        let announcement = &config.bgp.expect("no mistake").announcements[0];
        let rest: Vec<_> = announcement.siblings.iter().map(ToString::to_string).collect();
        assert_eq!((rest.join(" "), announcement.keep_last), (left.to_owned(), !left.is_empty()));
    }
    let (config, found) = of("\"127.0.0.1:5353\"");
    assert!(found.is_empty() && config.bgp.expect("no mistake").announcements[0].keep_last);
}

#[test]
fn siblings_and_damping_are_checked() {
    check(
        of_announcement,
        &[
            ("keep_last: true", &["7:62: warning: `keep_last` does nothing without `siblings`"]),
            (
                "keep_last: true, siblings: []",
                &["7:62: warning: `keep_last` does nothing without `siblings`"],
            ),
            (
                "siblings: [x, 224.0.0.1, 203.0.113.53]",
                &[
                    "7:62: error: expected the address of another node, such as 198.51.100.2 or 198.51.100.2:5353, found `x`",
                    "7:65: error: sibling 224.0.0.1 is a multicast address (must be a host's on the network)",
                    "7:76: error: sibling 203.0.113.53 is an anycast address too",
                ],
            ),
            (
                "siblings: [192.0.2.1, 198.51.100.2]",
                &["7:62: warning: sibling 192.0.2.1 is this node itself: it is its router_id"],
            ),
            (
                r#"siblings: [198.51.100.2, "198.51.100.2:53"]"#,
                &["7:76: error: 198.51.100.2:53 stands twice"],
            ),
            (
                "keep_last: true, siblings: x",
                &[
                    "7:78: error: expected the address of another node, such as 198.51.100.2 or 198.51.100.2:5353, found `x`",
                ],
            ),
            (
                "damping: { half_life: 0s, suppress: 0, reuse: 50001, max: 2h }",
                &[
                    "7:73: error: half_life 0s is out of range (1s to 1h)",
                    "7:87: error: expected a penalty for `suppress` (1 to 50000), found `0`",
                    "7:97: error: expected a penalty for `reuse` (1 to 50000), found `50001`",
                    "7:109: error: max 2h is out of range (0s to 1h)",
                ],
            ),
            ("damping: { suppress: 700 }", &["7:72: error: reuse 750 is not below suppress 700"]),
            ("damping: { reuse: 3000 }", &["7:69: error: reuse 3000 is not below suppress 3000"]),
            ("damping: { suppress: 1000, reuse: 999, max: 0 }", &[]),
            ("damping: off", &["7:60: error: `damping` is a mapping (`key: value`), found `off`"]),
        ],
    );
}
