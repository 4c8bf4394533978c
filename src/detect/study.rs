//! Learns what the empty chamber looks like, when the crew asks for it.
//!
//! ```text
//! looking --15 frames over half a second without a change--> learnt
//!   |  ^ anything dark, moving or lying there starts over
//!   '--after three seconds--> refused, with what was wrong last
//! ```
//!
//! - Never learns from a picture in which something moves, or that is dark, whatever anybody says.
//! - Never learns what the running detector takes for a hand or an item, unless somebody has looked and says that the
//!   chamber itself looks different now.

use std::time::Duration;

use super::grid::Grid;
use super::{Background, DARK_LUMA, MOTION_LUMA, Presence, Region};
use crate::capture::Frame;
use crate::clock::Moment;

/// Still frames that are averaged.
const FRAMES: u32 = 15;
/// They last at least this long: something slow moves less between two frames than it does in this time.
const STILL_FOR: Duration = Duration::from_millis(500);
/// Whoever has just taken the arm out is waited for this long.
const PATIENCE: Duration = Duration::from_secs(3);

/// Why the chamber cannot be learnt as empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// Too dark to see in.
    Dark,
    /// Something moves.
    Moving,
    /// Something reaches in over a throat edge.
    Hand,
    /// Something lies there.
    Occupied,
}

impl Unfit {
    /// Every reason.
    pub const ALL: [Unfit; 4] = [Unfit::Dark, Unfit::Moving, Unfit::Hand, Unfit::Occupied];

    /// The identifier used on the page, in the terminal and in the audit log.
    pub const fn id(self) -> &'static str {
        match self {
            Unfit::Dark => "dark",
            Unfit::Moving => "moving",
            Unfit::Hand => "hand-seen",
            Unfit::Occupied => "occupied",
        }
    }
}

/// What is learnt, and how.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Subject {
    /// The part of the picture.
    pub region: Region,
    /// Share of it that must change to call it moving, 0 to 1.
    pub motion_share: f32,
    /// Somebody has looked: what the running detector takes for an item is the chamber itself.
    pub confirmed: bool,
}

/// One attempt to learn the empty chamber.
#[derive(Clone, Debug)]
pub struct Study {
    subject: Subject,
    began: Option<Moment>,
    current: Grid,
    /// The first of the still frames, and when it was seen.
    first: Grid,
    since: Moment,
    mean: Option<Background>,
    frames: u32,
    why: Unfit,
}

impl Study {
    /// An attempt that has seen nothing yet.
    pub fn new(subject: Subject) -> Self {
        Self {
            subject,
            began: None,
            current: Grid::default(),
            first: Grid::default(),
            since: Moment::default(),
            mean: None,
            frames: 0,
            why: Unfit::Moving,
        }
    }

    /// Looks at one frame and at what the running detector saw in it; returns the empty chamber, or why there is none,
    /// once it is known.
    pub fn step(
        &mut self,
        frame: &Frame,
        presence: &Presence,
        now: Moment,
    ) -> Option<Result<Background, Unfit>> {
        let began = *self.began.get_or_insert(now);
        self.current.sample(frame, self.subject.region);
        let unfit = self.unfit(presence);
        if let Some(why) = unfit {
            (self.why, self.mean) = (why, None);
        }
        if now.since(began) >= PATIENCE {
            return Some(Err(self.why));
        }
        match &mut self.mean {
            Some(mean) => {
                mean.average_in(&self.current, self.frames);
                self.frames += 1;
            }
            // What has moved may be the first of the still frames.
            None if matches!(unfit, None | Some(Unfit::Moving)) => {
                self.first.copy_from(&self.current);
                (self.since, self.frames) = (now, 1);
                self.mean = Some(Background::from_grid(&self.current));
            }
            None => return None,
        }
        if self.frames < FRAMES || now.since(self.since) < STILL_FOR {
            return None;
        }
        self.mean.take().map(Ok)
    }

