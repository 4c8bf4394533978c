//! The configuration file and the rig's calibration: read, checked as a whole, made into what the rooms need.
//!
//! [`Config::load`] reports every problem at once, each with its file and its path in it, because whoever mends
//! it may stand at a bin with a phone. Paths in a file are relative to that file. Units are in the key names.

mod calibration;
mod clips;
mod hub;
mod judge_table;
mod measured;
mod missing;
mod model;
mod overrides;
mod page;
mod problems;
mod raw;
mod screen;
mod versions;

pub use calibration::{CALIBRATION_VERSION, Calibration};
pub use clips::clips_in;
pub use measured::{SavedFlap, SavedScale, SavedSensors, SavedSpan};
pub use overrides::{Overrides, TUNABLE, Takes, Tunable};
pub use problems::{ConfigError, Problem};
pub use raw::{FAULT_RETRIES, RawCalibration, RawConfig, RawControls, RawJudge};
pub use versions::{Version, Versions, View};

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};

use crate::capture::device;
use crate::capture::replay::{Loops, Pace, ReplayOptions};
use crate::capture::{Controls, PixelFormat};
use crate::identify::{BundleStore, Limits, RuntimeSettings};
use crate::judge::{self, Compartment, CostTable};
use crate::mechanism::front::FrontSettings;
use crate::mechanism::guard::GuardSettings;
use crate::mechanism::sensors::SensorSettings;
use crate::mechanism::{self, DriveSettings};
use crate::streams::Stream;
use crate::uplink::{self, BinName};
use crate::web;
use problems::Problems;
use raw::{RawCamera, Source};
use versions::{Saved, Trial};

/// A checked configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file it was read from.
    pub file: PathBuf,
    /// Who this bin is.
    pub bin: BinName,
    /// The zone whose days are counted.
    pub zone: TimeZone,
    /// Where the ledger is.
    pub state_dir: PathBuf,
    /// Where frames come from.
    pub camera: Camera,
    /// The rig.
    pub calibration: Calibration,
    /// The folder of the factory's bundle.
    pub bundle: PathBuf,
    /// The installed bundles.
    pub bundles: BundleStore,
    /// What a new bundle is held against.
    pub change: Limits,
    /// A site head to use; `None`: the newest in the state folder, if there is one.
    pub site: Option<PathBuf>,
    /// Whether what the crew says of drops is learnt.
    pub corrections: bool,
    /// How the network is run.
    pub runtime: RuntimeSettings,
    /// The compartments, in the rig's order.
    pub compartments: Vec<Compartment>,
    /// About how many items fit in each of them, where the configuration says.
    pub holds_items: Vec<Option<u32>>,
    /// Where the bin stands, degrees north and east.
    pub location: Option<[f64; 2]>,
    /// What the judge is told besides the bundle.
    pub judge: JudgeConfig,
    /// The flap's limits.
    pub mechanism: mechanism::Settings,
    /// What turns the flap: what `mechanism.drive` says.
    pub drive: DriveSettings,
    /// What forbids movement; empty without the rig's own drive.
    pub guards: GuardSettings,
    /// Lamp, buzzer and button.
    pub front: FrontSettings,
    /// The rig's sensors; none with the simulated drive.
    pub sensors: SensorSettings,
    /// The hub; `None` when the bin stands alone.
    pub uplink: Option<uplink::Settings>,
    /// The page; `None` for none.
    pub web: Option<web::Settings>,
    /// The resident's screen.
    pub screen: web::screen::Settings,
    /// Language and loudness of the pages.
    pub display: web::Display,
    /// The file as it was read.
    pub text: String,
    /// First 12 digits of the sha256 of the file and of what was changed on the bin, to tell configurations apart.
    pub hash: String,
}

/// Where frames come from.
#[derive(Clone, Debug)]
pub enum Camera {
    /// None is chosen yet.
    None,
    /// A V4L2 device.
    V4l2(device::Settings),
    /// Recorded clips, by name and never instead of a missing device.
    Replay {
        /// Their folders.
        clips: Vec<PathBuf>,
        /// How they are played.
        options: ReplayOptions,
    },
}

