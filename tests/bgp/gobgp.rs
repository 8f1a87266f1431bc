//! GoBGP 3.

use rhumb::bgp::config::Password;
use rhumb::bgp::routes::{NextHop, Route, RouteSet};

use crate::attributes::decorated;
use crate::lab::{Lab, Signal, until};
use crate::node::{ANYCAST, Node, PATIENCE, config, peer, routes};
use crate::routers::{GoBgp, Program, there};

fn configuration(neighbour: &str) -> String {
    let families: String = ["ipv4-unicast", "ipv6-unicast"]
        .map(|name| {
            format!("[[neighbors.afi-safis]]\n[neighbors.afi-safis.config]\nafi-safi-name = \"{name}\"\n")
        })
        .concat();
    format!(
        "[global.config]\nas = 64500\nrouter-id = \"10.0.0.2\"\n\
         [[neighbors]]\n[neighbors.config]\nneighbor-address = \"{neighbour}\"\npeer-as = 64512\n\
         auth-password = \"secret\"\n\
         [neighbors.timers.config]\nconnect-retry = 1\nidle-hold-time-after-reset = 1\n\
         hold-time = 3\nkeepalive-interval = 1\n{families}"
    )
}

fn await_rib(gobgp: &GoBgp<'_>, family: &str, wanted: impl Fn(&str) -> bool) {
    let rib = || gobgp.gobgp(&format!("global rib -a {family}"));
    assert!(until(PATIENCE, || wanted(&rib())), "{}", rib());
}

#[test]
fn a_signed_session_has_all_attributes_and_survives_a_freeze() {
    let Some(lab) = there(&[Program::GoBgp]).then(|| Lab::new(&["n1", "n2"])).flatten() else {
        return;
    };
    let (n1, n2) = (lab.host("n1"), lab.host("n2"));
    let gobgp = GoBgp::start(n2, &configuration(&n1.address().to_string()));
    let mut peer = peer(n2.address());
    peer.password = Some(Password(b"secret".to_vec()));
    let node = Node::start(n1, config(vec![peer]));
    let mut wanted = routes(&ANYCAST[..1], &decorated());
    let given = Route { next_hop: NextHop::Given(n1.address6()), ..decorated() };
    wanted.extend(routes(&ANYCAST[2..3], &given));
    node.announce(wanted);
    let has_all = |prefix: &'static str| {
        move |rib: &str| {
            let parts = [
                prefix,
                "64512 64512 64512",
                "{Origin: ?}",
                "{Med: 100}",
                "64512:100, no-export",
                "64512:1:100",
            ];
            parts.iter().all(|part| rib.contains(part))
        }
    };
    await_rib(&gobgp, "ipv4", has_all(ANYCAST[0]));
    await_rib(&gobgp, "ipv6", has_all(ANYCAST[2]));
    gobgp.daemon.signal(Signal::Freeze);
    node.await_word("Established → Active: hold timer expired (4/0)");
    gobgp.daemon.signal(Signal::Thaw);
    await_rib(&gobgp, "ipv4", has_all(ANYCAST[0]));
    node.announce(RouteSet::new());
    await_rib(&gobgp, "ipv4", |rib| rib.contains("Network not in table"));
    await_rib(&gobgp, "ipv6", |rib| rib.contains("Network not in table"));
}
