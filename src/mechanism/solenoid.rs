//! Solenoids: each opens one flap against its spring, and without current every flap is shut, which is home.
//!
//! ```text
//! off --start at a coil--> pulling --pull-in time (and switch)--> holding --home, release, maximum on-time--> off
//! any --start at home--> returning --return time (and switch)--> home
//! ```
//!
//! A place without a coil of its own is the spring's: home, and the compartment under the shut flap.
//!
//! - Never two coils at once, never a coil longer than its maximum on-time, whatever it is holding.
//! - Holding is the one rest with force; it ends by itself, and what was held then counts as failed.

use std::time::Duration;

use super::lines::{Input, Levels, Lines, LinesSpec, OpenLines, Output, bit};
use super::{Drive, MechanismError, Place, Sensed, Track};
use crate::clock::Moment;

/// What the rig's file says about it.
#[derive(Clone, Debug, PartialEq)]
pub struct SolenoidSettings {
    /// The coils' supply on.
    pub enable: Output,
    /// Less current once the coil has pulled in, where the board has it.
    pub hold: Option<Output>,
    /// The coil of each of the track's positions; `None` is the spring's.
    pub coils: Vec<Option<Output>>,
    /// Switches that say that a position was truly reached, where there are any; one entry for each position.
    pub switches: Vec<Option<Input>>,
    /// Full current until then.
    pub pull_in: Duration,
    /// The spring needs this long.
    pub back: Duration,
    /// No coil is on for longer.
    pub most_on: Duration,
    /// The places.
    pub track: Track,
}

impl SolenoidSettings {
    /// Supply, hold and coils, and the switches there are.
    pub fn lines(&self) -> LinesSpec {
        let coils = self.coils.iter().flatten().cloned();
        let outputs = std::iter::once(self.enable.clone()).chain(self.hold.clone()).chain(coils).collect();
        let inputs = self.switches.iter().flatten().cloned().collect();
        LinesSpec { consumer: "bunri-drive", outputs, inputs }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    Off,
    Pulling { since: Moment },
    Holding { since: Moment },
    Returning { since: Moment },
}

/// The drive.
pub struct Solenoid {
    settings: SolenoidSettings,
    lines: Box<dyn Lines>,
    /// The output of each position's coil.
    coils: Vec<Option<Levels>>,
    /// The input of each position's switch.
    switches: Vec<Option<Levels>>,
    phase: Phase,
    asked: Option<(Place, usize)>,
}

const ENABLE: Levels = bit(0);

impl Solenoid {
    /// Requests the lines; every coil is off.
    ///
    /// # Errors
    /// When a line is missing, busy or refused.
    pub fn open(settings: SolenoidSettings, open: OpenLines<'_>) -> Result<Self, MechanismError> {
        let lines = open(&settings.lines())?;
        let coils = numbered(&settings.coils, 1 + usize::from(settings.hold.is_some()));
        let switches = numbered(&settings.switches, 0);
        Ok(Self { settings, lines, coils, switches, phase: Phase::Off, asked: None })
    }

    fn coil(&self, position: usize) -> Option<Levels> {
        self.coils.get(position).copied().flatten()
    }

    fn hold(&self) -> Levels {
        if self.settings.hold.is_some() { bit(1) } else { 0 }
    }

