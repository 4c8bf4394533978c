//! The rows as the rest of the program sees them.

use std::fmt;

use rusqlite::Row;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};

use super::MAX_TEXT_BYTES;
use super::totals::Outcome;
use crate::clock::{Moment, WallTime};
use crate::judge::{CompartmentId, Reason, Verdict};
use crate::streams::Stream;

/// What this run of the program is, for its row in `runs`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunInfo {
    /// Version and commit of this program.
    pub software: String,
    /// Name and sha256 of the model bundle, where one is loaded.
    pub bundle: Option<BundleInfo>,
}

/// Which model bundle a run recognises with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleInfo {
    /// Its name and version.
    pub name: String,
    /// The hash it is known by, in hexadecimal.
    pub sha256: String,
}

/// What is written before the flap may move.
#[derive(Clone, Copy, Debug)]
pub struct Intent<'a> {
    /// The decision.
    pub verdict: &'a Verdict,
    /// When `wall` was read.
    pub moment: Moment,
    /// The drop's time for ever.
    pub wall: WallTime,
    /// The empty chamber as the camera knows it, at most [`super::MAX_CHAMBER_BYTES`]; `None`: as last written.
    pub chamber: Option<&'a [u8]>,
}

/// How far a drop has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DropState {
    /// Decided; not yet known to have happened.
    Intent,
    /// The item is gone from the chamber.
    Confirmed,
    /// It did not happen.
    Void,
}

impl DropState {
    /// The identifier used in the file and in exports.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Intent => "intent",
            Self::Confirmed => "confirmed",
            Self::Void => "void",
        }
    }

    fn from_id(id: &str) -> Option<Self> {
        [Self::Intent, Self::Confirmed, Self::Void].into_iter().find(|state| state.id() == id)
    }
}

impl fmt::Display for DropState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

/// When and by whom a drop was confirmed or voided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    /// The wall time then.
    pub wall: WallTime,
    /// The monotonic moment then, in the boot `boot_id`.
    pub moment: Moment,
    /// The boot: another one than the drop's if the power went in between.
    pub boot_id: String,
    /// The run of the process.
    pub run_id: String,
}

/// One drop with everything the ledger knows about it.
#[derive(Clone, Debug, PartialEq)]
pub struct DropRecord {
    /// Its number in the epoch, from 1, given once.
    pub seq: u64,
    /// `<epoch>:<seq>`: what the hub recognises a repeated message by.
    pub id: String,
    /// How far it has come.
    pub state: DropState,
    /// The decision. Its moments belong to the boot `boot_id`.
    pub verdict: Verdict,
    /// When it was decided: fixed for ever.
    pub wall: WallTime,
    /// The moment at which `wall` was read.
    pub moment: Moment,
    /// The boot in which it was decided.
    pub boot_id: String,
    /// The run in which it was decided.
    pub run_id: String,
    /// Version of the program that decided.
    pub software: String,
    /// The model bundle it decided with.
    pub bundle: Option<BundleInfo>,
    /// When it was confirmed or voided.
    pub closed: Option<Closing>,
    /// Why it was voided.
    pub void_cause: Option<String>,
    /// What it weighed, in grams; `None`: nobody has weighed it.
    pub weight_g: Option<f32>,
}

impl DropRecord {
    /// Whether the item was handed back instead of being sorted.
    pub const fn returned(&self) -> bool {
        self.verdict.compartment.is_none()
    }

    /// What became of it; `None` while it is open.
    pub const fn outcome(&self) -> Option<Outcome> {
        match (self.state, self.verdict.reason) {
            (DropState::Intent, _) => None,
            (DropState::Void, _) => Some(Outcome::Void),
            (DropState::Confirmed, _) if self.returned() => Some(Outcome::Returned),
            (DropState::Confirmed, None) => Some(Outcome::Accepted),
            (DropState::Confirmed, Some(reason)) => Some(Outcome::Rejected(reason)),
        }
    }

    /// Milliseconds from the item lying still to the decision.
    pub const fn settled_to_decided_ms(&self) -> u64 {
        self.verdict.decided_at.as_nanos().saturating_sub(self.verdict.settled_at.as_nanos()) / 1_000_000
    }
}

/// The answer to a confirmation.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfirmedDrop {
    /// The drop, as it now stands for ever.
    pub record: DropRecord,
    /// Whether it was confirmed before: then this call has changed nothing.
    pub already: bool,
}

/// A drop found neither confirmed nor void: what happened to it must be seen.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenIntent {
    /// The drop.
    pub record: DropRecord,
    /// The empty chamber as last written; `None` if it never was.
    pub chamber: Option<Vec<u8>>,
}

/// A message the hub has not acknowledged.
#[derive(Clone, Debug, PartialEq)]
pub struct OutboxRow {
    /// Its place in the queue. Ids only grow and are never used twice.
    pub id: u64,
    /// What it tells.
    pub kind: OutboxKind,
    /// When it was put there.
    pub created: WallTime,
    /// The drop it tells of.
    pub record: DropRecord,
}

