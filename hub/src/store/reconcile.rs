//! What each ledger reports against what is held here.
//!
//! ```text
//!   missing = total + returned - drops held up to last_seq, but for those that the bin has given up
//!   holes   = numbers up to the newest held one that are not held: voided, given up, and lost ones
//!
//!   missing = 0                      complete
//!   missing > 0, no other holes      behind: the rest is on its way, in order; a gap if the bin is connected
//!                                    and has said nothing for a minute, for then it has nothing left to say
//!   missing > 0, more holes          gap, once nothing has come for a minute
//!   missing < 0                      more than reported: another ledger uses this name
//! ```

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use sqlx::Row as _;

use super::Store;
use super::error::{Doing as _, StoreError};
use crate::wire::{BinName, STREAMS};

/// Two hubs share one bin's drops, so that they come out of order for a moment: not yet a gap.
const SETTLED_AFTER_MS: i64 = 60_000;
/// Ranges of missing numbers that are listed; more help nobody.
const RANGES_MAX: i64 = 20;

/// How one ledger stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Everything reported is held.
    Complete,
    /// More is on its way.
    Behind,
    /// Numbers are missing that were not voided.
    Gap,
    /// One number has come with two contents, or one ledger under two names: two boards run on copies of one card.
    Clone,
    /// Drops have come, counts not yet.
    Unreported,
}

/// One ledger of one bin: what it reports, what is held.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct EpochCheck {
    /// The district's name.
    pub district: String,
    /// The bin's name within it.
    pub bin: String,
    /// The ledger.
    pub epoch: String,
    /// When something of it first came, milliseconds since 1970 UTC.
    pub first_seen_ms: i64,
    /// Whether it is not the bin's first ledger: a new board or a new card began it.
    pub reset: bool,
    /// How it stands.
    pub state: State,
    /// Drops held.
    pub held: i64,
    /// Drops reported (compartments and returned ones); `None` before the first counts.
    pub reported: Option<i64>,
    /// Reported and not held; below 0 when more is held than reported.
    pub missing: i64,
    /// Numbers voided by the bin.
    pub voided: i64,
    /// Drops that it counted and will never send: they had waited too long, or were too many.
    pub given_up: i64,
    /// Ranges of numbers not held, voided ones among them; only for gaps.
    pub holes: Vec<(i64, i64)>,
    /// Numbers that came with other contents.
    pub clones: i64,
    /// Items held by the stream they went to.
    pub streams: BTreeMap<String, i64>,
    /// The same as reported.
    pub reported_streams: BTreeMap<String, i64>,
    /// Items held that were rejected.
    pub rejected: i64,
    /// Items held that residents took back.
    pub returned: i64,
}

/// One ledger's rows, before they are judged.
struct Facts {
    id: i64,
    check: EpochCheck,
    last_seq: i64,
    newest_ms: i64,
    online: bool,
}

