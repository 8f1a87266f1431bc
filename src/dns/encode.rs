//! Writing a reply into a buffer that the caller owns.
//!
//! A reply is begun with its question, takes whole RRsets, and is finished with its header and OPT
//! record. An RRset that does not fit leaves nothing of itself: the reply is then finished with
//! TC=1 and empty sections (RFC 2181 §9), question and OPT record kept.

use std::net::IpAddr;

use super::decode::{HEADER, Request};
use super::edns::Edns;
use super::records::{QUESTION_OWNER, Records, record_head, record_len};
use super::{Rcode, Rtype};

/// The longest message (RFC 1035 §4.2.2).
pub const MAX_MESSAGE: usize = 65_535;

/// A reply under construction, in the caller's buffer. Never grows past it.
#[derive(Debug)]
pub struct Reply<'b> {
    buffer: &'b mut [u8],
    len: usize,
    /// Where the question ends.
    body: usize,
    /// Where the records must end, so that the OPT record fits behind them.
    limit: usize,
    counts: [u16; 3],
    overflowed: bool,
}

/// A section of a message (RFC 1035 §4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the RFC's")]
pub enum Section {
    Answer,
    Authority,
    Additional,
}

/// A name that stands in the reply: what records are owned by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameAt {
    /// Where it begins.
    pub offset: usize,
    /// Its length with the root's zero.
    pub len: usize,
}

/// A compression pointer (RFC 1035 §4.1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner([u8; 2]);

/// What the header and the OPT record of a finished reply say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Its low four bits stand in the header.
    pub rcode: Rcode,
    /// AA.
    pub authoritative: bool,
    /// The scope of the Client Subnet option, where the request had it.
    pub scope: u8,
}

impl NameAt {
    /// The question's name, of this length.
    #[must_use]
    pub fn question(len: usize) -> Self {
        Self { offset: HEADER, len }
    }

    /// A pointer to the name's last `len` octets. `None` when they stand beyond a pointer's reach
    /// (RFC 1035 §4.1.4: 14 bits) or the name is shorter.
    #[must_use]
    pub fn suffix(self, len: usize) -> Option<Owner> {
        Owner::at(self.offset + self.len.checked_sub(len)?)
    }

    /// A pointer to the whole name.
    #[must_use]
    pub fn owner(self) -> Option<Owner> {
        Owner::at(self.offset)
    }
}

impl Owner {
    /// The question's name.
    pub const QUESTION: Self = Self(QUESTION_OWNER);

    /// The name at an offset of the message; `None` beyond a pointer's reach.
    #[must_use]
    pub fn at(offset: usize) -> Option<Self> {
        let offset = u16::try_from(offset).ok().filter(|offset| *offset < 0x4000)?;
        Some(Self((0xc000 | offset).to_be_bytes()))
    }
}

impl<'b> Reply<'b> {
    /// Starts an empty reply; `buffer` is the most it can ever hold (1,232 octets suffice over UDP,
    /// 65,535 over TCP).
    pub fn new(buffer: &'b mut [u8]) -> Self {
        Self { buffer, len: 0, body: 0, limit: 0, counts: [0; 3], overflowed: false }
    }

