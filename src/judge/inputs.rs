//! What the state machine is told, what it answers, and its states by name.

use std::sync::Arc;
use std::time::Duration;

use super::rules::Rules;
use super::verdict::{CompartmentId, Movement, Verdict, VoidCause};
use crate::clock::Moment;
use crate::detect::{MAX_OBJECTS, Presence};
use crate::identify::Identified;

/// How long each state may wait.
#[derive(Clone, Debug, PartialEq)]
pub struct Timing {
    /// An item must lie still this long before it is looked at.
    pub settle: Duration,
    /// Voting ends after this long with what there is.
    pub vote_limit: Duration,
    /// The flap must report within this time.
    pub move_limit: Duration,
    /// The chamber must be seen empty this long before a drop counts.
    pub clear_hold: Duration,
    /// An item still there this long after the flap arrived is tried again.
    pub clear_limit: Duration,
    /// Without a frame for this long the camera is lost.
    pub camera_lost_after: Duration,
    /// Something that neither settles nor leaves for this long raises an alarm.
    pub blocked_after: Duration,
    /// After a fault of disk or flap, the next try.
    pub fault_retry: Duration,
    /// Maintenance ends by itself this long after the last thing the crew asked for.
    pub maintenance: Duration,
    /// An item that the resident wanted back, touched and then left lying is judged anew after this long.
    pub rethink: Duration,
    /// After the crew has heard a call, residents who press on call nobody anew for so long.
    pub call_again: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            settle: Duration::from_millis(300),
            vote_limit: Duration::from_millis(1500),
            move_limit: Duration::from_secs(4),
            clear_hold: Duration::from_millis(150),
            clear_limit: Duration::from_millis(1500),
            // A stall must be known within 1 s; it is looked at every 10 ms or so.
            camera_lost_after: Duration::from_millis(900),
            blocked_after: Duration::from_secs(30),
            fault_retry: Duration::from_secs(10),
            maintenance: Duration::from_secs(20 * 60),
            rethink: Duration::from_secs(3),
            call_again: Duration::from_secs(5 * 60),
        }
    }
}

/// Everything the judge is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The decision.
    pub rules: Rules,
    /// The waits.
    pub timing: Timing,
    /// How often an item that stays is tried again before it is a jam.
    pub retries: u32,
    /// How often a flap that failed is sent home again before it waits for a person.
    pub fault_retries: u32,
    /// Names of the model's labels, in its order.
    pub labels: Vec<Arc<str>>,
}

/// One look of the classifier at a settled item.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// Everything in the chamber as one.
    pub whole: Identified,
    /// Its separate parts, when there is more than one.
    pub objects: [Option<Identified>; MAX_OBJECTS],
}

/// What happened.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// A frame was looked at; `look` is there when [`wants_look`](super::Judge::wants_look) asked for it.
    Frame {
        /// What the detector saw.
        presence: &'a Presence,
        /// What the classifier saw.
        look: Option<&'a Look>,
    },
    /// Time passed without a frame.
    Tick,
    /// The intent is on disk under this number.
    IntentRecorded(u64),
    /// The intent could not be written.
    IntentFailed,
    /// The flap did something.
    Movement(Movement),
    /// A guard (service door, beam, movement sensor) forbids every movement, or allows it again.
    Veto(bool),
    /// The crew wants something.
    Command(Command),
}

/// What the crew, or a sensor, may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Stop sorting once the present item is dealt with, or sort again. Asked again, it lasts longer.
    Maintenance(bool),
    /// In maintenance: turn the flap to a compartment, or home (`None`).
    Turn(Option<CompartmentId>),
    /// Turn a moving flap back and forget what else was asked of it.
    Stop,
    /// In maintenance: turn the flap home, and from there to each compartment and back.
    Tour,
    /// The jam or fault is mended.
    Reset,
    /// A compartment became full or was emptied.
    Full(CompartmentId, bool),
    /// A compartment was closed or opened by the crew.
    Disabled(CompartmentId, bool),
    /// The resident wants the item back that lies there: heard only before the flap has moved for it.
    TakeBack,
    /// The resident calls the crew.
    CallCrew,
    /// The crew has heard it.
    CallHeard,
}

/// Why a movement that the crew asked for does not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The bin is not in maintenance, or not yet: it ends the present item first.
    NotInMaintenance,
    /// The flap moves already.
    Busy,
    /// A guard forbids every movement.
    Guarded,
    /// A hand is in view.
    HandSeen,
    /// Something moves, it is dark, or the empty chamber is not yet learnt.
    NotStill,
    /// There is no fresh picture.
    NoPicture,
    /// The rig has no such compartment.
    NoSuchCompartment,
    /// Nobody knows where the flap is: home first.
    NotHomed,
}

