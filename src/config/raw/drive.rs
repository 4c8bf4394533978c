//! `[drive]` of a calibration, as it is written: what turns the flap, and on which lines.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

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
