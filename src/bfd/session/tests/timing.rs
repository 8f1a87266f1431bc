//! When packets are sent, and when the neighbour counts as lost.

use super::*;

fn control(tx: u64, rx: u64, mult: u8) -> Control {
    let detect_mult = DetectMult::new(mult).unwrap();
    Control { desired_min_tx: ms(tx), required_min_rx: ms(rx), detect_mult, ..theirs(State::Up) }
}

#[test]
fn intervals_are_the_slower_of_the_two_and_the_multiplier_is_theirs() {
    // Ours is 100 ms both ways, multiplier 3. Theirs: transmit, receive, multiplier; then our
    // transmit interval and our detection time.
    let table = [
        (100, 100, 3, 100, 300),
        (50, 50, 3, 100, 300),
        (50, 50, 7, 100, 700),
        (200, 50, 5, 100, 1000),
        (50, 200, 5, 200, 500),
        (1000, 300, 1, 300, 1000),
        (0, 1, 4, 100, 400),
    ];
    for (tx, rx, mult, transmit, detection) in table {
        let mut node = Node::in_state(State::Up);
        node.hear_control(control(tx, rx, mult));
        let status = node.session.status();
        assert_eq!(status.transmit_interval, Some(ms(transmit)));
        assert_eq!(status.detection_time, ms(detection));
    }
}

#[test]
fn it_is_slow_until_it_is_up_and_polls_for_the_change() {
    let mut node = Node::new(config());
    let first = node.send();
    assert_eq!((first[0].desired_min_tx, first[0].poll), (ms(1000), false));
    assert_eq!(node.due(), Some(1000));
    node.hear(State::Init);
    let sent = node.send();
    assert_eq!((sent[0].state, sent[0].desired_min_tx, sent[0].poll), (State::Up, ms(100), true));
    node.at(200);
    assert!(node.send()[0].poll);
    node.hear_control(Control { final_: true, ..theirs(State::Up) });
    assert!(!node.at(400).send()[0].poll);
}

#[test]
fn a_neighbour_that_can_receive_faster_gets_its_packet_at_once_if_it_is_due() {
    let mut node = Node::in_state(State::Up);
    node.hear_control(control(200, 1000, 5));
    assert_eq!(node.due(), Some(1000));
    node.at(50).hear_control(control(200, 100, 5));
    assert_eq!(node.due(), Some(100));
    node.hear_control(control(200, 1000, 5));
    node.at(500).hear_control(control(200, 100, 5));
    assert_eq!(node.send().len(), 1);
}

#[test]
fn a_longer_detection_time_of_the_neighbour_holds_for_the_running_one() {
    let mut node = Node::in_state(State::Up);
    node.at(10).hear_control(control(100, 100, 3));
    assert_eq!(node.session.detection_at(), Some(node.start + ms(310)));
    node.session.handle_config(Config { required_min_rx: ms(500), ..config() });
    assert_eq!(node.session.detection_at(), Some(node.start + ms(1510)));
}

#[test]
fn jitter_takes_off_up_to_a_quarter_and_a_tenth_at_least_with_a_multiplier_of_1() {
    for (mult, random, due) in [(3, 0, 150), (3, u32::MAX, 200), (1, 0, 150), (1, u32::MAX, 180)] {
        let mut node = Node::in_state(State::Up);
        let detect_mult = DetectMult::new(mult).unwrap();
        node.session.handle_config(Config { detect_mult, ..config() });
        node.session.transmission.random = random;
        assert_eq!(node.due(), Some(due));
    }
}

#[test]
fn a_poll_is_answered_at_once_and_the_next_packet_stays_where_it_was() {
    let mut node = Node::in_state(State::Up);
    let before = node.due();
    node.at(50).hear_control(Control { poll: true, ..theirs(State::Up) });
    assert_eq!(node.due(), Some(50));
    let sent = node.send();
    assert_eq!(sent.len(), 1);
    assert_eq!((sent[0].final_, sent[0].poll), (true, false));
    assert_eq!(node.due(), before);
}

#[test]
fn a_silent_neighbour_loses_its_discriminator_in_every_state() {
    for state in [State::Init, State::Up] {
        let mut node = Node::in_state(state);
        node.at(1001).timeout();
        assert_eq!(node.send()[0].your_discriminator, None);
        assert_eq!(node.session.detection_at(), None);
    }
}
