//! A policy as written: a name, or one of the methods with its children, to any depth.
//!
//! Reading goes as deep as the tree does, which [`MAX_NESTING`](crate::config::tree::MAX_NESTING)
//! bounds.

use std::collections::HashMap;

use super::client::{self, ClientKey};
use super::fields::{Fields, did_you_mean, mapping, word_list};
use super::{pool, scalar};
use crate::config::diagnostic::{Report, Span, Spanned};
use crate::config::tree::{Key, Node, Value, quote};
use crate::geo::Coordinates;
use crate::policy::PrefixLengths;

/// The methods, each the one key of its mapping.
const METHODS: [&str; 7] = ["weighted", "failover", "geo", "nearest", "latency", "sticky", "all"];

/// How many bits `sticky` hashes when it does not say: what one site has.
const STICKY_BY: PrefixLengths = PrefixLengths { v4: 24, v6: 56 };

/// A policy as written, and where.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct PolicyShape {
    pub span: Span,
    pub kind: PolicyKind,
}

/// What a policy is. Names are not looked up yet.
#[derive(Clone, Debug)]
pub enum PolicyKind {
    /// Not read: a mistake that is reported already.
    Broken,
    /// A pool or a named policy.
    Name(Box<str>),
    /// With weights, at least one above 0.
    Weighted(Vec<Child<u16>>),
    /// With the percentage kept while degraded.
    Failover(Vec<Child<Option<u8>>>),
    /// By client.
    Geo(GeoShape),
    /// By distance.
    Nearest(Vec<Child<NearestOptions>>),
    /// By round-trip time.
    Latency {
        /// With a place of their own.
        children: Vec<Child<Option<Coordinates>>>,
        /// As a fraction of the best time.
        within: f64,
    },
    /// By hash of the client.
    Sticky {
        /// With weights, at least one above 0.
        children: Vec<Child<u16>>,
        /// How many bits are hashed.
        by: PrefixLengths,
    },
    /// All of them.
    All(Vec<Child<()>>),
}

/// A child and the options that stand beside its `to`.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Child<O> {
    pub to: PolicyShape,
    pub options: O,
}

/// The keys of a `geo` policy, no key twice.
#[derive(Clone, Debug)]
pub struct GeoShape {
    /// In the order written.
    pub keys: Vec<(Spanned<ClientKey>, Child<Fence>)>,
    /// Absent only when that was reported.
    pub default: Option<Box<Child<Fence>>>,
}

/// Whether less specific keys are tried when a child is down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fence {
    /// They are.
    #[default]
    None,
    /// They are not.
    Hard,
}

/// What a child of `nearest` may say.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct NearestOptions {
    /// Its place; absent: its pool's.
    pub at: Option<Coordinates>,
    /// −99 to 99.
    pub bias: i8,
}

impl PolicyShape {
    /// The policies that stand inside this one, in the order written.
    #[must_use]
    pub fn children(&self) -> Vec<&Self> {
        fn of<O>(children: &[Child<O>]) -> Vec<&PolicyShape> {
            children.iter().map(|child| &child.to).collect()
        }
        match &self.kind {
            PolicyKind::Broken | PolicyKind::Name(_) => Vec::new(),
            PolicyKind::Weighted(children) | PolicyKind::Sticky { children, .. } => of(children),
            PolicyKind::Failover(children) => of(children),
            PolicyKind::Geo(GeoShape { keys, default }) => keys
                .iter()
                .map(|(_, child)| &child.to)
                .chain(default.iter().map(|c| &c.to))
                .collect(),
            PolicyKind::Nearest(children) => of(children),
            PolicyKind::Latency { children, .. } => of(children),
            PolicyKind::All(children) => of(children),
        }
    }
}

/// Reads a policy; mistakes are reported and leave [`PolicyKind::Broken`] in their place.
pub fn read(node: &Node, report: &mut Report) -> PolicyShape {
    let kind = match &node.value {
        Value::Mapping(entries) => match entries.as_slice() {
            [(key, node)] => read_method(key, node, report),
            entries => refuse_keys(node.span, entries, report),
        },
        Value::Sequence(_) => {
            report
                .error(node.span, "expected a policy, found a list")
                .help("say what the list is for, such as `failover: [a, b]`");
            None
        }
        Value::Scalar { .. } => {
            let name = scalar::text(node, "the name of a pool or a policy, or a policy", report);
            name.map(|name| PolicyKind::Name(name.into()))
        }
    };
    PolicyShape { span: node.span, kind: kind.unwrap_or(PolicyKind::Broken) }
}

