//! The ledger's one writer: intents, confirmations, voids.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::error::{Doing, TallyError};
use super::events::{Confirmed, Opened, RunLost, Voided, WriteHealth};
use super::open::{self, Lock};
use super::record::{
    BundleInfo, ConfirmedDrop, DropRecord, DropState, Intent, Named, OpenIntent, RunInfo, Unsigned,
    drop_record, impossible, nanos,
};
use super::{MAX_CHAMBER_BYTES, MAX_ROWS, MAX_TEXT_BYTES};
use crate::clock::{Identity, Moment, WallTime, fresh_id};

/// The bin's ledger, open for writing by this process alone.
#[derive(Debug)]
pub struct Ledger {
    // Before the lock: the connection must be closed when the lock is freed.
    pub(super) connection: Connection,
    pub(super) path: PathBuf,
    pub(super) epoch: String,
    pub(super) run: i64,
    /// What this run recognises with.
    bundle: Option<BundleInfo>,
    pub(super) outbox_head: u64,
    health: WriteHealth,
    _lock: Lock,
}

impl Ledger {
    /// Opens the ledger at `path`, making it where there is none, and notes the start of this run.
    ///
    /// After a run that did not say goodbye the file is checked for damage first.
    ///
    /// # Errors
    /// Every kind that [`TallyError`] names for a file; nothing was written then, but for a finished schema step.
    pub fn open(
        path: &Path,
        identity: &Identity,
        run: &RunInfo,
        now: Moment,
        wall: WallTime,
    ) -> Result<Self, TallyError> {
        let (connection, lock, upgraded_from) = open::for_writing(path)?;
        let mut ledger = Self {
            connection,
            path: path.to_owned(),
            epoch: String::new(),
            run: 0,
            bundle: run.bundle.clone(),
            outbox_head: 0,
            health: WriteHealth::default(),
            _lock: lock,
        };
        let lost = ledger.lost_run()?;
        if lost.is_some() {
            quick_check(&ledger.connection, path)?;
        }
        ledger.begin_run(identity, run, now, wall)?;
        if let Some(run_id) = &lost {
            RunLost { run_id, open_intent: ledger.open_seq()? }.emit();
        }
        let (last_seq, outbox) = (ledger.last_seq()?, ledger.outbox_len()?);
        Opened { path, epoch: &ledger.epoch, last_seq, outbox, upgraded_from }.emit();
        Ok(ledger)
    }

    /// Says goodbye and closes the file, its log written back.
    ///
    /// # Errors
    /// When the goodbye cannot be written: the next start then finds a run that ended unknown, and nothing else.
    pub fn close(mut self, now: Moment, wall: WallTime) -> Result<(), TallyError> {
        let run = self.run;
        self.write("note the end of the run", |write, path| {
            let sql = "UPDATE runs SET ended = 'clean', ended_ms = ?2, ended_ns = ?3 WHERE id = ?1";
            write.execute(sql, params![run, wall.unix_ms, nanos(now)]).doing(path, "note the end of the run")
        })?;
        let Self { connection, path, .. } = self;
        connection.close().map_err(|(_, source)| source).doing(&path, "close the ledger")
    }

    /// This ledger's epoch.
    pub fn epoch(&self) -> &str {
        &self.epoch
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// This bundle judges what is intended from now on: where it is another one than before, this run's row is closed and
    /// another one begins, with the same `run_id`.
    ///
    /// # Errors
    /// What the file met; the row is the old one then.
    pub fn work_with(&mut self, bundle: &BundleInfo, now: Moment, wall: WallTime) -> Result<(), TallyError> {
        if self.bundle.as_ref() == Some(bundle) {
            return Ok(());
        }
        let (run, doing) = (self.run, "note another bundle");
        self.run = self.write(doing, |write, path| {
            let change = || -> rusqlite::Result<i64> {
                let sql = "UPDATE runs SET ended = 'clean', ended_ms = ?2, ended_ns = ?3 WHERE id = ?1";
                write.execute(sql, params![run, wall.unix_ms, nanos(now)])?;
                let sql = "INSERT INTO runs (run_id, boot_id, software, bundle, bundle_sha256, started_ms,
                                             started_synchronised, started_ns)
                           SELECT run_id, boot_id, software, ?2, ?3, ?4, ?5, ?6 FROM runs WHERE id = ?1";
                let (wall_ms, synchronised) = (wall.unix_ms, wall.synchronised);
                let row = params![run, bundle.name, bundle.sha256, wall_ms, synchronised, nanos(now)];
                write.execute(sql, row)?;
                Ok(write.last_insert_rowid())
            };
            change().doing(path, doing)
        })?;
        self.bundle = Some(bundle.clone());
        Ok(())
    }

