//! Where clients are: MMDB files and CIDR lists compiled to tables, and an address's place in them.
//!
//! - [`facts`]: what can be known of a place: continent, country, subdivision, AS, coordinates.
//!   `countries` is ISO 3166-1 with the continent of each, `centroids` where each is.
//! - [`mmdb`]: database files of several makers, read at load only; `tree` is the tree of networks
//!   in one, `record` one record of any maker, `embedded` the country database in the binary.
//! - [`places`]: the compiled map, address → range → place; `ranges` is one family of it, and
//!   `transition` are the IPv6 addresses that are looked up as the IPv4 address they carry.
//! - [`partition`]: which clients one policy cannot tell apart, and the exact ECS scope of each;
//!   `boundaries` finds where the next class begins.

mod boundaries;
mod centroids;
mod countries;
mod embedded;
pub mod facts;
pub mod mmdb;
pub mod partition;
pub mod places;
mod ranges;
mod record;
mod transition;
mod tree;

pub use facts::{Asn, Continent, Coordinates, Country, FactSet, Facts, Subdivision};
