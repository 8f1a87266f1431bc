//! An operator's end of the session, on either side.

use super::*;

#[test]
fn an_ended_session_goes_on_saying_so_slowly_and_answers_no_poll() {
    let mut node = Node::in_state(State::Up);
    node.session.handle_command(Command::Disable);
    assert_eq!(node.send()[0].state, State::AdminDown);
    node.at(50).hear_control(Control { poll: true, ..theirs(State::Up) });
    assert!(node.send().is_empty());
    assert_eq!(node.session.farewell(), ms(3000));
    let sent = node.at(1000).send();
    assert_eq!((sent[0].state, sent[0].desired_min_tx), (State::AdminDown, ms(1000)));
    assert_eq!(sent[0].diagnostic, Diagnostic::AdministrativelyDown);
}

#[test]
fn an_answer_that_is_due_is_not_given_after_the_end() {
    let mut node = Node::in_state(State::Up);
    node.hear_control(Control { poll: true, ..theirs(State::Up) });
    node.session.handle_command(Command::Disable);
    assert!(node.send().iter().all(|sent| !sent.final_));
}

#[test]
fn silence_after_the_neighbours_end_is_no_failure_however_long() {
    let mut node = Node::in_state(State::Up);
    node.hear(State::AdminDown);
    assert_eq!(node.told(), [Event::AdminDown(Side::Neighbour)]);
    for time in 1..100 {
        node.at(time * 500).timeout();
        node.send();
        assert_eq!(node.told(), []);
    }
    assert_eq!(node.session.status().remote_state, State::AdminDown);
}
