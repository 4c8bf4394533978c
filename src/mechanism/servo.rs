//! A hobby servo on hardware PWM, with a line of its own for its power.
//!
//! ```text
//! off --start--> ramping --at its width--> settling --still, switch (if any) active--> quiet --a period--> reached
//!                  ^ |                                                                  (no pulses)    power off
//!                  '-' start elsewhere: turns round where it is
//! any --release--> off: power first, then the pulses
//! ```
//!
//! - Never a jump: the width follows a ramp from where the last movement ended. (The first movement after a start has
//!   no such place; it begins with home's width.)
//! - Never a cut pulse at the end of a movement: the width is zero for a whole period before the channel stops.
//! - Never powered at rest.

use std::time::Duration;

use super::lines::{Input, Levels, Lines, LinesSpec, Output, bit};
use super::pwm::{Pwm, PwmSettings};
use super::{Drive, MechanismError, Place, Sensed, Track};
use crate::clock::Moment;

/// What the rig's file says about it.
#[derive(Clone, Debug, PartialEq)]
pub struct ServoSettings {
    /// Power on.
    pub enable: Output,
    /// Switches that say that a position was truly reached, where there are any; one entry for each position.
    pub switches: Vec<Option<Input>>,
    /// The channel.
    pub pwm: PwmSettings,
    /// Pulse width of each of the track's positions.
    pub widths: Vec<Duration>,
    /// How fast the width changes, in microseconds a second.
    pub ramp_us_per_s: f64,
    /// How long the servo may take to follow after the ramp's end.
    pub settle: Duration,
    /// The places along the way.
    pub track: Track,
}

impl ServoSettings {
    /// The power's line, and the switches there are.
    pub fn lines(&self) -> LinesSpec {
        let inputs = self.switches.iter().flatten().cloned().collect();
        LinesSpec { consumer: "bunri-drive", outputs: vec![self.enable.clone()], inputs }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    Off,
    Ramping { stepped_at: Moment },
    Settling { since: Moment },
    Quiet { since: Moment },
    Reached,
}

/// The drive.
pub struct Servo {
    settings: ServoSettings,
    lines: Box<dyn Lines>,
    pwm: Box<dyn Pwm>,
    /// The position of each input.
    inputs: Vec<usize>,
    phase: Phase,
    asked: Option<(Place, usize)>,
    /// The last width, in microseconds; unknown before the first movement.
    width_us: Option<f64>,
}

impl Servo {
    /// A servo without power on these lines and this channel.
    pub fn new(settings: ServoSettings, lines: Box<dyn Lines>, pwm: Box<dyn Pwm>) -> Self {
        let with_switch = settings.switches.iter().enumerate().filter(|(_, switch)| switch.is_some());
        let inputs = with_switch.map(|(position, _)| position).collect();
        Self { settings, lines, pwm, inputs, phase: Phase::Off, asked: None, width_us: None }
    }

    fn set_width(&mut self, micros: f64) -> Result<(), MechanismError> {
        self.width_us = Some(micros);
        self.pwm.pulse(Duration::from_nanos((micros * 1_000.0) as u64))
    }

    fn target_us(&self, position: usize) -> Option<f64> {
        self.settings.widths.get(position).map(|width| width.as_secs_f64() * 1e6)
    }

