//! Cleaning up after a process that died: what its record lists is undone, and its role is given
//! away.

use std::net::IpAddr;
use std::time::Duration;

use crate::auth::{Auth, Sequence, Stamp};
use crate::config::{ChecksumMode, Config, Family, Priority, Version, Vrid};
use crate::linux::KernelError;
use crate::linux::netlink::Netlink;
use crate::linux::record::{Active, LastSequence, Record, RecordError, Undone};
use crate::linux::socket::{AdvertSocket, Reach};
use crate::linux::sysctl::Sysctls;
use crate::packet::{Advertisement, ChecksumStyle, Envelope};

/// Why nothing was undone, or not all.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// The record cannot be written.
    #[error("{0}")]
    Record(#[from] RecordError),
    /// The kernel cannot be spoken to.
    #[error("{0}")]
    Kernel(#[from] KernelError),
}

/// Undoes every change that a record lists, as [`Record::undo`] does; what became of each.
///
/// # Errors
/// When the kernel cannot be spoken to, or the record not be written.
pub fn undo(record: &mut Record, sysctls: &Sysctls) -> Result<Vec<Undone>, ReleaseError> {
    if record.entries().is_empty() {
        return Ok(Vec::new());
    }
    let mut netlink = Netlink::open()?;
    Ok(record.undo(&mut netlink, sysctls)?)
}

/// Says priority 0 for every group that was Active in pair mode when its process died, so that the
/// peer need not wait; what could not be sent. `configs` are asked for how to authenticate; `wall`
/// is the time since the epoch.
///
/// In a group of several a priority 0 out of the blue could come after another node has taken over
/// already; one peer alone takes over at once or has done so, and ignores it.
///
/// # Errors
/// When the record cannot be written afterwards.
pub fn give_away(
    record: &mut Record,
    configs: &[Config],
    wall: Duration,
) -> Result<Vec<KernelError>, ReleaseError> {
    let mut sequence = record.sequence().map_or_else(Sequence::new, resumed);
    let mut failed = Vec::new();
    for active in record.active().to_vec() {
        let config = configs.iter().find(|config| config.name == active.group);
        let auth = config.map_or(&Auth::None, |config| &config.auth);
        if active.pair_mode {
            let checksum = config.map_or(ChecksumMode::Pseudo, |config| config.checksum);
            let sender = Sender { active: &active, auth, checksum };
            failed.extend(sender.release(&mut sequence, wall));
        }
        record.clear_active(&active.group)?;
    }
    if let Some(Stamp { seconds, fraction, counter }) = sequence.last() {
        record.set_sequence(LastSequence { seconds, fraction, counter })?;
    }
    Ok(failed)
}

fn resumed(last: LastSequence) -> Sequence {
    let LastSequence { seconds, fraction, counter } = last;
    Sequence::resume(Stamp { seconds, fraction, counter })
}

/// Sends for a process that is gone.
struct Sender<'a> {
    active: &'a Active,
    auth: &'a Auth,
    checksum: ChecksumMode,
}

impl Sender<'_> {
    /// One priority 0 on every path; what failed.
    fn release(&self, sequence: &mut Sequence, wall: Duration) -> Vec<KernelError> {
        let paths = self.active.sources.iter().zip(&self.active.peers);
        let sent = paths.map(|(&source, &peer)| self.send(source, peer, sequence, wall));
        sent.filter_map(Result::err).collect()
    }

    fn send(
        &self,
        source: IpAddr,
        destination: IpAddr,
        sequence: &mut Sequence,
        wall: Duration,
    ) -> Result<(), KernelError> {
        let Some(advertisement) = self.advertisement(Family::of(source)) else { return Ok(()) };
        let checksum = match self.checksum {
            ChecksumMode::Pseudo | ChecksumMode::Mirror => ChecksumStyle::Pseudo,
            ChecksumMode::Plain => ChecksumStyle::Plain,
        };
        let seal = self.auth.seal(sequence, wall);
        let mut packet = Vec::new();
        advertisement.encode(&Envelope { source, destination, checksum, seal }, &mut packet);
        let Some(interface) = Netlink::open()?.link(&self.active.interface)? else { return Ok(()) };
        let reach = Reach::Unicast { interface: interface.interface };
        AdvertSocket::open(Family::of(source), reach)?.send(&packet, source, destination)
    }

    /// Absent when the record's numbers are none of VRRP's.
    fn advertisement(&self, family: Family) -> Option<Advertisement> {
        let of_family = |address: &&IpAddr| Family::of(**address) == family;
        Some(Advertisement {
            version: if self.active.version == 2 { Version::V2 } else { Version::V3 },
            vrid: Vrid::new(self.active.vrid)?,
            priority: Priority::RELEASE,
            interval: Duration::from_millis(self.active.interval_ms),
            addresses: self.active.addresses.iter().filter(of_family).copied().collect(),
        })
    }
}
