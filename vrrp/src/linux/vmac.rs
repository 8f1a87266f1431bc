//! The virtual MAC address (RFC 9568 §7.3): a macvlan on the group's interface that has it, on
//! which the virtual addresses stand instead.

use super::netlink::Netlink;
use super::record::{ChangeError, Entry, Record};
use super::sysctl::{Knob, Sysctls};
use super::{Interface, KernelError, Mac, NEEDS_ADMIN};
use crate::config::{Family, Vrid};

/// An interface with a virtual MAC address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vmac {
    /// The macvlan.
    pub interface: Interface,
    /// Its address.
    pub mac: Mac,
    /// The sysctl that is to be set for the host, where it makes the kernel drop what comes in
    /// through the macvlan: its answers leave through the parent, which a strict reverse path
    /// filter for all interfaces takes for a forgery.
    pub strict_filter: Option<String>,
}

/// The virtual router's MAC address: `00-00-5E-00-01-{VRID}` for IPv4, `00-00-5E-00-02-{VRID}` for
/// IPv6.
#[must_use]
pub fn mac(family: Family, vrid: Vrid) -> Mac {
    let block = match family {
        Family::V4 => 1,
        Family::V6 => 2,
    };
    Mac([0, 0, 0x5e, 0, block, vrid.0.get()])
}

/// The macvlan's name: the family, the VRID, and the index of the parent, since a VRID may be in
/// use on several.
#[must_use]
pub fn name(family: Family, vrid: Vrid, parent: &Interface) -> String {
    let family = match family {
        Family::V4 => 4,
        Family::V6 => 6,
    };
    format!("vr{family}-{vrid}-{}", parent.index)
}

impl Vmac {
    /// Makes the macvlan and sets it up; one that a run before left behind is made anew.
    ///
    /// # Errors
    /// Without CAP_NET_ADMIN, when the parent is gone, when the name or the MAC address is in use,
    /// or when it cannot be written down.
    pub fn create(
        netlink: &mut Netlink,
        sysctls: &Sysctls,
        record: &mut Record,
        parent: &Interface,
        family: Family,
        vrid: Vrid,
    ) -> Result<Self, ChangeError> {
        let (name, mac) = (name(family, vrid, parent), mac(family, vrid));
        clear(netlink, record, &name)?;
        record.add_link(&name)?;
        let interface = netlink.add_macvlan(parent, &name, mac)?;
        // Gone with the macvlan: not to be written down.
        for (knob, value) in [(Knob::RpFilter, 0), (Knob::AcceptLocal, 1), (Knob::ArpIgnore, 1)] {
            sysctls.write(&name, knob, value)?;
        }
        refuse_addresses_of_its_own(sysctls, &name)?;
        // The parent must not answer for what stands on the macvlan, nor ask in its name: answers
        // leave through the parent, and a question would tell the neighbours the parent's address.
        for (knob, value) in [(Knob::ArpIgnore, 1), (Knob::ArpFilter, 1), (Knob::ArpAnnounce, 2)] {
            record.turn(sysctls, &parent.name, knob, value)?;
        }
        netlink.set_up(&interface)?;
        let strict_filter = sysctls.strict_filter(&name).map(|_| ALL_STRICT.to_owned());
        Ok(Self { interface, mac, strict_filter })
    }

    /// Removes the macvlan, with all that stands on it.
    ///
    /// # Errors
    /// Without CAP_NET_ADMIN, or when it cannot be written down.
    pub fn remove(
        &self,
        netlink: &mut Netlink,
        sysctls: &Sysctls,
        record: &mut Record,
    ) -> Result<(), ChangeError> {
        netlink.remove_link(&self.interface)?;
        record.undo_only(netlink, sysctls, |entry| is_link(entry, &self.interface.name))?;
        Ok(())
    }
}

const ALL_STRICT: &str = "net.ipv4.conf.all.rp_filter = 0";

/// An interface of that name that no record lists is somebody else's.
fn clear(netlink: &mut Netlink, record: &Record, name: &str) -> Result<(), KernelError> {
    let Some(link) = netlink.link(name)? else { return Ok(()) };
    if record.entries().iter().any(|entry| is_link(entry, name)) {
        return netlink.remove_link(&link.interface);
    }
    let exists = std::io::Error::from_raw_os_error(libc::EEXIST);
    Err(KernelError::new(format!("make the interface {name}"), exists, NEEDS_ADMIN)
        .explained(Some("it was there before: remove it".to_owned())))
}

/// Else it would get a link-local address, and from router advertisements others and a default
/// route. A host without IPv6 has no such knobs.
fn refuse_addresses_of_its_own(sysctls: &Sysctls, name: &str) -> Result<(), KernelError> {
    for (knob, value) in [(Knob::AddrGenMode, 1), (Knob::AcceptRa, 0)] {
        match sysctls.write(name, knob, value) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

fn is_link(entry: &Entry, wanted: &str) -> bool {
    match entry {
        Entry::Link { name } => name == wanted,
        Entry::Address { .. } | Entry::Sysctl { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mac_is_that_of_the_rfc() {
        let vrid = Vrid::new(51).expect("not 0");
        assert_eq!(mac(Family::V4, vrid).to_string(), "00:00:5e:00:01:33");
        assert_eq!(mac(Family::V6, vrid).to_string(), "00:00:5e:00:02:33");
    }

    #[test]
    fn name_fits_into_what_the_kernel_allows() {
        let parent = Interface { index: 9_999_999, name: "eth0".to_owned() };
        let longest = name(Family::V4, Vrid::new(255).expect("not 0"), &parent);
        assert_eq!(longest, "vr4-255-9999999");
        assert!(longest.len() < libc::IFNAMSIZ);
    }
}
