//! Bytes and values, both ways. The packets of BIRD are from a wire between two of them.

use proptest::prelude::*;

use super::*;
use crate::bfd::auth::{AuthType, Key};

fn bytes(hex: &str) -> Vec<u8> {
    let (pairs, _) = hex.as_bytes().as_chunks::<2>();
    let digits = pairs.iter().map(|pair| std::str::from_utf8(pair).unwrap());
    digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

fn name(number: u32) -> Discriminator {
    Discriminator::new(number).unwrap()
}

fn bird(my: u32, your: u32, state: State, desired_min_tx: u64) -> Control {
    Control {
        state,
        your_discriminator: Discriminator::new(your),
        desired_min_tx: Duration::from_millis(desired_min_tx),
        required_min_rx: Duration::from_millis(100),
        ..Control::new(name(my), DetectMult::new(3).unwrap())
    }
}

#[test]
fn packets_of_bird_are_read_and_written() {
    use State::{Down, Init, Up};
    let (a, b) = (0x8094_991b, 0xfb93_571f);
    let table = [
        ("204003188094991b00000000000f4240000186a000000000", bird(a, 0, Down, 1000)),
        ("208003188094991bfb93571f000f4240000186a000000000", bird(a, b, Init, 1000)),
        (
            "20e00318fb93571f8094991b000186a0000186a000000000",
            Control { poll: true, ..bird(b, a, Up, 100) },
        ),
        (
            "20d003188094991bfb93571f000186a0000186a000000000",
            Control { final_: true, ..bird(a, b, Up, 100) },
        ),
    ];
    for (hex, control) in table {
        let packet = bytes(hex);
        assert_eq!(Packet::parse(&packet).map(|packet| packet.control), Ok(control), "{hex}");
        let mut written = Vec::new();
        control.encode(None, &mut written);
        assert_eq!(written, packet, "{hex}");
    }
}

#[test]
fn authenticated_packets_of_bird_are_written_to_the_last_byte() {
    let table = [
        (
            AuthType::KeyedMd5,
            0xce33_c1cc,
            bird(0x525e_5e28, 0, State::Down, 1000),
            "20440330525e5e2800000000000f4240000186a0000000000218\
             0700ce33c1cccc40c843480525e880ca1f0f433a6075",
        ),
        (
            AuthType::MeticulousKeyedMd5,
            0x823a_41dd,
            bird(0x0ce9_9685, 0x13d4_57fa, State::Init, 1000),
            "208403300ce9968513d457fa000f4240000186a0000000000318\
             0700823a41dd3a399eef9e7dc6ea5132e6bd9b35cd29",
        ),
        (
            AuthType::KeyedSha1,
            0xf17e_4c44,
            bird(0x37b5_2b88, 0xb35a_4f8d, State::Init, 1000),
            "2084033437b52b88b35a4f8d000f4240000186a000000000041c\
             0700f17e4c44a630717100b354d4440225022f1fd36af3f71b0b",
        ),
        (
            AuthType::MeticulousKeyedSha1,
            0x63fa_8715,
            Control { poll: true, ..bird(0x32dc_1f22, 0x95f5_99b7, State::Up, 100) },
            "20e4033432dc1f2295f599b7000186a0000186a000000000051c\
             070063fa8715900fe906d5f91e839184766f02d4c1d35bc80d8b",
        ),
    ];
    for (auth_type, sequence, control, hex) in table {
        let key = Key::new(auth_type, 7, b"rhumb-secret".to_vec()).unwrap();
        let mut written = b"before".to_vec();
        control.encode(Some(&Seal { auth_type, key: &key, sequence }), &mut written);
        assert_eq!(written[6..], bytes(hex), "{auth_type}");
        let packet = Packet::parse(&written[6..]).unwrap();
        assert_eq!(packet.control, control);
        assert_eq!(packet.section().map(<[u8]>::len), Some(auth_type.section()));
    }
}

#[test]
fn every_rule_has_its_reason_and_they_go_in_order() {
    let good = bytes("20c003180000000100000002000186a0000186a000000000");
    // A place, a byte for it, and the reason; each packet keeps the faults of those below it.
    let faults = [
        (0, 0x40, Discard::Version { found: 2 }),
        (3, 23, Discard::Length { claimed: 23, least: 24 }),
        (3, 25, Discard::Truncated { length: 24, claimed: 25 }),
        (2, 0, Discard::DetectMult),
        (1, 0xc1, Discard::Multipoint),
        (7, 0, Discard::NoDiscriminator),
        (11, 0, Discard::Unaddressed { state: State::Up }),
    ];
    let mut packet = good.clone();
    assert!(Packet::parse(&packet).is_ok());
    for (place, byte, reason) in faults.into_iter().rev() {
        packet[place] = byte;
        assert_eq!(Packet::parse(&packet), Err(reason));
    }
}

#[test]
fn a_packet_may_be_followed_by_anything_but_not_end_early() {
    let good = bytes("20c003180000000100000002000186a0000186a000000000");
    let longer = [good.as_slice(), &[7; 9]].concat();
    assert_eq!(Packet::parse(&longer), Packet::parse(&good));
    for length in 0..24 {
        let truncated = Discard::Truncated { length, claimed: 24 };
        assert_eq!(Packet::parse(&good[..length]), Err(truncated));
    }
}

#[test]
fn the_authentication_bit_asks_for_two_bytes_more() {
    let mut packet = bytes("20c403180000000100000002000186a0000186a000000000");
    assert_eq!(Packet::parse(&packet), Err(Discard::Length { claimed: 24, least: 26 }));
    packet[3] = 26;
    packet.extend([4, 28]);
    assert_eq!(Packet::parse(&packet).unwrap().section(), Some(&[4, 28][..]));
}

#[test]
fn only_down_and_admin_down_may_come_without_our_discriminator() {
    for (flags, state, allowed) in [
        (0x00, State::AdminDown, true),
        (0x40, State::Down, true),
        (0x80, State::Init, false),
        (0xc0, State::Up, false),
    ] {
        let mut packet = bytes("200003180000000100000000000186a0000186a000000000");
        packet[1] = flags;
        let read = Packet::parse(&packet).map(|packet| packet.control.state);
        assert_eq!(read, if allowed { Ok(state) } else { Err(Discard::Unaddressed { state }) });
    }
}

fn controls() -> impl Strategy<Value = Control> {
    let state = prop::sample::select(vec![State::AdminDown, State::Down, State::Init, State::Up]);
    let diagnostic = (0..32_u8).prop_map(Diagnostic::from_code);
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let words = (any::<u32>(), any::<u32>(), any::<u32>());
    (state, diagnostic, flags, 1..=255_u8, 1..=u32::MAX, 1..=u32::MAX, words).prop_map(
        |(state, diagnostic, flags, detect_mult, my, your, words)| {
            let interval = |word: u32| Duration::from_micros(word.into());
            Control {
                diagnostic,
                state,
                poll: flags.0,
                final_: flags.1,
                control_plane_independent: flags.2,
                demand: flags.3,
                detect_mult: DetectMult::new(detect_mult).unwrap(),
                my_discriminator: name(my),
                your_discriminator: Discriminator::new(your),
                desired_min_tx: interval(words.0),
                required_min_rx: interval(words.1),
                required_min_echo_rx: interval(words.2),
            }
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_read(control in controls()) {
        let mut written = Vec::new();
        control.encode(None, &mut written);
        prop_assert_eq!(Packet::parse(&written).map(|packet| packet.control), Ok(control));
    }

    #[test]
    fn what_is_read_is_written_to_the_bit(mut packet in prop::collection::vec(any::<u8>(), 24)) {
        packet[0] = 0x20 | packet[0] & 0x1f;
        packet[1] &= !(AUTHENTICATION_PRESENT | MULTIPOINT);
        packet[3] = 24;
        if let Ok(read) = Packet::parse(&packet) {
            let mut written = Vec::new();
            read.control.encode(None, &mut written);
            prop_assert_eq!(written, packet);
        }
    }

    #[test]
    fn no_bytes_whatever_make_it_panic(
        mut packet in prop::collection::vec(any::<u8>(), 0..80), tidy: bool
    ) {
        if tidy && packet.len() >= 4 {
            packet[0] = 0x20 | packet[0] & 0x1f;
            packet[3] = packet.len() as u8;
        }
        if let Ok(read) = Packet::parse(&packet) {
            prop_assert!(read.message().len() <= packet.len());
            prop_assert!(read.section().is_none_or(|section| section.len() >= 2));
        }
    }
}
