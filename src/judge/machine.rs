//! The state machine: see the drawing in the room's header.

use super::inputs::{Action, Alarm, Command, Input, Look, Settings, StateName};
use super::rules::{Rules, Votes};
use super::verdict::{CompartmentId, Movement, VoidCause};
use crate::clock::Moment;
use crate::detect::Presence;

mod service;
mod states;

use service::Work;

/// A verdict on disk that is neither confirmed nor void.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Open {
    seq: u64,
    compartment: Option<CompartmentId>,
    /// The flap was told to move for it.
    moved: bool,
    attempt: u32,
}

/// Each state owns the data that are valid in it.
#[derive(Clone, Debug)]
enum State {
    CameraLost { open: Option<Open> },
    Starting { open: Option<Open> },
    Empty,
    Full,
    Arriving { since: Moment, still_since: Option<Moment> },
    Settled { settled_at: Moment, votes: Votes },
    Decided { compartment: Option<CompartmentId>, disturbed: bool, since: Moment },
    Waiting { open: Open },
    Moving { open: Open, since: Moment },
    Halting { open: Open, since: Moment },
    Clearing { open: Open, since: Moment, empty_since: Option<Moment> },
    Retrying { open: Open, since: Moment },
    Homing { asked: Option<Moment> },
    Returning { open: Open, since: Moment, empty_since: Option<Moment> },
    Withdrawn { since: Moment, touched: bool, still_since: Option<Moment>, empty_since: Option<Moment> },
    Jam { open: Open, empty_since: Option<Moment> },
    MechanismFault { open: Option<Open>, next_try: Moment, tries: u32 },
    LedgerFault { next_try: Moment },
    Maintenance,
}

/// The state machine. Pure: no I/O, no clock, no channel.
#[derive(Clone, Debug)]
pub struct Judge {
    settings: Settings,
    state: State,
    last_frame_at: Moment,
    /// The flap rests at home.
    flap_home: bool,
    /// The flap was told to move and has not reported since.
    flap_moving: bool,
    /// A guard forbids every movement.
    vetoed: bool,
    /// The flap has been home and has not failed since: it knows where it is.
    flap_known: bool,
    /// What the crew asked for.
    work: Work,
    raised: Vec<Alarm>,
    /// When the crew heard the last call.
    call_heard: Option<Moment>,
    /// The ledger has not answered the last intent yet.
    unanswered: bool,
}

type Actions = Vec<Action>;

impl Judge {
    /// A judge that has seen nothing yet. `open` is the intent an earlier run left behind: it is settled by what the
    /// camera shows first.
    pub fn new(settings: Settings, open: Option<u64>, now: Moment) -> Self {
        // A crash may have come at any point of the movement, so it counts as moved.
        let open = open.map(|seq| Open { seq, compartment: None, moved: true, attempt: 0 });
        Self {
            settings,
            state: State::CameraLost { open },
            last_frame_at: now,
            flap_home: false,
            flap_moving: false,
            vetoed: false,
            flap_known: false,
            work: Work::default(),
            raised: Vec::new(),
            call_heard: None,
            unanswered: false,
        }
    }

    /// The state's name.
    pub fn state(&self) -> StateName {
        match &self.state {
            State::CameraLost { .. } => StateName::CameraLost,
            State::Starting { .. } => StateName::Starting,
            State::Empty => StateName::Empty,
            State::Full => StateName::Full,
            State::Arriving { .. } => StateName::Arriving,
            State::Settled { .. } => StateName::Settled,
            State::Decided { .. } => StateName::Decided,
            State::Waiting { .. } | State::Moving { .. } | State::Halting { .. } => StateName::Routing,
            State::Clearing { .. } | State::Retrying { .. } => StateName::Clearing,
            State::Homing { .. } => StateName::Homing,
            State::Returning { .. } | State::Withdrawn { .. } => StateName::Returning,
            State::Jam { .. } => StateName::Jam,
            State::MechanismFault { .. } => StateName::MechanismFault,
            State::LedgerFault { .. } => StateName::LedgerFault,
            State::Maintenance => StateName::Maintenance,
        }
    }

    /// The rules in force, with the compartments as they are now.
    pub fn rules(&self) -> &Rules {
        &self.settings.rules
    }

    /// Decides and waits by other settings from now on; the compartments stay as they are.
    pub fn retune(&mut self, mut settings: Settings) {
        settings.rules.compartments = std::mem::take(&mut self.settings.rules.compartments);
        self.settings = settings;
    }

