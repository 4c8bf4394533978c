//! A street: bins in one process, each with its own ledger, outbox and connection, and everything in them real but the
//! items. Killing the process is a power cut in the whole street.
//!
//! SIGTERM: no more items; every outbox is emptied, the uplinks say goodbye, the ledgers are closed, the process ends.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use bunri::clock::{Clock, Identity, SystemClock};
use bunri::judge::{CompartmentId, Reason, Verdict};
use bunri::streams::Stream;
use bunri::tally::{Intent, Ledger, RunInfo, TallyError, TallyHandle, Writer};
use bunri::uplink::{self, BinName, Settings, Status};
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

use super::part::Part;

/// The district every bin is in.
pub(crate) const DISTRICT: &str = "yangcheon";
/// How often a street writes down how it stands.
const REPORT_EVERY: Duration = Duration::from_secs(1);
/// Of so many drops the crew corrects one.
const CORRECTED_ONE_OF: u32 = 10;
/// Of so many words it takes one back.
const WITHDRAWN_ONE_OF: u32 = 4;
/// A file in the folder: from when it is there, nobody drops anything.
const QUIET: &str = "quiet";
/// Between the decision and the empty chamber, milliseconds: time enough to be killed in.
const FLAP_MS: std::ops::Range<u64> = 20..120;

#[derive(Args)]
pub(crate) struct Street {
    /// Where the bins' folders are.
    #[arg(long)]
    folder: PathBuf,
    /// The number of the first bin.
    #[arg(long)]
    first: u32,
    /// How many there are.
    #[arg(long)]
    bins: u32,
    /// The broker's port on loopback.
    #[arg(long)]
    port: u16,
    /// Items a second, of all bins together.
    #[arg(long)]
    rate: f64,
    #[arg(long)]
    seed: u64,
}

/// The process of a street, not yet started.
pub(crate) fn part(
    folder: &Path,
    port: u16,
    first: u32,
    bins: u32,
    rate: f64,
    seed: u64,
) -> anyhow::Result<Part> {
    let part = Part::new(&format!("words-of-{first}"), folder, std::env::current_exe()?).arg("street");
    let numbers =
        [("--first", first.to_string()), ("--bins", bins.to_string()), ("--port", port.to_string())];
    let part = numbers.into_iter().fold(part, |part, (name, number)| part.arg(name).arg(number));
    Ok(part.arg("--folder").arg(folder).args(["--rate", &rate.to_string(), "--seed", &seed.to_string()]))
}

/// Lets every street have no more items; they stay connected.
pub(crate) fn quieten(folder: &Path) -> std::io::Result<()> {
    std::fs::write(folder.join(QUIET), "")
}

/// How a street stands, as it wrote it down last.
#[derive(Clone, Copy, Default)]
pub(crate) struct Standing {
    /// Items whose drop is confirmed in a ledger, since the process began.
    pub(crate) dropped: u64,
    /// Messages in outboxes.
    pub(crate) waiting: u64,
}

impl Standing {
    fn file(folder: &Path, first: u32) -> PathBuf {
        folder.join(format!("street-{first}"))
    }

    /// What the street wrote down last; nothing before it ever did.
    pub(crate) fn read(folder: &Path, first: u32) -> Self {
        let text = std::fs::read_to_string(Self::file(folder, first)).unwrap_or_default();
        let mut numbers = text.split_whitespace().map_while(|word| word.parse().ok());
        Self { dropped: numbers.next().unwrap_or(0), waiting: numbers.next().unwrap_or(0) }
    }
}

pub(crate) fn bin_name(number: u32) -> String {
    format!("bin-{number:04}")
}

pub(crate) fn ledger_path(folder: &Path, number: u32) -> PathBuf {
    folder.join(bin_name(number)).join("tally.db")
}

pub(crate) fn open_ledger(folder: &Path, number: u32, identity: &Identity) -> anyhow::Result<Ledger> {
    let path = ledger_path(folder, number);
    std::fs::create_dir_all(path.parent().context("a ledger without a folder")?)?;
    let run = RunInfo { software: "fleet".to_owned(), bundle: None };
    Ok(Ledger::open(&path, identity, &run, SystemClock.now(), SystemClock.wall())?)
}

/// One bin at work.
struct Bin {
    tally: TallyHandle,
    writer: Writer,
    status: watch::Receiver<Status>,
    uplink: JoinHandle<bool>,
}

