//! What the pages and the read API ask for.

use std::collections::BTreeMap;

use serde::Serialize;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::Store;
use super::error::{Doing as _, StoreError};
use super::told::{AlarmUp, Told};
use crate::wire::{Compartment, Health, Twin};

/// Dead letters that are shown.
const DEAD_MAX: i64 = 100;

/// Whether a bin takes a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Opening {
    /// The stream.
    pub stream: String,
    /// `open`, `full` or `disabled`, as the compartment or else the newest drop that looked like it tells.
    pub state: String,
    /// Since when, by the bin's clock, milliseconds since 1970 UTC.
    pub since_ms: i64,
    /// When it last turned from full to open.
    pub emptied_ms: Option<i64>,
}

/// One bin as it is now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, utoipa::ToSchema)]
pub struct BinNow {
    /// The district's name.
    pub district: String,
    /// The bin's name within it.
    pub bin: String,
    /// Whether it is connected; `None` before it ever said.
    pub online: Option<bool>,
    /// Why: `connected`, `stopped` or `connection_lost`.
    pub cause: Option<String>,
    /// When something of its own last came, milliseconds since 1970 UTC; `None` for never.
    pub seen_ms: Option<i64>,
    /// Streams it takes, or would take: what its compartments say; of a bin that does not tell, what its drops tell.
    pub openings: Vec<Opening>,
    /// Its compartments in the rig's order; none where it does not tell.
    pub compartments: Vec<Compartment>,
    /// When they were said to be so, by the bin's clock, milliseconds since 1970 UTC.
    pub fill_ms: Option<i64>,
    /// Alarms that are up: somebody must come.
    pub alarms: Vec<AlarmUp>,
    /// How it was a minute ago.
    pub health: Option<Health>,
    /// What it is made of.
    pub twin: Option<Twin>,
}

impl BinNow {
    /// Whether nobody should carry anything there: it is not connected, or somebody must come first.
    pub fn is_out_of_order(&self) -> bool {
        self.online == Some(false) || !self.alarms.is_empty()
    }
}

/// Items of one bin in one hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hour {
    /// The district's name.
    pub district: String,
    /// The bin's name within it.
    pub bin: String,
    /// Hours since 1970 UTC.
    pub hour: i64,
    /// What the items looked like.
    pub seen: String,
    /// `accepted`, `rejected` or `returned`.
    pub outcome: String,
    /// How many.
    pub items: i64,
}

/// Rejects of one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Rejects {
    /// The contract's word.
    pub reason: String,
    /// How many.
    pub items: i64,
}

/// How often the crew found items of one kind to be another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Corrected {
    /// What the items looked like to the bin.
    pub seen: String,
    /// What the crew says they were; the same where it agrees.
    pub truth: String,
    /// Name and version of the model; empty where none was loaded.
    pub model: String,
    /// How many.
    pub items: i64,
}

/// A message that was not understood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Dead {
    /// When it last came, milliseconds since 1970 UTC.
    pub received_ms: i64,
    /// How often.
    pub times: i64,
    /// Its topic.
    pub topic: String,
    /// Why it was not understood.
    pub reason: String,
    /// What it said, cut.
    pub payload: String,
}

