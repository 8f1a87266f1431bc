//! Two nodes behind a router that spreads flows over them, and one of them goes.
//!
//! The goals: a killed node costs its flows at most 20 ms, a frozen or unreachable one 170 ms with
//! BFD at 50 ms × 3, a drained one nothing. They are printed beside what was measured; a test fails
//! at [`SLACK`] more, and what the control stream was irregular by, for it runs beside others.

use std::time::Duration;

use crate::flows::{Flows, Seen};
use crate::lab::{Fault, Host, Lab, Signal};
use crate::node::{Node, said};
use crate::site::{ANYCAST, PREFIXES, Section, await_path, await_session};
use crate::tor::{Tor, lab, route_through_gateway};

/// What a busy machine may add.
const SLACK: Duration = Duration::from_millis(400);
/// In each cause's row.
const TRIALS: usize = 3;
/// Flows are regular for so long before and after what happens.
const CALM: Duration = Duration::from_millis(700);

/// The hosts of every test here.
const HOSTS: [&str; 4] = ["n1", "n2", "client", "gateway"];

/// Two nodes, their router, and a client behind it.
struct Site<'l> {
    lab: &'l Lab,
    tor: Tor<'l>,
    hosts: [&'l Host; 2],
}

/// One trial: what the end of n1 cost.
struct Trial {
    sent: usize,
    lost: usize,
    /// The lost queries as a time of n1's share of all.
    of_share: Duration,
    /// From the first lost query to the last.
    window: Duration,
    /// The worst of the control stream.
    control: Duration,
}

impl<'l> Site<'l> {
    fn new(lab: &'l Lab) -> Self {
        let hosts = ["n1", "n2"].map(|name| lab.host(name));
        route_through_gateway(lab.host("client"), lab);
        Self { lab, tor: Tor::start(lab, &["n1", "n2"]), hosts }
    }

    /// A node whose path to the router is watched.
    fn section(&self, host: &Host) -> Section {
        let gateway = self.lab.host("gateway").address();
        let bfd = ", bfd: { interval: 50ms, multiplier: 3 }";
        Section::bare(host).to("tor", host, gateway, bfd)
    }

    fn start(&self) -> [Node<'l>; 2] {
        self.hosts.map(|host| self.section(host).announced(host))
    }

    /// Waits until flows go to both.
    fn await_both(&self, nodes: [&Node<'_>; 2]) {
        nodes.iter().for_each(|node| await_session(node, "tor"));
        nodes.iter().for_each(|node| await_path(node));
        self.tor.await_next_hops(PREFIXES[0], &self.hosts);
    }

    /// Asks while something happens that takes n1 out of the routes.
    fn trial<T>(&self, happens: impl FnOnce() -> T) -> (T, Trial) {
        let [n1, n2] = self.hosts;
        let flows = Flows::start(self.lab.host("client"), ANYCAST, n2.address());
        std::thread::sleep(CALM);
        let at = flows.now();
        let outcome = happens();
        self.tor.await_next_hops(PREFIXES[0], &[n2]);
        std::thread::sleep(CALM);
        (outcome, Trial::of(&flows.stop(), n1, at))
    }
}

impl Trial {
    fn of(seen: &Seen, host: &Host, at: Duration) -> Self {
        let (lost, share) = (seen.lost().len(), seen.share(host.number(), at));
        assert!((0.2..0.8).contains(&share), "flows go to both: {share}");
        let rate =
            seen.queries.iter().filter(|(sent, _)| *sent < at).count() as f64 / at.as_secs_f64();
        Self {
            sent: seen.queries.len(),
            lost,
            of_share: Duration::from_secs_f64(lost as f64 / (rate * share)),
            window: seen.window(),
            control: seen.control(at),
        }
    }
}

/// Prints a row of trials and compares them with the goal.
fn judge(cause: &str, goal: Duration, trials: Vec<Trial>) {
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    for trial in &trials {
        let Trial { sent, lost, of_share, window, control } = trial;
        println!(
            "{cause}: {lost} of {sent} lost, {:.1} ms of its share, within {:.1} ms (goal {} ms); \
             control stream irregular by {:.1} ms",
            ms(*of_share),
            ms(*window),
            goal.as_millis(),
            ms(*control),
        );
    }
    for Trial { window, of_share, control, .. } in &trials {
        let limit = goal + SLACK + *control;
        assert!(*window <= limit && *of_share <= limit, "{cause}: {window:?}, {of_share:?}");
    }
}

#[test]
fn a_killed_node_loses_its_flows_for_a_moment() {
    let Some(lab) = lab(&HOSTS) else { return };
    let site = Site::new(&lab);
    let [mut first, second] = site.start();
    let mut trials = Vec::new();
    for _ in 0..TRIALS {
        site.await_both([&first, &second]);
        let ((), trial) = site.trial(|| first.kill());
        trials.push(trial);
        first = first.start_again();
    }
    judge("kill -9", Duration::from_millis(20), trials);
}

#[test]
fn a_frozen_node_loses_its_flows_for_the_time_of_bfd() {
    let Some(lab) = lab(&HOSTS) else { return };
    let site = Site::new(&lab);
    let [first, second] = site.start();
    let mut trials = Vec::new();
    for _ in 0..TRIALS {
        site.await_both([&first, &second]);
        let ((), trial) = site.trial(|| first.daemon.signal(Signal::Freeze));
        trials.push(trial);
        first.daemon.signal(Signal::Thaw);
    }
    site.await_both([&first, &second]);
    judge("frozen", Duration::from_millis(170), trials);
}

#[test]
fn an_unreachable_node_loses_its_flows_for_the_time_of_bfd() {
    let Some(lab) = lab(&HOSTS) else { return };
    let site = Site::new(&lab);
    let [first, second] = site.start();
    let mut trials = Vec::new();
    for _ in 0..TRIALS {
        site.await_both([&first, &second]);
        let (fault, trial): (Fault, _) = site.trial(|| lab.port("n1").silence());
        trials.push(trial);
        fault.heal();
    }
    site.await_both([&first, &second]);
    judge("unreachable", Duration::from_millis(170), trials);
}

#[test]
fn a_drained_node_loses_nothing_and_one_that_cannot_answer_is_dropped() {
    let Some(lab) = lab(&HOSTS) else { return };
    let site = Site::new(&lab);
    let [first, second] = site.start();
    site.await_both([&first, &second]);
    let (drain, trial) = site.trial(|| first.rhumb("drain --node"));
    assert!(drain.status.success(), "{}", said(&drain));
    assert_eq!(trial.lost, 0, "of {}", trial.sent);
    judge("drained", Duration::ZERO, vec![trial]);
    assert!(first.rhumb("undrain --node --now").status.success());
    site.await_both([&first, &second]);
    let (unheard, trial) = site.trial(|| site.hosts[0].drop_udp(53, Some(ANYCAST)));
    // Two questions, the first of which is asked within 200 ms, and 200 ms for the last.
    judge("cannot answer", Duration::from_millis(600), vec![trial]);
    unheard.heal();
}

#[test]
fn a_node_that_stops_in_good_order_loses_nothing() {
    let Some(lab) = lab(&HOSTS) else { return };
    let site = Site::new(&lab);
    let [mut first, second] = site.start();
    site.await_both([&first, &second]);
    let (status, trial) = site.trial(|| first.stop());
    assert!(status.success());
    assert_eq!(trial.lost, 0, "of {}", trial.sent);
    judge("stopped", Duration::ZERO, vec![trial]);
}
