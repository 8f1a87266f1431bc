//! Changes of the host's addresses, as requests.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use super::decode::{IFA_FLAGS, INFINITY};
use super::exchange::Answer;
use super::message::Writer;
use crate::linux::{Interface, KernelError};

/// `IFA_F_NOPREFIXROUTE`: no route to the prefix.
const NO_PREFIX_ROUTE: u32 = 0x200;

/// How a virtual address stands on an interface: always as /32 or /128, without a route to the
/// prefix, without duplicate address detection, and in IPv6 deprecated, so that it is no source
/// that the kernel chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// For this host alone, on `lo`: scope host, where the family has scopes to choose.
    Resident,
    /// To be answered for on a network. The kernel removes it after `lease` unless it is added
    /// again (whole seconds, rounded up); absent: never.
    Served {
        /// The valid lifetime.
        lease: Option<Duration>,
    },
}

/// A change of the host's addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// Adds an address, or renews its lifetime. One that somebody else gave this interface becomes
    /// ours by this, in IPv6 whatever its prefix: look at
    /// [`Netlink::addresses`](super::Netlink::addresses) first. In IPv6 solicitations for it are
    /// answered a moment later: the kernel joins their group in the background.
    Add {
        /// Where.
        interface: &'a Interface,
        /// What.
        address: IpAddr,
        /// How.
        placement: Placement,
    },
    /// Removes an address; an absent one is as good as removed.
    Remove {
        /// Where.
        interface: &'a Interface,
        /// What.
        address: IpAddr,
    },
}

impl Change<'_> {
    pub(super) fn write(&self, sequence: u32, out: &mut Vec<u8>) {
        match *self {
            Self::Add { interface, address, placement } => {
                let flags = libc::NLM_F_CREATE | libc::NLM_F_REPLACE;
                let scope = placement.scope();
                let mut writer =
                    begin(out, libc::RTM_NEWADDR, flags, sequence, interface, address, scope);
                writer.attribute(IFA_FLAGS, &placement.flags(address).to_ne_bytes());
                writer.attribute(libc::IFA_CACHEINFO, &placement.lifetimes(address));
                writer.end();
            }
            Self::Remove { interface, address } => {
                let scope = libc::RT_SCOPE_UNIVERSE;
                begin(out, libc::RTM_DELADDR, 0, sequence, interface, address, scope).end();
            }
        }
    }

    /// What an answer means for this change.
    pub(super) fn judge(&self, answer: Answer) -> Result<(), KernelError> {
        let Err(refusal) = answer else { return Ok(()) };
        match self {
            Self::Remove { .. }
                if matches!(
                    refusal.error.raw_os_error(),
                    Some(libc::EADDRNOTAVAIL | libc::ENODEV)
                ) =>
            {
                Ok(())
            }
            Self::Add { .. } | Self::Remove { .. } => {
                Err(KernelError::refused(self.to_string(), refusal))
            }
        }
    }
}

impl Placement {
    fn scope(self) -> u8 {
        match self {
            Self::Resident => libc::RT_SCOPE_HOST,
            Self::Served { .. } => libc::RT_SCOPE_UNIVERSE,
        }
    }

    fn flags(self, address: IpAddr) -> u32 {
        match address {
            IpAddr::V4(_) => NO_PREFIX_ROUTE,
            IpAddr::V6(_) => NO_PREFIX_ROUTE | libc::IFA_F_NODAD,
        }
    }

    /// `struct ifa_cacheinfo`: preferred and valid lifetime in seconds, two times that the kernel
    /// fills in.
    fn lifetimes(self, address: IpAddr) -> [u8; 16] {
        let valid = match self {
            Self::Resident | Self::Served { lease: None } => INFINITY,
            Self::Served { lease: Some(lease) } => whole_seconds(lease),
        };
        // IPv4 has no choice among sources that would heed it.
        let preferred = if address.is_ipv6() { 0 } else { valid };
        let mut lifetimes = [0; 16];
        lifetimes[..4].copy_from_slice(&preferred.to_ne_bytes());
        lifetimes[4..8].copy_from_slice(&valid.to_ne_bytes());
        lifetimes
    }
}

/// Rounded up; at least one, since 0 is refused, and never "for ever".
fn whole_seconds(span: Duration) -> u32 {
    let seconds = span.as_secs().saturating_add(u64::from(span.subsec_nanos() > 0));
    u32::try_from(seconds).unwrap_or(INFINITY).clamp(1, INFINITY - 1)
}

fn begin<'a>(
    out: &'a mut Vec<u8>,
    kind: u16,
    flags: libc::c_int,
    sequence: u32,
    interface: &Interface,
    address: IpAddr,
    scope: u8,
) -> Writer<'a> {
    let flags = (flags | libc::NLM_F_REQUEST | libc::NLM_F_ACK) as u16;
    let (family, prefix) = family_and_prefix(address);
    let mut structure = [family, prefix, 0, scope, 0, 0, 0, 0];
    structure[4..].copy_from_slice(&interface.index.to_ne_bytes());
    let mut writer = Writer::begin(out, kind, flags, sequence, &structure);
    match address {
        IpAddr::V4(v4) => {
            writer.attribute(libc::IFA_LOCAL, &v4.octets());
            writer.attribute(libc::IFA_ADDRESS, &v4.octets());
        }
        IpAddr::V6(v6) => writer.attribute(libc::IFA_ADDRESS, &v6.octets()),
    }
    writer
}

fn family_and_prefix(address: IpAddr) -> (u8, u8) {
    match address {
        IpAddr::V4(_) => (libc::AF_INET as u8, 32),
        IpAddr::V6(_) => (libc::AF_INET6 as u8, 128),
    }
}

impl fmt::Display for Change<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verb, address, preposition, interface) = match *self {
            Self::Add { interface, address, .. } => ("add", address, "to", interface),
            Self::Remove { interface, address } => ("remove", address, "from", interface),
        };
        let (_, prefix) = family_and_prefix(address);
        write!(f, "{verb} {address}/{prefix} {preposition} {interface}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lease_is_whole_seconds_and_never_for_ever() {
        for (millis, seconds) in [(0, 1), (1, 1), (1000, 1), (1001, 2), (10_000, 10)] {
            assert_eq!(whole_seconds(Duration::from_millis(millis)), seconds);
        }
        assert_eq!(whole_seconds(Duration::MAX), INFINITY - 1);
    }

    #[test]
    fn ipv6_address_is_never_a_preferred_source() {
        let lease = Some(Duration::from_secs(10));
        for (address, placement, preferred, valid) in [
            ("2001:db8::1", Placement::Resident, 0, INFINITY),
            ("2001:db8::1", Placement::Served { lease }, 0, 10),
            ("192.0.2.1", Placement::Served { lease }, 10, 10),
            ("192.0.2.1", Placement::Served { lease: None }, INFINITY, INFINITY),
        ] {
            let lifetimes = placement.lifetimes(address.parse().expect("an address"));
            assert_eq!(lifetimes[..4], preferred.to_ne_bytes(), "{address} {placement:?}");
            assert_eq!(lifetimes[4..8], valid.to_ne_bytes(), "{address} {placement:?}");
        }
    }
}
