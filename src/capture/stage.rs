//! The capture thread: keeps a source open and hands over each good frame. A shell; it decides nothing else.
//!
//! A lost source is closed and opened again, with pauses of 0.1 s that double up to 1 s, so that a camera is
//! back within 3 s of its return. Never a frame that was captured before the loss; never an end for want of a
//! camera. While the camera is missing the heartbeat goes on: the thread is well, the camera is not.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::events::{PictureRefused, SourceLost, SourceOpened};
use super::newest::Writer;
use super::{CaptureError, Description, FrameSource, Next};
use crate::clock::{Clock, Moment};

const BACKOFF_FIRST: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(1);
/// How often a pause looks at the stop flag and beats.
const PAUSE_STEP: Duration = Duration::from_millis(50);
/// Over how long the frame rate is measured.
const RATE_WINDOW: Duration = Duration::from_secs(1);

/// What the capture thread is doing.
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    /// Opening the source for the first time.
    Opening,
    /// Frames arrive.
    Streaming {
        /// Good frames per second over the last second; 0 during the first one.
        fps: f32,
    },
    /// There is no camera; it is tried again and again.
    Lost {
        /// When it was lost, or first found missing.
        since: Moment,
        /// Why, as the last attempt told.
        why: String,
    },
    /// A replay came to its end, or the stage was stopped.
    Ended,
}

#[derive(Debug)]
struct Slow {
    state: State,
    source: Option<Description>,
}

/// The stage's state, for other threads. Its lock is taken only where the state changes, never per frame.
#[derive(Debug)]
pub struct Status {
    slow: Mutex<Slow>,
    fps_bits: AtomicU32,
    frames: AtomicU64,
    refused: AtomicU64,
    last_good: AtomicU64,
}

impl Default for Status {
    fn default() -> Self {
        Self {
            slow: Mutex::new(Slow { state: State::Opening, source: None }),
            fps_bits: AtomicU32::new(0),
            frames: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            last_good: AtomicU64::new(0),
        }
    }
}

impl Status {
    /// What the thread is doing now.
    pub fn state(&self) -> State {
        let state = self.slow.lock().unwrap_or_else(PoisonError::into_inner).state.clone();
        match state {
            State::Streaming { .. } => State::Streaming { fps: f32::from_bits(self.fps_bits.load(Relaxed)) },
            other => other,
        }
    }

    /// The source that is open, or was until it was lost.
    pub fn source(&self) -> Option<Description> {
        self.slow.lock().unwrap_or_else(PoisonError::into_inner).source.clone()
    }

    /// Good frames so far.
    pub fn frames(&self) -> u64 {
        self.frames.load(Relaxed)
    }

    /// Refused pictures so far.
    pub fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }

    /// When the last good frame was captured; its age tells a stalled camera. `None` before the first.
    pub fn last_good(&self) -> Option<Moment> {
        (self.frames() > 0).then(|| Moment::from_nanos(self.last_good.load(Relaxed)))
    }

    fn set(&self, state: State) {
        self.fps_bits.store(0, Relaxed);
        self.slow.lock().unwrap_or_else(PoisonError::into_inner).state = state;
    }

    fn set_source(&self, source: &Description) {
        self.slow.lock().unwrap_or_else(PoisonError::into_inner).source = Some(source.clone());
    }
}

/// How the stage ended without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It was told to stop.
    Stopped,
    /// The replay is over.
    ReplayOver,
}

/// What the stage is given by the daemon.
pub struct Context<'a> {
    /// For stamps and pauses.
    pub clock: Arc<dyn Clock>,
    /// Set when the stage must end; looked at between frames.
    pub stop: &'a AtomicBool,
    /// Called at least once per frame interval and pause step, unless a read blocks.
    pub heartbeat: &'a (dyn Fn(Moment) + Sync),
    /// Where the stage says what it is doing.
    pub status: &'a Status,
}

