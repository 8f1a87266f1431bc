//! Mistakes in pools, probes and the clients that keys name: message, place, and what would be right.

use super::mistakes::check;
use super::{load_zone, text_at};
use crate::config::diagnostic::{Report, Severity, Source};
use crate::config::read::probe;
use crate::config::tree;
use crate::health::ProbeKind;

#[test]
fn clients_that_are_none() {
    check(&[
        (
            "names: { www: { geo: { DE: us-east } } }",
            "{ DE: us-east }",
            "`geo` needs `default`",
            "`default: pool`",
        ),
        (
            "names: { www: { geo: { defualt: us-east, default: lab } } }",
            "defualt",
            "unknown client `defualt`",
            "did you mean `default`?",
        ),
        (
            "names: { www: { geo: { de: us-east, default: lab } } }",
            "de",
            "`de` is not in upper case",
            "write DE",
        ),
        (
            "names: { www: { geo: { UK: us-east, default: lab } } }",
            "UK",
            "unknown country `UK`",
            "did you mean `GB` (United Kingdom)?",
        ),
        (
            "names: { www: { geo: { evrope: us-east, default: lab } } }",
            "evrope",
            "unknown client `evrope`",
            "did you mean `europe`?",
        ),
        (
            "names: { www: { geo: { 10.0.0.1/8: us-east, default: lab } } }",
            "10.0.0.1/8",
            "`10.0.0.1/8` has bits set past its length of 8",
            "write 10.0.0.0/8, or 10.0.0.1/32",
        ),
        (
            "names: { www: { geo: { \"2001:db8::/32\": us-east, \"2001:DB8:0::/32\": lab, default: lab } } }",
            "\"2001:DB8:0::/32\"",
            "2001:db8::/32 stands twice in this `geo`",
            "",
        ),
        (
            "names: { www: { geo: { AS64500: us-east, AS064500: lab, default: lab } } }",
            "AS064500",
            "AS64500 stands twice in this `geo`",
            "",
        ),
        (
            "rtt: { europe: { us-east: 5 } }",
            "europe",
            "`europe` is a continent",
            "`rtt` knows clients by country",
        ),
        (
            "rtt: { US-CA: { us-east: 5 } }",
            "US-CA",
            "`US-CA` is a subdivision",
            "`rtt` knows clients by country",
        ),
        (
            "rtt: { file: rtt.csv }",
            "file",
            "`rtt: { file: … }` is not yet supported",
            "take it out",
        ),
        (
            "rtt: { DE: { us-east: 0 } }",
            "0",
            "expected milliseconds, a number above 0 and at most 60000, found `0`",
            "",
        ),
        (
            "rtt: { DE: { us-east: inf } }",
            "inf",
            "expected milliseconds, a number above 0 and at most 60000, found `inf`",
            "",
        ),
        (
            "rtt: { AS64500: { us-east: 5 }, AS064500: { us-east: 6, us-west: 7 } }",
            "us-east",
            "the time from AS64500 to `us-east` stands twice",
            "",
        ),
        ("rtt: { DE: 5 }", "5", "a row of `rtt` is a mapping (`key: value`), found `5`", ""),
    ]);
}

