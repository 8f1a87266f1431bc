//! The way out of a session: a socket from a port of its own, opened when there is something to send
//! and opened anew when that failed.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::sys::HopSender;

/// Source ports (RFC 5881 §4).
const PORTS: std::ops::RangeInclusive<u16> = 49152..=65535;

/// So many ports are tried at once when others have them.
const TRIES: usize = 16;

/// What failed is tried again after that long, and after twice as long each time, up to the other.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// The source ports of all sessions: each has its own.
#[derive(Debug, Default)]
pub(super) struct Ports(BTreeSet<u16>);

/// Where to send from and to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) source: Option<IpAddr>,
    pub(super) to: SocketAddr,
}

/// The way out of one session.
#[derive(Debug, Default)]
pub(super) struct Outlet {
    open: Option<Open>,
    /// The last source, for the status.
    source: Option<IpAddr>,
    wait: Option<Wait>,
    problem: Option<String>,
}

#[derive(Debug)]
struct Open {
    sender: HopSender,
    route: Route,
    port: u16,
}

/// After a failure.
#[derive(Clone, Copy, Debug)]
struct Wait {
    until: Instant,
    length: Duration,
}

impl Ports {
    fn take(&mut self, rng: &mut Rng) -> u16 {
        // There are more ports than sessions; if not, two have to share one.
        let free = (0..64).map(|_| rng.u16(PORTS)).find(|port| !self.0.contains(port));
        let port = free.unwrap_or(*PORTS.end());
        self.0.insert(port);
        port
    }

    fn give_back(&mut self, port: u16) {
        self.0.remove(&port);
    }
}

impl Outlet {
    /// Sends a packet, if that is possible now; whether it was.
    pub(super) fn send(
        &mut self,
        payload: &[u8],
        route: Route,
        now: Instant,
        (ports, rng): (&mut Ports, &mut Rng),
    ) -> bool {
        if self.open.as_ref().is_some_and(|open| open.route != route) {
            self.close(ports);
        }
        if self.open.is_none() && !self.try_open(route, now, (ports, rng)) {
            return false;
        }
        let Some(open) = &self.open else { return false };
        match open.sender.send(payload) {
            Ok(()) => {
                self.wait = None;
                self.problem = None;
                true
            }
            Err(error) if is_passing(&error) => false,
            Err(error) => {
                self.shut(ports);
                self.fail(now, format!("cannot send to {}: {error}", route.to.ip()));
                false
            }
        }
    }

    /// Closes the socket; the next packet opens another one. What failed before may work now.
    pub(super) fn close(&mut self, ports: &mut Ports) {
        self.hurry();
        self.shut(ports);
    }

    fn shut(&mut self, ports: &mut Ports) {
        if let Some(open) = self.open.take() {
            ports.give_back(open.port);
        }
    }

    /// What failed before may work now.
    pub(super) fn hurry(&mut self) {
        self.wait = None;
    }

    /// The address that is sent from, or was.
    pub(super) fn source(&self) -> Option<IpAddr> {
        self.source
    }

    /// Why nothing can be sent.
    pub(super) fn problem(&self) -> Option<&String> {
        self.problem.as_ref()
    }

    fn try_open(&mut self, route: Route, now: Instant, with: (&mut Ports, &mut Rng)) -> bool {
        if self.wait.is_some_and(|wait| now < wait.until) {
            return false;
        }
        match open(route, with) {
            Ok(open) => {
                self.source = Some(open.sender.local());
                self.open = Some(open);
                true
            }
            Err(error) => {
                self.fail(now, explain(route, &error));
                false
            }
        }
    }

    fn fail(&mut self, now: Instant, problem: String) {
        let length = self.wait.map_or(FIRST_WAIT, |wait| (wait.length * 2).min(LONGEST_WAIT));
        self.wait = Some(Wait { until: now + length, length });
        self.problem = Some(problem);
    }
}

