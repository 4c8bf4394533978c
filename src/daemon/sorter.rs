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

/// Room around an item in its square: between what photographed and what rendered items want, by the table "How close to
/// look" of models/train/README.md.
const MARGIN: f32 = 1.6;
/// The same for one object of several: more room would show the network its neighbour as well.
const MARGIN_AMONG: f32 = 1.25;
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
    memory: Option<Memory>,
}

/// What the network said of the present item, summed over the looks at it.
#[derive(Debug)]
pub(super) struct Memory {
    looks: u32,
    sums: Embedded,
}

impl Memory {
    const fn new() -> Self {
        Self { looks: 0, sums: Embedded { logits: Vec::new(), embedding: Vec::new() } }
    }

    /// Nothing is allocated but for the first item.
    fn add(&mut self, (logits, embedding): (&[f32], &[f32])) {
        let add = |sums: &mut Vec<f32>, values: &[f32], first: bool| {
            if first {
                sums.clear();
                sums.extend_from_slice(values);
            } else {
                sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
            }
        };
        add(&mut self.sums.logits, logits, self.looks == 0);
        add(&mut self.sums.embedding, embedding, self.looks == 0);
        self.looks += 1;
    }

    fn take(&mut self) -> Option<Embedded> {
        let looks = std::mem::take(&mut self.looks);
        let mean = |sums: &[f32]| sums.iter().map(|sum| sum / looks as f32).collect();
        (looks > 0 && !self.sums.embedding.is_empty())
            .then(|| Embedded { logits: mean(&self.sums.logits), embedding: mean(&self.sums.embedding) })
    }
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
            memory: None,
        }
    }

    /// Remembers from now on what the network says of an item, until its verdict.
    pub(super) fn remember(&mut self) {
        self.memory = Some(Memory::new());
    }

    /// What the network said of the item of the verdict that has just been given, mean over the looks at it.
    pub(super) fn remembered(&mut self) -> Option<Embedded> {
        self.memory.as_mut().and_then(Memory::take)
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
        if let Some(memory) = &mut self.memory
            && self.judge.votes().is_none()
        {
            memory.looks = 0;
        }
        if self.judge.wants_look(&presence, now) {
            let memory = self.memory.as_mut();
            match look_at(&mut self.identifier, self.region, frame, &presence, clock, memory) {
                Ok((seen, took)) => (look, inferred) = (Some(seen), Some(took)),
                Err(error) => failure = Some(error),
            }
        }
        let actions = self.judge.step(Input::Frame { presence: &presence, look: look.as_ref() }, now);
        Ok(Looked { presence, inferred, failure, actions })
    }

    /// Passes something other than a frame to the judge.
    pub fn input(&mut self, input: Input<'_>, now: Moment) -> Vec<Action> {
        self.judge.step(input, now)
    }

    /// Decides and waits by other settings from now on.
    pub fn retune(&mut self, settings: judge::Settings) {
        self.judge.retune(settings);
    }

    /// Looks at another region, or knows another empty chamber, from now on.
    pub fn watch(&mut self, settings: detect::Settings, background: Background) {
        self.region = settings.region;
        self.detector = Detector::new(settings, Some(background));
    }

    /// The part of the picture that is looked at.
    pub fn region(&self) -> Region {
        self.region
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

    /// Looks with another network and decides by its settings from the next frame on; returns the one before.
    pub fn exchange(&mut self, identifier: Identifier, settings: judge::Settings) -> Identifier {
        if let Some(memory) = &mut self.memory {
            *memory = Memory::new();
        }
        self.judge.retune(settings);
        std::mem::replace(&mut self.identifier, identifier)
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

/// Classifies everything in the chamber as one, and each object when there are several.
pub(super) fn look_at(
    identifier: &mut Identifier,
    region: Region,
    frame: &Frame,
    presence: &Presence,
    clock: &dyn Clock,
    memory: Option<&mut Memory>,
) -> Result<(Look, Duration), IdentifyError> {
    let item = square(presence.extent.unwrap_or(region), region);
    let (whole, mut took) = identifier.identify(frame, item, clock)?;
    if let Some(memory) = memory {
        memory.add(identifier.last());
    }
    let mut objects = [None; MAX_OBJECTS];
    if presence.object_count() > 1 {
        for (slot, part) in objects.iter_mut().zip(presence.objects.iter().flatten()) {
            let alone = square_with(MARGIN_AMONG, *part, region);
            let (seen, time) = identifier.identify(frame, alone, clock)?;
            *slot = Some(seen);
            took += time;
        }
    }
    Ok((Look { whole, objects }, took))
}

/// The square around an item that the network looks at.
pub(super) fn square(part: Region, bounds: Region) -> Region {
    square_with(MARGIN, part, bounds)
}

fn square_with(margin: f32, part: Region, bounds: Region) -> Region {
    let least = (bounds.width.min(bounds.height) as f32 * LEAST_SHARE) as u32;
    part.square_around(margin, least, bounds)
}

/// The judge's settings for a configuration and the head in use.
pub fn judge_settings(config: &Config, head: &Head) -> judge::Settings {
    config.judge_settings(head, head.label_count())
}

/// What the crew taught this bin: the configured file, or the newest in the state folder. One that was taught on another
/// bundle than today's is left aside, and that is said: a new bundle must not keep a bin from sorting.
///
/// # Errors
/// When the configured file cannot be used for another reason, or the state folder not be read.
pub fn site_head(config: &Config, bundle: &Bundle) -> Result<Option<SiteHead>, DaemonError> {
    let store = Store::of(&config.state_dir);
    let shown = shown_head(config, &store, bundle)?;
    let corrected = config.learns_corrections().then(|| store.corrected(shown.as_ref(), bundle)).flatten();
    Ok(corrected.or(shown))
}

/// What the crew showed this bin, without what it said of drops.
fn shown_head(config: &Config, store: &Store, bundle: &Bundle) -> Result<Option<SiteHead>, DaemonError> {
    let Some(path) = &config.site else {
        let current = store.current_for(bundle)?.map(|(_, site)| site);
        // The newest that does not fit says why.
        if current.is_none()
            && let Some(path) = store.current()?
            && let Err(error) = SiteHead::open(&path, bundle)
        {
            SiteLeftAside { error: &error }.emit();
        }
        return Ok(current);
    };
    match SiteHead::open(path, bundle) {
        Ok(site) => Ok(Some(site)),
        Err(error) if !matches!(error, IdentifyError::SiteOfAnother { .. }) => Err(error.into()),
        Err(error) => {
            SiteLeftAside { error: &error }.emit();
            Ok(None)
        }
    }
}
