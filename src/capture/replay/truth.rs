//! What a replay has really shown: read by the demo and the tests, and compared with what was counted.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};

use super::Clip;
use crate::clock::Moment;
use crate::streams::Stream;

/// Items whose last frame was played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Played {
    /// Of all streams.
    pub total: u64,
    /// By [`Stream::index`].
    pub per_stream: [u64; Stream::COUNT],
}

/// Where a replay is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The clip's name; empty before the first frame.
    pub clip: Arc<str>,
    /// The clip's place in the list.
    pub clip_index: usize,
    /// How often the whole list was played before.
    pub pass: u64,
    /// When the clip's frame 0 was due.
    pub clip_started_at: Moment,
    /// The frame of the clip.
    pub frame: u32,
    /// The place in the clip's list of the item that is in view.
    pub item: Option<usize>,
}

#[derive(Debug, Default)]
struct Shared {
    per_stream: [AtomicU64; Stream::COUNT],
    frame: AtomicU32,
    /// Locked only where a clip or an item begins or ends, never per frame.
    position: Mutex<Position>,
    finish: AtomicBool,
    ended: AtomicBool,
}

/// A handle on a running replay, for other threads. Clones share one state.
#[derive(Clone, Debug, Default)]
pub struct Truth(Arc<Shared>);

impl Truth {
    /// The items whose last frame was played so far.
    pub fn played(&self) -> Played {
        let per_stream: [u64; Stream::COUNT] =
            std::array::from_fn(|index| self.0.per_stream[index].load(SeqCst));
        Played { total: per_stream.iter().sum(), per_stream }
    }

    /// Where the replay is now.
    pub fn position(&self) -> Position {
        let mut position = self.0.position.lock().unwrap_or_else(PoisonError::into_inner).clone();
        position.frame = self.0.frame.load(Relaxed);
        position
    }

    /// Asks the replay to end where its current clip ends.
    pub fn finish_after_current_clip(&self) {
        self.0.finish.store(true, SeqCst);
    }

    /// Whether the replay has come to its end.
    pub fn has_ended(&self) -> bool {
        self.0.ended.load(SeqCst)
    }

    pub(super) fn must_finish(&self) -> bool {
        self.0.finish.load(SeqCst)
    }

    pub(super) fn end(&self) {
        self.0.ended.store(true, SeqCst);
    }

    pub(super) fn begin_clip(&self, clip: &Clip, clip_index: usize, pass: u64, clip_started_at: Moment) {
        self.0.frame.store(0, Relaxed);
        let mut position = self.0.position.lock().unwrap_or_else(PoisonError::into_inner);
        let clip = Arc::clone(&clip.name);
        *position = Position { clip, clip_index, pass, clip_started_at, frame: 0, item: None };
    }

    /// Notes that `frame` of `clip` is being played. Every frame passes here, in order, also those skipped.
    pub(super) fn play(&self, clip: &Clip, frame: u32) {
        self.0.frame.store(frame, Relaxed);
        if let Some(index) = clip.items.iter().position(|item| item.first_frame == frame) {
            self.0.position.lock().unwrap_or_else(PoisonError::into_inner).item = Some(index);
        }
    }

    /// Notes that `frame` of `clip` is over.
    pub(super) fn pass(&self, clip: &Clip, frame: u32) {
        if let Some(item) = clip.items.iter().find(|item| item.last_frame == frame) {
            self.0.position.lock().unwrap_or_else(PoisonError::into_inner).item = None;
            self.0.per_stream[item.stream.index()].fetch_add(1, SeqCst);
        }
    }
}
