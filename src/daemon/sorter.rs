//! detect, identify and judge in sequence: the tight loop's one step, the same for the daemon, `bunri replay`,
//! the tests and the benches.

use std::time::Duration;

use super::DaemonError;
use super::events::SiteLeftAside;
use crate::capture::Frame;
use crate::clock::{Clock, Moment};
use crate::config::Config;
use crate::detect::{self, Background, Detector, MAX_OBJECTS, Presence, Region};
use crate::identify::{Bundle, Embedded, Head, Identified, Identifier, IdentifyError, SiteHead};
use crate::judge::{self, Action, Input, Judge, Look};
use crate::teach::Store;

/// Room around an item in its square: the network was trained on items with some background.
const MARGIN: f32 = 1.25;
/// Side of an item's square, as a share of the region's shorter side, at least.
const LEAST_SHARE: f32 = 0.35;

/// What one frame came to.
#[derive(Debug)]
pub struct Looked {
    /// What the detector saw.
    pub presence: Presence,
    /// How long the classifier took, if it was asked.
    pub inferred: Option<Duration>,
    /// Why the classifier failed, if it did; the item then lacks a vote.
    pub failure: Option<IdentifyError>,
    /// What must be done.
    pub actions: Vec<Action>,
}

/// The three steps and the rig they look at.
#[derive(Debug)]
pub struct Sorter {
    detector: Detector,
    identifier: Identifier,
    judge: Judge,
    region: Region,
    width: u32,
    height: u32,
}

/// The picture size and the detector's settings of a rig.
#[derive(Clone, Debug)]
pub struct View {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// The detector's settings.
    pub detect: detect::Settings,
}

impl Sorter {
    /// Puts the steps together for one rig.
    pub fn new(view: View, background: Option<Background>, identifier: Identifier, judge: Judge) -> Self {
        Self {
            region: view.detect.region,
            width: view.width,
            height: view.height,
            detector: Detector::new(view.detect, background),
            identifier,
            judge,
        }
    }

    /// Looks at one frame.
    ///
    /// # Errors
    /// When the frame is not of the size the rig was calibrated for.
    pub fn frame(&mut self, frame: &Frame, now: Moment, clock: &dyn Clock) -> Result<Looked, DaemonError> {
        if (frame.width, frame.height) != (self.width, self.height) {
            return Err(DaemonError::FrameSize {
                width: frame.width,
                height: frame.height,
                calibrated: (self.width, self.height),
            });
        }
        let presence = self.detector.step(frame, now);
        let (mut look, mut inferred, mut failure) = (None, None, None);
        if self.judge.wants_look(&presence, now) {
            match self.look(frame, &presence, clock) {
                Ok((seen, took)) => (look, inferred) = (Some(seen), Some(took)),
                Err(error) => failure = Some(error),
            }
        }
        let actions = self.judge.step(Input::Frame { presence: &presence, look: look.as_ref() }, now);
        Ok(Looked { presence, inferred, failure, actions })
    }

    /// Classifies everything in the chamber as one, and each object when there are several.
    fn look(
        &mut self,
        frame: &Frame,
        presence: &Presence,
        clock: &dyn Clock,
    ) -> Result<(Look, Duration), IdentifyError> {
        let square = |part: Region| square(part, self.region);
        let whole = presence.extent.unwrap_or(self.region);
        let (whole, mut took) = self.identifier.identify(frame, square(whole), clock)?;
        let mut objects = [None; MAX_OBJECTS];
        if presence.object_count() > 1 {
            for (slot, part) in objects.iter_mut().zip(presence.objects.iter().flatten()) {
                let (seen, time) = self.identifier.identify(frame, square(*part), clock)?;
                *slot = Some(seen);
                took += time;
            }
        }
        Ok((Look { whole, objects }, took))
    }

    /// Passes something other than a frame to the judge.
    pub fn input(&mut self, input: Input<'_>, now: Moment) -> Vec<Action> {
        self.judge.step(input, now)
    }

