//! The sensors of all compartments: read one after the other, filtered, and what follows from them.
//!
//! One sensor that fails is one compartment's trouble. One whose driver hangs makes all of them [`Trouble::Silent`] after
//! [`SILENT_AFTER`], for whoever asks.

use std::path::PathBuf;
use std::time::Duration;

use super::super::MechanismError;
use super::super::lines::{Lines, LinesSpec, OpenLines, bit};
use super::fullness::{Fullness, Word};
use super::level::{LevelFilter, Seen};
use super::switch::SwitchFilter;
use super::{FillSettings, FillSource, SensorSettings, Trouble, iio};
use crate::clock::Moment;

/// Who asks for the switches, as the kernel shows it.
const CONSUMER: &str = "bunri-sensors";
/// How often they are read.
pub const READ_EVERY: Duration = Duration::from_millis(1_000);
/// What was not read for this long is unknown.
pub const SILENT_AFTER: Duration = Duration::from_secs(15);
/// A trouble is told to somebody, and its end, once it has lasted this long: a sensor on the edge is one trouble.
pub const LASTS: Duration = Duration::from_secs(30);

/// What the sensors of the compartments say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FillNow {
    /// When they were read.
    pub at: Moment,
    /// Each compartment's, in the rig's order; `None` where it has none.
    pub seen: Vec<Option<Seen>>,
    /// One of them has been in trouble for a while.
    pub alarm: bool,
}

impl FillNow {
    /// What the sensor of a compartment says at `now`; `None` where it has none.
    pub fn of(&self, index: usize, now: Moment) -> Option<Seen> {
        let seen = self.seen.get(index).copied().flatten()?;
        let silent = now.since(self.at) > SILENT_AFTER;
        Some(if silent { Seen { trouble: Some(Trouble::Silent), ..Seen::default() } } else { seen })
    }

    /// Whether somebody must be told at `now` that a sensor is in trouble.
    pub fn troubled(&self, now: Moment) -> bool {
        let any = self.seen.iter().any(Option::is_some);
        any && (self.alarm || now.since(self.at) > SILENT_AFTER)
    }
}

/// A word of a compartment's sensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// Which compartment, in the rig's order.
    pub compartment: usize,
    /// What it says.
    pub word: Word,
}

/// What changed in one look.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Looked {
    /// Compartments that became full or open by their sensors.
    pub said: Vec<Said>,
    /// Compartments whose trouble began or ended, and has lasted so.
    pub troubles: Vec<(usize, Option<Trouble>)>,
}

#[derive(Clone, Debug)]
enum Filter {
    Distance(LevelFilter),
    /// Which of the requested lines it is.
    Switch(usize, SwitchFilter),
}

#[derive(Clone, Debug)]
struct Slot {
    settings: FillSettings,
    filter: Filter,
    fullness: Fullness,
    /// Whether it is known to be in trouble, and since when it seems otherwise.
    troubled: bool,
    otherwise_since: Option<Moment>,
}

/// How the ledger has a compartment at the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Noted {
    /// It was said to be full.
    pub full: bool,
    /// The crew has said that its sensor is wrong.
    pub overruled: bool,
}

/// The sensors of all compartments.
pub struct FillBank {
    root: PathBuf,
    slots: Vec<Option<Slot>>,
    spec: LinesSpec,
    switches: Option<Box<dyn Lines>>,
    now: FillNow,
}

