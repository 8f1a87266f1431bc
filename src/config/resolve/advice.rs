//! Warnings: what is allowed and probably not meant.

use std::fmt::Display;

use super::ScopeId;
use super::arena::Arena;
use super::names::{Defined, Names};
use super::rtt::Book;
use crate::config::Known;
use crate::config::diagnostic::{Report, Span, Spanned};
use crate::config::read::client::{ClientKey, embedded_ipv4};
use crate::config::read::policy::{GeoShape, PolicyKind, PolicyShape};
use crate::config::tree::quote;
use crate::geo::FactSet;
use crate::policy::{Family, LatencyChild, Policy};

const ADD_A_DATABASE: &str = "add one that does under `geoip: { databases: … }` in rhumb.yaml";

/// Warns of what a policy asks for in vain.
pub(super) fn policy(policy: &Policy, shape: &PolicyShape, known: Known, report: &mut Report) {
    if let PolicyKind::Geo(geo) = &shape.kind {
        client_facts(clients(geo).map(|(key, _)| key), known, report);
        for (key, child) in clients(geo) {
            client(key, report);
            contradictions(key, child, report);
        }
    }
    let method = match policy {
        Policy::Nearest(children) if children.len() > 1 => "nearest",
        Policy::Latency { children, .. } if blind_count(children) > 1 => "latency",
        _ => return,
    };
    if !known.facts.coordinates {
        let message = format!(
            "no loaded database gives the places of clients: `{method}` cannot go by \
                     distance and takes the order listed"
        );
        report.warning(shape.span, message).help(ADD_A_DATABASE);
    }
}

/// The keys that name clients, and what stands there.
fn clients(geo: &GeoShape) -> impl Iterator<Item = (Spanned<ClientKey>, &PolicyShape)> + Clone {
    geo.keys.iter().filter_map(|(key, child)| Some(((*key)?, &child.to)))
}

/// How many children of `latency` have a place and no known time from any client.
fn blind_count(children: &[LatencyChild]) -> usize {
    children.iter().filter(|child| child.at.is_some() && has_no_times(child)).count()
}

fn has_no_times(child: &LatencyChild) -> bool {
    let rtt = &child.rtt;
    rtt.cidrs.is_empty() && rtt.asns.is_empty() && rtt.countries.is_empty()
}

/// Warns of children of `latency` of which nothing is known.
pub(super) fn blind_latency(
    children: &[LatencyChild],
    arena: &Arena<'_>,
    span: Span,
    report: &mut Report,
) {
    let blind = children.iter().filter(|child| child.at.is_none() && has_no_times(child));
    let blind: Vec<_> = blind.map(|child| quote(&arena.node(child.to).label)).collect();
    if blind.is_empty() {
        return;
    }
    let blind = blind.join(", ");
    report
        .warning(span, format!("`latency` knows neither a time nor a place of {blind}: tried last"))
        .help("give times to pools under `rtt`, or a place: `{ to: child, at: [latitude, longitude] }`");
}

/// Warns of a network that no client is looked up in.
pub(super) fn client(key: Spanned<ClientKey>, report: &mut Report) {
    let ClientKey::Cidr(network) = key.value else { return };
    let Some(carried) = embedded_ipv4(network) else { return };
    let message = format!(
        "{network} never matches: its addresses carry IPv4 addresses, by which their clients are \
         looked up"
    );
    report.warning(key.span, message).help_if(carried.map(|carried| format!("write {carried}")));
}

/// Warns of the first key of each kind that no loaded database knows of.
pub(super) fn client_facts(
    keys: impl Iterator<Item = Spanned<ClientKey>> + Clone,
    known: Known,
    report: &mut Report,
) {
    let FactSet { continent, country, subdivision, asn, coordinates: _ } = known.facts;
    let mut missing = |fact: &str, is_given: bool, is_kind: fn(&ClientKey) -> bool| {
        let first = keys.clone().find(|key| !is_given && is_kind(&key.value));
        if let Some(key) = first {
            let message = format!(
                "no loaded database gives the {fact} of clients: `{}` never matches",
                key.value
            );
            report.warning(key.span, message).help(ADD_A_DATABASE);
        }
    };
    missing("AS", asn, |key| matches!(key, ClientKey::Asn(_)));
    missing("subdivision", subdivision, |key| matches!(key, ClientKey::Subdivision(_)));
    missing("country", country, |key| matches!(key, ClientKey::Country(_)));
    missing("continent", continent, |key| matches!(key, ClientKey::Continent(_)));
}

