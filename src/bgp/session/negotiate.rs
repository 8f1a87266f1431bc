//! What two OPENs come to (RFC 4271 §6.2).

use std::net::Ipv4Addr;
use std::time::Duration;

use super::config::Config;
use crate::bgp::message::{Capabilities, Notification, Open};
use crate::bgp::routes::Families;
use crate::geo::Asn;

/// What both ends can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Negotiated {
    /// The peer's AS.
    pub asn: Asn,
    /// The peer's BGP Identifier.
    pub identifier: Ipv4Addr,
    /// The shorter of both hold times; absent: no end of either's patience.
    pub hold: Option<Duration>,
    /// What can be announced.
    pub families: Families,
    /// The peer reads AS numbers of four octets.
    pub four_octet: bool,
    /// IPv4 prefixes may have an IPv6 next hop.
    pub extended_next_hop: bool,
    /// The peer wants marks around what it has asked for again.
    pub enhanced_route_refresh: bool,
}

/// Between KEEPALIVEs: a third of the hold time (RFC 4271 §4.4).
impl Negotiated {
    pub(super) fn keepalive(&self) -> Option<Duration> {
        self.hold.map(|hold| hold / 3)
    }
}

/// What our configuration and the peer's OPEN come to.
///
/// # Errors
///
/// The NOTIFICATION to answer an OPEN with that cannot be accepted.
pub(super) fn check(config: &Config, open: &Open) -> Result<Negotiated, Notification> {
    if open.asn != config.peer_asn || open.asn == Asn(0) {
        return Err(Notification::BAD_PEER_AS);
    }
    let internal = config.asn == config.peer_asn;
    if open.identifier.is_unspecified() || internal && open.identifier == config.router_id {
        return Err(Notification::BAD_BGP_IDENTIFIER);
    }
    if matches!(open.hold, 1 | 2) {
        return Err(Notification::UNACCEPTABLE_HOLD_TIME);
    }
    let families = config.families.and(open.capabilities.spoken());
    if families.is_empty() {
        return Err(Notification::unsupported_capability(wanted(config.families)));
    }
    let hold = Duration::from_secs(open.hold.into()).min(config.hold);
    Ok(Negotiated {
        asn: open.asn,
        identifier: open.identifier,
        hold: Some(hold).filter(|hold| !hold.is_zero()),
        families,
        four_octet: open.capabilities.four_octet_asn.is_some(),
        extended_next_hop: config.extended_next_hop && open.capabilities.extended_next_hop,
        enhanced_route_refresh: open.capabilities.enhanced_route_refresh,
    })
}

/// The families as capabilities.
fn wanted(families: Families) -> Vec<u8> {
    Capabilities { families, ..Capabilities::default() }.encode()
}
