//! MMDB files of several makers; read at load only.
//!
//! A file is verified from end to end (the metadata, the search tree, every record that the tree
//! points to), compiled to plain covers, and dropped.

use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ipnet::IpNet;
use maxminddb::{MaxMindDbError, Reader};

use super::places::Layers;
use super::ranges::{Address, Cover};
use super::record::{MapOr, Record};
use super::tree::{Network, Tree};
use super::{FactSet, Facts, embedded};

/// Why a database is refused.
#[derive(Debug, thiserror::Error)]
#[error("geoip database {path}: {reason}", path = path.display())]
#[allow(missing_docs, reason = "the message says it")]
pub struct DatabaseError {
    pub path: PathBuf,
    pub reason: String,
}

/// The databases in use, verified, in the order configured: for each fact the first that gives it
/// wins.
#[derive(Clone, Debug, Default)]
pub struct Databases {
    pub(super) databases: Vec<Arc<Database>>,
}

impl Databases {
    /// Reads and verifies files.
    ///
    /// # Errors
    /// Every file that cannot be read, is truncated, broken, or of no known shape.
    pub fn load(paths: &[PathBuf]) -> Result<Self, Vec<DatabaseError>> {
        let mut databases = Vec::new();
        let mut errors = Vec::new();
        for path in paths {
            match Database::load(path) {
                Ok(database) => databases.push(Arc::new(database)),
                Err(reason) => errors.push(DatabaseError { path: path.clone(), reason }),
            }
        }
        if errors.is_empty() { Ok(Self { databases }) } else { Err(errors) }
    }

    /// The country database in the binary.
    #[must_use]
    pub fn embedded() -> Self {
        Self { databases: vec![embedded::database()] }
    }

    /// With the embedded database behind them where none of them knows countries: a node that is
    /// given an AS database alone still knows where clients are.
    #[must_use]
    pub fn or_embedded_countries(mut self) -> Self {
        if !self.facts().country {
            self.databases.push(embedded::database());
        }
        self
    }

    /// A database of a list of ranges, each within one family, in place of a file. Where two
    /// overlap, the first that gives a fact wins.
    #[must_use]
    pub fn from_ranges(ranges: &[(RangeInclusive<IpAddr>, Facts)]) -> Self {
        let (Layers { v4, v6 }, records) = Layers::of_ranges(ranges);
        let given = records.iter().map(FactSet::of).fold(FactSet::default(), FactSet::union);
        let (kind, origin) = ("list".to_owned(), format!("{} ranges", ranges.len()));
        let database = Database { kind, built: 0, origin, given, records, v4, v6 };
        Self { databases: vec![Arc::new(database)] }
    }

    /// [`Self::from_ranges`] of networks.
    #[must_use]
    pub fn from_places(places: Vec<(IpNet, Facts)>) -> Self {
        let range = |(net, facts): (IpNet, Facts)| (net.network()..=net.broadcast(), facts);
        Self::from_ranges(&places.into_iter().map(range).collect::<Vec<_>>())
    }

    /// The facts that at least one of them gives, centroids and the continent table included.
    #[must_use]
    pub fn facts(&self) -> FactSet {
        let given = self
            .databases
            .iter()
            .fold(FactSet::default(), |set, database| set.union(database.given));
        FactSet {
            continent: given.continent || given.country,
            coordinates: given.coordinates || given.country,
            ..given
        }
    }

    /// One line for each, for status: the maker's type string, the build date, the path.
    #[must_use]
    pub fn describe(&self) -> Vec<String> {
        self.databases
            .iter()
            .map(|database| {
                let Database { kind, built, origin, .. } = &**database;
                format!("{kind}, built {}, {origin}", date(*built))
            })
            .collect()
    }
}

/// One database, compiled.
#[derive(Debug)]
pub(super) struct Database {
    /// The maker's type string.
    kind: String,
    /// In seconds since 1970.
    built: u64,
    /// Its path, or that it is built in.
    origin: String,
    /// The facts that at least one of its records gives.
    given: FactSet,
    /// What the numbers of the covers mean. The first is of addresses without a record.
    pub(super) records: Vec<Facts>,
    pub(super) v4: Cover<u32>,
    pub(super) v6: Cover<u128>,
}

