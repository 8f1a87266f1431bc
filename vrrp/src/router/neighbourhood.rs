//! The neighbours of a group: told where the addresses are, asked as witnesses, and watched for
//! somebody who claims the addresses without taking part in the election.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::linux::Mac;
use crate::linux::neighbour::{Announcer, Asker, Distance, Sighting, Watch};

/// Whoever can send packets can invent claims: more are not kept.
const MOST: usize = 64;

/// What is known of the neighbours.
pub(super) struct Neighbourhood {
    pub(super) announcer: Announcer,
    pub(super) watch: Option<Watch>,
    claims: Claims,
}

/// Who claims a virtual address, and who may.
#[derive(Debug, Default)]
struct Claims {
    advertisers: HashMap<IpAddr, Advertiser>,
    pending: HashMap<Claim, Instant>,
}

/// An address is said to be elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Claim {
    /// The virtual address.
    pub(super) address: IpAddr,
    /// Who says that it has it.
    pub(super) mac: Mac,
}

#[derive(Debug)]
struct Advertiser {
    heard: Instant,
    /// Absent as long as it has not said.
    mac: Option<Mac>,
}

impl Neighbourhood {
    /// Announces to nobody and watches nobody yet.
    pub(super) fn new(announcer: Announcer) -> Self {
        Self { announcer, watch: None, claims: Claims::default() }
    }

    /// An advertisement of `sender` was heard. `asker` is this node on the same link; absent when
    /// the sender is not there.
    pub(super) fn heard(&mut self, now: Instant, sender: IpAddr, asker: Option<Asker>) {
        if self.claims.heard(now, sender)
            && let (Some(watch), Some(asker)) = (&mut self.watch, asker)
        {
            watch.add_advertiser(sender);
            // Without an answer its claims cannot be told from others', and none is believed.
            let _ = watch.ask(sender, asker, Distance::OnLink);
        }
    }

    /// What was seen since the last time; the witnesses that answered.
    pub(super) fn receive(&mut self, now: Instant) -> io::Result<Vec<IpAddr>> {
        let mut answers = Vec::new();
        let Some(watch) = &mut self.watch else { return Ok(answers) };
        while let Some(sighting) = watch.receive()? {
            match sighting {
                Sighting::WitnessAnswered { address } => answers.push(address),
                Sighting::Claimed { address, mac } => {
                    self.claims.claimed(now, Claim { address, mac });
                }
                Sighting::Advertiser { address, mac } => self.claims.is_at(address, mac),
            }
        }
        Ok(answers)
    }

    /// The claims that have stood for `patience` without an advertisement from who makes them.
    pub(super) fn strangers(&mut self, now: Instant, patience: Duration) -> Vec<Claim> {
        self.claims.strangers(now, patience)
    }

    /// When there may be the next stranger.
    pub(super) fn deadline(&self, patience: Duration) -> Option<Instant> {
        self.claims.pending.values().min().map(|&at| at + patience)
    }
}

impl Claims {
    /// Whether it has to be asked where it is.
    fn heard(&mut self, now: Instant, sender: IpAddr) -> bool {
        if let Some(advertiser) = self.advertisers.get_mut(&sender) {
            advertiser.heard = now;
            return false;
        }
        if self.advertisers.len() >= MOST
            && let Some((&oldest, _)) = self.advertisers.iter().min_by_key(|(_, a)| a.heard)
        {
            self.advertisers.remove(&oldest);
        }
        self.advertisers.insert(sender, Advertiser { heard: now, mac: None });
        true
    }

    fn is_at(&mut self, advertiser: IpAddr, mac: Mac) {
        if let Some(advertiser) = self.advertisers.get_mut(&advertiser) {
            advertiser.mac = Some(mac);
        }
    }

    fn claimed(&mut self, now: Instant, claim: Claim) {
        if self.pending.len() < MOST {
            self.pending.entry(claim).or_insert(now);
        }
    }

    fn strangers(&mut self, now: Instant, patience: Duration) -> Vec<Claim> {
        let due = self.pending.extract_if(|_, at| now.saturating_duration_since(*at) >= patience);
        let due: Vec<Claim> = due.map(|(claim, _)| claim).collect();
        let recent = |a: &&Advertiser| now.saturating_duration_since(a.heard) <= patience * 2;
        let macs: Vec<Option<Mac>> =
            self.advertisers.values().filter(recent).map(|advertiser| advertiser.mac).collect();
        // One that has not said where it is may be anywhere.
        let unknown = macs.contains(&None);
        due.into_iter().filter(|claim| !unknown && !macs.contains(&Some(claim.mac))).collect()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "any moment will do as the first")]

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(4);
    const PEER: Mac = Mac([2, 0, 0, 0, 0, 1]);
    const STRANGER: Mac = Mac([2, 0, 0, 0, 0, 2]);

    fn address(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    fn claim(mac: Mac) -> Claim {
        Claim { address: address(100), mac }
    }

    #[test]
    fn an_advertiser_may_claim_the_address_and_a_stranger_may_not() {
        let start = Instant::now();
        let mut claims = Claims::default();
        claims.claimed(start, claim(PEER));
        claims.claimed(start, claim(STRANGER));
        // Its first advertisement comes after its first claim.
        assert!(claims.heard(start + PATIENCE / 2, address(1)));
        claims.is_at(address(1), PEER);
        assert_eq!(claims.strangers(start + PATIENCE / 2, PATIENCE), []);
        assert_eq!(claims.strangers(start + PATIENCE, PATIENCE), [claim(STRANGER)]);
        assert_eq!(claims.strangers(start + PATIENCE, PATIENCE), []);
    }

    #[test]
    fn nobody_is_called_a_stranger_while_an_advertiser_has_not_said_where_it_is() {
        let start = Instant::now();
        let mut claims = Claims::default();
        assert!(claims.heard(start, address(1)));
        assert!(!claims.heard(start, address(1)), "it is asked once");
        claims.claimed(start, claim(STRANGER));
        assert_eq!(claims.strangers(start + PATIENCE, PATIENCE), []);
    }

    #[test]
    fn an_advertiser_that_fell_silent_long_ago_is_a_stranger() {
        let start = Instant::now();
        let mut claims = Claims::default();
        claims.heard(start, address(1));
        claims.is_at(address(1), PEER);
        let later = start + PATIENCE * 3;
        claims.claimed(later, claim(PEER));
        assert_eq!(claims.strangers(later + PATIENCE, PATIENCE), [claim(PEER)]);
    }

    #[test]
    fn invented_claims_and_advertisers_do_not_fill_the_memory() {
        let start = Instant::now();
        let mut claims = Claims::default();
        for last in 0..=u8::MAX {
            claims.heard(start, address(last));
            claims.claimed(start, claim(Mac([2, 0, 0, 0, 1, last])));
        }
        assert_eq!((claims.advertisers.len(), claims.pending.len()), (MOST, MOST));
    }
}