/// The judge's part of the configuration; thresholds come with the bundle.
#[derive(Clone, Debug)]
pub struct JudgeConfig {
    /// What mistakes cost.
    pub cost: CostTable,
    /// The three numbers that the table was made from: lost, contaminated, dirty.
    pub costs: [f32; 3],
    /// Least probability of a stream, where the configuration says another one than the bundle.
    pub thresholds: [Option<f32>; Stream::COUNT],
    /// Votes at least.
    pub votes_least: u32,
    /// Votes at most.
    pub votes_most: u32,
    /// Retries before a jam.
    pub retries: u32,
    /// How often a flap that failed is sent home again.
    pub fault_retries: u32,
    /// The waits.
    pub timing: judge::Timing,
}

impl Config {
    /// Reads and checks the configuration, what the page has changed of it, and the calibration it names.
    ///
    /// # Errors
    /// Every problem found: every wrong or missing key; once all needed keys can be read, every value out of
    /// range and every problem of the calibration too.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Self::read(path, None, None)
    }

    /// As it would be with these changes instead of those that the page has made.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_with(path: &Path, changes: &toml::Table) -> Result<Self, ConfigError> {
        Self::read(path, Some(changes), None)
    }

    /// As it would be with this calibration of the camera instead of the one in force.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_calibrated(path: &Path, view: &View) -> Result<Self, ConfigError> {
        Self::read(path, None, Some(Trial::View(view)))
    }

    /// As it would be with this version of the whole calibration instead of the one in force.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_version(path: &Path, version: &Version) -> Result<Self, ConfigError> {
        Self::read(path, None, Some(Trial::Whole(version)))
    }

    fn read(
        path: &Path,
        changes: Option<&toml::Table>,
        trial: Option<Trial<'_>>,
    ) -> Result<Self, ConfigError> {
        let mut problems = Problems::default();
        let Some((mut table, mut text)) = problems.read(path) else { return Err(problems.into()) };
        let folder = path.parent().unwrap_or(Path::new(""));
        let state_dir = table.get("bin").and_then(|bin| bin.get("state_dir")).and_then(toml::Value::as_str);
        let over = Overrides::of(&folder.join(state_dir.unwrap_or(raw::DEFAULT_STATE_DIR))).file();
        let changes = match changes {
            Some(changes) => Some((changes.clone(), changes.to_string())),
            // A folder that may not be looked into is `state_dir`'s problem, told where it is used.
            None if over.is_file() => problems.read(&over),
            None => None,
        };
        if let Some((changes, changed)) = changes {
            text += &changed;
            for key in overrides::lay(&changes, &mut table) {
                problems
                    .in_file(&over)
                    .add(&key, "is not one of the keys that the page may change".to_owned());
            }
        }
        let Some(raw) = problems.take::<RawConfig>(table, path) else { return Err(problems.into()) };
        let saved = Saved::find(&folder.join(&raw.bin.state_dir), &raw.rig.name, trial, &mut problems);
        let config = Self::from_raw(raw, path, &text, saved.as_ref(), &mut problems.in_file(path));
        match config {
            Some(config) if problems.is_empty() => Ok(config),
            _ => Err(problems.into()),
        }
    }

    fn from_raw(
        raw: RawConfig,
        path: &Path,
        text: &str,
        saved: Option<&Saved>,
        problems: &mut problems::InFile<'_>,
    ) -> Option<Self> {
        let folder = path.parent().unwrap_or(Path::new(""));
        let bin = check_bin(&raw, problems);
        let zone =
            TimeZone::get(&raw.bin.zone).map_err(|error| problems.add("bin.zone", error.to_string())).ok();
        let camera = check_camera(&raw.camera, folder, problems);
        let compartments = check_compartments(&raw, problems);
        let calibration_path = folder.join(&raw.rig.calibration);
        let calibration =
            Calibration::load(&calibration_path, &raw.rig.name, &compartments, saved, problems.all());
        let camera = match (camera, &calibration) {
            (Some(Camera::V4l2(settings)), Some(calibration)) => {
                Some(Camera::V4l2(device::Settings { controls: calibration.controls, ..settings }))
            }
            (camera, _) => camera,
        };
        let drive = choose_drive(&raw, calibration.as_ref(), problems);
        let judge = judge_table::check(&raw, problems);
        let uplink = match (&raw.uplink, &bin) {
            (Some(uplink), Some(bin)) => hub::check(uplink, bin, folder, problems),
            _ => None,
        };
        let state_dir = folder.join(&raw.bin.state_dir);
        let web = raw.web.as_ref().and_then(|web| page::check(web, folder, &state_dir, problems));
        let screen = screen::check(
            &raw.web.as_ref().map(|web| web.screen.clone()).unwrap_or_default(),
            folder,
            problems,
        );
        if let (Some(_), Some(screen)) = (&raw.web, &screen) {
            screen::check_invented(&screen.rules, &compartments, problems);
        }
        model::check_threads(raw.model.threads, problems);
        let keys = model::check_keys(&raw.model.keys, problems);
        let (guards, front, sensors) = of_the_rig(&raw, calibration.as_ref());
        let text = text.to_owned() + saved.map_or("", |saved| &saved.text);
        Some(Self {
            file: path.to_owned(),
            bin: bin?,
            zone: zone?,
            bundles: BundleStore::of(&state_dir, &keys, raw.model.keep),
            change: model::check_change(&raw.model.change, problems),
            state_dir,
            camera: camera?,
            calibration: calibration?,
            bundle: folder.join(&raw.model.bundle),
            site: raw.model.site.map(|site| folder.join(site)),
            corrections: raw.model.corrections,
            runtime: RuntimeSettings {
                library: raw.model.runtime.map(|library| folder.join(library)),
                threads: raw.model.threads,
            },
            compartments,
            holds_items: raw.compartments.iter().map(|compartment| compartment.holds_items).collect(),
            location: raw.bin.location,
            judge,
            mechanism: mechanism::Settings {
                move_limit: Duration::from_millis(raw.mechanism.move_limit_ms),
                ..mechanism::Settings::default()
            },
            drive: drive?,
            guards,
            front,
            sensors,
            uplink,
            web,
            screen: screen?,
            display: raw.web.as_ref().map(screen::display).unwrap_or_default(),
            hash: Sha256::digest(text.as_bytes()).iter().take(6).map(|byte| format!("{byte:02x}")).collect(),
            text,
        })
    }

    /// The saved versions of the camera's calibration on this bin.
    pub fn versions(&self) -> Versions {
        Versions::of(&self.state_dir, &self.calibration.rig)
    }

    /// The settings of the judge for a bundle's head.
    pub fn judge_settings(&self, head: &crate::identify::Head, labels: usize) -> judge::Settings {
        judge::Settings {
            rules: judge::Rules {
                cost: self.judge.cost,
                thresholds: self.thresholds(head),
                energy_limit: head.energy_limit(),
                votes_least: self.judge.votes_least,
                votes_most: self.judge.votes_most,
                compartments: self.compartments.clone(),
            },
            timing: self.judge.timing.clone(),
            retries: self.judge.retries,
            fault_retries: self.judge.fault_retries,
            labels: (0..labels).map(|label| head.label_id(label)).collect(),
        }
    }
}

