//! The countries of ISO 3166-1 and the continent of each.
//!
//! Continents are GeoNames' partition, which MaxMind's databases use: Russia and Cyprus are in
//! Europe, Turkey and the Caucasus in Asia, Timor-Leste and Christmas Island in Oceania. `XK` is
//! user-assigned, yet every maker of databases uses it for Kosovo, so it counts as a country here.
//! What registries write for a region (`AP`, `EU`) or for a name reserved beside its country's
//! code (`UK`) does not.

use super::Continent::{self, *};
use super::Country;

/// A code, its continent, and the usual English name.
type Row = ([u8; 2], Continent, &'static str);

impl Country {
    /// Takes an officially assigned ISO 3166-1 alpha-2 code, upper case, or `XK` (Kosovo).
    #[must_use]
    pub fn new(code: &str) -> Option<Self> {
        let code: [u8; 2] = code.as_bytes().try_into().ok()?;
        row(code).map(|_| Self(code))
    }

    /// Every country, in the order of its code.
    pub fn all() -> impl ExactSizeIterator<Item = Self> {
        COUNTRIES.iter().map(|row| Self(row.0))
    }

    /// Its continent where no database says otherwise.
    #[must_use]
    pub fn continent(self) -> Continent {
        self.row().1
    }

    /// Its usual name in English, for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().2
    }

    fn row(self) -> &'static Row {
        row(self.0).expect("a country is made of a code in the table only")
    }
}

fn row(code: [u8; 2]) -> Option<&'static Row> {
    COUNTRIES.binary_search_by_key(&code, |row| row.0).ok().map(|at| &COUNTRIES[at])
}

