//! What waits in the socket is read before any timer is believed.

use super::*;
use crate::config::{Preempt, Version};
use crate::fixture::pair;

#[test]
fn a_release_that_was_taken_back_while_this_node_stood_still_moves_nothing() {
    let mut node = Node::backup(pair(Version::V3));
    node.at(9000);
    assert_eq!(node.hears(0), "", "the rest of the socket is not read yet");
    assert_eq!(node.hears(150), "");
    assert_eq!(node.timeout(), "");
    assert_eq!(node.due(), 9000.0 + 3609.375);
}

#[test]
fn an_advertisement_in_the_socket_restarts_a_timer_that_ran_out_long_ago() {
    let mut node = Node::backup(pair(Version::V3));
    assert_eq!(node.at(60_000).hears(150), "");
    assert_eq!(node.timeout(), "");
    assert_eq!(node.due(), 60_000.0 + 3609.375);
}

#[test]
fn a_higher_active_in_the_socket_behind_a_lower_one_is_not_displaced() {
    let config = Config { preempt: Preempt::Always, ..pair(Version::V3) };
    let mut node = Node::backup(config);
    node.at(1000).hears(50);
    node.at(9000);
    assert_eq!(node.hears(50), "");
    assert_eq!(node.hears(150), "");
    assert_eq!(node.timeout(), "");
}
