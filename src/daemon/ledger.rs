//! The way from the judge to the ledger and back, without ever waiting for the disk.

use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::broadcast;

use super::events::{LedgerRefused, QueueFull};
use super::judging::Message;
use super::newcomer::Save;
use crate::clock::{Clock, Moment};
use crate::judge::{Verdict, VoidCause};
use crate::mechanism::sensors::weight::Weigher;
use crate::tally::{BundleInfo, DropRecord, Intent, TallyHandle};

/// How an intent ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Confirm,
    Void(VoidCause),
}

/// An ending the ledger refused is tried again this much later.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// An item lies still for some time before it counts as settled: it is weighed then already.
const STILL_BEFORE: Duration = Duration::from_millis(300);

/// Carries intents and their endings to the ledger's thread, in order.
pub(super) struct Courier {
    pub(super) tally: TallyHandle,
    pub(super) inbox: SyncSender<Message>,
    pub(super) drops: broadcast::Sender<Arc<DropRecord>>,
    pub(super) clock: Arc<dyn Clock>,
    /// What judges: every intent is written down with it.
    bundle: BundleInfo,
    /// Endings not yet on disk; at most one intent is open at a time, so there is at most one.
    refused: Option<(u64, Ending, Moment)>,
    weigher: Arc<Mutex<Weigher>>,
    /// When the last item that was decided upon lay still.
    settled_at: Option<Moment>,
}

impl Courier {
    pub(super) fn new(
        tally: &TallyHandle,
        inbox: &SyncSender<Message>,
        drops: &broadcast::Sender<Arc<DropRecord>>,
        clock: &Arc<dyn Clock>,
        bundle: BundleInfo,
        weigher: Arc<Mutex<Weigher>>,
    ) -> Self {
        Self {
            tally: tally.clone(),
            inbox: inbox.clone(),
            drops: drops.clone(),
            clock: Arc::clone(clock),
            bundle,
            refused: None,
            weigher,
            settled_at: None,
        }
    }

    /// Another bundle judges from now on.
    pub(super) fn work_with(&mut self, bundle: BundleInfo) {
        self.bundle = bundle;
    }

    /// Writes an intent; [`Message::IntentRecorded`] or [`Message::IntentFailed`] follows.
    pub(super) fn intend(&mut self, verdict: Verdict, chamber: Option<Vec<u8>>) {
        self.settled_at = Some(verdict.settled_at);
        let (inbox, clock, bundle) = (self.inbox.clone(), Arc::clone(&self.clock), self.bundle.clone());
        let posted = self.tally.post(move |ledger| {
            let (moment, wall) = (clock.now(), clock.wall());
            let intent = Intent { verdict: &verdict, moment, wall, chamber: chamber.as_deref() };
            let written = ledger.work_with(&bundle, moment, wall).and_then(|()| ledger.intend(&intent));
            let message = match written {
                Ok(seq) => Message::IntentRecorded(seq),
                Err(error) => {
                    LedgerRefused { doing: "take an intent", error: &error }.emit();
                    Message::IntentFailed
                }
            };
            send(&inbox, message);
        });
        if posted.is_err() {
            send(&self.inbox, Message::IntentFailed);
        }
    }

    /// Writes an ending; a refused one comes back as [`Message::EndingRefused`].
    pub(super) fn end(&self, seq: u64, ending: Ending) {
        let (inbox, clock, drops) = (self.inbox.clone(), Arc::clone(&self.clock), self.drops.clone());
        let weight_g = self.weight_g(ending);
        let posted = self.tally.post(move |ledger| {
            let (now, wall) = (clock.now(), clock.wall());
            if let Some(weight_g) = weight_g
                && let Err(error) = ledger.weigh(seq, weight_g)
            {
                // The drop counts all the same.
                LedgerRefused { doing: "take a weight", error: &error }.emit();
            }
            let ended = match ending {
                Ending::Confirm => ledger.confirm(seq, now, wall).map(|confirmed| {
                    // Nobody listening is fine.
                    let _ = drops.send(Arc::new(confirmed.record));
                }),
                Ending::Void(cause) => ledger.void(seq, cause.id(), now, wall),
            };
            if let Err(error) = ended {
                LedgerRefused { doing: "end an intent", error: &error }.emit();
                send(&inbox, Message::EndingRefused(seq, ending));
            }
        });
        if posted.is_err() {
            send(&self.inbox, Message::EndingRefused(seq, ending));
        }
    }

    /// What the item weighed, if it is gone and was weighed while it lay there. Another run's item was not.
    fn weight_g(&self, ending: Ending) -> Option<f32> {
        let settled_at = self.settled_at.filter(|_| ending == Ending::Confirm)?;
        let from = Moment::from_nanos(settled_at.as_nanos().saturating_sub(STILL_BEFORE.as_nanos() as u64));
        self.weigher.lock().unwrap_or_else(PoisonError::into_inner).weight_g(from, self.clock.now())
    }

    /// Writes something small beside the ledger, on its thread.
    pub(super) fn write(&self, save: Save) {
        // A ledger that takes nothing any more ends the process by itself.
        let _taken = self.tally.post(move |_| save()).is_ok();
    }

    /// Keeps a refused ending for later. Until it is written the ledger takes no new intent, so nothing is sorted.
    pub(super) fn keep(&mut self, seq: u64, ending: Ending, now: Moment) {
        self.refused = Some((seq, ending, now + RETRY_AFTER));
    }

    /// Tries a refused ending again when its time has come.
    pub(super) fn tick(&mut self, now: Moment) {
        if let Some((seq, ending, at)) = self.refused
            && now >= at
        {
            self.refused = None;
            self.end(seq, ending);
        }
    }
}

/// The judge empties its inbox every few milliseconds: a full one means that it hangs, and the watchdog will act.
pub(super) fn send(inbox: &SyncSender<Message>, message: Message) {
    if inbox.try_send(message).is_err() {
        QueueFull { queue: "judge" }.emit();
    }
}
