//! Teaching live: detect and identify in sequence, one settled item after the other. Nothing moves and nothing is judged.
//!
//! ```text
//! empty --something lies still--> settling --still for long enough--> looking --enough frames, or it is taken--> taken
//!   ^                                 | moves                                                                      |
//!   '---------------------------------'------------------------- the chamber is empty ----------------------------'
//! ```
//!
//! An item is one, however long it lies there: the chamber must be seen empty before the next.

use std::ops::ControlFlow;
use std::time::Duration;

use super::sorter::square;
use super::{DaemonError, View};
use crate::capture::{Frame, FrameSource, Next};
use crate::clock::{Clock, Moment};
use crate::detect::{Background, Detector, Region};
use crate::identify::{Embedded, Identifier};

/// Frames of one item, and the time between them: the light flickers and the item comes to rest.
const FRAMES: usize = 5;
const EVERY: Duration = Duration::from_millis(150);

#[derive(Debug)]
enum State {
    Empty,
    Settling { since: Moment },
    Looking { frames: Vec<Embedded>, last: Moment },
    Taken,
}

/// A detector and a network that wait for items.
#[derive(Debug)]
pub struct Lesson {
    detector: Detector,
    identifier: Identifier,
    region: Region,
    width: u32,
    height: u32,
    settle: Duration,
    state: State,
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
            settle,
            state: State::Empty,
        }
    }

    /// Looks at one frame; returns what the network said of an item's frames, once for each item.
    ///
    /// # Errors
    /// When the frame is not of the size the rig was calibrated for, or the network fails.
    pub fn step(&mut self, frame: &Frame, now: Moment) -> Result<Option<Vec<Embedded>>, DaemonError> {
        if (frame.width, frame.height) != (self.width, self.height) {
            let calibrated = (self.width, self.height);
            return Err(DaemonError::FrameSize { width: frame.width, height: frame.height, calibrated });
        }
        let presence = self.detector.step(frame, now);
        let lies_still = presence.is_still() && presence.occupied;
        let (next, item) = match std::mem::replace(&mut self.state, State::Empty) {
            State::Looking { frames, .. } if presence.is_empty() => (State::Empty, Some(frames)),
            _ if presence.is_empty() => (State::Empty, None),
            State::Taken => (State::Taken, None),
            State::Looking { frames, .. } if !lies_still || frames.len() >= FRAMES => {
                (State::Taken, Some(frames))
            }
            State::Empty | State::Settling { .. } if !lies_still => (State::Empty, None),
            State::Empty => (State::Settling { since: now }, None),
            State::Settling { since } if now.since(since) < self.settle => (State::Settling { since }, None),
            State::Looking { frames, last } if now.since(last) < EVERY => {
                (State::Looking { frames, last }, None)
            }
            state => {
                let mut frames = match state {
                    State::Looking { frames, .. } => frames,
                    _ => Vec::with_capacity(FRAMES),
                };
                let item = presence.extent.unwrap_or(self.region);
                frames.push(self.identifier.embed(frame, square(item, self.region))?);
                (State::Looking { frames, last: now }, None)
            }
        };
        self.state = next;
        Ok(item)
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
    mut shown: impl FnMut(Vec<Embedded>) -> ControlFlow<()>,
) -> Result<(), DaemonError> {
    let mut frame = Frame::default();
    loop {
        match source.next(&mut frame)? {
            Next::End => return Ok(()),
            Next::Refused(_) => {}
            Next::Frame => {
                if let Some(frames) = lesson.step(&frame, clock.now())?
                    && shown(frames).is_break()
                {
                    return Ok(());
                }
            }
        }
    }
}
