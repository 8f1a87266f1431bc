//! Mistakes in names and policies: message, place, and what would be right.

use super::{EVERYTHING, Loaded, SHARED, load, load_zone, text_at};
use crate::config::diagnostic::Severity;
use crate::policy::MAX_DEPTH;

/// A file of a zone beside [`SHARED`], what stands at the place of its one mistake, the message,
/// and a part of the help.
pub(super) type Case = (&'static str, &'static str, &'static str, &'static str);

pub(super) fn check(cases: &[Case]) {
    for (text, at, message, help) in cases {
        let loaded = load_zone(text);
        let errors = loaded.of(Severity::Error);
        let [error] = errors[..] else {
            panic!("{} mistakes in {text}\n{}", errors.len(), loaded.shown());
        };
        assert_eq!(error.message, *message, "{text}");
        assert_eq!(text_at(error, 0), *at, "{text}: {message}");
        assert!(error.labels[0].source.name() == "1.yaml", "{text}: {error}");
        let found = error.help.as_deref().unwrap_or("");
        assert!(found.contains(help), "{text}: {message}: help {found:?}");
        assert!(!help.is_empty() || found.is_empty(), "{text}: {message}: help {found:?}");
    }
}

#[test]
fn names_that_mean_nothing() {
    check(&[
        (
            "names: { www: us-esat }",
            "us-esat",
            "unknown pool or policy `us-esat`",
            "did you mean `us-east`?",
        ),
        (
            "names: { www: { failover: [us-east, wrold] } }",
            "wrold",
            "unknown pool or policy `wrold`",
            "did you mean `world`?",
        ),
        (
            "names: { www: { weighted: { us-east: 1, us-wset: 2 } } }",
            "us-wset",
            "unknown pool or policy `us-wset`",
            "did you mean `us-west`?",
        ),
        (
            "names: { www: { geo: { DE: qqq, default: us-east } } }",
            "qqq",
            "unknown pool or policy `qqq`",
            "",
        ),
        (
            "names: { www: 192.0.2.1 }",
            "192.0.2.1",
            "unknown pool or policy `192.0.2.1`",
            "an address is a member of a pool",
        ),
        (
            "pools: { a: { probe: weeb, members: 192.0.2.9 } }",
            "weeb",
            "unknown probe `weeb`",
            "did you mean `web`?",
        ),
        (
            "rtt: { DE: { us-esat: 5 } }",
            "us-esat",
            "unknown pool `us-esat`",
            "did you mean `us-east`?",
        ),
        ("rtt: { DE: { world: 5 } }", "world", "`world` is a policy, not a pool", ""),
    ]);
}

#[test]
fn names_that_mean_two_things() {
    check(&[
        (
            "pools: { lab: { members: 192.0.2.9 } }",
            "lab",
            "pool or policy `lab` is already shared",
            "give this one another name",
        ),
        (
            "policies: { lab: us-east }",
            "lab",
            "pool or policy `lab` is already shared",
            "give this one another name",
        ),
        (
            "pools: { a: { members: 192.0.2.9 } }\npolicies: { a: us-east }",
            "a",
            "pool or policy `a` is defined twice",
            "",
        ),
        (
            "probes: { web: { tcp: { port: 80 } } }",
            "web",
            "probe `web` is already shared",
            "give this one another name",
        ),
        (
            "pools: { a/b: { members: 192.0.2.9 } }",
            "a/b",
            "`a/b` cannot be the name of a pool",
            "ASCII letters",
        ),
    ]);
}

#[test]
fn a_name_defined_in_two_shared_files_is_labelled_in_both() {
    let more = "probes: { web: { tcp: { port: 80 } } }\npools: { lab: { members: 192.0.2.9 } }";
    let loaded = load(&[SHARED, more], EVERYTHING);
    let errors = loaded.of(Severity::Error);
    let messages: Vec<_> = errors.iter().map(|error| error.to_string()).collect();
    assert_eq!(
        messages,
        [
            "1.yaml:1:11: error: probe `web` is defined twice",
            "1.yaml:2:10: error: pool or policy `lab` is defined twice",
        ]
    );
    for error in errors {
        assert_eq!(error.labels[1].source.name(), "0.yaml");
        assert_eq!(text_at(error, 0), text_at(error, 1));
    }
}

