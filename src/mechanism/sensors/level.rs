//! Distances -> how full a compartment is, 0 to 1, or why that is not known.
//!
//! The level follows the median of the last [`WINDOW`] readings, of which more than half must be plausible. So as many
//! wrong ones as are left (an item on its way down, an echo that was lost, a driver's time-out) change nothing, and
//! what truly changed, a sack taken out for example, is believed five readings later.

use std::collections::VecDeque;

use super::Trouble;

/// Readings that are looked at together.
pub const WINDOW: usize = 9;
/// So many of them must be plausible.
pub const MAJORITY: usize = WINDOW / 2 + 1;
/// Nothing nearer is believed, in millimetres: sensors say 0 when they see nothing.
const NEAREST_MM: f32 = 5.0;
/// A floor may be so much farther than it was measured, as a share of the span: the sack hangs in folds.
const BEYOND_SHARE: f32 = 0.15;
const BEYOND_LEAST_MM: f32 = 30.0;
/// Half of the readings are farther from the median than this share of the span: they say nothing.
const SCATTER_SHARE: f32 = 0.15;
const SCATTER_LEAST_MM: f32 = 25.0;
/// Items that went in while the sensor said the very same, to a half of a millimetre.
const STUCK_ITEMS: u32 = 40;
const SAME_MM: f32 = 0.5;

/// What a sensor reads over the empty and over the full compartment, in millimetres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// Down to the floor.
    pub empty_mm: f32,
    /// Down to what fills it.
    pub full_mm: f32,
}

impl Span {
    /// The least difference that can be told from noise.
    pub const LEAST_MM: f32 = 50.0;

    /// The level at a distance, 0 to 1.
    pub fn level(self, distance_mm: f32) -> f32 {
        ((self.empty_mm - distance_mm) / (self.empty_mm - self.full_mm)).clamp(0.0, 1.0)
    }

    fn share(self, share: f32, least: f32) -> f32 {
        ((self.empty_mm - self.full_mm) * share).max(least)
    }

    fn is_plausible(self, distance_mm: f32) -> bool {
        let farthest = self.empty_mm + self.share(BEYOND_SHARE, BEYOND_LEAST_MM);
        (NEAREST_MM..=farthest).contains(&distance_mm)
    }
}

/// What is known of a compartment from its sensor.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Seen {
    /// 0 empty, 1 full; `None`: unknown.
    pub level: Option<f32>,
    /// The median distance, plausible or not, for whoever mends it.
    pub distance_mm: Option<f32>,
    /// Why the level is unknown; `None` also while the first readings come in.
    pub trouble: Option<Trouble>,
}

/// The pure filter of one distance sensor.
#[derive(Clone, Debug)]
pub struct LevelFilter {
    span: Option<Span>,
    window: VecDeque<Result<f32, Trouble>>,
    /// The reading that has not changed, and how many items went in meanwhile.
    same: Option<(f32, u32)>,
}

impl LevelFilter {
    /// Nothing is known yet.
    pub const fn new(span: Option<Span>) -> Self {
        Self { span, window: VecDeque::new(), same: None }
    }

    /// An item went into the compartment.
    pub const fn item(&mut self) {
        if let Some((_, items)) = &mut self.same {
            *items = items.saturating_add(1);
        }
    }

    /// Takes a distance in millimetres, or why there is none.
    pub fn step(&mut self, reading: Result<f32, Trouble>) -> Seen {
        if self.window.len() == WINDOW {
            self.window.pop_front();
        }
        if let Ok(distance_mm) = reading {
            match self.same {
                Some((same, _)) if (same - distance_mm).abs() <= SAME_MM => {}
                _ => self.same = Some((distance_mm, 0)),
            }
        }
        self.window.push_back(reading);
        self.seen()
    }

