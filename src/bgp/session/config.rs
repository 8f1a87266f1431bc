//! What a session is configured to be.

use std::net::Ipv4Addr;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::bgp::message::update::Relation;
use crate::bgp::message::{Capabilities, GracefulRestart, Open};
use crate::bgp::routes::Families;
use crate::geo::Asn;

/// RFC 9687 §3 wants at least this.
const SEND_HOLD: Duration = Duration::from_secs(8 * 60);

/// What a session is configured to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Our AS.
    pub asn: Asn,
    /// Our BGP Identifier: not 0, and unique in the AS.
    pub router_id: Ipv4Addr,
    /// The peer's AS; ours: iBGP.
    pub peer_asn: Asn,
    /// What is proposed as hold time, in whole seconds, from 3 s.
    pub hold: Duration,
    /// Between attempts to connect: the first wait, and what it grows to by doubling.
    pub connect_retry: RangeInclusive<Duration>,
    /// Between sessions that BFD has ended, likewise.
    pub bfd_reconnect: RangeInclusive<Duration>,
    /// Wait for the peer to connect.
    pub passive: bool,
    /// What is announced; not empty.
    pub families: Families,
    /// IPv4 prefixes may have an IPv6 next hop, if the peer can do that (RFC 8950).
    pub extended_next_hop: bool,
    /// The peer is to keep the routes of a dead node, for so many seconds.
    pub graceful_restart: Option<u16>,
}

impl Config {
    /// Eager and quick, of two families.
    #[must_use]
    pub const fn new(asn: Asn, router_id: Ipv4Addr, peer_asn: Asn) -> Self {
        Self {
            asn,
            router_id,
            peer_asn,
            hold: Duration::from_secs(9),
            connect_retry: Duration::from_secs(1)..=Duration::from_secs(30),
            bfd_reconnect: Duration::from_secs(5)..=Duration::from_secs(60),
            passive: false,
            families: Families::BOTH,
            extended_next_hop: false,
            graceful_restart: None,
        }
    }

    /// Our OPEN; `restarting`: no session was established before.
    pub(super) fn open(&self, restarting: bool) -> Open {
        let restart = self.graceful_restart.map(|time| GracefulRestart {
            restarting,
            time,
            families: self.families,
        });
        Open {
            asn: self.asn,
            hold: u16::try_from(self.hold.as_secs()).unwrap_or(u16::MAX),
            identifier: self.router_id,
            capabilities: Capabilities {
                families: self.families,
                route_refresh: true,
                enhanced_route_refresh: true,
                extended_next_hop: self.extended_next_hop,
                four_octet_asn: Some(self.asn),
                graceful_restart: Some(restart.unwrap_or_default()),
            },
        }
    }

    pub(super) fn relation(&self, four_octet: bool) -> Relation {
        Relation { asn: self.asn, internal: self.asn == self.peer_asn, four_octet }
    }

    /// How long nothing may move out before the session ends (RFC 9687 §3).
    pub(super) fn send_hold(&self) -> Duration {
        SEND_HOLD.max(self.hold * 2)
    }
}
