//! What the peer was told (Adj-RIB-Out), and what it is to be told next.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;
use thiserror::Error;

use super::event::Local;
use super::negotiate::Negotiated;
use crate::bgp::message::refresh::{RouteRefresh, Subtype};
use crate::bgp::message::update::{
    Gateway, Relation, Unwritable, announcements, end_of_rib, withdrawals,
};
use crate::bgp::routes::{Attributes, Families, Family, NextHop, Route, RouteSet, difference};

/// Why a peer cannot be told of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum Unsendable {
    /// The session does not carry the family.
    #[error("the peer has not agreed to the address family of the prefix")]
    Family,
    /// This end has no address of the kind.
    #[error("this end of the session has no address that can be the next hop: set `next_hop`")]
    NoNextHop,
    /// RFC 8950 is needed.
    #[error("the peer has not agreed to IPv6 next hops of IPv4 prefixes: set `extended_next_hop`")]
    ExtendedNextHop,
    /// No message can hold it.
    #[error(transparent)]
    Unwritable(Unwritable),
}

/// What the peer was told.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    sent: RouteSet,
    refused: BTreeMap<IpNet, Unsendable>,
    /// What it has asked for again.
    again: Families,
    /// End-of-RIB was sent.
    complete: bool,
}

/// What a peer is to be told.
#[derive(Debug)]
pub(super) struct News {
    pub(super) messages: Vec<Vec<u8>>,
    /// What it newly cannot be told.
    pub(super) unsendable: Vec<(IpNet, Unsendable)>,
}

/// Routes that share all but the prefix.
type Groups<'a> = BTreeMap<(Family, Gateway, &'a Attributes), Vec<IpNet>>;

impl Outbox {
    pub(super) fn sent(&self) -> &RouteSet {
        &self.sent
    }

    /// The peer wants all of a family again (RFC 2918).
    pub(super) fn ask_again(&mut self, family: Family) {
        self.again.insert(family);
    }

    /// What there is to say until the peer knows `desired`.
    pub(super) fn news(
        &mut self,
        desired: &RouteSet,
        session: &Negotiated,
        relation: Relation,
        local: Local,
    ) -> News {
        let (mut sendable, mut refused) = (RouteSet::new(), BTreeMap::new());
        for (&prefix, route) in desired {
            match sendable_as(&prefix, route, session, relation, local) {
                Ok(_) => _ = sendable.insert(prefix, route.clone()),
                Err(why) => _ = refused.insert(prefix, why),
            }
        }
        let known = std::mem::replace(&mut self.refused, refused);
        let new = self.refused.iter().filter(|(prefix, why)| known.get(prefix) != Some(why));
        let unsendable = new.map(|(&prefix, &why)| (prefix, why)).collect();
        News { messages: self.messages(sendable, session, relation, local), unsendable }
    }

    fn messages(
        &mut self,
        sendable: RouteSet,
        session: &Negotiated,
        relation: Relation,
        local: Local,
    ) -> Vec<Vec<u8>> {
        let mut difference = difference(&self.sent, &sendable);
        let again = std::mem::take(&mut self.again).and(session.families);
        let repeated = sendable.iter().filter(|(prefix, _)| again.contains(Family::of(prefix)));
        difference.announced.extend(repeated.map(|(&prefix, route)| (prefix, route.clone())));
        self.sent = sendable;

        let marked = if session.enhanced_route_refresh { again } else { Families::default() };
        let mark = |subtype| {
            let mark = move |family| RouteRefresh { family: Some(family), subtype }.encode();
            marked.iter().filter_map(mark)
        };
        let mut messages = Vec::new();
        for family in session.families.iter() {
            messages.extend(withdrawals(family, &difference.withdrawn));
        }
        messages.extend(mark(Subtype::Begin));
        for ((family, gateway, attributes), prefixes) in
            groups(&difference.announced, session, relation, local)
        {
            // Each of them was seen to fit, and so do all.
            let written = announcements(relation, family, gateway, attributes, &prefixes);
            messages.extend(written.unwrap_or_default());
        }
        messages.extend(mark(Subtype::End));
        if !std::mem::replace(&mut self.complete, true) {
            messages.extend(session.families.iter().map(end_of_rib));
        }
        messages
    }
}

fn groups<'a>(
    routes: &'a RouteSet,
    session: &Negotiated,
    relation: Relation,
    local: Local,
) -> Groups<'a> {
    let mut groups = Groups::new();
    for (prefix, route) in routes {
        if let Ok(gateway) = sendable_as(prefix, route, session, relation, local) {
            let key = (Family::of(prefix), gateway, &route.attributes);
            groups.entry(key).or_default().push(*prefix);
        }
    }
    groups
}

/// The next hop that a route goes out with.
fn sendable_as(
    prefix: &IpNet,
    route: &Route,
    session: &Negotiated,
    relation: Relation,
    local: Local,
) -> Result<Gateway, Unsendable> {
    let family = Family::of(prefix);
    if !session.families.contains(family) {
        return Err(Unsendable::Family);
    }
    let gateway = match route.next_hop {
        NextHop::Own => own(local).ok_or(Unsendable::NoNextHop)?,
        NextHop::Given(IpAddr::V4(address)) => Gateway::V4(address),
        NextHop::Given(IpAddr::V6(address)) => beyond(address),
    };
    if family == Family::Ipv4 && matches!(gateway, Gateway::V6 { .. }) && !session.extended_next_hop
    {
        return Err(Unsendable::ExtendedNextHop);
    }
    announcements(relation, family, gateway, &route.attributes, &[*prefix])
        .map_err(Unsendable::Unwritable)?;
    Ok(gateway)
}

fn own(local: Local) -> Option<Gateway> {
    match local {
        Local::V4(address) => Some(Gateway::V4(address)),
        Local::V6 { global, link_local } => {
            Some(Gateway::V6 { address: global.or(link_local)?, link_local })
        }
    }
}

fn beyond(address: Ipv6Addr) -> Gateway {
    Gateway::V6 { address, link_local: Some(address).filter(Ipv6Addr::is_unicast_link_local) }
}
