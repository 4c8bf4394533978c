//! How each compartment is, as somebody said last.

use rusqlite::{OptionalExtension, params};

use super::error::{Doing, TallyError};
use super::ledger::Ledger;
use super::record::Unsigned;
use crate::clock::WallTime;
use crate::streams::Stream;

/// What was said of a compartment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompartmentEvent {
    /// It is empty, and so no longer full.
    Emptied,
    /// Nothing more fits in.
    Full,
    /// That it is full was wrong.
    NotFull,
    /// The crew has closed it.
    Closed,
    /// The crew has opened it again.
    Opened,
}

impl CompartmentEvent {
    /// Every event.
    pub const ALL: [Self; 5] = [Self::Emptied, Self::Full, Self::NotFull, Self::Closed, Self::Opened];

    /// The identifier used in the file.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Emptied => "emptied",
            Self::Full => "full",
            Self::NotFull => "not_full",
            Self::Closed => "closed",
            Self::Opened => "opened",
        }
    }

    /// The event with this identifier.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.id() == id)
    }
}

/// What the ledger knows of the compartment of one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CompartmentBook {
    /// Whether it was said to be full since it was emptied last.
    pub full: bool,
    /// Whether the crew has closed it (`true`) or opened it (`false`); `None`: as the configuration says.
    pub closed: Option<bool>,
    /// When it was emptied last.
    pub emptied: Option<WallTime>,
    /// Items that went there since.
    pub items_since: u64,
}

impl Ledger {
    /// Writes down what was said of a compartment, and by whom.
    ///
    /// # Errors
    /// What the file met; nothing is written then.
    pub fn note_compartment(
        &mut self,
        stream: Stream,
        event: CompartmentEvent,
        who: &str,
        wall: WallTime,
    ) -> Result<(), TallyError> {
        let doing = "write how a compartment is";
        self.write(doing, |write, path| {
            let sql = "INSERT INTO compartment_log (stream, event, wall_ms, synchronised, who, last_seq)
                       SELECT ?1, ?2, ?3, ?4, substr(?5, 1, 64), last_seq FROM ledger";
            let row = params![stream.id(), event.id(), wall.unix_ms, wall.synchronised, who];
            write.execute(sql, row).map(|_| ()).doing(path, doing)
        })
    }

    /// The last word on whether the compartment of `stream` is full, and whose it is; `None`: nobody has said any.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn fullness(&self, stream: Stream) -> Result<Option<(CompartmentEvent, String)>, TallyError> {
        let doing = "read how a compartment is";
        let sql = "SELECT event, who FROM compartment_log
                   WHERE stream = ?1 AND event IN ('emptied', 'full', 'not_full') ORDER BY id DESC LIMIT 1";
        let mut query = self.connection.prepare_cached(sql).doing(&self.path, doing)?;
        let row = query.query_row([stream.id()], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)));
        let found = row.optional().doing(&self.path, doing)?;
        Ok(found.and_then(|(event, who)| Some((CompartmentEvent::from_id(&event)?, who))))
    }

    /// What is known of the compartment of `stream`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn compartment(&self, stream: Stream) -> Result<CompartmentBook, TallyError> {
        let read = || -> rusqlite::Result<CompartmentBook> {
            let newest = |events: &str| {
                let sql = format!(
                    "SELECT event, wall_ms, synchronised, last_seq FROM compartment_log
                     WHERE stream = ?1 AND event IN ({events}) ORDER BY id DESC LIMIT 1"
                );
                let mut query = self.connection.prepare_cached(&sql)?;
                let found = query.query_row([stream.id()], |row| {
                    let wall = WallTime { unix_ms: row.get(1)?, synchronised: row.get(2)? };
                    Ok((row.get::<_, String>(0)?, wall, row.get::<_, Unsigned>(3)?.0))
                });
                found.optional()
            };
            let said = |found: Option<(String, WallTime, u64)>, event: CompartmentEvent| {
                found.map(|(newest, ..)| newest == event.id())
            };
            let full =
                said(newest("'emptied', 'full', 'not_full'")?, CompartmentEvent::Full).unwrap_or(false);
            let closed = said(newest("'closed', 'opened'")?, CompartmentEvent::Closed);
            let emptied = newest("'emptied'")?;
            let since = emptied.as_ref().map_or(0, |(_, _, seq)| i64::try_from(*seq).unwrap_or(i64::MAX));
            let sql = "SELECT count(*) FROM drops
                       WHERE seq > ?1 AND state = 'confirmed' AND stream = ?2 AND compartment IS NOT NULL";
            let items = self
                .connection
                .prepare_cached(sql)?
                .query_row(params![since, stream.id()], |row| row.get::<_, Unsigned>(0))?;
            let emptied = emptied.map(|(_, wall, _)| wall);
            Ok(CompartmentBook { full, closed, emptied, items_since: items.0 })
        };
        read().doing(&self.path, "read how a compartment is")
    }
}
