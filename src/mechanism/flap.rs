//! The flap's own state machine: orders and inputs in, drive commands and reports out.

use super::{Place, Sensed, Settings};
use crate::clock::Moment;
use crate::judge::Movement;

/// What the flap may be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Go to a place.
    Go(Place),
    /// Stop and turn back.
    Halt,
}

/// Where the flap is. Each state owns the data valid in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlapState {
    /// Nobody has looked yet.
    Unhomed,
    /// At rest at a place.
    Resting(Place),
    /// On the way.
    Going {
        /// Where the movement began; `None` when that was not known.
        from: Option<Place>,
        /// Where to.
        to: Place,
        /// Since when.
        since: Moment,
    },
    /// Halted, on the way back.
    TurningBack {
        /// Where back to.
        to: Place,
        /// Since when.
        since: Moment,
        /// What was ordered meanwhile.
        next: Option<Place>,
    },
    /// Out of order; the drive is released.
    Failed,
}

impl FlapState {
    /// Whether it moves now.
    pub const fn is_moving(self) -> bool {
        matches!(self, FlapState::Going { .. } | FlapState::TurningBack { .. })
    }
}

/// What one step wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// The drive must start towards this place.
    pub start: Option<Place>,
    /// The drive must be released.
    pub release: bool,
    /// The judge must hear this.
    pub report: Option<Movement>,
}

impl Step {
    const NOTHING: Step = Step { start: None, release: false, report: None };

    const fn start(place: Place) -> Step {
        Step { start: Some(place), release: false, report: None }
    }

    const fn end(report: Movement) -> Step {
        Step { start: None, release: true, report: Some(report) }
    }
}

/// The flap. Pure: it says what the drive must do and never does it.
#[derive(Clone, Debug)]
pub struct Flap {
    settings: Settings,
    state: FlapState,
    /// A guard forbids movement.
    vetoed: bool,
}

impl Flap {
    /// A flap nobody has looked at.
    pub const fn new(settings: Settings) -> Self {
        Self { settings, state: FlapState::Unhomed, vetoed: false }
    }

    /// Where it is.
    pub const fn state(&self) -> FlapState {
        self.state
    }

    /// Whether it moves now.
    pub const fn is_moving(&self) -> bool {
        self.state.is_moving()
    }

    /// A guard forbids movement from now on, which halts what moves, or allows it again.
    pub fn veto(&mut self, vetoed: bool, now: Moment) -> Step {
        let begins = vetoed && !self.vetoed;
        self.vetoed = vetoed;
        if begins { self.order(Order::Halt, now) } else { Step::NOTHING }
    }

    /// Takes one order.
    pub fn order(&mut self, order: Order, now: Moment) -> Step {
        match (order, self.state) {
            // On its way back it reports when it is there, otherwise at once: it is where it was.
            (Order::Go(_), FlapState::TurningBack { .. }) if self.vetoed => Step::NOTHING,
            (Order::Go(_), _) if self.vetoed => {
                Step { start: None, release: false, report: Some(Movement::Reversed) }
            }
            (Order::Go(to), FlapState::Resting(at)) if at == to => {
                Step { start: None, release: false, report: Some(arrival(to)) }
            }
            (Order::Go(to), FlapState::TurningBack { to: back, since, .. }) => {
                self.state = FlapState::TurningBack { to: back, since, next: Some(to) };
                Step::NOTHING
            }
            // Before it was ever home its position means nothing: home first.
            (Order::Go(Place::At(_)), FlapState::Unhomed | FlapState::Failed) => Step::end(Movement::Failed),
            (Order::Go(to), state) => {
                let from = match state {
                    FlapState::Resting(at) => Some(at),
                    FlapState::Going { from, .. } => from,
                    _ => None,
                };
                self.state = FlapState::Going { from, to, since: now };
                Step::start(to)
            }
            // A first homing has nowhere to turn back to: it stops where it is.
            (Order::Halt, FlapState::Going { from: None, .. }) => {
                self.state = FlapState::Unhomed;
                Step::end(Movement::Reversed)
            }
            (Order::Halt, FlapState::Going { from: Some(from), .. }) => {
                self.state = FlapState::TurningBack { to: from, since: now, next: None };
                Step::start(from)
            }
            (Order::Halt, _) => Step::NOTHING,
        }
    }

    /// Looks at the inputs; called while moving and, more rarely, at rest.
    pub fn step(&mut self, sensed: Sensed, now: Moment) -> Step {
        if sensed.contradiction && self.state != FlapState::Failed {
            return self.fail();
        }
        match self.state {
            FlapState::Going { to, .. } if sensed.place == Some(to) => {
                self.state = FlapState::Resting(to);
                Step::end(arrival(to))
            }
            FlapState::TurningBack { to, next, .. } if sensed.place == Some(to) => {
                self.state = FlapState::Resting(to);
                let Some(next) = next.filter(|next| *next != to && !self.vetoed) else {
                    return Step::end(Movement::Reversed);
                };
                Step { report: Some(Movement::Reversed), ..self.order(Order::Go(next), now) }
            }
            FlapState::Going { since, .. } | FlapState::TurningBack { since, .. }
                if now.since(since) >= self.settings.move_limit =>
            {
                self.fail()
            }
            _ => Step::NOTHING,
        }
    }

    /// The drive refused: out of order until the next order for home.
    pub fn fail(&mut self) -> Step {
        self.state = FlapState::Failed;
        Step::end(Movement::Failed)
    }
}

