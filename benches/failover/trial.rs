//! One trial, from two fresh nodes to the table's figures.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::contender::{Contender, Node, PORT, Seat, Settings};
use crate::gaps::Outage;
use crate::lab::{Capture, Daemon, Lab, VIP, until};
use crate::observer::{self, Observer};
use crate::owners::{self, Span};
use crate::rfc;
use crate::scenario::{Scenario, Victim};

/// The priorities of the node that begins with the address and of the other.
pub const PRIORITIES: [u8; 2] = [150, 100];
/// How long two owners are watched: longer than a lease in the kernel (at least 10 s) lasts.
const WATCH: Duration = Duration::from_secs(12);
/// By then a node that took the address has told its neighbours for the last time: the usual bursts
/// of gratuitous ARP end after 5 s. Else one of them would hide a stale entry after the repair.
const CALM: Duration = Duration::from_millis(5_500);
/// How long a node may take to have the address at the start, beside what the protocol takes.
const START: Duration = Duration::from_secs(20);
/// How irregular the control stream of an undisturbed trial may be.
const UNDISTURBED: Duration = Duration::from_millis(3);

/// The network of every trial, and what is measured with.
pub struct Bench {
    /// Two nodes, the client, and the gateway with the fixed address.
    pub lab: Lab,
    monitors: [Daemon; 2],
    _gateway: Daemon,
}

/// What a trial has shown.
#[derive(Clone, Copy, Debug)]
pub struct Trial {
    /// The longest outage after the strike.
    pub outage: Outage,
    /// Queries that were not answered after the strike.
    pub lost: usize,
    /// How long both nodes had the address while both could be seen.
    pub two_owners: Duration,
    /// They still had it when we looked no longer.
    pub two_owners_at_the_end: bool,
    /// The longest outage after the repair.
    pub back: Outage,
    /// What the outage would be if the backup's timer and nothing else decided.
    pub by_rfc: Option<Duration>,
    /// How irregular the control stream was.
    pub control: Duration,
}

impl Trial {
    /// Whether the machine itself left the trial alone.
    pub fn is_undisturbed(&self) -> bool {
        self.control <= UNDISTURBED
    }
}

/// Both nodes of a trial, up and settled: the first has the address.
pub struct Pair<'a> {
    /// The one that has it.
    pub victim: Victim<'a>,
    /// The other one.
    pub other: Node,
}

impl Bench {
    /// Builds the network. `None`: it cannot be built here, and why was said.
    pub fn open() -> Option<Self> {
        let lab = Lab::new(&["n1", "n2", "client", "gateway"])?;
        let monitors = ["n1", "n2"].map(|name| observer::monitor(lab.host(name)));
        let gateway = lab.host("gateway");
        let control = SocketAddr::new(gateway.address(), PORT);
        let gateway = observer::responder(gateway, &[control]);
        Some(Self { lab, monitors, _gateway: gateway })
    }

