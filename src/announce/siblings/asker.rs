//! Asks the siblings of a node, a round each second: a thread with blocking sockets.
#![expect(clippy::disallowed_methods, reason = "a driver: it owns the clock")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::Builder;
use std::time::{Duration, Instant};

use super::Sibling;
use crate::node::Reason;
use crate::node::query::{Judged, OwnQuery, queries};
use crate::sys;
use crate::world::publish::Published;

/// Between the starts of two rounds.
const EVERY: Duration = Duration::from_secs(1);

/// How long a round waits for answers: time enough for any path within a continent and most
/// between them, and a round is over before the next begins.
const TIMEOUT: Duration = Duration::from_millis(800);

/// A round that is later than this has no failures: this host, not the siblings, may have stood
/// still.
const LATE: Duration = Duration::from_millis(500);

/// Messages on one socket and in one round that are no answer to the question.
const MOST_STRAYS: usize = 64;

/// The longest reply that matters: no question carries EDNS (RFC 1035 §2.3.4).
const LONGEST: usize = 512;

/// Hears of all siblings when anything is known anew; on the asking thread.
pub type OnChange = Box<dyn FnMut(&BTreeMap<SocketAddr, Sibling>) + Send>;

/// The siblings of a node, asked until this is dropped; the round that runs then is ended, so a last
/// change may be told of up to a second later.
#[derive(Debug)]
pub struct Siblings {
    inbox: Sender<Asked>,
}

/// Who is asked, and from where not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The siblings' unicast addresses.
    pub siblings: BTreeSet<SocketAddr>,
    /// Addresses that are on every node, or move between them: an answer to one of them would stay
    /// where it is given.
    pub shared: BTreeSet<IpAddr>,
}

impl Siblings {
    /// Starts to ask.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(asked: Asked, published: Arc<Published>, on_change: OnChange) -> io::Result<Self> {
        let (inbox, changes) = channel();
        let asker = Asker {
            asked,
            published,
            on_change,
            known: BTreeMap::new(),
            rng: fastrand::Rng::new(),
        };
        Builder::new().name("ask-siblings".into()).spawn(move || asker.run(&changes))?;
        Ok(Self { inbox })
    }

    /// Asks these from now on; what is known of those that stay is kept.
    pub fn set(&self, asked: Asked) {
        // The thread ends when this is dropped, not before.
        let _ = self.inbox.send(asked);
    }
}

/// The thread's own.
struct Asker {
    asked: Asked,
    published: Arc<Published>,
    on_change: OnChange,
    known: BTreeMap<SocketAddr, Sibling>,
    rng: fastrand::Rng,
}

/// A question that was sent.
struct Sent<'q> {
    to: SocketAddr,
    query: &'q OwnQuery,
    id: u16,
    socket: UdpSocket,
}

/// What became of a question.
enum Outcome {
    Answered,
    Missed(Reason),
    /// This host could not ask.
    Unasked,
}

impl Asker {
    fn run(mut self, changes: &Receiver<Asked>) {
        let mut planned = Instant::now();
        while self.wait(planned, changes) {
            self.round(planned);
            planned = Instant::now().max(planned + EVERY);
        }
    }

    /// Waits until then; false to end.
    fn wait(&mut self, until: Instant, changes: &Receiver<Asked>) -> bool {
        loop {
            match changes.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(asked) => self.asked = asked,
                Err(RecvTimeoutError::Timeout) => return true,
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
    }

    /// Asks every sibling at once, then takes their answers in.
    fn round(&mut self, planned: Instant) {
        let woken = Instant::now();
        let deadline = woken + TIMEOUT;
        let outcomes = self.ask_all(deadline);
        let late = (woken - planned).max(Instant::now().saturating_duration_since(deadline));
        let before = self.known.clone();
        self.known.retain(|address, _| self.asked.siblings.contains(address));
        for (address, outcome) in outcomes {
            let sibling = self.known.entry(address).or_default();
            match outcome {
                Outcome::Answered => sibling.handle_answer(),
                Outcome::Missed(why) if late <= LATE => sibling.handle_miss(why),
                Outcome::Missed(_) | Outcome::Unasked => {}
            }
        }
        if self.known != before {
            (self.on_change)(&self.known);
        }
    }

    fn ask_all(&mut self, deadline: Instant) -> Vec<(SocketAddr, Outcome)> {
        let queries = queries(&self.published.load().world);
        let Some(query) = queries.first() else { return Vec::new() };
        let (siblings, shared) = (&self.asked.siblings, &self.asked.shared);
        let rng = &mut self.rng;
        let sent = siblings.iter().map(|&to| (to, ask(to, query, rng.u16(..), shared)));
        // All are sent before the first answer is waited for.
        let sent: Vec<_> = sent.collect();
        let settle = |sent: Result<Sent<'_>, Outcome>| match sent {
            Ok(sent) => sent.outcome(deadline),
            Err(outcome) => outcome,
        };
        sent.into_iter().map(|(to, sent)| (to, settle(sent))).collect()
    }
}

/// Sends one question, from a port of its own and the address that the route to `to` suggests.
fn ask<'q>(
    to: SocketAddr,
    query: &'q OwnQuery,
    id: u16,
    shared: &BTreeSet<IpAddr>,
) -> Result<Sent<'q>, Outcome> {
    let any: IpAddr = match to {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).map_err(|_| Outcome::Unasked)?;
    let connected = socket.connect(to).and_then(|()| socket.local_addr());
    let source = connected.map_err(|error| unreachable(to, &error))?.ip();
    // The kernel answers for an address of this host from that address itself.
    if source == to.ip() && !source.is_loopback() {
        return Err(Outcome::Missed(format!("{to} is this node itself").into()));
    }
    if shared.contains(&source) {
        let why = format!("{to} would be asked from {source}, which other nodes have too");
        return Err(Outcome::Missed(why.into()));
    }
    socket.send(&query.message(id)).map_err(|error| unreachable(to, &error))?;
    Ok(Sent { to, query, id, socket })
}

impl Sent<'_> {
    /// Waits for the answer until `deadline`.
    fn outcome(self, deadline: Instant) -> Outcome {
        let mut buffer = [0; LONGEST];
        for _ in 0..MOST_STRAYS {
            let message = match self.receive(&mut buffer, deadline) {
                Ok(len) => buffer.get(..len).unwrap_or_default(),
                Err(error) if is_timeout(&error) => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return unreachable(self.to, &error),
            };
            let Self { to, query, .. } = self;
            match query.judge(self.id, message) {
                Judged::Good => return Outcome::Answered,
                Judged::Wrong(why) => {
                    let why = format!("{to} answers {} with {why}", query.text());
                    return Outcome::Missed(why.into());
                }
                Judged::Stray => {}
            }
        }
        let Self { to, query, .. } = self;
        Outcome::Missed(format!("{to} does not answer {} in {TIMEOUT:?}", query.text()).into())
    }

    /// Receives until `deadline`; afterwards only what is there already.
    fn receive(&self, buffer: &mut [u8], deadline: Instant) -> io::Result<usize> {
        let left = deadline.saturating_duration_since(Instant::now());
        sys::receive_within(&self.socket, buffer, left)
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn unreachable(to: SocketAddr, error: &io::Error) -> Outcome {
    Outcome::Missed(format!("{to} cannot be reached: {error}").into())
}

#[cfg(test)]
mod tests;