impl FillBank {
    /// Nothing is read yet, and no line requested. `noted`: of each compartment, in the rig's order.
    pub fn new(settings: &SensorSettings, noted: &[Noted], now: Moment) -> Self {
        let inputs = settings.switches().cloned().collect();
        let mut switches = 0..;
        let slot = |(index, fill): (usize, &Option<FillSettings>)| {
            let settings = fill.clone()?;
            let filter = match &settings.source {
                FillSource::Distance { span, .. } => Filter::Distance(LevelFilter::new(*span)),
                FillSource::Switch(_) => Filter::Switch(switches.next()?, SwitchFilter::default()),
            };
            let noted = noted.get(index).copied().unwrap_or_default();
            let fullness = Fullness::new(&settings, noted.full, noted.overruled);
            Some(Slot { settings, filter, fullness, troubled: false, otherwise_since: None })
        };
        Self {
            root: settings.root.clone(),
            slots: settings.fill.iter().enumerate().map(slot).collect(),
            spec: LinesSpec { consumer: CONSUMER, outputs: Vec::new(), inputs },
            switches: None,
            now: FillNow {
                at: now,
                seen: settings.fill.iter().map(|fill| fill.as_ref().map(|_| Seen::default())).collect(),
                alarm: false,
            },
        }
    }

    /// What they said at the last look.
    pub const fn now(&self) -> &FillNow {
        &self.now
    }

    /// Whether the compartment is full as far as its sensor and the words it heard go; `None` without a sensor.
    pub fn is_full(&self, compartment: usize) -> Option<bool> {
        self.slots.get(compartment)?.as_ref().map(|slot| slot.fullness.is_full())
    }

    /// Somebody else has said how a compartment is.
    pub fn said(&mut self, compartment: usize, word: Word, now: Moment) {
        if let Some(Some(slot)) = self.slots.get_mut(compartment) {
            slot.fullness.said(word, now);
        }
    }

    /// An item went into a compartment.
    pub fn item(&mut self, compartment: usize) {
        if let Some(Some(Slot { filter: Filter::Distance(filter), .. })) = self.slots.get_mut(compartment) {
            filter.item();
        }
    }

    /// Reads all of them. Blocks for as long as their drivers measure. `clock` says when it is over.
    pub fn look(&mut self, open_lines: OpenLines<'_>, clock: &dyn crate::clock::Clock) -> Looked {
        let active = self.read_switches(open_lines);
        let (root, mut looked) = (&self.root, Looked::default());
        self.now.seen.clear();
        for (compartment, slot) in self.slots.iter_mut().enumerate() {
            let Some(slot) = slot else {
                self.now.seen.push(None);
                continue;
            };
            let now = clock.now();
            let (seen, level) = slot.read(root, &active, now);
            if let Some(word) = slot.fullness.step(level, now) {
                looked.said.push(Said { compartment, word });
            }
            if slot.lasts(seen.trouble.is_some(), now) {
                looked.troubles.push((compartment, seen.trouble));
            }
            self.now.seen.push(Some(seen));
        }
        self.now.at = clock.now();
        self.now.alarm = self.slots.iter().flatten().any(|slot| slot.troubled);
        looked
    }

    /// Which switches are active, or why that is not known; the lines are asked for until they are there.
    fn read_switches(&mut self, open_lines: OpenLines<'_>) -> Result<u64, Trouble> {
        if self.spec.inputs.is_empty() {
            return Ok(0);
        }
        if self.switches.is_none() {
            self.switches = Some(open_lines(&self.spec).map_err(|_| Trouble::Missing)?);
        }
        let Some(lines) = self.switches.as_mut() else { return Err(Trouble::Missing) };
        // Edges are of no use here, and the kernel keeps only so many.
        while let Ok(Some(_)) = lines.next_edge() {}
        lines.read().map_err(|_| {
            self.switches = None;
            Trouble::Failing
        })
    }
}

impl Slot {
    /// Whether its trouble, or its end, has lasted for long enough to be told now.
    fn lasts(&mut self, troubled: bool, now: Moment) -> bool {
        if troubled == self.troubled {
            self.otherwise_since = None;
            return false;
        }
        let since = *self.otherwise_since.get_or_insert(now);
        let lasts = now.since(since) >= LASTS;
        if lasts {
            (self.troubled, self.otherwise_since) = (troubled, None);
        }
        lasts
    }

