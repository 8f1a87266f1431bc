//! This node's own part: its AS and identifier, where it listens, what may leave.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;

use super::WHAT;
use super::peer::PeerShape;
use crate::bgp::config::SpeakerConfig;
use crate::config::diagnostic::{Report, Span, Spanned};
use crate::config::node::{prefix, read, values};
use crate::config::read::fields::Fields;
use crate::config::read::pool::Soundness;
use crate::config::read::scalar;
use crate::config::tree::Node;
use crate::geo::Asn;

/// BGP's (RFC 4271).
pub(super) const PORT: u16 = 179;

/// AS numbers that nobody has: AS_TRANS (RFC 6793), and the last ones (RFC 7300).
const RESERVED: [u32; 3] = [23_456, 65_535, u32::MAX];

/// This node's part as far as it could be read.
#[derive(Debug)]
pub(super) struct Speaker {
    pub asn: Option<Asn>,
    pub router_id: Option<Spanned<Ipv4Addr>>,
    listen: Vec<SocketAddr>,
    /// Where `listen: []` stands: nobody can connect.
    pub deaf: Option<Span>,
    pub allow: Allow,
}

/// What may leave.
#[derive(Debug)]
pub(super) struct Allow {
    pub list: Vec<Spanned<IpNet>>,
    /// Broken when some are missing: what the list lacks is no further mistake.
    pub soundness: Soundness,
    /// Where the list stands.
    pub place: Option<Span>,
}

impl Speaker {
    /// Reads the keys of the section.
    pub(super) fn read(fields: &Fields<'_>, report: &mut Report) -> Self {
        let own = fields.require("asn", WHAT, report);
        let router_id = fields.get("router_id");
        if router_id.is_none() {
            report
                .error(fields.span, format!("{WHAT} needs `router_id`"))
                .help("an IPv4 address of this node alone, such as `router_id: 192.0.2.1`");
        }
        let listen = fields.get("listen");
        Self {
            asn: own.and_then(|node| asn(node, report)),
            router_id: router_id.and_then(|node| read_router_id(node, report)),
            listen: listen.map_or_else(everywhere, |node| read_listen(node, report)),
            deaf: listen.filter(|node| node.one_or_more().is_empty()).map(|node| node.span),
            allow: Allow::read(fields, report),
        }
    }

    /// Absent after a mistake; `services` are this node's shared addresses.
    pub(super) fn finish(
        self,
        peers: Vec<PeerShape>,
        services: BTreeSet<IpAddr>,
    ) -> Option<SpeakerConfig> {
        let (asn, router_id) = (self.asn?, self.router_id?.value);
        let peers = peers.into_iter().map(|peer| peer.finish(asn, router_id));
        Some(SpeakerConfig {
            asn,
            router_id,
            listen: self.listen,
            allow: self.allow.list.iter().map(|prefix| prefix.value).collect(),
            services,
            peers: peers.collect::<Option<_>>()?,
        })
    }
}

/// An AS number that somebody can have.
pub(super) fn asn(node: &Node, report: &mut Report) -> Option<Asn> {
    const WHAT: &str = "an AS number";
    if let Some(number) = node.text().and_then(bare_number) {
        report
            .error(
                node.span,
                format!("expected {WHAT} (1 to {}), found {}", u32::MAX, node.found()),
            )
            .help(format!("write the number: {number}"));
        return None;
    }
    let number = scalar::integer(node, WHAT, 1..=u64::from(u32::MAX), report)?;
    let number = u32::try_from(number).ok()?;
    if RESERVED.contains(&number) {
        report
            .error(node.span, format!("AS {number} is reserved"))
            .help("64512 to 65534 and 4200000000 to 4294967294 are for private use");
        return None;
    }
    Some(Asn(number))
}

/// What a number is that has `AS` before it.
fn bare_number(text: &str) -> Option<u32> {
    let (letters, number) = text.split_at_checked(2)?;
    let plain = number.bytes().all(|octet| octet.is_ascii_digit());
    number.parse().ok().filter(|_| plain && letters.eq_ignore_ascii_case("as"))
}

fn read_router_id(node: &Node, report: &mut Report) -> Option<Spanned<Ipv4Addr>> {
    let what = "an identifier that looks like an IPv4 address";
    let router_id: Ipv4Addr = scalar::parsed(node, what, report)?;
    if router_id.is_unspecified() {
        report
            .error(node.span, "router_id 0.0.0.0 is none (RFC 6286)")
            .help("an IPv4 address of this node alone is unique");
        return None;
    }
    if router_id.is_loopback() {
        report
            .warning(node.span, format!("router_id {router_id} is every host's"))
            .help("an IPv4 address of this node alone is unique");
    }
    Some(Spanned { span: node.span, value: router_id })
}

fn everywhere() -> Vec<SocketAddr> {
    let address = |ip: IpAddr| SocketAddr::new(ip, PORT);
    vec![address(Ipv4Addr::UNSPECIFIED.into()), address(Ipv6Addr::UNSPECIFIED.into())]
}

fn read_listen(node: &Node, report: &mut Report) -> Vec<SocketAddr> {
    let form = "an address and port such as 0.0.0.0:179 or \"[::]:179\"";
    let addresses = read::read_addresses(node, PORT, form, report);
    addresses.iter().map(|address| address.value).collect()
}

impl Allow {
    fn read(fields: &Fields<'_>, report: &mut Report) -> Self {
        let errors = report.errors();
        let may_be_short = values::flag_or(fields, "allow_short", false, report);
        let node = fields.get("allow");
        let items = node.map_or(&[][..], Node::one_or_more);
        let mut list: Vec<Spanned<IpNet>> = Vec::with_capacity(items.len());
        for item in items {
            let Some(value) = prefix::read(item, report) else { continue };
            match list.iter().find(|earlier| earlier.value == value) {
                Some(first) => {
                    let entry = report.error(item.span, format!("{value} stands twice"));
                    entry.label(first.span, "the first one");
                }
                None => list.push(Spanned { span: item.span, value }),
            }
        }
        let is_read = report.errors() == errors;
        for prefix in &list {
            refuse(*prefix, may_be_short, report);
        }
        let soundness = if is_read { Soundness::Sound } else { Soundness::Broken };
        Self { list, soundness, place: node.map(|node| node.span) }
    }
}

fn refuse(prefix: Spanned<IpNet>, may_be_short: Option<bool>, report: &mut Report) {
    let Spanned { span, value } = prefix;
    if let Some(why) = prefix::refused(&value) {
        report.error(span, format!("prefix {value} is never announced: {why}"));
    } else if let (Some(least), Some(false)) = (prefix::short(&value), may_be_short) {
        report
            .error(span, format!("prefix {value} is shorter than /{least}"))
            .help("`allow_short: true` if so much really ends at this node");
    }
}
