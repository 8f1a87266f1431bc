//! Reading a request: the header, the one question, and every record behind it.
//!
//! Nothing is copied. Records behind the question are walked only to know that they are there (a
//! record past the end makes the message FORMERR) and to find the OPT record; what follows the
//! last record is ignored, and so is TC.

use super::edns::Edns;
use super::name::{MAX_LABEL, MAX_NAME};
use super::{Rcode, Rtype};

/// The length of a header (RFC 1035 §4.1.1).
pub const HEADER: usize = 12;

/// A request as far as it can be read.
#[derive(Clone, Copy, Debug)]
pub struct Request<'p> {
    /// The message's id.
    pub id: [u8; 2],
    /// The operation, 0 to 15.
    pub opcode: u8,
    /// RD.
    pub recursion_desired: bool,
    /// The question; absent unless there is exactly one and it is readable.
    pub question: Option<Question<'p>>,
    /// The OPT record; absent when there is none or it is not readable.
    pub edns: Option<Edns<'p>>,
    /// Why it is to be answered with nothing but a code: the first that applies of NOTIMP,
    /// FORMERR, BADVERS and REFUSED. Absent when there is a question to answer.
    pub fault: Option<Rcode>,
}

/// One question (RFC 1035 §4.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question<'p> {
    /// Name, type and class as they came: what the reply echoes.
    pub octets: &'p [u8],
    /// The type asked for.
    pub rtype: Rtype,
    /// The class asked for.
    pub class: u16,
}

/// The Internet class (RFC 1035 §3.2.4).
pub const CLASS_IN: u16 = 1;
/// The Chaos class (RFC 1035 §3.2.4): today, questions about the server itself (RFC 4892).
pub const CLASS_CH: u16 = 3;
/// Any class (RFC 1035 §3.2.5).
pub const CLASS_ANY: u16 = 255;

impl<'p> Question<'p> {
    /// The name: uncompressed wire format in the letters it came in.
    #[must_use]
    pub fn name(&self) -> &'p [u8] {
        self.octets.get(..self.octets.len().saturating_sub(4)).unwrap_or_default()
    }

    /// What nothing of ours can answer: a class other than IN, CH and ANY, a zone transfer.
    fn fault(&self) -> Option<Rcode> {
        let class = matches!(self.class, CLASS_IN | CLASS_CH | CLASS_ANY);
        let transfer = matches!(self.rtype, Rtype::AXFR | Rtype::IXFR);
        (!class || transfer).then_some(Rcode::Refused)
    }
}

/// Reads a request. `None` when it deserves silence: it is shorter than a header, or a response.
#[must_use]
#[inline]
pub fn request(message: &[u8]) -> Option<Request<'_>> {
    let (header, body) = message.split_first_chunk::<HEADER>()?;
    let [id0, id1, flags, _, counts @ ..] = *header;
    if flags & 0x80 != 0 {
        return None;
    }
    let mut request = Request {
        id: [id0, id1],
        opcode: flags >> 3 & 0x0f,
        recursion_desired: flags & 1 != 0,
        question: None,
        edns: None,
        fault: None,
    };
    let walked = Sections { rest: body, request: &mut request }.walk(counts);
    request.fault = match walked {
        _ if request.opcode != 0 => Some(Rcode::NotImp),
        Err(Malformed) => Some(Rcode::FormErr),
        Ok(()) => request.fault.or_else(|| request.question.and_then(|q| q.fault())),
    };
    if let (Some(edns), Some(Rcode::FormErr | Rcode::BadVers)) = (&mut request.edns, request.fault)
    {
        edns.client_subnet = None;
    }
    Some(request)
}

/// The message does not follow its own format.
#[derive(Debug)]
struct Malformed;

/// Whether a name may end in a compression pointer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pointers {
    Allowed,
    Refused,
}

/// The walk behind the header.
struct Sections<'r, 'p> {
    rest: &'p [u8],
    /// What is found goes here.
    request: &'r mut Request<'p>,
}

impl<'p> Sections<'_, 'p> {
    /// Walks all four sections; `counts` are the header's, in its order.
    fn walk(&mut self, counts: [u8; 8]) -> Result<(), Malformed> {
        let [q0, q1, an0, an1, ns0, ns1, ar0, ar1] = counts;
        let questions = u16::from_be_bytes([q0, q1]);
        for _ in 0..questions {
            let question = self.one_question()?;
            self.request.question = (questions == 1).then_some(question);
        }
        let others =
            u32::from(u16::from_be_bytes([an0, an1])) + u32::from(u16::from_be_bytes([ns0, ns1]));
        for _ in 0..others {
            // RFC 6891 §6.1.1: OPT stands in the additional section.
            if self.record()?.rtype == Rtype::OPT {
                return Err(Malformed);
            }
        }
        for _ in 0..u16::from_be_bytes([ar0, ar1]) {
            let record = self.record()?;
            if record.rtype == Rtype::OPT {
                self.opt(&record)?;
            }
        }
        if questions == 1 { Ok(()) } else { Err(Malformed) }
    }

    fn one_question(&mut self) -> Result<Question<'p>, Malformed> {
        let name = name_len(self.rest, Pointers::Refused).ok_or(Malformed)?;
        let octets = self.take(name + 4)?;
        let &[t0, t1, c0, c1] = octets.last_chunk().ok_or(Malformed)?;
        let rtype = Rtype(u16::from_be_bytes([t0, t1]));
        Ok(Question { octets, rtype, class: u16::from_be_bytes([c0, c1]) })
    }

    fn record(&mut self) -> Result<Record<'p>, Malformed> {
        let owner = self.take(name_len(self.rest, Pointers::Allowed).ok_or(Malformed)?)?;
        let (&[t0, t1, c0, c1, ttl @ .., l0, l1], rest) =
            self.rest.split_first_chunk::<10>().ok_or(Malformed)?;
        self.rest = rest;
        Ok(Record {
            owner,
            rtype: Rtype(u16::from_be_bytes([t0, t1])),
            class: u16::from_be_bytes([c0, c1]),
            ttl,
            rdata: self.take(usize::from(u16::from_be_bytes([l0, l1])))?,
        })
    }

    /// RFC 6891 §6.1: one OPT record at most, and its owner is the root.
    fn opt(&mut self, record: &Record<'p>) -> Result<(), Malformed> {
        if self.request.edns.is_some() || record.owner != [0] {
            return Err(Malformed);
        }
        let (edns, fault) = Edns::read(record.class, record.ttl, record.rdata);
        self.request.edns = Some(edns);
        self.request.fault = fault;
        Ok(())
    }

    fn take(&mut self, len: usize) -> Result<&'p [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(Malformed)?;
        self.rest = rest;
        Ok(taken)
    }
}

/// A record behind the question.
struct Record<'p> {
    owner: &'p [u8],
    rtype: Rtype,
    class: u16,
    ttl: [u8; 4],
    rdata: &'p [u8],
}

/// How many octets the name takes that `octets` begin with. Pointers are not followed: no name
/// behind the question matters, and none can then lead in a circle.
fn name_len(octets: &[u8], pointers: Pointers) -> Option<usize> {
    let mut at = 0;
    loop {
        let len = usize::from(*octets.get(at)?);
        let end = match len {
            0 => at + 1,
            1..=MAX_LABEL => {
                at += 1 + len;
                continue;
            }
            0xc0.. if pointers == Pointers::Allowed => at + 2,
            _ => return None,
        };
        return (end <= MAX_NAME).then_some(end);
    }
}

#[cfg(test)]
mod tests;
