//! Which clients one policy cannot tell apart, and the exact ECS scope of each.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use super::Facts;
use super::places::Places;

/// A class of clients that a policy treats alike: a dense index from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClassId(pub u32);

/// A client as a policy sees it.
#[derive(Clone, Copy, Debug)]
pub struct Who<'a> {
    /// What the databases know of its place.
    pub facts: &'a Facts,
    /// Those of the policy's CIDRs that hold it, longest first.
    pub cidrs: &'a [IpNet],
}

/// The clients of one policy, by class.
#[derive(Debug)]
pub struct Partition {}

impl Partition {
    /// Asks `class_of` for every place × CIDR context that exists and keeps the answers.
    /// `class_of` must give equal classes for clients to be treated alike, whatever the order of
    /// the calls.
    #[must_use]
    pub fn build(
        _places: Arc<Places>,
        _cidrs: &[IpNet],
        _class_of: impl FnMut(Who<'_>) -> ClassId,
    ) -> Self {
        todo!()
    }

    /// The class of a client.
    #[must_use]
    pub fn class(&self, _client: IpAddr) -> ClassId {
        todo!()
    }

    /// The ECS scope (RFC 7871 §7.2.1): the length of the shortest prefix that holds the client
    /// and in which every address is of its class; in bits of the client's own family.
    #[must_use]
    pub fn scope(&self, _client: IpAddr) -> u8 {
        todo!()
    }

    /// The client as the policy saw it at load.
    pub fn who<R>(&self, _client: IpAddr, _use_it: impl FnOnce(Who<'_>) -> R) -> R {
        todo!()
    }
}
