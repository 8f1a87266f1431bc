//! Mistakes: a text, and the first line of each message.

use super::{check, entry, said};

fn of_entry(more: &str) -> Vec<String> {
    said(&entry(more))
}

fn of_entries(entries: &str) -> Vec<String> {
    said(&format!("ecmp: [{entries}]"))
}

#[test]
fn an_entry_is_read_key_by_key() {
    check(
        of_entry,
        &[
            ("foo: 1", &["2:46: error: an `ecmp` entry has no key `foo`"]),
            ("via: { 192.0.2.10: 10.0.1.10 }", &[]),
            (
                "via: { x: 10.0.1.10, 192.0.2.10: 224.0.0.1 }",
                &[
                    "2:53: error: expected the address of a member of the pool, found `x`",
                    "2:79: error: next hop 224.0.0.1 is a multicast address (must be a host's on the network)",
                ],
            ),
            (
                r#"via: { "fd00::1": 10.0.1.10, 192.0.2.11: "fd00::2" }"#,
                &[
                    "2:53: error: member fd00::1 is not of the family of the prefix",
                    "2:87: error: next hop fd00::2 is not of the family of the prefix",
                ],
            ),
            (
                "via: { 192.0.2.10: 10.0.0.100 }",
                &["2:65: error: next hop 10.0.0.100 is in the prefix itself"],
            ),
            (
                "via: 10.0.1.10",
                &["2:51: error: `via` is a mapping (`key: value`), found `10.0.1.10`"],
            ),
            (
                "type: hash",
                &[
                    "2:52: error: expected a value for `type` (`resilient`, `multipath`), found `hash`",
                ],
            ),
            ("type: multipath", &[]),
            (
                "type: multipath, traffic: tcp, idle_timer: 1s, unbalanced_timer: 1s, buckets: 1",
                &[
                    "2:63: error: `traffic` is of `type: resilient`",
                    "2:77: error: `idle_timer` is of `type: resilient`",
                    "2:93: error: `unbalanced_timer` is of `type: resilient`",
                    "2:115: error: `buckets` is of `type: resilient`",
                ],
            ),
            (
                "traffic: http",
                &["2:55: error: expected a value for `traffic` (`tcp`, `dns`), found `http`"],
            ),
            ("idle_timer: 0", &["2:58: error: idle_timer 0s is out of range (10ms to 1d)"]),
            ("idle_timer: 2d", &["2:58: error: idle_timer 2d is out of range (10ms to 1d)"]),
            (
                "unbalanced_timer: 0",
                &["2:64: warning: unbalanced_timer 0 may leave a recovered member without traffic"],
            ),
            (
                "unbalanced_timer: 5",
                &[
                    "2:64: error: expected a duration such as 5s or 200ms (units: ms, s, m, h, d, w), found `5`",
                ],
            ),
            ("buckets: 1", &["2:55: warning: buckets 1 sends all traffic to one member"]),
            ("buckets: 2", &[]),
            ("buckets: 0", &["2:55: error: expected a number of buckets (1 to 65535), found `0`"]),
            (
                "buckets: 65536",
                &["2:55: error: expected a number of buckets (1 to 65535), found `65536`"],
            ),
        ],
    );
}

#[test]
fn what_is_done_to_the_host_is_checked() {
    check(
        of_entry,
        &[
            (
                "table: 0",
                &[
                    "2:53: error: expected `main` or the number of a table (1 to 4294967295), found `0`",
                ],
            ),
            ("table: 255", &["2:53: error: table 255 is the kernel's own"]),
            (
                "table: local",
                &[
                    "2:53: error: expected `main` or the number of a table (1 to 4294967295), found `local`",
                ],
            ),
            (
                "table: 4294967296",
                &[
                    "2:53: error: expected `main` or the number of a table (1 to 4294967295), found `4294967296`",
                ],
            ),
            ("metric: 0", &["2:54: error: expected a metric (1 to 4294967295), found `0`"]),
            ("metric: x", &["2:54: error: expected a metric (1 to 4294967295), found `x`"]),
            (
                "when_down: drop",
                &[
                    "2:57: error: expected a value for `when_down` (`keep`, `unreachable`, `withdraw`), found `drop`",
                ],
            ),
            (
                "hash_policy: l2",
                &[
                    "2:59: error: expected a value for `hash_policy` (`l3`, `l4`, `leave`), found `l2`",
                ],
            ),
            ("hash_policy: leave", &[]),
            (
                "hash_seed: 0",
                &["2:57: error: expected `leave` or a seed (1 to 4294967295), found `0`"],
            ),
            (
                "hash_seed: random",
                &["2:57: error: expected `leave` or a seed (1 to 4294967295), found `random`"],
            ),
            (
                "on_exit: leave",
                &["2:55: error: expected a value for `on_exit` (`remove`, `keep`), found `leave`"],
            ),
        ],
    );
}

