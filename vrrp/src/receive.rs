//! Which of the packets that arrive are heard, and why the others are not.
//!
//! A raw socket brings everything of protocol 112 that reaches the interface. What is our own, come
//! back from the network, or of another VRID is put aside in silence. The rest is checked in this
//! order (RFC 9568 §7.1, RFC 3768 §7.1), and the first check that fails names the reason:
//!
//!  1. the length;
//!  2. the TTL or hop limit: 255, so that nobody beyond a router is heard; from a configured peer
//!     256 − `hops` at least;
//!  3. the version;
//!  4. authentication: password, or MAC, sequence and clock;
//!  5. the interval: version 2 wants our own, version 3 any but 0;
//!  6. the type;
//!  7. the addresses: there must be some. Other ones than ours are refused in version 2, but not from
//!     their owner, and in version 3 if so configured: two nodes of which one has been told of a new
//!     address already should still elect one Active;
//!  8. the length again, which must now be exact;
//!  9. the checksum, with a pseudo-header or without;
//! 10. multicast or unicast, as configured;
//! 11. the source, which must be a configured peer's in unicast.
//!
//! Nothing is remembered of a packet that fails one of them.

mod checks;
mod difference;
mod dropped;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use crate::auth::{Replay, Stamp};
use crate::config::{ChecksumMode, Config, Family, Priority};
use crate::packet::{ChecksumStyle, Packet, group};
use checks::Arrival;
pub use difference::Difference;
pub use dropped::Dropped;

/// What arrived, as the kernel gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Who sent it, if that is true.
    pub source: IpAddr,
    /// One of our addresses, or a group.
    pub destination: IpAddr,
    /// What is left of its TTL or hop limit.
    pub hops: u8,
    /// How many bytes of payload the IPv4 header claims: its total length less its own. Absent in
    /// IPv6, where the kernel has cut the payload to what the header says.
    pub claimed: Option<usize>,
    /// What follows the IP header.
    pub payload: &'a [u8],
}

/// The wall clock, for the freshness of authenticated advertisements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WallClock {
    /// Since the epoch.
    pub now: Duration,
    /// The kernel believes it right; if not, nothing is called stale.
    pub synchronised: bool,
}

/// An index into `Config::peers`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PeerId(pub usize);

/// Who sent an advertisement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sender {
    /// From where.
    pub address: IpAddr,
    /// Which of the configured peers; absent in multicast.
    pub peer: Option<PeerId>,
}

/// An advertisement that passed every check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Whose.
    pub sender: Sender,
    /// The sender's; 0 releases the role.
    pub priority: Priority,
    /// The sender's; ours in version 2. Never zero.
    pub interval: Duration,
    /// What is worth counting or a warning.
    pub notes: Notes,
}

/// What was seen in passing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notes {
    /// The sender has other addresses than we.
    pub addresses: Option<Difference>,
    /// How the checksum was right.
    pub checksum: ChecksumStyle,
    /// The first address, if it should be link-local (RFC 9568 §5.2.9) and is not.
    pub not_link_local: Option<Ipv6Addr>,
    /// What the sender had to show.
    pub proof: Proof,
    /// How far its clock is from ours, where that is farther than the window and ours is not
    /// synchronised, so that nobody knows whose is wrong.
    pub clock: Option<Duration>,
}

/// What stands behind an advertisement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Proof {
    /// Nothing.
    None,
    /// The password.
    Password,
    /// A trailer that verifies and is new.
    Hmac {
        /// The key's id.
        key: u8,
        /// The sender's place in its sequence.
        stamp: Stamp,
    },
    /// A trailer that we have no keys for: authentication is being introduced, and not yet here.
    Unchecked,
}

/// The receiver of one family of a group.
#[derive(Debug)]
pub struct Receiver {
    config: Config,
    family: Family,
    /// Where we send from.
    sources: Vec<IpAddr>,
    replay: Replay,
    /// How others write their checksums, by where we would send to.
    styles: HashMap<IpAddr, ChecksumStyle>,
}

