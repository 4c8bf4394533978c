//! The power goes at any moment: what the ledger has answered for is there, once, and nothing else is bent.
//!
//! Two cuts. A child process writes as fast as it can and is killed at random moments; and a copy of the files is
//! cut at random bytes of the log, which is what a disk shows that had not yet taken the rest.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test stops where it failed")]

#[allow(dead_code, reason = "each test file uses its part")]
mod tally_support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bunri::clock::{Clock, SystemClock};
use bunri::judge::Reason;
use bunri::streams::Stream;
use bunri::tally::{DropState, Intent, Ledger, Writer, verify};
use tally_support::{accepted, intend, moment, open, rejected, wall};

const CHILD_LEDGER: &str = "BUNRI_POWER_CUT_LEDGER";
const ROUNDS: usize = 24;
const SEED: u64 = 20_260_301;

/// What a child has told: a line before it deletes messages, and a line after each answer of the ledger.
#[derive(Default)]
struct Told {
    intended: BTreeSet<u64>,
    closed: BTreeMap<u64, DropState>,
    deleting: BTreeSet<u64>,
    deleted: BTreeSet<u64>,
}

impl Told {
    fn listen(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        if words.next() != Some("tally") {
            return;
        }
        let what = words.next().unwrap();
        let numbers = words.map(|word| word.parse::<u64>().unwrap());
        match what {
            "intended" => self.intended.extend(numbers),
            "confirmed" => self.closed.extend(numbers.map(|seq| (seq, DropState::Confirmed))),
            "void" => self.closed.extend(numbers.map(|seq| (seq, DropState::Void))),
            "deleting" => self.deleting.extend(numbers),
            "deleted" => self.deleted.extend(numbers),
            other => panic!("{other}"),
        }
    }
}

fn tell(what: &str, numbers: &[u64]) {
    let numbers: Vec<String> = numbers.iter().map(u64::to_string).collect();
    let line = format!("tally {what} {}\n", numbers.join(" "));
    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
}

/// Not a test of its own: what the child runs, and nothing when the test runner calls it.
#[test]
fn child() {
    let Some(path) = std::env::var_os(CHILD_LEDGER) else { return };
    let ledger = open(Path::new(&path)).unwrap();
    let (_writer, tally) = Writer::spawn(ledger, Arc::new(SystemClock), || {}).unwrap();
    let close = |seq: u64| {
        if seq.is_multiple_of(7) {
            tally.call(move |ledger| ledger.void(seq, "jam", moment(9), wall(9))).unwrap();
            tell("void", &[seq]);
        } else {
            tally.call(move |ledger| ledger.confirm(seq, moment(9), wall(9))).unwrap();
            tell("confirmed", &[seq]);
        }
    };
    if let Some(open) = tally.call(|ledger| ledger.open_intent()).unwrap() {
        close(open.record.seq);
    }
    loop {
        let seq = tally
            .call(|ledger| {
                let next = ledger.last_seq()? + 1;
                let stream = Stream::ALL[next as usize % Stream::COUNT];
                let verdict =
                    if next.is_multiple_of(3) { rejected(stream, Reason::NotSure) } else { accepted(stream) };
                let image = vec![next as u8; 20_000];
                ledger.intend(&Intent {
                    verdict: &verdict,
                    moment: moment(1),
                    wall: wall(1),
                    chamber: Some(&image),
                })
            })
            .unwrap();
        tell("intended", &[seq]);
        close(seq);
        if seq.is_multiple_of(5) {
            let waiting = tally.call(|ledger| ledger.outbox_next(0, 4)).unwrap();
            let ids: Vec<u64> = waiting.iter().map(|row| row.id).collect();
            let seqs: Vec<u64> = waiting.iter().map(|row| row.record.seq).collect();
            tell("deleting", &seqs);
            tally.call(move |ledger| ledger.outbox_done(&ids)).unwrap();
            tell("deleted", &seqs);
        }
    }
}

fn start(path: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(CHILD_LEDGER, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn kill_after(child: &mut Child, wait: Duration, told: &mut Told) {
    SystemClock.sleep_until(SystemClock.now() + wait);
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success());
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        told.listen(&line.unwrap());
    }
}

/// Everything told is in the file, and what the file holds agrees with itself.
fn check(path: &Path, told: &Told) {
    let report = verify(path).unwrap();
    assert!(report.sound(), "{report}");
    let file = rusqlite::Connection::open(path).unwrap();
    let mut query = file.prepare("SELECT seq, state FROM drops ORDER BY seq").unwrap();
    let rows = query.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))).unwrap();
    let states: BTreeMap<u64, String> =
        rows.map(|row| row.map(|(seq, state)| (seq as u64, state)).unwrap()).collect();
    assert!(states.keys().copied().eq(1..=report.last_seq), "a gap or a number used twice");
    for seq in &told.intended {
        assert!(states.contains_key(seq), "intent {seq} was answered for and is gone");
    }
    for (seq, state) in &told.closed {
        assert_eq!(states[seq], state.id(), "drop {seq} was answered for as {state}");
    }
    let mut query = file.prepare("SELECT seq FROM outbox ORDER BY seq").unwrap();
    let rows = query.query_map([], |row| row.get::<_, i64>(0)).unwrap();
    let outbox: BTreeSet<u64> = rows.map(|seq| seq.unwrap() as u64).collect();
    for (seq, state) in &states {
        let waits = outbox.contains(seq);
        let may_be_gone = told.deleting.contains(seq);
        let confirmed = state == DropState::Confirmed.id();
        assert!(!waits || confirmed, "a message tells of drop {seq}, which is {state}");
        assert!(waits || !confirmed || may_be_gone, "the hub is never told of drop {seq}");
        assert!(!(waits && told.deleted.contains(seq)), "the message of drop {seq} came back");
    }
}

