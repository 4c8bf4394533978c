//! The threads of the sensors: how full the compartments are, and what items weigh.
//!
//! None of them is a supervised stage: a sensor that hangs in its driver is unknown after a while and named, and the bin
//! goes on sorting. A word of a sensor goes the crew's way: into the ledger first, then to the judge.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{broadcast, watch};

use super::events::{LedgerRefused, SensorSays, SensorTrouble};
use super::judging::Message;
use super::{DaemonError, ledger};
use crate::clock::{Clock, Moment};
use crate::config::Config;
use crate::judge::{Command, CompartmentId, StateName};
use crate::mechanism::gpio::open_boxed;
use crate::mechanism::sensors::bank::{FillBank, FillNow, Noted, READ_EVERY, Said};
use crate::mechanism::sensors::fullness::Word;
use crate::mechanism::sensors::weight::{OnIt, Scale, Weigher};
use crate::mechanism::sensors::{SensorSettings, iio};
use crate::mechanism::{FlapState, Place};
use crate::streams::Stream;
use crate::tally::{CompartmentEvent, DropRecord, Ledger, TallyError, TallyHandle};
use crate::web::Live;

/// Whose word it is, in the ledger.
const WHO: &str = "sensor";
/// The judge's news may lag so far behind a word.
const SETTLES_IN: Duration = Duration::from_secs(4);
/// Answers of the ledger that may wait.
const WORDS: usize = 64;
/// An HX711 makes ten readings a second.
const WEIGH_EVERY: Duration = Duration::from_millis(100);
/// After a scale failed.
const WEIGH_AGAIN: Duration = Duration::from_secs(2);

/// What the sensors give the rest of the bin.
pub(super) struct Sensing {
    pub(super) fill: watch::Receiver<FillNow>,
    pub(super) weigher: Arc<Mutex<Weigher>>,
}

/// The ways into the rest of the bin.
pub(super) struct Ways<'a> {
    pub(super) live: watch::Receiver<Live>,
    pub(super) inbox: &'a SyncSender<Message>,
    pub(super) tally: &'a TallyHandle,
    pub(super) drops: &'a broadcast::Sender<Arc<DropRecord>>,
    pub(super) clock: &'a Arc<dyn Clock>,
}

/// How the ledger has each compartment, before its thread takes it.
///
/// # Errors
/// When the ledger cannot be read.
pub(super) fn noted(config: &Config, ledger: &Ledger) -> Result<Vec<Noted>, TallyError> {
    let note = |stream| {
        let word = ledger.fullness(stream)?;
        let full = matches!(word, Some((CompartmentEvent::Full, _)));
        let overruled = matches!(word, Some((CompartmentEvent::NotFull, who)) if who != WHO);
        Ok(Noted { full, overruled })
    };
    config.compartments.iter().map(|compartment| note(compartment.stream)).collect()
}

/// Starts the threads of the sensors that the rig has; they end when the loop's news do.
pub(super) fn start(config: &Config, noted: &[Noted], ways: Ways<'_>) -> Result<Sensing, DaemonError> {
    let settings = &config.sensors;
    let bank = FillBank::new(settings, noted, ways.clock.now());
    let (told, fill) = watch::channel(bank.now().clone());
    let weigher = Arc::new(Mutex::new(Weigher::default()));
    let system = |source| DaemonError::System { doing: "start the sensors' threads".to_owned(), source };
    let (live, clock) = (ways.live.clone(), Arc::clone(ways.clock));
    if settings.fill.iter().any(Option::is_some) {
        let filling = Filling::new(config, bank, ways);
        let thread = std::thread::Builder::new().name("sensors".to_owned());
        thread.spawn(move || filling.run(&told)).map_err(system)?;
    }
    if let Some(scale) = scale(settings) {
        let (root, weigher) = (settings.root.clone(), Arc::clone(&weigher));
        let read = move || iio::read(&root, &scale.0).ok().map(|reading| scale.1.grams(reading));
        let thread = std::thread::Builder::new().name("scale".to_owned());
        thread.spawn(move || weigh(read, &weigher, &live, &*clock)).map_err(system)?;
    }
    Ok(Sensing { fill, weigher })
}

/// The load cell, once somebody has measured it.
fn scale(settings: &SensorSettings) -> Option<(iio::ChannelId, Scale)> {
    let cell = settings.load_cell.as_ref()?;
    Some((cell.channel.clone(), cell.scale?))
}

/// The compartments' sensors, and what was said of them.
struct Filling {
    bank: FillBank,
    streams: Vec<Stream>,
    live: watch::Receiver<Live>,
    inbox: SyncSender<Message>,
    tally: TallyHandle,
    drops: broadcast::Receiver<Arc<DropRecord>>,
    clock: Arc<dyn Clock>,
    words: (SyncSender<Heard>, Receiver<Heard>),
    /// Until when the judge's news about a compartment may be older than the last word.
    settling: Vec<Moment>,
}

/// The last word in the ledger on a compartment, if it is not the sensor's own.
type Heard = (usize, Option<Word>);

impl Filling {
    fn new(config: &Config, bank: FillBank, ways: Ways<'_>) -> Self {
        let streams: Vec<_> = config.compartments.iter().map(|compartment| compartment.stream).collect();
        Self {
            bank,
            settling: vec![ways.clock.now(); streams.len()],
            streams,
            live: ways.live,
            inbox: ways.inbox.clone(),
            tally: ways.tally.clone(),
            drops: ways.drops.subscribe(),
            clock: Arc::clone(ways.clock),
            words: sync_channel(WORDS),
        }
    }

