//! What each peer would be told of: whether there is such a thing, whether packets for it would
//! find their way, and whether it means anything there.

use ipnet::IpNet;

use super::announcement::AnnouncementShape;
use super::endpoint::word;
use super::peer::PeerShape;
use super::routing::{NextHops, Selecting};
use super::speaker::Speaker;
use crate::bgp::routes::{Family, NextHop};
use crate::config::diagnostic::{Report, Span, Spanned};
use crate::config::node::prefix;
use crate::config::read::fields::did_you_mean;
use crate::config::read::pool::Soundness;
use crate::geo::Asn;

/// AS numbers for private use (RFC 6996) and documentation (RFC 5398).
const NOT_PUBLIC: [std::ops::RangeInclusive<u32>; 4] =
    [64_512..=65_534, 4_200_000_000..=4_294_967_294, 64_496..=64_511, 65_536..=65_551];

/// Checks every peer with every announcement; where there is a mistake in them, nothing follows from
/// what nobody is told.
pub(super) fn check(
    soundness: Soundness,
    speaker: &Speaker,
    peers: &[PeerShape],
    announcements: &[AnnouncementShape],
    report: &mut Report,
) {
    let errors = report.errors();
    for peer in peers {
        check_names(peer, announcements, report);
        for family in &peer.routing.families.0 {
            if let Some(first) = told(peer, announcements, family.value).next() {
                check_next_hop(peer, *family, *first, report);
            }
        }
    }
    for announcement in announcements {
        if soundness == Soundness::Sound && report.errors() == errors {
            check_heard(announcement, peers, report);
        }
        warn_of_private(speaker, peers, announcement, report);
    }
}

/// The prefixes of a family that a peer is told of.
fn told<'a>(
    peer: &'a PeerShape,
    announcements: &'a [AnnouncementShape],
    family: Family,
) -> impl Iterator<Item = &'a Spanned<IpNet>> {
    announcements
        .iter()
        .filter(|one| peer.routing.announce.contains(one.name()))
        .flat_map(|one| &one.prefixes)
        .filter(move |prefix| Family::of(&prefix.value) == family)
}

/// The names that a peer is given exist, and mean something to it.
fn check_names(peer: &PeerShape, announcements: &[AnnouncementShape], report: &mut Report) {
    let Selecting::Only(names) = &peer.routing.announce else { return };
    for name in names {
        let Some(one) = announcements.iter().find(|one| *one.name() == *name.value) else {
            // One whose own name has a mistake may be meant.
            if announcements.iter().all(|one| one.name.is_some()) {
                unknown(name.span, &name.value, announcements, report);
            }
            continue;
        };
        let families = peer.routing.families.set();
        let prefixes = &one.prefixes;
        let is_heard = |prefix: &Spanned<IpNet>| families.contains(Family::of(&prefix.value));
        if !prefixes.is_empty() && !families.is_empty() && !prefixes.iter().any(is_heard) {
            report
                .error(
                    name.span,
                    format!("{} has no prefix of a family of peer {}", name.value, peer.name()),
                )
                .help("add the family to `families`, or take the announcement out");
        }
    }
}

fn unknown(span: Span, name: &str, announcements: &[AnnouncementShape], report: &mut Report) {
    let near = did_you_mean(name, announcements.iter().map(AnnouncementShape::name));
    report
        .error(span, format!("there is no announcement {name}"))
        .help_if(near.map(|near| format!("did you mean `{near}`?")));
}

/// An announcement that no peer is told of is of no use, and no more is a prefix of one.
fn check_heard(announcement: &AnnouncementShape, peers: &[PeerShape], report: &mut Report) {
    let Some(name) = &announcement.name else { return };
    let is_heard = |prefix: &Spanned<IpNet>| {
        let hears = |peer: &PeerShape| {
            let families = peer.routing.families.set();
            families.is_empty()
                || peer.routing.announce.contains(&name.value)
                    && families.contains(Family::of(&prefix.value))
        };
        peers.iter().any(hears)
    };
    let (heard, unheard): (Vec<_>, Vec<_>) =
        announcement.prefixes.iter().copied().partition(is_heard);
    if heard.is_empty() && !unheard.is_empty() {
        report
            .warning(name.span, format!("no peer is told of announcement {}", name.value))
            .help("name it at a peer that has the family, or let `announce` be `all` there");
        return;
    }
    for prefix in unheard {
        warn_of_unheard(prefix, &name.value, report);
    }
}

