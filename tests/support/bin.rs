//! A bin without hardware: a real ledger in a temporary folder, and the uplink over it.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bunri::clock::{Clock, Identity, Moment, SystemClock, WallTime};
use bunri::judge::{CompartmentId, Reason, Verdict};
use bunri::streams::Stream;
use bunri::tally::{AuditEntry, Intent, Ledger, RunInfo, TallyHandle, Writer};
use bunri::uplink::{self, BinName, Settings, Status, Surroundings};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Every wait of these tests ends here at the latest.
const LIMIT: Duration = Duration::from_secs(30);

pub(crate) fn bin_name() -> BinName {
    BinName::new("yangcheon", "mok-1").unwrap()
}

/// Waits for `what`, not for ever.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future).await.unwrap_or_else(|_| panic!("waited {LIMIT:?} for {what}"))
}

pub(crate) struct Bin {
    tally: TallyHandle,
    writer: Option<Writer>,
    identity: Identity,
    dropped: AtomicU32,
    clock: Arc<dyn Clock>,
    // Removed last.
    _folder: tempfile::TempDir,
}

impl Bin {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let identity = Identity::read().unwrap();
        let run = RunInfo { software: "test".to_owned(), bundle: None };
        let path = folder.path().join("tally.db");
        let ledger = Ledger::open(&path, &identity, &run, SystemClock.now(), SystemClock.wall()).unwrap();
        let (writer, tally) = Writer::spawn(ledger, Arc::new(SystemClock), || {}).unwrap();
        Self {
            tally,
            writer: Some(writer),
            identity,
            dropped: AtomicU32::new(0),
            clock: Arc::new(SystemClock),
            _folder: folder,
        }
    }

    /// A bin whose clock a time service vouches for, wherever the test runs.
    #[allow(dead_code, reason = "not every test needs one")]
    pub(crate) fn synchronised() -> Self {
        let mut bin = Self::new();
        bin.clock = Arc::new(Vouched);
        bin
    }

    /// Writes that many items to the ledger: accepted, rejected and given back ones, and a few that came to nothing.
    pub(crate) fn drop_items(&self, count: u32) {
        for _ in 0..count {
            let number = self.dropped.fetch_add(1, Ordering::SeqCst);
            if number % 7 == 3 {
                self.write(number, true);
            }
            self.write(number, false);
        }
    }

    fn write(&self, number: u32, void: bool) {
        let seen = Stream::ALL[number as usize % Stream::COUNT];
        let rejected = number % 5 == 4;
        let (now, wall) = (SystemClock.now(), SystemClock.wall());
        let verdict = Verdict {
            label: format!("item-{number}").into(),
            seen,
            probability: 0.75,
            stream: if rejected { Stream::General } else { seen },
            compartment: (number % 10 != 9).then(|| CompartmentId(u8::try_from(number % 3).unwrap())),
            reason: rejected.then_some(Reason::NotSure),
            votes: 3,
            settled_at: now,
            decided_at: now,
        };
        let written = self.tally.call(move |ledger| {
            let intent = Intent { verdict: &verdict, moment: now, wall, chamber: None };
            let seq = ledger.intend(&intent)?;
            if void {
                ledger.void(seq, "a test", now, wall)
            } else {
                ledger.confirm(seq, now, wall).map(|_| ())
            }
        });
        written.unwrap();
    }

    /// The crew says what a drop truly was.
    #[allow(dead_code, reason = "not every test has a crew")]
    pub(crate) fn correct(&self, seq: u64, truth: Stream) {
        let wall = SystemClock.wall();
        self.tally.call(move |ledger| ledger.correct(seq, truth, "kim", wall)).unwrap();
    }

    /// The crew takes back what it said.
    #[allow(dead_code, reason = "not every test has a crew")]
    pub(crate) fn withdraw(&self, seq: u64) {
        let wall = SystemClock.wall();
        self.tally.call(move |ledger| ledger.withdraw(seq, "kim", wall)).unwrap();
    }

    /// The ids of every confirmed drop, oldest first.
    pub(crate) fn ids(&self) -> Vec<String> {
        let drops = self.tally.call(|ledger| ledger.recent(1_000)).unwrap();
        let confirmed = drops.into_iter().filter(|drop| drop.state == bunri::tally::DropState::Confirmed);
        let mut ids: Vec<_> = confirmed.map(|drop| drop.id).collect();
        ids.reverse();
        ids
    }

    pub(crate) fn outbox_len(&self) -> u64 {
        self.tally.call(|ledger| ledger.outbox_len()).unwrap()
    }

    pub(crate) async fn outbox_empty(&self) {
        while self.tally.ask(|ledger| ledger.outbox_len()).await.unwrap() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// What was asked for, newest first.
    #[allow(dead_code, reason = "not every test asks")]
    pub(crate) fn audit(&self) -> Vec<AuditEntry> {
        self.tally.call(|ledger| ledger.audit_recent(100)).unwrap()
    }

    /// Starts the uplink on the test's own runtime.
    pub(crate) fn uplink(&self, settings: Settings) -> Uplink {
        self.start(settings, None)
    }

    /// The same, with the rest of the bin to tell of.
    #[allow(dead_code, reason = "not every test has one")]
    pub(crate) fn uplink_within(
        &self,
        settings: Settings,
        around: Arc<impl Surroundings + 'static>,
    ) -> Uplink {
        self.start(settings, Some(around))
    }

    fn start(&self, settings: Settings, around: Option<Arc<dyn Surroundings>>) -> Uplink {
        settings.validate().unwrap();
        let stop = watch::Sender::new(false);
        let (sender, status) = watch::channel(Status::default());
        let (tally, identity) = (self.tally.clone(), self.identity.clone());
        let task = tokio::spawn(uplink::run_within(
            settings,
            tally,
            identity,
            Arc::clone(&self.clock),
            sender,
            stop.subscribe(),
            around,
        ));
        Uplink { stop, status, task }
    }
}

/// The machine's clock, vouched for.
struct Vouched;

impl Clock for Vouched {
    fn now(&self) -> Moment {
        SystemClock.now()
    }

    fn wall(&self) -> WallTime {
        WallTime { synchronised: true, ..SystemClock.wall() }
    }

    fn sleep_until(&self, until: Moment) {
        SystemClock.sleep_until(until);
    }
}

impl Drop for Bin {
    fn drop(&mut self) {
        self.tally.stop();
        if let Some(writer) = self.writer.take() {
            let ended = writer.join();
            if !std::thread::panicking() {
                ended.unwrap();
            }
        }
    }
}

pub(crate) struct Uplink {
    stop: watch::Sender<bool>,
    status: watch::Receiver<Status>,
    task: JoinHandle<bool>,
}

impl Uplink {
    pub(crate) fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Stops it in order; returns whether the goodbye was acknowledged.
    pub(crate) async fn stop(self) -> bool {
        self.stop.send_replace(true);
        // One second is its promise; the rest is for a busy machine.
        tokio::time::timeout(Duration::from_secs(5), self.task)
            .await
            .expect("the uplink did not stop")
            .unwrap()
    }

    /// Loses whoever could tell it to stop; returns whether it said goodbye.
    pub(crate) async fn orphan(self) -> bool {
        drop(self.stop);
        tokio::time::timeout(Duration::from_secs(5), self.task)
            .await
            .expect("the uplink did not stop")
            .unwrap()
    }

    /// Ends it as a crash would: no goodbye.
    pub(crate) fn vanish(self) {
        self.task.abort();
    }
}
