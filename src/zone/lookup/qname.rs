//! A name as it is looked up: hashed and compared in words, whatever its letters' case.
//!
//! Words are taken from the end of the name, so that only the first may be a part of one, and are
//! lower-cased on the way: nothing is copied. The table that the hash serves is built once, from
//! names of our own; floods of colliding names have nowhere to go.

/// How many octets are worked on at once.
const WORD: usize = 8;

/// A name to look up: uncompressed wire format in any letters.
#[derive(Clone, Copy, Debug)]
pub struct Qname<'q> {
    wire: &'q [u8],
    hash: u64,
}

impl<'q> Qname<'q> {
    /// Takes a name's octets; those that are no name are found nowhere.
    #[must_use]
    #[inline]
    pub fn new(wire: &'q [u8]) -> Self {
        let (_, words) = wire.as_rchunks::<WORD>();
        let rest = words.iter().rev().fold(wire.len() as u64, |hash, word| {
            mix(hash ^ lower_case(u64::from_le_bytes(*word)))
        });
        Self { wire, hash: mix(rest ^ lower_case(first_part(wire))) }
    }

    /// The octets as they came.
    #[must_use]
    pub fn as_wire(&self) -> &'q [u8] {
        self.wire
    }

    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    /// Whether it is this name, given in lower case.
    #[inline]
    pub(super) fn is(&self, name: &[u8]) -> bool {
        // Most queries are in lower case.
        if self.wire == name {
            return true;
        }
        if self.wire.len() != name.len() {
            return false;
        }
        let (Some(first), Some(name_first)) = (self.wire.first_chunk(), name.first_chunk()) else {
            return self.wire.eq_ignore_ascii_case(name);
        };
        let same = |(word, name): (&[u8; WORD], &[u8; WORD])| {
            lower_case(u64::from_le_bytes(*word)) == u64::from_le_bytes(*name)
        };
        // The first word overlaps the second, unless the length is a multiple of a word's.
        let (words, name_words) = (self.wire.as_rchunks().1, name.as_rchunks().1);
        same((first, name_first)) && words.iter().zip(name_words).all(same)
    }
}

/// A name in wire format, then each ancestor up to the root.
pub(super) fn suffixes(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::successors(Some(name), |rest| match rest.first() {
        Some(&len) if len > 0 => rest.get(1 + usize::from(len)..),
        _ => None,
    })
}

/// The octets in front of the last whole words, the first in the lowest place.
fn first_part(wire: &[u8]) -> u64 {
    let bits = wire.len() % WORD * 8;
    let word = match wire.first_chunk() {
        Some(first) => u64::from_le_bytes(*first),
        None => wire.iter().rev().fold(0, |word, octet| word << 8 | u64::from(*octet)),
    };
    word & ((1 << bits) - 1)
}

/// Folds a 64 × 64 multiplication: every bit of the word reaches every bit of the hash.
fn mix(word: u64) -> u64 {
    let product = u128::from(word ^ 0x2d35_8dcc_aa6c_78a5) * 0x8bb8_4b93_962e_acc9;
    product as u64 ^ (product >> 64) as u64
}

/// Lower-cases the ASCII letters of a word. The octets of lengths, at most 63, are never letters.
fn lower_case(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 0xff;
    const HIGH: u64 = ONES << 7;
    // The high bit of each octet of a sum tells whether its low seven bits reach a letter.
    let low = word & !HIGH;
    let from_a = low + ONES * (0x80 - b'A' as u64);
    let past_z = low + ONES * (0x80 - b'Z' as u64 - 1);
    word | (from_a & !past_z & !word & HIGH) >> 2
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names of every length from the root to 40 octets.
    fn names() -> Vec<Vec<u8>> {
        let labels = |len: usize| match len {
            0 => vec![],
            1 => vec![1, b'x'],
            _ => [vec![len as u8 - 1], vec![b'X'; len - 1]].concat(),
        };
        (0..40).map(|len| [labels(len), vec![0]].concat()).collect()
    }

    #[test]
    fn letters_of_either_case_are_the_same_and_others_are_not() {
        for name in names() {
            let lower = name.to_ascii_lowercase();
            let (mixed, plain) = (Qname::new(&name), Qname::new(&lower));
            assert_eq!(mixed.hash(), plain.hash(), "{name:?}");
            assert!(mixed.is(&lower) && plain.is(&lower), "{name:?}");
            for at in 0..lower.len() {
                let mut other = lower.clone();
                other[at] ^= 1;
                assert_ne!(Qname::new(&other).hash(), plain.hash(), "{name:?} at {at}");
                assert!(!plain.is(&other), "{name:?} at {at}");
            }
            assert!(!plain.is(&lower[1..]));
        }
    }

    #[test]
    fn every_octet_is_lower_cased_as_ascii_and_no_other() {
        for octet in 0..=255_u8 {
            for place in 0..WORD {
                let mut word = [b'Q'; WORD];
                word[place] = octet;
                let lower = lower_case(u64::from_le_bytes(word)).to_le_bytes();
                assert_eq!(lower, word.map(|octet| octet.to_ascii_lowercase()), "{word:?}");
            }
        }
    }

    #[test]
    fn suffixes_go_up_to_the_root_and_stop_at_what_is_no_name() {
        let all: Vec<_> = suffixes(b"\x01a\x02bc\x00").collect();
        assert_eq!(all, [&b"\x01a\x02bc\x00"[..], b"\x02bc\x00", b"\x00"]);
        assert_eq!(suffixes(b"\x05a").count(), 1);
        assert_eq!(suffixes(b"").count(), 1);
    }
}
