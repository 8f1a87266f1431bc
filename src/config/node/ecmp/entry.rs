//! One entry of the list.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use super::host::{HostValues, HostWords};
use super::spreading;
use crate::config::diagnostic::{Report, Span, Spanned};
use crate::config::node::bgp::pool;
use crate::config::node::pools::PoolReference;
use crate::config::node::{prefix, values};
use crate::config::read::fields::{Fields, mapping};
use crate::config::read::scalar;
use crate::config::tree::{self, Node, quote};
use crate::ecmp::{EcmpConfig, OnExit, Spreading, WhenDown};
use crate::policy::Family;

/// What messages call it.
const WHAT: &str = "an `ecmp` entry";

const KEYS: [&str; 15] = [
    "name",
    "prefix",
    "pool",
    "via",
    "type",
    "traffic",
    "idle_timer",
    "unbalanced_timer",
    "buckets",
    "table",
    "metric",
    "when_down",
    "hash_policy",
    "hash_seed",
    "on_exit",
];

/// RT_TABLE_MAIN.
const MAIN: u32 = 254;

/// RT_TABLE_LOCAL, the kernel's own.
const LOCAL: u32 = 255;

/// Below what routing daemons use, and above what is set by hand without one.
const METRIC: u32 = 50;

const WHEN_DOWN: [(&str, WhenDown); 3] = [
    ("keep", WhenDown::Keep),
    ("unreachable", WhenDown::Unreachable),
    ("withdraw", WhenDown::Withdraw),
];
const ON_EXIT: [(&str, OnExit); 2] = [("remove", OnExit::Remove), ("keep", OnExit::Keep)];

/// An entry as far as it could be read.
#[derive(Debug)]
pub(super) struct Entry {
    /// Where it stands.
    pub span: Span,
    pub name: Option<Spanned<String>>,
    pub prefix: Option<Spanned<IpNet>>,
    pool: Option<Spanned<Arc<str>>>,
    via: Option<Vec<(Spanned<IpAddr>, IpAddr)>>,
    spreading: Option<Spreading>,
    pub table: Option<u32>,
    pub metric: Option<u32>,
    when_down: Option<WhenDown>,
    pub host: HostWords,
    on_exit: Option<OnExit>,
    is_whole: bool,
}

/// Reads an entry; `None` when it is none at all. `own` are this node's shared addresses.
pub(super) fn read(node: &Node, own: &[Spanned<IpAddr>], report: &mut Report) -> Option<Entry> {
    let errors = report.errors();
    let fields = Fields::of(node, WHAT, &KEYS, report)?;
    let name = fields.require("name", WHAT, report);
    let prefix = fields.require("prefix", WHAT, report);
    let prefix = prefix.and_then(|node| read_prefix(node, own, report));
    let of_pool = fields.require("pool", WHAT, report);
    let mut entry = Entry {
        span: fields.span,
        name: name.and_then(|node| values::plain_name(node, report)),
        pool: of_pool.and_then(|node| pool(node, report)),
        via: read_via(&fields, prefix, report),
        spreading: spreading::read(&fields, report),
        table: read_table(&fields, report),
        metric: read_metric(&fields, report),
        when_down: values::choice_or(&fields, "when_down", WhenDown::Keep, &WHEN_DOWN, report),
        host: HostWords::read(&fields, report),
        on_exit: values::choice_or(&fields, "on_exit", OnExit::Remove, &ON_EXIT, report),
        prefix,
        is_whole: true,
    };
    entry.is_whole = report.errors() == errors;
    Some(entry)
}

fn read_prefix(
    node: &Node,
    own: &[Spanned<IpAddr>],
    report: &mut Report,
) -> Option<Spanned<IpNet>> {
    let value = prefix::read(node, report)?;
    if let Some(why) = prefix::refused(&value) {
        report.error(node.span, format!("prefix {value} is never routed to a pool: {why}"));
        return None;
    }
    let address = own.iter().find(|one| prefix::is_host(&value) && one.value == value.addr());
    if let Some(address) = address {
        report
            .error(node.span, format!("{} is this node's own address", address.value))
            .label(address.span, "here")
            .help("what arrives for it would never be routed on");
        return None;
    }
    Some(Spanned { span: node.span, value })
}

