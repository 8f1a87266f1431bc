use proptest::prelude::*;

use super::*;
use crate::bfd::packet::{Control, DetectMult, Discriminator};

const TYPES: [AuthType; 4] = [
    AuthType::KeyedMd5,
    AuthType::MeticulousKeyedMd5,
    AuthType::KeyedSha1,
    AuthType::MeticulousKeyedSha1,
];

fn key(auth_type: AuthType, id: u8, secret: &str) -> Key {
    Key::new(auth_type, id, secret.as_bytes().to_vec()).unwrap()
}

fn auth(auth_type: AuthType) -> Auth {
    let accept = vec![key(auth_type, 2, "next")];
    Auth { auth_type, send: key(auth_type, 1, "secret"), accept }
}

fn sealed(auth_type: AuthType, key: &Key, sequence: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let control = Control::new(Discriminator::new(1).unwrap(), DetectMult::new(3).unwrap());
    control.encode(Some(&Seal { auth_type, key, sequence }), &mut bytes);
    bytes
}

fn verify(auth: &Auth, bytes: &[u8], known: Option<u32>) -> Result<u32, Discard> {
    auth.verify(&Packet::parse(bytes).unwrap(), Received(known))
}

#[test]
fn packets_made_with_a_key_that_is_known_are_accepted() {
    for auth_type in TYPES {
        let auth = auth(auth_type);
        for key in [&auth.send, &auth.accept[0]] {
            assert_eq!(verify(&auth, &sealed(auth_type, key, 9), None), Ok(9));
        }
        let other = sealed(auth_type, &key(auth_type, 3, "secret"), 9);
        assert_eq!(verify(&auth, &other, None), Err(Discard::UnknownKey { key: 3 }));
        let other = sealed(auth_type, &key(auth_type, 1, "other"), 9);
        assert_eq!(verify(&auth, &other, None), Err(Discard::Digest { key: 1 }));
    }
}

#[test]
fn a_packet_that_was_changed_anywhere_is_refused() {
    for auth_type in TYPES {
        let auth = auth(auth_type);
        let good = sealed(auth_type, &auth.send, 9);
        for place in 4..good.len() {
            let mut bytes = good.clone();
            bytes[place] ^= 0x80;
            assert!(verify(&auth, &bytes, None).is_err(), "{auth_type}, byte {place}");
        }
    }
}

#[test]
fn every_pair_of_different_types_is_refused() {
    for ours in TYPES {
        for theirs in TYPES.into_iter().filter(|&theirs| theirs != ours) {
            let bytes = sealed(theirs, &key(theirs, 1, "secret"), 9);
            let reason = Discard::AuthType { theirs: theirs.code(), ours: ours.code() };
            assert_eq!(verify(&auth(ours), &bytes, None), Err(reason));
        }
    }
}

#[test]
fn sections_of_another_length_are_refused() {
    let auth = auth(AuthType::KeyedSha1);
    let good = sealed(AuthType::KeyedSha1, &auth.send, 9);
    let mut claimed = good.clone();
    claimed[25] = 24;
    let wrong = Discard::AuthLength { length: 24, needed: 28 };
    assert_eq!(verify(&auth, &claimed, None), Err(wrong));
    for length in 2..28 {
        let mut short = good[..24 + length].to_vec();
        short[3] = 24 + length as u8;
        assert_eq!(verify(&auth, &short, None), Err(Discard::AuthLength { length, needed: 28 }));
    }
}

#[test]
fn sequence_numbers_go_in_a_circle_and_not_back() {
    let last = u32::MAX;
    // Known, in the packet, accepted, accepted if meticulous; the multiplier is 3.
    let table = [
        (100, 99, false, false),
        (100, 100, true, false),
        (100, 101, true, true),
        (100, 109, true, true),
        (100, 110, false, false),
        (last, last, true, false),
        (last, 0, true, true),
        (last, 8, true, true),
        (last, 9, false, false),
        (0, last, false, false),
    ];
    for auth_type in TYPES {
        let auth = auth(auth_type);
        for (known, sequence, keyed, meticulous) in table {
            let bytes = sealed(auth_type, &auth.send, sequence);
            let accepted = if auth_type.is_meticulous() { meticulous } else { keyed };
            let wanted =
                if accepted { Ok(sequence) } else { Err(Discard::Sequence { sequence, known }) };
            assert_eq!(verify(&auth, &bytes, Some(known)), wanted, "{auth_type}");
        }
    }
}

#[test]
fn the_sequence_grows_with_every_packet_or_with_every_change() {
    let control = Control::new(Discriminator::new(1).unwrap(), DetectMult::new(3).unwrap());
    let packets = [control, control, Control { poll: true, ..control }, control];
    for (auth_type, wanted) in
        [(AuthType::KeyedSha1, [0, 0, 1, 2]), (AuthType::MeticulousKeyedSha1, [0, 1, 2, 3])]
    {
        let mut sent = Sent::new(u32::MAX);
        assert_eq!(packets.map(|control| sent.next(auth_type, &control)), wanted);
    }
}

#[test]
fn a_secret_is_as_long_as_its_digest_at_most_and_not_shown() {
    for (auth_type, most) in [(AuthType::KeyedMd5, 16), (AuthType::MeticulousKeyedSha1, 20)] {
        let key = |length| Key::new(auth_type, 1, vec![b'x'; length]);
        assert!(key(1).is_ok() && key(most).is_ok());
        assert_eq!(key(0), Err(SecretLength { id: 1, length: 0, most, auth_type }));
        assert!(key(most + 1).is_err());
        assert_eq!(format!("{:?}", key(5).unwrap()), "Key { id: 1, .. }");
    }
}

proptest! {
    #[test]
    fn no_section_whatever_makes_it_panic(
        section in prop::collection::vec(any::<u8>(), 2..40), index in 0..4_usize, tidy: bool
    ) {
        let auth = auth(TYPES[index]);
        let mut bytes = sealed(TYPES[index], &auth.send, 9)[..24].to_vec();
        bytes[3] = 24 + section.len() as u8;
        bytes.extend_from_slice(&section);
        if tidy {
            bytes[24] = TYPES[index].code();
            bytes[25] = section.len() as u8;
        }
        prop_assert!(verify(&auth, &bytes, Some(1)).is_err());
    }
}
