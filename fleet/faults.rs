//! What goes wrong, in an order that a seed decides: each kind in turn, one to three at a time.

use std::time::Duration;

use rustix::process::Signal;
use tokio::time::sleep;

use super::city::City;
use super::part::Part;

/// The longest time a part is away.
const AWAY_MS_MOST: u64 = 3_000;
/// The longest quiet between two rounds.
const QUIET_MS_MOST: u64 = 2_000;
/// The longest delay of one piece of a conversation while a link is slow.
const DELAY_MS_MOST: u64 = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    BrokerStops,
    BrokerDies,
    HubDies(usize),
    DatabaseDies,
    StreetDies(usize),
    BinsAreCut,
    BinsAreAlone,
    HubsAreCut,
    BinsAreSlow,
    HubsAreSlow,
}

/// Faults in a shuffled order, over and over.
pub(crate) struct Faults {
    random: fastrand::Rng,
    kinds: Vec<Fault>,
    deck: Vec<Fault>,
}

impl Faults {
    /// `broker_dies`: whether the broker is also killed, not only stopped.
    pub(crate) fn new(seed: u64, hubs: usize, streets: usize, broker_dies: bool) -> Self {
        use Fault as F;
        let mut kinds = vec![F::BrokerStops, F::DatabaseDies, F::BinsAreCut, F::BinsAreAlone, F::HubsAreCut];
        kinds.extend([F::BinsAreSlow, F::HubsAreSlow]);
        kinds.extend((0..hubs).map(F::HubDies));
        kinds.extend((0..streets).map(F::StreetDies));
        if broker_dies {
            kinds.push(F::BrokerDies);
        }
        Self { random: fastrand::Rng::with_seed(seed), kinds, deck: Vec::new() }
    }

    /// One round: some faults at once, a while, the mending of all, a while. Returns what it was, for the terminal.
    pub(crate) async fn round(&mut self, city: &mut City, streets: &mut [Part]) -> anyhow::Result<String> {
        let faults = self.draw();
        for fault in &faults {
            self.begin(*fault, city, streets).await?;
        }
        let away_ms = self.random.u64(0..=AWAY_MS_MOST);
        sleep(Duration::from_millis(away_ms)).await;
        for fault in &faults {
            mend(*fault, city, streets)?;
        }
        if faults.contains(&Fault::DatabaseDies) {
            // It repairs itself first, which takes its time: or it would never be there again.
            city.database_answers().await?;
        }
        sleep(Duration::from_millis(self.random.u64(0..=QUIET_MS_MOST))).await;
        let names: Vec<_> = faults.iter().map(|fault| fault.to_string()).collect();
        Ok(format!("{}, for {away_ms} ms", names.join("; ")))
    }

    fn draw(&mut self) -> Vec<Fault> {
        let count = self.random.usize(1..=3);
        let mut faults: Vec<Fault> = Vec::with_capacity(count);
        while faults.len() < count {
            if self.deck.is_empty() {
                self.deck.clone_from(&self.kinds);
                self.random.shuffle(&mut self.deck);
            }
            let Some(fault) = self.deck.pop() else { break };
            // The broker ends only once a round.
            let ends = |fault: &Fault| matches!(fault, Fault::BrokerStops | Fault::BrokerDies);
            let too_many = faults.contains(&fault) || ends(&fault) && faults.iter().any(ends);
            if !too_many {
                faults.push(fault);
            }
        }
        faults
    }

    async fn begin(&mut self, fault: Fault, city: &mut City, streets: &mut [Part]) -> anyhow::Result<()> {
        match fault {
            Fault::BrokerStops => drop(city.broker.end(Signal::TERM).await?),
            Fault::BrokerDies => drop(city.broker.end(Signal::KILL).await?),
            Fault::HubDies(hub) => drop(city.hubs[hub].end(Signal::KILL).await?),
            // Immediate shutdown, as a power cut: nothing is written down.
            Fault::DatabaseDies => drop(city.database.end(Signal::QUIT).await?),
            Fault::StreetDies(street) => drop(streets[street].end(Signal::KILL).await?),
            Fault::BinsAreCut => city.bins_link.cut_one_of(self.random.u64(1..=4)),
            Fault::BinsAreAlone => {
                city.bins_link.set_open(false);
                city.bins_link.cut_one_of(1);
            }
            Fault::HubsAreCut => city.hubs_link.cut_one_of(self.random.u64(1..=2)),
            Fault::BinsAreSlow => city.bins_link.set_delay(DELAY_MS_MOST),
            Fault::HubsAreSlow => city.hubs_link.set_delay(DELAY_MS_MOST),
        }
        Ok(())
    }
}

fn mend(fault: Fault, city: &mut City, streets: &mut [Part]) -> anyhow::Result<()> {
    match fault {
        Fault::BrokerStops | Fault::BrokerDies => city.broker.launch()?,
        Fault::HubDies(hub) => city.hubs[hub].launch()?,
        Fault::DatabaseDies => city.database.launch()?,
        Fault::StreetDies(street) => streets[street].launch()?,
        Fault::BinsAreAlone => city.bins_link.set_open(true),
        // What waited in a slow link is cut off in the middle of a packet.
        Fault::BinsAreSlow => {
            city.bins_link.set_delay(0);
            city.bins_link.cut_one_of(2);
        }
        Fault::HubsAreSlow => {
            city.hubs_link.set_delay(0);
            city.hubs_link.cut_one_of(1);
        }
        Fault::BinsAreCut | Fault::HubsAreCut => {}
    }
    Ok(())
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::BrokerStops => f.write_str("broker stopped"),
            Self::BrokerDies => f.write_str("broker killed"),
            Self::HubDies(hub) => write!(f, "hub {} killed", hub + 1),
            Self::DatabaseDies => f.write_str("database killed"),
            Self::StreetDies(street) => write!(f, "power cut in street {}", street + 1),
            Self::BinsAreCut => f.write_str("bins' connections cut"),
            Self::BinsAreAlone => f.write_str("no bin reaches the broker"),
            Self::HubsAreCut => f.write_str("hubs' connections cut"),
            Self::BinsAreSlow => f.write_str("bins' packets late and torn"),
            Self::HubsAreSlow => f.write_str("hubs' packets late and torn"),
        }
    }
}
