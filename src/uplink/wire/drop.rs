//! One item, and what the crew said of it.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{BinName, CORRECTION_TYPE, DROP_TYPE, Event};
use crate::clock::{Moment, WallTime};
use crate::streams::Stream;
use crate::tally::{self, DropRecord};

/// A message that leaves longer than this after what it tells says so.
const LATE_AFTER: Duration = Duration::from_secs(60);

/// One item the bin decided on and that left the chamber.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Drop {
    /// Identifier of the ledger the drop was written to; a new one when a bin had to begin a new ledger.
    pub epoch: String,
    /// Number of the drop within the epoch, from 1, never used twice; numbers of voided drops are missing.
    #[schemars(range(min = 1))]
    pub seq: u64,
    /// Where it went: `seen` when accepted, `general` otherwise.
    pub stream: Stream,
    /// What it looked like.
    pub seen: Stream,
    /// The model's best label.
    pub label: String,
    /// Calibrated probability of `seen`, 0 to 1, four decimals.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub probability: f64,
    /// Whether it went where it looks like.
    pub accepted: bool,
    /// Why not, if not: `not_sure`, `unknown`, `two_items`, `compartment_full`, `compartment_disabled` or
    /// `not_collected_here`.
    pub reason: Option<String>,
    /// Name and version of the model bundle that looked at it; null where none was loaded.
    pub model: Option<String>,
    /// Position of the compartment in the rig, from 0; null when the resident was asked to take the item back.
    pub compartment: Option<u8>,
    /// What it weighed, in grams; missing where the bin has no scale, or the item did not lie still on it for long enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0))]
    pub weight_g: Option<f64>,
    /// Durations of the steps.
    pub timings: Timings,
    /// Whether the bin's clock was synchronised when `time` was taken; if not, `time` may be far off.
    pub clock_synchronised: bool,
    /// Whether this transmission left more than a minute after the drop. May differ between repetitions.
    pub late: bool,
}

/// How long the steps of one drop took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Timings {
    /// From the item lying still to the decision, milliseconds.
    pub settled_to_decided_ms: u64,
    /// From the decision to the chamber seen empty, milliseconds; null when the power went in between.
    pub decided_to_confirmed_ms: Option<u64>,
}

/// What the crew says an item truly was, or that it takes that back. The drop itself, and every count, stays what it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Correction {
    /// As in [`Drop::epoch`].
    pub epoch: String,
    /// The drop that is corrected. It may come later than its correction.
    #[schemars(range(min = 1))]
    pub seq: u64,
    /// Number of the correction within the epoch: of several for one drop the one with the highest holds.
    #[schemars(range(min = 1))]
    pub number: u64,
    /// What it truly was. May be what it looked like: then the crew agrees. With `withdrawn`: the word that is taken back.
    pub truth: Stream,
    /// True: the crew takes its word back, and says nothing of the drop unless a correction with a higher number does.
    /// Missing otherwise.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub withdrawn: bool,
    /// What it looked like, as in the drop.
    pub seen: Stream,
    /// Where it went, as in the drop.
    pub stream: Stream,
    /// The model's best label, as in the drop.
    pub label: String,
    /// As in [`Drop::model`].
    pub model: Option<String>,
    /// Whether the bin's clock was synchronised when it was said.
    pub clock_synchronised: bool,
    /// Whether this transmission left more than a minute after that. May differ between repetitions.
    pub late: bool,
}

/// The event of one drop. `late`: see [`Drop::late`].
pub fn drop_event(bin: &BinName, record: &DropRecord, late: bool) -> Event<Drop> {
    let verdict = &record.verdict;
    let confirmed = record.closed.as_ref().filter(|closed| closed.boot_id == record.boot_id);
    let timings = Timings {
        settled_to_decided_ms: record.settled_to_decided_ms(),
        decided_to_confirmed_ms: confirmed
            .map(|closed| closed.moment.as_millis().saturating_sub(verdict.decided_at.as_millis())),
    };
    let data = Drop {
        epoch: epoch(record),
        seq: record.seq,
        stream: verdict.stream,
        seen: verdict.seen,
        label: verdict.label.to_string(),
        probability: (f64::from(verdict.probability) * 1e4).round() / 1e4,
        accepted: verdict.accepted(),
        reason: verdict.reason.map(|reason| reason.id().to_owned()),
        model: model(record),
        compartment: verdict.compartment.map(|compartment| compartment.0),
        weight_g: record.weight_g.map(|grams| (f64::from(grams) * 10.0).round() / 10.0),
        timings,
        clock_synchronised: record.wall.synchronised,
        late,
    };
    Event::new(bin, DROP_TYPE, record.id.clone(), record.wall.unix_ms, data)
}

/// The event of one correction. `late`: see [`Correction::late`].
pub fn correction_event(
    bin: &BinName,
    record: &DropRecord,
    correction: &tally::Correction,
    late: bool,
) -> Event<Correction> {
    let data = Correction {
        epoch: epoch(record),
        seq: record.seq,
        number: correction.number,
        truth: correction.truth,
        withdrawn: correction.withdrawn,
        seen: record.verdict.seen,
        stream: record.verdict.stream,
        label: record.verdict.label.to_string(),
        model: model(record),
        clock_synchronised: correction.wall.synchronised,
        late,
    };
    let id = format!("{}:correction:{}", data.epoch, data.number);
    Event::new(bin, CORRECTION_TYPE, id, correction.wall.unix_ms, data)
}

fn epoch(record: &DropRecord) -> String {
    record.id.rsplit_once(':').map_or("", |(epoch, _)| epoch).to_owned()
}

fn model(record: &DropRecord) -> Option<String> {
    record.bundle.as_ref().map(|bundle| bundle.name.clone())
}

/// Whether a drop sent now, in the boot `boot_id`, leaves more than a minute after it happened.
///
/// Within one boot the monotonic clock knows. A drop of an earlier boot counts as late unless two synchronised
/// clocks say otherwise.
pub fn is_late(record: &DropRecord, boot_id: &str, now: Moment, wall: WallTime) -> bool {
    if record.boot_id == boot_id {
        return now.since(record.moment) > LATE_AFTER;
    }
    is_late_since(record.wall, wall)
}

/// Whether what happened at `then` is late at `now`: it is, unless two synchronised clocks say otherwise.
pub fn is_late_since(then: WallTime, now: WallTime) -> bool {
    let passed_ms = now.unix_ms.saturating_sub(then.unix_ms);
    let known = now.synchronised && then.synchronised;
    !known || u128::try_from(passed_ms).unwrap_or(0) > LATE_AFTER.as_millis()
}
