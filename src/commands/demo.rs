//! `bunri demo`: the whole bin on recorded clips, in real time, with a broker of its own; then the reckoning.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use jiff::Timestamp;
use tokio::sync::broadcast::error::RecvError;

use super::VERSION;
use super::demo_hub::{HubListener, LocalBroker, RETURNED, Received};
use super::run::{runtime, stop_signal};
use crate::capture::replay::{Played, Truth};
use crate::clock::{SystemClock, fresh_id};
use crate::config::Config;
use crate::daemon::Daemon;
use crate::streams::Stream;
use crate::tally::{Counts, DropRecord};

/// The demo's configuration, below the working folder.
const DEMO_CONFIG: &str = "calibration/demo/bunri.toml";
/// How long the hub may lag behind the last acknowledgement.
const HUB_LAG: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
pub(super) struct Demo {
    /// The configuration; its hub is replaced by a broker on this machine, its state folder by a temporary one.
    #[arg(long, default_value = DEMO_CONFIG)]
    config: PathBuf,
    /// Stop after this long, for example 20s or 2m, and at the end of the clip that plays then.
    #[arg(long = "for", value_name = "TIME", value_parser = parse_duration)]
    duration: Option<Duration>,
}

pub(super) fn run(demo: &Demo) -> anyhow::Result<ExitCode> {
    let mut config = Config::load(&demo.config)?;
    let state = TemporaryFolder::new()?;
    config.state_dir.clone_from(&state.0);
    if let Some(web) = &mut config.web {
        web.folder = state.0.join("web");
    }
    let reckoning = runtime()?.block_on(play(demo, config))?;
    print!("{reckoning}");
    Ok(if reckoning.agrees() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn play(demo: &Demo, mut config: Config) -> anyhow::Result<Reckoning> {
    let stop = stop_signal()?;
    let mut broker = LocalBroker::start(&[], "").await?;
    config.uplink = Some(broker.settings(config.bin.clone()));
    let hub = HubListener::start(broker.settings(config.bin.clone())).await?;
    let mut received = hub.received();
    let daemon = Daemon::start(&config, VERSION, Arc::new(SystemClock)).await?;
    let truth = daemon.truth().context("the demo needs clips: set camera source = \"replay\"")?;
    println!("bin       {}/{}, {VERSION}", config.bin.district(), config.bin.bin());
    if let Some(web) = &config.web {
        let open =
            if web.open_on_loopback { ", open to anyone on this machine (web.open_on_loopback)" } else { "" };
        println!("page      {}{open}", web.url());
    }
    println!("hub       mosquitto on 127.0.0.1, started for this demo");
    println!("stop      Ctrl-C (once: after this clip, twice: at once)\n");
    println!("{:<8}  {:<9}  {:>6}  {:<11}  {:>10}", "time", "stream", "prob.", "compartment", "verdict in");
    let printer = tokio::spawn(print_drops(daemon.drops(), config.zone.clone(), streams_of(&config)));
    let end_of_clip = truth.clone();
    let duration = demo.duration;
    let finisher = tokio::spawn(async move {
        let until = async {
            match duration {
                Some(duration) => tokio::time::sleep(duration).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = until => {}
            () = stop => println!("finishing the clip ..."),
        }
        end_of_clip.finish_after_current_clip();
    });
    // The replay's end ends the daemon.
    let ledger_path = config.state_dir.join("tally.db");
    daemon.run(std::future::pending()).await?;
    finisher.abort();
    let _ = printer.await;
    let counts = count(&ledger_path)?;
    let expected = counts.confirmed();
    let enough = received.wait_for(|received| received.drops.len() as u64 >= expected);
    let _ = tokio::time::timeout(HUB_LAG, enough).await;
    let at_hub = received.borrow().clone();
    drop(hub);
    broker.stop().await;
    Ok(Reckoning::new(&truth, &counts, &at_hub))
}

fn streams_of(config: &Config) -> Vec<Stream> {
    config.compartments.iter().map(|compartment| compartment.stream).collect()
}

async fn print_drops(
    mut drops: tokio::sync::broadcast::Receiver<Arc<DropRecord>>,
    zone: jiff::tz::TimeZone,
    compartments: Vec<Stream>,
) {
    loop {
        match drops.recv().await {
            Ok(record) => println!("{}", line(&record, &zone, &compartments)),
            Err(RecvError::Lagged(missed)) => println!("({missed} drops not shown)"),
            Err(RecvError::Closed) => return,
        }
    }
}

/// One drop: time, what it looks like, probability, compartment, milliseconds from settled to verdict.
fn line(record: &DropRecord, zone: &jiff::tz::TimeZone, compartments: &[Stream]) -> String {
    let verdict = &record.verdict;
    let time = Timestamp::from_millisecond(record.wall.unix_ms)
        .map(|time| time.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string())
        .unwrap_or_default();
    let compartment = verdict.compartment.and_then(|id| compartments.get(usize::from(id.0)));
    let compartment = compartment.map_or("given back", |stream| stream.id());
    let why = verdict.reason.map_or_else(String::new, |reason| format!("  ({reason})"));
    format!(
        "{time:<8}  {:<9}  {:>4.0} %  {compartment:<11}  {:>7} ms{why}",
        verdict.seen,
        verdict.probability * 100.0,
        record.settled_to_decided_ms(),
    )
}

/// What really went in, what the ledger says, what the hub has.
struct Reckoning {
    rows: Vec<(String, u64, u64, u64)>,
    items: u64,
    ledger: u64,
    hub: u64,
    duplicates: u64,
    broken: u64,
}

impl Reckoning {
    fn new(truth: &Truth, counts: &Counts, received: &Received) -> Self {
        let Played { total, per_stream } = truth.played();
        let at_hub = |name: &str| received.streams.get(name).copied().unwrap_or(0);
        let mut rows: Vec<_> = Stream::ALL
            .into_iter()
            .map(|stream| {
                (
                    stream.id().to_owned(),
                    per_stream[stream.index()],
                    counts.stream(stream),
                    at_hub(stream.id()),
                )
            })
            .collect();
        rows.push((RETURNED.to_owned(), 0, counts.returned(), at_hub(RETURNED)));
        rows.retain(|(_, items, ledger, hub)| items + ledger + hub > 0);
        Self {
            rows,
            items: total,
            ledger: counts.confirmed(),
            hub: received.drops.len() as u64,
            duplicates: received.duplicates,
            broken: received.broken,
        }
    }

    /// Every item counted once, in the ledger and at the hub, stream by stream.
    fn agrees(&self) -> bool {
        let same_streams = self.rows.iter().all(|(_, _, ledger, hub)| ledger == hub);
        self.items == self.ledger && self.ledger == self.hub && same_streams && self.broken == 0
    }
}

impl std::fmt::Display for Reckoning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "\n{:<10} {:>14} {:>8} {:>8}", "", "items in clips", "ledger", "hub")?;
        for (stream, items, ledger, hub) in &self.rows {
            writeln!(f, "{stream:<10} {items:>14} {ledger:>8} {hub:>8}")?;
        }
        writeln!(f, "{:<10} {:>14} {:>8} {:>8}", "total", self.items, self.ledger, self.hub)?;
        if self.duplicates + self.broken > 0 {
            writeln!(f, "hub: {} repeated, {} not understood", self.duplicates, self.broken)?;
        }
        if self.agrees() {
            writeln!(f, "they agree: every item counted exactly once, in the ledger and at the hub")
        } else {
            writeln!(f, "THEY DO NOT AGREE: an item was lost, counted twice or invented; please report this")
        }
    }
}

/// Counts the ledger after the daemon has closed it.
fn count(path: &Path) -> anyhow::Result<Counts> {
    let report = crate::tally::verify(path)?;
    anyhow::ensure!(report.sound(), "the demo's ledger is not sound:\n{report}");
    Ok(report.counts)
}

/// A folder that goes with the demo.
struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    fn new() -> anyhow::Result<Self> {
        let folder = std::env::temp_dir().join(format!("bunri-demo-{}", fresh_id()?));
        std::fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(Self(folder))
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        // Left behind it does no harm: it is in the system's temporary folder.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// `20s`, `2m`, `1h` or plain seconds.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let seconds = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(format!("'{text}' is not a time such as 20s, 2m or 1h")),
    };
    let number: u64 = number.parse().map_err(|_| format!("'{text}' is not a time such as 20s, 2m or 1h"))?;
    Ok(Duration::from_secs(number.saturating_mul(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_their_units() {
        assert_eq!(parse_duration("20s"), Ok(Duration::from_secs(20)));
        assert_eq!(parse_duration("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(parse_duration("7"), Ok(Duration::from_secs(7)));
        for bad in ["", "s", "2d", "-3s", "1.5s"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }
}