    fn run(mut self, told: &watch::Sender<FillNow>) {
        while self.live.has_changed().is_ok() {
            let began = self.clock.now();
            self.look(began);
            told.send_replace(self.bank.now().clone());
            self.clock.sleep_until(began + READ_EVERY);
        }
    }

    fn look(&mut self, now: Moment) {
        self.count_items();
        self.listen(now);
        let looked = self.bank.look(&open_boxed, &*self.clock);
        for said in looked.said {
            self.say(said);
        }
        for (compartment, trouble) in looked.troubles {
            SensorTrouble { stream: self.streams[compartment], trouble }.emit();
        }
    }

    fn count_items(&mut self) {
        loop {
            match self.drops.try_recv() {
                Ok(drop) => {
                    if let Some(compartment) = drop.verdict.compartment {
                        self.bank.item(usize::from(compartment.0));
                    }
                }
                Err(broadcast::error::TryRecvError::Lagged(_)) => {}
                Err(_) => break,
            }
        }
    }

    /// Hears what others have said: asks the ledger for it where the judge has a compartment otherwise than its sensor.
    fn listen(&mut self, now: Moment) {
        while let Ok((compartment, word)) = self.words.1.try_recv() {
            match word {
                Some(word) => self.bank.said(compartment, word, now),
                // The sensor's own word got lost on its way.
                None => self.tell_judge(compartment),
            }
        }
        let known: Vec<bool> = self.live.borrow().compartments.iter().map(|one| one.full).collect();
        for (compartment, full) in known.into_iter().enumerate() {
            let differs = self.bank.is_full(compartment).is_some_and(|sensed| sensed != full);
            if differs && now >= self.settling[compartment] {
                self.settling[compartment] = now + SETTLES_IN;
                self.ask(compartment);
            }
        }
    }

    fn ask(&self, compartment: usize) {
        let (stream, heard) = (self.streams[compartment], self.words.0.clone());
        let asked = self.tally.post(move |ledger| {
            let word = match ledger.fullness(stream) {
                Ok(Some((event, who))) if who != WHO => word_of(event),
                Ok(_) => None,
                Err(error) => {
                    LedgerRefused { doing: "say how a compartment is", error: &error }.emit();
                    return;
                }
            };
            // The next look asks again.
            let _heard = heard.try_send((compartment, word)).is_ok();
        });
        // A ledger that is gone ends the process by itself.
        let _asked = asked.is_ok();
    }

    fn say(&mut self, Said { compartment, word }: Said) {
        let stream = self.streams[compartment];
        SensorSays { stream, word }.emit();
        let (event, clock) = (event_of(word), Arc::clone(&self.clock));
        let posted = self.tally.post(move |ledger| {
            if let Err(error) = ledger.note_compartment(stream, event, WHO, clock.wall()) {
                LedgerRefused { doing: "take a sensor's word", error: &error }.emit();
            }
        });
        let _posted = posted.is_ok();
        // Also where the disk refuses: after a restart the sensor says it again.
        self.tell_judge(compartment);
    }

    fn tell_judge(&mut self, compartment: usize) {
        let (Ok(index), Some(full)) = (u8::try_from(compartment), self.bank.is_full(compartment)) else {
            return;
        };
        self.settling[compartment] = self.clock.now() + SETTLES_IN;
        ledger::send(&self.inbox, Message::Command(Command::Full(CompartmentId(index), full)));
    }
}

const fn word_of(event: CompartmentEvent) -> Option<Word> {
    match event {
        CompartmentEvent::Full => Some(Word::Full),
        CompartmentEvent::NotFull => Some(Word::NotFull),
        CompartmentEvent::Emptied => Some(Word::Emptied),
        CompartmentEvent::Closed | CompartmentEvent::Opened => None,
    }
}

const fn event_of(word: Word) -> CompartmentEvent {
    match word {
        Word::Full => CompartmentEvent::Full,
        Word::NotFull => CompartmentEvent::NotFull,
        Word::Emptied => CompartmentEvent::Emptied,
    }
}

/// What lies on the scale, by the loop's news.
fn on_it(live: &Live) -> OnIt {
    let home = live.flap == Some(FlapState::Resting(Place::Home));
    match live.state {
        Some(StateName::Empty | StateName::Full) if home && live.presence.is_empty() => OnIt::Nothing,
        Some(StateName::Arriving | StateName::Settled | StateName::Decided)
            if home && live.presence.is_still() && live.presence.occupied =>
        {
            OnIt::Item
        }
        _ => OnIt::Unsteady,
    }
}

fn weigh(
    read: impl Fn() -> Option<f32>,
    weigher: &Mutex<Weigher>,
    live: &watch::Receiver<Live>,
    clock: &dyn Clock,
) {
    while live.has_changed().is_ok() {
        let (began, before) = (clock.now(), on_it(&live.borrow()));
        let grams = read();
        // What changed while it was read was neither.
        let after = on_it(&live.borrow());
        let on_it = if before == after { after } else { OnIt::Unsteady };
        weigher.lock().unwrap_or_else(PoisonError::into_inner).step(on_it, grams, clock.now());
        clock.sleep_until(began + if grams.is_some() { WEIGH_EVERY } else { WEIGH_AGAIN });
    }
}

#[cfg(test)]
mod tests;
