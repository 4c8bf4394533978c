//! A drive moved by hand, a little at a time, to find its places; and its travel times, measured.
//!
//! - Never moves longer than [`PULSE`] after a press: whoever lets go of the key lets go of the flap. A terminal that
//!   repeats a held key keeps it going; a connection that breaks stops it.
//! - Never moves while a guard is active, or before all of them were looked at.
//! - Never past an end-stop, where the drive has one; never beyond what a servo's pulses may be.
//! - At rest the drive is off.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::dc_motor::{DcMotorSettings, Direction};
use super::lines::{Levels, Lines, bit};
use super::pwm::{Pwm, SysfsPwm};
use super::servo::ServoSettings;
use super::stepper::StepperSettings;
use super::{Board, DriveSettings, MechanismError};
use crate::clock::Moment;

/// How long one press moves.
pub const PULSE: Duration = Duration::from_millis(150);
/// How often a moving drive is looked at.
pub const TICK: Duration = Duration::from_millis(5);
/// A servo's width changes so fast, slowly and quickly.
const SERVO_US_PER_S: [f64; 2] = [100.0, 500.0];
/// No hobby servo takes less or more; a rig's file may not say so either.
const SERVO_US: std::ops::RangeInclusive<f64> = 500.0..=2_500.0;

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Towards smaller angles, or shorter pulses.
    Less,
    /// Towards greater ones.
    More,
}

/// What one press asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nudge {
    /// Which way.
    pub way: Way,
    /// Quickly, where the drive knows two speeds.
    pub fast: bool,
}

/// Where the drive is, as far as it knows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spot {
    /// The servo's pulse width, in microseconds.
    pub width_us: Option<u32>,
    /// The stepper's angle, in degrees, once its home switch has answered.
    pub angle_deg: Option<f32>,
    /// The inputs of the drive, in the order of its lines.
    pub inputs: Levels,
}

/// A drive that can be moved a little.
trait Mover: Send {
    /// Goes on for one tick.
    fn go(&mut self, nudge: Nudge, now: Moment) -> Result<(), MechanismError>;
    /// Takes every force away.
    fn stop(&mut self) -> Result<(), MechanismError>;
    /// Where it is.
    fn spot(&mut self) -> Result<Spot, MechanismError>;
}

/// What became of a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ticked {
    /// It moves.
    Moving,
    /// It is at rest.
    Resting,
    /// It would move, and a guard forbids it.
    Guarded,
}

/// A drive in somebody's hands.
pub struct Jog {
    mover: Box<dyn Mover>,
    veto: Arc<AtomicBool>,
    moving: Option<(Nudge, Moment)>,
}

impl Jog {
    /// Takes the drive's lines, off. `veto`: the guards' flag.
    ///
    /// # Errors
    /// When a line or channel is missing, busy or refused; `None` for a drive that has nothing to find by hand.
    pub fn open(
        drive: &DriveSettings,
        veto: Arc<AtomicBool>,
        board: &Board<'_>,
    ) -> Result<Option<Self>, MechanismError> {
        let mover: Box<dyn Mover> = match drive {
            DriveSettings::None | DriveSettings::Simulated | DriveSettings::Solenoid(_) => return Ok(None),
            DriveSettings::Servo(settings) => {
                let lines = (board.open_lines)(&settings.lines())?;
                let pwm = SysfsPwm::open(&settings.pwm, &**board.clock)?;
                Box::new(ServoMover::new((**settings).clone(), lines, Box::new(pwm)))
            }
            DriveSettings::DcMotor(settings) => {
                let lines = (board.open_lines)(&settings.lines())?;
                Box::new(MotorMover { settings: (**settings).clone(), lines, way: None, driven: None })
            }
            DriveSettings::Stepper(settings) => {
                let lines = (board.open_lines)(&settings.lines())?;
                Box::new(StepMover { settings: (**settings).clone(), lines, steps: None, stepped_at: None })
            }
        };
        Ok(Some(Self { mover, veto, moving: None }))
    }

    /// Somebody pressed.
    pub const fn press(&mut self, nudge: Nudge, now: Moment) {
        self.moving = Some((nudge, now));
    }

    /// One tick, every [`TICK`]: goes on, or stops because nobody presses or a guard is active.
    ///
    /// # Errors
    /// When the hardware refuses; it was told to stop then.
    pub fn tick(&mut self, now: Moment) -> Result<Ticked, MechanismError> {
        let Some((nudge, pressed)) = self.moving else { return Ok(Ticked::Resting) };
        let guarded = self.veto.load(Ordering::SeqCst);
        if guarded || now.since(pressed) >= PULSE {
            self.moving = None;
            self.mover.stop()?;
            return Ok(if guarded { Ticked::Guarded } else { Ticked::Resting });
        }
        if let Err(error) = self.mover.go(nudge, now) {
            self.moving = None;
            self.mover.stop()?;
            return Err(error);
        }
        Ok(Ticked::Moving)
    }

    /// Takes every force away at once.
    ///
    /// # Errors
    /// When the hardware refuses.
    pub fn stop(&mut self) -> Result<(), MechanismError> {
        self.moving = None;
        self.mover.stop()
    }

    /// Where it is.
    ///
    /// # Errors
    /// When the hardware refuses.
    pub fn spot(&mut self) -> Result<Spot, MechanismError> {
        self.mover.spot()
    }
}

/// Enable is the first output of every drive.
const ENABLE: Levels = bit(0);

struct ServoMover {
    settings: ServoSettings,
    lines: Box<dyn Lines>,
    pwm: Box<dyn Pwm>,
    width_us: f64,
    on_since: Option<Moment>,
}

