//! The hash that `sticky` sends clients by: fixed, unsalted, the same on every node and in every
//! version. A change here moves clients; the tests hold its values.
//!
//! Weighted rendezvous hashing: for a client's prefix, each child gets a number `u` in (0, 1) from
//! a hash of the prefix and the child's name, and the score `−w / ln u`; the best score wins. A
//! child wins in proportion to its weight, and one that falls out gives its clients, and nobody
//! else's, to the others. The best *n* scores are a draw of *n* by weight without replacement.

use std::net::IpAddr;

use super::PrefixLengths;

/// Domains that keep hashes of different things apart: draws below one another must not depend on
/// each other. Any odd constants would do; these are digits of the square roots of 2, 3, 5 and 7.
const CLIENT_V4: u64 = 0x6a09_e667_f3bc_c909;
const CLIENT_V6: u64 = 0xbb67_ae85_84ca_a73b;
const MEMBER: u64 = 0x3c6e_f372_fe94_f82b;
const REST: u64 = 0xa54f_f53a_5f1d_36f1;

/// The level of a `sticky` that stands below no other: its own text is not part of the hash, so
/// that adding a child, or changing a weight, moves as few clients as can be.
pub const TOP_LEVEL: u64 = 0;

/// A permutation of 64 bits in which every output bit depends on every input bit: the finaliser of
/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
#[must_use]
pub fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Two hashes as one; the order matters.
#[must_use]
pub fn join(a: u64, b: u64) -> u64 {
    mix(mix(a) ^ b)
}

/// A text's hash, at load: 64-bit FNV-1a, mixed.
#[must_use]
pub fn text(text: &str) -> u64 {
    let fnv = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    mix(fnv)
}

/// A member's hash, from its address, at load.
#[must_use]
pub fn member(address: IpAddr) -> u64 {
    let (domain, high, low) = words(address);
    join(join(join(MEMBER, domain), high), low)
}

/// The key of what comes after a child that keeps but a part.
#[must_use]
pub fn rest_after(child: u64) -> u64 {
    join(REST, child)
}

/// A client's hash, from the leading bits of its canonical address.
#[must_use]
pub fn client(canonical: IpAddr, by: PrefixLengths) -> u64 {
    let (domain, high, low) = words(canonical);
    let bits = (u128::from(high) << 64) | u128::from(low);
    let kept = match canonical {
        IpAddr::V4(_) => bits & mask(32, by.v4),
        IpAddr::V6(_) => bits & mask(128, by.v6),
    };
    join(join(domain, (kept >> 64) as u64), kept as u64)
}

/// Bits of `width` of which the leading `length` are set.
fn mask(width: u32, length: u8) -> u128 {
    let cleared = width.saturating_sub(u32::from(length));
    let all = if width == 128 { u128::MAX } else { (1 << width) - 1 };
    all & u128::MAX.checked_shl(cleared).unwrap_or(0)
}

/// An address as its family's domain and two words.
fn words(address: IpAddr) -> (u64, u64, u64) {
    match address {
        IpAddr::V4(v4) => (CLIENT_V4, 0, u64::from(v4.to_bits())),
        IpAddr::V6(v6) => (CLIENT_V6, (v6.to_bits() >> 64) as u64, v6.to_bits() as u64),
    }
}

/// The score of a child (or a member) of this weight for a client, or for one query's random word.
#[must_use]
pub fn score(seed: u64, key: u64, weight: f64) -> f64 {
    // 53 bits, and half a step up: never 0, never 1.
    let u = ((join(seed, key) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
    -weight / libm::log(u)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BY: PrefixLengths = PrefixLengths { v4: 24, v6: 56 };

    fn client_of(address: &str, by: PrefixLengths) -> u64 {
        client(address.parse().unwrap(), by)
    }

    #[test]
    fn hashes_are_the_same_in_every_version() {
        assert_eq!(mix(0), 0xe220_a839_7b1d_cdaf, "SplitMix64's first output of seed 0");
        assert_eq!(text("eu-west"), 0xcd50_c147_7487_7cb6);
        assert_eq!(client_of("192.0.2.7", BY), 0x1d08_9011_6b00_5a50);
        assert_eq!(client_of("2001:db8::1", BY), 0x8234_1e5c_70b6_9013);
        assert_eq!(member("192.0.2.10".parse().unwrap()), 0xcf4f_553f_ebf3_984c);
        assert_eq!(score(1, 2, 3.0).to_bits(), 0x4023_b8fe_503c_ca7e);
    }

    #[test]
    fn clients_of_one_prefix_are_one() {
        assert_eq!(client_of("192.0.2.1", BY), client_of("192.0.2.254", BY));
        assert_ne!(client_of("192.0.2.1", BY), client_of("192.0.3.1", BY));
        assert_eq!(client_of("2001:db8:0:1::1", BY), client_of("2001:db8:0:ff::2", BY));
        assert_ne!(client_of("2001:db8:0:1::1", BY), client_of("2001:db8:0:100::1", BY));
    }

    #[test]
    fn lengths_reach_from_nothing_to_all() {
        let (none, all) = (PrefixLengths { v4: 0, v6: 0 }, PrefixLengths { v4: 32, v6: 128 });
        assert_eq!(client_of("192.0.2.1", none), client_of("10.0.0.1", none));
        assert_ne!(client_of("192.0.2.1", none), client_of("::1", none), "families differ");
        assert_ne!(client_of("192.0.2.1", all), client_of("192.0.2.2", all));
        assert_ne!(client_of("::1", all), client_of("::2", all));
    }

    #[test]
    fn best_scores_fall_in_proportion_to_weights() {
        let weights = [1.0, 2.0, 7.0];
        let mut won = [0_u32; 3];
        for client in 0..100_000 {
            let scores = weights.map(|w| score(mix(client), text(&w.to_string()), w));
            let best = (0..3).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap();
            won[best] += 1;
        }
        for (won, weight) in won.iter().zip(weights) {
            assert!(
                (f64::from(*won) / 1e5 - weight / 10.0).abs() < 0.005,
                "{won} of weight {weight}"
            );
        }
    }
}
