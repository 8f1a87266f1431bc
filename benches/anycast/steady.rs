//! The control: an ordinary thread that wants to wake each millisecond. How late it was says how
//! long ordinary programs had to wait for a processor.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often it wants to wake.
const PACE: Duration = Duration::from_millis(1);

/// The running control.
pub struct Steady {
    end: Arc<AtomicBool>,
    thread: JoinHandle<Duration>,
}

impl Steady {
    /// Begins.
    pub fn start() -> Self {
        let end = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&end);
        let thread = std::thread::spawn(move || latest(&over));
        Self { end, thread }
    }

    /// Ends it; how late it was at worst.
    pub fn stop(self) -> Duration {
        self.end.store(true, Relaxed);
        self.thread.join().expect("it does not panic")
    }
}

fn latest(over: &AtomicBool) -> Duration {
    let mut latest = Duration::ZERO;
    while !over.load(Relaxed) {
        let wanted = Instant::now() + PACE;
        std::thread::sleep(PACE);
        latest = latest.max(wanted.elapsed());
    }
    latest
}
