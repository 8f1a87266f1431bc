//! A thread for what the loop's thread must not wait for: the disk, and whoever watches.

use std::io;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread;

/// More than this many jobs are waiting only when the disk or the observer hangs.
const QUEUE: usize = 1024;

/// Jobs are run one after another; the thread ends after the last when every clone is dropped.
#[derive(Clone)]
pub(super) struct Worker(SyncSender<Job>);

type Job = Box<dyn FnOnce() + Send>;

impl Worker {
    /// Starts the thread. Not to be called in a real-time thread, whose scheduling it would inherit.
    pub(super) fn spawn(name: &str) -> io::Result<Self> {
        let (sender, jobs) = sync_channel::<Job>(QUEUE);
        let work = move || jobs.iter().for_each(|job| job());
        thread::Builder::new().name(name.to_owned()).spawn(work)?;
        Ok(Self(sender))
    }

    /// Queues a job; never waits. A job that finds the queue full is dropped, and that is told.
    pub(super) fn run(&self, job: impl FnOnce() + Send + 'static) -> Result<(), Overloaded> {
        match self.0.try_send(Box::new(job)) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => Err(Overloaded),
        }
    }
}

/// The worker hangs, or is gone by a panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Overloaded;

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn jobs_run_in_order_and_a_hung_worker_never_holds_up_who_asks() {
        let worker = Worker::spawn("vrrp-test").unwrap();
        let (release, gate) = channel::<()>();
        let (done, order) = channel();
        worker.run(move || gate.recv().unwrap()).unwrap();
        // The hanging one may be in the queue still, or out of it.
        let accepted = (0..=QUEUE).take_while(|&n| {
            let done = done.clone();
            worker.run(move || done.send(n).unwrap()).is_ok()
        });
        let accepted = accepted.count();
        assert!(accepted >= QUEUE - 1);
        assert_eq!(worker.run(|| unreachable!("it was dropped")), Err(Overloaded));
        release.send(()).unwrap();
        assert_eq!(
            order.iter().take(accepted).collect::<Vec<_>>(),
            (0..accepted).collect::<Vec<_>>()
        );
    }
}
