//! Against MaxMind's own test databases. They are not part of the repository: they are looked for
//! in `$RHUMB_TEST_DATA/mmdb`, else beside it. With `RHUMB_REQUIRE_PEERS=1` they must be there.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::Value;

use self::writer::{File, Slot};
use super::*;
use crate::geo::places::Places;
use crate::geo::{Asn, Continent, Coordinates, Country, Subdivision};

mod writer;

const ALL: FactSet =
    FactSet { continent: true, country: true, subdivision: true, asn: true, coordinates: true };

/// The path of a test database; absent when there are none and none are required.
fn test_data(name: &str) -> Option<PathBuf> {
    let data = std::env::var_os("RHUMB_TEST_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
        PathBuf::from,
    );
    let path = data.join("mmdb").join(name);
    if path.exists() {
        return Some(path);
    }
    let required = std::env::var_os("RHUMB_REQUIRE_PEERS").is_some_and(|value| value == "1");
    assert!(!required, "{} is required and absent; set RHUMB_TEST_DATA", path.display());
    println!("skipped: {} is absent; set RHUMB_TEST_DATA", path.display());
    None
}

fn load(path: &Path) -> Result<Databases, String> {
    Databases::load(&[path.to_owned()]).map_err(|errors| errors[0].to_string())
}

/// What one network of a JSON source says, read by other code than the code under test.
fn expected(record: &Value) -> Facts {
    let text = |path: &str| record.pointer(path).and_then(Value::as_str);
    let country = text("/country/iso_code").or_else(|| text("/registered_country/iso_code"));
    let country = country.and_then(Country::new);
    let degrees = |path: &str| record.pointer(path).and_then(Value::as_f64);
    let database_coordinates = degrees("/location/latitude").zip(degrees("/location/longitude"));
    let asn = record.pointer("/autonomous_system_number").and_then(Value::as_u64);
    Facts {
        continent: text("/continent/code")
            .and_then(Continent::from_code)
            .or_else(|| country.map(Country::continent)),
        country,
        subdivision: text("/subdivisions/0/iso_code")
            .and_then(|code| Subdivision::parse(&format!("{}-{code}", country?))),
        asn: asn.map(|number| Asn(u32::try_from(number).expect("32 bits"))),
        coordinates: database_coordinates
            .and_then(|(latitude, longitude)| Coordinates::new(latitude, longitude))
            .or_else(|| country?.centroid()),
    }
}

#[test]
fn every_network_of_the_json_sources_has_the_facts_it_should() {
    for name in ["GeoLite2-City-Test", "GeoLite2-Country-Test", "GeoLite2-ASN-Test"] {
        let Some(json) = test_data(&format!("{name}.json")) else { continue };
        let databases = load(&json.with_extension("mmdb")).expect("a sound database");
        let places = Places::build(&databases, ALL);
        let text = std::fs::read_to_string(json).expect("the JSON source");
        let networks: Vec<serde_json::Map<String, Value>> =
            serde_json::from_str(&text).expect("a list of networks");
        assert!(networks.len() > 200, "{name}: {} networks", networks.len());
        for (network, record) in networks.iter().flatten() {
            let network: IpNet = network.parse().expect("a network");
            for client in [network.network(), network.broadcast()] {
                assert_eq!(places.facts(client), &expected(record), "{name}: {client}");
            }
        }
    }
}