    /// The votes so far, while an item is being looked at.
    pub fn votes(&self) -> Option<&Votes> {
        if let State::Settled { votes, .. } = &self.state { Some(votes) } else { None }
    }

    /// Since when an item lies there that the resident wants back.
    pub fn withdrawn(&self) -> Option<Moment> {
        if let State::Withdrawn { since, .. } = self.state { Some(since) } else { None }
    }

    /// Alarms that are up.
    pub fn alarms(&self) -> &[Alarm] {
        &self.raised
    }

    /// Whether the classifier should look at this frame before [`Judge::step`].
    pub fn wants_look(&self, presence: &Presence, now: Moment) -> bool {
        let lies_still = !self.vetoed && lies_still(presence);
        match &self.state {
            State::Settled { .. } => lies_still,
            State::Arriving { still_since: Some(since), .. } => {
                lies_still && self.flap_home && now.since(*since) >= self.settings.timing.settle
            }
            _ => false,
        }
    }

    /// Takes one input at `now` and says what to do.
    pub fn step(&mut self, input: Input<'_>, now: Moment) -> Actions {
        let mut actions = Actions::new();
        match input {
            Input::Frame { presence, look } => {
                self.last_frame_at = now;
                self.alarm(Alarm::Camera, false, &mut actions);
                // Whatever a guard sees is a hand, wherever the camera looks.
                let seen = Presence { hand: presence.hand || self.vetoed, ..*presence };
                self.work.see(&seen);
                self.on_frame(&seen, look, now, &mut actions);
            }
            Input::Tick => {}
            Input::IntentRecorded(seq) => self.on_intent(seq, now, &mut actions),
            Input::IntentFailed => {
                self.unanswered = false;
                self.ledger_fault(now, &mut actions);
            }
            Input::Movement(movement) => self.on_movement(movement, now, &mut actions),
            Input::Veto(vetoed) => self.on_veto(vetoed, now, &mut actions),
            Input::Command(command) => self.on_command(command, now, &mut actions),
        }
        self.check_time(now, &mut actions);
        actions
    }

    fn on_frame(&mut self, presence: &Presence, look: Option<&Look>, now: Moment, actions: &mut Actions) {
        // Whatever the state: a flap that moves turns back. Asked again each frame, in case one got lost.
        if self.flap_moving && presence.forbids_movement() {
            actions.push(Action::Halt);
        }
        let state = std::mem::replace(&mut self.state, State::Maintenance);
        self.state = match state {
            State::CameraLost { open } | State::Starting { open } => self.start(open, presence, now, actions),
            State::Empty | State::Full => self.idle(presence, now),
            State::Arriving { since, still_since } => {
                self.arrive(since, still_since, presence, look, now, actions)
            }
            State::Settled { settled_at, votes } => {
                self.vote(settled_at, votes, presence, look, now, actions)
            }
            State::Decided { compartment, disturbed, since } => {
                State::Decided { compartment, disturbed: disturbed || !lies_still(presence), since }
            }
            State::Waiting { open } => self.wait_to_move(open, presence, now, actions),
            state @ (State::Moving { .. } | State::Retrying { .. }) if presence.forbids_movement() => {
                halted(state, now)
            }
            State::Clearing { open, since, empty_since } => {
                self.clear(open, since, empty_since, presence, now, actions)
            }
            State::Homing { asked } => self.go_home(asked, presence, now, actions),
            State::Returning { open, since, empty_since } => {
                self.give_back(open, since, empty_since, presence, now, actions)
            }
            State::Withdrawn { since, touched, still_since, empty_since } => {
                let waited = (since, still_since, empty_since);
                self.hand_back(waited, touched, presence, now, actions)
            }
            State::Jam { open, empty_since } => self.jammed(open, empty_since, presence, now, actions),
            State::MechanismFault { open, next_try, tries } => {
                self.retry_mechanism(open, next_try, tries, presence, now, actions)
            }
            State::LedgerFault { next_try } if now >= next_try => arriving(now),
            State::Maintenance if !self.work.is_on() && !self.flap_moving => State::Starting { open: None },
            State::Maintenance => {
                self.serve(presence, now, actions);
                State::Maintenance
            }
            other => other,
        };
        if matches!(self.state, State::Empty | State::Full) {
            self.alarm(Alarm::Jam, false, actions);
            self.alarm(Alarm::Blocked, false, actions);
        }
    }

    /// The flap has heard of it by itself; the halt is repeated in case it moves for another reason.
    fn on_veto(&mut self, vetoed: bool, now: Moment, actions: &mut Actions) {
        self.vetoed = vetoed;
        if !vetoed {
            return;
        }
        if self.flap_moving {
            actions.push(Action::Halt);
        }
        self.state = halted(std::mem::replace(&mut self.state, State::Maintenance), now);
    }