    /// Decides and waits by other settings from now on.
    pub fn retune(&mut self, settings: judge::Settings) {
        self.judge.retune(settings);
    }

    /// The network's own word on the item that a frame shows, what the head in use makes of it, and where it is.
    ///
    /// # Errors
    /// When the runtime fails.
    pub fn show(
        &mut self,
        frame: &Frame,
        presence: &Presence,
    ) -> Result<(Embedded, Identified, Region), IdentifyError> {
        let part = square(presence.extent.unwrap_or(self.region), self.region);
        let embedded = self.identifier.embed(frame, part)?;
        let identified = self.identifier.head().judge(&embedded.logits, &embedded.embedding);
        Ok((embedded, identified, part))
    }

    /// Judges by what the crew taught, or by the network alone, and by these settings, from the next look on.
    ///
    /// # Errors
    /// When it was taught on another network; nothing has changed then.
    pub fn use_site(
        &mut self,
        site: Option<&SiteHead>,
        settings: judge::Settings,
    ) -> Result<(), IdentifyError> {
        self.identifier.use_site(site)?;
        self.judge.retune(settings);
        Ok(())
    }

    /// The bundle in use.
    pub fn bundle(&self) -> &Bundle {
        self.identifier.bundle()
    }

    /// The judge, to look at.
    pub fn judge(&self) -> &Judge {
        &self.judge
    }

    /// What turns the network's answers into streams here, with what was taught on site.
    pub fn head(&self) -> &Head {
        self.identifier.head()
    }

    /// The detector, to look at.
    pub fn detector(&self) -> &Detector {
        &self.detector
    }

    /// The classifier, to take along into another sorter.
    pub fn into_identifier(self) -> Identifier {
        self.identifier
    }
}

/// The square around an item that the network looks at.
pub(super) fn square(part: Region, bounds: Region) -> Region {
    let least = (bounds.width.min(bounds.height) as f32 * LEAST_SHARE) as u32;
    part.square_around(MARGIN, least, bounds)
}

/// The judge's settings for a configuration and the head in use.
pub fn judge_settings(config: &Config, head: &Head) -> judge::Settings {
    config.judge_settings(head, head.label_count())
}

/// What the crew taught this bin: the configured file, which must fit, or the newest in the state folder. One that was
/// taught on another bundle than today's is left aside there, and that is said.
///
/// # Errors
/// When a site head is there and cannot be used.
pub fn site_head(config: &Config, bundle: &Bundle) -> Result<Option<SiteHead>, DaemonError> {
    if let Some(path) = &config.site {
        return Ok(Some(SiteHead::open(path, bundle)?));
    }
    let Some(path) = Store::of(&config.state_dir).current()? else { return Ok(None) };
    match SiteHead::open(&path, bundle) {
        Ok(site) => Ok(Some(site)),
        Err(error) => {
            SiteLeftAside { error: &error }.emit();
            Ok(None)
        }
    }
}

/// The empty chamber that calibration photographed.
///
/// # Errors
/// When the picture cannot be read or has another size.
pub fn calibrated_background(config: &Config) -> Result<Option<Background>, DaemonError> {
    let Some(path) = &config.calibration.empty_chamber else { return Ok(None) };
    let refuse = |message: String| DaemonError::EmptyChamber { path: path.clone(), message };
    let picture = image::open(path).map_err(|error| refuse(error.to_string()))?.into_rgb8();
    let (width, height) = picture.dimensions();
    if (width, height) != (config.calibration.width, config.calibration.height) {
        return Err(refuse(format!(
            "it is {width}x{height}, the rig was calibrated for {}x{}",
            config.calibration.width, config.calibration.height
        )));
    }
    let frame = Frame { width, height, pixels: picture.into_raw(), ..Frame::default() };
    Ok(Some(Background::from_frame(&frame, config.calibration.detect.region)))
}