#[test]
fn clients_of_every_kind_of_maxmind_database_are_placed() {
    // File, client, then continent, country, subdivision, AS; by `mmdblookup` on the same files.
    let cases = [
        ("GeoIP2-City-Test.mmdb", "81.2.69.160", "EU GB GB-ENG -"),
        ("GeoIP2-City-Test.mmdb", "::ffff:81.2.69.160", "EU GB GB-ENG -"),
        ("GeoIP2-City-Test.mmdb", "2002:5102:45a0::1", "EU GB GB-ENG -"),
        ("GeoIP2-Country-Test.mmdb", "2001:218::1", "AS JP - -"),
        ("GeoIP2-Country-Test.mmdb", "192.0.2.1", "- - - -"),
        ("GeoIP2-Enterprise-Test.mmdb", "74.209.24.0", "NA US US-NY AS14671"),
        ("GeoIP2-ISP-Test.mmdb", "1.128.0.0", "- - - AS1221"),
        ("GeoLite2-ASN-Test.mmdb", "1.128.0.0", "- - - AS1221"),
    ];
    for (name, client, expected) in cases {
        let Some(path) = test_data(name) else { continue };
        let databases = load(&path).expect("a sound database");
        let places = Places::build(&databases, ALL);
        let facts = places.facts(client.parse().expect("an address"));
        let parts = [
            facts.continent.map(|c| c.code().to_owned()),
            facts.country.map(|c| c.to_string()),
            facts.subdivision.map(|s| s.to_string()),
            facts.asn.map(|a| a.to_string()),
        ];
        let seen = parts.map(|part| part.unwrap_or_else(|| "-".into())).join(" ");
        assert_eq!(seen, expected, "{name}: {client}");
    }
}

#[test]
fn databases_complete_each_other() {
    let (Some(country), Some(asn)) =
        (test_data("GeoLite2-Country-Test.mmdb"), test_data("GeoLite2-ASN-Test.mmdb"))
    else {
        return;
    };
    let databases = Databases::load(&[asn, country]).expect("sound databases");
    assert_eq!(databases.facts(), FactSet { subdivision: false, ..ALL });
    let places = Places::build(&databases, ALL);
    let facts = places.facts("89.160.20.112".parse().expect("an address"));
    assert_eq!(facts.country, Country::new("SE"));
    assert_eq!(facts.asn, Some(Asn(29518)));
    let description = databases.describe();
    assert!(description[0].starts_with("GeoLite2-ASN, built 20"), "{description:?}");
    assert!(description[1].ends_with("GeoLite2-Country-Test.mmdb"), "{description:?}");
}

#[test]
fn broken_files_and_files_of_no_known_shape_are_refused() {
    let cases = [
        ("MaxMind-DB-test-broken-search-tree-24.mmdb", "broken or truncated"),
        ("MaxMind-DB-string-value-entries.mmdb", "no record gives a country"),
        ("MaxMind-DB-no-ipv4-search-tree.mmdb", "no record gives a country"),
        ("MaxMind-DB-test-ipv4-24.mmdb", "no record gives a country"),
        ("MaxMind-DB-test-ipv6-32.mmdb", "no record gives a country"),
        ("MaxMind-DB-test-mixed-28.mmdb", "no record gives a country"),
        ("README.md", "no MMDB file"),
    ];
    for (name, reason) in cases {
        let Some(path) = test_data(name) else { continue };
        let error = load(&path).expect_err(name);
        assert!(error.contains(reason) && error.contains(name), "{error}");
    }
}

#[test]
fn every_mistake_is_reported_and_nothing_is_loaded() {
    let paths = [PathBuf::from("no-such-file.mmdb"), PathBuf::from("Cargo.toml")];
    let errors = Databases::load(&paths).expect_err("neither is a database");
    assert_eq!(errors.iter().map(|e| &e.path).collect::<Vec<_>>(), paths.each_ref());
    assert!(errors[0].to_string().starts_with("geoip database no-such-file.mmdb: cannot be read"));
    assert!(errors[1].to_string().contains("no MMDB file"), "{}", errors[1]);
}

