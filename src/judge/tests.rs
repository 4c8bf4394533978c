//! Stories of single items, and a random world that must never break an invariant.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::clock::Moment;
use crate::detect::{MAX_OBJECTS, Presence};
use crate::identify::Identified;
use crate::streams::Stream;

mod button;
mod random;
mod service;

const FRAME: Duration = Duration::from_millis(33);

fn settings() -> Settings {
    let compartments = [Stream::ClearPet, Stream::Can, Stream::General].map(|stream| Compartment {
        stream,
        full: false,
        disabled: false,
    });
    Settings {
        rules: Rules {
            cost: cost_table(1.0, 8.0, 10.0),
            thresholds: [0.6; Stream::COUNT],
            energy_limit: 0.0,
            votes_least: 3,
            votes_most: 10,
            compartments: compartments.to_vec(),
        },
        timing: Timing::default(),
        retries: 1,
        fault_retries: 3,
        labels: Stream::ALL.map(|stream| Arc::from(stream.id())).to_vec(),
    }
}

fn can() -> Look {
    let mut streams = [0.0; Stream::COUNT];
    streams[Stream::Can.index()] = 0.98;
    streams[Stream::General.index()] = 0.02;
    let whole =
        Identified { streams, unknown: 0.0, label: Stream::Can.index(), probability: 0.98, energy: -5.0 };
    Look { whole, objects: [None; MAX_OBJECTS] }
}

/// What the flap is doing in the little world.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Flap {
    At(Option<CompartmentId>),
    Going { from: Option<CompartmentId>, to: Option<CompartmentId>, frames_left: u32, reversed: bool },
}

