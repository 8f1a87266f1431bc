//! The speaker: a task for every peer, and one for every address that is listened on.
//!
//! ```text
//!   set_routes, set_bfd ─── watch ──▶ ┌───────────────┐ ─── TCP ──▶ peer
//!   (any thread)                      │ task of a peer │
//!   listener ───── accepted ────────▶ └───────────────┘ ── Observer, PeerStatus ──▶
//! ```
//!
//! A task owns a [`Session`](super::session::Session), which decides, and its sockets; nothing of
//! one peer waits for another. What was wanted last is what counts, so a peer that is slow holds up
//! neither who wants it nor memory.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Mutex as AsyncMutex;

mod change;
mod directory;
mod farewell;
mod link;
mod listener;
mod observer;
mod peer;
mod reach;
mod roster;
mod source;
mod status;
#[cfg(test)]
mod tests;
mod wanted;

pub use self::change::{Change, Importance};
pub use self::observer::Observer;
pub use self::status::{Counters, PeerStatus, Trouble};

use self::listener::Listeners;
use self::roster::Roster;
use super::config::SpeakerConfig;
use super::message::Cease;
use super::routes::RouteSet;
use super::session::Bfd;

/// A running speaker. Cheap to clone; it speaks until [`Speaker::stop`] is called or the last clone
/// is dropped.
#[derive(Clone)]
pub struct Speaker {
    shared: Arc<Shared>,
}

struct Shared {
    /// Held for moments only.
    roster: Mutex<Roster>,
    /// Held while peers and listeners change; the order is this one first.
    listeners: AsyncMutex<Listeners>,
}

impl std::fmt::Debug for Speaker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.status().iter().map(|peer| &peer.name)).finish()
    }
}

impl Speaker {
    /// Listens, and starts every peer, on the current tokio runtime.
    ///
    /// # Errors
    /// What is wrong and what to do, for people: an address cannot be listened on, or the kernel
    /// refuses a key.
    pub async fn start(config: SpeakerConfig, observer: Arc<dyn Observer>) -> Result<Self, String> {
        let roster = Roster::new(observer);
        let listeners = Listeners::new(roster.directory(), roster.observer());
        let shared = Shared { roster: Mutex::new(roster), listeners: AsyncMutex::new(listeners) };
        let speaker = Self { shared: Arc::new(shared) };
        speaker.reconfigure(config).await?;
        Ok(speaker)
    }

    /// All that each peer is to know, by its name; one that is not named is to know nothing. What
    /// is not allowed is left out. Any thread; does not wait for any peer.
    pub fn set_routes(&self, routes: BTreeMap<Arc<str>, RouteSet>) {
        self.roster().set_routes(routes);
    }

    /// What BFD says of the path to a peer. Any thread; does not wait.
    pub fn set_bfd(&self, peer: &str, state: Bfd) {
        self.roster().set_bfd(peer, state);
    }

    /// Makes this the configuration. Peers whose sessions are configured as before keep them; of
    /// the others the session ends (Cease 6/6, or 6/3 for one that is gone), which is waited for.
    ///
    /// # Errors
    /// As for [`Self::start`]; nothing has changed then.
    pub async fn reconfigure(&self, config: SpeakerConfig) -> Result<(), String> {
        let mut listeners = self.shared.listeners.lock().await;
        listeners.apply(&config).await?;
        let leaving = self.roster().part(&config);
        leaving.ended().await;
        self.roster().set_config(config);
        Ok(())
    }

    /// Every peer as it is now, in the order of their names.
    #[must_use]
    pub fn status(&self) -> Vec<PeerStatus> {
        self.roster().status()
    }

    /// How many connections of strangers were reset so far.
    #[must_use]
    pub fn strangers(&self) -> u64 {
        self.roster().directory().strangers()
    }

    /// The addresses in fact listened on, in the order configured.
    pub async fn listens(&self) -> Vec<SocketAddr> {
        self.shared.listeners.lock().await.addresses()
    }

    /// Ends all sessions for `cease`, with a word to the peers' operators (RFC 9003), and closes all
    /// sockets. A peer that takes nothing is waited for no longer than 3 s.
    pub async fn stop(&self, cease: Cease, reason: &str) {
        self.shared.listeners.lock().await.close().await;
        let leaving = self.roster().part_all(cease, reason);
        leaving.ended().await;
    }

    fn roster(&self) -> MutexGuard<'_, Roster> {
        self.shared.roster.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
