//! What the loop waits on: the descriptors of its handlers (epoll) and one timer (timerfd).

#![expect(clippy::disallowed_methods, reason = "a driver: it owns the clock")]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{Timespec, epoll};
use rustix::io::Errno;
use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, clock_gettime,
    timerfd_create, timerfd_settime,
};

/// The mark of the timer in the epoll set; handlers never have it, since their ids end earlier.
const TIMER: u64 = u64::MAX;

/// More descriptors than one process has groups for; the rest is found by the next wait.
const EVENTS: usize = 128;

/// Whether a wait may sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// Until a descriptor is readable or the timer is due.
    Sleep,
    /// Only to see what is readable now.
    Look,
}

/// An epoll set with a timer in it.
pub(super) struct Poller {
    epoll: OwnedFd,
    timer: OwnedFd,
    armed: Option<Instant>,
    clock: Anchor,
}

/// One moment on both faces of CLOCK_MONOTONIC: `Instant` does not show its timespec, which an
/// absolute timer needs.
#[derive(Clone, Copy)]
struct Anchor {
    instant: Instant,
    monotonic: Duration,
}

impl Poller {
    /// An empty set; the timer is not armed.
    ///
    /// # Errors
    ///
    /// No descriptor is left.
    pub(super) fn new() -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        epoll::add(&epoll, &timer, epoll::EventData::new_u64(TIMER), epoll::EventFlags::IN)?;
        Ok(Self { epoll, timer, armed: None, clock: Anchor::drop() })
    }

    /// Watches `fd`; [`Poller::wait`] shows `mark` whenever it is readable.
    pub(super) fn watch(&self, fd: impl AsFd, mark: u64) -> io::Result<()> {
        let data = epoll::EventData::new_u64(mark);
        Ok(epoll::add(&self.epoll, fd, data, epoll::EventFlags::IN)?)
    }

    /// Watches `fd` no more.
    pub(super) fn unwatch(&self, fd: impl AsFd) -> io::Result<()> {
        Ok(epoll::delete(&self.epoll, fd)?)
    }

    /// Sets the timer; absent: off. Nothing is done when it stands there already.
    pub(super) fn arm(&mut self, deadline: Option<Instant>) -> io::Result<()> {
        if self.armed == deadline {
            return Ok(());
        }
        let it_value = deadline.map_or_else(Timespec::default, |at| self.clock.timespec(at));
        let once = Itimerspec { it_interval: Timespec::default(), it_value };
        timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME, &once)?;
        self.armed = deadline;
        Ok(())
    }

    /// The marks of what is readable. The timer only ends the wait: it has no mark.
    pub(super) fn wait(&mut self, wait: Wait, marks: &mut Vec<u64>) -> io::Result<()> {
        let timeout = match wait {
            Wait::Sleep => None,
            Wait::Look => Some(&Timespec { tv_sec: 0, tv_nsec: 0 }),
        };
        marks.clear();
        let mut room = [MaybeUninit::uninit(); EVENTS];
        let events = match epoll::wait(&self.epoll, &mut room, timeout) {
            Ok((events, _)) => events,
            Err(Errno::INTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        marks.extend(events.iter().map(|event| event.data.u64()).filter(|&mark| mark != TIMER));
        if marks.len() < events.len() {
            self.rang();
        }
        Ok(())
    }

    /// The timer fired: it is off, and may be set again to the very same moment.
    fn rang(&mut self) {
        let _ = rustix::io::read(&self.timer, &mut [0; 8]);
        self.armed = None;
    }
}

impl Anchor {
    /// Reads both clocks until nothing came between the two readings for long: the gap makes each
    /// timer late.
    fn drop() -> Self {
        let readings = (0..8).map(|_| {
            let before = Instant::now();
            let monotonic = clock_gettime(ClockId::Monotonic);
            (before.elapsed(), Self { instant: before, monotonic: duration(monotonic) })
        });
        readings.min_by_key(|(gap, _)| *gap).expect("there are eight readings").1
    }

    /// As the kernel counts it: never zero, which would switch the timer off.
    fn timespec(&self, at: Instant) -> Timespec {
        let since = at.saturating_duration_since(self.instant);
        let until = self.instant.saturating_duration_since(at);
        let monotonic = (self.monotonic + since).saturating_sub(until).max(Duration::from_nanos(1));
        Timespec {
            tv_sec: monotonic.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: monotonic.subsec_nanos().into(),
        }
    }
}

fn duration(at: Timespec) -> Duration {
    // CLOCK_MONOTONIC counts up from the boot: neither part is negative.
    let seconds = u64::try_from(at.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(at.tv_nsec).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

    use super::*;

    fn pair() -> (OwnedFd, OwnedFd) {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        socketpair(AddressFamily::UNIX, SocketType::DGRAM, flags, None).unwrap()
    }

    #[test]
    fn a_timer_that_is_due_ends_the_wait_without_a_mark_and_can_be_set_again() {
        let mut poller = Poller::new().unwrap();
        let mut marks = vec![7];
        let past = Instant::now();
        for _ in 0..2 {
            poller.arm(Some(past)).unwrap();
            poller.wait(Wait::Sleep, &mut marks).unwrap();
            assert!(marks.is_empty());
        }
    }

    #[test]
    fn a_timer_never_fires_early() {
        let mut poller = Poller::new().unwrap();
        let deadline = Instant::now() + Duration::from_millis(5);
        poller.arm(Some(deadline)).unwrap();
        poller.wait(Wait::Sleep, &mut Vec::new()).unwrap();
        assert!(Instant::now() >= deadline);
    }

    #[test]
    fn a_moment_before_the_boot_is_due_at_once() {
        let anchor = Anchor { instant: Instant::now(), monotonic: Duration::from_nanos(10) };
        let before = anchor.instant.checked_sub(Duration::from_secs(1)).unwrap();
        assert_eq!(anchor.timespec(before), Timespec { tv_sec: 0, tv_nsec: 1 });
        let after = anchor.instant + Duration::from_millis(1500);
        assert_eq!(anchor.timespec(after), Timespec { tv_sec: 1, tv_nsec: 500_000_010 });
    }

    #[test]
    fn a_descriptor_shows_its_mark_until_it_is_read_or_no_longer_watched() {
        let mut poller = Poller::new().unwrap();
        let (ours, theirs) = pair();
        let mut marks = Vec::new();
        poller.watch(&ours, 3).unwrap();
        poller.wait(Wait::Look, &mut marks).unwrap();
        assert!(marks.is_empty());
        rustix::io::write(&theirs, b"x").unwrap();
        for _ in 0..2 {
            poller.wait(Wait::Sleep, &mut marks).unwrap();
            assert_eq!(marks, [3]);
        }
        poller.unwatch(&ours).unwrap();
        poller.wait(Wait::Look, &mut marks).unwrap();
        assert!(marks.is_empty());
    }
}
