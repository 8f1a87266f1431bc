//! What RFC 9568 lets a backup do, as numbers to compare with.

use std::time::Duration;

/// The backup's timer: 3 × interval + skew, with skew = (256 − priority) × interval / 256
/// (RFC 9568 §6.1).
pub fn active_down(interval: Duration, priority: u8) -> Duration {
    interval * 3 + interval * (256 - u32::from(priority)) / 256
}

/// How long an outage must be whose first lost query was sent at `begin`, if the backup takes over
/// when its timer expires: it was set when the last advertisement came. Times count from 1970.
pub fn outage(last_advertisement: Duration, active_down: Duration, begin: Duration) -> Duration {
    (last_advertisement + active_down).saturating_sub(begin)
}
