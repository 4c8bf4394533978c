//! What the hub asked for and what was answered, so that nothing it asks for twice is done twice.
//!
//! What takes a while is written down when it begins, as if the program had ended in the middle of it, and again when it has
//! ended: whatever happens in between, what stands here is the answer.

use rusqlite::{OptionalExtension, Row, params};

use super::audit::{AuditEntry, AuditOutcome};
use super::error::{Doing, TallyError};
use super::ledger::Ledger;
use super::record::Unsigned;
use crate::clock::Moment;

/// Commands that are remembered, the newest. A command expires long before so many have come.
const COMMANDS_MOST: i64 = 1_000;
/// The answer to what had begun when the program, or the power, went.
const INTERRUPTED: &str =
    "the program ended before this was done, or before that was written down: ask again under a new id";

const DOING: &str = "write what the hub asked for";

/// What was answered to a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// What came of it.
    pub outcome: AuditOutcome,
    /// Why not; empty when it was done.
    pub why: String,
    /// What it brought, in the uplink's words; empty where there is nothing to tell.
    pub result: String,
}

/// The end of a command that the hub has not been told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untold {
    /// Counts the commands up.
    pub number: u64,
    /// The hub's id.
    pub id: String,
    /// What was asked for, as in the audit log.
    pub what: String,
    /// What came of it.
    pub answered: Answered,
}

impl Answered {
    /// It was done, and that is all.
    pub const fn done() -> Self {
        Self { outcome: AuditOutcome::Done, why: String::new(), result: String::new() }
    }

    /// It may not be, or not now.
    pub fn refused(why: impl Into<String>) -> Self {
        Self { outcome: AuditOutcome::Refused, why: why.into(), result: String::new() }
    }

    /// It was tried, and failed.
    pub fn failed(why: impl Into<String>) -> Self {
        Self { outcome: AuditOutcome::Failed, why: why.into(), result: String::new() }
    }

    /// From `outcome`, `why` and `result`, beginning at this column.
    fn of(row: &Row<'_>, first: usize) -> rusqlite::Result<Self> {
        let outcome = AuditOutcome::from_id(&row.get::<_, String>(first)?);
        Ok(Self { outcome, why: row.get(first + 1)?, result: row.get(first + 2)? })
    }
}

