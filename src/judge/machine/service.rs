//! Maintenance: nothing is sorted, and the flap turns only where the crew asks it to.
//!
//! - Never on a word alone: a movement that was asked for begins with a frame in which everything is still, and not
//!   at all when there is none within [`BEGIN_WITHIN`].
//! - Never on after something was in the way: what is left of a tour is forgotten.
//! - Never for ever: maintenance ends by itself some time after the last thing that was asked for.

use std::collections::VecDeque;
use std::time::Duration;

use super::super::inputs::{Action, Alarm, Leg, LegEnd, Refusal, Service};
use super::super::verdict::{CompartmentId, Movement};
use super::{Actions, Judge, State};
use crate::clock::Moment;
use crate::detect::Presence;

/// A movement that cannot begin within this time is forgotten.
const BEGIN_WITHIN: Duration = Duration::from_secs(2);

/// Home, or a compartment.
type Target = Option<CompartmentId>;

/// What the crew asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Work {
    /// Maintenance goes on until then; `None`: there is none.
    until: Option<Moment>,
    /// What the last frame showed, guards included.
    seen: Option<Presence>,
    /// Places still to be gone to.
    plan: VecDeque<Target>,
    /// The next of them was wanted from then on.
    wanted_at: Moment,
    /// Where the flap is on its way to, since when.
    under_way: Option<(Target, Moment)>,
    legs: Vec<Leg>,
}

impl Work {
    pub(super) const fn is_on(&self) -> bool {
        self.until.is_some()
    }

    pub(super) const fn see(&mut self, presence: &Presence) {
        self.seen = Some(*presence);
    }

    /// Whether the last frame showed something in the chamber.
    pub(super) fn shows_item(&self) -> bool {
        self.seen.is_some_and(|seen| seen.occupied)
    }

    /// Whether the last frame showed everything still.
    pub(super) fn shows_stillness(&self) -> bool {
        self.seen.is_some_and(|seen| seen.is_still())
    }

    fn end_leg(&mut self, to: Target, took: Duration, end: LegEnd) {
        self.legs.push(Leg { to, took, end });
        if end != LegEnd::Arrived {
            self.plan.clear();
        }
    }
}

impl Judge {
    /// What the crew is doing with the flap; `None` outside maintenance.
    pub fn service(&self) -> Option<Service> {
        let until = self.work.until?;
        let to_go = self.work.plan.len() + usize::from(self.work.under_way.is_some());
        Some(Service { until, to_go, legs: self.work.legs.clone() })
    }

    pub(super) fn set_maintenance(&mut self, on: bool, now: Moment) {
        if on {
            self.work.until = Some(now + self.settings.timing.maintenance);
        } else {
            self.work = Work { seen: self.work.seen, ..Work::default() };
        }
    }

    /// Plans a movement, or says why not.
    pub(super) fn plan(&mut self, targets: Vec<Target>, now: Moment, actions: &mut Actions) {
        if let Some(refusal) = self.refusal(&targets, now) {
            actions.push(Action::Refuse(refusal));
            return;
        }
        self.set_maintenance(true, now);
        self.work.legs.clear();
        self.work.plan = targets.into();
        self.work.wanted_at = now;
    }

    /// Turns a moving flap back, as a hand would.
    pub(super) fn stop(&mut self, actions: &mut Actions) {
        self.work.plan.clear();
        if self.flap_moving {
            actions.push(Action::Halt);
        }
    }

    /// Home, then each compartment from home: what every drop asks of the flap.
    pub(super) fn tour(&self) -> Vec<Target> {
        let there_and_back = |id: CompartmentId| [Some(id), None];
        let compartments = (0..).map(CompartmentId).take(self.settings.rules.compartments.len());
        std::iter::once(None).chain(compartments.flat_map(there_and_back)).collect()
    }

    fn refusal(&self, targets: &[Target], now: Moment) -> Option<Refusal> {
        let compartments = self.settings.rules.compartments.len();
        let exists = |target: &Target| target.is_none_or(|id| usize::from(id.0) < compartments);
        let fresh = now.since(self.last_frame_at) < self.settings.timing.camera_lost_after;
        match self.work.seen {
            _ if !matches!(self.state, State::Maintenance) => Some(Refusal::NotInMaintenance),
            _ if self.flap_moving || !self.work.plan.is_empty() => Some(Refusal::Busy),
            _ if self.vetoed => Some(Refusal::Guarded),
            Some(seen) if fresh && seen.hand => Some(Refusal::HandSeen),
            Some(seen) if fresh && !seen.is_still() => Some(Refusal::NotStill),
            Some(_) if fresh => {
                let known = self.flap_known || targets.first() == Some(&None);
                match (targets.iter().all(exists), known) {
                    (false, _) => Some(Refusal::NoSuchCompartment),
                    (true, false) => Some(Refusal::NotHomed),
                    (true, true) => None,
                }
            }
            _ => Some(Refusal::NoPicture),
        }
    }

    /// One frame in maintenance: begins what was asked for, if everything is still.
    pub(super) fn serve(&mut self, presence: &Presence, now: Moment, actions: &mut Actions) {
        if self.flap_moving {
            return;
        }
        let Some(target) = self.work.plan.front().copied() else { return };
        if presence.is_still() && !self.vetoed {
            self.work.plan.pop_front();
            self.work.under_way = Some((target, now));
            self.ask(target.map_or(Action::Home, Action::Move), actions);
        } else if now.since(self.work.wanted_at) >= BEGIN_WITHIN {
            self.work.end_leg(target, Duration::ZERO, LegEnd::Prevented);
        }
    }

    /// The flap did something in maintenance.
    pub(super) fn served(&mut self, movement: Movement, now: Moment, actions: &mut Actions) {
        let ended = match movement {
            Movement::Homed | Movement::Arrived(_) => LegEnd::Arrived,
            Movement::Reversed => LegEnd::TurnedBack,
            Movement::Failed => {
                self.alarm(Alarm::Mechanism, true, actions);
                LegEnd::Failed
            }
        };
        if let Some((target, since)) = self.work.under_way.take() {
            self.work.end_leg(target, now.since(since), ended);
            self.work.wanted_at = now;
        }
    }

    /// Ends what takes too long: a movement that nobody reports, and maintenance itself.
    pub(super) fn check_service(&mut self, now: Moment, actions: &mut Actions) {
        if let Some((target, since)) = self.work.under_way
            && now.since(since) >= self.settings.timing.move_limit
        {
            actions.push(Action::Halt);
            self.alarm(Alarm::Mechanism, true, actions);
            (self.flap_known, self.work.under_way) = (false, None);
            self.work.end_leg(target, now.since(since), LegEnd::Failed);
        }
        if self.work.until.is_some_and(|until| now >= until) && self.work.under_way.is_none() {
            self.set_maintenance(false, now);
        }
    }
}
