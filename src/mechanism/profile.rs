//! When a stepper takes its next step: a ramp up, a steady run and a ramp down, in whole steps.
//!
//! - Pure: it knows neither clock nor line. Every step changes the square of the speed by twice the acceleration, so
//!   the ramp is even in time.
//! - Never turns round above its start speed, and never passes its target unless it was set behind it on the way.

use std::time::Duration;

/// Speeds in steps a second, acceleration in steps a second, a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speeds {
    /// The motor starts and stops at this speed without losing a step.
    pub start_hz: f64,
    /// And runs at this at most.
    pub top_hz: f64,
    /// How fast it gets there.
    pub acceleration: f64,
}

/// One step to take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Towards greater positions.
    pub forward: bool,
    /// After the step before it.
    pub after: Duration,
}

/// A motor's position and speed, in steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Profile {
    speeds: Speeds,
    position: i64,
    target: i64,
    forward: bool,
    /// The speed's square, which the acceleration changes evenly from step to step; zero at rest.
    square: f64,
}

impl Profile {
    /// At rest at a position.
    pub const fn new(speeds: Speeds, position: i64) -> Self {
        Self { speeds, position, target: position, forward: true, square: 0.0 }
    }

    /// Where it is.
    pub const fn position(&self) -> i64 {
        self.position
    }

    /// Where it goes.
    pub const fn target(&self) -> i64 {
        self.target
    }

    /// How fast it goes, zero at rest.
    pub fn speed_hz(&self) -> f64 {
        self.square.sqrt()
    }

    /// Slow enough to stop, to turn round, or to lose its current without losing the count.
    pub fn is_slow(&self) -> bool {
        // Rounding on the way is far below this.
        self.square <= self.speeds.start_hz * self.speeds.start_hz * (1.0 + 1e-6)
    }

    /// Goes there from now on, from its present speed.
    pub const fn aim(&mut self, target: i64) {
        self.target = target;
    }

    /// Other limits from the next step on.
    pub const fn limit(&mut self, speeds: Speeds) {
        self.speeds = speeds;
    }

    /// Where it is now is called `position`; it stands there.
    pub const fn stand(&mut self, position: i64) {
        (self.position, self.target, self.square) = (position, position, 0.0);
    }

    /// The next step, counted as taken; `None` when it stands at its target.
    pub fn step(&mut self) -> Option<Step> {
        let Speeds { start_hz, top_hz, acceleration } = self.speeds;
        let left = self.target - self.position;
        if self.is_slow() {
            if left == 0 {
                self.square = 0.0;
                return None;
            }
            self.forward = left > 0;
        }
        let ahead = if self.forward { left } else { -left };
        let (slowest, change) = (start_hz * start_hz, 2.0 * acceleration);
        let square = if self.square > 0.0 { self.square } else { slowest - change };
        // From this speed it can still stop in the steps that are left after this one.
        let stoppable = slowest + change * (ahead - 1) as f64;
        let most = (square + change).min(stoppable).min(top_hz * top_hz);
        self.square = most.max(square - change).max(slowest);
        self.position += if self.forward { 1 } else { -1 };
        Some(Step { forward: self.forward, after: Duration::from_secs_f64(1.0 / self.speed_hz()) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SPEEDS: Speeds = Speeds { start_hz: 200.0, top_hz: 2_000.0, acceleration: 8_000.0 };

    #[test]
    fn a_long_way_takes_the_time_of_its_ramps_and_run() {
        let mut profile = Profile::new(SPEEDS, 0);
        profile.aim(4_000);
        let steps: Vec<Step> = std::iter::from_fn(|| profile.step()).collect();
        assert_eq!((steps.len(), profile.position(), profile.speed_hz()), (4_000, 4_000, 0.0));
        let took: Duration = steps.iter().map(|step| step.after).sum();
        // Two ramps of (2000 - 200) / 8000 s over 247.5 steps each, the rest at 2000 a second.
        let ideal = 2.0 * 1_800.0 / 8_000.0 + (4_000.0 - 495.0) / 2_000.0;
        assert!((took.as_secs_f64() - ideal).abs() < 0.01, "{took:?}, ideal {ideal}");
    }

    proptest! {
        /// Wherever it is sent and however often it is sent elsewhere on the way: it gets there, no step is faster
        /// than allowed, speed changes by the ramp only, and it turns round at the start speed.
        #[test]
        fn it_gets_there_without_a_jump(sends in prop::collection::vec((-900i64..900, 1usize..400), 1..12)) {
            let mut profile = Profile::new(SPEEDS, 0);
            let mut before: Option<(bool, f64)> = None;
            let last = sends.len() - 1;
            for (index, (target, steps)) in sends.into_iter().enumerate() {
                profile.aim(target);
                let most = if index == last { 20_000 } else { steps };
                for _ in 0..most {
                    let position = profile.position();
                    let Some(step) = profile.step() else { before = None; break };
                    prop_assert_eq!((profile.position() - position) > 0, step.forward);
                    let speed = 1.0 / step.after.as_secs_f64();
                    prop_assert!((199.9..2_000.1).contains(&speed), "{speed}");
                    match before {
                        Some((forward, was)) if forward == step.forward => {
                            prop_assert!((speed * speed - was * was).abs() < 2.0 * 8_000.0 + 20.0, "{was} -> {speed}");
                        }
                        Some((_, was)) => prop_assert!(was < 201.0 + 40.0, "turned round at {was}"),
                        None => prop_assert!(speed < 250.0, "started at {speed}"),
                    }
                    before = Some((step.forward, speed));
                }
            }
            prop_assert_eq!(profile.position(), profile.target());
            prop_assert_eq!(profile.step(), None);
        }
    }
}
