//! frame -> is something there, is it still, is it a hand?
//!
//! [`Detector::step`] runs on every frame for ever, so it looks at a coarse grid of cells instead of
//! pixels: each cell is the mean of a few samples, which also averages the sensor's noise away.
//!
//! ```text
//! frame --sample--> grid --light--> gain --compare with the empty chamber--> foreground --blobs--> Presence
//!                     '----compare with the grid a moment ago--> motion -------------------------^
//! ```
//!
//! - It never decides what an item is, never waits and never allocates after it was built.
//! - It never learns a cell in which something lies.
//! - Whatever reaches in from a throat edge is a hand, moving or not, until it is gone.
//! - A picture too dark to see in is neither empty nor occupied: it is [`Light::Dark`], and nothing may move.

mod background;
mod blobs;
mod events;
mod focus;
mod grid;
mod study;

pub use background::{BACKGROUND_BYTES, Background};
pub use focus::Focus;
pub use grid::{CELLS, COLUMNS, ROWS, Region};
pub use study::{Study, Subject, Unfit};

use std::time::Duration;

use crate::capture::Frame;
use crate::clock::Moment;
use background::Judged;
use blobs::Blobs;
use events::{EmptyChamberLearnt, LightSwitched};
use grid::Grid;

/// Items told apart in one chamber at most; more are counted as this many.
pub const MAX_OBJECTS: usize = 4;

/// An edge of the calibrated region, as seen in the picture.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Edge {
    /// The first row.
    Top,
    /// The last row.
    Bottom,
    /// The first column.
    Left,
    /// The last column.
    Right,
}

/// What the detector is told about the rig.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The part of the picture that shows the chamber's floor, in pixels.
    pub region: Region,
    /// Edges of the region over which hands come in.
    pub throat: Vec<Edge>,
    /// Share of the region that must differ from the empty chamber to call it occupied, 0 to 1.
    pub occupied_share: f32,
    /// Share of the region that must change between looks to call it moving, 0 to 1.
    pub motion_share: f32,
    /// Time constant with which the empty chamber follows slow changes.
    pub adapt: Duration,
}

/// How the light is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Light {
    /// As before, or drifting slowly.
    #[default]
    Steady,
    /// Switched in this very frame; the empty chamber was scaled to follow.
    Switched,
    /// Too dark to tell anything.
    Dark,
}

/// What one frame shows. Plain data, cheap to copy.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Presence {
    /// The frame's number.
    pub sequence: u64,
    /// The frame's moment.
    pub captured_at: Moment,
    /// The empty chamber is still being learnt: nothing else here means anything yet.
    pub learning: bool,
    /// Something lies or hangs in the chamber.
    pub occupied: bool,
    /// Something moves.
    pub moving: bool,
    /// Something reaches in over a throat edge.
    pub hand: bool,
    /// How the light is.
    pub light: Light,
    /// Share of the region that differs from the empty chamber, 0 to 1.
    pub foreground_share: f32,
    /// Share of the region that changed since the last look, 0 to 1.
    pub motion_share: f32,
    /// Everything in the chamber, in pixels of the frame.
    pub extent: Option<Region>,
    /// Separate objects, largest first, in pixels of the frame.
    pub objects: [Option<Region>; MAX_OBJECTS],
}

impl Presence {
    /// Nothing moves, no hand is in view and the picture can be trusted.
    pub const fn is_still(&self) -> bool {
        !self.learning && !self.moving && !self.hand && matches!(self.light, Light::Steady)
    }

    /// A flap that moves now must stop: a hand is in view, or nothing can be seen.
    pub const fn forbids_movement(&self) -> bool {
        self.hand || matches!(self.light, Light::Dark)
    }

    /// The chamber is surely empty and at rest.
    pub const fn is_empty(&self) -> bool {
        self.is_still() && !self.occupied
    }

    /// How many separate objects there are, up to [`MAX_OBJECTS`].
    pub fn object_count(&self) -> usize {
        self.objects.iter().flatten().count()
    }
}

/// Frames averaged into the first empty chamber when calibration brought none.
const LEARNING_FRAMES: u32 = 15;
/// Motion is measured against a look at least this old, so that a slow hand still shows.
const LOOK_BACK: Duration = Duration::from_millis(60);
/// Mean luma (0 to 255) under which nothing can be told apart.
const DARK_LUMA: f32 = 6.0;
/// Luma steps (0 to 255) by which a cell must change to count as moving: six times the noise left
/// in a cell of 16 samples at the strongest sensor noise in use (sigma 4).
const MOTION_LUMA: f32 = 6.0;

/// The adaptive model of the empty chamber, and what is in front of it.
#[derive(Debug)]
pub struct Detector {
    settings: Settings,
    background: Option<Background>,
    learning_frames: u32,
    current: Grid,
    look_back: Grid,
    looked_back_at: Option<Moment>,
    last_seen_at: Option<Moment>,
    foreground: Box<[bool; CELLS]>,
    blobs: Blobs,
    last_motion_share: f32,
    /// The last frame was still: what it showed is where it was.
    was_still: bool,
    /// The empty chamber before the light was last switched: returned to when it turns out to be the better one.
    before_switch: Option<Background>,
}

