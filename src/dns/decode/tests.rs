use super::*;

fn octets(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pair = |p: &[u8]| u8::from_str_radix(std::str::from_utf8(p).expect("ascii"), 16);
    digits.chunks(2).map(|p| pair(p).expect("hex")).collect()
}

/// The name `a.`, type A, class IN.
const QUESTION: &str = "016100 0001 0001";
const OPT: &str = "00 0029 04d0 00000000 0000";
const RECORD: &str = "c00c 0001 0001 0000003c 0004 c0000201";

#[test]
fn messages_that_deserve_silence() {
    for text in
        ["", "1234 0000 0001 0000 0000 00", &format!("1234 8000 0001 0000 0000 0000 {QUESTION}")]
    {
        assert!(request(&octets(text)).is_none(), "{text}");
    }
}

/// (header's flags and counts, what follows, fault, whether question and OPT were readable).
#[test]
fn requests_are_read_as_far_as_they_can_be() {
    use Rcode::{BadVers, FormErr, NotImp, Refused};
    let long = "3f".to_owned() + &"61".repeat(63);
    let over = long.repeat(3) + "3e" + &"61".repeat(62) + "00";
    let fits = long.repeat(3) + "3d" + &"61".repeat(61) + "00";
    type Row<'a> = (&'a str, &'a [&'a str], Option<Rcode>, bool, bool);
    let table: &[Row<'_>] = &[
        ("0000 0001 0000 0000 0000", &[QUESTION], None, true, false),
        ("0100 0001 0000 0000 0001", &[QUESTION, OPT], None, true, true),
        // Trailing octets, TC and every other flag are ignored.
        ("0000 0001 0000 0000 0000", &[QUESTION, "ffffff"], None, true, false),
        ("07ff 0001 0000 0000 0000", &[QUESTION], None, true, false),
        // Every section is walked.
        ("0000 0001 0001 0001 0002", &[QUESTION, RECORD, RECORD, OPT, RECORD], None, true, true),
        ("0000 0001 0001 0000 0000", &[QUESTION], Some(FormErr), true, false),
        ("0000 0001 0000 0001 0000", &[QUESTION, "c00c 0001"], Some(FormErr), true, false),
        ("0000 0001 0000 0000 0002", &[QUESTION, OPT], Some(FormErr), true, true),
        ("0000 0001 ffff ffff ffff", &[QUESTION, RECORD], Some(FormErr), true, false),
        (
            "0000 0001 0001 0000 0000",
            &[QUESTION, "00 0001 0001 00000000 0004 c00002"],
            Some(FormErr),
            true,
            false,
        ),
        ("0000 0001 0001 0000 0000", &[QUESTION, "c0"], Some(FormErr), true, false),
        (
            "0000 0001 0001 0000 0000",
            &[QUESTION, "41ff 0001 0001 00000000 0000"],
            Some(FormErr),
            true,
            false,
        ),
        // The question.
        ("0000 0000 0000 0000 0000", &[], Some(FormErr), false, false),
        ("0000 0000 0000 0000 0001", &[OPT], Some(FormErr), false, true),
        ("0000 0002 0000 0000 0000", &[QUESTION, QUESTION], Some(FormErr), false, false),
        ("0000 0002 0000 0000 0000", &[QUESTION, "c0"], Some(FormErr), false, false),
        ("0000 0001 0000 0000 0000", &["016100 0001 00"], Some(FormErr), false, false),
        ("0000 0001 0000 0000 0000", &["0561"], Some(FormErr), false, false),
        ("0000 0001 0000 0000 0000", &["c00c 0001 0001"], Some(FormErr), false, false),
        ("0000 0001 0000 0000 0000", &["0161 c00c 0001 0001"], Some(FormErr), false, false),
        ("0000 0001 0000 0000 0000", &["4161 00 0001 0001"], Some(FormErr), false, false),
        ("0000 0001 0000 0000 0000", &["8161 00 0001 0001"], Some(FormErr), false, false),
        ("0000 0001 0000 0000 0000", &[&over, "0001 0001"], Some(FormErr), false, false),
        ("0000 0001 0000 0000 0000", &[&fits, "0001 0001"], None, true, false),
        ("0000 0001 0000 0000 0000", &["00 0001 0001"], None, true, false),
        // OPT: one, of the root, in the additional section.
        ("0000 0001 0000 0000 0002", &[QUESTION, OPT, OPT], Some(FormErr), true, true),
        ("0000 0001 0000 0000 0001", &[QUESTION, "0161", OPT], Some(FormErr), true, false),
        (
            "0000 0001 0000 0000 0001",
            &[QUESTION, "c00e 0029 04d0 00000000 0000"],
            Some(FormErr),
            true,
            false,
        ),
        ("0000 0001 0001 0000 0000", &[QUESTION, OPT], Some(FormErr), true, false),
        (
            "0000 0001 0000 0000 0001",
            &[QUESTION, "00 0029 04d0 00000000 0001 00"],
            Some(FormErr),
            true,
            true,
        ),
        (
            "0000 0001 0000 0000 0001",
            &[QUESTION, "00 0029 04d0 00010000 0000"],
            Some(BadVers),
            true,
            true,
        ),
        // The form comes before the version, the version before the class.
        (
            "0000 0001 0000 0000 0002",
            &[QUESTION, "00 0029 04d0 00010000 0000"],
            Some(FormErr),
            true,
            true,
        ),
        (
            "0000 0001 0000 0000 0001",
            &["016100 0001 0004 00 0029 04d0 00010000 0000"],
            Some(BadVers),
            true,
            true,
        ),
        // Classes and transfers.
        ("0000 0001 0000 0000 0000", &["016100 0001 00ff"], None, true, false),
        ("0000 0001 0000 0000 0000", &["016100 0001 0003"], None, true, false),
        ("0000 0001 0000 0000 0000", &["016100 0001 0004"], Some(Refused), true, false),
        ("0000 0001 0000 0000 0000", &["016100 0001 00fe"], Some(Refused), true, false),
        ("0000 0001 0000 0000 0000", &["016100 00fb 0001"], Some(Refused), true, false),
        ("0000 0001 0000 0000 0000", &["016100 00fc 0001"], Some(Refused), true, false),
        ("0000 0001 0000 0000 0000", &["016100 0000 0001"], None, true, false),
        // Another opcode, however the rest looks.
        ("2000 0001 0000 0000 0000", &[QUESTION], Some(NotImp), true, false),
        ("2800 0000 0000 0000 0000", &[], Some(NotImp), false, false),
        ("1000 0001 0000 0000 0001", &[QUESTION], Some(NotImp), true, false),
        ("7800 0001 0000 0000 0001", &[QUESTION, OPT], Some(NotImp), true, true),
    ];
    for (header, body, fault, question, edns) in table {
        let message = octets(&format!("1234 {header} {}", body.concat()));
        let read = request(&message).expect("no silence");
        let shown = (read.fault, read.question.is_some(), read.edns.is_some());
        assert_eq!(shown, (*fault, *question, *edns), "{header} {body:?}");
        assert_eq!(read.id, [0x12, 0x34]);
    }
}