fn read_method(key: &Key, node: &Node, report: &mut Report) -> Option<PolicyKind> {
    match key.value.as_str() {
        "weighted" => read_weighted(node, report).map(PolicyKind::Weighted),
        "failover" => {
            read_list(node, "failover", read_failover_child, report).map(PolicyKind::Failover)
        }
        "geo" => read_geo(node, report).map(PolicyKind::Geo),
        "nearest" => {
            read_list(node, "nearest", read_nearest_child, report).map(PolicyKind::Nearest)
        }
        "latency" => read_latency(node, report),
        "sticky" => read_sticky(node, report),
        "all" => read_list(node, "all", read_bare_child, report).map(PolicyKind::All),
        word => {
            let help = match word {
                "to" => "`{ to: … }` stands where a child of a policy stands; write what it is \
                         `to` alone"
                    .to_owned(),
                _ => methods_help(word),
            };
            report.error(key.span, format!("{} is no policy", quote(word))).help(help);
            None
        }
    }
}

fn methods_help(word: &str) -> String {
    let list = format!("a policy is a name, or one of {}", word_list(&METHODS));
    match did_you_mean(word, METHODS.into_iter()) {
        Some(near) => format!("did you mean `{near}`? {list}"),
        None => list,
    }
}

/// A mapping of other than one key is no policy; says what was probably meant.
fn refuse_keys(span: Span, entries: &[(Key, Node)], report: &mut Report) -> Option<PolicyKind> {
    let is_method = |(key, _): &&(Key, Node)| METHODS.contains(&key.value.as_str());
    let mut methods = entries.iter().filter(is_method);
    let (first, second) = (methods.next(), methods.next());
    match (first, second) {
        (Some((first, _)), Some((second, _))) => {
            let message =
                format!("a policy is one method, found `{}` and `{}`", first.value, second.value);
            report
                .error(second.span, message)
                .label(first.span, "the first is here")
                .help("nest one in the other, or give each its place in a list");
        }
        (Some((method, _)), None) => {
            let beside = entries.iter().find(|entry| !is_method(entry));
            let (key, place) = beside.map_or(("", span), |(key, _)| (&key.value, key.span));
            report
                .error(place, format!("{} beside `{}`", quote(key), method.value))
                .label(method.span, "the policy is this key alone")
                .help(beside_help(key, &method.value));
        }
        (None, _) if entries.is_empty() => {
            report.error(span, "expected a policy, found an empty mapping").help(methods_help(""));
        }
        (None, _) => {
            let (key, _) = &entries[0];
            let message = format!("expected a policy, found a mapping with {}", quote(&key.value));
            report.error(key.span, message).help(methods_help(&key.value));
        }
    }
    None
}

fn beside_help(key: &str, method: &str) -> String {
    match key {
        "by" | "within" => format!("write `{method}: {{ to: [a, b], {key}: … }}`"),
        "weight" | "degraded" | "fence" | "bias" | "at" => {
            format!(
                "an option of a child stands beside `to`: `{{ to: {{ {method}: … }}, {key}: … }}`"
            )
        }
        _ => "the options of a method stand inside it, those of a child beside its `to`".to_owned(),
    }
}

/// A child that may be `{ to: child, option }`: the options' fields are there in that form only.
fn read_child<'n>(
    node: &'n Node,
    what: &str,
    options: &[&str],
    report: &mut Report,
) -> (PolicyShape, Option<Fields<'n>>) {
    let entries = node.entries().unwrap_or(&[]);
    let to = entries.iter().find(|(key, _)| key.value == "to");
    let Some((_, to)) = to else { return (read(node, report), None) };
    let known: Vec<_> = ["to"].iter().chain(options).copied().collect();
    let fields = Fields::of(node, &format!("a child of `{what}`"), &known, report);
    (read(to, report), fields)
}

fn read_failover_child(node: &Node, report: &mut Report) -> Child<Option<u8>> {
    let (to, fields) = read_child(node, "failover", &["degraded"], report);
    let degraded = fields.and_then(|fields| fields.get("degraded"));
    Child { to, options: degraded.and_then(|node| read_degraded(node, report)) }
}

/// A whole percentage: shares are not known to a finer grain than members are.
fn read_degraded(node: &Node, report: &mut Report) -> Option<u8> {
    let fraction = scalar::percent(node, 0.0..=100.0, report)?;
    let percent = (fraction * 100.0).round();
    if (percent - fraction * 100.0).abs() > 1e-9 {
        scalar::expected(node, "a whole percentage such as 70%", report);
        return None;
    }
    Some(percent as u8)
}

fn read_nearest_child(node: &Node, report: &mut Report) -> Child<NearestOptions> {
    let (to, fields) = read_child(node, "nearest", &["at", "bias"], report);
    let bias = fields.and_then(|fields| fields.get("bias"));
    let bias = bias.and_then(|node| read_bias(node, report)).unwrap_or(0);
    let (to, at) = with_place(to, fields, report);
    Child { to, options: NearestOptions { at, bias } }
}

