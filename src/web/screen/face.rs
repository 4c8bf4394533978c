//! What the resident is told: one thing at a time, drawn from the loop's news.
//!
//! ```text
//!  moment --> ready --> hold / looking --> sorted / unsure / full / take it back --> (stays a while) --> ready
//!     any of them --> out of order (camera, jam, flap, ledger, maintenance, door, blocked, no sign of life)
//! ```
//!
//! Never ready while anything is wrong. Never a result that did not lead to a movement or to a return.

use std::time::Duration;

use crate::clock::Moment;
use crate::judge::{Alarm, Reason, StateName, Verdict};
use crate::mechanism::lines::Levels;
use crate::streams::Stream;
use crate::web::Live;

/// A result stays this long after the decision, unless the next item comes: long enough to read its rule.
const RESULT_FOR: Duration = Duration::from_secs(7);

/// That the crew was called is said so long.
const CALLED_FOR: Duration = Duration::from_secs(5);

/// What one look at the bin comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Face {
    /// Starting, or on its way back to rest.
    Moment,
    /// Waits for an item.
    Ready,
    /// A hand is in the way.
    Hold,
    /// An item is being looked at.
    Looking,
    /// The item's end; `next`: the next one may come.
    Result { result: Outcome, next: bool },
    /// The resident wants the item back.
    Withdrawn,
    /// The resident has called the crew.
    Called,
    /// Every compartment is full or closed.
    Full,
    /// Out of order.
    Out(Cause),
}

/// What becomes of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It goes where it looks like.
    Sorted(Stream),
    /// To general waste, and why.
    General(Reason, Stream),
    /// "Please take it back", and why.
    Back(Reason, Stream),
}

/// Why nothing can be put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    Camera,
    Jam,
    Flap,
    Ledger,
    Maintenance,
    Blocked,
    /// The sorting loop gives no sign of life.
    Silent,
}

impl Cause {
    /// The name in keys and drawings.
    pub(super) const fn id(self) -> &'static str {
        match self {
            Cause::Camera => "camera",
            Cause::Jam => "jam",
            Cause::Flap => "flap",
            Cause::Ledger => "ledger",
            Cause::Maintenance => "maintenance",
            Cause::Blocked => "blocked",
            Cause::Silent => "silent",
        }
    }
}

impl Face {
    /// The name by which the page's style and the tests know it.
    pub(super) const fn id(self) -> &'static str {
        match self {
            Face::Moment => "moment",
            Face::Ready => "ready",
            Face::Hold => "hold",
            Face::Looking => "looking",
            Face::Result { result: Outcome::Sorted(_), .. } => "sorted",
            Face::Result { result: Outcome::General(..), .. } => "general",
            Face::Result { result: Outcome::Back(..), .. } => "back",
            Face::Withdrawn => "back",
            Face::Called => "called",
            Face::Full => "full",
            Face::Out(_) => "out",
        }
    }
}

impl Outcome {
    fn of(verdict: &Verdict) -> Self {
        match (verdict.compartment, verdict.reason) {
            (Some(_), None) => Outcome::Sorted(verdict.stream),
            (Some(_), Some(reason)) => Outcome::General(reason, verdict.seen),
            (None, reason) => Outcome::Back(reason.unwrap_or(Reason::NotSure), verdict.seen),
        }
    }
}

/// Follows the loop's news from face to face.
#[derive(Debug, Default)]
pub(crate) struct Follower {
    /// The guards that are service doors.
    doors: Levels,
    /// The present item has left the chamber for its compartment: its result may stay a while.
    gone: bool,
}

impl Follower {
    pub(crate) const fn new(doors: Levels) -> Self {
        Self { doors, gone: false }
    }

    /// The face for this news; `silent` when the loop gives no sign of life.
    pub(crate) fn look(&mut self, live: &Live, silent: bool, now: Moment) -> Face {
        let beneath = self.beneath(live, silent, now);
        let called = live.called.is_some_and(|at| now.since(at) < CALLED_FOR);
        if called && !silent && !live.presence.hand { Face::Called } else { beneath }
    }

