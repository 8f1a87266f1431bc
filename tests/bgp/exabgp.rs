//! ExaBGP 4, which connects and does not listen.

use rhumb::bgp::message::Cease;
use rhumb::bgp::routes::{NextHop, Route, RouteSet};

use crate::attributes::decorated;
use crate::lab::Lab;
use crate::node::{ANYCAST, Node, PATIENCE, config, peer, routes};
use crate::routers::{ExaBgp, Program, there};

#[test]
fn it_reads_what_is_announced_and_withdrawn() {
    let Some(lab) = there(&[Program::ExaBgp]).then(|| Lab::new(&["n1", "n2"])).flatten() else {
        return;
    };
    let (n1, n2) = (lab.host("n1"), lab.host("n2"));
    let exabgp = ExaBgp::start(
        n2,
        &format!(
            "neighbor {} {{ router-id 10.0.0.2; local-address {}; local-as 64500; \
             peer-as 64512; hold-time 9; family {{ ipv4 unicast; ipv6 unicast; }}",
            n1.address(),
            n2.address()
        ),
    );
    let node = Node::start(n1, config(vec![peer(n2.address())]));
    let mut wanted = routes(&ANYCAST[..1], &decorated());
    let given = Route { next_hop: NextHop::Given(n1.address6()), ..decorated() };
    wanted.extend(routes(&ANYCAST[2..3], &given));
    node.announce(wanted);
    for text in [
        "\"as-path\": [ 64512, 64512, 64512 ]",
        "\"origin\": \"incomplete\"",
        "\"med\": 100",
        "\"community\": [ [ 64512, 100 ], [ 65535, 65281 ] ]",
        "\"large-community\": [ [ 64512, 1 , 100 ] ]",
        "\"ipv4 unicast\": { \"10.0.0.1\": [ { \"nlri\": \"203.0.113.53/32\" } ] }",
        "\"ipv6 unicast\": { \"fd00:1::1\": [ { \"nlri\": \"2001:db8:53::53/128\" } ] }",
        "\"eor\"",
    ] {
        exabgp.daemon.wait_for_log(text, PATIENCE);
    }
    node.announce(RouteSet::new());
    exabgp.daemon.wait_for_log("\"withdraw\": { \"ipv4 unicast\"", PATIENCE);
    exabgp.daemon.wait_for_log("\"withdraw\": { \"ipv6 unicast\"", PATIENCE);
    node.stop(Cease::AdministrativeShutdown, "moved to rack 7");
    // 4.2.21 has no words for what a NOTIFICATION (type 3) says.
    exabgp.daemon.wait_for_log("message of type \\\"3\\\"", PATIENCE);
}
