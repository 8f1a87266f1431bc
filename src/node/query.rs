//! What a node asks itself, and which replies are good.
//!
//! The SOA of a zone must come with authority; a routed A may come with any code, for a policy that
//! says SERVFAIL has answered. Without zones the server is asked its name (RFC 4892). Pure.

use std::fmt::Write as _;

use crate::answer::identity::ID_SERVER;
use crate::dns::decode::{CLASS_CH, CLASS_IN, HEADER};
use crate::dns::{Name, Rcode, Rtype};
use crate::world::World;
use crate::zone::ZoneId;

/// A query that a node asks itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnQuery {
    /// Name and type, for people.
    text: String,
    /// Name, type and class as they stand in the message.
    question: Vec<u8>,
    wanted: Wanted,
}

/// What makes a reply good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    /// AA, NOERROR, a record.
    Authority,
    /// Any code.
    Reply,
}

/// What a message is to a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judged {
    /// The answer, as it should be.
    Good,
    /// An answer, but not as it should be; why.
    Wrong(String),
    /// No answer to this query.
    Stray,
}

/// What a node asks itself under this configuration; the first is the one asked over TCP.
#[must_use]
pub fn queries(world: &World) -> Vec<OwnQuery> {
    if world.zones.is_empty() {
        return vec![OwnQuery::new(ID_SERVER, Rtype::TXT, CLASS_CH, Wanted::Authority)];
    }
    let apex = world.zones.apex(ZoneId(0)).as_wire();
    let soa = OwnQuery::new(apex, Rtype::SOA, CLASS_IN, Wanted::Authority);
    let routed = world.zones.routed().next();
    let routed =
        routed.map(|(name, _)| OwnQuery::new(name.as_wire(), Rtype::A, CLASS_IN, Wanted::Reply));
    [soa].into_iter().chain(routed).collect()
}

impl OwnQuery {
    fn new(name: &[u8], rtype: Rtype, class: u16, wanted: Wanted) -> Self {
        let question = [name, &rtype.0.to_be_bytes(), &class.to_be_bytes()].concat();
        let mut text = Name::from_wire(name).map_or_else(String::new, |name| name.to_string());
        let mnemonic = match rtype {
            Rtype::SOA => " SOA",
            Rtype::TXT => " CH TXT",
            _ => " A",
        };
        let _ = text.write_str(mnemonic);
        Self { text, question, wanted }
    }