impl Store {
    /// Every bin as it is now, in the order of their names.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn bins(&self) -> Result<Vec<BinNow>, StoreError> {
        let rows = sqlx::query(
            "SELECT bins.id, district, bin, state, cause, seen_ms \
             FROM bins LEFT JOIN presence ON presence.bin_id = bins.id ORDER BY district, bin",
        );
        let rows = rows.fetch_all(&self.pool).await.doing("reading the bins")?;
        let openings = sqlx::query(
            "SELECT bin_id, stream, state, since_ms, emptied_ms FROM openings ORDER BY bin_id, stream",
        );
        let mut by_bin: BTreeMap<i64, Vec<Opening>> = BTreeMap::new();
        for row in openings.fetch_all(&self.pool).await.doing("reading what is open")? {
            let (bin, opening) = opening_of(&row).doing("reading what is open")?;
            by_bin.entry(bin).or_default().push(opening);
        }
        let mut told = self.told().await?;
        let mut read = |row: &AnyRow| -> Result<BinNow, sqlx::Error> {
            let id: i64 = row.try_get(0)?;
            let state: Option<String> = row.try_get(3)?;
            let told = told.remove(&id).unwrap_or_default();
            let by_drops = by_bin.remove(&id).unwrap_or_default();
            Ok(BinNow {
                district: row.try_get(1)?,
                bin: row.try_get(2)?,
                online: state.map(|state| state == "online"),
                cause: row.try_get(4)?,
                seen_ms: row.try_get::<Option<i64>, _>(5)?.filter(|seen_ms| *seen_ms > 0),
                openings: taken(&told, by_drops),
                alarms: told.alarms(),
                fill_ms: told.fill.as_ref().map(|(time_ms, _)| *time_ms),
                compartments: told.fill.map(|(_, fill)| fill.compartments).unwrap_or_default(),
                health: told.health,
                twin: told.twin,
            })
        };
        rows.iter().map(&mut read).collect::<Result<_, _>>().doing("reading the bins")
    }

    /// Items by hour from the hour `from` to before the hour `to`, of all bins.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn hours(&self, from: i64, to: i64) -> Result<Vec<Hour>, StoreError> {
        let rows = sqlx::query_as::<_, HourRow>(
            "SELECT district, bin, hour, seen, outcome, items FROM hourly JOIN bins ON bins.id = hourly.bin_id \
             WHERE hour >= $1 AND hour < $2 ORDER BY hour, district, bin, seen, outcome",
        );
        let rows = rows.bind(from).bind(to).fetch_all(&self.pool).await.doing("reading the hours")?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    }

    /// Rejected and returned items by reason, of the time from `from_ms` to before `to_ms`; the most frequent first.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn rejects(&self, from_ms: i64, to_ms: i64) -> Result<Vec<Rejects>, StoreError> {
        let rows = sqlx::query(
            "SELECT reason, COUNT(*) AS items FROM drops \
             WHERE time_ms >= $1 AND time_ms < $2 AND reason IS NOT NULL \
             GROUP BY reason ORDER BY items DESC, reason",
        );
        let rows = rows.bind(from_ms).bind(to_ms).fetch_all(&self.pool).await.doing("reading rejects")?;
        let rejects = rows.iter().map(|row| Ok(Rejects { reason: row.try_get(0)?, items: row.try_get(1)? }));
        rejects.collect::<Result<_, sqlx::Error>>().doing("reading rejects")
    }

    /// What the crew said of the items of the time from `from_ms` to before `to_ms`, of each its last word, unless that
    /// took back what was said.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn corrected(&self, from_ms: i64, to_ms: i64) -> Result<Vec<Corrected>, StoreError> {
        let rows = sqlx::query(
            "SELECT seen, truth, model, COUNT(*) FROM corrections \
             WHERE time_ms >= $1 AND time_ms < $2 AND withdrawn = 0 AND NOT EXISTS \
               (SELECT 1 FROM corrections AS later WHERE later.epoch_id = corrections.epoch_id \
                AND later.seq = corrections.seq AND later.number > corrections.number) \
             GROUP BY seen, truth, model ORDER BY seen, model, truth",
        );
        let rows = rows.bind(from_ms).bind(to_ms).fetch_all(&self.pool).await.doing("reading corrections")?;
        let corrected = rows.iter().map(|row| {
            Ok(Corrected {
                seen: row.try_get(0)?,
                truth: row.try_get(1)?,
                model: row.try_get(2)?,
                items: row.try_get(3)?,
            })
        });
        corrected.collect::<Result<_, sqlx::Error>>().doing("reading corrections")
    }

    /// The newest messages that were not understood.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn dead_letters(&self) -> Result<Vec<Dead>, StoreError> {
        let rows = sqlx::query(
            "SELECT received_ms, times, topic, reason, payload FROM dead_letters \
             ORDER BY received_ms DESC, digest LIMIT $1",
        );
        let rows = rows.bind(DEAD_MAX).fetch_all(&self.pool).await.doing("reading dead letters")?;
        let dead = rows.iter().map(|row| {
            Ok(Dead {
                received_ms: row.try_get(0)?,
                times: row.try_get(1)?,
                topic: row.try_get(2)?,
                reason: row.try_get(3)?,
                payload: row.try_get(4)?,
            })
        });
        dead.collect::<Result<_, sqlx::Error>>().doing("reading dead letters")
    }

    /// Remembers a login; those that have expired are forgotten.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub async fn begin_session(
        &self,
        token: &str,
        name: &str,
        expires_ms: i64,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let forget = sqlx::query("DELETE FROM sessions WHERE expires_ms <= $1").bind(now_ms);
        forget.execute(&self.pool).await.doing("forgetting old logins")?;
        let begin = sqlx::query("INSERT INTO sessions (token, name, expires_ms) VALUES ($1, $2, $3)")
            .bind(token.to_owned())
            .bind(name.to_owned())
            .bind(expires_ms);
        begin.execute(&self.pool).await.doing("remembering a login")?;
        Ok(())
    }

    /// Who a token belongs to.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn session(&self, token: &str, now_ms: i64) -> Result<Option<String>, StoreError> {
        sqlx::query_scalar("SELECT name FROM sessions WHERE token = $1 AND expires_ms > $2")
            .bind(token.to_owned())
            .bind(now_ms)
            .fetch_optional(&self.pool)
            .await
            .doing("looking up a login")
    }

    /// Forgets a login.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub async fn end_session(&self, token: &str) -> Result<(), StoreError> {
        let end = sqlx::query("DELETE FROM sessions WHERE token = $1").bind(token.to_owned());
        end.execute(&self.pool).await.doing("forgetting a login")?;
        Ok(())
    }
}

