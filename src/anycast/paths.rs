//! The paths to peers that BFD watches.

use std::sync::Arc;

use crate::bfd::driver::{self, Watch, Watched};
use crate::bfd::{BfdOptions, Event};
use crate::bgp::config::{Distance, PeerConfig};
use crate::bgp::session::Bfd;
use crate::bgp::speaker::Speaker;
use crate::ground::Ground;

/// Every path that is watched, as long as this lives.
#[derive(Default)]
pub(super) struct Paths {
    watches: Vec<(Watched, Watch)>,
}

impl Paths {
    /// Makes these the peers whose paths are watched, where that is configured. A watch of a path
    /// that stays goes on.
    ///
    /// # Errors
    /// What is in the way of each that cannot be watched; all others are.
    pub(super) fn set(
        &mut self,
        peers: &[PeerConfig],
        speaker: &Speaker,
        ground: &Ground,
    ) -> Result<(), String> {
        let mut before = std::mem::take(&mut self.watches);
        let mut refused = Vec::new();
        for watched in peers.iter().filter_map(watched) {
            let same = before.iter().position(|(known, _)| is_same_path(known, &watched));
            match same.map(|at| before.swap_remove(at)) {
                Some((known, watch)) => {
                    if known.options != watched.options {
                        watch.reconfigure(watched.options.clone());
                    }
                    self.watches.push((watched, watch));
                }
                None => match watch(&watched, speaker, ground) {
                    Ok(watch) => self.watches.push((watched, watch)),
                    Err(why) => refused.push(format!("bgp: peer {}: {why}", watched.name)),
                },
            }
        }
        if refused.is_empty() { Ok(()) } else { Err(refused.join("; ")) }
    }

    /// Watches nothing any more; the neighbours are told that this is no failure.
    pub(super) fn end(&mut self) {
        self.watches.clear();
    }
}

/// The path to a peer; absent where it is not to be watched.
fn watched(peer: &PeerConfig) -> Option<Watched> {
    let options: BfdOptions = peer.bfd.clone()?;
    Some(Watched {
        name: Arc::clone(&peer.name),
        neighbour: peer.address,
        interface: peer.interface.clone(),
        source: peer.source,
        distance: distance(peer.distance),
        options,
    })
}

fn is_same_path(one: &Watched, other: &Watched) -> bool {
    Watched { options: other.options.clone(), ..one.clone() } == *other
}

fn watch(watched: &Watched, speaker: &Speaker, ground: &Ground) -> Result<Watch, String> {
    let (name, speaker) = (Arc::clone(&watched.name), speaker.clone());
    let on_event = move |event: &Event| {
        if let Some(bfd) = said(event) {
            speaker.set_bfd(&name, bfd);
        }
    };
    ground.bfd()?.watch(watched.clone(), Box::new(on_event)).map_err(|error| error.to_string())
}

/// A peer on the link is watched on the link, one behind routers wherever it comes from.
fn distance(of_peer: Distance) -> driver::Distance {
    match of_peer {
        Distance::Unchecked | Distance::Security { hops: 1 } => driver::Distance::SingleHop,
        Distance::Security { hops } => driver::Distance::Multihop { hops },
        Distance::Multihop { ttl } => driver::Distance::Multihop { hops: ttl },
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
