//! What teaching brought, by leaving each item out in turn: accuracy, confusion, and items that look mislabelled.

use crate::identify::{Label, TaughtItem};

/// An item whose label no other item supports: its own label is this unlikely without it.
const DOUBTED: f64 = 0.1;
/// The other label is this likely.
const SURE: f64 = 0.7;

/// Which label was said to be which: `counts[said by the crew][found]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion {
    /// Rows: what the crew said. Columns: what was found.
    pub counts: Vec<Vec<u32>>,
    /// Whether two labels go to the same stream, and so are no mistake of each other.
    streams: Vec<usize>,
}

impl Confusion {
    pub(super) fn new(labels: &[Label]) -> Self {
        Self {
            counts: vec![vec![0; labels.len()]; labels.len()],
            streams: labels.iter().map(|label| label.stream.index()).collect(),
        }
    }

    pub(super) fn add(&mut self, said: usize, found: usize) {
        self.counts[said][found] += 1;
    }

    /// Items that the crew said to be of one label, and how many of them were found to be of its stream.
    pub fn of_label(&self, said: usize) -> (u32, u32) {
        let row = self.counts.get(said).map_or(&[][..], Vec::as_slice);
        let same = |found: &usize| self.streams.get(*found) == self.streams.get(said);
        let right = row.iter().enumerate().filter(|(found, _)| same(found)).map(|(_, count)| count).sum();
        (row.iter().sum(), right)
    }

    /// Items whose stream was found.
    pub fn right(&self) -> u32 {
        let cells = self
            .counts
            .iter()
            .enumerate()
            .flat_map(|(said, row)| row.iter().enumerate().map(move |cell| (said, cell)));
        cells
            .filter(|(said, (found, _))| self.streams[*said] == self.streams[*found])
            .map(|(_, (_, count))| count)
            .sum()
    }

    /// Items in all.
    pub fn items(&self) -> u32 {
        self.counts.iter().flatten().sum()
    }

    /// Share of the items whose stream was found.
    pub fn accuracy(&self) -> f32 {
        self.right() as f32 / self.items().max(1) as f32
    }
}

/// An item that looks as if it were of another label.
#[derive(Clone, Debug, PartialEq)]
pub struct Suspect {
    /// Its place among the taught items.
    pub item: usize,
    /// Its name.
    pub name: String,
    /// What the crew said.
    pub said: usize,
    /// What the others say it is.
    pub looks_like: usize,
    /// How sure they are.
    pub probability: f32,
}

/// What teaching brought. Every figure is of items that were left out of the fit they are judged by.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The labels, in the confusions' order.
    pub labels: Vec<Label>,
    /// The network alone.
    pub before: Confusion,
    /// With what was taught.
    pub after: Confusion,
    /// Items to look at again, the most doubtful first.
    pub suspects: Vec<Suspect>,
    /// Items learnt of corrections, which are in the fit and in no other figure here.
    pub corrections: usize,
    /// How hard the items had to be held back so that nothing became worse; 1 is the usual.
    pub restraint: f32,
    /// What the network's own scores count; 1 is the usual.
    pub trust: f32,
}

impl Report {
    /// Whether the site head finds fewer of the items than the network alone.
    pub fn is_worse(&self) -> bool {
        self.after.right() < self.before.right()
    }
}

/// The items whose label the others contradict, by their probabilities without themselves.
pub(super) fn suspects(items: &[TaughtItem], probabilities: &[Vec<f64>]) -> Vec<Suspect> {
    let mut found: Vec<(f64, Suspect)> = Vec::new();
    for (index, (item, probabilities)) in items.iter().zip(probabilities).enumerate() {
        let (looks_like, sure) = best(probabilities);
        let own = probabilities.get(item.label).copied().unwrap_or(0.0);
        if looks_like != item.label && own < DOUBTED && sure > SURE {
            let name = item.name.clone();
            let probability = sure as f32;
            found.push((own, Suspect { item: index, name, said: item.label, looks_like, probability }));
        }
    }
    found.sort_by(|left, right| left.0.total_cmp(&right.0));
    found.into_iter().map(|(_, suspect)| suspect).collect()
}

/// The largest of a list and its place.
pub(super) fn best(values: &[f64]) -> (usize, f64) {
    let larger = |best: (usize, f64), (index, value): (usize, &f64)| {
        if *value > best.1 { (index, *value) } else { best }
    };
    values.iter().enumerate().fold((0, f64::NEG_INFINITY), larger)
}
