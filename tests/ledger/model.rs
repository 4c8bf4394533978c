//! Random histories: the ledger does what a model in memory does, across restarts.

use std::path::Path;

use bunri::judge::{Reason, Verdict};
use bunri::streams::Stream;
use bunri::tally::{Counts, DropState, Intent, Ledger, TallyError, verify};
use proptest::prelude::*;

use super::tally_support::{accepted, moment, open, rejected, returned, wall};

#[derive(Clone, Debug)]
enum Step {
    Intend { verdict: Verdict, chamber: Option<Vec<u8>> },
    Confirm(Which),
    Void(Which),
    Send { after: prop::sample::Index, limit: usize },
    Acknowledge(Vec<prop::sample::Index>),
    Reopen { goodbye: bool },
}

/// Which drop a step closes: the open one, or any number, given out or not.
#[derive(Clone, Debug)]
enum Which {
    Open,
    Any(prop::sample::Index),
}

fn verdicts() -> impl Strategy<Value = Verdict> {
    let streams = prop::sample::select(&Stream::ALL[..]);
    let reasons = prop::sample::select(&Reason::ALL[..]);
    (streams, reasons, 0..3, 0.0f32..=1.0, 0u32..50, ".{0,20}").prop_map(
        |(seen, reason, kind, probability, votes, label)| {
            let verdict = match kind {
                0 => accepted(seen),
                1 => rejected(seen, reason),
                _ => returned(seen, reason),
            };
            Verdict { probability, votes, label: label.into(), ..verdict }
        },
    )
}

fn which() -> impl Strategy<Value = Which> {
    prop_oneof![4 => Just(Which::Open), 1 => any::<prop::sample::Index>().prop_map(Which::Any)]
}

fn steps() -> impl Strategy<Value = Step> {
    let chamber = prop::option::of(prop::collection::vec(any::<u8>(), 0..300));
    prop_oneof![
        8 => (verdicts(), chamber).prop_map(|(verdict, chamber)| Step::Intend { verdict, chamber }),
        7 => which().prop_map(Step::Confirm),
        2 => which().prop_map(Step::Void),
        2 => (any::<prop::sample::Index>(), 0usize..9).prop_map(|(after, limit)| Step::Send { after, limit }),
        3 => prop::collection::vec(any::<prop::sample::Index>(), 0..6).prop_map(Step::Acknowledge),
        1 => any::<bool>().prop_map(|goodbye| Step::Reopen { goodbye }),
    ]
}

/// What the ledger is to be, in the simplest form.
#[derive(Default)]
struct Model {
    drops: Vec<(Verdict, DropState)>,
    chamber: Option<Vec<u8>>,
    /// Ids in the order of confirmation, with the drop; `None` once acknowledged.
    messages: Vec<Option<u64>>,
    runs: u64,
    lost: u64,
}

impl Model {
    fn open(&self) -> Option<u64> {
        let open = self.drops.iter().position(|(_, state)| *state == DropState::Intent)?;
        Some(open as u64 + 1)
    }

    fn state(&self, seq: u64) -> Option<DropState> {
        let index = usize::try_from(seq).unwrap().checked_sub(1)?;
        self.drops.get(index).map(|(_, state)| *state)
    }

    fn pick(&self, which: &Which) -> u64 {
        match which {
            Which::Open => self.open().unwrap_or(0),
            Which::Any(index) => index.index(self.drops.len() + 2) as u64,
        }
    }

    fn waiting(&self) -> Vec<(u64, u64)> {
        let numbered = self.messages.iter().zip(1u64..);
        numbered.filter_map(|(seq, id)| Some((id, (*seq)?))).collect()
    }

    fn counts(&self) -> Counts {
        use bunri::tally::Outcome;
        let mut counts = Counts::default();
        for (verdict, state) in &self.drops {
            let outcome = match (state, verdict.reason) {
                (DropState::Intent, _) => continue,
                (DropState::Void, _) => Outcome::Void,
                (DropState::Confirmed, _) if verdict.compartment.is_none() => Outcome::Returned,
                (DropState::Confirmed, Some(reason)) => Outcome::Rejected(reason),
                (DropState::Confirmed, None) => Outcome::Accepted,
            };
            counts.add(verdict.seen, outcome);
        }
        counts
    }
}

