//! The site head as it is applied: what the crew taught, on top of the network's own scores.
//!
//! `score of a label = trust x network's logit + weights of the label . embedding + bias of the label`
//!
//! - The trust is 1 unless the items shown say that the network errs in this place.
//! - A label that nobody taught keeps the network's own logit, and the taught ones together stay as high as they were:
//!   whatever the network takes for a stream that nobody taught, it still does ([`hold_back`]).
//! - Bound to the hash of one network: another's embedding means something else, so its site head is refused.
//! - It carries the items it was fitted on, as embeddings and never as pictures, so that teaching can go on.
//! - Never half applied: a file is read whole, checked and then used, or refused with its reason.

mod file;
#[cfg(test)]
mod tests;

pub use file::SITE_FILE_LIMIT;

use super::bundle::{Bundle, Label};

/// Items a site head may have been taught: forty of each of nine streams, which stays below the file's limit.
pub const MAX_TAUGHT: usize = 360;

/// One item that somebody showed the bin: the mean over its frames.
#[derive(Clone, Debug, PartialEq)]
pub struct TaughtItem {
    /// Which label it is of, in the site head's order.
    pub label: usize,
    /// What to call it in a report: a file's name, or when it was shown.
    pub name: String,
    /// Frames behind it.
    pub frames: u32,
    /// The network's embedding, mean over the frames.
    pub embedding: Vec<f32>,
    /// The network's own logits, mean over the frames, one for each label of the bundle.
    pub logits: Vec<f32>,
    /// The drop of which the crew said afterwards what it was; `None` for an item that was shown.
    pub correction: Option<String>,
}

/// A head fitted to one place, for one network.
#[derive(Clone, Debug, PartialEq)]
pub struct SiteHead {
    /// Name and version of the bundle, for people.
    pub bundle: String,
    /// Hash of its network: what it is bound to.
    pub network_sha256: String,
    /// The bundle's labels in their order, then those that only this place knows; with thresholds refitted.
    pub labels: Vec<Label>,
    /// How many of the labels are the bundle's.
    pub known: usize,
    /// What the network's logits count, 0 to 1.
    pub trust: f32,
    /// Divides the scores.
    pub temperature: f32,
    /// Energy above which an item is unlike what was trained and taught.
    pub energy_limit: f32,
    /// Numbers of an embedding.
    pub width: usize,
    /// One row of `width` for each label, rows first.
    pub weights: Vec<f32>,
    /// One number for each label.
    pub bias: Vec<f32>,
    /// What it was fitted on.
    pub taught: Vec<TaughtItem>,
}

impl SiteHead {
    /// Whether this head was taught on the bundle's network; if not, why not.
    pub(super) fn fits(&self, bundle: &Bundle) -> Result<(), String> {
        let manifest = &bundle.manifest;
        if self.network_sha256 != manifest.model.sha256 {
            return Err(format!(
                "it was taught on {} (network {}), this bundle is {} {} (network {})",
                self.bundle,
                short(&self.network_sha256),
                manifest.name,
                manifest.version,
                short(&manifest.model.sha256)
            ));
        }
        let same = |own: &Label, theirs: &Label| {
            own.id == theirs.id && own.stream == theirs.stream && own.unknown == theirs.unknown
        };
        let known = &self.labels[..self.known.min(self.labels.len())];
        if known.len() != manifest.labels.len()
            || !known.iter().zip(&manifest.labels).all(|(own, theirs)| same(own, theirs))
        {
            return Err("its labels are not the bundle's".to_owned());
        }
        if manifest.model.embedding.is_none() {
            return Err("the bundle's network gives no embedding to teach on".to_owned());
        }
        Ok(())
    }

    /// The part that is needed for every look.
    pub(super) fn correction(&self) -> Correction {
        let counts = ItemCounts::of(self.labels.len(), &self.taught);
        Correction {
            width: self.width,
            trust: self.trust,
            weights: self.weights.clone(),
            bias: self.bias.clone(),
            free: free_labels(&self.labels, &counts),
        }
    }

    /// The items that were shown to it, without what was learnt of corrections.
    pub fn shown(&self) -> impl Iterator<Item = &TaughtItem> {
        self.taught.iter().filter(|item| item.correction.is_none())
    }
}

