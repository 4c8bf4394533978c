//! Whatever may happen, in any order.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Event {
    Drop,
    TakeAway,
    Hand(bool),
    Stir(u32),
    Light(bool),
    FlapStuck(bool),
    LedgerBroken(bool),
    LedgerSlow(bool),
    Sticks(bool),
    CameraGone(u64),
    Reset,
    Maintenance(bool),
    Turn(Option<u8>),
    Tour,
    Stop,
    Veto(bool),
    TakeBack,
    Call(bool),
    Pass(u32),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => Just(Event::Drop),
        1 => Just(Event::TakeAway),
        2 => any::<bool>().prop_map(Event::Hand),
        1 => (1u32..40).prop_map(Event::Stir),
        1 => any::<bool>().prop_map(Event::Light),
        1 => any::<bool>().prop_map(Event::FlapStuck),
        1 => any::<bool>().prop_map(Event::LedgerBroken),
        1 => any::<bool>().prop_map(Event::LedgerSlow),
        1 => any::<bool>().prop_map(Event::Sticks),
        1 => (100u64..3000).prop_map(Event::CameraGone),
        1 => Just(Event::Reset),
        1 => any::<bool>().prop_map(Event::Maintenance),
        2 => prop::option::of(0u8..4).prop_map(Event::Turn),
        1 => Just(Event::Tour),
        1 => Just(Event::Stop),
        2 => any::<bool>().prop_map(Event::Veto),
        2 => Just(Event::TakeBack),
        1 => any::<bool>().prop_map(Event::Call),
        8 => (1u32..60).prop_map(Event::Pass),
    ]
}

fn happen(world: &mut World, event: &Event) {
    match *event {
        Event::Drop if !world.item => world.drop_item(),
        Event::TakeAway if world.item => {
            world.item = false;
            world.moving_frames = 3;
        }
        Event::Drop | Event::TakeAway => {}
        Event::Hand(hand) => world.hand = hand,
        Event::Stir(frames) => world.moving_frames = frames,
        Event::Light(off) => world.light_off = off,
        Event::FlapStuck(stuck) => world.flap_stuck = stuck,
        Event::LedgerBroken(broken) => world.ledger_broken = broken,
        Event::LedgerSlow(slow) => world.ledger_slow = slow,
        Event::Sticks(sticks) => world.item_sticks = sticks,
        Event::CameraGone(millis) => {
            world.now = world.now + Duration::from_millis(millis);
            world.send(Input::Tick, false);
        }
        Event::Reset => world.send(Input::Command(Command::Reset), false),
        Event::Maintenance(on) => world.send(Input::Command(Command::Maintenance(on)), false),
        Event::Turn(to) => {
            world.send(Input::Command(Command::Turn(to.map(CompartmentId))), false);
        }
        Event::Stop => world.send(Input::Command(Command::Stop), false),
        Event::Tour => world.send(Input::Command(Command::Tour), false),
        Event::Veto(on) => world.veto(on),
        Event::TakeBack => world.take_back(),
        Event::Call(heard) => {
            let command = if heard { Command::CallHeard } else { Command::CallCrew };
            world.send(Input::Command(command), false);
        }
        Event::Pass(frames) => world.frames(frames),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Whatever happens, `World::send` checks: no movement while a hand is in view or anything moves, no verdict
    /// without a settled item, no two open drops; and once everything works again, every state leaves in bounded time.
    #[test]
    fn nothing_that_happens_breaks_an_invariant(events in prop::collection::vec(event(), 1..60)) {
        let mut world = World::new();
        for event in &events {
            happen(&mut world, event);
        }
        world.send(Input::Command(Command::Maintenance(false)), false);
        world.veto(false);
        world.send(Input::Command(Command::CallHeard), false);
        (world.hand, world.light_off, world.flap_stuck) = (false, false, false);
        (world.ledger_broken, world.ledger_slow) = (false, false);
        (world.item_sticks, world.moving_frames) = (false, 0);
        let open_before = world.open;
        world.seconds(30);
        if matches!(world.judge.state(), StateName::Jam | StateName::MechanismFault) {
            // A jam waits for a person, and so does a flap that failed too often.
            world.item &= world.judge.state() == StateName::MechanismFault;
            world.send(Input::Command(Command::Reset), false);
        }
        world.seconds(10);
        prop_assert_eq!(world.judge.state(), StateName::Empty, "after {:?} with {:?}", events, open_before);
        prop_assert!(!world.item, "an item lies there unsorted");
        prop_assert!(world.open.is_none());
        let confirmed_before = world.confirmed.len();
        world.drop_item();
        world.seconds(4);
        prop_assert_eq!(world.confirmed.len(), confirmed_before + 1, "the bin must work again");
        prop_assert!(world.judge.alarms().is_empty(), "{:?}", world.judge.alarms());
        // One drop per item: what fell was confirmed, unless a person or a fault was in the way.
        let excused = world.voided.len() as u32 + world.unseen_swaps + world.slipped;
        let confirmed = world.confirmed.len() as u32;
        prop_assert!(confirmed <= world.fell + taken(&events), "counted more than there was");
        prop_assert!(confirmed + excused >= world.fell, "an item fell and nobody wrote it down");
    }

    /// Without faults or hands, every item that is dropped is counted, exactly once.
    #[test]
    fn undisturbed_items_are_each_counted_once(pauses in prop::collection::vec(0u32..30, 1..8)) {
        let mut world = World::new();
        for (index, pause) in pauses.iter().enumerate() {
            world.drop_item();
            world.seconds(3);
            world.frames(*pause);
            prop_assert_eq!(world.confirmed.len(), index + 1);
        }
        prop_assert_eq!(world.fell as usize, pauses.len());
        prop_assert!(world.voided.is_empty());
    }
}

fn taken(events: &[Event]) -> u32 {
    let by_hand = events.iter().filter(|event| matches!(event, Event::TakeAway | Event::Drop));
    by_hand.count() as u32
}
