//! Whole queries, octets in, octets out, decoded by another library: here on zones without policies,
//! in [`steered`] on names that have them.

mod steered;

use std::sync::{Arc, LazyLock};

use hickory_proto::op::Message;

use super::*;
use crate::config::{Config, ConfiguredZone};
use crate::geo::mmdb::Databases;
use crate::policy::Policies;
use crate::world::World;
use crate::zone::ZoneSource;
use crate::zone::lookup::fixture::{with_alias, zone};

/// A query as a test writes it.
struct Ask {
    bytes: Vec<u8>,
    transport: Transport,
}

impl Ask {
    fn new(name: &str, rtype: Rtype) -> Self {
        let mut bytes = b"\x12\x34\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00".to_vec();
        for label in name.split('.').filter(|label| !label.is_empty()) {
            bytes.push(label.len() as u8);
            bytes.extend_from_slice(label.as_bytes());
        }
        bytes.push(0);
        bytes.extend_from_slice(&rtype.0.to_be_bytes());
        bytes.extend_from_slice(&[0, 1]);
        Self { bytes, transport: Transport::Udp }
    }

    /// With an OPT record of this size and these options.
    fn edns(mut self, size: u16, options: &[u8]) -> Self {
        self.bytes[11] += 1;
        self.bytes.extend_from_slice(&[0, 0, 41]);
        self.bytes.extend_from_slice(&size.to_be_bytes());
        self.bytes.extend_from_slice(&[0, 0, 0, 0, 0, options.len() as u8]);
        self.bytes.extend_from_slice(options);
        self
    }

    /// With the option for 91.1.2.0/24.
    fn subnet(self) -> Self {
        self.subnet_of(91)
    }

    /// With the option for the /24 of this first octet.
    fn subnet_of(self, first: u8) -> Self {
        self.edns(1232, &[0, 8, 0, 7, 0, 1, 24, 0, first, 1, 2])
    }

    fn tcp(self) -> Self {
        Self { transport: Transport::Tcp, ..self }
    }

    fn reply(&self, snapshot: &Snapshot) -> (Vec<u8>, Outcome) {
        let from = "192.0.2.200".parse().expect("an address");
        let query = Query { bytes: &self.bytes, from, transport: self.transport };
        let mut buffer = vec![0xee; MAX_MESSAGE];
        let mut reply = Reply::new(&mut buffer);
        let outcome = answer(&query, snapshot, &mut fastrand::Rng::with_seed(1), &mut reply);
        (reply.message().to_vec(), outcome)
    }

    /// The status, then each record with its section.
    fn lines(&self, snapshot: &Snapshot) -> Vec<String> {
        lines(&self.reply(snapshot).0)
    }
}

fn lines(reply: &[u8]) -> Vec<String> {
    let message = Message::from_vec(reply).expect("a decodable reply");
    let head = &message.metadata;
    let mut lines = vec![format!("{:?}", head.response_code)];
    for (set, flag) in [(head.authoritative, " aa"), (head.truncation, " tc")] {
        lines[0].push_str(if set { flag } else { "" });
    }
    for (section, records) in [
        ("", &message.answers),
        ("authority ", &message.authorities),
        ("additional ", &message.additionals),
    ] {
        for record in records {
            let (name, ttl, rtype) = (&record.name, record.ttl, record.record_type());
            lines.push(format!("{section}{name} {ttl} {rtype} {}", record.data));
        }
    }
    lines
}

fn serving(zones: Vec<ZoneSource>) -> Snapshot {
    Snapshot::all_up(world(zones, Policies::default(), &Databases::default()))
}

fn world(zones: Vec<ZoneSource>, policies: Policies, databases: &Databases) -> Arc<World> {
    let configured = |source| ConfiguredZone {
        source,
        serial: None,
        content: 0,
        modified: 0,
        file: "zone.yaml".into(),
    };
    let zones = zones.into_iter().map(configured).collect();
    let config = Config { zones, policies, ..Config::default() };
    Arc::new(World::build(config, databases, 1, 1))
}

