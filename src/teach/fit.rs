//! Taught items and the bundle's statistics -> a site head, and what it brings.
//!
//! - The network's own scores are where fitting starts, and the penalty holds it there: few items move little.
//! - How far the network is trusted is asked of the items left out: fully, unless they are clearly less surprising with less.
//! - Streams nobody taught take part with pictures that never were: drawn from the bundle's means and covariance. The
//!   guarantee is another: see [`hold_back`].
//! - Temperature, thresholds and the limit for the unknown come from scores of items that were left out of the fit, and
//!   lean on the bundle's own until there are enough items.
//! - What was learnt of corrections takes part in the fit alone: they are picked for having gone wrong, and say nothing of
//!   how sure the bin may be, nor of how many it finds.

use nalgebra::DMatrix;

use super::error::TeachError;
use super::report::{Confusion, Report, best, suspects};
use super::solve::{Problem, log_sum, softmax};
use super::taught::Taught;
use crate::identify::{
    Bundle, Label, SiteHead, Statistics, TaughtItem, free_labels, hold_back, stranger_logit,
};
use crate::streams::Stream;

/// What moving the weights costs; by the comparison in `models/train/README.md`.
const STRENGTH: f64 = 0.01;
/// Tried in turn until nothing is worse than before: at the last hardly anything moves.
const RESTRAINTS: [f64; 3] = [10.0, 100.0, 10_000.0];
/// What the network's scores count, tried in turn while the items left out surprise less.
const LESS_TRUST: [f64; 4] = [0.5, 0.25, 0.125, 0.0];
/// Items that must be shown before the network may be trusted less.
const FEWEST_TO_DOUBT: usize = 20;
/// What an item must surprise less on average for it: less than that changes no answer.
const LEAST_SAVED: f64 = 0.05;
/// One item that looks like something else must not decide alone: what its surprise counts at most.
const MOST_SURPRISE: f64 = 6.0;
/// Steps of a fit, and of a fit that starts from one with an item more.
const STEPS: usize = 60;
const STEPS_WITHOUT_ONE: usize = 12;
/// Drawn rows of each label that nobody taught, and what they count together, in items.
const DRAWN: usize = 20;
const DRAWN_WEIGHT: f64 = 10.0;
/// Logit of a drawn row's own label above the others: the network is sure of what it was trained on.
const DRAWN_LOGIT: f64 = 5.0;
/// What an item learnt of a correction counts, in shown items: nobody saw it lie there alone.
const CORRECTION_WEIGHT: f64 = 0.5;
/// Items that weigh as much as the bundle's own temperature, limit and thresholds where it is fully trusted.
const PRIOR_ITEMS: f64 = 20.0;
const PRIOR_ITEMS_OF_LABEL: f64 = 5.0;
/// Share of the taught items that the limit for the unknown lets pass, as in the bundle.
const KEPT: f64 = 0.95;
/// Purity that a threshold is to give, and its range, as in the bundle.
const PURITY: f64 = 0.98;
const THRESHOLDS: std::ops::RangeInclusive<u32> = 40..=90;

/// A site head and what it brings.
#[derive(Clone, Debug, PartialEq)]
pub struct Fitted {
    /// Ready to be applied or written.
    pub site: SiteHead,
    /// Before and after.
    pub report: Report,
}

/// Fits a head to what was taught.
///
/// # Errors
/// When nothing was taught, or the bundle cannot be taught.
pub fn fit(taught: &Taught, bundle: &Bundle) -> Result<Fitted, TeachError> {
    if taught.items().is_empty() {
        return Err(TeachError::NothingTaught);
    }
    let statistics = bundle.statistics.as_ref().ok_or_else(|| TeachError::Bundle {
        bundle: bundle.manifest.name.clone(),
        message: "it has no statistics".to_owned(),
    })?;
    let space = Space::new(statistics);
    let rows = Rows::new(taught, statistics, &space, f64::from(bundle.manifest.calibration.temperature));
    let attempt = |pull: Pull<'_>| fit_with(taught, bundle, &space, &rows, pull);
    let mut trusting = attempt(Pull::default())?;
    let trusted = Some(&trusting.fitted.site);
    if let Some(doubting) =
        with_less_trust(&trusting, |trust| attempt(Pull { trust, trusted, ..Pull::default() }))?
    {
        return Ok(doubting.fitted);
    }
    for restraint in RESTRAINTS {
        if !trusting.fitted.report.is_worse() {
            break;
        }
        trusting = attempt(Pull { restraint, ..Pull::default() })?;
    }
    Ok(trusting.fitted)
}

