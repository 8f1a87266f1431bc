//! EDNS(0) (RFC 6891) and its Client Subnet option (RFC 7871).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Rcode, Rtype};

/// The largest answer sent over UDP, and the size that replies offer to receive: what passes
/// every path without fragments (the DNS flag day of 2020, RFC 9715 §3.1).
pub const UDP_SIZE: u16 = 1232;
/// The largest answer over UDP without EDNS (RFC 1035 §4.2.1); smaller offers count as this (RFC
/// 6891 §6.2.3).
pub const PLAIN_UDP_SIZE: u16 = 512;
/// The Client Subnet option's code (RFC 7871 §6).
const CLIENT_SUBNET: u16 = 8;
/// An OPT record without its options.
const OPT_HEAD: usize = 11;
/// A Client Subnet option without its address.
const SUBNET_HEAD: usize = 8;
/// DO in the flags (RFC 3225 §3).
const DNSSEC_OK: u8 = 0x80;

/// What a request's OPT record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edns<'p> {
    /// The largest reply over UDP that the sender takes, as it says.
    pub udp_size: u16,
    /// DO.
    pub dnssec_ok: bool,
    /// The first Client Subnet option.
    pub client_subnet: Option<ClientSubnet<'p>>,
}

/// A Client Subnet option (RFC 7871 §6) that keeps every rule for queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientSubnet<'p> {
    /// Of the address.
    family: Family,
    /// How many leading bits of the address are given.
    pub source: u8,
    /// The address as it came: ceil(`source` / 8) octets.
    pub octets: &'p [u8],
}

/// The address families that an option may have (RFC 7871 §6), as IANA numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Ipv4 = 1,
    Ipv6 = 2,
}

/// An option breaks the rules of RFC 6891 §6.1.2 or RFC 7871 §6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct BadOption;

impl<'p> Edns<'p> {
    /// Reads an OPT record from its class, TTL and RDATA; with the reason to refuse the request,
    /// if any. The options of a version that we do not know are not looked at.
    pub(super) fn read(class: u16, ttl: [u8; 4], rdata: &'p [u8]) -> (Self, Option<Rcode>) {
        let [_, version, flags, _] = ttl;
        let mut edns =
            Self { udp_size: class, dnssec_ok: flags & DNSSEC_OK != 0, client_subnet: None };
        if version != 0 {
            return (edns, Some(Rcode::BadVers));
        }
        match client_subnet(rdata) {
            Ok(subnet) => {
                edns.client_subnet = subnet;
                (edns, None)
            }
            Err(BadOption) => (edns, Some(Rcode::FormErr)),
        }
    }

    /// The reply's OPT record without its options: version 0, DO copied, every other flag clear.
    #[must_use]
    pub fn reply(&self, rcode: Rcode) -> [u8; OPT_HEAD] {
        let [s0, s1] = UDP_SIZE.to_be_bytes();
        let [t0, t1] = Rtype::OPT.0.to_be_bytes();
        let flags = if self.dnssec_ok { DNSSEC_OK } else { 0 };
        let extended = (rcode as u16 >> 4) as u8;
        let options = (self.reply_len() - OPT_HEAD) as u8;
        [0, t0, t1, s0, s1, extended, 0, flags, 0, 0, options]
    }

    /// The length of the reply's OPT record: it has the Client Subnet option if and only if the
    /// request had it.
    #[must_use]
    pub fn reply_len(&self) -> usize {
        OPT_HEAD + self.client_subnet.map_or(0, |subnet| SUBNET_HEAD + subnet.octets.len())
    }
}

/// The first Client Subnet option among the options; those behind it do not count.
fn client_subnet(mut options: &[u8]) -> Result<Option<ClientSubnet<'_>>, BadOption> {
    let mut found = None;
    while !options.is_empty() {
        let (&[c0, c1, l0, l1], rest) = options.split_first_chunk().ok_or(BadOption)?;
        let len = usize::from(u16::from_be_bytes([l0, l1]));
        let (data, rest) = rest.split_at_checked(len).ok_or(BadOption)?;
        if u16::from_be_bytes([c0, c1]) == CLIENT_SUBNET && found.is_none() {
            found = Some(ClientSubnet::read(data)?);
        }
        options = rest;
    }
    Ok(found)
}

impl<'p> ClientSubnet<'p> {
    /// The reply's option without its address, which is [`Self::octets`].
    #[must_use]
    pub fn reply(&self, scope: u8) -> [u8; SUBNET_HEAD] {
        let [c0, c1] = CLIENT_SUBNET.to_be_bytes();
        let (len, family) = (4 + self.octets.len() as u8, self.family as u8);
        [c0, c1, 0, len, 0, family, self.source, scope]
    }

