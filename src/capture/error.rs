//! What can go wrong between the camera and a good frame.

use std::fmt;
use std::path::PathBuf;

/// Why one picture was refused. The source goes on; the next picture may be good.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The bytes do not begin with FFD8.
    #[error("not a JPEG: it does not begin with FFD8")]
    NotJpeg,
    /// There is no FFD9 where the picture should end.
    #[error("the JPEG is cut: its end (FFD9) is missing in {length} bytes")]
    NoEnd {
        /// How many bytes were searched.
        length: usize,
    },
    /// The markers contradict the format or each other.
    #[error("the JPEG is damaged: {what}")]
    Damaged {
        /// What is wrong.
        what: String,
    },
    /// The end of the picture is left over from an older one in the same buffer.
    #[error("the last {length} bytes of the picture belong to an older one")]
    StaleTail {
        /// How many bytes are the same as in the older picture.
        length: usize,
    },
    /// The picture is not of the size the source was opened with.
    #[error("the picture is {got_width}x{got_height} instead of {width}x{height}")]
    WrongSize {
        /// Pixels per row asked for.
        width: u32,
        /// Rows asked for.
        height: u32,
        /// Pixels per row received.
        got_width: u32,
        /// Rows received.
        got_height: u32,
    },
    /// An uncompressed picture has too few bytes.
    #[error("the picture has {got} bytes instead of {expected}")]
    Short {
        /// Bytes received.
        got: usize,
        /// Bytes that its size needs.
        expected: usize,
    },
}

/// One thing wrong with a clip, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClipProblem {
    /// The file or folder.
    pub path: PathBuf,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for ClipProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.path.as_os_str().is_empty() { "" } else { ": " };
        write!(f, "{}{separator}{}", self.path.display(), self.what)
    }
}

/// Why a source cannot be opened, or can give no more frames.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The configuration names no camera.
    #[error(
        "no camera is chosen: give the configuration one, with camera.source = \"v4l2\" and camera.device"
    )]
    NotChosen,
    /// There is no such camera now.
    #[error("no camera `{asked}`; {present}")]
    NoDevice {
        /// The path or stable id asked for.
        asked: String,
        /// What is there instead, as half a sentence.
        present: String,
    },
    /// The configured name cannot be one of a camera.
    #[error("`{asked}` cannot be a camera: {why}")]
    BadName {
        /// The path or stable id asked for.
        asked: String,
        /// Why not.
        why: String,
    },
    /// Another program uses the camera.
    #[error("camera {device} is used by another program (`fuser -v {device}` names it)")]
    Busy {
        /// The device node.
        device: String,
    },
    /// The process may not open the camera.
    #[error("camera {device} may not be opened: add this program's user to the group `video` and restart it")]
    Permission {
        /// The device node.
        device: String,
    },
    /// The camera cannot give what this program understands.
    #[error("camera {device} gives neither MJPG nor YUYV as asked ({asked}); it offers {offered}; {why}")]
    Unsupported {
        /// The device node.
        device: String,
        /// The mode asked for.
        asked: String,
        /// The modes it offers that this program understands.
        offered: String,
        /// The driver's own words.
        why: String,
    },
    /// The camera lists no mode at all that this program understands.
    #[error(
        "camera {device} offers neither MJPG nor YUYV now (a loopback camera does not before its feeder runs): {why}"
    )]
    OffersNothing {
        /// The device node.
        device: String,
        /// The driver's own words.
        why: String,
    },
    /// The camera went away, or can no longer be read.
    #[error("camera {device} was lost: {why}")]
    Lost {
        /// The device node.
        device: String,
        /// The driver's own words.
        why: String,
    },
    /// The camera failed in some other way while being opened.
    #[error("camera {device} failed while {doing}: {why}")]
    Device {
        /// The device node.
        device: String,
        /// What was being done.
        doing: &'static str,
        /// The driver's own words.
        why: String,
    },
    /// The V4L2 crates panicked or left a poisoned lock: only a new process is sound again.
    #[error("the V4L2 library broke down while {doing} camera {device}: {why}; restart the program")]
    BrokeDown {
        /// The device node.
        device: String,
        /// What was being done.
        doing: &'static str,
        /// What it said.
        why: String,
    },
    /// Clips that cannot be replayed, with every problem found.
    #[error("{}", list(.0))]
    Clips(Vec<ClipProblem>),
    /// A replay option that makes no sense.
    #[error("replay option `{option}` is {value}: it must be {must}")]
    Option {
        /// The option's name.
        option: &'static str,
        /// Its value.
        value: String,
        /// What it must be.
        must: &'static str,
    },
    /// A frame could not be made into a JPEG.
    #[error("a frame of {width}x{height} could not be encoded as JPEG: {why}")]
    Encode {
        /// Pixels per row.
        width: u32,
        /// Rows.
        height: u32,
        /// The encoder's own words.
        why: String,
    },
}

impl CaptureError {
    /// Whether closing the source and opening it again may help.
    ///
    /// A refused permission counts as such: when a camera comes back, its node exists for a moment before
    /// udev has given it its group.
    pub const fn is_transient(&self) -> bool {
        match self {
            // Nothing to give up for: the page must say it.
            CaptureError::NotChosen
            | CaptureError::NoDevice { .. }
            | CaptureError::Busy { .. }
            | CaptureError::Permission { .. }
            | CaptureError::OffersNothing { .. }
            | CaptureError::Lost { .. }
            | CaptureError::Device { .. } => true,
            CaptureError::BadName { .. }
            | CaptureError::Unsupported { .. }
            | CaptureError::BrokeDown { .. }
            | CaptureError::Clips(_)
            | CaptureError::Option { .. }
            | CaptureError::Encode { .. } => false,
        }
    }
}

/// One problem stands on one line, several under a heading.
fn list(problems: &[ClipProblem]) -> String {
    match problems {
        [] => "there is no clip to play".to_owned(),
        [problem] => problem.to_string(),
        problems => {
            let lines: String = problems.iter().map(|problem| format!("\n  {problem}")).collect();
            format!("{} problems with the clips:{lines}", problems.len())
        }
    }
}
