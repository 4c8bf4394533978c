//! What the page shows of the uplink.

use crate::clock::{Moment, WallTime};

/// The uplink's state at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Whether the broker knows that this bin is online.
    pub connected: bool,
    /// Since when `connected` is what it is.
    pub since: Moment,
    /// Messages the hub has not acknowledged.
    pub backlog: u64,
    /// When the oldest of them was put into the outbox.
    pub oldest_unsent: Option<WallTime>,
    /// The last failure since the last success, one line.
    pub last_error: Option<String>,
    /// The same, when somebody must change something for it to end.
    pub refused: Option<String>,
    /// Whether the broker takes the bin in but nobody is subscribed to its drops.
    pub nobody_listens: bool,
    /// Messages that came back because of that, since this run began.
    pub unheard: u64,
    /// Drops acknowledged since this run began.
    pub published: u64,
}

impl Status {
    pub(super) fn forget_errors(&mut self) {
        self.last_error = None;
        self.refused = None;
        self.nobody_listens = false;
    }
}
