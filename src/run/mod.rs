//! The wiring: starts every part, owns shutdown; the only module that knows them all.
//!
//! [`start`] brings a node up in this order: databases and zones are read (a mistake ends it
//! here), the state of the last run is restored, the prober makes its first round, and only then
//! are the DNS sockets opened: the first answer already knows who is up. Last, the node begins to ask
//! itself whether it can answer.

pub mod files;
mod loader;
mod observe;
mod tier;
mod watch;
mod work;

use std::fs::File;
use std::io;
use std::net::{Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Instant;

use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;
use tracing::{info, warn};

use self::loader::{FIRST_ROUND, Loader};
use self::observe::Watcher;
use self::tier::{Plan, Tier};
use self::work::Work;
use crate::admin::orders::orders;
use crate::admin::{self, Control, Metrics, Token};
use crate::config::diagnostic::Diagnostic;
use crate::config::node::{Listed, NodeConfig};
use crate::events::Events;
use crate::health::TargetHealth;
use crate::health::schedule::Prober;
use crate::node::{Askers, NodeChange};
use crate::server::counters::Counters;
use crate::server::tcp::{OpenConnections, TcpServer};
use crate::server::udp::{self, UdpServer};
use crate::sys;
use crate::world::World;
use crate::world::publish::{Published, Publisher};

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Mistakes in the zones or the databases, and the warnings.
    #[error("the configuration has mistakes")]
    Configuration(Vec<Diagnostic>),
    /// A socket, a file or a thread; the message says which.
    #[error("{0}")]
    System(String),
}

impl From<io::Error> for StartError {
    fn from(error: io::Error) -> Self {
        Self::System(error.to_string())
    }
}

/// A running node.
pub struct Running {
    control: Control,
    tier: Tier,
    udp: UdpServer,
    tcp: TcpServer,
    askers: Askers,
    admin: SocketAddr,
    publisher: Publisher,
    publishing: JoinHandle<()>,
    stop: mpsc::Sender<oneshot::Sender<()>>,
    tasks: Vec<AbortHandle>,
    /// Held as long as the node stands.
    _lock: Option<File>,
}

/// Starts a node on the current tokio runtime and returns when it answers.
///
/// # Errors
/// When its files have mistakes or the system refuses something.
pub async fn start(node: NodeConfig) -> Result<Running, StartError> {
    sys::raise_open_files();
    let lock = loader::lock(&node.state)?;
    let (listen, threads) = (listen_addresses(&node)?, node.dns.udp_threads.count());
    let counters = Arc::new(Counters::new(udp::sockets(&listen, threads)));
    let mut loader = Loader::new(node.clone(), counters.rows());
    let built = loader.build().await.map_err(StartError::Configuration)?;
    for warning in &built.warnings {
        warn!("{}", warning.one_line());
    }
    if loader.drained() {
        warn!("the node is drained since before it was started: `rhumb undrain --node` ends that");
    }
    let world = Arc::clone(&built.world);
    let metrics = Arc::new(Metrics::default());
    let (publisher, published, publishing) = publisher(&world, &metrics)?;
    let events = Events::start();
    let plan = Plan::of(node.clone());
    let tier = Tier::start(&node, &plan, &published, &events).await?;
    let mut unwind = Unwind(Some(tier.clone()));
    let watcher = Watcher {
        publisher: publisher.clone(),
        metrics: Arc::clone(&metrics),
        events: events.clone(),
    };
    let watcher = Arc::new(watcher);
    let prober = Prober::start(Arc::clone(&watcher) as _);

    let (orders, inbox) = orders();
    let tcp_connections = Arc::new(OnceLock::new());
    let control = Control {
        node: node.node.clone().into(),
        published: Arc::clone(&published),
        counters: Arc::clone(&counters),
        metrics,
        prober: prober.clone(),
        tcp_connections: connections(&tcp_connections),
        orders: orders.clone(),
        pair: tier.pair.clone(),
        anycast: tier.anycast.clone(),
        ecmp: tier.ecmp.clone(),
        ground: tier.ground.clone(),
        events,
        started: now(),
        ready: Arc::new(AtomicBool::new(false)),
    };
    let (admin, admin_task) = admin(&node, control.clone()).await?;

    loader.served(&built);
    prober.prepare(world.targets.clone(), loader.carried(), FIRST_ROUND).await;
    loader::tell(&publisher, &prober, &world.targets);
    publisher.flush().await;
    let udp = UdpServer::start(&listen, threads, &published, &counters)?;
    let tcp = TcpServer::start(udp.addresses(), node.dns.tcp, &published, &counters)?;
    let _ = tcp_connections.set(tcp.open_connections());
    let askers = Askers::start(plan.services(), published, counters, watcher)?;
    publisher.node(NodeChange::Drained(loader.drained()));
    tier.follow(&publisher);
    control.ready.store(true, Relaxed);

    let dns: Vec<_> = udp.addresses().iter().map(ToString::to_string).collect();
    let (zones, targets) = (world.zones.len(), world.targets.len());
    info!(dns = dns.join(" "), %admin, zones, targets, "ready");
    let _ = loader.save(&prober).await;
    let mut tasks = vec![admin_task];
    if node.watch {
        tasks.push(watch::files(&node, orders));
    }
    let (stop, stopping) = mpsc::channel(1);
    let work = Work {
        loader,
        prober,
        publisher: publisher.clone(),
        askers: askers.clone(),
        tier: tier.clone(),
        control: control.clone(),
    };
    unwind.0 = None;
    tokio::spawn(work.run(inbox, stopping));
    Ok(Running {
        control,
        tier,
        udp,
        tcp,
        askers,
        admin,
        publisher,
        publishing,
        stop,
        tasks,
        _lock: lock,
    })
}

