//! A crash, and what is undone after it.

use std::net::IpAddr;
use std::time::Duration;

use vrrp::linux::netlink::{Netlink, Placement};
use vrrp::linux::record::{Outcome, Record};
use vrrp::linux::sysctl::{Knob, Sysctls};

use crate::lab::{Directory, Lab, address, vips};

fn served() -> Placement {
    Placement::Served { lease: Some(Duration::from_secs(3000)) }
}

/// A run that ends without undoing anything: residents, addresses, sysctls.
fn run_and_crash(lab: &Lab, directory: &Directory, addresses: &[IpAddr]) -> Vec<IpAddr> {
    let ((lo, _), (eth0, _)) = (lab.a.interface("lo"), lab.a.interface("eth0"));
    lab.a.inside(|| {
        let mut record = Record::open(directory.path()).expect("a record");
        let (mut netlink, sysctls) = (Netlink::open().expect("a socket"), Sysctls::of_host());
        let present = netlink.addresses().expect("a list");
        assert!(record.claim(&lo, addresses, &present).expect("written").is_empty());
        let foreign = record.claim(&eth0, addresses, &present).expect("written");
        record.turn(&sysctls, "eth0", Knob::ArpIgnore, 1).expect("turned");
        record.turn(&sysctls, "eth0", Knob::ArpAnnounce, 2).expect("turned");
        for &address in addresses {
            netlink.add_address(&lo, address, Placement::Resident).expect("added");
            if !foreign.contains(&address) {
                netlink.add_address(&eth0, address, served()).expect("added");
            }
        }
        foreign
    })
}

fn undo(lab: &Lab, directory: &Directory) -> Vec<String> {
    lab.a.inside(|| {
        let mut record = Record::open(directory.path()).expect("a record");
        let mut netlink = Netlink::open().expect("a socket");
        let undone = record.undo(&mut netlink, &Sysctls::of_host()).expect("written");
        assert!(record.entries().is_empty());
        undone.iter().map(ToString::to_string).collect()
    })
}

fn knobs(lab: &Lab) -> [i32; 2] {
    lab.a.inside(|| {
        let sysctls = Sysctls::of_host();
        [Knob::ArpIgnore, Knob::ArpAnnounce].map(|k| sysctls.read("eth0", k).expect("a number"))
    })
}

#[test]
fn after_a_crash_everything_is_as_it_was() {
    let Some(lab) = Lab::new() else { return };
    let directory = Directory::new();
    let everything = || [lab.a.ip("address show"), lab.a.ip("route show table all")];
    let before = everything();
    assert!(run_and_crash(&lab, &directory, &vips()).is_empty());
    assert_eq!(knobs(&lab), [1, 2]);
    assert_ne!(everything(), before);

    assert_eq!(
        undo(&lab, &directory),
        [
            "undone: 2001:db8::100 on eth0",
            "undone: 192.0.2.100 on eth0",
            "undone: 2001:db8::100 on lo",
            "undone: 192.0.2.100 on lo",
            "undone: arp_announce of eth0, 0 before",
            "undone: arp_ignore of eth0, 0 before",
        ]
    );
    assert_eq!(everything(), before);
    assert_eq!(knobs(&lab), [0, 0]);
    assert!(undo(&lab, &directory).is_empty());
}

#[test]
fn what_others_did_is_left_alone() {
    let Some(lab) = Lab::new() else { return };
    let directory = Directory::new();
    let (eth0, _) = lab.a.interface("eth0");
    let [v4, v6] = vips();
    lab.a.ip(&format!("address add {v4}/24 dev eth0"));
    lab.a.ip(&format!("address add {v6}/64 dev eth0 nodad"));
    let another = address("192.0.2.101");
    let foreign = run_and_crash(&lab, &directory, &[v4, v6, another]);
    assert_eq!(foreign, [v4, v6]);
    lab.a.inside(|| Sysctls::of_host().write("eth0", Knob::ArpAnnounce, 1).expect("written"));

    let said = undo(&lab, &directory);
    assert!(said.contains(&"changed by others, left alone: arp_announce of eth0, 0 before".into()));
    assert_eq!(knobs(&lab), [0, 1]);
    assert!(lab.a.has(&eth0, v4) && lab.a.has(&eth0, v6));
    assert!(!lab.a.has(&eth0, another));
}

#[test]
fn interface_that_is_gone_keeps_nothing_from_being_undone() {
    let Some(lab) = Lab::new() else { return };
    let directory = Directory::new();
    run_and_crash(&lab, &directory, &vips());
    lab.unplug();
    lab.plug();
    let said = undo(&lab, &directory);
    assert_eq!(
        said.iter().filter(|text| text.starts_with("gone already: ")).count(),
        2,
        "{said:?}"
    );
    let (lo, _) = lab.a.interface("lo");
    assert!(vips().into_iter().all(|vip| !lab.a.has(&lo, vip)));
}

#[test]
fn what_the_kernel_refuses_stays_in_the_record() {
    use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
    let Some(lab) = Lab::new() else { return };
    let directory = Directory::new();
    run_and_crash(&lab, &directory, &vips());
    lab.a.inside(|| {
        let mut sets = capabilities(None).expect("capabilities");
        sets.effective.remove(CapabilitySet::NET_ADMIN);
        set_capabilities(None, sets).expect("fewer");
        let mut record = Record::open(directory.path()).expect("a record");
        let mut netlink = Netlink::open().expect("a socket");
        let before = record.entries().to_vec();
        let is_address = |entry: &_| matches!(entry, vrrp::linux::record::Entry::Address { .. });
        let undone = record.undo_only(&mut netlink, &Sysctls::of_host(), is_address);
        let undone = undone.expect("written");
        assert!(undone.iter().all(|u| matches!(u.outcome, Outcome::Failed(_))), "{undone:?}");
        assert_eq!(undone.len(), 4);
        let mut after = record.entries().to_vec();
        after.sort_by_key(|entry| before.iter().position(|other| other == entry));
        assert_eq!(after, before);
    });
    assert!(!undo(&lab, &directory).is_empty());
}

#[test]
fn another_namespace_has_nothing_to_undo() {
    let Some(lab) = Lab::new() else { return };
    let directory = Directory::new();
    run_and_crash(&lab, &directory, &vips());
    lab.b.inside(|| {
        let record = Record::open(directory.path()).expect("a record");
        assert!(record.entries().is_empty());
    });
}
