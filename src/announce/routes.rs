//! What a peer is told of the announcements; pure.

use std::cmp::Reverse;

use super::ladder::Strength;
use super::{Announcement, Stage};
use crate::bgp::config::PeerConfig;
use crate::bgp::routes::{Attributes, Family, NextHop, Route, RouteSet};

/// An announcement and how it is made.
#[derive(Clone, Copy, Debug)]
pub struct Made<'a> {
    /// What is announced.
    pub announcement: &'a Announcement,
    /// How strongly.
    pub stage: Stage,
    /// With which attributes, as far as the stage leaves that open.
    pub strength: Strength,
}

/// All that a peer is to know: the prefixes of the announcements that it is told of, in the
/// families of its session. A prefix of two announcements is announced as strongly as either is.
#[must_use]
pub fn routes<'a>(made: impl IntoIterator<Item = Made<'a>>, peer: &PeerConfig) -> RouteSet {
    let told = |made: &Made<'_>| peer.announce.contains(&made.announcement.name);
    let mut told: Vec<_> = made.into_iter().filter(told).collect();
    // The strongest last: it replaces the others.
    told.sort_by_key(|made| Reverse(made.stage));
    told.into_iter().flat_map(|made| of_one(made, peer)).collect()
}

/// The routes of one announcement.
fn of_one(made: Made<'_>, peer: &PeerConfig) -> RouteSet {
    let Some(attributes) = attributes(made) else { return RouteSet::new() };
    let prefixes = made.announcement.prefixes.iter().map(|prefix| (*prefix, Family::of(prefix)));
    let spoken = prefixes.filter(|&(_, family)| peer.session.families.contains(family));
    let route = |family| Route { next_hop: next_hop(peer, family), attributes: attributes.clone() };
    spoken.map(|(prefix, family)| (prefix, route(family))).collect()
}

/// What is said of a route at this stage; absent when it is not announced.
fn attributes(Made { announcement, stage, strength }: Made<'_>) -> Option<Attributes> {
    let own = match strength {
        Strength::Normal => &announcement.attributes,
        Strength::Lesser => &announcement.deprefer.attributes,
    };
    match stage {
        Stage::Announced | Stage::Depreferred => Some(own.clone()),
        Stage::Draining => Some(own.clone().draining()),
        Stage::Withdrawn => None,
    }
}

const fn next_hop(peer: &PeerConfig, family: Family) -> NextHop {
    match family {
        Family::Ipv4 => peer.next_hop_ipv4,
        Family::Ipv6 => peer.next_hop_ipv6,
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::announce::fixture::{announcement, peer};
    use crate::bgp::config::Selection;
    use crate::bgp::routes::{Community, Families};

    fn made(announcement: &Announcement, stage: Stage) -> Made<'_> {
        let strength = match stage {
            Stage::Announced | Stage::Draining | Stage::Withdrawn => Strength::Normal,
            Stage::Depreferred => Strength::Lesser,
        };
        Made { announcement, stage, strength }
    }

    fn prefixes(set: &RouteSet) -> Vec<String> {
        set.keys().map(ToString::to_string).collect()
    }

    #[test]
    fn the_stage_decides_the_attributes() {
        let dns = announcement("dns");
        let (normal, lesser) = (&dns.attributes, &dns.deprefer.attributes);
        use Strength::{Lesser, Normal};
        for (stage, strength, expected) in [
            (Stage::Announced, Normal, Some(normal.clone())),
            (Stage::Depreferred, Lesser, Some(lesser.clone())),
            (Stage::Draining, Normal, Some(normal.clone().draining())),
            (Stage::Draining, Lesser, Some(lesser.clone().draining())),
            (Stage::Withdrawn, Normal, None),
        ] {
            let set = routes([Made { announcement: &dns, stage, strength }], &peer("a"));
            let found: Vec<_> = set.values().map(|route| Some(&route.attributes)).collect();
            let expected = expected.as_ref().map_or(vec![], |_| vec![expected.as_ref(); 2]);
            assert_eq!(found, expected, "{stage:?}, {strength:?}");
        }
        let draining = normal.clone().draining();
        assert!(draining.communities.contains(&Community::GRACEFUL_SHUTDOWN));
    }

    #[test]
    fn a_peer_is_told_of_the_families_of_its_session_with_its_own_next_hops() {
        let dns = announcement("dns");
        let router: IpAddr = "2001:db8:1::10".parse().expect("an address");
        let mut peer = peer("a");
        peer.next_hop_ipv6 = NextHop::Given(router);
        let set = routes([made(&dns, Stage::Announced)], &peer);
        let hops: Vec<_> = set.values().map(|route| route.next_hop).collect();
        assert_eq!(hops, [NextHop::Own, NextHop::Given(router)]);
        for (families, expected) in [
            (Families::BOTH, vec!["203.0.113.53/32", "2001:db8:53::53/128"]),
            (Families::IPV4, vec!["203.0.113.53/32"]),
            (Families { ipv4: false, ipv6: true }, vec!["2001:db8:53::53/128"]),
            (Families::default(), vec![]),
        ] {
            peer.session.families = families;
            let set = routes([made(&dns, Stage::Announced)], &peer);
            assert_eq!(prefixes(&set), expected, "{families:?}");
        }
    }

    #[test]
    fn a_peer_is_told_of_what_is_for_it_alone() {
        let mut web = announcement("web");
        web.prefixes = vec!["198.51.100.0/24".parse().expect("a prefix")];
        let dns = announcement("dns");
        let both = || [made(&dns, Stage::Announced), made(&web, Stage::Announced)];
        let mut peer = peer("a");
        assert_eq!(routes(both(), &peer).len(), 3);
        peer.announce = Selection::Only(["web".into()].into());
        assert_eq!(prefixes(&routes(both(), &peer)), ["198.51.100.0/24"]);
        peer.announce = Selection::Only(["other".into()].into());
        assert!(routes(both(), &peer).is_empty());
    }

    #[test]
    fn a_prefix_of_two_announcements_is_as_strong_as_the_stronger() {
        let (dns, other) = (announcement("dns"), announcement("other"));
        for (one, two, expected) in [
            (Stage::Announced, Stage::Depreferred, Some(dns.attributes.clone())),
            (Stage::Withdrawn, Stage::Depreferred, Some(dns.deprefer.attributes.clone())),
            (Stage::Draining, Stage::Withdrawn, Some(dns.attributes.clone().draining())),
            (Stage::Withdrawn, Stage::Withdrawn, None),
        ] {
            for (one, two) in [(one, two), (two, one)] {
                let set = routes([made(&dns, one), made(&other, two)], &peer("a"));
                let found = set.values().next().map(|route| route.attributes.clone());
                assert_eq!(found, expected, "{one:?}, {two:?}");
            }
        }
    }
}
