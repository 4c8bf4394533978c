//! logits -> calibrated probabilities per label and stream, and the energy.

use std::sync::Arc;

use super::bundle::{Bundle, Label, Manifest};
use super::error::IdentifyError;
use super::site::{Correction, SiteHead};
use crate::streams::Stream;

/// Labels a network may have at most.
pub const MAX_LABELS: usize = 32;

/// What the network thinks of one picture. Plain data, cheap to copy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Identified {
    /// Calibrated probability of each stream, summing to 1 with [`Identified::unknown`].
    pub streams: [f32; Stream::COUNT],
    /// Calibrated probability of the labels that mean "none of ours".
    pub unknown: f32,
    /// Position of the best label in the manifest.
    pub label: usize,
    /// Calibrated probability of the best label.
    pub probability: f32,
    /// How unlike the training set it looks: `-T logsumexp(logits / T)`; higher is stranger.
    pub energy: f32,
}

/// The manifest's mathematics, or a site head's, ready to apply.
#[derive(Clone, Debug)]
pub struct Head {
    temperature: f32,
    energy_limit: f32,
    labels: Vec<LabelRule>,
    correction: Option<Correction>,
}

#[derive(Clone, Debug)]
struct LabelRule {
    id: Arc<str>,
    stream: Stream,
    threshold: f32,
    unknown: bool,
}

impl Head {
    /// Takes the numbers out of a checked manifest.
    pub fn new(manifest: &Manifest) -> Self {
        Self {
            temperature: manifest.calibration.temperature,
            energy_limit: manifest.calibration.energy_limit,
            labels: rules(&manifest.labels),
            correction: None,
        }
    }

    /// The head of a bundle, with what the crew taught on top of it.
    ///
    /// # Errors
    /// When it was taught on another network.
    pub fn taught(bundle: &Bundle, site: Option<&SiteHead>) -> Result<Self, IdentifyError> {
        let Some(site) = site else { return Ok(Self::new(&bundle.manifest)) };
        let refuse = |message| IdentifyError::SiteOfAnother { path: bundle.folder.clone(), message };
        site.fits(bundle).map_err(refuse)?;
        Ok(Self::of_site(site))
    }

    fn of_site(site: &SiteHead) -> Self {
        Self {
            temperature: site.temperature,
            energy_limit: site.energy_limit,
            labels: rules(&site.labels),
            correction: Some(site.correction()),
        }
    }

    /// What the network's outputs come to, with what the crew taught where there is a site head.
    pub fn judge(&self, logits: &[f32], embedding: &[f32]) -> Identified {
        let Some(correction) = &self.correction else { return self.apply(logits) };
        let mut scores = [0.0; MAX_LABELS];
        let scores = &mut scores[..self.labels.len().min(MAX_LABELS)];
        correction.apply(logits, embedding, scores);
        self.apply(scores)
    }

    /// Softmax at the head's temperature, summed per stream. `logits` has one value per label.
    pub fn apply(&self, logits: &[f32]) -> Identified {
        let scaled =
            |index: usize| logits.get(index).copied().unwrap_or(f32::NEG_INFINITY) / self.temperature;
        let highest = (0..self.labels.len()).map(scaled).fold(f32::NEG_INFINITY, f32::max);
        let sum: f32 = (0..self.labels.len()).map(|index| (scaled(index) - highest).exp()).sum();
        let mut identified = Identified {
            streams: [0.0; Stream::COUNT],
            unknown: 0.0,
            label: 0,
            probability: 0.0,
            energy: -self.temperature * (highest + sum.ln()),
        };
        for (index, rule) in self.labels.iter().enumerate() {
            let probability = (scaled(index) - highest).exp() / sum;
            if rule.unknown {
                identified.unknown += probability;
            } else {
                identified.streams[rule.stream.index()] += probability;
            }
            if probability > identified.probability {
                identified.probability = probability;
                identified.label = index;
            }
        }
        identified
    }

    /// How many labels there are.
    pub fn label_count(&self) -> usize {
        self.labels.len()
    }

    /// Name of a label.
    pub fn label_id(&self, label: usize) -> Arc<str> {
        self.labels.get(label).map_or_else(|| "".into(), |rule| Arc::clone(&rule.id))
    }

    /// Stream of a label.
    pub fn label_stream(&self, label: usize) -> Stream {
        self.labels.get(label).map_or(Stream::General, |rule| rule.stream)
    }

    /// Least probability at which each stream may be accepted: the highest of its labels' thresholds.
    pub fn thresholds(&self) -> [f32; Stream::COUNT] {
        let mut thresholds = [0.0f32; Stream::COUNT];
        for rule in self.labels.iter().filter(|rule| !rule.unknown) {
            let slot = &mut thresholds[rule.stream.index()];
            *slot = slot.max(rule.threshold);
        }
        thresholds
    }

    /// Energy above which a picture is unlike the training set.
    pub const fn energy_limit(&self) -> f32 {
        self.energy_limit
    }
}

fn rules(labels: &[Label]) -> Vec<LabelRule> {
    let rule = |label: &Label| LabelRule {
        id: label.id.as_str().into(),
        stream: label.stream,
        threshold: label.threshold,
        unknown: label.unknown,
    };
    labels.iter().map(rule).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(temperature: f32) -> Head {
        let rule =
            |id: &str, stream, threshold, unknown| LabelRule { id: id.into(), stream, threshold, unknown };
        Head {
            temperature,
            energy_limit: -2.0,
            correction: None,
            labels: vec![
                rule("can", Stream::Can, 0.6, false),
                rule("paper", Stream::Paper, 0.5, false),
                rule("cardboard", Stream::Paper, 0.7, false),
                rule("unknown", Stream::General, 0.0, true),
            ],
        }
    }

    #[test]
    fn probabilities_sum_to_one_and_labels_of_a_stream_add_up() {
        let got = head(1.0).apply(&[1.0, 2.0, 2.0, 0.0]);
        let total: f32 = got.streams.iter().sum::<f32>() + got.unknown;
        assert!((total - 1.0).abs() < 1e-5);
        let e = std::f32::consts::E;
        let sum = e + 2.0 * e * e + 1.0;
        assert!((got.streams[Stream::Paper.index()] - 2.0 * e * e / sum).abs() < 1e-5);
        assert!((got.energy + sum.ln()).abs() < 1e-5);
        assert_eq!(got.label, 1);
    }

    #[test]
    fn temperature_softens_and_huge_logits_do_not_overflow() {
        let sharp = head(1.0).apply(&[8.0, 0.0, 0.0, 0.0]);
        let soft = head(4.0).apply(&[8.0, 0.0, 0.0, 0.0]);
        assert!(sharp.probability > soft.probability && soft.probability > 0.5);
        let huge = head(1.0).apply(&[3e4, -3e4, 0.0, 0.0]);
        assert!((huge.probability - 1.0).abs() < 1e-6 && huge.energy.is_finite());
    }

    #[test]
    fn a_stream_needs_its_strictest_label() {
        assert_eq!(head(1.0).thresholds()[Stream::Paper.index()], 0.7);
        assert_eq!(head(1.0).thresholds()[Stream::Glass.index()], 0.0);
        assert_eq!(&*head(1.0).label_id(2), "cardboard");
        assert_eq!(&*head(1.0).label_id(99), "");
    }
}