fn read_bias(node: &Node, report: &mut Report) -> Option<i8> {
    const LIMIT: i8 = 99;
    let bias = node.text().and_then(|text| text.parse().ok());
    let bias = bias.filter(|bias| (-LIMIT..=LIMIT).contains(bias));
    if bias.is_none() {
        scalar::expected(node, "a whole number from -99 to 99, in percent", report);
    }
    bias
}

fn read_latency_child(node: &Node, report: &mut Report) -> Child<Option<Coordinates>> {
    let (to, fields) = read_child(node, "latency", &["at"], report);
    let (to, options) = with_place(to, fields, report);
    Child { to, options }
}

/// A child's own place. A child whose place is wrong is not judged for having none.
fn with_place(
    to: PolicyShape,
    fields: Option<Fields<'_>>,
    report: &mut Report,
) -> (PolicyShape, Option<Coordinates>) {
    let Some(node) = fields.and_then(|fields| fields.get("at")) else { return (to, None) };
    match pool::read_place(node, report) {
        Some(at) => (to, Some(at)),
        None => (PolicyShape { kind: PolicyKind::Broken, ..to }, None),
    }
}

fn read_bare_child(node: &Node, report: &mut Report) -> Child<()> {
    let (to, _) = read_child(node, "all", &[], report);
    Child { to, options: () }
}

/// The children of a method: a list, not empty.
fn read_list<O>(
    node: &Node,
    what: &str,
    read: fn(&Node, &mut Report) -> Child<O>,
    report: &mut Report,
) -> Option<Vec<Child<O>>> {
    let items = list_items(node, what, report)?;
    Some(items.iter().map(|item| read(item, report)).collect())
}

fn list_items<'n>(node: &'n Node, what: &str, report: &mut Report) -> Option<&'n [Node]> {
    match &node.value {
        Value::Sequence(items) if items.is_empty() => {
            report.error(node.span, format!("`{what}` has no children"));
            None
        }
        Value::Sequence(items) => Some(items),
        _ => {
            let message = format!("`{what}` takes a list of children, found {}", node.found());
            report.error(node.span, message).help(format!("write `{what}: [a, b]`"));
            None
        }
    }
}

/// `{ a: 70, b: 30 }`, or a list whose children all have a `weight`.
fn read_weighted(node: &Node, report: &mut Report) -> Option<Vec<Child<u16>>> {
    let children = match node.entries() {
        Some(entries) => read_shares(node.span, entries, "weighted", report)?,
        None => {
            let items = list_items(node, "weighted", report)?;
            read_weighted_items(items, "weighted", WeightRule::Needed, report)
        }
    };
    check_weights(node.span, &children, "weighted", report)?;
    Some(children)
}

/// `{ a: 70, b: 30 }`: names and weights.
fn read_shares(
    span: Span,
    entries: &[(Key, Node)],
    what: &str,
    report: &mut Report,
) -> Option<Vec<Child<u16>>> {
    if entries.is_empty() {
        report.error(span, format!("`{what}` has no children"));
        return None;
    }
    let read = |(key, node): &(Key, Node)| {
        let kind = PolicyKind::Name(key.value.as_str().into());
        Child { to: PolicyShape { span: key.span, kind }, options: read_weight(node, report) }
    };
    Some(entries.iter().map(read).collect())
}

/// 0 to 65535; 1 after a mistake, so that it is not also one of weights all 0.
fn read_weight(node: &Node, report: &mut Report) -> u16 {
    let weight = scalar::integer(node, "a weight", 0..=65535, report);
    weight.and_then(|weight| u16::try_from(weight).ok()).unwrap_or(1)
}

/// Whether the children of a list need weights.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WeightRule {
    /// Each of them.
    Needed,
    /// All of them or none: then they share in equal parts.
    AllOrNone,
}

fn read_weighted_items(
    items: &[Node],
    what: &str,
    rule: WeightRule,
    report: &mut Report,
) -> Vec<Child<u16>> {
    let mut without = Vec::new();
    let mut children = Vec::with_capacity(items.len());
    for item in items {
        let (to, fields) = read_child(item, what, &["weight"], report);
        let weight = fields.and_then(|fields| fields.get("weight"));
        if weight.is_none() {
            without.push(item.span);
        }
        children.push(Child { to, options: weight.map_or(1, |node| read_weight(node, report)) });
    }
    if rule == WeightRule::Needed || without.len() < items.len() {
        for span in without {
            report
                .error(span, format!("this child of `{what}` has no weight"))
                .help("write `{ to: child, weight: 1 }`");
        }
    }
    children
}

