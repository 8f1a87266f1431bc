//! Transcripts of what people get wrong: a text, and the first line of each message.

use super::{BASE, load_texts, messages, messages_of_names};
use crate::config::diagnostic::{Severity, Style};

#[test]
fn mistakes_at_a_name() {
    for (names, expected) in [
        (
            "  www: { A: 192.0.2.1, CNAME: ns1 }",
            &["8:24: error: a CNAME beside other data at www.example.com."],
        ),
        (
            "  www: { CNAME: [ns1, ns2.example.net.] }",
            &["8:23: error: a second CNAME at www.example.com. (RFC 2181 §10.1 allows one)"],
        ),
        (
            "  \"@\": { CNAME: www.example.net. }",
            &["8:10: error: a CNAME beside other data at example.com."],
        ),
        (
            "  a: { CNAME: b }\n  b: { CNAME: c }\n  c: { CNAME: a }",
            &[
                "8:15: error: a CNAME loop: a.example.com. → b.example.com. → c.example.com. → a.example.com.",
            ],
        ),
        (
            "  a: { ALIAS: b }\n  b: { ALIAS: a }",
            &["8:15: error: an ALIAS loop: a.example.com. → b.example.com. → a.example.com."],
        ),
        ("  a: { CNAME: a }", &["8:15: error: a CNAME loop: a.example.com. → a.example.com."]),
        (
            "  \"*.w\": { CNAME: x.w }",
            &["8:19: error: a CNAME loop: *.w.example.com. → *.w.example.com."],
        ),
        (
            "  a1: { CNAME: a2 }\n  a2: { CNAME: a3 }\n  a3: { CNAME: a4 }\n  a4: { CNAME: a5 }\n  a5: { CNAME: a6 }\n  a6: { CNAME: a7 }\n  a7: { CNAME: a8 }\n  a8: { CNAME: a9 }\n  a9: { CNAME: ns1 }",
            &[
                "8:16: error: the chain from a1.example.com. is 9 links long (at most 8 are followed)",
            ],
        ),
        (
            "  www: { A: 192.0.2.1 }\n  WWW.example.com.: { A: 192.0.2.2 }",
            &["9:3: error: www.example.com. stands twice"],
        ),
        ("  www: { A: 192.0.2.1 }\n  www: { A: 192.0.2.2 }", &["9:3: error: `www` stands twice"]),
        (
            "  www.example.net.: { A: 192.0.2.1 }",
            &["8:3: error: www.example.net. is outside of the zone example.com."],
        ),
        (
            "  www.example.com: { A: 192.0.2.1 }",
            &["8:3: warning: `www.example.com` means www.example.com.example.com."],
        ),
        (
            "  dept: { NS: ns.dept }\n  ns.dept: { A: 192.0.2.9 }\n  www.dept: { A: 192.0.2.10 }",
            &["10:3: error: data below a cut: www.dept.example.com. is no glue"],
        ),
        (
            "  dept: { NS: ns.dept }\n  ns.dept: { A: 192.0.2.9, TXT: x }",
            &["9:3: error: data below a cut: ns.dept.example.com. has more than addresses"],
        ),
        (
            "  dept: { NS: ns.dept }\n  ns.dept: { route: us }",
            &["9:3: error: data below a cut: ns.dept.example.com. has more than addresses"],
        ),
        (
            "  dept: { NS: ns.dept }",
            &["8:15: error: the name server ns.dept.example.com. has no address in this zone"],
        ),
        (
            "  dept: { NS: ns1, TXT: x }",
            &["8:20: error: `TXT` at dept.example.com., which is delegated"],
        ),
        (
            "  dept: { NS: ns1, route: us }",
            &["8:20: error: `route` at dept.example.com., which is delegated"],
        ),
        (
            "  dept: { NS: ns1, A: 192.0.2.1 }",
            &["8:20: error: `A` at dept.example.com., which is delegated"],
        ),
        (
            "  dept: { DS: 1 13 2 0102 }",
            &["8:11: error: DS records at dept.example.com. without a delegation"],
        ),
        (
            "  \"@\": { DS: 1 13 2 0102 }",
            &["8:10: error: a zone's own DS records belong into its parent zone"],
        ),
        (
            "  \"@\": { NS: ns1 }",
            &["8:10: error: the zone's own name servers are listed under `ns:`, at the top"],
        ),
        (
            "  www: { ALIAS: ns1, A: 192.0.2.1 }",
            &["8:22: error: `A` beside `ALIAS` at www.example.com."],
        ),
        (
            "  www: { ALIAS: ns1, AAAA: \"2001:db8::1\" }",
            &["8:22: error: `AAAA` beside `ALIAS` at www.example.com."],
        ),
        (
            "  www: { ALIAS: ns1, route: us }",
            &["8:17: error: `ALIAS` beside `route` at www.example.com."],
        ),
        (
            "  www: { route: us, A: 192.0.2.1 }",
            &["8:21: error: `A` beside `route` at www.example.com."],
        ),
        (
            "  www: { route: us, CNAME: ns1 }",
            &["8:21: error: a CNAME beside other data at www.example.com."],
        ),
        (
            "  www: { ALIAS: www.example.net. }",
            &["8:17: error: www.example.net. is in no zone of this server"],
        ),
        (
            "  www: { ALIAS: nowhere }",
            &["8:17: error: nowhere.example.com. does not exist in the zone example.com."],
        ),
        (
            "  dept: { NS: ns1 }\n  www: { ALIAS: x.dept }",
            &["9:17: error: x.dept.example.com. is delegated, so this server cannot answer it"],
        ),
        (
            "  txt: { TXT: x }\n  www: { ALIAS: txt }",
            &["9:17: warning: txt.example.com. has no addresses for the ALIAS to give"],
        ),
        (
            "  ext: { CNAME: x.example.net. }\n  www: { ALIAS: ext }",
            &["9:17: error: the ALIAS leads to x.example.net., which is not served"],
        ),
        (
            "  \"*.a\": { NS: ns1 }",
            &["8:12: error: a wildcard cannot be delegated (RFC 4592 §4.2)"],
        ),
        ("  \"a.*.b\": { A: 192.0.2.1 }", &["8:3: warning: the `*` in `a.*.b` makes no wildcard"]),
        ("  \"x*\": { A: 192.0.2.1 }", &["8:3: warning: the `*` in `x*` makes no wildcard"]),
        ("  www: { a: 192.0.2.1 }", &["8:10: error: record types are upper case: `A`, not `a`"]),
        ("  www: { alias: ns1 }", &["8:10: error: a name has no key `alias`"]),
        ("  www: { Mx: 10 ns1 }", &["8:10: error: record types are upper case: `MX`, not `Mx`"]),
        ("  www: { rout: us }", &["8:10: error: a name has no key `rout`"]),
        ("  www: { ROUTE: us }", &["8:10: error: a name has no key `ROUTE`"]),
        ("  www: { FOO: bar }", &["8:10: error: unknown record type `FOO`"]),
        (
            "  www: { SOA: x }",
            &[
                "8:10: error: SOA records cannot be written here: the SOA record is made of `zone`, `soa` and the files' age",
            ],
        ),
        (
            "  www: { TYPE1: '\\# 4 c0000201', A: 192.0.2.2 }",
            &["8:34: error: A records stand twice here"],
        ),
        (
            "  www: { RRSIG: x }",
            &[
                "8:10: error: RRSIG records cannot be written here: signed zones are not yet supported",
            ],
        ),
        (
            "  www: { ANY: x }",
            &[
                "8:10: error: ANY records cannot be written here: it is a question or a signal, not a record (RFC 6895 §3.1)",
            ],
        ),
        ("  www: { A: [192.0.2.1, 192.0.2.1] }", &["8:25: error: the same record stands twice"]),
        (
            "  www: { A: 2001:db8::1 }",
            &[
                "8:13: error: `2001:db8::1` is not an A value: it is an IPv6 address, which belongs under `AAAA`",
            ],
        ),
        (
            "  www: { AAAA: 192.0.2.1 }",
            &[
                "8:16: error: `192.0.2.1` is not an AAAA value: it is an IPv4 address, which belongs under `A`",
            ],
        ),
        (
            "  www: { A: 192.0.2.256 }",
            &[
                "8:13: error: `192.0.2.256` is not an A value: four numbers from 0 to 255 with dots between them are needed",
            ],
        ),
        ("  www: { A: [] }", &["8:13: error: the list of A records is empty"]),
        ("  www: { A: }", &["8:10: error: expected an A value, found nothing"]),
        ("  www: { A: { x: y } }", &["8:13: error: expected an A value, found a mapping"]),
        (
            "  www: { MX: 10 }",
            &["8:14: error: `10` is not an MX value: something is missing at its end"],
        ),
        ("  www: { TXT: [\"a\", [b]] }", &["8:21: error: expected a TXT value, found a list"]),
        ("  www: {}", &["8:3: error: nothing stands at www.example.com."]),
        ("  www:", &["8:3: error: a name is a mapping (`key: value`), found nothing"]),
        (
            "  www: 192.0.2.1",
            &["8:8: error: a name is a mapping (`key: value`), found `192.0.2.1`"],
        ),
        ("  www: { ttl: 5m }", &["8:3: error: nothing stands at www.example.com."]),
        (
            "  www: { A: 192.0.2.1, ttl: 5 minutes }",
            &[
                "8:29: error: expected a TTL such as 30s, or longest/shortest such as 60s/15s, found `5 minutes`",
            ],
        ),
        (
            "  www: { A: 192.0.2.1, ttl: 15s/60s }",
            &["8:29: error: the longest TTL (15 s) is below the shortest (60 s)"],
        ),
        (
            "  www: { A: 192.0.2.1, answers: 2 }",
            &["8:24: error: `answers` means something only beside `route`"],
        ),
        (
            "  www: { route: us, answers: 17 }",
            &["8:30: error: expected a number of answers (1 to 16), found `17`"],
        ),
        (
            "  www: { route: us, answers: 0 }",
            &["8:30: error: expected a number of answers (1 to 16), found `0`"],
        ),
        (
            "  www: { route: us, when_down: serve-all }",
            &[
                "8:32: error: expected `when_down` (`serve_all`, `last_healthy`, `nodata`, `servfail`, `refused`, or `fallback: [addresses]`), found `serve-all`",
            ],
        ),
        (
            "  www: { route: us, when_down: { fallback: [192.0.2.1, x] } }",
            &["8:56: error: expected an IPv4 or IPv6 address, found `x`"],
        ),
        (
            "  www: { route: us, when_down: { fallback: [] } }",
            &["8:44: error: expected 1 to 16 addresses to fall back to, found 0"],
        ),
        (
            "  www: { route: us, when_down: { fall: 1 } }",
            &[
                "8:32: error: `when_down` as a mapping needs `fallback`",
                "8:34: error: `when_down` has no key `fall`",
            ],
        ),
        (
            "  www: { route: { nearest: [us, eu] }, when_down: nodata }",
            &[
                "8:17: warning: no loaded database gives the places of clients: `nearest` cannot go by distance and takes the order listed",
                "8:40: error: `when_down: nodata` under a policy that tells clients apart",
            ],
        ),
        ("  www: { route: us, when_down: nodata }", &[]),
        ("  www: { route: uss }", &["8:17: error: unknown pool or policy `uss`"]),
        ("  www: { route: us, hold_down: 5s }", &["8:21: error: `hold_down` is not yet supported"]),
        (
            "  a..b: { A: 192.0.2.1 }",
            &[
                "8:3: error: `a..b` is no domain name: a label is empty (two dots in a row, or a dot at the start)",
            ],
        ),
        ("  bücher: { A: 192.0.2.1 }", &["8:3: error: `bücher` is not ASCII"]),
        (
            "  m: { MX: 10 c }\n  c: { CNAME: ns1 }",
            &["8:12: warning: MX names c.example.com., a CNAME (RFC 2181 §10.3)"],
        ),
        (
            "  m: { MX: 10 nowhere }",
            &["8:12: warning: MX names nowhere.example.com., which has no address"],
        ),
        (
            "  m: { SRV: 0 0 443 nowhere }",
            &["8:13: warning: SRV names nowhere.example.com., which has no address"],
        ),
        (
            "  c: { CNAME: nowhere }",
            &["8:15: warning: nowhere.example.com. does not exist in this zone"],
        ),
        (
            "  \"@\": { A: 192.0.2.1 }\n  dept: { NS: ns2 }",
            &["9:15: error: the name server ns2.example.com. has no address in this zone"],
        ),
    ] as [(&str, &[&str]); _]
    {
        assert_eq!(messages_of_names(names), expected, "{names}");
    }
}

