//! Anycast addresses on `lo`, from start to exit: announcing an address decides who attracts its
//! traffic, and every node accepts what comes all the same.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ipnet::IpNet;
use tokio::runtime::Handle;
use tracing::{error, info, warn};
use vrrp::event_loop::{Context, Handler, Loop, Scheduling, Token};
use vrrp::linux::netlink::{Event, LocalAddress, Monitor, Netlink, Placement};
use vrrp::linux::record::{Entry, Record};
use vrrp::linux::sysctl::Sysctls;

use super::{guard, lock, now};

/// The interface that keeps what every node accepts.
const LOOPBACK: &str = "lo";

/// Between looks at the routes, of whose removal nothing is heard.
const LOOK: Duration = Duration::from_secs(5);

/// Keeps addresses on `lo`. What is there when this process ends is undone with the record.
#[derive(Clone)]
pub(super) struct Residents {
    record: Arc<Mutex<Record>>,
    wanted: Arc<Mutex<BTreeSet<IpAddr>>>,
    /// Prefixes for which there is a route that leads nowhere.
    guarded: Arc<Mutex<BTreeSet<IpNet>>>,
    /// Where removals are heard of.
    ears: Option<Arc<Loop>>,
}

impl Residents {
    /// Puts the addresses on `lo`, and puts them there again when another program removes them.
    ///
    /// # Errors
    /// When the kernel refuses, for lack of CAP_NET_ADMIN, or the record cannot be written.
    pub(super) fn start(
        record: Arc<Mutex<Record>>,
        addresses: BTreeSet<IpAddr>,
    ) -> Result<Self, String> {
        let mut residents =
            Self { record, wanted: Arc::default(), guarded: Arc::default(), ears: None };
        // First the ears, so that nothing is missed.
        let monitor = Monitor::open().map_err(|error| error.to_string())?;
        residents.set(addresses, Duration::ZERO)?;
        let ears = Loop::spawn("addresses", Scheduling::Normal);
        let ears = ears.map_err(|error| format!("anycast addresses: {error}"))?;
        let next = now() + LOOK;
        ears.handle().add(Box::new(Ears { monitor, residents: residents.clone(), next }));
        residents.ears = Some(Arc::new(ears));
        Ok(residents)
    }

    /// Makes these the addresses. New ones are there when this returns; those that are no longer
    /// wanted go after `linger`, for what is still under way to them.
    ///
    /// # Errors
    /// As [`Self::start`]; some of them may be there.
    pub(super) fn set(&self, addresses: BTreeSet<IpAddr>, linger: Duration) -> Result<(), String> {
        let before = std::mem::replace(&mut *lock(&self.wanted), addresses.clone());
        let gone: Vec<_> = before.difference(&addresses).copied().collect();
        if !gone.is_empty() {
            let residents = self.clone();
            Handle::current().spawn(async move {
                tokio::time::sleep(linger).await;
                let _ = tokio::task::spawn_blocking(move || residents.remove(&gone)).await;
            });
        }
        self.settle()
    }

    /// Makes these the prefixes for which there is a route that leads nowhere, and keeps it so.
    ///
    /// # Errors
    /// What the kernel refuses.
    pub(super) fn guard(&self, prefixes: BTreeSet<IpNet>) -> Result<(), String> {
        let mut guarded = lock(&self.guarded);
        *guarded = prefixes;
        guard::set(&guarded).map(|_| ())
    }

    /// Puts routes back that another program removed.
    fn look(&self) {
        let guarded = lock(&self.guarded);
        if guarded.is_empty() {
            return;
        }
        match guard::set(&guarded) {
            Ok(0) => {}
            Ok(missing) => warn!(
                missing,
                "another program removed unreachable routes of anycast prefixes; they are added again"
            ),
            Err(error) => error!("{error}"),
        }
    }

    /// Adds what is not there yet. An address that somebody else has put on `lo` is left to them.
    fn settle(&self) -> Result<(), String> {
        let wanted: Vec<_> = lock(&self.wanted).iter().copied().collect();
        let settle = || -> Result<(), Box<dyn std::error::Error>> {
            let mut netlink = Netlink::open()?;
            let Some(lo) = netlink.link(LOOPBACK)? else { return Ok(()) };
            let present = netlink.addresses()?;
            let foreign = lock(&self.record).claim(&lo.interface, &wanted, &present)?;
            for &address in wanted.iter().filter(|address| !foreign.contains(address)) {
                netlink.add_address(&lo.interface, address, Placement::Resident)?;
            }
            Ok(())
        };
        settle().map_err(|error| format!("anycast addresses on lo: {error}"))
    }

    /// Removes those that are not wanted again by now.
    fn remove(&self, gone: &[IpAddr]) {
        let wanted = lock(&self.wanted).clone();
        let is_gone = |entry: &Entry| match entry {
            Entry::Address { address, .. } => gone.contains(address) && !wanted.contains(address),
            Entry::Sysctl { .. } | Entry::Link { .. } => false,
        };
        let Ok(mut netlink) = Netlink::open() else { return };
        match lock(&self.record).undo_only(&mut netlink, &Sysctls::of_host(), is_gone) {
            Ok(undone) => undone.iter().for_each(|undone| info!("{undone}")),
            Err(error) => error!("{error}"),
        }
    }

    fn hear(&self, event: &Event) {
        match event {
            Event::AddressGone(gone) if self.is_ours(gone) => {
                let address = gone.address;
                warn!(%address, "another program removed an anycast address; it is added again");
            }
            // It may have been among what was lost; what is there already is not touched.
            Event::Lost => {}
            Event::AddressGone(_) | Event::Address(_) | Event::Link(_) | Event::LinkGone(_) => {
                return;
            }
        }
        if let Err(error) = self.settle() {
            error!("{error}");
        }
    }

    fn is_ours(&self, gone: &LocalAddress) -> bool {
        lock(&self.wanted).contains(&gone.address) && self.is_recorded(gone)
    }

    /// Not one of the same value that an interface of a pair had.
    fn is_recorded(&self, gone: &LocalAddress) -> bool {
        let is_it = |entry: &Entry| match entry {
            Entry::Address { index, address, .. } => {
                *index == gone.interface && *address == gone.address
            }
            Entry::Sysctl { .. } | Entry::Link { .. } => false,
        };
        lock(&self.record).entries().iter().any(is_it)
    }
}

/// Hears of removals.
struct Ears {
    monitor: Monitor,
    residents: Residents,
    /// When routes are looked at.
    next: Instant,
}

impl Handler for Ears {
    fn added(&mut self, context: &mut Context<'_>) {
        if let Err(error) = context.watch(&self.monitor, Token(0)) {
            warn!("removals of anycast addresses are not heard of: {error}");
        }
    }

    fn readable(&mut self, context: &mut Context<'_>, _: Token) {
        loop {
            match self.monitor.receive() {
                Ok(Some(event)) => self.residents.hear(&event),
                Ok(None) => return,
                Err(error) => {
                    warn!("removals of anycast addresses are not heard of: {error}");
                    return context.finish();
                }
            }
        }
    }

    fn timeout(&mut self, context: &mut Context<'_>) {
        self.next = context.now() + LOOK;
        self.residents.look();
    }

    fn deadline(&self) -> Option<Instant> {
        Some(self.next)
    }

    fn tolerance(&self) -> Duration {
        Duration::MAX
    }
}
