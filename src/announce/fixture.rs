//! Announcements and peers to test with.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use super::{Announcement, Damping, Deprefer, Drain, OnStop, When};
use crate::bgp::config::{Distance, PeerConfig, Selection};
use crate::bgp::routes::{Attributes, NextHop};
use crate::bgp::session;
use crate::config::node::HealthQuestion;
use crate::config::{Known, SourceFile};
use crate::geo::Asn;
use crate::geo::mmdb::Databases;
use crate::health::{MemberHealth, State};
use crate::node::{Answering, NodeState, ServiceState};
use crate::world::{Snapshot, World};

/// A service address in each family, with two siblings.
pub(crate) fn announcement(name: &str) -> Announcement {
    let attributes = |med| Attributes { med: Some(med), ..Attributes::default() };
    let parse = |text: &str| text.parse().expect("an address");
    Announcement {
        name: name.into(),
        prefixes: ["203.0.113.53/32", "2001:db8:53::53/128"]
            .map(|prefix| prefix.parse().expect("a prefix"))
            .into(),
        addresses: ["203.0.113.53", "2001:db8:53::53"].map(parse).into(),
        questions: Vec::new(),
        health: HealthQuestion {
            every: Duration::from_millis(200),
            timeout: Duration::from_millis(200),
            fall: 2,
            rise: 5,
        },
        when: When::Dns,
        up_hold: Duration::from_secs(30),
        attributes: attributes(100),
        deprefer: Deprefer { stale_config: true, attributes: attributes(200) },
        keep_last: true,
        siblings: ["198.51.100.2:53", "198.51.100.3:53"]
            .map(|sibling| sibling.parse().expect("an address and a port"))
            .into(),
        damping: Damping {
            half_life: Duration::from_secs(60),
            suppress: 3000,
            reuse: 750,
            max: Duration::from_secs(300),
        },
        place: "rhumb.yaml:1:1".into(),
    }
}

/// Ten seconds of marking, thirty of lingering.
pub(crate) fn drain() -> Drain {
    let (gshut, linger) = (Duration::from_secs(10), Duration::from_secs(30));
    Drain { gshut, linger, on_stop: OnStop::Drain }
}

/// Told of everything, in both families.
pub(crate) fn peer(name: &str) -> PeerConfig {
    PeerConfig {
        name: Arc::from(name),
        address: Ipv4Addr::new(192, 168, 1, 1).into(),
        interface: None,
        port: 179,
        source: None,
        session: session::Config::new(Asn(64512), Ipv4Addr::new(192, 0, 2, 1), Asn(64500)),
        password: None,
        distance: Distance::Unchecked,
        next_hop_ipv4: NextHop::Own,
        next_hop_ipv6: NextHop::Own,
        bfd: None,
        announce: Selection::All,
    }
}

/// `example.com/web` has two members of IPv4, of which half must serve, and one of IPv6.
const ZONE: &str = r#"
zone: example.com
ns: [ns1]
pools:
  web: { members: [192.0.2.1, 192.0.2.2, "2001:db8::1"], min_healthy: 100% }
names:
  ns1: { A: 192.0.2.53 }
  www: { route: web }
"#;

/// That zone's world.
pub(crate) fn world() -> Arc<World> {
    let file = SourceFile { path: "z.yaml".into(), text: ZONE.into(), modified: 0 };
    let config = crate::config::load(&[file], Known::default()).config.expect("a good zone");
    Arc::new(World::build(config, &Databases::default(), 1, 1).named("node-1"))
}

/// A node that has this to say of the service `dns`, with the members of `web` up or down.
pub(crate) fn snapshot(answering: Answering, web: [bool; 3]) -> Snapshot {
    let state = |up| if up { State::Up } else { State::Down };
    let health = |up| MemberHealth { probed: state(up), ..MemberHealth::default() };
    let failure = (answering == Answering::No).then(|| "silence".into());
    let service = ServiceState { answering, failure, ..ServiceState::default() };
    let services = [("dns".into(), service)].into();
    let node = Arc::new(NodeState { services, ..NodeState::default() });
    Snapshot { node, ..Snapshot::of(world(), web.map(health).to_vec()) }
}

/// The same of a node with these two marks.
pub(crate) fn marked(snapshot: &Snapshot, drained: bool, stale: bool) -> Snapshot {
    let node = NodeState { drained, stale, ..NodeState::clone(&snapshot.node) };
    Snapshot { node: Arc::new(node), ..snapshot.clone() }
}
