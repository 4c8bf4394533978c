//! The camera's calibration: checked as a whole, learnt, written, put in force; beside the running bin or without one.
//!
//! ```text
//!  page:     save ──> check ──Study──> judge thread: still and empty? ──> version on disk ──Watch──> judge thread
//!  terminal: save ──> check ──> own camera: still and empty? ──> version on disk
//! ```
//!
//! Never in force before it is on disk. Never learnt beside the sorting loop: what it sees is what it is told to learn.

use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::judging::Message;
use super::{chamber, ledger};
use crate::capture::{Controls, Frame};
use crate::clock::{Clock, Moment};
use crate::config::{Config, ConfigError, RawControls, Version, Versions, View};
use crate::detect::{self, Background, Presence, Study, Subject};
use crate::judge::StateName;
use crate::mechanism::{FlapState, Place};
use crate::web::{Calibrated, Calibrating, Changed, NotSaved, Seen};

/// A sorting loop that has not answered by then gets no pictures.
const ANSWER_WITHIN: Duration = Duration::from_secs(6);

/// Whoever has the camera.
pub trait Eye: Send + Sync {
    /// Learns the empty chamber of the next calibration; by the one in force it tells items and hands.
    ///
    /// # Errors
    /// Why it cannot be learnt.
    fn learn(&self, now: &Config, next: &Config, confirmed: bool) -> Result<Background, NotSaved>;

    /// Whether what it sees through these controls is what the bin will see.
    fn sees_by(&self, controls: Controls) -> bool;

    /// Whether a sorting loop looks through it, which must be told.
    fn sorts(&self) -> bool;

    /// Whether it may look at something else now.
    ///
    /// # Errors
    /// Why not: items are on their way, and must not vanish from view.
    fn may_look_elsewhere(&self) -> Result<(), NotSaved>;

    /// Looks at this region and knows this empty chamber from now on.
    fn watch(&self, settings: &detect::Settings, background: Background);
}

/// Keeps the calibration of a bin's camera.
pub struct Calibrator<E> {
    file: PathBuf,
    versions: Versions,
    eye: E,
    clock: Arc<dyn Clock>,
    /// One after the other.
    turn: Mutex<()>,
}

impl<E: Eye> Calibrator<E> {
    /// For the bin of this configuration.
    pub fn new(config: &Config, eye: E, clock: Arc<dyn Clock>) -> Self {
        let (file, versions) = (config.file.clone(), config.versions());
        Self { file, versions, eye, clock, turn: Mutex::new(()) }
    }

    /// What differs from one version to another, as `path: before -> after`; 0 is the rig's own file.
    ///
    /// # Errors
    /// When one of them is not there or cannot be used.
    pub fn differences(&self, from: u32, to: u32) -> Result<Vec<String>, NotSaved> {
        let load = |version| Config::load_version(&self.file, &version).map_err(|error| problems(&error));
        let (from, to) = (load(self.version(from)?)?, load(self.version(to)?)?);
        let mut differences = to.calibration.camera_differences(&from.calibration);
        differences.extend(to.measured_differences(&from));
        let chamber =
            |config| chamber::calibrated_background(config).map_err(|error| problem(error.to_string()));
        let known = ["learnt at each start", "saved"];
        match (chamber(&from)?, chamber(&to)?) {
            (Some(before), Some(after)) if from.calibration.detect.region == to.calibration.detect.region => {
                match before.cells_differing(&after) {
                    0 => {}
                    cells => differences
                        .push(format!("camera.empty_chamber: {cells} of {} cells differ", detect::CELLS)),
                }
            }
            (before, after) if before.is_some() != after.is_some() => {
                let [before, after] = [before, after].map(|chamber| known[usize::from(chamber.is_some())]);
                differences.push(format!("camera.empty_chamber: {before} -> {after}"));
            }
            _ => {}
        }
        Ok(differences)
    }

    fn in_force(&self) -> Result<Config, NotSaved> {
        Config::load(&self.file).map_err(|error| problems(&error))
    }

    fn on_trial(&self, view: &View) -> Result<Config, NotSaved> {
        Config::load_calibrated(&self.file, view).map_err(|error| problems(&error))
    }

    /// A saved version; 0 is the rig's own file.
    fn version(&self, number: u32) -> Result<Version, NotSaved> {
        let saved = self.versions.all().map_err(|error| problem(error.to_string()))?;
        match saved.into_iter().find(|version| version.number == number) {
            Some(version) => Ok(version),
            None if number == 0 => Ok(Version::default()),
            None => Err(problem(format!("there is no version {number}"))),
        }
    }

