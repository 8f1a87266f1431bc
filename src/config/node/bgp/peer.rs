//! A peer: its parts, and the whole of them.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;

use super::endpoint::Endpoint;
use super::routing::Routing;
use super::speaker::asn;
use super::transport::Transport;
use crate::bgp::config::PeerConfig;
use crate::bgp::session;
use crate::config::diagnostic::{Report, Span, Spanned};
use crate::config::read::fields::Fields;
use crate::config::tree::Node;
use crate::geo::Asn;

/// What messages call it.
pub(super) const WHAT: &str = "a BGP peer";

const KEYS: [&str; 17] = [
    "name",
    "address",
    "asn",
    "port",
    "source",
    "passive",
    "families",
    "next_hop",
    "extended_next_hop",
    "hold",
    "connect_retry",
    "password_file",
    "ttl_security",
    "multihop",
    "graceful_restart",
    "bfd",
    "announce",
];

/// What a peer depends on outside itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around<'a> {
    /// That of the file: relative paths start there.
    pub directory: &'a Path,
    /// Where it says that nobody can connect to us.
    pub deaf: Option<Span>,
}

/// A peer as far as it could be read.
#[derive(Debug)]
pub(super) struct PeerShape {
    pub endpoint: Endpoint,
    pub asn: Option<Spanned<Asn>>,
    pub routing: Routing,
    transport: Option<Transport>,
}

/// Reads a peer; `None` when it is none at all.
pub(super) fn read(node: &Node, around: Around<'_>, report: &mut Report) -> Option<PeerShape> {
    let fields = Fields::of(node, WHAT, &KEYS, report)?;
    let endpoint = Endpoint::read(&fields, around.deaf, report);
    let number = fields.require("asn", WHAT, report);
    let number =
        number.and_then(|node| asn(node, report).map(|value| Spanned { span: node.span, value }));
    let routing = Routing::read(&fields, &endpoint, report);
    let transport = Transport::read(&fields, &endpoint, around.directory, report);
    Some(PeerShape { endpoint, asn: number, routing, transport })
}

impl PeerShape {
    /// What messages call it; empty after a mistake.
    pub(super) fn name(&self) -> &str {
        self.endpoint.name.as_ref().map_or("", |name| &name.value)
    }

    /// Absent after a mistake; `asn` and `router_id` are our own.
    pub(super) fn finish(self, asn: Asn, router_id: Ipv4Addr) -> Option<PeerConfig> {
        let Self { endpoint, asn: peer_asn, routing, transport } = self;
        let (transport, next_hop) = (transport?, routing.next_hop?);
        let address = endpoint.address?.value;
        let session = session::Config {
            asn,
            router_id,
            peer_asn: peer_asn?.value,
            hold: transport.hold,
            connect_retry: transport.connect_retry,
            bfd_reconnect: transport.bfd_reconnect,
            passive: endpoint.passive?,
            families: routing.families.set(),
            extended_next_hop: next_hop.extended,
            graceful_restart: transport.graceful_restart,
        };
        Some(PeerConfig {
            name: Arc::from(endpoint.name?.value),
            address: address.ip,
            interface: address.interface,
            port: endpoint.port?,
            source: endpoint.source?.map(|source| source.value),
            session,
            password: transport.password,
            distance: transport.distance,
            next_hop_ipv4: next_hop.ipv4.value,
            next_hop_ipv6: next_hop.ipv6.value,
            bfd: transport.bfd,
            announce: routing.announce.finish(),
        })
    }
}