    /// A coil that is on for too long is switched off, whatever it holds.
    fn watch_over(&mut self, now: Moment) -> Result<(), MechanismError> {
        let (Phase::Pulling { since } | Phase::Holding { since }) = self.phase else { return Ok(()) };
        if now.since(since) < self.settings.most_on {
            return Ok(());
        }
        self.release(now)?;
        let place = self.asked.map(|(_, position)| self.settings.track.name(position));
        Err(MechanismError::HeldTooLong { place: place.unwrap_or_default() })
    }
}

/// The bits of the lines there are, from `first` on.
fn numbered<T>(lines: &[Option<T>], first: usize) -> Vec<Option<Levels>> {
    let mut next = first..;
    lines.iter().map(|line| line.as_ref().and_then(|_| next.next()).map(bit)).collect()
}

impl Drive for Solenoid {
    fn start(&mut self, place: Place, now: Moment) -> Result<(), MechanismError> {
        let Some(position) = self.settings.track.position(place) else {
            return Err(MechanismError::NoSuchPlace { place: format!("{place:?}") });
        };
        let same = self.asked.is_some_and(|(_, before)| before == position);
        let is_on = matches!(self.phase, Phase::Pulling { .. } | Phase::Holding { .. });
        self.asked = Some((place, position));
        if same && is_on {
            return Ok(());
        }
        self.lines.write(0)?;
        let Some(coil) = self.coil(position) else {
            self.phase = Phase::Returning { since: now };
            return Ok(());
        };
        self.lines.write(coil | ENABLE)?;
        self.phase = Phase::Pulling { since: now };
        Ok(())
    }

    fn release(&mut self, _now: Moment) -> Result<(), MechanismError> {
        self.phase = Phase::Off;
        self.lines.write(0)
    }

    fn rest(&mut self, now: Moment) -> Result<(), MechanismError> {
        match self.phase {
            Phase::Holding { .. } => Ok(()),
            _ => self.release(now),
        }
    }

    fn inputs(&mut self) -> Result<Levels, MechanismError> {
        self.lines.read()
    }