    fn unfit(&self, presence: &Presence) -> Option<Unfit> {
        let here = |object: &Region| self.subject.region.overlaps(*object);
        let asked = !self.subject.confirmed && !presence.learning;
        if self.current.mean_luma() < DARK_LUMA {
            Some(Unfit::Dark)
        } else if asked && presence.hand {
            Some(Unfit::Hand)
        } else if asked && presence.objects.iter().flatten().any(here) {
            Some(Unfit::Occupied)
        } else if self.mean.is_some()
            && self.current.changed_share(&self.first, MOTION_LUMA) > self.subject.motion_share
        {
            Some(Unfit::Moving)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGION: Region = Region { x: 0, y: 0, width: 128, height: 96 };
    const STEP: Duration = Duration::from_millis(40);

    fn frame(level: u8) -> Frame {
        let mut frame = Frame::black(128, 96);
        frame.pixels.fill(level);
        frame
    }

    fn subject() -> Subject {
        Subject { region: REGION, motion_share: 0.004, confirmed: false }
    }

    /// Shows frames, made by their number, until something is known; returns it and how many there were.
    fn study(
        subject: Subject,
        mut show: impl FnMut(u32) -> (Frame, Presence),
    ) -> (Result<Background, Unfit>, u32) {
        let mut study = Study::new(subject);
        let mut now = Moment::from_millis(5_000);
        for number in 0..200 {
            let (frame, presence) = show(number);
            if let Some(result) = study.step(&frame, &presence, now) {
                return (result, number + 1);
            }
            now = now + STEP;
        }
        panic!("it never ends")
    }

    #[test]
    fn a_still_chamber_is_learnt_within_a_second() {
        let (learnt, frames) = study(subject(), |_| (frame(120), Presence::default()));
        assert_eq!(learnt.unwrap().to_bytes(), vec![120; super::super::BACKGROUND_BYTES]);
        assert!((15..25).contains(&frames), "{frames}");
    }

    #[test]
    fn an_arm_that_leaves_is_waited_for_and_not_learnt() {
        let (learnt, frames) = study(subject(), |number| {
            (frame(if number < 20 { 60 + 30 * (number % 2) as u8 } else { 120 }), Presence::default())
        });
        assert_eq!(learnt.unwrap().to_bytes()[0], 120);
        assert!(frames > 30, "{frames}");
    }

    #[test]
    fn what_creeps_never_becomes_the_chamber() {
        // Two levels in three frames: far less than a change from one frame to the next, and more than one in half a second.
        let creep = |number: u32| (frame(60 + (number * 2 / 3) as u8), Presence::default());
        assert_eq!(study(subject(), creep).0.unwrap_err(), Unfit::Moving);
    }

    #[test]
    fn what_lies_or_reaches_there_is_refused_and_only_a_look_helps() {
        let item = Region { x: 100, y: 80, width: 20, height: 10 };
        let lies =
            Presence { occupied: true, objects: [Some(item), None, None, None], ..Presence::default() };
        let hand = Presence { hand: true, ..Presence::default() };
        let learning = Presence { learning: true, ..lies };
        let refused = |subject, presence| study(subject, |_| (frame(120), presence)).0.err();
        assert_eq!(refused(subject(), lies), Some(Unfit::Occupied));
        assert_eq!(refused(subject(), hand), Some(Unfit::Hand));
        assert_eq!(refused(subject(), learning), None, "it knows of nothing yet");
        let elsewhere = Subject { region: Region { width: 96, height: 72, ..REGION }, ..subject() };
        assert_eq!(refused(elsewhere, lies), None, "it lies outside");
        assert_eq!(refused(Subject { confirmed: true, ..subject() }, hand), None);
        assert_eq!(refused(Subject { confirmed: true, ..subject() }, lies), None);
    }

    #[test]
    fn nobodys_word_makes_a_dark_or_moving_picture_a_chamber() {
        let sure = Subject { confirmed: true, ..subject() };
        assert_eq!(study(sure, |_| (frame(2), Presence::default())).0.unwrap_err(), Unfit::Dark);
        let moving = |number: u32| (frame(if number % 6 < 3 { 60 } else { 120 }), Presence::default());
        assert_eq!(study(sure, moving).0.unwrap_err(), Unfit::Moving);
    }
}
