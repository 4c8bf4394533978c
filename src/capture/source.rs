//! What a camera is to the rest of the program.

use std::fmt;

use super::{CaptureError, Frame, Refusal};

/// Where frames come from: a camera, or a replay asked for by name.
pub trait FrameSource: Send {
    /// Waits for the next picture and fills `frame` with it, reusing its buffer.
    ///
    /// Blocks for about one frame interval; a camera that stalls blocks for as long as it stalls. Unless it
    /// returns [`Next::Frame`], the contents of `frame` mean nothing.
    ///
    /// # Errors
    /// When the source can give no more pictures: close it, and open it again if
    /// [`CaptureError::is_transient`].
    fn next(&mut self, frame: &mut Frame) -> Result<Next, CaptureError>;

    /// What was opened, and what had been asked for.
    fn describe(&self) -> &Description;
}

/// What [`FrameSource::next`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// A good picture is in the frame.
    Frame,
    /// The source sent a bad picture, which was counted. Its time has passed; ask for the next one.
    Refused(Refusal),
    /// A replay that does not loop is over. A camera never ends.
    End,
}

/// How pixels arrive from the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PixelFormat {
    /// One JPEG per frame.
    Mjpeg,
    /// YUV 4:2:2, two bytes a pixel (Y U Y V), BT.601 limited range.
    Yuyv,
}

impl fmt::Display for PixelFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            PixelFormat::Mjpeg => "MJPG",
            PixelFormat::Yuyv => "YUYV",
        })
    }
}

/// A picture size, rate and format that a camera can be set to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mode {
    /// How pixels arrive.
    pub format: PixelFormat,
    /// Pixels per row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Frames per second.
    pub rate_hz: f64,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}x{} at {}/s", self.format, self.width, self.height, self.rate_hz)
    }
}

/// What a source is, for the log, the page and `bunri check`.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// The device and its name, or the clips.
    pub name: String,
    /// What the source gives.
    pub mode: Mode,
    /// What had been asked for, where the source has a choice.
    pub requested: Option<Mode>,
}

impl Description {
    /// Whether the source gives something else than was asked for.
    pub fn differs(&self) -> bool {
        self.requested.is_some_and(|requested| requested != self.mode)
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.mode)
    }
}
