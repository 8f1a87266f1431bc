//! Presentation format (RFC 1035 §5, RFC 3597) to RDATA in wire format.
//!
//! The `domain` crate reads the values; what it would take silently in a wrong way is refused
//! before: comments, open quotes, several lines. Addresses and unquoted TXT are read here.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use domain::base::iana::Rtype as Mnemonic;
use domain::base::rdata::{ComposeRecordData, ParseAnyRecordData};
use domain::dep::octseq::Parser;
use domain::rdata::AllRecordData;
use domain::zonefile::inplace::{Entry, Zonefile};

use super::fields::did_you_mean;
use crate::config::diagnostic::Report;
use crate::config::tree::{Key, Node, Value, quote};
use crate::dns::{Name, Rtype};

const SPF: Rtype = Rtype(99);
const CAA: Rtype = Rtype(257);

/// Types that people write, each with a value as an example.
const EXAMPLES: &[(&str, &str)] = &[
    ("A", "192.0.2.1"),
    ("AAAA", "2001:db8::1"),
    ("CAA", "0 issue \"ca.example.net\""),
    ("CNAME", "www"),
    ("DS", "12345 13 2 0123…  (key tag, algorithm, digest type, digest in hexadecimal)"),
    ("HINFO", "\"PC\" \"Linux\""),
    ("HTTPS", "1 . alpn=h2,h3"),
    ("MX", "10 mail"),
    ("NAPTR", "100 10 \"u\" \"E2U+sip\" \"!^.*$!sip:info@example.com!\" ."),
    ("NS", "ns1"),
    ("PTR", "host.example.com."),
    ("SPF", "v=spf1 -all"),
    ("SRV", "0 5 443 host  (priority, weight, port, target)"),
    ("SSHFP", "4 2 0123…  (algorithm, type, fingerprint in hexadecimal)"),
    ("SVCB", "1 host alpn=h2 port=8443"),
    ("TLSA", "3 1 1 0123…  (usage, selector, matching type, data in hexadecimal)"),
    ("TXT", "hello"),
];

/// What a key of a name's mapping asks for when it is a record type.
pub fn record_type(key: &Key, report: &mut Report) -> Option<Rtype> {
    let word = &key.value;
    let upper = word.to_ascii_uppercase();
    let Ok(rtype) = Mnemonic::from_str(&upper).map(|rtype| Rtype(rtype.to_int())) else {
        let near = did_you_mean(word, EXAMPLES.iter().map(|(name, _)| *name));
        report.error(key.span, format!("unknown record type {}", quote(word))).help(match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => "any type can be written as `TYPEnnn` with an RFC 3597 value".to_owned(),
        });
        return None;
    };
    if *word != upper {
        report.error(
            key.span,
            format!("record types are upper case: `{upper}`, not {}", quote(word)),
        );
        return None;
    }
    if let Some(reason) = refusal(rtype) {
        report.error(key.span, format!("{word} records cannot be written here: {reason}"));
        return None;
    }
    Some(rtype)
}

/// Whether a word is a record type, in either case.
#[must_use]
pub fn is_type(word: &str) -> bool {
    Mnemonic::from_str(&word.to_ascii_uppercase()).is_ok()
}

/// Why records of a type may not stand in a zone file.
fn refusal(rtype: Rtype) -> Option<&'static str> {
    match rtype.0 {
        6 => Some("the SOA record is made of `zone`, `soa` and the files' age"),
        39 => Some("DNAME is not supported"),
        46 | 47 | 48 | 50 | 51 => Some("signed zones are not yet supported"),
        0 | 41 | 128..=255 => Some("it is a question or a signal, not a record (RFC 6895 §3.1)"),
        10 => Some("NULL records are not allowed in zones (RFC 1035 §3.3.10)"),
        _ => None,
    }
}

/// The mnemonic of a type, or `TYPEnnn`.
#[must_use]
pub fn mnemonic(rtype: Rtype) -> String {
    Mnemonic::from_int(rtype.0).to_string()
}

