//! How full the compartments are, and what an item weighs, where a rig has sensors for it.
//!
//! ```text
//!  kernel (IIO) ──mm──> level.rs: median, plausibility ──0..1──> fullness.rs: full or not, and who is believed
//!  switch lines ──────> held for a while ─────────────────────>
//!  kernel (IIO) ──mV──> weight.rs: still empty chamber, then the still item ──> grams
//! ```
//!
//! - A sensor that is missing, fails or says what cannot be is *unknown*, and named. It is never taken for an empty
//!   compartment: a compartment that was full stays full, one that was open stays open.
//! - Never one reading alone: an item that falls past, or an echo that is lost, changes nothing.
//! - Never moves or forbids anything: a full compartment is full the way the crew says it by the page.

pub mod bank;
pub mod fullness;
pub mod iio;
pub mod level;
pub mod switch;
pub mod weight;

use std::path::PathBuf;

use super::lines::Input;
use iio::ChannelId;
use level::Span;

/// Where the kernel shows its IIO devices.
pub const IIO_ROOT: &str = "/sys/bus/iio/devices";

/// `[sensors]` of a calibration, checked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SensorSettings {
    /// Where the kernel shows its IIO devices.
    pub root: PathBuf,
    /// The sensor of each compartment, in the rig's order; `None` where it has none.
    pub fill: Vec<Option<FillSettings>>,
    /// The scale under the chamber's floor.
    pub load_cell: Option<LoadCellSettings>,
}

impl SensorSettings {
    /// Whether the rig has any.
    pub fn is_empty(&self) -> bool {
        self.fill.iter().all(Option::is_none) && self.load_cell.is_none()
    }

    /// The lines of the full-switches.
    pub fn switches(&self) -> impl Iterator<Item = &Input> {
        self.fill.iter().flatten().filter_map(|fill| match &fill.source {
            FillSource::Switch(input) => Some(input),
            FillSource::Distance { .. } => None,
        })
    }
}

/// One compartment's sensor.
#[derive(Clone, Debug, PartialEq)]
pub struct FillSettings {
    /// What is read.
    pub source: FillSource,
    /// Full from this level on, 0 to 1.
    pub full_at: f32,
    /// Open again from this level down.
    pub open_at: f32,
}

/// What a compartment's sensor is.
#[derive(Clone, Debug, PartialEq)]
pub enum FillSource {
    /// How far it is from the lid down to what lies in the compartment.
    Distance {
        /// Where it is read.
        channel: ChannelId,
        /// What it reads over the empty and over the full compartment; `None`: nobody has measured yet.
        span: Option<Span>,
    },
    /// A line that is active while the compartment is full.
    Switch(Input),
}

/// The scale under the chamber's floor.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadCellSettings {
    /// Where it is read, in the kernel's unit of a voltage (millivolt).
    pub channel: ChannelId,
    /// What it reads under the empty chamber, and how many grams a millivolt is; `None`: nobody has measured yet.
    pub scale: Option<weight::Scale>,
}

/// Why nothing is known from a sensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It is not on the board.
    Missing,
    /// It is there and does not answer.
    Failing,
    /// It says what cannot be: nearer than any sensor sees, or farther than the floor.
    OutOfRange,
    /// One reading has nothing to do with the next.
    Scattered,
    /// It says the very same however much goes in.
    Stuck,
    /// Nobody has measured what it reads when empty and when full.
    Uncalibrated,
    /// Nothing was heard of it for a while.
    Silent,
}

impl Trouble {
    /// Every trouble.
    pub const ALL: [Self; 7] = [
        Self::Missing,
        Self::Failing,
        Self::OutOfRange,
        Self::Scattered,
        Self::Stuck,
        Self::Uncalibrated,
        Self::Silent,
    ];

    /// The identifier used on the page and in the log.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Failing => "failing",
            Self::OutOfRange => "out-of-range",
            Self::Scattered => "scattered",
            Self::Stuck => "stuck",
            Self::Uncalibrated => "uncalibrated",
            Self::Silent => "silent",
        }
    }
}
