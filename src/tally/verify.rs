//! Is the ledger sound? Read beside a running daemon, in one snapshot.
//!
//! Every drop is read and counted again here, not by SQL: a connection opened for reading only does not know the
//! schema's CHECKs (SQLite leaves them out), so that its own `integrity_check` would not miss them.

use std::fmt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::error::{Doing, TallyError};
use super::open;
use super::outbox::OutboxAge;
use super::record::{DropRecord, DropState, Unsigned, drop_record, impossible};
use super::totals::{self, Counts, Outcome};
use crate::clock::WallTime;
use crate::judge::Reason;
use crate::streams::Stream;

/// The most problems of one kind that are listed.
const MAX_PROBLEMS: usize = 100;

/// Something in the file that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// The file's structure is damaged, in SQLite's words.
    Damage(String),
    /// A row refers to one that is not there.
    Dangling {
        /// The table of the row.
        table: String,
        /// The row, where the table has row numbers.
        row: Option<i64>,
        /// The table it refers to.
        refers_to: String,
    },
    /// A row that says what cannot be.
    Impossible {
        /// The drop.
        seq: u64,
        /// What is wrong with it.
        what: String,
    },
    /// A kept count is not what the drops say.
    TotalDiffers {
        /// The stream the items looked like.
        seen: Stream,
        /// What became of them.
        outcome: Outcome,
        /// The count as kept.
        kept: u64,
        /// The count of the drops.
        counted: u64,
    },
    /// Numbers with no drop.
    Gap {
        /// The first one missing.
        first: u64,
        /// The last one missing.
        last: u64,
    },
    /// A drop numbered beyond the newest number given out.
    BeyondLast {
        /// Its number.
        seq: u64,
        /// The newest number given out.
        last_seq: u64,
    },
    /// A message about a drop that is not confirmed.
    UnconfirmedMessage {
        /// The message.
        id: u64,
        /// The drop.
        seq: u64,
        /// The drop's state.
        state: DropState,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damage(what) => write!(f, "damage: {what}"),
            Self::Dangling { table, row: Some(row), refers_to } => {
                write!(f, "row {row} of {table} refers to a row of {refers_to} that is not there")
            }
            Self::Dangling { table, row: None, refers_to } => {
                write!(f, "a row of {table} refers to a row of {refers_to} that is not there")
            }
            Self::Impossible { seq, what } => write!(f, "drop {seq} cannot be: {what}"),
            Self::TotalDiffers { seen, outcome, kept, counted } => {
                write!(f, "the total of {seen}, {}, is {kept} but the drops say {counted}", outcome.id())
            }
            Self::Gap { first, last } if first == last => write!(f, "drop {first} is missing"),
            Self::Gap { first, last } => write!(f, "drops {first} to {last} are missing"),
            Self::BeyondLast { seq, last_seq } => {
                write!(f, "drop {seq} is beyond {last_seq}, the newest number given out")
            }
            Self::UnconfirmedMessage { id, seq, state } => {
                write!(f, "message {id} tells of drop {seq}, which is not confirmed but {state}")
            }
        }
    }
}

/// What a ledger holds and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The file.
    pub path: PathBuf,
    /// Its schema.
    pub schema: i64,
    /// Its epoch; `None` if no run has ever begun.
    pub epoch: Option<String>,
    /// The newest number given out.
    pub last_seq: u64,
    /// Closed drops, counted from the drops themselves.
    pub counts: Counts,
    /// The drop that is neither confirmed nor void: normal while one is under way.
    pub open_intent: Option<u64>,
    /// Drops whose time no time service vouched for.
    pub unsynchronised: u64,
    /// Wall time of the first and the newest drop, in Unix milliseconds as the board believed.
    pub decided_ms: Option<(i64, i64)>,
    /// Starts of the program.
    pub runs: u64,
    /// Of these, the ones that ended without saying so.
    pub runs_lost: u64,
    /// Messages the hub has not acknowledged.
    pub outbox: u64,
    /// The one that has waited longest.
    pub outbox_oldest: Option<OutboxAge>,
    /// Size of the file in bytes, its log not included.
    pub file_bytes: u64,
    /// What is wrong; empty for a sound ledger.
    pub problems: Vec<Problem>,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn sound(&self) -> bool {
        self.problems.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "ledger          {} (schema {})", self.path.display(), self.schema)?;
        writeln!(f, "epoch           {}", self.epoch.as_deref().unwrap_or("not begun"))?;
        let (confirmed, returned) = (self.counts.confirmed(), self.counts.returned());
        writeln!(f, "numbers         1 to {}", self.last_seq)?;
        writeln!(f, "confirmed       {confirmed}, of these handed back {returned}")?;
        writeln!(f, "void            {}", self.counts.voided())?;
        writeln!(
            f,
            "open            {}",
            self.open_intent.map_or("none".to_owned(), |seq| format!("drop {seq}"))
        )?;
        writeln!(f, "time unsure     {}", self.unsynchronised)?;
        writeln!(f, "runs            {}, of these lost {}", self.runs, self.runs_lost)?;
        writeln!(f, "not yet told    {}", self.outbox)?;
        writeln!(f, "size            {} bytes", self.file_bytes)?;
        for problem in &self.problems {
            writeln!(f, "PROBLEM         {problem}")?;
        }
        write!(f, "{}", if self.sound() { "sound" } else { "NOT SOUND: save it and report this" })
    }
}