#[test]
fn what_one_zone_defines_is_not_seen_elsewhere_and_the_help_says_where_it_is() {
    let one = "zone: one.example\npools: { mine: { members: 192.0.2.9 } }\nnames: { www: mine }";
    let other = "zone: other.example\nnames: { www: mine }";
    let shared = "policies: { p: { failover: [mine] } }";
    let loaded = load(&[shared, one, other], EVERYTHING);
    let errors = loaded.of(Severity::Error);
    assert_eq!(errors.len(), 2, "{}", loaded.shown());
    for (error, file) in errors.into_iter().zip(["0.yaml", "2.yaml"]) {
        assert_eq!(error.message, "unknown pool or policy `mine`");
        assert_eq!(error.place().expect("a place").0, file);
        assert!(error.help.as_ref().expect("help").starts_with("zone one.example defines `mine`"));
    }
}

#[test]
fn policies_that_are_none() {
    check(&[
        (
            "names: { www: { wieghted: { us-east: 1 } } }",
            "wieghted",
            "`wieghted` is no policy",
            "did you mean `weighted`? a policy is a name, or one of `weighted`, `failover`",
        ),
        (
            "names: { www: { to: us-east } }",
            "to",
            "`to` is no policy",
            "stands where a child of a policy stands",
        ),
        (
            "names: { www: { all: [us-east], failover: [us-west] } }",
            "failover",
            "a policy is one method, found `all` and `failover`",
            "nest one in the other",
        ),
        (
            "names: { www: { sticky: [us-east], by: 24/56 } }",
            "by",
            "`by` beside `sticky`",
            "write `sticky: { to: [a, b], by: … }`",
        ),
        (
            "names: { www: { failover: [{ all: [us-east], degraded: 5% }] } }",
            "degraded",
            "`degraded` beside `all`",
            "`{ to: { all: … }, degraded: … }`",
        ),
        (
            "names: { www: {} }",
            "{}",
            "expected a policy, found an empty mapping",
            "a policy is a name",
        ),
        (
            "names: { www: { x: 1, y: 2 } }",
            "x",
            "expected a policy, found a mapping with `x`",
            "a policy is a name",
        ),
        (
            "names: { www: [us-east] }",
            "[us-east]",
            "expected a policy, found a list",
            "failover: [a, b]",
        ),
        (
            "names: { www: }",
            "www",
            "expected the name of a pool or a policy, or a policy, found nothing",
            "",
        ),
        ("names: { www: { all: [] } }", "[]", "`all` has no children", ""),
        ("names: { www: { weighted: [] } }", "[]", "`weighted` has no children", ""),
        ("names: { www: { weighted: {} } }", "{}", "`weighted` has no children", ""),
        ("names: { www: { sticky: { to: {} } } }", "{}", "`sticky` has no children", ""),
        (
            "names: { www: { failover: us-east } }",
            "us-east",
            "`failover` takes a list of children, found `us-east`",
            "failover: [a, b]",
        ),
        (
            "names: { www: { nearest: { us-east: 1 } } }",
            "{ us-east: 1 }",
            "`nearest` takes a list of children, found a mapping",
            "nearest: [a, b]",
        ),
    ]);
}

