//! Full or not: what the sensor says, what the crew says, and whose word holds.
//!
//! The newest word holds, whoever said it, and a sensor speaks only when it has seen a change:
//!
//! ```text
//!           level >= full_at, and the sensor is believed
//!   open ───────────────────────────────────────────────> full
//!        <───────────────────────────────────────────────
//!           level <= open_at, and so much below its highest since "full" as these two are apart
//! ```
//!
//! - "Full" by the crew holds although the sensor sees room, until the sensor sees that something was taken out.
//! - "Not full after all" by the crew means that the sensor is wrong: it is believed again once it has read `open_at`
//!   or less.
//! - "Emptied" is believed for [`EMPTYING`]: the button may be pressed before the sack is out.
//! - Unknown changes nothing, neither way.

use std::time::Duration;

use super::FillSettings;
use crate::clock::Moment;

/// From the crew's "emptied" on the sensor's "full" waits this long.
pub const EMPTYING: Duration = Duration::from_secs(300);

/// What was said of a compartment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// Nothing more fits in.
    Full,
    /// That it is full was wrong, or is no longer so.
    NotFull,
    /// It was emptied.
    Emptied,
}

/// The pure part: which word holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fullness {
    full_at: f32,
    open_at: f32,
    full: bool,
    /// Whether "full" is taken from the sensor.
    believed: bool,
    /// It is taken from then on.
    not_before: Option<Moment>,
    /// The highest level since it was said to be full.
    highest: Option<f32>,
}

impl Fullness {
    /// As the ledger has it: whether it is full, and whether the crew has overruled the sensor.
    pub const fn new(settings: &FillSettings, full: bool, overruled: bool) -> Self {
        let (full_at, open_at) = (settings.full_at, settings.open_at);
        Self { full_at, open_at, full, believed: !overruled, not_before: None, highest: None }
    }

    /// Whether the compartment is full, as far as this knows.
    pub const fn is_full(&self) -> bool {
        self.full
    }

    /// Somebody else has said something.
    pub fn said(&mut self, word: Word, now: Moment) {
        self.full = word == Word::Full;
        self.highest = None;
        match word {
            Word::Full => {}
            Word::NotFull => self.believed = false,
            Word::Emptied => (self.believed, self.not_before) = (true, Some(now + EMPTYING)),
        }
    }

    /// Takes the level (`None`: unknown) and returns what the sensor says now, if it says anything.
    pub fn step(&mut self, level: Option<f32>, now: Moment) -> Option<Word> {
        let level = level?;
        if level <= self.open_at {
            (self.believed, self.not_before) = (true, None);
        }
        if !self.full {
            let waits = self.not_before.is_some_and(|until| now < until);
            if level < self.full_at || !self.believed || waits {
                return None;
            }
            (self.full, self.highest) = (true, Some(level));
            return Some(Word::Full);
        }
        let highest = self.highest.map_or(level, |highest| highest.max(level));
        self.highest = Some(highest);
        let fallen = highest - level >= self.full_at - self.open_at;
        if level > self.open_at || !fallen {
            return None;
        }
        (self.full, self.highest) = (false, None);
        Some(Word::NotFull)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{FillSource, iio::ChannelId};
    use super::*;

    fn settings() -> FillSettings {
        let source = FillSource::Distance { channel: ChannelId::default(), span: None };
        FillSettings { source, full_at: 0.95, open_at: 0.75 }
    }

    fn new() -> Fullness {
        Fullness::new(&settings(), false, false)
    }

    const AT: Moment = Moment::from_millis(1_000);

    fn later(passed: Duration) -> Moment {
        AT + passed
    }

    #[test]
    fn it_fills_stays_full_through_wobble_and_drop_outs_and_opens_when_emptied() {
        let mut fullness = new();
        let says: Vec<_> = [Some(0.5), Some(0.94), Some(0.95), Some(0.9), None, Some(0.8), Some(1.0), None]
            .into_iter()
            .map(|level| fullness.step(level, AT))
            .collect();
        assert_eq!(says, [None, None, Some(Word::Full), None, None, None, None, None]);
        assert_eq!(fullness.step(Some(0.75), AT), Some(Word::NotFull));
        assert!(!fullness.is_full());
    }

    #[test]
    fn the_crews_full_holds_until_something_is_taken_out() {
        let mut fullness = new();
        fullness.step(Some(0.6), AT);
        fullness.said(Word::Full, AT);
        for level in [0.6, 0.55, 0.62, 0.5] {
            assert_eq!(fullness.step(Some(level), AT), None, "{level}: the sack leans a little");
        }
        assert_eq!(fullness.step(Some(0.05), AT), Some(Word::NotFull), "and the button was forgotten");
    }

    #[test]
    fn the_crews_not_full_overrules_the_sensor_until_it_has_read_open() {
        let mut fullness = new();
        assert_eq!(fullness.step(Some(1.0), AT), Some(Word::Full));
        fullness.said(Word::NotFull, AT);
        for _ in 0..100 {
            assert_eq!(fullness.step(Some(1.0), later(Duration::from_secs(90_000))), None, "a cobweb");
        }
        assert_eq!(Fullness::new(&settings(), false, true).step(Some(1.0), AT), None, "after a restart too");
        fullness.step(Some(0.3), AT);
        assert_eq!(fullness.step(Some(1.0), AT), Some(Word::Full), "mended");
    }

    #[test]
    fn emptied_may_be_said_before_the_sack_is_out() {
        let mut fullness = new();
        fullness.step(Some(1.0), AT);
        fullness.said(Word::Emptied, AT);
        assert_eq!(fullness.step(Some(1.0), later(EMPTYING / 2)), None);
        assert_eq!(
            fullness.step(Some(1.0), later(EMPTYING)),
            Some(Word::Full),
            "it was not emptied after all"
        );
        fullness.said(Word::Emptied, AT);
        fullness.step(Some(0.0), AT);
        assert_eq!(fullness.step(Some(0.96), AT), Some(Word::Full), "emptied, and filled at once");
    }

    #[derive(Clone, Copy, Debug)]
    enum Event {
        Level(f32),
        Unknown(u8),
        Said(Word),
    }

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![
            6 => (0.0f32..=1.0).prop_map(Event::Level),
            3 => (1u8..20).prop_map(Event::Unknown),
            1 => prop_oneof![Just(Word::Full), Just(Word::NotFull), Just(Word::Emptied)].prop_map(Event::Said),
        ]
    }

    proptest! {
        /// Whatever comes: unknown never changes anything, a word always holds, words alternate, and the sensor says
        /// "full" only at `full_at`, "not full" only at `open_at`.
        #[test]
        fn a_missing_sensor_never_opens_and_never_closes(events in prop::collection::vec(event(), 1..80)) {
            let mut fullness = new();
            for event in events {
                let before = fullness.is_full();
                match event {
                    Event::Unknown(times) => for _ in 0..times {
                        prop_assert_eq!(fullness.step(None, AT), None);
                        prop_assert_eq!(fullness.is_full(), before);
                    },
                    Event::Said(word) => {
                        fullness.said(word, AT);
                        prop_assert_eq!(fullness.is_full(), word == Word::Full);
                    }
                    Event::Level(level) => match fullness.step(Some(level), AT) {
                        Some(Word::Full) => prop_assert!(!before && level >= 0.95 && fullness.is_full()),
                        Some(Word::NotFull) => prop_assert!(before && level <= 0.75 && !fullness.is_full()),
                        Some(Word::Emptied) => prop_assert!(false, "only people say that"),
                        None => prop_assert_eq!(fullness.is_full(), before),
                    },
                }
            }
        }
    }
}
