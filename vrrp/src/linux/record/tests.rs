use std::fs;

use super::*;
use crate::linux::netlink::{AddressState, Netlink};
use crate::linux::testing::Directory;

fn kernel() -> Kernel {
    Kernel { boot: "b0".to_owned(), namespace: 1 }
}

fn open(directory: &Directory) -> Record {
    Record::open_for(directory.path(), kernel()).expect("a record")
}

fn eth0() -> Interface {
    Interface { index: 2, name: "eth0".to_owned() }
}

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn active() -> Active {
    Active {
        group: "dns-vip".to_owned(),
        interface: "eth0".to_owned(),
        vrid: 51,
        version: 3,
        interval_ms: 1000,
        addresses: vec![address("192.0.2.100")],
        sources: vec![address("192.0.2.1")],
        peers: vec![address("192.0.2.2")],
        pair_mode: true,
    }
}

/// A tree of knobs: `eth0` with `arp_ignore` 0 and `arp_announce` 0.
fn knobs() -> (Directory, Sysctls) {
    let root = Directory::new();
    let conf = root.path().join("net/ipv4/conf/eth0");
    fs::create_dir_all(&conf).expect("a directory");
    for name in ["arp_ignore", "arp_announce"] {
        fs::write(conf.join(name), "0\n").expect("a file");
    }
    let sysctls = Sysctls::at(root.path());
    (root, sysctls)
}

#[test]
fn record_is_read_as_it_was_written() {
    let (directory, (_root, sysctls)) = (Directory::new(), knobs());
    let sequence = LastSequence { seconds: 7, fraction: 6, counter: 5 };
    let mut record = open(&directory);
    let wanted = [address("192.0.2.100"), address("2001:db8::100")];
    record.claim(&eth0(), &wanted, &[]).expect("written");
    record.turn(&sysctls, "eth0", Knob::ArpIgnore, 1).expect("turned");
    record.add_link("vr4-51-2").expect("written");
    record.set_active(active()).expect("written");
    record.set_sequence(sequence).expect("written");
    let contents = record.contents.clone();
    drop(record);

    let record = open(&directory);
    assert_eq!(record.contents, contents);
    assert_eq!(record.entries().len(), 4);
    assert_eq!(record.active(), [active()]);
    assert_eq!(record.sequence(), Some(sequence));
    assert_eq!(record.complaint(), None);
}

#[test]
fn damaged_file_is_kept_aside_and_complained_of() {
    let whole = {
        let directory = Directory::new();
        open(&directory).set_active(active()).expect("written");
        fs::read(directory.path().join("vrrp.json")).expect("a file")
    };
    let other_format = br#"{"format":2,"kernel":{"boot":"b0","namespace":1}}"#.to_vec();
    for text in [Vec::new(), whole[..whole.len() / 2].to_vec(), vec![0xff; 100], other_format] {
        let directory = Directory::new();
        fs::write(directory.path().join("vrrp.json"), &text).expect("a file");
        let record = open(&directory);
        assert!(record.entries().is_empty() && record.active().is_empty());
        let complaint = record.complaint().expect("a complaint");
        assert!(complaint.contains("vrrp.json is damaged ("), "{complaint}");
        assert!(complaint.contains("kept as"), "{complaint}");
        let aside = fs::read(directory.path().join("vrrp.json.bad")).expect("a file");
        assert_eq!(aside, text);
    }
}

#[test]
fn crash_while_writing_leaves_the_old_record() {
    let directory = Directory::new();
    open(&directory).set_active(active()).expect("written");
    fs::write(directory.path().join("vrrp.json.new"), "{\"form").expect("a file");
    let record = open(&directory);
    assert_eq!(record.active(), [active()]);
    assert_eq!(record.complaint(), None);
}

#[test]
fn second_process_is_refused() {
    let directory = Directory::new();
    let first = open(&directory);
    let error = Record::open_for(directory.path(), kernel()).expect_err("locked");
    assert!(error.to_string().ends_with("another process keeps this state directory"), "{error}");
    drop(first);
    open(&directory);
}

