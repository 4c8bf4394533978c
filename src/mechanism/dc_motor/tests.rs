//! The motor against a model of the flap it turns, sound and broken.

use std::collections::HashMap;

use proptest::prelude::*;

use super::super::lines::{Bias, LineId};
use super::super::model::{Body, Model};
use super::super::{FlapState, Request, Settings, Stage};
use super::*;
use crate::judge::{CompartmentId, Movement};

const POLL: Duration = Duration::from_millis(2);

/// A flap on a motor: it runs up and coasts, and has a switch of three degrees at each place.
#[derive(Clone, Debug)]
struct Turning {
    angle_deg: f32,
    speed: f32,
    places_deg: Vec<f32>,
    stuck: bool,
    dead_switches: Levels,
    shorted_switches: Levels,
    pair: bool,
}

const FULL_SPEED: f32 = 180.0;
/// Degrees per second, a second: full speed after 60 ms.
const RUN_UP: f32 = 3_000.0;

impl Turning {
    fn new(places_deg: &[f32], angle_deg: f32, pair: bool) -> Self {
        Self {
            angle_deg,
            speed: 0.0,
            places_deg: places_deg.to_vec(),
            stuck: false,
            dead_switches: 0,
            shorted_switches: 0,
            pair,
        }
    }
}

impl Body for Turning {
    fn pass(&mut self, outputs: Levels, step: Duration) {
        let reverse = if self.pair { outputs & REVERSE != 0 } else { outputs & FORWARD == 0 };
        let wanted = match outputs & ENABLE != 0 && !self.stuck {
            true if reverse => -FULL_SPEED,
            true => FULL_SPEED,
            false => 0.0,
        };
        let most = RUN_UP * step.as_secs_f32();
        self.speed += (wanted - self.speed).clamp(-most, most);
        let ends = (self.places_deg[0] - 4.0, self.places_deg[self.places_deg.len() - 1] + 4.0);
        self.angle_deg = (self.angle_deg + self.speed * step.as_secs_f32()).clamp(ends.0, ends.1);
    }

    fn inputs(&self) -> Levels {
        let last = self.places_deg.len() - 1;
        let at = |(index, place): (usize, &f32)| {
            // An end-stop stays pressed up to the stop behind it.
            let beyond =
                (index == 0 && self.angle_deg <= *place) || (index == last && self.angle_deg >= *place);
            let active = beyond || (self.angle_deg - place).abs() < 1.5;
            if active { bit(index) } else { 0 }
        };
        let levels = self.places_deg.iter().enumerate().map(at).fold(0, |all, one| all | one);
        (levels & !self.dead_switches) | self.shorted_switches
    }

    fn check(&self, before: Levels, after: Levels) {
        if self.pair {
            assert!(after & FORWARD == 0 || after & REVERSE == 0, "both directions at once: {after:b}");
        }
        let changed = (before ^ after) & (FORWARD | REVERSE);
        let stays_on = before & after & ENABLE != 0;
        assert!(!stays_on || changed == 0, "direction changed under force: {before:b} -> {after:b}");
        if before & ENABLE == 0 && after & ENABLE != 0 {
            assert_eq!(changed, 0, "force came with a new direction");
        }
    }
}

fn output(name: &str) -> Output {
    Output {
        role: name.to_owned(),
        id: LineId::Named { chip: None, name: name.to_owned() },
        active_low: false,
    }
}

fn input(name: &str) -> Input {
    Input {
        role: name.to_owned(),
        id: LineId::Named { chip: None, name: name.to_owned() },
        active_low: false,
        bias: Bias::PullUp,
        debounce: Duration::ZERO,
    }
}

fn at(id: u8) -> Place {
    Place::At(CompartmentId(id))
}

struct Rig {
    stage: Stage,
    model: Model<Turning>,
    reports: Vec<(Movement, Moment)>,
    on_since: Option<Moment>,
    asked_at: Moment,
}

const LIMIT: Duration = Duration::from_secs(3);

impl Rig {
    /// Home and the compartments at these angles, the flap at another.
    fn new(home: f32, compartments: &[f32], angle_deg: f32, pair: bool) -> Self {
        let places = (0u8..).zip(compartments).map(|(id, angle)| (at(id), *angle));
        let angles: HashMap<_, _> = places.chain([(Place::Home, home)]).collect();
        let track = Track::new(&angles);
        let places: Vec<_> = (0..track.len()).map(|position| track.angle_deg(position).unwrap()).collect();
        let model = Model::new(Turning::new(&places, angle_deg, pair));
        let direction = match pair {
            true => Direction::Pair { forward: output("forward"), reverse: output("reverse") },
            false => Direction::Line(output("direction")),
        };
        let settings = DcMotorSettings {
            enable: output("enable"),
            direction,
            switches: places.iter().map(|place| input(&format!("switch {place}"))).collect(),
            track,
            dead_time: Duration::from_millis(20),
        };
        let drive = DcMotor::open(settings, &|spec| model.open(spec)).unwrap();
        let settings = Settings { move_limit: LIMIT, poll: POLL };
        let stage = Stage::new(Box::new(drive), settings, model.now()).unwrap();
        let asked_at = model.now();
        Self { stage, model, reports: Vec::new(), on_since: None, asked_at }
    }

