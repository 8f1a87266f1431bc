//! Packets themselves: a client, the router, and members that share an address.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use rhumb::ecmp::netlink::{Flow, Netlink, Transport, Way};

use crate::lab::{Host, Lab};
use crate::router::{Fleet, How, Router, V4, V6, entry};

/// Long enough for a packet over a bridge on any machine; a lost one is asked for again.
const WAIT: Duration = Duration::from_millis(500);
const PORT: u16 = 5300;
const FLOWS: u16 = 200;

/// A member: it has the shared address on `lo` and answers with its name until it is dropped.
struct Member {
    stop: Arc<AtomicBool>,
}

impl Member {
    fn start(host: &Host, shared: IpAddr) -> Self {
        host.ip(&format!(
            "address add {shared} dev lo{}",
            if shared.is_ipv6() { " nodad" } else { "" }
        ));
        let socket = host.inside(|| UdpSocket::bind((shared, PORT))).expect("a socket");
        socket.set_read_timeout(Some(Duration::from_millis(50))).expect("set");
        let stop = Arc::new(AtomicBool::new(false));
        let (told, name) = (Arc::clone(&stop), host.name().to_owned());
        std::thread::spawn(move || {
            let mut octets = [0; 64];
            while !told.load(Relaxed) {
                if let Ok((_, from)) = socket.recv_from(&mut octets) {
                    let _ = socket.send_to(name.as_bytes(), from);
                }
            }
        });
        Self { stop }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
    }
}

/// Who answers each flow of a client, by its source port.
fn answered(client: &Host, from: IpAddr, shared: IpAddr) -> BTreeMap<u16, String> {
    let ask = |port: u16| {
        let socket = client.inside(|| UdpSocket::bind((from, port))).expect("a socket");
        socket.set_read_timeout(Some(WAIT)).expect("set");
        let mut octets = [0; 64];
        for _ in 0..20 {
            // Not connected: a connected socket marks its packets with a hash of its own, which
            // they carry over veth to the router, and the router believes it.
            socket.send_to(b"who?", SocketAddr::new(shared, PORT)).expect("sent");
            if let Ok((length, _)) = socket.recv_from(&mut octets) {
                return String::from_utf8_lossy(&octets[..length]).into_owned();
            }
        }
        panic!("nobody answers {from} port {port}");
    };
    (0..FLOWS).map(|n| (20_000 + n, ask(20_000 + n))).collect()
}

/// Who would be sent each of these flows, as the kernel says.
fn told(
    router: &Host,
    from: IpAddr,
    shared: IpAddr,
    names: &[(IpAddr, &str)],
) -> BTreeMap<u16, String> {
    router.inside(|| {
        let mut netlink = Netlink::open().expect("a socket");
        let mut way = |port: u16| {
            let flow = Flow {
                interface: 1,
                source: from,
                destination: shared,
                transport: Transport::Udp,
                source_port: port,
                destination_port: PORT,
            };
            match netlink.way_of(&flow).expect("an answer") {
                Some(Way::Through { gateway, .. }) => {
                    let name = names.iter().find(|(address, _)| *address == gateway);
                    name.map_or_else(|| gateway.to_string(), |(_, name)| (*name).to_owned())
                }
                other => panic!("{other:?}"),
            }
        };
        (0..FLOWS).map(|n| (20_000 + n, way(20_000 + n))).collect()
    })
}

#[test]
fn packets_take_the_way_that_the_kernel_tells_and_only_those_of_a_member_that_goes_move() {
    let Some(lab) = Lab::with_two_lans(&["n1", "n2", "n3", "gateway", "client"]) else { return };
    let (router, client) = (lab.host("n1"), lab.host("client"));
    router.sysctl("net/ipv4/ip_forward", "1");
    router.sysctl("net/ipv6/conf/all/forwarding", "1");
    let shared: [IpAddr; 2] =
        ["10.9.9.9", "fd09::9"].map(|address| address.parse().expect("an address"));
    let hosts = ["n2", "n3", "gateway"].map(|name| lab.host(name));
    let members: Vec<_> =
        hosts.iter().flat_map(|host| shared.map(|address| Member::start(host, address))).collect();
    // The router has the client on one side and the members on the other.
    // For a flow label the client's kernel hashes the packet, and marks it with the hash as above.
    client.sysctl("net/ipv6/auto_flowlabels", "0");
    client.ip(&format!("route add 10.9.9.9 via {}", router.address()));
    client.ip(&format!("route add fd09::9 via {}", router.address6()));
    let gateways: Vec<String> = hosts
        .iter()
        .flat_map(|host| [host.address_on(1).to_string(), host.address6_on(1).to_string()])
        .collect();
    let fleet = Fleet::of(gateways.iter().map(String::as_str));
    let names: Vec<(IpAddr, &str)> = hosts
        .iter()
        .flat_map(|host| [host.address_on(1), host.address6_on(1)].map(|at| (at, host.name())))
        .collect();
    let running = Router::start(router, &[entry(V4), entry(V6)], &fleet);
    let of_family = |v6: bool| {
        let of = gateways.iter().filter(|gateway| gateway.contains(':') == v6);
        of.map(|gateway| (gateway.as_str(), 1)).collect::<Vec<_>>()
    };
    running.wait_for(V4, &of_family(false));
    running.wait_for(V6, &of_family(true));

    for (shared, from, prefix) in
        [(shared[0], client.address(), V4), (shared[1], client.address6(), V6)]
    {
        let before = answered(client, from, shared);
        assert_eq!(before, told(router, from, shared, &names), "{prefix}");
        let counts = |who: &BTreeMap<u16, String>| {
            let mut counts: BTreeMap<String, usize> = BTreeMap::new();
            who.values().for_each(|name| *counts.entry(name.clone()).or_default() += 1);
            counts
        };
        assert_eq!(counts(&before).len(), 3, "{:?}", counts(&before));

        let gone = lab.host("n3");
        let at = if prefix == V4 { gone.address_on(1) } else { gone.address6_on(1) };
        running.react(&fleet.clone().with(&at.to_string(), How::Down));
        let rest: Vec<_> = of_family(prefix == V6)
            .into_iter()
            .filter(|(gateway, _)| *gateway != at.to_string())
            .collect();
        running.wait_for(prefix, &rest);
        let after = answered(client, from, shared);
        for (port, name) in &before {
            match &**name {
                "n3" => assert_ne!(after[port], "n3", "port {port}"),
                other => assert_eq!(after[port], other, "port {port} is not n3's to move"),
            }
        }
        running.react(&fleet);
        running.wait_for(prefix, &of_family(prefix == V6));
    }
    drop(members);
}
