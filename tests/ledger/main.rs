//! The ledger from outside: one drop's life, refusals, restarts, checks. The modules: bad disks and files, exports,
//! the thread that owns it, and random histories against a model.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test stops where it failed")]

mod crew;
mod disks;
mod export;
mod model;
#[path = "../tally_support/mod.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod tally_support;
mod writer;

use std::fs;
use std::path::{Path, PathBuf};

use bunri::judge::{CompartmentId, Reason, Verdict};
use bunri::streams::Stream;
use bunri::tally::{DropState, Intent, Ledger, Outcome, Problem, TallyError, verify};
use rusqlite::Connection;
use tally_support::{accepted, intend, moment, open, rejected, returned, wall};

fn fresh() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tally.db");
    (folder, path)
}

/// Changes the file behind the program's back.
fn tamper(path: &Path, sql: &str) {
    let file = Connection::open(path).unwrap();
    file.execute_batch(&format!("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON; {sql}"))
        .unwrap();
}

fn confirm(ledger: &mut Ledger, verdict: &Verdict) -> u64 {
    let seq = intend(ledger, verdict).unwrap();
    ledger.confirm(seq, moment(3_000), wall(3_000)).unwrap();
    seq
}

#[test]
fn a_drop_is_kept_as_it_was_decided_and_told_until_acknowledged() {
    let (_folder, path) = fresh();
    let mut ledger = open(&path).unwrap();
    let verdict = accepted(Stream::Glass);
    let seq = intend(&mut ledger, &verdict).unwrap();
    assert_eq!(seq, 1);
    assert!(ledger.outbox_next(0, 10).unwrap().is_empty(), "an intent is nobody's business yet");

    let confirmed = ledger.confirm(seq, moment(3_000), wall(3_000)).unwrap();
    assert!(!confirmed.already);
    let record = confirmed.record;
    assert_eq!(record.verdict, verdict);
    assert_eq!((record.wall, record.moment), (wall(1_250), moment(1_250)));
    assert_eq!(record.id, format!("{}:1", ledger.epoch()));
    assert_eq!((record.state, record.settled_to_decided_ms()), (DropState::Confirmed, 240));
    assert_eq!((record.boot_id.as_str(), record.software.as_str()), ("boot-a", "0.1.0 (test)"));
    let closed = record.closed.clone().unwrap();
    assert_eq!((closed.wall, closed.moment, &closed.run_id), (wall(3_000), moment(3_000), &record.run_id));

    let waiting = ledger.outbox_next(0, 10).unwrap();
    assert_eq!(waiting.len(), 1);
    assert_eq!((&waiting[0].record, waiting[0].created), (&record, wall(3_000)));
    assert_eq!(ledger.outbox_head(), waiting[0].id);
    assert_eq!(ledger.outbox_oldest().unwrap().unwrap().id, waiting[0].id);
    assert_eq!(ledger.outbox_done(&[waiting[0].id, 999]).unwrap(), 1);
    assert_eq!((ledger.outbox_len().unwrap(), ledger.outbox_oldest().unwrap()), (0, None));
    assert_eq!(ledger.recent(5).unwrap(), [record]);
}

#[test]
fn closing_twice_changes_nothing_and_closing_the_other_way_is_refused() {
    let (_folder, path) = fresh();
    let mut ledger = open(&path).unwrap();
    let first = confirm(&mut ledger, &accepted(Stream::Can));
    let again = ledger.confirm(first, moment(9_000), wall(9_000)).unwrap();
    assert!(again.already);
    assert_eq!(again.record.closed.unwrap().wall, wall(3_000));
    let error = ledger.void(first, "changed my mind", moment(9_000), wall(9_000)).unwrap_err();
    assert_eq!(error.to_string(), "could not void drop 1: it is already confirmed");

    let second = intend(&mut ledger, &accepted(Stream::Can)).unwrap();
    ledger.void(second, &"깡".repeat(300), moment(4_000), wall(4_000)).unwrap();
    ledger.void(second, "again", moment(5_000), wall(5_000)).unwrap();
    let kept = ledger.recent(1).unwrap().remove(0).void_cause.unwrap();
    assert!(kept.len() <= 256 && kept.chars().all(|letter| letter == '깡'), "{kept}");
    let error = ledger.confirm(second, moment(5_000), wall(5_000)).unwrap_err();
    assert!(matches!(error, TallyError::AlreadyClosed { seq: 2, state: DropState::Void, .. }), "{error}");
    for unknown in [0, 3, u64::MAX] {
        let error = ledger.confirm(unknown, moment(5_000), wall(5_000)).unwrap_err();
        assert!(matches!(error, TallyError::UnknownDrop { seq } if seq == unknown), "{error}");
    }

    let counts = ledger.totals().unwrap().counts;
    assert_eq!((counts.stream(Stream::Can), counts.confirmed(), counts.voided()), (1, 1, 1));
    assert_eq!(ledger.outbox_len().unwrap(), 1);
    assert!(verify(&path).unwrap().sound());
}

