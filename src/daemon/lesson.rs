//! Teaching live: detect and identify in sequence, one settled item after the other. Nothing moves and nothing is judged.

use std::ops::ControlFlow;
use std::time::Duration;

use super::lookout::{WHOLE_SIDE, cut_out};
use super::sorter::square;
use super::{DaemonError, View};
use crate::capture::{Frame, FrameSource, Next};
use crate::clock::{Clock, Moment};
use crate::detect::{Background, Detector, Region};
use crate::identify::{Embedded, Identifier};
use crate::teach::{Attend, Attention};

/// A detector and a network that wait for items.
#[derive(Debug)]
pub struct Lesson {
    detector: Detector,
    identifier: Identifier,
    region: Region,
    width: u32,
    height: u32,
    attention: Attention,
    /// Of the present item.
    seen: SeenItem,
}

/// One item that was shown.
#[derive(Debug, Default)]
pub struct SeenItem {
    /// What the network said of each of its frames; never empty.
    pub frames: Vec<Embedded>,
    /// What it saw in the first of them.
    pub picture: Frame,
}

impl Lesson {
    /// A lesson at one rig; an item must lie still for `settle`.
    pub fn new(view: View, background: Option<Background>, identifier: Identifier, settle: Duration) -> Self {
        Self {
            region: view.detect.region,
            width: view.width,
            height: view.height,
            detector: Detector::new(view.detect, background),
            identifier,
            attention: Attention::new(settle),
            seen: SeenItem::default(),
        }
    }

    /// Looks at one frame; returns each item once.
    ///
    /// # Errors
    /// When the frame is not of the size the rig was calibrated for, or the network fails.
    pub fn step(&mut self, frame: &Frame, now: Moment) -> Result<Option<SeenItem>, DaemonError> {
        if (frame.width, frame.height) != (self.width, self.height) {
            let calibrated = (self.width, self.height);
            return Err(DaemonError::FrameSize { width: frame.width, height: frame.height, calibrated });
        }
        let presence = self.detector.step(frame, now);
        match self.attention.step(&presence, now) {
            Attend::Wait => Ok(None),
            Attend::Look => {
                let item = presence.extent.unwrap_or(self.region);
                let part = square(item, self.region);
                if self.seen.frames.is_empty() {
                    cut_out(frame, part, WHOLE_SIDE, &mut self.seen.picture);
                }
                self.seen.frames.push(self.identifier.embed(frame, part)?);
                Ok(None)
            }
            Attend::Ended => Ok(Some(std::mem::take(&mut self.seen))),
        }
    }

    /// The network, to take along into another lesson.
    pub fn into_identifier(self) -> Identifier {
        self.identifier
    }
}

/// Shows a source's frames to a lesson until it ends or `shown` breaks; `shown` gets each item once.
///
/// # Errors
/// When the source or the lesson fails.
pub fn attend(
    lesson: &mut Lesson,
    source: &mut dyn FrameSource,
    clock: &dyn Clock,
    mut shown: impl FnMut(SeenItem) -> ControlFlow<()>,
) -> Result<(), DaemonError> {
    let mut frame = Frame::default();
    loop {
        match source.next(&mut frame)? {
            Next::End => return Ok(()),
            Next::Refused(_) => {}
            Next::Frame => {
                if let Some(seen) = lesson.step(&frame, clock.now())?
                    && shown(seen).is_break()
                {
                    return Ok(());
                }
            }
        }
    }
}