/// How strongly a fit is held to what the network says.
#[derive(Clone, Copy)]
struct Pull<'a> {
    /// Times the usual cost of moving the weights.
    restraint: f64,
    /// What the network's scores count.
    trust: f64,
    /// The head that trusts the network fully, where this one does not: nothing is to be surer or accepted more easily than
    /// by that one just because the network errs here. Least temperature (the scores grow instead) and least thresholds.
    trusted: Option<&'a SiteHead>,
}

impl Default for Pull<'_> {
    fn default() -> Self {
        Self { restraint: 1.0, trust: 1.0, trusted: None }
    }
}

/// A fit, and how surprising it finds each shown item that it never saw: `-ln` of the probability of its label.
struct Attempt {
    fitted: Fitted,
    surprise: Vec<f64>,
}

/// The fit under which the items left out surprise least, if it trusts the network less and they speak for it
/// clearly: by more than the standard error of the mean difference. The comparison is in `models/train/README.md`.
fn with_less_trust(
    trusting: &Attempt,
    attempt: impl Fn(f64) -> Result<Attempt, TeachError>,
) -> Result<Option<Attempt>, TeachError> {
    if trusting.surprise.len() < FEWEST_TO_DOUBT {
        return Ok(None);
    }
    let total = |surprise: &[f64]| surprise.iter().sum::<f64>();
    let mut least: Option<Attempt> = None;
    for trust in LESS_TRUST {
        let tried = attempt(trust)?;
        if total(&tried.surprise) >= total(&least.as_ref().unwrap_or(trusting).surprise) {
            break;
        }
        least = Some(tried);
    }
    let clearly = |doubting: &Attempt| {
        let saved: Vec<f64> =
            trusting.surprise.iter().zip(&doubting.surprise).map(|(more, less)| more - less).collect();
        let count = saved.len() as f64;
        let mean = total(&saved) / count;
        let variance = saved.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
        mean > LEAST_SAVED.max((variance / count).sqrt()) && !doubting.fitted.report.is_worse()
    };
    Ok(least.filter(clearly))
}

/// Where embeddings are put before fitting: the bundle's centre, and its spread within a class as the unit.
struct Space {
    centre: Vec<f64>,
    scale: f64,
}

impl Space {
    fn new(statistics: &Statistics) -> Self {
        let means: Vec<&[f32]> =
            (0..statistics.counts.len()).filter_map(|label| statistics.mean(label)).collect();
        let share = 1.0 / means.len().max(1) as f64;
        let mut centre = vec![0.0; statistics.width];
        for mean in means {
            centre.iter_mut().zip(mean).for_each(|(sum, value)| *sum += f64::from(*value) * share);
        }
        let square = |values: &[f32]| values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>();
        let spread =
            square(&statistics.factor) + statistics.diagonal.iter().map(|v| f64::from(*v)).sum::<f64>();
        Self { centre, scale: 1.0 / spread.sqrt().max(1e-9) }
    }

    fn put(&self, embedding: impl Iterator<Item = f64>) -> Vec<f64> {
        embedding.zip(&self.centre).map(|(value, centre)| (value - centre) * self.scale).collect()
    }
}

/// The taught items first, then the drawn ones.
struct Rows {
    features: DMatrix<f64>,
    base: DMatrix<f64>,
    targets: Vec<usize>,
    weights: Vec<f64>,
    /// The bundle's temperature: scores are fitted in units of it.
    unit: f64,
}

