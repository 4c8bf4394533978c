//! Which bundle the bin works with.

use super::DaemonError;
use super::events::BundleLeftAside;
use crate::config::Config;
use crate::identify::{Bundle, Switch};

/// The bundle that decides: the installed one that is live, or the factory's. An installed one that is damaged is passed
/// over for the one before it, and that is said: a bin with any sound bundle sorts.
///
/// # Errors
/// When the factory's is needed and cannot be opened.
pub fn live_bundle(config: &Config) -> Result<Bundle, DaemonError> {
    let switch = config.bundles.switch().unwrap_or_else(|error| {
        BundleLeftAside { error: &error }.emit();
        Switch::default()
    });
    live_of(config, &switch)
}

/// The bundle that decides by this switch, or the one before it.
///
/// # Errors
/// When the factory's is needed and cannot be opened.
pub(super) fn live_of(config: &Config, switch: &Switch) -> Result<Bundle, DaemonError> {
    for name in std::iter::once(&switch.live).chain(switch.before.iter().rev()) {
        let Some(id) = name else { break };
        match config.bundles.verify(id) {
            Ok(bundle) => return Ok(bundle),
            Err(error) => BundleLeftAside { error: &error }.emit(),
        }
    }
    Ok(Bundle::open(&config.bundle)?)
}
