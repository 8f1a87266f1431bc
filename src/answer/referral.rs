//! Referrals (RFC 1034 §4.3.2): the child's name servers, and the glue to reach them.

use super::{Answering, Decision};
use crate::dns::Rcode;
use crate::dns::encode::{NameAt, Owner, Section};
use crate::zone::ZoneId;
use crate::zone::lookup::{Delegation, Need};

impl Answering<'_, '_, '_> {
    /// Refers to the child zone that holds a name. Glue in the child's own domain that does not fit
    /// sets TC, a sibling's is left out (RFC 9471 §3.1, §3.2).
    pub(super) fn referral(
        &mut self,
        at: NameAt,
        zone: ZoneId,
        Delegation { cut, owner_len }: Delegation<'_>,
    ) -> Decision {
        let start = self.reply.position();
        self.reply.rrset(Section::Authority, at.suffix(owner_len), cut.ns());
        for glue in cut.glue() {
            let server = Owner::at(start + glue.name_at);
            match glue.need {
                Need::Required => self.reply.rrset(Section::Additional, server, glue.records()),
                Need::Sibling => self.reply.optional(Section::Additional, server, glue.records()),
            }
        }
        Decision { zone: Some(zone), ..Decision::bare(Rcode::NoError) }
    }
}
