//! What the sections share: durations within limits, names of interfaces, addresses.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::config::diagnostic::{Report, Span, Spanned};
use crate::config::read::fields::Fields;
use crate::config::read::pool::Soundness;
use crate::config::read::scalar;
use crate::config::tree::{Node, quote};

/// No wait of an election is meant to last longer.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// The longest name of an interface: IFNAMSIZ is 16, with a NUL at the end.
const LONGEST_INTERFACE: usize = 15;

/// A duration within `range`; 0 needs no unit. `key` is what it is the value of.
pub(super) fn duration(
    node: &Node,
    key: &str,
    range: RangeInclusive<Duration>,
    report: &mut Report,
) -> Option<Duration> {
    let zero = |text: &str| (text == "0").then_some(Duration::ZERO);
    let text = node.text().unwrap_or("");
    let Some(value) = zero(text).or_else(|| scalar::parse_duration(text)) else {
        scalar::expected(node, "a duration such as 5s or 200ms (units: ms, s, m, h, d, w)", report);
        return None;
    };
    if !range.contains(&value) {
        let (low, high) = (shown(*range.start()), shown(*range.end()));
        let message = format!("{key} {} is out of range ({low} to {high})", shown(value));
        report.error(node.span, message);
        return None;
    }
    Some(value)
}

/// A duration as people write it: `1h`, `0s`, `40.95s`.
pub(super) fn shown(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let unit = [(86_400, "d"), (3_600, "h"), (60, "m")].into_iter().find(|(unit, _)| {
        duration.subsec_nanos() == 0 && seconds >= *unit && seconds.is_multiple_of(*unit)
    });
    match unit {
        Some((unit, letter)) => format!("{}{letter}", seconds / unit),
        None if duration.is_zero() => "0s".to_owned(),
        None => format!("{duration:?}"),
    }
}

/// [`duration`] of a key that may be left out.
pub(super) fn duration_or(
    fields: &Fields<'_>,
    key: &str,
    default: Duration,
    range: RangeInclusive<Duration>,
    report: &mut Report,
) -> Option<Duration> {
    fields.get(key).map_or(Some(default), |node| duration(node, key, range, report))
}

/// `true` or `false`, or the default.
pub(super) fn flag_or(
    fields: &Fields<'_>,
    key: &str,
    default: bool,
    report: &mut Report,
) -> Option<bool> {
    fields.get(key).map_or(Some(default), |node| scalar::boolean(node, report))
}

/// A small whole number, or the default.
pub(super) fn number_or(
    fields: &Fields<'_>,
    key: &str,
    (default, range): (u8, RangeInclusive<u8>),
    report: &mut Report,
) -> Option<u8> {
    fields.get(key).map_or(Some(default), |node| number(node, key, range, report))
}

/// A whole number of one octet within `range`.
pub(super) fn number(
    node: &Node,
    key: &str,
    range: RangeInclusive<u8>,
    report: &mut Report,
) -> Option<u8> {
    let range = u64::from(*range.start())..=u64::from(*range.end());
    let value = scalar::integer(node, &format!("a number for `{key}`"), range, report)?;
    u8::try_from(value).ok()
}

/// One of a few words, or the default.
pub(super) fn choice_or<T: Copy>(
    fields: &Fields<'_>,
    key: &str,
    default: T,
    choices: &[(&str, T)],
    report: &mut Report,
) -> Option<T> {
    let what = format!("a value for `{key}`");
    fields.get(key).map_or(Some(default), |node| scalar::choice(node, &what, choices, report))
}

/// What [`is_interface`] takes, for messages.
pub(super) const INTERFACE_FORM: &str =
    "the name of an interface (1 to 15 octets, no `/`, no `:`, no space)";

/// Whether the kernel allows a name for an interface; whether there is one is not asked.
pub(super) fn is_interface(name: &str) -> bool {
    let refused = |c: char| c == '/' || c == ':' || c.is_whitespace() || c.is_control();
    (1..=LONGEST_INTERFACE).contains(&name.len())
        && !matches!(name, "." | "..")
        && !name.contains(refused)
}

/// Reads the name of an interface.
pub(super) fn interface(node: &Node, report: &mut Report) -> Option<Spanned<String>> {
    let name = node.text().filter(|name| is_interface(name));
    if name.is_none() {
        scalar::expected(node, INTERFACE_FORM, report);
    }
    Some(Spanned { span: node.span, value: name?.to_owned() })
}

/// Addresses as far as they could be read, no address twice.
#[derive(Clone, Debug)]
pub(super) struct Addresses {
    /// In the order written.
    pub list: Vec<Spanned<IpAddr>>,
    /// Broken when some are missing: what the list lacks is no further mistake.
    pub soundness: Soundness,
}