impl Config {
    /// Least probability at which each stream is accepted: the bundle's, unless the configuration says another one.
    fn thresholds(&self, head: &crate::identify::Head) -> [f32; Stream::COUNT] {
        let mut thresholds = head.thresholds();
        for (threshold, other) in thresholds.iter_mut().zip(self.judge.thresholds) {
            *threshold = other.unwrap_or(*threshold);
        }
        thresholds
    }

    /// The value of a setting that the page may change, as it is written; `judge` is what [`Config::judge_settings`]
    /// made of it.
    pub fn tunable(&self, tunable: Tunable, judge: &judge::Settings) -> String {
        if let Some(stream) = tunable.stream() {
            return judge.rules.thresholds[stream.index()].to_string();
        }
        let [lost, contaminated, dirty] = self.judge.costs;
        let timing = &judge.timing;
        match tunable.path {
            "judge.cost.lost" => lost.to_string(),
            "judge.cost.contaminated" => contaminated.to_string(),
            "judge.cost.dirty" => dirty.to_string(),
            "judge.settle_ms" => timing.settle.as_millis().to_string(),
            "judge.vote_limit_ms" => timing.vote_limit.as_millis().to_string(),
            "judge.votes_least" => judge.rules.votes_least.to_string(),
            "judge.votes_most" => judge.rules.votes_most.to_string(),
            "judge.clear_hold_ms" => timing.clear_hold.as_millis().to_string(),
            "judge.clear_limit_ms" => timing.clear_limit.as_millis().to_string(),
            "judge.retries" => judge.retries.to_string(),
            "mechanism.move_limit_ms" => self.mechanism.move_limit.as_millis().to_string(),
            "web.idle_min" => self.web.as_ref().map_or(0, |web| web.idle.as_secs() / 60).to_string(),
            "web.language" => self.display.language.map_or("", web::Language::id).to_owned(),
            "web.screen.voice_volume_percent" => self.display.volume_percent.to_string(),
            _ => String::new(),
        }
    }
}

