//! A client as `geo` and `rtt` name it: `10.0.0.0/8`, `AS64500`, `US-CA`, `JP`, `europe`.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use super::fields::{did_you_mean, word_list};
use crate::config::diagnostic::{Report, Spanned};
use crate::config::tree::{Key, quote};
use crate::geo::{Asn, Continent, Country, Subdivision};

/// A set of clients. The order is that of specificity, the most specific kind first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names say it")]
pub enum ClientKey {
    Cidr(IpNet),
    Asn(Asn),
    Subdivision(Subdivision),
    Country(Country),
    Continent(Continent),
}

impl fmt::Display for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cidr(network) => write!(f, "{network}"),
            Self::Asn(asn) => write!(f, "{asn}"),
            Self::Subdivision(subdivision) => write!(f, "{subdivision}"),
            Self::Country(country) => write!(f, "{country}"),
            Self::Continent(continent) => f.write_str(continent.word()),
        }
    }
}

/// Why a text names no client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAClient {
    message: String,
    help: Option<String>,
}

impl NotAClient {
    fn new(message: String, help: impl Into<String>) -> Self {
        Self { message, help: Some(help.into()) }
    }
}

/// Reads a key; `None` when it names no client, reported.
pub fn read(key: &Key, report: &mut Report) -> Option<Spanned<ClientKey>> {
    match parse(&key.value) {
        Ok(value) => Some(Spanned { span: key.span, value }),
        Err(NotAClient { message, help }) => {
            report.error(key.span, message).help_if(help);
            None
        }
    }
}

/// Reads a client.
///
/// # Errors
/// What is wrong and what would be right.
pub fn parse(text: &str) -> Result<ClientKey, NotAClient> {
    if text.contains('/') {
        return parse_cidr(text);
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        let message = format!("{} is an address, not a network", quote(text));
        return Err(NotAClient::new(message, format!("write {}", IpNet::from(address))));
    }
    if let Some(continent) = Continent::from_word(text) {
        return Ok(ClientKey::Continent(continent));
    }
    if let Some(number) = as_number(text) {
        return parse_asn(text, number);
    }
    match text.split_once('-') {
        None if is_letters(text, 2) => parse_country(text),
        Some((country, code)) if is_letters(country, 2) => parse_subdivision(text, country, code),
        _ => Err(unknown(text)),
    }
}

fn is_letters(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|octet| octet.is_ascii_alphabetic())
}

/// Host bits set are refused: a longer network may have been meant.
fn parse_cidr(text: &str) -> Result<ClientKey, NotAClient> {
    let network: IpNet = text.parse().map_err(|_| {
        NotAClient::new(
            format!("{} is no network", quote(text)),
            "write an address and a prefix length, such as 10.0.0.0/8 or 2001:db8::/32",
        )
    })?;
    if network != network.trunc() {
        return Err(NotAClient::new(
            format!("{} has bits set past its length of {}", quote(text), network.prefix_len()),
            format!("write {}, or {}", network.trunc(), IpNet::from(network.addr())),
        ));
    }
    Ok(ClientKey::Cidr(network))
}

/// The digits of `AS64500`; `AS` alone is American Samoa.
fn as_number(text: &str) -> Option<&str> {
    let letters = text.get(..2).filter(|letters| letters.eq_ignore_ascii_case("AS"))?;
    let digits = &text[letters.len()..];
    (!digits.is_empty() && digits.bytes().all(|octet| octet.is_ascii_digit())).then_some(digits)
}

/// AS 0 is never announced (RFC 7607).
fn parse_asn(text: &str, number: &str) -> Result<ClientKey, NotAClient> {
    match number.parse() {
        Ok(number) if number > 0 && text.starts_with("AS") => Ok(ClientKey::Asn(Asn(number))),
        Ok(number) if number > 0 => Err(case(text, &Asn(number).to_string())),
        _ => Err(NotAClient::new(
            format!("{} is no AS number", quote(text)),
            "AS numbers are 1 to 4294967295",
        )),
    }
}

