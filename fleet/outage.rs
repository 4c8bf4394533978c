//! One bin that was cut off for a month, and what it takes to hear it out: everything once, at a bounded rate, new
//! items meanwhile not behind the old ones, and no memory that grows with what waits.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bunri::clock::{Clock as _, Identity, Moment, SystemClock, WallTime, fresh_id};
use bunri::tally::Intent;
use clap::Args;
use tokio::time::sleep;

use super::city::City;
use super::memory;
use super::reckoning::Reckoning;
use super::show::{Show, TELL_EVERY};
use super::street;
use super::trial::{hub_beside, raise_file_limit};

const DAY_MS: i64 = 86_400_000;
/// As a hub has it.
const ASK_AFTER_S: u64 = 60;
/// Lines of the table of memory.
const SAMPLES: usize = 10;

#[derive(Args)]
pub(crate) struct Outage {
    /// Days without a connection.
    #[arg(long, default_value_t = 30)]
    days: u32,
    /// Items a day: what a bin of this district has at most.
    #[arg(long, default_value_t = 700)]
    drops_a_day: u32,
    /// Items a second while the old ones are sent.
    #[arg(long, default_value_t = 0.5)]
    rate: f64,
    #[arg(long, default_value_t = 20_261_123)]
    seed: u64,
    /// The hub's program; by default the one built beside this one.
    #[arg(long)]
    hub: Option<PathBuf>,
}

/// How it stood at one moment.
struct Sample {
    seconds: f64,
    held: u64,
    bin_kib: u64,
    hub_kib: u64,
}

impl Outage {
    pub(crate) async fn run(self) -> anyhow::Result<bool> {
        raise_file_limit()?;
        let hub = self.hub.clone().map_or_else(hub_beside, Ok)?;
        let city = City::start(&hub, 1, ASK_AFTER_S).await?;
        println!("{} days of {} items are written to one ledger", self.days, self.drops_a_day);
        self.fill(city.folder())?;
        let reconnected_ms = SystemClock.wall().unix_ms;
        let mut bin = street::part(city.folder(), city.bins_link.port, 0, 1, self.rate, self.seed)?;
        println!("\nthe connection is back");
        bin.launch()?;
        let mut show = Show::new(city, vec![bin], 1);
        let samples = self.hear_out(&mut show).await?;
        show.streets_end().await?;
        show.settle().await?;
        let reckoning = Reckoning::new(&show.city, &hub, 1).await?;
        let fresh = format!(
            "SELECT count(*), unnest(percentile_disc(ARRAY[0.5, 1]) WITHIN GROUP (ORDER BY received_ms - time_ms)) \
             FROM drops WHERE time_ms >= {reconnected_ms}"
        );
        let fresh = show.city.query(&fresh).await?;
        println!("\n{:>9}  {:>8}  {:>10}  {:>10}", "seconds", "held", "bin, KiB", "hub, KiB");
        let step = samples.len().div_ceil(SAMPLES).max(1);
        for sample in samples.iter().step_by(step).chain(samples.last()) {
            println!(
                "{:>9.0}  {:>8}  {:>10}  {:>10}",
                sample.seconds, sample.held, sample.bin_kib, sample.hub_kib
            );
        }
        println!(
            "new items meanwhile: how many, and milliseconds until half of them and all of them were at the hub"
        );
        print!("{fresh}{reckoning}");
        show.city.end().await?;
        if !reckoning.agrees() {
            println!("kept for you to look at: {}", show.city.keep().display());
        }
        Ok(reckoning.agrees())
    }

    /// A month's items in a ledger, as a bin would have written them, only faster.
    fn fill(&self, folder: &Path) -> anyhow::Result<()> {
        let identity = Identity { boot_id: fresh_id()?, run_id: fresh_id()? };
        let mut ledger = street::open_ledger(folder, 0, &identity)?;
        let mut random = fastrand::Rng::with_seed(self.seed);
        let drops = i64::from(self.days) * i64::from(self.drops_a_day);
        let span_ms = i64::from(self.days) * DAY_MS;
        let begin_ms = SystemClock.wall().unix_ms - span_ms;
        let mut told = SystemClock.now();
        for number in 0..drops {
            let passed_ms = span_ms * number / drops;
            let moment = Moment::from_millis(passed_ms.unsigned_abs());
            let wall = WallTime { unix_ms: begin_ms + passed_ms, synchronised: true };
            let verdict = street::verdict(&mut random, moment);
            let seq = ledger.intend(&Intent { verdict: &verdict, moment, wall, chamber: None })?;
            let closed =
                (moment + Duration::from_secs(2), WallTime { unix_ms: wall.unix_ms + 2_000, ..wall });
            ledger.confirm(seq, closed.0, closed.1)?;
            if SystemClock.now().since(told) >= TELL_EVERY {
                told = SystemClock.now();
                println!("  {number} of {drops}");
            }
        }
        let end = begin_ms + span_ms;
        Ok(ledger.close(Moment::default(), WallTime { unix_ms: end, synchronised: true })?)
    }

    /// Watches until the hub holds as many as were waiting.
    async fn hear_out(&self, show: &mut Show) -> anyhow::Result<Vec<Sample>> {
        let expected = u64::from(self.days) * u64::from(self.drops_a_day);
        let mut samples = Vec::new();
        loop {
            let held = show.held().await?;
            let weigh = |process: Option<u32>| process.and_then(memory::kib).unwrap_or(0);
            let bin_kib = weigh(show.streets[0].id());
            let hub_kib = weigh(show.city.hubs[0].id());
            samples.push(Sample { seconds: show.seconds(), held, bin_kib, hub_kib });
            show.streets[0].must_run()?;
            if held >= expected {
                return Ok(samples);
            }
            show.tell().await?;
            sleep(TELL_EVERY / 2).await;
        }
    }
}
