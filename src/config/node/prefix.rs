//! Prefixes, and those that no network announces or routes to others.

use ipnet::IpNet;

use crate::config::diagnostic::Report;
use crate::config::read::scalar;
use crate::config::tree::{Node, quote};

/// Networks with a meaning of their own on every host, and what they are.
const REFUSED: [(&str, &str); 9] = [
    ("0.0.0.0/8", "\"this network\""),
    ("127.0.0.0/8", "loopback space"),
    ("169.254.0.0/16", "link-local space"),
    ("224.0.0.0/3", "multicast or reserved space"),
    ("::/128", "the unspecified address"),
    ("::1/128", "the loopback address"),
    ("::ffff:0:0/96", "IPv4-mapped space"),
    ("fe80::/10", "link-local space"),
    ("ff00::/8", "multicast space"),
];

/// Networks that mean nothing to other organizations (RFC 6890 and its successors).
const PRIVATE: [(&str, &str); 13] = [
    ("10.0.0.0/8", "private space"),
    ("100.64.0.0/10", "shared address space"),
    ("172.16.0.0/12", "private space"),
    ("192.0.0.0/24", "space for protocols"),
    ("192.0.2.0/24", "documentation space"),
    ("192.168.0.0/16", "private space"),
    ("198.18.0.0/15", "benchmarking space"),
    ("198.51.100.0/24", "documentation space"),
    ("203.0.113.0/24", "documentation space"),
    ("2001:2::/48", "benchmarking space"),
    ("2001:db8::/32", "documentation space"),
    ("3fff::/20", "documentation space"),
    ("fc00::/7", "private space"),
];

/// What filters of other networks let through at most.
const LONGEST_SHORT: (u8, u8) = (24, 48);

/// Reads a prefix; one with host bits set is refused, since nobody can tell what was meant.
pub(super) fn read(node: &Node, report: &mut Report) -> Option<IpNet> {
    let text = node.text().unwrap_or("");
    if let Ok(address) = text.parse::<std::net::IpAddr>() {
        let whole = IpNet::from(address);
        report
            .error(node.span, format!("a prefix has a length, found {}", quote(text)))
            .help(format!("write {whole} for this one address"));
        return None;
    }
    let Ok(prefix) = text.parse::<IpNet>() else {
        let form = "a prefix such as 203.0.113.53/32 or \"2001:db8::/48\"";
        scalar::expected(node, form, report);
        return None;
    };
    if prefix != prefix.trunc() {
        report
            .error(node.span, format!("prefix {prefix} has host bits set"))
            .help(format!("write {} for the network", prefix.trunc()));
        return None;
    }
    Some(prefix)
}

/// Why a prefix is neither announced nor routed to others: what it is, or has in it.
pub(super) fn refused(prefix: &IpNet) -> Option<String> {
    if prefix.prefix_len() == 0 {
        return Some("it is the default route".to_owned());
    }
    let is = find(&REFUSED, |other| other.contains(prefix)).map(|what| format!("it is {what}"));
    let has = || find(&REFUSED, |other| prefix.contains(other));
    is.or_else(|| has().map(|what| format!("it has {what} in it")))
}

/// What a prefix is that means nothing to other organizations.
pub(super) fn private(prefix: &IpNet) -> Option<&'static str> {
    find(&PRIVATE, |other| other.contains(prefix))
}

/// The least length that filters of other networks let through, for one that is shorter.
pub(super) fn short(prefix: &IpNet) -> Option<u8> {
    let (v4, v6) = LONGEST_SHORT;
    let least = if matches!(prefix, IpNet::V4(_)) { v4 } else { v6 };
    (prefix.prefix_len() < least).then_some(least)
}

/// Whether a prefix is one address.
pub(super) fn is_host(prefix: &IpNet) -> bool {
    prefix.prefix_len() == prefix.max_prefix_len()
}

fn find(table: &[(&str, &'static str)], is_it: impl Fn(&IpNet) -> bool) -> Option<&'static str> {
    let network = |text: &str| text.parse::<IpNet>().ok();
    table.iter().find(|(text, _)| network(text).is_some_and(|it| is_it(&it))).map(|row| row.1)
}