const SOA: &str = "300 SOA ns1.example.com. hostmaster.example.com. 1 7200 1800 1209600 300";

/// `example.com` and, beside it, its child `sub.example.com`.
static SERVED: LazyLock<Snapshot> = LazyLock::new(|| {
    let parent = zone(
        "example.com",
        "@         NS    ns1
         ns1       A     192.0.2.53
         ns1       AAAA  2001:db8::53
         www       300 A 192.0.2.80
         www       TXT   \"hello\"
         c1        60 CNAME c2
         c2        30 CNAME WWW
         gone      CNAME nowhere
         away      CNAME www.example.net.
         over      CNAME www.sub
         referred  CNAME x.dept
         k1        CNAME k2
         k2        CNAME k3
         k3        CNAME k4
         k4        CNAME k5
         k5        CNAME k6
         k6        CNAME k7
         k7        CNAME k8
         k8        CNAME www
         k0        CNAME k1
         loop      CNAME pool
         pool      CNAME loop
         *.wild    CNAME www
         dept      NS    ns1.dept
         dept      NS    ns.other
         ns1.dept  A     192.0.2.99
         other     NS    ns.other
         ns.other  A     192.0.2.97
         sub       NS    ns1.sub
         ns1.sub   A     192.0.2.98",
    );
    let parent = [
        ("alias", "www.example.com"),
        ("alias-of-chain", "c1.example.com"),
        ("alias-of-alias", "alias-of-chain.example.com"),
        ("alias-of-other", "www.sub.example.com"),
        ("alias-of-nothing", "nowhere.example.com"),
        ("alias-of-referral", "x.dept.example.com"),
        ("alias-of-away", "away.example.com"),
        ("alias-of-itself", "alias-of-itself.example.com"),
    ]
    .iter()
    .fold(parent, |zone, (owner, target)| {
        with_alias(zone, &format!("{owner}.example.com"), target)
    });
    let child = zone("sub.example.com", "@ NS ns1\n ns1 A 192.0.2.98\n www A 192.0.2.81");
    serving(vec![parent, child])
});

#[track_caller]
fn check(ask: &Ask, expected: &[&str]) {
    assert_eq!(ask.lines(&SERVED), expected);
}

#[test]
fn chain_is_answered_link_by_link_with_its_end() {
    check(
        &Ask::new("c1.example.com", Rtype::A),
        &[
            "NoError aa",
            "c1.example.com. 60 CNAME c2.example.com.",
            "c2.example.com. 30 CNAME WWW.example.com.",
            "WWW.example.com. 300 A 192.0.2.80",
        ],
    );
    check(
        &Ask::new("x.wild.example.com", Rtype::TXT).subnet(),
        &[
            "NoError aa",
            "x.wild.example.com. 3600 CNAME www.example.com.",
            "www.example.com. 3600 TXT hello",
        ],
    );
}

#[test]
fn code_at_the_end_of_a_chain_is_the_answers() {
    check(
        &Ask::new("gone.example.com", Rtype::A),
        &[
            "NXDomain aa",
            "gone.example.com. 3600 CNAME nowhere.example.com.",
            &format!("authority example.com. {SOA}"),
        ],
    );
    check(
        &Ask::new("c2.example.com", Rtype::MX),
        &[
            "NoError aa",
            "c2.example.com. 30 CNAME WWW.example.com.",
            &format!("authority example.com. {SOA}"),
        ],
    );
}

