//! A host that routes to a pool, what its kernel has, and who watches.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::Duration;

use rhumb::config::{Known, SourceFile};
use rhumb::ecmp::netlink::{Netlink, Way};
use rhumb::ecmp::{Ecmp, EcmpConfig, EntryStatus, HashPolicy, OnExit, Spreading, WhenDown};
use rhumb::geo::mmdb::Databases;
use rhumb::health::{Forced, MemberHealth, State};
use rhumb::world::{Snapshot, World};
use serde_json::Value;

use crate::lab::{Daemon, Host, until};

/// Longer than anything takes here, on a machine with much else to do.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// The prefixes that are routed.
pub const V4: &str = "10.9.9.9/32";
pub const V6: &str = "fd09::9/128";
/// What `ip` says of our protocol.
pub const PROTOCOL: &str = "82";

/// How a member is, beside up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Up,
    Down,
    Unknown,
    Drained,
}

/// A pool of the zone, each member with its weight and how it is.
#[derive(Clone, Debug)]
pub struct Fleet(Vec<(IpAddr, u16, How)>);

impl Fleet {
    /// These members, up, with weight 1.
    pub fn of<'a>(members: impl IntoIterator<Item = &'a str>) -> Self {
        let member = |text: &str| (text.parse().expect("an address"), 1, How::Up);
        Self(members.into_iter().map(member).collect())
    }

    /// The same with a member of another weight.
    pub fn weighing(mut self, member: &str, weight: u16) -> Self {
        self.find(member).1 = weight;
        self
    }

    /// The same with a member in another state.
    pub fn with(mut self, member: &str, how: How) -> Self {
        self.find(member).2 = how;
        self
    }

    /// The same with all members in a state.
    pub fn all(mut self, how: How) -> Self {
        self.0.iter_mut().for_each(|member| member.2 = how);
        self
    }

    fn find(&mut self, member: &str) -> &mut (IpAddr, u16, How) {
        let address: IpAddr = member.parse().expect("an address");
        self.0.iter_mut().find(|known| known.0 == address).expect("a member")
    }

    /// The snapshot in which it is so. Those that were up before all went down are those of
    /// `served_last`.
    pub fn snapshot_after(&self, served_last: &Self) -> Snapshot {
        let world = Arc::new(self.world());
        let served = |address: IpAddr| {
            served_last.0.iter().any(|known| known.0 == address && known.2 == How::Up)
        };
        let health = |how: How, address: IpAddr| MemberHealth {
            probed: match how {
                How::Up | How::Drained => State::Up,
                How::Down => State::Down,
                How::Unknown => State::Unknown,
            },
            forced: (how == How::Drained).then_some(Forced::Drain),
            last_served: served(address),
            ttl_hint: None,
        };
        let members = world.policies.members.iter();
        let how = |address| self.0.iter().find(|known| known.0 == address).expect("a member").2;
        let health = members.map(|m| health(how(m.address), m.address)).collect();
        Snapshot::of(world, health)
    }

    /// The snapshot in which it is so.
    pub fn snapshot(&self) -> Snapshot {
        self.snapshot_after(self)
    }

    fn world(&self) -> World {
        let mut text =
            String::from("zone: example.com\nns: [ns1]\npools:\n  fleet:\n    members:\n");
        for (address, weight, _) in &self.0 {
            let _ = writeln!(text, "      - {{ address: \"{address}\", weight: {weight} }}");
        }
        text.push_str("names:\n  ns1: { A: 192.0.2.53 }\n  www: { route: fleet }\n");
        let file = SourceFile { path: "zone.yaml".into(), text, modified: 0 };
        let loaded = rhumb::config::load(&[file], Known::default());
        let config = loaded.config.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
        World::build(config, &Databases::default(), 1, 1)
    }
}

/// A resilient entry as the defaults have it, for this prefix.
pub fn entry(prefix: &str) -> EcmpConfig {
    EcmpConfig {
        name: format!("to {prefix}").into(),
        prefix: prefix.parse().expect("a prefix"),
        pool: "example.com/fleet".into(),
        via: BTreeMap::new(),
        spreading: resilient(256),
        table: 254,
        metric: 50,
        when_down: WhenDown::Keep,
        hash_policy: Some(HashPolicy::L4),
        hash_seed: None,
        on_exit: OnExit::Remove,
        place: "rhumb.yaml:1:1".to_owned(),
    }
}

