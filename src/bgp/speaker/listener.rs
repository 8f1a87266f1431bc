//! Where peers connect to. A stranger is reset before anything is read from it.

#![expect(clippy::disallowed_methods, reason = "a driver: it owns the clock")]

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::directory::Directory;
use super::observer::Observer;
use super::reach;
use crate::bgp::config::{Password, PeerConfig, SpeakerConfig};
use crate::sys::routing::{self, Hops};

/// How long `accept` rests when the process or the host has run out of something.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Between two words about strangers.
const QUIET: Duration = Duration::from_secs(10);

/// All that is listened on.
pub(super) struct Listeners {
    directory: Arc<Directory>,
    observer: Arc<dyn Observer>,
    open: Vec<Listener>,
    rules: Rules,
}

/// What connections a listener takes.
#[derive(Clone, Debug, Default)]
struct Rules {
    keys: BTreeMap<IpAddr, Password>,
    /// The least TTL over IPv4, and the least hop limit over IPv6: of the farthest of all peers, for
    /// it is not known whose a SYN is. Each connection is bounded more closely when its peer has it.
    least: [u8; 2],
}

/// One address that is listened on.
struct Listener {
    configured: SocketAddr,
    bound: SocketAddr,
    socket: Arc<TcpListener>,
    task: JoinHandle<()>,
}

impl Listeners {
    pub(super) fn new(directory: Arc<Directory>, observer: Arc<dyn Observer>) -> Self {
        let rules = Rules::default();
        Self { directory, observer, open: Vec::new(), rules }
    }

    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        self.open.iter().map(|listener| listener.bound).collect()
    }

    /// Listens where a configuration says and nowhere else, and lets its peers in.
    ///
    /// # Errors
    /// When the kernel refuses any of it: all is as before then.
    pub(super) async fn apply(&mut self, config: &SpeakerConfig) -> Result<(), String> {
        let rules = Rules::of(config)?;
        let before: Vec<SocketAddr> = self.open.iter().map(|open| open.configured).collect();
        let former = self.rules.clone();
        let outcome = match self.listen(&config.listen).await {
            Ok(()) => self.rule(rules),
            Err(error) => Err(error),
        };
        if outcome.is_err() {
            // What the kernel took a moment ago it takes again.
            let _ = self.listen(&before).await;
            let _ = self.rule(former);
        }
        outcome
    }

    async fn listen(&mut self, wanted: &[SocketAddr]) -> Result<(), String> {
        // An address may overlap with one that is to be closed: 0.0.0.0 and 192.0.2.1.
        let gone = self.open.extract_if(.., |open| !wanted.contains(&open.configured));
        for listener in gone.collect::<Vec<_>>() {
            listener.close().await;
        }
        for &address in wanted {
            if !self.open.iter().any(|open| open.configured == address) {
                let listener = self.open(address)?;
                self.open.push(listener);
            }
        }
        self.open.sort_by_key(|open| wanted.iter().position(|&it| it == open.configured));
        Ok(())
    }

    fn rule(&mut self, rules: Rules) -> Result<(), String> {
        let former = std::mem::replace(&mut self.rules, rules);
        self.open.iter().try_for_each(|open| self.rules.set(&open.socket, open.bound.ip(), &former))
    }

    fn open(&self, address: SocketAddr) -> Result<Listener, String> {
        let explain = |error: io::Error| explain(address, &error);
        let socket = routing::listening(address).map_err(explain)?;
        self.rules.set(&socket, address.ip(), &Rules::default())?;
        let socket = routing::listen(socket).and_then(TcpListener::from_std).map_err(explain)?;
        let bound = socket.local_addr().map_err(explain)?;
        let socket = Arc::new(socket);
        let accepting = Accepting {
            socket: Arc::clone(&socket),
            directory: Arc::clone(&self.directory),
            observer: Arc::clone(&self.observer),
            told: None,
        };
        Ok(Listener { configured: address, bound, socket, task: tokio::spawn(accepting.run()) })
    }

    /// Listens on nothing any more.
    pub(super) async fn close(&mut self) {
        for listener in self.open.drain(..) {
            listener.close().await;
        }
    }
}

impl Drop for Listeners {
    fn drop(&mut self) {
        self.open.iter().for_each(|listener| listener.task.abort());
    }
}