    /// Moves the width on; the phase that follows is entered in its time.
    fn go_on(&mut self, position: usize, switch_ok: bool, now: Moment) -> Result<(), MechanismError> {
        match self.phase {
            Phase::Ramping { stepped_at } => {
                let target = self.target_us(position).unwrap_or_default();
                let from = self.width_us.unwrap_or(target);
                let most = now.since(stepped_at).as_secs_f64() * self.settings.ramp_us_per_s;
                let width = from + (target - from).clamp(-most, most);
                self.set_width(width)?;
                self.phase = if (width - target).abs() < 0.5 {
                    Phase::Settling { since: now }
                } else {
                    Phase::Ramping { stepped_at: now }
                };
            }
            Phase::Settling { since } if switch_ok && now.since(since) >= self.settings.settle => {
                self.pwm.pulse(Duration::ZERO)?;
                self.phase = Phase::Quiet { since: now };
            }
            // Two periods: the new width may have come just after the last one began.
            Phase::Quiet { since } if now.since(since) >= self.settings.pwm.period * 2 => {
                self.pwm.run(false)?;
                self.phase = Phase::Reached;
            }
            _ => {}
        }
        Ok(())
    }
}

impl Drive for Servo {
    fn start(&mut self, place: Place, now: Moment) -> Result<(), MechanismError> {
        let position = self.settings.track.position(place);
        let target = position.and_then(|position| Some((position, self.target_us(position)?)));
        let Some((position, target)) = target else {
            return Err(MechanismError::NoSuchPlace { place: format!("{place:?}") });
        };
        let was_off = matches!(self.phase, Phase::Off | Phase::Reached);
        self.asked = Some((place, position));
        self.phase = Phase::Ramping { stepped_at: now };
        self.set_width(self.width_us.unwrap_or(target))?;
        if was_off {
            // The width stands before the pulses, the pulses before the power.
            self.pwm.run(true)?;
            self.lines.write(bit(0))?;
        }
        Ok(())
    }

    fn release(&mut self, _now: Moment) -> Result<(), MechanismError> {
        self.phase = Phase::Off;
        let power = self.lines.write(0);
        let quiet = self.pwm.pulse(Duration::ZERO);
        power.and(quiet).and(self.pwm.run(false))
    }

    fn inputs(&mut self) -> Result<Levels, MechanismError> {
        self.lines.read()
    }

    fn sense(&mut self, now: Moment) -> Result<Sensed, MechanismError> {
        while self.lines.next_edge()?.is_some() {}
        let levels = self.lines.read()?;
        if levels.count_ones() > 1 {
            return Ok(Sensed { place: None, contradiction: true });
        }
        let Some((place, position)) = self.asked else { return Ok(Sensed::default()) };
        let switch = self.inputs.iter().position(|at| *at == position);
        self.go_on(position, switch.is_none_or(|switch| levels == bit(switch)), now)?;
        let place = (self.phase == Phase::Reached).then_some(place);
        Ok(Sensed { place, contradiction: false })
    }

