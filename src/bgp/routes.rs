//! What is announced to a peer, and how one set of routes differs from another.
//!
//! A [`RouteSet`] is the whole of what one peer is to know. Who changes it states the whole set
//! again; [`difference`] works out what the peer must be told.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

/// LOCAL_PREF where none is configured; what routers take a missing one for.
pub const DEFAULT_LOCAL_PREF: u32 = 100;

/// All that one peer is to know.
pub type RouteSet = BTreeMap<IpNet, Route>;

/// What is said of a prefix.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Route {
    /// Where packets for it go.
    pub next_hop: NextHop,
    /// How it compares with what others say.
    pub attributes: Attributes,
}

/// Where packets for a prefix go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum NextHop {
    /// To this end of the session.
    #[default]
    Own,
    /// To this address. An IPv6 address for an IPv4 prefix needs RFC 8950.
    Given(IpAddr),
}

/// The path attributes that an operator decides on.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Attributes {
    /// How the route came to be.
    pub origin: Origin,
    /// How many more times than once our AS stands in AS_PATH. Not used towards iBGP, where a path
    /// with the peer's own AS is a loop.
    pub prepend: u8,
    /// MULTI_EXIT_DISC: lower is better.
    pub med: Option<u32>,
    /// LOCAL_PREF, towards iBGP only: higher is better; absent: [`DEFAULT_LOCAL_PREF`].
    pub local_pref: Option<u32>,
    /// COMMUNITIES (RFC 1997).
    pub communities: BTreeSet<Community>,
    /// LARGE_COMMUNITY (RFC 8092).
    pub large_communities: BTreeSet<LargeCommunity>,
}

impl Attributes {
    /// The same on its way out (RFC 8326 §4): routers that have another path move to it.
    #[must_use]
    pub fn draining(mut self) -> Self {
        self.communities.insert(Community::GRACEFUL_SHUTDOWN);
        self.local_pref = Some(0);
        self
    }
}

/// The ORIGIN attribute (RFC 4271 §5.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Origin {
    /// Of this AS.
    #[default]
    Igp,
    /// Of EGP, a protocol of the past.
    Egp,
    /// Of elsewhere.
    Incomplete,
}

/// A community, written `64512:100` (RFC 1997).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Community(pub u32);

impl Community {
    /// Routers prefer any other path (RFC 8326).
    pub const GRACEFUL_SHUTDOWN: Self = Self(0xffff_0000);
    /// The route stays in the peer's AS, or confederation (RFC 1997).
    pub const NO_EXPORT: Self = Self(0xffff_ff01);
}

impl fmt::Display for Community {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.0 >> 16, self.0 & 0xffff)
    }
}

/// A large community, written `64512:1:100` (RFC 8092).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LargeCommunity {
    /// The AS that gives it a meaning.
    pub administrator: u32,
    /// The first half of the meaning.
    pub data1: u32,
    /// The second.
    pub data2: u32,
}

impl fmt::Display for LargeCommunity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.administrator, self.data1, self.data2)
    }
}

/// An address family; unicast is the only kind that is announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// AFI 1, SAFI 1.
    Ipv4,
    /// AFI 2, SAFI 1.
    Ipv6,
}

impl Family {
    /// A prefix's.
    #[must_use]
    pub const fn of(prefix: &IpNet) -> Self {
        match prefix {
            IpNet::V4(_) => Self::Ipv4,
            IpNet::V6(_) => Self::Ipv6,
        }
    }
}

/// The address families of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Families {
    /// Whether IPv4 is one.
    pub ipv4: bool,
    /// Whether IPv6 is one.
    pub ipv6: bool,
}

impl Families {
    /// Both.
    pub const BOTH: Self = Self { ipv4: true, ipv6: true };
    /// What is spoken without a word about it (RFC 4271).
    pub const IPV4: Self = Self { ipv4: true, ipv6: false };

    /// Whether `family` is one of them.
    #[must_use]
    pub const fn contains(self, family: Family) -> bool {
        match family {
            Family::Ipv4 => self.ipv4,
            Family::Ipv6 => self.ipv6,
        }
    }

