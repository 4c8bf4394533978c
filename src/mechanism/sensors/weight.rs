//! Readings of the scale under the chamber's floor -> what the item weighs.
//!
//! The weight is a difference: the still item against the still empty chamber before it. So dirt, wear and warmth, which
//! move a load cell's zero within a day, do not matter; the calibrated zero only says whether the scale is plausible.

use std::collections::VecDeque;

use super::level::median;
use crate::clock::Moment;

/// Readings of one kind that are kept.
const KEPT: usize = 9;
/// So many must agree.
const LEAST: usize = 3;
/// They agree within so many grams, or this share.
const AGREE_G: f32 = 4.0;
const AGREE_SHARE: f32 = 0.04;
/// Lighter than the noise of a cheap cell is not weighed; heavier than this is a hand, or somebody who leans on it.
const PLAUSIBLE_G: std::ops::RangeInclusive<f32> = 1.0..=20_000.0;

/// What a load cell was measured to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// What it reads under the empty chamber, in millivolts.
    pub zero_mv: f64,
    /// Negative where it is wired or mounted the other way round.
    pub grams_per_mv: f64,
}

impl Scale {
    /// Grams on it.
    pub fn grams(self, reading_mv: f64) -> f32 {
        ((reading_mv - self.zero_mv) * self.grams_per_mv) as f32
    }
}

/// What lies on the scale while it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnIt {
    /// Nothing: the chamber is empty and still.
    Nothing,
    /// An item that lies still, and no hand.
    Item,
    /// Something moves, or nobody knows.
    Unsteady,
}

/// The pure part.
#[derive(Clone, Debug, Default)]
pub struct Weigher {
    empty: VecDeque<f32>,
    item: VecDeque<f32>,
    /// The last item's weight, and when it was read last.
    weighed: Option<(Moment, f32)>,
}

impl Weigher {
    /// Takes a reading in grams (`None`: it failed).
    pub fn step(&mut self, on_it: OnIt, grams: Option<f32>, now: Moment) {
        match (on_it, grams) {
            (OnIt::Nothing, Some(grams)) => {
                self.item.clear();
                keep(&mut self.empty, grams);
            }
            (OnIt::Item, Some(grams)) => {
                keep(&mut self.item, grams);
                let weight = agreed(&self.item).zip(agreed(&self.empty)).map(|(item, empty)| item - empty);
                if let Some(weight) = weight.filter(|weight| PLAUSIBLE_G.contains(weight)) {
                    self.weighed = Some((now, weight));
                }
            }
            // What was empty before is still what it is compared with.
            (OnIt::Unsteady, _) => self.item.clear(),
            (_, None) => {}
        }
    }

    /// What the item weighed that lay still between these moments; `None`: it was not weighed.
    pub fn weight_g(&self, from: Moment, to: Moment) -> Option<f32> {
        self.weighed.filter(|(at, _)| (from..=to).contains(at)).map(|(_, grams)| grams)
    }
}

fn keep(readings: &mut VecDeque<f32>, grams: f32) {
    if readings.len() == KEPT {
        readings.pop_front();
    }
    readings.push_back(grams);
}

/// The middle one of the newest readings, if they agree. A scale swings out for a moment after something fell on it.
fn agreed(readings: &VecDeque<f32>) -> Option<f32> {
    let newest: Vec<f32> = readings.iter().rev().take(LEAST).copied().collect();
    let middle = median(newest.clone()).filter(|_| newest.len() == LEAST)?;
    let most = AGREE_G.max(middle.abs() * AGREE_SHARE);
    newest.iter().all(|grams| (grams - middle).abs() <= most).then_some(middle)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: Moment = Moment::from_millis(0);
    const END: Moment = Moment::from_millis(1_000_000);

    fn weigh(readings: &[(OnIt, Option<f32>)]) -> Option<f32> {
        let mut weigher = Weigher::default();
        for (index, (on_it, grams)) in (0..).zip(readings) {
            weigher.step(*on_it, *grams, Moment::from_millis(index * 100));
        }
        weigher.weight_g(START, END)
    }

    #[test]
    fn the_difference_counts_and_only_once_the_scale_has_come_to_rest() {
        let empty = [(OnIt::Nothing, Some(120.0)); 4];
        let item = |grams: &[f32]| grams.iter().map(|g| (OnIt::Item, Some(*g))).collect::<Vec<_>>();
        let both = |grams: &[f32]| weigh(&[&empty[..], &item(grams)].concat());
        assert_eq!(both(&[320.0, 60.0, 180.0, 140.0]), None, "it swings");
        assert_eq!(both(&[320.0, 60.0, 150.0, 148.0, 149.0]), Some(29.0));
        assert_eq!(weigh(&item(&[150.0; 5])), None, "never seen empty");
        assert_eq!(both(&[120.2; 5]), None, "lighter than the noise");
    }

    #[test]
    fn a_weight_belongs_to_its_own_item() {
        let mut weigher = Weigher::default();
        let at = |ms| Moment::from_millis(ms);
        for ms in 0..4 {
            weigher.step(OnIt::Nothing, Some(0.0), at(ms));
        }
        for ms in 10..14 {
            weigher.step(OnIt::Item, Some(50.0), at(ms));
        }
        assert_eq!(weigher.weight_g(at(10), at(20)), Some(50.0));
        assert_eq!(weigher.weight_g(at(15), at(30)), None, "the next item was not weighed");
    }

    #[test]
    fn a_cell_that_is_mounted_upside_down_weighs_all_the_same() {
        let scale = Scale { zero_mv: 19.5, grams_per_mv: -400.0 };
        assert!((scale.grams(19.25) - 100.0).abs() < 1e-3);
    }

    proptest! {
        /// Whatever the zero, its drift between items and single failures: within noise, or unknown.
        #[test]
        fn a_weight_is_right_within_the_noise_or_unknown(
            zero in -500.0f32..500.0,
            weight in 5.0f32..2_000.0,
            noise in prop::collection::vec(-1.0f32..1.0, 20),
            failing in prop::collection::vec(any::<bool>(), 20),
        ) {
            let reading = |index: usize| {
                let (on_it, load) = if index < 8 { (OnIt::Nothing, 0.0) } else { (OnIt::Item, weight) };
                (on_it, (!failing[index]).then_some(zero + load + noise[index]))
            };
            if let Some(told) = weigh(&(0..20).map(reading).collect::<Vec<_>>()) {
                prop_assert!((told - weight).abs() <= 2.0, "{} told as {}", weight, told);
            }
        }
    }
}
