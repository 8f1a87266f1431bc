//! Mistakes in this node's own part: a text, and the first line of each message.

use std::path::Path;

use super::{check, load, said};

fn of_allow(value: &str) -> Vec<String> {
    said(&format!("bgp: {{ asn: 64512, router_id: 192.0.2.1, allow: {value} }}"))
}

#[test]
fn a_section_is_read_key_by_key() {
    check(
        said,
        &[
            ("bgp:", &["1:1: error: `bgp` is a mapping (`key: value`), found nothing"]),
            ("bgp: {}", &["1:6: error: `bgp` needs `asn`", "1:6: error: `bgp` needs `router_id`"]),
            ("bgp: []", &["1:6: error: `bgp` is a mapping (`key: value`), found a list"]),
            ("bgp: { asn: 64512, router_id: 192.0.2.1 }", &[]),
            (
                "bgp: { asn: 0, router_id: 0.0.0.0 }",
                &[
                    "1:13: error: expected an AS number (1 to 4294967295), found `0`",
                    "1:27: error: router_id 0.0.0.0 is none (RFC 6286)",
                ],
            ),
            (
                r#"bgp: { asn: AS64512, router_id: "fd00::1" }"#,
                &[
                    "1:13: error: expected an AS number (1 to 4294967295), found `AS64512`",
                    "1:33: error: expected an identifier that looks like an IPv4 address, found `fd00::1`",
                ],
            ),
            (
                "bgp: { asn: 23456, router_id: 127.0.0.1 }",
                &[
                    "1:13: error: AS 23456 is reserved",
                    "1:31: warning: router_id 127.0.0.1 is every host's",
                ],
            ),
            (
                "bgp: { asn: 65535, router_id: 300.0.0.1 }",
                &[
                    "1:13: error: AS 65535 is reserved",
                    "1:31: error: expected an identifier that looks like an IPv4 address, found `300.0.0.1`",
                ],
            ),
            (
                "bgp: { asn: 4294967295, router_id: 192.0.2.1 }",
                &["1:13: error: AS 4294967295 is reserved"],
            ),
            (
                "bgp: { asn: 4294967296, router_id: 192.0.2.1 }",
                &["1:13: error: expected an AS number (1 to 4294967295), found `4294967296`"],
            ),
            (
                "bgp: { asn: 64512, router_id: 192.0.2.1, listne: [] }",
                &["1:42: error: `bgp` has no key `listne`"],
            ),
            (
                r#"bgp: { asn: 64512, router_id: 192.0.2.1, listen: [localhost, 192.0.2.1, "192.0.2.1:179"] }"#,
                &[
                    r#"1:51: error: expected an address and port such as 0.0.0.0:179 or "[::]:179", found `localhost`"#,
                    "1:73: error: 192.0.2.1:179 stands twice",
                ],
            ),
            (
                "bgp: { asn: 64512, router_id: 192.0.2.1, listen: }",
                &[
                    r#"1:42: error: expected an address and port such as 0.0.0.0:179 or "[::]:179", found nothing"#,
                ],
            ),
            (
                "bgp: { asn: 64512, router_id: 192.0.2.1, drain: { gshut: 2h, linger: 30, on_stop: now } }",
                &[
                    "1:58: error: gshut 2h is out of range (0s to 1h)",
                    "1:70: error: expected a duration such as 5s or 200ms (units: ms, s, m, h, d, w), found `30`",
                    "1:83: error: expected a value for `on_stop` (`drain`, `withdraw`), found `now`",
                ],
            ),
            (
                "bgp: { asn: 64512, router_id: 192.0.2.1, drain: now }",
                &["1:49: error: `drain` is a mapping (`key: value`), found `now`"],
            ),
            (
                "bgp: { asn: 64512, router_id: 192.0.2.1, peers: tor-1, announce: dns }",
                &[
                    "1:49: error: a BGP peer is a mapping (`key: value`), found `tor-1`",
                    "1:66: error: an announcement is a mapping (`key: value`), found `dns`",
                ],
            ),
            (
                "bgp: { asn: 64512, router_id: 192.0.2.1, peers: {}, announce: {} }",
                &[
                    "1:49: error: a BGP peer needs `address`",
                    "1:49: error: a BGP peer needs `asn`",
                    "1:63: error: an announcement needs `name`",
                    "1:63: error: an announcement needs `prefixes`",
                ],
            ),
        ],
    );
}

