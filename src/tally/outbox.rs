//! What the hub has not acknowledged: read in order, deleted on its word.

use rusqlite::{OptionalExtension, params};

use super::MAX_ROWS;
use super::error::{Doing, TallyError};
use super::ledger::Ledger;
use super::record::{OutboxKind, OutboxRow, Unsigned, drop_record};
use crate::clock::WallTime;

/// The message that has waited longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxAge {
    /// Its id.
    pub id: u64,
    /// When it was queued.
    pub created: WallTime,
}

impl Ledger {
    /// The first `limit` messages (at most [`MAX_ROWS`]) after the id `after`, in order; 0 begins at the oldest.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn outbox_next(&self, after: u64, limit: usize) -> Result<Vec<OutboxRow>, TallyError> {
        let sql = "SELECT o.id AS outbox_id, o.created_ms, o.created_synchronised, v.*
                   FROM outbox AS o JOIN drop_view AS v ON v.seq = o.seq
                   WHERE o.id > ?1 ORDER BY o.id LIMIT ?2";
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let limit = i64::try_from(limit.min(MAX_ROWS)).unwrap_or(i64::MAX);
        let read = || {
            let mut query = self.connection.prepare_cached(sql)?;
            query
                .query_map([after, limit], |row| {
                    Ok(OutboxRow {
                        id: row.get::<_, Unsigned>("outbox_id")?.0,
                        kind: OutboxKind::Drop, // the only one its CHECK allows
                        created: WallTime {
                            unix_ms: row.get("created_ms")?,
                            synchronised: row.get("created_synchronised")?,
                        },
                        record: drop_record(row)?,
                    })
                })?
                .collect::<rusqlite::Result<Vec<_>>>()
        };
        read().doing(&self.path, "read the outbox")
    }

    /// Deletes acknowledged messages; ids that are not there (any more) are no error. Returns how many it deleted.
    ///
    /// # Errors
    /// When the file cannot be written; then all of them stay, and are sent again.
    pub fn outbox_done(&mut self, ids: &[u64]) -> Result<usize, TallyError> {
        let doing = "delete acknowledged messages";
        if ids.is_empty() {
            return Ok(0);
        }
        self.write(doing, |write, path| {
            let mut delete = write.prepare_cached("DELETE FROM outbox WHERE id = ?1").doing(path, doing)?;
            let mut deleted = 0;
            for id in ids {
                deleted += delete.execute(params![i64::try_from(*id).unwrap_or(-1)]).doing(path, doing)?;
            }
            Ok(deleted)
        })
    }

    /// How many messages wait.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn outbox_len(&self) -> Result<u64, TallyError> {
        self.connection
            .query_row("SELECT count(*) FROM outbox", [], |row| row.get::<_, Unsigned>(0))
            .map(|count| count.0)
            .doing(&self.path, "count the outbox")
    }

    /// The message that has waited longest.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn outbox_oldest(&self) -> Result<Option<OutboxAge>, TallyError> {
        let sql = "SELECT id, created_ms, created_synchronised FROM outbox ORDER BY id LIMIT 1";
        self.connection
            .query_row(sql, [], |row| {
                let created = WallTime { unix_ms: row.get(1)?, synchronised: row.get(2)? };
                Ok(OutboxAge { id: row.get::<_, Unsigned>(0)?.0, created })
            })
            .optional()
            .doing(&self.path, "read the outbox")
    }

    /// The newest id ever queued that this run knows of, 0 if none: it changes when there is something to send.
    pub fn outbox_head(&self) -> u64 {
        self.outbox_head
    }
}
