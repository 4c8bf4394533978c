//! Questions to the ledger that take a while, asked beside its writer over a connection of their own.
//!
//! Never delays an intent: the writer's thread is not asked, and readers of a write-ahead log block nobody. Never
//! writes. Blocks for as long as the answer takes, so tasks ask from a thread that may.

use std::path::Path;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use rusqlite::{Connection, params};

use super::error::{Doing, TallyError};
use super::record::{DropRecord, Unsigned, drop_record};
use super::totals::{self, Counts, day_start_ms};
use super::{MAX_ROWS, open};
use crate::streams::Stream;

/// A stretch of wall time: from the first millisecond to before the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first millisecond in it.
    pub from_ms: i64,
    /// The first one after it.
    pub to_ms: i64,
}

impl Span {
    /// All there is.
    pub const ALL: Span = Span { from_ms: i64::MIN, to_ms: i64::MAX };

    /// The `days` civil days of `zone` that end with the one `unix_ms` lies in.
    pub fn days_until(unix_ms: i64, days: u32, zone: &TimeZone) -> Self {
        let start = |offset: i64| {
            let today = Timestamp::from_millisecond(unix_ms).ok()?.to_zoned(zone.clone()).date();
            let day = today.checked_add(offset.days()).ok()?;
            Some(day.to_zoned(zone.clone()).ok()?.timestamp().as_millisecond())
        };
        let first = 1 - i64::from(days.max(1));
        Self {
            from_ms: start(first).unwrap_or_else(|| day_start_ms(unix_ms, zone)),
            to_ms: start(1).unwrap_or(i64::MAX),
        }
    }

    /// A civil day of `zone`; `None` beyond the calendar.
    pub fn day(day: jiff::civil::Date, zone: &TimeZone) -> Option<Self> {
        let start =
            |day: jiff::civil::Date| Some(day.to_zoned(zone.clone()).ok()?.timestamp().as_millisecond());
        Some(Self { from_ms: start(day)?, to_ms: start(day.tomorrow().ok()?)? })
    }
}

/// What happened in a stretch of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statistics {
    /// Closed drops by stream and outcome.
    pub counts: Counts,
    /// Confirmed drops by the civil hour in which they were decided.
    pub hours: [u64; 24],
}

/// Every zone's offset is a multiple of this.
const QUARTER_MS: i64 = 15 * 60 * 1_000;

/// Reads the statistics of a stretch of time from the ledger at `path`; hours are those of `zone`.
///
/// # Errors
/// When the file cannot be read.
pub fn statistics(path: &Path, span: Span, zone: &TimeZone) -> Result<Statistics, TallyError> {
    let connection = open::beside_the_writer(path)?;
    let read = || -> rusqlite::Result<Statistics> {
        let sql = "SELECT seen, outcome, count(*) FROM drop_view
                   WHERE wall_ms >= ?1 AND wall_ms < ?2 AND state <> 'intent' GROUP BY seen, outcome";
        let counts = totals::collect(&connection, sql, [span.from_ms, span.to_ms])?;
        Ok(Statistics { counts, hours: hours(&connection, span, zone)? })
    };
    read().doing(path, "count drops")
}

fn hours(connection: &Connection, span: Span, zone: &TimeZone) -> rusqlite::Result<[u64; 24]> {
    let mut query = connection.prepare(
        "SELECT wall_ms / ?3, count(*) FROM drops
         WHERE wall_ms >= ?1 AND wall_ms < ?2 AND state = 'confirmed' GROUP BY 1",
    )?;
    let mut rows = query.query(params![span.from_ms, span.to_ms, QUARTER_MS])?;
    let mut hours = [0; 24];
    while let Some(row) = rows.next()? {
        let quarter: i64 = row.get(0)?;
        let time = Timestamp::from_millisecond(quarter.saturating_mul(QUARTER_MS));
        // A board that believes in the year 30000 has no hours.
        let hour = time.map_or(0, |time| zone.to_datetime(time).hour());
        if let Some(count) = hours.get_mut(usize::try_from(hour).unwrap_or(0)) {
            *count += row.get::<_, Unsigned>(1)?.0;
        }
    }
    Ok(hours)
}

/// Which drops are looked for.
#[derive(Clone, Copy, Debug)]
pub struct Search {
    /// When they were decided.
    pub span: Span,
    /// The stream they looked like or went to; `None` for any.
    pub stream: Option<Stream>,
    /// Only older ones than this number; `None` begins at the newest.
    pub before: Option<u64>,
}

