//! The DNS wire format: no sockets, no policy, no clock.
//!
//! A request is read by [`decode`], its EDNS options by [`edns`], and a reply is written by
//! [`encode`] into a buffer that the caller owns, from RRsets that [`records`] encoded at load.
//! Names are [`Name`]s: lower-cased wire format.

pub mod decode;
pub mod edns;
pub mod encode;
pub mod name;
pub mod records;

pub use name::{Name, NameError};

/// A response code (RFC 1035 §4.1.1, RFC 6891 §9 for BADVERS); the value before it is split
/// between the header and the OPT record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
#[allow(missing_docs, reason = "the names are the RFCs'")]
pub enum Rcode {
    NoError = 0,
    FormErr = 1,
    ServFail = 2,
    NxDomain = 3,
    NotImp = 4,
    Refused = 5,
    BadVers = 16,
}

impl Rcode {
    /// Every code this server can send, in the order of [`Self::index`].
    pub const ALL: [Self; 7] = [
        Self::NoError,
        Self::FormErr,
        Self::ServFail,
        Self::NxDomain,
        Self::NotImp,
        Self::Refused,
        Self::BadVers,
    ];

    /// A dense index, for counters.
    #[must_use]
    pub fn index(self) -> usize {
        if self == Self::BadVers { 6 } else { self as usize }
    }

    /// The mnemonic as `dig` prints it.
    #[must_use]
    pub fn mnemonic(self) -> &'static str {
        ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "BADVERS"][self.index()]
    }
}

/// A resource record type (RFC 1035 §3.2.2); any value is possible, those that the server treats
/// in a way of their own have a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Rtype(pub u16);

#[allow(missing_docs, reason = "the names are the IANA registry's")]
impl Rtype {
    pub const A: Self = Self(1);
    pub const NS: Self = Self(2);
    pub const CNAME: Self = Self(5);
    pub const SOA: Self = Self(6);
    pub const PTR: Self = Self(12);
    pub const HINFO: Self = Self(13);
    pub const MX: Self = Self(15);
    pub const TXT: Self = Self(16);
    pub const AAAA: Self = Self(28);
    pub const SRV: Self = Self(33);
    pub const OPT: Self = Self(41);
    pub const DS: Self = Self(43);
    pub const SVCB: Self = Self(64);
    pub const HTTPS: Self = Self(65);
    pub const TKEY: Self = Self(249);
    pub const TSIG: Self = Self(250);
    pub const IXFR: Self = Self(251);
    pub const AXFR: Self = Self(252);
    pub const MAILB: Self = Self(253);
    pub const MAILA: Self = Self(254);
    pub const ANY: Self = Self(255);
}
