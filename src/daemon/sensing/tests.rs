use std::path::Path;

use super::*;
use crate::clock::{Identity, SimClock};
use crate::mechanism::sensors::iio::tests::{Kernel, named};
use crate::mechanism::sensors::level::Span;
use crate::mechanism::sensors::{FillSettings, FillSource};
use crate::tally::{RunInfo, Writer};

/// A bin whose first compartment has a sensor, a ledger on disk and a judge that is played by the test.
struct Bench {
    kernel: Kernel,
    device: std::path::PathBuf,
    filling: Filling,
    clock: Arc<SimClock>,
    live: watch::Sender<Live>,
    inbox: Receiver<Message>,
    tally: TallyHandle,
    config: Config,
    _ledger: tempfile::TempDir,
    _writer: Writer,
}

fn bench(events: &[(CompartmentEvent, &str)]) -> Bench {
    let kernel = Kernel::new();
    let files = [("name", "tof"), ("in_distance_raw", "600"), ("in_distance_scale", "0.001")];
    let device = kernel.plug(0, "i2c-1/1-0029", &files);
    let mut config = Config::load(Path::new("calibration/demo/bunri.toml")).unwrap();
    let span = Some(Span { empty_mm: 600.0, full_mm: 100.0 });
    let source = FillSource::Distance { channel: named("tof", "in_distance"), span };
    let fill = Some(FillSettings { source, full_at: 0.95, open_at: 0.75 });
    config.sensors = SensorSettings { root: kernel.root(), fill: vec![fill], load_cell: None };
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(SimClock::new(0));
    let dyn_clock: Arc<dyn Clock> = Arc::clone(&clock) as Arc<dyn Clock>;
    let run = RunInfo { software: "test".to_owned(), bundle: None };
    let (path, identity) = (folder.path().join("tally.db"), Identity::read().unwrap());
    let mut ledger = Ledger::open(&path, &identity, &run, clock.now(), clock.wall()).unwrap();
    for (event, who) in events {
        ledger.note_compartment(config.compartments[0].stream, *event, who, clock.wall()).unwrap();
    }
    let noted = noted(&config, &ledger).unwrap();
    let (writer, tally) = Writer::spawn(ledger, Arc::clone(&dyn_clock), || {}).unwrap();
    let compartments = config.compartments.clone();
    let (live, seen) = watch::channel(Live { compartments, ..Live::default() });
    let (outbox, inbox) = sync_channel(64);
    let (drops, _) = broadcast::channel(8);
    let ways = Ways { live: seen, inbox: &outbox, tally: &tally, drops: &drops, clock: &dyn_clock };
    let filling = Filling::new(&config, FillBank::new(&config.sensors, &noted, clock.now()), ways);
    Bench { kernel, device, filling, clock, live, inbox, tally, config, _ledger: folder, _writer: writer }
}

impl Bench {
    /// Looks for so many seconds; obeys like the judge, and returns what it was told.
    fn seconds(&mut self, seconds: u32) -> Vec<bool> {
        let mut told = Vec::new();
        for _ in 0..seconds {
            self.clock.sleep_until(self.clock.now() + READ_EVERY);
            self.filling.look(self.clock.now());
            // The ledger's thread answers in its own time.
            self.last_word();
            while let Ok(message) = self.inbox.try_recv() {
                let Message::Command(Command::Full(CompartmentId(0), full)) = message else {
                    panic!("{message:?} from a sensor");
                };
                self.live.send_modify(|live| live.compartments[0].full = full);
                told.push(full);
            }
        }
        told
    }

    fn distance(&self, millimetres: &str) {
        std::fs::write(self.device.join("in_distance_raw"), millimetres).unwrap();
    }

    fn last_word(&self) -> Option<(CompartmentEvent, String)> {
        let (answer, told) = sync_channel(1);
        let stream = self.config.compartments[0].stream;
        self.tally.post(move |ledger| answer.send(ledger.fullness(stream).unwrap()).unwrap()).unwrap();
        told.recv().unwrap()
    }