/// The newest drops that came to an end and that `search` finds, newest first, at most `limit` of them.
///
/// # Errors
/// When the file cannot be read.
pub fn search(path: &Path, search: &Search, limit: usize) -> Result<Vec<DropRecord>, TallyError> {
    let connection = open::beside_the_writer(path)?;
    let read = || {
        let mut query = connection.prepare(
            "SELECT * FROM drop_view
             WHERE wall_ms >= ?1 AND wall_ms < ?2 AND state <> 'intent' AND seq < ?3
               AND (?4 IS NULL OR seen = ?4 OR stream = ?4)
             ORDER BY seq DESC LIMIT ?5",
        )?;
        let before = search.before.map_or(i64::MAX, |seq| i64::try_from(seq).unwrap_or(i64::MAX));
        let stream = search.stream.map(Stream::id);
        let limit = i64::try_from(limit.min(MAX_ROWS)).unwrap_or(0);
        let values = params![search.span.from_ms, search.span.to_ms, before, stream, limit];
        query.query_map(values, drop_record)?.collect::<rusqlite::Result<Vec<_>>>()
    };
    read().doing(path, "look for drops")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::clock::{Identity, Moment, WallTime};
    use crate::judge::{CompartmentId, Reason, Verdict};
    use crate::tally::{Intent, Ledger, Outcome, RunInfo};

    fn seoul() -> TimeZone {
        TimeZone::get("Asia/Seoul").unwrap()
    }

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    fn verdict(seen: Stream, reason: Option<Reason>) -> Verdict {
        let now = Moment::from_millis(1);
        Verdict {
            label: "x".into(),
            seen,
            probability: 0.9,
            stream: if reason.is_some() { Stream::General } else { seen },
            compartment: Some(CompartmentId(0)),
            reason,
            votes: 3,
            settled_at: now,
            decided_at: now,
        }
    }

    /// A ledger with a drop at each of these times.
    pub(in crate::tally) fn ledger(drops: &[(&str, Stream, Option<Reason>)]) -> (tempfile::TempDir, Ledger) {
        let folder = tempfile::tempdir().unwrap();
        let identity = Identity { boot_id: "boot".into(), run_id: "run".into() };
        let run = RunInfo { software: "test".into(), bundle: None };
        let (now, wall) = (Moment::from_millis(1), WallTime { unix_ms: 0, synchronised: true });
        let mut ledger = Ledger::open(&folder.path().join("tally.db"), &identity, &run, now, wall).unwrap();
        for (time, seen, reason) in drops {
            let wall = WallTime { unix_ms: at(time), synchronised: true };
            let verdict = verdict(*seen, *reason);
            let seq = ledger.intend(&Intent { verdict: &verdict, moment: now, wall, chamber: None }).unwrap();
            ledger.confirm(seq, now, wall).unwrap();
        }
        (folder, ledger)
    }

    const DROPS: [(&str, Stream, Option<Reason>); 5] = [
        ("2026-02-23T23:59:59.999+09:00", Stream::Can, None), // eight days before
        ("2026-02-24T00:00:00+09:00", Stream::Can, None),     // the first of seven days
        ("2026-03-01T23:59:59+09:00", Stream::Glass, None),   // yesterday
        ("2026-03-02T00:00:00+09:00", Stream::Can, Some(Reason::NotSure)),
        ("2026-03-02T14:59:59+09:00", Stream::Paper, None),
    ];

    #[test]
    fn today_the_week_and_all_are_civil_days_in_seoul() {
        let (_folder, ledger) = ledger(&DROPS);
        let now = at("2026-03-02T15:00:00+09:00");
        let count = |span| statistics(ledger.path(), span, &seoul()).unwrap();
        let today = count(Span::days_until(now, 1, &seoul()));
        assert_eq!((today.counts.confirmed(), today.counts.rejected()), (2, 1));
        assert_eq!((today.hours[0], today.hours[14], today.hours.iter().sum()), (1, 1, 2_u64));
        let week = count(Span::days_until(now, 7, &seoul()));
        assert_eq!((week.counts.confirmed(), week.counts.get(Stream::Can, Outcome::Accepted)), (4, 1));
        assert_eq!((week.hours[0], week.hours[23]), (2, 1));
        let all = count(Span::ALL);
        assert_eq!((all.counts.confirmed(), all.hours[23]), (5, 2));
        assert_eq!(all.counts, ledger.totals().unwrap().counts);
    }

    #[test]
    fn hours_follow_a_zone_with_odd_offsets() {
        let (_folder, ledger) = ledger(&[("2026-03-02T00:10:00Z", Stream::Can, None)]);
        let nepal = TimeZone::get("Asia/Kathmandu").unwrap(); // +05:45
        assert_eq!(statistics(ledger.path(), Span::ALL, &nepal).unwrap().hours[5], 1);
    }

    #[test]
    fn drops_are_found_by_day_and_stream_newest_first() {
        let (_folder, mut ledger) = ledger(&DROPS);
        let find = |search: Search| -> Vec<u64> {
            super::search(ledger.path(), &search, 10).unwrap().iter().map(|drop| drop.seq).collect()
        };
        let any = Search { span: Span::ALL, stream: None, before: None };
        assert_eq!(find(any), [5, 4, 3, 2, 1]);
        assert_eq!(find(Search { before: Some(4), ..any }), [3, 2, 1]);
        assert_eq!(find(Search { stream: Some(Stream::Can), ..any }), [4, 2, 1]);
        assert_eq!(find(Search { stream: Some(Stream::General), ..any }), [4], "where it went");
        let day = Span::day("2026-03-01".parse().unwrap(), &seoul()).unwrap();
        assert_eq!(find(Search { span: day, ..any }), [3]);
        // The writer goes on while somebody reads.
        let wall = WallTime { unix_ms: 1, synchronised: true };
        let intent = Intent {
            verdict: &verdict(Stream::Can, None),
            moment: Moment::from_millis(2),
            wall,
            chamber: None,
        };
        ledger.intend(&intent).unwrap();
    }
}
