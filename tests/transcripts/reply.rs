//! A reply as an independent library reads it, and the rules that hold for every reply.

use std::fmt;

use hickory_proto::op::{Message, MessageType};
use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};
use hickory_proto::rr::{RData, Record};

/// A decoded reply, flattened to text.
pub struct Decoded {
    /// `NOERROR aa tc rd`.
    pub status: String,
    /// (`SECTION OWNER TTL TYPE`, RDATA).
    pub records: Vec<(String, String)>,
    /// The ECS scope, when the reply carries the option.
    pub scope: Option<u8>,
}

impl Decoded {
    /// Decodes a reply and checks what every reply must hold: the ID, the opcode and the question
    /// echoed byte for byte, no flag that we do not know, an OPT record if and only if the query
    /// had one, its ECS option's family, source and address echoed.
    pub fn read(query: &[u8], reply: &[u8]) -> Result<Self, String> {
        let message = Message::from_vec(reply).map_err(|e| format!("  undecodable: {e}"))?;
        let head = &message.metadata;
        let mut wrong = Vec::new();
        let mut must = |holds: bool, what: &str| {
            if !holds {
                wrong.push(format!("  {what}"));
            }
        };
        must(head.message_type == MessageType::Response, "QR is clear");
        must(reply[..2] == query[..2], "the ID differs");
        must(reply[2] & 0x78 == query[2] & 0x78, "the opcode differs");
        must(reply[2] & 1 == query[2] & 1, "RD is not copied");
        must(reply[3] & 0xf0 == 0, "RA, Z, AD or CD is set");
        let question = question_end(reply);
        must(query.get(12..question) == Some(&reply[12..question]), "the question differs");
        let asked = Message::from_vec(query).ok();
        if let Some(asked) = &asked {
            let code = message.edns.as_ref().map(|edns| edns.version());
            must(message.edns.is_some() == asked.edns.is_some(), "OPT without OPT, or none");
            must(code.is_none_or(|version| version == 0), "an EDNS version but 0");
        }
        let subnet = |message: &Message| {
            let edns = message.edns.as_ref()?;
            match edns.option(EdnsCode::Subnet)? {
                EdnsOption::Subnet(s) => Some((s.addr(), s.source_prefix(), s.scope_prefix())),
                _ => None,
            }
        };
        let echoed = subnet(&message);
        if let (Some(sent), Some(got)) = (asked.as_ref().and_then(subnet), echoed) {
            must((sent.0, sent.1) == (got.0, got.1), "ECS source or address differs");
        }
        if !wrong.is_empty() {
            return Err(wrong.join("\n"));
        }
        Ok(Self {
            status: status(&message),
            records: records(&message),
            scope: echoed.map(|e| e.2),
        })
    }
}

/// Where the question section ends.
fn question_end(message: &[u8]) -> usize {
    if message[4..6] == [0, 0] {
        return 12;
    }
    let mut at = 12;
    while message[at] != 0 {
        at += 1 + usize::from(message[at]);
    }
    at + 5
}

fn status(message: &Message) -> String {
    let head = &message.metadata;
    let code = match u16::from(head.response_code) {
        0 => "NOERROR".to_owned(),
        1 => "FORMERR".to_owned(),
        2 => "SERVFAIL".to_owned(),
        3 => "NXDOMAIN".to_owned(),
        4 => "NOTIMP".to_owned(),
        5 => "REFUSED".to_owned(),
        16 => "BADVERS".to_owned(),
        other => format!("RCODE{other}"),
    };
    let flag = |set: bool, name: &str| if set { format!(" {name}") } else { String::new() };
    let edns_do = message.edns.as_ref().is_some_and(|edns| edns.flags().dnssec_ok);
    [
        code,
        flag(head.authoritative, "aa"),
        flag(head.truncation, "tc"),
        flag(head.recursion_desired, "rd"),
        flag(edns_do, "do"),
    ]
    .concat()
}

fn records(message: &Message) -> Vec<(String, String)> {
    let sections = [
        ("answer", &message.answers),
        ("authority", &message.authorities),
        ("additional", &message.additionals),
    ];
    let mut records = Vec::new();
    for (section, of_section) in sections {
        for record in of_section {
            let (name, ttl) = (&record.name, record.ttl);
            let (rtype, rdata) = presentation(record);
            records.push((format!("{section} {name} {ttl} {rtype}"), rdata));
        }
    }
    records
}

/// The type and the RDATA as a zone file writes them; of an unknown type by RFC 3597 §5.
fn presentation(record: &Record) -> (String, String) {
    match &record.data {
        RData::Unknown { code, rdata } => {
            let octets = &rdata.anything;
            let digits: String = octets.iter().map(|octet| format!("{octet:02x}")).collect();
            (format!("TYPE{}", u16::from(*code)), format!("\\# {} {digits}", octets.len()))
        }
        known => (record.record_type().to_string(), known.to_string().trim_end().to_owned()),
    }
}

impl fmt::Display for Decoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  got: {}", self.status)?;
        if let Some(scope) = self.scope {
            writeln!(f, "       scope {scope}")?;
        }
        self.records.iter().try_for_each(|(head, rdata)| writeln!(f, "       {head} {rdata}"))
    }
}
