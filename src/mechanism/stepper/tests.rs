//! The stepper against a carousel that counts its pulses. Simulated time passes as fast as the pulse thread runs.

use std::collections::HashMap;

use proptest::prelude::*;

use super::super::lines::{Bias, LineId};
use super::super::model::{Body, Model};
use super::super::{FlapState, Request, Settings, Stage};
use super::*;
use crate::clock::{SimClock, SystemClock};
use crate::judge::{CompartmentId, Movement};

const TURN: i64 = 1_200;
/// The switch is active over this many steps.
const WINDOW: i64 = 12;

struct Carousel {
    at: i64,
    /// Held: pulses do nothing.
    stuck: bool,
    dead_switch: bool,
}

impl Body for Carousel {
    fn pass(&mut self, _outputs: Levels, _step: Duration) {}

    fn inputs(&self) -> Levels {
        let at = (self.at + WINDOW / 2).rem_euclid(TURN);
        if at < WINDOW && !self.dead_switch { HOME } else { 0 }
    }

    fn check(&mut self, before: Levels, after: Levels) {
        assert!(after & STEP == 0 || after & ENABLE != 0, "a pulse without current: {after:b}");
        let turned = (before ^ after) & DIRECTION != 0;
        assert!(!turned || (before | after) & STEP == 0, "turned round during a pulse");
        if before & STEP == 0 && after & STEP != 0 && !self.stuck {
            self.at += if after & DIRECTION != 0 { 1 } else { -1 };
        }
    }
}

struct Rig {
    stage: Stage,
    model: Model<Carousel>,
    clock: Arc<SimClock>,
    reports: Vec<Movement>,
}

/// Real time after which a test has failed.
const PATIENCE: Duration = Duration::from_secs(30);

impl Rig {
    fn new(at: i64) -> Self {
        let id = |name: &str| LineId::Named { chip: None, name: name.to_owned() };
        let output = |name: &str| Output { role: name.to_owned(), id: id(name), active_low: false };
        let places = (0u8..6).map(|place| (Place::At(CompartmentId(place)), 60.0 * f32::from(place)));
        let angles: HashMap<_, _> = places.chain([(Place::Home, 0.0)]).collect();
        let home_switch = Input {
            role: "home".to_owned(),
            id: id("home"),
            active_low: false,
            bias: Bias::AsIs,
            debounce: Duration::ZERO,
        };
        let settings = StepperSettings {
            enable: output("enable"),
            direction: output("direction"),
            step: output("step"),
            home_switch,
            steps: (0..6).map(|place| place * TURN / 6).collect(),
            turn: Some(TURN),
            speeds: Speeds { start_hz: 200.0, top_hz: 1_500.0, acceleration: 6_000.0 },
            homing_hz: 200.0,
            track: Track::new(&angles),
        };
        let model = Model::new(Carousel { at, stuck: false, dead_switch: false });
        let clock = Arc::new(SimClock::new(0));
        let drive = Stepper::open(settings, &|spec| model.open(spec), Arc::clone(&clock) as Arc<dyn Clock>);
        let limits = Settings { move_limit: Duration::from_secs(30), poll: Duration::from_millis(5) };
        let stage = Stage::new(Box::new(drive.unwrap()), limits, clock.now()).unwrap();
        Self { stage, model, clock, reports: Vec::new() }
    }

    fn note(&mut self, report: Option<Movement>) {
        self.reports.extend(report);
        let state = self.stage.status().state;
        if !matches!(state, FlapState::Going { .. } | FlapState::TurningBack { .. }) {
            let gone = self.model.0.lock().unwrap().refuses;
            assert!(gone || self.model.outputs() == 0, "current at rest: {state:?}");
        }
    }

    fn ask(&mut self, request: Request) {
        let report = self.stage.request(request, self.clock.now());
        self.note(report);
    }

    fn polls(&mut self, count: u32) {
        for _ in 0..count {
            let report = self.stage.poll(self.clock.now());
            self.note(report);
            std::thread::yield_now();
        }
    }

    fn go(&mut self, request: Request) -> Movement {
        let (count, until) = (self.reports.len(), SystemClock.now() + PATIENCE);
        self.ask(request);
        while self.reports.len() == count {
            assert!(SystemClock.now() < until, "no answer: {:?}", self.stage.status().state);
            self.polls(1);
        }
        self.reports[count]
    }