/// Buckets that never move while they have traffic, and at once while they have none.
pub fn resilient(buckets: u16) -> Spreading {
    let (idle, unbalanced) = (Duration::from_secs(1), Duration::from_secs(10));
    Spreading::Resilient { buckets, idle, unbalanced }
}

/// A running driver in a host.
pub struct Router<'a> {
    host: &'a Host,
    state: tempfile::TempDir,
    ecmp: Option<Ecmp>,
    entries: Vec<EcmpConfig>,
}

impl<'a> Router<'a> {
    /// Starts it with these entries and a pool.
    pub fn start(host: &'a Host, entries: &[EcmpConfig], fleet: &Fleet) -> Self {
        let state = tempfile::tempdir().expect("a directory");
        let mut router = Self { host, state, ecmp: None, entries: entries.to_vec() };
        router.run(fleet);
        router
    }

    /// Starts it again, after a crash or a stop.
    pub fn run(&mut self, fleet: &Fleet) {
        let (entries, state) = (&self.entries, self.state.path());
        let ecmp = self.host.inside(|| Ecmp::start(entries, state)).expect("it starts");
        ecmp.react(&fleet.snapshot());
        self.ecmp = Some(ecmp);
    }

    pub fn state(&self) -> &Path {
        self.state.path()
    }

    pub fn ecmp(&self) -> &Ecmp {
        self.ecmp.as_ref().expect("it runs")
    }

    pub fn react(&self, fleet: &Fleet) {
        self.ecmp().react(&fleet.snapshot());
    }

    pub fn set(&mut self, entries: &[EcmpConfig], fleet: &Fleet) {
        self.entries = entries.to_vec();
        // The first entry starts a thread, and that belongs into this host.
        self.host.inside(|| self.ecmp().set(entries, &fleet.snapshot())).expect("they are taken");
    }

    /// As SIGKILL would: the thread ends and undoes nothing.
    pub fn crash(&mut self) {
        drop(self.ecmp.take());
    }

    pub fn stop(&mut self) {
        self.ecmp.take().expect("it runs").stop();
    }

    pub fn status(&self, place: usize) -> EntryStatus {
        let entries = self.ecmp().status();
        entries.get(place).cloned().unwrap_or_else(|| panic!("no entry {place}: {entries:?}"))
    }

    /// Waits until the group behind a prefix has exactly these gateways with these weights.
    pub fn wait_for(&self, prefix: &str, members: &[(&str, u64)]) {
        let wanted: BTreeMap<IpAddr, u64> = members
            .iter()
            .map(|(gateway, weight)| (gateway.parse().expect("an address"), *weight))
            .collect();
        let found = until(PATIENCE, || self.group(prefix).is_some_and(|g| g.members == wanted));
        assert!(
            found,
            "{prefix}: wanted {wanted:?}, there is {:?}; {:#?}",
            self.group(prefix),
            self.ecmp.as_ref().map(Ecmp::status)
        );
    }

    /// Waits until the route of a prefix is gone.
    pub fn wait_for_absence(&self, prefix: &str) {
        let gone = until(PATIENCE, || route(self.host, prefix).is_none());
        assert!(gone, "{prefix}: {:?}", route(self.host, prefix));
    }

    /// The group that a prefix is routed to.
    pub fn group(&self, prefix: &str) -> Option<Group> {
        group(self.host, prefix)
    }
}

/// A group as `ip` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub id: u64,
    pub members: BTreeMap<IpAddr, u64>,
    pub kind: String,
    pub buckets: Option<u64>,
    /// As they are written: compared, never computed with.
    pub timers: Option<(String, String)>,
}

