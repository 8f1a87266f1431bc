//! The methods whose children stand in a list, or in a mapping of weights.

use super::super::fields::Fields;
use super::super::{pool, scalar};
use super::{Child, NearestOptions, PolicyKind, PolicyShape, read_child};
use crate::config::diagnostic::{Report, Span};
use crate::config::tree::{Key, Node, Value};
use crate::geo::Coordinates;
use crate::policy::PrefixLengths;

/// How many bits `sticky` hashes when it does not say: what one site has.
const STICKY_BY: PrefixLengths = PrefixLengths { v4: 24, v6: 56 };

pub(super) fn read_failover_child(node: &Node, report: &mut Report) -> Child<Option<u8>> {
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

pub(super) fn read_nearest_child(node: &Node, report: &mut Report) -> Child<NearestOptions> {
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

pub(super) fn read_bare_child(node: &Node, report: &mut Report) -> Child<()> {
    let (to, _) = read_child(node, "all", &[], report);
    Child { to, options: () }
}

/// The children of a method: a list, not empty.
pub(super) fn read_list<O>(
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
pub(super) fn read_weighted(node: &Node, report: &mut Report) -> Option<Vec<Child<u16>>> {
    let children = match node.entries() {
        Some(entries) => read_shares(node.span, entries, "weighted", report)?,
        None => {
            let items = list_items(node, "weighted", report)?;
            read_weighted_items(items, "weighted", WeightRule::Needed, report)
        }
    };
    check_weights(node.span, &children, "weighted", report);
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

fn check_weights(span: Span, children: &[Child<u16>], what: &str, report: &mut Report) {
    if children.iter().all(|child| child.options == 0) {
        report
            .error(span, format!("every weight of `{what}` is 0"))
            .help("a child of weight 0 is never picked; let one be above 0");
    }
}

/// What a method is applied `to`, and its one option: the value of the method itself, or the keys
/// of a mapping.
fn read_to<'n>(
    node: &'n Node,
    what: &str,
    option: &str,
    report: &mut Report,
) -> Option<(&'n Node, Option<&'n Node>)> {
    let Some(entries) = node.entries() else { return Some((node, None)) };
    if !entries.iter().any(|(key, _)| key.value == "to") {
        report
            .error(node.span, format!("`{what}` needs `to`"))
            .help(format!("write `{what}: {{ to: [a, b], {option}: … }}`"));
        return None;
    }
    let fields = Fields::of(node, &format!("`{what}`"), &["to", option], report)?;
    Some((fields.get("to")?, fields.get(option)))
}

/// `[a, b]`, or `{ to: [a, b], within: 10% }`.
pub(super) fn read_latency(node: &Node, report: &mut Report) -> Option<PolicyKind> {
    let (list, within) = read_to(node, "latency", "within", report)?;
    let within = within.and_then(|node| scalar::percent(node, 0.0..=1000.0, report)).unwrap_or(0.0);
    let children = read_list(list, "latency", read_latency_child, report)?;
    Some(PolicyKind::Latency { children, within })
}

/// `{ to: [a, b], by: 24/56 }`, `{ to: { a: 70, b: 30 } }`, or `[a, b]`.
pub(super) fn read_sticky(node: &Node, report: &mut Report) -> Option<PolicyKind> {
    let (to, by) = read_to(node, "sticky", "by", report)?;
    let by = by.and_then(|node| read_prefix_lengths(node, report)).unwrap_or(STICKY_BY);
    let children = match to.entries() {
        Some(entries) => read_shares(to.span, entries, "sticky", report)?,
        None => {
            let items = list_items(to, "sticky", report)?;
            read_weighted_items(items, "sticky", WeightRule::AllOrNone, report)
        }
    };
    check_weights(to.span, &children, "sticky", report);
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