    /// What a version says of the camera, with the folder of its picture.
    fn view(&self, number: u32) -> Result<View, NotSaved> {
        let version = self.version(number)?;
        Ok(View { empty_chamber: self.versions.chamber(&version), ..version.camera })
    }

    /// Writes a version, then puts it in force.
    fn put(
        &self,
        view: View,
        back_to: Option<u32>,
        by: &str,
        next: &Config,
        chamber: Chamber,
    ) -> Result<Changed, NotSaved> {
        let before = self.in_force()?.calibration;
        let png = match &chamber.background {
            Some(background) if chamber.lasts => Some(chamber::to_png(background).map_err(problem)?),
            _ => None,
        };
        // The rest stays as it is in force.
        let newest = self.versions.newest().map_err(|error| problem(error.to_string()))?;
        let (saved_at_ms, by) = (self.clock.wall().unix_ms, by.to_owned());
        let version = Version { saved_at_ms, by, back_to, camera: view, ..newest.unwrap_or_default() };
        let number = self
            .versions
            .put(&version, png.as_deref())
            .map_err(|error| problem(format!("{}: {error}", self.versions.folder().display())))?;
        let next = &next.calibration;
        if let Some(background) = chamber.background {
            self.eye.watch(&next.detect, background);
        }
        let mut what = vec![format!("version {} -> {number}", before.version)];
        what.extend(next.camera_differences(&before));
        Ok(Changed { what, restart: !self.eye.sees_by(next.controls) })
    }
}

/// The empty chamber of a version on its way to disk.
struct Chamber {
    background: Option<Background>,
    /// Whether it is the version's own, or only for now.
    lasts: bool,
}

fn problem(text: String) -> NotSaved {
    NotSaved::Problems(vec![text])
}

fn problems(error: &ConfigError) -> NotSaved {
    let lines = error.problems.iter().map(|problem| format!("{}: {}", problem.path, problem.message));
    NotSaved::Problems(lines.collect())
}

impl<E: Eye> Calibrating for Calibrator<E> {
    fn versions(&self) -> Result<Vec<Calibrated>, Vec<String>> {
        let own = Config::load_calibrated(&self.file, &View::default())
            .map_err(|error| error.problems.iter().map(ToString::to_string).collect::<Vec<_>>())?
            .calibration;
        let saved = self.versions.all().map_err(|problem| vec![problem.to_string()])?;
        let own_seen = Seen { region: own.detect.region, controls: own.controls };
        let mut all =
            vec![Calibrated { seen: own_seen, learnt: own.empty_chamber.is_some(), ..Calibrated::default() }];
        all.extend(saved.into_iter().map(|version| Calibrated {
            number: version.number,
            saved_at_ms: version.saved_at_ms,
            by: version.by,
            back_to: version.back_to,
            learnt: version.camera.empty_chamber.is_some() || own.empty_chamber.is_some(),
            seen: Seen {
                region: version.camera.region.map_or(own_seen.region, detect::Region::from),
                controls: version.camera.controls.map_or(own_seen.controls, Controls::from),
            },
        }));
        all.reverse();
        Ok(all)
    }

    fn chamber(&self) -> Option<Vec<u8>> {
        let config = Config::load(&self.file).ok()?;
        let background = chamber::calibrated_background(&config).ok()??;
        chamber::to_png(&background).ok()
    }

    fn save(&self, seen: Seen, confirmed: bool, by: &str) -> Result<Changed, NotSaved> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let (region, controls) = (Some(seen.region.into()), Some(RawControls::from(seen.controls)));
        let view = View { region, controls, empty_chamber: None };
        let next = self.on_trial(&view)?;
        let background = Some(self.eye.learn(&self.in_force()?, &next, confirmed)?);
        // In another exposure the chamber looks different: then it is learnt at the next start.
        let lasts = self.eye.sees_by(next.calibration.controls);
        self.put(view, None, by, &next, Chamber { background, lasts })
    }

    fn back_to(&self, number: u32, by: &str) -> Result<Changed, NotSaved> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let view = self.view(number)?;
        let next = self.on_trial(&view)?;
        let known = chamber::calibrated_background(&next).map_err(|error| problem(error.to_string()))?;
        self.eye.may_look_elsewhere()?;
        // A sorting loop must not learn it by itself: something may lie there.
        let background = match known {
            None if self.eye.sorts() => Some(self.eye.learn(&self.in_force()?, &next, false)?),
            known => known,
        };
        let lasts = view.empty_chamber.is_some();
        self.put(view, Some(number), by, &next, Chamber { background, lasts })
    }
}

