//! What the hub has not acknowledged: read in order, deleted on its word, or given up by a rule that is counted.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::MAX_ROWS;
use super::error::{Doing, TallyError};
use super::ledger::Ledger;
use super::record::{Correction, Named, OutboxKind, OutboxRow, Unsigned, drop_record};
use crate::clock::WallTime;

/// The message that has waited longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxAge {
    /// Its id.
    pub id: u64,
    /// When it was queued.
    pub created: WallTime,
}

/// How much may wait for a hub that does not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepLimits {
    /// Messages queued before this wall time are given up, with all before them; `None`: while the board does not
    /// know the time.
    pub oldest_ms: Option<i64>,
    /// So many of the newest are kept.
    pub messages: u64,
}

/// So many messages at most go out once more for one question of the hub.
pub const AGAIN_MAX: u64 = 500;
/// So many numbers at most are looked at for it: whoever waits for the ledger waits no longer than that takes.
const LOOKED_AT_MAX: u64 = 100_000;

/// How many messages were given up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GivenUp {
    /// Drops. They stay in the ledger, and in its totals.
    pub drops: u64,
    /// Corrections.
    pub corrections: u64,
}

/// Numbers that were voided, or whose message waits, are passed over.
const DROPS_AGAIN: &str = "
    INSERT INTO outbox (kind, seq, created_ms, created_synchronised)
    SELECT 'drop', d.seq, ?3, ?4 FROM drops AS d
    WHERE d.seq BETWEEN ?1 AND ?2 AND d.state = 'confirmed'
      AND NOT EXISTS (SELECT 1 FROM outbox AS o WHERE o.kind = 'drop' AND o.seq = d.seq)
    ORDER BY d.seq LIMIT ?5";
const CORRECTIONS_AGAIN: &str = "
    INSERT INTO outbox (kind, seq, correction, created_ms, created_synchronised)
    SELECT 'correction', c.seq, c.id, ?3, ?4 FROM corrections AS c
    WHERE c.id BETWEEN ?1 AND ?2
      AND NOT EXISTS (SELECT 1 FROM outbox AS o WHERE o.kind = 'correction' AND o.correction = c.id)
    ORDER BY c.id LIMIT ?5";

