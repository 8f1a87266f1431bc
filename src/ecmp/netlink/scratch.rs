//! A network namespace to try things in: nothing in it is anybody's, and it is gone with the thread
//! that made it.

use std::io;

use vrrp::linux::KernelError;
use vrrp::linux::netlink::Netlink as Links;

use super::super::kernel::{Change, Group, Id, NextHop, RouteKey, Target};
use super::{Netlink, next_hop};

/// `RTM_NEWLINK`'s attributes for the kind of link.
const KIND: &[u8] = b"veth";

/// The loopback interface has this index in every namespace.
pub const LOOPBACK: u32 = 1;

/// An empty network with one link, in which every address is a neighbour.
#[derive(Debug)]
pub struct Scratch {
    netlink: Netlink,
    interface: u32,
}

impl Scratch {
    /// Moves the calling thread into a new network namespace, for good, and makes a link in it. To be
    /// called on a thread that ends soon.
    ///
    /// # Errors
    /// Without CAP_SYS_ADMIN, or without veth in the kernel; in words for people.
    pub fn enter() -> Result<Self, String> {
        leave_for_a_new_network().map_err(|error| {
            let needs = match error.kind() {
                io::ErrorKind::PermissionDenied => {
                    "; the capability CAP_SYS_ADMIN is needed: run it as root"
                }
                _ => "",
            };
            format!("cannot make a network namespace to try it in: {error}{needs}")
        })?;
        Self::prepare().map_err(|error| format!("in a new network namespace: {error}"))
    }

    fn prepare() -> Result<Self, KernelError> {
        let mut netlink = Netlink::open()?;
        netlink
            .add_link(KIND)
            .map_err(|refusal| KernelError::refused("make a pair of veth links", refusal))?;
        let mut links = Links::open()?;
        for link in links.links()? {
            links.set_up(&link.interface)?;
        }
        // Both ends are here: the one is the other's neighbourhood.
        let known = links.links()?;
        let link = known.iter().find(|link| link.interface.index != LOOPBACK);
        let missing = || {
            let error = io::Error::from_raw_os_error(libc::ENODEV);
            KernelError::refused("find the veth link just made", error.into())
        };
        let interface = link.ok_or_else(missing)?.interface.index;
        Ok(Self { netlink, interface })
    }

    /// Its socket, for questions.
    pub fn netlink(&mut self) -> &mut Netlink {
        &mut self.netlink
    }

    /// Makes the next hops of a group, the group and the route to it.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn build(
        &mut self,
        route: RouteKey,
        (id, group): (Id, &Group),
        gateways: &[(Id, std::net::IpAddr)],
    ) -> Result<(), KernelError> {
        for (member, gateway) in gateways {
            let hop = NextHop { gateway: *gateway, interface: self.interface };
            let neighbour = next_hop::Neighbour::Claimed;
            next_hop::add_as(&mut self.netlink.exchange, *member, hop, neighbour).map_err(
                |refusal| KernelError::refused(format!("copy the next hop {gateway}"), refusal),
            )?;
        }
        self.make(&Change::AddGroup(id, group.clone()))?;
        self.make(&Change::AddRoute(route, Target::NextHop(id)))
    }

    /// Makes a change.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn make(&mut self, change: &Change) -> Result<(), KernelError> {
        self.netlink
            .apply(change)
            .map_err(|refusal| KernelError::refused(format!("{change} in a copy"), refusal))
    }
}

impl Netlink {
    /// Makes a link of a kind, or a pair of them, with names and indices that the kernel chooses.
    fn add_link(&mut self, kind: &[u8]) -> vrrp::linux::netlink::exchange::Answer {
        // `struct ifinfomsg`, nothing in it.
        let flags = (libc::NLM_F_CREATE | libc::NLM_F_EXCL) as u16;
        self.exchange.request(libc::RTM_NEWLINK, flags, &[0; 16], |writer| {
            writer.nest(libc::IFLA_LINKINFO, |info| info.attribute(libc::IFLA_INFO_KIND, kind));
        })
    }
}

#[expect(unsafe_code, reason = "a system call")]
fn leave_for_a_new_network() -> io::Result<()> {
    // SAFETY: no memory is involved, and with this flag alone nothing that other threads, or values
    // of this one, depend on: descriptors that are open stay in the namespace they were opened in.
    match unsafe { libc::unshare(libc::CLONE_NEWNET) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
