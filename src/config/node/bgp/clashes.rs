//! An address has one part: what is shared between nodes is nobody's own.

use std::net::IpAddr;

use super::Parts;
use crate::bgp::routes::NextHop;
use crate::config::diagnostic::{Report, Span, Spanned};
use crate::config::node::values::Part;

const VIRTUAL: &str = "a virtual address";
const ANYCAST: &str = "an anycast address";

/// Reports each address with two parts; `virtual_addresses` are those of VRRP.
pub(super) fn check(parts: &Parts, virtual_addresses: &[Spanned<IpAddr>], report: &mut Report) {
    let anycast: Vec<_> = parts.addresses().copied().collect();
    let help = "a node has it while Active, or always: choose one way";
    Part("anycast address", VIRTUAL, help).check(&anycast, find(virtual_addresses), report);
    for (what, shared) in [(VIRTUAL, virtual_addresses), (ANYCAST, &anycast)] {
        check_own(parts, what, shared, report);
        check_others(parts, what, shared, report);
    }
    check_router_id(parts, report);
}

/// What is this node's alone.
fn check_own(parts: &Parts, what: &'static str, shared: &[Spanned<IpAddr>], report: &mut Report) {
    let router_id = parts.speaker.router_id.map(|id| id.map(IpAddr::from));
    let help = "an IPv4 address of this node alone is unique";
    Part("router_id", what, help).check(&router_id, find(shared), report);
    for peer in &parts.peers {
        let source = peer.endpoint.source.flatten();
        let help = "the session must not move to another node; name this node's own address";
        Part("source", what, help).check(&source, find(shared), report);
        let next_hops = peer.routing.next_hop.iter().flat_map(|both| [both.ipv4, both.ipv6]);
        let next_hops: Vec<_> = next_hops.filter_map(given).collect();
        let help = "routers would look for the address by the route itself; name this node's own";
        if what == ANYCAST {
            Part("next hop", what, help).check(&next_hops, find(shared), report);
        }
    }
}

/// Leaves this node out of the siblings. On a loopback address another node may answer at another
/// port.
pub(super) fn leave_out_own(parts: &mut Parts, report: &mut Report) {
    let router_id = parts.speaker.router_id.map(|id| (id.map(IpAddr::from), "router_id"));
    let sources = parts.peers.iter().filter_map(|peer| peer.endpoint.source.flatten());
    let sources = sources.map(|source| (source, "`source` towards a peer"));
    let own: Vec<_> = router_id.into_iter().chain(sources).collect();
    for announcement in &mut parts.announcements {
        announcement.leave_out_own(&own, report);
    }
}

/// What is another node's.
fn check_others(
    parts: &Parts,
    what: &'static str,
    shared: &[Spanned<IpAddr>],
    report: &mut Report,
) {
    for peer in &parts.peers {
        let address = peer.endpoint.address.as_ref();
        let address = address.map(|own| Spanned { span: own.span, value: own.value.ip });
        let help = "this node has it itself; name the peer's own address";
        Part("peer", what, help).check(&address, find(shared), report);
    }
    for announcement in &parts.announcements {
        let siblings = announcement.siblings.iter();
        let siblings: Vec<_> = siblings.map(|sibling| sibling.map(|at| at.ip())).collect();
        let help = "this node would ask itself; name the other node's own address";
        Part("sibling", what, help).check(&siblings, find(shared), report);
    }
}

/// No other node may have our identifier.
fn check_router_id(parts: &Parts, report: &mut Report) {
    let router_id = parts.speaker.router_id.map(|id| id.map(IpAddr::from));
    let peers = parts.peers.iter().filter_map(|peer| peer.endpoint.address.as_ref());
    let peers: Vec<_> = peers.map(|own| Spanned { span: own.span, value: own.value.ip }).collect();
    let help = "an IPv4 address of this node alone is unique";
    Part("router_id", "the address of a peer", help).check(&router_id, find(&peers), report);
}

fn find(addresses: &[Spanned<IpAddr>]) -> impl Fn(IpAddr) -> Option<Span> {
    move |address| addresses.iter().find(|one| one.value == address).map(|one| one.span)
}

fn given(next_hop: Spanned<NextHop>) -> Option<Spanned<IpAddr>> {
    match next_hop.value {
        NextHop::Own => None,
        NextHop::Given(value) => Some(Spanned { span: next_hop.span, value }),
    }
}
