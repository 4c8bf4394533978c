//! What one frame does to each state.

use super::super::inputs::{Action, Alarm, Look};
use super::super::rules::Votes;
use super::super::verdict::{Verdict, VoidCause};
use super::{Actions, Judge, Open, State, arriving, lies_still};
use crate::clock::Moment;
use crate::detect::{Light, Presence};

impl Judge {
    pub(super) fn start(
        &self,
        open: Option<Open>,
        presence: &Presence,
        now: Moment,
        actions: &mut Actions,
    ) -> State {
        if !presence.is_still() {
            return State::Starting { open };
        }
        match open {
            Some(open) if presence.occupied => actions.push(Action::Void(open.seq, VoidCause::StillThere)),
            Some(open) if open.moved => actions.push(Action::Confirm(open.seq)),
            Some(open) => actions.push(Action::Void(open.seq, VoidCause::TakenBack)),
            None => {}
        }
        // In maintenance the flap turns only where the crew asks it to.
        if !self.flap_home && !self.work.is_on() {
            return State::Homing { asked: None };
        }
        self.idle(presence, now)
    }

    pub(super) fn idle(&self, presence: &Presence, now: Moment) -> State {
        if self.work.is_on() {
            State::Maintenance
        } else if presence.occupied || !presence.is_still() {
            arriving(now)
        } else if self.settings.rules.nothing_fits() {
            State::Full
        } else {
            State::Empty
        }
    }

    pub(super) fn arrive(
        &mut self,
        since: Moment,
        still_since: Option<Moment>,
        presence: &Presence,
        look: Option<&Look>,
        now: Moment,
        actions: &mut Actions,
    ) -> State {
        if presence.is_empty() {
            return self.idle(presence, now);
        }
        if self.work.is_on() && presence.is_still() {
            return State::Maintenance;
        }
        if now.since(since) >= self.settings.timing.blocked_after {
            self.alarm(Alarm::Blocked, true, actions);
        }
        if !presence.is_still() {
            return State::Arriving { since, still_since: None };
        }
        let still_since = still_since.unwrap_or(now);
        if now.since(still_since) < self.settings.timing.settle || !self.flap_home {
            return State::Arriving { since, still_since: Some(still_since) };
        }
        self.alarm(Alarm::Blocked, false, actions);
        self.vote(now, Votes::default(), presence, look, now, actions)
    }

    pub(super) fn vote(
        &mut self,
        settled_at: Moment,
        mut votes: Votes,
        presence: &Presence,
        look: Option<&Look>,
        now: Moment,
        actions: &mut Actions,
    ) -> State {
        if !lies_still(presence) {
            return arriving(now);
        }
        if let Some(look) = look {
            votes.add(&look.whole, &look.objects, &self.settings.rules);
        }
        let late = now.since(settled_at) >= self.settings.timing.vote_limit;
        // An answer that comes late must find the item that it is about, or none.
        if self.unanswered || !votes.are_enough(&self.settings.rules) && !late {
            return State::Settled { settled_at, votes };
        }
        self.unanswered = true;
        let verdict = self.verdict(&votes, settled_at, now);
        let compartment = verdict.compartment;
        actions.push(Action::RecordIntent(verdict));
        State::Decided { compartment, disturbed: false, since: now }
    }

    pub(super) fn verdict(&self, votes: &Votes, settled_at: Moment, now: Moment) -> Verdict {
        let decision = votes.decide(&self.settings.rules);
        let label = votes.best_label().and_then(|label| self.settings.labels.get(label).cloned());
        Verdict {
            label: label.unwrap_or_else(|| "".into()),
            seen: decision.seen,
            probability: decision.probability,
            stream: decision.stream,
            compartment: decision.compartment,
            reason: decision.reason,
            votes: votes.count(),
            settled_at,
            decided_at: now,
        }
    }

    /// The intent is on disk; the flap may move only if this very frame shows the item as it was judged.
    pub(super) fn wait_to_move(
        &mut self,
        mut open: Open,
        presence: &Presence,
        now: Moment,
        actions: &mut Actions,
    ) -> State {
        if !lies_still(presence) {
            let cause = if presence.is_empty() { VoidCause::TakenBack } else { VoidCause::Disturbed };
            actions.push(Action::Void(open.seq, cause));
            return arriving(now);
        }
        match open.compartment {
            None => State::Returning { open, since: now, empty_since: None },
            Some(compartment) => {
                self.ask(Action::Move(compartment), actions);
                open.moved = true;
                State::Moving { open, since: now }
            }
        }
    }

    pub(super) fn clear(
        &mut self,
        open: Open,
        since: Moment,
        empty_since: Option<Moment>,
        presence: &Presence,
        now: Moment,
        actions: &mut Actions,
    ) -> State {
        // The chamber was seen without the item, if only while things still moved: from now on it counts.
        let unoccupied = !presence.occupied && !presence.learning && presence.light == Light::Steady;
        let empty_since = if unoccupied { empty_since.or(Some(now)) } else { empty_since };
        if let Some(empty_since) = empty_since {
            let rests = presence.is_empty() && now.since(empty_since) >= self.settings.timing.clear_hold;
            // What lies there now came after it, and is judged for itself.
            if rests || presence.occupied {
                actions.push(Action::Confirm(open.seq));
                return self.go_home(None, presence, now, actions);
            }
            return State::Clearing { open, since, empty_since: Some(empty_since) };
        }
        if !presence.is_still() {
            return State::Clearing { open, since: now, empty_since: None };
        }
        if now.since(since) < self.settings.timing.clear_limit {
            return State::Clearing { open, since, empty_since: None };
        }
        if open.attempt >= self.settings.retries {
            self.alarm(Alarm::Jam, true, actions);
            return State::Jam { open, empty_since: None };
        }
        self.ask(Action::Home, actions);
        State::Retrying { open, since: now }
    }

