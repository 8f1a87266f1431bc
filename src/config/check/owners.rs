//! What may stand beside what at one name, and below a cut.

use super::{Index, servers};
use crate::config::diagnostic::{Report, Span};
use crate::config::read::name::{NameShape, RrSetShape};
use crate::config::read::record::mnemonic;
use crate::dns::Rtype;

pub(super) fn check(index: &Index<'_>, report: &mut Report) {
    for name in &index.zone.names {
        check_cname(name, index, report);
        check_addresses(name, report);
        check_ds(name, index, report);
        check_wildcard(name, report);
        if index.is_cut(name) {
            check_cut(name, report);
        }
        check_below_cut(name, index, report);
    }
}

/// Everything at a name that is no CNAME: its word and its place.
fn other_data<'n>(name: &'n NameShape<'_>) -> impl Iterator<Item = (String, Span)> + 'n {
    let other = |shape: &&RrSetShape| shape.set.rtype != Rtype::CNAME;
    let rrsets = name.rrsets.iter().filter(other);
    rrsets.map(|shape| (mnemonic(shape.set.rtype), shape.key)).chain(steered(name))
}

/// The keys that steer A and AAAA.
fn steered(name: &NameShape<'_>) -> impl Iterator<Item = (String, Span)> {
    let route = name.route.as_ref().map(|route| ("route".to_owned(), route.key));
    let alias = name.alias.as_ref().map(|alias| ("ALIAS".to_owned(), alias.span));
    route.into_iter().chain(alias)
}

/// A CNAME stands alone, and once (RFC 1034 §3.6.2, RFC 2181 §10.1).
fn check_cname(name: &NameShape<'_>, index: &Index<'_>, report: &mut Report) {
    let Some(cname) = name.rrset(Rtype::CNAME) else { return };
    let owner = &name.owner.value;
    if let [_, second, ..] = cname.values[..] {
        report.error(second, format!("a second CNAME at {owner} (RFC 2181 §10.1 allows one)"));
    }
    if let Some((word, place)) = other_data(name).next() {
        let help = match owner == index.apex() {
            true => "at the zone's own name stand SOA and NS; `ALIAS` may stand beside them",
            false => "a CNAME stands for everything at its name; take the other records out",
        };
        report
            .error(cname.key, format!("a CNAME beside other data at {owner}"))
            .label(place, format!("`{word}` here"))
            .help(help);
    }
}

/// A and AAAA have one origin: records, a route, or an ALIAS.
fn check_addresses(name: &NameShape<'_>, report: &mut Report) {
    let fixed = [Rtype::A, Rtype::AAAA].into_iter().filter_map(|rtype| name.rrset(rtype));
    let fixed = fixed.map(|shape| (mnemonic(shape.set.rtype), shape.key));
    let mut origins = steered(name).chain(fixed);
    let Some((first, place)) = origins.next() else { return };
    if first != "route" && first != "ALIAS" {
        return;
    }
    for (word, other) in origins {
        report
            .error(other, format!("`{word}` beside `{first}` at {}", name.owner.value))
            .label(place, format!("`{first}` here"))
            .help("A and AAAA come from records, from a `route`, or from an `ALIAS`: one of them");
    }
}

/// DS records stand at a cut, in the parent zone (RFC 4035 §2.4).
fn check_ds(name: &NameShape<'_>, index: &Index<'_>, report: &mut Report) {
    let Some(ds) = name.rrset(Rtype::DS) else { return };
    if name.owner.value == *index.apex() {
        let message = "a zone's own DS records belong into its parent zone";
        report.error(ds.key, message);
    } else if name.rrset(Rtype::NS).is_none() {
        report
            .error(ds.key, format!("DS records at {} without a delegation", name.owner.value))
            .help("DS stands beside the NS records of a delegated zone");
    }
}

fn check_wildcard(name: &NameShape<'_>, report: &mut Report) {
    if let Some(ns) = name.rrset(Rtype::NS).filter(|_| name.owner.value.is_wildcard()) {
        report.error(ns.key, "a wildcard cannot be delegated (RFC 4592 §4.2)");
    }
}

/// At a cut the parent has NS and DS, and addresses when the cut is its own name server.
fn check_cut(cut: &NameShape<'_>, report: &mut Report) {
    for (word, place) in other_data(cut) {
        let glue =
            ["A", "AAAA"].contains(&&*word) && servers(cut).any(|server| server == cut.owner.value);
        if word == "NS" || word == "DS" || glue {
            continue;
        }
        report
            .error(place, format!("`{word}` at {}, which is delegated", cut.owner.value))
            .label(cut.owner.span, "delegated by its NS records")
            .help("at a delegation stand NS and DS; everything else belongs into the child zone");
    }
}

/// Below a cut stands glue, and nothing else.
fn check_below_cut(name: &NameShape<'_>, index: &Index<'_>, report: &mut Report) {
    let owner = &name.owner.value;
    let Some(cut) = index.cut_of(owner).map(|at| index.name(at)) else { return };
    if cut.owner.value == *owner {
        return;
    }
    let address = |shape: &RrSetShape| [Rtype::A, Rtype::AAAA].contains(&shape.set.rtype);
    let addresses_only = steered(name).next().is_none() && name.rrsets.iter().all(address);
    let what = match (addresses_only, index.servers.contains(owner)) {
        (true, true) => return,
        (false, true) => "has more than addresses",
        (_, false) => "is no glue",
    };
    report
        .error(name.owner.span, format!("data below a cut: {owner} {what}"))
        .label(cut.owner.span, format!("{} is delegated here", cut.owner.value))
        .help("only the addresses of a delegation's name servers may stand below it");
}
