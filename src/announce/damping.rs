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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAMPING: Damping = Damping {
        half_life: Duration::from_secs(60),
        suppress: 3000,
        reuse: 750,
        max: Duration::from_secs(300),
    };

    fn charged(times: u32, now: Instant) -> Penalty {
        let mut penalty = Penalty::new(DAMPING, now);
        (0..times).for_each(|_| penalty.charge(now));
        penalty
    }

    #[test]
    fn a_penalty_halves_with_every_half_life() {
        let now = Instant::now();
        let penalty = charged(1, now);
        for (seconds, value) in [(0, 1000), (30, 707), (60, 500), (90, 353), (120, 250), (600, 0)] {
            assert_eq!(penalty.value(now + Duration::from_secs(seconds)), value, "{seconds} s");
        }
        assert_eq!(penalty.value(now + Duration::from_secs(u64::from(u32::MAX))), 0);
    }

    #[test]
    fn it_holds_back_from_the_one_limit_to_the_other() {
        let now = Instant::now();
        assert_eq!(charged(2, now).reuse_at(now), None);
        let mut penalty = charged(3, now);
        // 3000 is twice halved to 750, and must be below.
        let due = now + Duration::from_secs(120);
        let reuse_at = penalty.reuse_at(now).expect("held back");
        assert!(reuse_at > due && reuse_at <= due + Duration::from_millis(1));
        assert_eq!(penalty.value(due), 750);
        assert_eq!(penalty.reuse_at(reuse_at), None);
        // While it is held back, one more holds it longer, though the sum is below the limit.
        penalty.charge(due);
        assert!(penalty.value(due) < DAMPING.suppress);
        assert!(penalty.reuse_at(due).expect("still") > reuse_at);
    }

    #[test]
    fn it_holds_nothing_back_for_longer_than_it_may() {
        let now = Instant::now();
        let penalty = charged(5000, now);
        assert_eq!(penalty.reuse_at(now), Some(now + DAMPING.max));
        let never = Damping { max: Duration::ZERO, ..DAMPING };
        let mut penalty = Penalty::new(never, now);
        (0..9).for_each(|_| penalty.charge(now));
        assert_eq!(penalty.reuse_at(now), None);
    }

    #[test]
    fn more_than_can_be_counted_is_the_most_that_can() {
        let now = Instant::now();
        let mut penalty = charged(1, now);
        penalty.value = u64::MAX;
        penalty.charge(now);
        assert_eq!(penalty.value(now), u32::MAX);
    }

    #[test]
    fn what_is_forgiven_is_gone() {
        let now = Instant::now();
        let mut penalty = charged(9, now);
        penalty.clear();
        assert_eq!((penalty.value(now), penalty.reuse_at(now)), (0, None));
    }

    #[test]
    fn new_numbers_shorten_a_wait_and_never_lengthen_it() {
        let now = Instant::now();
        let later = now + Duration::from_secs(60);
        let before = charged(4, now).reuse_at(now);
        for (damping, expected) in [
            (DAMPING, before),
            (Damping { reuse: 100, max: Duration::from_secs(900), ..DAMPING }, before),
            (
                Damping { max: Duration::from_secs(5), ..DAMPING },
                Some(later + Duration::from_secs(5)),
            ),
            (Damping { reuse: 2500, ..DAMPING }, None),
        ] {
            let mut penalty = charged(4, now);
            penalty.set(later, damping);
            assert_eq!(penalty.value(later), 2000, "what was charged stays");
            assert_eq!(penalty.reuse_at(later), expected, "{damping:?}");
        }
    }

    proptest! {
        #[test]
        fn it_decays_as_the_formula_says(
            start in 0_u32..100_000,
            time in 0_u64..1_000_000,
            half_life in 1_u64..600_000,
        ) {
            let time = Duration::from_millis(time);
            let half_life = Duration::from_millis(half_life);
            let found = decayed(u64::from(start) << FRACTION, time, half_life);
            let found = found as f64 / f64::from(1 << FRACTION);
            let expected =
                f64::from(start) * (-time.as_secs_f64() / half_life.as_secs_f64()).exp2();
            // The smallest step of the exponent is 2⁻²⁰.
            prop_assert!((found - expected).abs() <= f64::from(start) * 1e-6 + 1e-3);
        }

        #[test]
        fn waiting_never_adds_to_it(times in 1_u32..20, one in 0_u64..900_000, more in 0_u64..9000) {
            let now = Instant::now();
            let penalty = charged(times, now);
            let value = |ms| penalty.value(now + Duration::from_millis(ms));
            prop_assert!(value(one) >= value(one + more));
        }
    }
}