impl Rows {
    fn new(taught: &Taught, statistics: &Statistics, space: &Space, unit: f64) -> Self {
        let labels = taught.labels().len();
        let (mut features, mut base, mut targets, mut weights) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for item in taught.items() {
            features.extend(space.put(item.embedding.iter().map(|value| f64::from(*value))));
            base.extend(full_logits(item, labels).into_iter().map(|logit| f64::from(logit) / unit));
            targets.push(item.label);
            weights.push(if item.correction.is_some() { CORRECTION_WEIGHT } else { 1.0 });
        }
        let counts = taught.counts();
        // Always the same draw: the same items give the same head.
        let mut random = fastrand::Rng::with_seed(1);
        for label in (0..taught.known()).filter(|label| counts.shown[*label] == 0) {
            let Some(mean) = statistics.mean(label) else { continue };
            for _ in 0..DRAWN {
                features.extend(space.put(draw(statistics, mean, &mut random).into_iter()));
                base.extend((0..labels).map(|other| if other == label { DRAWN_LOGIT / unit } else { 0.0 }));
                targets.push(label);
                weights.push(DRAWN_WEIGHT / DRAWN as f64);
            }
        }
        let count = targets.len();
        Self {
            features: DMatrix::from_row_slice(count, statistics.width, &features),
            base: DMatrix::from_row_slice(count, labels, &base),
            targets,
            weights,
            unit,
        }
    }
}

/// One embedding as the training set might have had it.
fn draw(statistics: &Statistics, mean: &[f32], random: &mut fastrand::Rng) -> Vec<f64> {
    let mut drawn: Vec<f64> = mean.iter().map(|value| f64::from(*value)).collect();
    for row in statistics.factor.chunks_exact(statistics.width) {
        let share = normal(random);
        drawn.iter_mut().zip(row).for_each(|(value, part)| *value += share * f64::from(*part));
    }
    for (value, variance) in drawn.iter_mut().zip(&statistics.diagonal) {
        *value += normal(random) * f64::from(*variance).sqrt();
    }
    // A rectified network gives no negative numbers.
    if mean.iter().all(|value| *value >= 0.0) {
        drawn.iter_mut().for_each(|value| *value = value.max(0.0));
    }
    drawn
}

/// A standard normal number (Box and Muller).
fn normal(random: &mut fastrand::Rng) -> f64 {
    let (radius, turn) = (1.0 - random.f64(), random.f64());
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * turn).cos()
}

/// The network's logits, with a start for labels that it does not know.
fn full_logits(item: &TaughtItem, labels: usize) -> Vec<f32> {
    let stranger = stranger_logit(&item.logits);
    (0..labels).map(|label| item.logits.get(label).copied().unwrap_or(stranger)).collect()
}

