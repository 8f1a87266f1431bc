//! The virtual MAC address.

use std::os::fd::AsFd;

use vrrp::config::{Family, Vrid};
use vrrp::linux::Interface;
use vrrp::linux::netlink::{Netlink, Placement};
use vrrp::linux::record::{Entry, Record};
use vrrp::linux::socket::{AdvertSocket, BUFFER, Reach};
use vrrp::linux::sysctl::{Knob, Sysctls};
use vrrp::linux::vmac::{Vmac, mac, name};

use crate::lab::{Directory, Lab, address, vips, wait};

fn vrid() -> Vrid {
    Vrid::new(51).expect("not 0")
}

fn create(lab: &Lab, directory: &Directory, parent: &Interface, family: Family) -> Vmac {
    lab.a.inside(|| {
        let mut record = Record::open(directory.path()).expect("a record");
        let (mut netlink, sysctls) = (Netlink::open().expect("a socket"), Sysctls::of_host());
        Vmac::create(&mut netlink, &sysctls, &mut record, parent, family, vrid()).expect("made")
    })
}

fn link_exists(lab: &Lab, name: &str) -> bool {
    lab.a.ip("-o link show").contains(&format!(" {name}@"))
}

#[test]
fn addresses_are_served_from_the_virtual_mac_alone() {
    let Some(lab) = Lab::new() else { return };
    let directory = Directory::new();
    let (eth0, real) = lab.a.interface("eth0");
    for (vip, family) in vips().into_iter().zip([Family::V4, Family::V6]) {
        let vmac = create(&lab, &directory, &eth0, family);
        assert_eq!(vmac.mac, mac(family, vrid()));
        let shown = lab.a.ip(&format!("-d link show {}", vmac.interface));
        assert!(shown.contains("macvlan mode private"), "{shown}");
        assert!(shown.contains(&vmac.mac.to_string()), "{shown}");
        assert!(lab.a.addresses(&vmac.interface).is_empty(), "none of the kernel's making");
        lab.a.inside(|| {
            let mut netlink = Netlink::open().expect("a socket");
            let served = Placement::Served { lease: None };
            netlink.add_address(&vmac.interface, vip, served).expect("added");
        });
        let ping = lab.b.run("ping", &["-c", "1", "-W", "5", &vip.to_string()]);
        assert!(ping.status.success(), "{}", String::from_utf8_lossy(&ping.stdout));
        let known = lab.b.ip(&format!("neighbour show {vip} dev eth0"));
        assert!(known.contains(&vmac.mac.to_string()), "{known}");
        assert!(!known.contains(&real.to_string()), "{known}");
    }
}

#[test]
fn advertisements_leave_from_the_virtual_mac() {
    let Some(lab) = Lab::new() else { return };
    let directory = Directory::new();
    let ((eth0, _), (on_b, _)) = (lab.a.interface("eth0"), lab.b.interface("eth0"));
    for (family, source) in
        [(Family::V4, address("192.0.2.1")), (Family::V6, lab.a.link_local(&eth0))]
    {
        let vmac = create(&lab, &directory, &eth0, family);
        let reach = Reach::Multicast { interface: eth0.clone(), egress: vmac.interface.clone() };
        let mut at_a = lab.a.inside(|| AdvertSocket::open(family, reach).expect("a socket"));
        let reach = Reach::Multicast { interface: on_b.clone(), egress: on_b.clone() };
        let mut at_b = lab.b.inside(|| AdvertSocket::open(family, reach).expect("a socket"));
        let capture = lab.b.inside(|| {
            let all = socket2::Protocol::from(i32::from(0x0003u16.to_be()));
            let socket =
                socket2::Socket::new(socket2::Domain::PACKET, socket2::Type::RAW, Some(all));
            let socket = socket.expect("a socket");
            socket.set_nonblocking(true).expect("non-blocking");
            socket
        });
        at_a.send(b"virtual", source, at_a.group()).expect("sent");
        let descriptor = at_b.as_fd().try_clone_to_owned().expect("a copy");
        wait([descriptor.as_fd()], "an advertisement", || {
            let mut buffer = [0; BUFFER];
            at_b.receive(&mut buffer).expect("a socket").map(|received| {
                assert_eq!((received.source, received.payload), (source, &b"virtual"[..]));
            })
        });
        let mut frame = [0; 2000];
        let frames = std::iter::from_fn(|| {
            let length = std::io::Read::read(&mut &capture, &mut frame).ok()?;
            Some(frame[..length].to_vec())
        });
        let found = frames.into_iter().find(|frame| frame.ends_with(b"virtual"));
        assert_eq!(found.expect("captured")[6..12], vmac.mac.0, "{family}");
    }
}