#[test]
fn options_that_are_wrong() {
    check(&[
        (
            "names: { www: { weighted: { us-east: 70000 } } }",
            "70000",
            "expected a weight (0 to 65535), found `70000`",
            "",
        ),
        (
            "names: { www: { weighted: { us-east: 95% } } }",
            "95%",
            "expected a weight (0 to 65535), found `95%`",
            "",
        ),
        (
            "names: { www: { weighted: { us-east: 0, us-west: 0 } } }",
            "{ us-east: 0, us-west: 0 }",
            "every weight of `weighted` is 0",
            "let one be above 0",
        ),
        (
            "names: { www: { weighted: [us-east, { to: us-west, weight: 2 }] } }",
            "us-east",
            "this child of `weighted` has no weight",
            "weight: 1",
        ),
        (
            "names: { www: { sticky: [us-east, { to: us-west, weight: 2 }] } }",
            "us-east",
            "this child of `sticky` has no weight",
            "weight: 1",
        ),
        (
            "names: { www: { sticky: { to: [{ to: us-west, weight: 0 }] } } }",
            "[{ to: us-west, weight: 0 }]",
            "every weight of `sticky` is 0",
            "let one be above 0",
        ),
        (
            "names: { www: { sticky: { to: [us-east], by: 33/56 } } }",
            "33/56",
            "expected prefix lengths of IPv4/IPv6 such as 24/56 (0 to 32, 0 to 128), found `33/56`",
            "",
        ),
        (
            "names: { www: { sticky: { to: [us-east], by: 24 } } }",
            "24",
            "expected prefix lengths of IPv4/IPv6 such as 24/56 (0 to 32, 0 to 128), found `24`",
            "",
        ),
        (
            "names: { www: { sticky: { by: 24/56 } } }",
            "{ by: 24/56 }",
            "`sticky` needs `to`",
            "write `sticky: { to: [a, b], by: … }`",
        ),
        (
            "names: { www: { sticky: { us-east: 1, us-west: 1 } } }",
            "{ us-east: 1, us-west: 1 }",
            "`sticky` needs `to`",
            "write `sticky: { to: [a, b], by: … }`",
        ),
        (
            "names: { www: { failover: [{ to: us-east, degraded: 101% }] } }",
            "101%",
            "expected a percentage such as 50% (0% to 100%), found `101%`",
            "",
        ),
        (
            "names: { www: { failover: [{ to: us-east, degraded: 70.5% }] } }",
            "70.5%",
            "expected a whole percentage such as 70%, found `70.5%`",
            "",
        ),
        (
            "names: { www: { failover: [{ to: us-east, bias: 5 }] } }",
            "bias",
            "a child of `failover` has no key `bias`",
            "the keys of a child of `failover` are `to`, `degraded`",
        ),
        (
            "names: { www: { nearest: [{ to: us-east, bias: 100 }, us-west] } }",
            "100",
            "expected a whole number from -99 to 99, in percent, found `100`",
            "",
        ),
        (
            "names: { www: { nearest: [{ to: lab, at: [91, 0] }, us-west] } }",
            "91",
            "expected a latitude (-90 to 90), found `91`",
            "",
        ),
        (
            "names: { www: { nearest: [{ to: lab, at: 1 }, us-west] } }",
            "1",
            "expected [latitude, longitude] such as [39.04, -77.49], found `1`",
            "",
        ),
        (
            "names: { www: { nearest: [lab, us-west] } }",
            "lab",
            "`nearest` needs a place for pool `lab`",
            "{ to: lab, at: [latitude, longitude] }",
        ),
        (
            "names: { www: { nearest: [world, us-west] } }",
            "world",
            "`nearest` needs a place for `world`, which is no pool",
            "{ to: policy, at: [latitude, longitude] }",
        ),
        (
            "names: { www: { latency: { to: [us-east, us-west], within: 10 } } }",
            "10",
            "expected a percentage such as 50% (0% to 1000%), found `10`",
            "",
        ),
        (
            "names: { www: { latency: { us-east: 1 } } }",
            "{ us-east: 1 }",
            "`latency` needs `to`",
            "write `latency: { to: [a, b], within: … }`",
        ),
        (
            "names: { www: { geo: { DE: { to: us-east, fence: soft }, default: lab } } }",
            "soft",
            "expected a fence (`hard`), found `soft`",
            "",
        ),
    ]);
}

#[test]
fn children_that_are_listed_twice() {
    check(&[
        (
            "names: { www: { failover: [us-east, us-west, us-east] } }",
            "us-east",
            "`us-east` is listed twice",
            "",
        ),
        (
            "names: { www: { nearest: [us-east, us-east] } }",
            "us-east",
            "`us-east` is listed twice",
            "",
        ),
        (
            "names: { www: { latency: [us-east, us-east] } }",
            "us-east",
            "`us-east` is listed twice",
            "",
        ),
        (
            "names: { www: { sticky: [us-east, us-east] } }",
            "us-east",
            "`us-east` is listed twice",
            "",
        ),
        ("names: { www: { all: [us-east, us-east] } }", "us-east", "`us-east` is listed twice", ""),
        (
            "names: { www: { weighted: [{ to: us-east, weight: 1 }, { to: us-east, weight: 2 }] } }",
            "us-east",
            "`us-east` is listed twice",
            "",
        ),
        (
            "policies: { alias: us-east }\nnames: { www: { failover: [us-east, alias] } }",
            "alias",
            "`us-east` is listed twice",
            "",
        ),
        (
            "names: { www: { failover: [{ all: [us-east] }, { all: [us-east] }] } }",
            "{ all: [us-east] }",
            "`all: [us-east]` is listed twice",
            "",
        ),
    ]);
}

