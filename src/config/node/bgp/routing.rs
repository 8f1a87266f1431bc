//! `families`, `next_hop`, `extended_next_hop` and `announce`: what a peer is told of.

use std::net::IpAddr;
use std::sync::Arc;

use super::endpoint::{Endpoint, family_of, word};
use crate::bgp::config::Selection;
use crate::bgp::routes::{Families, Family, NextHop};
use crate::config::diagnostic::{Report, Spanned};
use crate::config::node::values;
use crate::config::read::fields::Fields;
use crate::config::read::scalar;
use crate::config::tree::Node;

const FAMILIES: [(&str, Family); 2] = [("ipv4", Family::Ipv4), ("ipv6", Family::Ipv6)];

/// The word for every announcement.
pub(super) const ALL: &str = "all";

/// What a peer is told of, as far as it could be read.
#[derive(Debug)]
pub(super) struct Routing {
    pub families: FamilyList,
    pub next_hop: Option<NextHops>,
    pub announce: Selecting,
}

/// The families of a session; empty after a mistake.
#[derive(Debug, Default)]
pub(super) struct FamilyList(pub Vec<Spanned<Family>>);

/// Where packets go.
#[derive(Clone, Copy, Debug)]
pub(super) struct NextHops {
    pub ipv4: Spanned<NextHop>,
    pub ipv6: Spanned<NextHop>,
    pub extended: bool,
}

/// Which announcements.
#[derive(Debug)]
pub(super) enum Selecting {
    All,
    Only(Vec<Spanned<Arc<str>>>),
}

impl Routing {
    /// Reads the keys of a peer.
    pub(super) fn read(fields: &Fields<'_>, endpoint: &Endpoint, report: &mut Report) -> Self {
        Self {
            families: FamilyList::read(fields, endpoint, report),
            next_hop: NextHops::read(fields, report),
            announce: Selecting::read(fields, report),
        }
    }
}

impl FamilyList {
    /// The session's own unless told otherwise.
    fn read(fields: &Fields<'_>, endpoint: &Endpoint, report: &mut Report) -> Self {
        let Some(node) = fields.get("families") else {
            let own = endpoint.family().zip(endpoint.address.as_ref());
            let own = own.map(|(value, address)| Spanned { span: address.span, value });
            return Self(own.into_iter().collect());
        };
        if node.one_or_more().is_empty() {
            report
                .error(node.span, "`families` is empty: nothing could be announced")
                .help("write [ipv4], [ipv6] or [ipv4, ipv6]");
        }
        let mut list: Vec<Spanned<Family>> = Vec::new();
        for item in node.one_or_more() {
            let Some(value) = scalar::choice(item, "a family", &FAMILIES, report) else { continue };
            match list.iter().find(|earlier| earlier.value == value) {
                Some(first) => {
                    let message = format!("{} stands twice", item.text().unwrap_or(""));
                    report.error(item.span, message).label(first.span, "the first one");
                }
                None => list.push(Spanned { span: item.span, value }),
            }
        }
        Self(list)
    }

    /// Without their places.
    pub(super) fn set(&self) -> Families {
        let mut families = Families::default();
        self.0.iter().for_each(|family| families.insert(family.value));
        families
    }
}

impl NextHops {
    fn read(fields: &Fields<'_>, report: &mut Report) -> Option<Self> {
        let extended = values::flag_or(fields, "extended_next_hop", false, report);
        let own = Spanned { span: fields.span, value: NextHop::Own };
        let Some(node) = fields.get("next_hop") else {
            return Some(Self { ipv4: own, ipv6: own, extended: extended? });
        };
        let fields = Fields::of(node, "`next_hop`", &["ipv4", "ipv6"], report)?;
        let ipv4 = match fields.get("ipv4") {
            Some(node) => read_next_hop(node, Family::Ipv4, extended, report),
            None => Some(own),
        };
        let ipv6 = match fields.get("ipv6") {
            Some(node) => read_next_hop(node, Family::Ipv6, extended, report),
            None => Some(own),
        };
        Some(Self { ipv4: ipv4?, ipv6: ipv6?, extended: extended? })
    }

    /// That of a family.
    pub(super) fn of(&self, family: Family) -> Spanned<NextHop> {
        match family {
            Family::Ipv4 => self.ipv4,
            Family::Ipv6 => self.ipv6,
        }
    }
}

/// `self`, or an address of the family, or of IPv6 for IPv4 prefixes where that is negotiated.
fn read_next_hop(
    node: &Node,
    family: Family,
    extended: Option<bool>,
    report: &mut Report,
) -> Option<Spanned<NextHop>> {
    let spanned = |value| Spanned { span: node.span, value };
    if node.text() == Some("self") {
        return Some(spanned(NextHop::Own));
    }
    let address: IpAddr = scalar::parsed(node, "`self` or an address", report)?;
    if !values::is_host_address(node.span, "next hop", address, report) {
        return None;
    }
    if matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local()) {
        report
            .error(node.span, format!("next hop {address} is link-local"))
            .help("`self` on a link-local session, else an address that routers reach");
        return None;
    }
    match (family, family_of(address)) {
        (Family::Ipv4, Family::Ipv4) | (Family::Ipv6, Family::Ipv6) => {}
        (Family::Ipv4, Family::Ipv6) if extended? => {}
        (Family::Ipv4, Family::Ipv6) => {
            report
                .error(node.span, format!("next hop {address} of IPv4 prefixes is IPv6"))
                .help("`extended_next_hop: true` if the peer can do that (RFC 8950)");
            return None;
        }
        (Family::Ipv6, Family::Ipv4) => {
            let message = format!("next hop {address} of {} prefixes is IPv4", word(family));
            report.error(node.span, message).help("write an IPv6 address of this node");
            return None;
        }
    }
    Some(spanned(NextHop::Given(address)))
}

impl Selecting {
    /// `all`, or names.
    fn read(fields: &Fields<'_>, report: &mut Report) -> Self {
        let node = fields.get("announce").filter(|node| node.text() != Some(ALL));
        let Some(node) = node else { return Self::All };
        let mut names: Vec<Spanned<Arc<str>>> = Vec::new();
        for item in node.one_or_more() {
            let what = "`all` or the name of an announcement";
            let Some(name) = scalar::text(item, what, report) else { continue };
            match names.iter().find(|earlier| &*earlier.value == name) {
                Some(first) => {
                    let entry = report.error(item.span, format!("{name} stands twice"));
                    entry.label(first.span, "the first one");
                }
                None => names.push(Spanned { span: item.span, value: Arc::from(name) }),
            }
        }
        Self::Only(names)
    }

    /// Whether an announcement is among them.
    pub(super) fn contains(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.iter().any(|own| &*own.value == name),
        }
    }

    /// Without places.
    pub(super) fn finish(self) -> Selection {
        match self {
            Self::All => Selection::All,
            Self::Only(names) => Selection::Only(names.into_iter().map(|n| n.value).collect()),
        }
    }
}