    /// The address, the bits past the source zero.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        match self.family {
            Family::Ipv4 => {
                let bits = self.octets.iter().fold(0, |bits, octet| bits << 8 | u32::from(*octet));
                Ipv4Addr::from_bits(bits.unbounded_shl(32 - 8 * self.octets.len() as u32)).into()
            }
            Family::Ipv6 => {
                let mut whole = [0; 16];
                if let Some(given) = whole.get_mut(..self.octets.len()) {
                    given.copy_from_slice(self.octets);
                }
                Ipv6Addr::from(whole).into()
            }
        }
    }

    fn read(data: &'p [u8]) -> Result<Self, BadOption> {
        let (&[f0, f1, source, scope], octets) = data.split_first_chunk().ok_or(BadOption)?;
        let (family, longest) = match u16::from_be_bytes([f0, f1]) {
            1 => (Family::Ipv4, 32),
            2 => (Family::Ipv6, 128),
            _ => return Err(BadOption),
        };
        if scope != 0 || source > longest || octets.len() != usize::from(source).div_ceil(8) {
            return Err(BadOption);
        }
        // The bits of the last octet that are past the source.
        let past = !(0xff_u8 << (source.wrapping_neg() % 8));
        if octets.last().is_some_and(|last| last & past != 0) {
            return Err(BadOption);
        }
        Ok(Self { family, source, octets })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn option(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        let pair = |p: &[u8]| u8::from_str_radix(std::str::from_utf8(p).expect("ascii"), 16);
        digits.chunks(2).map(|p| pair(p).expect("hex")).collect()
    }

    fn read(text: &str) -> (Option<(String, u8)>, Option<Rcode>) {
        let rdata = option(text);
        let (edns, fault) = Edns::read(1232, [0; 4], &rdata);
        (edns.client_subnet.map(|s| (s.address().to_string(), s.source)), fault)
    }

    #[test]
    fn client_subnet_is_read_or_refused_by_its_rfc() {
        for (rdata, expected) in [
            ("0008 0007 0001 18 00 5b0102", Some(("91.1.2.0", 24))),
            ("0008 0007 0001 17 00 5b0102", Some(("91.1.2.0", 23))),
            ("0008 0008 0001 20 00 5b010203", Some(("91.1.2.3", 32))),
            ("0008 0004 0001 00 00", Some(("0.0.0.0", 0))),
            ("0008 0004 0002 00 00", Some(("::", 0))),
            ("0008 000b 0002 38 00 20010db8000102", Some(("2001:db8:1:200::", 56))),
            ("0008 0005 0002 03 00 20", Some(("2000::", 3))),
            // The first counts; one behind it may be anything.
            ("0008 0007 0001 18 00 5b0102 0008 0007 0001 18 00 5c0102", Some(("91.1.2.0", 24))),
            ("0008 0007 0001 18 00 5b0102 0008 0001 ff", Some(("91.1.2.0", 24))),
            // Other options are none of ours.
            ("000a 0008 0102030405060708 0008 0005 0001 08 00 0a", Some(("10.0.0.0", 8))),
        ] {
            let expected = expected.map(|(address, source)| (address.to_owned(), source));
            assert_eq!(read(rdata), (expected, None), "{rdata}");
        }
        for bad in [
            "0008 0000",
            "0008 0003 0001 00",
            "0008 0007 0001 18 18 5b0102",
            "0008 0004 0000 00 00",
            "0008 0007 0003 18 00 5b0102",
            "0008 0009 0001 21 00 5b01020300",
            "0008 0015 0002 81 00 0000000000000000000000000000000000",
            "0008 0006 0001 18 00 5b01",
            "0008 0008 0001 18 00 5b010200",
            "0008 0007 0001 17 00 5b0103",
            "0008 0005 0001 00 00 00",
            // The options themselves do not fit.
            "0008",
            "000a 0001",
            "0008 0007 0001 18 00 5b0102 00",
        ] {
            assert_eq!(read(bad), (None, Some(Rcode::FormErr)), "{bad}");
        }
    }

    #[test]
    fn version_is_looked_at_before_the_options() {
        let (edns, fault) = Edns::read(4096, [0, 1, 0x80, 0], &[0xff]);
        assert_eq!(fault, Some(Rcode::BadVers));
        assert!(edns.dnssec_ok && edns.client_subnet.is_none());
    }

    #[test]
    fn reply_copies_do_and_the_subnet_and_clears_the_rest() {
        let rdata = option("0008 0007 0001 17 00 5b0102 0003 0000");
        let (edns, _) = Edns::read(4096, [0xff, 0, 0xff, 0xff], &rdata);
        let subnet = edns.client_subnet.expect("the option");
        let reply = [&edns.reply(Rcode::NoError)[..], &subnet.reply(19), subnet.octets].concat();
        assert_eq!(reply, option("00 0029 04d0 00 00 8000 000b 0008 0007 0001 17 13 5b0102"));
        assert_eq!(edns.reply_len(), reply.len());
        let (plain, _) = Edns::read(4096, [0, 0, 0x7f, 0xff], &[]);
        let reply = plain.reply(Rcode::BadVers);
        assert_eq!(&reply[..], option("00 0029 04d0 01 00 0000 0000"));
        assert_eq!(plain.reply_len(), reply.len());
    }
}