impl Receiver {
    /// Of the virtual router of this family.
    #[must_use]
    pub fn new(config: &Config, family: Family) -> Self {
        Self {
            config: config.clone(),
            family,
            sources: Vec::new(),
            replay: Replay::default(),
            styles: HashMap::new(),
        }
    }

    /// Goes on with another configuration. What is known of peers and keys that stay is kept.
    pub fn reconfigure(&mut self, config: &Config) {
        let before = std::mem::replace(&mut self.config, config.clone());
        let stays =
            |id| before.auth.key(id).is_some() && before.auth.key(id) == config.auth.key(id);
        let multicast = config.peers.is_empty();
        let known = |address| multicast || peer(config, address).is_some();
        self.replay.retain(|source, id| stays(id) && known(source));
        self.styles.retain(|&target, _| target.is_multicast() == multicast && known(target));
    }

    /// Says which addresses we send from, in place of those said before: what comes from them is our
    /// own.
    pub fn set_sources(&mut self, sources: &[IpAddr]) {
        self.sources = sources.to_vec();
    }

    /// Judges a packet.
    ///
    /// # Errors
    ///
    /// Why it is not heard.
    pub fn receive(&mut self, datagram: &Datagram<'_>, clock: WallClock) -> Result<Heard, Dropped> {
        self.pass_over(datagram)?;
        let packet = Packet::parse(self.family, datagram.payload)
            .map_err(|short| Dropped::too_short(datagram.source, short))?;
        let arrival = Arrival { datagram, packet, config: &self.config, family: self.family };
        arrival.check_hops()?;
        arrival.check_version()?;
        let proof = arrival.check_auth(&self.replay, clock)?;
        let off = arrival.clock_difference(proof, clock);
        let interval = arrival.check_interval()?;
        arrival.check_type()?;
        let addresses = arrival.check_addresses()?;
        arrival.check_length()?;
        let checksum = arrival.check_checksum()?;
        arrival.check_destination()?;
        let sender = arrival.check_source()?;
        let not_link_local = arrival.not_link_local();
        let notes = Notes { addresses, checksum, not_link_local, proof, clock: off };
        let heard = Heard { sender, priority: packet.priority, interval, notes };
        self.remember(&heard);
        Ok(heard)
    }

    /// The checksum to send with. `destination` is a peer's address or the group.
    #[must_use]
    pub fn style_for(&self, destination: IpAddr) -> ChecksumStyle {
        let wanted = match self.config.checksum {
            ChecksumMode::Pseudo => ChecksumStyle::Pseudo,
            ChecksumMode::Plain => ChecksumStyle::Plain,
            ChecksumMode::Mirror => {
                self.styles.get(&destination).copied().unwrap_or(ChecksumStyle::Pseudo)
            }
        };
        wanted.permitted(self.config.version, self.family)
    }

    /// What is nobody's fault.
    fn pass_over(&self, datagram: &Datagram<'_>) -> Result<(), Dropped> {
        let source = datagram.source;
        let configured = self.config.source.iter().flatten();
        if self.sources.iter().chain(configured).any(|&own| own == source) {
            return Err(Dropped::Own { from: source });
        }
        match datagram.payload.get(1) {
            Some(&vrid) if vrid != self.config.id.0.get() => Err(Dropped::OtherVrid { vrid }),
            Some(_) | None => Ok(()),
        }
    }

    /// No more than one style for each address that we send to, and what [`Replay`] allows.
    fn remember(&mut self, heard: &Heard) {
        let source = heard.sender.address;
        if let Proof::Hmac { key, stamp } = heard.notes.proof {
            self.replay.remember(source, key, stamp);
        }
        let target = match heard.sender.peer {
            Some(_) => source,
            None => group(self.family),
        };
        self.styles.insert(target, heard.notes.checksum);
    }
}

fn peer(config: &Config, address: IpAddr) -> Option<PeerId> {
    config.peers.iter().position(|peer| peer.addresses.contains(&address)).map(PeerId)
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}
