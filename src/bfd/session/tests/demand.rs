//! A neighbour that wants to be sent less, or nothing.

use super::*;

fn demanding() -> Control {
    Control { demand: true, ..theirs(State::Up) }
}

#[test]
fn a_neighbour_in_demand_mode_gets_answers_and_polls_only() {
    let mut node = Node::in_state(State::Up);
    node.hear_control(demanding());
    assert_eq!(node.session.status().transmit_interval, None);
    assert!(node.at(900).send().is_empty());
    node.hear_control(Control { poll: true, ..demanding() });
    assert_eq!(node.send().len(), 1);
    node.session.handle_config(Config { desired_min_tx: ms(500), ..config() });
    assert!(node.at(1800).send()[0].poll);
    node.hear_control(Control { final_: true, ..demanding() });
    assert!(node.at(2700).send().is_empty());
}

#[test]
fn demand_mode_ends_with_up() {
    let mut node = Node::in_state(State::Up);
    node.hear_control(demanding());
    node.at(1001).timeout();
    assert_eq!(node.session.state(), State::Down);
    assert_eq!(node.send().len(), 1);
    assert_eq!(node.at(2001).send().len(), 1);
}

#[test]
fn a_neighbour_that_can_receive_nothing_gets_answers_only_until_it_is_lost() {
    for state in [State::Init, State::Up] {
        let mut node = Node::in_state(state);
        let deaf = Control { required_min_rx: Duration::ZERO, ..theirs(State::Up) };
        node.hear_control(deaf);
        assert!(node.at(900).send().is_empty());
        node.hear_control(Control { poll: true, ..deaf });
        let sent = node.send();
        assert_eq!((sent.len(), sent[0].final_), (1, true));
        // After a restart it may hear again, and wait for us.
        node.at(1901).timeout();
        assert_eq!(node.send().len(), 1);
    }
}
