//! Links that go down take next hops, groups and routes with them; what comes of it.

use rhumb::ecmp::{Standing, Why};

use crate::lab::{Lab, until};
use crate::router::{Fleet, PATIENCE, Router, V4, V6, Watch, entry};

fn fleet() -> Fleet {
    Fleet::of(["10.0.0.11", "10.255.0.12", "fd00:1::11", "fd00:255::12"])
}

const BOTH4: [(&str, u64); 2] = [("10.0.0.11", 1), ("10.255.0.12", 1)];
const BOTH6: [(&str, u64); 2] = [("fd00:1::11", 1), ("fd00:255::12", 1)];

#[test]
fn members_behind_a_link_that_is_down_are_out_until_it_is_up() {
    let Some(lab) = Lab::with_two_lans(&["n1"]) else { return };
    let router = Router::start(lab.host("n1"), &[entry(V4), entry(V6)], &fleet());
    router.wait_for(V4, &BOTH4);
    router.wait_for(V6, &BOTH6);

    let watch = Watch::of(lab.host("n1"), "10.9.9.9");
    let unplugged = lab.port("n1").unplug();
    router.wait_for(V4, &BOTH4[1..]);
    router.wait_for(V6, &BOTH6[1..]);
    let eth0 = "eth0".into();
    let said = until(PATIENCE, || {
        router.status(0).members[0].standing
            == Standing::Out(Why::LinkDown(std::sync::Arc::clone(&eth0)))
    });
    assert!(said, "{:?}", router.status(0));
    unplugged.heal();
    router.wait_for(V4, &BOTH4);
    router.wait_for(V6, &BOTH6);
    let (missed, asked) = watch.stop();
    assert!(
        missed == 0 && asked > 100,
        "the other link was there all the time: {missed} of {asked}"
    );
}

#[test]
fn a_host_without_links_has_its_routes_again_when_they_are_up() {
    let Some(lab) = Lab::with_two_lans(&["n1"]) else { return };
    let router = Router::start(lab.host("n1"), &[entry(V4), entry(V6)], &fleet());
    router.wait_for(V4, &BOTH4);
    router.wait_for(V6, &BOTH6);
    for _ in 0..3 {
        let faults = [lab.port("n1").unplug(), lab.second_port("n1").unplug()];
        router.wait_for_absence(V4);
        router.wait_for_absence(V6);
        faults.into_iter().for_each(crate::lab::Fault::heal);
        router.wait_for(V4, &BOTH4);
        router.wait_for(V6, &BOTH6);
    }
    // Administratively, too. IPv6 addresses go with the link, and are given back.
    let host = lab.host("n1");
    host.ip("link set eth0 down");
    host.ip("link set eth1 down");
    router.wait_for_absence(V4);
    host.ip("link set eth0 up");
    host.ip("link set eth1 up");
    router.wait_for(V4, &BOTH4);
    host.ip(&format!("address add {}/64 dev eth0", host.address6_on(0)));
    host.ip(&format!("address add {}/64 dev eth1", host.address6_on(1)));
    router.wait_for(V6, &BOTH6);
}

#[test]
fn an_address_that_makes_a_gateway_a_neighbour_is_noticed() {
    let Some(lab) = Lab::new(&["n1"]) else { return };
    let host = lab.host("n1");
    let fleet = Fleet::of(["10.0.0.11", "192.0.2.12", "198.51.100.13"]);
    let router = Router::start(host, &[entry(V4)], &fleet);
    router.wait_for(V4, &[("10.0.0.11", 1)]);
    host.ip("address add 192.0.2.1/24 dev eth0");
    router.wait_for(V4, &[("10.0.0.11", 1), ("192.0.2.12", 1)]);
    host.ip("route add 198.51.100.0/24 dev eth0");
    router.wait_for(V4, &[("10.0.0.11", 1), ("192.0.2.12", 1), ("198.51.100.13", 1)]);
    host.ip("address del 192.0.2.1/24 dev eth0");
    router.wait_for(V4, &[("10.0.0.11", 1), ("198.51.100.13", 1)]);
}