impl Refusal {
    /// The identifier used on the page and in the audit log.
    pub const fn id(self) -> &'static str {
        match self {
            Refusal::NotInMaintenance => "not-in-maintenance",
            Refusal::Busy => "busy",
            Refusal::Guarded => "guarded",
            Refusal::HandSeen => "hand-seen",
            Refusal::NotStill => "not-still",
            Refusal::NoPicture => "no-picture",
            Refusal::NoSuchCompartment => "no-such-compartment",
            Refusal::NotHomed => "not-homed",
        }
    }
}

/// What the crew is doing with the flap.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// Maintenance ends by itself then.
    pub until: Moment,
    /// Movements still to come, the present one included.
    pub to_go: usize,
    /// The movements since the last thing that was asked for.
    pub legs: Vec<Leg>,
}

/// One movement that the crew asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Leg {
    /// Where to; `None` is home.
    pub to: Option<CompartmentId>,
    /// How long it took.
    pub took: Duration,
    /// How it ended.
    pub end: LegEnd,
}

/// How a movement that the crew asked for ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LegEnd {
    /// Where it should.
    Arrived,
    /// Something was in the way: it turned back.
    TurnedBack,
    /// Something was in the way: it never began.
    Prevented,
    /// The flap did not get there.
    Failed,
}

impl LegEnd {
    /// The identifier used on the page.
    pub const fn id(self) -> &'static str {
        match self {
            LegEnd::Arrived => "arrived",
            LegEnd::TurnedBack => "turned-back",
            LegEnd::Prevented => "prevented",
            LegEnd::Failed => "failed",
        }
    }
}

/// What must be done now, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Write this verdict to disk; answer with [`Input::IntentRecorded`] or [`Input::IntentFailed`].
    RecordIntent(Verdict),
    /// The item is gone where it should: the drop counts.
    Confirm(u64),
    /// The intent came to nothing.
    Void(u64, VoidCause),
    /// Move the flap to this compartment.
    Move(CompartmentId),
    /// Move the flap home.
    Home,
    /// Stop and turn back at once.
    Halt,
    /// Something needs a person (`true`), or no longer does.
    Alarm(Alarm, bool),
    /// What the crew asked for may not be, or not now.
    Refuse(Refusal),
}

/// What needs a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Alarm {
    /// An item stays in the chamber, or the flap stays stuck after every retry: only a person helps.
    Jam,
    /// The flap does not get where it should.
    Mechanism,
    /// The ledger cannot be written.
    Ledger,
    /// No frames.
    Camera,
    /// Something neither settles nor leaves.
    Blocked,
    /// A resident has called the crew; sorting goes on.
    CrewCalled,
}

impl Alarm {
    /// Every alarm.
    pub const ALL: [Alarm; 6] =
        [Alarm::Jam, Alarm::Mechanism, Alarm::Ledger, Alarm::Camera, Alarm::Blocked, Alarm::CrewCalled];
}

/// The state by name, for the page and the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StateName {
    /// No frames.
    CameraLost,
    /// Finding out what lies in the chamber.
    Starting,
    /// Ready.
    Empty,
    /// Every compartment is full or closed.
    Full,
    /// Something moves or a hand is in view.
    Arriving,
    /// Still, and being looked at.
    Settled,
    /// Decided, being written to disk.
    Decided,
    /// The flap moves, or is about to.
    Routing,
    /// Waiting for the item to leave.
    Clearing,
    /// The flap goes home.
    Homing,
    /// Waiting for the resident to take the item back.
    Returning,
    /// An item stays in the chamber, or the flap stays stuck after every retry: only a person helps.
    Jam,
    /// The flap does not get where it should.
    MechanismFault,
    /// The ledger cannot be written.
    LedgerFault,
    /// The crew is at work.
    Maintenance,
}

impl StateName {
    /// Every state.
    pub const ALL: [StateName; 15] = [
        StateName::CameraLost,
        StateName::Starting,
        StateName::Empty,
        StateName::Full,
        StateName::Arriving,
        StateName::Settled,
        StateName::Decided,
        StateName::Routing,
        StateName::Clearing,
        StateName::Homing,
        StateName::Returning,
        StateName::Jam,
        StateName::MechanismFault,
        StateName::LedgerFault,
        StateName::Maintenance,
    ];

    /// The identifier used in files and on the page.
    pub const fn id(self) -> &'static str {
        match self {
            StateName::CameraLost => "camera_lost",
            StateName::Starting => "starting",
            StateName::Empty => "empty",
            StateName::Full => "full",
            StateName::Arriving => "arriving",
            StateName::Settled => "settled",
            StateName::Decided => "decided",
            StateName::Routing => "routing",
            StateName::Clearing => "clearing",
            StateName::Homing => "homing",
            StateName::Returning => "returning",
            StateName::Jam => "jam",
            StateName::MechanismFault => "mechanism_fault",
            StateName::LedgerFault => "ledger_fault",
            StateName::Maintenance => "maintenance",
        }
    }
}