    /// Starts both nodes afresh and waits until the first has the address, and the second has let
    /// it for longer than its timer takes.
    pub fn pair<'a>(
        &'a self,
        contender: Contender,
        settings: &'a Settings,
        folders: &'a [tempfile::TempDir; 2],
    ) -> Result<Pair<'a>, String> {
        self.clear();
        let [n1, n2] = ["n1", "n2"].map(|name| self.lab.host(name));
        let seat = |host, peer, n: usize| Seat {
            host,
            peer,
            priority: PRIORITIES[n],
            folder: folders[n].path(),
        };
        let active_down = rfc::active_down(settings.interval, PRIORITIES[1]);
        let (first, second) = (seat(n1, n2, 0), seat(n2, n1, 1));
        let node = contender.start(first, settings)?;
        if !until(START + 2 * active_down, || n1.holds("eth0", VIP)) {
            return Err(format!("n1 does not take the address:\n{}", node.vrrp.log()));
        }
        let other = contender.start(second, settings)?;
        std::thread::sleep(active_down + Duration::from_millis(500));
        if n2.holds("eth0", VIP) || !n1.holds("eth0", VIP) {
            return Err(format!("n1 does not keep the address:\n{}", other.vrrp.log()));
        }
        let port = self.lab.port("n1");
        let victim = Victim { node: Some(node), seat: first, port, contender, settings };
        Ok(Pair { victim, other })
    }

    /// Starts a client that asks the shared address and the gateway.
    pub fn observer(&self) -> Observer {
        let gateway = self.lab.host("gateway").address();
        let [shared, control] = [VIP, gateway].map(|ip| SocketAddr::new(ip, PORT));
        Observer::start(self.lab.host("client"), shared, control)
    }

    /// Strikes a fresh pair at a random moment between two advertisements, and watches.
    pub fn trial(
        &self,
        contender: Contender,
        settings: &Settings,
        scenario: Scenario,
        moment: f64,
    ) -> Result<Trial, String> {
        let folders = [folder(), folder()];
        let [n1, n2] = ["n1", "n2"].map(|name| self.lab.host(name));
        let heard = n2.capture("eth0", &format!("ip proto 112 and src host {}", n1.address()));
        let Pair { mut victim, other } = self.pair(contender, settings, &folders)?;
        let mut observer = self.observer();
        if !observer.answered_by(n1.number(), START) {
            return Err("the client hears nothing from n1".to_owned());
        }
        let calm = if scenario.is_cut_off() { CALM } else { Duration::ZERO };
        std::thread::sleep(calm + settings.interval.mul_f64(1.0 + moment));

        observer.begin_phase();
        let struck = now();
        let damage = scenario.strike(&mut victim);
        let active_down = rfc::active_down(settings.interval, PRIORITIES[1]);
        let taken_over = observer.answered_by(n2.number(), active_down * 2 + WATCH);
        self.settle(scenario, settings, struck);

        observer.begin_phase();
        let repaired = now();
        let advertisements = heard.packets();
        damage.repair(&mut victim)?;
        // A check in seconds must succeed twice, a timer must end, and a hand-over be through.
        std::thread::sleep(active_down + Duration::from_secs(3));
        observer.answered(WATCH);
        let phases = observer.end();
        let end = now();
        drop_all(heard, victim, other);

        let [_, after, back] = phases[..] else { return Err("the client has died".to_owned()) };
        if !taken_over {
            return Err(format!("{}: n2 never answered", scenario.name()));
        }
        let from = if scenario.is_cut_off() { repaired } else { struck };
        let before = advertisements.iter().rev().map(|packet| packet.at);
        let last = before.clone().find(|at| *at <= after.outage.begin).or_else(|| before.max());
        let by_rfc = last.map(|last| rfc::outage(last, active_down, after.outage.begin));
        Ok(Trial {
            outage: after.outage,
            lost: after.lost,
            two_owners: self.two_owners(from, end),
            two_owners_at_the_end: !scenario.is_cut_off() && self.two_owners_at(repaired),
            back: back.outage,
            by_rfc: by_rfc.filter(|_| scenario.is_timed_out()),
            control: after.control.max(back.control),
        })
    }

    /// Waits for what may still come after a take-over: the other owner's leaving.
    fn settle(&self, scenario: Scenario, settings: &Settings, struck: Duration) {
        std::thread::sleep(settings.interval * 3 + Duration::from_millis(300));
        let over = || !self.two_owners_at(now());
        if !scenario.is_cut_off() {
            until((struck + WATCH).saturating_sub(now()), over);
        }
    }

    fn spans(&self, end: Duration) -> [Vec<Span>; 2] {
        [0, 1].map(|n| owners::held(&self.monitors[n].log(), "eth0", VIP, end))
    }

    fn two_owners(&self, from: Duration, end: Duration) -> Duration {
        let [first, second] = self.spans(end);
        owners::overlap(&first, &second, from)
    }

    fn two_owners_at(&self, moment: Duration) -> bool {
        let holds = |spans: &Vec<Span>| spans.iter().any(|(a, b)| *a <= moment && moment <= *b);
        self.spans(now()).iter().all(holds)
    }

    /// How often the second node has taken the address since `from`.
    pub fn take_overs(&self, from: Duration) -> usize {
        let [_, second] = self.spans(now());
        second.iter().filter(|(since, _)| *since >= from).count()
    }

    /// Removes what programs have left behind, and what hosts remember.
    fn clear(&self) {
        for host in ["n1", "n2"].map(|name| self.lab.host(name)) {
            for interface in ["eth0", "lo"].into_iter().filter(|i| host.holds(i, VIP)) {
                host.ip(&format!("address del {} dev {interface}", prefix(VIP)));
            }
        }
        for host in ["n1", "n2", "client", "gateway"] {
            self.lab.host(host).forget_neighbours();
        }
    }
}

/// The time of day: the clock that captures, monitors and the client have in common.
pub fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970")
}

/// A folder for a node's files.
pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

/// Ends both nodes, the first one first, as nobody takes over from nobody.
fn drop_all(heard: Capture, victim: Victim<'_>, other: Node) {
    drop(heard);
    other.stop();
    if let Some(node) = victim.node {
        node.stop();
    }
}

fn prefix(address: IpAddr) -> String {
    format!("{address}/{}", if address.is_ipv4() { 32 } else { 128 })
}