/// A start that fails half way leaves nothing in the kernel.
struct Unwind(Option<Tier>);

impl Drop for Unwind {
    fn drop(&mut self) {
        if let Some(tier) = self.0.take() {
            tier.undo();
        }
    }
}

/// Starts the publisher with a world of which nothing is known yet.
fn publisher(
    world: &Arc<World>,
    metrics: &Arc<Metrics>,
) -> io::Result<(Publisher, Arc<Published>, JoinHandle<()>)> {
    let metrics = Arc::clone(metrics);
    let unknown = vec![TargetHealth::default(); world.targets.len()];
    Publisher::start(Arc::clone(world), unknown, Box::new(move |world| metrics.fold(world)))
}

/// Opens the admin address and serves it.
async fn admin(
    node: &NodeConfig,
    control: Control,
) -> Result<(SocketAddr, AbortHandle), StartError> {
    let token = Token::read_or_make(&node.admin.token_file);
    let token = token.map_err(|error| StartError::System(error.to_string()))?;
    let listener = TcpListener::bind(node.admin.listen).await.map_err(|error| {
        let address = node.admin.listen;
        StartError::System(format!("admin.listen: {address} cannot be bound: {error}"))
    })?;
    let address = listener.local_addr()?;
    let task = tokio::spawn(admin::serve(listener, token, control));
    Ok((address, task.abort_handle()))
}

/// How many TCP connections are open; none before the sockets are.
fn connections(open: &Arc<OnceLock<OpenConnections>>) -> Arc<dyn Fn() -> usize + Send + Sync> {
    let open = Arc::clone(open);
    Arc::new(move || open.get().map_or(0, OpenConnections::count))
}

#[expect(clippy::disallowed_methods, reason = "uptime is told to people")]
fn now() -> Instant {
    Instant::now()
}

impl Running {
    /// The handles on it.
    #[must_use]
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// The addresses that DNS is answered on, UDP and TCP.
    #[must_use]
    pub fn dns_addresses(&self) -> &[SocketAddr] {
        self.udp.addresses()
    }

    /// Those who ask whether this node can answer.
    #[must_use]
    pub fn askers(&self) -> &Askers {
        &self.askers
    }

    /// The admin address.
    #[must_use]
    pub fn admin_address(&self) -> SocketAddr {
        self.admin
    }

    /// Cuts short what [`Self::stop`] waits for.
    pub fn hurry(&self) -> impl Fn() + use<> {
        let tier = self.tier.clone();
        move || tier.hurry()
    }

    /// Takes leave of those who send queries here, answers what was received, writes the state down, ends every part.
    pub async fn stop(self) {
        info!("stopping");
        self.control.ready.store(false, Relaxed);
        self.control.orders.close();
        // First the floating addresses, while everything still answers.
        self.tier.stop().await;
        let (udp, askers) = (self.udp, self.askers);
        // The UDP threads notice within a quarter of a second; TCP closes meanwhile. A server that
        // ends is no failure, so nobody asks any more.
        let udp = tokio::task::spawn_blocking(move || {
            askers.stop();
            udp.stop();
        });
        self.tcp.stop().await;
        let _ = udp.await;
        let (done, saved) = oneshot::channel();
        if self.stop.send(done).await.is_ok() {
            let _ = saved.await;
        }
        self.tasks.iter().for_each(AbortHandle::abort);
        self.publisher.stop();
        let _ = tokio::task::spawn_blocking(move || self.publishing.join()).await;
        info!("stopped");
    }
}

/// The addresses to listen on. A missing `::1` is a warning when nobody listed it, else an error.
/// Any other address may come later (a VIP, an anycast address): it is bound all the same.
fn listen_addresses(node: &NodeConfig) -> Result<Vec<SocketAddr>, StartError> {
    let mut listen = Vec::new();
    for address in &node.dns.listen {
        let there = UdpSocket::bind((address.ip(), 0)).is_ok();
        let loopback = address.ip() == Ipv6Addr::LOCALHOST;
        match node.dns.listed {
            _ if there => {}
            Listed::ByDefault if loopback => {
                warn!("this machine has no ::1: listening on IPv4 only");
                continue;
            }
            Listed::InTheFile if loopback => {
                let error = format!("dns.listen: {address}: this machine has no ::1");
                return Err(StartError::System(error));
            }
            Listed::ByDefault | Listed::InTheFile => {
                warn!(%address, "dns.listen: this machine has no such address now: DNS is answered \
                     there once it has");
            }
        }
        listen.push(*address);
    }
    if listen.is_empty() {
        return Err(StartError::System("dns.listen: no address to listen on".into()));
    }
    Ok(listen)
}
