//! Who answers: `id.server. CH TXT` (RFC 4892). Every other name and type of class CH is refused.

use super::{Answering, Decision};
use crate::dns::decode::{CLASS_CH, Question};
use crate::dns::encode::{Owner, Section, Verdict};
use crate::dns::records::{Records, encode_in};
use crate::dns::{Rcode, Rtype};

/// The name asked for, in wire format.
pub const ID_SERVER: &[u8] = b"\x02id\x06server\x00";

/// In seconds: of an answer that must come from the server asked, not from a cache.
const TTL: u32 = 0;

/// What a node calls itself, as the record that tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity(Box<[u8]>);

impl Identity {
    /// A node of this name; of a longer one the first 255 octets are told (a character-string of
    /// RFC 1035 §3.3). Without a name the question is refused.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let text = &name.as_bytes()[..name.len().min(usize::from(u8::MAX))];
        let mut wire = Vec::new();
        if !text.is_empty() {
            let rdata = [&[text.len() as u8], text].concat();
            encode_in(CLASS_CH, Rtype::TXT, TTL, [&*rdata], &mut wire);
        }
        Self(wire.into())
    }
}

impl Answering<'_, '_, '_> {
    /// Answers a question of class CH.
    pub(super) fn identity(&mut self, question: &Question<'_>) -> Decision {
        let Identity(record) = &self.snapshot.world.identity;
        let asked = question.rtype == Rtype::TXT && question.name().eq_ignore_ascii_case(ID_SERVER);
        if !asked || record.is_empty() {
            return Decision::bare(Rcode::Refused);
        }
        self.reply.rrset(Section::Answer, Some(Owner::QUESTION), Records::new(record, 1));
        let verdict = Verdict { rcode: Rcode::NoError, authoritative: true, scope: 0 };
        Decision { verdict, zone: None, pool: None }
    }
}
