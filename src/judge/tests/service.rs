//! The crew at work: what turns the flap by hand, and what does not.

use super::*;

fn in_maintenance() -> World {
    let mut world = World::new();
    world.send(Input::Command(Command::Maintenance(true)), false);
    world.frames(2);
    assert_eq!(world.judge.state(), StateName::Maintenance);
    world
}

fn ask(world: &mut World, command: Command) -> Option<Refusal> {
    world.refused.clear();
    world.send(Input::Command(command), false);
    world.refused.pop()
}

fn turn(world: &mut World, to: u8) -> Option<Refusal> {
    ask(world, Command::Turn(Some(CompartmentId(to))))
}

fn legs(world: &World) -> Vec<(Option<u8>, LegEnd)> {
    let service = world.judge.service().unwrap();
    service.legs.iter().map(|leg| (leg.to.map(|id| id.0), leg.end)).collect()
}

#[test]
fn the_flap_turns_where_it_is_asked_to_and_nowhere_else() {
    let mut world = in_maintenance();
    assert_eq!(turn(&mut world, 2), None);
    assert_eq!(world.flap, Flap::At(None), "a word alone moves nothing");
    world.frame();
    assert_eq!(turn(&mut world, 1), Some(Refusal::Busy));
    world.seconds(1);
    assert_eq!(world.flap, Flap::At(Some(CompartmentId(2))));
    assert_eq!(legs(&world), [(Some(2), LegEnd::Arrived)]);
    world.seconds(5);
    assert_eq!(world.flap, Flap::At(Some(CompartmentId(2))), "and stays there");
    assert_eq!(turn(&mut world, 9), Some(Refusal::NoSuchCompartment));
    world.send(Input::Command(Command::Maintenance(false)), false);
    world.seconds(2);
    assert_eq!((world.judge.state(), world.flap), (StateName::Empty, Flap::At(None)), "home before it sorts");
    assert_eq!(turn(&mut world, 2), Some(Refusal::NotInMaintenance));
}

#[test]
fn a_tour_visits_every_compartment_from_home_and_times_it() {
    let mut world = in_maintenance();
    assert_eq!(ask(&mut world, Command::Tour), None);
    world.seconds(6);
    let there = |to| (to, LegEnd::Arrived);
    let tour = [None, Some(0), None, Some(1), None, Some(2), None].map(there);
    assert_eq!(legs(&world), tour);
    let service = world.judge.service().unwrap();
    assert_eq!(service.to_go, 0);
    let second = service.legs[1].took;
    assert!(second >= 12 * FRAME && second <= 15 * FRAME, "{second:?}");
}

#[test]
fn hands_movement_guards_and_darkness_refuse_it_and_turn_it_back() {
    let mut world = in_maintenance();
    world.hand = true;
    world.frame();
    assert_eq!(turn(&mut world, 0), Some(Refusal::HandSeen));
    world.hand = false;
    world.moving_frames = 5;
    world.frame();
    assert_eq!(turn(&mut world, 0), Some(Refusal::NotStill));
    world.frames(6);
    world.veto(true);
    assert_eq!(turn(&mut world, 0), Some(Refusal::Guarded));
    world.veto(false);
    world.now = world.now + Duration::from_secs(2);
    assert_eq!(turn(&mut world, 0), Some(Refusal::NoPicture));
    world.frame();

    assert_eq!(ask(&mut world, Command::Tour), None);
    world.frames(20);
    world.hand = true;
    world.seconds(1);
    world.hand = false;
    world.seconds(3);
    assert_eq!(legs(&world).last().unwrap().1, LegEnd::TurnedBack);
    assert_eq!(world.judge.service().unwrap().to_go, 0, "the rest of the tour is forgotten");

    assert_eq!(ask(&mut world, Command::Turn(None)), None);
    world.hand = true;
    world.seconds(3);
    assert_eq!(legs(&world), [(None, LegEnd::Prevented)], "a hand came before it began");
}

#[test]
fn a_flap_that_fails_waits_for_home_and_never_tries_by_itself() {
    let mut world = in_maintenance();
    world.flap_stuck = true;
    assert_eq!(turn(&mut world, 0), None);
    world.seconds(1);
    assert_eq!(legs(&world), [(Some(0), LegEnd::Failed)]);
    assert_eq!(world.judge.alarms(), [Alarm::Mechanism]);
    world.flap_stuck = false;
    world.seconds(30);
    assert_eq!(legs(&world).len(), 1, "nothing moved by itself");
    assert_eq!(turn(&mut world, 0), Some(Refusal::NotHomed));
    assert_eq!(ask(&mut world, Command::Turn(None)), None);
    world.seconds(1);
    assert!(world.judge.alarms().is_empty());
    assert_eq!(turn(&mut world, 0), None);
}

#[test]
fn maintenance_ends_a_fault_and_a_jam_without_a_movement() {
    for stuck in [true, false] {
        let mut world = World::new();
        (world.flap_stuck, world.item_sticks) = (stuck, !stuck);
        world.drop_item();
        world.seconds(8);
        let state = if stuck { StateName::MechanismFault } else { StateName::Jam };
        assert_eq!(world.judge.state(), state);
        world.send(Input::Command(Command::Maintenance(true)), false);
        world.seconds(30);
        assert_eq!((world.judge.state(), world.open), (StateName::Maintenance, None));
        assert!(!matches!(world.flap, Flap::Going { .. }));
        (world.flap_stuck, world.item_sticks) = (false, false);
        world.send(Input::Command(Command::Maintenance(false)), false);
        world.seconds(8);
        assert_eq!((world.judge.state(), world.confirmed.len()), (StateName::Empty, 1), "judged anew");
    }
}

#[test]
fn maintenance_ends_by_itself_after_the_last_thing_asked_for() {
    let mut world = in_maintenance();
    let limit = settings().timing.maintenance;
    let skip = |world: &mut World, time: Duration| {
        world.now = world.now + time;
        world.looked_at = world.now;
        world.frames(2);
    };
    skip(&mut world, limit - Duration::from_secs(60));
    assert_eq!(turn(&mut world, 0), None, "asking for something begins the time anew");
    world.seconds(2);
    skip(&mut world, limit - Duration::from_secs(60));
    assert_eq!(world.judge.state(), StateName::Maintenance);
    skip(&mut world, Duration::from_secs(61));
    world.seconds(2);
    assert_eq!((world.judge.state(), world.flap), (StateName::Empty, Flap::At(None)));
}
