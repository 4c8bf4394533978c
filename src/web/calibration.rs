//! What can be calibrated by the page, and who does it: the daemon's side of the camera.

use super::Changed;
use crate::capture::Controls;
use crate::detect::{Region, Unfit};

/// What a calibration of the camera says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The part of the picture that is looked at, in the camera's pixels.
    pub region: Region,
    /// What the camera must not decide for itself.
    pub controls: Controls,
}

/// One version of the camera's calibration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calibrated {
    /// Counts up from 1; 0 is the rig's own file.
    pub number: u32,
    /// When it was saved, in milliseconds since 1970; 0 for the rig's own file.
    pub saved_at_ms: i64,
    /// Who saved it; empty for the rig's own file.
    pub by: String,
    /// The version that it went back to.
    pub back_to: Option<u32>,
    /// What it says.
    pub seen: Seen,
    /// Whether it knows the empty chamber; otherwise that is learnt at each start.
    pub learnt: bool,
}

/// Why nothing was saved. Nothing has changed then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotSaved {
    /// Everything that is wrong with it, or with the disk.
    Problems(Vec<String>),
    /// The chamber cannot be learnt as it is.
    Unfit(Unfit),
    /// The bin sorts, the flap is not home, or something is out of order.
    Busy,
    /// What lies there counts as the chamber itself only in maintenance.
    NotInMaintenance,
    /// No pictures come.
    NoPicture,
}

impl NotSaved {
    /// The identifier used on the page, in the terminal and in the audit log.
    pub const fn id(&self) -> &'static str {
        match self {
            NotSaved::Problems(_) => "problems",
            NotSaved::Unfit(why) => why.id(),
            NotSaved::Busy => "calibration-busy",
            NotSaved::NotInMaintenance => "not-in-maintenance",
            NotSaved::NoPicture => "camera-no-picture",
        }
    }
}

/// Whoever keeps the camera's calibration. Calls read and write files and wait for pictures: never on the runtime's own
/// thread.
pub trait Calibrating: Send + Sync {
    /// Every version, the one in force first, the rig's own file last.
    ///
    /// # Errors
    /// Every problem of the configuration or of a saved version.
    fn versions(&self) -> Result<Vec<Calibrated>, Vec<String>>;

    /// The empty chamber in force as a PNG; `None` where it is learnt at each start.
    fn chamber(&self) -> Option<Vec<u8>>;

    /// Learns the empty chamber in this region, saves both as a new version and puts it in force. With `confirmed`,
    /// somebody has looked: what is taken for an item is the chamber itself.
    ///
    /// # Errors
    /// Why nothing was saved.
    fn save(&self, seen: Seen, confirmed: bool, by: &str) -> Result<Changed, NotSaved>;

    /// Saves an earlier version again and puts it in force; 0 is the rig's own file.
    ///
    /// # Errors
    /// Why nothing was saved.
    fn back_to(&self, number: u32, by: &str) -> Result<Changed, NotSaved>;
}