#[test]
fn chain_stops_where_it_leaves_the_zone() {
    check(
        &Ask::new("away.example.com", Rtype::A),
        &["NoError aa", "away.example.com. 3600 CNAME www.example.net."],
    );
    check(
        &Ask::new("over.example.com", Rtype::A),
        &["NoError aa", "over.example.com. 3600 CNAME www.sub.example.com."],
    );
    check(
        &Ask::new("referred.example.com", Rtype::A),
        &[
            "NoError aa",
            "referred.example.com. 3600 CNAME x.dept.example.com.",
            "authority dept.example.com. 3600 NS ns1.dept.example.com.",
            "authority dept.example.com. 3600 NS ns.other.example.com.",
            "additional ns1.dept.example.com. 3600 A 192.0.2.99",
            "additional ns.other.example.com. 3600 A 192.0.2.97",
        ],
    );
}

#[test]
fn eight_links_are_followed_and_no_more() {
    let eight = Ask::new("k1.example.com", Rtype::A).lines(&SERVED);
    assert_eq!(eight.len(), 1 + 8 + 1);
    assert_eq!(eight.last().map(String::as_str), Some("www.example.com. 300 A 192.0.2.80"));
    let nine = Ask::new("k0.example.com", Rtype::A).lines(&SERVED);
    assert_eq!(nine.len(), 1 + 8);
    assert_eq!(nine.last().map(String::as_str), Some("k7.example.com. 3600 CNAME k8.example.com."));
    let circle = Ask::new("loop.example.com", Rtype::A).lines(&SERVED);
    assert_eq!(circle.len(), 1 + 8);
}

#[test]
fn alias_gives_the_targets_addresses_at_the_least_ttl_on_the_way() {
    for (owner, answer) in [
        ("alias", "300 A 192.0.2.80"),
        ("alias-of-chain", "30 A 192.0.2.80"),
        ("alias-of-alias", "30 A 192.0.2.80"),
        ("alias-of-other", "3600 A 192.0.2.81"),
    ] {
        let owner = format!("{owner}.example.com");
        check(&Ask::new(&owner, Rtype::A), &["NoError aa", &format!("{owner}. {answer}")]);
    }
    let no_data = format!("authority example.com. {SOA}");
    for owner in ["alias", "alias-of-nothing"] {
        let ask = Ask::new(&format!("{owner}.example.com"), Rtype::AAAA);
        check(&ask, &["NoError aa", &no_data]);
    }
    for owner in ["alias-of-referral", "alias-of-away", "alias-of-itself"] {
        check(&Ask::new(&format!("{owner}.example.com"), Rtype::A), &["ServFail"]);
    }
}

#[test]
fn referral_has_no_authority_and_both_kinds_of_glue() {
    let referral = [
        "NoError",
        "authority dept.example.com. 3600 NS ns1.dept.example.com.",
        "authority dept.example.com. 3600 NS ns.other.example.com.",
        "additional ns1.dept.example.com. 3600 A 192.0.2.99",
        "additional ns.other.example.com. 3600 A 192.0.2.97",
    ];
    for name in ["dept.example.com", "a.b.dept.example.com", "ns1.dept.example.com"] {
        check(&Ask::new(name, Rtype::A), &referral);
    }
}

#[test]
fn child_beside_its_parent_is_answered_and_not_referred_to() {
    check(
        &Ask::new("ns1.sub.example.com", Rtype::A),
        &["NoError aa", "ns1.sub.example.com. 3600 A 192.0.2.98"],
    );
    check(
        &Ask::new("sub.example.com", Rtype::DS),
        &["NoError aa", &format!("authority example.com. {SOA}")],
    );
}

/// A delegation to 13 name servers in its own domain, one to 8 in a sibling's; two addresses each.
fn crowded() -> Snapshot {
    let mut records = String::new();
    for n in 0..13 {
        let server = format!("name-server-{n}.of-the.dept");
        records += &format!("dept NS {server}\n{server} A 192.0.2.{n}\n");
        records += &format!("{server} AAAA 2001:db8::{n}\n");
        records += &format!("big TXT \"{n}{}\"\n", "x".repeat(100));
    }
    for n in 0..8 {
        records += &format!("few NS ns{n}.sib\nns{n}.sib A 192.0.2.{n}\n");
        records += &format!("ns{n}.sib AAAA 2001:db8::{n}\n");
    }
    records += "few NS ns.few\n ns.few A 192.0.2.1\n sib NS ns0.sib";
    serving(vec![zone("example.com", &records)])
}