    /// Writes what is about to happen and gives it the next number. Once this returns, the flap may move.
    ///
    /// # Errors
    /// [`TallyError::IntentOpen`] while another is open, [`TallyError::InvalidIntent`] for a verdict that cannot be
    /// true, or what the file met. In every case nothing is written and nothing may move.
    pub fn intend(&mut self, intent: &Intent<'_>) -> Result<u64, TallyError> {
        check(intent)?;
        let run = self.run;
        self.write("write the intent", |write, path| {
            let doing = "write the intent";
            if let Some(seq) = open_seq(write).doing(path, doing)? {
                return Err(TallyError::IntentOpen { seq });
            }
            let sql = "UPDATE ledger SET last_seq = last_seq + 1 RETURNING last_seq";
            let seq: i64 = write.query_row(sql, [], |row| row.get(0)).doing(path, doing)?;
            insert_intent(write, seq, run, intent).doing(path, doing)?;
            if let Some(image) = intent.chamber {
                let sql = "INSERT INTO chamber (only, seq, image) VALUES (1, ?1, ?2)
                           ON CONFLICT (only) DO UPDATE SET seq = excluded.seq, image = excluded.image";
                write.execute(sql, params![seq, image]).doing(path, doing)?;
            }
            Ok(seq.unsigned_abs())
        })
    }

    /// Writes that the item is gone: counts it and queues it for the hub. Doing it again changes nothing.
    ///
    /// # Errors
    /// [`TallyError::UnknownDrop`], [`TallyError::AlreadyClosed`] if it was voided, or what the file met; then
    /// nothing is written, the intent stays open and the call is to be repeated.
    pub fn confirm(&mut self, seq: u64, now: Moment, wall: WallTime) -> Result<ConfirmedDrop, TallyError> {
        let run = self.run;
        let (confirmed, outbox_id) = self.write("confirm the drop", |write, path| {
            let doing = "confirm the drop";
            if state_of(write, path, seq)? == DropState::Confirmed {
                let record = read_drop(write, seq).doing(path, doing)?;
                return Ok((ConfirmedDrop { record, already: true }, None));
            }
            close_drop(write, path, seq, &Close { run, now, wall, cause: None })?;
            let sql = "INSERT INTO outbox (kind, seq, created_ms, created_synchronised)
                       VALUES ('drop', ?1, ?2, ?3) RETURNING id";
            let outbox_id: Unsigned = write
                .query_row(sql, params![signed(seq), wall.unix_ms, wall.synchronised], |row| row.get(0))
                .doing(path, doing)?;
            let record = read_drop(write, seq).doing(path, doing)?;
            Ok((ConfirmedDrop { record, already: false }, Some(outbox_id.0)))
        })?;
        if let Some(id) = outbox_id {
            self.outbox_head = id;
            Confirmed(&confirmed.record).emit();
        }
        Ok(confirmed)
    }

    /// Writes what an open drop weighs, in grams; to be followed by [`Ledger::confirm`]. Again, it is another weight.
    ///
    /// # Errors
    /// [`TallyError::UnknownDrop`], [`TallyError::AlreadyClosed`] since what the hub was told never changes, or what the
    /// file met; nothing is written then.
    pub fn weigh(&mut self, seq: u64, weight_g: f32) -> Result<(), TallyError> {
        let doing = "weigh";
        self.write("write what it weighs", |write, path| {
            let state = state_of(write, path, seq)?;
            if state != DropState::Intent {
                return Err(TallyError::AlreadyClosed { seq, doing, state });
            }
            let sql = "INSERT INTO weights (seq, weight_g) VALUES (?1, ?2)
                       ON CONFLICT (seq) DO UPDATE SET weight_g = excluded.weight_g";
            let grams = (f64::from(weight_g) * 10.0).round() / 10.0;
            write.execute(sql, params![signed(seq), grams]).map(|_| ()).doing(path, "write what it weighs")
        })
    }

