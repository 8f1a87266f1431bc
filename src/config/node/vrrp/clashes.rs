//! An address has one part in a group: what is virtual is nobody's own, and a witness is no peer.

use std::net::IpAddr;

use vrrp::config::{Track, Tracked};

use super::peers::Paths;
use super::values::{Addresses, Part};
use crate::config::diagnostic::{Report, Spanned};

/// The addresses of an entry by the parts they have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Roles<'a> {
    pub virtual_addresses: &'a Addresses,
    pub paths: &'a Paths,
    pub track: &'a [Spanned<Track>],
    pub witness: Option<&'a Addresses>,
}

/// Reports each address with two parts. `is_owner`: the virtual addresses are the node's own.
pub(super) fn check(roles: Roles<'_>, is_owner: bool, report: &mut Report) {
    let virtual_address = |address| roles.virtual_addresses.find(address).map(|own| own.span);
    let of_peer = |address| {
        roles.paths.peers.iter().find_map(|peer| peer.addresses.find(address)).map(|own| own.span)
    };
    let source = roles.paths.source.iter().flat_map(|source| &source.list);
    let witness = roles.witness.iter().flat_map(|witness| &witness.list);
    for peer in &roles.paths.peers {
        let part = Part("peer", "a virtual address", "a peer is reached at an address of its own");
        part.check(&peer.addresses.list, virtual_address, report);
    }
    if !is_owner {
        let part = Part("source", "a virtual address", "advertisements leave from the node's own");
        part.check(source.clone(), virtual_address, report);
        let tracked: Vec<_> = roles.track.iter().filter_map(address_of).collect();
        let part = Part("tracked address", "a virtual address", "a node has it while Active only");
        part.check(&tracked, virtual_address, report);
    }
    let part = Part("source", "an address of a peer", "the source is this node's own address");
    part.check(source, of_peer, report);
    let part = Part("witness", "a virtual address", "name what stays, such as the gateway");
    part.check(witness.clone(), virtual_address, report);
    let help = "a lost peer would keep this node from taking over; name the gateway";
    Part("witness", "an address of a peer", help).check(witness, of_peer, report);
}

fn address_of(track: &Spanned<Track>) -> Option<Spanned<IpAddr>> {
    match track.value.object {
        Tracked::Address(value) => Some(Spanned { span: track.span, value }),
        Tracked::Interface(_) => None,
    }
}