    fn on_intent(&mut self, seq: u64, now: Moment, actions: &mut Actions) {
        self.unanswered = false;
        self.alarm(Alarm::Ledger, false, actions);
        match self.state {
            State::Decided { compartment, disturbed: false, .. } => {
                self.state = State::Waiting { open: Open { seq, compartment, moved: false, attempt: 0 } };
            }
            State::Decided { .. } => {
                actions.push(Action::Void(seq, VoidCause::Disturbed));
                self.state = arriving(now);
            }
            State::Withdrawn { .. } => actions.push(Action::Void(seq, VoidCause::TakenBack)),
            // The camera was lost or the crew came while it was being written.
            _ => actions.push(Action::Void(seq, VoidCause::Disturbed)),
        }
    }

    fn on_movement(&mut self, movement: Movement, now: Moment, actions: &mut Actions) {
        self.flap_moving = false;
        self.flap_home = match (&self.state, movement) {
            // Every movement to a compartment begins at home.
            (_, Movement::Homed) | (State::Halting { .. } | State::Moving { .. }, Movement::Reversed) => true,
            (State::Homing { .. }, Movement::Reversed) => self.flap_home,
            _ => false,
        };
        if movement == Movement::Homed {
            self.alarm(Alarm::Mechanism, false, actions);
        }
        self.flap_known = movement == Movement::Homed || (self.flap_known && movement != Movement::Failed);
        let state = std::mem::replace(&mut self.state, State::Maintenance);
        self.state = match (state, movement) {
            (State::Moving { open, .. }, Movement::Arrived(at)) if open.compartment == Some(at) => {
                State::Clearing { open, since: now, empty_since: None }
            }
            // A guard may turn it back before this judge has heard of it.
            (State::Moving { open, .. }, Movement::Reversed)
            | (State::Halting { open, .. }, Movement::Reversed | Movement::Homed) => {
                actions.push(Action::Void(open.seq, VoidCause::Hand));
                arriving(now)
            }
            // It got there before the halt did: the hand is in view, so it stays until the hand is gone.
            (State::Halting { open, .. }, Movement::Arrived(_)) => {
                State::Clearing { open, since: now, empty_since: None }
            }
            (State::Retrying { open, .. }, Movement::Homed) => {
                State::Waiting { open: Open { attempt: open.attempt + 1, ..open } }
            }
            (State::Retrying { open, .. }, Movement::Reversed) => {
                State::Clearing { open, since: now, empty_since: None }
            }
            (State::Maintenance, _) => {
                self.served(movement, now, actions);
                State::Maintenance
            }
            (State::Homing { .. }, Movement::Homed) => State::Starting { open: None },
            (State::Homing { .. }, Movement::Reversed) => State::Homing { asked: None },
            (State::MechanismFault { open, .. }, Movement::Homed) => self.end_fault(open, actions),
            (State::MechanismFault { open, tries, .. }, Movement::Failed) => {
                self.fault(open, tries, now, actions)
            }
            (state, Movement::Failed) => self.fault(open_of(&state), 0, now, actions),
            (state, _) => state,
        };
    }

    fn on_command(&mut self, command: Command, now: Moment, actions: &mut Actions) {
        match command {
            Command::Maintenance(on) => self.set_maintenance(on, now),
            Command::Stop => self.stop(actions),
            Command::Turn(target) => self.plan(vec![target], now, actions),
            Command::Tour => self.plan(self.tour(), now, actions),
            Command::Full(id, full) => {
                if let Some(compartment) = self.settings.rules.compartments.get_mut(usize::from(id.0)) {
                    compartment.full = full;
                }
            }
            Command::Disabled(id, disabled) => {
                if let Some(compartment) = self.settings.rules.compartments.get_mut(usize::from(id.0)) {
                    compartment.disabled = disabled;
                }
            }
            Command::TakeBack => self.take_back(now, actions),
            Command::CallCrew => {
                let heard = self.call_heard.map(|at| now.since(at));
                if heard.is_none_or(|since| since >= self.settings.timing.call_again) {
                    self.alarm(Alarm::CrewCalled, true, actions);
                }
            }
            Command::CallHeard => {
                if self.raised.contains(&Alarm::CrewCalled) {
                    self.call_heard = Some(now);
                }
                self.alarm(Alarm::CrewCalled, false, actions);
            }
            Command::Reset => match self.state {
                State::Jam { open, .. } => {
                    self.alarm(Alarm::Jam, false, actions);
                    actions.push(Action::Void(open.seq, VoidCause::Jam));
                    self.state = self.after_jam();
                }
                State::MechanismFault { open, .. } => {
                    self.alarm(Alarm::Jam, false, actions);
                    self.state = State::MechanismFault { open, next_try: now, tries: 0 };
                }
                _ => {}
            },
        }
    }

