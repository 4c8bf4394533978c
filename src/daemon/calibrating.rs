//! The camera's calibration while the bin runs: checked as a whole, learnt by the sorting loop, written, put in force.
//!
//! ```text
//!  page: save ──> check ──Study──> judge thread: still and empty? ──> version on disk ──Watch──> judge thread
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
use crate::config::{Calibration, Config, ConfigError, RawControls, Version, Versions, View};
use crate::detect::{self, Background, Presence, Study, Subject};
use crate::judge::StateName;
use crate::mechanism::{FlapState, Place};
use crate::web::{Calibrated, Calibrating, Changed, NotSaved, Seen};

/// A sorting loop that has not answered by then gets no pictures.
const ANSWER_WITHIN: Duration = Duration::from_secs(6);

/// Keeps the calibration of the running bin's camera.
pub(super) struct Calibrator {
    file: PathBuf,
    versions: Versions,
    /// What the camera was opened with.
    opened: Controls,
    inbox: SyncSender<Message>,
    clock: Arc<dyn Clock>,
    /// One after the other.
    turn: Mutex<()>,
}

impl Calibrator {
    pub(super) fn new(config: &Config, inbox: SyncSender<Message>, clock: Arc<dyn Clock>) -> Self {
        Self {
            file: config.file.clone(),
            versions: config.versions(),
            opened: config.calibration.controls,
            inbox,
            clock,
            turn: Mutex::new(()),
        }
    }

    fn in_force(&self) -> Result<Calibration, NotSaved> {
        Config::load(&self.file).map(|config| config.calibration).map_err(|error| problems(&error))
    }

    fn on_trial(&self, view: &View) -> Result<Config, NotSaved> {
        Config::load_calibrated(&self.file, view).map_err(|error| problems(&error))
    }

    /// Asks the sorting loop to learn the empty chamber.
    fn learn(&self, settings: &detect::Settings, confirmed: bool) -> Result<Background, NotSaved> {
        let (answer, told) = sync_channel(1);
        let subject = Subject { region: settings.region, motion_share: settings.motion_share, confirmed };
        ledger::send(&self.inbox, Message::Study(Studying::new(subject, answer)));
        told.recv_timeout(ANSWER_WITHIN).unwrap_or(Err(NotSaved::NoPicture))
    }

    /// Writes a version, then puts it in force.
    fn put(
        &self,
        view: View,
        back_to: Option<u32>,
        by: &str,
        next: &Calibration,
        (background, saved): (Background, bool),
    ) -> Result<Changed, NotSaved> {
        let before = self.in_force()?;
        let png = if saved { Some(chamber::to_png(&background).map_err(problem)?) } else { None };
        let (rig, saved_at_ms) = (String::new(), self.clock.wall().unix_ms);
        let version = Version { number: 0, rig, saved_at_ms, by: by.to_owned(), back_to, camera: view };
        let number = self
            .versions
            .put(&version, png.as_deref())
            .map_err(|error| problem(format!("{}: {error}", self.versions.file(0).display())))?;
        let watch = Watch { settings: next.detect.clone(), background };
        ledger::send(&self.inbox, Message::Watch(Box::new(watch)));
        let mut what = vec![format!("version {} -> {number}", before.version)];
        what.extend(next.camera_differences(&before));
        Ok(Changed { what, restart: next.controls != self.opened })
    }
}

fn problem(text: String) -> NotSaved {
    NotSaved::Problems(vec![text])
}

fn problems(error: &ConfigError) -> NotSaved {
    let lines = error.problems.iter().map(|problem| format!("{}: {}", problem.path, problem.message));
    NotSaved::Problems(lines.collect())
}

impl Calibrating for Calibrator {
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
        let next = self.on_trial(&view)?.calibration;
        let background = self.learn(&next.detect, confirmed)?;
        // In another exposure the chamber looks different: then it is learnt at the next start.
        let lasts = next.controls == self.opened;
        self.put(view, None, by, &next, (background, lasts))
    }

    fn back_to(&self, number: u32, by: &str) -> Result<Changed, NotSaved> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let saved = self.versions.all().map_err(|error| problem(error.to_string()))?;
        let view = match saved.into_iter().find(|version| version.number == number) {
            Some(version) => View { empty_chamber: self.versions.chamber(&version), ..version.camera },
            None if number == 0 => View::default(),
            None => return Err(problem(format!("there is no version {number}"))),
        };
        let next = self.on_trial(&view)?;
        let known = chamber::calibrated_background(&next).map_err(|error| problem(error.to_string()))?;
        let background = match known {
            Some(background) => background,
            None => self.learn(&next.calibration.detect, false)?,
        };
        let own = view.empty_chamber.is_some();
        self.put(view, Some(number), by, &next.calibration, (background, own))
    }
}

/// What the detector looks at from now on.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    pub(super) settings: detect::Settings,
    pub(super) background: Background,
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

    /// Nothing may be on its way through the bin, and the flap must be where it is when items come. `None` where that
    /// is not so; whoever waits is told.
    pub(super) fn begin(self, state: StateName, flap: Option<FlapState>) -> Option<Self> {
        let home = matches!(flap, Some(FlapState::Resting(Place::Home)));
        let refusal = match state {
            StateName::Maintenance if home => None,
            StateName::Empty | StateName::Full if self.confirmed => Some(NotSaved::NotInMaintenance),
            StateName::Empty | StateName::Full => None,
            _ => Some(NotSaved::Busy),
        };
        match refusal {
            Some(refusal) => {
                self.tell(Err(refusal));
                None
            }
            None => Some(self),
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
