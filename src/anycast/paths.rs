//! The paths to peers that BFD watches.

use std::sync::Arc;

use crate::bfd::driver::{self, OnEvent, Watched};
use crate::bfd::{Event, Paths};
use crate::bgp::config::{Distance, PeerConfig};
use crate::bgp::session::Bfd;
use crate::bgp::speaker::Speaker;
use crate::events::{Events, Kind};
use crate::ground::Ground;

/// Watches the paths to those of the peers for which it is configured, for their sessions.
///
/// # Errors
/// What is in the way of each that cannot be watched; all others are.
pub(super) fn watch(
    paths: &mut Paths,
    peers: &[PeerConfig],
    speaker: &Speaker,
    ground: &Ground,
    events: &Events,
) -> Result<(), String> {
    let wanted = peers.iter().filter_map(path).collect();
    let on_event = |watched: &Watched| -> OnEvent {
        let (name, speaker) = (Arc::clone(&watched.name), speaker.clone());
        let events = events.clone();
        Box::new(move |event| {
            if let Some(bfd) = said(event) {
                speaker.set_bfd(&name, bfd);
            }
            events.tell(Kind::Bfd, &*name, event);
        })
    };
    paths.set(wanted, || ground.bfd(), on_event).map_err(|error| format!("bgp: {error}"))
}

/// The path to a peer; absent where it is not to be watched.
fn path(peer: &PeerConfig) -> Option<Watched> {
    Some(Watched {
        options: peer.bfd.clone()?,
        name: Arc::clone(&peer.name),
        neighbour: peer.address,
        interface: peer.interface.clone(),
        source: peer.source,
        distance: distance(peer.distance),
    })
}

/// A peer on the link is watched on the link. One behind routers is heard from anywhere: RFC 5883
/// fixes no TTL to send with (BIRD: 64), so only who secures his sessions by it has it checked.
fn distance(of_peer: Distance) -> driver::Distance {
    match of_peer {
        Distance::Unchecked | Distance::Security { hops: 1 } => driver::Distance::SingleHop,
        Distance::Security { hops } => driver::Distance::Multihop { hops },
        Distance::Multihop { ttl: _ } => driver::Distance::Multihop { hops: u8::MAX },
    }
}

/// What an event says of the path; absent where it says nothing: the end of a session by an
/// operator is no failure (RFC 5882 §4.2).
fn said(event: &Event) -> Option<Bfd> {
    match event {
        Event::Up => Some(Bfd::Up),
        Event::Down(_) => Some(Bfd::Down),
        Event::Lapsed(_) | Event::AdminDown(_) | Event::Enabled | Event::Stalled { .. } => None,
    }
}
