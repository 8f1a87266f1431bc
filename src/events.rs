//! What happened on this node, for whoever listens: `GET /v1/events`.
//!
//! Everything that changes tells the hub, from any thread and without waiting; a task of its own
//! keeps the last ones and hands each to every listener.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use tokio::sync::{broadcast, mpsc};

/// So many are kept for those who listen later.
const KEPT: usize = 200;

/// So many a listener may be behind; one that is further behind misses the oldest.
const BEHIND: usize = 256;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Counts up from 1 with every event of this process.
    pub id: u64,
    /// Seconds since 1970.
    pub at: f64,
    /// What kind of thing has changed.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// What happened to it, for people.
    pub text: String,
}

/// What kind of thing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A group of virtual routers: its state.
    Vrrp,
    /// An announcement: its stage.
    Announcement,
    /// A peer of BGP: its session, and what it was told.
    Bgp,
    /// A path that BFD watches.
    Bfd,
    /// A route over a pool: where it leads, its members.
    Ecmp,
    /// Something probed: its state.
    Target,
    /// Addresses on which the node asks itself whether it can answer.
    Service,
    /// The node as a whole.
    Node,
}

impl Kind {
    /// The lower-case word of events.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Vrrp => "vrrp",
            Self::Announcement => "announcement",
            Self::Bgp => "bgp",
            Self::Bfd => "bfd",
            Self::Ecmp => "ecmp",
            Self::Target => "target",
            Self::Service => "service",
            Self::Node => "node",
        }
    }
}

/// Where events are told, and heard. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Events {
    inbox: mpsc::UnboundedSender<Told>,
    shared: Arc<Shared>,
}

/// An event on its way.
#[derive(Debug)]
struct Told {
    at: SystemTime,
    kind: Kind,
    name: String,
    text: String,
}

#[derive(Debug)]
struct Shared {
    kept: Mutex<VecDeque<Arc<Event>>>,
    live: broadcast::Sender<Arc<Event>>,
}

impl Events {
    /// Starts the task, on the current tokio runtime; it ends with the last clone.
    #[must_use]
    pub fn start() -> Self {
        let (inbox, mut told) = mpsc::unbounded_channel::<Told>();
        let shared = Shared { kept: Mutex::default(), live: broadcast::Sender::new(BEHIND) };
        let shared = Arc::new(shared);
        let keeper = Arc::clone(&shared);
        tokio::spawn(async move {
            let mut id = 0;
            while let Some(Told { at, kind, name, text }) = told.recv().await {
                id += 1;
                let at = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
                keeper.keep(Arc::new(Event { id, at, kind, name, text }));
            }
        });
        Self { inbox, shared }
    }

    /// Tells that something happened. Does not wait, so that threads in a hurry may call it.
    #[expect(clippy::disallowed_methods, reason = "events have a date")]
    pub fn tell(&self, kind: Kind, name: impl Into<String>, text: impl ToString) {
        let (at, name, text) = (SystemTime::now(), name.into(), text.to_string());
        // When the task is gone, the process ends.
        let _ = self.inbox.send(Told { at, kind, name, text });
    }

    /// Those that are kept with a greater id than `after`, oldest first, and all that follow.
    #[must_use]
    pub fn listen(&self, after: u64) -> (Vec<Arc<Event>>, broadcast::Receiver<Arc<Event>>) {
        // Under the lock under which they are kept, so that none is missed or told twice.
        let kept = self.shared.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let later = kept.iter().filter(|event| event.id > after).cloned().collect();
        (later, self.shared.live.subscribe())
    }
}

impl Shared {
    fn keep(&self, event: Arc<Event>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(Arc::clone(&event));
        // Nobody needs to listen.
        let _ = self.live.send(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_listener_hears_each_event_once_kept_or_live() {
        let events = Events::start();
        let (kept, mut early) = events.listen(0);
        assert_eq!(kept, []);
        for number in 1..=KEPT + 5 {
            events.tell(Kind::Bgp, "tor-1", number);
            assert_eq!(early.recv().await.expect("told").text, number.to_string());
        }
        let (kept, mut late) = events.listen(0);
        assert_eq!(kept.len(), KEPT);
        assert_eq!((kept[0].id, kept[0].text.as_str()), (6, "6"));
        let (kept, _) = events.listen(KEPT as u64 + 3);
        assert_eq!(kept.iter().map(|e| e.id).collect::<Vec<_>>(), [204, 205]);
        events.tell(Kind::Vrrp, "vip", "Backup → Active");
        let event = late.recv().await.expect("told");
        assert_eq!((event.id, event.kind, event.name.as_str()), (206, Kind::Vrrp, "vip"));
    }
}
