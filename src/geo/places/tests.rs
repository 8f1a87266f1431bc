use super::*;
use crate::geo::Coordinates;

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn range(first: &str, last: &str, facts: Facts) -> (RangeInclusive<IpAddr>, Facts) {
    (address(first)..=address(last), facts)
}

fn country(code: &str) -> Option<Country> {
    Some(Country::new(code).expect("a country"))
}

const COUNTRY: FactSet =
    FactSet { continent: false, country: true, subdivision: false, asn: false, coordinates: false };

#[test]
fn without_a_fact_asked_for_all_the_world_is_one_place() {
    for places in [
        Places::build(&Databases::embedded(), FactSet::default()),
        Places::build(&Databases::default(), COUNTRY),
        Places::from_ranges(&[]),
    ] {
        assert_eq!(places.facts(address("192.0.2.1")), &Facts::default());
        assert_eq!(places.facts(address("2a00::1")), &Facts::default());
        assert_eq!(places.ranges(), (1, 9), "and the blocks that carry IPv4");
        assert!(places.bytes() < 1000, "{} bytes", places.bytes());
    }
}

#[test]
fn the_embedded_database_places_well_known_networks() {
    let everything = FactSet { continent: true, coordinates: true, ..COUNTRY };
    let places = Places::build(&Databases::embedded(), everything);
    for (client, code) in [
        ("193.0.0.1", "NL"),       // RIPE NCC
        ("2001:67c:2e8::1", "NL"), // the same
        ("91.0.0.1", "DE"),        // Deutsche Telekom
        ("::ffff:91.0.0.1", "DE"),
        ("2002:5b00:1::1", "DE"),
        ("133.11.0.1", "JP"), // the University of Tokyo
    ] {
        let facts = places.facts(address(client));
        let expected = Country::new(code).expect("a country");
        assert_eq!(facts.country, Some(expected), "{client}");
        assert_eq!(facts.continent, Some(expected.continent()), "{client}");
        assert_eq!(facts.coordinates, expected.centroid(), "{client}");
    }
    for private in ["10.0.0.1", "127.0.0.1", "fd00::1", "::1", "2001:db8::1"] {
        assert_eq!(places.facts(address(private)), &Facts::default(), "{private}");
    }
}

#[test]
fn a_map_of_ipv4_countries_is_about_two_megabytes() {
    let places = Places::build(&Databases::embedded(), COUNTRY);
    let (v4, v6) = places.ranges();
    println!("{v4} IPv4 ranges, {v6} IPv6 ranges, {} bytes", places.bytes());
    assert!(places.v4.bytes() < 3 << 20, "{} bytes", places.v4.bytes());
}

#[test]
fn only_the_facts_asked_for_tell_places_apart() {
    let countries = Places::build(&Databases::embedded(), COUNTRY);
    let continents = Places::build(
        &Databases::embedded(),
        FactSet { continent: true, country: false, ..COUNTRY },
    );
    assert!(continents.ranges().0 < countries.ranges().0);
    assert!(continents.count() <= 9, "seven continents, nowhere, and the blocks that carry IPv4");
    let facts = continents.facts(address("91.0.0.1"));
    assert_eq!((facts.continent, facts.country), (Some(Continent::Europe), None));
}

#[test]
fn the_first_that_gives_a_fact_wins() {
    let here = Coordinates::new(1.0, 2.0);
    let places = Places::from_ranges(&[
        range("10.0.0.0", "10.0.0.255", Facts { country: country("DE"), ..Facts::default() }),
        range(
            "10.0.0.128",
            "10.0.1.255",
            Facts { country: country("FR"), coordinates: here, ..Facts::default() },
        ),
    ]);
    let seen = |text| {
        let facts = places.facts(address(text));
        (facts.country, facts.coordinates)
    };
    assert_eq!(seen("10.0.0.1"), (country("DE"), None));
    assert_eq!(seen("10.0.0.200"), (country("DE"), here));
    assert_eq!(seen("10.0.1.0"), (country("FR"), here));
    assert_eq!(seen("10.0.2.0"), (None, None));
}

#[test]
fn equal_neighbours_are_one_range() {
    let facts = Facts { country: country("DE"), ..Facts::default() };
    let places = Places::from_ranges(&[
        range("10.0.0.0", "10.0.0.255", facts),
        range("10.0.1.0", "10.0.1.255", facts),
    ]);
    assert_eq!(places.ranges().0, 3);
}

#[test]
fn what_a_map_says_of_blocks_that_carry_ipv4_is_not_used() {
    let facts = Facts { country: country("DE"), ..Facts::default() };
    let places = Places::from_ranges(&[range("2000::", "2fff::", facts)]);
    assert_eq!(places.facts(address("2002:c000:201::1")), &Facts::default());
    assert_eq!(places.facts(address("2003::1")), &facts);
}

#[test]
fn every_fact_is_the_first_of_those_given() {
    let first = Facts {
        continent: Some(Continent::Asia),
        country: country("JP"),
        subdivision: Subdivision::parse("JP-13"),
        asn: Some(Asn(64500)),
        coordinates: Coordinates::new(35.0, 139.0),
    };
    let second = Facts {
        continent: Some(Continent::Europe),
        country: country("DE"),
        subdivision: Subdivision::parse("DE-BE"),
        asn: Some(Asn(64501)),
        coordinates: Coordinates::new(52.0, 13.0),
    };
    let lone = [
        Facts { continent: first.continent, ..Facts::default() },
        Facts { country: first.country, ..Facts::default() },
        Facts { subdivision: first.subdivision, ..Facts::default() },
        Facts { asn: first.asn, ..Facts::default() },
        Facts { coordinates: first.coordinates, ..Facts::default() },
    ];
    let over = |one: Facts, other: Facts| {
        let places = Places::from_ranges(&[
            range("10.0.0.0", "10.0.0.255", one),
            range("10.0.0.0", "10.0.0.255", other),
        ]);
        *places.facts(address("10.0.0.1"))
    };
    assert_eq!(over(first, second), first);
    assert_eq!(over(Facts::default(), second), second);
    for fact in lone {
        let missing = over(fact, second);
        assert_eq!(FactSet::of(&missing), FactSet::of(&second), "the others fill the gaps");
        assert_eq!(over(missing, first), missing);
        assert_eq!(over(fact, Facts::default()), fact);
        assert_ne!(missing, second, "{fact:?} wins");
    }
}