#[test]
fn mistakes_of_whole_files() {
    for (files, expected) in [
        (
            &[("z", "zone: example.com\nnames: { www: { A: 192.0.2.1 } }\n")],
            &["z:1:7: error: a zone needs `ns`, the names of its name servers"],
        ),
        (
            &[("z", "zone: example.com\nns: ns1\n")],
            &["z:2:5: error: the name server ns1.example.com. has no address in this zone"],
        ),
        (
            &[("z", "zone: example.com\nns: [c]\nnames:\n  c: { CNAME: x.example.net. }\n")],
            &["z:2:6: error: the name server c.example.com. is a CNAME (RFC 2181 §10.3)"],
        ),
        (&[("z", "zone: example.com\nns: ns.example.net.\n")], &[]),
        (
            &[("z", "ns: ns.example.net.\nnames: {}\n")],
            &["z:1:1: error: `ns` in a file without `zone:`"],
        ),
        (
            &[("z", "zone:\nns: ns.example.net.\n")],
            &["z:1:1: error: expected the name of the zone, found nothing"],
        ),
        (
            &[("z", "zone: '*.example.com'\nns: ns.example.net.\n")],
            &["z:1:7: error: a zone's name has no `*` in it"],
        ),
        (
            &[("z", "zone: example.com\nns: ns.example.net.\nnames: [a]\n")],
            &["z:3:8: error: `names` is a mapping (`key: value`), found a list"],
        ),
        (
            &[("z", "zone: example.com\nns: ns.example.net.\nnane: x\nslow_start: 3\n")],
            &[
                "z:3:1: error: a zone file has no key `nane`",
                "z:4:1: error: `slow_start` is not yet supported",
            ],
        ),
        (
            &[(
                "z",
                "zone: example.com\nns: ns.example.net.\nsoa: { primary: x, contact: a@b@c, serial: -1, ttl: x, retries: 3 }\n",
            )],
            &[
                "z:3:29: error: `a@b@c` is no mailbox",
                "z:3:44: error: expected a serial (0 to 4294967295), found `-1`",
                "z:3:53: error: expected seconds such as 300, 30s, 5m or 1h, at most 2147483647, found `x`",
                "z:3:56: error: `soa` has no key `retries`",
            ],
        ),
        (
            &[(
                "z",
                "zone: example.com\nns: ns.example.net.\necs: maybe\nttl: 99999999999\nwhen_down: nodate\ntests: []\n",
            )],
            &[
                "z:3:6: error: expected ecs (`on`, `off`), found `maybe`",
                "z:4:6: error: expected a TTL such as 30s, or longest/shortest such as 60s/15s, found `99999999999`",
                "z:5:12: error: expected `when_down` (`serve_all`, `last_healthy`, `nodata`, `servfail`, `refused`, or `fallback: [addresses]`), found `nodate`",
                "z:6:1: error: `tests` is not yet supported",
            ],
        ),
        (
            &[
                ("a", "zone: example.com\nns: ns.example.net.\n"),
                ("b", "zone: Example.COM.\nns: ns.example.net.\n"),
            ],
            &["b:1:7: error: the zone example.com. stands twice"],
        ),
        (
            &[
                (
                    "a",
                    "zone: example.com\nns: ns.example.net.\nnames:\n  x.dept: { A: 192.0.2.1 }\n  dept: { TXT: x }\n",
                ),
                ("b", "zone: dept.example.com.\nns: ns.example.net.\n"),
            ],
            &[
                "a:4:3: error: x.dept.example.com. belongs to the zone dept.example.com.",
                "a:5:3: error: dept.example.com. belongs to the zone dept.example.com.",
            ],
        ),
        (
            &[
                (
                    "a",
                    "zone: example.com\nns: ns.example.net.\nnames:\n  ns.dept: { A: 192.0.2.1 }\n  dept: { NS: ns.dept }\n",
                ),
                ("b", "zone: dept.example.com.\nns: ns\nnames: { ns: { A: 192.0.2.1 } }\n"),
            ],
            &[],
        ),
        (
            &[
                (
                    "a",
                    "zone: example.com\nns: ns.example.net.\nnames:\n  x: { ALIAS: y.example.net. }\n",
                ),
                (
                    "b",
                    "zone: example.net.\nns: ns\nnames: { ns: { A: 192.0.2.1 }, y: { ALIAS: x.example.com. } }\n",
                ),
            ],
            &["a:4:15: error: an ALIAS loop: x.example.com. → y.example.net. → x.example.com."],
        ),
        (
            &[
                ("a", "pools: { x: { members: 192.0.2.1 } }"),
                (
                    "b",
                    "pools: { x: { members: 192.0.2.1 } }\nzone: example.net.\nns: ns\nnames: { ns: { route: x }}\n",
                ),
            ],
            &["b:1:10: error: pool or policy `x` is already shared"],
        ),
        (
            &[("a", "- x"), ("b", ""), ("c", "hello")],
            &[
                "a:1:1: error: a zone file is a mapping (`key: value`), found a list",
                "c:1:1: error: a zone file is a mapping (`key: value`), found `hello`",
            ],
        ),
        (
            &[
                ("a", "pools: { x: { members: 192.0.2.1 }"),
                ("b", "zone: example.net.\nns: ns\nnames: { ns: { route: x } , y: { Q: 3 }}\n"),
            ],
            &[
                "a:1:35: error: while parsing a flow mapping, did not find expected ',' or '}'",
                "b:3:34: error: unknown record type `Q`",
            ],
        ),
        (
            &[(
                "a",
                "zone: example.com\nns: ns.example.net.\nwhen_down: nodata\npools:\n  us: { members: 192.0.2.1 }\nnames:\n  www: { route: { geo: { europe: us, default: us } } }\n",
            )],
            &[
                "a:3:1: error: `when_down: nodata` under a policy that tells clients apart",
                "a:7:26: warning: no loaded database gives the continent of clients: `europe` never matches",
            ],
        ),
    ] as [(&[(&str, &str)], &[&str]); _]
    {
        assert_eq!(messages(files), expected, "{files:?}");
    }
}

