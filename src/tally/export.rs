//! Every drop as CSV or JSON lines, for people and their spreadsheets.
//!
//! One row per drop in the order of their numbers, with the columns [`CSV_COLUMNS`] in that order; in JSON the same
//! names are the keys, in the same order. Columns are only ever added at the end. CSV is RFC 4180 with LF line ends
//! and one header line; an absent value is an empty field, in JSON `null`. Times are RFC 3339 in UTC.
//!
//! | column | |
//! |---|---|
//! | `id`, `seq` | `<epoch>:<seq>`, as told to the hub; the number alone |
//! | `state` | `confirmed`, `void`, or `intent` while it is open |
//! | `time`, `day`, `synchronised` | when it was decided; its civil day in the zone asked for; whether the clock was right |
//! | `label`, `seen`, `probability`, `votes` | what the model saw, and the stream that is |
//! | `accepted`, `reason` | whether it went to `seen`, and why not |
//! | `stream`, `compartment` | where it went; no compartment: handed back |
//! | `settled_to_decided_ms` | how long the decision took |
//! | `closed`, `void_cause` | when it was confirmed or voided; why it was voided |
//! | `boot_id`, `run_id`, `moment_ns` | the monotonic moment that belongs to `time`, to repair it with |
//! | `software`, `bundle`, `bundle_sha256` | what decided |
//! | `weight_g` | what the item weighed, in grams, where the bin has a scale |

use std::io::{self, Write};
use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use rusqlite::Connection;

use super::error::{Doing, TallyError};
use super::open;
use super::record::{DropRecord, drop_record};

/// The zone of the `day` column unless another is asked for.
pub const DEFAULT_ZONE: &str = "Asia/Seoul";

/// The columns of an export, in order.
pub const CSV_COLUMNS: [&str; 24] = [
    "id",
    "seq",
    "state",
    "time",
    "day",
    "synchronised",
    "label",
    "seen",
    "probability",
    "votes",
    "accepted",
    "reason",
    "stream",
    "compartment",
    "settled_to_decided_ms",
    "closed",
    "void_cause",
    "boot_id",
    "run_id",
    "moment_ns",
    "software",
    "bundle",
    "bundle_sha256",
    "weight_g",
];

/// How an export is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// Comma-separated values with a header line.
    Csv,
    /// One JSON object per line.
    JsonLines,
}

/// Writes every drop of the ledger at `path` to `out`, days in `zone`. Returns how many. A running daemon is not
/// disturbed: what it writes meanwhile is not in the export.
///
/// # Errors
/// When the file cannot be read, or [`TallyError::Export`] when `out` fails.
pub fn export(
    path: &Path,
    format: ExportFormat,
    zone: &TimeZone,
    out: &mut dyn Write,
) -> Result<u64, TallyError> {
    write(&open::for_reading(path)?, path, format, zone, out)
}

/// As [`export`], from the process that writes the ledger.
///
/// # Errors
/// As [`export`].
pub fn export_beside(
    path: &Path,
    format: ExportFormat,
    zone: &TimeZone,
    out: &mut dyn Write,
) -> Result<u64, TallyError> {
    write(&open::beside_the_writer(path)?, path, format, zone, out)
}

fn write(
    connection: &Connection,
    path: &Path,
    format: ExportFormat,
    zone: &TimeZone,
    out: &mut dyn Write,
) -> Result<u64, TallyError> {
    let doing = "export the ledger";
    let failed = |source| TallyError::Export { source };
    if format == ExportFormat::Csv {
        writeln!(out, "{}", CSV_COLUMNS.join(",")).map_err(failed)?;
    }
    let mut query = connection.prepare("SELECT * FROM drop_view ORDER BY seq").doing(path, doing)?;
    let mut rows = query.query([]).doing(path, doing)?;
    let mut written = 0;
    while let Some(row) = rows.next().doing(path, doing)? {
        let record = drop_record(row).doing(path, doing)?;
        let cells = cells(&record, zone);
        match format {
            ExportFormat::Csv => csv_line(&cells, out),
            ExportFormat::JsonLines => json_line(&cells, out),
        }
        .map_err(failed)?;
        written += 1;
    }
    out.flush().map_err(failed)?;
    Ok(written)
}