/// Checks the ledger at `path` and counts everything again. Writes nothing; a running daemon is not disturbed.
///
/// # Errors
/// When the file cannot be opened or is too damaged to be read; what can be read but is wrong is in the report.
pub fn verify(path: &Path) -> Result<Report, TallyError> {
    let mut connection = open::for_reading(path)?;
    let doing = "verify the ledger";
    let snapshot = connection.transaction_with_behavior(TransactionBehavior::Deferred).doing(path, doing)?;
    let mut report = statistics(&snapshot, path).doing(path, doing)?;
    let mut problems = Vec::new();
    structure(&snapshot, &mut problems).doing(path, doing)?;
    report.counts = drops(&snapshot, &mut problems).doing(path, doing)?;
    numbers(&snapshot, report.last_seq, &mut problems).doing(path, doing)?;
    messages(&snapshot, &mut problems).doing(path, doing)?;
    let kept = totals::kept(&snapshot).doing(path, doing)?;
    compare(&kept, &report.counts, &mut problems);
    report.problems = problems;
    Ok(report)
}

fn statistics(snapshot: &Connection, path: &Path) -> rusqlite::Result<Report> {
    let count = |sql: &str| snapshot.query_row(sql, [], |row| row.get::<_, Unsigned>(0)).map(|count| count.0);
    let ledger = snapshot
        .query_row("SELECT epoch, last_seq FROM ledger", [], |row| {
            Ok((row.get(0)?, row.get::<_, Unsigned>(1)?.0))
        })
        .optional()?;
    let (epoch, last_seq) = ledger.map_or((None, 0), |(epoch, last_seq)| (Some(epoch), last_seq));
    let decided: (Option<i64>, Option<i64>) =
        snapshot.query_row("SELECT min(wall_ms), max(wall_ms) FROM drops", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let oldest_sql = "SELECT id, created_ms, created_synchronised FROM outbox ORDER BY id LIMIT 1";
    let oldest = snapshot.query_row(oldest_sql, [], |row| {
        let created = WallTime { unix_ms: row.get(1)?, synchronised: row.get(2)? };
        Ok(OutboxAge { id: row.get::<_, Unsigned>(0)?.0, created })
    });
    Ok(Report {
        path: path.to_owned(),
        schema: snapshot.query_row("PRAGMA user_version", [], |row| row.get(0))?,
        epoch,
        last_seq,
        counts: Counts::default(),
        open_intent: snapshot
            .query_row("SELECT seq FROM drops WHERE state = 'intent'", [], |row| row.get::<_, Unsigned>(0))
            .optional()?
            .map(|seq| seq.0),
        unsynchronised: count("SELECT count(*) FROM drops WHERE NOT wall_synchronised")?,
        decided_ms: decided.0.zip(decided.1),
        runs: count("SELECT count(*) FROM runs")?,
        runs_lost: count("SELECT count(*) FROM runs WHERE ended = 'unknown'")?,
        outbox: count("SELECT count(*) FROM outbox")?,
        outbox_oldest: oldest.optional()?,
        file_bytes: count("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")?,
        problems: Vec::new(),
    })
}

fn structure(snapshot: &Connection, problems: &mut Vec<Problem>) -> rusqlite::Result<()> {
    let mut check = snapshot.prepare(&format!("PRAGMA integrity_check({MAX_PROBLEMS})"))?;
    for line in check.query_map([], |row| row.get::<_, String>(0))? {
        let line = line?;
        if line != "ok" {
            problems.push(Problem::Damage(line));
        }
    }
    let mut dangling = snapshot.prepare("PRAGMA foreign_key_check")?;
    let rows = dangling.query_map([], |row| {
        Ok(Problem::Dangling { table: row.get(0)?, row: row.get(1)?, refers_to: row.get(2)? })
    })?;
    for problem in rows.take(MAX_PROBLEMS) {
        problems.push(problem?);
    }
    Ok(())
}

/// Reads every drop, counts it, and notes what cannot be.
fn drops(snapshot: &Connection, problems: &mut Vec<Problem>) -> rusqlite::Result<Counts> {
    let mut counts = Counts::default();
    let mut impossible_ones = 0;
    let mut query = snapshot.prepare("SELECT * FROM drop_view ORDER BY seq")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let what = match drop_record(row) {
            Ok(record) => {
                if let Some(outcome) = record.outcome() {
                    counts.add(record.verdict.seen, outcome);
                }
                contradiction(&record)
            }
            Err(error) => Some(error.to_string()),
        };
        if let Some(what) = what.filter(|_| impossible_ones < MAX_PROBLEMS) {
            impossible_ones += 1;
            problems.push(Problem::Impossible { seq: row.get::<_, i64>("seq")?.unsigned_abs(), what });
        }
    }
    Ok(counts)
}

