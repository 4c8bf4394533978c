//! The rig's calibration: what was measured on it.

mod drive;
mod sensors;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::problems::{InFile, Problems};
use super::raw::{RawCalibration, RawControls, RawFlap, RawView};
use super::versions::Saved;
use crate::capture::Controls;
use crate::detect::{self, Region};
use crate::judge::{Compartment, CompartmentId};
use crate::mechanism::front::FrontSettings;
use crate::mechanism::guard::GuardSettings;
use crate::mechanism::sensors::SensorSettings;
use crate::mechanism::{DriveSettings, Place, Track};

/// The version of the calibration's grammar that this program reads.
pub const CALIBRATION_VERSION: u32 = 1;

/// A checked calibration.
#[derive(Clone, Debug)]
pub struct Calibration {
    /// The rig it was measured on.
    pub rig: String,
    /// The saved version that the camera's part comes from; 0 where the rig's own file has it.
    pub version: u32,
    /// Columns of the picture it holds for.
    pub width: u32,
    /// Rows of the picture it holds for.
    pub height: u32,
    /// For the detector.
    pub detect: detect::Settings,
    /// A picture of the empty chamber.
    pub empty_chamber: Option<PathBuf>,
    /// What the camera must not decide for itself.
    pub controls: Controls,
    /// Angle of each of the flap's places, in degrees.
    pub angles_deg: HashMap<Place, f32>,
    /// Speed of the flap.
    pub speed_deg_per_s: f32,
    /// Whether the file says what turns it.
    pub has_drive: bool,
    /// What turns it; `None` also when something is wrong with what the file says.
    pub drive: Option<DriveSettings>,
    /// What forbids movement.
    pub guards: GuardSettings,
    /// Lamp, buzzer and button.
    pub front: FrontSettings,
    /// How full the compartments are, and what an item weighs.
    pub sensors: SensorSettings,
}

impl Calibration {
    pub(super) fn load(
        path: &Path,
        rig: &str,
        compartments: &[Compartment],
        saved: Option<&Saved>,
        problems: &mut Problems,
    ) -> Option<Self> {
        let (table, _) = problems.read(path)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        // The keys of another version are none of this program's business.
        if let Some(version) = table.get("version").and_then(toml::Value::as_integer)
            && version != i64::from(CALIBRATION_VERSION)
        {
            problems.in_file(path).add(
                "version",
                format!(
                    "{version} is another version than this program's {CALIBRATION_VERSION}: calibrate the rig again"
                ),
            );
            return None;
        }
        let mut raw = problems.take::<RawCalibration>(table, path)?;
        let mut empty_chamber = raw.camera.empty_chamber.as_ref().map(|picture| folder.join(picture));
        if let Some(saved) = saved {
            raw.camera.region = saved.view.region.unwrap_or(raw.camera.region);
            raw.camera.controls = saved.view.controls.unwrap_or(raw.camera.controls);
            empty_chamber = saved.view.empty_chamber.clone().or(empty_chamber);
            saved.flap.lay_over(&mut raw);
            saved.sensors.lay_over(&mut raw.sensors);
        }
        let written_in = saved.map_or(path, |saved| &saved.file);
        let controls = check_view(&raw.camera, empty_chamber.as_deref(), &mut problems.in_file(written_in));
        let mut problems = problems.in_file(path);
        problems.check(raw.rig == rig, "rig", || {
            format!("it was measured on '{}', this bin's rig is '{rig}' ([rig] name)", raw.rig)
        });
        for (key, share) in
            [("occupied_share", raw.camera.occupied_share), ("motion_share", raw.camera.motion_share)]
        {
            problems.check((0.001..=0.5).contains(&share), &format!("camera.{key}"), || {
                format!("{share} is not 0.001 to 0.5")
            });
        }
        problems.check((1.0..=5_000.0).contains(&raw.flap.speed_deg_per_s), "flap.speed_deg_per_s", || {
            format!("{} is not 1 to 5000", raw.flap.speed_deg_per_s)
        });
        let angles_deg = angles(&raw.flap, compartments, &mut problems);
        let track = Track::new(&angles_deg);
        let mut lines = drive::LineChecks::new(&mut problems);
        let turned_by = raw.drive.as_ref().map(|raw| drive::check(raw, &track, compartments, &mut lines));
        let guards = drive::check_guards(&raw.guard, &mut lines);
        let front = drive::check_front(&raw.front, &mut lines);
        let sensors = sensors::check(&raw.sensors, compartments, &mut lines);
        Some(Self {
            rig: raw.rig,
            version: saved.map_or(0, |saved| saved.number),
            controls,
            width: raw.camera.width,
            height: raw.camera.height,
            detect: detect::Settings {
                region: raw.camera.region.into(),
                throat: raw.camera.throat,
                occupied_share: raw.camera.occupied_share,
                motion_share: raw.camera.motion_share,
                adapt: Duration::from_secs(raw.camera.adapt_s.max(1)),
            },
            empty_chamber,
            angles_deg,
            speed_deg_per_s: raw.flap.speed_deg_per_s,
            has_drive: raw.drive.is_some(),
            drive: turned_by.flatten(),
            guards,
            front,
            sensors: SensorSettings { root: folder.join(&sensors.root), ..sensors },
        })
    }
}

