//! `bunri teach --stream X`: items shown to the camera, or on clips, one after the other.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::anyhow;

use super::complain;
use super::judging::Rig;
use super::teach::to_jpeg;
use crate::capture::CaptureError;
use crate::capture::nokhwa::NokhwaSource;
use crate::capture::replay::{Clip, Loops, Pace, ReplayOptions, ReplaySource};
use crate::clock::{Clock, SimClock, SystemClock};
use crate::config::{Camera, clips_in};
use crate::daemon::{Lesson, SeenItem, attend, calibrated_background};
use crate::identify::Identifier;
use crate::teach::Session;

/// What is shown, and how often.
pub(super) struct Shown<'a> {
    pub(super) stream: &'a str,
    /// Items after which a live lesson ends.
    pub(super) items: usize,
    /// Clips instead of the configured camera.
    pub(super) clips: &'a [PathBuf],
}

/// Adds every settled item to the session; returns their pictures as JPEG, in the same order.
pub(super) fn watch(
    shown: &Shown<'_>,
    rig: &Rig,
    identifier: Identifier,
    session: &mut Session,
) -> anyhow::Result<Vec<Vec<u8>>> {
    session.choose(shown.stream)?;
    let mut taught = Lessons { shown, session, pictures: Vec::new() };
    let camera = rig.config.as_ref().map(|config| &config.camera);
    match camera {
        _ if !shown.clips.is_empty() => watch_clips(shown.clips, rig, identifier, &mut taught)?,
        Some(Camera::Replay { clips, .. }) => watch_clips(clips, rig, identifier, &mut taught)?,
        Some(Camera::V4l2(settings)) => {
            let clock: Arc<dyn Clock> = Arc::new(SystemClock);
            let mut source = NokhwaSource::open(settings, Arc::clone(&clock))?;
            // The picture's size is the calibration's; the view ignores what is said here.
            let mut lesson = lesson(rig, 0, 0, identifier)?;
            complain(&format!("show {} items of {}, one after the other", shown.items, shown.stream));
            attend(&mut lesson, &mut source, &*clock, |seen| match taught.add("camera", &seen) {
                ControlFlow::Continue(()) if taught.pictures.len() < shown.items => ControlFlow::Continue(()),
                _ => ControlFlow::Break(()),
            })?;
        }
        Some(Camera::None) => return Err(CaptureError::NotChosen.into()),
        None => anyhow::bail!("say what to look at: clips, or --config FILE for its camera"),
    }
    anyhow::ensure!(!taught.pictures.is_empty(), "no item came to rest, so nothing was taught");
    Ok(taught.pictures)
}

fn watch_clips(
    clips: &[PathBuf],
    rig: &Rig,
    mut identifier: Identifier,
    taught: &mut Lessons<'_>,
) -> anyhow::Result<()> {
    for path in clips {
        for path in clips_in(path).map_err(|problem| anyhow!(problem))? {
            let clip = Clip::open_all(&[path])?.remove(0);
            let (width, height, name) = (clip.width, clip.height, clip.name.to_string());
            let clock = Arc::new(SimClock::new(0));
            let options = ReplayOptions {
                loops: Loops::Times(1),
                pace: Pace::AsFastAsPossible,
                ..ReplayOptions::default()
            };
            let mut source = ReplaySource::new(vec![clip], options, Arc::clone(&clock) as Arc<dyn Clock>)?;
            let mut lesson = lesson(rig, width, height, identifier)?;
            attend(&mut lesson, &mut source, &*clock, |seen| taught.add(&name, &seen))?;
            identifier = lesson.into_identifier();
        }
    }
    Ok(())
}

fn lesson(rig: &Rig, width: u32, height: u32, identifier: Identifier) -> anyhow::Result<Lesson> {
    let background = match &rig.config {
        Some(config) => calibrated_background(config)?,
        None => None,
    };
    Ok(Lesson::new(rig.view(width, height), background, identifier, rig.judge.timing.settle))
}

/// What was taught so far.
struct Lessons<'a> {
    shown: &'a Shown<'a>,
    session: &'a mut Session,
    /// JPEG, one of each item.
    pictures: Vec<Vec<u8>>,
}

impl Lessons<'_> {
    /// Adds one item; breaks when there is no room for more.
    fn add(&mut self, from: &str, seen: &SeenItem) -> ControlFlow<()> {
        let (stream, number) = (self.shown.stream, self.pictures.len() + 1);
        let name = format!("{stream} {number}, {from}");
        if let Err(error) = self.take(&name, seen) {
            complain(&error.to_string());
            return ControlFlow::Break(());
        }
        complain(&format!("{stream} {number}: {} frames; take it out", seen.frames.len()));
        ControlFlow::Continue(())
    }

    /// Both or neither: an item has its picture.
    fn take(&mut self, name: &str, seen: &SeenItem) -> anyhow::Result<()> {
        let picture = to_jpeg(&seen.picture)?;
        self.session.add(name, &seen.frames)?;
        self.pictures.push(picture);
        Ok(())
    }
}
