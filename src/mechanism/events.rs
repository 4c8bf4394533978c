//! What this room tells the log.

use std::time::Duration;

use super::{MechanismError, Place};

/// A movement came to its end.
pub(super) struct Moved {
    pub(super) to: Place,
    pub(super) took: Duration,
}

impl Moved {
    pub(super) fn emit(&self) {
        tracing::debug!(to = ?self.to, took_ms = self.took.as_millis() as u64, "flap moved");
    }
}

/// A movement was halted and turned back.
pub(super) struct TurnedBack {
    pub(super) from: Place,
}

impl TurnedBack {
    pub(super) fn emit(&self) {
        tracing::warn!(from = ?self.from, "flap halted, turning back");
    }
}

/// The flap is out of order.
pub(super) struct Failed<'a> {
    pub(super) why: &'a str,
    pub(super) error: Option<&'a MechanismError>,
}

impl Failed<'_> {
    pub(super) fn emit(&self) {
        let error = self.error.map(ToString::to_string).unwrap_or_default();
        tracing::error!(why = self.why, error, "flap failed, drive released");
    }
}

/// A guard forbids movement, or does no longer.
pub(super) struct GuardChanged {
    pub(super) guard: &'static str,
    pub(super) active: bool,
}

impl GuardChanged {
    pub(super) fn emit(&self) {
        tracing::info!(guard = self.guard, active = self.active, "guard");
    }
}
