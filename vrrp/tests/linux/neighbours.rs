//! ARP and neighbour discovery between two hosts.

use std::cell::RefCell;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::os::fd::OwnedFd;

use vrrp::linux::Mac;
use vrrp::linux::neighbour::frame::neighbour_advertisement;
use vrrp::linux::neighbour::{Announcer, Asker, Distance, Role, Sighting, Watch};
use vrrp::linux::netlink::{Netlink, Placement};
use vrrp::linux::record::Record;
use vrrp::linux::sysctl::{Knob, Sysctls};

use crate::lab::{Directory, Lab, Namespace, address, vips, wait};

/// A watch of host `b`, and its sightings so far.
struct Observer {
    watch: RefCell<Watch>,
    descriptors: Vec<OwnedFd>,
    own: [(IpAddr, Mac); 2],
}

impl Observer {
    fn new(host: &Namespace) -> Self {
        let (eth0, mac) = host.interface("eth0");
        let watch = host.inside(|| Watch::open(&eth0, mac).expect("sockets"));
        let own = ["192.0.2.2", "2001:db8::2"].map(|own| (address(own), mac));
        let descriptors = watch.descriptors().map(|fd| fd.try_clone_to_owned().expect("a copy"));
        let descriptors = descriptors.collect();
        Self { watch: RefCell::new(watch), descriptors, own }
    }

    fn ask(&self, target: IpAddr, distance: Distance) {
        let (source, mac) = self.own[usize::from(target.is_ipv6())];
        self.watch.borrow_mut().ask(target, Asker { source, mac }, distance).expect("sent");
    }

    /// The sightings up to and with the first of `last`.
    fn until(&self, last: Sighting) -> Vec<Sighting> {
        let mut seen = Vec::new();
        wait(self.descriptors.iter().map(AsFd::as_fd), "a sighting", || {
            while let Some(sighting) = self.watch.borrow_mut().receive().expect("sockets") {
                seen.push(sighting);
                if sighting == last {
                    return Some(());
                }
            }
            None
        });
        seen
    }
}

fn answered(address: IpAddr) -> Sighting {
    Sighting::WitnessAnswered { address }
}

/// Which of the addresses answer, asked one after another; the last one always does.
fn who_answers(observer: &Observer, asked: &[IpAddr]) -> Vec<IpAddr> {
    observer.watch.borrow_mut().set_witnesses(asked);
    asked.iter().for_each(|&address| observer.ask(address, Distance::OnLink));
    let seen = observer.until(answered(asked[asked.len() - 1]));
    asked.iter().copied().filter(|&address| seen.contains(&answered(address))).collect()
}

#[test]
fn standby_that_accepts_an_address_is_silent_about_it() {
    let Some(lab) = Lab::new() else { return };
    let directory = Directory::new();
    let ((lo, _), (eth0, _)) = (lab.a.interface("lo"), lab.a.interface("eth0"));
    let observer = Observer::new(&lab.b);
    let [v4, v6] = vips();
    let (real4, real6) = (address("192.0.2.1"), address("2001:db8::1"));
    lab.a.inside(|| {
        let mut netlink = Netlink::open().expect("a socket");
        netlink.add_address(&lo, v4, Placement::Resident).expect("added");
        netlink.add_address(&lo, v6, Placement::Resident).expect("added");
    });
    // A host answers for all its IPv4 addresses by default, but not so in IPv6.
    assert_eq!(who_answers(&observer, &[v4, real4]), [v4, real4]);
    lab.a.inside(|| {
        let mut record = Record::open(directory.path()).expect("a record");
        let sysctls = Sysctls::of_host();
        record.turn(&sysctls, "eth0", Knob::ArpIgnore, 1).expect("turned");
        record.turn(&sysctls, "eth0", Knob::ArpAnnounce, 2).expect("turned");
    });
    assert_eq!(who_answers(&observer, &[v4, real4]), [real4]);
    assert_eq!(who_answers(&observer, &[v6, real6]), [real6]);
    arping_says(&lab.b, v4, false);

    lab.a.inside(|| {
        let mut netlink = Netlink::open().expect("a socket");
        let placement = Placement::Served { lease: None };
        netlink.add_address(&eth0, v4, placement).expect("added");
        netlink.add_address(&eth0, v6, placement).expect("added");
    });
    assert_eq!(who_answers(&observer, &[v4, real4]), [v4, real4]);
    // The kernel joins the group of an IPv6 address in the background.
    while who_answers(&observer, &[v6, real6]) != [v6, real6] {}
    arping_says(&lab.b, v4, true);
}

/// A second opinion.
fn arping_says(host: &Namespace, target: IpAddr, expected: bool) {
    let target = target.to_string();
    let outcome = host.run("arping", &["-c", "1", "-w", "1", "-I", "eth0", &target]);
    let text = String::from_utf8_lossy(&outcome.stdout);
    if text.is_empty() {
        eprintln!("skipped: arping (Debian package iputils-arping) is not installed");
        return;
    }
    assert_eq!(text.contains("Unicast reply"), expected, "{text}");
}

