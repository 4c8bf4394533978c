//! Verdict -> safe flap movement
//!
//! [`Flap`] is the pure state machine of the one moving part; a [`Drive`] is what turns it. The shell in `stage.rs`
//! runs both in a thread of their own, so that neither the network nor the disk can delay a halt.
//!
//! ```text
//! unhomed --home--> going home --end-stop--> home --move--> going there --arrived--> at compartment
//!                        ^   |                 ^  \             | halt                 |
//!                        |   | halt            |   '<-----------'  (turns back)         |
//!                        |   '--> turning back-'                                        |
//!                        '------------------------------home---------------------------'
//! any --time limit, contradicting end-stops, drive error--> failed --home--> going home
//! ```
//!
//! A drive sees its hardware only through [`lines::Lines`]: `gpio.rs` has the kernel's, the tests a model of the mechanism.
//!
//! - Never moves unasked, not even at start: the judge asks for home once it sees that nothing is in the way.
//! - Every movement has a time limit, after which the drive is released.
//! - A halt is obeyed in every state and turns the flap back to where the movement began.
//! - A guard (service door, beam, movement sensor) halts by itself, without a picture and without the judge.
//! - At rest the drive is released; it is driven only while moving. (A solenoid holds its place, for a limited time.)
//! - The simulated drive is used only when the configuration names it.
//! - Only `gpio.rs` names gpiocdev. A drive's lines are held by one request: when the process ends, however it ends,
//!   the kernel takes the enable line back.

pub mod button;
pub mod dc_motor;
mod error;
mod events;
mod flap;
pub mod front;
pub mod gpio;
pub mod guard;
pub mod jog;
pub mod lines;
#[cfg(test)]
mod model;
pub mod profile;
pub mod pwm;
mod replay;
pub mod sensors;
pub mod servo;
pub mod solenoid;
mod stage;
pub mod stepper;
mod track;

pub use error::MechanismError;
pub use flap::{Flap, FlapState, Order, Step};

pub use replay::{SimDrive, SimFault};
pub use stage::{MechanismStatus, Request, Stage};
pub use track::Track;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, Moment};
use crate::judge::CompartmentId;
use lines::{Levels, LinesSpec, OpenLines};

/// A place where the flap can rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// The rest position.
    Home,
    /// Over this compartment.
    At(CompartmentId),
}

/// What the drive's inputs show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sensed {
    /// The place whose end-stop or position is reached; `None` in between.
    pub place: Option<Place>,
    /// Inputs that exclude each other are active at once: a wiring fault.
    pub contradiction: bool,
}

/// Something that turns the flap.
pub trait Drive: Send {
    /// Starts to move towards `place`; returns at once.
    ///
    /// # Errors
    /// When the hardware refuses.
    fn start(&mut self, place: Place, now: Moment) -> Result<(), MechanismError>;

    /// Takes the force away. Must be harmless at any time.
    ///
    /// # Errors
    /// When the hardware refuses.
    fn release(&mut self, now: Moment) -> Result<(), MechanismError>;

    /// A place was reached: takes the force away, unless the drive needs it to stay there.
    ///
    /// # Errors
    /// When the hardware refuses.
    fn rest(&mut self, now: Moment) -> Result<(), MechanismError> {
        self.release(now)
    }

    /// Reads the inputs and does what is due: called at least every [`Settings::poll`] while it moves.
    ///
    /// # Errors
    /// When the hardware refuses.
    fn sense(&mut self, now: Moment) -> Result<Sensed, MechanismError>;

    /// The levels of its inputs as they are, for whoever presses a switch by hand; in the order of its lines.
    ///
    /// # Errors
    /// When the hardware refuses.
    fn inputs(&mut self) -> Result<Levels, MechanismError> {
        Ok(0)
    }

    /// Waits until an input changes, at most `limit`. False at once when it has no inputs to wait for.
    ///
    /// # Errors
    /// When the hardware refuses.
    fn wait(&mut self, limit: Duration) -> Result<bool, MechanismError> {
        let _ = limit;
        Ok(false)
    }
}

