//! Netlink messages as octets (RFC 3549 §2.2; `netlink(7)`, `rtnetlink(7)`): a header, a structure
//! that its type says, attributes. All numbers are in the host's byte order.
//!
//! A reader takes the attributes that it knows and passes over all others, whatever their size:
//! kernels add attributes, and fields to attributes, with every version.

/// How long a message's header is, in octets. `struct nlmsghdr`: length (u32), type (u16), flags (u16), sequence (u32), port (u32).
pub const HEADER: usize = 16;
/// `struct nlattr`: length, type.
const ATTRIBUTE_HEADER: usize = 4;
/// `NLMSG_ALIGNTO`, `NLA_ALIGNTO`.
const ALIGNMENT: usize = 4;
/// `NLA_TYPE_MASK`: without the flags for nesting and byte order.
const TYPE_MASK: u16 = 0x3fff;
/// `NLA_F_NESTED`.
const NESTED: u16 = 0x8000;

/// A message being written at the end of a buffer.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
}

/// A message that was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// `RTM_*` or `NLMSG_*`.
    pub kind: u16,
    /// `NLM_F_*`.
    pub flags: u16,
    /// That of the request.
    pub sequence: u32,
    /// What follows the header.
    pub body: &'a [u8],
}

impl<'a> Writer<'a> {
    /// Begins a message with the structure of its type (`struct rtmsg`, `struct nhmsg` …) at the end
    /// of `out`. It is whole only after [`Writer::end`].
    pub fn begin(
        out: &'a mut Vec<u8>,
        kind: u16,
        flags: u16,
        sequence: u32,
        structure: &[u8],
    ) -> Self {
        let start = out.len();
        out.extend_from_slice(&0u32.to_ne_bytes());
        out.extend_from_slice(&kind.to_ne_bytes());
        out.extend_from_slice(&flags.to_ne_bytes());
        out.extend_from_slice(&sequence.to_ne_bytes());
        out.extend_from_slice(&0u32.to_ne_bytes());
        out.extend_from_slice(structure);
        let mut writer = Self { out, start };
        writer.pad();
        writer
    }

    /// Appends an attribute: its type and its value, padded.
    pub fn attribute(&mut self, kind: u16, value: &[u8]) {
        let start = self.begin_attribute(kind);
        self.out.extend_from_slice(value);
        self.end_attribute(start);
    }

    /// Appends an attribute of attributes.
    pub fn nest(&mut self, kind: u16, inner: impl FnOnce(&mut Self)) {
        let start = self.begin_attribute(kind | NESTED);
        inner(self);
        self.end_attribute(start);
    }

    /// Ends the message: its length is known now.
    ///
    /// # Panics
    /// When it has 4 GiB; one attribute, when it has 64 KiB.
    pub fn end(self) {
        let length = u32::try_from(self.out.len() - self.start).expect("requests are small");
        self.out[self.start..][..4].copy_from_slice(&length.to_ne_bytes());
    }

    fn begin_attribute(&mut self, kind: u16) -> usize {
        let start = self.out.len();
        self.out.extend_from_slice(&0u16.to_ne_bytes());
        self.out.extend_from_slice(&kind.to_ne_bytes());
        start
    }

    fn end_attribute(&mut self, start: usize) {
        let length = u16::try_from(self.out.len() - start).expect("values are small");
        self.out[start..][..2].copy_from_slice(&length.to_ne_bytes());
        self.pad();
    }

    fn pad(&mut self) {
        let length = self.out.len() - self.start;
        self.out.resize(self.start + length.next_multiple_of(ALIGNMENT), 0);
    }
}

/// The messages of a datagram that was received; ends at the first that is cut short.
pub fn messages(octets: &[u8]) -> impl Iterator<Item = Message<'_>> {
    let mut rest = octets;
    std::iter::from_fn(move || {
        let (length, after) = rest.split_first_chunk()?;
        let (kind, after) = after.split_first_chunk()?;
        let (flags, after) = after.split_first_chunk()?;
        let (sequence, _) = after.split_first_chunk()?;
        let length = usize::try_from(u32::from_ne_bytes(*length)).ok()?;
        let message = Message {
            kind: u16::from_ne_bytes(*kind),
            flags: u16::from_ne_bytes(*flags),
            sequence: u32::from_ne_bytes(*sequence),
            body: rest.get(HEADER..length)?,
        };
        rest = rest.get(length.next_multiple_of(ALIGNMENT)..).unwrap_or_default();
        Some(message)
    })
}

