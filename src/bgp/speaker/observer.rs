//! Who hears what the speaker does.

use std::net::SocketAddr;

use ipnet::IpNet;

use super::change::Change;
use crate::bgp::routes::RouteSet;
use crate::bgp::session::Unsendable;

/// Hears the speaker, on its tasks. Calls are short and must not block.
pub trait Observer: Send + Sync + 'static {
    /// The state of a session has changed.
    fn transition(&self, peer: &str, change: &Change);
    /// The kernel has taken the last of what makes this all that the peer knows.
    fn announced(&self, peer: &str, routes: &RouteSet);
    /// A peer cannot be told of a route; said once for each session.
    fn unsendable(&self, peer: &str, prefix: &IpNet, why: Unsendable);
    /// A route was to be told that is not among those allowed: a mistake of this program. It was
    /// not told.
    fn forbidden(&self, peer: &str, prefix: &IpNet);
    /// A stranger's connection was reset; `strangers` is how many so far. Said at most once in ten
    /// seconds for each address that is listened on.
    fn refused(&self, from: SocketAddr, strangers: u64);
}
