//! `peers`, `source` and `pair_mode`: whom the advertisements go to, from where, by which paths.
//!
//! Path `n` leads from the `n`th source to the `n`th address of each peer, so it has one family.

use std::net::IpAddr;

use vrrp::config::{Family, Peer};

use super::values::{self, Addresses};
use crate::config::diagnostic::{Report, Span, Spanned};
use crate::config::read::fields::Fields;
use crate::config::tree::Node;

/// Whom and how, as far as it could be read.
#[derive(Debug)]
pub(super) struct Paths {
    /// Without any: multicast.
    pub peers: Vec<PeerShape>,
    /// Absent: the interface's own.
    pub source: Option<Addresses>,
    pair_mode: Option<bool>,
    is_whole: bool,
}

/// A peer as written.
#[derive(Debug)]
pub(super) struct PeerShape {
    span: Span,
    /// When it has one of its own.
    name: Option<Spanned<String>>,
    /// One for each path.
    pub addresses: Addresses,
    hops: Option<u8>,
}

/// [`Paths`] without a mistake.
#[derive(Debug)]
pub(super) struct GoodPaths {
    pub peers: Vec<Peer>,
    pub source: Option<Vec<IpAddr>>,
    pub pair_mode: bool,
}

impl Paths {
    /// Reads the keys of an entry whose virtual addresses are `addresses`.
    pub(super) fn read(fields: &Fields<'_>, addresses: &Addresses, report: &mut Report) -> Self {
        let errors = report.errors();
        let peers = read_peers(fields, report);
        let source = read_source(fields, report);
        let sound = peers.iter().all(|peer| peer.addresses.is_sound());
        if sound {
            check_shapes(&peers, report);
            check_families(&peers, addresses, report);
            check_source(source.as_ref(), &peers, addresses, report);
        }
        let pair_mode = pair_mode(fields, &peers, report);
        Self { peers, source, pair_mode, is_whole: report.errors() == errors }
    }

    /// Absent when there was a mistake.
    pub(super) fn finish(self) -> Option<GoodPaths> {
        let pair_mode = self.pair_mode.filter(|_| self.is_whole)?;
        let peers: Option<Vec<Peer>> = self.peers.into_iter().map(PeerShape::finish).collect();
        Some(GoodPaths { peers: peers?, source: self.source.map(|own| own.values()), pair_mode })
    }
}

impl PeerShape {
    /// Where it stands.
    pub(super) fn place(&self) -> Span {
        let first = self.addresses.list.first().map(|address| address.span);
        self.name.as_ref().map(|name| name.span).or(first).unwrap_or(self.span)
    }

    /// Its name, or its first address.
    pub(super) fn label(&self) -> String {
        let first = || self.addresses.list.first().map(|address| address.value.to_string());
        let name = self.name.as_ref().map(|name| name.value.clone());
        name.or_else(first).unwrap_or_default()
    }

    /// The least TTL of its advertisements is 256 less this; absent after a mistake.
    pub(super) fn hops(&self) -> Option<u8> {
        self.hops
    }

    fn finish(self) -> Option<Peer> {
        Some(Peer { name: self.label(), addresses: self.addresses.values(), hops: self.hops? })
    }
}

fn read_peers(fields: &Fields<'_>, report: &mut Report) -> Vec<PeerShape> {
    let items = fields.get("peers").map_or(&[][..], Node::one_or_more);
    let mut peers: Vec<PeerShape> = Vec::with_capacity(items.len());
    for item in items {
        let Some(peer) = read_peer(item, report) else { continue };
        for earlier in &peers {
            refuse_common(&peer, earlier, report);
        }
        peers.push(peer);
    }
    peers
}

fn read_peer(node: &Node, report: &mut Report) -> Option<PeerShape> {
    let fields = Fields::of(node, "a peer", &["name", "addresses", "hops"], report)?;
    let addresses = match fields.require("addresses", "a peer", report) {
        Some(node) => {
            Addresses::read(node, |node, report| values::host_address(node, "peer", report), report)
        }
        None => Addresses::broken(),
    };
    let name = fields.get("name").and_then(|node| values::plain_name(node, report));
    let hops = values::number_or(&fields, "hops", (1, 1..=255), report);
    Some(PeerShape { span: fields.span, name, addresses, hops })
}

/// What two peers cannot share: an advertisement must tell who sent it.
fn refuse_common(peer: &PeerShape, earlier: &PeerShape, report: &mut Report) {
    for address in &peer.addresses.list {
        if let Some(first) = earlier.addresses.find(address.value) {
            report
                .error(address.span, format!("{} is an address of two peers", address.value))
                .label(first.span, "the first one");
        }
    }
    if let (Some(name), Some(first)) = (&peer.name, &earlier.name)
        && name.value == first.value
    {
        report
            .error(name.span, format!("two peers are named {}", name.value))
            .label(first.span, "the first one");
    }
}

