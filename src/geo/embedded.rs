//! The country database in the binary.
//!
//! It gives the country of the network that announces an address; `geoip/README.md` says where it
//! is from, its licence and its limits.

use std::sync::{Arc, LazyLock};

use super::mmdb::Database;

static BYTES: &[u8] = include_bytes!("../../geoip/country.mmdb");

/// The database, compiled at its first use.
pub(super) fn database() -> Arc<Database> {
    static DATABASE: LazyLock<Arc<Database>> = LazyLock::new(|| {
        let database = Database::compile(BYTES, "built in".to_owned())
            .expect("a test reads the file in the binary to its end");
        Arc::new(database)
    });
    Arc::clone(&DATABASE)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::geo::Country;

    #[test]
    fn it_knows_nearly_every_country_and_nothing_else() {
        let database = database();
        let countries: BTreeSet<_> = database.records.iter().filter_map(|f| f.country).collect();
        assert!(countries.len() > 200, "{} countries", countries.len());
        for code in ["DE", "US", "JP", "BR", "ZA", "AU"] {
            assert!(countries.contains(&Country::new(code).expect("a country")), "{code}");
        }
        assert!(database.records.iter().all(|facts| facts.continent.is_none()));
    }
}