/// One value to RDATA, uncompressed; reported and `None` when it is none of its type.
pub fn rdata(rtype: Rtype, node: &Node, origin: &Name, report: &mut Report) -> Option<Box<[u8]>> {
    let text = match &node.value {
        Value::Scalar { text, .. } if !node.is_omitted() => text.as_str(),
        _ => {
            let message = format!("expected {}, found {}", article(rtype), node.found());
            report.error(node.span, message).help_if(example(rtype));
            return None;
        }
    };
    match read(rtype, text, origin) {
        Ok(wire) => Some(wire.into()),
        Err(reason) => {
            let message = format!("{} is not {}: {reason}", quote(text), article(rtype));
            report.error(node.span, message).help_if(example(rtype));
            None
        }
    }
}

fn article(rtype: Rtype) -> String {
    let mnemonic = mnemonic(rtype);
    let vowel = mnemonic.starts_with(['A', 'H', 'M', 'N', 'S']) && rtype != Rtype::HTTPS;
    format!("{} {mnemonic} value", if vowel { "an" } else { "a" })
}

fn example(rtype: Rtype) -> Option<String> {
    let name = mnemonic(rtype);
    let (_, value) = EXAMPLES.iter().find(|(known, _)| *known == name)?;
    Some(format!("for example: {value}"))
}

/// One value, or what is wrong with it.
fn read(rtype: Rtype, text: &str, origin: &Name) -> Result<Vec<u8>, String> {
    let generic = is_generic(text);
    match rtype {
        Rtype::A if !generic => ipv4(text),
        Rtype::AAAA if !generic => ipv6(text),
        Rtype::TXT | SPF if !generic && !text.contains('"') => Ok(one_string(text)),
        SPF if !generic => presentation(Rtype::TXT, text, origin),
        _ => presentation(rtype, text, origin),
    }
}

/// RFC 3597 §5: `\# LENGTH HEX`.
fn is_generic(text: &str) -> bool {
    text.trim_start().starts_with("\\#")
}

fn ipv4(text: &str) -> Result<Vec<u8>, String> {
    match (text.parse::<Ipv4Addr>(), text.parse::<Ipv6Addr>()) {
        (Ok(address), _) => Ok(address.octets().to_vec()),
        (_, Ok(_)) => Err("it is an IPv6 address, which belongs under `AAAA`".to_owned()),
        _ => Err("four numbers from 0 to 255 with dots between them are needed".to_owned()),
    }
}

fn ipv6(text: &str) -> Result<Vec<u8>, String> {
    match (text.parse::<Ipv6Addr>(), text.parse::<Ipv4Addr>()) {
        (Ok(address), _) => Ok(address.octets().to_vec()),
        (_, Ok(_)) => Err("it is an IPv4 address, which belongs under `A`".to_owned()),
        _ => Err("an IPv6 address is needed".to_owned()),
    }
}

/// A text as character-strings of at most 255 octets (RFC 1035 §3.3.14); nothing in it is special.
fn one_string(text: &str) -> Vec<u8> {
    if text.is_empty() {
        return vec![0];
    }
    let mut wire = Vec::with_capacity(text.len() + text.len() / 255 + 1);
    for chunk in text.as_bytes().chunks(255) {
        wire.push(chunk.len() as u8);
        wire.extend_from_slice(chunk);
    }
    wire
}

/// A value in presentation format, by the `domain` crate.
fn presentation(rtype: Rtype, text: &str, origin: &Name) -> Result<Vec<u8>, String> {
    let line = one_line(rtype, text, origin)?;
    let entry = format!("$ORIGIN {origin}\n. 0 IN TYPE{} {line}\n", rtype.0);
    // The parser's own line and column would be those of this made-up text: only its reason counts.
    let reason = |error: domain::zonefile::inplace::Error| {
        let text = error.to_string();
        plain_words(text.splitn(3, ':').nth(2).unwrap_or(&text).trim())
    };
    let mut zonefile = Zonefile::from(entry.as_str());
    let Some(Entry::Record(record)) = zonefile.next_entry().map_err(reason)? else {
        return Err("it is empty".to_owned());
    };
    let mut wire = Vec::new();
    record.data().compose_rdata(&mut wire).map_err(|_| "it is too long".to_owned())?;
    if wire.len() > usize::from(u16::MAX) {
        return Err(format!("it takes {} octets (at most 65535)", wire.len()));
    }
    well_formed(rtype, &wire, is_generic(text))?;
    Ok(wire)
}

