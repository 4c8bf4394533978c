//! A drive in somebody's hands, against a model of what it turns.

use std::collections::HashMap;
use std::sync::Mutex;

use proptest::prelude::*;

use super::super::lines::{Bias, Input, LineId, Output};
use super::super::model::{Body, Model};
use super::super::profile::Speeds;
use super::super::pwm::PwmSettings;
use super::super::{Place, Track};
use super::*;
use crate::judge::CompartmentId;

const DEAD_TIME: Duration = Duration::from_millis(50);

/// A chute between two end-stops, at 60 degrees a second.
struct Chute {
    angle: f32,
    /// The direction that was driven last, and since when nothing is.
    last: Levels,
    off_for: Duration,
}

impl Body for Chute {
    fn pass(&mut self, outputs: Levels, step: Duration) {
        let (on, direction) = (outputs & ENABLE != 0, outputs & 0b110);
        if on {
            let rested = self.last == 0 || self.last == direction || self.off_for >= DEAD_TIME;
            assert!(rested, "the other direction after {:?}", self.off_for);
            (self.last, self.off_for) = (direction, Duration::ZERO);
        } else {
            self.off_for += step;
        }
        let by = if on { 60.0 * step.as_secs_f32() } else { 0.0 };
        self.angle += if outputs & bit(1) != 0 { by } else { -by };
        assert!((-45.5..=45.5).contains(&self.angle), "past an end-stop: {}", self.angle);
    }

    fn inputs(&self) -> Levels {
        u64::from(self.angle <= -45.0)
            | u64::from(self.angle.abs() < 1.0) << 1
            | u64::from(self.angle >= 45.0) << 2
    }

    fn check(&mut self, before: Levels, after: Levels) {
        assert_ne!(after & 0b110, 0b110, "both directions at once");
        let turned = (before ^ after) & 0b110 != 0;
        assert!(!(turned && before & after & ENABLE != 0), "another direction under force");
    }
}

fn output(role: &str) -> Output {
    let id = LineId::Named { chip: None, name: role.into() };
    Output { role: role.into(), id, active_low: false }
}

fn switch(role: &str) -> Input {
    let id = LineId::Named { chip: None, name: role.into() };
    Input { role: role.into(), id, active_low: false, bias: Bias::AsIs, debounce: Duration::ZERO }
}

fn jog(angle: f32) -> (Jog, Model<Chute>, Arc<AtomicBool>) {
    let at = |id| Place::At(CompartmentId(id));
    let track = Track::new(&HashMap::from([(Place::Home, 0.0), (at(0), -45.0), (at(1), 45.0)]));
    let settings = DcMotorSettings {
        enable: output("enable"),
        direction: Direction::Pair { forward: output("forward"), reverse: output("reverse") },
        switches: ["a", "b", "c"].map(switch).to_vec(),
        track,
        dead_time: DEAD_TIME,
    };
    let model = Model::new(Chute { angle, last: 0, off_for: Duration::ZERO });
    let (veto, lines) = (Arc::new(AtomicBool::new(false)), model.clone());
    let clock: Arc<dyn crate::clock::Clock> = Arc::new(crate::clock::SimClock::new(0));
    let board = Board { open_lines: &|spec| lines.open(spec), clock: &clock };
    let drive = DriveSettings::DcMotor(Box::new(settings));
    (Jog::open(&drive, Arc::clone(&veto), &board).unwrap().unwrap(), model, veto)
}

fn pass<B: Body + 'static>(jog: &mut Jog, model: &Model<B>, time: Duration) -> Vec<Ticked> {
    let ticks = time.as_millis() / TICK.as_millis();
    let tick = |_| {
        model.pass(TICK);
        jog.tick(model.now()).unwrap()
    };
    (0..ticks).map(tick).collect()
}

const MORE: Nudge = Nudge { way: Way::More, fast: false };
const LESS: Nudge = Nudge { way: Way::Less, fast: false };
const FAST: Nudge = Nudge { way: Way::More, fast: true };

