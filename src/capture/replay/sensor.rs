//! What a sensor adds to a picture: noise and a slow drift of the exposure, the same for the same seed.

use std::f64::consts::TAU;
use std::time::Duration;

/// The length of the noise that is computed once. Every row of every frame starts somewhere else in it.
const NOISE_VALUES: usize = 1 << 16;

/// Copies pictures as a sensor would have seen them.
#[derive(Debug)]
pub(super) struct Sensor {
    seed: u64,
    /// Grey levels to add; empty without noise.
    noise: Vec<i16>,
    drift_amplitude: f64,
    drift_period: Duration,
}

impl Sensor {
    /// `row_values`: values per row, 3 per pixel. `noise_sigma`: grey levels. `drift_amplitude`: share of the
    /// exposure, 0.1 for 10 % up and down.
    pub(super) fn new(
        seed: u64,
        row_values: usize,
        noise_sigma: f64,
        drift_amplitude: f64,
        drift_period: Duration,
    ) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let values = if noise_sigma > 0.0 { NOISE_VALUES.max(row_values * 2) } else { 0 };
        let noise = (0..values).map(|_| (gaussian(&mut random) * noise_sigma).round() as i16).collect();
        Self { seed, noise, drift_amplitude, drift_period }
    }

    /// Writes `picture` into `pixels` (of the same length) as seen at `slot`, the `at` of the replay.
    pub(super) fn expose(
        &self,
        picture: &[u8],
        pixels: &mut [u8],
        row_values: usize,
        slot: u64,
        at: Duration,
    ) {
        let gain = self.gain(at);
        if self.noise.is_empty() && gain == UNIT {
            pixels.copy_from_slice(picture);
            return;
        }
        let mut random = slot_random(self.seed, slot, Purpose::Noise);
        let rows = pixels.chunks_exact_mut(row_values).zip(picture.chunks_exact(row_values));
        for (pixels, picture) in rows {
            if self.noise.is_empty() {
                for (pixel, value) in pixels.iter_mut().zip(picture) {
                    *pixel = amplify(*value, gain).min(255) as u8;
                }
                continue;
            }
            let start = random.usize(..=self.noise.len() - row_values);
            let noise = &self.noise[start..start + row_values];
            for ((pixel, value), noise) in pixels.iter_mut().zip(picture).zip(noise) {
                *pixel = (amplify(*value, gain) + i32::from(*noise)).clamp(0, 255) as u8;
            }
        }
    }

    /// The exposure at a time of the replay, in 1/256.
    fn gain(&self, at: Duration) -> i32 {
        if self.drift_amplitude == 0.0 {
            return UNIT;
        }
        let phase = at.as_secs_f64() / self.drift_period.as_secs_f64();
        ((1.0 + self.drift_amplitude * (TAU * phase).sin()) * f64::from(UNIT)).round() as i32
    }
}

/// An unchanged exposure.
const UNIT: i32 = 256;

const fn amplify(value: u8, gain: i32) -> i32 {
    (value as i32 * gain + UNIT / 2) / UNIT
}

/// What a slot's random numbers are for: each purpose has its own, so that one option does not change another.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    /// Where each row starts in the noise.
    Noise = 1,
    /// Whether the frame is dropped.
    Drop = 2,
    /// Whether and where it is cut.
    Cut = 3,
}

/// Random numbers that depend on the seed and the slot alone, so that skipped frames change nothing.
pub(super) fn slot_random(seed: u64, slot: u64, purpose: Purpose) -> fastrand::Rng {
    // Odd constants far from each other spread neighbouring slots over the seeds (Weyl sequences).
    let mixed = seed
        .wrapping_add(slot.wrapping_mul(0x9E37_79B9_7F4A_7C15))
        .wrapping_add((purpose as u64).wrapping_mul(0xD1B5_4A32_D192_ED03));
    let mut random = fastrand::Rng::with_seed(mixed);
    random.u64(..); // the first number still resembles its seed
    random
}

/// A normal random number of mean 0 and deviation 1 (Box and Muller).
fn gaussian(random: &mut fastrand::Rng) -> f64 {
    let radius = (-2.0 * (1.0 - random.f64()).ln()).sqrt();
    radius * (TAU * random.f64()).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: usize = 300;

    fn exposed(sensor: &Sensor, value: u8, slot: u64, at: Duration) -> Vec<u8> {
        let mut pixels = vec![0; ROW * 100];
        sensor.expose(&vec![value; ROW * 100], &mut pixels, ROW, slot, at);
        pixels
    }

    fn mean(values: &[u8]) -> f64 {
        values.iter().map(|value| f64::from(*value)).sum::<f64>() / values.len() as f64
    }

    #[test]
    fn noise_has_its_deviation_and_depends_on_seed_and_slot() {
        let sensor = Sensor::new(5, ROW, 3.0, 0.0, Duration::ZERO);
        let frame = exposed(&sensor, 120, 1, Duration::ZERO);
        let mean = mean(&frame);
        let variance =
            frame.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum::<f64>() / frame.len() as f64;
        assert!((mean - 120.0).abs() < 0.2, "mean {mean}");
        assert!((variance.sqrt() - 3.0).abs() < 0.2, "deviation {}", variance.sqrt());

        let again = Sensor::new(5, ROW, 3.0, 0.0, Duration::ZERO);
        assert_eq!(frame, exposed(&again, 120, 1, Duration::ZERO));
        assert_ne!(frame, exposed(&again, 120, 2, Duration::ZERO));
        assert_ne!(frame, exposed(&Sensor::new(6, ROW, 3.0, 0.0, Duration::ZERO), 120, 1, Duration::ZERO));
    }

    #[test]
    fn exposure_swings_by_its_amplitude_and_nothing_leaves_the_range() {
        let period = Duration::from_secs(40);
        let sensor = Sensor::new(5, ROW, 0.0, 0.25, period);
        let at = |quarter: u32| mean(&exposed(&sensor, 100, 0, period * quarter / 4));
        assert_eq!([at(0), at(1), at(2), at(3)], [100.0, 125.0, 100.0, 75.0]);
        assert_eq!(mean(&exposed(&sensor, 255, 0, period / 4)), 255.0);
    }

    #[test]
    fn without_noise_and_drift_a_picture_is_untouched() {
        let sensor = Sensor::new(5, ROW, 0.0, 0.0, Duration::ZERO);
        assert_eq!(exposed(&sensor, 77, 3, Duration::from_secs(9)), vec![77; ROW * 100]);
    }
}
