//! What the sorting loop tells the page.

use std::sync::Arc;

use super::Info;
use crate::clock::Moment;
use crate::detect::{Presence, Region};
use crate::judge::{Alarm, Compartment, Service, StateName, Verdict};
use crate::mechanism::button::ButtonNow;
use crate::mechanism::lines::Levels;
use crate::mechanism::{FlapState, Sensed};
use crate::streams::Stream;
use crate::teach::Step;

/// The loop's newest news: published at each change of state and at most ten times a second, also while there is no
/// camera, because `/healthz` takes a loop that publishes nothing for a dead one.
#[derive(Clone, Debug, Default)]
pub struct Live {
    /// Name and version of the bundle that judges; empty before the loop's first news.
    pub bundle: Arc<str>,
    /// The judge's state; `None` before its first step.
    pub state: Option<StateName>,
    /// Alarms that are up.
    pub alarms: Vec<Alarm>,
    /// The part of the picture that is looked at, in the camera's pixels.
    pub region: Region,
    /// What the detector saw last.
    pub presence: Presence,
    /// Votes for the present item so far.
    pub votes: u32,
    /// Mean vote for each stream, 0 to 1, while an item is being looked at.
    pub streams: Option<[f32; Stream::COUNT]>,
    /// The last decision of this run.
    pub last_verdict: Option<Verdict>,
    /// The compartments as they are now, in the rig's order.
    pub compartments: Vec<Compartment>,
    /// What the crew is doing with the flap; `None` outside maintenance.
    pub service: Option<Service>,
    /// How far the item of a lesson is; `None` outside lessons, and while the bin still deals with an item of its own.
    pub lesson: Option<Step>,
    /// Where the flap is.
    pub flap: Option<FlapState>,
    /// What the flap's drive made of its inputs.
    pub sensed: Sensed,
    /// The inputs of the flap's drive, in the order of [`crate::web::Info::inputs`].
    pub inputs: Levels,
    /// The guards that are active, in the order of [`crate::web::Info::guards`].
    pub guards: Levels,
    /// Since when an item lies there that the resident wants back.
    pub withdrawn: Option<Moment>,
    /// When the resident last called the crew.
    pub called: Option<Moment>,
    /// The button on the front; `None` where there is none.
    pub button: Option<ButtonNow>,
    /// Median time of one look of the classifier, milliseconds; 0 before the first.
    pub infer_ms_p50: f32,
    /// The time that one look in a hundred exceeds, milliseconds; 0 before the first.
    pub infer_ms_p99: f32,
}

impl Live {
    /// Name and version of the bundle that judges now; before the loop's first news the one that was `begun` with.
    pub fn bundle_or<'a>(&'a self, begun: &'a str) -> &'a str {
        if self.bundle.is_empty() { begun } else { &self.bundle }
    }
}

impl Info {
    /// Name and version of the bundle that judges now.
    pub(super) fn bundle_now<'a>(&'a self, live: &'a Live) -> &'a str {
        live.bundle_or(&self.bundle)
    }
}
