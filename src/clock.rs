//! Time, and who is telling it: monotonic moments for every duration, wall time only for records.
//!
//! Boards have no clock battery, so wall time may jump by years when the network appears. Nothing in
//! this program measures a duration with it. Each record keeps whether the wall clock was synchronised,
//! the boot it belongs to and the monotonic moment, so that times can be repaired later.

mod kernel;

use std::fmt;
use std::ops::Add;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A monotonic instant: nanoseconds since boot, suspend included (`CLOCK_BOOTTIME`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(u64);

impl Moment {
    /// The moment that many nanoseconds after boot.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// The moment that many milliseconds after boot.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// Nanoseconds since boot.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Whole milliseconds since boot.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// Time passed since `earlier`; zero if `earlier` is not earlier.
    pub const fn since(self, earlier: Moment) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Moment {
    type Output = Moment;

    fn add(self, rhs: Duration) -> Moment {
        Moment(self.0.saturating_add(u64::try_from(rhs.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03} s", self.0 / 1_000_000_000, self.as_millis() % 1000)
    }
}

/// A wall-clock time for a record, and whether the system clock was synchronised when it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WallTime {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub unix_ms: i64,
    /// Whether a time service had synchronised the clock.
    pub synchronised: bool,
}

/// The only source of time. A step never holds one: its shell passes `now` in.
pub trait Clock: Send + Sync {
    /// The current monotonic moment.
    fn now(&self) -> Moment;
    /// The current wall time.
    fn wall(&self) -> WallTime;
    /// Returns once `now() >= until`.
    fn sleep_until(&self, until: Moment);
}

/// The machine's own clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

/// Written by systemd-timesyncd at its first synchronisation after boot (systemd-timesyncd.service(8)).
const TIMESYNC_STAMP: &str = "/run/systemd/timesync/synchronized";

impl Clock for SystemClock {
    fn now(&self) -> Moment {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        let nanos = u64::try_from(time.tv_nsec).unwrap_or(0);
        Moment(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
    }

    fn wall(&self) -> WallTime {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
        WallTime {
            unix_ms: time.tv_sec.saturating_mul(1000).saturating_add(time.tv_nsec / 1_000_000),
            // The stamp outlasts an outage of the network, the kernel's word knows every service.
            synchronised: Path::new(TIMESYNC_STAMP).exists() || kernel::is_kept(),
        }
    }

    fn sleep_until(&self, until: Moment) {
        let wait = until.since(self.now());
        if !wait.is_zero() {
            #[allow(clippy::disallowed_methods, reason = "the one place that may sleep")]
            std::thread::sleep(wait);
        }
    }
}

/// The moment of a stamp the kernel took with `CLOCK_MONOTONIC` (edges of GPIO lines): that clock stands still during
/// suspend, [`Moment`] does not.
pub fn from_kernel_stamp(monotonic_ns: u64) -> Moment {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let monotonic =
        seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(time.tv_nsec).unwrap_or(0));
    let ago = monotonic.saturating_sub(monotonic_ns);
    Moment(SystemClock.now().0.saturating_sub(ago))
}

/// Simulated time: stands still until somebody moves it. Sleeping moves it.
#[derive(Debug)]
pub struct SimClock {
    nanos: AtomicU64,
    wall_start_ms: i64,
}

impl SimClock {
    /// A clock at moment zero whose wall time starts at `wall_start_ms` (Unix milliseconds).
    pub const fn new(wall_start_ms: i64) -> Self {
        Self { nanos: AtomicU64::new(0), wall_start_ms }
    }

    /// Moves time on by `step`.
    pub fn advance(&self, step: Duration) {
        self.nanos.fetch_add(u64::try_from(step.as_nanos()).unwrap_or(u64::MAX), Ordering::SeqCst);
    }
}

impl Clock for SimClock {
    fn now(&self) -> Moment {
        Moment(self.nanos.load(Ordering::SeqCst))
    }

    fn wall(&self) -> WallTime {
        let passed = i64::try_from(self.now().as_millis()).unwrap_or(i64::MAX);
        WallTime { unix_ms: self.wall_start_ms.saturating_add(passed), synchronised: true }
    }

    fn sleep_until(&self, until: Moment) {
        self.nanos.fetch_max(until.0, Ordering::SeqCst);
    }
}

/// Who is writing: one boot of the board, one run of the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The kernel's identifier of this boot.
    pub boot_id: String,
    /// A fresh identifier for this run of the process.
    pub run_id: String,
}

impl Identity {
    /// Reads the boot identifier and draws a run identifier from the kernel.
    ///
    /// # Errors
    /// When procfs cannot be read.
    pub fn read() -> std::io::Result<Self> {
        Ok(Self { boot_id: kernel_random("boot_id")?, run_id: fresh_id()? })
    }
}

/// A random identifier nobody else has (a version 4 UUID drawn by the kernel).
///
/// # Errors
/// When procfs cannot be read.
pub fn fresh_id() -> std::io::Result<String> {
    kernel_random("uuid")
}

fn kernel_random(name: &str) -> std::io::Result<String> {
    Ok(std::fs::read_to_string(Path::new("/proc/sys/kernel/random").join(name))?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_never_go_negative() {
        let early = Moment::from_millis(5);
        let late = early + Duration::from_millis(7);
        assert_eq!(late.since(early), Duration::from_millis(7));
        assert_eq!(early.since(late), Duration::ZERO);
    }

    #[test]
    fn simulated_time_moves_only_when_told() {
        let clock = SimClock::new(1_000);
        assert_eq!(clock.now(), clock.now());
        clock.sleep_until(Moment::from_millis(40));
        clock.sleep_until(Moment::from_millis(10));
        assert_eq!(clock.now(), Moment::from_millis(40));
        assert_eq!(clock.wall().unix_ms, 1_040);
    }

    #[test]
    fn a_kernel_stamp_is_the_same_moment_on_our_clock() {
        let before = SystemClock.now();
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let nanos =
            u64::try_from(time.tv_sec).unwrap() * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap();
        let stamped = from_kernel_stamp(nanos);
        let after = SystemClock.now();
        // The two clocks cannot be read at once, so the answer may be late by as much as lies between the reads.
        assert!(before <= stamped && stamped <= after, "{before} {stamped} {after}");
    }

    #[test]
    fn the_system_clock_runs_and_identities_differ() {
        let before = SystemClock.now();
        SystemClock.sleep_until(before + Duration::from_millis(2));
        assert!(SystemClock.now() >= before + Duration::from_millis(2));
        let (a, b) = (Identity::read().unwrap(), Identity::read().unwrap());
        assert_eq!(a.boot_id, b.boot_id);
        assert_ne!(a.run_id, b.run_id);
    }
}
