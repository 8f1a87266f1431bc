//! What is announced for the sake of a pool.

use std::net::TcpListener;

use crate::lab::{Host, Lab};
use crate::node::{Node, PATIENCE, said};
use crate::site::{Section, await_stage_of, zone};
use crate::tor::{Tor, lab};

/// The address of a service that runs on the host itself.
const WEB: &str = "203.0.113.80/32";
/// A prefix of which the host has no address.
const WIDE: &str = "198.51.100.0/24";

/// Where the only member of the pool is asked.
const PORT: u16 = 8080;

/// The pool `web` has the client for its member.
fn pool(lab: &Lab) -> String {
    let member = lab.host("client").address();
    let pace = "every: 200ms, timeout: 200ms, fall: 1, rise: 1";
    format!(
        "probes:\n  open: {{ tcp: {{ port: {PORT} }}, {pace} }}\n\
         pools:\n  web: {{ probe: open, members: [{member}] }}\n"
    )
}

/// A member that is well as long as this lives: the kernel accepts what nobody takes.
fn member(host: &Host) -> TcpListener {
    host.inside(|| TcpListener::bind((host.address(), PORT)).expect("a free port"))
}

fn section(host: &Host, lab: &Lab) -> Section {
    Section::of(host, lab)
        .with("allow", format!("[203.0.113.53/32, \"2001:db8:53::53/128\", {WEB}, {WIDE}]"))
        .also("web")
        .announcing("prefixes", format!("[{WEB}]"))
        .announcing("when", "{ pool: lab.test/web }")
        .announcing("deprefer", "{ med: 200 }")
        .announcing("health", "{ up_hold: 1s }")
        .also("wide")
        .announcing("prefixes", format!("[{WIDE}]"))
        .announcing("when", "{ pool: lab.test/web }")
        .announcing("on_down", "withdraw")
        .announcing("health", "{ up_hold: 1s }")
}

#[test]
fn a_pool_that_is_down_makes_others_preferred_or_withdraws_as_configured() {
    let Some(lab) = lab(&["n1", "client", "gateway"]) else { return };
    let (tor, n1) = (Tor::start(&lab, &["n1"]), lab.host("n1"));
    let well = member(lab.host("client"));
    let folder = section(n1, &lab).folder(n1);
    folder.write("lab.zone", &zone(n1, &pool(&lab)));
    let node = Node::start_in(n1, folder);
    for prefix in [WEB, WIDE] {
        tor.await_route("n1", prefix, &["BGP.as_path: 64512\n"]);
    }
    drop(well);
    tor.await_route("n1", WEB, &["BGP.med: 200"]);
    tor.await_none("n1", WIDE);
    assert!(await_stage_of(&node, "web", "de-preferred").contains("pool lab.test/web is down"));
    assert!(await_stage_of(&node, "wide", "withdrawn").contains("pool is down"));
    await_stage_of(&node, "dns", "announced");
    let _well = member(lab.host("client"));
    tor.await_route("n1", WIDE, &[]);
    await_stage_of(&node, "web", "announced");
    let route = tor.route_of("n1", WEB).expect("announced");
    assert!(!route.contains("BGP.med: 200"), "{route}");
}

#[test]
fn what_no_address_of_the_node_covers_leads_nowhere_until_it_stops() {
    let Some(lab) = lab(&["n1", "client", "gateway"]) else { return };
    let (tor, n1) = (Tor::start(&lab, &["n1"]), lab.host("n1"));
    let _well = member(lab.host("client"));
    let folder = section(n1, &lab).folder(n1);
    folder.write("lab.zone", &zone(n1, &pool(&lab)));
    let mut node = Node::start_in(n1, folder);
    tor.await_route("n1", WIDE, &[]);
    let routes = || n1.ip(&format!("route show {WIDE}"));
    assert!(routes().starts_with("unreachable "), "else it loops with the router: {}", routes());
    node.kill();
    assert!(routes().starts_with("unreachable "), "{}", routes());
    let release = node.rhumb("release");
    assert!(release.status.success(), "{}", said(&release));
    assert_eq!(routes(), "", "release undoes it after a crash");
    let mut node = node.start_again();
    await_stage_of(&node, "wide", "announced");
    assert!(routes().starts_with("unreachable "), "{}", routes());
    assert!(node.stop().success());
    assert_eq!(routes(), "", "and so does a stop");
}

#[test]
fn withdrawing_dns_for_a_pool_is_refused() {
    let Some(lab) = lab(&["n1", "client", "gateway"]) else { return };
    let n1 = lab.host("n1");
    let folder = Section::of(n1, &lab)
        .announcing("when", "{ pool: lab.test/web }")
        .announcing("on_down", "withdraw")
        .folder(n1);
    let text = std::fs::read_to_string(folder.path("rhumb.yaml")).expect("its file");
    folder.write("rhumb.yaml", &text.replace("0.0.0.0:53", "203.0.113.53:53"));
    folder.write("lab.zone", &zone(n1, &pool(&lab)));
    let mut node = Node::start_in(n1, folder);
    assert!(!node.daemon.wait(PATIENCE).expect("it ends").success());
    node.await_log("`on_down: withdraw` would take DNS on 203.0.113.53 away");
}
