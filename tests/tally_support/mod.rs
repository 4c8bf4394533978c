//! What the tests of the ledger share.

use std::path::Path;

use bunri::clock::{Identity, Moment, WallTime};
use bunri::judge::{CompartmentId, Reason, Verdict};
use bunri::streams::Stream;
use bunri::tally::{BundleInfo, Intent, Ledger, RunInfo, TallyError};

/// 2026-03-01T00:00:00+09:00: a day begins in Seoul.
pub(crate) const MIDNIGHT_MS: i64 = 1_772_290_800_000;

pub(crate) fn moment(millis: u64) -> Moment {
    Moment::from_millis(millis)
}

pub(crate) fn wall(after_midnight_ms: i64) -> WallTime {
    WallTime { unix_ms: MIDNIGHT_MS + after_midnight_ms, synchronised: true }
}

pub(crate) fn open(path: &Path) -> Result<Ledger, TallyError> {
    let identity = Identity { boot_id: "boot-a".into(), run_id: bunri::clock::fresh_id().unwrap() };
    let bundle = BundleInfo { name: "lite0-6".into(), sha256: "ab".repeat(32) };
    let run = RunInfo { software: "0.1.0 (test)".into(), bundle: Some(bundle) };
    Ledger::open(path, &identity, &run, moment(0), wall(0))
}

pub(crate) fn accepted(stream: Stream) -> Verdict {
    Verdict {
        label: format!("a \"{stream}\", seen").into(),
        seen: stream,
        probability: 0.93,
        stream,
        compartment: Some(CompartmentId(stream.index() as u8)),
        reason: None,
        votes: 5,
        settled_at: moment(1_000),
        decided_at: moment(1_240),
    }
}

pub(crate) fn rejected(seen: Stream, reason: Reason) -> Verdict {
    let compartment = Some(CompartmentId(8));
    Verdict { stream: Stream::General, compartment, reason: Some(reason), ..accepted(seen) }
}

pub(crate) fn returned(seen: Stream, reason: Reason) -> Verdict {
    Verdict { compartment: None, ..rejected(seen, reason) }
}

pub(crate) fn intend(ledger: &mut Ledger, verdict: &Verdict) -> Result<u64, TallyError> {
    ledger.intend(&Intent { verdict, moment: moment(1_250), wall: wall(1_250), chamber: None })
}
