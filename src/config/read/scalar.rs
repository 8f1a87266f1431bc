//! Text to values: what each field accepts, and the message when it finds something else.
//!
//! Every reader takes a node, reports what is wrong at its place, and returns `None` then.

use std::fmt::Display;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use crate::config::diagnostic::Report;
use crate::config::tree::Node;

use super::fields;

/// The longest TTL (RFC 2181 §8).
pub const MAX_TTL: u32 = 0x7fff_ffff;

/// Reports that `expected` should stand at a node: "expected a percentage such as 50%, found `x`".
pub fn expected(node: &Node, expected: impl Display, report: &mut Report) {
    report.error(node.span, format!("expected {expected}, found {}", node.found()));
}

/// Text, not empty; `what` is what it means, for the message: "a path".
pub fn text<'n>(node: &'n Node, what: &str, report: &mut Report) -> Option<&'n str> {
    let text = node.text().filter(|text| !text.is_empty());
    if text.is_none() {
        expected(node, what, report);
    }
    text
}

/// Anything that [`FromStr`] reads; `what` is what it means, for the message.
pub fn parsed<T: FromStr>(node: &Node, what: &str, report: &mut Report) -> Option<T> {
    let value = node.text().and_then(|text| text.parse().ok());
    if value.is_none() {
        expected(node, what, report);
    }
    value
}

/// A duration above 0: a number with its unit.
pub fn duration(node: &Node, report: &mut Report) -> Option<Duration> {
    let value = node.text().and_then(parse_duration).filter(|d| !d.is_zero());
    if value.is_none() {
        expected(node, "a duration such as 5s or 200ms (units: ms, s, m, h, d, w)", report);
    }
    value
}

/// Whole seconds for a TTL or a timer of the SOA record: a duration, or a bare number of seconds as
/// master files have it; at most 2^31 − 1 (RFC 2181 §8).
pub fn seconds(node: &Node, report: &mut Report) -> Option<u32> {
    let value = node.text().and_then(parse_seconds);
    if value.is_none() {
        expected(node, "seconds such as 300, 30s, 5m or 1h, at most 2147483647", report);
    }
    value
}

/// See [`seconds`]; without a node.
#[must_use]
pub fn parse_seconds(text: &str) -> Option<u32> {
    let seconds = match digits(text) {
        Some(bare) => bare,
        None => {
            let duration = parse_duration(text)?;
            (duration.subsec_nanos() == 0).then_some(duration.as_secs())?
        }
    };
    u32::try_from(seconds).ok().filter(|seconds| *seconds <= MAX_TTL)
}

/// `5s`, `200ms`, `1h30m`: numbers, each with its unit; no sign, no space. Seconds alone may have a
/// fraction: `40.95s`.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    if let Some((whole, fraction)) = text.strip_suffix('s').and_then(|s| s.split_once('.')) {
        let milliseconds = digits(&format!("{fraction:0<3}")).filter(|_| fraction.len() <= 3)?;
        let seconds = digits(whole).filter(|_| !fraction.is_empty())?;
        return Some(Duration::from_millis(seconds.checked_mul(1_000)?.checked_add(milliseconds)?));
    }
    let mut rest = text;
    let mut total = 0_u64;
    loop {
        let unit = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at(unit);
        let next = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let milliseconds = match &tail[..next] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 604_800_000,
            _ => return None,
        };
        total = digits(number)?.checked_mul(milliseconds)?.checked_add(total)?;
        rest = &tail[next..];
        if rest.is_empty() {
            return Some(Duration::from_millis(total));
        }
    }
}

/// A whole number within a range; `what` is what it means: "a weight".
pub fn integer(
    node: &Node,
    what: &str,
    range: RangeInclusive<u64>,
    report: &mut Report,
) -> Option<u64> {
    let value = node.text().and_then(digits).filter(|value| range.contains(value));
    if value.is_none() {
        let (low, high) = (range.start(), range.end());
        expected(node, format_args!("{what} ({low} to {high})"), report);
    }
    value
}

/// A finite decimal number, with or without a sign and a fraction; no exponent.
pub fn number(
    node: &Node,
    what: &str,
    range: RangeInclusive<f64>,
    report: &mut Report,
) -> Option<f64> {
    let plain = |text: &&str| text.bytes().all(|b| b.is_ascii_digit() || b"+-.".contains(&b));
    let value = node.text().filter(plain).and_then(|text| text.parse::<f64>().ok());
    let value = value.filter(|value| range.contains(value));
    if value.is_none() {
        expected(node, what, report);
    }
    value
}

/// A percentage with its sign, as a fraction: `50%` is 0.5.
pub fn percent(node: &Node, range: RangeInclusive<f64>, report: &mut Report) -> Option<f64> {
    let plain = |text: &&str| text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let number = node.text().and_then(|text| text.strip_suffix('%')).filter(plain);
    let value = number.and_then(|text| text.parse::<f64>().ok()).filter(|v| range.contains(v));
    if value.is_none() {
        let (low, high) = (range.start(), range.end());
        expected(node, format_args!("a percentage such as 50% ({low}% to {high}%)"), report);
    }
    value.map(|value| value / 100.0)
}

/// `true` or `false` (YAML 1.2 has no other booleans).
pub fn boolean(node: &Node, report: &mut Report) -> Option<bool> {
    parsed(node, "true or false", report)
}

/// An IPv4 or IPv6 address, without a port, a zone or a prefix length.
pub fn address(node: &Node, report: &mut Report) -> Option<IpAddr> {
    parsed(node, "an IPv4 or IPv6 address", report)
}

/// One of a few words; says which, and which was probably meant.
pub fn choice<T: Copy>(
    node: &Node,
    what: &str,
    choices: &[(&str, T)],
    report: &mut Report,
) -> Option<T> {
    let text = node.text().unwrap_or("");
    if let Some((_, value)) = choices.iter().find(|(word, _)| *word == text) {
        return Some(*value);
    }
    let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
    let near = fields::did_you_mean(text, words.iter().copied());
    let message =
        format!("expected {what} ({}), found {}", fields::word_list(&words), node.found());
    report.error(node.span, message).help_if(near.map(|near| format!("did you mean `{near}`?")));
    None
}

/// Decimal digits alone: no sign, no space; leading zeros change nothing.
fn digits(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit_and_ttls_do_not() {
        for (text, duration, seconds) in [
            ("5s", Some(5_000), Some(5)),
            ("200ms", Some(200), None),
            ("2000ms", Some(2_000), Some(2)),
            ("1h30m", Some(5_400_000), Some(5_400)),
            ("2w", Some(1_209_600_000), Some(1_209_600)),
            ("60", None, Some(60)),
            ("010", None, Some(10)),
            ("2147483647", None, Some(2_147_483_647)),
            ("2147483648", None, None),
            ("99999999999999999999s", None, None),
            ("18446744073709551615w", None, None),
            ("", None, None),
            ("s", None, None),
            ("-5s", None, None),
            ("5 s", None, None),
            ("5s3", None, None),
            ("5S", None, None),
            ("1.5s", Some(1_500), None),
            ("40.95s", Some(40_950), None),
            ("0.001s", Some(1), None),
            ("1.0005s", None, None),
            ("1.s", None, None),
            (".5s", None, None),
            ("1.5ms", None, None),
            ("1m1.5s", None, None),
            ("1.+5s", None, None),
            ("5sек", None, None),
        ] {
            let expected = duration.map(Duration::from_millis);
            assert_eq!(parse_duration(text), expected, "{text:?}");
            assert_eq!(parse_seconds(text), seconds, "{text:?}");
        }
    }
}
