//! How the bin is: its compartments, its health, its alarms, and what it is made of.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ALARM_TYPE, BinName, Event, FILL_TYPE, HEALTH_TYPE, TWIN_TYPE};
use crate::streams::Stream;

/// How full each compartment is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Fill {
    /// Each compartment, in the rig's order.
    pub compartments: Vec<CompartmentFill>,
}

/// How full one compartment is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CompartmentFill {
    /// Position in the bin, from 0.
    pub position: u8,
    /// What it collects.
    pub stream: Stream,
    /// 0 (empty) to 1 (full), two decimals; null where `basis` is.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub level: Option<f64>,
    /// How `level` is known; null where it is not.
    pub basis: Option<Basis>,
    /// Items that went there since it was emptied.
    pub items: u64,
    /// Whether nothing more fits in, as somebody said: its items go elsewhere.
    pub full: bool,
    /// Whether it is closed: its items go elsewhere.
    pub closed: bool,
    /// When it was emptied last, RFC 3339, UTC; null when that is not known.
    pub emptied: Option<String>,
}

/// How a level is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Estimated: items since it was emptied, of as many as usually fit in.
    Counts,
    /// Somebody looked and said that it is full.
    Said,
    /// A sensor in the compartment.
    Measured,
}

/// How the bin is right now. Sent once a minute while connected, never kept: what was missed is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Health {
    /// What the sorting does, for example `empty`, `settled` or `jam`; null in the first moments.
    pub state: Option<String>,
    /// Alarms that are up, as in [`Alarm::alarm`].
    pub alarms: Vec<String>,
    /// The camera.
    pub camera: CameraHealth,
    /// Times of one look of the network, milliseconds; 0 before the first.
    pub inference: InferenceHealth,
    /// The warmest of the board's sensors, degrees Celsius; null where it has none.
    pub temperature_c: Option<f64>,
    /// The ledger's disk; null where nobody says.
    pub disk: Option<DiskHealth>,
    /// Whether a time service vouches for the clock.
    pub clock_synchronised: bool,
    /// Seconds since the program started.
    pub up_s: u64,
    /// Messages that wait for the hub.
    pub waiting: u64,
    /// Messages that were ever given up.
    pub given_up: u64,
}

/// How the camera is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CameraHealth {
    /// Whether it sends frames.
    pub signal: bool,
    /// Frames a second.
    pub frames_per_s: f64,
    /// Damaged pictures that were refused since the start.
    pub refused: u64,
}

/// How long the network looks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InferenceHealth {
    /// Median.
    pub p50_ms: f64,
    /// One look in a hundred takes longer.
    pub p99_ms: f64,
}

/// How much room the disk has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DiskHealth {
    /// Free, bytes.
    pub free_bytes: u64,
    /// In all, bytes.
    pub size_bytes: u64,
}

/// Something needs a person, or no longer. Sent when it changes, and once only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Alarm {
    /// What: `jam`, `mechanism`, `ledger`, `camera`, `blocked`, `crew_called` or `sensor`. There may come others.
    pub alarm: String,
    /// Raised, or cleared.
    pub raised: bool,
    /// Whether the bin's clock was synchronised when `time` was taken.
    pub clock_synchronised: bool,
}

/// What the bin is made of. Sent at every connect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Twin {
    /// Version and commit of the program.
    pub software: String,
    /// Name and version of the model bundle.
    pub model: String,
    /// What the configuration is known by: it changes when the configuration does.
    pub configuration: String,
    /// What each compartment collects, in the rig's order.
    pub compartments: Vec<Stream>,
    /// Where it stands; null where the configuration does not say.
    pub location: Option<Location>,
}

/// A place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Location {
    /// Degrees north, WGS 84.
    #[schemars(range(min = -90.0, max = 90.0))]
    pub latitude: f64,
    /// Degrees east.
    #[schemars(range(min = -180.0, max = 180.0))]
    pub longitude: f64,
}

/// The event of the compartments, sent at `unix_ms` by the run `run`.
pub fn fill_event(bin: &BinName, run: &str, fill: Fill, unix_ms: i64) -> Event<Fill> {
    Event::new(bin, FILL_TYPE, format!("{run}:fill:{unix_ms}"), unix_ms, fill)
}

/// The event of the health, sent at `unix_ms` by the run `run`.
pub fn health_event(bin: &BinName, run: &str, health: Health, unix_ms: i64) -> Event<Health> {
    Event::new(bin, HEALTH_TYPE, format!("{run}:health:{unix_ms}"), unix_ms, health)
}

/// The event of an alarm: the `number`th change of the run `run`, at `unix_ms`.
pub fn alarm_event(bin: &BinName, run: &str, number: u64, alarm: Alarm, unix_ms: i64) -> Event<Alarm> {
    Event::new(bin, ALARM_TYPE, format!("{run}:alarm:{number}"), unix_ms, alarm)
}

/// The event of the twin at the connection `connection`.
pub fn twin_event(bin: &BinName, connection: &str, twin: Twin, unix_ms: i64) -> Event<Twin> {
    Event::new(bin, TWIN_TYPE, format!("{connection}:twin"), unix_ms, twin)
}
