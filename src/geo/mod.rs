//! Where clients are: MMDB files and CIDR lists compiled to tables, and an address's place in them.
//!
//! - [`facts`]: what can be known of a place: continent, country, subdivision, AS, coordinates.
//! - `countries`: ISO 3166-1, and the continent of each.
//! - [`mmdb`]: database files of several makers, read at load only.
//! - [`places`]: the compiled map, address → range → place.
//! - [`partition`]: which clients one policy cannot tell apart, and the exact ECS scope of each.
//! - [`embedded`]: the country database in the binary.

mod countries;
pub mod embedded;
pub mod facts;
pub mod mmdb;
pub mod partition;
pub mod places;

pub use facts::{Asn, Continent, Coordinates, Country, FactSet, Facts, Subdivision};
