//! The hand-off between the camera and its reader: one slot, overwritten, always the newest frame.
//!
//! Wait-free on both sides (the `triple_buffer` crate); a reader with nothing to read parks its thread and the
//! writer unparks it. Never a lock, never an allocation per frame, never a frame twice, never an older one.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;
use std::time::Duration;

use super::Frame;
use super::events::FramePublished;
use crate::clock::{Clock, SystemClock};

#[derive(Debug, Default)]
struct Shared {
    /// The thread that reads; set once, by its first wait.
    reader: OnceLock<Thread>,
    overwritten: AtomicU64,
    closed: AtomicBool,
}

/// The camera's side. Dropping it closes the hand-off and wakes the reader.
#[derive(Debug)]
pub struct Writer {
    slots: triple_buffer::Input<Frame>,
    shared: Arc<Shared>,
}

/// The reader's side. Its first [`Reader::latest`] binds it to the calling thread.
#[derive(Debug)]
pub struct Reader {
    slots: triple_buffer::Output<Frame>,
    shared: Arc<Shared>,
}

/// A hand-off whose three buffers already have room for frames of `width` x `height`.
pub fn channel(width: u32, height: u32) -> (Writer, Reader) {
    let (input, output) = triple_buffer::triple_buffer(&Frame::black(width, height));
    let shared = Arc::new(Shared::default());
    (Writer { slots: input, shared: Arc::clone(&shared) }, Reader { slots: output, shared })
}

impl Writer {
    /// The frame to fill. After [`Writer::publish`] it is another one, with old contents.
    pub fn frame(&mut self) -> &mut Frame {
        self.slots.input_buffer_mut()
    }

    /// Makes the filled frame the newest and wakes the reader.
    pub fn publish(&mut self) {
        let overwrote = self.slots.publish();
        self.shared.overwritten.fetch_add(u64::from(overwrote), Ordering::Relaxed);
        FramePublished { overwrote }.emit();
        self.wake();
    }

    fn wake(&self) {
        fence(Ordering::SeqCst); // pairs with the one in `latest`: either it sees the frame, or we see it
        if let Some(reader) = self.shared.reader.get() {
            reader.unpark();
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Release);
        self.wake();
    }
}

impl Reader {
    /// The newest frame that was not returned before; waits for it up to `timeout`.
    ///
    /// `None` when none came, at once when the writer is gone ([`Reader::is_closed`]). Call it from one
    /// thread only: on another one nothing wakes it before `timeout`.
    pub fn latest(&mut self, timeout: Duration) -> Option<&Frame> {
        if !self.slots.update() && !self.wait(timeout) {
            return None;
        }
        Some(self.slots.output_buffer())
    }

    fn wait(&mut self, timeout: Duration) -> bool {
        if self.shared.reader.get().is_none() {
            // This thread is the only one that sets it, so it cannot be refused.
            let _ = self.shared.reader.set(std::thread::current());
            fence(Ordering::SeqCst);
        }
        // Parking takes real time even where the program's clock is simulated.
        let deadline = SystemClock.now() + timeout;
        loop {
            let closed = self.is_closed();
            if self.slots.update() {
                return true;
            }
            let left = deadline.since(SystemClock.now());
            if closed || left.is_zero() {
                return false;
            }
            std::thread::park_timeout(left);
        }
    }

    /// Whether the writer is gone. The last frame may still be unread.
    pub fn is_closed(&self) -> bool {
        self.shared.closed.load(Ordering::Acquire)
    }

    /// How many frames were replaced before they were read.
    pub fn overwritten(&self) -> u64 {
        self.shared.overwritten.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(20);
    const SHORT: Duration = Duration::from_millis(5);

    fn publish(writer: &mut Writer, sequence: u64) {
        let frame = writer.frame();
        frame.sequence = sequence;
        frame.pixels.fill(sequence as u8);
        writer.publish();
    }

    #[test]
    fn only_the_newest_is_read_and_only_once() {
        let (mut writer, mut reader) = channel(4, 4);
        assert!(reader.latest(SHORT).is_none());
        for sequence in 1..=5 {
            publish(&mut writer, sequence);
        }
        assert_eq!(reader.latest(SHORT).map(|frame| frame.sequence), Some(5));
        assert!(reader.latest(SHORT).is_none());
        assert_eq!(reader.overwritten(), 4);
    }

    #[test]
    fn the_last_frame_survives_the_writer_and_then_the_reader_does_not_wait() {
        let (mut writer, mut reader) = channel(4, 4);
        publish(&mut writer, 1);
        drop(writer);
        assert!(reader.is_closed());
        assert!(reader.latest(LONG).is_some());
        assert!(reader.latest(LONG).is_none());
    }

    #[test]
    fn a_waiting_reader_is_woken_by_a_frame_and_by_the_end() {
        let (mut writer, mut reader) = channel(4, 4);
        let (tell, told) = std::sync::mpsc::channel();
        let reading = std::thread::spawn(move || {
            tell.send(None).unwrap();
            tell.send(reader.latest(LONG).map(|frame| frame.sequence)).unwrap();
            let ended = reader.latest(LONG).is_none() && reader.is_closed();
            tell.send(ended.then_some(0)).unwrap();
        });
        // Half the wait: a reader that nobody woke would answer only after all of it.
        let answer = || told.recv_timeout(LONG / 2).unwrap();
        let let_it_park = || SystemClock.sleep_until(SystemClock.now() + Duration::from_millis(50));
        assert_eq!(answer(), None);
        let_it_park();
        publish(&mut writer, 9);
        assert_eq!(answer(), Some(9));
        let_it_park();
        drop(writer);
        assert_eq!(answer(), Some(0));
        reading.join().unwrap();
    }
}