/// The sessions of the other prefixes carry their own family alone.
fn warn_of_unheard(prefix: Spanned<IpNet>, name: &str, report: &mut Report) {
    let Spanned { span, value } = prefix;
    let family = Family::of(&value);
    let own = word(family);
    let message =
        format!("no peer is told of {value}: none with announcement {name} has family {own}");
    let key = key(family);
    report.warning(span, message).help(format!(
        "add to a peer: `families: [ipv4, ipv6]`, and `next_hop: {{ {key}: ADDRESS }}` with this \
         node's where the session is not over {own}"
    ));
}

/// A session has a next hop of its own for its own family alone.
fn check_next_hop(
    peer: &PeerShape,
    family: Spanned<Family>,
    prefix: Spanned<IpNet>,
    report: &mut Report,
) {
    let (Some(next_hop), Some(address)) = (&peer.routing.next_hop, &peer.endpoint.address) else {
        return;
    };
    let Some(session) = peer.endpoint.family() else { return };
    if next_hop.of(family.value).value != NextHop::Own {
        return;
    }
    let (key, own) = (key(family.value), word(family.value));
    if session == family.value && address.value.ip.is_loopback() {
        report
            .error(
                address.span,
                format!("peer {} is on this host: no router reaches it", peer.name()),
            )
            .label(prefix.span, "packets for it would go to a loopback address")
            .help(format!("`next_hop: {{ {key}: ADDRESS }}`, this node's on the network"));
    } else if !is_reached(session, family.value, next_hop) {
        let session = word(session);
        report
            .error(
                family.span,
                format!(
                    "{own} prefixes have no next hop on the {session} session with {}",
                    peer.name()
                ),
            )
            .label(prefix.span, "the first one")
            .help(way_out(family.value));
    }
}

/// Whether `self` is an address that a prefix of the family can have as next hop.
fn is_reached(session: Family, family: Family, next_hop: &NextHops) -> bool {
    match (session, family) {
        (Family::Ipv4, Family::Ipv4) | (Family::Ipv6, Family::Ipv6) => true,
        (Family::Ipv6, Family::Ipv4) => next_hop.extended,
        (Family::Ipv4, Family::Ipv6) => false,
    }
}

fn key(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "ipv4",
        Family::Ipv6 => "ipv6",
    }
}

fn way_out(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => {
            "`next_hop: { ipv4: ADDRESS }` with this node's, or `extended_next_hop: true` (RFC 8950)"
        }
        Family::Ipv6 => "`next_hop: { ipv6: ADDRESS }` with this node's, or a session over IPv6",
    }
}

/// Space that means nothing to others is not told to others.
fn warn_of_private(
    speaker: &Speaker,
    peers: &[PeerShape],
    announcement: &AnnouncementShape,
    report: &mut Report,
) {
    for Spanned { span, value } in &announcement.prefixes {
        let Some(what) = prefix::private(value) else { continue };
        let hears = |peer: &&PeerShape| {
            peer.routing.announce.contains(announcement.name())
                && peer.routing.families.set().contains(Family::of(value))
        };
        let asn = peers.iter().filter(hears).filter_map(|peer| peer.asn);
        let mut public = asn.filter(|asn| Some(asn.value) != speaker.asn && is_public(asn.value));
        if let Some(asn) = public.next() {
            let Asn(number) = asn.value;
            report
                .warning(*span, format!("prefix {value} is {what}, and AS {number} is public"))
                .label(asn.span, "it is told of it")
                .help("other networks drop it, or have it themselves");
        }
    }
}

fn is_public(asn: Asn) -> bool {
    !NOT_PUBLIC.iter().any(|range| range.contains(&asn.0))
}