/// The parser's reason as people would say it.
fn plain_words(reason: &str) -> String {
    match reason {
        "unexpected end of entry" => "something is missing at its end",
        "trailing tokens" => "there is too much at its end",
        "bad charstr" => "a string in it is longer than 255 octets",
        "bad name" => "a domain name in it is malformed",
        "unknown record type with concrete data" => {
            "values of this type are written in the generic form `\\# LENGTH HEX` (RFC 3597 §5)"
        }
        other => other,
    }
    .to_owned()
}

/// Refuses what a reader of its type would not understand: the parser takes RFC 3597 values of any
/// length, and some malformed names.
fn well_formed(rtype: Rtype, wire: &[u8], generic: bool) -> Result<(), String> {
    let mut parser = Parser::from_ref(wire);
    let parsed = AllRecordData::parse_any_rdata(Mnemonic::from_int(rtype.0), &mut parser);
    match parsed {
        Ok(_) if parser.remaining() == 0 => Ok(()),
        // Of names with an empty label the parser makes two.
        Ok(_) if !generic => Err("a domain name in it is malformed".to_owned()),
        Ok(_) => Err("there are octets too many".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Types whose values are strings, in which an unquoted `@` is no name.
fn holds_names(rtype: Rtype) -> bool {
    ![Rtype::TXT, SPF, CAA, Rtype::HINFO].contains(&rtype)
}

/// The value as one line: outside of quotes, line breaks and the parentheses that allow them become
/// spaces, and `@` the origin. (The parser would panic at a parenthesis left open.)
fn one_line(rtype: Rtype, text: &str, origin: &Name) -> Result<String, String> {
    let mut line = String::with_capacity(text.len());
    let mut quoted = false;
    let mut open = 0_usize;
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        let starts_word = line.is_empty() || line.ends_with(' ');
        match character {
            '\\' => {
                line.push('\\');
                line.extend(rest.next());
            }
            '"' => {
                quoted = !quoted;
                line.push('"');
            }
            '\n' | '\r' | '\t' if !quoted => line.push(' '),
            '(' | ')' if !quoted => {
                let depth = if character == '(' { Some(open + 1) } else { open.checked_sub(1) };
                open = depth.ok_or("a parenthesis is not opened")?;
                line.push(' ');
            }
            c if c.is_control() => return Err(format!("a control character ({c:?}) in it")),
            ';' if !quoted => {
                return Err("`;` starts a comment; put the text in double quotes".to_owned());
            }
            '@' if !quoted && holds_names(rtype) && starts_word && ends_word(rest.peek()) => {
                line.push_str(&origin.to_string());
            }
            other => line.push(other),
        }
    }
    match (quoted, open) {
        (true, _) => Err("a double quote is not closed".to_owned()),
        (false, 1..) => Err("a parenthesis is not closed".to_owned()),
        (false, 0) => Ok(line),
    }
}

fn ends_word(next: Option<&char>) -> bool {
    next.is_none_or(|next| next.is_whitespace() || *next == ')')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin() -> Name {
        Name::parse("example.com.", &Name::root()).expect("a name")
    }

    fn hex(wire: &[u8]) -> String {
        wire.iter().map(|octet| format!("{octet:02x}")).collect()
    }

    fn rtype(word: &str) -> Rtype {
        Rtype(Mnemonic::from_str(word).expect(word).to_int())
    }

    #[test]
    fn values_become_rdata() {
        let example = hex(b"\x07example\x03com\x00");
        let long = "x".repeat(300);
        for (word, text, expected) in [
            ("A", "192.0.2.1", "c0000201".to_owned()),
            ("A", "\\# 4 c0000201", "c0000201".to_owned()),
            ("AAAA", "2001:db8::1", "20010db8000000000000000000000001".to_owned()),
            ("MX", "10 mail", format!("000a046d61696c{example}")),
            ("MX", "10 @", format!("000a{example}")),
            ("MX", "0 .", "000000".to_owned()),
            ("NS", "ns1.example.net.", hex(b"\x03ns1\x07example\x03net\x00")),
            ("PTR", "Host", format!("04486f7374{example}")),
            ("SRV", "0 5 443 @", format!("0000000501bb{example}")),
            ("TXT", "v=spf1 -all", hex(b"\x0bv=spf1 -all")),
            ("TXT", "a;b \\ c", hex(b"\x07a;b \\ c")),
            ("TXT", "\"a\" \"b c;d\" @", hex(b"\x01a\x05b c;d\x01@")),
            ("TXT", "", "00".to_owned()),
            ("TXT", &long, format!("ff{}2d{}", "78".repeat(255), "78".repeat(45))),
            ("SPF", "\"v=spf1\" \"-all\"", hex(b"\x06v=spf1\x04-all")),
            (
                "CAA",
                "0 issue \"ca.example.net; a=b\"",
                format!("0005{}", hex(b"issueca.example.net; a=b")),
            ),
            ("DS", "1 13 2 ( 01 02\n03 )", "00010d02010203".to_owned()),
            ("TLSA", "3 1 1 0102", "0301010102".to_owned()),
            ("SSHFP", "4 2 0102", "04020102".to_owned()),
            ("HTTPS", "1 . alpn=h2", "00010000010003026832".to_owned()),
            (
                "HTTPS",
                "1 . alpn=\"h2,h3\" port=443",
                "0001000001000602683202683300030002 01bb".replace(' ', ""),
            ),
            ("HTTPS", "1 . port=443 alpn=h2", "000100000100030268320003000201bb".to_owned()),
            ("SVCB", "0 @", format!("0000{example}")),
            (
                "NAPTR",
                "1 2 \"u\" \"a+b\" \"!x!y!\" .",
                format!("00010002{}00", hex(b"\x01u\x03a+b\x05!x!y!")),
            ),
            ("HINFO", "\"PC\" \"@\"", hex(b"\x02PC\x01@")),
            ("TYPE65280", "\\# 3 abcdef", "abcdef".to_owned()),
            ("TYPE65280", "\\# 0", String::new()),
        ] {
            let wire = read(rtype(word), text, &origin());
            assert_eq!(wire.map(|wire| hex(&wire)), Ok(expected), "{word} {text}");
        }
    }

    #[test]
    fn bad_values_are_refused_with_the_reason() {
        let long = format!("\"{}\"", "x".repeat(256));
        for (word, text, expected) in [
            ("A", "2001:db8::1", "it is an IPv6 address, which belongs under `AAAA`"),
            ("A", "192.0.2", "four numbers from 0 to 255 with dots between them are needed"),
            ("AAAA", "192.0.2.1", "it is an IPv4 address, which belongs under `A`"),
            ("MX", "10", "something is missing at its end"),
            ("MX", "mail", "expected decimal number"),
            ("MX", "10 mail extra", "there is too much at its end"),
            ("MX", "70000 mail", "decimal number overflow"),
            ("MX", "10 a..b", "a domain name in it is malformed"),
            ("MX", "", "something is missing at its end"),
            ("CAA", "0 issue ca;x", "`;` starts a comment; put the text in double quotes"),
            ("TXT", "( \"a\"", "a parenthesis is not closed"),
            ("TXT", "\"a\" )", "a parenthesis is not opened"),
            ("TXT", "\"a", "a double quote is not closed"),
            ("TXT", "\"a\u{1}\"", "a control character ('\\u{1}') in it"),
            ("TXT", &long, "a string in it is longer than 255 octets"),
            ("A", "\\# 3 c00002", "unexpected end of input"),
            ("A", "\\# 4 c00002", "generic data has incorrect length"),
            (
                "TYPE65280",
                "abc",
                "values of this type are written in the generic form `\\# LENGTH HEX` (RFC 3597 §5)",
            ),
        ] {
            assert_eq!(
                read(rtype(word), text, &origin()),
                Err(expected.to_owned()),
                "{word} {text}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn no_value_makes_it_panic(
            code in 1_u16..70,
            text in "([0-9]{1,4} |[a-c.@\\\\\"();#\\n\\t é]|\\\\# |alpn=|\"a\" ){0,20}",
        ) {
            if let Ok(wire) = read(Rtype(code), &text, &origin()) {
                proptest::prop_assert!(wire.len() <= 65535);
            }
        }
    }
}
