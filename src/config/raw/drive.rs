//! `[drive]` of a calibration, as it is written: what turns the flap, and on which lines.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::mechanism::button::ButtonMeans;
use crate::mechanism::lines::Bias;
use crate::streams::Stream;

/// What `drive.kind` may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A flap in memory, for demonstrations and tests.
    Simulated,
    /// A DC motor behind an H-bridge, with a switch at each place.
    DcMotor,
    /// A servo on hardware PWM.
    Servo,
    /// A solenoid for each flap, springs that shut them.
    Solenoid,
    /// A stepper behind a driver chip.
    Stepper,
}

/// `[drive]`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawDrive {
    /// What turns the flap; its own keys stand in the table of that name.
    pub kind: Kind,
    /// Force on. Wire a pull-down to it: nothing may move while the program does not run.
    pub enable: Option<RawOutput>,
    /// Active when the flap is at home.
    pub home_switch: Option<RawInput>,
    /// Active when the flap is at this stream's place.
    #[serde(default)]
    pub switches: BTreeMap<Stream, RawInput>,
    /// For `dc_motor`.
    pub dc_motor: Option<RawDcMotor>,
    /// For `servo`.
    pub servo: Option<RawServo>,
    /// For `solenoid`.
    pub solenoid: Option<RawSolenoid>,
    /// For `stepper`.
    pub stepper: Option<RawStepper>,
}

/// `[guard]`: wire each so that a broken wire is active.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawGuards {
    /// Active while the crew's door to the mechanism is open; closing it also resets a jam.
    pub service_door: Option<RawInput>,
    /// Active while something breaks the light barrier across the throat.
    pub throat_beam: Option<RawInput>,
    /// Active while a sensor sees movement in the throat.
    pub throat_pir: Option<RawInput>,
    /// Movement stays forbidden this long after the last sign.
    pub hold_ms: u64,
}

impl Default for RawGuards {
    fn default() -> Self {
        Self { service_door: None, throat_beam: None, throat_pir: None, hold_ms: 300 }
    }
}

/// `[front]`: what both do is in `docs/BOARD.md`. All on one chip.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawFront {
    /// Lit while an item may be put in, blinking while it may not yet, dark when it cannot be.
    pub lamp: Option<RawOutput>,
    /// One that has its own tone: a beep for an item accepted, two for general waste, a long one for "take it back".
    pub buzzer: Option<RawOutput>,
    /// What the resident may press.
    pub button: Option<RawInput>,
    /// What a press asks for. None of them moves the flap.
    pub button_means: ButtonMeans,
}

/// `[drive.dc_motor]`: either `direction`, or `forward` and `reverse`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawDcMotor {
    /// Active towards greater angles.
    pub direction: Option<RawOutput>,
    /// Active while turning towards greater angles.
    pub forward: Option<RawOutput>,
    /// Active while turning towards smaller angles.
    pub reverse: Option<RawOutput>,
    /// How long the bridge stays off before the other direction.
    #[serde(default = "default_dead_time")]
    pub dead_time_ms: u64,
}

const fn default_dead_time() -> u64 {
    50
}

/// `[drive.servo]`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawServo {
    /// `pwmchip0`, or the name of its device (`1f00098000.pwm`), which does not change between kernels.
    pub chip: String,
    /// Channel of the chip.
    pub channel: u32,
    /// Pulse width at home.
    pub home_us: u32,
    /// Pulse width at each stream's place.
    pub positions_us: BTreeMap<Stream, u32>,
    /// From pulse to pulse.
    #[serde(default = "default_period")]
    pub period_us: u64,
    /// How fast the width changes.
    #[serde(default = "default_ramp")]
    pub ramp_us_per_s: u32,
    /// How long the servo may take to follow after the ramp's end.
    #[serde(default = "default_settle")]
    pub settle_ms: u64,
    /// Where the kernel shows its PWM chips.
    #[serde(default = "default_root")]
    pub root: PathBuf,
}

const fn default_period() -> u64 {
    20_000
}

const fn default_ramp() -> u32 {
    2_000
}

const fn default_settle() -> u64 {
    150
}

fn default_root() -> PathBuf {
    PathBuf::from("/sys/class/pwm")
}

/// `[drive.solenoid]`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawSolenoid {
    /// The coil of each stream's flap; a stream at home's angle has none.
    pub coils: BTreeMap<Stream, RawOutput>,
    /// Less current once a coil has pulled in.
    pub hold: Option<RawOutput>,
    /// Full current until then.
    #[serde(default = "default_pull_in")]
    pub pull_in_ms: u64,
    /// The spring needs this long.
    #[serde(default = "default_back")]
    pub return_ms: u64,
    /// No coil is on for longer; what it holds then is let go, and the drop has failed.
    #[serde(default = "default_most_on")]
    pub on_limit_ms: u64,
}

const fn default_pull_in() -> u64 {
    150
}

const fn default_back() -> u64 {
    300
}

const fn default_most_on() -> u64 {
    10_000
}

/// `[drive.stepper]`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawStepper {
    /// One step at each change to active.
    pub step: RawOutput,
    /// Active towards greater angles.
    pub direction: RawOutput,
    /// Steps of a whole turn of what carries the places: microsteps and gear included.
    pub steps_per_turn: u32,
    /// It may turn on for ever (a carousel), and takes the shorter way.
    #[serde(default)]
    pub endless: bool,
    /// Starts and stops at this rate without losing a step.
    pub start_hz: u32,
    /// Runs at this rate at most.
    pub top_hz: u32,
    /// How fast the rate grows, a second.
    pub acceleration_hz_per_s: u32,
    /// Looks for home at this rate, at most `start_hz`: it stops at once where the switch answers.
    pub homing_hz: u32,
}

/// A line that is driven: `line`, or `chip` and `offset`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawOutput {
    /// Name of the line, as `gpioinfo` shows it.
    pub line: Option<String>,
    /// Device, path or label of the chip, as `gpiodetect` shows it; needed with `offset`.
    pub chip: Option<String>,
    /// Number of the line on the chip.
    pub offset: Option<u32>,
    /// Active means low voltage.
    pub active_low: bool,
}

/// A line that is read: `line`, or `chip` and `offset`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawInput {
    /// Name of the line, as `gpioinfo` shows it.
    pub line: Option<String>,
    /// Device, path or label of the chip, as `gpiodetect` shows it; needed with `offset`.
    pub chip: Option<String>,
    /// Number of the line on the chip.
    pub offset: Option<u32>,
    /// Active means low voltage.
    pub active_low: bool,
    /// What holds the line while nothing drives it.
    pub bias: Bias,
    /// A change must last this long.
    pub debounce_ms: u64,
}

impl Default for RawInput {
    fn default() -> Self {
        Self { line: None, chip: None, offset: None, active_low: false, bias: Bias::AsIs, debounce_ms: 2 }
    }
}
