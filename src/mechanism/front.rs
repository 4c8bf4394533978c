//! A lamp and a buzzer on the bin's front, where a rig has them.
//!
//! | the resident's screen | lamp | buzzer |
//! |---|---|---|
//! | ready, next item please | lit | |
//! | looking, sorting, one moment | blinks slowly | once: accepted; twice: general waste; long: take it back |
//! | hold on, a hand in the way | blinks fast | |
//! | full, out of order, or the program gone | dark | |
//! | the crew has been called | as it was | three short |
//!
//! Never more than three flashes a second, since more can harm ([WCAG 2.3.1](https://www.w3.org/TR/WCAG22/)). Never lit
//! while nothing may be put in: a line that nobody holds is inactive.

use std::time::Duration;

use super::MechanismError;
use super::button::ButtonSettings;
use super::lines::{Levels, Lines, LinesSpec, OpenLines, Output, bit};
use crate::clock::Moment;

/// Who asks for the lines, as the kernel shows it.
const CONSUMER: &str = "bunri-front";
const SLOWLY: Duration = Duration::from_millis(1_000);
const FAST: Duration = Duration::from_millis(400);
/// From one flash to the next at least, however quickly what the lamp is to say changes.
const FLASH_EVERY: Duration = Duration::from_millis(334);

/// `[front]` of a calibration, checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrontSettings {
    /// Lights the lamp.
    pub lamp: Option<Output>,
    /// Sounds the buzzer, one that has its own tone.
    pub buzzer: Option<Output>,
    /// What the resident may press.
    pub button: Option<ButtonSettings>,
}

impl FrontSettings {
    /// The driven lines, the lamp's first.
    pub fn outputs(&self) -> impl Iterator<Item = &Output> {
        self.lamp.iter().chain(&self.buzzer)
    }
}

/// What the lamp does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lamp {
    /// Nothing can be put in.
    Dark,
    /// An item may be put in.
    Lit,
    /// One moment.
    Waiting,
    /// A hand is in the way.
    Warning,
}

/// What the buzzer says of an item, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sound {
    /// It goes where it looks like.
    Accepted,
    /// It goes to general waste.
    General,
    /// "Please take it back".
    Back,
    /// The crew has been called.
    Called,
}

/// The lines, and what was written to them.
pub struct Front {
    lines: Box<dyn Lines>,
    settings: FrontSettings,
    written: Levels,
    lit: bool,
    /// When it last became lit.
    lit_at: Option<Moment>,
    /// The decision that sounds or has sounded, and since when.
    sounded: Option<(Moment, Moment)>,
}

impl Front {
    /// Takes the lines, dark and silent.
    ///
    /// # Errors
    /// When a line is missing, busy or refused.
    pub fn open(settings: FrontSettings, open_lines: OpenLines<'_>) -> Result<Self, MechanismError> {
        let outputs = settings.outputs().cloned().collect();
        let lines = open_lines(&LinesSpec { consumer: CONSUMER, outputs, inputs: Vec::new() })?;
        Ok(Self { lines, settings, written: 0, lit: false, lit_at: None, sounded: None })
    }

    /// Writes what both do at `now`, if it changed; `decided`: the item's decision, by the moment it was made.
    ///
    /// # Errors
    /// When the kernel refuses; the next call tries again.
    pub fn show(
        &mut self,
        lamp: Lamp,
        decided: Option<(Moment, Sound)>,
        now: Moment,
    ) -> Result<(), MechanismError> {
        let sounds = decided.is_some_and(|(decision, sound)| {
            let since = match self.sounded {
                Some((last, since)) if last == decision => since,
                _ => self.sounded.insert((decision, now)).1,
            };
            is_loud(sound, now.since(since))
        });
        let lit = self.light(is_lit(lamp, now), now);
        let places = [(self.settings.lamp.is_some(), lit), (self.settings.buzzer.is_some(), sounds)];
        let active = places.into_iter().filter(|(there, _)| *there).enumerate();
        let levels = active.fold(0, |levels, (index, (_, on))| if on { levels | bit(index) } else { levels });
        if levels != self.written {
            self.lines.write(levels)?;
            self.written = levels;
        }
        Ok(())
    }

    /// Whether the lamp, which is wanted lit or dark, is lit.
    fn light(&mut self, wanted: bool, now: Moment) -> bool {
        let may = self.lit || self.lit_at.is_none_or(|at| now.since(at) >= FLASH_EVERY);
        if wanted && may && !self.lit {
            self.lit_at = Some(now);
        }
        self.lit = wanted && may;
        self.lit
    }
}

fn is_lit(lamp: Lamp, now: Moment) -> bool {
    let first_half = |period: Duration| {
        let (now, period) = (u128::from(now.as_nanos()), period.as_nanos());
        now % period < period / 2
    };
    match lamp {
        Lamp::Dark => false,
        Lamp::Lit => true,
        Lamp::Waiting => first_half(SLOWLY),
        Lamp::Warning => first_half(FAST),
    }
}