    /// Writes that the intent came to nothing, and why (kept to 256 bytes). Doing it again changes nothing.
    ///
    /// # Errors
    /// [`TallyError::UnknownDrop`], [`TallyError::AlreadyClosed`] if it was confirmed, or what the file met; then
    /// nothing is written.
    pub fn void(&mut self, seq: u64, cause: &str, now: Moment, wall: WallTime) -> Result<(), TallyError> {
        let run = self.run;
        let cause = if cause.is_empty() { "no cause given" } else { cause };
        let cause = &cause[..cause.floor_char_boundary(MAX_TEXT_BYTES)];
        let changed = self.write("void the drop", |write, path| {
            if state_of(write, path, seq)? == DropState::Void {
                return Ok(false);
            }
            close_drop(write, path, seq, &Close { run, now, wall, cause: Some(cause) })?;
            Ok(true)
        })?;
        if changed {
            Voided { seq, cause }.emit();
        }
        Ok(())
    }

    /// The drop that is neither confirmed nor void, with the empty chamber to compare with.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn open_intent(&self) -> Result<Option<OpenIntent>, TallyError> {
        let doing = "read the open intent";
        let Some(seq) = self.open_seq()? else { return Ok(None) };
        let record = read_drop(&self.connection, seq).doing(&self.path, doing)?;
        let chamber = self
            .connection
            .query_row("SELECT image FROM chamber", [], |row| row.get(0))
            .optional()
            .doing(&self.path, doing)?;
        Ok(Some(OpenIntent { record, chamber }))
    }

    /// The newest `limit` drops (at most [`MAX_ROWS`]) of every state, newest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn recent(&self, limit: usize) -> Result<Vec<DropRecord>, TallyError> {
        let limit = i64::try_from(limit.min(MAX_ROWS)).unwrap_or(i64::MAX);
        let read = || {
            let mut query =
                self.connection.prepare_cached("SELECT * FROM drop_view ORDER BY seq DESC LIMIT ?1")?;
            query.query_map([limit], drop_record)?.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().doing(&self.path, "read the last drops")
    }

    /// The newest number given out, 0 before the first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn last_seq(&self) -> Result<u64, TallyError> {
        self.connection
            .query_row("SELECT last_seq FROM ledger", [], |row| row.get::<_, Unsigned>(0))
            .map(|seq| seq.0)
            .doing(&self.path, "read the newest number")
    }

    fn open_seq(&self) -> Result<Option<u64>, TallyError> {
        open_seq(&self.connection).doing(&self.path, "read the open intent")
    }

    /// The run that is noted as running though it cannot be: this process holds the lock.
    fn lost_run(&self) -> Result<Option<String>, TallyError> {
        self.connection
            .query_row("SELECT run_id FROM runs WHERE ended = 'running'", [], |row| row.get(0))
            .optional()
            .doing(&self.path, "read how the last run ended")
    }

    fn begin_run(
        &mut self,
        identity: &Identity,
        run: &RunInfo,
        now: Moment,
        wall: WallTime,
    ) -> Result<(), TallyError> {
        let doing = "note the start of the run";
        let fresh = fresh_id().doing(&self.path, "draw an epoch")?;
        let (epoch, run, head) = self.write(doing, |write, path| {
            let begin = || -> rusqlite::Result<(String, i64, Unsigned)> {
                write.execute(
                    "INSERT INTO ledger (only, epoch, created_ms) VALUES (1, ?1, ?2) ON CONFLICT DO NOTHING",
                    params![fresh, wall.unix_ms],
                )?;
                write.execute("UPDATE runs SET ended = 'unknown' WHERE ended = 'running'", [])?;
                let sql = "INSERT INTO runs (run_id, boot_id, software, bundle, bundle_sha256, started_ms,
                                             started_synchronised, started_ns)
                           VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
                let bundle = run.bundle.as_ref();
                write.execute(
                    sql,
                    params![
                        identity.run_id,
                        identity.boot_id,
                        run.software,
                        bundle.map(|bundle| &bundle.name),
                        bundle.map(|bundle| &bundle.sha256),
                        wall.unix_ms,
                        wall.synchronised,
                        nanos(now)
                    ],
                )?;
                let run = write.last_insert_rowid();
                let epoch = write.query_row("SELECT epoch FROM ledger", [], |row| row.get(0))?;
                let head =
                    write.query_row("SELECT coalesce(max(id), 0) FROM outbox", [], |row| row.get(0))?;
                Ok((epoch, run, head))
            };
            begin().doing(path, doing)
        })?;
        (self.epoch, self.run, self.outbox_head) = (epoch, run, head.0);
        Ok(())
    }

    /// Runs `work` in one transaction: all of it is on the disk when this returns `Ok`, none of it otherwise.
    pub(super) fn write<T>(
        &mut self,
        doing: &'static str,
        work: impl FnOnce(&Transaction<'_>, &Path) -> Result<T, TallyError>,
    ) -> Result<T, TallyError> {
        let path = &self.path;
        let connection = &mut self.connection;
        let attempt = || {
            let write =
                connection.transaction_with_behavior(TransactionBehavior::Immediate).doing(path, doing)?;
            let value = work(&write, path)?;
            write.commit().doing(path, doing)?;
            Ok(value)
        };
        let outcome = attempt();
        self.health.note(&outcome);
        outcome
    }
}