#[test]
fn announcement_moves_what_neighbours_know() {
    let Some(lab) = Lab::new() else { return };
    let (eth0, mac) = lab.a.interface("eth0");
    let (on_b, _) = lab.b.interface("eth0");
    let observer = Observer::new(&lab.b);
    observer.watch.borrow_mut().set_virtual(&vips());
    let announcer = lab.a.inside(|| Announcer::open().expect("a socket"));
    for vip in vips() {
        let stale = "02:00:00:00:00:99";
        lab.b.ip(&format!("neighbour replace {vip} lladdr {stale} dev {on_b} nud stale"));
        announcer.announce(&eth0, mac, vip, Role::Host).expect("sent");
        assert_eq!(observer.until(Sighting::Claimed { address: vip, mac }).len(), 1);
        let known = lab.b.ip(&format!("neighbour show {vip} dev eth0"));
        assert!(known.contains(&mac.to_string()), "{known}");
    }
}

#[test]
fn claims_of_others_are_seen_and_our_own_are_not() {
    let Some(lab) = Lab::new() else { return };
    let (eth0, mac) = lab.a.interface("eth0");
    let (_, own) = lab.b.interface("eth0");
    let observer = Observer::new(&lab.b);
    let announcer = lab.a.inside(|| Announcer::open().expect("a socket"));
    let stranger = Mac([2, 0, 0, 0, 0, 0x99]);
    for vip in vips() {
        observer.watch.borrow_mut().set_virtual(&[vip]);
        let claim = |from: Mac, claimed| {
            announcer.announce(&eth0, from, claimed, Role::Host).expect("sent");
        };
        claim(stranger, address("192.0.2.77"));
        claim(own, vip);
        claim(mac, vip);
        claim(stranger, vip);
        let seen = observer.until(Sighting::Claimed { address: vip, mac: stranger });
        assert_eq!(seen[0], Sighting::Claimed { address: vip, mac });
        assert_eq!(seen.len(), 2, "{seen:?}");
    }
}

#[test]
fn forwarded_advertisement_claims_nothing() {
    let Some(lab) = Lab::new() else { return };
    let (eth0, mac) = lab.a.interface("eth0");
    let observer = Observer::new(&lab.b);
    let vip = vips()[1];
    observer.watch.borrow_mut().set_virtual(&[vip]);
    let IpAddr::V6(v6) = vip else { unreachable!("the second is of IPv6") };
    let frame = neighbour_advertisement(mac, v6, Role::Host);
    lab.a.inside(|| {
        let protocol = Some(socket2::Protocol::ICMPV6);
        let socket = socket2::Socket::new(socket2::Domain::IPV6, socket2::Type::RAW, protocol);
        let socket = socket.expect("a socket");
        socket.set_unicast_hops_v6(254).expect("an option");
        let to = std::net::SocketAddr::new(address("2001:db8::2"), 0);
        // What follows the Ethernet and IPv6 headers; the kernel writes the checksum.
        socket.send_to(&frame[54..], &to.into()).expect("sent");
    });
    let announcer = lab.a.inside(|| Announcer::open().expect("a socket"));
    announcer.announce(&eth0, mac, vip, Role::Host).expect("sent");
    let seen = observer.until(Sighting::Claimed { address: vip, mac });
    assert_eq!(observer.watch.borrow_mut().receive().expect("sockets"), None);
    assert_eq!(seen.len(), 1, "{seen:?}");
}

#[test]
fn witness_answers_as_a_neighbour_and_from_afar() {
    let Some(lab) = Lab::new() else { return };
    for witness in ["192.0.2.1", "2001:db8::1"].map(address) {
        for distance in [Distance::OnLink, Distance::Routed] {
            let observer = Observer::new(&lab.b);
            observer.watch.borrow_mut().set_witnesses(&[witness]);
            observer.ask(witness, distance);
            observer.until(answered(witness));
        }
    }
}

#[test]
fn place_of_an_advertiser_is_learnt_by_asking() {
    let Some(lab) = Lab::new() else { return };
    let (_, mac) = lab.a.interface("eth0");
    let observer = Observer::new(&lab.b);
    for advertiser in ["192.0.2.1", "2001:db8::1"].map(address) {
        observer.watch.borrow_mut().add_advertiser(advertiser);
        observer.ask(advertiser, Distance::OnLink);
        observer.until(Sighting::Advertiser { address: advertiser, mac });
    }
}

#[test]
fn question_that_cannot_be_sent_says_which() {
    let Some(lab) = Lab::new() else { return };
    let (_, mac) = lab.b.interface("eth0");
    let observer = Observer::new(&lab.b);
    let mut watch = observer.watch.borrow_mut();
    let asker = Asker { source: address("192.0.2.2"), mac };
    let error = watch.ask(address("203.0.113.1"), asker, Distance::Routed).expect_err("no route");
    let said = error.to_string();
    assert!(said.starts_with("cannot ask 203.0.113.1 on eth0: Network is unreachable"), "{said}");
    watch.ask(address("2001:db8::1"), asker, Distance::OnLink).expect_err("the other family");
}
