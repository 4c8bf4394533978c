//! What the daemon tells the log.

use std::time::Duration;

use crate::clock::Moment;
use crate::identify::{Refused, Stage, Switch};
use crate::judge::{Alarm, StateName, Verdict, VoidCause};
use crate::mechanism::MechanismError;
use crate::mechanism::button::ButtonMeans;
use crate::mechanism::sensors::Trouble;
use crate::mechanism::sensors::fullness::Word;
use crate::streams::Stream;

/// The judge changed its state.
pub(super) struct StateChanged {
    pub(super) from: StateName,
    pub(super) to: StateName,
}

impl StateChanged {
    pub(super) fn emit(&self) {
        tracing::debug!(from = self.from.id(), to = self.to.id(), "state");
    }
}

/// The page's thread could not be put behind the others.
pub(super) struct PriorityKept<'a> {
    pub(super) error: &'a std::io::Error,
}

impl PriorityKept<'_> {
    pub(super) fn emit(&self) {
        tracing::warn!("the page's thread keeps the priority of the sorting loop: {}", self.error);
    }
}

/// Lamp and buzzer cannot be used; said once until they can.
pub(super) struct FrontFailed<'a> {
    pub(super) error: &'a MechanismError,
}

impl FrontFailed<'_> {
    pub(super) fn emit(&self) {
        tracing::warn!("lamp and buzzer stay as they are, sorting goes on: {}", self.error);
    }
}

/// A drop's picture could not be kept; said once until one can.
pub(super) struct PictureNotKept<'a> {
    pub(super) seq: u64,
    pub(super) error: &'a str,
}

impl PictureNotKept<'_> {
    pub(super) fn emit(&self) {
        tracing::warn!(seq = self.seq, "no picture is kept, sorting goes on: {}", self.error);
    }
}

/// What the crew taught cannot be used; the bin goes on with the network alone.
pub(super) struct SiteLeftAside<'a> {
    pub(super) error: &'a crate::identify::IdentifyError,
}

impl SiteLeftAside<'_> {
    pub(super) fn emit(&self) {
        tracing::warn!(error = %self.error, "the site head is left aside, the network judges alone");
    }
}

/// An installed bundle cannot be used; the bin goes on with the one before it.
pub(super) struct BundleLeftAside<'a> {
    pub(super) error: &'a crate::identify::StoreError,
}

impl BundleLeftAside<'_> {
    pub(super) fn emit(&self) {
        tracing::error!(error = %self.error, "an installed bundle is left aside");
    }
}

/// Other bundles cannot be loaded beside the ones that work; those work on.
pub(super) struct ExchangeFailed<'a> {
    pub(super) error: &'a str,
}

impl ExchangeFailed<'_> {
    pub(super) fn emit(&self) {
        tracing::error!(error = self.error, "other bundles cannot be loaded, the old ones work on");
    }
}

/// Other bundles work, from this frame on.
pub(super) struct Exchanged<'a> {
    pub(super) bundle: &'a str,
    /// How long the sorting loop stood still for it.
    pub(super) took: Duration,
}

impl Exchanged<'_> {
    pub(super) fn emit(&self) {
        let took_us = self.took.as_micros() as u64;
        tracing::info!(bundle = self.bundle, took_us, "another bundle works");
    }
}

/// What became of a bundle cannot be written down; it is tried again at the next item.
pub(super) struct SwitchUnwritten<'a> {
    pub(super) error: &'a crate::identify::StoreError,
}

impl SwitchUnwritten<'_> {
    pub(super) fn emit(&self) {
        tracing::error!(error = %self.error, "what became of the new bundle is not written down");
    }
}

/// A new bundle went a step on, or works in this process.
pub(super) struct BundleStage<'a> {
    pub(super) switch: &'a Switch,
}

