//! The camera without a bin: for `bunri calibrate`, while nobody else has it.

use std::sync::Arc;
use std::time::Duration;

use super::calibrating::{Eye, subject};
use super::{DaemonError, chamber, source_opener};
use crate::capture::{Controls, Frame, FrameSource, Next};
use crate::clock::Clock;
use crate::config::{Camera, Config};
use crate::detect::{self, Background, Detector, Focus, Study};
use crate::web::NotSaved;

/// A camera that was just opened finds its exposure and its white balance in this time.
const SETTLES_IN: Duration = Duration::from_secs(1);

/// Opens the configured camera whenever something is to be seen.
pub struct OwnCamera {
    clock: Arc<dyn Clock>,
}

impl OwnCamera {
    /// Opens nothing yet.
    pub fn new(clock: &Arc<dyn Clock>) -> Self {
        Self { clock: Arc::clone(clock) }
    }
}

impl Eye for OwnCamera {
    fn learn(&self, now: &Config, next: &Config, confirmed: bool) -> Result<Background, NotSaved> {
        let failed = |error: DaemonError| NotSaved::Problems(vec![error.to_string()]);
        let known = chamber::calibrated_background(now).map_err(failed)?;
        let mut detector = Detector::new(now.calibration.detect.clone(), known);
        let mut study = Study::new(subject(&next.calibration.detect, confirmed));
        let mut learnt = Err(NotSaved::NoPicture);
        look(next, next.calibration.controls, &self.clock, |frame| {
            let now = self.clock.now();
            let presence = detector.step(frame, now);
            study.step(frame, &presence, now).map(|result| learnt = result.map_err(NotSaved::Unfit)).is_none()
        })
        .map_err(failed)?;
        learnt
    }

    /// It is opened with the controls of the version that is saved.
    fn sees_by(&self, _controls: Controls) -> bool {
        true
    }

    fn sorts(&self) -> bool {
        false
    }

    fn may_look_elsewhere(&self) -> Result<(), NotSaved> {
        Ok(())
    }

    /// Nobody looks on.
    fn watch(&self, _settings: &detect::Settings, _background: Background) {}
}

/// Tells how sharp and how bright the configured region is, every so often and so many times.
///
/// # Errors
/// When the camera cannot be opened, or is lost.
pub fn read_light(
    config: &Config,
    controls: Controls,
    clock: &Arc<dyn Clock>,
    readings: Option<u32>,
    every: Duration,
    mut tell: impl FnMut(&Focus),
) -> Result<(), DaemonError> {
    let (mut told, mut next) = (0, clock.now());
    look(config, controls, clock, |frame| {
        if clock.now() >= next {
            tell(&Focus::of(frame, config.calibration.detect.region, frame.width));
            told += 1;
            next = next + every;
        }
        readings.is_none_or(|readings| told < readings)
    })
}

/// Shows good frames, once the camera has settled, until `seen` returns false or a replay ends.
fn look(
    config: &Config,
    controls: Controls,
    clock: &Arc<dyn Clock>,
    mut seen: impl FnMut(&Frame) -> bool,
) -> Result<(), DaemonError> {
    let mut config = config.clone();
    if let Camera::V4l2(settings) = &mut config.camera {
        settings.controls = controls;
    }
    let (mut open, _) = source_opener(&config, clock)?;
    let mut source: Box<dyn FrameSource> = open()?;
    let settled_at = clock.now() + SETTLES_IN;
    let calibrated = (config.calibration.width, config.calibration.height);
    let mut frame = Frame::default();
    loop {
        match source.next(&mut frame)? {
            Next::End => return Ok(()),
            Next::Refused(_) => continue,
            Next::Frame => {}
        }
        if (frame.width, frame.height) != calibrated {
            return Err(DaemonError::FrameSize { width: frame.width, height: frame.height, calibrated });
        }
        if clock.now() >= settled_at && !seen(&frame) {
            return Ok(());
        }
    }
}
