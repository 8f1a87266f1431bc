//! How a peer is reached: the socket's options, where it connects from and to.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::os::fd::AsFd;
use std::sync::Arc;

use tokio::net::{TcpSocket, TcpStream};
use vrrp::linux::netlink::{LocalAddress, Netlink};

use super::source;
use crate::bgp::config::{Distance, PeerConfig};
use crate::bgp::session::Local;
use crate::sys::routing::{self, Hops};

/// Towards iBGP peers, which may be some routers away: what most hosts begin with.
const INTERNAL_TTL: u8 = 64;

/// How far packets to a peer go, and how far those from it may have come.
pub(super) fn hops(config: &PeerConfig) -> Hops {
    let internal = config.session.asn == config.session.peer_asn;
    match config.distance {
        Distance::Unchecked if internal => Hops { send: INTERNAL_TTL, least: 0 },
        Distance::Unchecked => Hops { send: 1, least: 0 },
        // 256 - hops.
        Distance::Security { hops } => Hops { send: u8::MAX, least: (!hops).saturating_add(1) },
        Distance::Multihop { ttl } => Hops { send: ttl, least: 0 },
    }
}

/// Sets what every connection with a peer has.
///
/// # Errors
/// When the kernel refuses.
pub(super) fn tune(socket: &impl AsFd, config: &PeerConfig) -> io::Result<()> {
    routing::set_hops(socket, config.address, hops(config))?;
    routing::set_pace(socket, Some(config.session.hold).filter(|hold| !hold.is_zero()))
}

/// Opens a connection to a peer.
///
/// # Errors
/// Why it cannot be opened, for people.
pub(super) async fn dial(
    config: Arc<PeerConfig>,
    services: Arc<BTreeSet<IpAddr>>,
) -> Result<TcpStream, String> {
    let to = destination(&config)?;
    let from = origin(&config, to, &services)?;
    let explain = |error: io::Error| format!("{to}: {error}");
    let socket = routing::dialling(to.ip()).map_err(explain)?;
    tune(&socket, &config).map_err(explain)?;
    if let Some(password) = &config.password {
        routing::set_signature_key(&socket, to.ip(), &password.0)
            .map_err(|error| format!("{to}: the kernel takes no TCP MD5 key: {error}"))?;
    }
    if let Some(from) = from {
        routing::bind(&socket, from).map_err(|error| format!("source {}: {error}", from.ip()))?;
    }
    TcpSocket::from_std_stream(socket.into()).connect(to).await.map_err(explain)
}

/// This end of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    pub(super) address: SocketAddr,
    /// The same as next hops need it.
    pub(super) local: Local,
}

/// This end of a connection.
///
/// # Errors
/// When it is gone.
pub(super) fn end_of(
    stream: &TcpStream,
    config: &PeerConfig,
    services: &BTreeSet<IpAddr>,
) -> io::Result<End> {
    let address = stream.local_addr()?;
    // Without the list there is still the address itself.
    let addresses = addresses().unwrap_or_default();
    let scope = source::scope(address);
    let local = source::local(address.ip(), scope, config.address, &addresses, services);
    Ok(End { address, local })
}

/// Where the peer listens. The interface of a link-local address may have come, or come anew.
fn destination(config: &PeerConfig) -> Result<SocketAddr, String> {
    let scope = config.interface.as_deref().map(index_of).transpose()?.unwrap_or(0);
    Ok(scoped(config.address, config.port, scope))
}

/// Where the connection is to begin; absent: the kernel chooses, and cannot choose wrong.
fn origin(
    config: &PeerConfig,
    to: SocketAddr,
    services: &BTreeSet<IpAddr>,
) -> Result<Option<SocketAddr>, String> {
    let scope = source::scope(to);
    if let Some(source) = config.source {
        return Ok(Some(scoped(source, 0, scope)));
    }
    if scope != 0 || services.is_empty() {
        return Ok(None);
    }
    let preferred = routing::preferred_source(to).map_err(|error| format!("{to}: {error}"))?;
    let source = source::source(preferred.ip(), to.ip(), &addresses()?, services)?;
    Ok(Some(SocketAddr::new(source, 0)))
}

fn scoped(address: IpAddr, port: u16, scope: u32) -> SocketAddr {
    match address {
        IpAddr::V4(_) => SocketAddr::new(address, port),
        IpAddr::V6(address) => SocketAddrV6::new(address, port, 0, scope).into(),
    }
}

fn index_of(interface: &str) -> Result<u32, String> {
    let link = Netlink::open().and_then(|mut netlink| netlink.link(interface));
    match link.map_err(|error| error.to_string())? {
        Some(link) => Ok(link.interface.index),
        None => Err(format!("there is no interface {interface}")),
    }
}

fn addresses() -> Result<Vec<LocalAddress>, String> {
    let addresses = Netlink::open().and_then(|mut netlink| netlink.addresses());
    addresses.map_err(|error| error.to_string())
}