#[test]
fn a_second_intent_and_an_impossible_verdict_are_refused_and_use_no_number() {
    let (_folder, path) = fresh();
    let mut ledger = open(&path).unwrap();
    let good = accepted(Stream::Paper);
    let impossible = [
        Verdict { probability: f32::NAN, ..good.clone() },
        Verdict { probability: 1.5, ..good.clone() },
        Verdict { compartment: None, ..good.clone() },
        Verdict { stream: Stream::Can, ..good.clone() },
        Verdict { reason: Some(Reason::NotSure), ..good.clone() },
        Verdict { label: "x".repeat(300).into(), ..good.clone() },
    ];
    for verdict in impossible {
        let error = intend(&mut ledger, &verdict).unwrap_err();
        assert!(matches!(error, TallyError::InvalidIntent { .. }), "{error}");
    }
    let huge = vec![0; bunri::tally::MAX_CHAMBER_BYTES + 1];
    let intent = Intent { verdict: &good, moment: moment(1), wall: wall(1), chamber: Some(&huge) };
    assert!(matches!(ledger.intend(&intent), Err(TallyError::InvalidIntent { .. })));

    assert_eq!(intend(&mut ledger, &good).unwrap(), 1);
    let error = intend(&mut ledger, &good).unwrap_err();
    assert!(matches!(error, TallyError::IntentOpen { seq: 1 }) && !error.is_transient(), "{error}");
    ledger.confirm(1, moment(2), wall(2)).unwrap();
    assert_eq!(intend(&mut ledger, &good).unwrap(), 2);
}

#[test]
fn every_stream_and_reason_fits_the_schema_and_is_counted_where_it_went() {
    let (_folder, path) = fresh();
    let mut ledger = open(&path).unwrap();
    for seen in Stream::ALL {
        confirm(&mut ledger, &accepted(seen));
        for reason in Reason::ALL {
            confirm(&mut ledger, &rejected(seen, reason));
            confirm(&mut ledger, &returned(seen, reason));
        }
    }
    let totals = ledger.totals().unwrap();
    let counts = &totals.counts;
    let streams = Stream::COUNT as u64;
    assert_eq!(totals.last_seq, streams * 13);
    assert_eq!(counts.stream(Stream::Foam), 1);
    assert_eq!(counts.stream(Stream::General), 1 + streams * 6);
    assert_eq!((counts.returned(), counts.confirmed()), (streams * 6, streams * 13));
    for reason in Reason::ALL {
        assert_eq!(counts.reject(reason), streams);
        assert_eq!(counts.get(Stream::Film, Outcome::Rejected(reason)), 1);
    }
    assert_eq!(&ledger.counts_by_stream_since(wall(0).unix_ms).unwrap(), counts);
    assert_eq!(ledger.counts_by_stream_since(wall(1_251).unix_ms).unwrap().confirmed(), 0);
    assert_eq!(ledger.outbox_len().unwrap(), streams * 13, "what is handed back is an event too");
    assert!(verify(&path).unwrap().sound());
}

#[test]
fn after_a_crash_the_open_intent_is_found_with_its_chamber_and_the_run_is_marked() {
    let (_folder, path) = fresh();
    let mut ledger = open(&path).unwrap();
    let epoch = ledger.epoch().to_owned();
    let verdict = accepted(Stream::Carton);
    let intent = |image| Intent { verdict: &verdict, moment: moment(1), wall: wall(1), chamber: image };
    assert_eq!(ledger.open_intent().unwrap(), None);
    ledger.intend(&intent(Some(b"the empty chamber".as_slice()))).unwrap();
    ledger.confirm(1, moment(2), wall(2)).unwrap();
    ledger.intend(&intent(None)).unwrap();
    drop(ledger);

    let mut ledger = open(&path).unwrap();
    assert_eq!(ledger.epoch(), epoch);
    let left = ledger.open_intent().unwrap().unwrap();
    assert_eq!((left.record.seq, left.record.state), (2, DropState::Intent));
    assert_eq!(left.chamber.as_deref(), Some(b"the empty chamber".as_slice()));
    let record = ledger.confirm(2, moment(5), wall(5)).unwrap().record;
    assert_ne!(record.closed.unwrap().run_id, record.run_id, "closed by the run after");
    ledger.close(moment(6), wall(6)).unwrap();

    let report = verify(&path).unwrap();
    assert!(report.sound(), "{report}");
    assert_eq!((report.runs, report.runs_lost, report.open_intent), (2, 1, None));
    assert_eq!(report.epoch, Some(epoch));
}