#[test]
fn question_is_kept_octet_by_octet() {
    let message = octets("1234 0100 0001 0000 0000 0000 03 577757 00 001c 00ff 99");
    let request = request(&message).expect("no silence");
    let question = request.question.expect("readable");
    assert_eq!(question.octets, &message[12..21]);
    assert_eq!(question.name(), b"\x03WwW\x00");
    assert_eq!((question.rtype, question.class), (Rtype::AAAA, CLASS_ANY));
    assert!(request.recursion_desired);
}

#[test]
fn client_subnet_goes_with_every_code_but_formerr_and_badvers() {
    let subnet = "00 0029 04d0 00000000 000b 0008 0007 0001 18 00 5b0102";
    for (message, kept) in [
        (format!("1234 0000 0001 0000 0000 0001 {QUESTION} {subnet}"), true),
        (format!("1234 0000 0001 0000 0000 0001 016100 0001 0003 {subnet}"), true),
        (format!("1234 2000 0001 0000 0000 0001 {QUESTION} {subnet}"), true),
        (format!("1234 0000 0001 0000 0000 0002 {QUESTION} {subnet}"), false),
        (
            format!("1234 0000 0001 0000 0000 0001 {QUESTION} {subnet}")
                .replace("00000000 000b", "00010000 000b"),
            false,
        ),
    ] {
        let octets = octets(&message);
        let edns = request(&octets).expect("no silence").edns.expect("an OPT record");
        assert_eq!(edns.client_subnet.is_some(), kept, "{message}");
    }
}

proptest::proptest! {
    #[test]
    fn no_octets_make_it_panic(message in proptest::collection::vec(0_u8.., 0..600)) {
        if let Some(request) = request(&message) {
            assert!(request.fault.is_some() || request.question.is_some());
        }
    }

    /// Few values for each octet, so that names, counts and options often fit.
    #[test]
    fn likely_octets_make_it_panic_neither(
        body in proptest::collection::vec(
            proptest::sample::select(&[0_u8, 1, 2, 4, 8, 24, 41, 0x40, 0xc0, 0xff][..]),
            0..80,
        ),
        counts in proptest::array::uniform4(0_u8..3),
    ) {
        let counts = counts.map(|count| [0, count]);
        let message = [&[0x12, 0x34, 0, 0][..], counts.as_flattened(), &body].concat();
        if let Some(request) = request(&message) {
            assert!(request.fault.is_some() || request.question.is_some());
        }
    }
}
