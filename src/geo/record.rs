//! One record of a database file, whoever made it.
//!
//! | fact | MaxMind, DB-IP | IPinfo | flat |
//! |---|---|---|---|
//! | continent | `continent.code` | `continent_code`, or `continent` as a code | |
//! | country | `country.iso_code` | `country_code`, or `country` as a code | `country_code` |
//! | subdivision | `subdivisions[0].iso_code` | `region_code` | |
//! | AS | `autonomous_system_number`, or that of `traits` | `asn` (`AS64500`) | `autonomous_system_number` |
//! | coordinates | `location` | `latitude` and `longitude`, or `lat` and `lng` | `latitude` and `longitude` |
//!
//! Where MaxMind gives no `country` (an anonymous proxy, a satellite link), its
//! `registered_country`, that of the network's owner, is better than nothing and is used;
//! `represented_country` (a military base) never is. A value that is not understood, such as the
//! country `AP`, counts as absent.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Asn, Continent, Coordinates, Country, Facts, Subdivision};

/// The fields of a record that tell of a place. A field of an unexpected type is as good as
/// absent: makers use the same key for different things.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Record<'d> {
    #[serde(borrow)]
    continent: Scalar<'d>,
    continent_code: Scalar<'d>,
    country: Scalar<'d>,
    country_code: Scalar<'d>,
    registered_country: Scalar<'d>,
    subdivisions: Scalar<'d>,
    region_code: Scalar<'d>,
    autonomous_system_number: Scalar<'d>,
    asn: Scalar<'d>,
    traits: MapOr<Traits<'d>>,
    location: MapOr<Location<'d>>,
    latitude: Scalar<'d>,
    longitude: Scalar<'d>,
    lat: Scalar<'d>,
    lng: Scalar<'d>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Traits<'d> {
    #[serde(borrow)]
    autonomous_system_number: Scalar<'d>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Location<'d> {
    #[serde(borrow)]
    latitude: Scalar<'d>,
    longitude: Scalar<'d>,
}

impl Record<'_> {
    /// What it says, as it stands: nothing is derived from another fact.
    pub(super) fn facts(&self) -> Facts {
        let country = [self.country, self.country_code, self.registered_country]
            .into_iter()
            .find_map(|code| Country::new(code.text()?));
        let subdivision = [self.subdivisions, self.region_code]
            .into_iter()
            .find_map(|code| Subdivision::new(country?, code.text()?));
        let asn = [self.autonomous_system_number, self.traits.0.autonomous_system_number, self.asn]
            .into_iter()
            .find_map(Scalar::asn);
        let coordinates = [
            (self.location.0.latitude, self.location.0.longitude),
            (self.latitude, self.longitude),
            (self.lat, self.lng),
        ];
        Facts {
            continent: [self.continent, self.continent_code]
                .into_iter()
                .find_map(|code| Continent::from_code(code.text()?)),
            country,
            subdivision,
            asn,
            coordinates: coordinates.into_iter().find_map(|(latitude, longitude)| {
                Coordinates::new(latitude.number()?, longitude.number()?)
            }),
        }
    }
}

/// A text or a number; of a map its `iso_code` or `code`; of a list its first.
#[derive(Clone, Copy, Debug, Default)]
enum Scalar<'d> {
    #[default]
    Nothing,
    Text(&'d str),
    Number(f64),
}

impl<'d> Scalar<'d> {
    fn text(self) -> Option<&'d str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Nothing | Self::Number(_) => None,
        }
    }

    fn number(self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(number),
            Self::Text(text) => text.parse().ok(),
            Self::Nothing => None,
        }
    }

    /// An AS number, `64500` or `AS64500`; 0 is none (RFC 7607).
    fn asn(self) -> Option<Asn> {
        let number = match self {
            Self::Text(text) => text.strip_prefix("AS").unwrap_or(text).parse().ok()?,
            Self::Number(number) => number as u32,
            Self::Nothing => return None,
        };
        (number != 0).then_some(Asn(number))
    }
}

impl<'de: 'd, 'd> Deserialize<'de> for Scalar<'d> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(text))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Scalar::Number(number))
    }

    fn visit_f32<E>(self, number: f32) -> Result<Self::Value, E> {
        Ok(Scalar::Number(number.into()))
    }

    fn visit_i32<E>(self, number: i32) -> Result<Self::Value, E> {
        Ok(Scalar::Number(number.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Scalar::Number(number as f64))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Scalar::Number(number as f64))
    }

    fn visit_u128<E>(self, number: u128) -> Result<Self::Value, E> {
        Ok(Scalar::Number(number as f64))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Scalar::Nothing)
    }

    fn visit_borrowed_bytes<E>(self, _: &'de [u8]) -> Result<Self::Value, E> {
        Ok(Scalar::Nothing)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = Scalar::Nothing;
        while let Some(key) = map.next_key::<&str>()? {
            match key {
                "iso_code" | "code" => found = map.next_value()?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let first = list.next_element()?.unwrap_or_default();
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(first)
    }
}

/// A map read as `T`; of any other value, the default.
#[derive(Debug, Default)]
pub(super) struct MapOr<T>(pub(super) T);

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for MapOr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MapVisitor(PhantomData)).map(Self)
    }
}

