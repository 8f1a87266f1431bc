//! One announcement: its prefixes and addresses, and the parts of it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use super::condition::{self, Condition};
use super::routing::ALL;
use super::{attributes, damping};
use crate::announce::{Announcement, Damping, Deprefer, When};
use crate::bgp::routes::Attributes;
use crate::config::diagnostic::{Report, Span, Spanned};
use crate::config::node::pools::PoolReference;
use crate::config::node::services::{self, Around};
use crate::config::node::values::{self, Addresses};
use crate::config::node::{DnsConfig, HealthQuestion, prefix, read};
use crate::config::read::fields::Fields;
use crate::config::read::pool::Soundness;
use crate::config::tree::Node;
use crate::policy::Family;

/// What messages call it.
const WHAT: &str = "an announcement";

const KEYS: [&str; 16] = [
    "name",
    "prefixes",
    "addresses",
    "when",
    "on_down",
    "health",
    "communities",
    "large_communities",
    "no_export",
    "med",
    "prepend",
    "local_pref",
    "deprefer",
    "keep_last",
    "siblings",
    "damping",
];

/// An announcement as far as it could be read.
#[derive(Debug)]
pub(super) struct AnnouncementShape {
    /// Where it stands.
    pub span: Span,
    pub name: Option<Spanned<String>>,
    pub prefixes: Vec<Spanned<IpNet>>,
    /// What of it this node answers on.
    pub addresses: Addresses,
    pub siblings: Vec<Spanned<SocketAddr>>,
    condition: Option<Condition>,
    health: Option<(HealthQuestion, Duration)>,
    attributes: Option<(Attributes, Deprefer)>,
    keep_last: Option<bool>,
    damping: Option<Damping>,
}

/// Reads an announcement; `None` when it is none at all.
pub(super) fn read(
    node: &Node,
    around: Around<'_>,
    report: &mut Report,
) -> Option<AnnouncementShape> {
    let fields = Fields::of(node, WHAT, &KEYS, report)?;
    let name = fields.require("name", WHAT, report).and_then(|node| read_name(node, report));
    let (prefixes, soundness) = read_prefixes(&fields, report);
    let addresses = read_addresses(&fields, (&prefixes, soundness), report);
    let condition = Condition::read(&fields, report);
    let siblings = read_siblings(&fields, report);
    let shape = AnnouncementShape {
        span: fields.span,
        name,
        health: condition::health(&fields, report),
        attributes: attributes::read(&fields, report),
        keep_last: read_keep_last(&fields, &siblings, report),
        damping: damping::read(&fields, report),
        prefixes,
        addresses,
        siblings,
        condition,
    };
    shape.check(around, report);
    Some(shape)
}

fn read_name(node: &Node, report: &mut Report) -> Option<Spanned<String>> {
    let name = values::plain_name(node, report)?;
    if name.value == ALL {
        report
            .error(node.span, "an announcement cannot be named all")
            .help("`announce: all` at a peer means every one; choose another name");
        return None;
    }
    Some(name)
}

fn read_prefixes(fields: &Fields<'_>, report: &mut Report) -> (Vec<Spanned<IpNet>>, Soundness) {
    let errors = report.errors();
    let node = fields.require("prefixes", WHAT, report);
    let items = node.map_or(&[][..], Node::one_or_more);
    if let Some(node) = node.filter(|_| items.is_empty()) {
        report.error(node.span, "`prefixes` is empty: nothing would be announced");
    }
    let read = |item: &Node, report: &mut Report| {
        Some(Spanned { span: item.span, value: prefix::read(item, report)? })
    };
    let prefixes = items.iter().filter_map(|item| read(item, report)).collect();
    let sound = report.errors() == errors;
    (prefixes, if sound { Soundness::Sound } else { Soundness::Broken })
}

/// Those written, or the prefixes that are single addresses.
fn read_addresses(
    fields: &Fields<'_>,
    (prefixes, soundness): (&[Spanned<IpNet>], Soundness),
    report: &mut Report,
) -> Addresses {
    let Some(node) = fields.get("addresses") else {
        let hosts = prefixes.iter().filter(|prefix| prefix::is_host(&prefix.value));
        let address =
            |prefix: &Spanned<IpNet>| Spanned { span: prefix.span, value: prefix.value.addr() };
        return Addresses { list: hosts.map(address).collect(), soundness };
    };
    let one =
        |node: &Node, report: &mut Report| values::host_address(node, "anycast address", report);
    let addresses = Addresses::read(node, one, report);
    let is_in = |address: &IpAddr| prefixes.iter().any(|prefix| prefix.value.contains(address));
    let strange = addresses.list.iter().filter(|address| !is_in(&address.value));
    for address in strange.filter(|_| soundness == Soundness::Sound) {
        let entry = report
            .error(address.span, format!("{} is in none of the prefixes", address.value))
            .help("traffic for it would not come here; write an address of a prefix");
        match prefixes.first() {
            Some(first) => entry.label(first.span, "the first one"),
            None => entry,
        };
    }
    addresses
}

/// Addresses with ports, each once; without a port it is 53.
fn read_siblings(fields: &Fields<'_>, report: &mut Report) -> Vec<Spanned<SocketAddr>> {
    const DNS: u16 = 53;
    const FORM: &str = "the address of another node, such as 198.51.100.2 or 198.51.100.2:5353";
    let Some(node) = fields.get("siblings") else { return Vec::new() };
    let mut siblings = read::read_addresses(node, DNS, FORM, report);
    siblings.retain(|sibling| {
        let ip = sibling.value.ip();
        ip.is_loopback() || values::is_host_address(sibling.span, "sibling", ip, report)
    });
    siblings
}