/// The attributes in `octets`: type and value; ends at the first that is cut short.
pub fn attributes(octets: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = octets;
    std::iter::from_fn(move || {
        let (length, after) = rest.split_first_chunk()?;
        let (kind, _) = after.split_first_chunk()?;
        let length = usize::from(u16::from_ne_bytes(*length));
        let value = rest.get(ATTRIBUTE_HEADER..length)?;
        rest = rest.get(length.next_multiple_of(ALIGNMENT)..).unwrap_or_default();
        Some((u16::from_ne_bytes(*kind) & TYPE_MASK, value))
    })
}

/// A number at the beginning of an attribute's value.
#[must_use]
pub fn number(value: &[u8]) -> Option<u32> {
    value.first_chunk().map(|octets| u32::from_ne_bytes(*octets))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `ip address add 192.0.2.1/32 dev lo` sends it, on a little-endian host.
    #[cfg(target_endian = "little")]
    const ADD: [u8; 40] = [
        40, 0, 0, 0, 20, 0, 5, 6, 7, 0, 0, 0, 0, 0, 0, 0, // header
        2, 32, 0, 254, 1, 0, 0, 0, // struct ifaddrmsg
        8, 0, 2, 0, 192, 0, 2, 1, // IFA_LOCAL
        8, 0, 1, 0, 192, 0, 2, 1, // IFA_ADDRESS
    ];

    fn add(out: &mut Vec<u8>) {
        let mut writer = Writer::begin(out, 20, 0x605, 7, &[2, 32, 0, 254, 1, 0, 0, 0]);
        writer.attribute(2, &[192, 0, 2, 1]);
        writer.attribute(1, &[192, 0, 2, 1]);
        writer.end();
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn request_is_laid_out_as_the_kernel_reads_it() {
        let mut out = Vec::new();
        add(&mut out);
        assert_eq!(out, ADD);
    }

    #[test]
    fn messages_and_attributes_are_read_as_written() {
        let mut out = Vec::new();
        add(&mut out);
        let mut writer = Writer::begin(&mut out, 16, 1, 8, &[]);
        writer.attribute(3, b"eth0\0");
        writer.nest(18, |inner| inner.attribute(1, b"macvlan"));
        writer.end();
        let read: Vec<_> = messages(&out).collect();
        assert_eq!(read.len(), 2);
        assert_eq!((read[0].kind, read[0].flags, read[0].sequence), (20, 0x605, 7));
        let found: Vec<_> = attributes(&read[0].body[8..]).collect();
        assert_eq!(found, [(2, &[192, 0, 2, 1][..]), (1, &[192, 0, 2, 1][..])]);
        let found: Vec<_> = attributes(read[1].body).collect();
        assert_eq!(found[0], (3, &b"eth0\0"[..]));
        assert_eq!(found[1].0, 18);
        assert_eq!(attributes(found[1].1).next(), Some((1, &b"macvlan"[..])));
    }

    #[test]
    fn what_is_cut_short_is_not_read() {
        let mut out = Vec::new();
        add(&mut out);
        for cut in 0..out.len() {
            assert_eq!(messages(&out[..cut]).next(), None, "{cut} octets");
        }
        for cut in 0..8 {
            assert_eq!(attributes(&out[24..24 + cut]).next(), None, "{cut} octets");
        }
    }

    #[test]
    fn impossible_lengths_end_the_reading() {
        let mut out = Vec::new();
        add(&mut out);
        for length in [0u32, 15, 41, u32::MAX] {
            out[..4].copy_from_slice(&length.to_ne_bytes());
            assert_eq!(messages(&out).next(), None, "length {length}");
        }
        for length in [0u16, 3, 17, u16::MAX] {
            out[24..26].copy_from_slice(&length.to_ne_bytes());
            assert_eq!(attributes(&out[24..]).next(), None, "length {length}");
        }
    }
}
