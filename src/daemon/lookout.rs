//! The judge's side of a lesson: which frames are looked at, and what was seen in them.
//!
//! Never a picture of more than the still item. Never a wait: what the teacher has no room for is not taken.

use std::sync::mpsc::SyncSender;

use super::events::TeachingFailed;
use super::sorter::Sorter;
use super::teaching::Note;
use crate::capture::Frame;
use crate::clock::Moment;
use crate::detect::{MAX_OBJECTS, Presence, Region};
use crate::identify::Embedded;
use crate::judge::{self, Decision, Votes};
use crate::teach::{Attend, Attention, Step};

/// Longer side of what is handed over of an item, in pixels: more than the network looks at.
pub(super) const WHOLE_SIDE: u32 = 640;

/// One item, as the judge hands it over.
pub(super) struct Seen {
    pub(super) frames: Vec<Embedded>,
    pub(super) said: Decision,
    pub(super) picture: Frame,
}

/// The judge's side of a lesson: which frames are looked at, and what was seen in them.
pub(super) struct Lookout {
    attention: Attention,
    frames: Vec<Embedded>,
    votes: Votes,
    picture: Frame,
    /// In maintenance at last.
    ready: bool,
}

impl Lookout {
    pub(super) fn new(attention: Attention) -> Self {
        let (votes, picture) = (Votes::default(), Frame::default());
        Self { attention, frames: Vec::new(), votes, picture, ready: false }
    }

    /// How far the present item is; `None` while the bin still deals with an item of its own.
    pub(super) fn at(&self) -> Option<Step> {
        self.ready.then(|| self.attention.at())
    }

    /// Looks at one frame, and hands over the item that ends with it.
    pub(super) fn see(
        &mut self,
        frame: &Frame,
        presence: &Presence,
        sorter: &mut Sorter,
        now: Moment,
        teacher: &SyncSender<Note>,
    ) {
        self.ready = sorter.judge().state() == judge::StateName::Maintenance;
        if !self.ready {
            return;
        }
        match self.attention.step(presence, now) {
            Attend::Wait => {}
            Attend::Look => match sorter.show(frame, presence) {
                Ok((embedded, identified, part)) => {
                    self.votes.add(&identified, &[None; MAX_OBJECTS], sorter.judge().rules());
                    if self.frames.is_empty() {
                        cut_out(frame, part, WHOLE_SIDE, &mut self.picture);
                    }
                    self.frames.push(embedded);
                }
                Err(error) => TeachingFailed { error: &error }.emit(),
            },
            Attend::Ended => {
                let said = std::mem::take(&mut self.votes).decide(sorter.judge().rules());
                let (frames, picture) = (std::mem::take(&mut self.frames), std::mem::take(&mut self.picture));
                if !frames.is_empty() {
                    // A teacher who is that far behind misses an item; the page shows that it was not taken.
                    let _missed =
                        teacher.try_send(Note::Seen(Box::new(Seen { frames, said, picture }))).is_err();
                }
            }
        }
    }
}

/// Copies a part of a frame, thinned out so that its longer side has at most `side` pixels.
pub(super) fn cut_out(frame: &Frame, part: Region, side: u32, to: &mut Frame) {
    let step = part.width.max(part.height).div_ceil(side).max(1);
    to.resize(part.width / step, part.height / step);
    let mut pixels = to.pixels.chunks_exact_mut(3);
    for row in 0..to.height {
        for column in 0..to.width {
            let (x, y) = (part.x + column * step, part.y + row * step);
            let at = (y as usize * frame.width as usize + x as usize) * 3;
            if let (Some(to), Some(from)) = (pixels.next(), frame.pixels.get(at..at + 3)) {
                to.copy_from_slice(from);
            }
        }
    }
}
