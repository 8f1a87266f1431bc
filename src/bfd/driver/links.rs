//! The interfaces of this host by name, as they come and go.

use std::collections::BTreeMap;
use std::net::IpAddr;

use vrrp::linux::netlink::{Event, Link, Monitor, Netlink};

use crate::bfd::table::InterfaceIndex;

/// The interfaces, and word of their changes.
pub(super) struct Links {
    pub(super) monitor: Monitor,
    netlink: Netlink,
    by_name: BTreeMap<String, u32>,
}

/// What has changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// Addresses that this host had.
    pub(super) gone: Vec<IpAddr>,
    /// Anything at all.
    pub(super) any: bool,
}

impl Links {
    pub(super) fn new(monitor: Monitor, netlink: Netlink) -> Self {
        Self { monitor, netlink, by_name: BTreeMap::new() }
    }

    /// The interface of that name, if there is one.
    pub(super) fn index(&self, name: &str) -> Option<InterfaceIndex> {
        self.by_name.get(name).copied().map(InterfaceIndex)
    }

    /// Lists all of them anew.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    pub(super) fn list(&mut self) -> Result<(), String> {
        let links = self.netlink.links().map_err(|error| error.to_string())?;
        self.by_name.clear();
        links.iter().for_each(|link| self.note(link));
        Ok(())
    }

    /// Everything that has happened since the last time.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    pub(super) fn hear(&mut self) -> Result<Changes, String> {
        let mut changes = Changes::default();
        while let Some(event) = self.monitor.receive().map_err(|error| error.to_string())? {
            changes.any = true;
            match event {
                Event::Link(link) => self.note(&link),
                Event::LinkGone(interface) => {
                    self.by_name.retain(|_, &mut index| index != interface.index);
                }
                Event::AddressGone(address) => changes.gone.push(address.address),
                Event::Address(_) => {}
                Event::Lost => self.list()?,
            }
        }
        Ok(changes)
    }

    /// An interface may have another name than before.
    fn note(&mut self, link: &Link) {
        self.by_name.retain(|_, &mut index| index != link.interface.index);
        self.by_name.insert(link.interface.name.clone(), link.interface.index);
    }
}
