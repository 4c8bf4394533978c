//! The files' grammar, as it is written. Every key has a unit in its name or none at all.

mod drive;
mod frames;
mod screen;
mod sensors;
mod uplink;

pub(super) use frames::RawKeepFrames;
pub(super) use screen::{RawLanguage, RawRule, RawRules, RawScreen};
pub(super) use sensors::{RawChannel, RawFill, RawLoadCell, RawSensors};
pub(super) use uplink::{Mqtt, RawHomeAssistant, RawTls, RawUplink};

pub(super) use drive::{
    Kind, RawDcMotor, RawDrive, RawFront, RawGuards, RawInput, RawOutput, RawServo, RawSolenoid, RawStepper,
};

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capture::Controls;
use crate::detect::Edge;
use crate::streams::Stream;

/// `bunri.toml`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawConfig {
    /// Who this bin is.
    pub bin: RawBin,
    /// Where frames come from.
    pub camera: RawCamera,
    /// Which rig it is.
    pub rig: RawRig,
    /// What recognises.
    pub model: RawModel,
    /// The compartments, in the rig's order; general waste takes every reject.
    #[serde(rename = "compartment", default)]
    pub compartments: Vec<RawCompartment>,
    /// How the decision is made.
    #[serde(default)]
    pub judge: RawJudge,
    /// What moves the flap.
    pub mechanism: RawMechanism,
    /// The city's hub; leave it out for a bin that stands alone.
    pub uplink: Option<RawUplink>,
    /// The page; leave it out for none.
    pub web: Option<RawWeb>,
}

/// `[bin]`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawBin {
    /// The district, as in the hub's topics.
    pub district: String,
    /// The bin's name in its district.
    pub id: String,
    /// Time zone whose days are counted.
    #[serde(default = "default_zone")]
    pub zone: String,
    /// Folder of the ledger.
    #[serde(default = "default_state_dir")]
    pub state_dir: PathBuf,
    /// Where the bin stands: degrees north and east, for the hub's map.
    pub location: Option<[f64; 2]>,
}

fn default_zone() -> String {
    crate::tally::DEFAULT_ZONE.to_owned()
}

/// Where the ledger is unless the configuration says so.
pub(super) const DEFAULT_STATE_DIR: &str = "/var/lib/bunri";

fn default_state_dir() -> PathBuf {
    PathBuf::from(DEFAULT_STATE_DIR)
}

/// What `camera.source` may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// None is chosen yet: the bin sees nothing, and says so.
    None,
    /// A camera of the board.
    V4l2,
    /// Recorded clips.
    Replay,
}

/// `[camera]`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawCamera {
    /// Where frames come from.
    pub source: Source,
    /// For `v4l2`: a path, or a name in /dev/v4l/by-id or by-path.
    #[serde(default)]
    pub device: String,
    /// Requested columns.
    #[serde(default = "default_width")]
    pub width: u32,
    /// Requested rows.
    #[serde(default = "default_height")]
    pub height: u32,
    /// Requested frames per second.
    #[serde(default = "default_rate")]
    pub rate_hz: u32,
    /// `mjpg` or `yuyv`; left out, either will do.
    pub format: Option<String>,
    /// For `replay`.
    #[serde(default)]
    pub replay: RawReplay,
}

const fn default_width() -> u32 {
    640
}

const fn default_height() -> u32 {
    480
}

const fn default_rate() -> u32 {
    30
}

/// `[camera.replay]`
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawReplay {
    /// Clips, or folders of clips.
    #[serde(default)]
    pub clips: Vec<PathBuf>,
    /// How often the list is played; left out, for ever.
    pub loops: Option<u32>,
    /// What all randomness comes from.
    #[serde(default)]
    pub seed: u64,
    /// Standard deviation of sensor noise, in grey levels.
    #[serde(default)]
    pub noise_sigma: f64,
    /// Swing of the exposure, as a share.
    #[serde(default)]
    pub drift_amplitude: f64,
    /// Duration of one swing.
    #[serde(default = "default_drift_period")]
    pub drift_period_ms: u64,
    /// That a frame never arrives.
    #[serde(default)]
    pub dropped_probability: f64,
    /// That a frame arrives cut.
    #[serde(default)]
    pub truncated_probability: f64,
}

const fn default_drift_period() -> u64 {
    60_000
}

/// `[rig]`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawRig {
    /// The rig's name; its calibration must be for the same one.
    pub name: String,
    /// The rig's calibration file.
    pub calibration: PathBuf,
}

