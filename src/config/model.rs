//! `[model]`: whose bundles are trusted, and what a new one is held against.

use std::time::Duration;

use super::Config;
use super::problems::InFile;
use super::raw::RawChange;
use crate::identify::{Limits, TrustedKey};

impl Config {
    /// Whether what the crew says of drops is learnt: a site head that the configuration names stays as it is.
    pub fn learns_corrections(&self) -> bool {
        self.corrections && self.site.is_none()
    }
}

pub(super) fn check_keys(keys: &[String], problems: &mut InFile<'_>) -> Vec<TrustedKey> {
    let mut trusted = Vec::new();
    for (index, key) in keys.iter().enumerate() {
        match TrustedKey::parse(key) {
            Ok(key) => trusted.push(key),
            Err(message) => problems.add(&format!("model.keys[{index}]"), message),
        }
    }
    trusted
}

pub(super) fn check_change(raw: &RawChange, problems: &mut InFile<'_>) -> Limits {
    for (key, share) in [("agreement", raw.agreement), ("reject_band", raw.reject_band)] {
        problems.check((0.0..=1.0).contains(&share), &format!("model.change.{key}"), || {
            format!("{share} is not 0 to 1")
        });
    }
    for (key, items) in [("shadow_items", raw.shadow_items), ("trial_items", raw.trial_items)] {
        problems.check((1..=100_000).contains(&items), &format!("model.change.{key}"), || {
            format!("{items} is not 1 to 100000")
        });
    }
    problems.check(raw.slowest_look_ms > 0, "model.change.slowest_look_ms", || "must be above 0".to_owned());
    Limits {
        shadow_items: raw.shadow_items,
        agreement: raw.agreement,
        trial_items: raw.trial_items,
        reject_band: raw.reject_band,
        slowest_look: Duration::from_millis(raw.slowest_look_ms),
    }
}

/// The threads that the network is run with.
pub(super) fn check_threads(threads: usize, problems: &mut InFile<'_>) {
    problems.check((1..=16).contains(&threads), "model.threads", || format!("{threads} is not 1 to 16"));
}
