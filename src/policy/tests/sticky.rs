//! `sticky`: the same client gets the same; a failure moves only the failed child's clients.

use std::collections::HashMap;
use std::net::IpAddr;

use super::fixture::{Fixture, Scene};
use crate::policy::{Family, Policy, PolicyId, PrefixLengths};

const CLIENTS: u32 = 50_000;

/// The address that each of many /24s gets.
fn map(scene: &Scene) -> HashMap<IpAddr, IpAddr> {
    let mut rng = fastrand::Rng::with_seed(1);
    let clients = (0..CLIENTS).map(|n| IpAddr::V4((0x0a00_0000 + (n << 8)).into()));
    clients
        .map(|client| (client, scene.pick_for(Family::V4, client, &mut rng).addresses()[0]))
        .collect()
}

/// The share of clients whose address begins with a text.
fn share(map: &HashMap<IpAddr, IpAddr>, start: &str) -> f64 {
    let of = map.values().filter(|address| address.to_string().starts_with(start));
    of.count() as f64 / map.len() as f64
}

fn near(share: f64, expected: f64) {
    assert!((share - expected).abs() < 0.01, "{share}, not {expected}");
}

/// Checks that from one health to another only clients of addresses that begin with `failed` move.
fn only_moves(f: &mut Fixture, root: PolicyId, health: &str, failed: &str) {
    f.set("");
    let before = map(&f.scene(root));
    f.set(health);
    let after = map(&f.scene(root));
    for (client, address) in &before {
        let was_failed = address.to_string().starts_with(failed);
        assert_eq!(after[client] != *address, was_failed, "{client}: {address}, {}", after[client]);
    }
}

#[test]
fn shares_follow_weights_at_every_level() {
    let (mut f, [a, b, c]) = Fixture::abc();
    let inner = f.weighted(&[(a, 25), (b, 75)]);
    let root = f.sticky(&[(inner, 60), (c, 40)]);
    assert_eq!(f.shares(root, ""), "a 15, b 45, c 40");
    let map = map(&f.scene(root));
    near(share(&map, "192.0.2.1"), 0.15);
    near(share(&map, "192.0.2.2"), 0.45);
    near(share(&map, "192.0.2.30"), 0.20);
}

#[test]
fn draws_below_one_another_do_not_depend_on_each_other() {
    // The same children at two levels: those who lost `a` above must not lose it below.
    let (mut f, [a, b, c]) = Fixture::abc();
    let inner = f.sticky(&[(a, 1), (b, 1)]);
    let root = f.sticky(&[(inner, 1), (a, 1), (c, 1)]);
    let map = map(&f.scene(root));
    near(share(&map, "192.0.2.1"), 0.5);
    near(share(&map, "192.0.2.2"), 1.0 / 6.0);
    near(share(&map, "192.0.2.10"), 0.25);
}

#[test]
fn a_failed_child_moves_its_clients_only() {
    let (mut f, [a, b, c]) = Fixture::abc();
    let root = f.sticky(&[(a, 1), (b, 2), (c, 3)]);
    only_moves(&mut f, root, "b down", "192.0.2.2");
    only_moves(&mut f, root, "192.0.2.31 down", "192.0.2.31");
    let after = map(&f.scene(root));
    near(share(&after, "192.0.2.30"), 0.5);
}

#[test]
fn a_failure_below_moves_its_clients_only() {
    let (mut f, [a, b, c]) = Fixture::abc();
    let inner = f.weighted(&[(a, 25), (b, 75)]);
    let root = f.sticky(&[(inner, 60), (c, 40)]);
    only_moves(&mut f, root, "a down", "192.0.2.1");
    only_moves(&mut f, root, "192.0.2.20 down", "192.0.2.20");
}

#[test]
fn a_degraded_child_keeps_the_same_clients() {
    let (mut f, [a, b, c]) = Fixture::abc();
    let inner = f.degrading(&[(a, 70), (b, 50), (c, 0)]);
    let root = f.sticky(&[(inner, 1)]);
    f.set("192.0.2.11 down");
    let first = map(&f.scene(root));
    near(share(&first, "192.0.2.10"), 0.7);
    f.set("192.0.2.11 down, 192.0.2.21 down");
    let second = map(&f.scene(root));
    near(share(&second, "192.0.2.20"), 0.15);
    near(share(&second, "192.0.2.3"), 0.15);
    for (client, address) in &first {
        if address.to_string() == "192.0.2.10" || address.to_string() == "192.0.2.20" {
            let stays = second[client] == *address;
            assert!(stays || share_of_rest(second[client]), "{client}: {address}");
            assert!(stays || address.to_string() == "192.0.2.20", "a's clients stay");
        }
    }
}

