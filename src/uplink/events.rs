//! What the uplink reports. Nothing is logged per drop; a broker that keeps refusing is reported once a minute.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::error::Error;
use crate::clock::Moment;
use crate::tally::{Answered, GivenUp};

/// The same trouble is said again only after this time: a refusal, because somebody should act on it...
const REFUSED_AGAIN: Duration = Duration::from_secs(60);
/// ...and an outage, which nobody at the bin can do anything about.
const OUTAGE_AGAIN: Duration = Duration::from_secs(600);
/// Different troubles may take turns; this many are remembered.
const TROUBLES_MAX: usize = 8;

/// Connections made since the process started.
pub static CONNECTIONS: AtomicU64 = AtomicU64::new(0);
/// Attempts and connections that failed since the process started.
pub static FAILURES: AtomicU64 = AtomicU64::new(0);
/// Drops acknowledged by the broker since the process started.
pub static PUBLISHED: AtomicU64 = AtomicU64::new(0);

/// The broker accepted the connection and knows that the bin is online.
pub(super) struct Connected<'a> {
    pub(super) broker: &'a str,
    pub(super) backlog: u64,
}

impl Connected<'_> {
    pub(super) fn emit(&self) {
        CONNECTIONS.fetch_add(1, Ordering::Relaxed);
        tracing::info!(broker = self.broker, backlog = self.backlog, "uplink connected");
    }
}

/// Drops left the outbox on their acknowledgement.
pub(super) struct Delivered {
    pub(super) drops: u64,
}

impl Delivered {
    pub(super) fn emit(&self) {
        PUBLISHED.fetch_add(self.drops, Ordering::Relaxed);
        tracing::debug!(drops = self.drops, "drops acknowledged by the hub's broker");
    }
}

/// The broker threw messages away because nobody is subscribed; they stay in the outbox. Said once until it ends.
pub(super) struct NobodyListens<'a> {
    pub(super) error: &'a Error,
    pub(super) retry_in: Duration,
}

impl NobodyListens<'_> {
    pub(super) fn emit(&self) {
        tracing::warn!(retry_in = ?self.retry_in, "{}", self.error);
    }
}

/// Messages had waited too long or were too many.
pub(super) struct GaveUp(pub(super) GivenUp);

impl GaveUp {
    pub(super) fn emit(&self) {
        let GivenUp { drops, corrections } = self.0;
        tracing::error!(
            drops,
            corrections,
            "old messages given up: the hub will miss them, the totals will not"
        );
    }
}

/// Somebody is subscribed again.
pub(super) struct SomebodyListens;

impl SomebodyListens {
    pub(super) fn emit(&self) {
        tracing::info!("somebody is subscribed to the drops again");
    }
}

/// An attempt or a connection failed; drops wait in the outbox.
pub(super) struct Failed<'a> {
    pub(super) error: &'a Error,
    pub(super) retry_in: Duration,
    /// Whether the same was said within the last minute: then it is only counted.
    pub(super) repeated: bool,
}

impl Failed<'_> {
    pub(super) fn emit(&self) {
        FAILURES.fetch_add(1, Ordering::Relaxed);
        let (error, retry_in) = (self.error, self.retry_in);
        match (self.repeated, error.is_transient()) {
            (true, _) => tracing::debug!(?retry_in, "uplink still failing: {error}"),
            (false, true) => tracing::warn!(?retry_in, "uplink failed, drops wait in the outbox: {error}"),
            (false, false) => tracing::error!(?retry_in, "uplink refused, drops wait in the outbox: {error}"),
        }
    }
}

/// What was said and when, so that it is not said all the time.
#[derive(Debug, Default)]
pub(super) struct Said(Vec<(String, Moment)>);

impl Said {
    /// Whether this was said so lately that it need not be said now.
    pub(super) fn is_repeated(&mut self, text: &str, transient: bool, now: Moment) -> bool {
        let again = if transient { OUTAGE_AGAIN } else { REFUSED_AGAIN };
        if self.0.iter().any(|(said, at)| said == text && now.since(*at) < again) {
            return true;
        }
        self.0.retain(|(said, _)| said != text);
        if self.0.len() == TROUBLES_MAX {
            self.0.remove(0);
        }
        self.0.push((text.to_owned(), now));
        false
    }
}

/// The hub misses messages and asked for them again.
pub(super) struct AskedAgain {
    pub(super) queued: u64,
}

impl AskedAgain {
    pub(super) fn emit(&self) {
        tracing::info!(queued = self.queued, "the hub misses messages: they are sent once more");
    }
}

/// The hub asked for something that takes a while, and it has begun.
pub(super) struct Accepted<'a> {
    pub(super) name: &'static str,
    pub(super) id: &'a str,
}

impl Accepted<'_> {
    pub(super) fn emit(&self) {
        tracing::info!(name = self.name, id = self.id, "the hub asked for something: begun");
    }
}

/// The hub asked for something, and it has come to an end.
pub(super) struct Commanded<'a> {
    pub(super) name: &'static str,
    pub(super) id: &'a str,
    pub(super) answered: &'a Answered,
}

impl Commanded<'_> {
    pub(super) fn emit(&self) {
        let Answered { outcome, why, .. } = self.answered;
        tracing::info!(
            name = self.name,
            id = self.id,
            outcome = outcome.id(),
            "the hub asked for something: {why}"
        );
    }
}

/// The broker does not let this bin hear the hub; everything else goes on.
pub(super) struct Deaf<'a>(pub(super) &'a Error);

impl Deaf<'_> {
    pub(super) fn emit(&self) {
        tracing::error!("questions or commands of the hub are not heard: {}", self.0);
    }
}

/// The uplink stopped in order.
pub(super) struct Stopped {
    /// Whether the broker acknowledged the goodbye in time.
    pub(super) said_goodbye: bool,
}

impl Stopped {
    pub(super) fn emit(&self) {
        tracing::info!(said_goodbye = self.said_goodbye, "uplink stopped");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_said_once_a_minute_even_when_troubles_take_turns() {
        let mut said = Said::default();
        let mut refusals = Vec::new();
        for second in 0..=125 {
            let now = Moment::from_millis(second * 1000);
            if !said.is_repeated("refused", false, now) {
                refusals.push(second);
            }
            assert_eq!(said.is_repeated("away", true, now), second > 0, "at {second} s");
        }
        assert_eq!(refusals, [0, 60, 120]);
    }

    #[test]
    fn the_memory_of_what_was_said_is_bounded() {
        let mut said = Said::default();
        for number in 0..1000 {
            assert!(!said.is_repeated(&number.to_string(), true, Moment::default()));
        }
        assert!(said.0.len() <= TROUBLES_MAX);
        assert!(said.is_repeated("999", true, Moment::default()));
    }
}