impl ServoMover {
    /// The first width is home's, where a servo that was let go at rest is.
    fn new(settings: ServoSettings, lines: Box<dyn Lines>, pwm: Box<dyn Pwm>) -> Self {
        let home = settings.track.position(super::Place::Home).and_then(|at| settings.widths.get(at));
        let width_us = home.map_or(1_500.0, |width| width.as_secs_f64() * 1e6);
        Self { settings, lines, pwm, width_us, on_since: None }
    }
}

impl Mover for ServoMover {
    fn go(&mut self, nudge: Nudge, now: Moment) -> Result<(), MechanismError> {
        let speed = SERVO_US_PER_S[usize::from(nudge.fast)];
        let passed = self.on_since.map_or(Duration::ZERO, |since| now.since(since)).min(TICK * 4);
        let by = passed.as_secs_f64() * if nudge.way == Way::More { speed } else { -speed };
        self.width_us = (self.width_us + by).clamp(*SERVO_US.start(), *SERVO_US.end());
        self.pwm.pulse(Duration::from_nanos((self.width_us * 1_000.0) as u64))?;
        if self.on_since.is_none() {
            self.pwm.run(true)?;
            self.lines.write(ENABLE)?;
        }
        self.on_since = Some(now);
        Ok(())
    }

    fn stop(&mut self) -> Result<(), MechanismError> {
        self.on_since = None;
        let power = self.lines.write(0);
        let quiet = self.pwm.pulse(Duration::ZERO);
        power.and(quiet).and(self.pwm.run(false))
    }

    fn spot(&mut self) -> Result<Spot, MechanismError> {
        let inputs = if self.settings.lines().inputs.is_empty() { 0 } else { self.lines.read()? };
        Ok(Spot { width_us: Some(self.width_us.round() as u32), angle_deg: None, inputs })
    }
}

struct MotorMover {
    settings: DcMotorSettings,
    lines: Box<dyn Lines>,
    way: Option<Way>,
    /// The last way it was driven, and until when: the bridge rests after that before the other one.
    driven: Option<(Way, Moment)>,
}

impl Mover for MotorMover {
    fn go(&mut self, nudge: Nudge, now: Moment) -> Result<(), MechanismError> {
        let way = nudge.way;
        let levels = self.lines.read()?;
        let end = match way {
            Way::Less => bit(0),
            Way::More => bit(self.settings.switches.len().saturating_sub(1)),
        };
        if levels & end != 0 {
            return self.stop();
        }
        if self.way == Some(way) {
            self.driven = Some((way, now));
            return Ok(());
        }
        if self.way.is_some() {
            self.stop()?;
        }
        // It was on for up to a tick after it was last looked at.
        let rest = self.settings.dead_time + TICK;
        if self.driven.is_some_and(|(last, until)| last != way && now.since(until) < rest) {
            return Ok(());
        }
        let direction = match (&self.settings.direction, way) {
            (_, Way::More) => bit(1),
            (Direction::Line(_), Way::Less) => 0,
            (Direction::Pair { .. }, Way::Less) => bit(2),
        };
        self.lines.write(direction)?;
        self.lines.write(direction | ENABLE)?;
        (self.way, self.driven) = (Some(way), Some((way, now)));
        Ok(())
    }

    fn stop(&mut self) -> Result<(), MechanismError> {
        self.way = None;
        self.lines.write(0)
    }

    fn spot(&mut self) -> Result<Spot, MechanismError> {
        Ok(Spot { inputs: self.lines.read()?, ..Spot::default() })
    }
}

struct StepMover {
    settings: StepperSettings,
    lines: Box<dyn Lines>,
    /// Steps from home, once its switch has answered.
    steps: Option<i64>,
    stepped_at: Option<Moment>,
}

impl StepMover {
    /// Degrees of one step, from the two positions that are farthest apart.
    fn deg_per_step(&self) -> Option<f32> {
        let (track, steps) = (&self.settings.track, &self.settings.steps);
        let last = steps.len().checked_sub(1)?;
        let apart = steps[last] - steps[0];
        (apart != 0).then_some((track.angle_deg(last)? - track.angle_deg(0)?) / apart as f32)
    }
}

impl Mover for StepMover {
    fn go(&mut self, nudge: Nudge, now: Moment) -> Result<(), MechanismError> {
        let speeds = &self.settings.speeds;
        let hertz = if nudge.fast { speeds.start_hz } else { speeds.start_hz / 4.0 };
        let due = |at| now.since(at) >= Duration::from_secs_f64(1.0 / hertz);
        if !self.stepped_at.is_none_or(due) {
            return Ok(());
        }
        let (direction, by) = if nudge.way == Way::More { (bit(1), 1) } else { (0, -1) };
        self.lines.write(ENABLE | direction)?;
        self.lines.write(ENABLE | direction | bit(2))?;
        self.lines.write(ENABLE | direction)?;
        self.stepped_at = Some(now);
        self.steps = self.steps.map(|steps| steps + by);
        // The switch's near edge, coming from above: the same side on which the drive homes.
        let mut home = false;
        while let Some(edge) = self.lines.next_edge()? {
            home |= edge.active;
        }
        if home && nudge.way == Way::Less {
            self.steps = Some(0);
        }
        Ok(())
    }

    fn stop(&mut self) -> Result<(), MechanismError> {
        self.stepped_at = None;
        self.lines.write(0)
    }

    fn spot(&mut self) -> Result<Spot, MechanismError> {
        let home = self.settings.track.position(super::Place::Home);
        let home_deg = home.and_then(|at| self.settings.track.angle_deg(at)).unwrap_or(0.0);
        let angle = self.steps.zip(self.deg_per_step()).map(|(steps, deg)| home_deg + steps as f32 * deg);
        Ok(Spot { width_us: None, angle_deg: angle, inputs: self.lines.read()? })
    }
}

#[cfg(test)]
mod tests;
