//! What was calibrated on the bin: numbered versions beside the ledger, laid over the rig's own file.
//!
//! ```text
//! <state folder>/calibration/000007.toml   region, controls, the flap's and the sensors' measured values, by whom and
//!                                          when; the newest of this rig is in force, and says all of it
//!                            000007.png    what the empty chamber looks like: the detector's cells, no photograph
//! ```
//!
//! - Only counts up: going back saves the earlier one again, so that nothing is lost and the newest is always the one.
//! - Never a version of another rig. Never half a version: the picture is written first, each file whole or not at all.
//! - Never passed over when it cannot be read: that is a problem of the configuration.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::measured::{SavedFlap, SavedSensors};
use super::problems::{Problem, Problems};
use super::raw::RawControls;

/// Versions that are kept.
const KEPT: usize = 50;

/// What of the camera's calibration a version says; what is `None` is as the rig's own file has it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    /// First column, first row, columns and rows of the chamber's floor.
    pub region: Option<[u32; 4]>,
    /// The empty chamber, beside the version's file.
    pub empty_chamber: Option<PathBuf>,
    /// What the camera must not decide for itself.
    pub controls: Option<RawControls>,
}

/// One saved version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Version {
    /// Counts up from 1.
    #[serde(skip)]
    pub number: u32,
    /// The rig it was measured on.
    pub rig: String,
    /// When, in milliseconds since 1970 (UTC).
    pub saved_at_ms: i64,
    /// Who.
    pub by: String,
    /// The version that this one went back to; 0 is the rig's own file.
    pub back_to: Option<u32>,
    /// What it says of the camera.
    #[serde(default)]
    pub camera: View,
    /// What it says of the flap.
    #[serde(default)]
    pub flap: SavedFlap,
    /// What it says of the sensors.
    #[serde(default)]
    pub sensors: SavedSensors,
}

/// The versions of one rig on one bin.
#[derive(Clone, Debug)]
pub struct Versions {
    folder: PathBuf,
    rig: String,
}

impl Versions {
    /// Those of the bin whose ledger is in this folder; nothing is made yet.
    pub fn of(state_dir: &Path, rig: &str) -> Self {
        Self { folder: state_dir.join("calibration"), rig: rig.to_owned() }
    }

    /// Where they are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file of a version.
    pub fn file(&self, number: u32) -> PathBuf {
        self.folder.join(format!("{number:06}.toml"))
    }

    /// The picture that a version names, with its folder.
    pub fn chamber(&self, version: &Version) -> Option<PathBuf> {
        version.camera.empty_chamber.as_ref().map(|name| self.folder.join(name))
    }

    /// Every version of this rig, oldest first.
    ///
    /// # Errors
    /// The first file that cannot be read, with why.
    pub fn all(&self) -> Result<Vec<Version>, Problem> {
        let read = self.numbers().into_iter().map(|number| self.read(number));
        let mut all = read.collect::<Result<Vec<_>, _>>()?;
        all.retain(|version| version.rig == self.rig);
        Ok(all)
    }

    /// The version in force; `None` where the rig's own file is.
    ///
    /// # Errors
    /// As [`Versions::all`].
    pub fn newest(&self) -> Result<Option<Version>, Problem> {
        Ok(self.all()?.pop())
    }

    /// Saves a version as the newest, with the empty chamber as a PNG; gives it its number.
    ///
    /// # Errors
    /// When the disk refuses; then what was in force still is.
    pub fn put(&self, version: &Version, chamber: Option<&[u8]>) -> io::Result<u32> {
        let numbers = self.numbers();
        let number = numbers.last().map_or(1, |last| last + 1);
        let mut version = Version { number, rig: self.rig.clone(), ..version.clone() };
        version.camera.empty_chamber = None;
        if let Some(picture) = chamber {
            let name = PathBuf::from(format!("{number:06}.png"));
            crate::whole_file::write(&self.folder.join(&name), picture)?;
            version.camera.empty_chamber = Some(name);
        }
        let text = toml::to_string(&version).map_err(io::Error::other)?;
        let text = format!("# Saved on the bin; laid over the rig's own calibration file.\n\n{text}");
        crate::whole_file::write(&self.file(number), text.as_bytes())?;
        for old in numbers.iter().rev().skip(KEPT - 1) {
            // One too many is no harm.
            let _gone = std::fs::remove_file(self.file(*old)).is_ok();
            let _gone = std::fs::remove_file(self.folder.join(format!("{old:06}.png"))).is_ok();
        }
        Ok(number)
    }

    fn read(&self, number: u32) -> Result<Version, Problem> {
        let file = self.file(number);
        let problem = |message| Problem { file: file.clone(), path: String::new(), message };
        let text =
            std::fs::read_to_string(&file).map_err(|error| problem(format!("cannot be read: {error}")))?;
        let version = toml::from_str::<Version>(&text).map_err(|error| {
            let why = crate::one_line::toml(&error, &text);
            problem(format!("{why}; mend it, or remove it to go back to the version before"))
        })?;
        Ok(Version { number, ..version })
    }