/// What a message tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OutboxKind {
    /// A confirmed drop, returned ones too.
    Drop,
    /// What the crew said a drop truly was.
    Correction(Correction),
}

impl OutboxKind {
    /// The identifier used in the file.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Correction(_) => "correction",
        }
    }
}

/// One word of the crew on a drop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Correction {
    /// Its number in the ledger: of several for one drop the one with the highest holds.
    pub number: u64,
    /// What the item truly was; of a withdrawal the word that it takes back.
    pub truth: Stream,
    /// Whether this takes the word back: from here on the crew says nothing of the drop.
    pub withdrawn: bool,
    /// When it was said.
    pub wall: WallTime,
}

/// Why a verdict cannot be true, if it cannot.
pub(super) fn impossible(verdict: &Verdict) -> Option<String> {
    let Verdict { label, seen, probability, stream, compartment, reason, .. } = verdict;
    if !(0.0..=1.0).contains(probability) {
        Some(format!("its probability is {probability}"))
    } else if reason.is_none() && (stream != seen || compartment.is_none()) {
        Some(format!("it accepts {seen} but goes to {stream}, compartment {compartment:?}"))
    } else if reason.is_some() && *stream != Stream::General {
        Some(format!("it rejects {seen} but goes to {stream}"))
    } else if label.len() > MAX_TEXT_BYTES {
        Some(format!("its label has {} bytes, more than {MAX_TEXT_BYTES}", label.len()))
    } else {
        None
    }
}

/// Monotonic time as the file keeps it.
pub(super) fn nanos(moment: Moment) -> i64 {
    i64::try_from(moment.as_nanos()).unwrap_or(i64::MAX)
}

/// A count or number of the file; the schema's CHECKs keep it from being negative.
pub(super) struct Unsigned(pub(super) u64);

impl FromSql for Unsigned {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let number = value.as_i64()?;
        u64::try_from(number).map(Self).map_err(|_| FromSqlError::OutOfRange(number))
    }
}

struct At(Moment);

impl FromSql for At {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Unsigned::column_result(value).map(|nanos| Self(Moment::from_nanos(nanos.0)))
    }
}

/// A value kept by its identifier.
pub(super) struct Named<T>(pub(super) T);

fn named<T>(value: ValueRef<'_>, find: fn(&str) -> Option<T>, what: &str) -> FromSqlResult<Named<T>> {
    let id = value.as_str()?;
    find(id).map(Named).ok_or_else(|| FromSqlError::Other(format!("no {what} is called {id:?}").into()))
}

impl FromSql for Named<Stream> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        named(value, Stream::from_id, "stream")
    }
}

impl FromSql for Named<Reason> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        named(value, Reason::from_id, "reason")
    }
}

impl FromSql for Named<DropState> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        named(value, DropState::from_id, "state")
    }
}

/// Reads a row of `drop_view`, whatever else the query selects beside it.
pub(super) fn drop_record(row: &Row<'_>) -> rusqlite::Result<DropRecord> {
    let closed_ms: Option<i64> = row.get("closed_ms")?;
    let closed = closed_ms
        .map(|unix_ms| -> rusqlite::Result<Closing> {
            Ok(Closing {
                wall: WallTime { unix_ms, synchronised: row.get("closed_synchronised")? },
                moment: row.get::<_, At>("closed_ns")?.0,
                boot_id: row.get("closed_boot_id")?,
                run_id: row.get("closed_run_id")?,
            })
        })
        .transpose()?;
    let bundle: Option<String> = row.get("bundle")?;
    let bundle = bundle
        .map(|name| -> rusqlite::Result<BundleInfo> {
            Ok(BundleInfo { name, sha256: row.get("bundle_sha256")? })
        })
        .transpose()?;
    Ok(DropRecord {
        seq: row.get::<_, Unsigned>("seq")?.0,
        id: row.get("id")?,
        state: row.get::<_, Named<DropState>>("state")?.0,
        verdict: verdict(row)?,
        wall: WallTime { unix_ms: row.get("wall_ms")?, synchronised: row.get("wall_synchronised")? },
        moment: row.get::<_, At>("moment_ns")?.0,
        boot_id: row.get("boot_id")?,
        run_id: row.get("run_id")?,
        software: row.get("software")?,
        bundle,
        closed,
        void_cause: row.get("void_cause")?,
        weight_g: row.get("weight_g")?,
    })
}

fn verdict(row: &Row<'_>) -> rusqlite::Result<Verdict> {
    let label: String = row.get("label")?;
    Ok(Verdict {
        label: label.into(),
        seen: row.get::<_, Named<Stream>>("seen")?.0,
        probability: row.get("probability")?,
        stream: row.get::<_, Named<Stream>>("stream")?.0,
        compartment: row.get::<_, Option<u8>>("compartment")?.map(CompartmentId),
        reason: row.get::<_, Option<Named<Reason>>>("reason")?.map(|reason| reason.0),
        votes: row.get("votes")?,
        settled_at: row.get::<_, At>("settled_ns")?.0,
        decided_at: row.get::<_, At>("decided_ns")?.0,
    })
}
