//! The driver's hands: what the protocol does to a Linux kernel, and what it learns from it.
//!
//! - [`netlink`]: addresses, links, and word of their changes.
//! - [`socket`]: advertisements, sent and received.
//! - [`neighbour`]: who is told, and asked, where an address is.
//! - [`sysctl`]: the knobs of an interface under `/proc/sys`.
//! - [`vmac`]: an interface with the virtual router's own MAC address.
//! - [`record`]: what was changed, so that a crash can be undone.
//! - [`sched`]: real time, and whether the clock is to be believed.
//!
//! Nothing here waits for the network. Requests to the kernel are answered before the call that
//! makes them returns; they wait only for the kernel's own lock of its network configuration.

mod control;
pub mod neighbour;
pub mod netlink;
mod raw;
pub mod record;
pub mod sched;
pub mod socket;
pub mod sysctl;
#[cfg(test)]
mod testing;
pub mod vmac;

use std::fmt;
use std::io;

use rustix::thread::{CapabilitySet, CapabilitySets, capabilities};

use self::netlink::exchange::Refusal;

/// A network interface of this host.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Interface {
    /// Its index: another one when it is removed and made again.
    pub index: u32,
    /// Its name.
    pub name: String,
}

/// An Ethernet address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mac(pub [u8; 6]);

/// The kernel refused something.
///
/// Says what was tried, on which interface and with which address, and what is missing.
#[derive(Debug)]
pub struct KernelError {
    tried: String,
    source: io::Error,
    explanation: Option<String>,
    needs: &'static str,
}

impl Mac {
    /// Everybody's.
    pub const BROADCAST: Self = Self([0xff; 6]);
}

impl KernelError {
    /// `tried` continues "cannot"; `needs` is said when permission is missing.
    pub(crate) fn new(tried: impl Into<String>, source: io::Error, needs: &'static str) -> Self {
        Self { tried: tried.into(), source, explanation: None, needs }
    }

    /// A request for a change of the network's configuration was refused. `tried` continues
    /// "cannot".
    #[must_use]
    pub fn refused(tried: impl Into<String>, refusal: Refusal) -> Self {
        Self::new(tried, refusal.error, NEEDS_ADMIN).explained(refusal.explanation)
    }

    /// With the kernel's own words.
    pub(crate) fn explained(mut self, explanation: Option<String>) -> Self {
        self.explanation = explanation;
        self
    }

    /// The kind of the system's error.
    #[must_use]
    pub fn kind(&self) -> io::ErrorKind {
        self.source.kind()
    }

    /// Whether it is for lack of permission: trying again is of no use.
    #[must_use]
    pub fn is_permission(&self) -> bool {
        self.kind() == io::ErrorKind::PermissionDenied
    }

    /// Whether the interface is not there: it may come back.
    #[must_use]
    pub fn is_interface_missing(&self) -> bool {
        matches!(self.source.raw_os_error(), Some(libc::ENODEV | libc::ENXIO))
    }
}

impl fmt::Display for KernelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {}: {}", self.tried, self.source)?;
        if let Some(explanation) = &self.explanation {
            write!(f, ": {explanation}")?;
        }
        if self.is_permission() {
            write!(f, "; {}", self.needs)?;
        }
        Ok(())
    }
}

impl std::error::Error for KernelError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// Said with errors of requests that change the network's configuration.
const NEEDS_ADMIN: &str = "the capability CAP_NET_ADMIN is needed";
/// Said with errors of raw and packet sockets.
const NEEDS_RAW: &str = "the capability CAP_NET_RAW is needed";
/// Said at the start, so that whoever grants one is not told of the other afterwards.
const NEEDS_BOTH: &str = "the capabilities CAP_NET_RAW and CAP_NET_ADMIN are needed";

/// What is said when a group's first socket is refused: all that the thread lacks.
fn needs_at_first() -> &'static str {
    let has = |sets: CapabilitySets| sets.effective.contains(CapabilitySet::NET_ADMIN);
    if capabilities(None).is_ok_and(has) { NEEDS_RAW } else { NEEDS_BOTH }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_says_what_was_tried_and_which_capability_is_missing() {
        let refused = io::Error::from_raw_os_error(libc::EPERM);
        let error = KernelError::new("add 192.0.2.1/32 to eth0", refused, NEEDS_ADMIN);
        assert!(error.is_permission());
        assert_eq!(
            error.to_string(),
            "cannot add 192.0.2.1/32 to eth0: Operation not permitted (os error 1); \
             the capability CAP_NET_ADMIN is needed"
        );
        let missing = io::Error::from_raw_os_error(libc::ENODEV);
        let error = KernelError::new("add 192.0.2.1/32 to eth0", missing, NEEDS_ADMIN)
            .explained(Some("Unable to find the device".to_owned()));
        assert!(error.is_interface_missing());
        assert_eq!(
            error.to_string(),
            "cannot add 192.0.2.1/32 to eth0: No such device (os error 19): \
             Unable to find the device"
        );
    }

    #[test]
    fn mac_is_written_with_colons() {
        assert_eq!(Mac([0, 0, 0x5e, 0, 1, 51]).to_string(), "00:00:5e:00:01:33");
    }
}
