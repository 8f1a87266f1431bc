//! The checks, one function each.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use super::{Datagram, Difference, Dropped, Proof, Sender, WallClock, peer};
use crate::auth::{Auth, HmacAuth, HmacMode, Key, Password, Replay, Stamp, staleness};
use crate::config::{AddressMismatch, Config, Family, Priority, Version};
use crate::packet::{
    ADVERTISEMENT, ChecksumStyle, NO_AUTHENTICATION, Packet, SIMPLE_PASSWORD, group,
};

/// A packet that is being judged.
pub(super) struct Arrival<'a> {
    pub(super) datagram: &'a Datagram<'a>,
    pub(super) packet: Packet<'a>,
    pub(super) config: &'a Config,
    pub(super) family: Family,
}

impl Arrival<'_> {
    /// A peer may be some hops away, anybody else may not (RFC 9568 §5.1.1.3, §5.1.2.3).
    pub(super) fn check_hops(&self) -> Result<(), Dropped> {
        let (from, hops) = (self.datagram.source, self.datagram.hops);
        let peer = peer(self.config, from).and_then(|id| self.config.peers.get(id.0));
        let routers = peer.map_or(0, |peer| peer.hops.saturating_sub(1));
        let least = u8::MAX - routers;
        if hops < least { Err(Dropped::Hops { from, hops, least }) } else { Ok(()) }
    }

    pub(super) fn check_version(&self) -> Result<(), Dropped> {
        let (from, theirs, ours) = (self.datagram.source, self.packet.version, self.config.version);
        if theirs == ours.number() { Ok(()) } else { Err(Dropped::Version { from, theirs, ours }) }
    }

    /// A method that the version does not have authenticates nobody.
    pub(super) fn check_auth(&self, replay: &Replay, clock: WallClock) -> Result<Proof, Dropped> {
        match (self.config.version, &self.config.auth) {
            (Version::V2, Auth::None) => self.check_auth_type(NO_AUTHENTICATION, Proof::None),
            (Version::V2, Auth::Password(password)) => self.check_password(password),
            (Version::V3, Auth::None) => Ok(match self.packet.trailer {
                Some(_) => Proof::Unchecked,
                None => Proof::None,
            }),
            (Version::V3, Auth::Hmac(hmac)) => self.check_hmac(hmac, replay, clock),
            (Version::V2, Auth::Hmac(_)) | (Version::V3, Auth::Password(_)) => {
                Err(Dropped::Unauthenticated { from: self.datagram.source })
            }
        }
    }

    fn check_auth_type(&self, ours: u8, proof: Proof) -> Result<Proof, Dropped> {
        let (from, theirs) = (self.datagram.source, self.packet.auth_type());
        if theirs == ours { Ok(proof) } else { Err(Dropped::AuthType { from, theirs, ours }) }
    }

    fn check_password(&self, password: &Password) -> Result<Proof, Dropped> {
        let proof = self.check_auth_type(SIMPLE_PASSWORD, Proof::Password)?;
        match self.packet.password {
            Some(theirs) if *theirs == password.0 => Ok(proof),
            Some(_) | None => Err(Dropped::Password { from: self.datagram.source }),
        }
    }

    fn check_hmac(
        &self,
        hmac: &HmacAuth,
        replay: &Replay,
        clock: WallClock,
    ) -> Result<Proof, Dropped> {
        let from = self.datagram.source;
        let Some(trailer) = self.packet.trailer else {
            return match hmac.mode {
                HmacMode::ReceiveOnly | HmacMode::Permissive => Ok(Proof::None),
                HmacMode::Enforce => Err(Dropped::Unauthenticated { from }),
            };
        };
        let (id, stamp) = (trailer.key, trailer.stamp);
        self.check_mac(hmac.key(id).ok_or(Dropped::UnknownKey { from, key: id })?)?;
        if replay.last(from, id).is_some_and(|last| stamp <= last) {
            return Err(Dropped::Replayed { from, key: id });
        }
        self.check_freshness(stamp, hmac.window, clock)?;
        Ok(Proof::Hmac { key: id, stamp })
    }

    fn check_mac(&self, key: &Key) -> Result<(), Dropped> {
        let from = self.datagram.source;
        if self.packet.verifies(key, from) {
            Ok(())
        } else {
            Err(Dropped::WrongMac { from, key: key.id })
        }
    }

    /// A clock that may be wrong is no measure: the sequence alone has to do.
    fn check_freshness(
        &self,
        stamp: Stamp,
        window: Duration,
        clock: WallClock,
    ) -> Result<(), Dropped> {
        match staleness(stamp, clock.now, window) {
            Some(differs) if clock.synchronised => {
                Err(Dropped::StaleClock { from: self.datagram.source, differs, window })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// How far the clock of what was let through is from ours, beyond the window.
    pub(super) fn clock_difference(&self, proof: Proof, clock: WallClock) -> Option<Duration> {
        let (Proof::Hmac { stamp, .. }, Auth::Hmac(hmac)) = (proof, &self.config.auth) else {
            return None;
        };
        staleness(stamp, clock.now, hmac.window)
    }

    pub(super) fn check_interval(&self) -> Result<Duration, Dropped> {
        let (from, theirs, ours) =
            (self.datagram.source, self.packet.interval(), self.config.advertise);
        match self.config.version {
            Version::V2 if theirs != ours => Err(Dropped::Interval { from, theirs, ours }),
            Version::V3 if theirs.is_zero() => Err(Dropped::NoInterval { from }),
            Version::V2 | Version::V3 => Ok(theirs),
        }
    }

    pub(super) fn check_type(&self) -> Result<(), Dropped> {
        let (from, kind) = (self.datagram.source, self.packet.kind);
        if kind == ADVERTISEMENT { Ok(()) } else { Err(Dropped::Type { from, kind }) }
    }

    pub(super) fn check_addresses(&self) -> Result<Option<Difference>, Dropped> {
        let from = self.datagram.source;
        if self.packet.addresses().next().is_none() {
            return Err(Dropped::NoAddresses { from });
        }
        let ours = self.config.addresses.iter().copied();
        let ours = ours.filter(|&address| Family::of(address) == self.family);
        match Difference::between(ours, self.packet.addresses()) {
            Some(difference) if self.mismatch_drops() => {
                Err(Dropped::AddressMismatch { from, difference })
            }
            difference => Ok(difference),
        }
    }

    /// RFC 3768 §7.1 drops what is not from the owner; RFC 9568 §7.1 leaves it to us.
    fn mismatch_drops(&self) -> bool {
        match (self.config.version, self.config.address_mismatch) {
            (Version::V2, AddressMismatch::Warn | AddressMismatch::Drop) => {
                self.packet.priority != Priority::OWNER
            }
            (Version::V3, AddressMismatch::Warn) => false,
            (Version::V3, AddressMismatch::Drop) => true,
        }
    }

    pub(super) fn check_length(&self) -> Result<(), Dropped> {
        let (arrived, expected) = (self.datagram.payload.len(), self.packet.length());
        let mut lengths = [Some(arrived), self.datagram.claimed].into_iter().flatten();
        match lengths.find(|&length| length != expected) {
            Some(length) => {
                Err(Dropped::TotalLength { from: self.datagram.source, length, expected })
            }
            None => Ok(()),
        }
    }

    pub(super) fn check_checksum(&self) -> Result<ChecksumStyle, Dropped> {
        let (from, checksum) = (self.datagram.source, self.packet.checksum);
        self.packet
            .checksum_style(from, self.datagram.destination)
            .ok_or(Dropped::Checksum { from, checksum })
    }

    pub(super) fn check_destination(&self) -> Result<(), Dropped> {
        let (from, destination) = (self.datagram.source, self.datagram.destination);
        let vrid = self.config.id;
        if self.config.peers.is_empty() {
            if destination != group(self.family) {
                return Err(Dropped::Unicast { from, destination, vrid });
            }
        } else if destination.is_multicast() {
            return Err(Dropped::Multicast { from, destination, vrid });
        }
        Ok(())
    }

    pub(super) fn check_source(&self) -> Result<Sender, Dropped> {
        let address = self.datagram.source;
        let peer = peer(self.config, address);
        if peer.is_none() && !self.config.peers.is_empty() {
            return Err(Dropped::UnknownSender { from: address, vrid: self.config.id });
        }
        Ok(Sender { address, peer })
    }

    /// The first IPv6 address, if it is not link-local (RFC 9568 §5.2.9).
    pub(super) fn not_link_local(&self) -> Option<Ipv6Addr> {
        match self.packet.addresses().next() {
            Some(IpAddr::V6(first)) if !first.is_unicast_link_local() => Some(first),
            Some(IpAddr::V4(_) | IpAddr::V6(_)) | None => None,
        }
    }
}