#[test]
fn verify_names_whatever_was_bent() {
    let (_folder, path) = fresh();
    let mut ledger = open(&path).unwrap();
    for _ in 0..6 {
        confirm(&mut ledger, &accepted(Stream::Can));
    }
    confirm(&mut ledger, &rejected(Stream::Can, Reason::NotSure));
    intend(&mut ledger, &accepted(Stream::Can)).unwrap();
    ledger.close(moment(9), wall(9)).unwrap();
    let sound = fs::read(&path).unwrap();
    let bent = |sql: &str| {
        fs::write(&path, &sound).unwrap();
        tamper(&path, sql);
        let report = verify(&path).unwrap();
        assert!(!report.sound(), "{sql}");
        report.problems.iter().map(Problem::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        bent("UPDATE totals SET count = 8 WHERE outcome = 'accepted'"),
        ["the total of can, accepted, is 8 but the drops say 6"]
    );
    assert_eq!(
        bent(
            "DELETE FROM outbox; UPDATE totals SET count = 3 WHERE outcome = 'accepted';
              DELETE FROM drops WHERE seq IN (2, 3, 5)"
        ),
        ["drops 2 to 3 are missing", "drop 5 is missing"]
    );
    assert_eq!(bent("UPDATE ledger SET last_seq = 10"), ["drops 9 to 10 are missing"]);
    assert_eq!(bent("UPDATE ledger SET last_seq = 7"), ["drop 8 is beyond 7, the newest number given out"]);
    assert_eq!(
        bent("INSERT INTO outbox (kind, seq, created_ms, created_synchronised) VALUES ('drop', 8, 0, 1)"),
        ["message 8 tells of drop 8, which is not confirmed but intent"]
    );
    assert_eq!(
        bent("UPDATE drops SET closed_run = 77 WHERE seq = 1"),
        [
            "row 1 of drops refers to a row of runs that is not there",
            "drop 1 cannot be: Invalid column type Null at index: 25, name: closed_boot_id",
            "the total of can, accepted, is 6 but the drops say 5",
        ]
    );
    assert_eq!(
        bent("UPDATE drops SET reason = NULL WHERE seq = 7"),
        [
            "drop 7 cannot be: it accepts can but goes to general, compartment Some(CompartmentId(8))",
            "the total of can, accepted, is 6 but the drops say 7",
            "the total of can, not_sure, is 1 but the drops say 0"
        ]
    );
    for sql in ["votes = -1", "probability = 7", "seen = 'wood'", "compartment = 999", "void_cause = 'x'"] {
        let problems = bent(&format!("UPDATE drops SET {sql} WHERE seq = 4"));
        assert!(problems[0].starts_with("drop 4 cannot be: "), "{problems:?}");
    }
    fs::write(&path, &sound).unwrap();
    assert!(verify(&path).unwrap().sound());
}

#[test]
fn verify_reads_beside_the_writer_and_disturbs_nobody() {
    let (_folder, path) = fresh();
    let mut ledger = open(&path).unwrap();
    for _ in 0..20 {
        confirm(&mut ledger, &accepted(Stream::Film));
        let report = verify(&path).unwrap();
        assert!(report.sound(), "{report}");
        assert_eq!(report.counts, ledger.totals().unwrap().counts);
    }
    let verdict = Verdict { compartment: Some(CompartmentId(255)), ..accepted(Stream::Film) };
    assert_eq!(intend(&mut ledger, &verdict).unwrap(), 21);
    let report = verify(&path).unwrap();
    assert_eq!((report.open_intent, report.outbox, report.runs_lost), (Some(21), 20, 0));
    assert_eq!(report.decided_ms, Some((wall(1_250).unix_ms, wall(1_250).unix_ms)));
    let printed = report.to_string();
    assert!(printed.contains("open            drop 21") && printed.ends_with("sound"), "{printed}");
}