    fn seen(&self) -> Seen {
        let read: Vec<f32> = self.window.iter().filter_map(|reading| reading.ok()).collect();
        let Some(span) = self.span else {
            let trouble = if read.is_empty() { self.worst(0) } else { Some(Trouble::Uncalibrated) };
            return Seen { level: None, distance_mm: median(read), trouble };
        };
        let plausible: Vec<f32> = read.iter().copied().filter(|mm| span.is_plausible(*mm)).collect();
        let outside = read.len() - plausible.len();
        let unknown = |trouble| Seen { level: None, distance_mm: median(read.clone()), trouble };
        if plausible.len() < MAJORITY {
            let known_bad = self.window.len() - plausible.len() >= MAJORITY;
            return unknown(self.worst(outside).filter(|_| known_bad));
        }
        let Some(middle) = median(plausible.clone()) else { return unknown(None) };
        let apart = median(plausible.into_iter().map(|mm| (mm - middle).abs()).collect()).unwrap_or(0.0);
        if apart > span.share(SCATTER_SHARE, SCATTER_LEAST_MM) {
            return unknown(Some(Trouble::Scattered));
        }
        if self.same.is_some_and(|(_, items)| items >= STUCK_ITEMS) {
            return unknown(Some(Trouble::Stuck));
        }
        Seen { level: Some(span.level(middle)), distance_mm: Some(middle), trouble: None }
    }

    /// Of what is wrong with the readings, the most frequent; the newest among equals.
    fn worst(&self, outside: usize) -> Option<Trouble> {
        let count =
            |trouble: Trouble| self.window.iter().filter(|reading| reading.err() == Some(trouble)).count();
        let outside = [(outside, Trouble::OutOfRange)].into_iter();
        let failed = self.window.iter().filter_map(|reading| reading.err()).map(|why| (count(why), why));
        let worst = outside.chain(failed).max_by_key(|(count, _)| *count);
        worst.filter(|(count, _)| *count > 0).map(|(_, trouble)| trouble)
    }
}