    fn sense(&mut self, now: Moment) -> Result<Sensed, MechanismError> {
        while self.lines.next_edge()?.is_some() {}
        self.watch_over(now)?;
        let levels = self.lines.read()?;
        if levels.count_ones() > 1 {
            return Ok(Sensed { place: None, contradiction: true });
        }
        let Some((place, position)) = self.asked else { return Ok(Sensed::default()) };
        let there = self.switches.get(position).copied().flatten().is_none_or(|switch| levels == switch);
        let reached = match self.phase {
            Phase::Pulling { since } if there && now.since(since) >= self.settings.pull_in => {
                let coil = self.coil(position).unwrap_or_default();
                self.lines.write(coil | ENABLE | self.hold())?;
                self.phase = Phase::Holding { since };
                true
            }
            Phase::Holding { .. } => there,
            Phase::Returning { since } => there && now.since(since) >= self.settings.back,
            Phase::Off | Phase::Pulling { .. } => false,
        };
        Ok(Sensed { place: reached.then_some(place), contradiction: false })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::super::lines::LineId;
    use super::super::model::{Body, Model};
    use super::super::{FlapState, Request, Settings, Stage};
    use super::*;
    use crate::judge::{CompartmentId, Movement};

    const HOLD: Levels = bit(1);
    const POLL: Duration = Duration::from_millis(5);
    const MOST_ON: Duration = Duration::from_secs(4);

    /// Which coil is on, and for how long it has been.
    #[derive(Default)]
    struct Coils {
        coil: Levels,
        on_for: Duration,
    }

    impl Body for Coils {
        fn pass(&mut self, outputs: Levels, step: Duration) {
            let coil = outputs & !(ENABLE | HOLD);
            self.on_for = if coil != 0 && coil == self.coil { self.on_for + step } else { Duration::ZERO };
            self.coil = coil;
            assert!(self.on_for <= MOST_ON + POLL * 2, "on for {:?}", self.on_for);
        }

        fn inputs(&self) -> Levels {
            0
        }

        fn check(&mut self, _before: Levels, after: Levels) {
            let coils = (after & !(ENABLE | HOLD)).count_ones();
            assert_eq!(coils, u32::from(after & ENABLE != 0), "one coil with its supply, or none: {after:b}");
        }
    }

    struct Rig {
        stage: Stage,
        model: Model<Coils>,
        reports: Vec<Movement>,
    }

    impl Rig {
        fn new() -> Self {
            let output = |name: &str| Output {
                role: name.to_owned(),
                id: LineId::Named { chip: None, name: name.to_owned() },
                active_low: false,
            };
            let at = |id| Place::At(CompartmentId(id));
            let angles = HashMap::from([(Place::Home, 0.0), (at(0), 30.0), (at(1), 60.0), (at(2), 0.0)]);
            let settings = SolenoidSettings {
                enable: output("enable"),
                hold: Some(output("hold")),
                coils: vec![None, Some(output("left")), Some(output("right"))],
                switches: vec![None, None, None],
                pull_in: Duration::from_millis(100),
                back: Duration::from_millis(200),
                most_on: MOST_ON,
                track: Track::new(&angles),
            };
            let model = Model::new(Coils::default());
            let drive = Solenoid::open(settings, &|spec| model.open(spec)).unwrap();
            let limits = Settings { move_limit: Duration::from_secs(3), poll: POLL };
            let stage = Stage::new(Box::new(drive), limits, model.now()).unwrap();
            Self { stage, model, reports: Vec::new() }
        }

        fn ask(&mut self, request: Request) {
            let report = self.stage.request(request, self.model.now());
            self.note(report);
        }

        fn note(&mut self, report: Option<Movement>) {
            self.reports.extend(report);
            let may_be_on = match self.stage.status().state {
                FlapState::Going { .. } | FlapState::TurningBack { .. } => true,
                FlapState::Resting(place) => place != Place::Home,
                FlapState::Unhomed | FlapState::Failed => false,
            };
            assert!(may_be_on || self.model.outputs() == 0, "on in {:?}", self.stage.status().state);
        }

        fn pass(&mut self, millis: u64) {
            for _ in 0..millis / 5 {
                self.model.pass(POLL);
                let report = self.stage.poll(self.model.now());
                self.note(report);
            }
        }
    }

    #[test]
    fn it_pulls_in_holds_with_less_and_the_spring_takes_it_home() {
        let mut rig = Rig::new();
        rig.ask(Request::Home);
        rig.pass(300);
        rig.ask(Request::Move(CompartmentId(1)));
        rig.pass(50);
        assert_eq!(rig.model.outputs(), ENABLE | bit(3));
        rig.pass(100);
        assert_eq!(rig.model.outputs(), ENABLE | HOLD | bit(3), "held at rest");
        rig.ask(Request::Home);
        assert_eq!(rig.model.outputs(), 0);
        rig.pass(300);
        rig.ask(Request::Move(CompartmentId(2)));
        rig.pass(300);
        assert_eq!(rig.model.outputs(), 0, "the compartment under the shut flap needs no coil");
        let there = [1, 2].map(|id| Movement::Arrived(CompartmentId(id)));
        assert_eq!(rig.reports, [Movement::Homed, there[0], Movement::Homed, there[1]]);
    }

    #[test]
    fn what_is_held_too_long_is_let_go_and_a_fault() {
        let mut rig = Rig::new();
        rig.ask(Request::Home);
        rig.pass(300);
        rig.ask(Request::Move(CompartmentId(0)));
        rig.pass(5_000);
        assert_eq!(rig.reports.last(), Some(&Movement::Failed));
        assert_eq!((rig.model.outputs(), rig.stage.status().state), (0, FlapState::Failed));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// The coils and the rig check on the way: one coil at most, none beyond its on-time, none at home or failed.
        #[test]
        fn no_coil_is_on_for_too_long(script in prop::collection::vec((0u8..6, 1u64..2_000), 1..25)) {
            let mut rig = Rig::new();
            for (event, millis) in script {
                match event {
                    0 | 1 => rig.ask(Request::Home),
                    2 => rig.ask(Request::Halt),
                    compartment => rig.ask(Request::Move(CompartmentId(compartment - 3))),
                }
                rig.pass(millis);
            }
        }
    }
}
