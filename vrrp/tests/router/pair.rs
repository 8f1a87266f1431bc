//! Two groups with each other.

use std::time::Duration;

use vrrp::auth::{Auth, HmacAuth, HmacMode, Key};
use vrrp::conditions::Health;
use vrrp::config::{Config, Need, Peer, Preempt, Priority, Version, Witness};
use vrrp::machine::{Outcome, State};

use crate::lab::{Lab, Namespace, PATIENCE, address};
use crate::node::{Node, VIP, config, ipv4, wait_until};

fn has_vip(host: &Namespace) -> bool {
    host.has(&host.interface("eth0").0, VIP)
}

#[test]
fn better_node_is_active_and_its_stop_hands_over_and_undoes_everything() {
    let Some(lab) = Lab::new() else { return };
    let a = Node::start(&lab.a, Config { preempt: Preempt::Always, ..config(150) });
    a.await_state(State::Active);
    let b = Node::start(&lab.b, config(100));
    b.await_state(State::Backup);
    assert!(has_vip(&lab.a) && !has_vip(&lab.b));
    assert!(lab.b.has(&lab.b.interface("lo").0, VIP), "the standby accepts the address too");
    a.stop();
    assert_eq!(b.await_state(State::Active), "released");
    assert!(!has_vip(&lab.a));
    assert!(!lab.a.has(&lab.a.interface("lo").0, VIP));
    // Its own word is all that is left, until the record is undone.
    assert!(a.entries().iter().all(|entry| entry.contains("arp_")), "{:?}", a.entries());
    b.stop();
}

#[test]
fn silence_is_taken_for_the_end_and_the_dead_ones_addresses_are_leased() {
    let Some(lab) = Lab::new() else { return };
    let a = Node::start(&lab.a, config(150));
    a.await_state(State::Active);
    let b = Node::start(&lab.b, config(100));
    b.await_state(State::Backup);
    a.crash();
    assert_eq!(b.await_state(State::Active), "silence");
    let left = lab.a.addresses(&lab.a.interface("eth0").0);
    let vip = left.iter().find(|found| found.address == VIP).expect("it was just put there");
    assert!(vip.valid.is_some_and(|rest| rest <= Duration::from_secs(10)), "{vip:?}");
    b.stop();
}

#[test]
fn failover_goes_to_the_peer_or_nowhere() {
    let Some(lab) = Lab::new() else { return };
    let a = Node::start(&lab.a, config(150));
    a.await_state(State::Active);
    let alone = a.handle.failover().recv_timeout(PATIENCE);
    assert_eq!(alone, Ok(Outcome::NobodyTookOver));
    let b = Node::start(&lab.b, config(100));
    b.await_state(State::Backup);
    let end = a.handle.failover().recv_timeout(PATIENCE).expect("an end");
    assert!(matches!(end, Outcome::TookOver(sender) if sender.address == address("192.0.2.2")
        || sender.address.is_ipv6()));
    assert_eq!(b.await_state(State::Active), "released");
    let status = a.handle.status();
    assert!(status.held && status.active.is_some(), "{status:#?}");
    assert!(has_vip(&lab.b) && !has_vip(&lab.a));
    a.stop();
    b.stop();
}

#[test]
fn node_that_cannot_answer_is_relieved_by_a_healthy_one() {
    let Some(lab) = Lab::new() else { return };
    let a = Node::start(&lab.a, config(150));
    a.await_state(State::Active);
    let b = Node::start(&lab.b, config(100));
    b.await_state(State::Backup);
    a.handle.set_health(Health::CannotAnswer);
    assert_eq!(b.await_state(State::Active), "relieved");
    assert_eq!(a.await_state(State::Backup), "higher_priority");
    assert_eq!(a.handle.status().priority, Priority(1));
    a.stop();
    b.stop();
}

