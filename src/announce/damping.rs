//! The penalty for flapping (after RFC 2439, for our own routes); pure.
//!
//! Every withdrawal adds [`CHARGE`]; the sum halves with every half-life. At `suppress` it begins
//! to hold announcements back, below `reuse` it no longer does, and never for longer than `max`
//! after the last withdrawal. The arithmetic is that of integers: what is asked twice is answered
//! the same twice, and asking changes nothing.

use std::time::{Duration, Instant};

use super::Damping;

/// What one withdrawal costs.
pub const CHARGE: u32 = 1000;

/// Bits of a penalty behind the point.
const FRACTION: u32 = 20;

/// Two to the power of −1/2, −1/4, −1/8, … with 63 bits behind the point. Their products are the
/// powers between 1 and 1/2, in steps that no operator can see.
const ROOTS: [u64; 20] = roots();

const fn roots() -> [u64; 20] {
    let mut roots = [0; 20];
    let mut power: u128 = 1 << 62;
    let mut at = 0;
    while at < roots.len() {
        power = (power << 63).isqrt();
        roots[at] = power as u64;
        at += 1;
    }
    roots
}

/// The penalty of one announcement.
#[derive(Clone, Copy, Debug)]
pub struct Penalty {
    damping: Damping,
    /// As it was at `since`, with [`FRACTION`] bits behind the point.
    value: u64,
    since: Instant,
    /// Announcements are held back until then, if that is still to come.
    reuse_at: Option<Instant>,
}

impl Penalty {
    /// None so far.
    #[must_use]
    pub fn new(damping: Damping, now: Instant) -> Self {
        Self { damping, value: 0, since: now, reuse_at: None }
    }

    /// The penalty now, rounded down.
    #[must_use]
    pub fn value(&self, now: Instant) -> u32 {
        u32::try_from(self.exact(now) >> FRACTION).unwrap_or(u32::MAX)
    }

    /// When announcements are held back no longer; absent when they are not.
    #[must_use]
    pub fn reuse_at(&self, now: Instant) -> Option<Instant> {
        self.reuse_at.filter(|&at| at > now)
    }

    /// A route was withdrawn.
    pub fn charge(&mut self, now: Instant) {
        self.value = self.exact(now).saturating_add(u64::from(CHARGE) << FRACTION);
        self.since = now;
        if self.reuse_at(now).is_some()
            || self.value >= u64::from(self.damping.suppress) << FRACTION
        {
            self.reuse_at = Some(now + self.time_to_reuse().min(self.damping.max));
        }
    }

    /// Other numbers from now on; what was charged stays. An announcement that is held back is so
    /// for no longer than they allow.
    pub fn set(&mut self, now: Instant, damping: Damping) {
        if damping == self.damping {
            return;
        }
        self.value = self.exact(now);
        self.since = now;
        self.damping = damping;
        let least = now + self.time_to_reuse().min(damping.max);
        self.reuse_at = self.reuse_at(now).map(|at| at.min(least));
    }

    /// All is forgiven.
    pub fn clear(&mut self) {
        self.value = 0;
        self.reuse_at = None;
    }

    fn exact(&self, now: Instant) -> u64 {
        decayed(self.value, now.saturating_duration_since(self.since), self.damping.half_life)
    }

    /// How long after `since` the penalty is first below `reuse`, in whole milliseconds; at most
    /// `max` and a little.
    fn time_to_reuse(&self) -> Duration {
        let reuse = u64::from(self.damping.reuse) << FRACTION;
        let still = |ms: u64| {
            decayed(self.value, Duration::from_millis(ms), self.damping.half_life) >= reuse
        };
        // The penalty never grows by waiting, so the first moment is found by halving.
        let (mut from, mut to) = (0, self.damping.max.as_millis() as u64 + 1);
        while from < to {
            let middle = from + (to - from) / 2;
            match still(middle) {
                true => from = middle + 1,
                false => to = middle,
            }
        }
        Duration::from_millis(from)
    }
}

/// `value` × 2^(−`time` / `half_life`).
fn decayed(value: u64, time: Duration, half_life: Duration) -> u64 {
    let (time, half_life) = (time.as_nanos(), half_life.as_nanos().max(1));
    let Ok(halvings) = u32::try_from(time / half_life) else { return 0 };
    let mut value = value.checked_shr(halvings).unwrap_or(0);
    let mut rest = time % half_life;
    for root in ROOTS {
        rest *= 2;
        if rest >= half_life {
            rest -= half_life;
            value = ((u128::from(value) * u128::from(root)) >> 63) as u64;
        }
    }
    value
}
