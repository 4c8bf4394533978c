//! The rig's calibration: what was measured on it.

mod drive;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::problems::{InFile, Problems};
use super::raw::{RawCalibration, RawControls, RawFlap};
use crate::capture::Controls;
use crate::detect::{self, Region};
use crate::judge::{Compartment, CompartmentId};
use crate::mechanism::guard::GuardSettings;
use crate::mechanism::{DriveSettings, Place, Track};

/// The version of the calibration's grammar that this program reads.
pub const CALIBRATION_VERSION: u32 = 1;

/// A checked calibration.
#[derive(Clone, Debug)]
pub struct Calibration {
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
}

impl Calibration {
    pub(super) fn load(
        path: &Path,
        rig: &str,
        compartments: &[Compartment],
        problems: &mut Problems,
    ) -> Option<Self> {
        let (table, _) = problems.read(path)?;
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
        let raw = problems.take::<RawCalibration>(table, path)?;
        let mut problems = problems.in_file(path);
        problems.check(raw.rig == rig, "rig", || {
            format!("it was measured on '{}', this bin's rig is '{rig}' ([rig] name)", raw.rig)
        });
        let [x, y, width, height] = raw.camera.region;
        let region = Region { x, y, width, height };
        problems.check(region.fits(raw.camera.width, raw.camera.height), "camera.region", || {
            format!(
                "{:?} is not inside the {}x{} picture",
                raw.camera.region, raw.camera.width, raw.camera.height
            )
        });
        problems.check(width >= 64 && height >= 48, "camera.region", || {
            format!("{width}x{height} is smaller than the 64x48 cells it is divided into")
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
        let folder = path.parent().unwrap_or(Path::new(""));
        let empty_chamber = raw.camera.empty_chamber.as_ref().map(|picture| folder.join(picture));
        if let Some(picture) = &empty_chamber {
            problems.check(picture.is_file(), "camera.empty_chamber", || {
                format!("{} is not there", picture.display())
            });
        }
        Some(Self {
            controls: controls(&raw.camera.controls, &mut problems),
            width: raw.camera.width,
            height: raw.camera.height,
            detect: detect::Settings {
                region,
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
        })
    }
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
    Controls {
        exposure_100us: raw.exposure_100us,
        gain: raw.gain,
        white_balance_k: raw.white_balance_k,
        focus: raw.focus,
        mains_hz: raw.mains_hz,
    }
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