impl Street {
    pub(crate) async fn run(self) -> anyhow::Result<bool> {
        let mut terminate = signal(SignalKind::terminate())?;
        let identity = Identity::read()?;
        let dropped = Arc::new(AtomicU64::new(0));
        let (enough, goodbye) = (watch::Sender::new(false), watch::Sender::new(false));
        let mut bins = Vec::new();
        let mut lives = JoinSet::new();
        for number in self.first..self.first + self.bins {
            let bin = self.begin(number, &identity, &goodbye)?;
            // Another run drops other items: the process begins at another moment.
            let seed = self.seed ^ u64::from(number) ^ SystemClock.now().as_nanos();
            let life = Life {
                tally: bin.tally.clone(),
                random: fastrand::Rng::with_seed(seed),
                pause: f64::from(self.bins) / self.rate,
                dropped: Arc::clone(&dropped),
            };
            if self.rate > 0.0 {
                lives.spawn(life.live(enough.subscribe()));
            }
            bins.push(bin);
        }
        let mut report = tokio::time::interval(REPORT_EVERY);
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                Some(ended) = lives.join_next() => ended??,
                _ = report.tick() => {
                    if self.folder.join(QUIET).exists() {
                        enough.send_replace(true);
                    }
                    self.report(&bins, &dropped)?;
                }
            }
        }
        enough.send_replace(true);
        while let Some(ended) = lives.join_next().await {
            ended??;
        }
        for bin in &bins {
            while bin.tally.ask(|ledger| ledger.outbox_len()).await? > 0 {
                self.report(&bins, &dropped)?;
                sleep(Duration::from_millis(50)).await;
            }
        }
        goodbye.send_replace(true);
        for bin in bins {
            bin.uplink.await?;
            bin.tally.stop();
            bin.writer.join()?;
        }
        Ok(true)
    }

    fn begin(&self, number: u32, identity: &Identity, goodbye: &watch::Sender<bool>) -> anyhow::Result<Bin> {
        let ledger = open_ledger(&self.folder, number, identity)?;
        let (writer, tally) = Writer::spawn(ledger, Arc::new(SystemClock), || {})?;
        let (sender, status) = watch::channel(Status::default());
        let uplink = tokio::spawn(uplink::run(
            settings(self.port, BinName::new(DISTRICT, &bin_name(number))?),
            tally.clone(),
            identity.clone(),
            Arc::new(SystemClock),
            sender,
            goodbye.subscribe(),
        ));
        Ok(Bin { tally, writer, status, uplink })
    }

    fn report(&self, bins: &[Bin], dropped: &AtomicU64) -> std::io::Result<()> {
        let waiting: u64 = bins.iter().map(|bin| bin.status.borrow().backlog).sum();
        let text = format!("{} {waiting}\n", dropped.load(Ordering::Relaxed));
        std::fs::write(Standing::file(&self.folder, self.first), text)
    }
}

/// The uplink's own defaults, but for less patience: a fault of the fleet is over after seconds.
fn settings(port: u16, bin: BinName) -> Settings {
    Settings {
        acknowledge_timeout: Duration::from_secs(10),
        retry_min: Duration::from_millis(200),
        retry_max: Duration::from_secs(3),
        ..Settings::new("127.0.0.1".to_owned(), port, bin)
    }
}

/// The residents of one bin.
struct Life {
    tally: TallyHandle,
    random: fastrand::Rng,
    /// Mean seconds between two items.
    pause: f64,
    dropped: Arc<AtomicU64>,
}

impl Life {
    async fn live(mut self, mut enough: watch::Receiver<bool>) -> Result<(), TallyError> {
        if let Some(left) = self.tally.ask(|ledger| ledger.open_intent()).await? {
            self.close(left.record.seq).await?;
        }
        loop {
            // Exponential: people do not come at regular times.
            let pause = Duration::from_secs_f64(-self.pause * (1.0 - self.random.f64()).ln());
            tokio::select! {
                _ = enough.wait_for(|enough| *enough) => return Ok(()),
                () = sleep(pause) => {}
            }
            let verdict = verdict(&mut self.random, SystemClock.now());
            let seq = self.tally.ask(move |ledger| {
                let (moment, wall) = (SystemClock.now(), SystemClock.wall());
                ledger.intend(&Intent { verdict: &verdict, moment, wall, chamber: None })
            });
            let seq = seq.await?;
            sleep(Duration::from_millis(self.random.u64(FLAP_MS))).await;
            self.close(seq).await?;
        }
    }

    /// Of twenty items one stays where it is and is taken out again.
    async fn close(&mut self, seq: u64) -> Result<(), TallyError> {
        let stays = self.random.u8(0..20) == 0;
        let truth = Stream::ALL[self.random.usize(0..Stream::COUNT)];
        let truth = (self.random.u32(0..CORRECTED_ONE_OF) == 0).then_some(truth);
        let taken_back = self.random.u32(0..WITHDRAWN_ONE_OF) == 0;
        let close = move |ledger: &mut Ledger| {
            let (now, wall) = (SystemClock.now(), SystemClock.wall());
            if stays {
                return ledger.void(seq, "it did not move", now, wall);
            }
            ledger.confirm(seq, now, wall)?;
            let Some(truth) = truth else { return Ok(()) };
            ledger.correct(seq, truth, "crew", wall)?;
            if taken_back { ledger.withdraw(seq, "crew", wall) } else { Ok(()) }
        };
        self.tally.ask(close).await?;
        self.dropped.fetch_add(u64::from(!stays), Ordering::Relaxed);
        Ok(())
    }
}

/// Any verdict that can be true, decided at `now`.
pub(crate) fn verdict(random: &mut fastrand::Rng, now: bunri::clock::Moment) -> Verdict {
    let seen = Stream::ALL[random.usize(0..Stream::COUNT)];
    let reason = (random.u8(0..5) == 0).then(|| Reason::ALL[random.usize(0..Reason::ALL.len())]);
    let taken_back = reason.is_some() && random.bool();
    Verdict {
        label: format!("item-{}", random.u16(..)).into(),
        seen,
        probability: f32::from(random.u16(0..=1000)) / 1000.0,
        stream: if reason.is_some() { Stream::General } else { seen },
        compartment: (!taken_back).then(|| CompartmentId(random.u8(0..9))),
        reason,
        votes: random.u32(1..9),
        settled_at: now,
        decided_at: now,
    }
}
