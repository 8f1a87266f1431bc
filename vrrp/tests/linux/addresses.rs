//! Addresses and links.

use std::cell::RefCell;
use std::net::UdpSocket;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
use vrrp::config::Family;
use vrrp::linux::Interface;
use vrrp::linux::neighbour::Announcer;
use vrrp::linux::netlink::{AddressState, Change, Event, Monitor, Netlink, Placement};
use vrrp::linux::socket::{AdvertSocket, Reach};

use crate::lab::{Lab, address, vips, wait};

fn served(seconds: u64) -> Placement {
    Placement::Served { lease: Some(Duration::from_secs(seconds)) }
}

#[test]
fn served_address_comes_is_renewed_and_goes() {
    let Some(lab) = Lab::new() else { return };
    let (eth0, _) = lab.a.interface("eth0");
    for (vip, prefix) in vips().into_iter().zip([32, 128]) {
        lab.a.inside(|| {
            let mut netlink = Netlink::open().expect("a socket");
            let mut valid = || {
                let all = netlink.addresses().expect("a list");
                let found = all.into_iter().find(|a| a.address == vip).expect("it is there");
                assert_eq!((found.interface, found.prefix), (eth0.index, prefix));
                assert_eq!(found.state, AddressState::Usable, "no duplicate address detection");
                found.valid.expect("a lease")
            };
            let mut changer = Netlink::open().expect("a socket");
            changer.add_address(&eth0, vip, served(300)).expect("added");
            assert!((200..=300).contains(&valid().as_secs()), "{:?}", valid());
            changer.add_address(&eth0, vip, served(3000)).expect("renewed");
            assert!((2000..=3000).contains(&valid().as_secs()), "{:?}", valid());
            changer.add_address(&eth0, vip, served(300)).expect("shortened");
            assert!((200..=300).contains(&valid().as_secs()), "{:?}", valid());
            changer.remove_address(&eth0, vip).expect("removed");
            changer.remove_address(&eth0, vip).expect("absent is as good as removed");
        });
        assert!(!lab.a.has(&eth0, vip));
    }
}

#[test]
fn resident_and_served_stand_side_by_side() {
    let Some(lab) = Lab::new() else { return };
    let ((lo, _), (eth0, _)) = (lab.a.interface("lo"), lab.a.interface("eth0"));
    let change = |changes: &[Change<'_>]| {
        let refused = lab.a.inside(|| Netlink::open().expect("a socket").change(changes));
        assert!(refused.is_empty(), "{refused:?}");
    };
    let add =
        |interface, placement| vips().map(|address| Change::Add { interface, address, placement });
    change(&[add(&lo, Placement::Resident), add(&eth0, served(300))].concat());
    for vip in vips() {
        assert!(lab.a.has(&lo, vip) && lab.a.has(&eth0, vip), "{vip}");
    }
    let shown = lab.a.ip("address show dev lo");
    assert!(shown.contains("inet 192.0.2.100/32 scope host noprefixroute lo"), "{shown}");
    assert!(
        shown.contains("inet6 2001:db8::100/128 scope global nodad deprecated noprefixroute"),
        "{shown}"
    );
    let shown = lab.a.ip("address show dev eth0");
    assert!(
        shown.contains(
            "inet6 2001:db8::100/128 scope global nodad deprecated dynamic noprefixroute"
        ),
        "{shown}"
    );

    change(&vips().map(|address| Change::Remove { interface: &eth0, address }));
    for vip in vips() {
        assert!(lab.a.has(&lo, vip) && !lab.a.has(&eth0, vip), "{vip}");
        let local = lab.a.ip(&format!("route get {vip}"));
        assert!(local.starts_with("local "), "still accepted: {local}");
    }
}

#[test]
fn virtual_address_is_no_source_that_the_kernel_chooses() {
    let Some(lab) = Lab::new() else { return };
    let ((lo, _), (eth0, _)) = (lab.a.interface("lo"), lab.a.interface("eth0"));
    lab.a.inside(|| {
        let mut netlink = Netlink::open().expect("a socket");
        for vip in vips() {
            netlink.add_address(&lo, vip, Placement::Resident).expect("added");
            netlink.add_address(&eth0, vip, served(300)).expect("added");
        }
        for (peer, own) in [("192.0.2.2", "192.0.2.1"), ("2001:db8::2", "2001:db8::1")] {
            let any = if address(peer).is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
            let socket = UdpSocket::bind(any).expect("bound");
            socket.connect((address(peer), 53)).expect("a route");
            assert_eq!(socket.local_addr().expect("an address").ip(), address(own));
        }
    });
}

