//! Whose a connection is, by where it comes from.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use arc_swap::ArcSwap;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use vrrp::linux::netlink::Netlink;

use super::reach;
use crate::bgp::config::PeerConfig;

/// Connections that wait for a peer's task. More at once are of no use to it.
pub(super) const WAITING: usize = 4;

/// The doors of all peers.
#[derive(Debug, Default)]
pub(super) struct Directory {
    entries: ArcSwap<Vec<Entry>>,
    strangers: AtomicU64,
}

/// The door of one peer.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    address: IpAddr,
    interface: Option<Arc<str>>,
    /// The least TTL or hop limit of what comes from it; 0: any.
    least: u8,
    door: mpsc::Sender<TcpStream>,
}

impl Entry {
    pub(super) fn new(config: &PeerConfig, door: mpsc::Sender<TcpStream>) -> Self {
        let least = reach::hops(config).least;
        Self { address: config.address, interface: config.interface.clone(), least, door }
    }
}

impl Directory {
    pub(super) fn set(&self, entries: Vec<Entry>) {
        self.entries.store(Arc::new(entries));
    }

    /// The door of who has this address, and from how near a connection must come.
    pub(super) fn find(&self, from: SocketAddr) -> Option<(mpsc::Sender<TcpStream>, u8)> {
        let entries = self.entries.load();
        let mut here = entries.iter().filter(|entry| entry.address == from.ip()).peekable();
        // Strangers are not worth a question to the kernel.
        here.peek()?;
        let interface = interface_of(from);
        here.find(|entry| entry.interface.is_none() || entry.interface == interface)
            .map(|entry| (entry.door.clone(), entry.least))
    }

    /// One more stranger; how many so far.
    pub(super) fn count_stranger(&self) -> u64 {
        self.strangers.fetch_add(1, Relaxed) + 1
    }

    pub(super) fn strangers(&self) -> u64 {
        self.strangers.load(Relaxed)
    }
}

/// The name of the interface of a link-local address.
fn interface_of(address: SocketAddr) -> Option<Arc<str>> {
    let SocketAddr::V6(address) = address else { return None };
    let links = Netlink::open().and_then(|mut netlink| netlink.links()).ok()?;
    let link = links.into_iter().find(|link| link.interface.index == address.scope_id())?;
    Some(link.interface.name.into())
}