#[test]
fn mistakes_of_steering() {
    for (names, expected) in [
        ("  www: { route: uss }", &["8:17: error: unknown pool or policy `uss`"]),
        (
            "  www: { route: { weighted: { us: 0, eu: 0 } } }",
            &["8:29: error: every weight of `weighted` is 0"],
        ),
        (
            "  www: { route: { weighted: { us: 70000, eu: 1 } } }",
            &["8:35: error: expected a weight (0 to 65535), found `70000`"],
        ),
        ("  www: { route: { geo: { europe: eu } } }", &["8:24: error: `geo` needs `default`"]),
        (
            "  www: { route: { geo: { europa: eu, XX: us, default: us } } }",
            &["8:26: error: unknown client `europa`", "8:38: error: unknown country `XX`"],
        ),
        (
            "  www: { route: { geo: { 10.0.0.1/8: eu, default: us } } }",
            &["8:26: error: `10.0.0.1/8` has bits set past its length of 8"],
        ),
        (
            "  www: { route: { geo: { 10.0.0.0/8: eu, 10.0.0.0/08: us, default: us } } }",
            &["8:42: error: 10.0.0.0/8 stands twice in this `geo`"],
        ),
        ("  www: { route: { faillover: [us, eu] } }", &["8:19: error: `faillover` is no policy"]),
        ("  www: { route: [us, eu] }", &["8:17: error: expected a policy, found a list"]),
        (
            "  www: { route: { failover: us } }",
            &["8:29: error: `failover` takes a list of children, found `us`"],
        ),
        (
            "  www: { route: { sticky: { to: [us, eu], by: 33/56 } } }",
            &[
                "8:47: error: expected prefix lengths of IPv4/IPv6 such as 24/56 (0 to 32, 0 to 128), found `33/56`",
            ],
        ),
    ] as [(&str, &[&str]); _]
    {
        assert_eq!(messages_of_names(names), expected, "{names}");
    }
    for (text, expected) in [
        (
            "pools: { us: { members: [192.0.2.300] } }",
            &["1:26: error: expected an IPv4 or IPv6 address, found `192.0.2.300`"],
        ),
        (
            "pools: { us: { probe: webb, members: [192.0.2.1] } }\nprobes: { web: { tcp: { port: 80 } } }",
            &["1:23: error: unknown probe `webb`"],
        ),
        (
            "pools: { us: { slow_start: 3s, members: [192.0.2.1] } }",
            &["1:16: error: `slow_start` is not yet supported"],
        ),
        (
            "pools: { us: { members: [{ address: 192.0.2.1, probe_address: 2001:db8::1 }] } }",
            &["1:63: warning: `probe_address` changes nothing: this pool has no probe"],
        ),
        (
            "pools: { us: { members: [192.0.2.1, { address: 2001:db8:: }] } }",
            &["1:48: error: an IPv6 address that ends in `::` needs quotes"],
        ),
        (
            "probes: { web: { tcp: { port: 80 }, every: 5s, timeout: 6s } }",
            &["1:57: error: timeout 6s is longer than every 5s"],
        ),
        (
            "probes: { web: { tcp: { port: 80 }, every: 5 } }",
            &[
                "1:44: error: expected a duration such as 5s or 200ms (units: ms, s, m, h, d, w), found `5`",
            ],
        ),
        (
            "policies: { a: b, b: { all: [a] } }",
            &["1:30: error: policies refer to each other in a loop: `a` → `b` → `a`"],
        ),
        ("rtt: { file: rtt.csv }", &["1:8: error: `rtt: { file: … }` is not yet supported"]),
    ] as [(&str, &[&str]); _]
    {
        let messages = messages(&[("z", text)]);
        let messages: Vec<_> = messages.iter().map(|m| m.trim_start_matches("z:")).collect();
        assert_eq!(messages, expected, "{text}");
    }
}