impl Ledger {
    /// What was answered to the command with this id; `None`: it is new.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn command(&self, id: &str) -> Result<Option<Answered>, TallyError> {
        let sql = "SELECT outcome, why, result FROM commands WHERE id = ?1";
        let found = self.connection.query_row(sql, [id], |row| Answered::of(row, 0)).optional();
        found.doing(&self.path, "read what the hub asked for")
    }

    /// Remembers the answer to a command, and writes its row of the audit log. The first answer to an id holds.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn note_command(&mut self, id: &str, entry: &AuditEntry, now: Moment) -> Result<(), TallyError> {
        let answered = Answered { outcome: entry.outcome, why: entry.why.clone(), result: String::new() };
        self.insert_command(id, entry, &answered, false)?;
        self.audit(entry, now)
    }

    /// Remembers a command that begins and takes a while, and writes its row of the audit log. Should the program end before
    /// [`Ledger::end_job`], the answer is that it did.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn begin_job(&mut self, id: &str, entry: &AuditEntry, now: Moment) -> Result<(), TallyError> {
        self.insert_command(id, entry, &Answered::failed(INTERRUPTED), true)?;
        self.audit(entry, now)
    }

    /// Remembers what came of it, and writes that into the audit log.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn end_job(
        &mut self,
        id: &str,
        entry: &AuditEntry,
        result: &str,
        now: Moment,
    ) -> Result<(), TallyError> {
        self.write(DOING, |write, path| {
            let sql =
                "UPDATE commands SET outcome = ?2, why = substr(?3, 1, 1024), result = ?4 WHERE id = ?1";
            let row = params![id, entry.outcome.id(), entry.why, result];
            write.execute(sql, row).map(|_| ()).doing(path, DOING)
        })?;
        self.audit(entry, now)
    }

    /// The oldest command whose end the hub has not been told, but for the one under way.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn untold_job(&self, under_way: Option<&str>) -> Result<Option<Untold>, TallyError> {
        let sql = "SELECT number, id, name, outcome, why, result FROM commands
                   WHERE untold = 1 AND id IS NOT ?1 ORDER BY number LIMIT 1";
        let untold = |row: &Row<'_>| {
            let answered = Answered::of(row, 3)?;
            Ok(Untold { number: row.get::<_, Unsigned>(0)?.0, id: row.get(1)?, what: row.get(2)?, answered })
        };
        let found = self.connection.query_row(sql, params![under_way], untold).optional();
        found.doing(&self.path, "read what the hub asked for")
    }

    /// The hub has been told.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn told_job(&mut self, number: u64) -> Result<(), TallyError> {
        self.write(DOING, |write, path| {
            let sql = "UPDATE commands SET untold = 0 WHERE number = ?1";
            let number = i64::try_from(number).unwrap_or(-1);
            write.execute(sql, [number]).map(|_| ()).doing(path, DOING)
        })
    }

    fn insert_command(
        &mut self,
        id: &str,
        entry: &AuditEntry,
        answered: &Answered,
        untold: bool,
    ) -> Result<(), TallyError> {
        self.write(DOING, |write, path| {
            let note = || -> rusqlite::Result<()> {
                let sql = "INSERT INTO commands (id, name, outcome, why, wall_ms, untold)
                           VALUES (?1, substr(?2, 1, 64), ?3, substr(?4, 1, 1024), ?5, ?6)
                           ON CONFLICT DO NOTHING";
                let (outcome, why) = (answered.outcome.id(), &answered.why);
                write.execute(sql, params![id, entry.what, outcome, why, entry.wall.unix_ms, untold])?;
                let sql = "DELETE FROM commands WHERE number <= (SELECT max(number) FROM commands) - ?1";
                write.execute(sql, [COMMANDS_MOST])?;
                Ok(())
            };
            note().doing(path, DOING)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::statistics::tests::ledger;
    use super::*;
    use crate::clock::WallTime;

    fn entry(outcome: AuditOutcome, why: &str) -> AuditEntry {
        AuditEntry {
            who: "hub".into(),
            address: String::new(),
            what: "hub_report".into(),
            detail: String::new(),
            outcome,
            why: why.into(),
            wall: WallTime { unix_ms: 7, synchronised: true },
        }
    }

    #[test]
    fn the_first_answer_holds_and_the_memory_is_bounded() {
        let (_folder, mut ledger) = ledger(&[]);
        assert_eq!(ledger.command("a").unwrap(), None);
        ledger.note_command("a", &entry(AuditOutcome::Refused, "expired"), Moment::default()).unwrap();
        ledger.note_command("a", &entry(AuditOutcome::Done, ""), Moment::default()).unwrap();
        assert_eq!(ledger.command("a").unwrap(), Some(Answered::refused("expired")));
        assert_eq!(ledger.audit_recent(9).unwrap().len(), 2);
        for number in 0..COMMANDS_MOST {
            let entry = entry(AuditOutcome::Done, "");
            ledger.note_command(&number.to_string(), &entry, Moment::default()).unwrap();
        }
        assert_eq!(ledger.command("a").unwrap(), None);
        assert!(ledger.command("0").unwrap().is_some());
    }

    #[test]
    fn what_takes_a_while_has_an_answer_at_every_moment_and_is_told_until_it_was_heard() {
        let (_folder, mut ledger) = ledger(&[]);
        let done = entry(AuditOutcome::Done, "");
        for id in ["a", "b"] {
            ledger.begin_job(id, &done, Moment::default()).unwrap();
        }
        let interrupted = ledger.command("a").unwrap().unwrap();
        assert!(interrupted.outcome == AuditOutcome::Failed && interrupted.why.contains("new id"));
        ledger.end_job("a", &done, "{}", Moment::default()).unwrap();
        let answered = Answered { result: "{}".to_owned(), ..Answered::done() };
        assert_eq!(ledger.command("a").unwrap(), Some(answered.clone()));
        let untold = ledger.untold_job(Some("b")).unwrap().unwrap();
        assert_eq!(
            (untold.id.as_str(), untold.what.as_str(), untold.answered),
            ("a", "hub_report", answered)
        );
        ledger.told_job(untold.number).unwrap();
        assert_eq!(ledger.untold_job(Some("b")).unwrap(), None);
        // As the next run of the program sees it.
        assert_eq!(ledger.untold_job(None).unwrap().unwrap().answered, interrupted);
        assert_eq!(ledger.audit_recent(9).unwrap().len(), 3);
    }
}