/// A chamber, a flap, a ledger, and books about what physically happened.
struct World {
    judge: Judge,
    now: Moment,
    item: bool,
    hand: bool,
    moving_frames: u32,
    light_off: bool,
    vetoed: bool,
    flap: Flap,
    flap_stuck: bool,
    ledger_broken: bool,
    ledger_slow: bool,
    item_sticks: bool,
    next_seq: u64,
    open: Option<u64>,
    pending_intent: bool,
    fell: u32,
    /// Items thrown in before the camera could see that the last one had gone: nobody can tell those apart.
    unseen_swaps: u32,
    slipped: u32,
    seen_empty: bool,
    confirmed: Vec<u64>,
    refused: Vec<Refusal>,
    voided: Vec<(u64, VoidCause)>,
    still_for: Duration,
    looked_at: Moment,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            judge: Judge::new(settings(), None, Moment::from_millis(0)),
            now: Moment::from_millis(0),
            item: false,
            hand: false,
            moving_frames: 0,
            light_off: false,
            vetoed: false,
            flap: Flap::At(None),
            flap_stuck: false,
            ledger_broken: false,
            ledger_slow: false,
            item_sticks: false,
            next_seq: 1,
            open: None,
            pending_intent: false,
            fell: 0,
            unseen_swaps: 0,
            slipped: 0,
            seen_empty: true,
            confirmed: Vec::new(),
            refused: Vec::new(),
            voided: Vec::new(),
            still_for: Duration::ZERO,
            looked_at: Moment::from_millis(0),
        };
        world.send(Input::Movement(Movement::Homed), false);
        world.frames(3);
        assert_eq!(world.judge.state(), StateName::Empty);
        world
    }

    fn presence(&self) -> Presence {
        let light = if self.light_off { crate::detect::Light::Dark } else { crate::detect::Light::Steady };
        Presence {
            captured_at: self.now,
            occupied: self.item || self.hand,
            moving: self.moving_frames > 0,
            hand: self.hand,
            light,
            ..Presence::default()
        }
    }

    /// Sends one input and carries out what comes back, checking the invariants on the way.
    fn send(&mut self, input: Input<'_>, still_frame: bool) {
        let state_before = self.judge.state();
        let actions = self.judge.step(input, self.now);
        let hand_on_the_move = self.hand && matches!(self.flap, Flap::Going { reversed: false, .. });
        if hand_on_the_move && matches!(input, Input::Frame { .. }) {
            assert!(
                actions.contains(&Action::Halt),
                "a hand during a movement must halt it, in {state_before:?}"
            );
        }
        if let (Input::Veto(true), Flap::Going { reversed: false, .. }) = (input, self.flap) {
            assert!(actions.contains(&Action::Halt), "a guard must halt a movement, in {state_before:?}");
        }
        if matches!(input, Input::Command(Command::TakeBack | Command::CallCrew | Command::CallHeard)) {
            // A halt may be due at any time, whatever came.
            let moves = |action: &Action| matches!(action, Action::Move(_) | Action::Home);
            assert!(!actions.iter().any(moves), "a button moved the flap: {actions:?}");
        }
        for action in actions {
            match action {
                Action::Move(_) | Action::Home if self.vetoed => panic!("moved in spite of a guard"),
                Action::Move(to) if state_before == StateName::Maintenance => {
                    assert!(still_frame && !self.hand, "moved by hand without a still picture");
                    self.go(Some(to));
                }
                Action::Move(to) => {
                    assert!(still_frame && !self.hand && self.item, "moved without a still item in view");
                    assert!(self.open.is_some(), "moved before the intent was on disk");
                    self.go(Some(to));
                }
                Action::Home => {
                    assert!(still_frame && !self.hand, "went home without a still picture");
                    self.go(None);
                }
                Action::Halt => {
                    if let Flap::Going { from, to, frames_left, reversed: false } = self.flap {
                        let frames_left = 13 - frames_left.min(12);
                        self.flap = Flap::Going { from: to, to: from, frames_left, reversed: true };
                    }
                }
                Action::RecordIntent(verdict) => {
                    assert!(still_frame && self.item, "a verdict without a settled item");
                    assert!(self.still_for >= settings().timing.settle, "a verdict before the item settled");
                    assert!(self.open.is_none() && !self.pending_intent, "two verdicts at once");
                    assert!(verdict.votes >= 1);
                    self.pending_intent = true;
                }
                Action::Confirm(seq) => {
                    assert_eq!(self.open.take(), Some(seq), "confirmed what was not open");
                    self.confirmed.push(seq);
                }
                Action::Void(seq, cause) => {
                    assert_eq!(self.open.take(), Some(seq), "voided what was not open");
                    self.voided.push((seq, cause));
                }
                Action::Alarm(..) => {}
                Action::Refuse(refusal) => self.refused.push(refusal),
            }
        }
    }

    fn go(&mut self, to: Option<CompartmentId>) {
        let from = match self.flap {
            Flap::At(at) => at,
            Flap::Going { to, .. } => to,
        };
        self.flap = Flap::Going { from, to, frames_left: 12, reversed: false };
    }

    /// One frame: the world moves on, the camera looks.
    fn frame(&mut self) {
        self.now = self.now + FRAME;
        self.moving_frames = self.moving_frames.saturating_sub(1);
        self.move_flap();
        if self.pending_intent && !self.ledger_slow {
            self.pending_intent = false;
            if self.ledger_broken {
                self.send(Input::IntentFailed, false);
            } else {
                let seq = self.next_seq;
                self.next_seq += 1;
                self.open = Some(seq);
                self.send(Input::IntentRecorded(seq), false);
            }
        }
        let presence = self.presence();
        let still = presence.is_still();
        self.seen_empty |= !presence.occupied && !presence.forbids_movement();
        let passed = self.now.since(self.looked_at);
        self.looked_at = self.now;
        self.still_for = if still { self.still_for + passed } else { Duration::ZERO };
        let look = self.judge.wants_look(&presence, self.now).then(can);
        assert!(look.is_none() || (still && self.item), "classified something that moves");
        self.send(Input::Frame { presence: &presence, look: look.as_ref() }, still);
    }

    fn move_flap(&mut self) {
        let Flap::Going { to, frames_left, reversed, from } = self.flap else { return };
        if frames_left > 0 {
            self.flap = Flap::Going { from, to, frames_left: frames_left - 1, reversed };
            return;
        }
        if self.flap_stuck {
            self.flap = Flap::At(None);
            self.send(Input::Movement(Movement::Failed), false);
            return;
        }
        self.flap = Flap::At(to);
        let movement = match (reversed, to) {
            (true, _) => Movement::Reversed,
            (false, Some(compartment)) => Movement::Arrived(compartment),
            (false, None) => Movement::Homed,
        };
        if to.is_some() && self.item && !self.hand && !self.item_sticks {
            self.item = false;
            self.moving_frames = 3;
            // Thrown onto an open flap that a hand kept open: it slips through, and nothing was judged.
            self.slipped += u32::from(self.open.is_none());
            self.fell += 1;
            self.seen_empty = false;
        }
        self.send(Input::Movement(movement), false);
    }

    fn frames(&mut self, count: u32) {
        for _ in 0..count {
            self.frame();
        }
    }

    fn veto(&mut self, vetoed: bool) {
        self.vetoed = vetoed;
        self.send(Input::Veto(vetoed), false);
    }

    fn drop_item(&mut self) {
        self.unseen_swaps += u32::from(!self.seen_empty);
        self.seen_empty = true;
        self.item = true;
        self.moving_frames = 4;
    }

    fn seconds(&mut self, seconds: u32) {
        self.frames(seconds * 30);
    }
}

