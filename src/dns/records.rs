//! RRsets encoded once, to be copied into replies.

use super::Rtype;
use super::decode::CLASS_IN;

/// The owner that encoded records begin with: a pointer to the question's name (RFC 1035 §4.1.4).
pub const QUESTION_OWNER: [u8; 2] = [0xc0, 0x0c];
/// What stands before a record's RDATA when its owner is a pointer.
pub const RECORD_HEAD: usize = 12;

/// The records of one owner and type in wire format, each with [`QUESTION_OWNER`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Records<'z> {
    wire: &'z [u8],
    count: u16,
}

impl<'z> Records<'z> {
    /// Takes what [`encode`] made of `count` records.
    #[must_use]
    pub fn new(wire: &'z [u8], count: u16) -> Self {
        Self { wire, count }
    }

    /// The records, one after the other.
    #[must_use]
    pub fn as_wire(&self) -> &'z [u8] {
        self.wire
    }

    /// How many records there are.
    #[must_use]
    pub fn count(&self) -> u16 {
        self.count
    }

    /// The first record's RDATA: of a CNAME, its target.
    #[must_use]
    pub fn first_rdata(&self) -> &'z [u8] {
        let len = record_len(self.wire).unwrap_or(0);
        self.wire.get(RECORD_HEAD..len).unwrap_or_default()
    }

    /// The first record's TTL in seconds, the same for all.
    #[must_use]
    pub fn ttl(&self) -> u32 {
        self.wire.get(6..).and_then(<[u8]>::first_chunk).map_or(0, |ttl| u32::from_be_bytes(*ttl))
    }
}

/// The length of the record that `wire` begins with; its owner is a pointer.
#[must_use]
pub fn record_len(wire: &[u8]) -> Option<usize> {
    let &[.., l0, l1] = wire.first_chunk::<RECORD_HEAD>()?;
    Some(RECORD_HEAD + usize::from(u16::from_be_bytes([l0, l1])))
}

/// What stands before an RDATA of `len` octets.
#[must_use]
pub fn record_head(owner: [u8; 2], rtype: Rtype, ttl: u32, len: u16) -> [u8; RECORD_HEAD] {
    head_in(CLASS_IN, owner, rtype, ttl, len)
}

fn head_in(class: u16, owner: [u8; 2], rtype: Rtype, ttl: u32, len: u16) -> [u8; RECORD_HEAD] {
    let [t0, t1] = rtype.0.to_be_bytes();
    let [c0, c1] = class.to_be_bytes();
    let [s0, s1, s2, s3] = ttl.to_be_bytes();
    let [l0, l1] = len.to_be_bytes();
    [owner[0], owner[1], t0, t1, c0, c1, s0, s1, s2, s3, l0, l1]
}

/// Appends the records of one RRset to `wire`. An RDATA longer than 65,535 octets, which no
/// message can carry, is left out.
pub fn encode<'r>(
    rtype: Rtype,
    ttl: u32,
    rdata: impl IntoIterator<Item = &'r [u8]>,
    wire: &mut Vec<u8>,
) {
    encode_in(CLASS_IN, rtype, ttl, rdata, wire);
}

/// [`encode`] in another class than IN.
pub fn encode_in<'r>(
    class: u16,
    rtype: Rtype,
    ttl: u32,
    rdata: impl IntoIterator<Item = &'r [u8]>,
    wire: &mut Vec<u8>,
) {
    for rdata in rdata {
        if let Ok(len) = u16::try_from(rdata.len()) {
            wire.extend_from_slice(&head_in(class, QUESTION_OWNER, rtype, ttl, len));
            wire.extend_from_slice(rdata);
        }
    }
}