    pub(super) fn go_home(
        &mut self,
        asked: Option<Moment>,
        presence: &Presence,
        now: Moment,
        actions: &mut Actions,
    ) -> State {
        match asked {
            Some(asked) => State::Homing { asked: Some(asked) },
            None if self.flap_home => self.idle(presence, now),
            None if presence.is_still() => {
                self.ask(Action::Home, actions);
                State::Homing { asked: Some(now) }
            }
            None => State::Homing { asked: None },
        }
    }

    pub(super) fn give_back(
        &mut self,
        open: Open,
        since: Moment,
        empty_since: Option<Moment>,
        presence: &Presence,
        now: Moment,
        actions: &mut Actions,
    ) -> State {
        if now.since(since) >= self.settings.timing.blocked_after {
            self.alarm(Alarm::Blocked, true, actions);
        }
        if !presence.is_empty() {
            return State::Returning { open, since, empty_since: None };
        }
        let empty_since = empty_since.unwrap_or(now);
        if now.since(empty_since) < self.settings.timing.clear_hold {
            return State::Returning { open, since, empty_since: Some(empty_since) };
        }
        actions.push(Action::Confirm(open.seq));
        self.idle(presence, now)
    }

    /// The resident wants the item back. Nothing has moved for it yet, or this is not heard.
    pub(super) fn take_back(&mut self, now: Moment, actions: &mut Actions) {
        let occupied = self.work.shows_item();
        let open = match &self.state {
            State::Arriving { .. } | State::Settled { .. } if occupied => None,
            // The ledger answers later; there is nothing then that it could be for, and it is void.
            State::Decided { .. } => None,
            State::Waiting { open } if !open.moved => Some(*open),
            _ => return,
        };
        if let Some(open) = open {
            actions.push(Action::Void(open.seq, VoidCause::TakenBack));
        }
        // Whatever moves from now on, if it lay still, is the resident at it.
        let still_since = self.work.shows_stillness().then_some(now);
        self.state = State::Withdrawn { since: now, touched: false, still_since, empty_since: None };
    }

    /// Waits for the resident to take back what they asked for. Whoever leaves it lying has thought better of it.
    pub(super) fn hand_back(
        &mut self,
        (since, still_since, empty_since): (Moment, Option<Moment>, Option<Moment>),
        touched: bool,
        presence: &Presence,
        now: Moment,
        actions: &mut Actions,
    ) -> State {
        let timing = &self.settings.timing;
        if presence.is_empty() {
            let empty_since = empty_since.unwrap_or(now);
            if now.since(empty_since) >= timing.clear_hold {
                return self.idle(presence, now);
            }
            return State::Withdrawn {
                since,
                touched: true,
                still_since: None,
                empty_since: Some(empty_since),
            };
        }
        if !presence.is_still() {
            if now.since(since) >= timing.blocked_after {
                self.alarm(Alarm::Blocked, true, actions);
            }
            // An item that is still on its way down was not touched.
            let touched = touched || still_since.is_some();
            return State::Withdrawn { since, touched, still_since: None, empty_since: None };
        }
        let still_since = still_since.unwrap_or(now);
        let limit = if touched { timing.rethink } else { timing.blocked_after };
        match (now.since(still_since) >= limit, self.work.is_on()) {
            (_, true) => State::Maintenance,
            (true, false) => arriving(now),
            (false, false) => {
                State::Withdrawn { since, touched, still_since: Some(still_since), empty_since: None }
            }
        }
    }

    pub(super) fn jammed(
        &mut self,
        open: Open,
        empty_since: Option<Moment>,
        presence: &Presence,
        now: Moment,
        actions: &mut Actions,
    ) -> State {
        // The crew has come: whatever lies there is judged anew when it goes.
        if self.work.is_on() {
            actions.push(Action::Void(open.seq, VoidCause::Jam));
            return State::Maintenance;
        }
        if !presence.is_empty() {
            return State::Jam { open, empty_since: None };
        }
        let empty_since = empty_since.unwrap_or(now);
        if now.since(empty_since) < self.settings.timing.clear_limit {
            return State::Jam { open, empty_since: Some(empty_since) };
        }
        actions.push(Action::Void(open.seq, VoidCause::Jam));
        self.go_home(None, presence, now, actions)
    }

    /// Where a jam that somebody has mended leads to.
    pub(super) const fn after_jam(&self) -> State {
        if self.work.is_on() { State::Maintenance } else { State::Homing { asked: None } }
    }

    /// Sends a flap that failed home again, now and then, as often as configured; then only a person's reset helps.
    pub(super) fn retry_mechanism(
        &mut self,
        open: Option<Open>,
        next_try: Moment,
        tries: u32,
        presence: &Presence,
        now: Moment,
        actions: &mut Actions,
    ) -> State {
        // With the crew at it, it turns only where they ask it to.
        if self.work.is_on() && !self.flap_moving {
            if let Some(open) = open {
                actions.push(Action::Void(open.seq, VoidCause::MechanismFault));
            }
            return State::Maintenance;
        }
        if now < next_try || tries >= self.settings.fault_retries || !presence.is_still() {
            return State::MechanismFault { open, next_try, tries };
        }
        self.ask(Action::Home, actions);
        State::MechanismFault { open, next_try: now + self.settings.timing.fault_retry, tries: tries + 1 }
    }
}
