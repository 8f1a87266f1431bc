//! A name as it is looked up: lower-cased and hashed in words.
//!
//! The hash of a name is the sum of its labels' hashes, each seeded with how many octets of the
//! name remain from that label on. So every ancestor's hash is the name's less that of the labels
//! in front of it, and a wildcard's is its parent's plus that of one label: nothing is hashed twice.
//! The table that it serves is built once, from names of our own; floods of colliding names have
//! nowhere to go.

use crate::dns::name::{MAX_LABEL, MAX_NAME};

/// A name's octets, padded so that a word may be read at each of them.
type Octets = [u8; MAX_NAME + WORD + 1];

/// How many octets are worked on at once.
const WORD: usize = 8;

/// A name to look up.
#[derive(Clone, Debug)]
pub struct Qname {
    octets: Octets,
    len: usize,
    hash: u64,
}

/// A name and its ancestors' part in one: octets and their hash.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hashed<'q> {
    pub(super) octets: &'q [u8],
    pub(super) hash: u64,
}

impl Qname {
    /// Takes exactly one name in uncompressed wire format, in any letters; `None` for anything
    /// else.
    #[must_use]
    pub fn new(wire: &[u8]) -> Option<Self> {
        let len = wire.len();
        let mut octets = [0; MAX_NAME + WORD + 1];
        octets.get_mut(..len).filter(|_| len <= MAX_NAME)?.copy_from_slice(wire);
        lower_case(&mut octets, len);
        let mut name = Self { octets, len, hash: 0 };
        let mut at = 0;
        let mut hash = 0_u64;
        while let Some(label) = name.label(at) {
            hash = hash.wrapping_add(label.hash);
            at += label.octets.len();
        }
        name.hash = hash;
        (name.octets.get(at..len) == Some(&[0])).then_some(name)
    }

    /// The wire format in lower case.
    #[must_use]
    pub fn as_wire(&self) -> &[u8] {
        self.octets.get(..self.len).unwrap_or_default()
    }

    /// The name itself, then each ancestor up to the root.
    pub(super) fn and_ancestors(&self) -> impl Iterator<Item = Hashed<'_>> {
        let mut at = 0;
        let mut hash = self.hash;
        let mut more = true;
        std::iter::from_fn(move || {
            let this = Hashed { octets: self.octets.get(at..self.len)?, hash };
            let label = self.label(at);
            let given = std::mem::replace(&mut more, label.is_some());
            if let Some(label) = label {
                at += label.octets.len();
                hash = hash.wrapping_sub(label.hash);
            }
            given.then_some(this)
        })
    }

    /// The name itself.
    pub(super) fn hashed(&self) -> Hashed<'_> {
        Hashed { octets: self.as_wire(), hash: self.hash }
    }

    /// The label at an offset with its length in front, and its hash; `None` at the root, or where
    /// no label fits.
    fn label(&self, at: usize) -> Option<Hashed<'_>> {
        let len = usize::from(*self.octets.get(at)?);
        if len == 0 || len > MAX_LABEL {
            return None;
        }
        let octets = self.octets.get(at..at + 1 + len).filter(|_| at + 1 + len < self.len)?;
        let mut hash = seed(self.len - at);
        let mut offset = 0;
        while offset <= len {
            hash = mix(hash ^ word(&self.octets, at + offset) & mask(len + 1 - offset));
            offset += WORD;
        }
        Some(Hashed { octets, hash })
    }
}

impl Hashed<'_> {
    /// The hash of `*` put before this name (RFC 4592 §2.1.1).
    pub(super) fn wildcard(self) -> u64 {
        const STAR: u64 = u64::from_le_bytes(*b"\x01*\0\0\0\0\0\0");
        self.hash.wrapping_add(mix(seed(self.octets.len() + 2) ^ STAR))
    }
}

/// The hash's start for a label with this much of the name left.
fn seed(rest: usize) -> u64 {
    (rest as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Folds a 64 × 64 multiplication: every bit of the word reaches every bit of the hash.
fn mix(word: u64) -> u64 {
    let product = u128::from(word ^ 0x2d35_8dcc_aa6c_78a5) * 0x8bb8_4b93_962e_acc9;
    product as u64 ^ (product >> 64) as u64
}

/// The octets at an offset, the first in the lowest place.
fn word(octets: &Octets, at: usize) -> u64 {
    octets.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |word| u64::from_le_bytes(*word))
}

/// Keeps a word's first `octets`, all eight when there are more.
fn mask(octets: usize) -> u64 {
    match octets {
        WORD.. => u64::MAX,
        octets => (1 << (8 * octets)) - 1,
    }
}

/// Lower-cases ASCII in words. The octets of lengths, at most 63, are never letters.
fn lower_case(octets: &mut Octets, len: usize) {
    const ONES: u64 = u64::MAX / 0xff;
    const HIGH: u64 = ONES << 7;
    for octets in octets.as_chunks_mut::<WORD>().0.iter_mut().take(len.div_ceil(WORD)) {
        let word = u64::from_le_bytes(*octets);
        // The high bit of each octet of a sum tells whether its low seven bits reach a letter.
        let low = word & !HIGH;
        let from_a = low + ONES * u64::from(0x80 - b'A');
        let past_z = low + ONES * u64::from(0x80 - b'Z' - 1);
        let upper = from_a & !past_z & !word & HIGH;
        *octets = (word | upper >> 2).to_le_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ancestors_hash_as_they_do_alone() {
        let long = b"\x0aabcdefghij\x07example\x08exampleX\x03com\x00";
        let name = Qname::new(long).expect("a name");
        let all: Vec<_> = name.and_ancestors().collect();
        assert_eq!(all.len(), 5);
        for part in all {
            let alone = Qname::new(part.octets).expect("a name");
            assert_eq!(alone.hash, part.hash, "{:?}", part.octets);
        }
    }

    #[test]
    fn wildcard_hashes_as_the_name_it_is() {
        let parent = Qname::new(b"\x03com\x00").expect("a name");
        let wildcard = Qname::new(b"\x01*\x03com\x00").expect("a name");
        assert_eq!(parent.hashed().wildcard(), wildcard.hash);
    }

    #[test]
    fn every_octet_is_lower_cased_as_ascii_and_no_other() {
        for octet in 0..=255_u8 {
            for len in 1..=10 {
                let mut wire = vec![len as u8];
                wire.extend(std::iter::repeat_n(octet, len));
                wire.push(0);
                let name = Qname::new(&wire).expect("a name");
                let lower = vec![octet.to_ascii_lowercase(); len];
                assert_eq!(name.as_wire().get(1..=len), Some(&lower[..]), "{octet} × {len}");
            }
        }
    }

    #[test]
    fn only_one_whole_name_is_taken() {
        let longest = [&[49][..], &[b'x'; 49]].concat().repeat(5);
        let whole = [&longest[..], b"\x03abc\x00"].concat();
        assert_eq!(whole.len(), MAX_NAME);
        assert!(Qname::new(&whole).is_some() && Qname::new(b"\x00").is_some());
        let over = [&longest[..], b"\x04abcd\x00"].concat();
        for bad in [&over[..], b"", b"\x01a", b"\x00\x00", b"\x01a\x00b", b"\x03ab\x00", b"\x40"] {
            assert!(Qname::new(bad).is_none(), "{bad:?}");
        }
    }
}
