//! This process did not run when the detection time ended.

use super::*;

#[test]
fn a_time_out_that_is_late_by_more_than_an_interval_gives_another_detection_time_once() {
    for state in [State::Init, State::Up] {
        let mut node = Node::in_state(state);
        node.at(1201).timeout();
        assert_eq!(node.session.state(), state);
        assert_eq!(node.told(), [Event::Stalled { late: ms(201), detection: ms(1000) }]);
        node.at(2200).timeout();
        assert_eq!(node.session.state(), state);
        // Late again, and nothing was heard: it is not the process.
        node.at(9000).timeout();
        assert_eq!(node.session.state(), State::Down);
        let failure = Failure::DetectionTimeExpired { silent: ms(9000), detection: ms(1000) };
        let told = if state == State::Up { Event::Down(failure) } else { Event::Lapsed(failure) };
        assert_eq!(node.told(), [told]);
    }
}

#[test]
fn one_that_is_late_by_an_interval_is_a_failure() {
    let mut node = Node::in_state(State::Up);
    node.at(1200).timeout();
    assert_eq!(node.session.state(), State::Down);
}

#[test]
fn what_the_socket_held_counts_and_every_packet_renews_the_forgiveness() {
    let mut node = Node::in_state(State::Up);
    for stall in 1..5 {
        node.at(stall * 5000).hear(State::Up);
        node.timeout();
        assert_eq!(node.told(), []);
        node.at(stall * 5000 + 3000).timeout();
        assert_eq!(node.told(), [Event::Stalled { late: ms(2000), detection: ms(1000) }]);
    }
}