struct MapVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de> + Default> Visitor<'de> for MapVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<T, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(T::default())
    }

    fn visit_borrowed_str<E>(self, _: &'de str) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_borrowed_bytes<E>(self, _: &'de [u8]) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_u128<E>(self, _: u128) -> Result<T, E> {
        Ok(T::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(json: &str) -> Facts {
        serde_json::from_str::<MapOr<Record<'_>>>(json).expect("valid JSON").0.facts()
    }

    fn shown(facts: &Facts) -> String {
        let Facts { continent, country, subdivision, asn, coordinates } = facts;
        let parts = [
            continent.map(|c| c.code().to_owned()),
            country.map(|c| c.to_string()),
            subdivision.map(|s| s.to_string()),
            asn.map(|a| a.to_string()),
            coordinates.map(|at| format!("{},{}", at.latitude, at.longitude)),
        ];
        parts
            .into_iter()
            .map(|part| part.unwrap_or_else(|| "-".into()))
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn records_of_every_maker_are_understood() {
        let cases = [
            // MaxMind City and DB-IP City.
            (
                r#"{"continent": {"code": "EU", "names": {"en": "Europe"}},
                    "country": {"iso_code": "GB", "is_in_european_union": false},
                    "registered_country": {"iso_code": "FR"},
                    "location": {"latitude": 51.75, "longitude": -1.25, "accuracy_radius": 100},
                    "subdivisions": [{"iso_code": "ENG"}, {"iso_code": "OXF"}]}"#,
                "EU GB GB-ENG - 51.75,-1.25",
            ),
            // DB-IP Lite has names of subdivisions only.
            (
                r#"{"continent": {"code": "OC"}, "country": {"iso_code": "AU"},
                    "subdivisions": [{"names": {"en": "Queensland"}}]}"#,
                "OC AU - - -",
            ),
            // MaxMind without a country, and its ASN, ISP and Enterprise databases.
            (r#"{"registered_country": {"iso_code": "NL"}}"#, "- NL - - -"),
            (r#"{"represented_country": {"iso_code": "US"}}"#, "- - - - -"),
            (r#"{"autonomous_system_number": 64500, "isp": "x"}"#, "- - - AS64500 -"),
            (r#"{"traits": {"autonomous_system_number": 64500}}"#, "- - - AS64500 -"),
            // IPinfo: Lite, country and AS, location with texts for numbers, Core.
            (
                r#"{"asn": "AS15169", "as_name": "Google LLC", "continent": "North America",
                    "continent_code": "NA", "country": "United States", "country_code": "US"}"#,
                "NA US - AS15169 -",
            ),
            (r#"{"country": "DE", "continent": "EU", "asn": "AS64500"}"#, "EU DE - AS64500 -"),
            (
                r#"{"country": "US", "region": "California", "region_code": "CA",
                    "lat": "37.4", "lng": "-122.1", "location": "somewhere"}"#,
                "- US US-CA - 37.4,-122.1",
            ),
            (r#"{"country_code": "JP", "latitude": 35, "longitude": 139.5}"#, "- JP - - 35,139.5"),
            // The embedded database.
            (r#"{"country_code": "KE"}"#, "- KE - - -"),
        ];
        for (json, expected) in cases {
            assert_eq!(shown(&facts(json)), expected, "{json}");
        }
    }

    #[test]
    fn values_that_mean_nothing_are_absent() {
        let cases = [
            r#"{"country_code": "AP", "continent_code": "XX", "asn": "AS0"}"#,
            r#"{"country_code": "None", "asn": "", "latitude": 91, "longitude": 0}"#,
            r#"{"country": [], "location": [1, 2], "traits": true, "asn": 0}"#,
            r#"{"country": true, "location": 7, "traits": -7, "latitude": 1.5}"#,
            r#"{"subdivisions": [{"iso_code": "CA"}]}"#,
            r#""text""#,
            "[1, 2]",
            "{}",
        ];
        for json in cases {
            assert_eq!(facts(json), Facts::default(), "{json}");
        }
    }
}
