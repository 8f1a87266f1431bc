//! The kernel's next hops, groups and routes, by rtnetlink. The codec and the exchange are the
//! `vrrp` crate's; here are the messages.
//!
//! - `next_hop`: next hops and groups of them.
//! - `route`: routes, and the questions which way something goes.
//! - [`notice`]: word of changes.
//! - [`scratch`]: a network namespace to try things in.

mod next_hop;
pub mod notice;
mod route;
pub mod scratch;

use std::io;
use std::net::IpAddr;

use vrrp::linux::KernelError;
use vrrp::linux::netlink::exchange::{Exchange, Refusal};

use super::kernel::{Change, IDS, Id, Object, RouteKey, Tables, Target};

pub use self::next_hop::{Kind, Listed};
pub use self::route::{Flow, Transport, Way};

/// A socket for requests.
#[derive(Debug)]
pub struct Netlink {
    exchange: Exchange,
}

impl Netlink {
    /// Opens a socket; needs no privilege, unlike changes.
    ///
    /// # Errors
    /// When the system gives no socket, or is older than Linux 4.20.
    pub fn open() -> Result<Self, KernelError> {
        let open = || {
            let exchange = Exchange::open()?;
            exchange.filter_dumps()?;
            Ok(Self { exchange })
        };
        open().map_err(|error: io::Error| {
            KernelError::refused("open a socket for next hops and routes", error.into())
        })
    }

    /// Whether this process may change next hops and routes: asked by removing a next hop that
    /// cannot be there.
    ///
    /// # Errors
    /// Without CAP_NET_ADMIN, or on a kernel without next-hop objects (before Linux 5.3).
    pub fn may_change(&mut self) -> Result<(), KernelError> {
        let tried = "change next hops and routes";
        match self.remove_object(u32::MAX) {
            Err(refusal) if is_unknown_request(&refusal) => Err(KernelError::refused(
                tried,
                io::Error::other("the kernel has no next-hop objects; Linux 5.3 has, and 5.13 has resilient groups")
                    .into(),
            )),
            Err(refusal) => Err(KernelError::refused(tried, refusal)),
            Ok(()) => Ok(()),
        }
    }

    /// Our part of the tables.
    ///
    /// # Errors
    /// When the kernel does not answer.
    pub fn tables(&mut self) -> Result<Tables, KernelError> {
        // Next hops first: their list waits for changes of links that are under way, which take
        // routes with them; the lists of routes do not wait.
        let objects = self.next_hops()?.into_iter().filter(|listed| IDS.contains(&listed.id));
        let objects = objects.map(|listed| (listed.id, Object::from(listed))).collect();
        let mut routes = Vec::new();
        for family in [libc::AF_INET, libc::AF_INET6] {
            let listed = self.exchange.dump(
                libc::RTM_GETROUTE,
                libc::RTM_NEWROUTE,
                &route::ours(family),
                route::read_ours,
            );
            routes.extend(
                listed.map_err(|error| KernelError::refused("list the routes", error.into()))?,
            );
        }
        Ok(Tables { objects, routes: routes.into_iter().collect() })
    }

    /// Every next hop and group of the host.
    ///
    /// # Errors
    /// When the kernel does not answer.
    pub fn next_hops(&mut self) -> Result<Vec<Listed>, KernelError> {
        let listed = self.exchange.dump(
            next_hop::RTM_GETNEXTHOP,
            next_hop::RTM_NEWNEXTHOP,
            &next_hop::any(),
            next_hop::read,
        );
        listed.map_err(|error| KernelError::refused("list the next hops", error.into()))
    }

    /// Makes a change. What is to be removed and is not there is as good as removed.
    ///
    /// # Errors
    /// When the kernel refuses; see [`is_occupied`].
    pub fn apply(&mut self, change: &Change) -> Result<(), Refusal> {
        match change {
            Change::AddNextHop(id, next_hop) => next_hop::add(&mut self.exchange, *id, *next_hop),
            Change::AddGroup(id, group) => {
                next_hop::set_group(&mut self.exchange, *id, group, next_hop::Setting::New)
            }
            Change::ReplaceGroup(id, group) => {
                next_hop::set_group(&mut self.exchange, *id, group, next_hop::Setting::InPlace)
            }
            Change::AddRoute(key, target) => {
                self.set_route(key, *target, (libc::NLM_F_CREATE | libc::NLM_F_EXCL) as u16)
            }
            Change::ReplaceRoute(key, target) => {
                self.set_route(key, *target, libc::NLM_F_REPLACE as u16)
            }
            Change::RemoveRoute(key, target) => self.remove_route(key, *target),
            Change::RemoveObject(id) => self.remove_object(*id),
        }
    }

    fn set_route(&mut self, key: &RouteKey, target: Target, flags: u16) -> Result<(), Refusal> {
        let structure = route::structure(key, target);
        self.exchange.request(libc::RTM_NEWROUTE, flags, &structure, |writer| {
            route::write(key, target, writer);
        })
    }

    fn remove_route(&mut self, key: &RouteKey, target: Target) -> Result<(), Refusal> {
        let structure = route::structure_to_remove(key);
        let done = self.exchange.request(libc::RTM_DELROUTE, 0, &structure, |writer| {
            route::write(key, target, writer);
        });
        unless(done, &[libc::ESRCH, libc::ENOENT])
    }

    fn remove_object(&mut self, id: Id) -> Result<(), Refusal> {
        unless(next_hop::remove(&mut self.exchange, id), &[libc::ENOENT])
    }

    /// Which way leads to an address, as the kernel's rules and routes say; absent when none does.
    ///
    /// # Errors
    /// When the kernel does not answer.
    pub fn way_to(&mut self, address: IpAddr) -> Result<Option<Way>, KernelError> {
        let asked = route::ask_address(&mut self.exchange, address);
        route::known_way(asked)
            .map_err(|refusal| KernelError::refused(format!("ask the way to {address}"), refusal))
    }

    /// Which way a flow takes through this host; absent when none.
    ///
    /// # Errors
    /// When the kernel does not answer, or would drop the flow: `EINVAL` or `EXDEV` where the reverse
    /// path filter or the lack of forwarding forbids it.
    pub fn way_of(&mut self, flow: &Flow) -> Result<Option<Way>, Refusal> {
        route::known_way(route::ask_flow(&mut self.exchange, flow))
    }
}

/// Whether a route was refused because somebody else's stands there.
#[must_use]
pub fn is_occupied(refusal: &Refusal) -> bool {
    refusal.error.raw_os_error() == Some(libc::EEXIST)
}

fn is_unknown_request(refusal: &Refusal) -> bool {
    refusal.error.raw_os_error() == Some(libc::EOPNOTSUPP)
}

/// These errors are as good as done.
fn unless(done: Result<(), Refusal>, harmless: &[i32]) -> Result<(), Refusal> {
    match done {
        Err(refusal)
            if refusal.error.raw_os_error().is_some_and(|errno| harmless.contains(&errno)) =>
        {
            Ok(())
        }
        done => done,
    }
}
