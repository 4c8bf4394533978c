//! Counts: by the stream an item looked like, and by what became of it.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rusqlite::{Connection, Params};

use super::error::{Doing, TallyError};
use super::ledger::Ledger;
use super::record::{Named, Unsigned};
use crate::judge::Reason;
use crate::streams::Stream;

/// What became of a closed drop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It went to the stream it looked like.
    Accepted,
    /// It went to general waste instead.
    Rejected(Reason),
    /// It was handed back, whatever the reason.
    Returned,
    /// It did not happen.
    Void,
}

impl Outcome {
    /// How many outcomes there are.
    pub const COUNT: usize = Reason::ALL.len() + 3;

    /// The identifier used in the file.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected(reason) => reason.id(),
            Self::Returned => "returned",
            Self::Void => "void",
        }
    }

    /// The outcome with this identifier.
    pub fn from_id(id: &str) -> Option<Self> {
        match id {
            "accepted" => Some(Self::Accepted),
            "returned" => Some(Self::Returned),
            "void" => Some(Self::Void),
            _ => Reason::from_id(id).map(Self::Rejected),
        }
    }

    const fn index(self) -> usize {
        match self {
            Self::Accepted => 0,
            Self::Returned => 1,
            Self::Void => 2,
            Self::Rejected(reason) => 3 + reason as usize,
        }
    }
}

impl rusqlite::types::FromSql for Named<Outcome> {
    fn column_result(value: rusqlite::types::ValueRef<'_>) -> rusqlite::types::FromSqlResult<Self> {
        let id = value.as_str()?;
        let unknown = || rusqlite::types::FromSqlError::Other(format!("no outcome is called {id:?}").into());
        Outcome::from_id(id).map(Named).ok_or_else(unknown)
    }
}

/// A count for each stream an item looked like and each outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts([[u64; Outcome::COUNT]; Stream::COUNT]);

impl Counts {
    /// Items that looked like `seen` and had this outcome.
    pub const fn get(&self, seen: Stream, outcome: Outcome) -> u64 {
        self.0[seen.index()][outcome.index()]
    }

    /// Adds one drop.
    pub fn add(&mut self, seen: Stream, outcome: Outcome) {
        let count = &mut self.0[seen.index()][outcome.index()];
        *count = count.saturating_add(1);
    }

    /// Items of every kind that had this outcome.
    pub fn outcome(&self, outcome: Outcome) -> u64 {
        Stream::ALL.into_iter().map(|seen| self.get(seen, outcome)).sum()
    }

    /// Items that went to this stream's compartment: for general waste, every reject too.
    pub fn stream(&self, stream: Stream) -> u64 {
        let accepted = self.get(stream, Outcome::Accepted);
        if stream == Stream::General { accepted + self.rejected() } else { accepted }
    }

    /// Items rejected for this reason into general waste.
    pub fn reject(&self, reason: Reason) -> u64 {
        self.outcome(Outcome::Rejected(reason))
    }

    /// Items rejected into general waste.
    pub fn rejected(&self) -> u64 {
        Reason::ALL.into_iter().map(|reason| self.reject(reason)).sum()
    }

    /// Items handed back.
    pub fn returned(&self) -> u64 {
        self.outcome(Outcome::Returned)
    }

    /// Intents that came to nothing.
    pub fn voided(&self) -> u64 {
        self.outcome(Outcome::Void)
    }

    /// Drops confirmed: in a compartment or handed back.
    pub fn confirmed(&self) -> u64 {
        Stream::ALL.into_iter().map(|stream| self.stream(stream)).sum::<u64>() + self.returned()
    }
}

/// The cumulative counts of an epoch. Only ever grow; `last_seq` = confirmed + voided + the open one, if any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Totals {
    /// The ledger they belong to.
    pub epoch: String,
    /// The newest number given out.
    pub last_seq: u64,
    /// The counts.
    pub counts: Counts,
    /// Corrections made by the crew.
    pub corrections: u64,
}

