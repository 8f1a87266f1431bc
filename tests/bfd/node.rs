//! This node: the driver in a host of the lab, and somebody who watches.

use std::net::IpAddr;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rhumb::bfd::driver::{Distance, SessionStatus, Status, WatchError};
use rhumb::bfd::session::Event;
use rhumb::bfd::{BfdOptions, Driver, State, Watch, Watched};
use vrrp::event_loop::{Loop, Scheduling};

use crate::lab::{Host, Lab, installed, until};

/// For what takes a few seconds at most.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A lab where these programs are installed; else the test is skipped and says so.
pub fn lab(hosts: &[&str], programs: &[(&str, &str)]) -> Option<Lab> {
    let Some((program, package)) = programs.iter().find(|(program, _)| !installed(program)) else {
        return Lab::new(hosts);
    };
    let required = std::env::var("RHUMB_REQUIRE_PEERS").is_ok_and(|value| value == "1");
    assert!(!required, "{program} (Debian package {package}) is required and not installed");
    eprintln!("skipped: {program} (Debian package {package}) is not installed");
    None
}

/// A driver in a host, on a loop of its own.
pub struct Node<'l> {
    pub host: &'l Host,
    pub driver: Driver,
    /// After the driver, so that it outlives it.
    _event_loop: Loop,
}

/// Somebody who watches a path.
pub struct Watching {
    pub watch: Watch,
    pub events: Receiver<Event>,
}

impl<'l> Node<'l> {
    pub fn start(host: &'l Host) -> Self {
        // The loop's thread is where the thread is that starts it.
        let (event_loop, driver) = host.inside(|| {
            let event_loop = Loop::spawn("bfd", Scheduling::RealTime).expect("a thread");
            let driver = Driver::start(&event_loop.handle()).expect("sockets");
            (event_loop, driver)
        });
        Self { host, driver, _event_loop: event_loop }
    }

    pub fn try_watch(&self, watched: Watched) -> Result<Watching, WatchError> {
        let (tell, events) = channel();
        let on_event = Box::new(move |event: &Event| {
            // The test may have heard enough.
            let _ = tell.send(*event);
        });
        let watch = self.host.inside(|| self.driver.watch(watched, on_event))?;
        Ok(Watching { watch, events })
    }

    pub fn watch(&self, watched: Watched) -> Watching {
        self.try_watch(watched).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The session with this neighbour.
    pub fn session(&self, neighbour: IpAddr) -> Option<SessionStatus> {
        self.status().sessions.into_iter().find(|session| session.neighbour == neighbour)
    }

    pub fn status(&self) -> Status {
        self.driver.status()
    }

    /// Waits until the session with this neighbour is as wanted.
    pub fn await_session(
        &self,
        neighbour: IpAddr,
        what: &str,
        wanted: impl Fn(&SessionStatus) -> bool,
    ) -> SessionStatus {
        let mut last = None;
        let found = until(PATIENCE, || {
            last = self.session(neighbour);
            last.as_ref().is_some_and(&wanted)
        });
        assert!(found, "{neighbour}: not {what} in {PATIENCE:?}: {:#?}", self.status());
        last.expect("found")
    }

    /// Waits until both are Up and have agreed on their intervals: our transmit interval and
    /// detection time, in milliseconds.
    pub fn await_pace(&self, neighbour: IpAddr, transmit: u64, detection: u64) -> SessionStatus {
        let wanted = (Some(Duration::from_millis(transmit)), Duration::from_millis(detection));
        self.await_session(neighbour, "up at that pace", |session| {
            let status = &session.session;
            let pace = (status.transmit_interval, status.detection_time);
            status.state == State::Up && status.remote_state == State::Up && pace == wanted
        })
    }
}

impl Watching {
    /// The next event.
    pub fn next(&self) -> Event {
        self.events.recv_timeout(PATIENCE).expect("an event")
    }

    /// Everything that was told so far.
    pub fn told(&self) -> Vec<Event> {
        self.events.try_iter().collect()
    }
}

/// A path to this neighbour on the link, with 50 ms and 3.
pub fn to(neighbour: IpAddr) -> Watched {
    Watched {
        name: "test".into(),
        neighbour,
        interface: None,
        source: None,
        distance: Distance::SingleHop,
        options: options(50, 3),
    }
}

/// The same on `eth0`.
pub fn on_eth0(neighbour: IpAddr) -> Watched {
    Watched { interface: Some("eth0".into()), ..to(neighbour) }
}

/// An interval in milliseconds and a multiplier.
pub fn options(interval: u64, multiplier: u8) -> BfdOptions {
    BfdOptions { interval: Duration::from_millis(interval), multiplier, auth: None }
}

/// Addresses behind a router: every packet from one host's to the other's goes through `gateway`.
pub fn far_addresses(lab: &Lab) -> [IpAddr; 2] {
    let (n1, n2, gateway) = (lab.host("n1"), lab.host("n2"), lab.host("gateway"));
    gateway.sysctl("net/ipv4/ip_forward", "1");
    for all in ["all", "default", "eth0"] {
        gateway.sysctl(&format!("net/ipv4/conf/{all}/send_redirects"), "0");
    }
    let far = [1, 2].map(|last| IpAddr::from([10, 99, last, 1]));
    for (host, own, other) in [(n1, far[0], far[1]), (n2, far[1], far[0])] {
        host.ip(&format!("address add {own}/32 dev lo"));
        host.ip(&format!("route add {other}/32 via {} src {own}", gateway.address()));
        gateway.ip(&format!("route add {own}/32 via {}", host.address()));
    }
    far
}