struct Close<'a> {
    run: i64,
    now: Moment,
    wall: WallTime,
    cause: Option<&'a str>,
}

/// Moves an open drop to its final state and counts it.
fn close_drop(write: &Transaction<'_>, path: &Path, seq: u64, close: &Close<'_>) -> Result<(), TallyError> {
    let (state, doing) = match close.cause {
        None => (DropState::Confirmed, "confirm"),
        Some(_) => (DropState::Void, "void"),
    };
    let found = state_of(write, path, seq)?;
    if found != DropState::Intent {
        return Err(TallyError::AlreadyClosed { seq, doing, state: found });
    }
    let sql = "UPDATE drops SET state = ?2, closed_run = ?3, closed_ms = ?4, closed_synchronised = ?5,
                                closed_ns = ?6, void_cause = ?7
               WHERE seq = ?1 AND state = 'intent'";
    let Close { run, now, wall, cause } = close;
    let row = params![signed(seq), state.id(), run, wall.unix_ms, wall.synchronised, nanos(*now), cause];
    write.execute(sql, row).doing(path, "close the drop")?;
    let sql =
        "INSERT INTO totals (seen, outcome, count) SELECT seen, outcome, 1 FROM drop_view WHERE seq = ?1
               ON CONFLICT (seen, outcome) DO UPDATE SET count = count + 1";
    write.execute(sql, [signed(seq)]).doing(path, "count the drop")?;
    Ok(())
}

fn insert_intent(
    write: &Transaction<'_>,
    seq: i64,
    run: i64,
    intent: &Intent<'_>,
) -> rusqlite::Result<usize> {
    let sql = "INSERT INTO drops (seq, run, wall_ms, wall_synchronised, moment_ns, label, seen, probability,
                                  votes, stream, compartment, reason, settled_ns, decided_ns)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";
    let verdict = intent.verdict;
    write.execute(
        sql,
        params![
            seq,
            run,
            intent.wall.unix_ms,
            intent.wall.synchronised,
            nanos(intent.moment),
            &*verdict.label,
            verdict.seen.id(),
            verdict.probability,
            verdict.votes,
            verdict.stream.id(),
            verdict.compartment.map(|compartment| compartment.0),
            verdict.reason.map(|reason| reason.id()),
            nanos(verdict.settled_at),
            nanos(verdict.decided_at),
        ],
    )
}

/// Refuses what cannot be true, with a better word than the schema's CHECKs have.
fn check(intent: &Intent<'_>) -> Result<(), TallyError> {
    let too_large = intent.chamber.is_some_and(|image| image.len() > MAX_CHAMBER_BYTES);
    let what = match impossible(intent.verdict) {
        Some(what) => what,
        None if too_large => format!("its picture of the chamber is larger than {MAX_CHAMBER_BYTES} bytes"),
        None => return Ok(()),
    };
    Err(TallyError::InvalidIntent { what })
}

/// A number asked for; one that no row can have finds none.
pub(super) fn signed(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(-1)
}

fn open_seq(connection: &Connection) -> rusqlite::Result<Option<u64>> {
    let sql = "SELECT seq FROM drops WHERE state = 'intent'";
    let seq = connection.query_row(sql, [], |row| row.get::<_, Unsigned>(0)).optional()?;
    Ok(seq.map(|seq| seq.0))
}

fn state_of(connection: &Connection, path: &Path, seq: u64) -> Result<DropState, TallyError> {
    let sql = "SELECT state FROM drops WHERE seq = ?1";
    connection
        .query_row(sql, [signed(seq)], |row| row.get::<_, Named<DropState>>(0))
        .optional()
        .doing(path, "read the drop")?
        .map(|state| state.0)
        .ok_or(TallyError::UnknownDrop { seq })
}

fn read_drop(connection: &Connection, seq: u64) -> rusqlite::Result<DropRecord> {
    connection.query_row("SELECT * FROM drop_view WHERE seq = ?1", [signed(seq)], drop_record)
}