#[test]
fn loops_are_printed_and_every_reference_is_labelled() {
    for (text, path, places) in [
        ("policies: { a: a }", "`a` → `a`", vec!["a"]),
        ("policies: { a: { all: [a, us-east] } }", "`a` → `a`", vec!["a"]),
        (
            "policies: { a: { failover: [us-east, b] }, b: { geo: { DE: c, default: lab } }, c: a }",
            "`a` → `b` → `c` → `a`",
            vec!["a", "b", "c"],
        ),
        (
            "policies: { x: { all: [a] }, a: b, b: { failover: [lab, { all: [a] }] } }",
            "`a` → `b` → `a`",
            vec!["a", "b"],
        ),
    ] {
        let loaded = load_zone(text);
        let errors = loaded.of(Severity::Error);
        let [error] = errors[..] else { panic!("{text}\n{}", loaded.shown()) };
        let message = format!("policies refer to each other in a loop: {path}");
        assert_eq!(error.message, message, "{text}");
        let found: Vec<_> = (0..error.labels.len()).map(|label| text_at(error, label)).collect();
        assert_eq!(found, places, "{text}");
    }
}

/// Policies p0 to p`length`, each of `link` of the one before, p0 of a pool.
fn chain(length: usize, link: &str) -> Loaded {
    let mut text = format!("policies:\n  p0: {}\n", link.replace('@', "us-east"));
    for index in 1..length {
        text += &format!("  p{index}: {}\n", link.replace('@', &format!("p{}", index - 1)));
    }
    load_zone(&format!("{text}names: {{ www: p{} }}", length - 1))
}

#[test]
fn named_policies_nest_to_the_limit_and_no_deeper() {
    chain(MAX_DEPTH - 1, "{ failover: [@] }").policies();
    let loaded = chain(10_000, "{ failover: [@] }");
    let errors = loaded.of(Severity::Error);
    let [error] = errors[..] else { panic!("{}", loaded.shown()) };
    assert_eq!(error.message, "policies nest deeper than 64 levels here");
    assert_eq!(error.place().expect("a place").1, MAX_DEPTH + 2, "at p63: {error}");
    assert_eq!(loaded.resolved.routes, [None]);
}

#[test]
fn a_long_chain_of_other_names_is_no_nesting() {
    let loaded = chain(10_000, "@");
    assert_eq!(loaded.label(0), "us-east");
}

#[test]
fn a_long_loop_is_cut_short_in_its_message() {
    let names: Vec<_> =
        (0..10_000).map(|i| format!("p{i}: {{ all: [p{}] }}", (i + 1) % 10_000)).collect();
    let loaded = load_zone(&format!("policies: {{ {} }}", names.join(", ")));
    let errors = loaded.of(Severity::Error);
    let [error] = errors[..] else { panic!("{}", errors.len()) };
    assert!(error.message.ends_with("`p7` → … 9992 more → `p0`"), "{}", error.message);
    assert_eq!(error.labels.len(), 9);
}

#[test]
fn every_mistake_is_reported_at_once_and_no_mistake_twice() {
    let loaded = load_zone(
        "pools:
  bad: { at: [1], probe: nope, members: [1.2.3.4, x] }
policies:
  p: { nearest: [bad, nowhere, lab] }
  q: { failover: [p, { weighted: { nix: 0 } }] }
names:
  www: { geo: { XX: gone, DE: q } }
  api: bad
  ok: world
",
    );
    let errors: Vec<_> = loaded.of(Severity::Error).iter().map(|e| e.to_string()).collect();
    assert_eq!(
        errors,
        [
            "1.yaml:3:14: error: a place is [latitude, longitude], found 1 parts",
            "1.yaml:3:26: error: unknown probe `nope`",
            "1.yaml:3:51: error: expected an IPv4 or IPv6 address, found `x`",
            "1.yaml:5:23: error: unknown pool or policy `nowhere`",
            "1.yaml:5:32: error: `nearest` needs a place for pool `lab`",
            "1.yaml:6:34: error: every weight of `weighted` is 0",
            "1.yaml:6:36: error: unknown pool or policy `nix`",
            "1.yaml:8:15: error: `geo` needs `default`",
            "1.yaml:8:17: error: unknown country `XX`",
            "1.yaml:8:21: error: unknown pool or policy `gone`",
        ]
    );
    assert!(loaded.of(Severity::Warning).is_empty(), "nothing is unused yet: {}", loaded.shown());
    assert_eq!(loaded.resolved.routes.len(), 3);
    assert!(loaded.resolved.routes[1].is_some() && loaded.resolved.routes[2].is_some());
}

#[test]
fn of_many_mistakes_only_the_first_are_searched_for_what_was_meant() {
    let names: Vec<_> = (0..5_000).map(|index| format!("n{index}: us-esat")).collect();
    let loaded = load_zone(&format!("names: {{ {} }}", names.join(", ")));
    let errors = loaded.of(Severity::Error);
    assert_eq!(errors.len(), names.len());
    assert!(errors[0].help.is_some());
    assert!(errors[names.len() - 1].help.is_none());
}