fn check_bin(raw: &RawConfig, problems: &mut problems::InFile<'_>) -> Option<BinName> {
    let on_earth = |[north, east]: [f64; 2]| north.abs() <= 90.0 && east.abs() <= 180.0;
    problems.check(raw.bin.location.is_none_or(on_earth), "bin.location", || {
        "is not [degrees north, degrees east]".to_owned()
    });
    BinName::new(&raw.bin.district, &raw.bin.id).map_err(|error| problems.add("bin", error.to_string())).ok()
}

fn check_camera(raw: &RawCamera, folder: &Path, problems: &mut problems::InFile<'_>) -> Option<Camera> {
    match raw.source {
        Source::None => Some(Camera::None),
        Source::V4l2 => {
            if raw.device.is_empty() {
                problems
                    .add("camera.device", "is needed: a path such as /dev/v4l/by-id/..., or a name in there");
                return None;
            }
            let format = match raw.format.as_deref() {
                None => None,
                Some("mjpg") => Some(PixelFormat::Mjpeg),
                Some("yuyv") => Some(PixelFormat::Yuyv),
                Some(other) => {
                    problems.add("camera.format", format!("'{other}' is neither mjpg nor yuyv"));
                    None
                }
            };
            Some(Camera::V4l2(device::Settings {
                device: raw.device.clone(),
                width: raw.width,
                height: raw.height,
                rate_hz: raw.rate_hz,
                format,
                // They come with the rig's calibration.
                controls: Controls::default(),
            }))
        }
        Source::Replay => {
            let replay = &raw.replay;
            let clips = clips::find(replay.clips.iter().map(|clip| folder.join(clip)), problems);
            let options = ReplayOptions {
                loops: replay.loops.map_or(Loops::Forever, Loops::Times),
                pace: Pace::RealTime,
                seed: replay.seed,
                noise_sigma: replay.noise_sigma,
                drift_amplitude: replay.drift_amplitude,
                drift_period: Duration::from_millis(replay.drift_period_ms),
                dropped_probability: replay.dropped_probability,
                truncated_probability: replay.truncated_probability,
            };
            for (option, value, must) in options.problems() {
                let key = if option == "drift_period" { "drift_period_ms" } else { option };
                problems.add(&format!("camera.replay.{key}"), format!("{value} must be {must}"));
            }
            Some(Camera::Replay { clips, options })
        }
    }
}

fn check_compartments(raw: &RawConfig, problems: &mut problems::InFile<'_>) -> Vec<Compartment> {
    problems.check((1..=16).contains(&raw.compartments.len()), "compartment", || {
        format!("{} compartments, 1 to 16 are possible", raw.compartments.len())
    });
    for (index, compartment) in raw.compartments.iter().enumerate() {
        problems.check(
            compartment.holds_items != Some(0),
            &format!("compartment[{index}].holds_items"),
            || "must be 1 or more".to_owned(),
        );
        let first = raw.compartments.iter().position(|other| other.stream == compartment.stream);
        problems.check(first == Some(index), &format!("compartment[{index}].stream"), || {
            format!("{} stands twice", compartment.stream)
        });
    }
    raw.compartments
        .iter()
        .map(|compartment| Compartment {
            stream: compartment.stream,
            full: false,
            disabled: compartment.disabled,
        })
        .collect()
}

/// The rig's guards, front and sensors where its drive is the rig's own.
fn of_the_rig(
    raw: &RawConfig,
    calibration: Option<&Calibration>,
) -> (GuardSettings, FrontSettings, SensorSettings) {
    match (raw.mechanism.drive, calibration) {
        (raw::Drive::Rig, Some(rig)) => (rig.guards.clone(), rig.front.clone(), rig.sensors.clone()),
        _ => Default::default(),
    }
}

fn choose_drive(
    raw: &RawConfig,
    calibration: Option<&Calibration>,
    problems: &mut problems::InFile<'_>,
) -> Option<DriveSettings> {
    match raw.mechanism.drive {
        raw::Drive::None => Some(DriveSettings::None),
        raw::Drive::Simulated => Some(DriveSettings::Simulated),
        raw::Drive::Rig => {
            let calibration = calibration?;
            problems.check(calibration.has_drive, "mechanism.drive", || {
                format!("is 'rig', but {} has no [drive]", raw.rig.calibration.display())
            });
            calibration.drive.clone()
        }
    }
}

#[cfg(test)]
mod tests;
