//! The whole trial: a calm time that is measured, faults, and the reckoning.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use bunri::clock::{Clock as _, SystemClock};
use clap::Args;
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::time::sleep;

use super::city::City;
use super::echo::Echo;
use super::faults::Faults;
use super::part::Part;
use super::reckoning::{Reckoning, number};
use super::show::{BINS_IN_A_STREET, Show, TELL_EVERY};
use super::street;

/// Of so many messages one is repeated, during the faults.
const ECHO_ONE_OF: u32 = 4;

#[derive(Args)]
pub(crate) struct Trial {
    /// How many bins.
    #[arg(long, default_value_t = 512)]
    bins: u32,
    /// Items a second, of all bins together. (500 real bins have about 5.)
    #[arg(long, default_value_t = 200.0)]
    rate: f64,
    /// Seconds of the calm time that is measured.
    #[arg(long, default_value_t = 60)]
    calm: u64,
    /// Seconds of faults.
    #[arg(long, default_value_t = 240)]
    faults: u64,
    /// Copies of the hub.
    #[arg(long, default_value_t = 2)]
    hubs: u16,
    /// Where the order of the faults comes from.
    #[arg(long, default_value_t = 20_261_123)]
    seed: u64,
    /// The hub's program; by default the one built beside this one.
    #[arg(long)]
    hub: Option<PathBuf>,
    /// Stop the broker in order, never kill it. (Killed, mosquitto has forgotten what it acknowledged and not yet
    /// written down.)
    #[arg(long)]
    spare_broker: bool,
    /// Repeat nothing. (Whoever repeats is subscribed, and hides from the bins that a hub is not.)
    #[arg(long)]
    no_echo: bool,
    /// Seconds after which hubs ask quiet bins for what is missing.
    #[arg(long, default_value_t = 5)]
    ask_after_s: u64,
}

/// `bunri-hub` as cargo builds it into the same target folder: this program is in its `examples`.
pub(crate) fn hub_beside() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    Ok(own.parent().and_then(|folder| folder.parent()).context("no folder")?.join("bunri-hub"))
}

/// Each bin is a connection on either side of a link: more files than a shell allows by default.
pub(crate) fn raise_file_limit() -> anyhow::Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    Ok(setrlimit(Resource::Nofile, limit)?)
}

impl Trial {
    pub(crate) async fn run(self) -> anyhow::Result<bool> {
        raise_file_limit()?;
        let hub = self.hub.clone().map_or_else(hub_beside, Ok)?;
        println!("starting mosquitto, PostgreSQL, {} hubs and {} bins", self.hubs, self.bins);
        let city = City::start(&hub, self.hubs, self.ask_after_s).await?;
        let streets = self.streets(&city)?;
        let mut show = Show::new(city, streets, self.bins);
        for street in &mut show.streets {
            street.launch()?;
        }
        show.warm_up().await?;
        println!("\ncalm: {} s at {} items a second", self.calm, self.rate);
        let calm = Calm::measure(&mut show, Duration::from_secs(self.calm)).await?;
        println!("\nfaults: {} s, seed {}", self.faults, self.seed);
        let echoes = self.break_things(&mut show).await?;
        println!("\nquiet: the bins send what is left, and what the hubs ask for again");
        street::quieten(show.city.folder())?;
        sleep(TELL_EVERY).await;
        show.settle().await?;
        show.streets_end().await?;
        show.settle().await?;
        let reckoning = Reckoning::new(&show.city, &hub, self.bins).await?;
        print!("\n{calm}{}", show.table());
        println!("{echoes} messages were repeated by the echo");
        print!("{reckoning}");
        show.city.end().await?;
        if !reckoning.agrees() {
            println!("kept for you to look at: {}", show.city.keep().display());
        }
        Ok(reckoning.agrees())
    }

    fn streets(&self, city: &City) -> anyhow::Result<Vec<Part>> {
        let firsts = (0..self.bins).step_by(BINS_IN_A_STREET as usize);
        let streets = firsts.map(|first| {
            let bins = BINS_IN_A_STREET.min(self.bins - first);
            let rate = self.rate * f64::from(bins) / f64::from(self.bins);
            street::part(city.folder(), city.bins_link.port, first, bins, rate, self.seed)
        });
        streets.collect()
    }

    async fn break_things(&self, show: &mut Show) -> anyhow::Result<u64> {
        let mut faults = Faults::new(self.seed, show.city.hubs.len(), show.streets.len(), !self.spare_broker);
        let echo = (!self.no_echo).then(|| Echo::start(show.city.broker_port, self.seed, ECHO_ONE_OF));
        let begun = SystemClock.now();
        while SystemClock.now().since(begun) < Duration::from_secs(self.faults) {
            let what = faults.round(&mut show.city, &mut show.streets).await?;
            println!("  {:>5.1} s  {what}", show.seconds());
            show.tell().await?;
        }
        show.city.database_answers().await?;
        show.city.subscribed().await?;
        // What the bins still send now comes while everything runs, repetitions too.
        Ok(echo.map_or(0, |echo| echo.said()))
    }
}

/// What was measured in the calm time.
struct Calm {
    rows: u64,
    seconds: f64,
    /// Milliseconds from the decision at the bin to the commit: half of the rows, 99 of 100, all.
    latency_ms: [f64; 3],
}

impl Calm {
    /// Watches for so long.
    async fn measure(show: &mut Show, duration: Duration) -> anyhow::Result<Calm> {
        let (from_ms, begun) = (SystemClock.wall().unix_ms, SystemClock.now());
        while SystemClock.now().since(begun) < duration {
            sleep(TELL_EVERY / 2).await;
            show.tell().await?;
        }
        Calm::read(&show.city, from_ms, SystemClock.wall().unix_ms).await
    }

    async fn read(city: &City, from_ms: i64, to_ms: i64) -> anyhow::Result<Self> {
        let committed_ms = "extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000";
        let committed = format!(
            "SELECT count(*) FROM drops WHERE {committed_ms} >= {from_ms} AND {committed_ms} < {to_ms}"
        );
        let quantiles = format!(
            "SELECT unnest(percentile_disc(ARRAY[0.5, 0.99, 1]) WITHIN GROUP (ORDER BY {committed_ms} - time_ms)) \
             FROM drops WHERE time_ms >= {from_ms} AND time_ms < {to_ms}"
        );
        let (rows, quantiles) = (number(city, &committed).await?, city.query(&quantiles).await?);
        let mut latency_ms = [f64::NAN; 3];
        for (place, line) in latency_ms.iter_mut().zip(quantiles.lines()) {
            *place = line.parse()?;
        }
        let seconds = Duration::from_millis((to_ms - from_ms).unsigned_abs()).as_secs_f64();
        Ok(Self { rows, seconds, latency_ms })
    }
}

impl std::fmt::Display for Calm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        #[allow(clippy::cast_precision_loss, reason = "a rate with one decimal")]
        let rate = self.rows as f64 / self.seconds;
        let [half, most, all] = self.latency_ms;
        writeln!(
            f,
            "calm time: {rate:.1} events a second committed; from the decision in a bin to the committed row"
        )?;
        writeln!(f, "  {half:.0} ms (half of them), {most:.0} ms (99 of 100), {all:.0} ms (all)")
    }
}