#[test]
fn a_killed_writer_loses_nothing_it_answered_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tally.db");
    let mut random = fastrand::Rng::with_seed(SEED);
    let mut told = Told::default();
    let mut begun = 0;
    for _ in 0..ROUNDS {
        let mut child = start(&path);
        kill_after(&mut child, Duration::from_micros(random.u64(1_000..150_000)), &mut told);
        // The very first ones may be killed before there is a file; after that there always is one.
        if begun > 0 || verify(&path).is_ok() {
            begun += 1;
            check(&path, &told);
        }
    }
    assert!(begun > ROUNDS / 2 && told.closed.len() > ROUNDS, "the children hardly wrote anything");
    let ledger = open(&path).unwrap();
    let totals = ledger.totals().unwrap();
    let open_one = u64::from(ledger.open_intent().unwrap().is_some());
    assert_eq!(totals.counts.confirmed() + totals.counts.voided() + open_one, totals.last_seq);
    assert!(
        totals.last_seq - told.intended.len() as u64 <= ROUNDS as u64,
        "at most one unheard intent a kill"
    );
    ledger.close(moment(1), wall(1)).unwrap();
    assert_eq!(verify(&path).unwrap().runs_lost + 1, verify(&path).unwrap().runs);
}

#[test]
fn a_kill_while_the_file_is_being_made_leaves_one_that_opens() {
    let mut random = fastrand::Rng::with_seed(SEED + 1);
    for _ in 0..12 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tally.db");
        let mut told = Told::default();
        let mut child = start(&path);
        kill_after(&mut child, Duration::from_micros(random.u64(500..25_000)), &mut told);
        let mut ledger = open(&path).unwrap();
        if let Some(left) = ledger.open_intent().unwrap() {
            ledger.void(left.record.seq, "power cut", moment(2), wall(2)).unwrap();
        }
        let seq = intend(&mut ledger, &accepted(Stream::Can)).unwrap();
        assert!(seq > told.intended.last().copied().unwrap_or(0));
        check(&path, &told);
    }
}

/// Files as a disk would show them after the cut: the log ends at `cut`, perhaps with rubbish behind it.
fn torn_copy(from: &Path, cut: usize, rubbish: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(from.join("tally.db"), folder.path().join("tally.db")).unwrap();
    let mut log = fs::read(from.join("tally.db-wal")).unwrap();
    log.truncate(cut);
    log.extend_from_slice(rubbish);
    fs::write(folder.path().join("tally.db-wal"), log).unwrap();
    folder
}

#[test]
fn a_log_torn_at_any_byte_holds_every_answer_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tally.db");
    let log_bytes = || fs::metadata(folder.path().join("tally.db-wal")).unwrap().len() as usize;
    let mut ledger: Ledger = open(&path).unwrap();
    // What was answered for when the log had this length: newest number, confirmed, void.
    let mut answers = vec![(log_bytes(), (0, 0, 0))];
    let (mut confirmed, mut voided) = (0, 0);
    for _ in 0..20 {
        let seq = intend(&mut ledger, &accepted(Stream::Glass)).unwrap();
        answers.push((log_bytes(), (seq, confirmed, voided)));
        if seq.is_multiple_of(4) {
            ledger.void(seq, "jam", moment(2), wall(2)).unwrap();
            voided += 1;
        } else {
            ledger.confirm(seq, moment(2), wall(2)).unwrap();
            confirmed += 1;
        }
        answers.push((log_bytes(), (seq, confirmed, voided)));
    }
    let (start, end) = (answers[0].0, answers.last().unwrap().0);
    let mut random = fastrand::Rng::with_seed(SEED + 2);
    for round in 0..60 {
        let cut = random.usize(start..=end);
        let rubbish: Vec<u8> = if round % 2 == 0 {
            Vec::new()
        } else {
            (0..random.usize(1..9_000)).map(|_| random.u8(..)).collect()
        };
        let torn = torn_copy(folder.path(), cut, &rubbish);
        let recovered = open(&torn.path().join("tally.db")).unwrap();
        let totals = recovered.totals().unwrap();
        let found = (totals.last_seq, totals.counts.confirmed(), totals.counts.voided());
        let (_, answered) = answers.iter().rfind(|(bytes, _)| *bytes <= cut).unwrap();
        assert_eq!(found, *answered, "log cut at byte {cut} of {end}");
        drop(recovered);
        let report = verify(&torn.path().join("tally.db")).unwrap();
        assert!(report.sound(), "{report}");
    }
}