/// `[model]`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawModel {
    /// The folder of the factory's bundle, which counts while none is installed.
    pub bundle: PathBuf,
    /// Minisign public keys whose bundles may be installed; without one, none may.
    #[serde(default)]
    pub keys: Vec<String>,
    /// Installed bundles that are kept besides the live one and the one before it.
    #[serde(default = "default_keep")]
    pub keep: usize,
    /// What a new bundle is held against before it stays.
    #[serde(default)]
    pub change: RawChange,
    /// A site head that `bunri teach` wrote; left out, the newest in the state folder counts.
    pub site: Option<PathBuf>,
    /// Whether what the crew says of drops ("that was glass") is learnt, on top of what it shows.
    #[serde(default)]
    pub corrections: bool,
    /// The ONNX Runtime library; left out, the usual places are searched.
    pub runtime: Option<PathBuf>,
    /// Threads inside one run of the network.
    #[serde(default = "default_threads")]
    pub threads: usize,
}

const fn default_keep() -> usize {
    2
}

const fn default_threads() -> usize {
    1
}

/// `[model.change]`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawChange {
    /// Items that a new bundle judges beside the live one.
    pub shadow_items: u32,
    /// Share of them that both must send to the same stream.
    pub agreement: f32,
    /// Items that it then judges, live, before it counts as good.
    pub trial_items: u32,
    /// How far the share of rejects may be from what it was with the old one.
    pub reject_band: f32,
    /// How long a look may take.
    pub slowest_look_ms: u64,
}

impl Default for RawChange {
    fn default() -> Self {
        let limits = crate::identify::Limits::default();
        Self {
            shadow_items: limits.shadow_items,
            agreement: limits.agreement,
            trial_items: limits.trial_items,
            reject_band: limits.reject_band,
            slowest_look_ms: limits.slowest_look.as_millis() as u64,
        }
    }
}

/// `[[compartment]]`
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawCompartment {
    /// What it collects.
    pub stream: Stream,
    /// Closed by the crew.
    #[serde(default)]
    pub disabled: bool,
    /// About how many items fit in: the hub is then told how full it is, estimated from counts.
    pub holds_items: Option<u32>,
}

/// `[judge]`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawJudge {
    /// An item must lie still this long before it is looked at.
    pub settle_ms: u64,
    /// Voting ends after this long.
    pub vote_limit_ms: u64,
    /// Votes at least.
    pub votes_least: u32,
    /// Votes at most.
    pub votes_most: u32,
    /// The chamber must be seen empty this long before a drop counts.
    pub clear_hold_ms: u64,
    /// An item still there after this long is tried again.
    pub clear_limit_ms: u64,
    /// Retries before it is a jam.
    pub retries: u32,
    /// Least probability at which a stream is accepted, where it is not the bundle's.
    pub thresholds: BTreeMap<Stream, f32>,
    /// What mistakes cost.
    pub cost: RawCost,
}

impl Default for RawJudge {
    fn default() -> Self {
        Self {
            settle_ms: 300,
            vote_limit_ms: 1500,
            votes_least: 3,
            votes_most: 12,
            clear_hold_ms: 150,
            clear_limit_ms: 1500,
            retries: 1,
            thresholds: BTreeMap::new(),
            cost: RawCost::default(),
        }
    }
}

/// `[judge.cost]`: in units of one recyclable lost to general waste.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawCost {
    /// A recyclable sent to general waste.
    pub lost: f32,
    /// A recyclable sent to another clean stream.
    pub contaminated: f32,
    /// General waste sent to a clean stream.
    pub dirty: f32,
    /// Single mistakes that cost something else.
    #[serde(rename = "mistake")]
    pub mistakes: Vec<RawMistake>,
}

impl Default for RawCost {
    fn default() -> Self {
        Self { lost: 1.0, contaminated: 4.0, dirty: 4.0, mistakes: Vec::new() }
    }
}

/// `[[judge.cost.mistake]]`
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawMistake {
    /// What the item is.
    pub item: Stream,
    /// Where it is sent.
    pub sent_to: Stream,
    /// What that costs.
    pub cost: f32,
}

/// What `mechanism.drive` may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Drive {
    /// No rig is chosen yet: no line is touched, nothing moves and nothing is sorted, and the bin says so.
    None,
    /// A flap in memory, for demonstrations and tests, whatever the rig has.
    Simulated,
    /// The one that the rig's calibration describes under `[drive]`.
    Rig,
}

/// `[mechanism]`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawMechanism {
    /// What turns the flap; always named, so that nothing is simulated by accident.
    pub drive: Drive,
    /// A movement that takes longer has failed.
    #[serde(default = "default_move_limit")]
    pub move_limit_ms: u64,
    /// How often a flap that failed is sent home again before it is a jam that waits for a person.
    #[serde(default = "default_fault_retries")]
    pub retries: u32,
}

/// Retries of a failed flap where the configuration does not say.
pub const FAULT_RETRIES: u32 = 3;

const fn default_fault_retries() -> u32 {
    FAULT_RETRIES
}

