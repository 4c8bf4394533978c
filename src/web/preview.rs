//! The newest picture on its way from the sorting loop to those who watch.
//!
//! ```text
//!  judge: offer ── copy, at most every 150 ms, only if somebody watches ──> slot ── take ──> one encoder ──> viewers
//!            '── returns at once when the slot is being emptied
//! ```
//!
//! Never makes the sorting loop wait: it tries the lock and leaves. Never allocates in the steady state: the two
//! buffers change places. Never keeps a picture that nobody asked for, never on disk.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::capture::Frame;
use crate::clock::Moment;
use crate::detect::Presence;

/// The least time between two copies.
const PICTURE_EVERY: Duration = Duration::from_millis(150);
/// Wider pictures are thinned out while they are copied: a phone shows no more, and encoding costs time.
const WIDTH_MAX: u32 = 960;

/// The newest picture for the page.
#[derive(Debug, Default)]
pub struct Preview {
    viewers: AtomicUsize,
    /// When the last copy was made, in nanoseconds; 0 before the first.
    copied_at: AtomicU64,
    slot: Mutex<Slot>,
}

#[derive(Debug, Default)]
struct Slot {
    full: bool,
    shot: Shot,
}

/// One picture with what the detector saw in it.
#[derive(Debug, Default)]
pub(super) struct Shot {
    /// The picture, perhaps thinned out.
    pub(super) frame: Frame,
    /// What the detector saw, in pixels of the camera's picture.
    pub(super) presence: Presence,
}

impl Preview {
    /// A preview that nobody watches yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Offers one frame: call it on every frame. Returns at once when nobody watches, when the last copy is younger
    /// than 150 ms, or when the slot is taken; otherwise copies.
    pub fn offer(&self, frame: &Frame, presence: &Presence, now: Moment) {
        if self.viewers.load(Relaxed) == 0 {
            return;
        }
        let copied_at = self.copied_at.load(Relaxed);
        if copied_at > 0 && now.since(Moment::from_nanos(copied_at)) < PICTURE_EVERY {
            return;
        }
        let Ok(mut slot) = self.slot.try_lock() else { return };
        copy(frame, &mut slot.shot.frame);
        slot.shot.presence = *presence;
        slot.full = true;
        self.copied_at.store(now.as_nanos(), Relaxed);
    }

    /// Counts somebody as watching until the guard is dropped.
    pub(super) fn watch(self: &Arc<Self>) -> Viewer {
        self.viewers.fetch_add(1, Relaxed);
        Viewer(Arc::clone(self))
    }

    /// Whether anybody watches.
    pub(super) fn is_watched(&self) -> bool {
        self.viewers.load(Relaxed) > 0
    }

    /// Exchanges the newest picture for the buffers in `shot`; `false` when there is no new one.
    pub(super) fn take(&self, shot: &mut Shot) -> bool {
        let mut slot = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
        if !slot.full {
            return false;
        }
        std::mem::swap(&mut slot.shot, shot);
        slot.full = false;
        true
    }
}

/// Somebody who watches.
#[derive(Debug)]
pub(super) struct Viewer(Arc<Preview>);

impl Drop for Viewer {
    fn drop(&mut self) {
        self.0.viewers.fetch_sub(1, Relaxed);
    }
}

/// Copies every n-th pixel so that the copy is at most [`WIDTH_MAX`] wide.
fn copy(from: &Frame, to: &mut Frame) {
    let step = from.width.div_ceil(WIDTH_MAX).max(1);
    to.sequence = from.sequence;
    to.captured_at = from.captured_at;
    to.resize(from.width / step, from.height / step);
    if step == 1 && to.pixels.len() == from.pixels.len() {
        to.pixels.copy_from_slice(&from.pixels);
        return;
    }
    let (stride, step) = (from.width as usize * 3, step as usize);
    let lines = from.pixels.chunks_exact(stride.max(1)).step_by(step);
    for (line, out) in lines.zip(to.pixels.chunks_exact_mut((to.width as usize * 3).max(1))) {
        for (pixel, out) in line.chunks_exact(3).step_by(step).zip(out.chunks_exact_mut(3)) {
            out.copy_from_slice(pixel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(sequence: u64, width: u32, height: u32) -> Frame {
        let mut frame = Frame::black(width, height);
        frame.sequence = sequence;
        frame
    }

    fn newest(preview: &Preview) -> Option<u64> {
        let mut shot = Shot::default();
        preview.take(&mut shot).then_some(shot.frame.sequence)
    }

    #[test]
    fn nothing_is_copied_while_nobody_watches() {
        let preview = Arc::new(Preview::new());
        preview.offer(&frame(1, 8, 8), &Presence::default(), Moment::from_millis(1_000));
        assert_eq!(newest(&preview), None);
        let viewer = preview.watch();
        preview.offer(&frame(2, 8, 8), &Presence::default(), Moment::from_millis(1_001));
        assert_eq!(newest(&preview), Some(2));
        drop(viewer);
        preview.offer(&frame(3, 8, 8), &Presence::default(), Moment::from_millis(2_000));
        assert_eq!(newest(&preview), None);
    }

    #[test]
    fn copies_keep_their_distance_and_the_newest_wins() {
        let preview = Arc::new(Preview::new());
        let _viewer = preview.watch();
        for (sequence, at_ms) in [(1, 1_000), (2, 1_149), (3, 1_150), (4, 1_299)] {
            preview.offer(&frame(sequence, 8, 8), &Presence::default(), Moment::from_millis(at_ms));
        }
        assert_eq!(newest(&preview), Some(3));
        assert_eq!(newest(&preview), None, "never the same picture twice");
    }

    #[test]
    fn a_slot_that_is_taken_makes_nobody_wait() {
        let preview = Arc::new(Preview::new());
        let _viewer = preview.watch();
        let held = preview.slot.lock().unwrap();
        preview.offer(&frame(1, 8, 8), &Presence::default(), Moment::from_millis(1_000));
        drop(held);
        assert_eq!(newest(&preview), None);
        preview.offer(&frame(2, 8, 8), &Presence::default(), Moment::from_millis(1_010));
        assert_eq!(newest(&preview), Some(2), "the refused copy did not count");
    }

    #[test]
    fn large_pictures_are_thinned_out_evenly() {
        let mut large = frame(1, 1_922, 4);
        for (index, pixel) in large.pixels.chunks_exact_mut(3).enumerate() {
            pixel.fill((index % 1_922 % 251) as u8);
        }
        let mut small = Frame::default();
        copy(&large, &mut small);
        assert_eq!((small.width, small.height, small.pixels.len()), (640, 1, 640 * 3));
        for (column, pixel) in small.pixels.chunks_exact(3).enumerate() {
            assert_eq!(usize::from(pixel[0]), column * 3 % 251);
        }
    }
}
