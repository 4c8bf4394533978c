//! GPIO lines as a drive sees them: outputs written all at once, inputs with their edges.
//!
//! [`Lines`] is the seam between a drive and its hardware: the kernel's character device is behind it in `gpio.rs`, a
//! model of the mechanism in the tests.
//!
//! - Levels are logical everywhere: *active* is what the line's name says, whatever the voltage (`active_low`).
//! - Bit `n` of [`Levels`] is the `n`th output, or the `n`th input, of the [`LinesSpec`].

use std::fmt;
use std::time::Duration;

use super::MechanismError;
use crate::clock::Moment;

/// Active lines, one bit each.
pub type Levels = u64;

/// Lines of one kind in a request, at most: the kernel's own limit.
pub const MOST_LINES: usize = 64;

/// Which line of the board.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LineId {
    /// By the name the board's device tree gives it.
    Named {
        /// On this chip (device, path or label), or on any.
        chip: Option<String>,
        /// The line's name.
        name: String,
    },
    /// By its number on a chip.
    Offset {
        /// Device (`gpiochip0`), path or label of the chip.
        chip: String,
        /// Number of the line on it.
        offset: u32,
    },
}

impl fmt::Display for LineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LineId::Named { chip: None, name } => write!(f, "'{name}'"),
            LineId::Named { chip: Some(chip), name } => write!(f, "'{name}' of {chip}"),
            LineId::Offset { chip, offset } => write!(f, "{offset} of {chip}"),
        }
    }
}

/// What holds an input that nothing drives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Bias {
    /// Left as the board has it.
    #[default]
    AsIs,
    /// Neither pull.
    Disabled,
    /// Towards the supply.
    PullUp,
    /// Towards ground.
    PullDown,
}

/// A line that is driven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Its path in the rig's file, for whoever mends it.
    pub role: String,
    /// Which line.
    pub id: LineId,
    /// Active means low voltage.
    pub active_low: bool,
}

/// A line that is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Its path in the rig's file, for whoever mends it.
    pub role: String,
    /// Which line.
    pub id: LineId,
    /// Active means low voltage.
    pub active_low: bool,
    /// What holds it when nothing drives it.
    pub bias: Bias,
    /// The kernel reports a change only when it lasts this long.
    pub debounce: Duration,
}

/// Every line of one drive, or of the guards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinesSpec {
    /// Who asks, as the kernel shows it to others (`bunri-drive`).
    pub consumer: &'static str,
    /// Outputs, all on one chip so that one request holds them; inactive from the start.
    pub outputs: Vec<Output>,
    /// Inputs, all on one chip.
    pub inputs: Vec<Input>,
}

/// A change of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Which input.
    pub input: usize,
    /// Whether it became active.
    pub active: bool,
    /// When, by the kernel's stamp.
    pub at: Moment,
}

/// Requested lines. What was written holds only while this lives; closing it takes every output back.
pub trait Lines: Send {
    /// Writes every output at once.
    ///
    /// # Errors
    /// When the kernel refuses.
    fn write(&mut self, active: Levels) -> Result<(), MechanismError>;

    /// Reads every input.
    ///
    /// # Errors
    /// When the kernel refuses.
    fn read(&mut self) -> Result<Levels, MechanismError>;

    /// The oldest change not yet taken; returns at once.
    ///
    /// # Errors
    /// When the kernel refuses.
    fn next_edge(&mut self) -> Result<Option<Edge>, MechanismError>;

    /// Waits until an input changes, at most `limit`; whether one did.
    ///
    /// # Errors
    /// When the kernel refuses.
    fn wait_edge(&mut self, limit: Duration) -> Result<bool, MechanismError>;
}

/// The bit of a line.
pub(super) const fn bit(index: usize) -> Levels {
    1 << index
}

/// Opens lines: the kernel's, or a model's in tests.
pub type OpenLines<'a> = &'a dyn Fn(&LinesSpec) -> Result<Box<dyn Lines>, MechanismError>;