impl Ledger {
    /// The first `limit` messages (at most [`MAX_ROWS`]) after the id `after`, in order; 0 begins at the oldest.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn outbox_next(&self, after: u64, limit: usize) -> Result<Vec<OutboxRow>, TallyError> {
        self.outbox_rows(None, after, limit)
    }

    /// The same of one kind, by its identifier ([`OutboxKind::id`]).
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn outbox_next_of(&self, kind: &str, after: u64, limit: usize) -> Result<Vec<OutboxRow>, TallyError> {
        self.outbox_rows(Some(kind), after, limit)
    }

    fn outbox_rows(
        &self,
        only: Option<&str>,
        after: u64,
        limit: usize,
    ) -> Result<Vec<OutboxRow>, TallyError> {
        let sql = "SELECT o.id AS outbox_id, o.created_ms, o.created_synchronised, o.correction,
                          c.truth, c.withdrawn, c.wall_ms AS said_ms, c.synchronised AS said_synchronised, v.*
                   FROM outbox AS o JOIN drop_view AS v ON v.seq = o.seq
                   LEFT JOIN corrections AS c ON c.id = o.correction
                   WHERE o.id > ?1 AND (?3 IS NULL OR o.kind = ?3) ORDER BY o.id LIMIT ?2";
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let limit = i64::try_from(limit.min(MAX_ROWS)).unwrap_or(i64::MAX);
        let read = || {
            let mut query = self.connection.prepare_cached(sql)?;
            query
                .query_map(params![after, limit, only], |row| {
                    Ok(OutboxRow {
                        id: row.get::<_, Unsigned>("outbox_id")?.0,
                        kind: kind(row)?,
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

    /// Queues once more the confirmed drops and the corrections with these numbers (ranges with both their ends), those
    /// that do not wait already, in the order of the ranges and at most [`AGAIN_MAX`] out of the first
    /// hundred thousand numbers. Returns how many.
    ///
    /// # Errors
    /// When the file cannot be written; then none is queued.
    pub fn outbox_again(
        &mut self,
        drops: &[(u64, u64)],
        corrections: &[(u64, u64)],
        wall: WallTime,
    ) -> Result<u64, TallyError> {
        let doing = "queue what the hub asks for";
        let kinds = [
            (DROPS_AGAIN, drops, self.last_seq()?),
            (CORRECTIONS_AGAIN, corrections, self.newest_correction()?),
        ];
        let (queued, head) = self.write(doing, |write, path| {
            let again = || -> rusqlite::Result<_> {
                let (mut queued, mut left) = (0, LOOKED_AT_MAX);
                for (sql, ranges, newest) in kinds {
                    let mut queue = write.prepare(sql)?;
                    for (first, last) in ranges {
                        let last = (*last).min(newest).min(first.saturating_add(left).saturating_sub(1));
                        left -= (last + 1).saturating_sub(*first).min(left);
                        let limit = AGAIN_MAX.saturating_sub(queued);
                        let [first, last, limit] =
                            [*first, last, limit].map(|number| i64::try_from(number).unwrap_or(i64::MAX));
                        queued +=
                            queue.execute(params![first, last, wall.unix_ms, wall.synchronised, limit])?
                                as u64;
                    }
                }
                let head = write.query_row("SELECT coalesce(max(id), 0) FROM outbox", [], |row| {
                    row.get::<_, Unsigned>(0)
                })?;
                Ok((queued, head.0))
            };
            again().doing(path, doing)
        })?;
        if queued > 0 {
            self.outbox_head = head;
        }
        Ok(queued)
    }

    /// Gives up what is beyond the limits, oldest first, and counts it. Returns what it gave up now.
    ///
    /// A message whose own time no time service vouched for goes with a later one whose time is known.
    ///
    /// # Errors
    /// When the file cannot be read or written; then nothing is given up.
    pub fn outbox_give_up(&mut self, limits: KeepLimits, wall: WallTime) -> Result<GivenUp, TallyError> {
        let doing = "give up old messages";
        let Some(last) = beyond(&self.connection, limits).doing(&self.path, doing)? else {
            return Ok(GivenUp::default());
        };
        self.write(doing, |write, path| {
            let give_up = || -> rusqlite::Result<GivenUp> {
                let mut count = write.prepare("SELECT count(*) FROM outbox WHERE id <= ?1 AND kind = ?2")?;
                let mut of = |kind| count.query_row(params![last, kind], |row| row.get::<_, Unsigned>(0));
                let given_up = GivenUp { drops: of("drop")?.0, corrections: of("correction")?.0 };
                let sql = "INSERT INTO given_up (kind, count, last_ms)
                           SELECT kind, count(*), ?2 FROM outbox WHERE id <= ?1 GROUP BY kind
                           ON CONFLICT (kind) DO UPDATE SET count = count + excluded.count,
                                                            last_ms = excluded.last_ms";
                write.execute(sql, params![last, wall.unix_ms])?;
                write.execute("DELETE FROM outbox WHERE id <= ?1", [last])?;
                Ok(given_up)
            };
            give_up().doing(path, doing)
        })
    }

    /// How many messages of this ledger were ever given up.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn given_up(&self) -> Result<GivenUp, TallyError> {
        let read = |kind| {
            let sql = "SELECT coalesce(sum(count), 0) FROM given_up WHERE kind = ?1";
            self.connection.query_row(sql, [kind], |row| row.get::<_, Unsigned>(0)).map(|count| count.0)
        };
        let read = || -> rusqlite::Result<_> {
            Ok(GivenUp { drops: read("drop")?, corrections: read("correction")? })
        };
        read().doing(&self.path, "read what was given up")
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

fn kind(row: &Row<'_>) -> rusqlite::Result<OutboxKind> {
    let Some(number) = row.get::<_, Option<Unsigned>>("correction")? else { return Ok(OutboxKind::Drop) };
    Ok(OutboxKind::Correction(Correction {
        number: number.0,
        truth: row.get::<_, Named<_>>("truth")?.0,
        withdrawn: row.get("withdrawn")?,
        wall: WallTime { unix_ms: row.get("said_ms")?, synchronised: row.get("said_synchronised")? },
    }))
}

/// The newest message that is beyond the limits.
fn beyond(connection: &Connection, limits: KeepLimits) -> rusqlite::Result<Option<i64>> {
    let too_old = "SELECT max(id) FROM outbox WHERE created_synchronised AND created_ms < ?1";
    let too_old: Option<i64> = match limits.oldest_ms {
        Some(oldest_ms) => connection.query_row(too_old, [oldest_ms], |row| row.get(0))?,
        None => None,
    };
    let too_many = "SELECT id FROM outbox ORDER BY id DESC LIMIT 1 OFFSET ?1";
    let kept = i64::try_from(limits.messages).unwrap_or(i64::MAX);
    let too_many = connection.query_row(too_many, [kept], |row| row.get(0)).optional()?;
    Ok(too_old.max(too_many))
}

#[cfg(test)]
mod tests {
    use super::super::statistics::tests::ledger;
    use super::*;
    use crate::streams::Stream;

    const WALL: WallTime = WallTime { unix_ms: 9, synchronised: true };

    #[test]
    fn what_the_hub_misses_is_queued_once_more_and_only_what_there_is() {
        let (_folder, mut ledger) = ledger(&[("2026-03-01T00:00:00Z", Stream::Can, None); 9]);
        for seq in [2, 2, 5] {
            ledger.correct(seq, Stream::Glass, "kim", WALL).unwrap();
        }
        let queued = |ledger: &Ledger, kind: &str| -> Vec<u64> {
            let rows = ledger.outbox_next_of(kind, 0, 99).unwrap();
            rows.iter()
                .map(|row| match row.kind {
                    OutboxKind::Drop => row.record.seq,
                    OutboxKind::Correction(correction) => correction.number,
                })
                .collect()
        };
        let done: Vec<u64> = ledger.outbox_next(0, 99).unwrap().iter().skip(2).map(|row| row.id).collect();
        ledger.outbox_done(&done).unwrap();
        let (head, totals) = (ledger.outbox_head(), ledger.totals().unwrap());
        // Number 1 still waits; 10 to 20 do not exist; the same twice is one.
        assert_eq!(ledger.outbox_again(&[(8, 20), (1, 4), (3, 3)], &[(2, u64::MAX)], WALL).unwrap(), 6);
        assert_eq!(queued(&ledger, "drop"), [1, 2, 8, 9, 3, 4]);
        assert_eq!(queued(&ledger, "correction"), [2, 3]);
        assert!(ledger.outbox_head() > head, "nobody would notice");
        assert_eq!(ledger.totals().unwrap(), totals);
        assert_eq!(totals.corrections, 3);
        assert_eq!(ledger.outbox_again(&[(1, 9)], &[], WALL).unwrap(), 3);
        assert_eq!(ledger.outbox_again(&[(1, 9)], &[(2, 3)], WALL).unwrap(), 0);
        // A question that would have the whole ledger looked at again and again ends, and what is behind it waits.
        ledger
            .outbox_done(&ledger.outbox_next(0, 99).unwrap().iter().map(|row| row.id).collect::<Vec<_>>())
            .unwrap();
        let mut endless = vec![(1, 8); LOOKED_AT_MAX as usize / 8];
        endless.push((9, 9));
        assert_eq!(ledger.outbox_again(&endless, &[(1, 3)], WALL).unwrap(), 8);
        assert!(super::super::verify(ledger.path()).unwrap().sound());
    }

    #[test]
    fn what_is_given_up_is_counted_and_the_totals_stay() {
        let days = ["01", "01", "02", "02", "03", "03"].map(|day| format!("2026-03-{day}T00:00:00Z"));
        let drops = days.each_ref().map(|time| (time.as_str(), Stream::Can, None));
        let (_folder, mut ledger) = ledger(&drops);
        let unix_ms = |time: &str| time.parse::<jiff::Timestamp>().unwrap().as_millisecond();
        ledger.connection.execute_batch("UPDATE outbox SET created_synchronised = 0 WHERE id = 1").unwrap();
        let said = WallTime { unix_ms: unix_ms("2026-03-03T01:00:00Z"), synchronised: true };
        ledger.correct(1, Stream::Glass, "kim", said).unwrap();
        let totals = ledger.totals().unwrap();
        let limits = |oldest: Option<&str>, messages| KeepLimits { oldest_ms: oldest.map(unix_ms), messages };

        let nothing = ledger.outbox_give_up(limits(Some("2026-03-01T00:00:00Z"), 7), WALL).unwrap();
        assert_eq!((nothing, ledger.outbox_len().unwrap()), (GivenUp::default(), 7));
        // The first one's time is not known, but the second one's is.
        let old = ledger.outbox_give_up(limits(Some("2026-03-02T00:00:00Z"), 7), WALL).unwrap();
        assert_eq!((old, ledger.outbox_len().unwrap()), (GivenUp { drops: 2, corrections: 0 }, 5));
        let many = ledger.outbox_give_up(limits(None, 1), WALL).unwrap();
        assert!(ledger.outbox_next_of("drop", 0, 9).unwrap().is_empty());
        assert_eq!((many.drops, ledger.outbox_next(0, 9).unwrap()[0].kind.id()), (4, "correction"));
        let all = ledger.outbox_give_up(limits(None, 0), WALL).unwrap();
        assert_eq!((all.corrections, ledger.outbox_len().unwrap()), (1, 0));
        assert_eq!(ledger.given_up().unwrap(), GivenUp { drops: 6, corrections: 1 });
        assert_eq!(ledger.totals().unwrap(), totals);
        assert!(super::super::verify(ledger.path()).unwrap().sound());
    }
}