const SHOWN: &str = "  \
  error: a name has no key `rout`
   ╭─[zones/a.yaml:4:10]
 4 │   www: { rout: us }
   ·          ────
   ╰────
  help: did you mean `route`? a name has record types in upper case, and `route`, `answers`, `ttl`,
        `when_down`, `ALIAS`
  error: the zone example.com. stands twice
   ╭─[zones/b.yaml:1:7]
 1 │ zone: EXAMPLE.com
   ·       ───────────
   ╰────
  note: it was defined here
   ╭─[zones/a.yaml:1:7]
 1 │ zone: example.com
   ·       ───────────
   ╰────
";

#[test]
fn a_mistake_is_shown_with_its_line_and_what_is_right() {
    let loaded = load_texts(&[
        ("zones/a.yaml", "zone: example.com\nns: ns.example.net.\nnames:\n  www: { rout: us }\n"),
        ("zones/b.yaml", "zone: EXAMPLE.com\nns: ns.example.net.\n"),
    ]);
    let shown: String = loaded.diagnostics.iter().map(|d| d.render(Style::Plain)).collect();
    assert_eq!(shown, SHOWN);
}

proptest::proptest! {
    #[test]
    fn no_names_make_it_panic(
        names in proptest::collection::vec(proptest::sample::select(vec![
            "www: ", "\"*\": ", "\"@\": ", "a.b: ", "b: ", "{ A: 192.0.2.1 }", "{ CNAME: b }", "{ ALIAS: www }",
            "{ NS: ns.b, DS: 1 13 2 00 }", "{ route: us }", "{ route: { geo: { default: us } } }",
            "{ TXT: \"x", "{ MX: 10 @ }", "{ A: ", "\n", "\n  ", "\"*.b\": ", "ns.b: ", "}", "[",
        ]), 0..20),
    ) {
        let text = format!("{BASE}  {}", names.concat());
        let loaded = load_texts(&[("z", &text)]);
        let errors = loaded.diagnostics.iter().any(|d| d.severity == Severity::Error);
        proptest::prop_assert_eq!(loaded.config.is_none(), errors);
        for diagnostic in &loaded.diagnostics {
            proptest::prop_assert!(diagnostic.render(Style::Plain).contains(diagnostic.severity.word()));
        }
    }
}