    /// The same without what the resident is told of a call: whether an item may be put in.
    pub(crate) fn beneath(&mut self, live: &Live, silent: bool, now: Moment) -> Face {
        use StateName as S;
        match live.state {
            Some(S::Clearing) => self.gone = true,
            Some(S::Homing | S::Empty) => {}
            _ => self.gone = false,
        }
        if let Some(cause) = cause(live, live.guards & self.doors != 0, silent) {
            return Face::Out(cause);
        }
        let hand = live.presence.hand;
        let result = |next| result(live, next);
        match live.state {
            None | Some(S::CameraLost | S::Starting) => Face::Moment,
            Some(S::Arriving | S::Decided | S::Routing | S::Clearing | S::Homing) if hand => Face::Hold,
            Some(S::Arriving | S::Settled) => Face::Looking,
            Some(S::Decided | S::Routing | S::Clearing) => result(false).unwrap_or(Face::Moment),
            Some(S::Homing) => self.fresh(live, now).then(|| result(false)).flatten().unwrap_or(Face::Moment),
            Some(S::Empty) => self.fresh(live, now).then(|| result(true)).flatten().unwrap_or(Face::Ready),
            Some(S::Returning) if live.withdrawn.is_some() => Face::Withdrawn,
            Some(S::Returning) => result(false).unwrap_or(Face::Moment),
            Some(S::Full) => Face::Full,
            // Each of them is a cause already.
            Some(S::Jam | S::MechanismFault | S::LedgerFault | S::Maintenance) => Face::Moment,
        }
    }

    fn fresh(&self, live: &Live, now: Moment) -> bool {
        self.gone && live.last_verdict.as_ref().is_some_and(|last| now.since(last.decided_at) < RESULT_FOR)
    }
}

fn result(live: &Live, next: bool) -> Option<Face> {
    live.last_verdict.as_ref().map(|verdict| Face::Result { result: Outcome::of(verdict), next })
}

