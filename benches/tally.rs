//! tally: one drop on disk, `synchronous=FULL`: the intent before the flap moves, the confirmation after.

use bunri::clock::{Identity, Moment, WallTime};
use bunri::judge::{CompartmentId, Verdict};
use bunri::streams::Stream;
use bunri::tally::{Intent, Ledger, RunInfo};
use criterion::Criterion;

use super::support;

const NOW: Moment = Moment::from_millis(1_000);
const WALL: WallTime = WallTime { unix_ms: 1_772_290_800_000, synchronised: true };

/// Takes its times by the clock: the disk is what takes long.
pub(super) fn bench(criterion: &mut Criterion) {
    let folder = support::folder();
    let run = RunInfo { software: "bench".to_owned(), bundle: None };
    let path = folder.path().join("tally.db");
    let mut ledger = Ledger::open(&path, &Identity::read().unwrap(), &run, NOW, WALL).unwrap();
    let verdict = Verdict {
        label: "can".into(),
        seen: Stream::Can,
        probability: 0.93,
        stream: Stream::Can,
        compartment: Some(CompartmentId(2)),
        reason: None,
        votes: 5,
        settled_at: NOW,
        decided_at: NOW,
    };
    let intent = Intent { verdict: &verdict, moment: NOW, wall: WALL, chamber: None };
    criterion.bench_function("tally/drop", |bencher| {
        bencher.iter(|| {
            let seq = ledger.intend(&intent).unwrap();
            ledger.confirm(seq, NOW, WALL).unwrap()
        });
    });
}