#[test]
fn peers_on_several_paths_with_keys_hear_each_other_and_nobody_else() {
    let Some(lab) = Lab::new() else { return };
    let keys = |id| vec![Key { id, secret: vec![id; 32] }];
    let hmac = |id| HmacAuth {
        mode: HmacMode::Enforce,
        keys: keys(id),
        send: id,
        window: Duration::from_secs(5),
    };
    let unicast = |priority, peer: &str, key| Config {
        peers: vec![Peer {
            name: peer.to_owned(),
            addresses: vec![
                address(&format!("192.0.2.{peer}")),
                address(&format!("2001:db8::{peer}")),
            ],
            hops: 1,
        }],
        pair_mode: true,
        auth: Auth::Hmac(hmac(key)),
        ..config(priority)
    };
    let a = Node::start(&lab.a, unicast(150, "2", 1));
    a.await_state(State::Active);
    let b = Node::start(&lab.b, unicast(100, "1", 1));
    b.await_state(State::Backup);
    a.stop();
    assert_eq!(b.await_state(State::Active), "released");
    let traffic = b.handle.status().traffic;
    assert!(traffic.iter().all(|member| member.received > 0), "{traffic:?}");
    let stranger = Node::start(&lab.a, unicast(50, "2", 2));
    stranger.await_warning("authenticates with key 1, which this node does not have");
    assert!(stranger.handle.status().dropped.contains_key("unknown_key"));
    stranger.stop();
    b.stop();
}

#[test]
fn other_version_is_named_and_counted() {
    let Some(lab) = Lab::new() else { return };
    let second = Duration::from_secs(1);
    let a = Node::start(&lab.a, Config { version: Version::V2, advertise: second, ..ipv4(100) });
    let b = Node::start(&lab.b, ipv4(100));
    b.await_state(State::Active);
    a.await_warning("192.0.2.2 speaks version 3, this node version 2");
    let status = a.handle.status();
    assert!(status.dropped.contains_key("version"), "{status:#?}");
    assert!(status.warnings.iter().any(|w| w.text.contains("speaks version")), "{status:#?}");
    a.stop();
    b.stop();
}

#[test]
fn other_addresses_are_named_and_still_elect_one() {
    let Some(lab) = Lab::new() else { return };
    let a = Node::start(&lab.a, ipv4(150));
    a.await_state(State::Active);
    let mut more = ipv4(100);
    more.addresses.push(address("192.0.2.101"));
    let b = Node::start(&lab.b, more);
    b.await_warning("192.0.2.1 advertises other addresses (without 192.0.2.101)");
    assert_eq!(b.handle.status().state, State::Backup);
    a.stop();
    b.stop();
}

#[test]
fn witness_that_answers_is_seen_and_one_that_is_missing_keeps_the_node_at_the_floor() {
    let Some(lab) = Lab::new() else { return };
    let witness = |last: u8| {
        Some(Witness {
            addresses: vec![[192, 0, 2, last].into()],
            need: Need::Any,
            every: Duration::from_millis(100),
            misses: 3,
            required: true,
        })
    };
    let seen = Node::start(&lab.a, Config { witness: witness(2), ..ipv4(100) });
    seen.await_warning("priority 100");
    seen.stop();
    let lost = Node::start(&lab.a, Config { witness: witness(99), ..ipv4(100) });
    lost.await_warning("the witness does not answer: priority 1");
    lost.stop();
}

#[test]
fn virtual_mac_address_is_heard_by_its_other_owner_and_known_to_neighbours() {
    let Some(lab) = Lab::new() else { return };
    let a = Node::start(&lab.a, Config { vmac: true, ..config(150) });
    a.await_state(State::Active);
    let b = Node::start(&lab.b, Config { vmac: true, preempt: Preempt::Always, ..config(100) });
    b.await_state(State::Backup);
    lab.b.run("ping", &["-c", "1", "-W", "5", "-I", "192.0.2.2", "192.0.2.100"]);
    let traffic = || b.handle.status().traffic;
    wait_until("both members to be heard", || traffic().iter().all(|m| m.received > 3));
    a.handle.failover().recv_timeout(PATIENCE).expect("an end");
    assert_eq!(b.await_state(State::Active), "released");
    let (_, mac) = lab.b.interface("vr4-51-2");
    assert_eq!(mac.to_string(), "00:00:5e:00:01:33");
    a.stop();
    b.stop();
    assert!(!lab.b.ip("link").contains("vr4-51"));
}
