//! A clip through the whole bin in simulated time: the daemon's own steps, one after the other in one thread.
//!
//! The same clip and settings give the same drops, frame for frame, however fast the machine is. The ledger is a
//! counter: what is on disk is tested with the ledger itself.

use std::sync::Arc;
use std::time::Duration;

use super::{DaemonError, Sorter};
use crate::capture::replay::{Clip, Loops, Pace, ReplayOptions, ReplaySource};
use crate::capture::{Frame, FrameSource, Next, Refusal};
use crate::clock::{Clock, Moment, SimClock};
use crate::judge::{Action, Input, Movement, Verdict, VoidCause};
use crate::mechanism::{Request, SimDrive, Stage};

/// One line of what happened.
#[derive(Clone, Debug, PartialEq)]
pub struct RehearsedDrop {
    /// Its number in this clip, from 1.
    pub seq: u64,
    /// The decision; its moments count from the clip's start.
    pub verdict: Verdict,
    /// How it ended: confirmed, void with its cause, or still open when the clip ended.
    pub end: Ending,
}

/// What a clip came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rehearsed {
    /// What was judged, in order.
    pub drops: Vec<RehearsedDrop>,
    /// Pictures that were refused; the clip went on without them.
    pub refused: u64,
    /// Why the first of them was.
    pub first_refusal: Option<Refusal>,
}

/// How an intent ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The clip ended first.
    Open,
    /// The item left the chamber.
    Confirmed,
    /// It came to nothing.
    Void(VoidCause),
}

impl Ending {
    /// The identifier used in `bunri replay --json`.
    pub const fn id(self) -> &'static str {
        match self {
            Ending::Open => "open",
            Ending::Confirmed => "confirmed",
            Ending::Void(_) => "void",
        }
    }
}

/// What a rehearsal needs besides the clip.
pub struct Rehearsal<'a> {
    /// The three steps, fresh for this clip.
    pub sorter: &'a mut Sorter,
    /// The flap's drive.
    pub drive: SimDrive,
    /// The flap's limits.
    pub mechanism: crate::mechanism::Settings,
    /// Noise, exposure drift, lost and cut frames; its pace and loops are not looked at.
    pub disturbance: ReplayOptions,
    /// For measuring the classifier; simulated time stands still meanwhile.
    pub stopwatch: &'a dyn Clock,
}

/// Wall time at the beginning of every rehearsal: 2026-01-01T00:00:00Z.
const WALL_START_MS: i64 = 1_767_225_600_000;

struct Run<'a> {
    sorter: &'a mut Sorter,
    stage: Stage,
    came_to: Rehearsed,
}

/// Plays one clip; `seen` is called with each frame and what was made of it.
///
/// # Errors
/// When the clip cannot be played, or its frames are not of the rig's size.
pub fn rehearse(
    clip: Clip,
    rehearsal: Rehearsal<'_>,
    mut seen: impl FnMut(&Frame, &super::Looked, &Sorter),
) -> Result<Rehearsed, DaemonError> {
    let clock = Arc::new(SimClock::new(WALL_START_MS));
    let options =
        ReplayOptions { loops: Loops::Times(1), pace: Pace::AsFastAsPossible, ..rehearsal.disturbance };
    let poll = rehearsal.mechanism.poll.max(Duration::from_millis(1));
    let mut source = ReplaySource::new(vec![clip], options, Arc::clone(&clock) as Arc<dyn Clock>)?;
    let stage = Stage::new(Box::new(rehearsal.drive), rehearsal.mechanism, clock.now())?;
    let mut run = Run { sorter: rehearsal.sorter, stage, came_to: Rehearsed::default() };
    let mut frame = Frame::default();
    let mut polled_at = clock.now();
    loop {
        let next = source.next(&mut frame)?;
        let now = clock.now();
        while polled_at + poll <= now {
            polled_at = polled_at + poll;
            if let Some(movement) = run.stage.poll(polled_at) {
                run.hear(movement, polled_at);
            }
        }
        match next {
            Next::End => return Ok(run.came_to),
            Next::Refused(why) => {
                run.came_to.refused += 1;
                run.came_to.first_refusal.get_or_insert(why);
                let actions = run.sorter.input(Input::Tick, now);
                run.carry_out(actions, now);
            }
            Next::Frame => {
                let mut looked = run.sorter.frame(&frame, now, rehearsal.stopwatch)?;
                if let Some(failure) = looked.failure.take() {
                    return Err(failure.into());
                }
                let actions = std::mem::take(&mut looked.actions);
                run.carry_out(actions, now);
                seen(&frame, &looked, run.sorter);
            }
        }
    }
}

impl Run<'_> {
    fn hear(&mut self, movement: Movement, now: Moment) {
        let actions = self.sorter.input(Input::Movement(movement), now);
        self.carry_out(actions, now);
    }

    /// Actions may bring further ones; the judge never answers an answer more than a few times.
    fn carry_out(&mut self, actions: Vec<Action>, now: Moment) {
        let mut waiting = std::collections::VecDeque::from(actions);
        while let Some(action) = waiting.pop_front() {
            let answer = match action {
                Action::RecordIntent(verdict) => {
                    let seq = self.came_to.drops.len() as u64 + 1;
                    self.came_to.drops.push(RehearsedDrop { seq, verdict, end: Ending::Open });
                    self.sorter.input(Input::IntentRecorded(seq), now)
                }
                Action::Confirm(seq) => self.end(seq, Ending::Confirmed),
                Action::Void(seq, cause) => self.end(seq, Ending::Void(cause)),
                Action::Move(compartment) => self.request(Request::Move(compartment), now),
                Action::Home => self.request(Request::Home, now),
                Action::Halt => self.request(Request::Halt, now),
                Action::Alarm(..) | Action::Refuse(_) => Vec::new(),
            };
            waiting.extend(answer);
        }
    }

    fn request(&mut self, request: Request, now: Moment) -> Vec<Action> {
        let movement = self.stage.request(request, now);
        movement.map_or_else(Vec::new, |movement| self.sorter.input(Input::Movement(movement), now))
    }

    fn end(&mut self, seq: u64, end: Ending) -> Vec<Action> {
        if let Some(drop) = self.came_to.drops.iter_mut().find(|drop| drop.seq == seq) {
            drop.end = end;
        }
        Vec::new()
    }
}
