//! Links made, set up and removed.

use std::io;

use super::{Netlink, decode};
use crate::linux::{Interface, KernelError, Mac, NEEDS_ADMIN};

/// `IFLA_MACVLAN_MODE`, within a macvlan's data.
const MACVLAN_MODE: u16 = 1;
/// `MACVLAN_MODE_PRIVATE`: no frames between macvlans of one parent.
const MACVLAN_PRIVATE: u32 = 1;

impl Netlink {
    /// Makes a macvlan on `parent`: private (no frames between it and its siblings), with the
    /// hardware address `mac`. It is down.
    ///
    /// # Errors
    /// When the kernel refuses: without CAP_NET_ADMIN, when the parent is gone, or when the name or
    /// the hardware address is in use.
    pub fn add_macvlan(
        &mut self,
        parent: &Interface,
        name: &str,
        mac: Mac,
    ) -> Result<Interface, KernelError> {
        let tried = || format!("make the interface {name} with the address {mac} on {parent}");
        let flags = (libc::NLM_F_CREATE | libc::NLM_F_EXCL) as u16;
        self.exchange
            .request(libc::RTM_NEWLINK, flags, &link_structure(0, 0), |writer| {
                writer.attribute(libc::IFLA_IFNAME, &[name.as_bytes(), b"\0"].concat());
                writer.attribute(libc::IFLA_LINK, &parent.index.to_ne_bytes());
                writer.attribute(libc::IFLA_ADDRESS, &mac.0);
                writer.nest(libc::IFLA_LINKINFO, |info| {
                    info.attribute(libc::IFLA_INFO_KIND, b"macvlan");
                    info.nest(libc::IFLA_INFO_DATA, |data| {
                        data.attribute(MACVLAN_MODE, &MACVLAN_PRIVATE.to_ne_bytes());
                    });
                });
            })
            .map_err(|refusal| KernelError::refused(tried(), refusal))?;
        let made = self.link(name)?;
        made.map(|link| link.interface).ok_or_else(|| {
            KernelError::new(tried(), io::Error::from_raw_os_error(libc::ENODEV), NEEDS_ADMIN)
        })
    }

    /// Sets a link up.
    ///
    /// # Errors
    /// When the kernel refuses: without CAP_NET_ADMIN, or when the interface is gone.
    pub fn set_up(&mut self, interface: &Interface) -> Result<(), KernelError> {
        let up = libc::IFF_UP as u32;
        self.exchange
            .request(libc::RTM_NEWLINK, 0, &link_structure(interface.index, up), |_| {})
            .map_err(|refusal| KernelError::refused(format!("set {interface} up"), refusal))
    }

    /// Removes a link; one that is absent is as good as removed.
    ///
    /// # Errors
    /// When the kernel refuses: without CAP_NET_ADMIN, or for an interface that cannot be removed.
    pub fn remove_link(&mut self, interface: &Interface) -> Result<(), KernelError> {
        match self.exchange.request(
            libc::RTM_DELLINK,
            0,
            &link_structure(interface.index, 0),
            |_| {},
        ) {
            Err(refusal) if refusal.error.raw_os_error() != Some(libc::ENODEV) => {
                Err(KernelError::refused(format!("remove the interface {interface}"), refusal))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

/// `struct ifinfomsg` that sets `flags`.
fn link_structure(index: u32, flags: u32) -> [u8; decode::LINK_STRUCTURE] {
    let mut structure = [0; decode::LINK_STRUCTURE];
    structure[4..8].copy_from_slice(&index.to_ne_bytes());
    structure[8..12].copy_from_slice(&flags.to_ne_bytes());
    structure[12..].copy_from_slice(&flags.to_ne_bytes());
    structure
}
