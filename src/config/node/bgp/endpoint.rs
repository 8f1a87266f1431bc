//! `name`, `address`, `port`, `source` and `passive`: where a peer is, and who connects.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::peer::WHAT;
use super::speaker::PORT;
use crate::bgp::routes::Family;
use crate::config::diagnostic::{Report, Span, Spanned};
use crate::config::node::values;
use crate::config::read::fields::Fields;
use crate::config::read::scalar;
use crate::config::tree::{Node, quote};

/// Where a peer is, as far as it could be read.
#[derive(Debug)]
pub(super) struct Endpoint {
    /// As written, or else the address at its place.
    pub name: Option<Spanned<String>>,
    /// Whether the name is written.
    pub is_named: bool,
    pub address: Option<Spanned<PeerAddress>>,
    pub port: Option<u16>,
    /// The outer `None` is a mistake, the inner one `auto`.
    pub source: Option<Option<Spanned<IpAddr>>>,
    pub passive: Option<bool>,
}

/// An address, and the interface that a link-local one is on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct PeerAddress {
    pub ip: IpAddr,
    pub interface: Option<Arc<str>>,
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.interface {
            Some(interface) => write!(f, "{}%{interface}", self.ip),
            None => self.ip.fmt(f),
        }
    }
}

impl Endpoint {
    /// Reads the keys of a peer; `deaf` is where it says that nobody can connect to us.
    pub(super) fn read(fields: &Fields<'_>, deaf: Option<Span>, report: &mut Report) -> Self {
        let address = fields.require("address", WHAT, report);
        let address = address.and_then(|node| read_address(node, report));
        let name = match (fields.get("name"), &address) {
            (Some(node), _) => values::plain_name(node, report),
            (None, Some(address)) => {
                Some(Spanned { span: address.span, value: address.value.to_string() })
            }
            (None, None) => None,
        };
        Self {
            name,
            is_named: fields.get("name").is_some(),
            port: read_port(fields, report),
            source: read_source(fields, address.as_ref(), report),
            passive: read_passive(fields, deaf, report),
            address,
        }
    }

    /// The family of the session itself.
    pub(super) fn family(&self) -> Option<Family> {
        self.address.as_ref().map(|address| family_of(address.value.ip))
    }
}

/// An address's.
pub(super) fn family_of(address: IpAddr) -> Family {
    match address {
        IpAddr::V4(_) => Family::Ipv4,
        IpAddr::V6(_) => Family::Ipv6,
    }
}

/// How people call a family.
pub(super) fn word(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "IPv4",
        Family::Ipv6 => "IPv6",
    }
}

/// `192.0.2.1`, or `fe80::1%eth0`.
fn read_address(node: &Node, report: &mut Report) -> Option<Spanned<PeerAddress>> {
    let text = node.text().unwrap_or("");
    let (address, interface) = match text.split_once('%') {
        Some((address, interface)) => (address, Some(interface)),
        None => (text, None),
    };
    let Ok(ip) = address.parse::<IpAddr>() else {
        scalar::expected(node, "an address such as 192.0.2.1 or \"fe80::1%eth0\"", report);
        return None;
    };
    if !ip.is_loopback() && !values::is_host_address(node.span, "peer", ip, report) {
        return None;
    }
    let is_link_local = matches!(ip, IpAddr::V6(v6) if v6.is_unicast_link_local());
    let interface = match (is_link_local, interface) {
        (true, None) => {
            report
                .error(node.span, format!("peer {ip} is link-local, and no interface is named"))
                .help(format!("write \"{ip}%eth0\" with the interface that it is on"));
            return None;
        }
        (false, Some(_)) => {
            report
                .error(node.span, format!("peer {} is not link-local", quote(text)))
                .help(format!("write {ip}: only a link-local address needs its interface"));
            return None;
        }
        (true, Some(name)) if !values::is_interface(name) => {
            scalar::expected(node, values::INTERFACE_FORM, report);
            return None;
        }
        (true, Some(name)) => Some(Arc::from(name)),
        (false, None) => None,
    };
    Some(Spanned { span: node.span, value: PeerAddress { ip, interface } })
}

fn read_port(fields: &Fields<'_>, report: &mut Report) -> Option<u16> {
    let Some(node) = fields.get("port") else { return Some(PORT) };
    u16::try_from(scalar::integer(node, "a port", 1..=65_535, report)?).ok()
}

fn read_source(
    fields: &Fields<'_>,
    peer: Option<&Spanned<PeerAddress>>,
    report: &mut Report,
) -> Option<Option<Spanned<IpAddr>>> {
    let node = fields.get("source").filter(|node| node.text() != Some("auto"));
    let Some(node) = node else { return Some(None) };
    let source: IpAddr = scalar::parsed(node, "`auto` or an address of this node", report)?;
    if !source.is_loopback() && !values::is_host_address(node.span, "source", source, report) {
        return None;
    }
    let Some(peer) = peer else { return Some(Some(Spanned { span: node.span, value: source })) };
    let (own, theirs) = (family_of(source), family_of(peer.value.ip));
    if own != theirs {
        let message = format!("source {source} is {}, and the peer is {}", word(own), word(theirs));
        report.error(node.span, message).label(peer.span, "the peer");
        return None;
    }
    if source == peer.value.ip {
        let message = format!("source {source} is the peer's own address");
        report.error(node.span, message).label(peer.span, "the peer");
        return None;
    }
    Some(Some(Spanned { span: node.span, value: source }))
}

fn read_passive(fields: &Fields<'_>, deaf: Option<Span>, report: &mut Report) -> Option<bool> {
    let passive = values::flag_or(fields, "passive", false, report)?;
    let Some((node, deaf)) = fields.get("passive").zip(deaf).filter(|_| passive) else {
        return Some(passive);
    };
    report
        .error(node.span, "a passive peer with `listen: []`: neither end would connect")
        .label(deaf, "nobody can connect here")
        .help("let this end connect, or listen");
    None
}
