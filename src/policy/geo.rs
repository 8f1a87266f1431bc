//! `geo`: by the most specific key that matches the client; when that child is down, the next less
//! specific, until a fence.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;

use ipnet::IpNet;

use super::decide::{Because, Trace};
use super::plan::PlanId;
use super::resolve::{At, Resolver, Visit};
use super::{Geo, GeoChild, RttTable};
use crate::geo::partition::Who;
use crate::geo::{Asn, Continent, Country, Subdivision};

/// A key that clients match, from the most specific kind to the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Key {
    Cidr(IpNet),
    Asn(Asn),
    Subdivision(Subdivision),
    Country(Country),
    Continent(Continent),
    Default,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cidr(net) => net.fmt(f),
            Self::Asn(asn) => asn.fmt(f),
            Self::Subdivision(subdivision) => subdivision.fmt(f),
            Self::Country(country) => country.fmt(f),
            Self::Continent(continent) => f.write_str(continent.word()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// Values by key.
#[derive(Debug)]
pub(super) struct KeyIndex<V> {
    of: HashMap<Key, V>,
}

impl<V: Copy> KeyIndex<V> {
    /// The values whose keys match a client, the most specific first.
    pub(super) fn matching(&self, who: Who<'_>) -> impl Iterator<Item = (Key, V)> {
        let facts = who.facts;
        let cidrs = who.cidrs.iter().map(|net| Key::Cidr(*net));
        let places = [
            facts.asn.map(Key::Asn),
            facts.subdivision.map(Key::Subdivision),
            facts.country.map(Key::Country),
            facts.continent.map(Key::Continent),
            Some(Key::Default),
        ];
        cidrs
            .chain(places.into_iter().flatten())
            .filter_map(|key| self.of.get(&key).map(|value| (key, *value)))
    }
}

impl KeyIndex<GeoChild> {
    pub(super) fn of_geo(geo: &Geo) -> Self {
        let mut of = HashMap::new();
        of.extend(geo.cidrs.iter().map(|(net, to)| (Key::Cidr(*net), *to)));
        of.extend(geo.asns.iter().map(|(asn, to)| (Key::Asn(*asn), *to)));
        of.extend(geo.subdivisions.iter().map(|(part, to)| (Key::Subdivision(*part), *to)));
        of.extend(geo.countries.iter().map(|(country, to)| (Key::Country(*country), *to)));
        of.extend(geo.continents.iter().map(|(continent, to)| (Key::Continent(*continent), *to)));
        of.insert(Key::Default, geo.default);
        Self { of }
    }
}

impl KeyIndex<f64> {
    pub(super) fn of_rtt(rtt: &RttTable) -> Self {
        let mut of = HashMap::new();
        of.extend(rtt.cidrs.iter().map(|(net, ms)| (Key::Cidr(*net), *ms)));
        of.extend(rtt.asns.iter().map(|(asn, ms)| (Key::Asn(*asn), *ms)));
        of.extend(rtt.countries.iter().map(|(country, ms)| (Key::Country(*country), *ms)));
        Self { of }
    }
}

impl Resolver<'_> {
    /// The children whose keys match, up to the first behind a fence.
    pub(super) fn geo(&mut self, at: At, geo: &Geo, visit: &mut Visit<'_, impl Trace>) -> PlanId {
        let matching: Vec<(Key, GeoChild)> = match self.geo_keys.get(&at.policy) {
            Some(keys) => keys.matching(visit.who).collect(),
            None => vec![(Key::Default, geo.default)],
        };
        let fence = matching.iter().position(|(_, child)| child.fence);
        let tried = fence.map_or(matching.len(), |at| at + 1);
        let mut children: Vec<_> =
            matching.into_iter().map(|(key, child)| (child.to, Because::Key(key))).collect();
        let behind_fence = children.split_off(tried);
        self.in_order(at, children, behind_fence, visit)
    }
}