#[test]
fn address_that_nobody_renews_is_gone() {
    let Some(lab) = Lab::new() else { return };
    let (eth0, _) = lab.a.interface("eth0");
    lab.a.inside(|| {
        let monitor = RefCell::new(Monitor::open().expect("a socket"));
        let mut netlink = Netlink::open().expect("a socket");
        for vip in vips() {
            netlink.add_address(&eth0, vip, served(1)).expect("added");
            wait_for(&monitor, "its end", |event| match event {
                Event::AddressGone(gone) => gone.address == vip && gone.interface == eth0.index,
                _ => false,
            });
        }
    });
}

#[test]
fn several_changes_are_refused_each_for_itself() {
    let Some(lab) = Lab::new() else { return };
    let (eth0, _) = lab.a.interface("eth0");
    let nowhere = Interface { index: 4242, name: "eth7".to_owned() };
    let [v4, v6] = vips();
    let placement = served(300);
    let refused = lab.a.inside(|| {
        Netlink::open().expect("a socket").change(&[
            Change::Add { interface: &nowhere, address: v4, placement },
            Change::Add { interface: &eth0, address: v4, placement },
            Change::Add { interface: &nowhere, address: v6, placement },
            Change::Add { interface: &eth0, address: v6, placement },
            Change::Remove { interface: &nowhere, address: v6 },
        ])
    });
    assert!(lab.a.has(&eth0, v4) && lab.a.has(&eth0, v6));
    let said: Vec<_> = refused.iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].starts_with("cannot add 192.0.2.100/32 to eth7: No such device"), "{said:?}");
    assert!(
        said[1].starts_with("cannot add 2001:db8::100/128 to eth7: No such device"),
        "{said:?}"
    );
    assert!(refused.iter().all(|error| error.is_interface_missing()));
}

#[test]
fn more_changes_than_go_out_at_once_are_all_made() {
    let Some(lab) = Lab::new() else { return };
    let (eth0, _) = lab.a.interface("eth0");
    let many: Vec<_> = (1..=200).map(|last| [198, 51, 100, last].into()).collect();
    let changes: Vec<_> = many
        .iter()
        .map(|&address| Change::Add { interface: &eth0, address, placement: served(300) })
        .collect();
    let refused = lab.a.inside(|| Netlink::open().expect("a socket").change(&changes));
    assert!(refused.is_empty(), "{refused:?}");
    let present = lab.a.addresses(&eth0);
    assert!(many.iter().all(|&wanted| present.iter().any(|p| p.address == wanted)));
}

#[test]
fn monitor_tells_of_a_link_that_vanishes_and_returns() {
    let Some(lab) = Lab::new() else { return };
    let (before, _) = lab.a.interface("eth0");
    let monitor = lab.a.inside(|| RefCell::new(Monitor::open().expect("a socket")));
    let is_eth0 = |event: &Event, wanted: bool| match event {
        Event::Link(link) => link.interface.name == "eth0" && link.up == wanted,
        _ => false,
    };
    lab.b.ip("link set eth0 down");
    wait_for(&monitor, "no carrier", |event| is_eth0(event, false));
    lab.b.ip("link set eth0 up");
    wait_for(&monitor, "a carrier", |event| is_eth0(event, true));
    lab.unplug();
    wait_for(&monitor, "the end", |event| *event == Event::LinkGone(before.clone()));
    lab.plug();
    let mut after = None;
    wait_for(&monitor, "the return", |event| match event {
        Event::Link(link) if link.interface.name == "eth0" && link.up => {
            after = Some(link.clone());
            true
        }
        _ => false,
    });
    let after = after.expect("found");
    assert_ne!(after.interface.index, before.index);
    assert_eq!((after.interface, after.mac.expect("an Ethernet")), lab.a.interface("eth0"));
}

