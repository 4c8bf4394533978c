//! Logistic regression that starts from given scores, in the span of its own rows.
//!
//! The scores of row `i` are `base[i] + (P V)[i]`, where `P` is the Cholesky factor of the rows' inner products:
//! fitting costs what the rows cost, however wide an embedding is. The penalty `strength / 2 |V|^2` is the squared length
//! of the weights in the embedding's own space, so rows that say nothing new leave the base as it is.

use nalgebra::{Cholesky, DMatrix};

use super::error::TeachError;

/// Steps of the quasi-Newton method that are remembered.
const MEMORY: usize = 8;
/// The gradient is small enough: the largest entry, in units of one item.
const TOLERANCE: f64 = 1e-4;
/// Share of the mean diagonal added to it, so that equal rows can be factored.
const JITTER: f64 = 1e-6;

/// Rows with scores to start from, their labels and how much each counts.
pub(super) struct Problem {
    /// Lower triangle, rows x rows.
    factor: DMatrix<f64>,
    /// rows x labels.
    base: DMatrix<f64>,
    /// Label of each row.
    targets: Vec<usize>,
    /// How much each row counts; 0 leaves it out.
    pub(super) weights: Vec<f64>,
    strength: f64,
}

impl Problem {
    /// `features` is rows x width; `base` rows x labels.
    pub(super) fn new(
        features: &DMatrix<f64>,
        base: DMatrix<f64>,
        targets: Vec<usize>,
        weights: Vec<f64>,
        strength: f64,
    ) -> Result<Self, TeachError> {
        let mut products = features * features.transpose();
        let jitter = JITTER * products.diagonal().mean().max(1e-12);
        for row in 0..products.nrows() {
            products[(row, row)] += jitter;
        }
        let factor = Cholesky::new(products).ok_or(TeachError::Singular)?.unpack();
        Ok(Self { factor, base, targets, weights, strength })
    }

    /// Nothing learnt yet.
    pub(super) fn origin(&self) -> DMatrix<f64> {
        DMatrix::zeros(self.base.nrows(), self.base.ncols())
    }

    /// Minimises from `start` with at most `steps` steps of L-BFGS. The problem is convex: there is one answer.
    pub(super) fn solve(&self, start: DMatrix<f64>, steps: usize) -> DMatrix<f64> {
        let mut at = start;
        let (mut value, mut gradient) = self.value(&at);
        let mut memory: Vec<(DMatrix<f64>, DMatrix<f64>, f64)> = Vec::with_capacity(MEMORY);
        for _ in 0..steps {
            if gradient.amax() < TOLERANCE {
                break;
            }
            let direction = -descend(&gradient, &memory);
            let slope = direction.dot(&gradient);
            if slope >= 0.0 {
                memory.clear();
                continue;
            }
            let mut step = 1.0;
            let mut moved = None;
            while step > 1e-6 {
                let to = &at + &direction * step;
                let (there, slope_there) = self.value(&to);
                if there <= value + 1e-4 * step * slope {
                    moved = Some((to, there, slope_there));
                    break;
                }
                step *= 0.5;
            }
            let Some((to, there, gradient_there)) = moved else { break };
            let (walked, turned) = (&to - &at, &gradient_there - &gradient);
            let curvature = walked.dot(&turned);
            if curvature > 1e-12 {
                if memory.len() == MEMORY {
                    memory.remove(0);
                }
                memory.push((walked, turned, 1.0 / curvature));
            }
            (at, value, gradient) = (to, there, gradient_there);
        }
        at
    }

    /// Loss and gradient.
    fn value(&self, at: &DMatrix<f64>) -> (f64, DMatrix<f64>) {
        let mut errors = &self.base + &self.factor * at;
        let mut loss = self.strength / 2.0 * at.norm_squared();
        for (row, (&target, &weight)) in self.targets.iter().zip(&self.weights).enumerate() {
            let mut scores = errors.row_mut(row);
            let highest = scores.max();
            let score = scores[target];
            scores.apply(|score| *score = (*score - highest).exp());
            let sum = scores.sum();
            loss += weight * (highest + sum.ln() - score);
            scores *= weight / sum;
            scores[target] -= weight;
        }
        (loss, self.factor.tr_mul(&errors) + at * self.strength)
    }

    /// Scores of one row, one for each label.
    pub(super) fn scores(&self, at: &DMatrix<f64>, row: usize) -> Vec<f64> {
        let moved = self.factor.row(row) * at;
        (self.base.row(row) + moved).iter().copied().collect()
    }

    /// What each row contributes to the weights: rows x labels, so that `weights = features' x this`.
    pub(super) fn contributions(&self, at: &DMatrix<f64>) -> Result<DMatrix<f64>, TeachError> {
        self.factor.tr_solve_lower_triangular(at).ok_or(TeachError::Singular)
    }
}

