//! A group in a namespace, and what is heard of it.

#![expect(clippy::disallowed_methods, reason = "it waits for real programs")]

use std::net::IpAddr;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use vrrp::auth::Auth;
use vrrp::conditions::Unhealthy;
use vrrp::config::{
    AddressMismatch, ArpSchedule, ChecksumMode, Config, Lease, Preempt, Priority, Version, Vrid,
};
use vrrp::event_loop::{Loop, Scheduling};
use vrrp::linux::record::Record;
use vrrp::linux::sysctl::Sysctls;
use vrrp::machine::{State, Transition};
use vrrp::notify::Report;
use vrrp::router::{Environment, Observer, Router, RouterHandle};

use crate::lab::{Directory, Namespace, PATIENCE};

pub(crate) const VIP: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 100));

/// Both families by multicast, ten times a second.
pub(crate) fn config(priority: u8) -> Config {
    Config {
        name: "test".to_owned(),
        id: Vrid::new(51).expect("not 0"),
        interface: "eth0".to_owned(),
        version: Version::V3,
        addresses: vec![VIP, "2001:db8::100".parse().expect("an address")],
        priority: Priority(priority),
        advertise: Duration::from_millis(100),
        preempt: Preempt::Unhealthy,
        preempt_delay: Duration::ZERO,
        startup_delay: Duration::ZERO,
        fault_hold: Duration::from_millis(500),
        peers: Vec::new(),
        source: None,
        pair_mode: false,
        checksum: ChecksumMode::Pseudo,
        address_mismatch: AddressMismatch::Warn,
        auth: Auth::None,
        floor: Priority(1),
        track: Vec::new(),
        witness: None,
        resident: true,
        lease: Lease::Auto,
        vmac: false,
        arp: ArpSchedule { burst: 5, again: vec![Duration::from_secs(1)], refresh: None },
        notify: None,
    }
}

/// The same with IPv4 alone.
pub(crate) fn ipv4(priority: u8) -> Config {
    Config { addresses: vec![VIP], ..config(priority) }
}

/// A group that runs.
pub(crate) struct Node {
    pub(crate) handle: RouterHandle,
    event_loop: Loop,
    news: Receiver<News>,
    record: Arc<Mutex<Record>>,
    _directory: Directory,
}

/// What an observer is told.
#[derive(Debug)]
enum News {
    Transition(State, &'static str),
    Warning(String),
}

struct Reporter(Mutex<Sender<News>>);

impl Observer for Reporter {
    fn transition(&self, _group: &str, transition: &Transition) {
        self.tell(News::Transition(transition.to, transition.reason.label()));
    }

    fn standing(&self, _group: &str, priority: Priority, unhealthy: Option<&Unhealthy>) {
        let text = unhealthy.map(|why| format!("{why}: priority {priority}"));
        self.tell(News::Warning(text.unwrap_or_else(|| format!("priority {priority}"))));
    }

    fn warning(&self, _group: &str, text: &str) {
        self.tell(News::Warning(text.to_owned()));
    }

    fn notified(&self, _group: &str, report: &Report) {
        self.tell(News::Warning(format!("notify {} {}", report.notice.word, report.end)));
    }
}

impl Reporter {
    fn tell(&self, news: News) {
        // The test may be over.
        let _ = self.0.lock().expect("no panic").send(news);
    }
}

impl Node {
    /// Starts a group that is ready.
    pub(crate) fn start(host: &Namespace, config: Config) -> Self {
        let node = host.inside(|| Self::start_here(config));
        node.handle.set_ready(true);
        node
    }

    fn start_here(config: Config) -> Self {
        let directory = Directory::new();
        let record = Record::open(directory.path()).expect("a record");
        let record = Arc::new(Mutex::new(record));
        let (reporter, news) = channel();
        let observer = Arc::new(Reporter(Mutex::new(reporter)));
        let environment = Environment::new(record.clone(), Sysctls::of_host(), observer);
        let event_loop = Loop::spawn("vrrp-test", Scheduling::RealTime).expect("a thread");
        let environment = environment.expect("threads");
        let handle = Router::start(config, &event_loop.handle(), &environment).expect("a group");
        Self { handle, event_loop, news, record, _directory: directory }
    }

    /// Waits until the group comes to a state; the reason.
    pub(crate) fn await_state(&self, state: State) -> &'static str {
        self.await_news(&format!("{state}"), |news| match news {
            News::Transition(to, reason) if *to == state => Some(*reason),
            News::Transition(..) | News::Warning(_) => None,
        })
    }

    /// Waits for a warning that has these words in it.
    pub(crate) fn await_warning(&self, words: &str) {
        self.await_news(words, |news| match news {
            News::Warning(text) if text.contains(words) => Some(()),
            News::Transition(..) | News::Warning(_) => None,
        });
    }

    fn await_news<T>(&self, what: &str, wanted: impl Fn(&News) -> Option<T>) -> T {
        let mut others = Vec::new();
        loop {
            match self.news.recv_timeout(PATIENCE) {
                Ok(news) => match wanted(&news) {
                    Some(found) => return found,
                    None => others.push(news),
                },
                Err(_) => panic!("no {what}: {others:?}\n{:#?}", self.handle.status()),
            }
        }
    }

    /// What is in the record.
    pub(crate) fn entries(&self) -> Vec<String> {
        let record = self.record.lock().expect("no panic");
        record.entries().iter().map(ToString::to_string).collect()
    }

    /// Stops the group, and waits until it has undone everything of its own.
    pub(crate) fn stop(&self) {
        self.handle.stop().recv_timeout(PATIENCE).expect("the end");
    }

    /// Ends the thread at once, as a crash would.
    pub(crate) fn crash(self) {
        self.event_loop.stop().expect("no error before");
    }
}

/// Looks until something is so.
///
/// # Panics
/// When that takes longer than [`PATIENCE`].
pub(crate) fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
