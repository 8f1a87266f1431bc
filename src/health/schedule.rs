//! When each target is probed, and how many at once: the driver of the [`Roster`].
//!
//! One task keeps the time and starts a task for each probe that is due; a probe's task brings its
//! result back. Whoever changed something tells the [`Observer`], in the order in which it happened,
//! with no lock on the roster held.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use fastrand::Rng;
use tokio::sync::{Notify, mpsc};
use tokio::task::{JoinHandle, JoinSet};

use super::brake::Key;
use super::probe::{self, Failure, Fault, Outcome, Trust};
use super::roster::{Admission, Event, Finding, Roster};
use super::{Target, TargetHealth, TlsSpec};

/// Probes under way at once, at most: a third of it is in use when 5,000 targets are probed each
/// 5 s and answer within 300 ms. It also bounds memory: a probe holds at most the head and the body
/// that it reads (`probe::http`) and the records of its TLS connection. There is no bound for each
/// host: a host sees at most one connection for each target that it is configured with.
const MOST_AT_ONCE: usize = 1_024;

/// Targets due within this time of each other are started together: a thousand probes a second
/// then wake the driver a hundred times.
const TICK: Duration = Duration::from_millis(10);

/// Hears the prober. Calls are short and must not block.
pub trait Observer: Send + Sync + 'static {
    /// A probe ended; `failure` says why it counts against the target.
    fn probed(&self, target: &Target, took: Duration, failure: Option<&str>);
    /// A target's health is no longer what it was: its state, its count, its reason.
    fn changed(&self, target: &Arc<Target>, before: &TargetHealth, now: &TargetHealth);
    /// The brake (POLICY.md, Flapping) was put on or taken off.
    fn brake(&self, on: bool, reason: &str);
}

/// One target's health that can be carried over a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    /// The target.
    pub target: Target,
    /// Its health.
    pub health: TargetHealth,
}

/// Probes a set of targets. Cheap to clone; the work stops when [`Prober::stop`] is called.
#[derive(Clone, Debug)]
pub struct Prober {
    shared: Arc<Shared>,
}

impl Prober {
    /// Starts with no targets, on the current tokio runtime.
    #[must_use]
    pub fn start(observer: Arc<dyn Observer>) -> Self {
        Self::start_bounded(observer, at_once())
    }

    fn start_bounded(observer: Arc<dyn Observer>, most_at_once: usize) -> Self {
        let shared = Arc::new(Shared {
            observer,
            work: Mutex::new(Work::new(most_at_once)),
            wake: Notify::new(),
            telling: Mutex::new(()),
            driver: Mutex::new(None),
        });
        let driver = tokio::spawn(drive(Arc::clone(&shared)));
        *lock(&shared.driver) = Some(driver);
        Self { shared }
    }

    /// Makes `targets` the ones that are probed. Those probed already keep their health; of the
    /// rest, those in `carried` start with that; every other one is probed once, all at once
    /// within a bound on concurrency, and this returns when all have a result or `patience` is
    /// over. Targets no longer wanted are still probed until [`Self::retain`] is called, so that a
    /// reload that is given up after this call has lost nothing.
    ///
    /// The files of certificate authorities are read anew by each call.
    pub async fn prepare(
        &self,
        targets: Vec<Arc<Target>>,
        carried: Vec<Carried>,
        patience: Duration,
    ) {
        let over = tokio::time::Instant::now() + patience;
        if let Some(trust) = load_trust(&targets).await {
            Arc::make_mut(&mut self.shared.work().trust).extend(trust);
        }
        let mut results = self.shared.work().admit(&targets, carried, now());
        self.shared.tell();
        self.shared.wake.notify_one();
        // Nothing is ever sent: the channel closes when the last first result is in.
        let _ = tokio::time::timeout_at(over, results.recv()).await;
    }

    /// Stops probing everything but `targets`.
    pub fn retain(&self, targets: &[Arc<Target>]) {
        self.shared.work().retain(targets);
        self.shared.tell();
    }

    /// The health of each of these targets now (unknown for one that is not probed).
    #[must_use]
    pub fn health(&self, targets: &[Arc<Target>]) -> Vec<TargetHealth> {
        let work = self.shared.work();
        targets.iter().map(|t| work.roster.health(t).cloned().unwrap_or_default()).collect()
    }

