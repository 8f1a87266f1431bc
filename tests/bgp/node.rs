//! A speaker in a host of a lab, with 64512 for its AS, and what it said.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ipnet::IpNet;
use rhumb::bgp::config::{Distance, PeerConfig, Selection, SpeakerConfig};
use rhumb::bgp::message::Cease;
use rhumb::bgp::routes::{NextHop, Route, RouteSet};
use rhumb::bgp::session::{self, Bfd, State, Unsendable};
use rhumb::bgp::speaker::{Change, Observer, PeerStatus, Speaker};
use rhumb::geo::Asn;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::lab::{Host, until};

/// Longer than any test takes.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// Our AS.
pub const OURS: Asn = Asn(64512);
/// That of eBGP peers.
pub const THEIRS: Asn = Asn(64500);

/// What may be announced.
pub const ANYCAST: [&str; 4] =
    ["203.0.113.53/32", "203.0.113.54/32", "2001:db8:53::53/128", "2001:db8:53::54/128"];

pub fn prefix(text: &str) -> IpNet {
    text.parse().expect("a prefix")
}

/// These prefixes, each with the same route.
pub fn routes(prefixes: &[&str], route: &Route) -> RouteSet {
    prefixes.iter().map(|text| (prefix(text), route.clone())).collect()
}

/// An eBGP peer `tor` for both families.
pub fn peer(address: IpAddr) -> PeerConfig {
    let ours = Ipv4Addr::new(10, 0, 0, 1);
    PeerConfig {
        name: "tor".into(),
        address,
        interface: None,
        port: 179,
        source: None,
        session: session::Config::new(OURS, ours, THEIRS),
        password: None,
        distance: Distance::Unchecked,
        next_hop_ipv4: NextHop::Own,
        next_hop_ipv6: NextHop::Own,
        bfd: None,
        announce: Selection::All,
    }
}

pub fn config(peers: Vec<PeerConfig>) -> SpeakerConfig {
    SpeakerConfig {
        asn: OURS,
        router_id: Ipv4Addr::new(10, 0, 0, 1),
        listen: ["0.0.0.0:179", "[::]:179"].map(|text| text.parse().expect("an address")).into(),
        allow: ANYCAST.map(prefix).into(),
        services: ANYCAST.iter().map(|text| prefix(text).addr()).collect(),
        peers,
    }
}

/// Keeps what the speaker says.
#[derive(Default)]
pub struct Ear(Mutex<Vec<String>>);

impl Ear {
    fn hear(&self, what: String) {
        self.0.lock().expect("no panic").push(what);
    }
}

impl Observer for Ear {
    fn transition(&self, peer: &str, change: &Change) {
        self.hear(format!("{peer}: {change}"));
    }

    fn announced(&self, peer: &str, routes: &RouteSet) {
        let prefixes: Vec<_> = routes.keys().map(ToString::to_string).collect();
        self.hear(format!("{peer}: knows {}", prefixes.join(" ")));
    }

    fn unsendable(&self, peer: &str, prefix: &IpNet, why: Unsendable) {
        self.hear(format!("{peer}: {prefix}: {why}"));
    }

    fn forbidden(&self, peer: &str, prefix: &IpNet) {
        self.hear(format!("{peer}: {prefix} is forbidden"));
    }

    fn refused(&self, from: SocketAddr, strangers: u64) {
        self.hear(format!("{} is a stranger, one of {strangers}", from.ip()));
    }
}

/// A speaker in a host.
pub struct Node {
    runtime: tokio::runtime::Runtime,
    pub speaker: Speaker,
    ear: Arc<Ear>,
}

impl Node {
    pub fn start(host: &Host, config: SpeakerConfig) -> Self {
        Self::try_start(host, config).expect("started")
    }

    pub fn try_start(host: &Host, config: SpeakerConfig) -> Result<Self, String> {
        let file = std::fs::File::open(format!("/run/netns/{}", host.namespace()));
        let namespace = file.expect("its namespace");
        let enter = move || {
            let kind = Some(LinkNameSpaceType::Network);
            move_into_link_name_space(namespace.as_fd(), kind).expect("permission");
        };
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(2).enable_all().on_thread_start(enter);
        let runtime = runtime.build().expect("threads");
        let ear = Arc::new(Ear::default());
        let observer = Arc::clone(&ear) as Arc<dyn Observer>;
        // On a thread of the runtime: those are in the host.
        let started = runtime.spawn(Speaker::start(config, observer));
        let speaker = runtime.block_on(started).expect("no panic")?;
        Ok(Self { runtime, speaker, ear })
    }

    pub fn reconfigure(&self, config: SpeakerConfig) -> Result<(), String> {
        let speaker = self.speaker.clone();
        let task = self.runtime.spawn(async move { speaker.reconfigure(config).await });
        self.runtime.block_on(task).expect("no panic")
    }

    pub fn stop(&self, cease: Cease, reason: &'static str) {
        self.runtime.block_on(self.speaker.stop(cease, reason));
    }

    /// The peer `tor` is to know these.
    pub fn announce(&self, routes: RouteSet) {
        self.speaker.set_routes(BTreeMap::from([("tor".into(), routes)]));
    }

    pub fn set_bfd(&self, bfd: Bfd) {
        self.speaker.set_bfd("tor", bfd);
    }

    /// The peer `tor`.
    pub fn status(&self) -> PeerStatus {
        let status = self.speaker.status();
        status.into_iter().find(|peer| &*peer.name == "tor").expect("a peer tor")
    }

    pub fn await_state(&self, state: State) {
        self.await_status(state.name(), |status| status.state == state);
    }

    pub fn await_status(&self, what: &str, wanted: impl Fn(&PeerStatus) -> bool) {
        let found = until(PATIENCE, || wanted(&self.status()));
        assert!(found, "not {what}: {:#?}\n{}", self.status(), self.said().join("\n"));
    }

    /// What the speaker said so far.
    pub fn said(&self) -> Vec<String> {
        self.ear.0.lock().expect("no panic").clone()
    }

    pub fn await_word(&self, text: &str) {
        let found = until(PATIENCE, || self.said().iter().any(|line| line.contains(text)));
        assert!(found, "no {text:?}: {:#?}\n{}", self.status(), self.said().join("\n"));
    }

    /// How often the session was Established.
    pub fn sessions(&self) -> u64 {
        self.status().counters.sessions
    }

    pub fn uptime(&self) -> Option<Duration> {
        self.status().uptime(Instant::now())
    }
}