    /// Limits that hold whatever the camera shows.
    fn check_time(&mut self, now: Moment, actions: &mut Actions) {
        let timing = &self.settings.timing;
        let overdue = match &self.state {
            State::Moving { since, .. } | State::Halting { since, .. } | State::Retrying { since, .. } => {
                now.since(*since) >= timing.move_limit
            }
            State::Homing { asked: Some(asked) } => now.since(*asked) >= timing.move_limit,
            _ => false,
        };
        if overdue {
            actions.push(Action::Halt);
            self.state = self.fault(open_of(&self.state), 0, now, actions);
        }
        self.check_service(now, actions);
        // A ledger that answers later than this is voided when it does.
        if let State::Decided { since, .. } = self.state
            && now.since(since) >= self.settings.timing.move_limit
        {
            self.ledger_fault(now, actions);
        }
        let lost = now.since(self.last_frame_at) >= self.settings.timing.camera_lost_after;
        if lost && !matches!(self.state, State::CameraLost { .. } | State::Maintenance) {
            if self.flap_moving {
                actions.push(Action::Halt);
            }
            self.state = State::CameraLost { open: open_of(&self.state) };
        }
        // What the crew moves stops too, and stays in maintenance.
        if lost && self.flap_moving && matches!(self.state, State::Maintenance) {
            actions.push(Action::Halt);
        }
        if lost {
            self.alarm(Alarm::Camera, true, actions);
        }
    }

    /// Tells the flap to move; from now on it is anywhere.
    fn ask(&mut self, action: Action, actions: &mut Actions) {
        self.flap_moving = true;
        self.flap_home = false;
        actions.push(action);
    }

    fn ledger_fault(&mut self, now: Moment, actions: &mut Actions) {
        self.alarm(Alarm::Ledger, true, actions);
        if matches!(self.state, State::Decided { .. }) {
            self.state = State::LedgerFault { next_try: now + self.settings.timing.fault_retry };
        }
    }

    /// `tries` homings have failed since the fault began.
    fn fault(&mut self, open: Option<Open>, tries: u32, now: Moment, actions: &mut Actions) -> State {
        self.alarm(Alarm::Mechanism, true, actions);
        if tries >= self.settings.fault_retries {
            self.alarm(Alarm::Jam, true, actions);
        }
        self.flap_home = false;
        State::MechanismFault { open, next_try: now + self.settings.timing.fault_retry, tries }
    }

    fn end_fault(&self, open: Option<Open>, actions: &mut Actions) -> State {
        if let Some(open) = open {
            actions.push(Action::Void(open.seq, VoidCause::MechanismFault));
        }
        State::Starting { open: None }
    }

    /// Raises or clears an alarm once.
    fn alarm(&mut self, alarm: Alarm, up: bool, actions: &mut Actions) {
        let is_up = self.raised.contains(&alarm);
        if up && !is_up {
            self.raised.push(alarm);
            actions.push(Action::Alarm(alarm, true));
        } else if !up && is_up {
            self.raised.retain(|raised| *raised != alarm);
            actions.push(Action::Alarm(alarm, false));
        }
    }
}

const fn arriving(now: Moment) -> State {
    State::Arriving { since: now, still_since: None }
}

/// What forbids a movement turns a flap on its way to a compartment back home, and one that was to try again back to
/// the compartment.
fn halted(state: State, now: Moment) -> State {
    match state {
        State::Moving { open, .. } => State::Halting { open, since: now },
        State::Retrying { open, .. } => State::Clearing { open, since: now, empty_since: None },
        other => other,
    }
}

const fn lies_still(presence: &Presence) -> bool {
    presence.is_still() && presence.occupied
}

const fn open_of(state: &State) -> Option<Open> {
    match state {
        State::CameraLost { open } | State::Starting { open } | State::MechanismFault { open, .. } => *open,
        State::Waiting { open }
        | State::Moving { open, .. }
        | State::Halting { open, .. }
        | State::Clearing { open, .. }
        | State::Retrying { open, .. }
        | State::Returning { open, .. }
        | State::Jam { open, .. } => Some(*open),
        _ => None,
    }
}