fn check_weights(
    span: Span,
    children: &[Child<u16>],
    what: &str,
    report: &mut Report,
) -> Option<()> {
    if children.iter().all(|child| child.options == 0) {
        report
            .error(span, format!("every weight of `{what}` is 0"))
            .help("a child of weight 0 is never picked; let one be above 0");
        return None;
    }
    Some(())
}

/// `[a, b]`, or `{ to: [a, b], within: 10% }`.
fn read_latency(node: &Node, report: &mut Report) -> Option<PolicyKind> {
    let (list, within) = match node.entries() {
        None => (node, None),
        Some(_) => {
            let fields = Fields::of(node, "`latency`", &["to", "within"], report)?;
            (fields.require("to", "`latency`", report)?, fields.get("within"))
        }
    };
    let within = within.and_then(|node| scalar::percent(node, 0.0..=1000.0, report)).unwrap_or(0.0);
    let children = read_list(list, "latency", read_latency_child, report)?;
    Some(PolicyKind::Latency { children, within })
}

/// `{ to: [a, b], by: 24/56 }`, `{ to: { a: 70, b: 30 } }`, or `[a, b]`.
fn read_sticky(node: &Node, report: &mut Report) -> Option<PolicyKind> {
    let (to, by) = match node.entries() {
        None => (node, None),
        Some(_) => {
            let fields = Fields::of(node, "`sticky`", &["to", "by"], report)?;
            (fields.require("to", "`sticky`", report)?, fields.get("by"))
        }
    };
    let by = by.and_then(|node| read_prefix_lengths(node, report)).unwrap_or(STICKY_BY);
    let children = match to.entries() {
        Some(entries) => read_shares(to.span, entries, "sticky", report)?,
        None => {
            let items = list_items(to, "sticky", report)?;
            read_weighted_items(items, "sticky", WeightRule::AllOrNone, report)
        }
    };
    check_weights(to.span, &children, "sticky", report)?;
    Some(PolicyKind::Sticky { children, by })
}

/// `24/56`: bits of an IPv4 and of an IPv6 address.
fn read_prefix_lengths(node: &Node, report: &mut Report) -> Option<PrefixLengths> {
    let bits = |text: &str, most: u8| {
        let plain = !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
        plain.then(|| text.parse().ok()).flatten().filter(|bits| *bits <= most)
    };
    let lengths = node
        .text()
        .and_then(|text| text.split_once('/'))
        .and_then(|(v4, v6)| Some(PrefixLengths { v4: bits(v4, 32)?, v6: bits(v6, 128)? }));
    if lengths.is_none() {
        let what = "prefix lengths of IPv4/IPv6 such as 24/56 (0 to 32, 0 to 128)";
        scalar::expected(node, what, report);
    }
    lengths
}

/// `{ KEY: child, default: child }`.
fn read_geo(node: &Node, report: &mut Report) -> Option<GeoShape> {
    let entries = mapping(node, "`geo`", report)?;
    let mut geo = GeoShape { keys: Vec::with_capacity(entries.len()), default: None };
    let mut seen: HashMap<ClientKey, Span> = HashMap::new();
    for (key, node) in entries {
        if key.value == "default" {
            geo.default = Some(Box::new(read_geo_child(node, report)));
            continue;
        }
        let client = read_geo_key(key, report);
        let child = read_geo_child(node, report);
        let Some(client) = client else { continue };
        if let Some(first) = seen.insert(client.value, client.span) {
            report
                .error(client.span, format!("{} stands twice in this `geo`", client.value))
                .label(first, "the first is here");
        }
        geo.keys.push((client, child));
    }
    if geo.default.is_none() {
        report
            .error(node.span, "`geo` needs `default`")
            .help("name what clients get that match no other key: `default: pool`");
    }
    Some(geo)
}

fn read_geo_key(key: &Key, report: &mut Report) -> Option<Spanned<ClientKey>> {
    let near = || did_you_mean(&key.value, ["default"].into_iter()).is_some();
    if key.value.len() >= 5 && client::parse(&key.value).is_err() && near() {
        report
            .error(key.span, format!("unknown client {}", quote(&key.value)))
            .help("did you mean `default`?");
        return None;
    }
    client::read(key, report)
}

fn read_geo_child(node: &Node, report: &mut Report) -> Child<Fence> {
    let (to, fields) = read_child(node, "geo", &["fence"], report);
    let fence = fields.and_then(|fields| fields.get("fence"));
    let choices = [("hard", Fence::Hard)];
    let fence = fence.and_then(|node| scalar::choice(node, "a fence", &choices, report));
    Child { to, options: fence.unwrap_or_default() }
}