impl Store {
    /// How every ledger stands, bins in the order of their names, each bin's ledgers in the order of their coming.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn reconcile(&self, now_ms: i64) -> Result<Vec<EpochCheck>, StoreError> {
        let mut ledgers = self.facts().await?;
        self.add_totals(&mut ledgers).await?;
        let mut checks = Vec::with_capacity(ledgers.len());
        let mut before: Option<(String, String)> = None;
        for mut facts in ledgers {
            let name = (facts.check.district.clone(), facts.check.bin.clone());
            facts.check.reset = before.as_ref() == Some(&name);
            before = Some(name);
            self.judge(&mut facts, now_ms).await?;
            checks.push(facts.check);
        }
        Ok(checks)
    }

    async fn facts(&self) -> Result<Vec<Facts>, StoreError> {
        let rows = sqlx::query(
            "SELECT epochs.id, bins.district, bins.bin, epochs.epoch, epochs.first_seen_ms, reports.last_seq, \
                    reports.total + reports.returned, reports.voided, reports.streams, \
                    (SELECT COUNT(*) FROM clones WHERE clones.epoch_id = epochs.id), \
                    (SELECT COUNT(*) FROM epochs AS others WHERE others.epoch = epochs.epoch), \
                    COALESCE(presence.counted_ms, 0), COALESCE(reports.given_up, 0), \
                    CAST(CASE WHEN presence.state = 'online' THEN 1 ELSE 0 END AS BIGINT), \
                    COALESCE(reports.received_ms, 0) \
             FROM epochs JOIN bins ON bins.id = epochs.bin_id \
                  LEFT JOIN reports ON reports.epoch_id = epochs.id \
                  LEFT JOIN presence ON presence.bin_id = bins.id \
             ORDER BY bins.district, bins.bin, epochs.id",
        )
        .fetch_all(&self.pool)
        .await
        .doing("reading what bins report")?;
        let facts = rows.into_iter().map(|row| {
            let streams: Option<String> = row.try_get(8)?;
            let namesakes: i64 = row.try_get(10)?;
            Ok(Facts {
                id: row.try_get(0)?,
                last_seq: row.try_get::<Option<i64>, _>(5)?.unwrap_or(0),
                // A drop, or counts that were others than before.
                newest_ms: row.try_get::<i64, _>(11)?.max(row.try_get(14)?),
                online: row.try_get::<i64, _>(13)? != 0,
                check: EpochCheck {
                    district: row.try_get(1)?,
                    bin: row.try_get(2)?,
                    epoch: row.try_get(3)?,
                    first_seen_ms: row.try_get(4)?,
                    reset: false,
                    state: State::Unreported,
                    held: 0,
                    reported: row.try_get(6)?,
                    missing: 0,
                    voided: row.try_get::<Option<i64>, _>(7)?.unwrap_or(0),
                    given_up: row.try_get(12)?,
                    holes: Vec::new(),
                    clones: row.try_get::<i64, _>(9)? + i64::from(namesakes > 1),
                    streams: BTreeMap::new(),
                    reported_streams: streams
                        .and_then(|text: String| serde_json::from_str(&text).ok())
                        .unwrap_or_default(),
                    rejected: 0,
                    returned: 0,
                },
            })
        });
        facts.collect::<Result<_, sqlx::Error>>().doing("reading what bins report")
    }

    /// Adds what is held, by the stream it went to.
    async fn add_totals(&self, ledgers: &mut [Facts]) -> Result<(), StoreError> {
        let mut by_id: HashMap<i64, &mut EpochCheck> =
            ledgers.iter_mut().map(|facts| (facts.id, &mut facts.check)).collect();
        for check in by_id.values_mut() {
            check.streams = STREAMS.into_iter().map(|stream| (stream.to_owned(), 0)).collect();
        }
        let rows = sqlx::query("SELECT epoch_id, seen, outcome, items FROM totals")
            .fetch_all(&self.pool)
            .await
            .doing("reading the totals")?;
        for row in rows {
            let read = || -> Result<(i64, String, String, i64), sqlx::Error> {
                Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?))
            };
            let (epoch_id, seen, outcome, items) = read().doing("reading the totals")?;
            let Some(check) = by_id.get_mut(&epoch_id) else { continue };
            check.held += items;
            let stream = match outcome.as_str() {
                "returned" => {
                    check.returned += items;
                    continue;
                }
                "rejected" => {
                    check.rejected += items;
                    "general".to_owned()
                }
                _ => seen,
            };
            *check.streams.entry(stream).or_default() += items;
        }
        Ok(())
    }

    async fn judge(&self, facts: &mut Facts, now_ms: i64) -> Result<(), StoreError> {
        let Facts { id, check, last_seq, newest_ms, online } = facts;
        let row = sqlx::query(
            "SELECT COALESCE(MAX(seq), 0), \
                    (SELECT COUNT(*) FROM known WHERE epoch_id = $1 AND seq > $2) \
             FROM known WHERE epoch_id = $1",
        )
        .bind(*id)
        .bind(*last_seq)
        .fetch_one(&self.pool)
        .await
        .doing("counting what is held")?;
        let read = || -> Result<(i64, i64), sqlx::Error> { Ok((row.try_get(0)?, row.try_get(1)?)) };
        let (newest, newer) = read().doing("counting what is held")?;
        let Some(reported) = check.reported else {
            check.state = if check.clones > 0 { State::Clone } else { State::Unreported };
            return Ok(());
        };
        let absent = reported - (check.held - newer);
        // Some of those given up had come: their acknowledgement had not.
        check.missing = if absent < 0 { absent } else { (absent - check.given_up).max(0) };
        let lost = newest.min(*last_seq) - (check.held - newer) > check.voided + check.given_up;
        check.state = if check.clones > 0 || check.missing < 0 {
            State::Clone
        } else if check.missing == 0 {
            State::Complete
        } else if (lost || *online) && now_ms - *newest_ms > SETTLED_AFTER_MS {
            State::Gap
        } else {
            State::Behind
        };
        if check.state == State::Gap {
            check.holes = self.holes(*id, *last_seq).await?;
            if newest < *last_seq {
                check.holes.push((newest + 1, *last_seq));
            }
        }
        Ok(())
    }

    /// Ranges of numbers that are not held, below the newest that is.
    async fn holes(&self, epoch_id: i64, last_seq: i64) -> Result<Vec<(i64, i64)>, StoreError> {
        let rows = sqlx::query(
            "SELECT before + 1, seq - 1 FROM \
               (SELECT seq, LAG(seq, 1, CAST(0 AS BIGINT)) OVER (ORDER BY seq) AS before \
                FROM known WHERE epoch_id = $1) AS pairs \
             WHERE seq - before > 1 AND seq <= $2 ORDER BY seq LIMIT $3",
        )
        .bind(epoch_id)
        .bind(last_seq)
        .bind(RANGES_MAX)
        .fetch_all(&self.pool)
        .await
        .doing("looking for missing numbers")?;
        let holes = rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
        holes.collect::<Result<_, sqlx::Error>>().doing("looking for missing numbers")
    }
}

impl EpochCheck {
    /// Whose it is.
    pub fn name(&self) -> BinName {
        BinName { district: self.district.clone(), bin: self.bin.clone() }
    }
}