    /// What is known, and the level by which it is full or not: that of a switch is not told to anybody.
    fn read(
        &mut self,
        root: &std::path::Path,
        active: &Result<u64, Trouble>,
        now: Moment,
    ) -> (Seen, Option<f32>) {
        match (&mut self.filter, &self.settings.source) {
            (Filter::Switch(line, filter), _) => {
                let shown = active.map(|levels| levels & bit(*line) != 0);
                let full = filter.step(shown.ok(), now);
                // A switch that is not active says that there is room, and not how much.
                let level = full.filter(|full| *full).map(|_| 1.0);
                let seen = Seen { level, distance_mm: None, trouble: shown.err() };
                (seen, full.map(|full| f32::from(u8::from(full))))
            }
            (Filter::Distance(filter), FillSource::Distance { channel, .. }) => {
                let seen = filter.step(distance_mm(root, channel));
                (seen, seen.level)
            }
            (Filter::Distance(_), FillSource::Switch(_)) => (Seen::default(), None),
        }
    }
}

/// One reading of a distance, in millimetres.
fn distance_mm(root: &std::path::Path, channel: &iio::ChannelId) -> Result<f32, Trouble> {
    match iio::read(root, channel) {
        Ok(metres) => Ok((metres * 1_000.0) as f32),
        Err(MechanismError::SensorRefused { .. }) => Err(Trouble::Failing),
        Err(_) => Err(Trouble::Missing),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::super::lines::{Bias, Input, LineId};
    use super::super::super::model::{Body, Model};
    use super::super::iio::tests::{Kernel, named};
    use super::super::level::Span;
    use super::*;
    use crate::clock::{Clock as _, SimClock};

    struct Switches(u64);

    impl Body for Switches {
        fn pass(&mut self, _outputs: u64, _step: Duration) {}

        fn inputs(&self) -> u64 {
            self.0
        }

        fn check(&mut self, _before: u64, after: u64) {
            assert_eq!(after, 0, "sensors drive nothing");
        }
    }

    struct Rig {
        kernel: Kernel,
        device: PathBuf,
        lines: Model<Switches>,
        bank: FillBank,
        clock: SimClock,
    }

    /// A distance sensor, a compartment without one, a switch.
    fn rig() -> Rig {
        let kernel = Kernel::new();
        let files = [("name", "hc-sr04"), ("in_distance_raw", "600"), ("in_distance_scale", "0.001")];
        let device = kernel.plug(3, "sonar", &files);
        let span = Some(Span { empty_mm: 600.0, full_mm: 100.0 });
        let distance = FillSource::Distance { channel: named("hc-sr04", "in_distance"), span };
        let input = Input {
            role: "sensors.fill.can.full_switch".into(),
            id: LineId::Offset { chip: "gpiochip0".into(), offset: 4 },
            active_low: false,
            bias: Bias::PullUp,
            debounce: Duration::ZERO,
        };
        let fill = |source| Some(FillSettings { source, full_at: 0.95, open_at: 0.8 });
        let settings = SensorSettings {
            root: kernel.root(),
            fill: vec![fill(distance), None, fill(FillSource::Switch(input))],
            load_cell: None,
        };
        let bank = FillBank::new(&settings, &[Noted::default(); 3], Moment::from_millis(0));
        Rig { kernel, device, lines: Model::new(Switches(0)), bank, clock: SimClock::new(0) }
    }

    impl Rig {
        fn look(&mut self) -> Looked {
            self.clock.sleep_until(self.clock.now() + READ_EVERY);
            let lines = self.lines.clone();
            self.bank.look(&|spec| lines.open(spec), &self.clock)
        }

        fn seconds(&mut self, seconds: u32) -> Vec<Said> {
            (0..seconds).flat_map(|_| self.look().said).collect()
        }

        fn write(&self, millimetres: &str) {
            std::fs::write(self.device.join("in_distance_raw"), millimetres).unwrap();
        }

        fn seen(&self, index: usize) -> Seen {
            self.bank.now().of(index, self.clock.now()).unwrap()
        }
    }

    #[test]
    fn each_compartment_has_its_own_sensor_and_fills_and_opens_by_it() {
        let mut rig = rig();
        assert_eq!(rig.seconds(10), []);
        assert_eq!(rig.seen(0).level, Some(0.0));
        assert_eq!(rig.bank.now().of(1, rig.clock.now()), None);
        assert_eq!((rig.seen(2).level, rig.seen(2).trouble), (None, None), "room, and nobody knows how much");
        rig.write("110");
        assert_eq!(rig.seconds(10), [Said { compartment: 0, word: Word::Full }]);
        rig.lines.change(|world| world.body.0 = 1);
        assert_eq!(rig.seconds(10), [Said { compartment: 2, word: Word::Full }]);
        assert_eq!((rig.seen(0).level, rig.seen(2).level), (Some(0.98), Some(1.0)));
        rig.write("550");
        rig.lines.change(|world| world.body.0 = 0);
        let mut words = rig.seconds(10);
        words.sort_by_key(|said| said.compartment);
        assert_eq!(words, [0, 2].map(|compartment| Said { compartment, word: Word::NotFull }));
    }

    #[test]
    fn a_sensor_that_goes_away_is_named_and_its_full_compartment_stays_full() {
        let mut rig = rig();
        rig.write("100");
        rig.lines.change(|world| world.body.0 = 1);
        assert_eq!(rig.seconds(12).len(), 2);
        let device = rig.device.clone();
        rig.kernel.unplug(&device);
        rig.lines.change(|world| world.refuses = true);
        let looked: Vec<Looked> = (0..40).map(|_| rig.look()).collect();
        assert!(looked.iter().all(|looked| looked.said.is_empty()));
        let troubles: Vec<_> = looked.into_iter().flat_map(|looked| looked.troubles).collect();
        assert_eq!(troubles, [(2, Some(Trouble::Failing)), (0, Some(Trouble::Missing))]);
        assert_eq!((rig.seen(0).level, rig.seen(2).level), (None, None));
        assert_eq!(
            (rig.bank.is_full(0), rig.bank.is_full(1), rig.bank.is_full(2)),
            (Some(true), None, Some(true))
        );
        assert!(rig.bank.now().troubled(rig.clock.now()));
        // It comes back under another number, with room in it.
        let files = [("name", "hc-sr04"), ("in_distance_raw", "580"), ("in_distance_scale", "0.001")];
        rig.kernel.plug(9, "sonar", &files);
        rig.lines.change(|world| (world.refuses, world.body.0) = (false, 0));
        let mut words = rig.seconds(12);
        words.sort_by_key(|said| said.compartment);
        assert_eq!(words, [0, 2].map(|compartment| Said { compartment, word: Word::NotFull }));
        assert!(rig.bank.now().troubled(rig.clock.now()), "not told as mended at once");
        rig.seconds(30);
        assert!(!rig.bank.now().troubled(rig.clock.now()));
    }

    #[test]
    fn a_sensor_on_the_edge_is_told_once_and_one_that_hangs_from_the_start_too() {
        let mut rig = rig();
        let mut told = 0;
        for round in 0..40 {
            // Out of range for some seconds, then well again.
            rig.write(if round % 2 == 0 { "4000" } else { "300" });
            told += (0..12).map(|_| rig.look().troubles.len()).sum::<usize>();
        }
        assert_eq!(told, 0, "it never lasted");
        rig.write("4000");
        assert_eq!((0..60).map(|_| rig.look().troubles.len()).sum::<usize>(), 1);
        let bank = self::rig().bank;
        assert!(!bank.now().troubled(Moment::from_millis(10_000)));
        assert!(bank.now().troubled(Moment::from_millis(20_000)), "its driver never came back");
    }

    #[test]
    fn what_nobody_has_read_for_a_while_is_unknown() {
        let mut rig = rig();
        rig.seconds(10);
        let later = rig.clock.now() + SILENT_AFTER + Duration::from_millis(1);
        let seen = rig.bank.now().of(0, later).unwrap();
        assert_eq!((seen.level, seen.trouble), (None, Some(Trouble::Silent)));
        assert!(Path::new(&rig.kernel.root()).is_dir());
    }
}