#[test]
fn after_a_reboot_only_the_sequence_is_left() {
    let directory = Directory::new();
    let sequence = LastSequence { seconds: 7, fraction: 6, counter: 5 };
    let mut record = open(&directory);
    record.claim(&eth0(), &[address("192.0.2.100")], &[]).expect("written");
    record.set_active(active()).expect("written");
    record.set_sequence(sequence).expect("written");
    drop(record);
    for other in [Kernel { boot: "b1".to_owned(), ..kernel() }, Kernel { namespace: 2, ..kernel() }]
    {
        let record = Record::open_for(directory.path(), other).expect("a record");
        assert!(record.entries().is_empty() && record.active().is_empty());
        assert_eq!(record.sequence(), Some(sequence));
    }
}

#[test]
fn address_that_was_there_before_is_not_claimed() {
    let directory = Directory::new();
    let mut record = open(&directory);
    let (theirs, ours) = (address("192.0.2.100"), address("192.0.2.101"));
    let local = |interface, address| LocalAddress {
        interface,
        address,
        prefix: 24,
        state: AddressState::Usable,
        valid: None,
    };
    // Ours stands on another interface: that is not this one.
    let present = [local(2, theirs), local(3, ours)];
    assert_eq!(record.claim(&eth0(), &[theirs, ours], &present).expect("written"), [theirs]);
    assert_eq!(record.entries(), [Entry::address(&eth0(), ours)]);
    // What an earlier run claimed is ours, though it is there.
    let present = [local(2, ours)];
    assert!(record.claim(&eth0(), &[ours], &present).expect("written").is_empty());
    record.release(&eth0(), &[ours]).expect("written");
    assert!(record.entries().is_empty());
}

#[test]
fn knobs_are_turned_back_unless_somebody_else_turned_them() {
    let (directory, (_root, sysctls)) = (Directory::new(), knobs());
    let mut netlink = Netlink::open().expect("a socket");
    let mut record = open(&directory);
    record.turn(&sysctls, "eth0", Knob::ArpIgnore, 1).expect("turned");
    record.turn(&sysctls, "eth0", Knob::ArpAnnounce, 2).expect("turned");
    sysctls.write("eth0", Knob::ArpAnnounce, 1).expect("written");
    let undone = record.undo(&mut netlink, &sysctls).expect("written");
    let said: Vec<_> = undone.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "changed by others, left alone: arp_announce of eth0, 0 before",
            "undone: arp_ignore of eth0, 0 before"
        ]
    );
    assert_eq!(sysctls.read("eth0", Knob::ArpIgnore).expect("a number"), 0);
    assert_eq!(sysctls.read("eth0", Knob::ArpAnnounce).expect("a number"), 1);
    assert!(record.entries().is_empty());
}

#[test]
fn value_before_is_remembered_over_two_turns() {
    let (directory, (_root, sysctls)) = (Directory::new(), knobs());
    let mut record = open(&directory);
    record.turn(&sysctls, "eth0", Knob::ArpAnnounce, 1).expect("turned");
    record.turn(&sysctls, "eth0", Knob::ArpAnnounce, 2).expect("turned");
    let knob = Knob::ArpAnnounce;
    let expected = Entry::Sysctl { interface: "eth0".to_owned(), knob, before: 0, ours: 2 };
    assert_eq!(record.entries(), [expected]);
}

#[test]
fn knob_that_is_right_already_is_not_ours() {
    let (directory, (_root, sysctls)) = (Directory::new(), knobs());
    sysctls.write("eth0", Knob::ArpIgnore, 1).expect("written");
    let mut record = open(&directory);
    record.turn(&sysctls, "eth0", Knob::ArpIgnore, 1).expect("nothing to do");
    assert!(record.entries().is_empty());
}

#[test]
fn interface_that_is_gone_has_nothing_to_undo() {
    let (directory, (root, sysctls)) = (Directory::new(), knobs());
    let mut record = open(&directory);
    record.turn(&sysctls, "eth0", Knob::ArpIgnore, 1).expect("turned");
    fs::remove_dir_all(root.path().join("net")).expect("removed");
    let mut netlink = Netlink::open().expect("a socket");
    let undone = record.undo(&mut netlink, &sysctls).expect("written");
    assert!(matches!(undone[..], [Undone { outcome: Outcome::Gone, .. }]), "{undone:?}");
}

#[test]
fn sequence_never_goes_back() {
    let directory = Directory::new();
    let mut record = open(&directory);
    let later = LastSequence { seconds: 9, fraction: 0, counter: 0 };
    record.set_sequence(later).expect("written");
    record.set_sequence(LastSequence { seconds: 8, fraction: 9, counter: 9 }).expect("written");
    assert_eq!(record.sequence(), Some(later));
}
