//! What a drive can refuse.

use std::path::PathBuf;

/// A drive that does not do what it was told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MechanismError {
    /// The configuration names no drive.
    #[error(
        "no rig is chosen, so nothing moves: put a rig of calibration/rigs into the configuration, with mechanism.drive = \"rig\""
    )]
    NoRig,
    /// The rig has no such place.
    #[error("the drive has no position for {place}: add it to the rig's calibration")]
    NoSuchPlace {
        /// Which one.
        place: String,
    },
    /// A line of the rig's file is not on the board.
    #[error("{role}: there is no GPIO line {line} on {looked_in}; `gpioinfo` lists the lines by name")]
    NoLine {
        /// Its path in the rig's file.
        role: String,
        /// Which line.
        line: String,
        /// The chips that were looked through.
        looked_in: String,
    },
    /// A chip of the rig's file is not on the board.
    #[error(
        "{role}: there is no GPIO chip {chip} (there are: {there_are}); `gpiodetect` lists names and labels"
    )]
    NoChip {
        /// The line's path in the rig's file.
        role: String,
        /// Which chip.
        chip: String,
        /// The chips there are.
        there_are: String,
    },
    /// A chip may not be opened.
    #[error(
        "{role}: cannot open {chip}: {message}; run as a member of the group that owns it (often 'gpio')"
    )]
    ChipRefused {
        /// The line's path in the rig's file.
        role: String,
        /// Which chip.
        chip: String,
        /// Why not.
        message: String,
    },
    /// Several chips have a line of that name.
    #[error("{role}: there is a line {line} on each of {chips}; name the chip too")]
    AmbiguousLine {
        /// Its path in the rig's file.
        role: String,
        /// Which line.
        line: String,
        /// The chips that have one.
        chips: String,
    },
    /// Somebody else holds a line.
    #[error(
        "{role}: GPIO line {line} (line {offset} of {chip}) is held by '{consumer}'; stop that, or wire the rig to another line"
    )]
    LineBusy {
        /// Its path in the rig's file.
        role: String,
        /// Which line.
        line: String,
        /// Its chip.
        chip: String,
        /// Its number there.
        offset: u32,
        /// Who holds it.
        consumer: String,
    },
    /// A line cannot be what the rig needs.
    #[error("{lines}: {chip} does not make it {wanted}: {message}; wire it to a line that can")]
    LineRefused {
        /// Their paths in the rig's file.
        lines: String,
        /// Their chip.
        chip: String,
        /// What it should be.
        wanted: &'static str,
        /// What the kernel said.
        message: String,
    },
    /// Two keys of the rig's file mean the same line.
    #[error("{role} and {other} are both line {offset} of {chip}; give each its own")]
    SameLine {
        /// One path in the rig's file.
        role: String,
        /// The other.
        other: String,
        /// Their chip.
        chip: String,
        /// The line's number there.
        offset: u32,
    },
    /// Lines that must be requested together are on different chips.
    #[error(
        "{role} is on {chip}, but {other} on {other_chip}: a drive's outputs, and its inputs, need one chip each"
    )]
    TwoChips {
        /// One path in the rig's file.
        role: String,
        /// Its chip.
        chip: String,
        /// The other path.
        other: String,
        /// Its chip.
        other_chip: String,
    },
    /// A PWM chip of the rig's file is not on the board.
    #[error("there is no PWM chip {chip} in {root} (there are: {there_are}); switch it on in the board's device tree (an overlay)", root = root.display())]
    NoPwm {
        /// Which chip.
        chip: String,
        /// Where it was looked for.
        root: PathBuf,
        /// What is there.
        there_are: String,
    },
    /// A PWM attribute did not take its value.
    #[error("cannot write {value} to {file}: {message}; check the channel and that its group may write there", file = file.display())]
    PwmRefused {
        /// Which attribute.
        file: PathBuf,
        /// What was written.
        value: String,
        /// What the kernel said.
        message: String,
    },
    /// The home switch did not answer anywhere.
    #[error(
        "the motor turned all the way and the home switch never answered: check the switch, its wire and the motor"
    )]
    NoHome,
    /// The motor was counted home, and home's switch says otherwise.
    #[error(
        "steps were lost: the home switch is not active where home was counted; look for what holds the flap back, or lower its speeds"
    )]
    LostSteps,
    /// A coil was on for as long as it may be.
    #[error(
        "{place} was held as long as its coil may be on, and let go; the item there took too long to leave"
    )]
    HeldTooLong {
        /// What was held.
        place: String,
    },
    /// The flap went past a place without its switch answering.
    #[error("the flap passed {place} and its switch never answered: check that switch and its wire")]
    Passed {
        /// Which place.
        place: String,
    },
    /// A sensor of the rig's file is not on the board.
    #[error("{role}: there is no IIO device with {device} in {root} (there are: {there_are}); switch its driver on in the board's device tree (an overlay), and check its wires", root = root.display())]
    NoSensor {
        /// Its path in the rig's file.
        role: String,
        /// What was looked for.
        device: String,
        /// Where.
        root: PathBuf,
        /// What is there.
        there_are: String,
    },
    /// Several sensors are what the rig's file names.
    #[error("{role}: several IIO devices have {device}: {there_are}; tell them apart by `at` or `label`")]
    AmbiguousSensor {
        /// Its path in the rig's file.
        role: String,
        /// What was looked for.
        device: String,
        /// Those that fit.
        there_are: String,
    },
    /// A sensor measures something else than the rig's file says.
    #[error(
        "{role}: the IIO device {device} has no {channel}_raw and no {channel}_input; name one of its channels"
    )]
    NoChannel {
        /// Its path in the rig's file.
        role: String,
        /// Which device.
        device: String,
        /// What was looked for.
        channel: String,
    },
    /// A sensor did not answer.
    #[error("{role}: cannot read {file}: {message}; check its wires and supply, and that nothing is in its way", file = file.display())]
    SensorRefused {
        /// Its path in the rig's file.
        role: String,
        /// Which attribute.
        file: PathBuf,
        /// What the kernel said.
        message: String,
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
        matches!(self, MechanismError::Hardware { .. } | MechanismError::SensorRefused { .. })
    }
}
