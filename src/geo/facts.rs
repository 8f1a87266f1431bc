//! What can be known of a place, each fact in a small type of its own.

use std::fmt;

/// A continent. GeoNames' seven: the partition that MaxMind's databases use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Continent {
    Africa,
    Antarctica,
    Asia,
    Europe,
    NorthAmerica,
    Oceania,
    SouthAmerica,
}

impl Continent {
    /// Every continent, in alphabetical order.
    pub const ALL: [Self; 7] = [
        Self::Africa,
        Self::Antarctica,
        Self::Asia,
        Self::Europe,
        Self::NorthAmerica,
        Self::Oceania,
        Self::SouthAmerica,
    ];

    /// The word that a policy names it by, such as `north-america`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Africa => "africa",
            Self::Antarctica => "antarctica",
            Self::Asia => "asia",
            Self::Europe => "europe",
            Self::NorthAmerica => "north-america",
            Self::Oceania => "oceania",
            Self::SouthAmerica => "south-america",
        }
    }

    /// The two letters that databases use: AF, AN, AS, EU, NA, OC, SA.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Africa => "AF",
            Self::Antarctica => "AN",
            Self::Asia => "AS",
            Self::Europe => "EU",
            Self::NorthAmerica => "NA",
            Self::Oceania => "OC",
            Self::SouthAmerica => "SA",
        }
    }

    /// The continent of a policy's word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.word() == word)
    }

    /// The continent of a database's two letters.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.code() == code)
    }
}

/// A country by its ISO 3166-1 alpha-2 code. Made by [`Country::new`], which takes assigned codes
/// only.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Country(pub(super) [u8; 2]);

impl Country {
    /// The two letters.
    #[must_use]
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("??")
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A country's subdivision by its ISO 3166-2 code, such as `US-CA`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subdivision {
    /// The country it is part of.
    pub country: Country,
    /// One to three letters or digits, padded with zeros.
    pub(super) code: [u8; 3],
}

impl Subdivision {
    /// Takes one to three upper-case letters or digits as the part after the hyphen.
    #[must_use]
    pub fn new(country: Country, code: &str) -> Option<Self> {
        let good = (1..=3).contains(&code.len())
            && code.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        let mut padded = [0; 3];
        if good {
            padded[..code.len()].copy_from_slice(code.as_bytes());
        }
        good.then_some(Self { country, code: padded })
    }

    /// Reads `US-CA`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (country, code) = text.split_once('-')?;
        Self::new(Country::new(country)?, code)
    }
}

impl fmt::Display for Subdivision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = std::str::from_utf8(&self.code).unwrap_or("?");
        write!(f, "{}-{}", self.country, code.trim_end_matches('\0'))
    }
}

impl fmt::Debug for Subdivision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// An autonomous system's number (RFC 6793), written `AS64500`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Asn(pub u32);

impl fmt::Display for Asn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AS{}", self.0)
    }
}

/// A point on the globe, WGS 84 degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coordinates {
    /// −90 (south) to 90 (north).
    pub latitude: f64,
    /// −180 (west) to 180 (east).
    pub longitude: f64,
}

impl Coordinates {
    /// Takes finite degrees within their ranges.
    #[must_use]
    pub fn new(latitude: f64, longitude: f64) -> Option<Self> {
        (latitude.abs() <= 90.0 && longitude.abs() <= 180.0).then_some(Self { latitude, longitude })
    }

    /// The great-circle distance in kilometres on a sphere of radius 6,371 km (haversine). Uses
    /// `libm`, so that every node computes the same bits.
    #[must_use]
    pub fn distance_km(self, other: Self) -> f64 {
        const RADIUS_KM: f64 = 6371.0;
        let (phi1, phi2) = (self.latitude.to_radians(), other.latitude.to_radians());
        let half_dphi = (phi2 - phi1) / 2.0;
        let half_dlambda = (other.longitude - self.longitude).to_radians() / 2.0;
        let a = libm::sin(half_dphi).powi(2)
            + libm::cos(phi1) * libm::cos(phi2) * libm::sin(half_dlambda).powi(2);
        2.0 * RADIUS_KM * libm::asin(libm::sqrt(a.clamp(0.0, 1.0)))
    }
}

/// Which facts a policy asks for; policies that ask for the same share one map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is a fact of `Facts`")]
pub struct FactSet {
    pub continent: bool,
    pub country: bool,
    pub subdivision: bool,
    pub asn: bool,
    pub coordinates: bool,
}

impl FactSet {
    /// Those that are known.
    #[must_use]
    pub fn of(facts: &Facts) -> Self {
        Self {
            continent: facts.continent.is_some(),
            country: facts.country.is_some(),
            subdivision: facts.subdivision.is_some(),
            asn: facts.asn.is_some(),
            coordinates: facts.coordinates.is_some(),
        }
    }

    /// The facts that either asks for.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self {
            continent: self.continent || other.continent,
            country: self.country || other.country,
            subdivision: self.subdivision || other.subdivision,
            asn: self.asn || other.asn,
            coordinates: self.coordinates || other.coordinates,
        }
    }
}

/// What is known of one place. A fact outside the [`FactSet`] that a map was built for is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Facts {
    /// The database's, else that of the country by the built-in table.
    pub continent: Option<Continent>,
    /// By ISO 3166-1. Where a database names the country of the network's owner only, that one.
    pub country: Option<Country>,
    /// By ISO 3166-2. Of several, one in the other, the largest, which databases give first:
    /// England, not Oxfordshire.
    pub subdivision: Option<Subdivision>,
    /// The autonomous system that announces the address.
    pub asn: Option<Asn>,
    /// The database's, else the country's centroid.
    pub coordinates: Option<Coordinates>,
}