    /// Name and type, for people.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The message that asks it.
    #[must_use]
    pub fn message(&self, id: u16) -> Vec<u8> {
        let [id0, id1] = id.to_be_bytes();
        let mut message = vec![id0, id1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        message.extend_from_slice(&self.question);
        message
    }

    /// Whether a message answers it.
    #[must_use]
    pub fn judge(&self, id: u16, message: &[u8]) -> Judged {
        let Some((header, body)) = message.split_first_chunk::<HEADER>() else {
            return Judged::Stray;
        };
        let &[id0, id1, flags, low, q0, q1, an0, an1, ..] = header;
        let ours = u16::from_be_bytes([id0, id1]) == id;
        let response_to_a_query = flags & 0xf8 == 0x80;
        let same = [q0, q1] == [0, 1] && body.starts_with(&self.question);
        if !(ours && response_to_a_query && same) {
            return Judged::Stray;
        }
        let (rcode, authority) = (low & 0x0f, flags & 0x04 != 0);
        match self.wanted {
            Wanted::Reply => Judged::Good,
            Wanted::Authority if rcode != 0 => Judged::Wrong(mnemonic(rcode)),
            Wanted::Authority if !authority => Judged::Wrong("no authority".into()),
            Wanted::Authority if [an0, an1] == [0, 0] => Judged::Wrong("no record".into()),
            Wanted::Authority => Judged::Good,
        }
    }
}

fn mnemonic(rcode: u8) -> String {
    let known = Rcode::ALL.into_iter().find(|known| *known as u16 == u16::from(rcode));
    known.map_or_else(|| format!("RCODE {rcode}"), |known| known.mnemonic().to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::answer::{Query, Transport, answer};
    use crate::config::{Config, Known, SourceFile};
    use crate::dns::encode::Reply;
    use crate::geo::mmdb::Databases;
    use crate::world::Snapshot;

    const ZONE: &str = "zone: example.com\nns: [ns1]\npools:\n  a: { members: [192.0.2.1] }\n\
                        names:\n  ns1: { A: 192.0.2.53 }\n  www: { route: a }\n";

    fn world(zone: Option<&str>) -> World {
        let file = |text: &str| SourceFile { path: "z".into(), text: text.into(), modified: 0 };
        let config = zone.map_or_else(Config::default, |text| {
            let loaded = crate::config::load(&[file(text)], Known::default());
            loaded.config.expect("a good zone")
        });
        World::build(config, &Databases::default(), 1, 1).named("node-1")
    }

    fn reply(world: World, message: &[u8]) -> Vec<u8> {
        let snapshot = Snapshot::all_up(Arc::new(world));
        let from = [127, 0, 0, 1].into();
        let query = Query { bytes: message, from, transport: Transport::Udp };
        let mut buffer = [0; 1232];
        let mut reply = Reply::new(&mut buffer);
        answer(&query, &snapshot, &mut fastrand::Rng::with_seed(1), &mut reply);
        reply.message().to_vec()
    }

    fn texts(world: &World) -> Vec<String> {
        queries(world).iter().map(|query| query.text().to_owned()).collect()
    }

    #[test]
    fn a_zone_and_a_routed_name_are_asked_for_and_without_zones_the_servers_name() {
        assert_eq!(texts(&world(Some(ZONE))), ["example.com. SOA", "www.example.com. A"]);
        let plain = ZONE.replace("www: { route: a }", "www: { A: 192.0.2.1 }");
        assert_eq!(texts(&world(Some(&plain))), ["example.com. SOA"]);
        assert_eq!(texts(&world(None)), ["id.server. CH TXT"]);
    }

    #[test]
    fn the_server_answers_all_of_them_well() {
        for zone in [Some(ZONE), None] {
            for query in queries(&world(zone)) {
                let reply = reply(world(zone), &query.message(0x1234));
                assert_eq!(query.judge(0x1234, &reply), Judged::Good, "{}", query.text());
                assert_eq!(query.judge(0x1235, &reply), Judged::Stray, "another id");
            }
        }
    }

    #[test]
    fn a_reply_is_judged_by_what_was_asked() {
        let asked = queries(&world(Some(ZONE)));
        let [soa, a] = &asked[..] else { panic!("two queries") };
        let wrong = |why: &str| Judged::Wrong(why.into());
        // (octet of the header, its value) → of the SOA, of the A.
        for (octet, value, of_soa, of_a) in [
            (3, 0, Judged::Good, Judged::Good),
            (3, 2, wrong("SERVFAIL"), Judged::Good),
            (3, 5, wrong("REFUSED"), Judged::Good),
            (3, 9, wrong("RCODE 9"), Judged::Good),
            (2, 0x80, wrong("no authority"), Judged::Good),
            (2, 0x86, Judged::Good, Judged::Good),
            (7, 0, wrong("no record"), Judged::Good),
            // A query, another opcode, no question.
            (2, 0x04, Judged::Stray, Judged::Stray),
            (2, 0xa4, Judged::Stray, Judged::Stray),
            (5, 0, Judged::Stray, Judged::Stray),
        ] {
            for (query, expected) in [(soa, of_soa), (a, of_a)] {
                let mut reply = reply(world(Some(ZONE)), &query.message(7));
                reply[octet] = value;
                assert_eq!(query.judge(7, &reply), expected, "{}: {octet} {value}", query.text());
            }
        }
        let other = reply(world(Some(ZONE)), &a.message(7));
        assert_eq!(soa.judge(7, &other), Judged::Stray, "another question");
    }

    #[test]
    fn every_cut_of_a_reply_is_judged_without_a_panic() {
        let query = &queries(&world(Some(ZONE)))[0];
        let whole = reply(world(Some(ZONE)), &query.message(7));
        for end in 0..HEADER + query.question.len() {
            assert_eq!(query.judge(7, &whole[..end]), Judged::Stray, "{end} octets");
        }
    }
}
