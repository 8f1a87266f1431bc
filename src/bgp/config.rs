//! What the speaker is configured to be. Which routes it tells of, and when, is decided elsewhere
//! ([`announce`](crate::announce)).

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use ipnet::IpNet;

use super::routes::NextHop;
use super::session;
pub use crate::bfd::BfdOptions;
use crate::geo::Asn;

/// The speaker and all its peers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpeakerConfig {
    /// Our AS.
    pub asn: Asn,
    /// Our BGP Identifier.
    pub router_id: Ipv4Addr,
    /// Where peers may connect to; empty beside another routing daemon.
    pub listen: Vec<SocketAddr>,
    /// Exact prefixes; nothing else ever leaves, whatever is asked for.
    pub allow: BTreeSet<IpNet>,
    /// Addresses that move or are elsewhere too: virtual and anycast ones. No connection begins at
    /// one of them because the kernel would choose it.
    pub services: BTreeSet<IpAddr>,
    /// Each with a name and an address of its own.
    pub peers: Vec<PeerConfig>,
}

/// A peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerConfig {
    /// For logs, metrics and status.
    pub name: Arc<str>,
    /// Where it is.
    pub address: IpAddr,
    /// The interface that a link-local address is on, by name; it may appear later.
    pub interface: Option<Arc<str>>,
    /// The TCP port that it listens on; normally 179.
    pub port: u16,
    /// Our address towards it; absent: what the kernel chooses.
    pub source: Option<IpAddr>,
    /// What the two ends agree on.
    pub session: session::Config,
    /// The key of TCP MD5 signatures (RFC 2385).
    pub password: Option<Password>,
    /// How far away it may be.
    pub distance: Distance,
    /// Where packets for IPv4 prefixes go.
    pub next_hop_ipv4: NextHop,
    /// Where packets for IPv6 prefixes go.
    pub next_hop_ipv6: NextHop,
    /// Whether, and how, BFD watches the path to it.
    pub bfd: Option<BfdOptions>,
    /// What it is told of.
    pub announce: Selection,
}

/// The key of TCP MD5 signatures: 1 to 80 octets.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(pub Vec<u8>);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// How far away a peer may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Distance {
    /// As the kernel does it: TTL 1 towards eBGP peers, 64 towards iBGP ones; nothing is checked.
    Unchecked,
    /// GTSM (RFC 5082): sent with TTL 255, and refused with less than 256 − hops.
    Security {
        /// 1 for a peer on the link.
        hops: u8,
    },
    /// Behind routers: sent with this TTL, nothing is checked.
    Multihop {
        /// 2 to 255.
        ttl: u8,
    },
}

/// Which announcements a peer is told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Every one of the families that the session has.
    All,
    /// Those of these names.
    Only(BTreeSet<Arc<str>>),
}

impl Selection {
    /// Whether an announcement is among them.
    #[must_use]
    pub fn contains(&self, announcement: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.contains(announcement),
        }
    }
}