fn is_loud(sound: Sound, since: Duration) -> bool {
    let ms = since.as_millis();
    match sound {
        Sound::Accepted => ms < 100,
        Sound::General => ms < 100 || (250..350).contains(&ms),
        Sound::Back => ms < 600,
        Sound::Called => ms < 80 || (160..240).contains(&ms) || (320..400).contains(&ms),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::super::lines::{Edge, LineId};
    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<Levels>>>);

    impl Lines for Written {
        fn write(&mut self, active: Levels) -> Result<(), MechanismError> {
            self.0.lock().unwrap().push(active);
            Ok(())
        }
        fn read(&mut self) -> Result<Levels, MechanismError> {
            Ok(0)
        }
        fn next_edge(&mut self) -> Result<Option<Edge>, MechanismError> {
            Ok(None)
        }
        fn wait_edge(&mut self, _: Duration) -> Result<bool, MechanismError> {
            Ok(false)
        }
    }

    fn output(role: &str) -> Option<Output> {
        let id = LineId::Offset { chip: "gpiochip0".to_owned(), offset: 4 };
        Some(Output { role: role.to_owned(), id, active_low: false })
    }

    fn front(settings: FrontSettings) -> (Front, Written) {
        let written = Written::default();
        let lines = written.clone();
        let front = Front::open(settings, &|spec| {
            assert_eq!(spec.consumer, "bunri-front");
            Ok(Box::new(lines.clone()))
        });
        (front.unwrap(), written)
    }

    const LAMP: Levels = 0b01;
    const BUZZER: Levels = 0b10;

    #[test]
    fn a_decision_sounds_once_and_the_lamp_says_what_may_be_done() {
        let settings =
            FrontSettings { lamp: output("front.lamp"), buzzer: output("front.buzzer"), button: None };
        let (mut front, written) = front(settings);
        let mut levels_after = |lamp, decided, ms| {
            front.show(lamp, decided, Moment::from_millis(ms)).unwrap();
            written.0.lock().unwrap().last().copied().unwrap_or(0)
        };
        assert_eq!(levels_after(Lamp::Dark, None, 0), 0);
        assert_eq!(levels_after(Lamp::Lit, None, 1_600), LAMP);
        let general = Some((Moment::from_millis(9_950), Sound::General));
        for (ms, sounds) in [(10_000, true), (10_090, true), (10_120, false), (10_260, true), (10_400, false)]
        {
            let levels = levels_after(Lamp::Waiting, general, ms);
            assert_eq!(levels, LAMP | if sounds { BUZZER } else { 0 }, "{ms}");
        }
        assert_eq!(levels_after(Lamp::Waiting, general, 10_600), 0);
        // Shown for seconds, told once; another decision tells again.
        assert_eq!(levels_after(Lamp::Lit, general, 15_000), LAMP);
        let back = Some((Moment::from_millis(19_000), Sound::Back));
        assert_eq!(levels_after(Lamp::Dark, back, 19_050), BUZZER);
        assert_eq!(levels_after(Lamp::Dark, back, 19_700), 0);
        let count = written.0.lock().unwrap().len();
        assert_eq!(levels_after(Lamp::Dark, back, 30_000), 0);
        assert_eq!(written.0.lock().unwrap().len(), count, "written without a change");
    }

    #[test]
    fn a_front_may_have_a_buzzer_alone() {
        let (mut front, written) =
            front(FrontSettings { buzzer: output("front.buzzer"), ..FrontSettings::default() });
        let accepted = Some((Moment::from_millis(1), Sound::Accepted));
        front.show(Lamp::Lit, accepted, Moment::from_millis(5)).unwrap();
        front.show(Lamp::Lit, accepted, Moment::from_millis(205)).unwrap();
        assert_eq!(*written.0.lock().unwrap(), [0b01, 0]);
    }

    #[test]
    fn no_lamp_flashes_more_than_three_times_in_any_second() {
        let says = [Lamp::Dark, Lamp::Lit, Lamp::Waiting, Lamp::Warning];
        let mut random = fastrand::Rng::with_seed(1);
        // Each of them for itself, then another one at every look.
        for only in says.into_iter().map(Some).chain([None]) {
            let (mut front, written) =
                front(FrontSettings { lamp: output("front.lamp"), ..FrontSettings::default() });
            let mut flashes = Vec::new();
            for now in (0..2_400).map(|look| Moment::from_millis(look * 25)) {
                let before = written.0.lock().unwrap().len();
                front.show(only.unwrap_or_else(|| says[random.usize(..4)]), None, now).unwrap();
                if written.0.lock().unwrap()[before..] == [LAMP] {
                    flashes.push(now);
                }
            }
            let blinks = !matches!(only, Some(Lamp::Dark | Lamp::Lit));
            assert_eq!(flashes.len() > 50, blinks, "{only:?}: {} flashes in a minute", flashes.len());
            for four in flashes.windows(4) {
                assert!(
                    four[3].since(four[0]) >= Duration::from_secs(1),
                    "{only:?}: four from {:?}",
                    four[0]
                );
            }
        }
    }
}