#[test]
fn leaving_a_bridge_is_no_vanishing() {
    let Some(lab) = Lab::new() else { return };
    lab.a.ip("link add br0 type bridge");
    lab.a.ip("link set eth0 master br0");
    let monitor = lab.a.inside(|| RefCell::new(Monitor::open().expect("a socket")));
    lab.a.ip("link set eth0 nomaster");
    lab.a.ip("link delete br0");
    wait_for(&monitor, "the end of br0", |event| match event {
        Event::LinkGone(gone) => {
            assert_eq!(gone.name, "br0");
            true
        }
        _ => false,
    });
}

#[test]
fn monitor_tells_when_an_address_can_be_used() {
    let Some(lab) = Lab::new() else { return };
    let wanted = address("2001:db8::77");
    let monitor = lab.a.inside(|| {
        std::fs::write("/proc/sys/net/ipv6/conf/eth0/accept_dad", "1").expect("a sysctl");
        RefCell::new(Monitor::open().expect("a socket"))
    });
    lab.a.ip("address add 2001:db8::77/64 dev eth0");
    for state in [AddressState::Tentative, AddressState::Usable] {
        wait_for(&monitor, "a change of state", |event| match event {
            Event::Address(changed) => changed.address == wanted && changed.state == state,
            _ => false,
        });
    }
}

#[test]
fn changes_beyond_what_can_be_kept_are_said_to_be_lost() {
    let Some(lab) = Lab::new() else { return };
    let (eth0, _) = lab.a.interface("eth0");
    lab.a.inside(|| {
        let mut monitor = Monitor::open().expect("a socket");
        let mut netlink = Netlink::open().expect("a socket");
        let vip = vips()[0];
        let add = Change::Add { interface: &eth0, address: vip, placement: served(300) };
        let remove = Change::Remove { interface: &eth0, address: vip };
        let both: Vec<_> = [add, remove].repeat(4000);
        assert!(netlink.change(&both).is_empty());
        let events = std::iter::from_fn(|| monitor.receive().expect("a socket"));
        assert!(events.into_iter().any(|event| event == Event::Lost));
        // And it goes on.
        netlink.add_address(&eth0, vip, served(300)).expect("added");
        let next = monitor.receive().expect("a socket");
        assert!(matches!(next, Some(Event::Address(added)) if added.address == vip), "{next:?}");
    });
}

#[test]
fn missing_capability_is_named() {
    let Some(lab) = Lab::new() else { return };
    let (eth0, _) = lab.a.interface("eth0");
    let said = lab.a.inside(|| {
        // Of this thread alone.
        let mut sets = capabilities(None).expect("capabilities");
        sets.effective.remove(CapabilitySet::NET_ADMIN | CapabilitySet::NET_RAW);
        set_capabilities(None, sets).expect("fewer");
        let mut netlink = Netlink::open().expect("a socket");
        let reach = Reach::Unicast { interface: eth0.clone() };
        [
            netlink.add_address(&eth0, vips()[0], served(10)).expect_err("refused"),
            netlink.remove_link(&eth0).expect_err("refused"),
            AdvertSocket::open(Family::V4, reach).expect_err("refused"),
            Announcer::open().expect_err("refused"),
        ]
    });
    assert!(said.iter().all(|error| error.is_permission()));
    let said = said.map(|error| error.to_string());
    let why = "Operation not permitted (os error 1); the capability";
    assert_eq!(
        said[0],
        format!("cannot add 192.0.2.100/32 to eth0: {why} CAP_NET_ADMIN is needed")
    );
    assert_eq!(said[1], format!("cannot remove the interface eth0: {why} CAP_NET_ADMIN is needed"));
    let socket = "open a socket for";
    assert_eq!(
        said[2],
        format!("cannot {socket} advertisements by IPv4 unicast: {why} CAP_NET_RAW is needed")
    );
    // It is a group's first, and names all that the group would miss.
    let both = "Operation not permitted (os error 1); the capabilities CAP_NET_RAW and \
                CAP_NET_ADMIN are needed";
    assert_eq!(said[3], format!("cannot {socket} ARP announcements: {both}"));
}

fn wait_for(monitor: &RefCell<Monitor>, what: &str, mut is_it: impl FnMut(&Event) -> bool) {
    let descriptor = monitor.borrow().as_fd().try_clone_to_owned().expect("a descriptor");
    let readable: [BorrowedFd<'_>; 1] = [descriptor.as_fd()];
    wait(readable, what, || {
        while let Some(event) = monitor.borrow_mut().receive().expect("a socket") {
            if is_it(&event) {
                return Some(());
            }
        }
        None
    });
}