impl Calibration {
    /// What of the camera's part differs from an earlier one, as `path: before -> after`.
    pub fn camera_differences(&self, before: &Calibration) -> Vec<String> {
        let region = |calibration: &Calibration| format!("{:?}", <[u32; 4]>::from(calibration.detect.region));
        let control =
            |value: Option<u32>| value.map_or_else(|| "automatic".to_owned(), |value| value.to_string());
        let (now, then) = (self.controls, before.controls);
        let pairs = [
            ("region", region(before), region(self)),
            ("controls.exposure_100us", control(then.exposure_100us), control(now.exposure_100us)),
            ("controls.gain", control(then.gain), control(now.gain)),
            ("controls.white_balance_k", control(then.white_balance_k), control(now.white_balance_k)),
            ("controls.focus", control(then.focus), control(now.focus)),
            ("controls.mains_hz", control(then.mains_hz), control(now.mains_hz)),
        ];
        let differing = pairs.into_iter().filter(|(_, before, after)| before != after);
        differing.map(|(path, before, after)| format!("camera.{path}: {before} -> {after}")).collect()
    }
}

/// What a saved version may say instead of the rig's own file.
fn check_view(camera: &RawView, empty_chamber: Option<&Path>, problems: &mut InFile<'_>) -> Controls {
    let region = Region::from(camera.region);
    problems.check(region.fits(camera.width, camera.height), "camera.region", || {
        format!("{:?} is not inside the {}x{} picture", camera.region, camera.width, camera.height)
    });
    problems.check(region.width >= 64 && region.height >= 48, "camera.region", || {
        let Region { width, height, .. } = region;
        format!("{width}x{height} is smaller than the 64x48 cells it is divided into")
    });
    if let Some(picture) = empty_chamber {
        problems.check(picture.is_file(), "camera.empty_chamber", || {
            format!("{} is not there", picture.display())
        });
    }
    controls(&camera.controls, problems)
}

fn controls(raw: &RawControls, problems: &mut InFile<'_>) -> Controls {
    let values = [
        ("exposure_100us", raw.exposure_100us, 1..=10_000),
        ("gain", raw.gain, 0..=65_535),
        ("white_balance_k", raw.white_balance_k, 1_000..=20_000),
        ("focus", raw.focus, 0..=65_535),
    ];
    for (key, value, range) in values {
        problems.check(
            value.is_none_or(|value| range.contains(&value)),
            &format!("camera.controls.{key}"),
            || format!("{} is not {} to {}", value.unwrap_or_default(), range.start(), range.end()),
        );
    }
    problems.check(
        raw.mains_hz.is_none_or(|hertz| matches!(hertz, 50 | 60)),
        "camera.controls.mains_hz",
        || format!("{} is neither 50 nor 60", raw.mains_hz.unwrap_or_default()),
    );
    Controls::from(*raw)
}

/// The angle of each of the flap's places, in degrees.
fn angles(flap: &RawFlap, compartments: &[Compartment], problems: &mut InFile<'_>) -> HashMap<Place, f32> {
    let mut angles_deg = HashMap::from([(Place::Home, flap.home_deg)]);
    for (index, compartment) in (0u8..).zip(compartments) {
        match flap.positions_deg.get(&compartment.stream) {
            Some(angle) => {
                angles_deg.insert(Place::At(CompartmentId(index)), *angle);
            }
            None => problems.add(
                &format!("flap.positions_deg.{}", compartment.stream),
                "is missing: that compartment has no position",
            ),
        }
    }
    for (stream, angle) in &flap.positions_deg {
        let path = format!("flap.positions_deg.{stream}");
        problems.check(angle.is_finite() && angle.abs() <= 360.0, &path, || {
            format!("{angle} is not -360 to 360")
        });
    }
    angles_deg
}