/// The route of ours to a prefix, as `ip` shows it.
pub fn route(host: &Host, prefix: &str) -> Option<Value> {
    let family = if prefix.contains(':') { "-6" } else { "-4" };
    let routes = json(&host.ip(&format!("{family} -j -d route show table all proto {PROTOCOL}")));
    let shown = prefix.trim_end_matches("/32").trim_end_matches("/128");
    let routes = routes.as_array().cloned().unwrap_or_default();
    routes.into_iter().find(|route| route.get("dst").and_then(Value::as_str) == Some(shown))
}

/// Everything that has an id, as `ip nexthop` shows it.
pub fn next_hops(host: &Host) -> Vec<Value> {
    json(&host.ip("-j -d nexthop show")).as_array().cloned().unwrap_or_default()
}

pub fn group(host: &Host, prefix: &str) -> Option<Group> {
    let id = route(host, prefix)?.get("nhid")?.as_u64()?;
    let objects = next_hops(host);
    let of_id = |id: u64| {
        objects.iter().find(|object| object.get("id").and_then(Value::as_u64) == Some(id))
    };
    let group = of_id(id)?;
    let members = group.get("group")?.as_array()?.iter().map(|member| {
        let next_hop = of_id(member.get("id")?.as_u64()?)?;
        let gateway = next_hop.get("gateway")?.as_str()?.parse().ok()?;
        Some((gateway, member.get("weight").and_then(Value::as_u64).unwrap_or(1)))
    });
    let members = members.collect::<Option<_>>()?;
    let kind = group.get("type").and_then(Value::as_str).unwrap_or("mpath").to_owned();
    let arguments = group.get("resilient_args");
    let number = |name| arguments.and_then(|a| a.get(name)).map(ToString::to_string);
    Some(Group {
        id,
        members,
        kind,
        buckets: arguments.and_then(|a| a.get("buckets")).and_then(Value::as_u64),
        timers: number("idle_timer").zip(number("unbalanced_timer")),
    })
}

fn json(text: &str) -> Value {
    match text.trim() {
        "" => Value::Null,
        text => serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}")),
    }
}

/// Asks the kernel for the way to an address, over and over, until it is told to stop.
pub struct Watch {
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicU64>,
    thread: Option<JoinHandle<u64>>,
}

impl Watch {
    pub fn of(host: &Host, address: &str) -> Self {
        let address: IpAddr = address.parse().expect("an address");
        let (stop, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (told, count) = (Arc::clone(&stop), Arc::clone(&asked));
        let mut netlink = host.inside(Netlink::open).expect("a socket");
        let thread = std::thread::spawn(move || {
            let mut missed = 0;
            while !told.load(Relaxed) {
                match netlink.way_to(address).expect("an answer") {
                    Some(Way::Through { .. }) => {}
                    Some(Way::Direct { .. } | Way::Local | Way::Refused) | None => missed += 1,
                }
                count.fetch_add(1, Relaxed);
            }
            missed
        });
        Self { stop, asked, thread: Some(thread) }
    }

    /// Ends; how often there was no way, of how many times asked.
    pub fn stop(mut self) -> (u64, u64) {
        self.stop.store(true, Relaxed);
        let missed = self.thread.take().expect("it runs").join().expect("no panic");
        (missed, self.asked.load(Relaxed))
    }
}

/// What `ip monitor` hears in a host.
pub struct Monitor(Daemon);

impl Monitor {
    pub fn of(host: &Host) -> Self {
        let mut command = host.command("ip");
        command.args(["-o", "monitor", "nexthop", "route"]);
        let monitor = Self(host.start("ip monitor", &mut command));
        // It listens when it hears something.
        let heard = until(PATIENCE, || {
            host.ip("route replace 192.0.2.254/32 dev lo proto 99");
            host.ip("route del 192.0.2.254/32 dev lo proto 99");
            monitor.0.log().contains("192.0.2.254")
        });
        assert!(heard, "ip monitor hears nothing");
        monitor
    }

    /// What was said of our routes and next hops.
    pub fn of_ours(&self) -> Vec<String> {
        let log = self.0.log();
        let ours = |line: &&str| line.contains("proto 82") || line.contains("id 82");
        log.lines().filter(ours).map(str::to_owned).collect()
    }
}