fn quick_check(connection: &Connection, path: &Path) -> Result<(), TallyError> {
    let doing = "check the ledger after a run that did not end";
    let detail: String =
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).doing(path, doing)?;
    if detail == "ok" { Ok(()) } else { Err(TallyError::Corrupt { path: path.to_owned(), doing, detail }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::{CompartmentId, Verdict};
    use crate::streams::Stream;

    /// The same as a full disk to everything above SQLite's files, for those who may not mount a small one.
    #[test]
    fn a_full_file_refuses_whole_calls_and_takes_them_again_later() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tally.db");
        let identity = Identity { boot_id: "boot".into(), run_id: "run".into() };
        let run = RunInfo { software: "test".into(), bundle: None };
        let (now, wall) = (Moment::from_millis(1), WallTime { unix_ms: 1, synchronised: false });
        let mut ledger = Ledger::open(&path, &identity, &run, now, wall).unwrap();
        let pages: i64 = ledger.connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
        ledger.connection.pragma_update(None, "max_page_count", pages + 2).unwrap();

        let verdict = Verdict {
            label: "x".repeat(MAX_TEXT_BYTES).into(),
            seen: Stream::Can,
            probability: 1.0,
            stream: Stream::Can,
            compartment: Some(CompartmentId(0)),
            reason: None,
            votes: 1,
            settled_at: now,
            decided_at: now,
        };
        let intent = Intent { verdict: &verdict, moment: now, wall, chamber: None };
        let mut last = 0;
        let error = loop {
            match ledger.intend(&intent).and_then(|seq| {
                last = seq;
                ledger.confirm(seq, now, wall)
            }) {
                Ok(_) => assert!(last < 1_000, "two pages never get full"),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, TallyError::DiskFull { .. }) && error.is_transient(), "{error}");
        assert!(last > 3, "it was full from the start");
        let before = ledger.totals().unwrap();
        let large = Intent { chamber: Some(&[7; 50_000]), ..intent };
        if ledger.open_intent().unwrap().is_none() {
            let error = ledger.intend(&large).unwrap_err();
            assert!(matches!(error, TallyError::DiskFull { .. }), "{error}");
        }
        assert_eq!(ledger.totals().unwrap(), before);

        ledger.connection.pragma_update(None, "max_page_count", pages + 1_000).unwrap();
        if let Some(open) = ledger.open_intent().unwrap() {
            assert!(!ledger.confirm(open.record.seq, now, wall).unwrap().already);
        }
        let next = ledger.intend(&large).unwrap();
        assert_eq!(next, before.last_seq + 1);
        ledger.confirm(next, now, wall).unwrap();
        let report = super::super::verify(&path).unwrap();
        assert!(report.sound() && report.counts.confirmed() == next, "{report}");
    }

    #[test]
    fn every_drop_is_of_the_bundle_that_judged_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tally.db");
        let identity = Identity { boot_id: "boot".into(), run_id: "run".into() };
        let bundle = |name: &str| BundleInfo { name: name.into(), sha256: format!("{name} sha") };
        let run = RunInfo { software: "test".into(), bundle: Some(bundle("old")) };
        let (now, wall) = (Moment::from_millis(1), WallTime { unix_ms: 1, synchronised: false });
        let mut ledger = Ledger::open(&path, &identity, &run, now, wall).unwrap();
        let verdict = Verdict {
            label: "can".into(),
            seen: Stream::Can,
            probability: 1.0,
            stream: Stream::Can,
            compartment: Some(CompartmentId(0)),
            reason: None,
            votes: 1,
            settled_at: now,
            decided_at: now,
        };
        let intent = Intent { verdict: &verdict, moment: now, wall, chamber: None };
        let mut judged = Vec::new();
        // Exchanged while the first is on its way, and again with nothing in between.
        for (during, after) in [("old", "new"), ("new", "new"), ("old", "old")] {
            ledger.work_with(&bundle(during), now, wall).unwrap();
            let seq = ledger.intend(&intent).unwrap();
            ledger.work_with(&bundle(after), now, wall).unwrap();
            judged.push(ledger.confirm(seq, now, wall).unwrap().record.bundle.unwrap().name);
        }
        assert_eq!(judged, ["old", "new", "old"]);
        let runs = "SELECT group_concat(run_id || ' ' || bundle || ' ' || ended, ', ') FROM runs";
        let runs: String = ledger.connection.query_row(runs, [], |row| row.get(0)).unwrap();
        assert_eq!(runs, "run old clean, run new clean, run old running");
        drop(ledger);
        assert!(super::super::verify(&path).unwrap().sound());
    }
}
