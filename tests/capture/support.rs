//! Clips made for one test, in a temporary folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bunri::capture::replay::{Clip, Pace, ReplayOptions, ReplaySource};
use bunri::capture::{Frame, FrameSource, Next, jpeg};
use bunri::clock::SimClock;

pub(crate) const WIDTH: u32 = 64;
pub(crate) const HEIGHT: u32 = 48;

/// A folder of clips that goes away with the test.
pub(crate) struct Clips(tempfile::TempDir);

impl Clips {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a clip whose frame `number` is a plain picture of brightness `grey`.
    pub(crate) fn add(&self, name: &str, toml: &str, pictures: &[(u32, u8)]) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(&path).unwrap();
        fs::write(path.join("clip.toml"), toml).unwrap();
        for (number, grey) in pictures {
            write_picture(&path, *number, &plain(WIDTH, HEIGHT, *grey));
        }
        path
    }
}

pub(crate) fn write_picture(clip: &Path, number: u32, bytes: &[u8]) {
    fs::write(clip.join(format!("{number:04}.jpg")), bytes).unwrap();
}

/// A JPEG of one brightness.
pub(crate) fn plain(width: u32, height: u32, grey: u8) -> Vec<u8> {
    let mut frame = Frame::black(width, height);
    frame.pixels.fill(grey);
    let mut bytes = Vec::new();
    jpeg::encode(&frame, 95, &mut bytes).unwrap();
    bytes
}

/// No waiting: the source moves the simulated clock itself.
pub(crate) fn fast() -> ReplayOptions {
    ReplayOptions { pace: Pace::AsFastAsPossible, ..ReplayOptions::default() }
}

/// A replay with a simulated clock of its own, at zero.
pub(crate) fn replay(paths: &[PathBuf], options: ReplayOptions) -> (ReplaySource, Arc<SimClock>) {
    let clock = Arc::new(SimClock::new(0));
    let clips = Clip::open_all(paths).unwrap();
    (ReplaySource::new(clips, options, Arc::clone(&clock) as _).unwrap(), clock)
}

/// Everything up to the end: each good frame, and how many pictures were refused.
pub(crate) fn play(source: &mut ReplaySource) -> (Vec<Frame>, u64) {
    let (mut frames, mut refused) = (Vec::new(), 0);
    let mut frame = Frame::default();
    loop {
        match source.next(&mut frame).unwrap() {
            Next::Frame => frames.push(frame.clone()),
            Next::Refused(_) => refused += 1,
            Next::End => return (frames, refused),
        }
    }
}

/// The brightness in the middle of a frame.
pub(crate) fn grey(frame: &Frame) -> u8 {
    frame.pixels[frame.pixels.len() / 2]
}

pub(crate) fn greys(frames: &[Frame]) -> Vec<u8> {
    frames.iter().map(grey).collect()
}