#[test]
fn no_two_entries_have_the_same_route_and_all_agree_on_the_host() {
    check(
        of_entries,
        &[
            ("", &[]),
            (
                "{}",
                &[
                    "1:8: error: an `ecmp` entry needs `name`",
                    "1:8: error: an `ecmp` entry needs `prefix`",
                    "1:8: error: an `ecmp` entry needs `pool`",
                ],
            ),
            ("x", &["1:8: error: an `ecmp` entry is a mapping (`key: value`), found `x`"]),
            (
                "{ name: a, prefix: 10.0.0.100, pool: p }",
                &["1:27: error: a prefix has a length, found `10.0.0.100`"],
            ),
            (
                "{ name: a, prefix: 10.0.0.1/24, pool: p }",
                &["1:27: error: prefix 10.0.0.1/24 has host bits set"],
            ),
            (
                "{ name: a, prefix: 0.0.0.0/0, pool: p }",
                &[
                    "1:27: error: prefix 0.0.0.0/0 is never routed to a pool: it is the default route",
                ],
            ),
            (
                r#"{ name: a, prefix: "ff02::1/128", pool: [] }"#,
                &[
                    "1:27: error: prefix ff02::1/128 is never routed to a pool: it is multicast space",
                    "1:48: error: expected the name of a pool, found a list",
                ],
            ),
            (
                r#"{ name: "a b", prefix: 10.0.0.0/8, pool: "" }"#,
                &[
                    "1:16: error: `a b` is no name for paths and metrics",
                    "1:49: error: expected the name of a pool, found ``",
                ],
            ),
            (
                "{ name: a, prefix: 10.0.0.1/32, pool: p }, { name: a, prefix: 10.0.0.1/32, pool: q }",
                &[
                    "1:59: error: two entries are named a",
                    "1:70: error: 10.0.0.1/32 is routed twice with metric 50",
                ],
            ),
            (
                "{ name: a, prefix: 10.0.0.1/32, pool: p }, { name: b, prefix: 10.0.0.1/32, pool: q, metric: 51 }, { name: c, prefix: 10.0.0.1/32, pool: q, table: 100 }, { name: d, prefix: 10.0.0.1/32, pool: q, table: main }",
                &["1:180: error: 10.0.0.1/32 is routed twice with metric 50"],
            ),
            (
                "{ name: a, prefix: 10.0.0.1/32, pool: p, hash_policy: l3, hash_seed: 7 }, { name: b, prefix: 10.0.0.2/32, pool: p }, { name: c, prefix: 10.0.0.3/32, pool: p, hash_policy: l4, hash_seed: 8 }, { name: d, prefix: 10.0.0.4/32, pool: p, hash_policy: leave, hash_seed: leave }",
                &[
                    "1:179: error: `hash_policy` differs from that of another entry",
                    "1:194: error: `hash_seed` differs from that of another entry",
                    "1:253: error: `hash_policy` differs from that of another entry",
                    "1:271: error: `hash_seed` differs from that of another entry",
                ],
            ),
        ],
    );
}

#[test]
fn a_nodes_own_address_is_not_routed_on() {
    check(
        said,
        &[(
            "dns: { listen: [\"0.0.0.0:53\"] }\nvrrp: { id: 51, interface: eth0, addresses: 192.0.2.100 }\necmp: [{ name: a, prefix: 192.0.2.100/32, pool: p }, { name: b, prefix: 192.0.2.0/24, pool: p }]",
            &["3:27: error: 192.0.2.100 is this node's own address"],
        )],
    );
}
