//! A policy's canonical text: equal for equal policies, in the words of the file.
//!
//! A child with a name of its own stands by that name, so that a text is no longer than what
//! was written. Keys of `geo` stand from the most specific to the least.

use std::fmt::Display;

use crate::geo::Coordinates;
use crate::policy::{Geo, GeoChild, LatencyChild, NearestChild, Policies, Policy, PolicyId};

/// The text of a policy whose children are in `policies`.
pub(super) fn of(policy: &Policy, policies: &Policies) -> Box<str> {
    let child = |id: PolicyId| child(id, policies);
    let text = match policy {
        Policy::Pool(pool) => policies.pool(*pool).name.to_string(),
        Policy::Weighted(children) => format!("weighted: {}", weights(children, policies)),
        Policy::Failover(children) => {
            let degraded = |percent| format!("degraded: {percent}%");
            let option = |of: Option<u8>| of.map(degraded).into_iter().collect();
            list("failover", children.iter().map(|c| with(child(c.to), option(c.degraded))))
        }
        Policy::Geo(keys) => geo(keys, policies),
        Policy::Nearest(children) => {
            list("nearest", children.iter().map(|child| nearest(child, policies)))
        }
        Policy::Latency { children, within } => latency(children, *within, policies),
        Policy::Sticky { children, by } => {
            format!("sticky: {{ to: {}, by: {}/{} }}", weights(children, policies), by.v4, by.v6)
        }
        Policy::All(children) => list("all", children.iter().map(|to| child(*to))),
    };
    text.into()
}

/// A child where it stands: its name, or its text in braces.
fn child(id: PolicyId, policies: &Policies) -> String {
    let node = policies.node(id);
    match (&node.name, &node.policy) {
        (None, Policy::Pool(_)) | (Some(_), _) => node.label.to_string(),
        (None, _) => format!("{{ {} }}", node.label),
    }
}

fn is_named(id: PolicyId, policies: &Policies) -> bool {
    let node = policies.node(id);
    node.name.is_some() || matches!(node.policy, Policy::Pool(_))
}

/// A child and its options.
fn with(to: String, options: Vec<String>) -> String {
    match options.is_empty() {
        true => to,
        false => format!("{{ to: {to}, {} }}", options.join(", ")),
    }
}

fn list(method: &str, children: impl Iterator<Item = String>) -> String {
    format!("{method}: [{}]", children.collect::<Vec<_>>().join(", "))
}

/// `{ a: 70, b: 30 }` when every child has a name, else `[{ to: …, weight: 70 }]`.
fn weights(children: &[(PolicyId, u16)], policies: &Policies) -> String {
    if children.iter().all(|(to, _)| is_named(*to, policies)) {
        let shares = children.iter().map(|(to, weight)| pair(child(*to, policies), weight));
        return format!("{{ {} }}", shares.collect::<Vec<_>>().join(", "));
    }
    let weighted = |(to, weight): &(PolicyId, u16)| {
        with(child(*to, policies), vec![format!("weight: {weight}")])
    };
    format!("[{}]", children.iter().map(weighted).collect::<Vec<_>>().join(", "))
}

fn pair(key: impl Display, value: impl Display) -> String {
    format!("{key}: {value}")
}

fn geo(geo: &Geo, policies: &Policies) -> String {
    let value = |of: &GeoChild| {
        let fence = of.fence.then(|| "fence: hard".to_owned());
        with(child(of.to, policies), fence.into_iter().collect())
    };
    let mut keys = Vec::new();
    keys.extend(geo.cidrs.iter().map(|(key, of)| pair(key, value(of))));
    keys.extend(geo.asns.iter().map(|(key, of)| pair(key, value(of))));
    keys.extend(geo.subdivisions.iter().map(|(key, of)| pair(key, value(of))));
    keys.extend(geo.countries.iter().map(|(key, of)| pair(key, value(of))));
    keys.extend(geo.continents.iter().map(|(key, of)| pair(key.word(), value(of))));
    keys.push(pair("default", value(&geo.default)));
    format!("geo: {{ {} }}", keys.join(", "))
}

fn nearest(of: &NearestChild, policies: &Policies) -> String {
    let mut options: Vec<_> = own_place(of.to, Some(of.at), policies).into_iter().collect();
    if of.bias != 0 {
        options.push(pair("bias", of.bias));
    }
    with(child(of.to, policies), options)
}

fn latency(children: &[LatencyChild], within: f64, policies: &Policies) -> String {
    let one = |of: &LatencyChild| {
        with(child(of.to, policies), own_place(of.to, of.at, policies).into_iter().collect())
    };
    let children = children.iter().map(one).collect::<Vec<_>>().join(", ");
    match within {
        0.0 => format!("latency: [{children}]"),
        _ => format!("latency: {{ to: [{children}], within: {}% }}", within * 100.0),
    }
}

/// The place of a child when it is not its pool's.
fn own_place(to: PolicyId, at: Option<Coordinates>, policies: &Policies) -> Option<String> {
    let of_pool = match policies.node(to).policy {
        Policy::Pool(pool) => policies.pool(pool).at,
        _ => None,
    };
    let own = at.filter(|at| Some(*at) != of_pool)?;
    Some(format!("at: [{}, {}]", own.latitude, own.longitude))
}