    /// Whether the brake is on, and since when.
    #[must_use]
    pub fn brake(&self) -> Option<Instant> {
        self.shared.work().roster.braked_since()
    }

    /// Ends every probe.
    pub async fn stop(&self) {
        self.shared.work().stopped = true;
        self.shared.wake.notify_one();
        let driver = lock(&self.shared.driver).take();
        if let Some(driver) = driver {
            // It ends by itself; an error would be its panic, which it has reported.
            let _ = driver.await;
        }
    }
}

struct Shared {
    observer: Arc<dyn Observer>,
    work: Mutex<Work>,
    /// Wakes the driver.
    wake: Notify,
    /// Held by whoever talks to the observer.
    telling: Mutex<()>,
    driver: Mutex<Option<JoinHandle<()>>>,
}

/// Everything that changes.
struct Work {
    roster: Roster,
    /// Who waits for the first result of a target.
    waiting: HashMap<Key, Vec<mpsc::Sender<()>>>,
    trust: Arc<Trust>,
    under_way: usize,
    most_at_once: usize,
    /// Until when the driver sleeps; absent: until it is woken.
    sleeps_until: Option<Instant>,
    /// A target was due and could not be started: the next probe that ends makes room.
    crowded: bool,
    stopped: bool,
}

impl Work {
    fn new(most_at_once: usize) -> Self {
        Self {
            roster: Roster::new(Rng::new()),
            waiting: HashMap::new(),
            trust: Arc::default(),
            under_way: 0,
            most_at_once,
            sleeps_until: None,
            crowded: false,
            stopped: false,
        }
    }

    /// Admits targets; the channel closes when those without health have their first result.
    fn admit(
        &mut self,
        targets: &[Arc<Target>],
        carried: Vec<Carried>,
        now: Instant,
    ) -> mpsc::Receiver<()> {
        let carried: HashMap<Target, TargetHealth> =
            carried.into_iter().map(|Carried { target, health }| (target, health)).collect();
        let (sender, receiver) = mpsc::channel(1);
        for target in targets {
            let carried = carried.get(&**target);
            if let Admission::Awaited(key) = self.roster.admit(target, carried, now) {
                self.waiting.entry(key).or_default().push(sender.clone());
            }
        }
        receiver
    }

    fn retain(&mut self, targets: &[Arc<Target>]) {
        self.roster.retain(targets);
        // No first result will come of the others.
        self.waiting.retain(|key, _| self.roster.contains(*key));
    }

    /// Takes the targets that are due and can be started, and decides how long to sleep.
    fn take_due(&mut self, now: Instant) -> Vec<(Key, Arc<Target>)> {
        self.roster.handle_time(now);
        let room = self.most_at_once.saturating_sub(self.under_way);
        let due: Vec<_> = std::iter::from_fn(|| self.roster.poll_due(now)).take(room).collect();
        self.under_way += due.len();
        let next = self.roster.next_due();
        self.crowded = self.under_way >= self.most_at_once;
        let next = next.filter(|_| !self.crowded).map(|next| next.max(now + TICK));
        self.sleeps_until = [next, self.roster.next_deadline()].into_iter().flatten().min();
        due
    }

    /// Takes the result of a probe in, and says whether the driver must be woken: there is room
    /// again, or something to do before it would wake.
    fn finish(&mut self, key: Key, finding: Finding, started: Instant, now: Instant) -> bool {
        self.under_way -= 1;
        self.waiting.remove(&key);
        let due = self.roster.handle_result(key, finding, started, now);
        let next = [due, self.roster.next_deadline()].into_iter().flatten().min();
        let earlier = next.is_some_and(|next| self.sleeps_until.is_none_or(|until| next < until));
        self.crowded || earlier
    }
}

