//! A full-switch: active while the compartment is full, and for a moment whenever something falls past it.

use std::time::Duration;

use crate::clock::Moment;

/// A level counts once it has lasted this long.
pub const HOLD: Duration = Duration::from_secs(4);

/// The pure filter of one switch.
#[derive(Clone, Copy, Debug, Default)]
pub struct SwitchFilter {
    /// What the line shows, and since when.
    shown: Option<(bool, Moment)>,
    believed: Option<bool>,
}

impl SwitchFilter {
    /// Takes the line's level (`None`: it cannot be read); returns whether it is full, `None` while that is not known.
    pub fn step(&mut self, active: Option<bool>, now: Moment) -> Option<bool> {
        let Some(active) = active else {
            *self = Self::default();
            return None;
        };
        let since = match self.shown {
            Some((shown, since)) if shown == active => since,
            _ => now,
        };
        self.shown = Some((active, since));
        if now.since(since) >= HOLD {
            self.believed = Some(active);
        }
        self.believed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_falls_past_is_nothing_and_what_stays_is_full() {
        let mut filter = SwitchFilter::default();
        let mut at = |seconds: u64, active| filter.step(active, Moment::from_millis(seconds * 1_000));
        assert_eq!(at(0, Some(false)), None, "nothing is known at the start");
        assert_eq!(at(4, Some(false)), Some(false));
        assert_eq!(at(5, Some(true)), Some(false));
        assert_eq!(at(6, Some(false)), Some(false));
        assert_eq!(at(7, Some(true)), Some(false));
        assert_eq!(at(10, Some(true)), Some(false));
        assert_eq!(at(11, Some(true)), Some(true));
        assert_eq!(at(12, None), None, "a line that is gone is unknown, not empty");
        assert_eq!(at(13, Some(false)), None);
    }
}