enum Cell {
    Text(String),
    Number(u64),
    Real(f32),
    Flag(bool),
    Absent,
}

impl Cell {
    fn text(text: Option<impl Into<String>>) -> Self {
        text.map_or(Self::Absent, |text| Self::Text(text.into()))
    }
}

fn cells(record: &DropRecord, zone: &TimeZone) -> [Cell; CSV_COLUMNS.len()] {
    let verdict = &record.verdict;
    let day = || Some(Timestamp::from_millisecond(record.wall.unix_ms).ok()?.to_zoned(zone.clone()).date());
    [
        Cell::Text(record.id.clone()),
        Cell::Number(record.seq),
        Cell::Text(record.state.id().to_owned()),
        Cell::text(rfc_3339(record.wall.unix_ms)),
        Cell::text(day().map(|day| day.to_string())),
        Cell::Flag(record.wall.synchronised),
        Cell::Text(verdict.label.to_string()),
        Cell::Text(verdict.seen.id().to_owned()),
        Cell::Real(verdict.probability),
        Cell::Number(verdict.votes.into()),
        Cell::Flag(verdict.accepted()),
        Cell::text(verdict.reason.map(|reason| reason.id())),
        Cell::Text(verdict.stream.id().to_owned()),
        verdict.compartment.map_or(Cell::Absent, |compartment| Cell::Number(compartment.0.into())),
        Cell::Number(record.settled_to_decided_ms()),
        Cell::text(record.closed.as_ref().and_then(|closed| rfc_3339(closed.wall.unix_ms))),
        Cell::text(record.void_cause.clone()),
        Cell::Text(record.boot_id.clone()),
        Cell::Text(record.run_id.clone()),
        Cell::Number(record.moment.as_nanos()),
        Cell::Text(record.software.clone()),
        Cell::text(record.bundle.as_ref().map(|bundle| bundle.name.clone())),
        Cell::text(record.bundle.as_ref().map(|bundle| bundle.sha256.clone())),
        record.weight_g.map_or(Cell::Absent, Cell::Real),
    ]
}

/// A time a calendar cannot hold (a board that believes in the year 30000) is absent.
fn rfc_3339(unix_ms: i64) -> Option<String> {
    Timestamp::from_millisecond(unix_ms).ok().map(|time| format!("{time:.3}"))
}

fn csv_line(cells: &[Cell], out: &mut dyn Write) -> io::Result<()> {
    for (index, cell) in cells.iter().enumerate() {
        if index > 0 {
            out.write_all(b",")?;
        }
        match cell {
            Cell::Text(text) if text.contains([',', '"', '\r', '\n']) => {
                write!(out, "\"{}\"", text.replace('"', "\"\""))?;
            }
            Cell::Text(text) => out.write_all(text.as_bytes())?,
            Cell::Number(number) => write!(out, "{number}")?,
            Cell::Real(number) => write!(out, "{number}")?,
            Cell::Flag(flag) => write!(out, "{flag}")?,
            Cell::Absent => {}
        }
    }
    out.write_all(b"\n")
}

fn json_line(cells: &[Cell], out: &mut dyn Write) -> io::Result<()> {
    for (index, (name, cell)) in CSV_COLUMNS.iter().zip(cells).enumerate() {
        write!(out, "{}\"{name}\":", if index == 0 { '{' } else { ',' })?;
        match cell {
            Cell::Text(text) => serde_json::to_writer(&mut *out, text)?,
            Cell::Number(number) => write!(out, "{number}")?,
            Cell::Real(number) => serde_json::to_writer(&mut *out, number)?,
            Cell::Flag(flag) => write!(out, "{flag}")?,
            Cell::Absent => out.write_all(b"null")?,
        }
    }
    out.write_all(b"}\n")
}
