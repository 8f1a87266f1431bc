//! Who wins among equal priorities: the higher address (RFC 9568 §6.4.3), asked once for the group.
//!
//! Each family would compare addresses of its own, and where they are crossed each would elect
//! another node, for ever. So the first member's addresses on the first path decide for all.

use std::cmp::Ordering;
use std::net::IpAddr;

use crate::config::{Config, Family};
use crate::receive::{PeerId, Sender};

/// How the sender of an advertisement stands to this node; `Greater`: it wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rank {
    /// By the addresses that decide for the group.
    Decides(Ordering),
    /// By addresses that count only while the first member hears nobody: a sender in multicast has
    /// no name that would tell its other address.
    Follows(Ordering),
}

/// The path whose addresses decide ties in unicast, an index into each peer's addresses: the first
/// of the group's first family.
#[must_use]
pub fn deciding_path(config: &Config) -> usize {
    let family = config.families().first().copied();
    let addresses = config.peers.first().map_or(&[][..], |peer| &peer.addresses);
    addresses.iter().position(|&a| Some(Family::of(a)) == family).unwrap_or(0)
}

/// Ranks the sender of an advertisement of the `member`-th family.
///
/// `ours` is this node's source: in unicast that of the [`deciding_path`], in multicast that of the
/// member itself.
#[must_use]
pub fn rank(config: &Config, member: usize, sender: &Sender, ours: IpAddr) -> Rank {
    let path = deciding_path(config);
    let theirs = |id: PeerId| config.peers.get(id.0)?.addresses.get(path).copied();
    match sender.peer.and_then(theirs) {
        Some(theirs) => Rank::Decides(theirs.cmp(&ours)),
        None if member == 0 => Rank::Decides(sender.address.cmp(&ours)),
        None => Rank::Follows(sender.address.cmp(&ours)),
    }
}