/// What a bin takes: as its compartments say, or where it does not tell of them, as its drops do.
fn taken(told: &Told, by_drops: Vec<Opening>) -> Vec<Opening> {
    let Some((time_ms, fill)) = &told.fill else { return by_drops };
    let opening = |compartment: &Compartment| {
        let state = match (compartment.full, compartment.closed) {
            (_, true) => "disabled",
            (true, false) => "full",
            (false, false) => "open",
        };
        let drops = by_drops.iter().find(|opening| opening.stream == compartment.stream);
        let same = drops.filter(|opening| opening.state == state);
        let emptied = compartment.emptied.as_ref().and_then(|time| time.parse::<jiff::Timestamp>().ok());
        Opening {
            stream: compartment.stream.clone(),
            state: state.to_owned(),
            since_ms: same.map_or(*time_ms, |opening| opening.since_ms),
            emptied_ms: emptied
                .map(jiff::Timestamp::as_millisecond)
                .or(drops.and_then(|drops| drops.emptied_ms)),
        }
    };
    fill.compartments.iter().map(opening).collect()
}

fn opening_of(row: &AnyRow) -> Result<(i64, Opening), sqlx::Error> {
    let opening = Opening {
        stream: row.try_get(1)?,
        state: row.try_get(2)?,
        since_ms: row.try_get(3)?,
        emptied_ms: row.try_get(4)?,
    };
    Ok((row.try_get(0)?, opening))
}

struct HourRow(Hour);

impl sqlx::FromRow<'_, AnyRow> for HourRow {
    fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self(Hour {
            district: row.try_get(0)?,
            bin: row.try_get(1)?,
            hour: row.try_get(2)?,
            seen: row.try_get(3)?,
            outcome: row.try_get(4)?,
            items: row.try_get(5)?,
        }))
    }
}