#[test]
fn required_glue_that_does_not_fit_sets_tc_and_a_siblings_does_not() {
    let served = crowded();
    for (ask, expected) in [
        (Ask::new("x.dept.example.com", Rtype::A), "NoError tc"),
        (Ask::new("x.dept.example.com", Rtype::A).edns(1232, &[]), "NoError tc"),
        (Ask::new("x.dept.example.com", Rtype::A).tcp(), "NoError"),
        (Ask::new("x.few.example.com", Rtype::A), "NoError"),
        (Ask::new("x.few.example.com", Rtype::A).tcp(), "NoError"),
    ] {
        let (message, outcome) = ask.reply(&served);
        let lines = lines(&message);
        assert_eq!(lines[0], expected);
        assert_eq!(outcome.truncated, expected.ends_with("tc"));
        let glue = lines.iter().filter(|line| line.starts_with("additional")).count();
        match (ask.transport, expected) {
            (_, "NoError tc") => assert_eq!(lines.len(), 1),
            (Transport::Tcp, _) => assert!(glue == 26 || glue == 17, "{lines:#?}"),
            (Transport::Udp, _) => {
                assert!(lines.contains(&"additional ns.few.example.com. 3600 A 192.0.2.1".into()));
                assert!(glue < 17 && message.len() <= 512);
            }
        }
    }
}

#[test]
fn answers_over_the_limit_keep_question_and_opt_alone() {
    let served = crowded();
    let asked = || Ask::new("big.example.com", Rtype::TXT);
    for (ask, whole) in [
        (asked(), false),
        (asked().edns(100, &[]), false),
        (asked().edns(1232, &[]), false),
        (asked().edns(65_535, &[]), false),
        (asked().tcp(), true),
    ] {
        let (message, outcome) = ask.reply(&served);
        assert_eq!(outcome.truncated, !whole);
        let edns = ask.bytes[11] == 1;
        let bare = ask.bytes.len();
        assert!(if whole { message.len() > 1232 } else { message.len() == bare }, "{edns}");
        assert_eq!(message[11], ask.bytes[11], "OPT if and only if the query has it");
    }
}

#[test]
fn negative_answers_name_the_zone_in_the_questions_letters() {
    let (message, _) = Ask::new("no.eXample.COM", Rtype::A).reply(&SERVED);
    assert_eq!(message[12..32], Ask::new("no.eXample.COM", Rtype::A).bytes[12..32]);
    assert_eq!(lines(&message)[1], format!("authority eXample.COM. {SOA}"));
}

#[test]
fn any_is_answered_by_one_small_record() {
    check(
        &Ask::new("www.example.com", Rtype::ANY),
        &["NoError aa", "www.example.com. 300 HINFO RFC8482 "],
    );
    check(
        &Ask::new("away.example.com", Rtype::ANY),
        &["NoError aa", "away.example.com. 3600 CNAME www.example.net."],
    );
    let no_data = format!("authority example.com. {SOA}");
    check(&Ask::new("wild.example.com", Rtype::ANY), &["NoError aa", &no_data]);
}

#[test]
fn types_that_are_no_data_have_none_and_transfers_are_refused() {
    let no_data = format!("authority example.com. {SOA}");
    for rtype in [Rtype(0), Rtype::OPT, Rtype::TSIG, Rtype::TKEY, Rtype::MAILB, Rtype::MAILA] {
        check(&Ask::new("www.example.com", rtype), &["NoError aa", &no_data]);
    }
    for rtype in [Rtype::AXFR, Rtype::IXFR] {
        check(&Ask::new("example.com", rtype), &["Refused"]);
    }
    check(&Ask::new("example.net", Rtype::A), &["Refused"]);
}

