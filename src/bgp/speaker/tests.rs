//! A speaker over loopback, with a peer that says whatever a test wants.

#![expect(clippy::disallowed_methods, reason = "sockets have the real clock")]

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use ipnet::IpNet;

use super::*;
use crate::bgp::config::{Distance, PeerConfig, Selection};
use crate::bgp::message::{Capabilities, Kind, Notification, Open, keepalive};
use crate::bgp::routes::{Attributes, Families, NextHop, Route};
use crate::bgp::session::{Config, State, Unsendable};
use crate::geo::Asn;

mod configuration;
mod floods;
mod hand;
mod mistakes;
mod stories;

use hand::Hand;

const OURS: Asn = Asn(64512);
const THEIRS: Asn = Asn(64500);
const HERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 1);
const THERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// Longer than any test takes.
const PATIENCE: Duration = Duration::from_secs(30);

fn prefix(text: &str) -> IpNet {
    text.parse().expect("a prefix")
}

fn routes(prefixes: &[&str]) -> RouteSet {
    prefixes.iter().map(|text| (prefix(text), Route::default())).collect()
}

/// A peer that is waited for: what connects is what the test has written.
fn peer(name: &str, address: Ipv4Addr) -> PeerConfig {
    let mut session = Config::new(OURS, HERE, THEIRS);
    session.families = Families::IPV4;
    session.passive = true;
    PeerConfig {
        name: name.into(),
        address: address.into(),
        interface: None,
        port: 179,
        source: None,
        session,
        password: None,
        distance: Distance::Unchecked,
        next_hop_ipv4: NextHop::Own,
        next_hop_ipv6: NextHop::Own,
        bfd: None,
        announce: Selection::All,
    }
}

/// Listens on a free port.
fn config(peers: Vec<PeerConfig>) -> SpeakerConfig {
    SpeakerConfig {
        asn: OURS,
        router_id: HERE,
        listen: vec!["127.0.0.1:0".parse().expect("an address")],
        allow: ["203.0.113.1/32", "203.0.113.2/32"].map(prefix).into(),
        services: ["203.0.113.1", "203.0.113.2"].map(|ip| ip.parse().expect("an address")).into(),
        peers,
    }
}

/// Keeps what the speaker says.
#[derive(Default)]
struct Ear(Mutex<Vec<String>>);

impl Ear {
    fn hear(&self, what: String) {
        self.0.lock().expect("no panic").push(what);
    }

    fn heard(&self) -> Vec<String> {
        self.0.lock().expect("no panic").clone()
    }
}

impl Observer for Ear {
    fn transition(&self, peer: &str, change: &Change) {
        self.hear(format!("{peer}: {change}"));
    }

    fn announced(&self, peer: &str, routes: &RouteSet) {
        let prefixes: Vec<_> = routes.keys().map(ToString::to_string).collect();
        self.hear(format!("{peer} knows {}", prefixes.join(" ")));
    }

    fn unsendable(&self, peer: &str, prefix: &IpNet, why: Unsendable) {
        self.hear(format!("{peer}: {prefix}: {why}"));
    }

    fn forbidden(&self, peer: &str, prefix: &IpNet) {
        self.hear(format!("{peer}: {prefix} is forbidden"));
    }

    fn refused(&self, from: SocketAddr, strangers: u64) {
        self.hear(format!("stranger {}, number {strangers}", from.ip()));
    }
}

/// A speaker, where it listens, and what it said.
struct Fixture {
    speaker: Speaker,
    /// As configured.
    listen: SocketAddr,
    at: SocketAddr,
    ear: Arc<Ear>,
}

impl Fixture {
    async fn start(peers: Vec<PeerConfig>) -> Self {
        Self::start_with(config(peers)).await
    }

    /// Without peers.
    async fn start_at(listen: &str) -> Self {
        let listen = vec![listen.parse().expect("an address")];
        Self::start_with(SpeakerConfig { listen, ..config(Vec::new()) }).await
    }

    async fn start_with(config: SpeakerConfig) -> Self {
        let ear = Arc::new(Ear::default());
        let observer = Arc::clone(&ear) as Arc<dyn Observer>;
        let listen = config.listen[0];
        let speaker = Speaker::start(config, observer).await.expect("a free port");
        let at = speaker.listens().await[0];
        Self { speaker, listen, at, ear }
    }

    /// One peer `hand` at [`THERE`], and it is Established.
    async fn established() -> (Self, Hand) {
        let fixture = Self::start(vec![peer("hand", THERE)]).await;
        let mut hand = fixture.connect(THERE).await;
        hand.establish().await;
        fixture.until("hand", |status| status.state == State::Established).await;
        (fixture, hand)
    }

    async fn connect(&self, from: Ipv4Addr) -> Hand {
        Hand::connect(from, self.at).await.expect("accepted")
    }

    fn status(&self, name: &str) -> PeerStatus {
        let mut status = self.speaker.status().into_iter();
        status.find(|peer| &*peer.name == name).expect("such a peer")
    }

    fn set_routes(&self, name: &str, routes: RouteSet) {
        self.speaker.set_routes([(name.into(), routes)].into());
    }

    /// Waits until a peer is so.
    async fn until(&self, name: &str, wanted: impl Fn(&PeerStatus) -> bool) -> PeerStatus {
        let started = Instant::now();
        loop {
            let status = self.status(name);
            if wanted(&status) {
                return status;
            }
            assert!(started.elapsed() < PATIENCE, "{status:#?}\n{:#?}", self.ear.heard());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}
