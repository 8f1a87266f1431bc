//! What NS, MX and SRV records name: within the zone it must exist, and be no CNAME.

use super::{Found, Index, has_address};
use crate::config::diagnostic::{Report, Span};
use crate::config::read::name::NameShape;
use crate::config::read::record::mnemonic;
use crate::dns::{Name, Rtype};

pub(super) fn check(index: &Index<'_>, report: &mut Report) {
    for name in &index.zone.names {
        for (place, server) in targets(name, Rtype::NS) {
            check_server(name, place, &server, index, report);
        }
        for rtype in [Rtype::MX, Rtype::SRV] {
            for (place, target) in targets(name, rtype) {
                check_host(rtype, place, &target, index, report);
            }
        }
        check_cname(name, index, report);
    }
}

/// The names in an RRset's records, with their places.
fn targets(name: &NameShape<'_>, rtype: Rtype) -> Vec<(Span, Name)> {
    let before = match rtype {
        Rtype::MX => 2,
        Rtype::SRV => 6,
        _ => 0,
    };
    let Some(shape) = name.rrset(rtype) else { return Vec::new() };
    let name = |rdata: &[u8]| Name::from_wire(rdata.get(before..)?);
    let records = shape.values.iter().zip(&shape.set.rdata);
    records.filter_map(|(place, rdata)| Some((*place, name(rdata)?))).collect()
}

/// A server within the zone has addresses, else nobody finds it; and it is no alias (RFC 2181
/// §10.3).
fn check_server(
    owner: &NameShape<'_>,
    place: Span,
    server: &Name,
    index: &Index<'_>,
    report: &mut Report,
) {
    let cut = index.is_cut(owner).then_some(&owner.owner.value);
    let stands = match index.find(server) {
        Found::Outside => return,
        Found::Cut(_) => index.exact(server),
        Found::Name(at) => Some(index.name(at)),
        Found::Nothing => None,
    };
    if stands.is_some_and(|name| name.cname().is_some()) {
        report.error(place, format!("the name server {server} is a CNAME (RFC 2181 §10.3)"));
        return;
    }
    if stands.is_some_and(has_address) {
        return;
    }
    let below_another =
        matches!(index.find(server), Found::Cut(at) if Some(&index.name(at).owner.value) != cut);
    let message = format!("the name server {server} has no address in this zone");
    let help = "add its A or AAAA records under `names`";
    match below_another {
        true => report.warning(place, message).help(help),
        false => report.error(place, message).help(help),
    };
}

/// The host of an MX or SRV record should have addresses, and be no alias (RFC 2181 §10.3).
fn check_host(rtype: Rtype, place: Span, target: &Name, index: &Index<'_>, report: &mut Report) {
    let is_root = *target == Name::root();
    let word = mnemonic(rtype);
    match index.find(target) {
        _ if is_root => {}
        Found::Outside | Found::Cut(_) => {}
        Found::Name(at) if index.name(at).cname().is_some() => {
            report.warning(place, format!("{word} names {target}, a CNAME (RFC 2181 §10.3)"));
        }
        Found::Name(at) if has_address(index.name(at)) => {}
        Found::Name(_) | Found::Nothing => {
            report.warning(place, format!("{word} names {target}, which has no address"));
        }
    }
}

/// A CNAME that leads nowhere within the zone.
fn check_cname(name: &NameShape<'_>, index: &Index<'_>, report: &mut Report) {
    for (place, target) in targets(name, Rtype::CNAME) {
        if index.find(&target) == Found::Nothing {
            report.warning(place, format!("{target} does not exist in this zone"));
        }
    }
}
