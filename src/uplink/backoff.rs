//! How long to wait before the next attempt: exponential, with jitter. Pure: randomness comes in as a number.
//!
//! A street of bins loses its broker at one moment; without jitter it would also return in one moment.

use std::time::Duration;

/// The growing wait between attempts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Backoff {
    min: Duration,
    max: Duration,
    failures: u32,
}

impl Backoff {
    /// Waits that start around `min` and end around `max`. A `max` below `min` counts as `min`.
    pub(super) fn new(min: Duration, max: Duration) -> Self {
        Self { min, max: max.max(min), failures: 0 }
    }

    /// The wait after one more failure.
    ///
    /// The upper bound doubles with each failure until `max`; `unit` (0 to 1, clamped; random) picks a place in
    /// its upper half, so that a wait is never near zero and never above `max`.
    pub(super) fn next(&mut self, unit: f64) -> Duration {
        let bound = self.bound();
        self.failures = self.failures.saturating_add(1);
        let unit = if unit.is_nan() { 1.0 } else { unit.clamp(0.0, 1.0) };
        let half = bound / 2;
        half.saturating_add(half.mul_f64(unit)).min(self.max)
    }

    /// The next failure is a first one again.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// How many failures came since the last success.
    #[cfg(test)]
    const fn failures(&self) -> u32 {
        self.failures
    }

    fn bound(&self) -> Duration {
        let factor = 1_u32.checked_shl(self.failures).unwrap_or(u32::MAX);
        self.min.saturating_mul(factor).min(self.max)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn waits_grow_within_their_bounds(
            min_ms in 1_u64..5_000,
            max_ms in 1_u64..600_000,
            units in proptest::collection::vec(0.0_f64..=1.0, 1..80),
        ) {
            let (min, max) = (Duration::from_millis(min_ms), Duration::from_millis(max_ms.max(min_ms)));
            let mut backoff = Backoff::new(min, Duration::from_millis(max_ms));
            for (failure, unit) in units.into_iter().enumerate() {
                let upper = Duration::from_millis(min_ms.saturating_mul(1 << failure.min(40))).min(max);
                let wait = backoff.next(unit);
                prop_assert!(wait <= upper, "{wait:?} above {upper:?} after {failure} failures");
                prop_assert!(wait * 2 + Duration::from_micros(1) >= upper, "{wait:?} below half of {upper:?}");
            }
        }

        #[test]
        fn a_reset_starts_over(failures in 1_u32..200, unit in 0.0_f64..=1.0) {
            let fresh = Backoff::new(Duration::from_millis(500), Duration::from_secs(60));
            let mut used = fresh.clone();
            for _ in 0..failures {
                used.next(unit);
            }
            prop_assert_eq!(used.failures(), failures);
            used.reset();
            prop_assert_eq!(used, fresh);
        }
    }

    #[test]
    fn a_bad_random_number_does_no_harm() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(10));
        for unit in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 2.0] {
            let wait = backoff.next(unit);
            assert!(wait >= Duration::from_millis(50) && wait <= Duration::from_millis(100), "{wait:?}");
        }
    }
}