#[test]
fn an_item_is_sorted_and_counted_once() {
    let mut world = World::new();
    world.drop_item();
    world.seconds(4);
    assert_eq!((world.fell, world.confirmed.as_slice(), world.voided.len()), (1, &[1][..], 0));
    assert_eq!(world.judge.state(), StateName::Empty);
    assert_eq!(world.flap, Flap::At(None));
}

#[test]
fn a_hand_holds_everything_and_turns_a_moving_flap_back() {
    let mut world = World::new();
    world.item = true;
    world.hand = true;
    world.seconds(5);
    assert_eq!(world.judge.state(), StateName::Arriving, "a resting hand is still a hand");
    world.hand = false;
    while !matches!(world.flap, Flap::Going { .. }) {
        world.frame();
    }
    world.hand = true;
    world.seconds(2);
    assert_eq!(world.flap, Flap::At(None), "turned back");
    assert_eq!((world.fell, world.voided.as_slice()), (0, &[(1, VoidCause::Hand)][..]));
    world.hand = false;
    world.seconds(4);
    assert_eq!((world.fell, world.confirmed.as_slice()), (1, &[2][..]), "judged anew, counted once");
}

#[test]
fn an_item_taken_back_in_time_is_not_counted() {
    let mut world = World::new();
    world.drop_item();
    while world.judge.state() != StateName::Settled {
        world.frame();
    }
    world.item = false;
    world.moving_frames = 2;
    world.seconds(2);
    assert_eq!((world.fell, world.confirmed.len(), world.judge.state()), (0, 0, StateName::Empty));
}

#[test]
fn an_item_that_sticks_is_retried_then_a_jam_that_never_counts() {
    let mut world = World::new();
    world.item_sticks = true;
    world.drop_item();
    world.seconds(12);
    assert_eq!(world.judge.state(), StateName::Jam);
    assert_eq!(world.judge.alarms(), [Alarm::Jam]);
    world.item = false;
    world.moving_frames = 3;
    world.seconds(5);
    assert_eq!((world.confirmed.len(), world.voided.as_slice()), (0, &[(1, VoidCause::Jam)][..]));
    assert_eq!((world.judge.state(), world.judge.alarms()), (StateName::Empty, &[][..]));
}

#[test]
fn an_item_thrown_after_another_is_judged_for_itself() {
    let mut world = World::new();
    world.drop_item();
    while world.fell == 0 {
        world.frame();
    }
    world.drop_item();
    world.seconds(6);
    assert_eq!((world.fell, world.confirmed.as_slice(), world.voided.len()), (2, &[1, 2][..], 0));
}

#[test]
fn a_stuck_flap_is_a_fault_until_it_moves_again() {
    let mut world = World::new();
    world.flap_stuck = true;
    world.drop_item();
    world.seconds(5);
    assert_eq!(
        (world.judge.state(), world.judge.alarms()),
        (StateName::MechanismFault, &[Alarm::Mechanism][..])
    );
    world.flap_stuck = false;
    world.seconds(20);
    assert_eq!((world.fell, world.confirmed.len(), world.judge.state()), (1, 1, StateName::Empty));
    assert_eq!(world.voided, [(1, VoidCause::MechanismFault)]);
}

#[test]
fn a_flap_that_stays_stuck_is_a_jam_until_a_person_comes() {
    let mut world = World::new();
    world.flap_stuck = true;
    world.drop_item();
    world.seconds(60);
    assert_eq!(world.judge.state(), StateName::MechanismFault);
    assert_eq!(world.judge.alarms(), [Alarm::Mechanism, Alarm::Jam]);
    world.flap_stuck = false;
    world.seconds(60);
    assert_eq!(world.judge.state(), StateName::MechanismFault, "three tries, and no more");
    world.send(Input::Command(Command::Reset), false);
    world.seconds(6);
    assert_eq!((world.fell, world.confirmed.len(), world.judge.alarms()), (1, 1, &[][..]));
}

#[test]
fn a_guard_turns_a_moving_flap_back_and_nothing_moves_until_it_is_clear() {
    let mut world = World::new();
    world.drop_item();
    while !matches!(world.flap, Flap::Going { .. }) {
        world.frame();
    }
    world.veto(true);
    assert!(matches!(world.flap, Flap::Going { reversed: true, .. }), "without waiting for a frame");
    world.seconds(5);
    assert_eq!((world.flap, world.judge.state()), (Flap::At(None), StateName::Arriving));
    assert_eq!((world.fell, world.voided.as_slice()), (0, &[(1, VoidCause::Hand)][..]));
    world.veto(false);
    world.seconds(4);
    assert_eq!((world.fell, world.confirmed.as_slice()), (1, &[2][..]), "judged anew, counted once");
}