impl Detector {
    /// A detector for one rig. `background` is the calibrated empty chamber; without one, the first still frames
    /// are learnt as empty.
    pub fn new(settings: Settings, background: Option<Background>) -> Self {
        Self {
            settings,
            learning_frames: if background.is_some() { LEARNING_FRAMES } else { 0 },
            background,
            current: Grid::default(),
            look_back: Grid::default(),
            looked_back_at: None,
            last_seen_at: None,
            foreground: Box::new([false; CELLS]),
            blobs: Blobs::default(),
            last_motion_share: 0.0,
            was_still: false,
            before_switch: None,
        }
    }

    /// The empty chamber as it is known now; `None` while learning.
    pub fn background(&self) -> Option<&Background> {
        self.background.as_ref().filter(|_| self.learning_frames >= LEARNING_FRAMES)
    }

    /// Which cells of the last frame differ from the empty chamber, row by row.
    pub fn foreground(&self) -> &[bool; CELLS] {
        &self.foreground
    }

    /// Looks at one frame. The region must lie inside the frame; what lies outside counts as black.
    pub fn step(&mut self, frame: &Frame, now: Moment) -> Presence {
        self.current.sample(frame, self.settings.region);
        let mut presence =
            Presence { sequence: frame.sequence, captured_at: frame.captured_at, ..Presence::default() };
        let passed = self.last_seen_at.map_or(Duration::ZERO, |last| now.since(last));
        self.last_seen_at = Some(now);
        if self.current.mean_luma() < DARK_LUMA {
            presence.light = Light::Dark;
            presence.moving = true;
            return presence;
        }
        presence.motion_share = self.motion(now);
        presence.moving = presence.motion_share > self.settings.motion_share;
        if self.learning_frames < LEARNING_FRAMES {
            self.learn(&mut presence);
            return presence;
        }
        self.compare(&mut presence, passed);
        presence
    }

    /// Averages still frames into the first empty chamber; any motion starts over.
    fn learn(&mut self, presence: &mut Presence) {
        presence.learning = true;
        if presence.moving {
            self.learning_frames = 0;
            return;
        }
        match (&mut self.background, self.learning_frames) {
            (Some(background), 1..) => background.average_in(&self.current, self.learning_frames),
            (slot, _) => *slot = Some(Background::from_grid(&self.current)),
        }
        self.learning_frames += 1;
        if self.learning_frames == LEARNING_FRAMES {
            EmptyChamberLearnt { mean_luma: self.current.mean_luma() }.emit();
        }
    }

    /// Share of cells that changed since the last look at least [`LOOK_BACK`] ago.
    fn motion(&mut self, now: Moment) -> f32 {
        let Some(looked_back_at) = self.looked_back_at else {
            self.look_back.copy_from(&self.current);
            self.looked_back_at = Some(now);
            return 1.0; // nothing to compare with yet: not known to be still
        };
        let share = self.current.changed_share(&self.look_back, MOTION_LUMA);
        if now.since(looked_back_at) >= LOOK_BACK {
            self.look_back.copy_from(&self.current);
            self.looked_back_at = Some(now);
            self.last_motion_share = share;
        }
        share.max(self.last_motion_share)
    }

    fn compare(&mut self, presence: &mut Presence, passed: Duration) {
        let Some(background) = &mut self.background else { return };
        let judged = background.judge(&self.current, &mut self.foreground);
        if let Judged::LightSwitched { gain } = judged {
            presence.light = Light::Switched;
            if self.was_still {
                self.before_switch = Some(background.clone());
                background.relight(&self.current, self.blobs.surroundings());
                background.judge(&self.current, &mut self.foreground);
            }
            LightSwitched { gain }.emit();
        }
        self.blobs.find(&self.foreground, &self.settings.throat, self.settings.occupied_share);
        presence.foreground_share = self.blobs.share();
        presence.occupied = presence.foreground_share >= self.settings.occupied_share;
        presence.hand = self.blobs.reaches_in();
        presence.extent = self.blobs.extent().map(|cells| cells.to_pixels(self.settings.region));
        for (slot, cells) in presence.objects.iter_mut().zip(self.blobs.objects()) {
            *slot = Some(cells.to_pixels(self.settings.region));
        }
        self.was_still = !presence.moving;
        // What looked like another light was something else, and it has gone: the chamber is as it was before.
        if !presence.moving
            && presence.occupied
            && let Some(before) = &mut self.before_switch
            && before.differing_share(&self.current, &mut self.foreground) < self.settings.occupied_share
        {
            self.background = self.before_switch.take();
            return;
        }
        if !presence.moving {
            let rate = passed.as_secs_f32() / self.settings.adapt.as_secs_f32().max(0.001);
            let empty = !presence.occupied && !presence.hand;
            background.adapt(&self.current, self.blobs.surroundings(), empty, rate.min(0.5));
        }
    }
}

#[cfg(test)]
mod tests;
