//! Brings a ledger file to the schema of this program, one numbered step at a time.
//!
//! The file's `user_version` counts the steps it has had. Each step and its number are written in one
//! transaction, so a power cut between two leaves a ledger of the step before, never half a step.
//!
//! Never changes a released step: a new one is `upgrade/0003_what_it_does.sql`, added to [`STEPS`].
//! Never touches a file that a newer program wrote, or that is another program's.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::error::{Doing, TallyError};

/// Step n brings a file from version n to version n + 1.
pub(super) const STEPS: &[&str] = &[
    include_str!("schema.sql"),
    include_str!("upgrade/0002_crew.sql"),
    include_str!("upgrade/0003_corrections.sql"),
    include_str!("upgrade/0004_outbox.sql"),
    include_str!("upgrade/0005_commands.sql"),
    include_str!("upgrade/0006_jobs.sql"),
    include_str!("upgrade/0007_weights.sql"),
    include_str!("upgrade/0008_invented.sql"),
    include_str!("upgrade/0009_withdrawn.sql"),
];

/// The schema this program reads and writes.
pub(super) const SCHEMA_VERSION: i64 = STEPS.len() as i64;

/// Marks the file as ours: "BNRI" in its header.
pub(super) const APPLICATION_ID: i64 = 0x424E_5249;

/// What the header and the catalogue say a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing in it yet.
    Empty,
    /// A ledger that has had this many steps.
    Ledger(i64),
}

/// Tells whether the file is a ledger this program may use.
///
/// # Errors
/// [`TallyError::SchemaNewer`], [`TallyError::NotALedger`], or what keeps it from being read.
pub(super) fn inspect(connection: &Connection, path: &Path, known: i64) -> Result<Found, TallyError> {
    let doing = "read what kind of file it is";
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).doing(path, doing);
    let version = number("PRAGMA user_version")?;
    let application = number("PRAGMA application_id")?;
    let objects = number("SELECT count(*) FROM sqlite_schema")?;
    match (application, version) {
        (APPLICATION_ID, version) if version > known => {
            Err(TallyError::SchemaNewer { path: path.to_owned(), found: version, known })
        }
        (APPLICATION_ID, version) if version > 0 => Ok(Found::Ledger(version)),
        (0, 0) if objects == 0 => Ok(Found::Empty),
        _ => Err(TallyError::NotALedger { path: path.to_owned() }),
    }
}