impl BundleStage<'_> {
    pub(super) fn emit(&self) {
        let live = self.switch.live.as_deref().unwrap_or("the factory's");
        match &self.switch.stage {
            Stage::Settled => tracing::info!(live, "the new bundle has proved itself"),
            Stage::Shadow(shadow) => tracing::info!(
                live,
                shadow = shadow.bundle,
                judged = shadow.judged,
                agreed = shadow.agreed,
                "a new bundle judges beside the live one"
            ),
            Stage::Trial(trial) => {
                tracing::info!(live, items = trial.items, "a new bundle is live, on trial");
            }
        }
    }
}

/// A new bundle is out.
pub(super) struct BundleRefused<'a> {
    pub(super) refused: &'a Refused,
    pub(super) live: Option<&'a str>,
}

impl BundleRefused<'_> {
    pub(super) fn emit(&self) {
        let Refused { bundle, why } = self.refused;
        let live = self.live.unwrap_or("the factory's");
        tracing::error!(bundle, why, live, "the new bundle is refused");
    }
}

/// What the crew taught was exchanged while the bin runs.
pub(super) struct SiteInForce<'a> {
    /// Items it was taught; 0 for the network alone.
    pub(super) items: usize,
    pub(super) error: Option<&'a crate::identify::IdentifyError>,
}

impl SiteInForce<'_> {
    pub(super) fn emit(&self) {
        match self.error {
            None => tracing::info!(items = self.items, "the bin judges by what it was taught"),
            Some(error) => tracing::error!(%error, "the site head is refused, the one before judges on"),
        }
    }
}

/// What the crew says of drops was learnt anew.
pub(super) struct CorrectionsLearnt {
    pub(super) inside: usize,
    pub(super) left_out: usize,
}

impl CorrectionsLearnt {
    pub(super) fn emit(&self) {
        tracing::info!(inside = self.inside, left_out = self.left_out, "corrections were learnt");
    }
}

/// Something about corrections, or about items taught before, cannot be learnt; the bin judges as before.
pub(super) struct NotLearnt<'a> {
    pub(super) error: &'a crate::teach::TeachError,
}

impl NotLearnt<'_> {
    pub(super) fn emit(&self) {
        tracing::error!(error = %self.error, "not learnt");
    }
}

/// Another network is here, and what was taught on the one before must be shown to it.
pub(super) struct MustBeShown<'a> {
    pub(super) board: &'a crate::teach::AgainBoard,
}

impl MustBeShown<'_> {
    pub(super) fn emit(&self) {
        let kinds: Vec<String> =
            self.board.to_show.iter().map(|(kind, items)| format!("{} {items}", kind.id())).collect();
        let items = kinds.join(", ");
        tracing::warn!(bundle = self.board.bundle, items, "what was taught must be shown again");
    }
}

/// What was taught on another network was taught again, from its pictures.
pub(super) struct TaughtAgain<'a> {
    pub(super) items: usize,
    pub(super) bundle: &'a str,
    /// Whether that bundle judges, or another one beside it.
    pub(super) judges: bool,
}

impl TaughtAgain<'_> {
    pub(super) fn emit(&self) {
        tracing::info!(
            items = self.items,
            bundle = self.bundle,
            judges = self.judges,
            "taught again by itself"
        );
    }
}

/// A lesson at the page began or ended.
pub(super) struct LessonChanged {
    pub(super) on: bool,
}

impl LessonChanged {
    pub(super) fn emit(&self) {
        tracing::info!(on = self.on, "lesson");
    }
}

/// A frame of an item that the crew shows could not be looked at; the item lacks a frame.
pub(super) struct TeachingFailed<'a> {
    pub(super) error: &'a crate::identify::IdentifyError,
}

impl TeachingFailed<'_> {
    pub(super) fn emit(&self) {
        tracing::error!("an item of the lesson could not be looked at: {}", self.error);
    }
}

/// An item was judged.
pub(super) struct Judged<'a> {
    pub(super) verdict: &'a Verdict,
}

impl Judged<'_> {
    pub(super) fn emit(&self) {
        let verdict = self.verdict;
        tracing::debug!(
            seen = verdict.seen.id(),
            stream = verdict.stream.id(),
            probability = verdict.probability,
            reason = verdict.reason.map(crate::judge::Reason::id),
            votes = verdict.votes,
            took_ms = verdict.decided_at.since(verdict.settled_at).as_millis() as u64,
            "verdict"
        );
    }
}

