//! What this room says and counts.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use super::error::TallyError;
use super::record::DropRecord;
use super::upgrade::SCHEMA_VERSION;

static CONFIRMED: AtomicU64 = AtomicU64::new(0);
static VOIDED: AtomicU64 = AtomicU64::new(0);
static FAILED: AtomicU64 = AtomicU64::new(0);

/// Counts of this run of the process. The ledger's own, which survive it, are [`super::Totals`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counters {
    /// Drops confirmed.
    pub confirmed: u64,
    /// Drops voided.
    pub voided: u64,
    /// Writes that failed.
    pub failed_writes: u64,
}

/// The counts of this run so far.
pub fn counters() -> Counters {
    Counters {
        confirmed: CONFIRMED.load(Ordering::Relaxed),
        voided: VOIDED.load(Ordering::Relaxed),
        failed_writes: FAILED.load(Ordering::Relaxed),
    }
}

/// The ledger is ready to be written.
pub(super) struct Opened<'a> {
    pub(super) path: &'a Path,
    pub(super) epoch: &'a str,
    pub(super) last_seq: u64,
    pub(super) outbox: u64,
    /// The file's format before: 0 for a new file.
    pub(super) upgraded_from: i64,
}

impl Opened<'_> {
    pub(super) fn emit(&self) {
        let Self { path, epoch, last_seq, outbox, upgraded_from } = self;
        let path = path.display();
        if *upgraded_from == 0 {
            tracing::info!(%path, epoch, "made a new ledger");
        } else {
            let upgraded_from = Some(upgraded_from).filter(|from| **from < SCHEMA_VERSION);
            tracing::info!(%path, epoch, last_seq, outbox, upgraded_from, "opened the ledger");
        }
    }
}

/// The run before this one did not say goodbye.
pub(super) struct RunLost<'a> {
    pub(super) run_id: &'a str,
    pub(super) open_intent: Option<u64>,
}

impl RunLost<'_> {
    pub(super) fn emit(&self) {
        let Self { run_id, open_intent } = self;
        tracing::warn!(
            run_id,
            open_intent,
            "the run before this one ended without saying so; the ledger is sound"
        );
    }
}

/// An item is gone from the chamber.
pub(super) struct Confirmed<'a>(pub(super) &'a DropRecord);

impl Confirmed<'_> {
    pub(super) fn emit(&self) {
        CONFIRMED.fetch_add(1, Ordering::Relaxed);
        let drop = self.0;
        let reason = drop.verdict.reason.map(|reason| reason.id());
        tracing::info!(
            seq = drop.seq,
            stream = drop.verdict.stream.id(),
            seen = drop.verdict.seen.id(),
            reason,
            returned = drop.returned(),
            "drop confirmed"
        );
    }
}

/// An intent came to nothing.
pub(super) struct Voided<'a> {
    pub(super) seq: u64,
    pub(super) cause: &'a str,
}

impl Voided<'_> {
    pub(super) fn emit(&self) {
        VOIDED.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(seq = self.seq, cause = self.cause, "drop void");
    }
}

/// Whether writing works: says so once when it stops and once when it works again.
#[derive(Debug, Default)]
pub(super) struct WriteHealth {
    failures: u64,
}

impl WriteHealth {
    /// Notes the outcome of a write. Refusals of a call are no failures of the disk.
    pub(super) fn note<T>(&mut self, outcome: &Result<T, TallyError>) {
        use TallyError::{AlreadyClosed, IntentOpen, InvalidIntent, UnknownDrop};
        match outcome {
            Err(IntentOpen { .. } | UnknownDrop { .. } | AlreadyClosed { .. } | InvalidIntent { .. }) => {}
            Err(error) => {
                FAILED.fetch_add(1, Ordering::Relaxed);
                if self.failures == 0 {
                    tracing::error!(%error, transient = error.is_transient(), "the ledger cannot be written");
                }
                self.failures = self.failures.saturating_add(1);
            }
            Ok(_) if self.failures > 0 => {
                tracing::warn!(failures = self.failures, "the ledger can be written again");
                self.failures = 0;
            }
            Ok(_) => {}
        }
    }
}
