//! `[sensors]` of a calibration, as it is written: how full the compartments are, what an item weighs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::RawInput;
use crate::mechanism::sensors::IIO_ROOT;
use crate::streams::Stream;

/// `[sensors]`: opened only with the rig's drive. `docs/BOARD.md` says how to wire and measure them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawSensors {
    /// Where the kernel shows its IIO devices.
    pub root: PathBuf,
    /// The sensor of each stream's compartment, where it has one.
    pub fill: BTreeMap<Stream, RawFill>,
    /// The scale under the chamber's floor.
    pub load_cell: Option<RawLoadCell>,
}

impl Default for RawSensors {
    fn default() -> Self {
        Self { root: PathBuf::from(IIO_ROOT), fill: BTreeMap::new(), load_cell: None }
    }
}

/// `[sensors.fill.<stream>]`: either `distance` or `full_switch`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawFill {
    /// A distance sensor in the lid that looks down.
    pub distance: Option<RawChannel>,
    /// What it reads down to the floor; `bunri calibrate sensors` measures it.
    pub empty_mm: Option<f32>,
    /// What it reads when nothing more should go in.
    pub full_mm: Option<f32>,
    /// A switch or light barrier that is active while the compartment is full.
    pub full_switch: Option<RawInput>,
    /// Full from this level on.
    pub full_percent: f32,
    /// Open again from this level down.
    pub open_percent: f32,
}

impl Default for RawFill {
    fn default() -> Self {
        Self {
            distance: None,
            empty_mm: None,
            full_mm: None,
            full_switch: None,
            full_percent: 95.0,
            open_percent: 75.0,
        }
    }
}

/// `[sensors.load_cell]`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawLoadCell {
    /// Its converter, for example an HX711.
    pub voltage: RawChannel,
    /// What it reads under the empty chamber; `bunri calibrate sensors` measures it.
    pub zero_mv: Option<f64>,
    /// How many grams a millivolt is; negative where it is mounted the other way round.
    pub grams_per_mv: Option<f64>,
}

/// A channel of an IIO device: never by its number. At least one of `name`, `label` and `at`; all that are given must fit.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawChannel {
    /// What the driver calls it: the file `name` of the device.
    pub name: Option<String>,
    /// What the device tree calls it: the file `label` of the device.
    pub label: Option<String>,
    /// A folder of its real path in sysfs, for example `1-0029`: the chip at address 29 of I2C bus 1.
    pub at: Option<String>,
    /// Beginning of its files' names; left out, `in_distance` or, of a load cell, `in_voltage0`.
    pub channel: Option<String>,
}
