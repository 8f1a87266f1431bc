//! The compiled map: address → range → place.
//!
//! A place is a distinct set of facts; a range is as long as its facts are the same. Several
//! databases are laid over each other: for each fact, the first that gives it for an address wins.
//! What follows from a fact is added last: the continent and the centroid of a country, where no
//! database gives a continent or coordinates.

use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use super::mmdb::Databases;
use super::ranges::{Address, Cover, Ranges};
use super::transition::Transition;
use super::{Asn, Continent, Country, FactSet, Facts, Subdivision};

pub use super::transition::canonical;

/// One map of the address space for a set of facts; both families.
#[derive(Debug)]
pub struct Places {
    places: Box<[Facts]>,
    pub(super) v4: Ranges<u32>,
    pub(super) v6: Ranges<u128>,
}

/// The place of the IPv6 blocks whose addresses carry an IPv4 address. They are never looked up as
/// IPv6, and have a place of their own so that no range runs into them.
pub(super) const TRANSITION: u32 = 1;

impl Places {
    /// Compiles the databases for the facts asked for. With none asked for, or no database, all
    /// the world is one place of which nothing is known.
    #[must_use]
    pub fn build(databases: &Databases, facts: FactSet) -> Self {
        let needed =
            FactSet { country: facts.country || facts.continent || facts.coordinates, ..facts };
        let mut found = Found::default();
        let mut layers = Layers::empty();
        for database in &databases.databases {
            let numbers: Vec<u32> =
                database.records.iter().map(|record| found.number(only(needed, record))).collect();
            let of = |record: u32| numbers[record as usize];
            layers.lay(&database.v4.renumber(of), &database.v6.renumber(of), &mut found);
        }
        layers.finish(&found.facts, |record| only(facts, &derived(record)))
    }

    /// Compiles a list of ranges, each within one family; where two overlap, the first that gives
    /// a fact wins. Facts are taken as they stand: nothing follows from a country.
    #[must_use]
    pub fn from_ranges(ranges: &[(RangeInclusive<IpAddr>, Facts)]) -> Self {
        let (layers, facts) = Layers::of_ranges(ranges);
        layers.finish(&facts, Facts::clone)
    }

    /// What is known of an address.
    #[must_use]
    pub fn facts(&self, address: IpAddr) -> &Facts {
        self.place(match canonical(address) {
            IpAddr::V4(v4) => self.v4.number(self.v4.index_of(v4.into())),
            IpAddr::V6(v6) => self.v6.number(self.v6.index_of(v6.into())),
        })
    }

    /// How many places there are; their numbers are below it.
    #[must_use]
    pub fn count(&self) -> usize {
        self.places.len()
    }

    /// How many ranges there are, of IPv4 and of IPv6.
    #[must_use]
    pub fn ranges(&self) -> (usize, usize) {
        (self.v4.len(), self.v6.len())
    }

    /// What it takes of memory, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.places) + self.v4.bytes() + self.v6.bytes()
    }

    /// What is known of a place.
    pub(super) fn place(&self, number: u32) -> &Facts {
        &self.places[number as usize]
    }
}

/// The covers of both families while databases are laid over each other.
pub(super) struct Layers {
    pub(super) v4: Cover<u32>,
    pub(super) v6: Cover<u128>,
}

impl Layers {
    /// Nothing known of any address.
    fn empty() -> Self {
        Self { v4: Cover::of(0), v6: Cover::of(0) }
    }

    /// Lays ranges over each other; their numbers are indices of the facts.
    pub(super) fn of_ranges(ranges: &[(RangeInclusive<IpAddr>, Facts)]) -> (Self, Vec<Facts>) {
        let mut found = Found::default();
        let mut layers = Self::empty();
        for (range, facts) in ranges.iter().filter(|(range, _)| !range.is_empty()) {
            let number = found.number(*facts);
            let Self { mut v4, mut v6 } = Self::empty();
            match (*range.start(), *range.end()) {
                (IpAddr::V4(first), IpAddr::V4(last)) => {
                    v4.push(first.into()..=last.into(), number);
                }
                (IpAddr::V6(first), IpAddr::V6(last)) => {
                    v6.push(first.into()..=last.into(), number);
                }
                _ => continue,
            }
            layers.lay(&v4, &v6, &mut found);
        }
        (layers, found.facts)
    }

