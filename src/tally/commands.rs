//! What the hub asked for and what was answered, so that nothing it asks for twice is done twice.

use rusqlite::{OptionalExtension, params};

use super::audit::{AuditEntry, AuditOutcome};
use super::error::{Doing, TallyError};
use super::ledger::Ledger;
use crate::clock::Moment;

/// Commands that are remembered, the newest. A command expires long before so many have come.
const COMMANDS_MOST: i64 = 1_000;

/// What was answered to a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// What came of it.
    pub outcome: AuditOutcome,
    /// Why not; empty when it was done.
    pub why: String,
}

impl Ledger {
    /// What was answered to the command with this id; `None`: it is new.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn command(&self, id: &str) -> Result<Option<Answered>, TallyError> {
        let sql = "SELECT outcome, why FROM commands WHERE id = ?1";
        self.connection
            .query_row(sql, [id], |row| {
                let outcome = AuditOutcome::from_id(&row.get::<_, String>(0)?);
                Ok(Answered { outcome, why: row.get(1)? })
            })
            .optional()
            .doing(&self.path, "read what the hub asked for")
    }

    /// Remembers the answer to a command, and writes its row of the audit log. The first answer to an id holds.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn note_command(&mut self, id: &str, entry: &AuditEntry, now: Moment) -> Result<(), TallyError> {
        let doing = "write what the hub asked for";
        self.write(doing, |write, path| {
            let note = || -> rusqlite::Result<()> {
                let sql = "INSERT INTO commands (id, name, outcome, why, wall_ms)
                           VALUES (?1, substr(?2, 1, 64), ?3, substr(?4, 1, 1024), ?5) ON CONFLICT DO NOTHING";
                let row = params![id, entry.what, entry.outcome.id(), entry.why, entry.wall.unix_ms];
                write.execute(sql, row)?;
                let sql = "DELETE FROM commands WHERE number <= (SELECT max(number) FROM commands) - ?1";
                write.execute(sql, [COMMANDS_MOST])?;
                Ok(())
            };
            note().doing(path, doing)
        })?;
        self.audit(entry, now)
    }
}

#[cfg(test)]
mod tests {
    use super::super::statistics::tests::ledger;
    use super::*;
    use crate::clock::WallTime;

    #[test]
    fn the_first_answer_holds_and_the_memory_is_bounded() {
        let (_folder, mut ledger) = ledger(&[]);
        let entry = |outcome, why: &str| AuditEntry {
            who: "hub".into(),
            address: String::new(),
            what: "hub_report".into(),
            detail: String::new(),
            outcome,
            why: why.into(),
            wall: WallTime { unix_ms: 7, synchronised: true },
        };
        assert_eq!(ledger.command("a").unwrap(), None);
        ledger.note_command("a", &entry(AuditOutcome::Refused, "expired"), Moment::default()).unwrap();
        ledger.note_command("a", &entry(AuditOutcome::Done, ""), Moment::default()).unwrap();
        let first = Answered { outcome: AuditOutcome::Refused, why: "expired".into() };
        assert_eq!(ledger.command("a").unwrap(), Some(first));
        assert_eq!(ledger.audit_recent(9).unwrap().len(), 2);
        for number in 0..COMMANDS_MOST {
            let entry = entry(AuditOutcome::Done, "");
            ledger.note_command(&number.to_string(), &entry, Moment::default()).unwrap();
        }
        assert_eq!(ledger.command("a").unwrap(), None);
        assert!(ledger.command("0").unwrap().is_some());
    }
}
