//! Time: a thread that is scheduled before others, and whether the clock is to be believed.

use std::io;

use super::KernelError;
use super::raw;

/// In the middle of 1 to 99: before every ordinary thread, after the kernel's own watchdogs.
const PRIORITY: i32 = 50;

/// Makes the calling thread a real-time thread (`SCHED_FIFO`, priority 50), so that a loaded host
/// does not delay advertisements. Threads and processes that it starts are ordinary ones.
///
/// # Errors
/// When it is not permitted; everything works without, less punctually.
pub fn real_time() -> Result<(), KernelError> {
    const NEEDS: &str = "the capability CAP_SYS_NICE or LimitRTPRIO=50 is needed";
    raw::schedule_fifo(PRIORITY)
        .map_err(|error| KernelError::new("schedule the VRRP thread in real time", error, NEEDS))
}

/// Whether the kernel's clock is synchronised with a reference, by NTP or PTP.
///
/// # Errors
/// When the kernel does not say.
pub fn is_clock_synchronised() -> io::Result<bool> {
    raw::clock_state().map(|state| state != libc::TIME_ERROR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_has_a_state() {
        is_clock_synchronised().expect("the kernel says");
    }

    #[test]
    fn real_time_is_had_or_the_missing_permission_is_named() {
        // On a thread of its own: the others of this process stay as they are.
        let outcome = std::thread::spawn(real_time).join().expect("no panic");
        if let Err(error) = outcome {
            assert!(error.to_string().contains("LimitRTPRIO=50"), "{error}");
        }
    }
}
