//! What the crew says of drops, at the running bin: remembered by the judge's side, learnt by the teacher.
//!
//! ```text
//! judge --each drop's embedding--> teacher --remembers--> <state folder>/recent
//! page  --"that was glass"-------> teacher --what the ledger says + what is remembered--> site head --> judge
//! ```
//!
//! - Only where the configuration says so; where it does not, nothing is remembered, and what was is removed.
//! - The ledger alone says what the crew said. Whatever is asked again comes to the same head, so that a restart, or a word
//!   that got lost on the way here, changes nothing for long.
//! - Never in the sorting loop's way: it hands an embedding over with each drop, or does not.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc::SyncSender;

use super::events::{CorrectionsLearnt, NotLearnt, QueueFull};
use super::sorter::Sorter;
use super::teaching::Note;
use crate::config::Config;
use crate::identify::{Bundle, Embedded, SiteHead};
use crate::judge::Action;
use crate::streams::Stream;
use crate::tally::corrections;
use crate::teach::{Corrected, Corrections, Recent, Store, TeachError, learn, newest_of_each};

/// The judge's side: what the network said of an item, until its drop has a number.
pub(super) struct Keepsake {
    teacher: SyncSender<Note>,
    waiting: Option<Embedded>,
}

impl Keepsake {
    pub(super) const fn new(teacher: SyncSender<Note>) -> Self {
        Self { teacher, waiting: None }
    }

    /// Takes what was said of the item that a verdict is about.
    pub(super) fn look(&mut self, actions: &[Action], sorter: &mut Sorter) {
        if actions.iter().any(|action| matches!(action, Action::RecordIntent(_))) {
            self.waiting = sorter.remembered();
        }
    }

    /// Another network works: what the one before said is nothing to keep.
    pub(super) fn forget(&mut self) {
        self.waiting = None;
    }

    /// The drop has a number now; or none, since it could not be recorded.
    pub(super) fn recorded(&mut self, seq: Option<u64>) {
        let Some((seq, seen)) = seq.zip(self.waiting.take()) else { return };
        if self.teacher.try_send(Note::Judged(seq, Box::new(seen))).is_err() {
            QueueFull { queue: "teach" }.emit();
        }
    }
}

/// The teacher's side.
pub(super) struct Learning {
    recent: Recent,
    ledger: PathBuf,
    /// What came of it last.
    pub(super) corrections: Corrections,
}

/// What is to be judged by from now on.
pub(super) enum News {
    /// The same as before.
    None,
    /// This, or the network alone.
    Head(Option<SiteHead>),
}

impl Learning {
    /// Begins to remember, where the configuration says so; otherwise removes what was remembered.
    pub(super) fn begin(
        config: &Config,
        epoch: &str,
        bundle: &Bundle,
        store: &Store,
        now_ms: i64,
    ) -> Option<Self> {
        let begun = if config.learns_corrections() {
            Recent::open(&config.state_dir, epoch, bundle, now_ms).map(Some)
        } else {
            Recent::forget(&config.state_dir).and_then(|()| store.keep_corrected(None)).map(|()| None)
        };
        let recent = begun.unwrap_or_else(|error| {
            NotLearnt { error: &error }.emit();
            None
        })?;
        let ledger = config.state_dir.join("tally.db");
        Some(Self { recent, ledger, corrections: Corrections::default() })
    }

    /// Remembers what the network said of a drop.
    pub(super) fn remember(&mut self, seq: u64, seen: &Embedded, now_ms: i64) {
        if let Err(error) = self.recent.put(seq, seen, now_ms) {
            NotLearnt { error: &error }.emit();
        }
    }

    /// Holds what the bin judges by against what the crew has said by now; `base` is what it was shown.
    pub(super) fn learn(&mut self, bundle: &Bundle, base: Option<SiteHead>, store: &Store) -> News {
        let learnt = self.try_learn(bundle, base, store);
        learnt.unwrap_or_else(|error| {
            NotLearnt { error: &error }.emit();
            News::None
        })
    }

    fn try_learn(
        &mut self,
        bundle: &Bundle,
        base: Option<SiteHead>,
        store: &Store,
    ) -> Result<News, TeachError> {
        let inside = store.corrected(base.as_ref(), bundle);
        let said = newest_of_each(self.said(inside.as_ref())?);
        let known: Vec<_> = inside
            .iter()
            .flat_map(|site| &site.taught)
            .filter_map(|item| {
                let id = item.correction.as_deref()?;
                let label = inside.as_ref()?.labels.get(item.label)?;
                Some((id.to_owned(), label.stream))
            })
            .collect();
        if said.iter().map(|item| (item.drop_id.clone(), item.truth)).eq(known.iter().cloned()) {
            self.corrections = Corrections { inside: known.len(), left_out: 0 };
            return Ok(News::None);
        }
        let learnt = learn(bundle, base.as_ref(), &said)?;
        let site = learnt.fitted.map(|fitted| fitted.site);
        store.keep_corrected(site.as_ref())?;
        self.corrections = Corrections { inside: learnt.inside, left_out: learnt.left_out };
        CorrectionsLearnt { inside: learnt.inside, left_out: learnt.left_out }.emit();
        // A bin that judged without corrections, and still does, need not be told.
        let same = site.is_none() && inside.is_none();
        Ok(if same { News::None } else { News::Head(site.or(base)) })
    }

    /// What the crew said of drops that are remembered, or that were learnt of before, the oldest drop first.
    fn said(&self, inside: Option<&SiteHead>) -> Result<Vec<Corrected>, TeachError> {
        let mut of_head = BTreeMap::new();
        for item in inside.into_iter().flat_map(|site| &site.taught) {
            if let Some(seq) = item.correction.as_deref().and_then(|id| self.recent.seq_of(id)) {
                of_head.insert(seq, item);
            }
        }
        let known = || self.recent.drops().chain(of_head.keys().copied());
        let (Some(first), Some(last)) = (known().min(), known().max()) else { return Ok(Vec::new()) };
        let mut words: Vec<(u64, Stream)> = corrections(&self.ledger, first, last)?.into_iter().collect();
        words.sort_unstable_by_key(|(seq, _)| *seq);
        let corrected = |(seq, truth): (u64, Stream)| {
            let (name, embedding, logits) = match of_head.get(&seq) {
                Some(item) => (item.name.clone(), item.embedding.clone(), item.logits.clone()),
                None => {
                    let seen = self.recent.get(seq)?;
                    (self.name(seq), seen.embedding, seen.logits)
                }
            };
            Some(Corrected { drop_id: self.recent.drop_id(seq), name, truth, embedding, logits })
        };
        Ok(words.into_iter().filter_map(corrected).collect())
    }

    /// What to call the item of a drop in a report.
    fn name(&self, seq: u64) -> String {
        let kept = self.recent.kept_ms(seq).and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
        kept.map_or_else(|| format!("drop {seq}"), |at| format!("drop {seq}, {at:.0}"))
    }
}
