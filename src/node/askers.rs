//! Starts, changes and stops the askers of a node's services.

use std::io;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

use super::asker::{Asker, Message, Ours, Shared};
use super::question::Finding;
use super::tcp::TcpAsker;
use super::{Service, ServiceState};
use crate::server::counters::Counters;
use crate::world::publish::Published;

/// Hears the askers, each on its own thread. Calls are short and must not block.
pub trait Observer: Send + Sync + 'static {
    /// A service is asked from now on.
    fn added(&self, service: &Arc<str>, state: &ServiceState);
    /// A question ended.
    fn asked(&self, service: &str, transport: Transport, finding: &Finding);
    /// What is known of a service is no longer what it was.
    fn changed(&self, service: &Arc<str>, before: &ServiceState, now: &ServiceState);
    /// A service is asked no longer; nothing more is heard of it.
    fn removed(&self, service: &Arc<str>);
}

/// What a question went over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Transport {
    Udp,
    Tcp,
}

impl Transport {
    /// `udp` or `tcp`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
        }
    }
}

/// The askers of a node. Cheap to clone; they ask until [`Askers::stop`] is called.
#[derive(Clone)]
pub struct Askers {
    shared: Arc<Shared>,
    running: Arc<Mutex<Vec<Running>>>,
}

/// A service that is asked.
struct Running {
    service: Service,
    inbox: Sender<Message>,
    thread: JoinHandle<ServiceState>,
}

impl std::fmt::Debug for Askers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let running = self.running();
        let names = running.iter().map(|running| &running.service.name);
        f.debug_list().entries(names).finish()
    }
}

impl Askers {
    /// Starts to ask; the servers on these addresses answer already. `counters` are those of the
    /// UDP threads, every one of which is running.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn start(
        services: Vec<Service>,
        published: Arc<Published>,
        counters: Arc<Counters>,
        observer: Arc<dyn Observer>,
    ) -> io::Result<Self> {
        let shared = Shared { published, counters, observer, ours: Ours::default() };
        let askers = Self { shared: Arc::new(shared), running: Arc::default() };
        askers.set(services)?;
        Ok(askers)
    }

    /// Makes these the services that are asked. One that is as before goes on undisturbed; one that
    /// is asked otherwise from now on keeps its verdict until there is another. Blocks for as long
    /// as a round of questions may take.
    ///
    /// # Errors
    /// When a thread cannot be started; its service is not asked, all others are.
    pub fn set(&self, services: Vec<Service>) -> io::Result<()> {
        let mut running = self.running();
        let (stay, go): (Vec<_>, Vec<_>) =
            std::mem::take(&mut *running).into_iter().partition(|r| services.contains(&r.service));
        *running = stay;
        let mut known = stop(go);
        let mut result = Ok(());
        for service in services {
            if running.iter().any(|running| running.service == service) {
                continue;
            }
            let before = known.iter().position(|(name, _)| **name == *service.name);
            let before = before.map(|at| known.swap_remove(at).1);
            let name = service.name.as_str().into();
            match self.ask(service, before) {
                Ok(asked) => running.push(asked),
                Err(error) => {
                    self.shared.observer.removed(&name);
                    result = Err(error);
                }
            }
        }
        known.iter().for_each(|(name, _)| self.shared.observer.removed(name));
        result
    }

    /// Stops to ask the services whose names are not among these; before what answers there goes.
    /// Blocks as [`Askers::set`] does.
    pub fn retain(&self, services: &[Service]) {
        let mut running = self.running();
        let named = |asked: &Running| services.iter().any(|s| s.name == asked.service.name);
        let (stay, go): (Vec<_>, Vec<_>) =
            std::mem::take(&mut *running).into_iter().partition(named);
        *running = stay;
        stop(go).iter().for_each(|(name, _)| self.shared.observer.removed(name));
    }

    /// Ends every asker and waits for it. What was known of the services is left as it is.
    pub fn stop(&self) {
        let running = std::mem::take(&mut *self.running());
        stop(running);
    }

    /// Starts the two threads of a service.
    fn ask(&self, service: Service, before: Option<ServiceState>) -> io::Result<Running> {
        let name: Arc<str> = service.name.as_str().into();
        let (inbox, messages) = channel();
        let (tcp, stop_tcp) = channel();
        let asker = TcpAsker {
            service: service.clone(),
            shared: Arc::clone(&self.shared),
            results: inbox.clone(),
            rng: fastrand::Rng::new(),
        };
        let state = before.clone().unwrap_or_default();
        if before.is_none() {
            self.shared.observer.added(&name, &state);
        }
        Builder::new().name("ask-tcp".into()).spawn(move || asker.run(&stop_tcp))?;
        let asker = Asker::new(service.clone(), state, Arc::clone(&self.shared));
        let thread =
            Builder::new().name("ask-udp".into()).spawn(move || asker.run(&messages, tcp))?;
        Ok(Running { service, inbox, thread })
    }

    fn running(&self) -> MutexGuard<'_, Vec<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stops them all at once and waits; the last that was known of each.
fn stop(running: Vec<Running>) -> Vec<(Arc<str>, ServiceState)> {
    for asker in &running {
        // One that has ended needs no telling.
        let _ = asker.inbox.send(Message::Stop);
    }
    let ended = running
        .into_iter()
        .map(|asker| (asker.service.name.as_str().into(), asker.thread.join().unwrap_or_default()));
    ended.collect()
}
