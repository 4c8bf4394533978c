//! The thread that owns the ledger: threads and tasks call it, it beats, it ends with everything written.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;

use bunri::clock::SimClock;
use bunri::streams::Stream;
use bunri::tally::{TallyError, TallyHandle, Writer, verify};

use super::fresh;
use super::tally_support::{MIDNIGHT_MS, accepted, intend, moment, open, wall};

fn spawn(path: &std::path::Path, beats: &Arc<AtomicU64>) -> (Writer, TallyHandle) {
    let beats = Arc::clone(beats);
    let clock = Arc::new(SimClock::new(MIDNIGHT_MS));
    Writer::spawn(open(path).unwrap(), clock, move || {
        beats.fetch_add(1, Ordering::SeqCst);
    })
    .unwrap()
}

fn drop_one(tally: &TallyHandle) -> Result<u64, TallyError> {
    tally.call(|ledger| {
        let seq = intend(ledger, &accepted(Stream::Can))?;
        ledger.confirm(seq, moment(2), wall(2))?;
        Ok(seq)
    })
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn threads_and_tasks_write_at_once_and_hear_the_news() {
    let (_folder, path) = fresh();
    let beats = Arc::new(AtomicU64::new(0));
    let (writer, tally) = spawn(&path, &beats);
    let judge = tally.clone();
    let judge = std::thread::spawn(move || (0..30).map(|_| drop_one(&judge).unwrap()).collect::<Vec<_>>());
    let (sent, asked) = runtime().block_on(async {
        let mut news = tally.news();
        let (mut sent, mut asked) = (Vec::new(), 0);
        while sent.len() < 30 {
            asked += 1;
            let rows = tally.ask(|ledger| ledger.outbox_next(0, 7)).await.unwrap();
            if rows.is_empty() {
                news.changed().await.unwrap();
                continue;
            }
            let ids: Vec<u64> = rows.iter().map(|row| row.id).collect();
            sent.extend(rows.iter().map(|row| row.record.seq));
            asked += 1;
            assert_eq!(tally.ask(move |ledger| ledger.outbox_done(&ids)).await.unwrap(), rows.len());
        }
        (sent, asked)
    });
    assert_eq!(judge.join().unwrap(), sent);
    assert_eq!(sent, (1..=30).collect::<Vec<_>>());
    // How often it asks hangs on who is quicker; the beat after the last answer may still be to come.
    assert!(beats.load(Ordering::SeqCst) >= 30 + asked, "a heartbeat after every call");
    drop(tally);
    writer.join().unwrap();
    let report = verify(&path).unwrap();
    assert_eq!((report.counts.confirmed(), report.outbox, report.runs_lost), (30, 0, 0));
}

#[test]
fn an_idle_thread_beats_and_ends_cleanly_when_nobody_is_left() {
    let (_folder, path) = fresh();
    let (beat, beats) = mpsc::channel();
    let clock = Arc::new(SimClock::new(MIDNIGHT_MS));
    let (writer, tally) =
        Writer::spawn(open(&path).unwrap(), clock, move || beat.send(()).unwrap_or(())).unwrap();
    for _ in 0..4 {
        beats.recv().unwrap();
    }
    assert!(!writer.is_finished());
    drop(tally.clone());
    drop(tally);
    writer.join().unwrap();
    let report = verify(&path).unwrap();
    assert_eq!((report.runs, report.runs_lost), (1, 0));
    let ended: String = rusqlite::Connection::open(&path)
        .unwrap()
        .query_row("SELECT ended FROM runs", [], |row| row.get(0))
        .unwrap();
    assert_eq!(ended, "clean");
}

#[test]
fn stop_does_what_was_queued_before_it_and_nothing_after() {
    let (_folder, path) = fresh();
    let (writer, tally) = spawn(&path, &Arc::default());
    let (entered, has_entered) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let slow = tally.clone();
    let slow = std::thread::spawn(move || {
        slow.call(move |ledger| {
            entered.send(()).unwrap();
            may_go_on.recv().unwrap();
            intend(ledger, &accepted(Stream::Glass))
        })
    });
    has_entered.recv().unwrap();
    tally.stop(); // queued behind the slow call
    go_on.send(()).unwrap();
    assert_eq!(slow.join().unwrap().unwrap(), 1);
    writer.join().unwrap();
    assert!(matches!(drop_one(&tally), Err(TallyError::Stopped)));
    assert!(matches!(runtime().block_on(tally.ask(|ledger| ledger.totals())), Err(TallyError::Stopped)));
    assert_eq!(verify(&path).unwrap().open_intent, Some(1));
}

#[test]
fn a_full_queue_makes_tasks_wait_and_drops_no_call() {
    let (_folder, path) = fresh();
    let (writer, tally) = spawn(&path, &Arc::default());
    let (entered, has_entered) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let slow = tally.clone();
    let slow = std::thread::spawn(move || {
        slow.call(move |_| {
            entered.send(()).unwrap();
            may_go_on.recv().unwrap();
            Ok(())
        })
    });
    has_entered.recv().unwrap();
    let done = Arc::new(AtomicU64::new(0));
    runtime().block_on(async {
        let mut tasks = Vec::new();
        for _ in 0..200 {
            let (tally, done) = (tally.clone(), Arc::clone(&done));
            tasks.push(tokio::spawn(async move {
                tally.ask(move |_| Ok(done.fetch_add(1, Ordering::SeqCst))).await.unwrap()
            }));
        }
        tokio::task::yield_now().await;
        assert_eq!(done.load(Ordering::SeqCst), 0);
        go_on.send(()).unwrap();
        for task in tasks {
            task.await.unwrap();
        }
    });
    slow.join().unwrap().unwrap();
    assert_eq!(done.load(Ordering::SeqCst), 200);
    drop(tally);
    writer.join().unwrap();
}

#[test]
fn a_call_that_panics_ends_the_thread_and_says_so() {
    let (_folder, path) = fresh();
    let (writer, tally) = spawn(&path, &Arc::default());
    assert_eq!(drop_one(&tally).unwrap(), 1);
    let error = tally.call::<()>(|_| panic!("a fault in a call")).unwrap_err();
    assert!(matches!(error, TallyError::Stopped));
    assert!(matches!(writer.join(), Err(TallyError::Stopped)));
    assert_eq!(verify(&path).unwrap().counts.confirmed(), 1);
    open(&path).unwrap();
}