#[test]
fn subnet_option_comes_back_with_scope_0_from_all_that_is_everyones() {
    for (name, rtype) in [
        ("www.example.com", Rtype::A),
        ("www.example.com", Rtype::MX),
        ("no.example.com", Rtype::A),
        ("x.dept.example.com", Rtype::A),
        ("example.net", Rtype::A),
        ("alias-of-away.example.com", Rtype::A),
    ] {
        let (message, _) = Ask::new(name, rtype).subnet().reply(&SERVED);
        assert!(message.ends_with(&[0, 8, 0, 7, 0, 1, 24, 0, 91, 1, 2]), "{name}");
    }
}

#[test]
fn outcome_tells_what_was_done() {
    let (_, outcome) = Ask::new("www.example.com", Rtype::A).reply(&SERVED);
    assert_eq!(
        outcome,
        Outcome {
            rcode: Some(Rcode::NoError),
            qtype: Rtype::A,
            zone: Some(ZoneId(0)),
            pool: None,
            truncated: false
        }
    );
    let (_, outcome) = Ask::new("no.sub.example.com", Rtype::MX).reply(&SERVED);
    assert_eq!((outcome.rcode, outcome.zone), (Some(Rcode::NxDomain), Some(ZoneId(1))));
    let (message, outcome) = Ask { bytes: vec![0; 11], transport: Transport::Udp }.reply(&SERVED);
    assert_eq!((message, outcome), (Vec::new(), Outcome::SILENCE));
    let (_, outcome) = Ask::new("example.net", Rtype::A).reply(&SERVED);
    assert_eq!((outcome.rcode, outcome.zone), (Some(Rcode::Refused), None));
}

proptest::proptest! {
    /// Whatever a query becomes on its way, the reply is silence or a message that another library
    /// reads, with the id and no longer than its transport allows.
    #[test]
    fn queries_with_broken_octets_are_answered_or_dropped(
        name in proptest::sample::select(&[
            "www.example.com", "c1.example.com", "x.dept.example.com", "no.example.com",
            "alias-of-chain.example.com", "ns1.sub.example.com", "x.wild.example.com",
        ][..]),
        rtype in proptest::sample::select(&[1_u16, 2, 5, 6, 28, 43, 255, 252][..]),
        broken in proptest::collection::vec((proptest::prelude::any::<proptest::sample::Index>(), 0_u8..), 0..6),
        cut in proptest::option::of(proptest::prelude::any::<proptest::sample::Index>()),
    ) {
        let mut ask = Ask::new(name, Rtype(rtype)).subnet();
        for (at, octet) in broken {
            let at = at.index(ask.bytes.len());
            ask.bytes[at] = octet;
        }
        if let Some(cut) = cut {
            ask.bytes.truncate(cut.index(ask.bytes.len()));
        }
        let (message, outcome) = ask.reply(&SERVED);
        proptest::prop_assert_eq!(message.is_empty(), outcome.rcode.is_none());
        if !message.is_empty() {
            proptest::prop_assert!(message.len() <= 1232);
            proptest::prop_assert_eq!(&message[..2], &ask.bytes[..2]);
            // The library knows of no other opcodes and classes than it lists.
            if outcome.rcode != Some(Rcode::NotImp) && outcome.rcode != Some(Rcode::Refused) {
                proptest::prop_assert!(Message::from_vec(&message).is_ok());
            }
        }
    }

    #[test]
    fn no_octets_make_it_panic(bytes in proptest::collection::vec(0_u8.., 0..300)) {
        let ask = Ask { bytes, transport: Transport::Udp };
        let (message, outcome) = ask.reply(&SERVED);
        proptest::prop_assert_eq!(message.is_empty(), outcome.rcode.is_none());
    }
}