/// Applies every step the file has not had. Returns the version it had before.
///
/// # Errors
/// As [`inspect`], or a step that could not be written; the steps before it stay.
pub(super) fn apply(connection: &mut Connection, path: &Path, steps: &[&str]) -> Result<i64, TallyError> {
    let known = i64::try_from(steps.len()).unwrap_or(i64::MAX);
    let before = match inspect(connection, path, known)? {
        Found::Empty => 0,
        Found::Ledger(version) => version,
    };
    let doing = "bring it to this program's schema";
    for (version, step) in (1i64..).zip(steps).filter(|(version, _)| *version > before) {
        let step_up =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).doing(path, doing)?;
        step_up.execute_batch(step).doing(path, doing)?;
        step_up.pragma_update(None, "application_id", APPLICATION_ID).doing(path, doing)?;
        step_up.pragma_update(None, "user_version", version).doing(path, doing)?;
        step_up.commit().doing(path, doing)?;
    }
    Ok(before)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::super::{Ledger, OutboxKind, RunInfo, corrections, verify};
    use super::*;
    use crate::clock::{Identity, Moment, WallTime};
    use crate::streams::Stream;

    fn memory() -> (Connection, &'static Path) {
        (Connection::open_in_memory().unwrap(), Path::new("memory"))
    }

    #[test]
    fn steps_are_applied_in_order_and_once() {
        let (mut connection, path) = memory();
        let steps = ["CREATE TABLE a (x)", "INSERT INTO a VALUES (2)", "INSERT INTO a VALUES (3)"];
        assert_eq!(apply(&mut connection, path, &steps[..2]).unwrap(), 0);
        assert_eq!(apply(&mut connection, path, &steps).unwrap(), 2);
        assert_eq!(apply(&mut connection, path, &steps).unwrap(), 3);
        let rows: String =
            connection.query_row("SELECT group_concat(x) FROM a", [], |row| row.get(0)).unwrap();
        assert_eq!(rows, "2,3");
    }

    #[test]
    fn a_ledger_of_the_first_version_is_brought_up_with_its_drops() {
        let (mut connection, path) = memory();
        apply(&mut connection, path, &STEPS[..1]).unwrap();
        let rows = "INSERT INTO ledger (only, epoch, created_ms) VALUES (1, 'epoch-of-1', 0);
                    INSERT INTO runs (run_id, boot_id, software, started_ms, started_synchronised, started_ns)
                    VALUES ('r', 'b', '0.1.0', 0, 0, 0);
                    INSERT INTO drops (seq, run, wall_ms, wall_synchronised, moment_ns, label, seen, probability,
                                       votes, stream, compartment, settled_ns, decided_ns)
                    VALUES (1, 1, 0, 0, 0, 'can', 'can', 0.9, 3, 'can', 1, 0, 0);";
        connection.execute_batch(rows).unwrap();
        assert_eq!(apply(&mut connection, path, STEPS).unwrap(), 1);
        assert_eq!(inspect(&connection, path, SCHEMA_VERSION).unwrap(), Found::Ledger(SCHEMA_VERSION));
        let count = |table: &str| {
            let sql = format!("SELECT count(*) FROM {table}");
            connection.query_row(&sql, [], |row| row.get::<_, i64>(0)).unwrap()
        };
        assert_eq!([count("drop_view"), count("audit"), count("compartment_log")], [1, 0, 0]);
    }

    #[test]
    fn messages_and_corrections_of_the_third_version_are_kept_in_order() {
        let (mut connection, path) = memory();
        connection.pragma_update(None, "foreign_keys", 1).unwrap();
        apply(&mut connection, path, &STEPS[..3]).unwrap();
        let rows = "INSERT INTO ledger (only, epoch, created_ms, last_seq) VALUES (1, 'epoch-of-3', 0, 3);
                    INSERT INTO runs (run_id, boot_id, software, started_ms, started_synchronised, started_ns)
                    VALUES ('r', 'b', '0.1.0', 0, 0, 0);
                    INSERT INTO drops (seq, run, state, wall_ms, wall_synchronised, moment_ns, label, seen,
                                       probability, votes, stream, compartment, settled_ns, decided_ns,
                                       closed_run, closed_ms, closed_synchronised, closed_ns)
                    SELECT value, 1, 'confirmed', 0, 0, 0, 'can', 'can', 0.9, 3, 'can', 1, 0, 0, 1, 0, 0, 0
                    FROM json_each('[1, 2, 3]');
                    INSERT INTO outbox (id, kind, seq, created_ms, created_synchronised)
                    VALUES (5, 'drop', 1, 50, 1), (6, 'drop', 2, 60, 1), (9, 'drop', 3, 90, 0);
                    DELETE FROM outbox WHERE id = 9;
                    INSERT INTO corrections (seq, truth, wall_ms, synchronised, who)
                    VALUES (3, 'glass', 95, 1, 'kim'), (1, 'paper', 96, 1, 'lee'), (3, 'can', 97, 1, 'kim');";
        connection.execute_batch(rows).unwrap();
        assert_eq!(apply(&mut connection, path, STEPS).unwrap(), 3);
        let sql =
            "SELECT group_concat(id || ' ' || kind || ' ' || seq || ' ' || coalesce(correction, '-') || ' '
                                       || created_ms, ', ' ORDER BY id) FROM outbox";
        let outbox: String = connection.query_row(sql, [], |row| row.get(0)).unwrap();
        // 9 was used, though its message is gone.
        let expected = "5 drop 1 - 50, 6 drop 2 - 60, 10 correction 3 1 95, 11 correction 1 2 96, \
                        12 correction 3 3 97";
        assert_eq!(outbox, expected);
        let invented =
            "INSERT INTO corrections (seq, truth, wall_ms, synchronised, who) VALUES (1, ?1, 98, 1, 'kim')";
        assert!(
            connection.execute(invented, ["city_3"]).is_ok()
                && connection.execute(invented, ["city_4"]).is_err()
        );
        let tables: i64 = connection
            .query_row("SELECT count(*) FROM sqlite_schema WHERE sql LIKE '%city_3%'", [], |row| row.get(0))
            .unwrap();
        assert_eq!(tables, 4, "drops, totals, compartments, corrections");
        let sound: String = connection
            .query_row("SELECT group_concat(integrity_check) FROM pragma_integrity_check", [], |row| {
                row.get(0)
            })
            .unwrap();
        assert_eq!(sound, "ok");
        let again = connection.execute(
            "INSERT INTO outbox (kind, seq, created_ms, created_synchronised) VALUES ('drop', 1, 0, 1)",
            [],
        );
        assert!(again.is_err(), "one message per drop");
    }

    #[test]
    fn words_of_the_eighth_version_still_hold_and_can_be_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tally.db");
        let mut connection = Connection::open(&path).unwrap();
        apply(&mut connection, &path, &STEPS[..8]).unwrap();
        let rows = "INSERT INTO ledger (only, epoch, created_ms, last_seq) VALUES (1, 'epoch-of-8', 0, 2);
                    INSERT INTO runs (run_id, boot_id, software, started_ms, started_synchronised, started_ns)
                    VALUES ('r', 'b', '0.1.0', 0, 0, 0);
                    INSERT INTO drops (seq, run, state, wall_ms, wall_synchronised, moment_ns, label, seen,
                                       probability, votes, stream, compartment, settled_ns, decided_ns,
                                       closed_run, closed_ms, closed_synchronised, closed_ns)
                    SELECT value, 1, 'confirmed', 0, 0, 0, 'can', 'can', 0.9, 3, 'can', 1, 0, 0, 1, 0, 0, 0
                    FROM json_each('[1, 2]');
                    INSERT INTO totals (seen, outcome, count) VALUES ('can', 'accepted', 2);
                    INSERT INTO corrections (seq, truth, wall_ms, synchronised, who)
                    VALUES (1, 'glass', 95, 1, 'kim'), (2, 'city_1', 96, 1, 'lee'), (1, 'paper', 97, 1, 'kim');
                    INSERT INTO outbox (kind, seq, correction, created_ms, created_synchronised)
                    SELECT 'correction', seq, id, wall_ms, synchronised FROM corrections;";
        connection.execute_batch(rows).unwrap();
        drop(connection);

        let identity = Identity { boot_id: "b".into(), run_id: "r-9".into() };
        let run = RunInfo { software: "test".into(), bundle: None };
        let (now, wall) = (Moment::from_millis(1), WallTime { unix_ms: 99, synchronised: true });
        let mut ledger = Ledger::open(&path, &identity, &run, now, wall).unwrap();
        let said = |path: &Path| corrections(path, 1, 2).unwrap();
        assert_eq!(said(&path), HashMap::from([(1, Stream::Paper), (2, Stream::City1)]));
        ledger.withdraw(1, "kim", wall).unwrap();
        assert_eq!(said(&path), HashMap::from([(2, Stream::City1)]));
        let queued = ledger.outbox_next(0, 9).unwrap();
        let kinds = queued.iter().map(|row| match row.kind {
            OutboxKind::Correction(word) => (word.number, word.truth, word.withdrawn),
            OutboxKind::Drop => panic!("no drop waits"),
        });
        let expected = [
            (1, Stream::Glass, false),
            (2, Stream::City1, false),
            (3, Stream::Paper, false),
            (4, Stream::Paper, true),
        ];
        assert_eq!(kinds.collect::<Vec<_>>(), expected);
        assert!(verify(&path).unwrap().sound());
    }

    #[test]
    fn a_failed_step_leaves_the_version_before_it() {
        let (mut connection, path) = memory();
        let steps = ["CREATE TABLE a (x)", "INSERT INTO a VALUES (1); INSERT INTO b VALUES (1)"];
        assert!(apply(&mut connection, path, &steps).is_err());
        assert_eq!(inspect(&connection, path, 2).unwrap(), Found::Ledger(1));
        let rows: i64 = connection.query_row("SELECT count(*) FROM a", [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 0);
    }

    #[test]
    fn a_newer_or_foreign_file_is_refused_untouched() {
        let (mut connection, path) = memory();
        apply(&mut connection, path, &["CREATE TABLE a (x)", "CREATE TABLE b (x)"]).unwrap();
        let newer = apply(&mut connection, path, &["CREATE TABLE a (x)"]);
        assert!(matches!(newer, Err(TallyError::SchemaNewer { found: 2, known: 1, .. })), "{newer:?}");

        let (mut connection, path) = memory();
        connection.execute_batch("CREATE TABLE somebody_elses (x)").unwrap();
        let foreign = apply(&mut connection, path, STEPS);
        assert!(matches!(foreign, Err(TallyError::NotALedger { .. })), "{foreign:?}");
        let objects: i64 =
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
        assert_eq!(objects, 1);
    }
}
