//! Other bundles come to work in the running bin: loaded beside the ones that work, and exchanged between two frames.
//!
//! ```text
//! supervisor --switch.toml names others--> loader (a thread) --Exchange--> judge, between two items
//!     ^--------------------what it loaded-------'    ^------the old ones------'  |
//!                                                                                v
//!                                                         ledger: a run's row of its own      teacher
//! ```
//!
//! - Sorting goes on with the old ones until the very frame, and after it with the new ones: nothing is closed or opened in
//!   between, neither camera nor flap nor uplink.
//! - Never while an item is voted on, and never during maintenance: a lesson keeps its network.
//! - Never without a bundle: where the new ones cannot be loaded, the old ones work on, and that is said.
//! - One thread loads every network and drops every one, from the first exchange to the last: what the C library keeps for a
//!   thread is used again by the next, and given back when nobody uses it.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use tokio::sync::oneshot::{self, error::TryRecvError};

use super::events::ExchangeFailed;
use super::newcomer::{Newcomer, Watch};
use super::tuning::Tuner;
use super::{DaemonError, heap};
use crate::clock::Moment;
use crate::config::Config;
use crate::identify::{Bundle, Identifier, Switch};
use crate::judge;
use crate::tally::BundleInfo;

/// After a failure the same bundles are tried again this much later.
const RETRY_AFTER: Duration = Duration::from_secs(60);

/// What is to work from now on.
pub(super) struct Exchange {
    pub(super) newcomer: Newcomer,
    pub(super) identifier: Identifier,
    /// With the thresholds of the new head.
    pub(super) settings: judge::Settings,
}

/// What worked until now, on its way out; nobody who is in a hurry drops it.
pub(super) struct Retired {
    pub(super) _newcomer: Newcomer,
    pub(super) _identifier: Identifier,
}

/// What the loader is to do.
enum Work {
    Load(Box<LoadOrder>),
    Drop(Box<Retired>),
}

struct LoadOrder {
    config: Config,
    tuner: Arc<Tuner>,
    out: SyncSender<Exchange>,
    loaded: oneshot::Sender<Option<Watch>>,
}

/// The way out for what worked until now.
pub(super) struct Exit(SyncSender<Work>);

impl Exit {
    /// Never waits: where the loader is far behind, they are dropped here.
    pub(super) fn take(&self, retired: Retired) {
        let _dropped_here = self.0.try_send(Work::Drop(Box::new(retired))).is_err();
    }
}

/// The supervisor's side.
pub(super) struct Changer {
    config: Config,
    tuner: Arc<Tuner>,
    out: SyncSender<Exchange>,
    watch: Watch,
    loader: SyncSender<Work>,
    loading: Option<oneshot::Receiver<Option<Watch>>>,
    /// Bundles that could not be loaded, and when.
    failed: Option<(Switch, Moment)>,
}

impl Changer {
    /// Starts the loader; with what the judge takes exchanges from, and gives the old ones to.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn start(
        config: &Config,
        tuner: Arc<Tuner>,
        watch: Watch,
    ) -> Result<(Self, Receiver<Exchange>, Exit), DaemonError> {
        // One waits for its moment; a newer one waits behind it.
        let (out, exchanges) = sync_channel(2);
        let (loader, work) = sync_channel(4);
        let run = move || work.into_iter().for_each(Work::be_done);
        std::thread::Builder::new().name("bundles".to_owned()).spawn(run).map_err(|source| {
            DaemonError::System { doing: "start the thread 'bundles'".to_owned(), source }
        })?;
        let exit = Exit(loader.clone());
        let config = config.clone();
        Ok((Self { config, tuner, out, watch, loader, loading: None, failed: None }, exchanges, exit))
    }

    /// Looks at what is installed, and loads it where it is other than what works. Call it now and then.
    pub(super) fn look(&mut self, now: Moment) {
        if let Some(loading) = &mut self.loading {
            match loading.try_recv() {
                Err(TryRecvError::Empty) => return,
                Ok(Some(watch)) => (self.watch, self.failed) = (watch, None),
                // A loader that is gone panicked; the log has it.
                Ok(None) | Err(TryRecvError::Closed) => {
                    self.failed = self.watch.wanted().map(|switch| (switch, now));
                }
            }
            self.loading = None;
        }
        let Some(wanted) = self.watch.wanted() else { return };
        let just_failed = self
            .failed
            .as_ref()
            .is_some_and(|(switch, at)| switch.same_bundles(&wanted) && now.since(*at) < RETRY_AFTER);
        if just_failed {
            return;
        }
        let (loaded, loading) = oneshot::channel();
        let (config, tuner, out) = (self.config.clone(), Arc::clone(&self.tuner), self.out.clone());
        let order = Box::new(LoadOrder { config, tuner, out, loaded });
        // A full queue is one that drops old bundles just now: there is a next time.
        if self.loader.try_send(Work::Load(order)).is_ok() {
            self.loading = Some(loading);
        }
    }
}

impl Work {
    fn be_done(self) {
        match self {
            Work::Drop(retired) => {
                drop(retired);
                heap::trim();
            }
            Work::Load(order) => {
                let LoadOrder { config, tuner, out, loaded } = *order;
                // The supervisor is gone when the process is ending anyway.
                let _gone = loaded.send(load(&config, &tuner, &out)).is_err();
            }
        }
    }
}

/// Loads what is to work and hands it over; returns what tells when others are.
fn load(config: &Config, tuner: &Tuner, out: &SyncSender<Exchange>) -> Option<Watch> {
    let (newcomer, identifier) = match Newcomer::begin(config) {
        Ok(loaded) => loaded,
        Err(error) => {
            ExchangeFailed { error: &error.to_string() }.emit();
            return None;
        }
    };
    let watch = newcomer.watch();
    let settings = tuner.settings_of(identifier.head());
    match out.try_send(Exchange { newcomer, identifier, settings }) {
        Ok(()) => Some(watch),
        Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
            ExchangeFailed { error: "the sorting loop has not taken the last ones yet" }.emit();
            None
        }
    }
}

/// The ledger's word for a bundle.
pub(super) fn bundle_info(bundle: &Bundle) -> BundleInfo {
    let sha256 = bundle.manifest.model.sha256.clone();
    BundleInfo { name: bundle.title(), sha256 }
}
