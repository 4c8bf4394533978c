//! The one place that reads a clock. Everything else is told the time.

use std::time::Duration;

/// Milliseconds since 1970 UTC.
pub fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// A stopwatch on the monotonic clock, for waits and measurements.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(tokio::time::Instant);

impl Stopwatch {
    /// Starts it.
    pub fn start() -> Self {
        Self(tokio::time::Instant::now())
    }

    /// Time since its start.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}