    /// The message so far; empty when there is nothing to send.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        self.buffer.get(..self.len).unwrap_or_default()
    }

    /// Makes it empty.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// Begins a message of at most `limit` octets, `reserved` of which are kept for its OPT record.
    pub fn begin(&mut self, question: &[u8], limit: usize, reserved: usize) {
        self.len = HEADER;
        self.limit = limit.min(self.buffer.len()).saturating_sub(reserved);
        self.counts = [0; 3];
        self.overflowed = false;
        self.push(question);
        self.body = self.len;
    }

    /// Where the next record begins.
    #[must_use]
    pub fn position(&self) -> usize {
        self.len
    }

    /// Whether something did not fit.
    #[must_use]
    pub fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// Appends an RRset under an owner; `None`, an owner out of a pointer's reach, counts as not
    /// fitting.
    pub fn rrset(&mut self, section: Section, owner: Option<Owner>, records: Records<'_>) {
        self.rrset_until(section, owner, records, u32::MAX);
    }

    /// As [`Self::rrset`], with no TTL above `longest`.
    pub fn rrset_until(
        &mut self,
        section: Section,
        owner: Option<Owner>,
        records: Records<'_>,
        longest: u32,
    ) {
        let Some(owner) = owner else {
            self.overflowed = true;
            return;
        };
        let start = self.len;
        if !self.push(records.as_wire()) {
            return;
        }
        self.count(section, records.count());
        if owner != Owner::QUESTION || records.ttl() > longest {
            let ttl = records.ttl().min(longest).to_be_bytes();
            patch(self.buffer.get_mut(start..self.len).unwrap_or_default(), owner, ttl);
        }
    }

    /// As [`Self::rrset`], but what does not fit is left out and the reply stays whole.
    pub fn optional(&mut self, section: Section, owner: Option<Owner>, records: Records<'_>) {
        let fits = self.len + records.as_wire().len() <= self.limit;
        if fits && owner.is_some() {
            self.rrset(section, owner, records);
        }
    }

    /// Appends one record.
    pub fn record(
        &mut self,
        section: Section,
        owner: Option<Owner>,
        rtype: Rtype,
        ttl: u32,
        rdata: &[u8],
    ) {
        let (Some(Owner(owner)), Ok(len)) = (owner, u16::try_from(rdata.len())) else {
            self.overflowed = true;
            return;
        };
        if self.push_array(record_head(owner, rtype, ttl, len)) && self.push(rdata) {
            self.count(section, 1);
        }
    }

    /// Appends an A or AAAA record for each address to the answer.
    pub fn addresses(&mut self, owner: Option<Owner>, ttl: u32, addresses: &[IpAddr]) {
        let Some(Owner(owner)) = owner else {
            self.overflowed = true;
            return;
        };
        for address in addresses {
            let whole = match address {
                IpAddr::V4(v4) => {
                    self.push_array(record_head(owner, Rtype::A, ttl, 4))
                        && self.push_array(v4.octets())
                }
                IpAddr::V6(v6) => {
                    self.push_array(record_head(owner, Rtype::AAAA, ttl, 16))
                        && self.push_array(v6.octets())
                }
            };
            self.count(Section::Answer, u16::from(whole));
        }
    }

    /// Ends the message with its header and OPT record, which is there if and only if the request
    /// had one. RD and the opcode are the request's; RA, Z, AD and CD are clear.
    #[inline]
    pub fn finish(&mut self, request: &Request<'_>, verdict: Verdict) {
        let truncated = std::mem::take(&mut self.overflowed);
        if truncated {
            self.len = self.body;
            self.counts = [0; 3];
        }
        if let Some(edns) = &request.edns {
            self.opt(edns, verdict);
        }
        self.overflowed |= truncated;
        let header = self.header(request, verdict);
        match self.buffer.first_chunk_mut() {
            Some(room) => *room = header,
            None => self.len = 0,
        }
    }

    fn opt(&mut self, edns: &Edns<'_>, verdict: Verdict) {
        let start = self.len;
        self.limit = self.buffer.len();
        let subnet = edns.client_subnet;
        let whole = self.push_array(edns.reply(verdict.rcode))
            && subnet.is_none_or(|subnet| {
                self.push_array(subnet.reply(verdict.scope)) && self.push(subnet.octets)
            });
        if whole {
            self.count(Section::Additional, 1);
        } else {
            self.len = start;
        }
    }

    fn header(&self, request: &Request<'_>, verdict: Verdict) -> [u8; HEADER] {
        let [id0, id1] = request.id;
        let flags = 0x80
            | request.opcode << 3
            | u8::from(verdict.authoritative) << 2
            | u8::from(self.overflowed) << 1
            | u8::from(request.recursion_desired);
        let rcode = verdict.rcode as u8 & 0x0f;
        let questions = u8::from(self.body > HEADER);
        let [[an0, an1], [ns0, ns1], [ar0, ar1]] = self.counts.map(u16::to_be_bytes);
        [id0, id1, flags, rcode, 0, questions, an0, an1, ns0, ns1, ar0, ar1]
    }

    fn count(&mut self, section: Section, records: u16) {
        let count = &mut self.counts[section as usize];
        *count = count.saturating_add(records);
    }

    fn push(&mut self, octets: &[u8]) -> bool {
        let end = self.len + octets.len();
        let fits = end <= self.limit && !self.overflowed;
        match self.buffer.get_mut(self.len..end).filter(|_| fits) {
            Some(room) => {
                room.copy_from_slice(octets);
                self.len = end;
                true
            }
            None => {
                self.overflowed = true;
                false
            }
        }
    }

    /// As [`Self::push`], for what needs no call to copy.
    fn push_array<const N: usize>(&mut self, octets: [u8; N]) -> bool {
        let end = self.len + N;
        let fits = end <= self.limit && !self.overflowed;
        let room = self.buffer.get_mut(self.len..).and_then(<[u8]>::first_chunk_mut);
        match room.filter(|_| fits) {
            Some(room) => {
                *room = octets;
                self.len = end;
                true
            }
            None => {
                self.overflowed = true;
                false
            }
        }
    }
}

/// Gives every record of an RRset another owner and TTL.
fn patch(mut wire: &mut [u8], owner: Owner, ttl: [u8; 4]) {
    while let Some(len) = record_len(wire) {
        let Some((record, rest)) = wire.split_at_mut_checked(len) else { return };
        if let Some([o0, o1, _, _, _, _, t @ .., _, _]) = record.first_chunk_mut::<12>() {
            [*o0, *o1] = owner.0;
            *t = ttl;
        }
        wire = rest;
    }
}

#[cfg(test)]
mod tests;
