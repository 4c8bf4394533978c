//! A button on the bin's front, for the resident.
//!
//! - Counts when it is pressed, not while it is held: one that sticks is one press at most, and after [`STUCK_AFTER`] it
//!   is named.
//! - Never moves anything: what a press means is asked of the sorting loop, which never moves the flap for it.
//! - Held when the program starts is no press: the contact may be welded, the wire crushed.

use std::time::Duration;

use super::MechanismError;
use super::lines::{Edge, Input, Lines, LinesSpec, OpenLines};
use crate::clock::Moment;

/// Who asks for the line, as the kernel shows it.
const CONSUMER: &str = "bunri-button";
/// Nobody holds a button for so long.
pub const STUCK_AFTER: Duration = Duration::from_secs(60);
/// Presses that follow quicker are the same one.
const AGAIN_AFTER: Duration = Duration::from_millis(700);

/// What a press asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ButtonMeans {
    /// The crew: an alarm at the hub and on the page.
    #[default]
    CallCrew,
    /// The item that lies in the chamber, before the flap moves.
    TakeBack,
}

/// A rig's button.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ButtonSettings {
    /// Active while it is pressed.
    pub input: Input,
    /// What a press asks for.
    pub means: ButtonMeans,
}

/// How it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ButtonNow {
    /// Nobody presses it.
    #[default]
    Released,
    /// Somebody does.
    Pressed,
    /// It has been pressed for longer than anybody presses a button.
    Stuck,
    /// Its line is missing, or cannot be read.
    Failed,
}

/// The pure part.
#[derive(Clone, Copy, Debug, Default)]
pub struct ButtonState {
    /// Pressed since then.
    since: Option<Moment>,
    last_press: Option<Moment>,
}

impl ButtonState {
    /// As the line is at the start: held is no press.
    pub fn new(active: bool, now: Moment) -> Self {
        Self { since: active.then_some(now), last_press: None }
    }

    /// Takes one change; whether it is a press.
    pub fn change(&mut self, active: bool, now: Moment) -> bool {
        let was = self.since.is_some();
        if active == was {
            return false;
        }
        self.since = active.then_some(now);
        let new = self.last_press.is_none_or(|last| now.since(last) >= AGAIN_AFTER);
        if active && new {
            self.last_press = Some(now);
        }
        active && new
    }

    /// How it is at `now`.
    pub fn now(&self, now: Moment) -> ButtonNow {
        match self.since {
            None => ButtonNow::Released,
            Some(since) if now.since(since) >= STUCK_AFTER => ButtonNow::Stuck,
            Some(_) => ButtonNow::Pressed,
        }
    }
}

/// The button and its line.
pub struct Button {
    lines: Box<dyn Lines>,
    state: ButtonState,
    means: ButtonMeans,
}

impl Button {
    /// Takes the line.
    ///
    /// # Errors
    /// When it is missing, busy or refused.
    pub fn open(
        settings: &ButtonSettings,
        open_lines: OpenLines<'_>,
        now: Moment,
    ) -> Result<Self, MechanismError> {
        let inputs = vec![settings.input.clone()];
        let mut lines = open_lines(&LinesSpec { consumer: CONSUMER, outputs: Vec::new(), inputs })?;
        let state = ButtonState::new(lines.read()? != 0, now);
        Ok(Self { lines, state, means: settings.means })
    }

    /// What a press asks for.
    pub const fn means(&self) -> ButtonMeans {
        self.means
    }

    /// Looks at every change since the last look: whether there was a press, and how it is now.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn look(&mut self, now: Moment) -> Result<(bool, ButtonNow), MechanismError> {
        let mut pressed = false;
        while let Some(Edge { active, at, .. }) = self.lines.next_edge()? {
            pressed |= self.state.change(active, at);
        }
        // An edge may be lost where too many came; the level is not.
        pressed |= self.state.change(self.lines.read()? != 0, now);
        Ok((pressed, self.state.now(now)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::lines::{Bias, LineId};
    use super::super::model::{Body, Model};
    use super::*;

    struct Contact(bool);

    impl Body for Contact {
        fn pass(&mut self, _outputs: u64, _step: Duration) {}

        fn inputs(&self) -> u64 {
            u64::from(self.0)
        }

        fn check(&mut self, _before: u64, after: u64) {
            assert_eq!(after, 0, "a button drives nothing");
        }
    }

    fn button(held: bool) -> (Button, Model<Contact>) {
        let id = LineId::Offset { chip: "gpiochip0".into(), offset: 25 };
        let debounce = Duration::from_millis(20);
        let input = Input { role: "front.button".into(), id, active_low: true, bias: Bias::PullUp, debounce };
        let settings = ButtonSettings { input, means: ButtonMeans::TakeBack };
        let model = Model::new(Contact(held));
        let lines = model.clone();
        (Button::open(&settings, &|spec| lines.open(spec), Moment::from_millis(0)).unwrap(), model)
    }

    fn press(model: &Model<Contact>, down: bool) {
        model.change(|world| world.body.0 = down);
    }

    #[test]
    fn a_press_counts_once_however_long_it_is_held() {
        let (mut button, model) = button(false);
        let at = Moment::from_millis;
        assert_eq!(button.look(at(0)).unwrap(), (false, ButtonNow::Released));
        press(&model, true);
        assert_eq!(button.look(at(100)).unwrap(), (true, ButtonNow::Pressed));
        assert_eq!(button.look(at(59_000)).unwrap(), (false, ButtonNow::Pressed));
        assert_eq!(button.look(at(3_600_000)).unwrap(), (false, ButtonNow::Stuck));
        press(&model, false);
        assert_eq!(button.look(at(3_700_000)).unwrap(), (false, ButtonNow::Released));
        // Down and up between two looks.
        model.pass(Duration::from_secs(4_000));
        press(&model, true);
        press(&model, false);
        assert_eq!(button.look(at(4_000_050)).unwrap(), (true, ButtonNow::Released));
    }

    #[test]
    fn held_at_the_start_is_no_press_and_a_line_that_fails_says_so() {
        let (mut button, model) = button(true);
        assert_eq!(button.look(Moment::from_millis(10)).unwrap(), (false, ButtonNow::Pressed));
        model.change(|world| world.refuses = true);
        assert!(button.look(Moment::from_millis(20)).is_err());
    }

    proptest! {
        /// However it bounces: never more presses than there is time for, never one while it is let go for good.
        #[test]
        fn a_bouncing_button_presses_at_most_every_so_often(waits in prop::collection::vec(1u64..400, 1..200)) {
            let mut state = ButtonState::new(false, Moment::from_millis(0));
            let (mut now, mut presses) = (0, 0u64);
            for (index, wait) in waits.iter().enumerate() {
                now += wait;
                presses += u64::from(state.change(index % 2 == 0, Moment::from_millis(now)));
            }
            prop_assert!(presses <= 1 + now / AGAIN_AFTER.as_millis() as u64);
            prop_assert!(presses >= 1);
            for late in 0..100 {
                prop_assert!(!state.change(waits.len() % 2 == 1, Moment::from_millis(now + late * 1_000)));
            }
        }
    }
}