/// The files differ in the shape of the tree; none has a field of ours, so their networks are
/// compared with the reader's own answers.
#[test]
fn networks_of_every_shape_of_tree_are_where_the_reader_finds_them() {
    for name in [
        "MaxMind-DB-no-ipv4-search-tree.mmdb",
        "MaxMind-DB-test-ipv4-24.mmdb",
        "MaxMind-DB-test-ipv6-32.mmdb",
        "MaxMind-DB-test-mixed-28.mmdb",
        "GeoIP2-City-Test.mmdb",
    ] {
        let Some(path) = test_data(name) else { continue };
        let bytes = std::fs::read(path).expect("the file");
        let reader = Reader::from_source(&bytes[..]).expect("a database");
        let offset_of = |client: IpAddr| reader.lookup(client).expect("a lookup").offset();
        let (mut v4, mut v6) = (Cover::of(0), Cover::of(0));
        Tree::new(&bytes, reader.metadata())
            .each_network(|network| {
                let offset = offset_of(network.first).expect("a record");
                place(&mut v4, &mut v6, &network, offset as u32 + 1);
                Ok(())
            })
            .expect("a sound tree");
        for (start, number) in v4.iter() {
            let found = offset_of(std::net::Ipv4Addr::from(start).into());
            assert_eq!(number, found.map_or(0, |offset| offset as u32 + 1), "{name}: {start:x}");
        }
        for (start, number) in v6.iter().filter(|_| reader.metadata().ip_version == 6) {
            let address = std::net::Ipv6Addr::from(start);
            let carries = crate::geo::transition::Transition::of(address).is_some();
            if start >> 32 != 0 && !carries {
                let found = offset_of(address.into());
                assert_eq!(
                    number,
                    found.map_or(0, |offset| offset as u32 + 1),
                    "{name}: {address}"
                );
            }
        }
        assert!(v4.iter().count() + v6.iter().count() > 2, "{name}");
    }
}

#[test]
fn dates_are_those_of_the_calendar() {
    let cases = [
        (0, "1970-01-01"),
        (951_782_400, "2000-02-29"),
        (1_709_164_799, "2024-02-28"),
        (1_709_164_800, "2024-02-29"),
        (1_735_689_600, "2025-01-01"),
        (4_107_542_400, "2100-03-01"),
    ];
    for (seconds, expected) in cases {
        assert_eq!(date(seconds), expected);
    }
}

#[test]
fn a_truncated_file_is_refused_at_every_length() {
    let Some(path) = test_data("GeoIP2-Country-Test.mmdb") else { return };
    let whole = std::fs::read(path).expect("the file");
    let directory = tempfile::tempdir().expect("a directory");
    let cut = directory.path().join("cut.mmdb");
    for length in (0..whole.len()).step_by(97) {
        std::fs::write(&cut, &whole[..length]).expect("writing the file");
        assert!(load(&cut).is_err(), "{length} of {} bytes", whole.len());
    }
}

proptest! {
    /// What is damaged is refused or read as something else; it never panics.
    #[test]
    fn a_damaged_file_never_panics(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        near_the_end in any::<bool>(),
    ) {
        let Some(path) = test_data("GeoLite2-ASN-Test.mmdb") else { return Ok(()) };
        let mut bytes = std::fs::read(path).expect("the file");
        let first = if near_the_end { bytes.len().saturating_sub(400) } else { 0 };
        for (place, value) in damage {
            let at = first + place.index(bytes.len() - first);
            bytes[at] = value;
        }
        let loaded = Database::read(&bytes, "damaged".into());
        if let Ok(database) = loaded {
            let databases = Databases { databases: vec![Arc::new(database)] };
            let places = Places::build(&databases, ALL);
            let _ = places.facts("1.128.0.0".parse().expect("an address"));
        }
    }
}

fn read(file: &File) -> Result<Databases, String> {
    let database = Database::read(&file.bytes(), "written".into())?;
    Ok(Databases { databases: vec![Arc::new(database)] })
}

/// The country of each client, or `-`.
fn countries<const N: usize>(databases: &Databases, clients: [&str; N]) -> [String; N] {
    let places = Places::build(databases, ALL);
    clients.map(|client| {
        let facts = places.facts(client.parse().expect("an address"));
        facts.country.map_or_else(|| "-".to_owned(), |country| country.to_string())
    })
}

fn country(code: &str) -> Value {
    serde_json::json!({ "country_code": code })
}

#[test]
fn a_flat_file_without_a_description_is_read() {
    let mut file = File::new();
    file.insert("192.0.2.0/24", country("DE"));
    file.insert("198.51.100.0/24", country("AP"));
    file.insert("2001:db8::/32", country("JP"));
    let databases = read(&file).expect("a sound file");
    let seen = countries(
        &databases,
        [
            "192.0.2.1",
            "192.0.3.0",
            "198.51.100.1",
            "2001:db8::1",
            "2002:c000:201::1",
            "::192.0.2.1",
        ],
    );
    assert_eq!(seen, ["DE", "-", "-", "JP", "DE", "-"]);
    assert_eq!(databases.facts(), FactSet { subdivision: false, asn: false, ..ALL });
    assert_eq!(databases.describe(), ["written-by-hand, built 2024-02-29, written"]);
}

