//! What the room reports: each event logs itself and counts itself. Nothing is logged per frame.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::{CaptureError, Description, Refusal};

static FRAMES: AtomicU64 = AtomicU64::new(0);
static REFUSED: AtomicU64 = AtomicU64::new(0);
static OVERWRITTEN: AtomicU64 = AtomicU64::new(0);
static OPENED: AtomicU64 = AtomicU64::new(0);
static LOST: AtomicU64 = AtomicU64::new(0);

/// Totals since the process started, for `/metrics`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Good frames handed over.
    pub frames: u64,
    /// Pictures refused.
    pub refused: u64,
    /// Good frames that were replaced before anybody read them.
    pub overwritten: u64,
    /// Times a source was opened.
    pub opened: u64,
    /// Times a source was lost or could not be opened, attempts in a row counted once.
    pub lost: u64,
}

/// The totals now.
pub fn counts() -> Counts {
    Counts {
        frames: FRAMES.load(Relaxed),
        refused: REFUSED.load(Relaxed),
        overwritten: OVERWRITTEN.load(Relaxed),
        opened: OPENED.load(Relaxed),
        lost: LOST.load(Relaxed),
    }
}

/// A good frame was handed over. Counted, never logged.
pub struct FramePublished {
    /// Whether it replaced one that nobody had read.
    pub overwrote: bool,
}

impl FramePublished {
    /// Counts it.
    pub fn emit(self) {
        FRAMES.fetch_add(1, Relaxed);
        OVERWRITTEN.fetch_add(u64::from(self.overwrote), Relaxed);
    }
}

/// A bad picture was refused.
pub struct PictureRefused<'a> {
    /// Why.
    pub why: &'a Refusal,
}

impl PictureRefused<'_> {
    /// Counts it; logs the first, second, fourth, eighth... so that a bad cable cannot fill the journal.
    pub fn emit(self) {
        let refused = REFUSED.fetch_add(1, Relaxed) + 1;
        if refused.is_power_of_two() {
            tracing::warn!(refused, why = %self.why, "picture refused");
        }
    }
}

/// A source was opened.
pub struct SourceOpened<'a> {
    /// What it is.
    pub description: &'a Description,
}

impl SourceOpened<'_> {
    /// Logs and counts it; says so when it gives something else than was asked for.
    pub fn emit(self) {
        OPENED.fetch_add(1, Relaxed);
        match self.description.requested {
            Some(requested) if self.description.differs() => {
                tracing::warn!(source = %self.description, %requested, "camera opened in its nearest mode");
            }
            _ => tracing::info!(source = %self.description, "camera opened"),
        }
    }
}

/// The source was lost or cannot be opened. Emitted once per loss, not per attempt.
pub struct SourceLost<'a> {
    /// Why.
    pub why: &'a CaptureError,
}

impl SourceLost<'_> {
    /// Logs and counts it.
    pub fn emit(self) {
        LOST.fetch_add(1, Relaxed);
        tracing::error!(why = %self.why, "no camera; trying again until it is back");
    }
}

/// Closing a camera made the V4L2 crates panic; the panic was contained.
pub struct CloseFailed<'a> {
    /// The device node.
    pub device: &'a str,
    /// The panic's message.
    pub why: &'a str,
}

impl CloseFailed<'_> {
    /// Logs it.
    pub fn emit(self) {
        tracing::warn!(device = self.device, why = self.why, "closing the camera failed");
    }
}

/// A control of the camera is not what the rig was calibrated with, so its pictures may drift.
pub struct ControlNotFixed<'a> {
    /// The device node.
    pub device: &'a str,
    /// The control.
    pub control: &'a str,
    /// What the driver said.
    pub why: &'a str,
}

impl ControlNotFixed<'_> {
    /// Logs it.
    pub fn emit(self) {
        tracing::warn!(
            device = self.device,
            control = self.control,
            why = self.why,
            "camera control not as calibrated; `v4l2-ctl -L` lists what the camera has"
        );
    }
}

/// A replay has come to its end.
pub struct ReplayEnded {
    /// Items whose last frame was played.
    pub items: u64,
}

impl ReplayEnded {
    /// Logs it.
    pub fn emit(self) {
        tracing::info!(items = self.items, "replay ended");
    }
}