#[test]
fn removal_leaves_the_turned_knobs_of_the_parent_for_undoing() {
    let Some(lab) = Lab::new() else { return };
    let directory = Directory::new();
    let (eth0, _) = lab.a.interface("eth0");
    let vmac = create(&lab, &directory, &eth0, Family::V4);
    assert!(link_exists(&lab, &vmac.interface.name));
    lab.a.inside(|| {
        let mut record = Record::open(directory.path()).expect("a record");
        let (mut netlink, sysctls) = (Netlink::open().expect("a socket"), Sysctls::of_host());
        vmac.remove(&mut netlink, &sysctls, &mut record).expect("removed");
        assert!(record.entries().iter().all(|e| matches!(e, Entry::Sysctl { .. })));
        assert_eq!(record.entries().len(), 3);
        assert_eq!(sysctls.read("eth0", Knob::ArpFilter).expect("a number"), 1);
        record.undo(&mut netlink, &sysctls).expect("written");
        assert_eq!(sysctls.read("eth0", Knob::ArpFilter).expect("a number"), 0);
        assert_eq!(sysctls.read("eth0", Knob::ArpIgnore).expect("a number"), 0);
    });
    assert!(!link_exists(&lab, &vmac.interface.name));
}

#[test]
fn macvlan_of_a_crashed_run_is_undone_or_made_anew() {
    let Some(lab) = Lab::new() else { return };
    let directory = Directory::new();
    let (eth0, _) = lab.a.interface("eth0");
    let crashed = create(&lab, &directory, &eth0, Family::V4);
    let again = create(&lab, &directory, &eth0, Family::V4);
    assert_ne!(again.interface.index, crashed.interface.index);
    lab.a.inside(|| {
        let mut record = Record::open(directory.path()).expect("a record");
        let (mut netlink, sysctls) = (Netlink::open().expect("a socket"), Sysctls::of_host());
        record.undo(&mut netlink, &sysctls).expect("written");
    });
    assert!(!link_exists(&lab, &again.interface.name));
}

#[test]
fn interface_of_the_same_name_that_is_not_ours_is_refused_and_kept() {
    let Some(lab) = Lab::new() else { return };
    let directory = Directory::new();
    let (eth0, _) = lab.a.interface("eth0");
    let name = name(Family::V4, vrid(), &eth0);
    lab.a.ip(&format!("link add {name} link eth0 type macvlan"));
    lab.a.inside(|| {
        let mut record = Record::open(directory.path()).expect("a record");
        let (mut netlink, sysctls) = (Netlink::open().expect("a socket"), Sysctls::of_host());
        let outcome = Vmac::create(&mut netlink, &sysctls, &mut record, &eth0, Family::V4, vrid());
        let said = outcome.expect_err("refused").to_string();
        assert!(
            said.ends_with("File exists (os error 17): it was there before: remove it"),
            "{said}"
        );
        assert!(record.entries().is_empty());
        record.undo(&mut netlink, &sysctls).expect("written");
    });
    assert!(link_exists(&lab, &name));
}

#[test]
fn strict_filter_of_the_host_is_warned_of_and_left() {
    let Some(lab) = Lab::new() else { return };
    let directory = Directory::new();
    let (eth0, _) = lab.a.interface("eth0");
    assert_eq!(create(&lab, &directory, &eth0, Family::V6).strict_filter, None);
    lab.a.inside(|| Sysctls::of_host().write("all", Knob::RpFilter, 1).expect("written"));
    let vmac = create(&lab, &directory, &eth0, Family::V4);
    assert_eq!(vmac.strict_filter.as_deref(), Some("net.ipv4.conf.all.rp_filter = 0"));
    lab.a.inside(|| {
        assert_eq!(Sysctls::of_host().read("all", Knob::RpFilter).expect("a number"), 1);
    });
}
