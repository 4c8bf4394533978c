//! A city with its bins at work, and what the terminal hears of them.

use std::time::Duration;

use anyhow::bail;
use bunri::clock::{Clock as _, Moment, SystemClock};
use tokio::time::sleep;

use super::city::City;
use super::memory::Weight;
use super::part::Part;
use super::reckoning::number;
use super::street::Standing;

/// How often the terminal hears of it.
pub(crate) const TELL_EVERY: Duration = Duration::from_secs(2);
/// After the last item: how long nothing new may arrive at the hub before the account is closed.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Bins in one process.
pub(crate) const BINS_IN_A_STREET: u32 = 64;

/// The trial under way.
pub(crate) struct Show {
    pub(crate) city: City,
    pub(crate) streets: Vec<Part>,
    bins: u32,
    /// Broker, database, streets, this program, then the hubs.
    weights: Vec<Weight>,
    start: Moment,
    told: Moment,
}

impl Show {
    pub(crate) fn new(city: City, streets: Vec<Part>, bins: u32) -> Self {
        let weights = vec![Weight::default(); 4 + city.hubs.len()];
        let now = SystemClock.now();
        Self { city, streets, bins, weights, start: now, told: now }
    }

    pub(crate) fn seconds(&self) -> f64 {
        SystemClock.now().since(self.start).as_secs_f64()
    }

    fn standing(&self) -> Standing {
        let mut sum = Standing::default();
        for first in (0..self.bins).step_by(BINS_IN_A_STREET as usize) {
            let one = Standing::read(self.city.folder(), first);
            sum.dropped += one.dropped;
            sum.waiting += one.waiting;
        }
        sum
    }

    pub(crate) async fn held(&self) -> anyhow::Result<u64> {
        number(&self.city, "SELECT coalesce(sum(items), 0) FROM totals").await
    }

    /// Weighs every part; a line on the terminal from time to time.
    pub(crate) async fn tell(&mut self) -> anyhow::Result<()> {
        let streets: Vec<_> = self.streets.iter().map(Part::id).collect();
        self.weights[0].look(self.city.broker.id());
        self.weights[1].look(self.city.database.id());
        self.weights[2] = streets.iter().fold(Weight { now: 0.0, ..self.weights[2] }, |mut all, street| {
            let mut one = Weight::default();
            one.look(*street);
            all.now += one.now;
            all
        });
        self.weights[2].most = self.weights[2].most.max(self.weights[2].now);
        self.weights[3].look(Some(std::process::id()));
        for (weight, hub) in self.weights[4..].iter_mut().zip(&self.city.hubs) {
            weight.look(hub.id());
        }
        if SystemClock.now().since(self.told) < TELL_EVERY {
            return Ok(());
        }
        self.told = SystemClock.now();
        let waiting = self.standing().waiting;
        let held = self.held().await.map_or_else(|_| "?".to_owned(), |held| held.to_string());
        let mib: Vec<_> = self.weights.iter().map(|weight| format!("{:.0}", weight.now)).collect();
        println!(
            "  {:>5.1} s  {held} rows committed, {waiting} waiting in outboxes; MiB: broker {}, database {}, bins {}, hubs {}",
            self.seconds(),
            mib[0],
            mib[1],
            mib[2],
            mib[4..].join(" + "),
        );
        Ok(())
    }

    /// Until every bin has connected once and items flow.
    pub(crate) async fn warm_up(&mut self) -> anyhow::Result<()> {
        let connected = "SELECT count(*) FROM presence WHERE state = 'online'";
        loop {
            for street in &mut self.streets {
                street.must_run()?;
            }
            if number(&self.city, connected).await? >= u64::from(self.bins) {
                return Ok(());
            }
            self.tell().await?;
            sleep(TELL_EVERY / 4).await;
        }
    }

    /// No more items; every outbox is emptied.
    pub(crate) async fn streets_end(&mut self) -> anyhow::Result<()> {
        self.streets.iter().for_each(Part::ask_to_end);
        loop {
            let mut all = true;
            for street in &mut self.streets {
                match street.ended()? {
                    Some(true) => {}
                    Some(false) => {
                        bail!("{} failed; its words are in {}", street.name, self.city.folder().display())
                    }
                    None => all = false,
                }
            }
            self.tell().await?;
            if all {
                return Ok(());
            }
            sleep(TELL_EVERY / 4).await;
        }
    }

    /// Until nothing new has come for a while: what is still missing then is lost.
    pub(crate) async fn settle(&mut self) -> anyhow::Result<()> {
        let (mut held, mut since) = (0, SystemClock.now());
        let complete = "SELECT count(*) FROM (SELECT total + returned AS reported, (SELECT sum(items) FROM totals \
                        WHERE totals.epoch_id = reports.epoch_id) AS held, corrections, (SELECT count(*) \
                        FROM corrections WHERE corrections.epoch_id = reports.epoch_id) AS corrected FROM reports) \
                        AS ledgers WHERE reported = held AND corrections = corrected";
        while SystemClock.now().since(since) < SETTLE_TIMEOUT {
            if number(&self.city, complete).await? >= u64::from(self.bins) {
                return Ok(());
            }
            let now = self.held().await?;
            if now != held {
                (held, since) = (now, SystemClock.now());
            }
            sleep(TELL_EVERY / 4).await;
            self.tell().await?;
        }
        Ok(())
    }

    pub(crate) fn table(&self) -> String {
        let names = ["mosquitto", "PostgreSQL", "all bins", "this program"].map(str::to_owned).into_iter();
        let names = names.chain(self.city.hubs.iter().map(|hub| hub.name.clone()));
        let rows = names
            .zip(&self.weights)
            .map(|(name, weight)| format!("  {name:<14} {:>7.1} MiB at most\n", weight.most));
        format!("memory (proportional share):\n{}", rows.collect::<String>())
    }
}
