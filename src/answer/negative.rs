//! NODATA and NXDOMAIN (RFC 2308): the zone's SOA in the authority section.

use super::{Answering, Decision};
use crate::dns::Rcode;
use crate::dns::encode::{NameAt, Section};
use crate::zone::ZoneId;

impl Answering<'_, '_, '_> {
    /// Answers that a name of `zone`, or the type asked of it, is not there.
    pub(super) fn negative(&mut self, at: NameAt, zone: ZoneId, rcode: Rcode) -> Decision {
        let apex = at.suffix(self.zones().apex(zone).as_wire().len());
        self.reply.rrset(Section::Authority, apex, self.zones().negative_soa(zone));
        Decision::authoritative(zone, rcode)
    }
}