/// Opens the source with `open`, and again whenever it was lost; hands its good frames to `writer` until the
/// stop flag is set or a replay ends. Sequence numbers go on counting over a loss.
///
/// # Errors
/// The first error that is not transient: the stage cannot do its work any more.
pub fn run(
    open: &mut dyn FnMut() -> Result<Box<dyn FrameSource>, CaptureError>,
    writer: &mut Writer,
    context: &Context<'_>,
) -> Result<End, CaptureError> {
    let mut sequence = 0;
    let mut lost: Option<Loss> = None;
    let result = loop {
        if context.stopped() {
            break Ok(End::Stopped);
        }
        let ended = open().and_then(|mut source| {
            context.status.set_source(source.describe());
            SourceOpened { description: source.describe() }.emit();
            stream(source.as_mut(), writer, context, &mut sequence, &mut lost)
        });
        match ended {
            Ok(end) => break Ok(end),
            Err(why) if why.is_transient() => Loss::note(&mut lost, &why, context),
            Err(why) => break Err(why),
        }
    };
    context.status.set(State::Ended);
    result
}

/// Reads an open source until it is lost, over, or no longer wanted.
fn stream(
    source: &mut dyn FrameSource,
    writer: &mut Writer,
    context: &Context<'_>,
    sequence: &mut u64,
    lost: &mut Option<Loss>,
) -> Result<End, CaptureError> {
    let status = context.status;
    let sequence_before = *sequence;
    let mut rate: Option<Rate> = None;
    while !context.stopped() {
        let next = source.next(writer.frame())?;
        context.beat();
        match next {
            Next::End => return Ok(End::ReplayOver),
            Next::Refused(why) => {
                status.refused.fetch_add(1, Relaxed);
                PictureRefused { why: &why }.emit();
            }
            Next::Frame => {
                let frame = writer.frame();
                frame.sequence += sequence_before;
                *sequence = frame.sequence;
                let captured_at = frame.captured_at;
                writer.publish();
                status.last_good.store(captured_at.as_nanos(), Relaxed);
                status.frames.fetch_add(1, Relaxed);
                let first = rate.is_none();
                if first {
                    *lost = None;
                    status.set(State::Streaming { fps: 0.0 });
                }
                if let Some(fps) = rate.get_or_insert(Rate::from(captured_at)).count(captured_at) {
                    status.fps_bits.store(fps.to_bits(), Relaxed);
                }
            }
        }
    }
    Ok(End::Stopped)
}

/// A source that is missing, and how patiently it is looked for.
struct Loss {
    since: Moment,
    pause: Duration,
}

impl Loss {
    /// Notes a failed attempt and waits before the next one.
    fn note(lost: &mut Option<Loss>, why: &CaptureError, context: &Context<'_>) {
        let now = context.clock.now();
        let loss = lost.get_or_insert_with(|| {
            SourceLost { why }.emit();
            Loss { since: now, pause: BACKOFF_FIRST }
        });
        context.status.set(State::Lost { since: loss.since, why: why.to_string() });
        context.pause(loss.pause);
        loss.pause = (loss.pause * 2).min(BACKOFF_MAX);
    }
}

/// Counts frames over a window.
struct Rate {
    since: Moment,
    frames: u32,
}

impl Rate {
    fn from(since: Moment) -> Self {
        Self { since, frames: 0 }
    }

    /// The rate, once per window.
    fn count(&mut self, captured_at: Moment) -> Option<f32> {
        let passed = captured_at.since(self.since);
        if passed < RATE_WINDOW {
            self.frames += 1;
            return None;
        }
        let fps = self.frames as f32 / passed.as_secs_f32();
        *self = Self { since: captured_at, frames: 1 };
        Some(fps)
    }
}

impl Context<'_> {
    fn stopped(&self) -> bool {
        self.stop.load(Relaxed)
    }

    fn beat(&self) {
        (self.heartbeat)(self.clock.now());
    }

    /// Waits, but not past a stop.
    fn pause(&self, duration: Duration) {
        let until = self.clock.now() + duration;
        while self.clock.now() < until && !self.stopped() {
            self.beat();
            let step = self.clock.now() + PAUSE_STEP;
            self.clock.sleep_until(step.min(until));
        }
        self.beat();
    }
}