/// The middle value, the lower one of two.
pub(super) fn median(mut values: Vec<f32>) -> Option<f32> {
    values.sort_by(f32::total_cmp);
    values.get(values.len().checked_sub(1)? / 2).copied()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SPAN: Span = Span { empty_mm: 700.0, full_mm: 100.0 };

    fn after(readings: impl IntoIterator<Item = Result<f32, Trouble>>) -> Seen {
        let mut filter = LevelFilter::new(Some(SPAN));
        readings.into_iter().map(|reading| filter.step(reading)).last().unwrap_or_default()
    }

    #[test]
    fn a_level_is_known_from_the_fifth_reading_on_and_follows_what_stays() {
        let mut filter = LevelFilter::new(Some(SPAN));
        for _ in 0..4 {
            assert_eq!(filter.step(Ok(700.0)), Seen { level: None, distance_mm: Some(700.0), trouble: None });
        }
        assert_eq!(filter.step(Ok(700.0)).level, Some(0.0));
        for _ in 0..4 {
            filter.step(Ok(700.0));
        }
        // Something that stays for four readings is passing by; from the fifth on it is there.
        let levels: Vec<_> = (0..6).map(|_| filter.step(Ok(100.0)).level.unwrap()).collect();
        assert_eq!(levels, [0.0, 0.0, 0.0, 0.0, 1.0, 1.0]);
    }

    #[test]
    fn every_trouble_makes_it_unknown_and_is_named() {
        let trouble = |readings: &[Result<f32, Trouble>]| {
            let seen = after(readings.iter().copied());
            assert_eq!(seen.level, None, "{readings:?}");
            seen.trouble
        };
        assert_eq!(trouble(&[Err(Trouble::Missing); 9]), Some(Trouble::Missing));
        assert_eq!(trouble(&[Err(Trouble::Failing); 9]), Some(Trouble::Failing));
        assert_eq!(trouble(&[Ok(4_000.0); 9]), Some(Trouble::OutOfRange));
        assert_eq!(trouble(&[Ok(0.0); 9]), Some(Trouble::OutOfRange));
        assert_eq!(trouble(&[Ok(791.0); 9]), Some(Trouble::OutOfRange), "beyond the floor");
        let wild: Vec<_> = [120.0, 650.0, 300.0, 480.0, 200.0, 690.0, 400.0, 560.0, 150.0].map(Ok).to_vec();
        assert_eq!(trouble(&wild), Some(Trouble::Scattered));
        let mut filter = LevelFilter::new(None);
        assert_eq!(filter.step(Ok(321.0)).trouble, Some(Trouble::Uncalibrated));
        assert_eq!(filter.step(Ok(321.0)).distance_mm, Some(321.0));
    }

    #[test]
    fn a_sensor_that_says_the_same_whatever_goes_in_is_stuck() {
        let mut filter = LevelFilter::new(Some(SPAN));
        for _ in 0..500 {
            assert_eq!(filter.step(Ok(400.0)).trouble, None, "nothing goes in: it may say the same");
        }
        for _ in 0..STUCK_ITEMS {
            filter.item();
        }
        assert_eq!(filter.step(Ok(400.0)).trouble, Some(Trouble::Stuck));
        filter.step(Ok(396.0));
        assert!(filter.step(Ok(396.0)).level.is_some(), "it moves again");
    }

    /// What one reading may be beside the truth.
    #[derive(Clone, Copy, Debug)]
    enum Bad {
        NoEcho,
        Failing,
        Far,
        Near,
        Passing(f32),
    }

    fn bad() -> impl Strategy<Value = Bad> {
        prop_oneof![
            Just(Bad::NoEcho),
            Just(Bad::Failing),
            Just(Bad::Far),
            Just(Bad::Near),
            (20.0f32..690.0).prop_map(Bad::Passing),
        ]
    }

    fn read(bad: Bad) -> Result<f32, Trouble> {
        match bad {
            Bad::NoEcho => Ok(0.0),
            Bad::Failing => Err(Trouble::Failing),
            Bad::Far => Ok(5_000.0),
            Bad::Near => Ok(1.0),
            Bad::Passing(mm) => Ok(mm),
        }
    }

    proptest! {
        /// A compartment that fills slowly, with noise, and up to four bad readings among any nine.
        #[test]
        fn a_minority_of_bad_readings_never_moves_the_level(
            noise in prop::collection::vec(-8.0f32..8.0, 120),
            bads in prop::collection::vec((0usize..9, bad()), 4),
            start in 0.0f32..0.8,
        ) {
            let mut filter = LevelFilter::new(Some(SPAN));
            for (index, noise) in noise.iter().enumerate() {
                let level = start + index as f32 * 0.001;
                let truth = SPAN.empty_mm - level * (SPAN.empty_mm - SPAN.full_mm);
                // The same places of every nine.
                let spoilt = bads.iter().find(|(place, _)| index % 9 == *place);
                let reading = spoilt.map_or(Ok(truth + noise), |(_, bad)| read(*bad));
                let seen = filter.step(reading);
                if index >= WINDOW {
                    let told = seen.level.unwrap_or_else(|| panic!("unknown at {index}: {seen:?}"));
                    // The noise, and the way of the nine readings.
                    prop_assert!((told - level).abs() < 0.03, "{} at {} told as {}", level, index, told);
                }
            }
        }

        /// However the readings come: a majority without a plausible distance is unknown, never a level.
        #[test]
        fn without_a_majority_of_plausible_distances_nothing_is_known(
            readings in prop::collection::vec(prop_oneof![
                (0.0f32..6_000.0).prop_map(Ok),
                Just(Err(Trouble::Missing)),
                Just(Err(Trouble::Failing)),
            ], 1..60),
        ) {
            let mut filter = LevelFilter::new(Some(SPAN));
            for (index, reading) in readings.iter().enumerate() {
                let seen = filter.step(*reading);
                let last = &readings[(index + 1).saturating_sub(WINDOW)..=index];
                let plausible: Vec<f32> =
                    last.iter().filter_map(|r| r.ok()).filter(|mm| SPAN.is_plausible(*mm)).collect();
                match seen.level {
                    Some(level) => {
                        prop_assert!(plausible.len() >= MAJORITY && seen.trouble.is_none());
                        let between = |level: f32| plausible.iter().any(|mm| SPAN.level(*mm) == level);
                        prop_assert!(between(level), "a level that no reading has shown");
                    }
                    None => prop_assert!(seen.trouble.is_some() || plausible.len() < MAJORITY),
                }
            }
        }
    }
}
