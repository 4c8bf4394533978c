//! What is reported and not held, to be asked for again: a bin keeps every drop in its ledger for ever.
//!
//! ```text
//!   reports - totals > 0, and the bin is connected and quiet ──> claim (one copy of the hub asks) ──> numbers
//! ```
//!
//! Which of the numbers that are not held were voided only the bin knows, so all of them are named: a page at a time, the
//! newest first, and from the top again as soon as something has come.

use std::time::Duration;

use sqlx::{AnyConnection, Row as _};

use super::Store;
use super::error::{Doing as _, StoreError};
use crate::wire::{Again, BinName};

/// Ranges in one question, of drops and of corrections each.
const RANGES_MAX: i64 = 500;

/// One ledger that owes something.
struct Owing {
    epoch_id: i64,
    bin: BinName,
    epoch: String,
    last_seq: i64,
    drops: i64,
    corrections: i64,
    last_correction: i64,
}

impl Store {
    /// What to ask which bins for, now. Each ledger is asked at most once in `after`, whatever the number of hubs, and
    /// only when its bin has been connected and quiet for so long: until then the rest may be on its way.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read or written.
    pub async fn to_ask(&self, now_ms: i64, after: Duration) -> Result<Vec<(BinName, Again)>, StoreError> {
        let before_ms = now_ms - i64::try_from(after.as_millis()).unwrap_or(i64::MAX);
        let mut connection = self.pool.acquire().await.doing("getting a connection to the database")?;
        let mut asks = Vec::new();
        for owing in owing(&mut connection, before_ms).await? {
            let Some(below) = claim(&mut connection, &owing, now_ms, before_ms).await? else { continue };
            let drops = match owing.drops {
                1.. => drops(&mut connection, &owing, below).await?,
                _ => Vec::new(),
            };
            let corrections = match owing.corrections {
                1.. => corrections(&mut connection, &owing).await?,
                _ => Vec::new(),
            };
            asks.push((owing.bin, Again { epoch: owing.epoch, drops, corrections }));
        }
        Ok(asks)
    }
}

/// Ledgers with something missing whose bins are there and have said nothing since `before_ms`. Of a bin with several
/// only the newest: it has no other any more.
async fn owing(connection: &mut AnyConnection, before_ms: i64) -> Result<Vec<Owing>, StoreError> {
    let doing = "looking for what is missing";
    let sql = "SELECT * FROM ( \
                 SELECT epochs.id, bins.district, bins.bin, epochs.epoch, reports.last_seq, \
                        reports.total + reports.returned - reports.given_up - CAST(COALESCE( \
                          (SELECT SUM(items) FROM totals WHERE totals.epoch_id = epochs.id), 0) AS BIGINT) AS drops, \
                        reports.corrections - (SELECT COUNT(*) FROM corrections \
                          WHERE corrections.epoch_id = epochs.id) AS corrections, \
                        reports.corrections AS last_correction \
                 FROM reports JOIN epochs ON epochs.id = reports.epoch_id JOIN bins ON bins.id = epochs.bin_id \
                      JOIN presence ON presence.bin_id = bins.id \
                 WHERE presence.state = 'online' AND presence.counted_ms <= $1 AND reports.received_ms <= $1 \
                   AND NOT EXISTS (SELECT 1 FROM epochs AS later \
                                   WHERE later.bin_id = epochs.bin_id AND later.id > epochs.id) \
               ) AS ledgers WHERE drops > 0 OR corrections > 0 ORDER BY id";
    let rows = sqlx::query(sql).bind(before_ms).fetch_all(connection).await.doing(doing)?;
    let rows = rows.iter().map(|row| {
        Ok(Owing {
            epoch_id: row.try_get(0)?,
            bin: BinName { district: row.try_get(1)?, bin: row.try_get(2)? },
            epoch: row.try_get(3)?,
            last_seq: row.try_get(4)?,
            drops: row.try_get(5)?,
            corrections: row.try_get(6)?,
            last_correction: row.try_get(7)?,
        })
    });
    rows.collect::<Result<_, sqlx::Error>>().doing(doing)
}

/// Takes it upon this hub to ask; returns below which number to begin, or `None` when another one has just asked.
async fn claim(
    connection: &mut AnyConnection,
    owing: &Owing,
    now_ms: i64,
    before_ms: i64,
) -> Result<Option<i64>, StoreError> {
    let sql = "INSERT INTO asks (epoch_id, asked_ms, missing, below_seq) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (epoch_id) DO UPDATE SET asked_ms = excluded.asked_ms, missing = excluded.missing, \
                 below_seq = CASE WHEN excluded.missing <> asks.missing THEN excluded.below_seq \
                             ELSE asks.below_seq END \
               WHERE asks.asked_ms <= $5 RETURNING below_seq";
    let claimed: Option<i64> = sqlx::query_scalar(sql)
        .bind(owing.epoch_id)
        .bind(now_ms)
        .bind(owing.drops)
        .bind(owing.last_seq + 1)
        .bind(before_ms)
        .fetch_optional(connection)
        .await
        .doing("noting what is asked for")?;
    Ok(claimed)
}

/// A page of numbers that are not held, newest first; the next one begins where it ends.
async fn drops(
    connection: &mut AnyConnection,
    owing: &Owing,
    below: i64,
) -> Result<Vec<(u64, u64)>, StoreError> {
    let sql = "SELECT before + 1, seq - 1 FROM \
                 (SELECT seq, LAG(seq, 1, CAST(0 AS BIGINT)) OVER (ORDER BY seq) AS before FROM \
                   (SELECT seq FROM known WHERE epoch_id = $1 AND seq < $2 UNION SELECT $2) AS held) AS pairs \
               WHERE seq - before > 1 ORDER BY seq DESC LIMIT $3";
    let page = ranges(connection, sql, owing.epoch_id, below).await?;
    let full = page.len() as i64 >= RANGES_MAX;
    let next = match page.last() {
        Some((first, _)) if full => i64::try_from(*first).unwrap_or(i64::MAX),
        _ => owing.last_seq + 1,
    };
    sqlx::query("UPDATE asks SET below_seq = $2 WHERE epoch_id = $1")
        .bind(owing.epoch_id)
        .bind(next)
        .execute(connection)
        .await
        .doing("noting what is asked for")?;
    Ok(page)
}

/// Numbers of corrections that are not held: none of them is ever voided.
async fn corrections(connection: &mut AnyConnection, owing: &Owing) -> Result<Vec<(u64, u64)>, StoreError> {
    let sql = "SELECT before + 1, number - 1 FROM \
                 (SELECT number, LAG(number, 1, CAST(0 AS BIGINT)) OVER (ORDER BY number) AS before FROM \
                   (SELECT number FROM corrections WHERE epoch_id = $1 AND number < $2 UNION SELECT $2) AS held) \
                 AS pairs \
               WHERE number - before > 1 ORDER BY number DESC LIMIT $3";
    ranges(connection, sql, owing.epoch_id, owing.last_correction + 1).await
}

async fn ranges(
    connection: &mut AnyConnection,
    sql: &'static str,
    epoch_id: i64,
    below: i64,
) -> Result<Vec<(u64, u64)>, StoreError> {
    let doing = "looking for missing numbers";
    let rows = sqlx::query(sql).bind(epoch_id).bind(below).bind(RANGES_MAX).fetch_all(connection).await;
    let rows = rows.doing(doing)?;
    let ranges = rows.iter().map(|row| {
        let (first, last): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        Ok((first.unsigned_abs(), last.unsigned_abs()))
    });
    ranges.collect::<Result<_, sqlx::Error>>().doing(doing)
}