/// What turns a rig's flap, as its file says.
#[derive(Clone, Debug, PartialEq)]
pub enum DriveSettings {
    /// No rig is chosen: whatever is asked for is refused.
    None,
    /// A flap in memory.
    Simulated,
    /// A DC motor with a switch at each place.
    DcMotor(Box<dc_motor::DcMotorSettings>),
    /// A servo on hardware PWM.
    Servo(Box<servo::ServoSettings>),
    /// A solenoid for each flap.
    Solenoid(Box<solenoid::SolenoidSettings>),
    /// A stepper behind a driver chip.
    Stepper(Box<stepper::StepperSettings>),
}

/// The drive of a bin whose rig is not chosen yet: it has nothing to turn and never says otherwise.
#[derive(Debug)]
struct NoDrive;

impl Drive for NoDrive {
    fn start(&mut self, _place: Place, _now: Moment) -> Result<(), MechanismError> {
        Err(MechanismError::NoRig)
    }

    fn release(&mut self, _now: Moment) -> Result<(), MechanismError> {
        Ok(())
    }

    fn sense(&mut self, _now: Moment) -> Result<Sensed, MechanismError> {
        Ok(Sensed::default())
    }
}

/// What drives are opened on.
pub struct Board<'a> {
    /// Requests lines.
    pub open_lines: OpenLines<'a>,
    /// For waits of the opening itself, and for a drive's own threads.
    pub clock: &'a Arc<dyn Clock>,
}

impl DriveSettings {
    /// The identifier used in the rig's file.
    pub const fn kind(&self) -> &'static str {
        match self {
            DriveSettings::None => "none",
            DriveSettings::Simulated => "simulated",
            DriveSettings::DcMotor(_) => "dc_motor",
            DriveSettings::Servo(_) => "servo",
            DriveSettings::Solenoid(_) => "solenoid",
            DriveSettings::Stepper(_) => "stepper",
        }
    }

    /// The lines it needs; touches none.
    pub fn lines(&self) -> LinesSpec {
        match self {
            DriveSettings::None | DriveSettings::Simulated => LinesSpec::default(),
            DriveSettings::DcMotor(settings) => settings.lines(),
            DriveSettings::Servo(settings) => settings.lines(),
            DriveSettings::Solenoid(settings) => settings.lines(),
            DriveSettings::Stepper(settings) => settings.lines(),
        }
    }

    /// Opens the drive, off; the simulated one turns a flap of these places and this speed.
    ///
    /// # Errors
    /// When the hardware is missing, busy or refuses.
    pub fn open(
        &self,
        angles_deg: &HashMap<Place, f32>,
        speed_deg_per_s: f32,
        board: &Board<'_>,
    ) -> Result<Box<dyn Drive>, MechanismError> {
        let open = board.open_lines;
        Ok(match self {
            DriveSettings::None => Box::new(NoDrive),
            DriveSettings::Simulated => Box::new(SimDrive::new(angles_deg.clone(), speed_deg_per_s)),
            DriveSettings::DcMotor(settings) => {
                Box::new(dc_motor::DcMotor::open((**settings).clone(), open)?)
            }
            DriveSettings::Servo(settings) => {
                // The enable line is ours, and inactive, before the channel is touched.
                let lines = open(&settings.lines())?;
                let pwm = pwm::SysfsPwm::open(&settings.pwm, &**board.clock)?;
                Box::new(servo::Servo::new((**settings).clone(), lines, Box::new(pwm)))
            }
            DriveSettings::Solenoid(settings) => {
                Box::new(solenoid::Solenoid::open((**settings).clone(), open)?)
            }
            DriveSettings::Stepper(settings) => {
                Box::new(stepper::Stepper::open((**settings).clone(), open, Arc::clone(board.clock))?)
            }
        })
    }
}

/// What the flap is told about its rig.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// A movement that takes longer has failed.
    pub move_limit: Duration,
    /// How often the inputs are read while moving, and how long a halt may wait behind an input.
    pub poll: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { move_limit: Duration::from_secs(3), poll: Duration::from_millis(5) }
    }
}