impl Addresses {
    /// Reads one or more addresses, each by `read`.
    pub(super) fn read(
        node: &Node,
        mut read: impl FnMut(&Node, &mut Report) -> Option<IpAddr>,
        report: &mut Report,
    ) -> Self {
        let errors = report.errors();
        let mut list: Vec<Spanned<IpAddr>> = Vec::new();
        for item in node.one_or_more() {
            let Some(value) = read(item, report) else { continue };
            match list.iter().find(|earlier| earlier.value == value) {
                Some(first) => stands_twice(item, value, *first, report),
                None => list.push(Spanned { span: item.span, value }),
            }
        }
        if node.one_or_more().is_empty() {
            report.error(node.span, "at least one address is needed, found an empty list");
        }
        let sound = report.errors() == errors;
        Self { list, soundness: if sound { Soundness::Sound } else { Soundness::Broken } }
    }

    /// Nothing could be read.
    pub(super) fn broken() -> Self {
        Self { list: Vec::new(), soundness: Soundness::Broken }
    }

    /// Without their places.
    pub(super) fn values(&self) -> Vec<IpAddr> {
        self.list.iter().map(|address| address.value).collect()
    }

    /// Where an address stands in the list.
    pub(super) fn find(&self, address: IpAddr) -> Option<Spanned<IpAddr>> {
        self.list.iter().copied().find(|own| own.value == address)
    }

    /// Whether everything in it could be read.
    pub(super) fn is_sound(&self) -> bool {
        self.soundness == Soundness::Sound
    }
}

fn stands_twice(node: &Node, value: IpAddr, first: Spanned<IpAddr>, report: &mut Report) {
    let entry = report.error(node.span, format!("{value} stands twice"));
    entry.label(first.span, "the first one");
}

/// An address that one host can have on a network; `role` is what it is here: "peer".
pub(super) fn host_address(node: &Node, role: &str, report: &mut Report) -> Option<IpAddr> {
    let address = scalar::address(node, report)?;
    is_host_address(node.span, role, address, report).then_some(address)
}

/// Whether an address is one that [`host_address`] takes; reports one that is not.
pub(super) fn is_host_address(
    span: Span,
    role: &str,
    address: IpAddr,
    report: &mut Report,
) -> bool {
    let oddity = oddity(address);
    if let Some(oddity) = oddity {
        let message = format!("{role} {address} is {oddity} (must be a host's on the network)");
        report.error(span, message);
    }
    oddity.is_none()
}

/// What an address is that no host has on a network.
fn oddity(address: IpAddr) -> Option<&'static str> {
    let mapped = matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some());
    [
        (address.is_unspecified(), "the unspecified address"),
        (address.is_loopback(), "a loopback address"),
        (address.is_multicast(), "a multicast address"),
        (address == Ipv4Addr::BROADCAST, "the broadcast address"),
        (mapped, "an IPv4-mapped address"),
    ]
    .into_iter()
    .find_map(|(is, what)| is.then_some(what))
}

/// Whether a name can stand in a path of the API and in a label of a metric: parts of letters,
/// digits, `-`, `_` and `.`, with `/` between them.
pub(super) fn is_plain_name(name: &str) -> bool {
    const LONGEST: usize = 64;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let part = |part: &str| !matches!(part, "" | "." | "..") && part.chars().all(plain);
    name.len() <= LONGEST && name.split('/').all(part)
}

/// Reports a name that is none.
pub(super) fn plain_name(node: &Node, report: &mut Report) -> Option<Spanned<String>> {
    let name = scalar::text(node, "a name", report)?;
    if !is_plain_name(name) {
        report
            .error(node.span, format!("{} is no name for paths and metrics", quote(name)))
            .help("letters, digits, `-`, `_` and `.`, with `/` between parts; 64 at most");
        return None;
    }
    Some(Spanned { span: node.span, value: name.to_owned() })
}

/// What an address is, what it cannot be beside that, and what would be right.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part(pub &'static str, pub &'static str, pub &'static str);

impl Part {
    /// Reports each address that `other` has a place for.
    pub(super) fn check<'a>(
        &self,
        addresses: impl IntoIterator<Item = &'a Spanned<IpAddr>>,
        other: impl Fn(IpAddr) -> Option<Span>,
        report: &mut Report,
    ) {
        let Self(part, conflict, help) = self;
        for address in addresses {
            let Some(place) = other(address.value) else { continue };
            let message = format!("{part} {} is {conflict} too", address.value);
            report.error(address.span, message).label(place, "here").help(*help);
        }
    }
}