    fn at(&self) -> i64 {
        self.model.0.lock().unwrap().body.at
    }
}

#[test]
fn it_finds_home_and_counts_to_every_place_by_the_shorter_way() {
    let mut rig = Rig::new(470);
    assert_eq!(rig.go(Request::Home), Movement::Homed);
    let home = rig.at();
    assert!((home + WINDOW / 2).rem_euclid(TURN) < WINDOW, "{home}");
    for place in [1, 3, 5, 0, 4, 2] {
        let before = rig.at();
        let id = CompartmentId(place);
        assert_eq!(rig.go(Request::Move(id)), Movement::Arrived(id));
        let there = (rig.at() - home).rem_euclid(TURN);
        assert_eq!(there, i64::from(place) * TURN / 6, "every step was counted");
        assert!((rig.at() - before).abs() <= TURN / 2, "the shorter way");
        assert_eq!(rig.go(Request::Home), Movement::Homed);
    }
}

#[test]
fn lost_steps_are_noticed_at_home_and_a_dead_switch_is_not_searched_for_ever() {
    let mut rig = Rig::new(0);
    rig.go(Request::Home);
    rig.go(Request::Move(CompartmentId(2)));
    rig.model.change(|world| world.body.stuck = true);
    assert_eq!(rig.go(Request::Home), Movement::Failed);
    rig.model.change(|world| world.body.stuck = false);
    assert_eq!(rig.go(Request::Home), Movement::Homed, "it homes by its switch then");
    rig.model.change(|world| (world.body.dead_switch, world.body.at) = (true, 500));
    assert_eq!(rig.go(Request::Move(CompartmentId(1))), Movement::Failed);
    assert_eq!(rig.go(Request::Home), Movement::Failed);
    assert!((500 - rig.at()).abs() < TURN * 3, "one turn and a bit: {}", rig.at());
}

#[test]
fn a_refused_pulse_ends_the_movement() {
    let mut rig = Rig::new(0);
    rig.go(Request::Home);
    rig.model.change(|world| world.writes_left = 500);
    assert_eq!(rig.go(Request::Move(CompartmentId(3))), Movement::Failed);
    assert!((rig.at() % TURN).abs() < TURN / 2, "it did not get there");
}

#[test]
fn a_late_step_is_made_up_for_only_in_part() {
    let (due, after) = (Moment::from_millis(100), Duration::from_millis(8));
    let after_waking = |late: u64| {
        let woke = due + Duration::from_millis(late);
        (not_too_soon(due, woke, after) + after).since(woke).as_millis()
    };
    assert_eq!([0, 1, 2, 3, 500].map(after_waking), [8, 7, 6, 6, 6]);
}

#[test]
fn lateness_is_nothing_where_sleeping_is_exact() {
    let jitter = measure_jitter(1_000, 500, &SimClock::new(0));
    assert_eq!(jitter, Jitter { p50_us: 0, p99_us: 0, worst_us: 0 });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// The carousel and the rig check on the way: no pulse without current, no current at rest; and whatever was
    /// ordered and called off on the way, the count is right in the end.
    #[test]
    fn the_count_survives_halts(
        script in prop::collection::vec((0u8..9, 0u32..40), 1..12), at in 0i64..TURN,
    ) {
        let mut rig = Rig::new(at);
        for (event, polls) in script {
            match event {
                0 => rig.ask(Request::Home),
                1 | 2 => rig.ask(Request::Halt),
                place => rig.ask(Request::Move(CompartmentId(place - 3))),
            }
            rig.polls(polls);
        }
        let until = SystemClock.now() + PATIENCE;
        while matches!(rig.stage.status().state, FlapState::Going { .. } | FlapState::TurningBack { .. }) {
            prop_assert!(SystemClock.now() < until);
            rig.polls(1);
        }
        prop_assert_eq!(rig.go(Request::Home), Movement::Homed);
        let home = rig.at();
        prop_assert!((home + WINDOW / 2).rem_euclid(TURN) < WINDOW, "at {}", home);
        prop_assert_eq!(rig.go(Request::Move(CompartmentId(4))), Movement::Arrived(CompartmentId(4)));
        prop_assert_eq!((rig.at() - home).rem_euclid(TURN), 4 * TURN / 6);
    }
}