    fn ask(&mut self, request: Request) {
        let before = self.stage.status().state;
        let report = self.stage.request(request, self.model.now());
        if self.stage.status().state != before {
            self.asked_at = self.model.now();
        }
        self.note(report);
    }

    fn note(&mut self, report: Option<Movement>) {
        let now = self.model.now();
        self.reports.extend(report.map(|report| (report, now)));
        let on = self.model.outputs() & ENABLE != 0;
        let moving =
            matches!(self.stage.status().state, FlapState::Going { .. } | FlapState::TurningBack { .. });
        assert!(moving || self.model.outputs() == 0, "on at rest: {:?}", self.stage.status().state);
        if on {
            let asked = now.since(self.asked_at);
            assert!(asked <= LIMIT + POLL, "still driven {asked:?} after it was asked");
        }
        self.on_since = on.then(|| self.on_since.unwrap_or(now));
    }

    fn pass(&mut self, time: Duration) {
        let until = self.model.now() + time;
        while self.model.now() < until {
            self.model.pass(POLL);
            let before = self.stage.status().state;
            let report = self.stage.poll(self.model.now());
            // What was ordered while it turned back begins now.
            if let (FlapState::TurningBack { .. }, FlapState::Going { .. }) =
                (before, self.stage.status().state)
            {
                self.asked_at = self.model.now();
            }
            self.note(report);
        }
    }

    /// Asks and waits for the answer; returns how long it took.
    fn go(&mut self, request: Request) -> (Movement, Duration) {
        let (from, count) = (self.model.now(), self.reports.len());
        self.ask(request);
        while self.reports.len() == count {
            assert!(self.model.now().since(from) < LIMIT * 2, "no answer");
            self.pass(POLL);
        }
        let (movement, at) = self.reports[count];
        (movement, at.since(from))
    }

    fn angle(&self) -> f32 {
        self.model.0.lock().unwrap().body.angle_deg
    }
}

fn two_way(pair: bool) -> Rig {
    Rig::new(0.0, &[60.0, 0.0], 25.0, pair)
}

fn four_way(angle_deg: f32) -> Rig {
    Rig::new(0.0, &[-80.0, -40.0, 40.0, 80.0], angle_deg, true)
}

#[test]
fn it_homes_from_anywhere_and_finds_every_place() {
    for pair in [true, false] {
        let mut rig = two_way(pair);
        assert_eq!(rig.go(Request::Home).0, Movement::Homed);
        let (there, took) = rig.go(Request::Move(CompartmentId(0)));
        assert_eq!(there, Movement::Arrived(CompartmentId(0)));
        assert!((300..450).contains(&took.as_millis()), "60 degrees at 180 a second: {took:?}");
        rig.pass(Duration::from_millis(200));
        assert!((58.0..64.1).contains(&rig.angle()), "{}", rig.angle());
        assert_eq!(rig.go(Request::Move(CompartmentId(1))).0, Movement::Arrived(CompartmentId(1)));
        assert_eq!(rig.go(Request::Home).0, Movement::Homed, "shares its switch");
    }
    for angle in [-84.0, -60.0, -40.0, -3.0, 0.0, 20.0, 79.0, 84.0] {
        let mut rig = four_way(angle);
        assert_eq!(rig.go(Request::Home).0, Movement::Homed, "from {angle}");
        for id in [0, 3, 1, 2] {
            let id = CompartmentId(id);
            assert_eq!(rig.go(Request::Move(id)).0, Movement::Arrived(id), "from {angle}");
            rig.pass(Duration::from_millis(150));
            assert_eq!(rig.go(Request::Home).0, Movement::Homed, "from {angle}");
            rig.pass(Duration::from_millis(150));
        }
    }
}

#[test]
fn a_halt_turns_it_back_after_the_dead_time() {
    let mut rig = four_way(0.0);
    rig.go(Request::Home);
    rig.ask(Request::Move(CompartmentId(3)));
    rig.pass(Duration::from_millis(250));
    let halted = rig.model.now();
    let (movement, took) = rig.go(Request::Halt);
    assert_eq!(movement, Movement::Reversed);
    assert!(took < Duration::from_millis(500), "{took:?}");
    let world = rig.model.0.lock().unwrap();
    let after: Vec<_> = world.trace.iter().filter(|(at, _)| *at >= halted).copied().collect();
    assert_eq!(after[0], (halted, 0), "force off in the same step");
    assert_eq!(after[1].1, REVERSE);
    let pause = after[2].0.since(halted);
    assert_eq!(after[2].1, REVERSE | ENABLE);
    assert!((20..=22).contains(&pause.as_millis()), "{pause:?}");
}

