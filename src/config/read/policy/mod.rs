//! A policy as written: a name, or one of the methods with its children, to any depth.
//!
//! Reading goes as deep as the tree does, which [`MAX_NESTING`](crate::config::tree::MAX_NESTING)
//! bounds.

use super::client::ClientKey;
use super::fields::{Fields, did_you_mean, word_list};
use super::scalar;
use crate::config::diagnostic::{Report, Span, Spanned};
use crate::config::tree::{Key, Node, Value, quote};
use crate::geo::Coordinates;
use crate::policy::PrefixLengths;

/// The methods, each the one key of its mapping.
const METHODS: [&str; 7] = ["weighted", "failover", "geo", "nearest", "latency", "sticky", "all"];

mod geo;
mod methods;

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
    /// In the order written; a key that names no client was reported.
    pub keys: Vec<(Option<Spanned<ClientKey>>, Child<Fence>)>,
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
        "weighted" => methods::read_weighted(node, report).map(PolicyKind::Weighted),
        "failover" => methods::read_list(node, "failover", methods::read_failover_child, report)
            .map(PolicyKind::Failover),
        "geo" => geo::read(node, report).map(PolicyKind::Geo),
        "nearest" => methods::read_list(node, "nearest", methods::read_nearest_child, report)
            .map(PolicyKind::Nearest),
        "latency" => methods::read_latency(node, report),
        "sticky" => methods::read_sticky(node, report),
        "all" => {
            methods::read_list(node, "all", methods::read_bare_child, report).map(PolicyKind::All)
        }
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