fn fit_with(
    taught: &Taught,
    bundle: &Bundle,
    space: &Space,
    rows: &Rows,
    pull: Pull<'_>,
) -> Result<Attempt, TeachError> {
    let mut problem = Problem::new(
        &rows.features,
        &rows.base * pull.trust,
        rows.targets.clone(),
        rows.weights.clone(),
        STRENGTH * pull.restraint,
    )?;
    let solution = problem.solve(problem.origin(), STEPS);
    let unheld = leave_out_each(&mut problem, &solution, taught, rows.unit);
    let counts = taught.counts();

    let calibration = &bundle.manifest.calibration;
    let Sureness { temperature, sharper, left_out, surprise } = sureness(taught, &unheld, rows.unit, pull);
    let probabilities: Vec<Vec<f64>> = left_out.iter().map(|scores| softmax(scores, temperature)).collect();
    let energies = left_out.iter().map(|scores| {
        let scaled: Vec<f64> = scores.iter().map(|score| score / temperature).collect();
        -temperature * log_sum(&scaled, |_| true)
    });
    let energy_limit = lean(
        quantile(energies.collect(), KEPT),
        f64::from(calibration.energy_limit),
        taught.shown().len() as f64,
        PRIOR_ITEMS * pull.trust,
    );
    let mut labels =
        with_thresholds(taught, &counts.shown, &probabilities, PRIOR_ITEMS_OF_LABEL * pull.trust);
    for (label, least) in labels.iter_mut().zip(pull.trusted.map_or(&[][..], |site| &site.labels)) {
        label.threshold = label.threshold.max(least.threshold);
    }

    let mut before = Confusion::new(&labels);
    let mut after = Confusion::new(&labels);
    for (item, probabilities) in taught.shown().iter().zip(&probabilities) {
        let logits: Vec<f64> = item.logits.iter().map(|logit| f64::from(*logit)).collect();
        before.add(item.label, best(&logits).0);
        after.add(item.label, best(probabilities).0);
    }
    let report = Report {
        labels: labels.clone(),
        before,
        after,
        suspects: suspects(taught.shown(), &probabilities),
        corrections: taught.items().len() - taught.shown().len(),
        restraint: pull.restraint as f32,
        trust: pull.trust as f32,
    };
    let (weights, bias) = weights(&problem, &solution, space, rows.unit * sharper, rows)?;
    let manifest = &bundle.manifest;
    let site = SiteHead {
        bundle: format!("{} {}", manifest.name, manifest.version),
        network_sha256: manifest.model.sha256.clone(),
        labels,
        known: taught.known(),
        trust: (pull.trust * sharper).min(1.0) as f32,
        temperature: temperature as f32,
        energy_limit: energy_limit as f32,
        width: rows.features.ncols(),
        weights,
        bias,
        taught: taught.items().to_vec(),
    };
    Ok(Attempt { surprise, fitted: Fitted { site, report } })
}

/// How sure a fit may be of what it says.
struct Sureness {
    temperature: f64,
    /// What weights and trust are to be multiplied with.
    sharper: f64,
    /// Scores of each shown item by a fit that never saw it, as the bin would give them.
    left_out: Vec<Vec<f64>>,
    /// See [`Attempt`].
    surprise: Vec<f64>,
}

/// Of the scores of items left out.
fn sureness(taught: &Taught, unheld: &[Vec<f64>], bundle: f64, pull: Pull<'_>) -> Sureness {
    let left_out = held_back_each(unheld, taught, 1.0);
    let temperature = temperature(taught.shown(), &left_out, bundle, PRIOR_ITEMS * pull.trust);
    let pairs = taught.shown().iter().zip(&left_out);
    let surprise = pairs.map(|(item, scores)| surprise(item, scores, temperature)).collect();
    let coolest = pull.trusted.map_or(0.0, |site| f64::from(site.temperature));
    let sharper = (coolest / temperature).clamp(1.0, 1.0 / pull.trust);
    let left_out = held_back_each(unheld, taught, sharper);
    Sureness { temperature: temperature * sharper, sharper, left_out, surprise }
}

/// Scores of each shown item by a fit that never saw it, in logits.
fn leave_out_each(
    problem: &mut Problem,
    solution: &DMatrix<f64>,
    taught: &Taught,
    unit: f64,
) -> Vec<Vec<f64>> {
    let leave_out = |row| {
        problem.weights[row] = 0.0;
        let without = problem.solve(solution.clone(), STEPS_WITHOUT_ONE);
        problem.weights[row] = 1.0;
        problem.scores(&without, row).iter().map(|score| score * unit).collect()
    };
    (0..taught.shown().len()).map(leave_out).collect()
}

/// Such scores as the bin would give them: so many times as sharp, and held back as without the item.
fn held_back_each(left_out: &[Vec<f64>], taught: &Taught, sharper: f64) -> Vec<Vec<f64>> {
    let mut counts = taught.counts();
    let hold = |(item, scores): (&TaughtItem, &Vec<f64>)| {
        counts.shown[item.label] -= 1;
        let mut scores: Vec<f32> = scores.iter().map(|score| (score * sharper) as f32).collect();
        hold_back(&mut scores, &item.logits, &free_labels(taught.labels(), &counts));
        counts.shown[item.label] += 1;
        scores.into_iter().map(f64::from).collect()
    };
    taught.shown().iter().zip(left_out).map(hold).collect()
}

