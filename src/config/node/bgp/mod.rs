//! `bgp` of `rhumb.yaml` to a [`BgpConfig`], collecting every mistake.
//!
//! - `speaker`: this node's own part: AS, identifier, addresses, the allow-list.
//! - `peer`: one peer, of which `endpoint`, `routing` and `transport` are the parts.
//! - `announcement`: one announcement, of which `attributes`, `condition` and `damping` are the
//!   parts.
//! - `drain`: how the node takes its leave.
//! - `between`: what no two may have in common, and what one says of another.
//! - `told`: what each peer would be told of, and whether it can be.
//! - `clashes`: addresses with two parts.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::BgpConfig;
use super::pools::PoolReference;
use super::services::{self, Around};
use crate::announce::Drain;
use crate::config::diagnostic::{Report, Spanned};
use crate::config::read::fields::Fields;
use crate::config::read::pool::Soundness;
use crate::config::tree::Node;
use announcement::AnnouncementShape;
use peer::PeerShape;
use speaker::Speaker;

mod announcement;
mod attributes;
mod between;
mod clashes;
mod condition;
mod damping;
mod drain;
mod endpoint;
mod peer;
mod routing;
mod speaker;
#[cfg(test)]
mod tests;
mod told;
mod transport;

pub(super) use condition::pool;

/// What messages call the section.
const WHAT: &str = "`bgp`";

const KEYS: [&str; 8] =
    ["asn", "router_id", "listen", "allow", "allow_short", "peers", "announce", "drain"];

/// The section as far as it could be read.
#[derive(Debug, Default)]
pub(super) struct Section {
    /// All of it, when there is no mistake in it.
    pub whole: Option<BgpConfig>,
    /// The anycast addresses.
    pub addresses: Vec<Spanned<IpAddr>>,
    /// The pools that it speaks of.
    pub pools: Vec<PoolReference>,
}

/// Reads the section; `virtual_addresses` are those of VRRP.
pub(super) fn read(
    node: &Node,
    around: Around<'_>,
    virtual_addresses: &[Spanned<IpAddr>],
    report: &mut Report,
) -> Section {
    let errors = report.errors();
    let Some(fields) = Fields::of(node, WHAT, &KEYS, report) else { return Section::default() };
    let mut parts = Parts::read(&fields, around, report);
    let sound = report.errors() == errors;
    let soundness = if sound { Soundness::Sound } else { Soundness::Broken };
    parts.check(soundness, around, virtual_addresses, report);
    if report.errors() == errors {
        clashes::leave_out_own(&mut parts, report);
    }
    let addresses = parts.addresses().copied().collect();
    let pools = parts.announcements.iter().filter_map(|one| one.pool(report)).collect();
    let sound = report.errors() == errors;
    let shared = virtual_addresses.iter().chain(parts.addresses());
    let shared = shared.map(|address| address.value).collect();
    let whole = parts.join(around, shared, report).filter(|_| sound);
    Section { whole, addresses, pools }
}

/// The section as far as it could be read.
struct Parts {
    speaker: Speaker,
    peers: Vec<PeerShape>,
    announcements: Vec<AnnouncementShape>,
    drain: Option<Drain>,
}

impl Parts {
    fn read(fields: &Fields<'_>, around: Around<'_>, report: &mut Report) -> Self {
        let speaker = Speaker::read(fields, report);
        let list = |key: &str| fields.get(key).map_or(&[][..], Node::one_or_more).iter();
        let of_peer = peer::Around { directory: around.directory, deaf: speaker.deaf };
        let peers = list("peers").filter_map(|node| peer::read(node, of_peer, report)).collect();
        let announcements =
            list("announce").filter_map(|node| announcement::read(node, around, report)).collect();
        Self { speaker, peers, announcements, drain: drain::read(fields, report) }
    }

    fn check(
        &self,
        soundness: Soundness,
        around: Around<'_>,
        virtual_addresses: &[Spanned<IpAddr>],
        report: &mut Report,
    ) {
        let Self { speaker, peers, announcements, drain: _ } = self;
        between::check(speaker, peers, announcements, report);
        told::check(soundness, speaker, peers, announcements, report);
        clashes::check(self, virtual_addresses, report);
        let asked = announcements.iter().filter(|one| one.asks_dns());
        let asked = asked.flat_map(|one| &one.addresses.list);
        services::check("anycast address", asked, around, report);
    }

    fn addresses(&self) -> impl Iterator<Item = &Spanned<IpAddr>> {
        self.announcements.iter().flat_map(|one| &one.addresses.list)
    }

    fn join(
        self,
        around: Around<'_>,
        shared: BTreeSet<IpAddr>,
        report: &Report,
    ) -> Option<BgpConfig> {
        let Self { speaker, peers, announcements, drain } = self;
        let announcements = announcements.into_iter().map(|one| one.finish(around, report));
        Some(BgpConfig {
            announcements: announcements.collect::<Option<_>>()?,
            speaker: speaker.finish(peers, shared)?,
            drain: drain?,
        })
    }
}