/// Warns of keys of `geo` inside the child of `outer` that none of its clients match. Only what is
/// written in place counts: a named policy may have other parents.
fn contradictions(outer: Spanned<ClientKey>, child: &PolicyShape, report: &mut Report) {
    let mut pending = vec![child];
    while let Some(shape) = pending.pop() {
        if let PolicyKind::Geo(geo) = &shape.kind {
            for (inner, _) in clients(geo).filter(|(key, _)| excludes(outer.value, key.value)) {
                let message =
                    format!("`{}` is never reached inside `{}`", inner.value, outer.value);
                report
                    .warning(inner.span, message)
                    .label(outer.span, "only clients of this key come here");
            }
        }
        pending.extend(shape.children());
    }
}

/// Whether no client can match both.
fn excludes(outer: ClientKey, inner: ClientKey) -> bool {
    use ClientKey::{Asn, Cidr, Continent, Country, Subdivision};
    match (outer, inner) {
        (Cidr(a), Cidr(b)) => !a.contains(&b) && !b.contains(&a),
        (Asn(a), Asn(b)) => a != b,
        (Subdivision(a), Subdivision(b)) => a != b,
        (Subdivision(a), Country(b)) | (Country(b), Subdivision(a)) => a.country != b,
        (Country(a), Country(b)) => a != b,
        (Continent(a), Continent(b)) => a != b,
        (Continent(a), Country(b)) | (Country(b), Continent(a)) => a != b.continent(),
        (Continent(a), Subdivision(b)) | (Subdivision(b), Continent(a)) => {
            a != b.country.continent()
        }
        (Cidr(_), Asn(_) | Subdivision(_) | Country(_) | Continent(_))
        | (Asn(_) | Subdivision(_) | Country(_) | Continent(_), Cidr(_))
        | (Asn(_), Subdivision(_) | Country(_) | Continent(_))
        | (Subdivision(_) | Country(_) | Continent(_), Asn(_)) => false,
    }
}

/// Warns that steering does not depend on family: whoever asks for `family` may get nothing.
pub(super) fn families(
    family: Family,
    with: &Spanned<Box<str>>,
    without: &Spanned<Box<str>>,
    span: Span,
    report: &mut Report,
) {
    let word = match family {
        Family::V4 => "IPv4",
        Family::V6 => "IPv6",
    };
    let (with_name, without_name) = (&with.value, &without.value);
    report
        .warning(span, format!("this can pick pools with and without {word} members"))
        .label(with.span, format!("`{with_name}` has {word} members"))
        .label(without.span, format!("`{without_name}` has none"))
        .help(format!(
            "steering does not depend on family: a client that asks for {word} and is sent to \
             `{without_name}` gets no address"
        ));
}

/// Warns of definitions that nothing refers to.
pub(super) fn unused(names: &Names, rtt: &Book, report: &mut Report) {
    unused_of("probe", &names.probes, "no pool is probed by it", report);
    unused_of("pool", &names.pools, "no policy and no name refers to it", report);
    unused_of("policy", &names.policies, "no policy and no name refers to it", report);
    for (scope, span) in rtt.unused() {
        let entry = report.warning(span, "no `latency` policy goes by these round-trip times");
        if scope != ScopeId::SHARED {
            entry.help("the times of a zone count in the zone's own policies, not in shared ones");
        }
    }
}

fn unused_of<T>(what: &str, all: &[Defined<T>], why: impl Display, report: &mut Report) {
    for defined in all.iter().filter(|defined| !defined.used.get()) {
        let name = &defined.name.value;
        report.warning(defined.name.span, format!("{what} `{name}` is not used: {why}"));
    }
}