/// Weights and biases on embeddings as the network gives them, rows first; `unit` logits to one of the problem's scores.
fn weights(
    problem: &Problem,
    solution: &DMatrix<f64>,
    space: &Space,
    unit: f64,
    rows: &Rows,
) -> Result<(Vec<f32>, Vec<f32>), TeachError> {
    let weights = rows.features.tr_mul(&problem.contributions(solution)?) * (unit * space.scale);
    let bias = weights.column_iter().map(|column| {
        let moved: f64 = column.iter().zip(&space.centre).map(|(weight, centre)| weight * centre).sum();
        -moved as f32
    });
    // Columns first is how the matrix lies: one label after the other.
    Ok((weights.iter().map(|weight| *weight as f32).collect(), bias.collect()))
}

/// How unlikely the item's own label is by these scores: `-ln` of its probability.
fn surprise(item: &TaughtItem, scores: &[f64], temperature: f64) -> f64 {
    let scaled: Vec<f64> = scores.iter().map(|score| score / temperature).collect();
    (log_sum(&scaled, |_| true) - scaled[item.label]).min(MOST_SURPRISE)
}

/// The temperature under which the items left out are least surprising, leaning on the bundle's.
fn temperature(items: &[TaughtItem], left_out: &[Vec<f64>], bundle: f64, prior_items: f64) -> f64 {
    let total = |temperature: f64| -> f64 {
        items.iter().zip(left_out).map(|(item, scores)| surprise(item, scores, temperature)).sum()
    };
    let tried = (0..=40).map(|step| bundle * 4f64.powf(f64::from(step - 20) / 20.0));
    let least = tried.map(|temperature| (total(temperature), temperature)).min_by(|a, b| a.0.total_cmp(&b.0));
    let found = least.map_or(bundle, |(_, temperature)| temperature);
    lean(found.ln(), bundle.ln(), items.len() as f64, prior_items).exp()
}

/// The labels with thresholds: the least probability at which what is accepted of the items left out is pure.
fn with_thresholds(
    taught: &Taught,
    counts: &[usize],
    probabilities: &[Vec<f64>],
    prior_items: f64,
) -> Vec<Label> {
    let labels = taught.labels();
    let judged: Vec<(f64, bool)> = taught
        .shown()
        .iter()
        .zip(probabilities)
        .map(|(item, probabilities)| {
            let (found, probability) = best(probabilities);
            (probability, labels[found].stream == labels[item.label].stream)
        })
        .collect();
    let pure = |threshold: f64| {
        let accepted = || judged.iter().filter(|(probability, _)| *probability >= threshold);
        accepted().filter(|(_, right)| *right).count() as f64 >= PURITY * accepted().count() as f64
    };
    let least = THRESHOLDS.map(|percent| f64::from(percent) / 100.0).find(|threshold| pure(*threshold));
    let here = least.unwrap_or(f64::from(*THRESHOLDS.end()) / 100.0);
    let refitted = |(label, count): (&Label, &usize)| {
        let mut label = label.clone();
        if *count > 0 && label.stream != Stream::General {
            label.threshold = lean(here, f64::from(label.threshold), *count as f64, prior_items) as f32;
        }
        label
    };
    labels.iter().zip(counts).map(refitted).collect()
}

/// What was found here and what the bundle says, by the items behind each.
fn lean(here: f64, bundle: f64, items: f64, prior: f64) -> f64 {
    (here * items + bundle * prior) / (items + prior)
}

fn quantile(mut values: Vec<f64>, share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let index = ((values.len() as f64 - 1.0) * share).ceil() as usize;
    values.get(index).copied().unwrap_or(0.0)
}