/// The inverse of the curvature seen so far, times the gradient (Nocedal 1980, two loops).
fn descend(gradient: &DMatrix<f64>, memory: &[(DMatrix<f64>, DMatrix<f64>, f64)]) -> DMatrix<f64> {
    let mut direction = gradient.clone();
    let mut shares = Vec::with_capacity(memory.len());
    for (walked, turned, inverse) in memory.iter().rev() {
        let share = inverse * walked.dot(&direction);
        direction -= turned * share;
        shares.push(share);
    }
    if let Some((_, turned, inverse)) = memory.last() {
        direction *= 1.0 / (inverse * turned.norm_squared());
    }
    for ((walked, turned, inverse), share) in memory.iter().zip(shares.into_iter().rev()) {
        let back = inverse * turned.dot(&direction);
        direction += walked * (share - back);
    }
    direction
}

/// Probabilities of scores at a temperature.
pub(super) fn softmax(scores: &[f64], temperature: f64) -> Vec<f64> {
    let highest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let parts: Vec<f64> = scores.iter().map(|score| ((score - highest) / temperature).exp()).collect();
    let sum: f64 = parts.iter().sum();
    parts.into_iter().map(|part| part / sum).collect()
}

/// `ln sum exp` of what is chosen among scores; minus infinity where nothing is.
pub(super) fn log_sum(scores: &[f64], chosen: impl Fn(usize) -> bool) -> f64 {
    let among = || scores.iter().enumerate().filter(|(index, _)| chosen(*index)).map(|(_, score)| *score);
    let highest = among().fold(f64::NEG_INFINITY, f64::max);
    if highest.is_finite() {
        highest + among().map(|score| (score - highest).exp()).sum::<f64>().ln()
    } else {
        highest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two clouds on a line, and nothing known before.
    fn problem(strength: f64) -> (Problem, DMatrix<f64>) {
        let features = DMatrix::from_row_slice(4, 2, &[1.0, 0.1, 1.2, -0.1, -1.0, 0.1, -1.1, 0.0]);
        let base = DMatrix::zeros(4, 2);
        let problem = Problem::new(&features, base, vec![0, 0, 1, 1], vec![1.0; 4], strength).unwrap();
        (problem, features)
    }

    #[test]
    fn the_answer_is_where_no_small_step_helps() {
        let (problem, _) = problem(0.1);
        let answer = problem.solve(problem.origin(), 200);
        let (least, gradient) = problem.value(&answer);
        assert!(gradient.amax() < 1e-3, "{gradient}");
        for row in 0..4 {
            for label in 0..2 {
                for step in [-1e-2, 1e-2] {
                    let mut near = answer.clone();
                    near[(row, label)] += step;
                    assert!(problem.value(&near).0 > least);
                }
            }
        }
    }

    #[test]
    fn the_gradient_is_the_slope_of_the_loss() {
        let (problem, _) = problem(0.3);
        let at = DMatrix::from_fn(4, 2, |row, label| (row as f64 - 1.5) * 0.2 + label as f64 * 0.1);
        let (_, gradient) = problem.value(&at);
        for row in 0..4 {
            for label in 0..2 {
                let value = |step: f64| {
                    let mut moved = at.clone();
                    moved[(row, label)] += step;
                    problem.value(&moved).0
                };
                let slope = (value(1e-5) - value(-1e-5)) / 2e-5;
                assert!((slope - gradient[(row, label)]).abs() < 1e-6, "{slope} {gradient}");
            }
        }
    }

    #[test]
    fn contributions_give_the_same_scores_as_the_rows() {
        let (problem, features) = problem(0.05);
        let answer = problem.solve(problem.origin(), 200);
        let weights = features.tr_mul(&problem.contributions(&answer).unwrap());
        let scores = &features * weights;
        for row in 0..4 {
            for (score, own) in problem.scores(&answer, row).iter().zip(scores.row(row).iter()) {
                assert!((score - own).abs() < 1e-3, "{score} {own}");
            }
        }
        assert!(problem.scores(&answer, 0)[0] > problem.scores(&answer, 0)[1] + 1.0);
    }

    #[test]
    fn a_row_that_counts_nothing_changes_nothing() {
        let (mut problem, features) = problem(0.1);
        problem.weights[3] = 0.0;
        let without = problem.solve(problem.origin(), 300);
        let three = features.rows(0, 3).into_owned();
        let alone = Problem::new(&three, DMatrix::zeros(3, 2), vec![0, 0, 1], vec![1.0; 3], 0.1).unwrap();
        let alone_answer = alone.solve(alone.origin(), 300);
        for row in 0..3 {
            for (left, right) in problem.scores(&without, row).iter().zip(alone.scores(&alone_answer, row)) {
                assert!((left - right).abs() < 2e-3, "{left} {right}");
            }
        }
    }

    #[test]
    fn sums_of_scores_do_not_overflow() {
        assert_eq!(log_sum(&[1.0, 2.0], |_| false), f64::NEG_INFINITY);
        assert!((log_sum(&[1000.0, 1000.0, 5.0], |index| index < 2) - 1000.0 - 2f64.ln()).abs() < 1e-9);
        let probabilities = softmax(&[1e4, 0.0], 0.5);
        assert!((probabilities[0] - 1.0).abs() < 1e-12);
    }
}
