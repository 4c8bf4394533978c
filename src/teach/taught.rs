//! What the crew showed the bin: items with their labels, and the labels this place knows.

use super::error::TeachError;
use crate::identify::{Bundle, Embedded, ItemCounts, Label, MAX_TAUGHT, SiteHead, TaughtItem};
use crate::streams::Stream;

/// Least probability for a stream that no bundle gave a threshold.
const NEW_THRESHOLD: f32 = 0.75;
/// Letters of an item's name that are kept.
const NAME_LETTERS: usize = 60;

/// Taught items and the labels they may have: the bundle's, then those that only this place knows.
#[derive(Clone, Debug, PartialEq)]
pub struct Taught {
    labels: Vec<Label>,
    known: usize,
    width: usize,
    items: Vec<TaughtItem>,
}

impl Taught {
    /// Nothing taught yet.
    ///
    /// # Errors
    /// When the bundle has no embedding or no statistics of it.
    pub fn new(bundle: &Bundle) -> Result<Self, TeachError> {
        let manifest = &bundle.manifest;
        let lacks = |message: &str| TeachError::Bundle {
            bundle: format!("{} {}", manifest.name, manifest.version),
            message: message.to_owned(),
        };
        if manifest.model.embedding.is_none() {
            return Err(lacks("its network gives no embedding"));
        }
        let statistics = bundle.statistics.as_ref().ok_or_else(|| lacks("it has no statistics"))?;
        let labels = manifest.labels.clone();
        Ok(Self { known: labels.len(), labels, width: statistics.width, items: Vec::new() })
    }

    /// What a site head was taught, to go on from; it must fit the bundle.
    ///
    /// # Errors
    /// As [`Taught::new`], and when the embeddings have another size.
    pub fn of_site(site: &SiteHead, bundle: &Bundle) -> Result<Self, TeachError> {
        let mut taught = Self::new(bundle)?;
        if site.width != taught.width {
            return Err(TeachError::Width { found: site.width, wanted: taught.width });
        }
        let only_here = site.labels.iter().skip(taught.known).cloned();
        taught.labels.extend(only_here);
        taught.items.clone_from(&site.taught);
        // The shown ones first: what is measured is measured on them.
        taught.items.sort_by_key(|item| item.correction.is_some());
        Ok(taught)
    }

    /// The same without what was learnt of corrections.
    #[must_use]
    pub fn shown_only(mut self) -> Self {
        self.items.retain(|item| item.correction.is_none());
        self
    }

    /// Adds an item of which the crew said afterwards what it was.
    ///
    /// # Errors
    /// When there are too many items, or it is of another network or of no label.
    pub(super) fn add_corrected(&mut self, item: TaughtItem) -> Result<(), TeachError> {
        if self.items.len() >= MAX_TAUGHT {
            return Err(TeachError::TooMany { items: self.items.len() + 1, limit: MAX_TAUGHT });
        }
        if item.embedding.len() != self.width || item.logits.len() != self.known {
            return Err(TeachError::Width { found: item.embedding.len(), wanted: self.width });
        }
        if item.label >= self.labels.len() || item.correction.is_none() {
            return Err(TeachError::NothingTaught);
        }
        self.items.push(item);
        Ok(())
    }

    /// The label for a name: a label's own, or a stream's. A stream that no label stands for becomes a new label.
    ///
    /// # Errors
    /// When the name is neither.
    pub fn label(&mut self, name: &str) -> Result<usize, TeachError> {
        if let Some(label) = self.labels.iter().position(|label| label.id == name) {
            return Ok(label);
        }
        let Some(stream) = Stream::from_id(name) else {
            let mut known: Vec<&str> = self.labels.iter().map(|label| &*label.id).collect();
            known.extend(Stream::ALL.iter().map(|stream| stream.id()));
            known.sort_unstable();
            known.dedup();
            return Err(TeachError::NoSuchLabel { name: name.to_owned(), known: known.join(", ") });
        };
        let of_stream = |label: &Label| label.stream == stream && !label.unknown;
        if let Some(label) = self.labels.iter().position(of_stream) {
            return Ok(label);
        }
        let threshold = NEW_THRESHOLD;
        self.labels.push(Label { id: name.to_owned(), stream, threshold, unknown: false });
        Ok(self.labels.len() - 1)
    }

    /// Adds one item with what the network said of each of its frames; the frames of an item count as one.
    ///
    /// # Errors
    /// When there are too many items, no frame, or the embedding is of another network.
    pub fn add(&mut self, label: usize, name: &str, frames: &[Embedded]) -> Result<(), TeachError> {
        if self.items.len() >= MAX_TAUGHT {
            return Err(TeachError::TooMany { items: self.items.len() + 1, limit: MAX_TAUGHT });
        }
        if frames.is_empty() || label >= self.labels.len() {
            return Err(TeachError::NothingTaught);
        }
        if let Some(frame) = frames.iter().find(|frame| frame.embedding.len() != self.width) {
            return Err(TeachError::Width { found: frame.embedding.len(), wanted: self.width });
        }
        let item = TaughtItem {
            correction: None,
            label,
            name: name.chars().rev().take(NAME_LETTERS).collect::<Vec<_>>().into_iter().rev().collect(),
            frames: u32::try_from(frames.len()).unwrap_or(u32::MAX),
            embedding: mean(frames, self.width, |frame| &frame.embedding),
            logits: mean(frames, self.known, |frame| &frame.logits),
        };
        let shown = self.shown().len();
        self.items.insert(shown, item);
        Ok(())
    }

    /// Takes an item away, by its place in [`Taught::items`].
    pub fn remove(&mut self, index: usize) -> Option<TaughtItem> {
        (index < self.items.len()).then(|| self.items.remove(index))
    }

    /// The items, in the order in which they were shown, and then those learnt of corrections.
    pub fn items(&self) -> &[TaughtItem] {
        &self.items
    }

    /// The items that were shown.
    pub fn shown(&self) -> &[TaughtItem] {
        &self.items[..self.items.partition_point(|item| item.correction.is_none())]
    }

    /// The labels: the bundle's in their order, then the new ones.
    pub fn labels(&self) -> &[Label] {
        &self.labels
    }

    /// How many of the labels are the bundle's.
    pub fn known(&self) -> usize {
        self.known
    }

    /// Items of each label.
    pub fn counts(&self) -> ItemCounts {
        ItemCounts::of(self.labels.len(), &self.items)
    }
}

fn mean(frames: &[Embedded], width: usize, part: impl Fn(&Embedded) -> &[f32]) -> Vec<f32> {
    let mut sum = vec![0.0; width];
    for frame in frames {
        sum.iter_mut().zip(part(frame)).for_each(|(sum, value)| *sum += value / frames.len() as f32);
    }
    sum
}