/// What becomes of the network's logits.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Correction {
    width: usize,
    trust: f32,
    weights: Vec<f32>,
    bias: Vec<f32>,
    free: Vec<bool>,
}

impl Correction {
    /// Writes the score of each label; `scores` has one place for each, `logits` one number for each of the bundle's.
    pub(super) fn apply(&self, logits: &[f32], embedding: &[f32], scores: &mut [f32]) {
        let stranger = stranger_logit(logits);
        for (label, score) in scores.iter_mut().enumerate() {
            let row = &self.weights[label * self.width..(label + 1) * self.width];
            let logit = logits.get(label).copied().unwrap_or(stranger);
            *score = self.trust * logit + self.bias[label] + dot(row, embedding);
        }
        hold_back(scores, logits, &self.free);
    }
}

/// Items of each label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemCounts {
    /// Those that were shown.
    pub shown: Vec<usize>,
    /// Those of which the crew said afterwards what they were.
    pub corrected: Vec<usize>,
}

impl ItemCounts {
    /// Counts items of so many labels.
    pub fn of<'a>(labels: usize, items: impl IntoIterator<Item = &'a TaughtItem>) -> Self {
        let mut counts = Self { shown: vec![0; labels], corrected: vec![0; labels] };
        for item in items {
            let of_kind = if item.correction.is_some() { &mut counts.corrected } else { &mut counts.shown };
            if let Some(count) = of_kind.get_mut(item.label) {
                *count += 1;
            }
        }
        counts
    }
}

/// Streams that must be shown before what was taught may also speak against "none of ours".
const TAUGHT_WELL: usize = 5;

/// Which labels may move, by the items of each: those with any and, once most streams were shown, those that mean "none of
/// ours".
pub fn free_labels(labels: &[Label], counts: &ItemCounts) -> Vec<bool> {
    let some = |counts: &[usize], index: usize| counts.get(index).is_some_and(|count| *count > 0);
    let shown = |index: usize| some(&counts.shown, index);
    let streams = labels.iter().enumerate().filter(|(index, label)| shown(*index) && !label.unknown).count();
    let free = |(index, label): (usize, &Label)| {
        shown(index) || some(&counts.corrected, index) || (label.unknown && streams >= TAUGHT_WELL)
    };
    labels.iter().enumerate().map(free).collect()
}

/// Gives the labels that are not free their logits back, and shifts the bundle's free ones so that the highest of them
/// is as high as the highest of their logits: between the two groups the network alone decides.
/// A stream that only this place knows is never found while none of the bundle's was taught: it has nothing to be told apart from.
pub fn hold_back(scores: &mut [f32], logits: &[f32], free: &[bool]) {
    let known = logits.len().min(scores.len());
    if free[..known].iter().all(|free| *free) {
        return;
    }
    if !free[..known].contains(&true) {
        scores[..known].copy_from_slice(&logits[..known]);
        scores[known..].fill(f32::NEG_INFINITY);
        return;
    }
    let highest = |values: &[f32]| {
        let among = values.iter().zip(free).take(known).filter(|(_, free)| **free);
        among.map(|(value, _)| *value).fold(f32::NEG_INFINITY, f32::max)
    };
    let shift = highest(logits) - highest(scores);
    for (index, (score, free)) in scores.iter_mut().zip(free).enumerate() {
        match logits.get(index) {
            Some(logit) if !free => *score = *logit,
            _ => *score += shift,
        }
    }
}

/// Where a label starts that the network has no logit for: neither liked nor disliked.
pub fn stranger_logit(logits: &[f32]) -> f32 {
    logits.iter().sum::<f32>() / logits.len().max(1) as f32
}

/// Eight sums side by side, which the compiler turns into vector instructions.
fn dot(left: &[f32], right: &[f32]) -> f32 {
    let mut sums = [0.0f32; 8];
    let (left, left_rest) = left.as_chunks::<8>();
    let (right, right_rest) = right.as_chunks::<8>();
    for (left, right) in left.iter().zip(right) {
        for lane in 0..8 {
            sums[lane] += left[lane] * right[lane];
        }
    }
    let rest: f32 = left_rest.iter().zip(right_rest).map(|(left, right)| left * right).sum();
    sums.iter().sum::<f32>() + rest
}

fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}