impl Database {
    fn load(path: &Path) -> Result<Self, String> {
        // A pipe or a device would never end.
        let there = std::fs::metadata(path).map_err(|error| format!("cannot be read: {error}"))?;
        if !there.is_file() {
            return Err("not a regular file".into());
        }
        let bytes = std::fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
        Self::read(&bytes, path.display().to_string())
    }

    /// Verifies and compiles the bytes of a file.
    fn read(bytes: &[u8], origin: String) -> Result<Self, String> {
        let database = Self::compile(bytes, origin)
            .and_then(|database| verify(bytes).map(|()| database))
            .map_err(|reason| {
                format!("broken or truncated, or no MMDB file: {reason}; fetch it again")
            })?;
        if database.given == FactSet::default() {
            return Err(format!(
                "{}: no record gives a country, continent, subdivision, AS or coordinates in a \
                 shape that is known (MaxMind, DB-IP, IPinfo, or a flat `country_code`)",
                database.kind
            ));
        }
        Ok(database)
    }

    /// Reads every network of a file, and of each record what tells of a place.
    pub(super) fn compile(bytes: &[u8], origin: String) -> Result<Self, String> {
        let reader = Reader::from_source(bytes).map_err(in_words)?;
        let metadata = reader.metadata();
        let mut database = Self {
            kind: metadata.database_type.clone(),
            built: metadata.build_epoch,
            origin,
            given: FactSet::default(),
            records: vec![Facts::default()],
            v4: Cover::of(0),
            v6: Cover::of(0),
        };
        let mut numbers = HashMap::new();
        Tree::new(bytes, metadata).each_network(|network| {
            let number = match numbers.get(&network.record) {
                Some(number) => *number,
                None => {
                    let found = reader.lookup(network.first).map_err(in_words)?;
                    let record: Option<MapOr<Record<'_>>> = found.decode().map_err(in_words)?;
                    let number = database.record(record.unwrap_or_default().0.facts());
                    *numbers.entry(network.record).or_insert(number)
                }
            };
            place(&mut database.v4, &mut database.v6, &network, number);
            Ok(())
        })?;
        Ok(database)
    }

    /// Takes a record and returns its number.
    fn record(&mut self, facts: Facts) -> u32 {
        if facts == Facts::default() {
            return 0;
        }
        self.given = self.given.union(FactSet::of(&facts));
        self.records.push(facts);
        self.records.len() as u32 - 1
    }
}

/// Has the whole file verified, what is never read here included. The crate refuses a file without
/// a description before it looks at anything else, and those of ip-location-db have none; for them
/// it must do that [`Database::compile`] has read every network.
fn verify(bytes: &[u8]) -> Result<(), String> {
    let reader = Reader::from_source(bytes).map_err(in_words)?;
    let described = !reader.metadata().description.is_empty();
    if described { reader.verify().map_err(in_words) } else { Ok(()) }
}

/// Puts a record on a network. One of IPv6 that holds all of `::/96` is all of IPv4 too, as for
/// any reader of the format.
fn place(v4: &mut Cover<u32>, v6: &mut Cover<u128>, network: &Network, number: u32) {
    match network.first {
        IpAddr::V4(first) => v4.push(range(first.into(), network.length), number),
        IpAddr::V6(first) => {
            if first.is_unspecified() && network.length < 96 {
                *v4 = Cover::of(number);
            }
            v6.push(range(first.into(), network.length), number);
        }
    }
}

/// The addresses of a network.
fn range<A: Address>(first: A, length: u8) -> RangeInclusive<A> {
    let host_bits = A::BITS.saturating_sub(u32::from(length));
    let hosts = u128::MAX.checked_shr(u128::BITS - host_bits).unwrap_or_default();
    first..=A::narrow(first.into() | hosts)
}

fn in_words(error: MaxMindDbError) -> String {
    error.to_string()
}

/// The day (UTC) of a time in seconds since 1970, as `2024-02-29`: the proleptic Gregorian
/// calendar counted in eras of 400 years from 1 March of year 0.
fn date(seconds: u64) -> String {
    let days = seconds / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let months_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * months_from_march + 2) / 5 + 1;
    let month = if months_from_march < 10 { months_from_march + 3 } else { months_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests;