fn parse_country(text: &str) -> Result<ClientKey, NotAClient> {
    let upper = text.to_ascii_uppercase();
    match Country::new(&upper) {
        Some(country) if upper == text => Ok(ClientKey::Country(country)),
        Some(_) => Err(case(text, &upper)),
        None => Err(unknown_country(&upper)),
    }
}

fn parse_subdivision(text: &str, country: &str, code: &str) -> Result<ClientKey, NotAClient> {
    let upper = text.to_ascii_uppercase();
    if Country::new(&country.to_ascii_uppercase()).is_none() {
        return Err(unknown_country(&country.to_ascii_uppercase()));
    }
    match Subdivision::parse(&upper) {
        Some(subdivision) if upper == text => Ok(ClientKey::Subdivision(subdivision)),
        Some(_) => Err(case(text, &upper)),
        None => Err(NotAClient::new(
            format!("{} is no subdivision: {} after the hyphen", quote(text), quote(code)),
            "subdivisions are those of ISO 3166-2, such as US-CA",
        )),
    }
}

fn case(text: &str, upper: &str) -> NotAClient {
    NotAClient::new(
        format!("{} is not in upper case", quote(text)),
        format!("write {upper}: countries, subdivisions and AS numbers are upper case"),
    )
}

/// Codes that people take for a country's, and what they mean by them.
const MISTAKEN: &[(&str, &str)] = &[
    ("AN", "did you mean `antarctica`, or one of `BQ`, `CW` and `SX` (once the Antilles)?"),
    ("AP", "did you mean `asia`? (AP is the registry's region)"),
    ("EL", "did you mean `GR` (Greece)?"),
    ("EN", "did you mean `GB` (United Kingdom)?"),
    ("EU", "did you mean `europe`? Continents are words"),
    ("JA", "did you mean `JP` (Japan)?"),
    ("OC", "did you mean `oceania`? Continents are words"),
    ("UK", "did you mean `GB` (United Kingdom)?"),
];

fn unknown_country(code: &str) -> NotAClient {
    let mistaken = MISTAKEN.iter().find(|(mistaken, _)| *mistaken == code);
    let help = mistaken.map_or("countries are those of ISO 3166-1, such as JP", |(_, help)| help);
    NotAClient::new(format!("unknown country `{code}`"), help)
}

/// Neither a code nor a number: probably a word for a continent or the name of a country.
fn unknown(text: &str) -> NotAClient {
    let message = format!("unknown client {}", quote(text));
    let lower = text.to_lowercase().replace(['_', ' '], "-");
    if let Some(word) = did_you_mean(&lower, Continent::ALL.iter().map(|c| c.word())) {
        return NotAClient::new(message, format!("did you mean `{word}`?"));
    }
    let names = || Country::all().map(|country| country.name());
    let name = did_you_mean(&text.replace(['_', '-'], " "), names());
    match Country::all().find(|country| Some(country.name()) == name) {
        Some(country) => {
            let name = country.name();
            NotAClient::new(message, format!("did you mean `{country}` ({name})?"))
        }
        None => NotAClient::new(message, kinds()),
    }
}

fn kinds() -> String {
    let continents: Vec<_> = Continent::ALL.iter().map(|continent| continent.word()).collect();
    format!(
        "a client is a network (10.0.0.0/8), an AS (AS64500), a subdivision (US-CA), a country \
         (JP) or a continent ({})",
        word_list(&continents)
    )
}

