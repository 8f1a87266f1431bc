//! A zone as configured, every value in wire format, every name absolute.

use crate::dns::{Name, Rtype};
use crate::policy::Routed;

/// One zone.
#[derive(Clone, Debug)]
pub struct ZoneSource {
    /// Its name.
    pub apex: Name,
    /// Its start of authority.
    pub soa: Soa,
    /// Every owner name once, in any order; the apex is among them with its NS RRset. The SOA
    /// RRset is not: it comes from [`Self::soa`].
    pub names: Vec<NameSource>,
}

/// A start of authority (RFC 1035 §3.3.13); times in seconds.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names are the RFC's")]
pub struct Soa {
    pub primary: Name,
    pub contact: Name,
    pub serial: u32,
    pub refresh: u32,
    pub retry: u32,
    pub expire: u32,
    /// The RRset's own TTL; a negative answer carries min(this, `minimum`) (RFC 2308 §5).
    pub ttl: u32,
    /// The negative TTL.
    pub minimum: u32,
}

/// One owner name and all that stands at it. Checked by the configuration: a CNAME alone, nothing
/// but address records below a cut, no A, AAAA or CNAME beside `routed` or `alias`.
#[derive(Clone, Debug)]
pub struct NameSource {
    /// Absolute, within the zone; `*` as the first label makes a wildcard.
    pub owner: Name,
    /// Static RRsets, one for each type. NS anywhere but at the apex makes a cut.
    pub rrsets: Vec<RrSet>,
    /// A and AAAA by policy.
    pub routed: Option<Routed>,
    /// A and AAAA taken from another name that this server serves.
    pub alias: Option<Name>,
}

/// The records of one owner and type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RrSet {
    /// The type.
    pub rtype: Rtype,
    /// In seconds.
    pub ttl: u32,
    /// Each record's RDATA, uncompressed; no two equal.
    pub rdata: Vec<Box<[u8]>>,
}

impl Soa {
    /// The TTL of negative answers (RFC 2308 §5), in seconds.
    #[must_use]
    pub fn negative_ttl(&self) -> u32 {
        self.ttl.min(self.minimum)
    }

    /// The RDATA, uncompressed.
    #[must_use]
    pub fn rdata(&self) -> Box<[u8]> {
        let mut rdata = self.primary.as_wire().to_vec();
        rdata.extend_from_slice(self.contact.as_wire());
        for value in [self.serial, self.refresh, self.retry, self.expire, self.minimum] {
            rdata.extend_from_slice(&value.to_be_bytes());
        }
        rdata.into()
    }
}