impl Listener {
    async fn close(self) {
        self.task.abort();
        // The socket is closed only when the task has let it go.
        let _ = self.task.await;
    }
}

impl Rules {
    /// # Errors
    /// When the kernel cannot have them.
    fn of(config: &SpeakerConfig) -> Result<Self, String> {
        let least = |ipv4| {
            let peers = config.peers.iter().filter(|peer| peer.address.is_ipv4() == ipv4);
            peers.map(|peer| reach::hops(peer).least).min().unwrap_or(0)
        };
        let keyed = config.peers.iter().filter_map(|peer| Some((peer, peer.password.clone()?)));
        let keys: BTreeMap<_, _> = keyed.map(|(peer, key)| (peer.address, key)).collect();
        let one_key_each = |peer: &&PeerConfig| keys.get(&peer.address) != peer.password.as_ref();
        match config.peers.iter().find(one_key_each) {
            None => Ok(Self { keys, least: [least(true), least(false)] }),
            Some(peer) => Err(format!(
                "bgp peer {}: another peer has the address {} too, and the kernel knows one TCP MD5 \
                 key for each address: give both the same password, or another address",
                peer.name, peer.address
            )),
        }
    }

    /// Makes a listener on this address follow these rules instead of others.
    fn set(&self, listener: &impl AsFd, here: IpAddr, former: &Self) -> Result<(), String> {
        let [v4, v6] = self.least;
        let hops = Hops { send: u8::MAX, least: if here.is_ipv4() { v4 } else { v6 } };
        routing::set_hops(listener, here, hops)
            .map_err(|error| format!("bgp listener {here}: the kernel bounds no TTL: {error}"))?;
        let none = Password(Vec::new());
        let gone = former.keys.keys().filter(|peer| !self.keys.contains_key(peer));
        let new = self.keys.iter().filter(|(peer, key)| former.keys.get(peer) != Some(key));
        let changes = gone.map(|peer| (peer, &none)).chain(new);
        for (peer, Password(key)) in changes.filter(|(peer, _)| peer.is_ipv4() == here.is_ipv4()) {
            routing::set_signature_key(listener, *peer, key).map_err(|error| {
                format!("bgp peer {peer}: the kernel refuses its TCP MD5 key: {error}")
            })?;
        }
        Ok(())
    }
}

/// One listener's life.
struct Accepting {
    socket: Arc<TcpListener>,
    directory: Arc<Directory>,
    observer: Arc<dyn Observer>,
    /// When there was a word about strangers last.
    told: Option<Instant>,
}

impl Accepting {
    async fn run(mut self) {
        loop {
            match self.socket.accept().await {
                Ok((stream, from)) => self.bring(stream, from),
                // The connection is gone already, or descriptors are short; none of it is ours to end.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
        }
    }

    /// To its peer, if that has room for it.
    fn bring(&mut self, stream: TcpStream, from: SocketAddr) {
        match self.directory.find(from) {
            // The bound of a listener that several share is that of the farthest of them.
            Some((_, least)) if least > 0 && routing::first_hops(&stream) < Some(least) => {
                routing::reset_on_close(&stream);
                self.tell_of_stranger(from);
            }
            Some((door, _)) => {
                if let Err(refused) = door.try_send(stream) {
                    routing::reset_on_close(&refused.into_inner());
                }
            }
            None => {
                routing::reset_on_close(&stream);
                self.tell_of_stranger(from);
            }
        }
    }

    fn tell_of_stranger(&mut self, from: SocketAddr) {
        let strangers = self.directory.count_stranger();
        let now = Instant::now();
        if self.told.is_none_or(|told| now.saturating_duration_since(told) >= QUIET) {
            self.told = Some(now);
            self.observer.refused(from, strangers);
        }
    }
}

fn explain(address: SocketAddr, error: &io::Error) -> String {
    let advice = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "; is another routing daemon running there? `listen: []` leaves the port to it"
        }
        io::ErrorKind::PermissionDenied => {
            "; ports below 1024 need root or the capability CAP_NET_BIND_SERVICE"
        }
        _ => "",
    };
    format!("cannot listen for bgp on {address}: {error}{advice}")
}