fn close(model: &mut Model, ledger: &mut Ledger, which: &Which, to: DropState) {
    let seq = model.pick(which);
    let done = if to == DropState::Void {
        ledger.void(seq, "the model says so", moment(8), wall(8)).map(|()| None)
    } else {
        ledger.confirm(seq, moment(8), wall(8)).map(|confirmed| Some(confirmed.already))
    };
    match model.state(seq) {
        None => assert!(matches!(done, Err(TallyError::UnknownDrop { .. })), "{done:?}"),
        Some(DropState::Intent) => {
            assert_eq!(done.unwrap(), (to == DropState::Confirmed).then_some(false));
            model.drops[seq as usize - 1].1 = to;
            if to == DropState::Confirmed {
                model.messages.push(Some(seq));
            }
        }
        Some(state) if state == to => {
            assert_eq!(done.unwrap(), (to == DropState::Confirmed).then_some(true));
        }
        Some(_) => assert!(matches!(done, Err(TallyError::AlreadyClosed { .. })), "{done:?}"),
    }
}

fn step(model: &mut Model, mut ledger: Ledger, path: &Path, step: &Step) -> Ledger {
    match step {
        Step::Intend { verdict, chamber } => {
            let intent = Intent { verdict, moment: moment(7), wall: wall(7), chamber: chamber.as_deref() };
            match (model.open(), ledger.intend(&intent)) {
                (None, Ok(seq)) => {
                    model.drops.push((verdict.clone(), DropState::Intent));
                    assert_eq!(seq, model.drops.len() as u64);
                    model.chamber = chamber.clone().or(model.chamber.take());
                }
                (Some(open), Err(TallyError::IntentOpen { seq })) => assert_eq!(seq, open),
                (open, answer) => panic!("open {open:?}, answer {answer:?}"),
            }
        }
        Step::Confirm(which) => close(model, &mut ledger, which, DropState::Confirmed),
        Step::Void(which) => close(model, &mut ledger, which, DropState::Void),
        Step::Send { after, limit } => {
            let after = after.index(model.messages.len() + 1) as u64;
            let rows = ledger.outbox_next(after, *limit).unwrap();
            let expected: Vec<_> =
                model.waiting().into_iter().filter(|(id, _)| *id > after).take(*limit).collect();
            assert_eq!(rows.iter().map(|row| (row.id, row.record.seq)).collect::<Vec<_>>(), expected);
            for row in rows {
                assert_eq!(row.record.verdict, model.drops[row.record.seq as usize - 1].0);
            }
        }
        Step::Acknowledge(which) => {
            let ids: Vec<u64> = which.iter().map(|w| w.index(model.messages.len() + 2) as u64).collect();
            let before = model.waiting().len();
            for id in ids.iter().filter(|id| **id > 0) {
                if let Some(message) = model.messages.get_mut(*id as usize - 1) {
                    *message = None;
                }
            }
            assert_eq!(ledger.outbox_done(&ids).unwrap(), before - model.waiting().len());
        }
        Step::Reopen { goodbye } => {
            if *goodbye {
                ledger.close(moment(9), wall(9)).unwrap();
            } else {
                drop(ledger);
                model.lost += 1;
            }
            model.runs += 1;
            ledger = open(path).unwrap();
        }
    }
    ledger
}

fn agree(model: &Model, ledger: &Ledger, path: &Path) {
    let totals = ledger.totals().unwrap();
    assert_eq!(totals.last_seq, model.drops.len() as u64);
    assert_eq!(totals.counts, model.counts());
    assert_eq!(ledger.counts_by_stream_since(0).unwrap(), model.counts());
    assert_eq!(ledger.outbox_len().unwrap(), model.waiting().len() as u64);
    assert_eq!(ledger.outbox_oldest().unwrap().map(|oldest| oldest.id), model.waiting().first().map(|m| m.0));
    let open = ledger.open_intent().unwrap();
    assert_eq!(open.as_ref().map(|open| open.record.seq), model.open());
    if let Some(open) = open {
        assert_eq!(open.chamber, model.chamber);
    }
    let recent: Vec<_> =
        ledger.recent(1_000).unwrap().into_iter().rev().map(|r| (r.verdict, r.state)).collect();
    assert_eq!(recent, model.drops);
    let report = verify(path).unwrap();
    assert!(report.sound(), "{report}");
    assert_eq!((report.runs, report.runs_lost), (model.runs, model.lost));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn random_histories_agree_with_the_model(history in prop::collection::vec(steps(), 1..60)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tally.db");
        let mut ledger = open(&path).unwrap();
        let mut model = Model { runs: 1, ..Model::default() };
        for (index, next) in history.iter().enumerate() {
            ledger = step(&mut model, ledger, &path, next);
            if index % 10 == 9 {
                agree(&model, &ledger, &path);
            }
        }
        agree(&model, &ledger, &path);
    }
}