    fn numbers(&self) -> Vec<u32> {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().filter_map(Result::ok);
        let number = |name: std::ffi::OsString| name.to_str()?.strip_suffix(".toml")?.parse().ok();
        let mut numbers: Vec<u32> = entries.filter_map(|entry| number(entry.file_name())).collect();
        numbers.sort_unstable();
        numbers
    }
}

/// What is looked at before it is saved.
#[derive(Clone, Copy, Debug)]
pub(super) enum Trial<'a> {
    /// The camera's part alone, with the folder of its picture.
    View(&'a View),
    /// All of it.
    Whole(&'a Version),
}

/// A version, or one on trial, on its way into the rig's calibration.
#[derive(Debug)]
pub(super) struct Saved {
    /// 0 while it is on trial.
    pub(super) number: u32,
    /// Whose problems its values are.
    pub(super) file: PathBuf,
    pub(super) view: View,
    pub(super) flap: SavedFlap,
    pub(super) sensors: SavedSensors,
    /// As it is written, to tell configurations apart.
    pub(super) text: String,
}

impl Saved {
    /// The one on trial, otherwise the newest; `None` where the rig's own file is in force. What is on trial for the
    /// camera alone has the rest of the newest.
    pub(super) fn find(
        state_dir: &Path,
        rig: &str,
        trial: Option<Trial<'_>>,
        problems: &mut Problems,
    ) -> Option<Self> {
        let versions = Versions::of(state_dir, rig);
        let mut newest = || versions.newest().map_err(|problem| problems.push(problem)).ok().flatten();
        let file = versions.folder.clone();
        match trial {
            Some(Trial::View(view)) => {
                let Version { flap, sensors, .. } = newest().unwrap_or_default();
                Some(Self { number: 0, file, view: view.clone(), flap, sensors, text: String::new() })
            }
            Some(Trial::Whole(version)) => {
                let Version { camera, flap, sensors, .. } = version.clone();
                let view = View { empty_chamber: versions.chamber(version), ..camera };
                Some(Self { number: 0, file, view, flap, sensors, text: String::new() })
            }
            None => {
                let version = newest()?;
                let (number, file) = (version.number, versions.file(version.number));
                let text = toml::to_string(&version).unwrap_or_default();
                let view = View { empty_chamber: versions.chamber(&version), ..version.camera };
                Some(Self { number, file, view, flap: version.flap, sensors: version.sensors, text })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(x: u32) -> Version {
        let camera = View { region: Some([x, 2, 300, 200]), ..View::default() };
        Version { saved_at_ms: 7, by: "kim".into(), camera, ..Version::default() }
    }

    #[test]
    fn versions_count_up_the_newest_is_in_force_and_the_oldest_go() {
        let folder = tempfile::tempdir().unwrap();
        let versions = Versions::of(folder.path(), "demo");
        assert_eq!(versions.newest().unwrap(), None);
        for x in 1..=KEPT as u32 + 3 {
            assert_eq!(versions.put(&version(x), Some(b"png")).unwrap(), x);
        }
        let all = versions.all().unwrap();
        assert_eq!((all.len(), all[0].number), (KEPT, 4));
        let newest = versions.newest().unwrap().unwrap();
        assert_eq!((newest.number, newest.camera.region), (53, Some([53, 2, 300, 200])));
        assert_eq!(std::fs::read(versions.chamber(&newest).unwrap()).unwrap(), b"png");
        assert_eq!(std::fs::read_dir(folder.path().join("calibration")).unwrap().count(), 2 * KEPT);
    }

    #[test]
    fn controls_survive_the_file_and_without_a_picture_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let versions = Versions::of(folder.path(), "demo");
        let controls =
            RawControls { exposure_100us: Some(150), mains_hz: Some(60), ..RawControls::default() };
        let mut saved = version(1);
        saved.camera.controls = Some(controls);
        saved.camera.empty_chamber = Some("of another one.png".into());
        saved.back_to = Some(0);
        versions.put(&saved, None).unwrap();
        let read = versions.newest().unwrap().unwrap();
        assert_eq!(
            (read.camera.controls, read.camera.empty_chamber, read.back_to),
            (Some(controls), None, Some(0))
        );
    }

    #[test]
    fn another_rigs_versions_are_left_alone_and_a_damaged_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        Versions::of(folder.path(), "other").put(&version(1), None).unwrap();
        let versions = Versions::of(folder.path(), "demo");
        assert_eq!(versions.newest().unwrap(), None);
        assert_eq!(versions.put(&version(2), None).unwrap(), 2, "no number twice");
        std::fs::write(versions.file(2), "rig = 7").unwrap();
        let problem = versions.newest().unwrap_err();
        assert!(problem.file.ends_with("calibration/000002.toml"), "{problem}");
        assert!(problem.message.contains("remove it"), "{problem}");
    }
}
