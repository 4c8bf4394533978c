//! The export, as a spreadsheet and a script would read it.

use std::fs;
use std::io::{self, Write};

use bunri::clock::WallTime;
use bunri::judge::{Reason, Verdict};
use bunri::streams::Stream;
use bunri::tally::{CSV_COLUMNS, DEFAULT_ZONE, ExportFormat, Intent, Ledger, TallyError, export};
use jiff::tz::TimeZone;

use super::fresh;
use super::tally_support::{MIDNIGHT_MS, accepted, moment, open, rejected, returned, wall};

fn seoul() -> TimeZone {
    TimeZone::get(DEFAULT_ZONE).unwrap()
}

/// Four drops about midnight in Seoul: confirmed, rejected, handed back, void; and one open.
fn history(ledger: &mut Ledger) {
    let verdicts = [
        (-1, Verdict { label: "can, \"dented\"\nwet".into(), probability: 0.1, ..accepted(Stream::Can) }),
        (0, rejected(Stream::Film, Reason::TwoItems)),
        (1, returned(Stream::Foam, Reason::CompartmentFull)),
        (86_399_999, accepted(Stream::Paper)),
        (86_400_000, accepted(Stream::Glass)),
    ];
    for (offset, verdict) in verdicts {
        let time = WallTime { synchronised: offset != 0, ..wall(offset) };
        let intent = Intent { verdict: &verdict, moment: moment(77), wall: time, chamber: None };
        match ledger.intend(&intent).unwrap() {
            4 => ledger.void(4, "jam, cleared", moment(99), wall(offset + 5)).unwrap(),
            5 => {}
            seq => drop(ledger.confirm(seq, moment(99), wall(offset + 5)).unwrap()),
        }
    }
}

fn text(path: &std::path::Path, format: ExportFormat) -> String {
    let mut out = Vec::new();
    assert_eq!(export(path, format, &seoul(), &mut out).unwrap(), 5);
    String::from_utf8(out).unwrap()
}

/// RFC 4180 as a reader sees it.
fn parse(csv: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut letters = csv.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => cell.extend(letters.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            other => cell.push(other),
        }
    }
    assert!(!quoted && cell.is_empty() && row.is_empty(), "ends with a line end");
    rows
}

#[test]
fn csv_has_one_row_a_drop_in_the_documented_columns() {
    let (_folder, path) = fresh();
    let mut ledger = open(&path).unwrap();
    history(&mut ledger);
    let rows = parse(&text(&path, ExportFormat::Csv)); // while the ledger is open
    assert_eq!(rows[0], CSV_COLUMNS);
    let column = |name: &str| {
        let index = CSV_COLUMNS.iter().position(|column| *column == name).unwrap();
        rows[1..].iter().map(|row| row[index].as_str()).collect::<Vec<_>>()
    };
    assert_eq!(column("seq"), ["1", "2", "3", "4", "5"]);
    assert_eq!(column("id")[2], format!("{}:3", ledger.epoch()));
    assert_eq!(column("state"), ["confirmed", "confirmed", "confirmed", "void", "intent"]);
    assert_eq!(column("time")[..2], ["2026-02-28T14:59:59.999Z", "2026-02-28T15:00:00.000Z"]);
    assert_eq!(column("day"), ["2026-02-28", "2026-03-01", "2026-03-01", "2026-03-01", "2026-03-02"]);
    assert_eq!(column("synchronised"), ["true", "false", "true", "true", "true"]);
    assert_eq!(column("label")[0], "can, \"dented\"\nwet");
    assert_eq!(column("probability")[0], "0.1");
    assert_eq!(column("accepted"), ["true", "false", "false", "true", "true"]);
    assert_eq!(column("reason"), ["", "two_items", "compartment_full", "", ""]);
    assert_eq!(column("stream"), ["can", "general", "general", "paper", "glass"]);
    assert_eq!(column("compartment"), ["2", "8", "", "4", "3"]);
    assert_eq!(column("settled_to_decided_ms")[0], "240");
    assert_eq!(column("closed")[1], "2026-02-28T15:00:00.005Z");
    assert_eq!(column("closed")[4], "");
    assert_eq!(column("void_cause")[3], "jam, cleared");
    assert_eq!(column("moment_ns")[0], "77000000");
    assert_eq!(column("bundle_sha256")[0], "ab".repeat(32));
}

#[test]
fn json_lines_say_the_same_with_types() {
    let (_folder, path) = fresh();
    let mut ledger = open(&path).unwrap();
    history(&mut ledger);
    ledger.close(moment(9), wall(9)).unwrap();
    let csv = parse(&text(&path, ExportFormat::Csv));
    let json = text(&path, ExportFormat::JsonLines);
    assert_eq!(json.lines().count(), 5);
    for (line, row) in json.lines().zip(&csv[1..]) {
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).unwrap();
        assert_eq!(object.len(), CSV_COLUMNS.len());
        let mut after = 0;
        for (name, cell) in CSV_COLUMNS.iter().zip(row) {
            let as_text = match &object[*name] {
                serde_json::Value::Null => String::new(),
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            assert_eq!(&as_text, cell, "{name}");
            let at = line.find(&format!("\"{name}\":")).unwrap();
            assert!(at >= after, "{name} is out of order");
            after = at;
        }
    }
    let first: serde_json::Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    assert!(first["seq"].is_u64() && first["accepted"].is_boolean() && first["void_cause"].is_null());
    assert_eq!(first["probability"], 0.1);
}

#[test]
fn a_board_with_a_senseless_clock_is_exported_all_the_same() {
    let (_folder, path) = fresh();
    let mut ledger = open(&path).unwrap();
    let verdict = accepted(Stream::Can);
    for unix_ms in [i64::MIN, i64::MAX, 0, MIDNIGHT_MS] {
        let time = WallTime { unix_ms, synchronised: false };
        let intent = Intent { verdict: &verdict, moment: moment(1), wall: time, chamber: None };
        let seq = ledger.intend(&intent).unwrap();
        ledger.confirm(seq, moment(1), time).unwrap();
    }
    let mut out = Vec::new();
    assert_eq!(export(&path, ExportFormat::Csv, &seoul(), &mut out).unwrap(), 4);
    let days: Vec<_> = parse(&String::from_utf8(out).unwrap()).iter().map(|row| row[4].clone()).collect();
    assert_eq!(days, ["day", "", "", "1970-01-01", "2026-03-01"]);
    assert_eq!(bunri::tally::verify(&path).unwrap().unsynchronised, 4);
}

struct FullPipe;

impl Write for FullPipe {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_destination_that_fails_is_told_apart_from_the_ledger() {
    let (_folder, path) = fresh();
    open(&path).unwrap().close(moment(1), wall(1)).unwrap();
    let before = fs::read(&path).unwrap();
    let error = export(&path, ExportFormat::Csv, &seoul(), &mut FullPipe).unwrap_err();
    assert!(
        matches!(&error, TallyError::Export { source } if source.kind() == io::ErrorKind::BrokenPipe),
        "{error}"
    );
    assert_eq!(fs::read(&path).unwrap(), before);
}