    /// Lays covers under those that are there already.
    fn lay(&mut self, v4: &Cover<u32>, v6: &Cover<u128>, found: &mut Found) {
        self.v4 = under(&self.v4, v4, found);
        self.v6 = under(&self.v6, v6, found);
    }

    /// Makes the map: a place for each distinct outcome of `finish`.
    fn finish(self, facts: &[Facts], finish: impl Fn(&Facts) -> Facts) -> Places {
        let mut places = Found::default();
        places.facts.insert(TRANSITION as usize, Facts::default());
        let numbers: Vec<u32> = facts.iter().map(|facts| places.number(finish(facts))).collect();
        let v4 = self.v4.renumber(|record| numbers[record as usize]);
        let v6 = self.v6.renumber(|record| numbers[record as usize]);
        let mut blocks = Cover::of(0);
        for transition in Transition::ALL {
            blocks.push(transition.block(), TRANSITION);
        }
        let v6 = v6.merge(&blocks, |place, block| if block == TRANSITION { block } else { place });
        Places { places: places.facts.into(), v4: Ranges::new(v4), v6: Ranges::new(v6) }
    }
}

fn under<A: Address>(upper: &Cover<A>, lower: &Cover<A>, found: &mut Found) -> Cover<A> {
    let mut merged = HashMap::new();
    upper.merge(lower, |first, second| match (first, second) {
        (0, one) | (one, 0) => one,
        pair => *merged.entry(pair).or_insert_with(|| {
            found.number(first_of(found.facts[first as usize], found.facts[second as usize]))
        }),
    })
}

/// Distinct facts, each with a number; 0 is knowing nothing.
struct Found {
    facts: Vec<Facts>,
    numbers: HashMap<Key, u32>,
}

/// Facts with coordinates as bits, which can be compared.
type Key =
    (Option<Continent>, Option<Country>, Option<Subdivision>, Option<Asn>, Option<(u64, u64)>);

impl Default for Found {
    fn default() -> Self {
        let mut found = Self { facts: Vec::new(), numbers: HashMap::new() };
        found.number(Facts::default());
        found
    }
}

impl Found {
    fn number(&mut self, facts: Facts) -> u32 {
        let Facts { continent, country, subdivision, asn, coordinates } = facts;
        let bits = coordinates.map(|at| (at.latitude.to_bits(), at.longitude.to_bits()));
        *self.numbers.entry((continent, country, subdivision, asn, bits)).or_insert_with(|| {
            self.facts.push(facts);
            self.facts.len() as u32 - 1
        })
    }
}

/// The facts of a set.
fn only(set: FactSet, facts: &Facts) -> Facts {
    Facts {
        continent: facts.continent.filter(|_| set.continent),
        country: facts.country.filter(|_| set.country),
        subdivision: facts.subdivision.filter(|_| set.subdivision),
        asn: facts.asn.filter(|_| set.asn),
        coordinates: facts.coordinates.filter(|_| set.coordinates),
    }
}

/// Each fact of the first, else of the second.
fn first_of(first: Facts, second: Facts) -> Facts {
    Facts {
        continent: first.continent.or(second.continent),
        country: first.country.or(second.country),
        subdivision: first.subdivision.or(second.subdivision),
        asn: first.asn.or(second.asn),
        coordinates: first.coordinates.or(second.coordinates),
    }
}

/// With what follows from the country.
fn derived(facts: &Facts) -> Facts {
    Facts {
        continent: facts.continent.or_else(|| facts.country.map(Country::continent)),
        coordinates: facts.coordinates.or_else(|| facts.country.and_then(Country::centroid)),
        ..*facts
    }
}

#[cfg(test)]
mod tests;
