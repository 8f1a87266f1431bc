//! Authentication of a session: who must show what, and when sequence numbers are forgotten.

use super::*;

fn authenticated() -> Config {
    let auth_type = AuthType::MeticulousKeyedSha1;
    let send = Key::new(auth_type, 1, b"secret".to_vec()).unwrap();
    Config { auth: Some(Auth { auth_type, send, accept: Vec::new() }), ..config() }
}

fn packet(state: State, sequence: u32) -> Vec<u8> {
    let auth = authenticated().auth.unwrap();
    let mut bytes = Vec::new();
    let seal = Seal { auth_type: auth.auth_type, key: &auth.send, sequence };
    theirs(state).encode(Some(&seal), &mut bytes);
    bytes
}

#[test]
fn both_or_none_authenticate() {
    let mut plain = Vec::new();
    theirs(State::Down).encode(None, &mut plain);
    let mut node = Node::new(authenticated());
    assert_eq!(node.hear_bytes(&plain), Err(Discard::MissingAuth));
    assert_eq!(node.hear_bytes(&packet(State::Down, 1)), Ok(()));
    let mut node = Node::new(config());
    assert_eq!(node.hear_bytes(&packet(State::Down, 1)), Err(Discard::UnexpectedAuth));
    assert_eq!(node.session.state(), State::Down);
}

#[test]
fn a_replayed_packet_changes_nothing_not_even_the_silence() {
    let mut node = Node::new(authenticated());
    node.hear_bytes(&packet(State::Init, 50)).unwrap();
    node.at(500);
    let replayed = Discard::Sequence { sequence: 50, known: 50 };
    assert_eq!(node.hear_bytes(&packet(State::Init, 50)), Err(replayed));
    node.at(1001).timeout();
    assert_eq!(node.session.state(), State::Down);
}

#[test]
fn sequence_numbers_are_forgotten_after_two_detection_times_of_silence() {
    let mut node = Node::new(authenticated());
    node.hear_bytes(&packet(State::Init, 50)).unwrap();
    node.at(1001).timeout();
    let restarted = packet(State::Down, 7);
    let refused = Discard::Sequence { sequence: 7, known: 50 };
    assert_eq!(node.at(1999).hear_bytes(&restarted), Err(refused));
    assert_eq!(node.at(2000).hear_bytes(&restarted), Ok(()));
}

#[test]
fn a_forged_packet_does_not_say_which_sequence_numbers_are_heard() {
    let mut node = Node::new(authenticated());
    let mut forged = packet(State::Down, 9000);
    forged[40] ^= 1;
    assert_eq!(node.hear_bytes(&forged), Err(Discard::Digest { key: 1 }));
    assert_eq!(node.hear_bytes(&packet(State::Down, 50)), Ok(()));
}
