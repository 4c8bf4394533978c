//! Other bundles come to work in the running bin: loaded beside the ones that work, and exchanged between two frames.
//!
//! ```text
//! supervisor --switch.toml names others--> a thread loads them --Exchange--> judge, between two items
//!                                                                              | the old ones, to be dropped
//!                                                                              v
//!                                                      ledger: a run's row of its own      teacher
//! ```
//!
//! - Sorting goes on with the old ones until the very frame, and after it with the new ones: nothing is closed or opened in
//!   between, neither camera nor flap nor uplink.
//! - Never while an item is voted on, and never during maintenance: a lesson keeps its network.
//! - Never without a bundle: where the new ones cannot be loaded, the old ones work on, and that is said.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use tokio::task::JoinHandle;

use super::events::ExchangeFailed;
use super::newcomer::{Newcomer, Watch};
use super::tuning::Tuner;
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

/// The supervisor's side.
pub(super) struct Changer {
    config: Config,
    tuner: Arc<Tuner>,
    out: SyncSender<Exchange>,
    watch: Watch,
    loading: Option<JoinHandle<Option<Watch>>>,
    /// Bundles that could not be loaded, and when.
    failed: Option<(Switch, Moment)>,
}

impl Changer {
    /// With what the judge takes exchanges from.
    pub(super) fn new(config: &Config, tuner: Arc<Tuner>, watch: Watch) -> (Self, Receiver<Exchange>) {
        // One waits for its moment; a newer one waits behind it.
        let (out, exchanges) = sync_channel(2);
        let config = config.clone();
        (Self { config, tuner, out, watch, loading: None, failed: None }, exchanges)
    }

    /// Looks at what is installed, and loads it where it is other than what works. Call it now and then.
    pub(super) async fn look(&mut self, now: Moment) {
        if let Some(loading) = self.loading.take_if(|loading| loading.is_finished()) {
            match loading.await {
                Ok(Some(watch)) => (self.watch, self.failed) = (watch, None),
                Ok(None) | Err(_) => self.failed = self.watch.wanted().map(|switch| (switch, now)),
            }
        }
        let Some(wanted) = self.watch.wanted().filter(|_| self.loading.is_none()) else { return };
        let just_failed = self
            .failed
            .as_ref()
            .is_some_and(|(switch, at)| switch.same_bundles(&wanted) && now.since(*at) < RETRY_AFTER);
        if !just_failed {
            let (config, tuner, out) = (self.config.clone(), Arc::clone(&self.tuner), self.out.clone());
            self.loading = Some(tokio::task::spawn_blocking(move || load(&config, &tuner, &out)));
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