const fn default_move_limit() -> u64 {
    3_000
}

/// `[web]`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawWeb {
    /// Address and port: a loopback one, or another one with TLS.
    pub listen: String,
    /// Language of the pages until somebody switches, and the screen's first; left out: the browser's, and Korean.
    pub language: Option<RawLanguage>,
    /// The resident's screen.
    #[serde(default)]
    pub screen: RawScreen,
    /// Whether the connection is encrypted; left out, beyond loopback it is.
    pub tls: Option<bool>,
    /// The certificate (PEM); left out, one is made at the first start.
    pub certificate: Option<PathBuf>,
    /// Its key (PEM).
    pub key: Option<PathBuf>,
    /// Names it may be called by, besides localhost and IP addresses.
    #[serde(default)]
    pub names: Vec<String>,
    /// Anyone on this machine may look and act, without a login; for demonstrations, on a loopback address.
    #[serde(default)]
    pub open_on_loopback: bool,
    /// File with the token by which `/metrics` may be read from elsewhere; left out, only this machine may.
    pub metrics_token_file: Option<PathBuf>,
    /// Keeping a small picture with each drop; left out, no picture touches the disk.
    pub keep_frames: Option<RawKeepFrames>,
    /// A session ends after so many minutes without use.
    #[serde(default = "default_idle")]
    pub idle_min: u64,
}

const fn default_idle() -> u64 {
    30
}

/// `calibration/<rig>.toml`: measured values.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawCalibration {
    /// Version of this grammar.
    pub version: u32,
    /// The rig it was measured on.
    pub rig: String,
    /// The camera's view.
    pub camera: RawView,
    /// The flap.
    pub flap: RawFlap,
    /// What turns it; needed where `mechanism.drive` is `rig`.
    pub drive: Option<RawDrive>,
    /// What forbids every movement while it is active; opened only with the rig's drive.
    #[serde(default)]
    pub guard: RawGuards,
    /// What stands on the bin's front; opened only with the rig's drive.
    #[serde(default)]
    pub front: RawFront,
    /// How full the compartments are, and what an item weighs.
    #[serde(default)]
    pub sensors: RawSensors,
}

/// `[camera]` of a calibration.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawView {
    /// Columns of the picture it was measured in.
    pub width: u32,
    /// Rows of the picture it was measured in.
    pub height: u32,
    /// First column, first row, columns and rows of the chamber's floor.
    pub region: [u32; 4],
    /// Edges of the region over which hands come in.
    #[serde(default)]
    pub throat: Vec<Edge>,
    /// Share of the region an item covers at least.
    #[serde(default = "default_occupied")]
    pub occupied_share: f32,
    /// Share of the region that changes when something moves.
    #[serde(default = "default_motion")]
    pub motion_share: f32,
    /// Time constant with which the empty chamber follows slow changes.
    #[serde(default = "default_adapt")]
    pub adapt_s: u64,
    /// A picture of the empty chamber: one of the camera's size, or the region alone in 64x48 cells, as it is saved on the
    /// bin. Left out, the first still frames are learnt as empty.
    pub empty_chamber: Option<PathBuf>,
    /// What the camera must not decide for itself.
    #[serde(default)]
    pub controls: RawControls,
}

/// `[camera.controls]` of a calibration; a value fixes the control and ends its automatic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawControls {
    /// Exposure time, in 100 microseconds.
    pub exposure_100us: Option<u32>,
    /// Gain, in the driver's units.
    pub gain: Option<u32>,
    /// White balance.
    pub white_balance_k: Option<u32>,
    /// Focus, in the driver's units.
    pub focus: Option<u32>,
    /// The mains' frequency, for the flicker filter: 50 or 60.
    pub mains_hz: Option<u32>,
}

impl From<RawControls> for Controls {
    fn from(raw: RawControls) -> Self {
        let RawControls { exposure_100us, gain, white_balance_k, focus, mains_hz } = raw;
        Self { exposure_100us, gain, white_balance_k, focus, mains_hz }
    }
}

impl From<Controls> for RawControls {
    fn from(controls: Controls) -> Self {
        let Controls { exposure_100us, gain, white_balance_k, focus, mains_hz } = controls;
        Self { exposure_100us, gain, white_balance_k, focus, mains_hz }
    }
}

const fn default_occupied() -> f32 {
    0.008
}

const fn default_motion() -> f32 {
    0.004
}

const fn default_adapt() -> u64 {
    20
}

/// `[flap]` of a calibration.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawFlap {
    /// The rest position.
    pub home_deg: f32,
    /// Speed between its places.
    pub speed_deg_per_s: f32,
    /// The position over each compartment, by stream.
    pub positions_deg: BTreeMap<Stream, f32>,
}