/// Whether an address is of `c`, which takes what `b` gives up.
fn share_of_rest(address: IpAddr) -> bool {
    address.to_string().starts_with("192.0.2.3")
}

#[test]
fn a_new_child_or_weight_moves_clients_to_it_only() {
    let (mut f, [a, b, c]) = Fixture::abc();
    let two = f.sticky(&[(a, 1), (b, 1)]);
    let three = f.sticky(&[(a, 1), (b, 1), (c, 1)]);
    let heavier = f.sticky(&[(a, 1), (b, 2)]);
    let (two, three, heavier) = (map(&f.scene(two)), map(&f.scene(three)), map(&f.scene(heavier)));
    for (client, address) in &two {
        let now = three[client].to_string();
        assert!(now.starts_with("192.0.2.3") || three[client] == *address);
        let now = heavier[client].to_string();
        assert!(now.starts_with("192.0.2.2") || heavier[client] == *address);
    }
}

#[test]
fn several_answers_are_the_best_members_in_a_fixed_order() {
    let mut f = Fixture::new();
    let a = f.pool("a", "192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4*4");
    let root = f.sticky(&[(a, 1)]);
    let all = f.all(&[a]);
    let below = f.sticky(&[(all, 1)]);
    let one = map(&f.scene(root));
    f.routed.answers = Some(3);
    let (scene, below) = (f.scene(root), f.scene(below));
    let mut rng = fastrand::Rng::with_seed(2);
    for (client, first) in one.iter().take(500) {
        let picked = scene.pick_for(Family::V4, *client, &mut rng);
        assert_eq!(picked.addresses()[0], *first, "one answer is the first of three");
        assert_eq!(picked, scene.pick_for(Family::V4, *client, &mut rng), "by no chance");
        let union = below.pick_for(Family::V4, *client, &mut rng);
        assert_eq!(union.addresses(), picked.addresses(), "a union of one is the same");
    }
}

#[test]
fn clients_of_a_prefix_stay_together_in_both_families() {
    let mut f = Fixture::new();
    let many: String = (1..=9).map(|n| format!("192.0.2.{n} ")).collect();
    let a = f.pool("a", &many);
    let root = f.sticky(&[(a, 1)]);
    let scene = f.scene(root);
    let mut rng = fastrand::Rng::with_seed(4);
    let mut get = |client: &str| scene.pick(Family::V4, client, &mut rng).addresses()[0];
    assert_eq!(get("198.51.100.1"), get("198.51.100.200"));
    assert_eq!(get("2001:db8:0:1::1"), get("2001:db8:0:2::1"));
    let apart = (0..50).map(|n| get(&format!("198.51.{n}.1"))).collect::<Vec<_>>();
    assert!(apart.iter().any(|address| *address != apart[0]));
}

#[test]
fn clients_stay_where_they_are_in_every_version() {
    let (mut f, [a, b, c]) = Fixture::abc();
    let root = f.sticky(&[(a, 1), (b, 1), (c, 1)]);
    let scene = f.scene(root);
    let mut rng = fastrand::Rng::with_seed(6);
    let mut get = |client: &str| scene.pick(Family::V4, client, &mut rng).addresses()[0];
    let clients = ["10.0.0.1", "10.0.1.1", "192.0.2.1", "203.0.113.9", "2001:db8::1", "2a00::7"];
    let expected = [10, 21, 21, 10, 31, 21].map(|last| format!("192.0.2.{last}"));
    assert_eq!(clients.map(|client| get(client).to_string()), expected);
}

#[test]
fn an_inner_prefix_replaces_the_outer() {
    let (mut f, [a, b, _]) = Fixture::abc();
    let children = vec![(a, 1), (b, 1)];
    let by = PrefixLengths { v4: 0, v6: 0 };
    let inner = f.policy(Policy::Sticky { children, by });
    let root = f.sticky(&[(inner, 1)]);
    assert_eq!(f.scene(root).seen(Family::V4).len(), 1, "all clients are one below");
}