#[test]
fn pools_that_are_wrong() {
    check(&[
        ("pools: { a: { probe: web } }", "{ probe: web }", "a pool needs `members`", ""),
        ("pools: { a: { members: [] } }", "[]", "a pool without members", "at least one address"),
        (
            "pools: { a: 192.0.2.9 }",
            "192.0.2.9",
            "a pool is a mapping (`key: value`), found `192.0.2.9`",
            "",
        ),
        (
            "pools: { a: { members: [192.0.2.9, { address: 192.0.2.9, weight: 2 }] } }",
            "192.0.2.9",
            "member 192.0.2.9 stands twice in this pool",
            "weight",
        ),
        (
            "pools: { a: { members: 192.0.2 } }",
            "192.0.2",
            "expected an IPv4 or IPv6 address, found `192.0.2`",
            "",
        ),
        (
            "pools: { a: { members: \"::\" } }",
            "\"::\"",
            ":: is the unspecified address, not the address of a load balancer",
            "",
        ),
        (
            "pools: { a: { members: 0.0.0.0 } }",
            "0.0.0.0",
            "0.0.0.0 is the unspecified address, not the address of a load balancer",
            "",
        ),
        (
            "pools: { a: { members: 224.0.0.1 } }",
            "224.0.0.1",
            "224.0.0.1 is a multicast address, not the address of a load balancer",
            "",
        ),
        (
            "pools: { a: { probe: web, members: { address: 192.0.2.9, probe_address: \"ff02::1\" } } }",
            "\"ff02::1\"",
            "ff02::1 is a multicast address, not the address of a load balancer",
            "",
        ),
        (
            "pools: { a: { members: 255.255.255.255 } }",
            "255.255.255.255",
            "255.255.255.255 is the broadcast address, not the address of a load balancer",
            "",
        ),
        (
            "pools: { a: { members: \"::ffff:192.0.2.9\" } }",
            "\"::ffff:192.0.2.9\"",
            "::ffff:192.0.2.9 is an IPv4 address in IPv6 form",
            "write 192.0.2.9",
        ),
        (
            "pools: { a: { members: { address: 192.0.2.9, weight: 0 } } }",
            "0",
            "expected a weight (1 to 65535), found `0`",
            "",
        ),
        (
            "pools: { a: { members: { weight: 1 } } }",
            "{ weight: 1 }",
            "a member needs `address`",
            "",
        ),
        (
            "pools: { a: { members: { address: 192.0.2.9, wieght: 1 } } }",
            "wieght",
            "a member has no key `wieght`",
            "did you mean `weight`?",
        ),
        (
            "pools: { a: { min_healthy: 0%, members: 192.0.2.9 } }",
            "0%",
            "expected a percentage such as 50% (1% to 100%), found `0%`",
            "",
        ),
        (
            "pools: { a: { min_healthy: 50, members: 192.0.2.9 } }",
            "50",
            "expected a percentage such as 50% (1% to 100%), found `50`",
            "",
        ),
        (
            "pools: { a: { linked: yes, members: 192.0.2.9 } }",
            "yes",
            "expected true or false, found `yes`",
            "",
        ),
        (
            "pools: { a: { capacity: -1, members: 192.0.2.9 } }",
            "-1",
            "expected a capacity above 0, a number without a unit, found `-1`",
            "",
        ),
        (
            "pools: { a: { at: [1, 2, 3], members: 192.0.2.9 } }",
            "[1, 2, 3]",
            "a place is [latitude, longitude], found 3 parts",
            "",
        ),
        (
            "pools: { a: { at: [1, 181], members: 192.0.2.9 } }",
            "181",
            "expected a longitude (-180 to 180), found `181`",
            "",
        ),
        (
            "pools: { a: { slow_start: 30s, members: 192.0.2.9 } }",
            "slow_start",
            "`slow_start` is not yet supported",
            "take it out",
        ),
        (
            "pools: { a: { hold_down: 30s, members: 192.0.2.9 } }",
            "hold_down",
            "`hold_down` is not yet supported",
            "take it out",
        ),
        (
            "pools: { a: { membres: 192.0.2.9, members: 192.0.2.8 } }",
            "membres",
            "a pool has no key `membres`",
            "did you mean `members`?",
        ),
        (
            "pools: { a: { probe: [], members: 192.0.2.9 } }",
            "[]",
            "an empty list of probes",
            "leave `probe` out",
        ),
        (
            "pools: { a: { probe: [web, web], members: 192.0.2.9 } }",
            "web",
            "probe `web` is listed twice",
            "",
        ),
    ]);
}

