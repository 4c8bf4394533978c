//! One picture of the chamber.

use crate::clock::Moment;

/// An RGB picture, with the number and the moment that travel with it through every step.
///
/// `pixels` has `height` rows of `width` pixels of 3 bytes (red, green, blue), without padding.
/// The buffer is reused from frame to frame.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// Counts good frames since the source was opened (the capture stage goes on counting when it opens the
    /// source again); gaps mean the reader was slower than the camera.
    pub sequence: u64,
    /// When the frame was received from the source.
    pub captured_at: Moment,
    /// Pixels per row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// `height * width * 3` bytes.
    pub pixels: Vec<u8>,
}

impl Frame {
    /// A black picture of `width` x `height` with its buffer in place.
    pub fn black(width: u32, height: u32) -> Self {
        let mut frame = Self::default();
        frame.resize(width, height);
        frame
    }

    /// Gives the buffer the room for `width` x `height` pixels; allocates only when it grows.
    pub fn resize(&mut self, width: u32, height: u32) {
        self.width = width;
        self.height = height;
        self.pixels.resize(width as usize * height as usize * 3, 0);
    }
}