impl Ledger {
    /// The counts of this epoch.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn totals(&self) -> Result<Totals, TallyError> {
        // One writer and it is this connection: the two reads agree.
        let last_seq = self.last_seq()?;
        let counts = kept(&self.connection).doing(&self.path, "read the totals")?;
        let corrections = self.newest_correction()?;
        Ok(Totals { epoch: self.epoch.clone(), last_seq, counts, corrections })
    }

    /// The counts of drops closed so far that were decided at or after this wall time (see [`day_start_ms`]).
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn counts_by_stream_since(&self, unix_ms: i64) -> Result<Counts, TallyError> {
        let sql = "SELECT seen, outcome, count(*) FROM drop_view WHERE wall_ms >= ?1 AND state <> 'intent'
                   GROUP BY seen, outcome";
        collect(&self.connection, sql, [unix_ms]).doing(&self.path, "count drops")
    }
}

/// The counts as kept.
pub(super) fn kept(connection: &Connection) -> rusqlite::Result<Counts> {
    collect(connection, "SELECT seen, outcome, count FROM totals", [])
}

pub(super) fn collect(connection: &Connection, sql: &str, params: impl Params) -> rusqlite::Result<Counts> {
    let mut counts = Counts::default();
    let mut query = connection.prepare_cached(sql)?;
    let mut rows = query.query(params)?;
    while let Some(row) = rows.next()? {
        let (seen, outcome) = (row.get::<_, Named<Stream>>(0)?.0, row.get::<_, Named<Outcome>>(1)?.0);
        counts.0[seen.index()][outcome.index()] = row.get::<_, Unsigned>(2)?.0;
    }
    Ok(counts)
}

/// The first millisecond of the civil day, in `zone`, that contains `unix_ms`; `unix_ms` itself beyond the calendar.
pub fn day_start_ms(unix_ms: i64, zone: &TimeZone) -> i64 {
    let start = || {
        let time = Timestamp::from_millisecond(unix_ms).ok()?.to_zoned(zone.clone());
        Some(time.start_of_day().ok()?.timestamp().as_millisecond())
    };
    start().unwrap_or(unix_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_have_unique_places_and_names() {
        let rejects = Reason::ALL.map(Outcome::Rejected);
        let all = [Outcome::Accepted, Outcome::Returned, Outcome::Void].into_iter().chain(rejects);
        let mut taken = [false; Outcome::COUNT];
        for outcome in all {
            assert!(!std::mem::replace(&mut taken[outcome.index()], true), "{outcome:?}");
            assert_eq!(Outcome::from_id(outcome.id()), Some(outcome));
        }
        assert_eq!(taken, [true; Outcome::COUNT]);
    }

    #[test]
    fn rejects_lie_in_general_waste_and_returns_nowhere() {
        let mut counts = Counts::default();
        counts.add(Stream::Can, Outcome::Accepted);
        counts.add(Stream::Can, Outcome::Rejected(Reason::NotSure));
        counts.add(Stream::Can, Outcome::Returned);
        counts.add(Stream::Can, Outcome::Void);
        assert_eq!((counts.stream(Stream::Can), counts.stream(Stream::General)), (1, 1));
        assert_eq!((counts.confirmed(), counts.returned(), counts.voided()), (3, 1, 1));
        assert_eq!(counts.reject(Reason::NotSure), 1);
    }

    #[test]
    fn days_begin_at_midnight_in_seoul() {
        let seoul = TimeZone::get("Asia/Seoul").unwrap();
        let noon: Timestamp = "2026-03-01T12:34:56+09:00".parse().unwrap();
        let midnight: Timestamp = "2026-03-01T00:00:00+09:00".parse().unwrap();
        assert_eq!(day_start_ms(noon.as_millisecond(), &seoul), midnight.as_millisecond());
        assert_eq!(day_start_ms(midnight.as_millisecond(), &seoul), midnight.as_millisecond());
        assert_eq!(
            day_start_ms(midnight.as_millisecond() - 1, &seoul),
            midnight.as_millisecond() - 86_400_000
        );
    }
}
