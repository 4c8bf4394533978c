//! What was decided about one item, and why.

use std::fmt;
use std::sync::Arc;

use crate::clock::Moment;
use crate::streams::Stream;

/// Position of a compartment in the rig's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CompartmentId(pub u8);

/// Why an item did not go to the stream it looked like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The votes do not favour one stream enough.
    NotSure,
    /// It is unlike anything the model was trained on.
    Unknown,
    /// Two different items lie in the chamber.
    TwoItems,
    /// Its compartment is full.
    CompartmentFull,
    /// The crew has closed its compartment.
    CompartmentDisabled,
    /// This bin has no compartment for its stream.
    NotCollectedHere,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Reason; 6] = [
        Reason::NotSure,
        Reason::Unknown,
        Reason::TwoItems,
        Reason::CompartmentFull,
        Reason::CompartmentDisabled,
        Reason::NotCollectedHere,
    ];

    /// The identifier used in files and payloads.
    pub const fn id(self) -> &'static str {
        match self {
            Reason::NotSure => "not_sure",
            Reason::Unknown => "unknown",
            Reason::TwoItems => "two_items",
            Reason::CompartmentFull => "compartment_full",
            Reason::CompartmentDisabled => "compartment_disabled",
            Reason::NotCollectedHere => "not_collected_here",
        }
    }

    /// The reason with this identifier.
    pub fn from_id(id: &str) -> Option<Reason> {
        Reason::ALL.into_iter().find(|reason| reason.id() == id)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

/// The decision about one settled item. At most one exists per physical item.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The model's best label.
    pub label: Arc<str>,
    /// The stream the item looks like.
    pub seen: Stream,
    /// Calibrated probability of [`Verdict::seen`], averaged over the votes, 0 to 1.
    pub probability: f32,
    /// The stream it goes to: `seen` when accepted, general waste otherwise.
    pub stream: Stream,
    /// Where the flap sends it; `None` means "please take it back": the rig has no usable reject compartment.
    pub compartment: Option<CompartmentId>,
    /// Why it was rejected; `None` when accepted.
    pub reason: Option<Reason>,
    /// How many frames voted.
    pub votes: u32,
    /// When it had lain still for the settling time: voting began.
    pub settled_at: Moment,
    /// When the decision was made.
    pub decided_at: Moment,
}

impl Verdict {
    /// Whether the item goes to the stream it looks like.
    pub const fn accepted(&self) -> bool {
        self.reason.is_none()
    }
}

/// What the mechanism reports about the flap. Made by the mechanism, judged here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Movement {
    /// The flap is at rest at home.
    Homed,
    /// The flap has reached this compartment's position.
    Arrived(CompartmentId),
    /// A halt turned it back: it is at rest where its last movement began.
    Reversed,
    /// It did not get where it should, or its end-stops contradict each other.
    Failed,
}

/// Why a verdict on disk came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VoidCause {
    /// The item or a hand moved before the flap did; whatever lies there is judged anew.
    Disturbed,
    /// A hand came during the flap's movement; it was turned back.
    Hand,
    /// The item was gone before the flap moved.
    TakenBack,
    /// The item stayed after every retry and somebody else removed it.
    Jam,
    /// The flap did not get to the compartment.
    MechanismFault,
    /// After a restart or a lost camera the item still lay there; it is judged anew.
    StillThere,
}

impl VoidCause {
    /// The identifier used in files.
    pub const fn id(self) -> &'static str {
        match self {
            VoidCause::Disturbed => "disturbed",
            VoidCause::Hand => "hand",
            VoidCause::TakenBack => "taken_back",
            VoidCause::Jam => "jam",
            VoidCause::MechanismFault => "mechanism_fault",
            VoidCause::StillThere => "still_there",
        }
    }
}