fn contradiction(record: &DropRecord) -> Option<String> {
    if record.closed.is_some() == (record.state == DropState::Intent) {
        return Some(format!("it is {} and closed: {}", record.state, record.closed.is_some()));
    }
    if record.void_cause.is_some() != (record.state == DropState::Void) {
        return Some(format!("it is {} with the cause {:?}", record.state, record.void_cause));
    }
    impossible(&record.verdict)
}

fn numbers(snapshot: &Connection, last_seq: u64, problems: &mut Vec<Problem>) -> rusqlite::Result<()> {
    // Each drop with the number before it; the end stands as if one more drop followed the last number.
    let sql = "SELECT seq, lag(seq, 1, 0) OVER (ORDER BY seq) AS before FROM
                 (SELECT seq FROM drops UNION SELECT coalesce(max(last_seq), 0) + 1 FROM ledger)";
    let mut query = snapshot.prepare(&format!("SELECT seq, before FROM ({sql}) WHERE seq <> before + 1"))?;
    let gaps = query.query_map([], |row| Ok((row.get::<_, Unsigned>(0)?.0, row.get::<_, Unsigned>(1)?.0)))?;
    for gap in gaps.take(MAX_PROBLEMS) {
        let (seq, before) = gap?;
        problems.push(Problem::Gap { first: before + 1, last: seq - 1 });
    }
    let sql = "SELECT seq FROM drops WHERE seq > (SELECT coalesce(max(last_seq), 0) FROM ledger)";
    let mut query = snapshot.prepare(sql)?;
    for seq in query.query_map([], |row| row.get::<_, Unsigned>(0))?.take(MAX_PROBLEMS) {
        problems.push(Problem::BeyondLast { seq: seq?.0, last_seq });
    }
    Ok(())
}

fn messages(snapshot: &Connection, problems: &mut Vec<Problem>) -> rusqlite::Result<()> {
    let sql = "SELECT o.id, o.seq, d.state FROM outbox AS o JOIN drops AS d ON d.seq = o.seq
               WHERE d.state <> 'confirmed' ORDER BY o.id";
    let mut query = snapshot.prepare(sql)?;
    let rows = query.query_map([], |row| {
        Ok(Problem::UnconfirmedMessage {
            id: row.get::<_, Unsigned>(0)?.0,
            seq: row.get::<_, Unsigned>(1)?.0,
            state: row.get::<_, super::record::Named<DropState>>(2)?.0,
        })
    })?;
    for problem in rows.take(MAX_PROBLEMS) {
        problems.push(problem?);
    }
    Ok(())
}

fn compare(kept: &Counts, counted: &Counts, problems: &mut Vec<Problem>) {
    let rejects = Reason::ALL.map(Outcome::Rejected);
    for seen in Stream::ALL {
        for outcome in [Outcome::Accepted, Outcome::Returned, Outcome::Void].into_iter().chain(rejects) {
            let (kept, counted) = (kept.get(seen, outcome), counted.get(seen, outcome));
            if kept != counted {
                problems.push(Problem::TotalDiffers { seen, outcome, kept, counted });
            }
        }
    }
}