/// The IPv4 network whose clients an IPv6 network means, when all its addresses carry IPv4 ones:
/// such clients are looked up as IPv4, so the IPv6 network never matches. The inner `None`: no
/// network in one piece.
#[must_use]
pub fn embedded_ipv4(network: IpNet) -> Option<Option<IpNet>> {
    let IpNet::V6(v6) = network else { return None };
    let bits = v6.network().to_bits();
    let length = v6.prefix_len();
    let starts = |prefix: u128, size: u8| length >= size && bits >> (128 - size) == prefix;
    let carried = |start: u8| {
        let address = ((bits >> (96 - start)) as u32).into();
        let carried = ipnet::Ipv4Net::new(address, (length - start).min(32)).ok()?;
        Some(IpNet::V4(carried.trunc()))
    };
    if starts(0xffff, 96) || starts(0x64_ff9b << 64, 96) {
        return Some(carried(96));
    }
    if starts(0x2002, 16) {
        return Some(carried(16));
    }
    // Teredo (RFC 4380 §4): the client's address stands inverted in the low 32 bits.
    starts(0x2001_0000, 32).then_some(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_of_every_kind_print_as_they_read() {
        for (text, canonical) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("2001:DB8:0::/32", "2001:db8::/32"),
            ("::/0", "::/0"),
            ("AS64500", "AS64500"),
            ("AS064500", "AS64500"),
            ("AS4294967295", "AS4294967295"),
            ("AS", "AS"),
            ("NO", "NO"),
            ("NA", "NA"),
            ("JP", "JP"),
            ("US-CA", "US-CA"),
            ("FR-75C", "FR-75C"),
            ("AS-1", "AS-1"),
            ("north-america", "north-america"),
        ] {
            assert_eq!(parse(text).expect(text).to_string(), canonical);
        }
        let american_samoa = Country::new("AS").map(ClientKey::Country);
        assert_eq!(parse("AS").ok(), american_samoa, "without digits it is no AS");
    }

    #[test]
    fn what_names_no_client_is_told_what_would_be_right() {
        for (text, message, help) in [
            ("10.0.0.0", "`10.0.0.0` is an address, not a network", "write 10.0.0.0/32"),
            ("2001:db8::1", "`2001:db8::1` is an address, not a network", "write 2001:db8::1/128"),
            ("10.0.0.0/33", "`10.0.0.0/33` is no network", "such as 10.0.0.0/8"),
            ("10/8", "`10/8` is no network", "such as 10.0.0.0/8"),
            (
                "2001:db8::1/32",
                "`2001:db8::1/32` has bits set past its length of 32",
                "write 2001:db8::/32, or 2001:db8::1/128",
            ),
            ("AS0", "`AS0` is no AS number", "1 to 4294967295"),
            ("AS4294967296", "`AS4294967296` is no AS number", "1 to 4294967295"),
            ("as64500", "`as64500` is not in upper case", "write AS64500"),
            ("jp", "`jp` is not in upper case", "write JP"),
            ("us-ca", "`us-ca` is not in upper case", "write US-CA"),
            ("US-ca", "`US-ca` is not in upper case", "write US-CA"),
            ("US-", "`US-` is no subdivision: `` after the hyphen", "such as US-CA"),
            ("US-CALI", "`US-CALI` is no subdivision: `CALI` after the hyphen", "such as US-CA"),
            ("XX-CA", "unknown country `XX`", "ISO 3166-1"),
            ("XX", "unknown country `XX`", "ISO 3166-1"),
            ("uk", "unknown country `UK`", "`GB` (United Kingdom)"),
            ("EU", "unknown country `EU`", "`europe`"),
            ("Europe", "unknown client `Europe`", "did you mean `europe`?"),
            ("north america", "unknown client `north america`", "did you mean `north-america`?"),
            ("north_amrica", "unknown client `north_amrica`", "did you mean `north-america`?"),
            ("Germany", "unknown client `Germany`", "did you mean `DE` (Germany)?"),
            ("germny", "unknown client `germny`", "did you mean `DE` (Germany)?"),
            ("zzzzzz", "unknown client `zzzzzz`", "a client is a network (10.0.0.0/8)"),
            ("", "unknown client ``", "a client is a network (10.0.0.0/8)"),
            ("é", "unknown client `é`", "a client is a network (10.0.0.0/8)"),
            ("日本", "unknown client `日本`", "a client is a network (10.0.0.0/8)"),
        ] {
            let wrong = parse(text).expect_err(text);
            assert_eq!(wrong.message, message);
            let found = wrong.help.unwrap_or_default();
            assert!(found.contains(help), "{text}: {found}");
        }
    }
}