impl Shared {
    fn work(&self) -> MutexGuard<'_, Work> {
        lock(&self.work)
    }

    /// Tells the observer what happened. One thread talks at a time and takes along what the
    /// others leave, so that the order is kept; the observer may ask the prober back.
    fn tell(&self) {
        while let Some((_telling, first)) = self.next_event_if_quiet() {
            let mut event = Some(first);
            while let Some(told) = event {
                self.tell_one(&told);
                event = self.work().roster.poll_event();
            }
        }
    }

    /// The next event, and the right to tell it; nothing when there is none or another tells.
    fn next_event_if_quiet(&self) -> Option<(MutexGuard<'_, ()>, Event)> {
        let telling = match self.telling.try_lock() {
            Ok(telling) => telling,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        let event = self.work().roster.poll_event()?;
        Some((telling, event))
    }

    fn judge(&self, target: &Target, outcome: Outcome) -> Finding {
        let Outcome { result, timings } = outcome;
        match result {
            Ok(success) => {
                self.observer.probed(target, timings.total, None);
                Finding::Success { warning: success.warning.map(Arc::from) }
            }
            Err(Failure { reason, fault: Fault::Target }) => {
                self.observer.probed(target, timings.total, Some(&reason));
                Finding::Failure { reason: reason.into() }
            }
            Err(Failure { reason, fault: Fault::Prober }) => {
                tracing::warn!(address = %target.address, "probe could not be made: {reason}");
                Finding::Inconclusive
            }
        }
    }

    fn tell_one(&self, event: &Event) {
        match event {
            Event::Changed { target, before, after } => {
                self.observer.changed(target, before, after);
            }
            Event::Brake { on, reason } => self.observer.brake(*on, reason),
        }
    }
}

/// Keeps the time and starts probes, until [`Prober::stop`].
async fn drive(shared: Arc<Shared>) {
    let mut probes = JoinSet::new();
    loop {
        while probes.try_join_next().is_some() {}
        let (due, trust, sleeps_until) = {
            let mut work = shared.work();
            if work.stopped {
                break;
            }
            (work.take_due(now()), Arc::clone(&work.trust), work.sleeps_until)
        };
        shared.tell();
        for (key, target) in due {
            probes.spawn(Attempt::begin(&shared, key).run(target, Arc::clone(&trust)));
        }
        tokio::select! {
            () = sleep_until(sleeps_until) => {}
            () = shared.wake.notified() => {}
        }
    }
    probes.shutdown().await;
}

async fn sleep_until(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant.into()).await,
        None => std::future::pending().await,
    }
}

/// One probe under way. However it ends (done, aborted, by a panic), its end hands in what it found
/// and the target gets its next turn.
struct Attempt {
    shared: Arc<Shared>,
    key: Key,
    started: Instant,
    finding: Finding,
}

impl Attempt {
    fn begin(shared: &Arc<Shared>, key: Key) -> Self {
        let shared = Arc::clone(shared);
        Self { shared, key, started: now(), finding: Finding::Inconclusive }
    }

    async fn run(mut self, target: Arc<Target>, trust: Arc<Trust>) {
        let shared = Arc::clone(&self.shared);
        let outcome = probe::run(&target, &trust).await;
        self.finding = shared.judge(&target, outcome);
        drop(self);
        shared.tell();
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let finding = std::mem::replace(&mut self.finding, Finding::Inconclusive);
        let wakes = self.shared.work().finish(self.key, finding, self.started, now());
        if wakes {
            self.shared.wake.notify_one();
        }
    }
}

/// What these targets trust, when any of them is probed over TLS.
async fn load_trust(targets: &[Arc<Target>]) -> Option<Trust> {
    let specs: HashSet<TlsSpec> =
        targets.iter().filter_map(|t| t.probe.kind.tls()).cloned().collect();
    if specs.is_empty() {
        return None;
    }
    tokio::task::spawn_blocking(move || Trust::load(&specs)).await.ok()
}

/// How many probes may be under way at once: no more than half of the file descriptors that the
/// process may have, which the DNS and admin sockets need too.
fn at_once() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    descriptors(&limits).map_or(MOST_AT_ONCE, |limit| (limit / 2).clamp(1, MOST_AT_ONCE))
}

/// The soft limit on open files from `/proc/self/limits` (proc_pid_limits(5)).
fn descriptors(limits: &str) -> Option<usize> {
    let values = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    values.split_whitespace().next()?.parse().ok()
}

/// The runtime's clock, which its tests can set.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// A panic elsewhere leaves nothing half done here: every change is made in one go.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
