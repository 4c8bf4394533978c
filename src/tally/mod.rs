//! What truly happened, on disk first: the ledger of one bin.
//!
//! ```text
//!               intend                       chamber seen empty: confirm
//!   verdict ───────────> intent (open) ──────────────────────────────────> confirmed ──> totals, outbox
//!                          │   ^                                                             │
//!                          │   └── found again after a crash or a power cut                  └─> hub
//!                          └──────────────────────────────> void ──> totals
//!                             it did not happen: void
//! ```
//!
//! The file is SQLite (`schema.sql` explains every table), write-ahead logged, synchronised to the disk before a
//! call returns. What a returned call has written survives the power going a moment later.
//!
//! * A drop gets the next number of the ledger's epoch when it is *intended*, before the flap may move. Numbers
//!   are never used twice and never skipped, so `last_seq` = confirmed + void + the open one.
//! * At most one intent is open: the chamber holds one item. A second one is refused, and so nothing moves.
//! * Closing a drop, counting it and queueing it for the hub are one transaction. Confirming again changes nothing.
//! * The time of a drop is what the board believed at the decision, with whether it was synchronised, the boot, the
//!   run and the monotonic moment. It never changes, so a repeated message is the same message.
//! * A full disk, a failing one or a foreign lock fails the call it meets and nothing else: the transaction is
//!   taken back, and the same call succeeds once the cause is gone ([`TallyError::is_transient`]).
//! * What the crew says an item truly was is a message of its own to the hub, queued as it is written.
//!
//! Never writes anywhere else instead: a drop that cannot be written must not happen. Never deletes or rewrites a
//! drop. Never lets two processes write (the lock is a file beside the ledger, freed by the kernel with its owner).
//! Never serialises a payload: that is the uplink's.

mod audit;
mod commands;
mod compartments;
mod corrections;
mod error;
mod events;
mod export;
mod ledger;
mod open;
mod outbox;
mod record;
mod statistics;
mod totals;
mod upgrade;
mod verify;
mod writer;

pub use audit::{AUDIT_ROWS_MOST, AuditEntry, AuditOutcome};
pub use commands::{Answered, Untold};
pub use compartments::{CompartmentBook, CompartmentEvent};
pub use corrections::{Confusion, confusion, corrections};
pub use error::TallyError;
pub use events::{Counters, counters};
pub use export::{CSV_COLUMNS, DEFAULT_ZONE, ExportFormat, export, export_beside};
pub use ledger::Ledger;
pub use open::in_use;
pub use outbox::{AGAIN_MAX, GivenUp, KeepLimits, OutboxAge};
pub use record::{
    BundleInfo, Closing, ConfirmedDrop, Correction, DropRecord, DropState, Intent, OpenIntent, OutboxKind,
    OutboxRow, RunInfo,
};
pub use statistics::{Search, Span, Statistics, search, statistics};
pub use totals::{Counts, Outcome, Totals, day_start_ms};
pub use verify::{Problem, Report, verify};
pub use writer::{TallyHandle, Writer};

/// The largest picture of the empty chamber that is kept, in bytes.
pub const MAX_CHAMBER_BYTES: usize = 4 << 20;

/// The most rows one call returns, whatever is asked for.
pub const MAX_ROWS: usize = 1_000;

/// The longest label or cause that is kept, in bytes.
pub const MAX_TEXT_BYTES: usize = 256;