const fn arrival(place: Place) -> Movement {
    match place {
        Place::Home => Movement::Homed,
        Place::At(compartment) => Movement::Arrived(compartment),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::judge::CompartmentId;

    const THERE: Place = Place::At(CompartmentId(1));

    fn at(millis: u64) -> Moment {
        Moment::from_millis(millis)
    }

    fn sensed(place: Option<Place>) -> Sensed {
        Sensed { place, contradiction: false }
    }

    fn homed() -> Flap {
        let mut flap = Flap::new(Settings::default());
        assert_eq!(flap.order(Order::Go(Place::Home), at(0)).start, Some(Place::Home));
        assert_eq!(flap.step(sensed(Some(Place::Home)), at(100)), Step::end(Movement::Homed));
        flap
    }

    #[test]
    fn it_goes_there_and_back_and_releases_at_rest() {
        let mut flap = homed();
        assert_eq!(flap.order(Order::Go(THERE), at(200)), Step::start(THERE));
        assert_eq!(flap.step(sensed(None), at(300)), Step::NOTHING);
        assert_eq!(flap.step(sensed(Some(THERE)), at(600)), Step::end(Movement::Arrived(CompartmentId(1))));
        assert_eq!(flap.order(Order::Go(Place::Home), at(700)).start, Some(Place::Home));
        assert_eq!(flap.step(sensed(Some(Place::Home)), at(900)), Step::end(Movement::Homed));
    }

    #[test]
    fn a_halt_turns_back_to_where_it_came_from_and_what_was_ordered_meanwhile_follows() {
        let mut flap = homed();
        flap.order(Order::Go(THERE), at(200));
        assert_eq!(flap.order(Order::Halt, at(250)), Step::start(Place::Home));
        assert_eq!(flap.order(Order::Halt, at(260)), Step::NOTHING, "already turning back");
        assert_eq!(flap.order(Order::Go(THERE), at(270)), Step::NOTHING, "kept for later");
        let back = flap.step(sensed(Some(Place::Home)), at(300));
        assert_eq!(back, Step { start: Some(THERE), release: false, report: Some(Movement::Reversed) });
    }

    #[test]
    fn the_first_homing_stops_on_a_halt() {
        let mut flap = Flap::new(Settings::default());
        assert_eq!(flap.order(Order::Go(THERE), at(0)).report, Some(Movement::Failed), "home first");
        flap.order(Order::Go(Place::Home), at(10));
        assert_eq!(flap.order(Order::Halt, at(20)), Step::end(Movement::Reversed));
        assert_eq!(flap.state(), FlapState::Unhomed);
    }

    #[test]
    fn what_takes_too_long_or_contradicts_itself_fails_and_releases() {
        let mut flap = homed();
        flap.order(Order::Go(THERE), at(1000));
        assert_eq!(flap.step(sensed(None), at(3999)), Step::NOTHING);
        assert_eq!(flap.step(sensed(None), at(4000)), Step::end(Movement::Failed));
        assert_eq!(flap.order(Order::Go(THERE), at(4100)).report, Some(Movement::Failed), "home first");
        let mut wired_wrong = homed();
        let both = Sensed { place: Some(Place::Home), contradiction: true };
        assert_eq!(wired_wrong.step(both, at(300)), Step::end(Movement::Failed));
        assert_eq!(wired_wrong.step(both, at(400)), Step::NOTHING, "said once");
    }

    #[test]
    fn a_veto_turns_back_what_moves_and_refuses_what_is_ordered() {
        let mut flap = homed();
        flap.order(Order::Go(THERE), at(200));
        assert_eq!(flap.veto(true, at(250)), Step::start(Place::Home));
        assert_eq!(flap.veto(true, at(260)), Step::NOTHING, "said once");
        assert_eq!(flap.order(Order::Go(THERE), at(270)), Step::NOTHING);
        assert_eq!(flap.step(sensed(Some(Place::Home)), at(300)), Step::end(Movement::Reversed));
        let refused = flap.order(Order::Go(THERE), at(400));
        assert_eq!((refused.start, refused.report), (None, Some(Movement::Reversed)));
        assert_eq!(flap.veto(false, at(500)), Step::NOTHING);
        assert_eq!(flap.order(Order::Go(THERE), at(600)), Step::start(THERE));
        // What was ordered before the veto does not begin during it.
        flap.order(Order::Halt, at(650));
        flap.order(Order::Go(THERE), at(660));
        flap.veto(true, at(670));
        assert_eq!(flap.step(sensed(Some(Place::Home)), at(700)), Step::end(Movement::Reversed));
    }

    proptest! {
        /// Whatever is ordered and sensed: it never moves longer than its limit, and what ends is released.
        #[test]
        fn no_movement_outlives_its_limit(script in prop::collection::vec((0u8..10, 1u64..900), 1..80)) {
            let mut flap = Flap::new(Settings::default());
            let mut now = 0;
            let mut moving_since = None;
            for (event, passed) in script {
                now += passed;
                let step = match event {
                    0 => flap.order(Order::Go(Place::Home), at(now)),
                    1 => flap.order(Order::Go(THERE), at(now)),
                    2 => flap.order(Order::Halt, at(now)),
                    8 | 9 => flap.veto(event == 8, at(now)),
                    3 => flap.step(sensed(Some(Place::Home)), at(now)),
                    4 => flap.step(sensed(Some(THERE)), at(now)),
                    5 => flap.step(Sensed { place: None, contradiction: true }, at(now)),
                    _ => flap.step(sensed(None), at(now)),
                };
                prop_assert!(event > 1 || !flap.vetoed || step.start.is_none(), "started in spite of a veto");
                if step.start.is_some() {
                    moving_since = Some(now);
                }
                if (3..8).contains(&event) && flap.is_moving() {
                    let since = moving_since.unwrap_or(0);
                    prop_assert!(now - since < 3000, "moving for {} ms", now - since);
                }
                if !flap.is_moving() && step.report.is_some() && moving_since.take().is_some() {
                    prop_assert!(step.release, "{step:?} left the drive on");
                }
            }
        }
    }
}