/// An intent came to nothing.
pub(super) struct Voided {
    pub(super) seq: u64,
    pub(super) cause: VoidCause,
}

impl Voided {
    pub(super) fn emit(&self) {
        tracing::info!(seq = self.seq, cause = self.cause.id(), "drop void");
    }
}

/// An alarm was raised or cleared.
pub(super) struct AlarmChanged {
    pub(super) alarm: Alarm,
    pub(super) up: bool,
}

impl AlarmChanged {
    pub(super) fn emit(&self) {
        if self.up {
            tracing::error!(alarm = ?self.alarm, "alarm raised");
        } else {
            tracing::info!(alarm = ?self.alarm, "alarm cleared");
        }
    }
}

/// A compartment's sensor sees it full, or open again.
pub(super) struct SensorSays {
    pub(super) stream: Stream,
    pub(super) word: Word,
}

impl SensorSays {
    pub(super) fn emit(&self) {
        tracing::info!(stream = %self.stream, word = ?self.word, "a compartment's sensor has changed its mind");
    }
}

/// A compartment's sensor is in trouble, or no longer.
pub(super) struct SensorTrouble {
    pub(super) stream: Stream,
    pub(super) trouble: Option<Trouble>,
}

impl SensorTrouble {
    pub(super) fn emit(&self) {
        match self.trouble {
            Some(trouble) => {
                tracing::warn!(stream = %self.stream, trouble = trouble.id(), "how full it is is unknown");
            }
            None => tracing::info!(stream = %self.stream, "how full it is is known"),
        }
    }
}

/// The button on the front was pressed.
pub(super) struct ButtonPressed {
    pub(super) means: ButtonMeans,
}

impl ButtonPressed {
    pub(super) fn emit(&self) {
        tracing::info!(means = ?self.means, "button pressed");
    }
}

/// The button has been pressed for longer than anybody presses one.
pub(super) struct ButtonStuck;

impl ButtonStuck {
    pub(super) fn emit(&self) {
        tracing::warn!("the button on the front sticks; it means nothing until it is let go");
    }
}

/// The classifier failed on an item; the item lacks a vote.
pub(super) struct LookFailed<'a> {
    pub(super) error: &'a crate::identify::IdentifyError,
}

impl LookFailed<'_> {
    pub(super) fn emit(&self) {
        tracing::error!("an item could not be looked at: {}", self.error);
    }
}

/// The ledger did not take something; it is tried again.
pub(super) struct LedgerRefused<'a> {
    pub(super) doing: &'static str,
    pub(super) error: &'a crate::tally::TallyError,
}

impl LedgerRefused<'_> {
    pub(super) fn emit(&self) {
        tracing::error!("the ledger refused to {}: {}", self.doing, self.error);
    }
}

/// A message between stages found its queue full.
pub(super) struct QueueFull {
    pub(super) queue: &'static str,
}

impl QueueFull {
    pub(super) fn emit(&self) {
        tracing::error!(queue = self.queue, "queue full, message lost; the stage behind it hangs");
    }
}

/// A stage has not shown a sign of life for too long.
pub(super) struct StageSilent {
    pub(super) stage: &'static str,
    pub(super) since: Moment,
}

impl StageSilent {
    pub(super) fn emit(&self) {
        tracing::error!(stage = self.stage, since = %self.since, "no heartbeat; the watchdog is not fed any more");
    }
}

/// One step of the orderly stop.
pub(super) struct StopStep {
    pub(super) step: &'static str,
}

impl StopStep {
    pub(super) fn emit(&self) {
        tracing::info!("stop: {}", self.step);
    }
}

/// The daemon works.
pub(super) struct Started<'a> {
    pub(super) bin: &'a str,
    pub(super) bundle: &'a str,
    pub(super) open_intent: Option<u64>,
}

impl Started<'_> {
    pub(super) fn emit(&self) {
        tracing::info!(bin = self.bin, bundle = self.bundle, open_intent = self.open_intent, "started");
    }
}