    /// As the page does it: the ledger first.
    fn crew_says(&self, event: CompartmentEvent) {
        let (stream, wall) = (self.config.compartments[0].stream, self.clock.wall());
        self.tally.post(move |ledger| ledger.note_compartment(stream, event, "kim", wall).unwrap()).unwrap();
        self.live.send_modify(|live| live.compartments[0].full = event == CompartmentEvent::Full);
    }
}

#[test]
fn what_the_sensor_sees_is_written_down_and_told_once() {
    let mut bench = bench(&[]);
    assert_eq!((bench.seconds(10), bench.last_word()), (vec![], None));
    bench.distance("101");
    assert_eq!(bench.seconds(10), [true]);
    assert_eq!(bench.last_word(), Some((CompartmentEvent::Full, "sensor".to_owned())));
    assert_eq!(bench.seconds(30), [false; 0], "said once");
    bench.distance("590");
    assert_eq!(bench.seconds(10), [false]);
    assert_eq!(bench.last_word(), Some((CompartmentEvent::NotFull, "sensor".to_owned())));
}

#[test]
fn a_sensor_that_is_pulled_out_changes_nothing() {
    for full in [false, true] {
        let mut bench = bench(&[]);
        bench.distance(if full { "100" } else { "400" });
        assert_eq!(bench.seconds(10).len(), usize::from(full));
        let device = bench.device.clone();
        bench.kernel.unplug(&device);
        assert_eq!(bench.seconds(60), [false; 0]);
        let now = bench.clock.now();
        assert_eq!(bench.filling.bank.now().of(0, now).unwrap().level, None);
        assert_eq!(bench.live.borrow().compartments[0].full, full);
    }
}

#[test]
fn the_crews_word_is_heard_and_overrules_the_sensor_also_after_a_restart() {
    let mut one = bench(&[]);
    one.distance("100");
    assert_eq!(one.seconds(10), [true]);
    one.crew_says(CompartmentEvent::NotFull);
    assert_eq!(one.seconds(120), [false; 0], "its word is not taken any more");
    assert_eq!(one.last_word().unwrap().1, "kim");
    one.distance("500");
    one.seconds(10);
    one.distance("100");
    assert_eq!(one.seconds(10), [true], "it has read open once");

    let mut again = bench(&[(CompartmentEvent::Full, "sensor"), (CompartmentEvent::NotFull, "kim")]);
    again.distance("100");
    assert_eq!(again.seconds(60), [false; 0]);

    let mut crew = bench(&[]);
    crew.distance("400");
    crew.seconds(10);
    crew.crew_says(CompartmentEvent::Full);
    assert_eq!(crew.seconds(60), [false; 0], "full by the crew, whatever it reads");
    crew.distance("590");
    assert_eq!(crew.seconds(10), [false], "until something was taken out");
}

#[test]
fn only_a_still_item_in_a_resting_chamber_is_weighed() {
    let home = Some(FlapState::Resting(Place::Home));
    let present = |occupied| crate::detect::Presence { occupied, ..Default::default() };
    let live = |state, occupied| Live {
        state: Some(state),
        flap: home,
        presence: present(occupied),
        ..Live::default()
    };
    assert_eq!(on_it(&live(StateName::Empty, false)), OnIt::Nothing);
    assert_eq!(on_it(&live(StateName::Settled, true)), OnIt::Item);
    for state in StateName::ALL {
        let moved = Live { flap: Some(FlapState::Failed), ..live(state, true) };
        assert_eq!(on_it(&moved), OnIt::Unsteady, "{state:?}");
        let mut hand = live(state, true);
        hand.presence.hand = true;
        assert_eq!(on_it(&hand), OnIt::Unsteady, "{state:?}");
    }
    assert_eq!(on_it(&live(StateName::Clearing, true)), OnIt::Unsteady);
}