#[test]
fn a_touch_of_the_switch_is_enough() {
    let mut rig = two_way(true);
    rig.go(Request::Home);
    rig.ask(Request::Move(CompartmentId(0)));
    rig.pass(Duration::from_millis(100));
    // Between two polls the switch closes and opens again: the kernel has kept both edges.
    rig.model.change(|world| world.body.shorted_switches = bit(1));
    rig.model.change(|world| world.body.shorted_switches = 0);
    rig.pass(POLL);
    assert_eq!(rig.reports.last().map(|(movement, _)| *movement), Some(Movement::Arrived(CompartmentId(0))));
    assert_eq!(rig.model.outputs(), 0);
}

#[test]
fn what_is_broken_ends_in_a_fault_with_the_motor_off() {
    let broken: [fn(&mut Turning); 3] = [
        |body| body.stuck = true,
        |body| body.dead_switches = bit(4),
        |body| body.shorted_switches = bit(4) | bit(0),
    ];
    for breaks in broken {
        let mut rig = four_way(0.0);
        rig.go(Request::Home);
        rig.model.change(|world| breaks(&mut world.body));
        assert_eq!(rig.go(Request::Move(CompartmentId(3))).0, Movement::Failed);
        assert_eq!(rig.model.outputs(), 0);
    }
    // A position switch in the middle that never answers is passed, and noticed at the next one.
    let mut rig = four_way(-80.0);
    rig.model.change(|world| world.body.dead_switches = bit(1));
    rig.go(Request::Home);
    assert_eq!(rig.go(Request::Move(CompartmentId(1))).0, Movement::Failed);
    assert!(rig.angle() <= -70.0, "it ran to the end-stop and no further: {}", rig.angle());
}

#[test]
fn a_request_that_is_gone_is_an_error_and_not_a_movement() {
    let mut rig = four_way(0.0);
    rig.go(Request::Home);
    rig.ask(Request::Move(CompartmentId(3)));
    rig.model.change(|world| world.refuses = true);
    assert_eq!(rig.stage.poll(rig.model.now()), Some(Movement::Failed));
    assert_eq!(rig.stage.status().state, FlapState::Failed);
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Home,
    Move(u8),
    Halt,
    Stick(bool),
    DeadSwitches(Levels),
    ShortedSwitches(Levels),
    Push(f32),
}

fn events() -> impl Strategy<Value = Vec<(Event, u64)>> {
    let event = prop_oneof![
        4 => Just(Event::Home),
        6 => (0u8..5).prop_map(Event::Move),
        4 => Just(Event::Halt),
        1 => any::<bool>().prop_map(Event::Stick),
        1 => (0u64..32).prop_map(Event::DeadSwitches),
        1 => (0u64..32).prop_map(Event::ShortedSwitches),
        1 => Just(Event::ShortedSwitches(0)),
        1 => Just(Event::DeadSwitches(0)),
        1 => (-84.0f32..84.0).prop_map(Event::Push),
    ];
    prop::collection::vec((event, 1u64..1_500), 1..25)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Any order of requests, halts, stalls, lost and shorted switches, and somebody turning the flap by hand. The
    /// model and the rig check on the way: off at rest, never both directions, never beyond the time limit.
    #[test]
    fn it_is_off_at_rest_and_never_runs_too_long(
        script in events(), angle in -84.0f32..84.0, four in any::<bool>(), pair in any::<bool>(),
    ) {
        let compartments: &[f32] = if four { &[-80.0, -40.0, 40.0, 80.0] } else { &[60.0, 0.0] };
        let mut rig = Rig::new(0.0, compartments, if four { angle } else { angle.abs().min(60.0) }, pair);
        for (event, millis) in script {
            match event {
                Event::Home => rig.ask(Request::Home),
                Event::Move(id) => rig.ask(Request::Move(CompartmentId(id))),
                Event::Halt => rig.ask(Request::Halt),
                Event::Stick(stuck) => rig.model.change(|world| world.body.stuck = stuck),
                Event::DeadSwitches(dead) => rig.model.change(|world| world.body.dead_switches = dead),
                Event::ShortedSwitches(shorted) => {
                    rig.model.change(|world| world.body.shorted_switches = shorted);
                }
                Event::Push(angle) => rig.model.change(|world| world.body.angle_deg = angle),
            }
            rig.pass(Duration::from_millis(millis));
        }
        // Mended, it always finds home again.
        rig.model.change(|world| {
            (world.body.stuck, world.body.dead_switches, world.body.shorted_switches) = (false, 0, 0);
        });
        rig.pass(LIMIT * 2);
        let homed = (0..3).any(|_| rig.go(Request::Home).0 == Movement::Homed);
        prop_assert!(homed, "{:?}", rig.stage.status());
    }
}
