//! What is made before any thread starts: the ledger opened, the bundle that is to work, the sorter.
//!
//! Never starts anything: whatever fails here leaves nothing running.

use super::exchange::bundle_info;
use super::newcomer::Newcomer;
use super::{DaemonError, Sorter, calibrated_background, judge_settings, view};
use crate::clock::{Clock, Identity, Moment};
use crate::config::Config;
use crate::detect::Background;
use crate::identify::{Bundle, Head, Identifier};
use crate::judge::{Compartment, Judge};
use crate::tally::{Ledger, RunInfo};

/// What is there before any thread is.
pub(super) struct Prepared {
    pub(super) identity: Identity,
    /// Name and version of the bundle.
    pub(super) bundle: String,
    pub(super) open_intent: Option<u64>,
    pub(super) parts: Parts,
}

/// What the threads take with them.
pub(super) struct Parts {
    pub(super) ledger: Ledger,
    /// What turns the network's answers into streams.
    pub(super) head: Head,
    pub(super) sorter: Sorter,
    pub(super) newcomer: Newcomer,
}

pub(super) fn prepare(config: &Config, software: &str, clock: &dyn Clock) -> Result<Prepared, DaemonError> {
    let identity = Identity::read()
        .map_err(|source| DaemonError::System { doing: "read the boot identifier".to_owned(), source })?;
    let (newcomer, identifier) = Newcomer::begin(config)?;
    let bundle = identifier.bundle().title();
    let (ledger, resumed) = open_ledger(config, software, identifier.bundle(), &identity, clock)?;
    let open_intent = resumed.as_ref().map(|(seq, _)| *seq);
    let compartments = known_compartments(config, &ledger)?;
    let sorter = build_sorter(config, identifier, compartments, resumed, clock.now())?;
    let head = sorter.head().clone();
    let parts = Parts { ledger, head, sorter, newcomer };
    Ok(Prepared { identity, bundle, open_intent, parts })
}

/// The intent an earlier run left open, with the empty chamber as it was then.
type OpenIntent = (u64, Option<Vec<u8>>);

fn open_ledger(
    config: &Config,
    software: &str,
    bundle: &Bundle,
    identity: &Identity,
    clock: &dyn Clock,
) -> Result<(Ledger, Option<OpenIntent>), DaemonError> {
    std::fs::create_dir_all(&config.state_dir).map_err(|source| DaemonError::System {
        doing: format!("make the state folder {} ([bin] state_dir)", config.state_dir.display()),
        source,
    })?;
    let run = RunInfo { software: software.to_owned(), bundle: Some(bundle_info(bundle)) };
    let path = config.state_dir.join("tally.db");
    let ledger = Ledger::open(&path, identity, &run, clock.now(), clock.wall())?;
    let open = ledger.open_intent()?.map(|open| (open.record.seq, open.chamber));
    Ok((ledger, open))
}

/// The configured compartments, as the crew has left them.
fn known_compartments(config: &Config, ledger: &Ledger) -> Result<Vec<Compartment>, DaemonError> {
    let mut compartments = config.compartments.clone();
    for compartment in &mut compartments {
        let book = ledger.compartment(compartment.stream)?;
        compartment.full = book.full;
        compartment.disabled = book.closed.unwrap_or(compartment.disabled);
    }
    Ok(compartments)
}

fn build_sorter(
    config: &Config,
    identifier: Identifier,
    compartments: Vec<Compartment>,
    resumed: Option<OpenIntent>,
    now: Moment,
) -> Result<Sorter, DaemonError> {
    let open_intent = resumed.as_ref().map(|(seq, _)| *seq);
    let background = calibrated_background(config)?
        .or_else(|| resumed.and_then(|(_, chamber)| Background::from_bytes(&chamber?)));
    let mut settings = judge_settings(config, identifier.head());
    settings.rules.compartments = compartments;
    let judge = Judge::new(settings, open_intent, now);
    Ok(Sorter::new(view(config), background, identifier, judge))
}