/// Members and their next hops, all of the prefix's family.
fn read_via(
    fields: &Fields<'_>,
    prefix: Option<Spanned<IpNet>>,
    report: &mut Report,
) -> Option<Vec<(Spanned<IpAddr>, IpAddr)>> {
    let Some(node) = fields.get("via") else { return Some(Vec::new()) };
    let errors = report.errors();
    let mut via = Vec::new();
    for (key, node) in mapping(node, "`via`", report)? {
        let member = read_member(key, report);
        let next_hop = values::host_address(node, "next hop", report);
        let (Some(member), Some(next_hop), Some(prefix)) = (member, next_hop, prefix) else {
            continue;
        };
        check_family(member, prefix, "member", report);
        let next_hop = Spanned { span: node.span, value: next_hop };
        check_family(next_hop, prefix, "next hop", report);
        check_outside(next_hop, prefix, report);
        via.push((member, next_hop.value));
    }
    (report.errors() == errors).then_some(via)
}

fn read_member(key: &tree::Key, report: &mut Report) -> Option<Spanned<IpAddr>> {
    let Ok(value) = key.value.parse() else {
        let found = quote(&key.value);
        let message = format!("expected the address of a member of the pool, found {found}");
        report.error(key.span, message);
        return None;
    };
    Some(Spanned { span: key.span, value })
}

fn check_family(address: Spanned<IpAddr>, prefix: Spanned<IpNet>, role: &str, report: &mut Report) {
    if Family::of(address.value) != Family::of(prefix.value.addr()) {
        let message = format!("{role} {} is not of the family of the prefix", address.value);
        report
            .error(address.span, message)
            .label(prefix.span, "the prefix")
            .help("one entry routes one family; make another for the other one");
    }
}

/// A next hop is found by another route than its own. Where members are is known with the zones.
fn check_outside(next_hop: Spanned<IpAddr>, prefix: Spanned<IpNet>, report: &mut Report) {
    if prefix.value.contains(&next_hop.value) {
        report
            .error(next_hop.span, format!("next hop {} is in the prefix itself", next_hop.value))
            .label(prefix.span, "the prefix")
            .help(
                "the route would swallow the next hop's own address; name one outside the prefix",
            );
    }
}

fn read_table(fields: &Fields<'_>, report: &mut Report) -> Option<u32> {
    let Some(node) = fields.get("table").filter(|node| node.text() != Some("main")) else {
        return Some(MAIN);
    };
    let what = "`main` or the number of a table";
    let table = scalar::integer(node, what, 1..=u64::from(u32::MAX), report)?;
    let table = u32::try_from(table).ok()?;
    if table == LOCAL {
        report.error(node.span, "table 255 is the kernel's own").help("`main` is the usual one");
        return None;
    }
    Some(table)
}

fn read_metric(fields: &Fields<'_>, report: &mut Report) -> Option<u32> {
    let Some(node) = fields.get("metric") else { return Some(METRIC) };
    u32::try_from(scalar::integer(node, "a metric", 1..=u64::from(u32::MAX), report)?).ok()
}

impl Entry {
    /// The pool that it speaks of.
    pub(super) fn reference(&self, report: &Report) -> Option<PoolReference> {
        let (pool, prefix) = (self.pool.as_ref()?, self.prefix?);
        let via = self.via.iter().flatten();
        Some(PoolReference {
            pool: Arc::clone(&pool.value),
            families: vec![Family::of(prefix.value.addr())],
            place: report.label(pool.span),
            members: via.map(|(one, _)| (one.value, report.label(one.span))).collect(),
            prefix: Some((prefix.value, report.label(prefix.span))),
        })
    }

    /// Absent after a mistake; `host` is what all entries say of the host.
    pub(super) fn finish(self, host: HostValues, report: &Report) -> Option<EcmpConfig> {
        let via = self.via.filter(|_| self.is_whole)?;
        let via: BTreeMap<_, _> =
            via.into_iter().map(|(member, hop)| (member.value, hop)).collect();
        Some(EcmpConfig {
            name: Arc::from(self.name?.value),
            prefix: self.prefix?.value,
            pool: self.pool?.value,
            via,
            spreading: self.spreading?,
            table: self.table?,
            metric: self.metric?,
            when_down: self.when_down?,
            hash_policy: host.policy,
            hash_seed: host.seed,
            on_exit: self.on_exit?,
            place: report.place(self.span),
        })
    }
}