#[test]
fn what_is_written_elsewhere_is_told_in_the_words_of_this_file() {
    let helps = |text: &str| {
        let (_, found) = load(Path::new("f"), text);
        found.into_iter().filter_map(|one| one.help).collect::<Vec<_>>()
    };
    let peer = |more: &str| {
        let section = "bgp: { asn: 64512, router_id: 192.0.2.1, peers: { address: 192.168.1.1, ";
        helps(&format!("{section}{more} }} }}"))
    };
    assert_eq!(helps("bgp: { asn: AS64512, router_id: 192.0.2.1 }"), ["write the number: 64512"]);
    assert_eq!(helps("bgp: { asn: AS+1, router_id: 192.0.2.1 }"), [""; 0]);
    assert_eq!(peer("asn: as64500"), ["write the number: 64500"]);
    let empty = "write `bfd: {}`: every key has a default";
    assert_eq!(peer("asn: 64500, bfd: true"), [empty]);
    assert_eq!(peer("asn: 64500, bfd: false"), ["leave `bfd` out"]);
    assert_eq!(
        helps("bgp: { asn: 64512 }"),
        ["an IPv4 address of this node alone, such as `router_id: 192.0.2.1`"]
    );
}

#[test]
fn what_is_no_network_or_never_leaves_is_not_allowed() {
    check(
        of_allow,
        &[
            ("203.0.113.53", &["1:49: error: a prefix has a length, found `203.0.113.53`"]),
            (r#""2001:db8::1""#, &["1:49: error: a prefix has a length, found `2001:db8::1`"]),
            (
                "x",
                &[
                    r#"1:49: error: expected a prefix such as 203.0.113.53/32 or "2001:db8::/48", found `x`"#,
                ],
            ),
            (
                "[[]]",
                &[
                    r#"1:50: error: expected a prefix such as 203.0.113.53/32 or "2001:db8::/48", found a list"#,
                ],
            ),
            ("203.0.113.53/24", &["1:49: error: prefix 203.0.113.53/24 has host bits set"]),
            (r#""2001:db8::1/48""#, &["1:49: error: prefix 2001:db8::1/48 has host bits set"]),
            (
                "203.0.113.0/33",
                &[
                    r#"1:49: error: expected a prefix such as 203.0.113.53/32 or "2001:db8::/48", found `203.0.113.0/33`"#,
                ],
            ),
            ("[203.0.113.0/24, 203.0.113.0/24]", &["1:66: error: 203.0.113.0/24 stands twice"]),
            (
                r#"[0.0.0.0/0, "::/0", 0.0.0.0/8, 0.1.0.0/16, 0.0.0.0/1, 127.0.0.0/8, 127.0.0.53/32, 169.254.1.0/24, 224.0.0.0/4, 240.0.0.0/8, 192.0.0.0/2]"#,
                &[
                    "1:50: error: prefix 0.0.0.0/0 is never announced: it is the default route",
                    "1:61: error: prefix ::/0 is never announced: it is the default route",
                    r#"1:69: error: prefix 0.0.0.0/8 is never announced: it is "this network""#,
                    r#"1:80: error: prefix 0.1.0.0/16 is never announced: it is "this network""#,
                    r#"1:92: error: prefix 0.0.0.0/1 is never announced: it has "this network" in it"#,
                    "1:103: error: prefix 127.0.0.0/8 is never announced: it is loopback space",
                    "1:116: error: prefix 127.0.0.53/32 is never announced: it is loopback space",
                    "1:131: error: prefix 169.254.1.0/24 is never announced: it is link-local space",
                    "1:147: error: prefix 224.0.0.0/4 is never announced: it is multicast or reserved space",
                    "1:160: error: prefix 240.0.0.0/8 is never announced: it is multicast or reserved space",
                    "1:173: error: prefix 192.0.0.0/2 is never announced: it has multicast or reserved space in it",
                ],
            ),
            (
                r#"["::/128", "::1/128", "::/8", "fe80::/64", "ff02::/16", "::ffff:10.0.0.0/120", "8000::/1"]"#,
                &[
                    "1:50: error: prefix ::/128 is never announced: it is the unspecified address",
                    "1:60: error: prefix ::1/128 is never announced: it is the loopback address",
                    "1:71: error: prefix ::/8 is never announced: it has the unspecified address in it",
                    "1:79: error: prefix fe80::/64 is never announced: it is link-local space",
                    "1:92: error: prefix ff02::/16 is never announced: it is multicast space",
                    "1:105: error: prefix ::ffff:10.0.0.0/120 is never announced: it is IPv4-mapped space",
                    "1:128: error: prefix 8000::/1 is never announced: it has link-local space in it",
                ],
            ),
            (
                r#"[203.0.112.0/23, "2001:db8::/47"]"#,
                &[
                    "1:50: error: prefix 203.0.112.0/23 is shorter than /24",
                    "1:66: error: prefix 2001:db8::/47 is shorter than /48",
                ],
            ),
            (r#"[203.0.112.0/23, "2001:db8::/47"], allow_short: true"#, &[]),
            (
                "[203.0.112.0/23], allow_short: maybe",
                &["1:80: error: expected true or false, found `maybe`"],
            ),
            (r#"[203.0.113.0/24, "2001:db8::/48"]"#, &[]),
        ],
    );
}