#[test]
fn probes_that_are_wrong() {
    check(&[
        (
            "probes: { p: { every: 5s } }",
            "{ every: 5s }",
            "the probe does not say what it asks",
            "`http`, `https`, `tcp`, `tls`",
        ),
        (
            "probes: { p: { tcp: { port: 1 }, tls: {} } }",
            "tls",
            "a probe asks one thing, found `tcp` and `tls`",
            "make two probes",
        ),
        (
            "probes: { p: { htps: {} , tcp: { port: 1 } } }",
            "htps",
            "a probe has no key `htps`",
            "did you mean `https`?",
        ),
        ("probes: { p: { tcp: {} } }", "{}", "a tcp probe needs `port`", ""),
        ("probes: { p: { tcp: { port: 0 } } }", "0", "expected a port (1 to 65535), found `0`", ""),
        (
            "probes: { p: { tcp: { port: 80, path: / } } }",
            "path",
            "a tcp probe has no key `path`",
            "the keys of a tcp probe are `port`",
        ),
        (
            "probes: { p: { http: { ca: x.pem } } }",
            "ca",
            "an http probe has no key `ca`",
            "the keys of an http probe are `path`, `port`",
        ),
        (
            "probes: { p: { http: { path: healthz } } }",
            "healthz",
            "the path `healthz` does not start with a slash",
            "host and port",
        ),
        ("probes: { p: { http: { path: /a b } } }", "/a b", "' ' cannot stand in a path", "encode"),
        (
            "probes: { p: { https: { host: \"a:443\" } } }",
            "\"a:443\"",
            "`a:443` is no host name",
            "the port has its own key",
        ),
        (
            "probes: { p: { http: { status: 99 } } }",
            "99",
            "expected a status or a range such as 200-299 (100 to 599), found `99`",
            "",
        ),
        (
            "probes: { p: { http: { status: [299-200] } } }",
            "299-200",
            "expected a status or a range such as 200-299 (100 to 599), found `299-200`",
            "",
        ),
        (
            "probes: { p: { http: { status: [] } } }",
            "[]",
            "no status counts as success",
            "[200-299]",
        ),
        (
            "probes: { p: { http: { body: \"\" } } }",
            "\"\"",
            "expected a text that the body holds, found ``",
            "",
        ),
        (
            "probes: { p: { http: {}, every: 5 } }",
            "5",
            "expected a duration such as 5s or 200ms (units: ms, s, m, h, d, w), found `5`",
            "",
        ),
        (
            "probes: { p: { http: {}, every: 10ms } }",
            "10ms",
            "every 10ms is too often (at least 100ms)",
            "",
        ),
        (
            "probes: { p: { http: {}, timeout: 6s } }",
            "6s",
            "timeout 6s is longer than every 5s",
            "at most 5s",
        ),
        (
            "probes: { p: { http: {}, every: 2s, timeout: 3s } }",
            "3s",
            "timeout 3s is longer than every 2s",
            "at most 2s",
        ),
        (
            "probes: { p: { http: {}, fall: 0 } }",
            "0",
            "expected a number of results (1 to 1000), found `0`",
            "",
        ),
        (
            "probes: { p: { http: {}, rise: 1001 } }",
            "1001",
            "expected a number of results (1 to 1000), found `1001`",
            "",
        ),
    ]);
}

#[test]
fn a_timeout_over_every_names_both_places() {
    let loaded = load_zone("probes: { p: { http: {}, every: 2s, timeout: 3s } }");
    let error = loaded.of(Severity::Error)[0];
    assert_eq!([text_at(error, 0), text_at(error, 1)], ["3s", "2s"]);
}

#[test]
fn certificate_authorities_are_read_beside_the_file_that_names_them() {
    let directory = tempfile::tempdir().expect("a directory");
    let issued = rcgen::generate_simple_self_signed(["example.com".to_owned()]).expect("made");
    let write = |name: &str, text: &str| {
        std::fs::write(directory.path().join(name), text).expect("written");
    };
    write("good.pem", &issued.cert.pem());
    write("empty.pem", "nothing");
    write("broken.pem", &issued.cert.pem().replace("-----END", "----END"));
    for (name, reason) in [
        ("good.pem", None),
        ("missing.pem", Some("No such file")),
        ("empty.pem", Some("no certificate in it")),
        ("broken.pem", Some("")),
    ] {
        let mut report = Report::default();
        let path = directory.path().join("zone.yaml").display().to_string();
        let text = format!("tls: {{ ca: {name} }}");
        let file = report.add_source(Source::new(path, text));
        let tree = tree::parse(file, &mut report).expect("a tree");
        let shape = probe::read(&tree, &mut report);
        let found = report.into_diagnostics();
        match (shape, reason) {
            (Some(shape), None) => {
                let ProbeKind::Tls(tls) = shape.spec.kind else { panic!("tls") };
                assert_eq!(tls.ca.as_deref(), Some(&*directory.path().join(name)));
            }
            (None, Some(reason)) => assert!(found[0].message.contains(reason), "{}", found[0]),
            (shape, _) => panic!("{name}: {shape:?} {found:?}"),
        }
    }
}
