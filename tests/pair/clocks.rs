//! Authenticated advertisements that come too late: by a clock that differs, or a second time.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use socket2::{Domain, Protocol, Socket, Type};
use vrrp::auth::{Key, Seal, Sequence};
use vrrp::config::{Priority, Version, Vrid};
use vrrp::linux::sched::is_clock_synchronised;
use vrrp::packet::{Advertisement, ChecksumStyle, Envelope};

use crate::lab::{Host, Lab, VIP, until};
use crate::mistakes::with_key;
use crate::node::{NAME, Node, PATIENCE};

const GROUP: [u8; 4] = [224, 0, 0, 18];

/// A node of priority 100 on the first host, which authenticates with the key of the tests.
fn node(lab: &Lab) -> Node<'_> {
    let node = with_key(lab.host("n1"), 1, "11");
    node.await_state("Active");
    node
}

/// The raw socket of a VRRP speaker.
fn raw(host: &Host) -> Socket {
    host.inside(|| {
        let protocol = Some(Protocol::from(112));
        let socket = Socket::new(Domain::IPV4, Type::RAW, protocol).expect("permission");
        let IpAddr::V4(own) = host.address() else { unreachable!("its IPv4 address") };
        socket.set_multicast_if_v4(&own).expect("set");
        socket.set_multicast_ttl_v4(255).expect("set");
        socket
    })
}

fn send(socket: &Socket, packet: &[u8]) {
    socket.send_to(packet, &SocketAddr::from((GROUP, 0)).into()).expect("sent");
}

/// What a host with the key and this time since the epoch would advertise with priority 200.
fn advertisement(host: &Host, sequence: &mut Sequence, wall: Duration) -> Vec<u8> {
    let key = Key { id: 1, secret: vec![0x11; 32] };
    let advertisement = Advertisement {
        version: Version::V3,
        vrid: Vrid::new(51).expect("it is not 0"),
        priority: Priority(200),
        interval: Duration::from_millis(100),
        addresses: vec![VIP],
    };
    let envelope = Envelope {
        source: host.address(),
        destination: GROUP.into(),
        checksum: ChecksumStyle::Pseudo,
        seal: Seal::Hmac { key: &key, stamp: sequence.next(wall) },
    };
    let mut packet = Vec::new();
    advertisement.encode(&envelope, &mut packet);
    packet
}

fn wall() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970")
}

/// Does something ten times a second beside `work`.
fn beside<T>(mut often: impl FnMut() + Send, work: impl FnOnce() -> T) -> T {
    struct Ended<'a>(&'a AtomicBool);
    impl Drop for Ended<'_> {
        fn drop(&mut self) {
            self.0.store(true, Relaxed);
        }
    }
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Relaxed) {
                often();
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        let _ended = Ended(&ended);
        work()
    })
}

/// How often a packet was dropped for this reason.
fn dropped(node: &Node<'_>, reason: &str) -> f64 {
    let series = format!("rhumb_vrrp_dropped_total{{name=\"{NAME}\",reason=\"{reason}\"}}");
    node.metric(&series).unwrap_or_default()
}

/// The kernel of this machine may believe its clock or not, and a test cannot change that without
/// changing it for all who run there; so this shows the one or the other. `vrrp`'s own tests have
/// both.
#[test]
fn a_clock_that_differs_is_named_and_counts_only_where_ours_may_be_the_wrong_one() {
    let Some(lab) = Lab::new(&["n1", "n2"]) else { return };
    let (node, other) = (node(&lab), lab.host("n2"));
    let (socket, mut sequence) = (raw(other), Sequence::new());
    let behind = Duration::from_secs(100);
    let advertise = || send(&socket, &advertisement(other, &mut sequence, wall() - behind));
    beside(advertise, || {
        let words = "clock differs from 10.0.0.2 by 100 s";
        node.await_warning(words);
        node.daemon.wait_for_log(words, PATIENCE);
        if is_clock_synchronised().expect("the kernel says") {
            node.await_dropped("stale_clock");
            assert_eq!(node.state(), "Active");
        } else {
            node.await_state("Backup");
            node.await_warning("it counts all the same, for this node's clock is not synchronised");
            assert!(dropped(&node, "stale_clock") < 1.0);
        }
    });
    node.await_state("Active");
}

#[test]
fn a_sender_whose_clock_is_set_back_is_heard_on() {
    let Some(lab) = Lab::new(&["n1", "n2"]) else { return };
    let (node, other) = (node(&lab), lab.host("n2"));
    let (socket, mut sequence) = (raw(other), Sequence::new());
    // Two seconds back and forth, within the window.
    let mut clock = [0, 2].map(Duration::from_secs).into_iter().cycle();
    let mut advertise = || {
        let behind = clock.next().unwrap_or_default();
        send(&socket, &advertisement(other, &mut sequence, wall() - behind));
    };
    advertise();
    beside(advertise, || {
        node.await_state("Backup");
        let heard = || node.metric("rhumb_vrrp_received_total{name=\"pair\",family=\"ipv4\"}");
        let before = heard().expect("a series");
        assert!(until(PATIENCE, || heard().is_some_and(|count| count >= before + 20.0)));
        assert!(dropped(&node, "replayed") < 1.0, "its sequence does not go back");
    });
}

#[test]
fn a_packet_that_comes_again_counts_no_more_and_keeps_no_dead_node_alive() {
    let Some(lab) = Lab::new(&["n1", "n2"]) else { return };
    let (node, other) = (node(&lab), lab.host("n2"));
    let socket = raw(other);
    let genuine = advertisement(other, &mut Sequence::new(), wall());
    // Once it is genuine; the node believes it, and hears no other.
    send(&socket, &genuine);
    node.await_log("Active → Backup");
    beside(|| send(&socket, &genuine), || node.await_log("Backup → Active"));
    node.await_dropped("replayed");
    node.await_warning("10.0.0.2 sends an old place of the sequence of key 1");
    assert_eq!(node.state(), "Active");
}
