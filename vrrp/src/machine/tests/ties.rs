//! Whose addresses decide among equal priorities.

use super::*;
use crate::config::{Family, Peer, Version};
use crate::fixture::{dual_stack, multicast, pair, v6};
use crate::machine::tie::{deciding_path, rank};

fn heard(address: IpAddr, peer: Option<usize>) -> Sender {
    Sender { address, peer: peer.map(PeerId) }
}

/// A unicast group of two families, whose first is given.
fn unicast(first: Family, paths: Vec<IpAddr>) -> Config {
    let addresses = match first {
        Family::V4 => vec![v4(100), v6(100)],
        Family::V6 => vec![v6(100), v4(100)],
    };
    let peers = vec![Peer { name: "b".to_owned(), addresses: paths, hops: 1 }];
    Config { addresses, peers, ..pair(Version::V3) }
}

#[test]
fn in_multicast_the_first_members_addresses_decide() {
    let config = multicast(Version::V3);
    let cases = [(1, Ordering::Less), (2, Ordering::Equal), (3, Ordering::Greater)];
    for (n, order) in cases {
        assert_eq!(rank(&config, 0, &heard(v4(n), None), v4(2)), Rank::Decides(order), "{n}");
    }
}

#[test]
fn in_multicast_the_second_members_addresses_only_follow() {
    let ranked = rank(&dual_stack(), 1, &heard(v6(3), None), v6(2));
    assert_eq!(ranked, Rank::Follows(Ordering::Greater));
}

#[test]
fn in_unicast_the_first_path_of_the_first_family_decides_for_every_member_and_path() {
    let config = unicast(Family::V4, vec![v6(9), v4(2), v4(7)]);
    assert_eq!(deciding_path(&config), 1);
    for (member, from) in [(0, v4(2)), (0, v4(7)), (1, v6(9))] {
        let sender = heard(from, Some(0));
        assert_eq!(rank(&config, member, &sender, v4(1)), Rank::Decides(Ordering::Greater));
        assert_eq!(rank(&config, member, &sender, v4(3)), Rank::Decides(Ordering::Less));
    }
}

#[test]
fn the_first_family_is_that_of_the_first_address() {
    let paths = vec![v4(2), v6(9)];
    assert_eq!(deciding_path(&unicast(Family::V4, paths.clone())), 0);
    assert_eq!(deciding_path(&unicast(Family::V6, paths)), 1);
}

#[test]
fn two_nodes_with_crossed_addresses_rank_each_other_in_opposite_ways() {
    //  Each node's IPv4 and IPv6 address: whoever has the higher one has the lower other one.
    let (a, b) = ((v4(1), v6(9)), (v4(2), v6(8)));
    for first in [Family::V4, Family::V6] {
        let seen_by_a = unicast(first, vec![b.0, b.1]);
        let seen_by_b = unicast(first, vec![a.0, a.1]);
        let (ours_a, ours_b) = match first {
            Family::V4 => (a.0, b.0),
            Family::V6 => (a.1, b.1),
        };
        for (member, from_a, from_b) in [(0, a.0, b.0), (1, a.1, b.1)] {
            let a_sees = rank(&seen_by_a, member, &heard(from_b, Some(0)), ours_a);
            let b_sees = rank(&seen_by_b, member, &heard(from_a, Some(0)), ours_b);
            let Rank::Decides(a_sees) = a_sees else { panic!("{a_sees:?}") };
            assert_eq!(b_sees, Rank::Decides(a_sees.reverse()), "{first} {member}");
        }
    }
}