/// What keeps the bin from sorting, the plainest first.
fn cause(live: &Live, door_open: bool, silent: bool) -> Option<Cause> {
    if silent {
        return Some(Cause::Silent);
    }
    let state = live.state?;
    let up = |alarm| live.alarms.contains(&alarm);
    if state == StateName::Maintenance || door_open {
        Some(Cause::Maintenance)
    } else if up(Alarm::Camera) {
        Some(Cause::Camera)
    } else if state == StateName::Jam || up(Alarm::Jam) {
        Some(Cause::Jam)
    } else if state == StateName::MechanismFault || up(Alarm::Mechanism) {
        Some(Cause::Flap)
    } else if state == StateName::LedgerFault || up(Alarm::Ledger) {
        Some(Cause::Ledger)
    } else if state == StateName::Arriving && up(Alarm::Blocked) {
        Some(Cause::Blocked)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::Presence;
    use crate::judge::CompartmentId;
    use crate::web::text::tests::{ALARMS, STATES};

    fn verdict(compartment: Option<u8>, reason: Option<Reason>) -> Verdict {
        Verdict {
            label: "can_drink".into(),
            seen: Stream::Can,
            probability: 0.9,
            stream: if reason.is_some() { Stream::General } else { Stream::Can },
            compartment: compartment.map(CompartmentId),
            reason,
            votes: 3,
            settled_at: Moment::from_millis(9_000),
            decided_at: Moment::from_millis(10_000),
        }
    }

    fn live(state: StateName) -> Live {
        Live { state: Some(state), last_verdict: Some(verdict(Some(1), None)), ..Live::default() }
    }

    fn at(ms: u64) -> Moment {
        Moment::from_millis(ms)
    }

    const SORTED: Outcome = Outcome::Sorted(Stream::Can);

    #[test]
    fn an_item_is_followed_from_the_hand_to_the_next_one() {
        let mut follower = Follower::default();
        let hand = Presence { hand: true, moving: true, ..Presence::default() };
        let mut see = |live: &Live, ms| follower.look(live, false, at(ms));
        assert_eq!(see(&Live { last_verdict: None, ..live(StateName::Empty) }, 5_000), Face::Ready);
        assert_eq!(see(&Live { presence: hand, ..live(StateName::Arriving) }, 8_000), Face::Hold);
        assert_eq!(see(&live(StateName::Arriving), 8_500), Face::Looking);
        assert_eq!(see(&live(StateName::Settled), 9_000), Face::Looking);
        let now = Face::Result { result: SORTED, next: false };
        assert_eq!(see(&live(StateName::Decided), 10_000), now);
        assert_eq!(see(&live(StateName::Routing), 10_100), now);
        assert_eq!(see(&Live { presence: hand, ..live(StateName::Routing) }, 10_200), Face::Hold);
        assert_eq!(see(&live(StateName::Clearing), 10_400), now);
        assert_eq!(see(&live(StateName::Homing), 10_800), now);
        assert_eq!(see(&live(StateName::Empty), 11_000), Face::Result { result: SORTED, next: true });
        assert_eq!(see(&live(StateName::Empty), 16_999), Face::Result { result: SORTED, next: true });
        assert_eq!(see(&live(StateName::Empty), 17_000), Face::Ready, "long enough to read");
    }

    #[test]
    fn an_item_that_was_taken_out_before_it_went_leaves_no_result_behind() {
        let mut follower = Follower::default();
        for (state, face) in [
            (StateName::Decided, Face::Result { result: SORTED, next: false }),
            (StateName::Empty, Face::Ready),
            (StateName::Homing, Face::Moment),
        ] {
            assert_eq!(follower.look(&live(state), false, at(10_500)), face);
        }
    }

    #[test]
    fn a_reject_says_whether_it_goes_to_general_waste_or_back() {
        let mut follower = Follower::default();
        for reason in Reason::ALL {
            let general =
                Live { last_verdict: Some(verdict(Some(3), Some(reason))), ..live(StateName::Routing) };
            let result = Outcome::General(reason, Stream::Can);
            assert_eq!(follower.look(&general, false, at(1)), Face::Result { result, next: false });
            let back = Live { last_verdict: Some(verdict(None, Some(reason))), ..live(StateName::Returning) };
            let result = Outcome::Back(reason, Stream::Can);
            assert_eq!(follower.look(&back, false, at(1)), Face::Result { result, next: false });
        }
    }

    #[test]
    fn an_open_service_door_is_being_serviced_and_another_guard_is_not() {
        let mut follower = Follower::new(0b10);
        for (guards, face) in [(0b10, Face::Out(Cause::Maintenance)), (0b01, Face::Ready), (0, Face::Ready)] {
            let live = Live { guards, last_verdict: None, ..live(StateName::Empty) };
            assert_eq!(follower.look(&live, false, at(60_000)), face, "{guards:b}");
        }
    }

    #[test]
    fn what_the_button_asked_for_is_said() {
        let mut follower = Follower::default();
        let back = Live { withdrawn: Some(at(11_000)), ..live(StateName::Returning) };
        assert_eq!(follower.look(&back, false, at(11_500)), Face::Withdrawn);
        let called = Live { called: Some(at(20_000)), alarms: vec![Alarm::Jam], ..live(StateName::Jam) };
        assert_eq!(follower.look(&called, false, at(24_900)), Face::Called, "whoever calls from a jam too");
        assert_eq!(follower.look(&called, false, at(25_000)), Face::Out(Cause::Jam));
        let presence = Presence { hand: true, ..Presence::default() };
        let called = Live { called: Some(at(20_000)), presence, ..live(StateName::Arriving) };
        assert_eq!(follower.look(&called, false, at(20_100)), Face::Hold, "a hand comes first");
    }

    #[test]
    fn whatever_is_wrong_it_is_never_ready() {
        let mut follower = Follower::default();
        for state in STATES {
            for alarm in ALARMS {
                let face = follower.look(&Live { alarms: vec![alarm], ..live(state) }, false, at(60_000));
                let mild = matches!(alarm, Alarm::Blocked | Alarm::CrewCalled) && state == StateName::Empty;
                assert!(mild || face != Face::Ready, "{state:?} with {alarm:?}");
            }
            assert_eq!(follower.look(&live(state), true, at(60_000)), Face::Out(Cause::Silent));
            let face = follower.look(&live(state), false, at(60_000));
            assert_eq!(face == Face::Ready, state == StateName::Empty, "{state:?}: {face:?}");
        }
        assert_eq!(follower.look(&Live::default(), false, at(1)), Face::Moment);
        assert_eq!(follower.look(&Live::default(), true, at(9_000)), Face::Out(Cause::Silent));
        let blocked = Live { alarms: vec![Alarm::Blocked], ..live(StateName::Arriving) };
        assert_eq!(follower.look(&blocked, false, at(1)), Face::Out(Cause::Blocked));
    }
}
