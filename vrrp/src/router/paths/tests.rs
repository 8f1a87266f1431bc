use super::super::surroundings::tests::{address, link};
use super::super::testing::config;
use super::*;
use crate::config::Peer;
use crate::linux::netlink::{Event, LocalAddress};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// A host with eth0 and a link-local address of the given state, and eth1.
fn host(state: AddressState) -> Surroundings {
    let addresses = vec![
        address(2, "192.0.2.1"),
        address(2, "192.0.2.100"),
        address(2, "2001:db8::1"),
        LocalAddress { state, ..address(2, "fe80::1") },
        address(3, "198.51.100.1"),
    ];
    Surroundings::new(vec![link(2, "eth0", true), link(3, "eth1", true)], addresses)
}

/// As the kernel would route: each prefix by its interface.
fn routes(peer: IpAddr) -> Option<IpAddr> {
    let table = [("192.0.2.2", "192.0.2.1"), ("198.51.100.2", "198.51.100.1")];
    let more = [("2001:db8::2", "2001:db8::1"), ("192.0.2.9", "192.0.2.100")];
    let found = table.iter().chain(&more).find(|(to, _)| ip(to) == peer)?;
    Some(ip(found.1))
}

fn unicast(peers: &[&[&str]]) -> Config {
    let peer = |addresses: &&[&str]| Peer {
        name: String::new(),
        addresses: addresses.iter().map(|text| ip(text)).collect(),
        hops: 1,
    };
    Config { peers: peers.iter().map(peer).collect(), ..config() }
}

fn shown(plan: &Plan) -> Vec<(usize, String, String)> {
    let show = |path: &Path| (path.member, path.source.to_string(), path.destination.to_string());
    plan.paths.iter().map(show).collect()
}

fn row(member: usize, source: &str, destination: &str) -> (usize, String, String) {
    (member, source.to_owned(), destination.to_owned())
}

#[test]
fn multicast_goes_from_the_primary_and_the_link_local_address() {
    let plan = Plan::new(&config(), &host(AddressState::Usable), routes);
    let expected = [row(0, "192.0.2.1", "224.0.0.18"), row(1, "fe80::1", "ff02::12")];
    assert_eq!(shown(&plan), expected);
    assert_eq!(plan.deciding, Some(ip("192.0.2.1")));
    assert!(plan.without_source.is_empty() && !plan.tentative);
}

#[test]
fn an_address_that_is_being_checked_is_waited_for() {
    let plan = Plan::new(&config(), &host(AddressState::Tentative), routes);
    assert_eq!(shown(&plan), [row(0, "192.0.2.1", "224.0.0.18")]);
    assert!(plan.tentative);
    assert_eq!(plan.without_source, [Family::V6]);
}

#[test]
fn an_address_of_another_host_is_none() {
    let plan = Plan::new(&config(), &host(AddressState::Duplicate), routes);
    assert!(!plan.tentative);
    assert_eq!(plan.without_source, [Family::V6]);
}

#[test]
fn a_configured_source_must_be_an_address_of_this_host() {
    let source = Some(vec![ip("192.0.2.77"), ip("fe80::1")]);
    let config = Config { source, ..config() };
    let mut host = host(AddressState::Usable);
    assert_eq!(Plan::new(&config, &host, routes).without_source, [Family::V4]);
    host.apply(&Event::Address(address(2, "192.0.2.77")));
    let plan = Plan::new(&config, &host, routes);
    assert_eq!(plan.deciding, Some(ip("192.0.2.77")));
}

#[test]
fn each_address_of_each_peer_is_a_path_of_its_family() {
    let config = unicast(&[&["192.0.2.2", "198.51.100.2", "2001:db8::2"], &["192.0.2.3"]]);
    let plan = Plan::new(&config, &host(AddressState::Usable), routes);
    let expected = [
        row(0, "192.0.2.1", "192.0.2.2"),
        row(0, "198.51.100.1", "198.51.100.2"),
        row(1, "2001:db8::1", "2001:db8::2"),
    ];
    assert_eq!(shown(&plan), expected, "192.0.2.3 has no route");
    assert_eq!(plan.deciding, Some(ip("192.0.2.1")));
    assert!(plan.without_source.is_empty());
}

#[test]
fn a_peer_with_a_link_local_address_is_on_the_interface() {
    let config = unicast(&[&["192.0.2.2", "fe80::2"]]);
    let plan = Plan::new(&config, &host(AddressState::Usable), routes);
    assert_eq!(shown(&plan)[1], row(1, "fe80::1", "fe80::2"));
}

#[test]
fn nothing_is_sent_from_a_virtual_address() {
    let config = unicast(&[&["192.0.2.9", "2001:db8::2"]]);
    let plan = Plan::new(&config, &host(AddressState::Usable), routes);
    assert_eq!(plan.without_source, [Family::V4]);
    assert_eq!(plan.deciding, None);
}

/// A host whose interface has nothing but the virtual addresses.
fn bare() -> Surroundings {
    let addresses = vec![address(2, "192.0.2.100"), address(2, "2001:db8::100")];
    Surroundings::new(vec![link(2, "eth0", true)], addresses)
}

#[test]
fn an_interface_with_nothing_but_the_virtual_address_is_told_from_one_without_any() {
    let plan = Plan::new(&config(), &bare(), routes);
    assert_eq!(plan.without_source, [Family::V4, Family::V6]);
    assert_eq!(plan.only_virtual, [ip("192.0.2.100")], "IPv6 sends from link-local addresses");
    let none = Surroundings::new(vec![link(2, "eth0", true)], Vec::new());
    assert_eq!(Plan::new(&config(), &none, routes).only_virtual, Vec::<IpAddr>::new());
}

#[test]
fn an_owner_sends_from_the_virtual_address_where_it_has_no_other() {
    let owner = |config| Config { priority: Priority::OWNER, ..config };
    let plan = Plan::new(&owner(config()), &bare(), routes);
    assert_eq!(shown(&plan), [row(0, "192.0.2.100", "224.0.0.18")]);
    let plan = Plan::new(&owner(unicast(&[&["192.0.2.9"]])), &bare(), routes);
    assert_eq!(shown(&plan), [row(0, "192.0.2.100", "192.0.2.9")]);
    let plan = Plan::new(&owner(config()), &host(AddressState::Usable), routes);
    assert_eq!(shown(&plan)[0], row(0, "192.0.2.1", "224.0.0.18"), "one of its own comes first");
}

#[test]
fn the_kernel_says_where_it_would_send_from() {
    assert_eq!(towards(ip("127.0.0.1")), Some(ip("127.0.0.1")));
}
