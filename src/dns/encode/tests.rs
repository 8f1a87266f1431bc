use super::super::decode;
use super::super::records::encode;
use super::*;

const QUERY: &[u8] = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x00\x00\x01\x00\x01";

fn question() -> &'static [u8] {
    &QUERY[12..]
}

fn finish(reply: &mut Reply<'_>) {
    let request = decode::request(QUERY).expect("a request");
    reply.finish(&request, Verdict { rcode: Rcode::NoError, authoritative: true, scope: 0 });
}

#[test]
fn records_stand_under_the_owner_they_are_given() {
    let mut wire = Vec::new();
    encode(Rtype::A, 60, [&[192, 0, 2, 1][..], &[192, 0, 2, 2]], &mut wire);
    let records = Records::new(&wire, 2);
    let mut buffer = [0; 512];
    let mut reply = Reply::new(&mut buffer);
    reply.begin(question(), 512, 0);
    reply.rrset(Section::Answer, NameAt::question(5).owner(), records);
    reply.rrset_until(Section::Authority, NameAt::question(5).suffix(1), records, 30);
    finish(&mut reply);
    let a = |owner: u8, ttl: u8, last: u8| {
        [0xc0, owner, 0, 1, 0, 1, 0, 0, 0, ttl, 0, 4, 192, 0, 2, last]
    };
    let header = b"\x12\x34\x85\x00\x00\x01\x00\x02\x00\x02\x00\x00";
    let records = [a(12, 60, 1), a(12, 60, 2), a(16, 30, 1), a(16, 30, 2)];
    let expected = [&header[..], question(), records.as_flattened()].concat();
    assert_eq!(reply.message(), expected);
}

#[test]
fn what_does_not_fit_leaves_nothing_but_tc() {
    let mut wire = Vec::new();
    encode(Rtype::TXT, 60, [&[0x41; 240][..], &[0x42; 240]], &mut wire);
    let mut buffer = [0; 600];
    let mut reply = Reply::new(&mut buffer);
    for (limit, whole) in [(12 + 9 + 504, true), (12 + 9 + 503, false)] {
        reply.begin(question(), limit, 0);
        reply.rrset(Section::Answer, Some(Owner::QUESTION), Records::new(&wire, 2));
        assert_eq!(reply.overflowed(), !whole);
        finish(&mut reply);
        let tc = reply.message()[2] & 2 != 0;
        let len = if whole { 12 + 9 + 504 } else { 12 + 9 };
        assert_eq!((reply.message().len(), tc), (len, !whole), "{limit}");
    }
}

#[test]
fn nothing_follows_what_did_not_fit() {
    let mut wire = Vec::new();
    encode(Rtype::TXT, 60, [&[0x41; 600][..]], &mut wire);
    let mut buffer = [0; 512];
    let mut reply = Reply::new(&mut buffer);
    reply.begin(question(), 512, 0);
    reply.rrset(Section::Answer, Some(Owner::QUESTION), Records::new(&wire, 1));
    reply.record(Section::Answer, Some(Owner::QUESTION), Rtype::A, 60, &[192, 0, 2, 1]);
    reply.optional(Section::Additional, Some(Owner::QUESTION), Records::new(&wire, 1));
    finish(&mut reply);
    assert_eq!(reply.message().len(), 12 + question().len());
}

#[test]
fn optional_records_may_stay_out_without_tc() {
    let mut wire = Vec::new();
    encode(Rtype::TXT, 60, [&[0x41; 600][..]], &mut wire);
    let mut buffer = [0; 512];
    let mut reply = Reply::new(&mut buffer);
    reply.begin(question(), 512, 0);
    reply.record(Section::Answer, Some(Owner::QUESTION), Rtype::A, 60, &[192, 0, 2, 1]);
    reply.optional(Section::Additional, Some(Owner::QUESTION), Records::new(&wire, 1));
    finish(&mut reply);
    assert!(!reply.overflowed());
    assert_eq!(reply.message().len(), 12 + question().len() + 16);
}

#[test]
fn owners_out_of_reach_count_as_not_fitting() {
    assert!(Owner::at(0x3fff).is_some() && Owner::at(0x4000).is_none());
    let mut buffer = [0; 512];
    let mut reply = Reply::new(&mut buffer);
    reply.begin(question(), 512, 0);
    reply.rrset(Section::Answer, Owner::at(0x4000), Records::new(&[], 0));
    assert!(reply.overflowed());
}

#[test]
fn buffers_too_small_for_a_message_stay_empty_or_whole() {
    for size in 0..30 {
        let mut buffer = vec![0; size];
        let mut reply = Reply::new(&mut buffer);
        reply.begin(question(), 512, 0);
        finish(&mut reply);
        let expected = match size {
            0..12 => 0,
            12..21 => 12,
            _ => 21,
        };
        assert_eq!(reply.message().len(), expected, "{size}");
    }
}
