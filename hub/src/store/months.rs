//! The month a drop belongs to, and on PostgreSQL that month's own table.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _};

use super::error::{Doing as _, StoreError};

/// Years that get tables. Boards without a synchronised clock say 1970 or worse: those share `drops_other`.
const YEARS: std::ops::RangeInclusive<i64> = 2020..=2099;

/// One number per database for the lock below, so that two hubs do not make the same month's table at once.
const LOCK: i64 = 0x6275_6e72_6901;

/// `year * 100 + month` in UTC, or 0 outside [`YEARS`].
pub(super) fn month_of(time_ms: i64) -> i64 {
    let Ok(time) = Timestamp::from_millisecond(time_ms) else { return 0 };
    let date = time.to_zoned(TimeZone::UTC).date();
    let year = i64::from(date.year());
    if YEARS.contains(&year) { year * 100 + i64::from(date.month()) } else { 0 }
}

/// Which tables are known to be there.
#[derive(Debug, Default)]
pub(super) struct Months(Mutex<HashSet<i64>>);

impl Months {
    /// Makes the tables of `months` that are missing.
    pub(super) async fn ensure(
        &self,
        connection: &mut AnyConnection,
        months: BTreeSet<i64>,
    ) -> Result<(), StoreError> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for month in months.into_iter().filter(|month| *month != 0 && !known.contains(month)) {
            make(connection, month).await.doing("making a month's table")?;
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(month);
        }
        Ok(())
    }
}

async fn make(connection: &mut AnyConnection, month: i64) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *transaction).await?;
    let (year, of_year) = (month / 100, month % 100);
    let make = format!(
        "CREATE TABLE IF NOT EXISTS drops_{year}_{of_year:02} PARTITION OF drops FOR VALUES FROM ({month}) TO ({})",
        month + 1
    );
    sqlx::query(AssertSqlSafe(make)).execute(&mut *transaction).await?;
    transaction.commit().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_those_of_the_calendar_and_wild_clocks_share_one() {
        let ms = |text: &str| text.parse::<Timestamp>().unwrap().as_millisecond();
        assert_eq!(month_of(ms("2026-03-01T00:00:00Z")), 202_603);
        assert_eq!(month_of(ms("2026-02-28T23:59:59.999Z")), 202_602);
        assert_eq!(month_of(ms("2099-12-31T23:59:59Z")), 209_912);
        for wild in [0, i64::MIN, i64::MAX, ms("2100-01-01T00:00:00Z"), ms("2019-12-31T23:59:59Z")] {
            assert_eq!(month_of(wild), 0, "{wild}");
        }
    }
}
