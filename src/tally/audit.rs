//! What the crew asked for, and what came of it.
//!
//! Never a secret in it: whoever asks names values that may be read by everybody who may look at the bin. Never more
//! than [`AUDIT_ROWS_MOST`] rows, so that nobody can fill the disk by asking.

use rusqlite::{Row, params};

use super::MAX_ROWS;
use super::error::{Doing, TallyError};
use super::ledger::Ledger;
use super::record::nanos;
use crate::clock::{Moment, WallTime};

/// Rows that are kept, the newest: years of a crew, a day of somebody's malice.
pub const AUDIT_ROWS_MOST: i64 = 50_000;

/// What came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditOutcome {
    /// It was done.
    Done,
    /// It may not be, or not now.
    Refused,
    /// It was tried, and failed.
    Failed,
}

impl AuditOutcome {
    /// The identifier used in the file.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }

    pub(super) fn from_id(id: &str) -> Self {
        match id {
            "done" => Self::Done,
            "refused" => Self::Refused,
            _ => Self::Failed,
        }
    }
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// The login's name, or the name that was tried; kept to 64 characters, as `address` and `what`.
    pub who: String,
    /// Where it came from; empty for the terminal.
    pub address: String,
    /// What was asked for, as an identifier.
    pub what: String,
    /// With which values; kept to 1024 characters, as `why`.
    pub detail: String,
    /// What came of it.
    pub outcome: AuditOutcome,
    /// Why not; empty when it was done.
    pub why: String,
    /// When.
    pub wall: WallTime,
}

impl Ledger {
    /// Writes one request down.
    ///
    /// # Errors
    /// What the file met; nothing is written then.
    pub fn audit(&mut self, entry: &AuditEntry, now: Moment) -> Result<(), TallyError> {
        let run = self.run;
        self.write("write the audit log", |write, path| {
            let sql = "INSERT INTO audit (run, wall_ms, synchronised, moment_ns, who, address, what, detail,
                                          outcome, why)
                       VALUES (?1, ?2, ?3, ?4, substr(?5, 1, 64), substr(?6, 1, 64), substr(?7, 1, 64),
                               substr(?8, 1, 1024), ?9, substr(?10, 1, 1024))";
            let AuditEntry { who, address, what, detail, outcome, why, wall } = entry;
            let (unix_ms, synchronised, moment) = (wall.unix_ms, wall.synchronised, nanos(now));
            let row =
                params![run, unix_ms, synchronised, moment, who, address, what, detail, outcome.id(), why];
            write.execute(sql, row).doing(path, "write the audit log")?;
            let sql = "DELETE FROM audit WHERE id <= (SELECT max(id) FROM audit) - ?1";
            write.execute(sql, [AUDIT_ROWS_MOST]).map(|_| ()).doing(path, "shorten the audit log")
        })
    }

    /// The newest `limit` requests (at most [`MAX_ROWS`]), newest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn audit_recent(&self, limit: usize) -> Result<Vec<AuditEntry>, TallyError> {
        let limit = i64::try_from(limit.min(MAX_ROWS)).unwrap_or(i64::MAX);
        let read = || {
            let mut query =
                self.connection.prepare_cached("SELECT * FROM audit ORDER BY id DESC LIMIT ?1")?;
            query.query_map([limit], entry)?.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().doing(&self.path, "read the audit log")
    }
}

fn entry(row: &Row<'_>) -> rusqlite::Result<AuditEntry> {
    Ok(AuditEntry {
        who: row.get("who")?,
        address: row.get("address")?,
        what: row.get("what")?,
        detail: row.get("detail")?,
        outcome: AuditOutcome::from_id(&row.get::<_, String>("outcome")?),
        why: row.get("why")?,
        wall: WallTime { unix_ms: row.get("wall_ms")?, synchronised: row.get("synchronised")? },
    })
}