#[test]
fn one_press_moves_a_little_and_a_held_key_goes_on() {
    let (mut jog, model, _) = jog(0.0);
    jog.press(MORE, model.now());
    let ticked = pass(&mut jog, &model, Duration::from_secs(1));
    assert_eq!(ticked.last(), Some(&Ticked::Resting));
    assert_eq!(model.outputs(), 0);
    let angle = model.0.lock().unwrap().body.angle;
    assert!((6.0..=9.5).contains(&angle), "150 ms at 60 degrees a second: {angle}");
    for _ in 0..10 {
        jog.press(MORE, model.now());
        assert!(pass(&mut jog, &model, Duration::from_millis(35)).contains(&Ticked::Moving));
    }
    assert!(model.0.lock().unwrap().body.angle > angle + 15.0);
    assert_eq!(jog.spot().unwrap().inputs, 0, "between two switches");
}

#[test]
fn a_guard_stops_it_within_a_tick_and_nothing_begins_while_it_is_active() {
    let (mut jog, model, veto) = jog(0.0);
    jog.press(MORE, model.now());
    pass(&mut jog, &model, Duration::from_millis(50));
    assert_ne!(model.outputs() & ENABLE, 0);
    veto.store(true, Ordering::SeqCst);
    assert_eq!(pass(&mut jog, &model, TICK), [Ticked::Guarded]);
    assert_eq!(model.outputs(), 0);
    jog.press(MORE, model.now());
    assert_eq!(pass(&mut jog, &model, TICK * 3), [Ticked::Guarded, Ticked::Resting, Ticked::Resting]);
    assert_eq!(model.outputs(), 0);
}

/// A servo's channel: its width in microseconds, whether it runs, and its power's line.
#[derive(Clone)]
struct Channel {
    told: Arc<Mutex<(u32, bool)>>,
    power: Model<Powered>,
}

impl Pwm for Channel {
    fn pulse(&mut self, width: Duration) -> Result<(), MechanismError> {
        let micros = (width.as_secs_f64() * 1e6).round() as u32;
        assert!(micros == 0 || (500..=2_500).contains(&micros), "no servo takes {micros} us");
        self.told.lock().unwrap().0 = micros;
        Ok(())
    }

    fn run(&mut self, on: bool) -> Result<(), MechanismError> {
        assert!(on || self.power.outputs() == 0, "pulses end before the power does");
        self.told.lock().unwrap().1 = on;
        Ok(())
    }
}

/// What has power, and no switch.
struct Powered;

impl Body for Powered {
    fn pass(&mut self, _outputs: Levels, _step: Duration) {}

    fn inputs(&self) -> Levels {
        0
    }

    fn check(&mut self, _before: Levels, _after: Levels) {}
}

#[test]
fn a_servo_goes_on_from_home_by_pulses_and_rests_without_any() {
    let track = Track::new(&HashMap::from([(Place::Home, 0.0), (Place::At(CompartmentId(0)), 60.0)]));
    let pwm =
        PwmSettings { root: "/".into(), chip: "c".into(), channel: 0, period: Duration::from_millis(20) };
    let settings = ServoSettings {
        enable: output("power"),
        switches: vec![None, None],
        pwm,
        widths: [600, 2_000].map(Duration::from_micros).to_vec(),
        ramp_us_per_s: 2_000.0,
        settle: Duration::from_millis(150),
        track,
    };
    let (model, told) = (Model::new(Powered), Arc::new(Mutex::new((0, false))));
    let channel = Channel { told: Arc::clone(&told), power: model.clone() };
    let mover = Box::new(ServoMover::new(settings, Box::new(model.clone()), Box::new(channel)));
    let mut jog = Jog { mover, veto: Arc::default(), moving: None };
    let held = |jog: &mut Jog, nudge: Nudge, times: usize| {
        for _ in 0..times {
            jog.press(nudge, model.now());
            pass(jog, &model, Duration::from_millis(100));
        }
    };
    held(&mut jog, MORE, 1);
    assert!((605..=611).contains(&told.lock().unwrap().0), "100 us a second from home's 600: {told:?}");
    assert_eq!((told.lock().unwrap().1, model.outputs()), (true, ENABLE));
    held(&mut jog, FAST, 10);
    let width = told.lock().unwrap().0;
    assert!((1_080..=1_111).contains(&width), "500 us a second: {width}");
    assert_eq!(jog.spot().unwrap().width_us, Some(width));
    pass(&mut jog, &model, PULSE);
    assert_eq!((*told.lock().unwrap(), model.outputs()), ((0, false), 0), "nobody presses");
    held(&mut jog, LESS, 80);
    assert_eq!(told.lock().unwrap().0, 500, "no further");
}