#[test]
fn a_flap_that_obeyed_a_guard_first_is_no_fault() {
    let mut world = World::new();
    world.drop_item();
    while !matches!(world.flap, Flap::Going { .. }) {
        world.frame();
    }
    // The flap was faster than the message.
    world.flap = Flap::At(None);
    world.send(Input::Movement(Movement::Reversed), false);
    world.veto(true);
    world.seconds(3);
    world.veto(false);
    world.seconds(5);
    assert_eq!(
        (world.voided.as_slice(), world.confirmed.as_slice()),
        (&[(1, VoidCause::Hand)][..], &[2][..])
    );
    assert!(world.judge.alarms().is_empty());
}

#[test]
fn a_full_disk_moves_nothing_and_loses_nothing() {
    let mut world = World::new();
    world.ledger_broken = true;
    world.drop_item();
    world.seconds(5);
    assert_eq!((world.judge.state(), world.judge.alarms()), (StateName::LedgerFault, &[Alarm::Ledger][..]));
    assert_eq!((world.fell, world.flap), (0, Flap::At(None)));
    world.ledger_broken = false;
    world.seconds(15);
    assert_eq!((world.fell, world.confirmed.len(), world.judge.alarms()), (1, 1, &[][..]));
}

#[test]
fn an_answer_that_comes_late_is_never_taken_for_the_next_item() {
    let mut world = World::item_until(StateName::Settled);
    world.ledger_slow = true;
    while !world.pending_intent {
        world.frame();
    }
    world.now = world.now + Duration::from_millis(1100);
    world.send(Input::Tick, false);
    assert_eq!(world.judge.state(), StateName::CameraLost);
    world.seconds(20);
    assert_eq!(world.judge.state(), StateName::Settled, "the next verdict waits for the answer to the last");
    world.ledger_slow = false;
    world.frame();
    assert_eq!((world.voided.as_slice(), world.flap), (&[(1, VoidCause::Disturbed)][..], Flap::At(None)));
    world.seconds(4);
    assert_eq!((world.fell, world.confirmed.as_slice()), (1, &[2][..]), "judged anew, counted once");
}

#[test]
fn an_intent_left_by_a_crash_is_settled_by_what_the_camera_shows() {
    for (item, confirmed, voided) in [(false, 1, 0), (true, 0, 1)] {
        let mut world = World::new();
        world.judge = Judge::new(settings(), Some(1), world.now);
        world.next_seq = 2;
        world.open = Some(1);
        world.item = item;
        world.send(Input::Movement(Movement::Homed), false);
        world.frames(2);
        assert_eq!((world.confirmed.len(), world.voided.len()), (confirmed, voided), "item there: {item}");
        world.seconds(4);
        assert_eq!(world.fell, u32::from(item), "what still lay there is judged anew");
    }
}

#[test]
fn without_a_reject_compartment_the_item_is_given_back() {
    let mut world = World::new();
    world.send(Input::Command(Command::Full(CompartmentId(1), true)), false);
    world.send(Input::Command(Command::Disabled(CompartmentId(2), true)), false);
    world.drop_item();
    world.seconds(3);
    assert_eq!((world.judge.state(), world.flap), (StateName::Returning, Flap::At(None)));
    world.item = false;
    world.hand = true;
    world.frames(10);
    world.hand = false;
    world.seconds(1);
    assert_eq!((world.judge.state(), world.confirmed.len()), (StateName::Empty, 1));
    world.send(Input::Command(Command::Full(CompartmentId(0), true)), false);
    world.frames(2);
    assert_eq!(world.judge.state(), StateName::Full);
}

#[test]
fn a_lost_camera_stops_everything_and_comes_back() {
    let mut world = World::new();
    world.drop_item();
    while !matches!(world.flap, Flap::Going { .. }) {
        world.frame();
    }
    world.now = world.now + Duration::from_millis(1100);
    world.send(Input::Tick, false);
    assert_eq!((world.judge.state(), world.judge.alarms()), (StateName::CameraLost, &[Alarm::Camera][..]));
    assert!(matches!(world.flap, Flap::Going { reversed: true, .. }));
    world.seconds(5);
    assert_eq!((world.fell, world.confirmed.len(), world.judge.alarms()), (1, 1, &[][..]));
}

#[test]
fn maintenance_waits_for_the_item_and_then_ignores_the_chamber() {
    let mut world = World::new();
    world.drop_item();
    while world.judge.state() != StateName::Routing {
        world.frame();
    }
    world.send(Input::Command(Command::Maintenance(true)), false);
    world.seconds(4);
    assert_eq!((world.judge.state(), world.confirmed.len()), (StateName::Maintenance, 1));
    world.drop_item();
    world.seconds(4);
    assert_eq!((world.judge.state(), world.fell), (StateName::Maintenance, 1));
    world.send(Input::Command(Command::Maintenance(false)), false);
    world.seconds(4);
    assert_eq!((world.judge.state(), world.fell, world.confirmed.len()), (StateName::Empty, 2, 2));
}
