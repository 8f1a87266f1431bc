//! What a group changes in the kernel before the election and after it, written down first.
//!
//! All of it waits for the disk, so it is done in a thread of its own. Between, while the election
//! runs, the loop's thread adds and removes addresses that were written down here: a take-over
//! waits for no disk.

use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError};

use super::worker::Worker;
use crate::config::{Config, Family};
use crate::linux::neighbour::Role;
use crate::linux::netlink::{Netlink, Placement};
use crate::linux::record::{Active, ChangeError, Entry, LastSequence, Record, RecordError};
use crate::linux::sysctl::{Knob, Sysctls};
use crate::linux::vmac::Vmac;
use crate::linux::{Interface, KernelError};

/// The interface that keeps what every node accepts.
pub(super) const LOOPBACK: &str = "lo";

/// The kind of [`Trouble`] that means that a standby may answer ARP for the addresses.
pub(super) const RESIDENT: &str = "resident";

/// Keeps the record for all groups of a process.
#[derive(Clone)]
pub(super) struct Keeper {
    worker: Worker,
    record: Arc<Mutex<Record>>,
    sysctls: Sysctls,
    served: Arc<Mutex<BTreeSet<Service>>>,
}

/// That a group may have turned knobs of an interface: its name, and the group's.
type Service = (String, String);

/// An interface on which a group may take addresses and leave them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Prepared {
    /// The interface of the configuration.
    pub(super) interface: Interface,
    /// With a virtual MAC address: the interfaces that the addresses stand on instead.
    pub(super) vmacs: Vec<(Family, Vmac)>,
    /// Addresses that somebody else has put there: neither added nor removed.
    pub(super) foreign: Vec<IpAddr>,
    /// What neighbours are told that this host is.
    pub(super) role: Role,
    /// What could not be done, and what that means.
    pub(super) troubles: Vec<Trouble>,
}

/// Something that could not be done; the group goes on without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    /// About what.
    pub(super) kind: &'static str,
    /// A sentence for people.
    pub(super) text: String,
}

/// What keeps a group from starting.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The record cannot be written.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The kernel refuses.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// The thread that writes the record waits for the disk, with much to do.
    #[error("the record is not written: the disk hangs")]
    Hung,
}

impl Keeper {
    /// Starts its thread.
    pub(super) fn spawn(record: Arc<Mutex<Record>>, sysctls: Sysctls) -> io::Result<Self> {
        Ok(Self { worker: Worker::spawn("vrrp-record")?, record, sysctls, served: Arc::default() })
    }

    /// The last stamp that was saved.
    pub(super) fn sequence(&self) -> Option<LastSequence> {
        self.with_record(|record| record.sequence())
    }

    /// Puts the addresses on `lo`, for this node to accept them always. Waits for the disk.
    pub(super) fn take_residence(&self, config: &Config) -> Result<(), KeepError> {
        let (keeper, addresses) = (self.clone(), config.addresses.clone());
        let (end, ends) = channel();
        // Here and not in the caller's thread, which may be of another network namespace.
        self.run(move || {
            let _ = end.send(keeper.settle_on_loopback(&addresses));
        });
        ends.recv().unwrap_or(Err(KeepError::Hung))
    }

    /// Puts the addresses on `lo` again, some time soon.
    pub(super) fn settle_again(&self, config: &Config) {
        let (keeper, addresses) = (self.clone(), config.addresses.clone());
        self.run(move || {
            // What the kernel refuses now it will be asked again at the next removal.
            let _ = keeper.settle_on_loopback(&addresses);
        });
    }

    fn settle_on_loopback(&self, addresses: &[IpAddr]) -> Result<(), KeepError> {
        let mut netlink = Netlink::open()?;
        let Some(lo) = netlink.link(LOOPBACK)? else { return Ok(()) };
        let (lo, present) = (lo.interface, netlink.addresses()?);
        let foreign = self.with_record(|record| record.claim(&lo, addresses, &present))?;
        for &address in addresses.iter().filter(|address| !foreign.contains(address)) {
            netlink.add_address(&lo, address, Placement::Resident)?;
        }
        Ok(())
    }

    /// Makes an interface ready for a group, and tells. Virtual MAC addresses that are there
    /// already are kept.
    pub(super) fn prepare(
        &self,
        config: &Config,
        interface: Interface,
        vmacs: Vec<(Family, Vmac)>,
        tell: impl FnOnce(Prepared) + Send + 'static,
    ) {
        let (keeper, config) = (self.clone(), config.clone());
        self.run(move || tell(keeper.prepared(&config, interface, vmacs)));
    }

    fn prepared(
        &self,
        config: &Config,
        interface: Interface,
        vmacs: Vec<(Family, Vmac)>,
    ) -> Prepared {
        let mut troubles = Vec::new();
        self.with_served(|served| served.insert(service(config)));
        let foreign = self.claim(config, &interface).unwrap_or_else(|error| {
            let text = format!("{error}; what a crash leaves behind is not undone");
            troubles.push(Trouble { kind: "record", text });
            Vec::new()
        });
        if config.resident {
            troubles.extend(self.quieten(&interface).err());
        }
        let vmacs = match config.vmac {
            true if vmacs.is_empty() => {
                self.make_vmacs(config, &interface).unwrap_or_else(|trouble| {
                    troubles.push(trouble);
                    Vec::new()
                })
            }
            true | false => vmacs,
        };
        troubles.extend(self.strict_filter(&interface, &vmacs));
        let forwards = self.sysctls.read(&interface.name, Knob::Ipv6Forwarding);
        let role = if forwards.is_ok_and(|value| value != 0) { Role::Router } else { Role::Host };
        Prepared { interface, vmacs, foreign, role, troubles }
    }