/// Needs siblings that can be asked; on where there are some.
fn read_keep_last(
    fields: &Fields<'_>,
    siblings: &[Spanned<SocketAddr>],
    report: &mut Report,
) -> Option<bool> {
    let keep_last = values::flag_or(fields, "keep_last", !siblings.is_empty(), report)?;
    let named = fields.get("siblings").map_or(0, |node| node.one_or_more().len());
    if let Some(node) = fields.get("keep_last").filter(|_| keep_last && named == 0) {
        report
            .warning(node.span, "`keep_last` does nothing without `siblings`")
            .help("name the other nodes' own DNS addresses, which are asked whether they answer");
    }
    Some(keep_last)
}

impl AnnouncementShape {
    /// What messages call it; empty after a mistake.
    pub(super) fn name(&self) -> &str {
        self.name.as_ref().map_or("", |name| &name.value)
    }

    /// Whether it depends on whether this node answers DNS.
    pub(super) fn asks_dns(&self) -> bool {
        self.condition.as_ref().is_some_and(|condition| condition.when == When::Dns)
    }

    /// The pool that it depends on.
    pub(super) fn pool(&self, report: &Report) -> Option<PoolReference> {
        let pool = self.condition.as_ref()?.pool.as_ref()?;
        let family = |prefix: &Spanned<IpNet>| Family::of(prefix.value.addr());
        Some(PoolReference {
            pool: Arc::clone(&pool.value),
            families: self.prefixes.iter().map(family).collect(),
            place: report.label(pool.span),
            members: Vec::new(),
            prefix: None,
        })
    }

    /// Leaves out siblings that are this node itself, which would always find itself there and
    /// never be the last; `own` are its addresses, and what they are.
    pub(super) fn leave_out_own(&mut self, own: &[(Spanned<IpAddr>, &str)], report: &mut Report) {
        let mut left_out = Vec::new();
        self.siblings.retain(|sibling| {
            let at = sibling.value.ip();
            let found = own.iter().find(|(one, _)| one.value == at && !at.is_loopback());
            left_out.extend(found.map(|(one, what)| (*sibling, one.span, *what)));
            found.is_none()
        });
        let help = match self.siblings.is_empty() {
            false => "list the other nodes alone, or the same list everywhere: it is left out here",
            true => "it is left out here, and no other node is left: `keep_last` does nothing",
        };
        for (sibling, place, what) in left_out {
            let at = sibling.value.ip();
            report
                .warning(
                    sibling.span,
                    format!("sibling {at} is this node itself: it is its {what}"),
                )
                .label(place, "here")
                .help(help);
        }
    }

    fn check(&self, around: Around<'_>, report: &mut Report) {
        let prefix = self.prefixes.first().filter(|_| self.asks_dns());
        let unasked = prefix.filter(|_| self.addresses.list.is_empty());
        if let Some(prefix) = unasked.filter(|_| self.addresses.is_sound()) {
            report
                .error(prefix.span, "`when: dns` has no address to ask")
                .help("write `addresses:`, those of the prefix that answer DNS; or `when: always`");
        }
        let withdraws = self.condition.as_ref().and_then(|condition| condition.withdraws);
        if let Some((place, dns)) = withdraws.zip(around.dns) {
            self.check_withdrawal(place, (dns, around.listen), report);
        }
    }

    /// What answers DNS does not depend on what it sends clients to: when the pools of every node
    /// look down at once, the service must not go with them.
    fn check_withdrawal(
        &self,
        place: Span,
        (dns, listen): (&DnsConfig, Option<Span>),
        report: &mut Report,
    ) {
        let is_in = |ip: &IpAddr| self.prefixes.iter().any(|prefix| prefix.value.contains(ip));
        if let Some(own) = dns.listen.iter().find(|own| is_in(&own.ip())) {
            let message = format!("`on_down: withdraw` would take DNS on {} away", own.ip());
            let entry = report
                .error(place, message)
                .help("`on_down: deprefer`: DNS goes on answering when a pool is down");
            match listen {
                Some(listen) => entry.label(listen, "it answers there"),
                None => entry,
            };
            return;
        }
        let taken = services::of(&self.addresses.values(), dns);
        if let Some(own) = taken.first() {
            let message = format!("`on_down: withdraw` takes DNS on {} away too", own.ip());
            report
                .warning(place, message)
                .help("list the addresses of DNS in `dns.listen` if this is none of them");
        }
    }

    /// Absent after a mistake.
    pub(super) fn finish(self, around: Around<'_>, report: &Report) -> Option<Announcement> {
        let (health, up_hold) = self.health?;
        let (attributes, deprefer) = self.attributes?;
        let addresses = self.addresses.values();
        Some(Announcement {
            name: Arc::from(self.name?.value),
            prefixes: self.prefixes.iter().map(|prefix| prefix.value).collect(),
            questions: around.dns.map_or_else(Vec::new, |dns| services::of(&addresses, dns)),
            addresses,
            health,
            when: self.condition?.when,
            up_hold,
            attributes,
            deprefer,
            keep_last: self.keep_last? && !self.siblings.is_empty(),
            siblings: self.siblings.iter().map(|sibling| sibling.value).collect(),
            damping: self.damping?,
            place: report.place(self.span),
        })
    }
}