#[test]
fn a_nodes_file_among_zone_files_is_told_from_a_shared_one() {
    let said = |files: &[(&str, &str)]| -> Vec<_> {
        let found = load_texts(files).diagnostics;
        found.iter().map(|one| (one.one_line(), one.help.clone().unwrap_or_default())).collect()
    };
    let help = "this is a node's file: `rhumb check -c etc/a.yaml`".to_owned();
    for key in ["node", "dns", "bgp", "vrrp", "ecmp", "admin", "state", "zones"] {
        let message = format!("etc/a.yaml:1:1: error: a shared file has no key `{key}`");
        let text = format!("{key}: x\nwatch: true\n");
        assert_eq!(said(&[("etc/a.yaml", &text)]), [(message, help.clone())]);
    }
    // With pools in it, what refers to them is no further mistake.
    let mixed = "pools: { p: { members: 192.0.2.1 } }\ndns: {}\n";
    let zone = "zone: example.net\nns: ns\nnames: { ns: { A: 192.0.2.1 }, a: { route: p } }\n";
    let message = "etc/a.yaml:2:1: error: a shared file has no key `dns`".to_owned();
    assert_eq!(said(&[("etc/a.yaml", mixed), ("z", zone)]), [(message, help)]);
    // A zone's file with a slip in its first key is none of a node.
    assert_eq!(
        said(&[("z", "zones: example.net\nns: ns\n")]),
        [(
            "z:2:1: error: `ns` in a file without `zone:`".to_owned(),
            "say which zone it is: zone: example.com".to_owned()
        )]
    );
}
