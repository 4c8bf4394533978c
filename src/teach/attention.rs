//! Which frames of the picture are looked at in a lesson: one item after the other, each of them once.
//!
//! ```text
//! empty --something lies still--> settling --still for long enough--> looking --enough frames, or it is taken--> taken
//!   ^                                 | moves                                                                      |
//!   '---------------------------------'------------------------- the chamber is empty ----------------------------'
//! ```
//!
//! - Never a frame in which something moves or a hand is in view.
//! - An item is one, however long it lies there: the chamber must be seen empty before the next.

use std::time::Duration;

use crate::clock::Moment;
use crate::detect::Presence;

/// Frames of one item, and the time between them: the light flickers and the item comes to rest.
pub const FRAMES_OF_ITEM: usize = 5;
const EVERY: Duration = Duration::from_millis(150);

/// How far the present item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The chamber waits for an item.
    Empty,
    /// Something is there; it must lie still for a while.
    Settling,
    /// It is being looked at.
    Looking,
    /// It was taken and may go.
    Taken,
}

impl Step {
    /// The identifier used on the page.
    pub const fn id(self) -> &'static str {
        match self {
            Step::Empty => "empty",
            Step::Settling => "settling",
            Step::Looking => "looking",
            Step::Taken => "taken",
        }
    }
}

/// What is to be done with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attend {
    /// Nothing.
    Wait,
    /// It belongs to the present item: look at it.
    Look,
    /// The frames that were looked at since the last end are one item.
    Ended,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Empty,
    Settling { since: Moment },
    Looking { frames: usize, last: Moment },
    Taken,
}

/// Waits for items.
#[derive(Clone, Debug)]
pub struct Attention {
    settle: Duration,
    state: State,
}

impl Attention {
    /// An item must lie still for `settle` before it is looked at.
    pub const fn new(settle: Duration) -> Self {
        Self { settle, state: State::Empty }
    }

    /// How far the present item is.
    pub const fn at(&self) -> Step {
        match self.state {
            State::Empty => Step::Empty,
            State::Settling { .. } => Step::Settling,
            State::Looking { .. } => Step::Looking,
            State::Taken => Step::Taken,
        }
    }

    /// What to do with the frame that shows `presence`.
    pub fn step(&mut self, presence: &Presence, now: Moment) -> Attend {
        let lies_still = presence.is_still() && presence.occupied;
        let (next, attend) = match self.state {
            State::Looking { .. } if presence.is_empty() => (State::Empty, Attend::Ended),
            _ if presence.is_empty() => (State::Empty, Attend::Wait),
            State::Taken => (State::Taken, Attend::Wait),
            State::Looking { frames, .. } if !lies_still || frames >= FRAMES_OF_ITEM => {
                (State::Taken, Attend::Ended)
            }
            State::Empty | State::Settling { .. } if !lies_still => (State::Empty, Attend::Wait),
            State::Empty => (State::Settling { since: now }, Attend::Wait),
            State::Settling { since } if now.since(since) < self.settle => (self.state, Attend::Wait),
            State::Settling { .. } => (State::Looking { frames: 1, last: now }, Attend::Look),
            State::Looking { last, .. } if now.since(last) < EVERY => (self.state, Attend::Wait),
            State::Looking { frames, .. } => (State::Looking { frames: frames + 1, last: now }, Attend::Look),
        };
        self.state = next;
        attend
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTLE: Duration = Duration::from_millis(300);

    fn item(hand: bool) -> Presence {
        Presence { occupied: true, hand, moving: hand, ..Presence::default() }
    }

    /// Shows the same picture every 50 ms for `ms`; returns how often it was looked at, and whether an item ended.
    fn show(attention: &mut Attention, presence: &Presence, at_ms: &mut u64, ms: u64) -> (usize, usize) {
        let (mut looks, mut ends) = (0, 0);
        for _ in 0..ms / 50 {
            *at_ms += 50;
            match attention.step(presence, Moment::from_millis(*at_ms)) {
                Attend::Look => looks += 1,
                Attend::Ended => ends += 1,
                Attend::Wait => {}
            }
        }
        (looks, ends)
    }

    #[test]
    fn an_item_is_taken_once_however_long_it_lies_there() {
        let (mut attention, mut now) = (Attention::new(SETTLE), 0);
        let empty = Presence::default();
        assert_eq!(show(&mut attention, &empty, &mut now, 500), (0, 0));
        assert_eq!(show(&mut attention, &item(false), &mut now, 250), (0, 0), "it must lie still first");
        assert_eq!(attention.at(), Step::Settling);
        assert_eq!(show(&mut attention, &item(false), &mut now, 5_000), (FRAMES_OF_ITEM, 1));
        assert_eq!(attention.at(), Step::Taken);
        assert_eq!(show(&mut attention, &item(true), &mut now, 1_000), (0, 0), "it is being taken out");
        assert_eq!(show(&mut attention, &item(false), &mut now, 2_000), (0, 0), "it is still the same");
        assert_eq!(show(&mut attention, &empty, &mut now, 100), (0, 0));
        assert_eq!(show(&mut attention, &item(false), &mut now, 2_000), (FRAMES_OF_ITEM, 1), "the next");
    }

    #[test]
    fn a_hand_is_never_looked_at_and_ends_the_item_that_it_takes() {
        let (mut attention, mut now) = (Attention::new(SETTLE), 0);
        assert_eq!(show(&mut attention, &item(true), &mut now, 5_000), (0, 0));
        assert_eq!(show(&mut attention, &item(false), &mut now, 450), (1, 0));
        assert_eq!(attention.at(), Step::Looking);
        assert_eq!(show(&mut attention, &item(true), &mut now, 500), (0, 1), "one frame is an item too");
    }
}