/// A wheel of steps with a switch around step zero.
struct Wheel {
    at: i64,
    stepped: usize,
}

impl Body for Wheel {
    fn pass(&mut self, _outputs: Levels, _step: Duration) {}

    fn inputs(&self) -> Levels {
        u64::from((-3..=0).contains(&self.at))
    }

    fn check(&mut self, before: Levels, after: Levels) {
        if !before & after & bit(2) != 0 {
            assert_ne!(after & ENABLE, 0, "a step without current");
            assert_eq!((before ^ after) & bit(1), 0, "the direction changes with a step");
            self.at += if after & bit(1) != 0 { 1 } else { -1 };
            self.stepped += 1;
        }
    }
}

#[test]
fn a_stepper_takes_slow_steps_and_knows_its_angle_from_homes_switch_on() {
    let track = Track::new(&HashMap::from([(Place::Home, 0.0), (Place::At(CompartmentId(0)), 90.0)]));
    let settings = StepperSettings {
        enable: output("enable"),
        direction: output("direction"),
        step: output("step"),
        home_switch: switch("home"),
        steps: vec![0, 50],
        turn: None,
        speeds: Speeds { start_hz: 100.0, top_hz: 400.0, acceleration: 1_000.0 },
        homing_hz: 50.0,
        track,
    };
    let model = Model::new(Wheel { at: 10, stepped: 0 });
    let mover =
        Box::new(StepMover { settings, lines: Box::new(model.clone()), steps: None, stepped_at: None });
    let mut jog = Jog { mover, veto: Arc::default(), moving: None };
    let mut hold = |nudge: Nudge, time: Duration| {
        let until = model.now() + time;
        while model.now() < until {
            jog.press(nudge, model.now());
            pass(&mut jog, &model, TICK);
        }
        jog.spot().unwrap().angle_deg
    };
    assert_eq!(hold(MORE, Duration::from_millis(400)), None, "where it is, nobody knows yet");
    let stepped = model.0.lock().unwrap().body.stepped;
    assert!((9..=11).contains(&stepped), "a quarter of the start's 100 steps a second: {stepped}");
    let at = model.0.lock().unwrap().body.at;
    let home = hold(LESS, Duration::from_millis(40 * u64::try_from(at).unwrap() + 60));
    let at = model.0.lock().unwrap().body.at;
    assert!((-2..=0).contains(&at) && home == Some(at as f32 * 1.8), "{at}: {home:?}");
    let angle = hold(FAST, Duration::from_secs(1)).unwrap();
    let at = model.0.lock().unwrap().body.at;
    assert!(at > 80 && (angle - at as f32 * 1.8).abs() < 0.01, "{at} steps of 1.8 degrees: {angle}");
    pass(&mut jog, &model, PULSE + TICK);
    assert_eq!(model.outputs(), 0);
}

#[test]
fn a_drive_with_nothing_to_find_is_not_jogged() {
    let clock: Arc<dyn crate::clock::Clock> = Arc::new(crate::clock::SimClock::new(0));
    let board = Board { open_lines: &|_| panic!("no line is needed"), clock: &clock };
    assert!(Jog::open(&DriveSettings::Simulated, Arc::default(), &board).unwrap().is_none());
}

proptest! {
    /// Whatever is pressed, and whenever a guard comes: never past an end-stop, never both directions, and off
    /// within a press's time and a tick after the last press. (The model's own checks end the test.)
    #[test]
    fn nobodys_presses_go_past_an_end_or_stay_on(
        presses in prop::collection::vec((any::<bool>(), 5u64..400, prop::bool::weighted(0.1)), 1..80),
        start in -45.0f32..45.0,
    ) {
        let (mut jog, model, veto) = jog(start);
        for (more, wait, guarded) in presses {
            veto.store(guarded, Ordering::SeqCst);
            jog.press(Nudge { way: if more { Way::More } else { Way::Less }, fast: false }, model.now());
            pass(&mut jog, &model, Duration::from_millis(wait));
        }
        pass(&mut jog, &model, PULSE + TICK);
        prop_assert_eq!(model.outputs(), 0);
        prop_assert!(jog.moving.is_none());
    }
}