    fn wait(&mut self, limit: Duration) -> Result<bool, MechanismError> {
        if self.inputs.is_empty() { Ok(false) } else { self.lines.wait_edge(limit).map(|_| true) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::{Arc, Mutex};

    use proptest::prelude::*;

    use super::super::lines::{Bias, Levels, LineId};
    use super::super::model::{Body, Model};
    use super::super::{FlapState, Request, Settings, Stage};
    use super::*;
    use crate::judge::{CompartmentId, Movement};

    const LIMIT: Duration = Duration::from_secs(3);
    const POLL: Duration = Duration::from_millis(5);
    const WIDTHS_US: [f64; 2] = [1_000.0, 2_000.0];

    /// What the channel was told, with when.
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Told {
        Width(Duration),
        Run(bool),
    }

    #[derive(Default)]
    struct Channel {
        told: Vec<(Moment, Told)>,
        width_us: f64,
        runs: bool,
    }

    /// A servo: it follows the pulses while it has power, at its own speed, and shows a switch at either end.
    struct Following {
        channel: Arc<Mutex<Channel>>,
        at_us: f64,
        stuck: bool,
        dead: Levels,
    }

    impl Body for Following {
        fn pass(&mut self, outputs: Levels, step: Duration) {
            let channel = self.channel.lock().unwrap();
            if outputs & bit(0) != 0 && channel.runs && channel.width_us > 0.0 && !self.stuck {
                let most = 4_000.0 * step.as_secs_f64();
                self.at_us += (channel.width_us - self.at_us).clamp(-most, most);
            }
        }

        fn inputs(&self) -> Levels {
            let near = |width: f64| (self.at_us - width).abs() < 15.0;
            let levels = (0..2).filter(|at| near(WIDTHS_US[*at])).fold(0, |levels, at| levels | bit(at));
            levels & !self.dead
        }

        fn check(&mut self, before: Levels, after: Levels) {
            if before == 0 && after != 0 {
                let channel = self.channel.lock().unwrap();
                assert!(channel.runs && channel.width_us > 0.0, "power before the pulses");
            }
        }
    }

    #[derive(Clone)]
    struct Written {
        model: Model<Following>,
        channel: Arc<Mutex<Channel>>,
    }

    impl Pwm for Written {
        fn pulse(&mut self, width: Duration) -> Result<(), MechanismError> {
            let micros = width.as_secs_f64() * 1e6;
            assert!(micros == 0.0 || (999.0..=2_001.0).contains(&micros), "{micros} us is beyond the ends");
            let now = self.model.now();
            let mut channel = self.channel.lock().unwrap();
            channel.width_us = micros;
            channel.told.push((now, Told::Width(width)));
            Ok(())
        }

        fn run(&mut self, on: bool) -> Result<(), MechanismError> {
            let now = self.model.now();
            let mut channel = self.channel.lock().unwrap();
            channel.runs = on;
            channel.told.push((now, Told::Run(on)));
            Ok(())
        }
    }

    const THERE: Place = Place::At(CompartmentId(0));

    struct Rig {
        stage: Stage,
        model: Model<Following>,
        channel: Arc<Mutex<Channel>>,
        last: Option<Movement>,
        asked_at: Moment,
    }

    impl Rig {
        fn new(switches: bool) -> Self {
            let id = |name: &str| LineId::Named { chip: None, name: name.to_owned() };
            let input = |name: &str| Input {
                role: name.to_owned(),
                id: id(name),
                active_low: false,
                bias: Bias::AsIs,
                debounce: Duration::ZERO,
            };
            let channel = Arc::new(Mutex::new(Channel::default()));
            let dead = if switches { 0 } else { 3 };
            let body = Following { channel: Arc::clone(&channel), at_us: 1_300.0, stuck: false, dead };
            let model = Model::new(body);
            let settings = ServoSettings {
                enable: Output { role: "enable".to_owned(), id: id("enable"), active_low: false },
                switches: ["home", "there"].map(|name| switches.then(|| input(name))).to_vec(),
                pwm: PwmSettings {
                    root: "/nowhere".into(),
                    chip: "pwmchip0".to_owned(),
                    channel: 0,
                    period: Duration::from_millis(20),
                },
                widths: WIDTHS_US.map(|width| Duration::from_micros(width as u64)).to_vec(),
                ramp_us_per_s: 2_000.0,
                settle: Duration::from_millis(80),
                track: Track::new(&HashMap::from([(Place::Home, 0.0), (THERE, 90.0)])),
            };
            let lines = model.open(&settings.lines()).unwrap();
            let pwm = Written { model: model.clone(), channel: Arc::clone(&channel) };
            let drive = Servo::new(settings, lines, Box::new(pwm));
            let limits = Settings { move_limit: LIMIT, poll: POLL };
            let stage = Stage::new(Box::new(drive), limits, model.now()).unwrap();
            Self { stage, model, channel, last: None, asked_at: Moment::from_millis(0) }
        }

        fn note(&mut self, before: FlapState, report: Option<Movement>) {
            let after = self.stage.status().state;
            if before != after {
                self.asked_at = self.model.now();
            }
            self.last = report.or(self.last);
            let moving = matches!(after, FlapState::Going { .. } | FlapState::TurningBack { .. });
            let on = self.model.outputs() != 0;
            assert!(moving || !on, "powered at rest: {after:?}");
            assert!(moving || !self.channel.lock().unwrap().runs, "pulses at rest: {after:?}");
            assert!(!on || self.model.now().since(self.asked_at) <= LIMIT + POLL, "powered for too long");
        }

        fn ask(&mut self, request: Request) {
            self.last = None;
            let before = self.stage.status().state;
            let report = self.stage.request(request, self.model.now());
            self.note(before, report);
        }

        fn pass(&mut self, time: Duration) {
            let until = self.model.now() + time;
            while self.model.now() < until {
                self.model.pass(POLL);
                let before = self.stage.status().state;
                let report = self.stage.poll(self.model.now());
                self.note(before, report);
            }
        }

        fn go(&mut self, request: Request) -> Option<Movement> {
            self.ask(request);
            while self.last.is_none() {
                self.pass(POLL);
            }
            self.last
        }
    }

    #[test]
    fn it_ramps_settles_and_lets_go_at_a_pulse_boundary() {
        for switches in [true, false] {
            let mut rig = Rig::new(switches);
            assert_eq!(rig.go(Request::Home), Some(Movement::Homed));
            rig.channel.lock().unwrap().told.clear();
            let begun = rig.model.now();
            assert_eq!(rig.go(Request::Move(CompartmentId(0))), Some(Movement::Arrived(CompartmentId(0))));
            let took = rig.model.now().since(begun).as_millis();
            assert!((600..700).contains(&took), "1000 us at 2000 a second, 80 ms and two periods: {took} ms");
            let told = rig.channel.lock().unwrap().told.clone();
            let widths = told.iter().filter_map(|(_, told)| match told {
                Told::Width(width) if !width.is_zero() => Some(width.as_secs_f64() * 1e6),
                _ => None,
            });
            let widths: Vec<f64> = widths.collect();
            let mut steps = widths.windows(2).map(|pair| pair[1] - pair[0]);
            assert!(steps.all(|step| (0.0..=10.5).contains(&step)), "no jump in 5 ms: {widths:?}");
            let quiet = told.iter().find(|(_, told)| *told == Told::Width(Duration::ZERO)).unwrap().0;
            let stopped = told.iter().rfind(|(_, told)| *told == Told::Run(false)).unwrap().0;
            assert!(stopped.since(quiet) >= Duration::from_millis(20), "{quiet} {stopped}");
            assert!(rig.model.0.lock().unwrap().trace.last().unwrap().0 >= quiet + Duration::from_millis(20));
        }
    }

    #[test]
    fn a_halt_turns_it_round_where_it_is() {
        let mut rig = Rig::new(true);
        rig.go(Request::Home);
        rig.ask(Request::Move(CompartmentId(0)));
        rig.pass(Duration::from_millis(250));
        let begun = rig.model.now();
        assert_eq!(rig.go(Request::Halt), Some(Movement::Reversed));
        let took = rig.model.now().since(begun).as_millis();
        assert!((330..450).contains(&took), "half the way back: {took} ms");
    }

    #[test]
    fn a_switch_that_never_answers_fails_in_time_and_takes_the_power() {
        let mut rig = Rig::new(true);
        rig.go(Request::Home);
        rig.model.change(|world| world.body.stuck = true);
        assert_eq!(rig.go(Request::Move(CompartmentId(0))), Some(Movement::Failed));
        assert_eq!(rig.model.outputs(), 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// `Rig::note`, the body and the channel check on the way: no power and no pulses at rest, none beyond the
        /// limit, none outside the calibrated widths, whatever is asked and broken.
        #[test]
        fn it_has_no_power_at_rest(
            script in prop::collection::vec((0u8..7, 1u64..1_200), 1..25), switches in any::<bool>(),
        ) {
            let mut rig = Rig::new(switches);
            for (event, millis) in script {
                match event {
                    0 => rig.ask(Request::Home),
                    1 | 2 => rig.ask(Request::Move(CompartmentId(0))),
                    3 => rig.ask(Request::Halt),
                    4 => rig.model.change(|world| world.body.stuck = true),
                    5 => rig.model.change(|world| world.body.stuck = false),
                    _ => rig.model.change(|world| world.body.dead ^= u64::from(switches)),
                }
                rig.pass(Duration::from_millis(millis));
            }
        }
    }
}