/// The sorting loop's eye.
pub(super) struct LoopsEye {
    /// What the camera was opened with.
    opened: Controls,
    inbox: SyncSender<Message>,
}

impl Calibrator<LoopsEye> {
    /// For the running bin of this configuration.
    pub(super) fn of_loop(config: &Config, inbox: SyncSender<Message>, clock: &Arc<dyn Clock>) -> Self {
        let eye = LoopsEye { opened: config.calibration.controls, inbox };
        Self::new(config, eye, Arc::clone(clock))
    }
}

impl Eye for LoopsEye {
    fn learn(&self, _now: &Config, next: &Config, confirmed: bool) -> Result<Background, NotSaved> {
        let (answer, told) = sync_channel(1);
        let studying = Studying::new(subject(&next.calibration.detect, confirmed), answer);
        ledger::send(&self.inbox, Message::Study(studying));
        told.recv_timeout(ANSWER_WITHIN).unwrap_or(Err(NotSaved::NoPicture))
    }

    fn sees_by(&self, controls: Controls) -> bool {
        controls == self.opened
    }

    fn sorts(&self) -> bool {
        true
    }

    fn may_look_elsewhere(&self) -> Result<(), NotSaved> {
        let (answer, told) = sync_channel(1);
        ledger::send(&self.inbox, Message::MayWatch(answer));
        told.recv_timeout(ANSWER_WITHIN).unwrap_or(Err(NotSaved::NoPicture))
    }

    fn watch(&self, settings: &detect::Settings, background: Background) {
        let watch = Watch { settings: settings.clone(), background };
        ledger::send(&self.inbox, Message::Watch(Box::new(watch)));
    }
}

pub(super) const fn subject(settings: &detect::Settings, confirmed: bool) -> Subject {
    Subject { region: settings.region, motion_share: settings.motion_share, confirmed }
}

/// What the detector looks at from now on.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    pub(super) settings: detect::Settings,
    pub(super) background: Background,
}

/// Whether nothing is on its way through the bin and the flap is where it is when items come.
pub(super) fn ready(state: StateName, flap: Option<FlapState>, confirmed: bool) -> Result<(), NotSaved> {
    let home = matches!(flap, Some(FlapState::Resting(Place::Home)));
    match state {
        StateName::Maintenance if home => Ok(()),
        StateName::Empty | StateName::Full if confirmed => Err(NotSaved::NotInMaintenance),
        StateName::Empty | StateName::Full => Ok(()),
        _ => Err(NotSaved::Busy),
    }
}

/// The sorting loop's side: one attempt to learn the empty chamber, and who waits for it.
#[derive(Clone, Debug)]
pub(super) struct Studying {
    study: Box<Study>,
    confirmed: bool,
    answer: SyncSender<Result<Background, NotSaved>>,
}

impl Studying {
    fn new(subject: Subject, answer: SyncSender<Result<Background, NotSaved>>) -> Self {
        Self { study: Box::new(Study::new(subject)), confirmed: subject.confirmed, answer }
    }

    /// `None` where the bin is not ready for it; whoever waits is told.
    pub(super) fn begin(self, state: StateName, flap: Option<FlapState>) -> Option<Self> {
        match ready(state, flap, self.confirmed) {
            Ok(()) => Some(self),
            Err(refusal) => {
                self.tell(Err(refusal));
                None
            }
        }
    }

    /// Looks at one frame; true once it is over.
    pub(super) fn look(&mut self, frame: &Frame, presence: &Presence, now: Moment) -> bool {
        let Some(result) = self.study.step(frame, presence, now) else { return false };
        self.tell(result.map_err(NotSaved::Unfit));
        true
    }

    fn tell(&self, result: Result<Background, NotSaved>) {
        // Whoever asked may have given up.
        let _heard = self.answer.try_send(result).is_ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_idle_bin_or_one_in_maintenance_with_its_flap_home_looks_elsewhere() {
        let home = Some(FlapState::Resting(Place::Home));
        for state in StateName::ALL {
            let idle = matches!(state, StateName::Empty | StateName::Full);
            let maintained = state == StateName::Maintenance;
            assert_eq!(ready(state, home, false).is_ok(), idle || maintained, "{state:?}");
            assert_eq!(ready(state, home, true).is_ok(), maintained, "{state:?}");
        }
        assert_eq!(ready(StateName::Maintenance, None, true), Err(NotSaved::Busy));
        assert_eq!(ready(StateName::Maintenance, Some(FlapState::Failed), false), Err(NotSaved::Busy));
        assert_eq!(ready(StateName::Empty, home, true), Err(NotSaved::NotInMaintenance));
    }
}