    fn claim(&self, config: &Config, interface: &Interface) -> Result<Vec<IpAddr>, KeepError> {
        let present = Netlink::open()?.addresses()?;
        Ok(self.with_record(|record| record.claim(interface, &config.addresses, &present))?)
    }

    /// A node with the addresses on `lo` is not to answer ARP for them on the network.
    fn quieten(&self, interface: &Interface) -> Result<(), Trouble> {
        for (knob, value) in [(Knob::ArpIgnore, 1), (Knob::ArpAnnounce, 2)] {
            self.with_record(|record| record.turn(&self.sysctls, &interface.name, knob, value))
                .map_err(|error| Trouble { kind: RESIDENT, text: error.to_string() })?;
        }
        Ok(())
    }

    fn make_vmacs(
        &self,
        config: &Config,
        parent: &Interface,
    ) -> Result<Vec<(Family, Vmac)>, Trouble> {
        let make = |family| {
            let mut netlink = Netlink::open()?;
            let vmac = self.with_record(|record| {
                Vmac::create(&mut netlink, &self.sysctls, record, parent, family, config.id)
            })?;
            Ok((family, vmac))
        };
        let made: Result<_, ChangeError> = config.families().into_iter().map(make).collect();
        made.map_err(|error| {
            let text = format!("{error}; the addresses have {parent}'s own MAC address");
            Trouble { kind: "vmac", text }
        })
    }

    fn strict_filter(&self, interface: &Interface, vmacs: &[(Family, Vmac)]) -> Option<Trouble> {
        let of_vmac = vmacs.iter().find_map(|(_, vmac)| vmac.strict_filter.clone());
        let line = of_vmac.or_else(|| self.sysctls.strict_filter(&interface.name))?;
        let text = format!("the reverse path filter is strict: with several uplinks set {line}");
        Some(Trouble { kind: "rp_filter", text })
    }

    /// Writes down that a group is Active, some time soon.
    pub(super) fn set_active(&self, active: Active) {
        self.record(move |record| record.set_active(active));
    }

    /// Writes down that a group is not, some time soon.
    pub(super) fn clear_active(&self, group: String) {
        self.record(move |record| record.clear_active(&group));
    }

    /// Saves the last stamp, some time soon.
    pub(super) fn save_sequence(&self, sequence: LastSequence) {
        self.record(move |record| record.set_sequence(sequence));
    }

    /// Takes addresses that a group no longer has from this host, some time soon.
    pub(super) fn forget(&self, addresses: &[IpAddr]) {
        let (keeper, addresses) = (self.clone(), addresses.to_vec());
        self.run(move || keeper.undo(&addresses, &[], None));
    }

    /// Undoes what a group has changed, and tells. Knobs of its interface stay as long as another
    /// group serves that.
    pub(super) fn leave(
        &self,
        config: &Config,
        vmacs: &[(Family, Vmac)],
        done: impl FnOnce() + Send + 'static,
    ) {
        let (keeper, config) = (self.clone(), config.clone());
        let links: Vec<_> = vmacs.iter().map(|(_, vmac)| vmac.interface.name.clone()).collect();
        self.run(move || {
            let unserved = keeper.with_served(|served| {
                served.remove(&service(&config));
                served.iter().all(|(interface, _)| *interface != config.interface)
            });
            let unserved = unserved.then_some(config.interface.as_str());
            keeper.undo(&config.addresses, &links, unserved);
            done();
        });
    }

    /// Addresses, links, and the knobs of an interface.
    fn undo(&self, addresses: &[IpAddr], links: &[String], unserved: Option<&str>) {
        let Ok(mut netlink) = Netlink::open() else { return };
        let ours = |entry: &Entry| match entry {
            Entry::Address { address, .. } => addresses.contains(address),
            Entry::Link { name } => links.contains(name),
            Entry::Sysctl { interface, .. } => unserved == Some(interface.as_str()),
        };
        // What fails stays in the record, and is undone with it.
        let _ = self.with_record(|record| record.undo_only(&mut netlink, &self.sysctls, ours));
    }

    /// A failure to write has been told when the interface was prepared, and is not told again.
    fn record(&self, change: impl FnOnce(&mut Record) -> Result<(), RecordError> + Send + 'static) {
        let keeper = self.clone();
        self.run(move || {
            let _ = keeper.with_record(change);
        });
    }

    /// A worker that hangs in the disk does not hold up the election.
    fn run(&self, job: impl FnOnce() + Send + 'static) {
        let _ = self.worker.run(job);
    }

    fn with_served<T>(&self, what: impl FnOnce(&mut BTreeSet<Service>) -> T) -> T {
        what(&mut self.served.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn with_record<T>(&self, what: impl FnOnce(&mut Record) -> T) -> T {
        what(&mut self.record.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn service(config: &Config) -> Service {
    (config.interface.clone(), config.name.clone())
}
