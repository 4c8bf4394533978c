//! Why the daemon cannot start or go on.

use std::path::PathBuf;

use crate::capture::CaptureError;
use crate::identify::IdentifyError;
use crate::mechanism::MechanismError;
use crate::tally::TallyError;
use crate::teach::TeachError;
use crate::web::WebError;

/// Why the daemon cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The camera or a clip.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// The bundle or the runtime.
    #[error(transparent)]
    Identify(#[from] IdentifyError),
    /// The drive.
    #[error(transparent)]
    Mechanism(#[from] MechanismError),
    /// The ledger.
    #[error(transparent)]
    Tally(#[from] TallyError),
    /// What the crew taught.
    #[error(transparent)]
    Teach(#[from] TeachError),
    /// The page.
    #[error(transparent)]
    Web(#[from] WebError),
    /// The calibrated empty chamber cannot be used.
    #[error("the picture of the empty chamber {path} cannot be used: {message}; calibrate the rig again", path = path.display())]
    EmptyChamber {
        /// Which picture.
        path: PathBuf,
        /// Why.
        message: String,
    },
    /// Frames are not of the calibrated size.
    #[error(
        "the camera gives {width}x{height}, the rig was calibrated for {}x{}: set camera width and height, or calibrate again",
        calibrated.0, calibrated.1
    )]
    FrameSize {
        /// Columns of the frame.
        width: u32,
        /// Rows of the frame.
        height: u32,
        /// Columns and rows of the calibration.
        calibrated: (u32, u32),
    },
    /// The system refused something small: a thread, an identifier, a folder.
    #[error("cannot {doing}: {source}")]
    System {
        /// What was being done.
        doing: String,
        /// Why not.
        source: std::io::Error,
    },
    /// A stage ended although nobody asked it to.
    #[error("the stage '{stage}' ended: {why}")]
    StageEnded {
        /// Which one.
        stage: &'static str,
        /// What it said.
        why: String,
    },
}
