//! The resident's button: back, or a call; never a movement.

use super::*;

impl World {
    pub(super) fn take_back(&mut self) {
        let before = self.judge.state();
        let had_moved = matches!(self.flap, Flap::Going { .. } | Flap::At(Some(_)));
        let voided = self.voided.len();
        self.send(Input::Command(Command::TakeBack), false);
        let withdrawn = self.judge.withdrawn() == Some(self.now);
        assert!(!had_moved || self.voided.len() == voided, "taken back while the flap moved for it");
        if withdrawn && before != StateName::Returning {
            let early = [StateName::Arriving, StateName::Settled, StateName::Decided, StateName::Routing];
            assert!(early.contains(&before), "heard in {before:?}");
        }
    }

    /// An item, until the judge is in this state.
    pub(super) fn item_until(state: StateName) -> Self {
        let mut world = Self::new();
        world.drop_item();
        while world.judge.state() != state {
            world.frame();
        }
        world
    }

    fn take_it_out(&mut self) {
        self.hand = true;
        self.frames(15);
        (self.item, self.hand, self.moving_frames) = (false, false, 2);
        self.seconds(1);
    }
}

#[test]
fn before_the_flap_moves_the_item_stays_and_is_taken_back() {
    for state in [StateName::Arriving, StateName::Settled, StateName::Decided] {
        let mut world = World::item_until(state);
        world.take_back();
        assert_eq!(world.judge.state(), StateName::Returning, "{state:?}");
        world.seconds(5);
        assert_eq!((world.judge.state(), world.flap, world.fell), (StateName::Returning, Flap::At(None), 0));
        world.take_it_out();
        assert_eq!((world.judge.state(), world.confirmed.len()), (StateName::Empty, 0), "{state:?}");
        // What was decided already is void; the rest was never written.
        let decided = state == StateName::Decided;
        assert_eq!(world.voided, [(1, VoidCause::TakenBack)][..usize::from(decided)], "{state:?}");
        assert!(world.judge.alarms().is_empty());
    }
}

#[test]
fn a_verdict_on_disk_is_void_as_taken_back() {
    let mut world = World::item_until(StateName::Decided);
    world.pending_intent = false;
    (world.open, world.next_seq) = (Some(1), 2);
    world.send(Input::IntentRecorded(1), false);
    assert_eq!((world.judge.state(), world.flap), (StateName::Routing, Flap::At(None)));
    world.take_back();
    assert_eq!(world.voided, [(1, VoidCause::TakenBack)]);
    world.take_it_out();
    assert_eq!((world.judge.state(), world.confirmed.len()), (StateName::Empty, 0));
}

#[test]
fn once_the_flap_moves_and_in_an_empty_chamber_it_is_not_heard() {
    let mut world = World::item_until(StateName::Settled);
    while !matches!(world.flap, Flap::Going { .. }) {
        world.frame();
    }
    for _ in 0..200 {
        world.take_back();
        world.frame();
    }
    assert_eq!((world.fell, world.confirmed.as_slice(), world.voided.len()), (1, &[1][..], 0));
    assert_eq!(world.judge.state(), StateName::Empty);
    world.take_back();
    assert_eq!(world.judge.state(), StateName::Empty);
}

#[test]
fn whoever_leaves_it_lying_has_thought_better_of_it() {
    let mut world = World::item_until(StateName::Settled);
    world.take_back();
    world.seconds(29);
    assert_eq!(world.judge.state(), StateName::Returning);
    world.seconds(6);
    assert_eq!((world.fell, world.confirmed.len()), (1, 1), "nobody touched it: judged anew");
    let mut world = World::item_until(StateName::Settled);
    world.take_back();
    world.hand = true;
    world.frames(20);
    world.hand = false;
    world.seconds(7);
    assert_eq!((world.fell, world.confirmed.len()), (1, 1), "put back: judged anew");
}

#[test]
fn a_call_is_raised_once_and_not_anew_for_a_while_after_it_was_heard() {
    let mut world = World::new();
    let call = |world: &mut World, command| world.send(Input::Command(command), false);
    for _ in 0..3 {
        call(&mut world, Command::CallCrew);
    }
    assert_eq!(world.judge.alarms(), [Alarm::CrewCalled]);
    world.drop_item();
    world.seconds(4);
    assert_eq!((world.fell, world.judge.alarms()), (1, &[Alarm::CrewCalled][..]), "sorting goes on");
    call(&mut world, Command::CallHeard);
    assert!(world.judge.alarms().is_empty());
    call(&mut world, Command::CallCrew);
    assert!(world.judge.alarms().is_empty(), "they are on their way");
    world.now = world.now + settings().timing.call_again;
    call(&mut world, Command::CallHeard);
    call(&mut world, Command::CallCrew);
    assert_eq!(world.judge.alarms().last(), Some(&Alarm::CrewCalled));
}