/// Sorted by code.
const COUNTRIES: &[Row] = &[
    (*b"AD", Europe, "Andorra"),
    (*b"AE", Asia, "United Arab Emirates"),
    (*b"AF", Asia, "Afghanistan"),
    (*b"AG", NorthAmerica, "Antigua and Barbuda"),
    (*b"AI", NorthAmerica, "Anguilla"),
    (*b"AL", Europe, "Albania"),
    (*b"AM", Asia, "Armenia"),
    (*b"AO", Africa, "Angola"),
    (*b"AQ", Antarctica, "Antarctica"),
    (*b"AR", SouthAmerica, "Argentina"),
    (*b"AS", Oceania, "American Samoa"),
    (*b"AT", Europe, "Austria"),
    (*b"AU", Oceania, "Australia"),
    (*b"AW", NorthAmerica, "Aruba"),
    (*b"AX", Europe, "Åland Islands"),
    (*b"AZ", Asia, "Azerbaijan"),
    (*b"BA", Europe, "Bosnia and Herzegovina"),
    (*b"BB", NorthAmerica, "Barbados"),
    (*b"BD", Asia, "Bangladesh"),
    (*b"BE", Europe, "Belgium"),
    (*b"BF", Africa, "Burkina Faso"),
    (*b"BG", Europe, "Bulgaria"),
    (*b"BH", Asia, "Bahrain"),
    (*b"BI", Africa, "Burundi"),
    (*b"BJ", Africa, "Benin"),
    (*b"BL", NorthAmerica, "Saint Barthélemy"),
    (*b"BM", NorthAmerica, "Bermuda"),
    (*b"BN", Asia, "Brunei"),
    (*b"BO", SouthAmerica, "Bolivia"),
    (*b"BQ", NorthAmerica, "Bonaire, Sint Eustatius and Saba"),
    (*b"BR", SouthAmerica, "Brazil"),
    (*b"BS", NorthAmerica, "Bahamas"),
    (*b"BT", Asia, "Bhutan"),
    (*b"BV", Antarctica, "Bouvet Island"),
    (*b"BW", Africa, "Botswana"),
    (*b"BY", Europe, "Belarus"),
    (*b"BZ", NorthAmerica, "Belize"),
    (*b"CA", NorthAmerica, "Canada"),
    (*b"CC", Asia, "Cocos (Keeling) Islands"),
    (*b"CD", Africa, "Congo (Kinshasa)"),
    (*b"CF", Africa, "Central African Republic"),
    (*b"CG", Africa, "Congo (Brazzaville)"),
    (*b"CH", Europe, "Switzerland"),
    (*b"CI", Africa, "Côte d'Ivoire"),
    (*b"CK", Oceania, "Cook Islands"),
    (*b"CL", SouthAmerica, "Chile"),
    (*b"CM", Africa, "Cameroon"),
    (*b"CN", Asia, "China"),
    (*b"CO", SouthAmerica, "Colombia"),
    (*b"CR", NorthAmerica, "Costa Rica"),
    (*b"CU", NorthAmerica, "Cuba"),
    (*b"CV", Africa, "Cape Verde"),
    (*b"CW", NorthAmerica, "Curaçao"),
    (*b"CX", Oceania, "Christmas Island"),
    (*b"CY", Europe, "Cyprus"),
    (*b"CZ", Europe, "Czechia"),
    (*b"DE", Europe, "Germany"),
    (*b"DJ", Africa, "Djibouti"),
    (*b"DK", Europe, "Denmark"),
    (*b"DM", NorthAmerica, "Dominica"),
    (*b"DO", NorthAmerica, "Dominican Republic"),
    (*b"DZ", Africa, "Algeria"),
    (*b"EC", SouthAmerica, "Ecuador"),
    (*b"EE", Europe, "Estonia"),
    (*b"EG", Africa, "Egypt"),
    (*b"EH", Africa, "Western Sahara"),
    (*b"ER", Africa, "Eritrea"),
    (*b"ES", Europe, "Spain"),
    (*b"ET", Africa, "Ethiopia"),
    (*b"FI", Europe, "Finland"),
    (*b"FJ", Oceania, "Fiji"),
    (*b"FK", SouthAmerica, "Falkland Islands"),
    (*b"FM", Oceania, "Micronesia"),
    (*b"FO", Europe, "Faroe Islands"),
    (*b"FR", Europe, "France"),
    (*b"GA", Africa, "Gabon"),
    (*b"GB", Europe, "United Kingdom"),
    (*b"GD", NorthAmerica, "Grenada"),
    (*b"GE", Asia, "Georgia"),
    (*b"GF", SouthAmerica, "French Guiana"),
    (*b"GG", Europe, "Guernsey"),
    (*b"GH", Africa, "Ghana"),
    (*b"GI", Europe, "Gibraltar"),
    (*b"GL", NorthAmerica, "Greenland"),
    (*b"GM", Africa, "Gambia"),
    (*b"GN", Africa, "Guinea"),
    (*b"GP", NorthAmerica, "Guadeloupe"),
    (*b"GQ", Africa, "Equatorial Guinea"),
    (*b"GR", Europe, "Greece"),
    (*b"GS", Antarctica, "South Georgia and the South Sandwich Islands"),
    (*b"GT", NorthAmerica, "Guatemala"),
    (*b"GU", Oceania, "Guam"),
    (*b"GW", Africa, "Guinea-Bissau"),
    (*b"GY", SouthAmerica, "Guyana"),
    (*b"HK", Asia, "Hong Kong"),
    (*b"HM", Antarctica, "Heard Island and McDonald Islands"),
    (*b"HN", NorthAmerica, "Honduras"),
    (*b"HR", Europe, "Croatia"),
    (*b"HT", NorthAmerica, "Haiti"),
    (*b"HU", Europe, "Hungary"),
    (*b"ID", Asia, "Indonesia"),
    (*b"IE", Europe, "Ireland"),
    (*b"IL", Asia, "Israel"),
    (*b"IM", Europe, "Isle of Man"),
    (*b"IN", Asia, "India"),
    (*b"IO", Asia, "British Indian Ocean Territory"),
    (*b"IQ", Asia, "Iraq"),
    (*b"IR", Asia, "Iran"),
    (*b"IS", Europe, "Iceland"),
    (*b"IT", Europe, "Italy"),
    (*b"JE", Europe, "Jersey"),
    (*b"JM", NorthAmerica, "Jamaica"),
    (*b"JO", Asia, "Jordan"),
    (*b"JP", Asia, "Japan"),
    (*b"KE", Africa, "Kenya"),
    (*b"KG", Asia, "Kyrgyzstan"),
    (*b"KH", Asia, "Cambodia"),
    (*b"KI", Oceania, "Kiribati"),
    (*b"KM", Africa, "Comoros"),
    (*b"KN", NorthAmerica, "Saint Kitts and Nevis"),
    (*b"KP", Asia, "North Korea"),
    (*b"KR", Asia, "South Korea"),
    (*b"KW", Asia, "Kuwait"),
    (*b"KY", NorthAmerica, "Cayman Islands"),
    (*b"KZ", Asia, "Kazakhstan"),
    (*b"LA", Asia, "Laos"),
    (*b"LB", Asia, "Lebanon"),
    (*b"LC", NorthAmerica, "Saint Lucia"),
    (*b"LI", Europe, "Liechtenstein"),
    (*b"LK", Asia, "Sri Lanka"),
    (*b"LR", Africa, "Liberia"),
    (*b"LS", Africa, "Lesotho"),
    (*b"LT", Europe, "Lithuania"),
    (*b"LU", Europe, "Luxembourg"),
    (*b"LV", Europe, "Latvia"),
    (*b"LY", Africa, "Libya"),
    (*b"MA", Africa, "Morocco"),
    (*b"MC", Europe, "Monaco"),
    (*b"MD", Europe, "Moldova"),
    (*b"ME", Europe, "Montenegro"),
    (*b"MF", NorthAmerica, "Saint Martin"),
    (*b"MG", Africa, "Madagascar"),
    (*b"MH", Oceania, "Marshall Islands"),
    (*b"MK", Europe, "North Macedonia"),
    (*b"ML", Africa, "Mali"),
    (*b"MM", Asia, "Myanmar"),
    (*b"MN", Asia, "Mongolia"),
    (*b"MO", Asia, "Macao"),
    (*b"MP", Oceania, "Northern Mariana Islands"),
    (*b"MQ", NorthAmerica, "Martinique"),
    (*b"MR", Africa, "Mauritania"),
    (*b"MS", NorthAmerica, "Montserrat"),
    (*b"MT", Europe, "Malta"),
    (*b"MU", Africa, "Mauritius"),
    (*b"MV", Asia, "Maldives"),
    (*b"MW", Africa, "Malawi"),
    (*b"MX", NorthAmerica, "Mexico"),
    (*b"MY", Asia, "Malaysia"),
    (*b"MZ", Africa, "Mozambique"),
    (*b"NA", Africa, "Namibia"),
    (*b"NC", Oceania, "New Caledonia"),
    (*b"NE", Africa, "Niger"),
    (*b"NF", Oceania, "Norfolk Island"),
    (*b"NG", Africa, "Nigeria"),
    (*b"NI", NorthAmerica, "Nicaragua"),
    (*b"NL", Europe, "Netherlands"),
    (*b"NO", Europe, "Norway"),
    (*b"NP", Asia, "Nepal"),
    (*b"NR", Oceania, "Nauru"),
    (*b"NU", Oceania, "Niue"),
    (*b"NZ", Oceania, "New Zealand"),
    (*b"OM", Asia, "Oman"),
    (*b"PA", NorthAmerica, "Panama"),
    (*b"PE", SouthAmerica, "Peru"),
    (*b"PF", Oceania, "French Polynesia"),
    (*b"PG", Oceania, "Papua New Guinea"),
    (*b"PH", Asia, "Philippines"),
    (*b"PK", Asia, "Pakistan"),
    (*b"PL", Europe, "Poland"),
    (*b"PM", NorthAmerica, "Saint Pierre and Miquelon"),
    (*b"PN", Oceania, "Pitcairn"),
    (*b"PR", NorthAmerica, "Puerto Rico"),
    (*b"PS", Asia, "Palestine"),
    (*b"PT", Europe, "Portugal"),
    (*b"PW", Oceania, "Palau"),
    (*b"PY", SouthAmerica, "Paraguay"),
    (*b"QA", Asia, "Qatar"),
    (*b"RE", Africa, "Réunion"),
    (*b"RO", Europe, "Romania"),
    (*b"RS", Europe, "Serbia"),
    (*b"RU", Europe, "Russia"),
    (*b"RW", Africa, "Rwanda"),
    (*b"SA", Asia, "Saudi Arabia"),
    (*b"SB", Oceania, "Solomon Islands"),
    (*b"SC", Africa, "Seychelles"),
    (*b"SD", Africa, "Sudan"),
    (*b"SE", Europe, "Sweden"),
    (*b"SG", Asia, "Singapore"),
    (*b"SH", Africa, "Saint Helena, Ascension and Tristan da Cunha"),
    (*b"SI", Europe, "Slovenia"),
    (*b"SJ", Europe, "Svalbard and Jan Mayen"),
    (*b"SK", Europe, "Slovakia"),
    (*b"SL", Africa, "Sierra Leone"),
    (*b"SM", Europe, "San Marino"),
    (*b"SN", Africa, "Senegal"),
    (*b"SO", Africa, "Somalia"),
    (*b"SR", SouthAmerica, "Suriname"),
    (*b"SS", Africa, "South Sudan"),
    (*b"ST", Africa, "São Tomé and Príncipe"),
    (*b"SV", NorthAmerica, "El Salvador"),
    (*b"SX", NorthAmerica, "Sint Maarten"),
    (*b"SY", Asia, "Syria"),
    (*b"SZ", Africa, "Eswatini"),
    (*b"TC", NorthAmerica, "Turks and Caicos Islands"),
    (*b"TD", Africa, "Chad"),
    (*b"TF", Antarctica, "French Southern Territories"),
    (*b"TG", Africa, "Togo"),
    (*b"TH", Asia, "Thailand"),
    (*b"TJ", Asia, "Tajikistan"),
    (*b"TK", Oceania, "Tokelau"),
    (*b"TL", Oceania, "Timor-Leste"),
    (*b"TM", Asia, "Turkmenistan"),
    (*b"TN", Africa, "Tunisia"),
    (*b"TO", Oceania, "Tonga"),
    (*b"TR", Asia, "Türkiye"),
    (*b"TT", NorthAmerica, "Trinidad and Tobago"),
    (*b"TV", Oceania, "Tuvalu"),
    (*b"TW", Asia, "Taiwan"),
    (*b"TZ", Africa, "Tanzania"),
    (*b"UA", Europe, "Ukraine"),
    (*b"UG", Africa, "Uganda"),
    (*b"UM", Oceania, "US Minor Outlying Islands"),
    (*b"US", NorthAmerica, "United States"),
    (*b"UY", SouthAmerica, "Uruguay"),
    (*b"UZ", Asia, "Uzbekistan"),
    (*b"VA", Europe, "Vatican City"),
    (*b"VC", NorthAmerica, "Saint Vincent and the Grenadines"),
    (*b"VE", SouthAmerica, "Venezuela"),
    (*b"VG", NorthAmerica, "British Virgin Islands"),
    (*b"VI", NorthAmerica, "US Virgin Islands"),
    (*b"VN", Asia, "Vietnam"),
    (*b"VU", Oceania, "Vanuatu"),
    (*b"WF", Oceania, "Wallis and Futuna"),
    (*b"WS", Oceania, "Samoa"),
    (*b"XK", Europe, "Kosovo"),
    (*b"YE", Asia, "Yemen"),
    (*b"YT", Africa, "Mayotte"),
    (*b"ZA", Africa, "South Africa"),
    (*b"ZM", Africa, "Zambia"),
    (*b"ZW", Africa, "Zimbabwe"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_country_is_found_by_its_code() {
        assert_eq!(Country::all().len(), 250);
        for country in Country::all() {
            assert_eq!(Country::new(country.code()), Some(country));
        }
    }

    #[test]
    fn codes_are_sorted_and_names_differ() {
        assert!(COUNTRIES.is_sorted_by(|a, b| a.0 < b.0));
        let mut names: Vec<_> = Country::all().map(Country::name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), COUNTRIES.len());
    }

    #[test]
    fn regions_reserved_codes_and_other_texts_are_no_countries() {
        for text in ["AP", "EU", "UK", "AN", "ZZ", "de", "De", "D", "DEU", "", "Ø"] {
            assert_eq!(Country::new(text), None, "{text:?}");
        }
    }

    #[test]
    fn continents_are_those_of_geonames() {
        let of = |code| Country::new(code).map(Country::continent);
        let expected = [
            ("DE", Europe),
            ("RU", Europe),
            ("CY", Europe),
            ("XK", Europe),
            ("TR", Asia),
            ("GE", Asia),
            ("IO", Asia),
            ("EG", Africa),
            ("SH", Africa),
            ("TL", Oceania),
            ("CX", Oceania),
            ("UM", Oceania),
            ("GL", NorthAmerica),
            ("PA", NorthAmerica),
            ("FK", SouthAmerica),
            ("GS", Antarctica),
        ];
        for (code, continent) in expected {
            assert_eq!(of(code), Some(continent), "{code}");
        }
    }
}
