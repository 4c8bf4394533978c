//! What a drive can refuse.

/// A drive that does not do what it was told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MechanismError {
    /// The rig has no such place.
    #[error("the drive has no position for {place}: add it to the rig's calibration")]
    NoSuchPlace {
        /// Which one.
        place: String,
    },
    /// The hardware did not answer.
    #[error("the drive failed while {doing}: {message}; check its wiring and run the crew's reset")]
    Hardware {
        /// What was being done.
        doing: &'static str,
        /// What it said.
        message: String,
    },
}

impl MechanismError {
    /// Whether the same request may work later without a person.
    pub const fn is_transient(&self) -> bool {
        matches!(self, MechanismError::Hardware { .. })
    }
}
