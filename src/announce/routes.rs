//! What a peer is told of the announcements; pure.

use super::{Announcement, Stage};
use crate::bgp::config::PeerConfig;
use crate::bgp::routes::{Attributes, Family, NextHop, Route, RouteSet};

/// All that a peer is to know: the prefixes of the announcements that it is told of, in the
/// families of its session. A prefix of two announcements is announced as strongly as either wants.
#[must_use]
pub fn routes<'a>(
    announcements: impl IntoIterator<Item = (&'a Announcement, Stage)>,
    peer: &PeerConfig,
) -> RouteSet {
    let told =
        |(announcement, _): &(&Announcement, Stage)| peer.announce.contains(&announcement.name);
    let mut told: Vec<_> = announcements.into_iter().filter(told).collect();
    // The strongest last: it replaces the others.
    told.sort_by_key(|&(_, stage)| std::cmp::Reverse(stage));
    told.into_iter().flat_map(|(announcement, stage)| of_one(announcement, stage, peer)).collect()
}

/// The routes of one announcement.
fn of_one(announcement: &Announcement, stage: Stage, peer: &PeerConfig) -> RouteSet {
    let Some(attributes) = attributes(announcement, stage) else { return RouteSet::new() };
    let families = peer.session.families;
    let spoken =
        announcement.prefixes.iter().filter(|&prefix| families.contains(Family::of(prefix)));
    let route = |family| Route { next_hop: next_hop(peer, family), attributes: attributes.clone() };
    spoken.map(|prefix| (*prefix, route(Family::of(prefix)))).collect()
}

/// What is said of a route at this stage; absent when it is not announced.
fn attributes(announcement: &Announcement, stage: Stage) -> Option<Attributes> {
    match stage {
        Stage::Announced => Some(announcement.attributes.clone()),
        Stage::Depreferred => Some(announcement.deprefer.attributes.clone()),
        Stage::Draining => Some(announcement.attributes.clone().draining()),
        Stage::Withdrawn => None,
    }
}

const fn next_hop(peer: &PeerConfig, family: Family) -> NextHop {
    match family {
        Family::Ipv4 => peer.next_hop_ipv4,
        Family::Ipv6 => peer.next_hop_ipv6,
    }
}