#[test]
fn the_continent_and_coordinates_of_a_database_win_over_those_of_the_country() {
    let mut file = File::new();
    let record = serde_json::json!({
        "country": { "iso_code": "RU" },
        "continent": { "code": "AS" },
        "location": { "latitude": 55.0, "longitude": 83.0 },
    });
    file.insert("192.0.2.0/24", record);
    file.insert("198.51.100.0/24", country("RU"));
    let places = Places::build(&read(&file).expect("a sound file"), ALL);
    let given = places.facts("192.0.2.1".parse().expect("an address"));
    assert_eq!(given.continent, Some(Continent::Asia));
    assert_eq!(given.coordinates, Coordinates::new(55.0, 83.0));
    let derived = places.facts("198.51.100.1".parse().expect("an address"));
    assert_eq!(derived.continent, Some(Continent::Europe));
    assert_eq!(derived.coordinates, Country::new("RU").expect("a country").centroid());
}

#[test]
fn aliases_of_the_ipv4_tree_are_not_walked() {
    let mut file = File::new();
    file.insert("192.0.2.0/24", country("DE"));
    file.alias("2002::/16");
    file.alias("::ffff:0:0/96");
    let bytes = file.bytes();
    let reader = Reader::from_source(&bytes[..]).expect("a file");
    let mut found = Vec::new();
    Tree::new(&bytes, reader.metadata())
        .each_network(|network| {
            found.push(format!("{}/{}", network.first, network.length));
            Ok(())
        })
        .expect("a tree");
    assert_eq!(found, ["192.0.2.0/24"]);
    let databases = read(&file).expect("a sound file");
    assert_eq!(countries(&databases, ["2002:c000:201::1", "::ffff:192.0.2.1"]), ["DE", "DE"]);
}

#[test]
fn without_an_ipv4_tree_the_network_above_it_is_all_of_ipv4() {
    let mut file = File::new();
    let record = file.record(country("DE"));
    file.put("::/64", record);
    // The same record elsewhere is no alias.
    file.put("2a00::/16", record);
    let databases = read(&file).expect("a sound file");
    let seen = countries(&databases, ["192.0.2.1", "::1", "0:0:0:1::", "2a00::1", "2b00::1"]);
    assert_eq!(seen, ["DE", "DE", "-", "DE", "-"]);
}

#[test]
fn a_tree_in_which_branches_meet_is_refused() {
    let mut file = File::new();
    let record = file.record(country("DE"));
    for node in 1..100 {
        file.nodes.push([Slot::Node(node + 1); 2]);
    }
    file.nodes.push([record; 2]);
    file.nodes[0] = [Slot::Node(1); 2];
    let error = read(&file).expect_err("2^101 networks");
    assert!(error.contains("branches of the search tree meet"), "{error}");
}

#[test]
fn a_tree_that_turns_back_is_refused() {
    let mut file = File::new();
    let record = file.record(country("DE"));
    file.nodes.resize(100, [record, Slot::Nothing]);
    file.nodes[0] = [record, Slot::Node(0)];
    let error = read(&file).expect_err("a cycle");
    assert!(error.contains("deeper than an address"), "{error}");
}

proptest! {
    /// The same for a file that the crate's own verification would not look at.
    #[test]
    fn a_damaged_flat_file_never_panics(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        keep in any::<prop::sample::Index>(),
    ) {
        let mut file = File::new();
        file.insert("192.0.2.0/24", country("DE"));
        file.insert("2001:db8::/32", country("JP"));
        let mut bytes = file.bytes();
        for (place, value) in damage {
            let at = place.index(bytes.len());
            bytes[at] = value;
        }
        if keep.index(4) == 0 {
            bytes.truncate(keep.index(bytes.len()));
        }
        if let Ok(database) = Database::read(&bytes, "damaged".into()) {
            let databases = Databases { databases: vec![Arc::new(database)] };
            countries(&databases, ["192.0.2.1", "2001:db8::1"]);
        }
    }
}