/// Every peer has the same paths as the first.
fn check_shapes(peers: &[PeerShape], report: &mut Report) {
    let Some((first, others)) = peers.split_first() else { return };
    let paths = &first.addresses.list;
    for peer in others {
        let own = &peer.addresses.list;
        if own.len() != paths.len() {
            let (name, label) = (peer.label(), first.label());
            let (count, expected) = (own.len(), paths.len());
            report
                .error(peer.place(), format!("peer {name} has {count} of {expected} addresses"))
                .label(first.place(), format!("{label} has {expected}"))
                .help("one address for each path, in the same order at every peer");
            continue;
        }
        for (path, (address, other)) in own.iter().zip(paths).enumerate() {
            check_path(path + 1, *address, *other, report);
        }
    }
}

/// One path has one family.
fn check_path(path: usize, address: Spanned<IpAddr>, other: Spanned<IpAddr>, report: &mut Report) {
    let (own, expected) = (Family::of(address.value), Family::of(other.value));
    if own != expected {
        report
            .error(
                address.span,
                format!("{} is {own}, and path {path} is {expected}", address.value),
            )
            .label(other.span, format!("path {path}"))
            .help("one address for each path, in the same order everywhere");
    }
}

/// Each family of the virtual addresses is advertised by some path, and each path has some.
fn check_families(peers: &[PeerShape], addresses: &Addresses, report: &mut Report) {
    let Some(first) = peers.first().filter(|_| addresses.is_sound()) else { return };
    let paths = &first.addresses;
    for family in [Family::V4, Family::V6] {
        let (own, path) = (first_of(addresses, family), first_of(paths, family));
        match (own, path) {
            (Some(own), None) => {
                report
                    .error(own.span, format!("no path to peer {} is {family}", first.label()))
                    .label(first.place(), format!("has no {family} address"))
                    .help(format!("give every peer an {family} address, or divide the families"));
            }
            (None, Some(path)) => {
                let message = format!("path {} is {family}, and no virtual address is", path.value);
                report.error(path.span, message).help("take it out at every peer");
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
    }
}

fn first_of(addresses: &Addresses, family: Family) -> Option<Spanned<IpAddr>> {
    addresses.list.iter().copied().find(|address| Family::of(address.value) == family)
}

/// `auto`, or an address for each path.
fn read_source(fields: &Fields<'_>, report: &mut Report) -> Option<Addresses> {
    let node = fields.get("source").filter(|node| node.text() != Some("auto"))?;
    let one = |node: &Node, report: &mut Report| values::host_address(node, "source", report);
    Some(Addresses::read(node, one, report))
}

fn check_source(
    source: Option<&Addresses>,
    peers: &[PeerShape],
    addresses: &Addresses,
    report: &mut Report,
) {
    let Some(source) = source.filter(|source| source.is_sound()) else { return };
    match peers.first() {
        Some(peer) => check_unicast_source(source, peer, report),
        None if addresses.is_sound() => check_multicast_source(source, addresses, report),
        None => {}
    }
}

fn check_unicast_source(source: &Addresses, peer: &PeerShape, report: &mut Report) {
    let paths = &peer.addresses.list;
    if source.list.len() == paths.len() {
        for (path, (own, address)) in source.list.iter().zip(paths).enumerate() {
            check_path(path + 1, *own, *address, report);
        }
    } else if let Some(first) = source.list.first() {
        let (count, expected) = (source.list.len(), paths.len());
        report
            .error(first.span, format!("source has {count} of {expected} addresses"))
            .label(peer.place(), format!("{} has {expected}", peer.label()))
            .help("`auto`, or one address for each path");
    }
}

/// By multicast the paths are the families of the virtual addresses, the first one's first.
fn check_multicast_source(source: &Addresses, addresses: &Addresses, report: &mut Report) {
    let v4 = first_of(addresses, Family::V4);
    let v6 = first_of(addresses, Family::V6);
    let mut paths: Vec<_> = v4.into_iter().chain(v6).collect();
    paths.sort_by_key(|path| path.span.start);
    if let Some(first) = source.list.first().filter(|_| source.list.len() != paths.len()) {
        let (count, expected) = (source.list.len(), paths.len());
        report
            .error(first.span, format!("source has {count} of {expected} addresses"))
            .help("`auto`, or one address for each family of the virtual addresses");
        return;
    }
    for (path, (own, address)) in source.list.iter().zip(&paths).enumerate() {
        check_path(path + 1, *own, *address, report);
        if let IpAddr::V6(v6) = own.value
            && !v6.is_unicast_link_local()
        {
            report
                .error(own.span, format!("source {v6} is not link-local"))
                .help("multicast over IPv6 leaves from a link-local address (RFC 9568 §5.1.2.1)");
        }
    }
}

/// `auto` is the rule: with exactly one peer.
fn pair_mode(fields: &Fields<'_>, peers: &[PeerShape], report: &mut Report) -> Option<bool> {
    const WORDS: [(&str, Option<bool>); 3] =
        [("auto", None), ("true", Some(true)), ("false", Some(false))];
    let mode = values::choice_or(fields, "pair_mode", None, &WORDS, report)?;
    let is_pair = peers.len() == 1;
    if let Some(node) = fields.get("pair_mode").filter(|_| mode == Some(true) && !is_pair) {
        let found = match peers.len() {
            0 => "this entry uses multicast".to_owned(),
            count => format!("there are {count}"),
        };
        report.error(node.span, format!("pair_mode needs exactly one peer, {found}"));
        return None;
    }
    Some(mode.unwrap_or(is_pair))
}