    /// Makes `family` one of them.
    pub const fn insert(&mut self, family: Family) {
        match family {
            Family::Ipv4 => self.ipv4 = true,
            Family::Ipv6 => self.ipv6 = true,
        }
    }

    /// Those of both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self { ipv4: self.ipv4 && other.ipv4, ipv6: self.ipv6 && other.ipv6 }
    }

    /// IPv4 first.
    pub fn iter(self) -> impl Iterator<Item = Family> {
        [Family::Ipv4, Family::Ipv6].into_iter().filter(move |&family| self.contains(family))
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        !self.ipv4 && !self.ipv6
    }
}

/// What turns one set into another.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Difference {
    /// No longer there. To be sent first: a peer near its limit of prefixes has room for the rest.
    pub withdrawn: Vec<IpNet>,
    /// New or different.
    pub announced: RouteSet,
}

/// What turns `from` into `to`.
#[must_use]
pub fn difference(from: &RouteSet, to: &RouteSet) -> Difference {
    let changed = |(prefix, route): &(&IpNet, &Route)| from.get(prefix) != Some(route);
    Difference {
        withdrawn: from.keys().filter(|prefix| !to.contains_key(prefix)).copied().collect(),
        announced: to.iter().filter(changed).map(|(&p, route)| (p, route.clone())).collect(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn prefix(text: &str) -> IpNet {
        text.parse().expect("a prefix")
    }

    fn with_med(med: u32) -> Route {
        Route {
            attributes: Attributes { med: Some(med), ..Attributes::default() },
            ..Route::default()
        }
    }

    #[test]
    fn a_difference_names_what_went_what_changed_and_what_came_and_nothing_else() {
        let (gone, kept, changed, new) = (
            prefix("192.0.2.1/32"),
            prefix("192.0.2.2/32"),
            prefix("192.0.2.3/32"),
            prefix("2001:db8::/48"),
        );
        let from =
            RouteSet::from([(gone, with_med(1)), (kept, with_med(1)), (changed, with_med(1))]);
        let to = RouteSet::from([(kept, with_med(1)), (changed, with_med(2)), (new, with_med(1))]);
        let expected = Difference {
            withdrawn: vec![gone],
            announced: RouteSet::from([(changed, with_med(2)), (new, with_med(1))]),
        };
        assert_eq!(difference(&from, &to), expected);
    }

    #[test]
    fn a_draining_route_is_marked_and_loses_its_preference() {
        let own = Community(0xfc00_0064);
        let before = Attributes {
            med: Some(7),
            local_pref: Some(200),
            communities: [own].into(),
            ..Attributes::default()
        };
        let after = before.clone().draining();
        assert_eq!(after.communities, [own, Community::GRACEFUL_SHUTDOWN].into());
        assert_eq!((after.local_pref, after.med), (Some(0), Some(7)));
    }

    #[test]
    fn communities_are_written_as_operators_write_them() {
        assert_eq!(Community::GRACEFUL_SHUTDOWN.to_string(), "65535:0");
        assert_eq!(Community::NO_EXPORT.to_string(), "65535:65281");
        let large = LargeCommunity { administrator: 64512, data1: 1, data2: 100 };
        assert_eq!(large.to_string(), "64512:1:100");
    }

    fn set() -> impl Strategy<Value = RouteSet> {
        let entry = (0_u8..8, 0_u32..3)
            .prop_map(|(host, med)| (prefix(&format!("192.0.2.{host}/32")), with_med(med)));
        proptest::collection::btree_map(any::<u8>(), entry, 0..8)
            .prop_map(|entries| entries.into_values().collect())
    }

    proptest! {
        #[test]
        fn applying_a_difference_gives_the_other_set(from in set(), to in set()) {
            let difference = difference(&from, &to);
            let mut held = from;
            for prefix in &difference.withdrawn {
                prop_assert!(held.remove(prefix).is_some());
            }
            held.extend(difference.announced);
            prop_assert_eq!(held, to);
        }
    }
}