fn open(route: Route, (ports, rng): (&mut Ports, &mut Rng)) -> io::Result<Open> {
    let mut outcome = Err(io::ErrorKind::AddrInUse.into());
    for _ in 0..TRIES {
        let port = ports.take(rng);
        match HopSender::open(route.source, port, route.to) {
            Ok(sender) => return Ok(Open { sender, route, port }),
            Err(error) => {
                ports.give_back(port);
                let taken = error.kind() == io::ErrorKind::AddrInUse;
                outcome = Err(error);
                if !taken {
                    break;
                }
            }
        }
    }
    outcome
}

/// A packet is lost, and the socket is as good as before: a full queue, an ICMP message.
fn is_passing(error: &io::Error) -> bool {
    let refused = error.kind() == io::ErrorKind::ConnectionRefused;
    let unheard = error.kind() == io::ErrorKind::HostUnreachable;
    let full = error.kind() == io::ErrorKind::WouldBlock;
    refused || unheard || full || error.raw_os_error() == Some(libc::ENOBUFS)
}

fn explain(route: Route, error: &io::Error) -> String {
    match (error.kind(), route.source) {
        (io::ErrorKind::AddrNotAvailable, Some(source)) => {
            format!("waits for the source address {source}: this host does not have it")
        }
        _ => format!("cannot send to {}: {error}", route.to.ip()),
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    struct Tools {
        ports: Ports,
        rng: Rng,
        now: Instant,
    }

    impl Tools {
        fn new() -> Self {
            Self { ports: Ports::default(), rng: Rng::with_seed(1), now: Instant::now() }
        }

        fn send(&mut self, outlet: &mut Outlet, route: Route) -> bool {
            outlet.send(b"packet", route, self.now, (&mut self.ports, &mut self.rng))
        }
    }

    fn neighbour() -> (UdpSocket, Route) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let to = socket.local_addr().unwrap();
        (socket, Route { source: None, to })
    }

    #[test]
    fn every_session_has_a_source_port_of_its_own_from_the_range() {
        let (mut tools, (socket, route)) = (Tools::new(), neighbour());
        let mut outlets: Vec<Outlet> = (0..20).map(|_| Outlet::default()).collect();
        let mut seen = BTreeSet::new();
        for outlet in &mut outlets {
            for _ in 0..2 {
                assert!(tools.send(outlet, route));
                let (_, from) = socket.recv_from(&mut [0; 16]).unwrap();
                assert!(PORTS.contains(&from.port()));
                seen.insert(from.port());
            }
        }
        assert_eq!(seen.len(), 20);
        outlets.iter_mut().for_each(|outlet| outlet.close(&mut tools.ports));
        assert!(tools.ports.0.is_empty());
    }

    #[test]
    fn a_missing_source_is_tried_again_more_and_more_seldom_until_it_is_there() {
        let (mut tools, (_socket, route)) = (Tools::new(), neighbour());
        let absent = Route { source: Some(IpAddr::from([192, 0, 2, 53])), ..route };
        let mut outlet = Outlet::default();
        let mut waits = Vec::new();
        for _ in 0..8 {
            assert!(!tools.send(&mut outlet, absent));
            let wait = outlet.wait.unwrap();
            waits.push(wait.length.as_millis());
            tools.now = wait.until;
        }
        assert_eq!(waits, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        let waits = "waits for the source address 192.0.2.53: this host does not have it";
        assert_eq!(outlet.problem().unwrap(), waits);
        outlet.hurry();
        assert!(tools.send(&mut outlet, route));
        assert_eq!(outlet.problem(), None);
        assert_eq!(outlet.source(), Some(route.to.ip()));
    }

    #[test]
    fn an_icmp_error_is_no_failure() {
        let (mut tools, (socket, route)) = (Tools::new(), neighbour());
        let mut outlet = Outlet::default();
        drop(socket);
        for _ in 0..4 {
            tools.send(&mut outlet, route);
            assert!(outlet.open.is_some() && outlet.problem().is_none());
        }
    }
}
