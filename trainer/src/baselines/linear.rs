//! The average of the training units, and corrections of it by least squares.

use nalgebra::{DMatrix, DVector};

use super::{Baseline, Known};
use crate::tasks::TaskBatch;

/// The highest degrees that are tried.
const DEGREES: [u32; 5] = [1, 2, 3, 4, 5];

/// Most terms of a polynomial.
const TERMS: usize = 120;

/// A polynomial of the inputs, fitted to the examples of training tasks all
/// together, of the degree that is best on validation tasks.
#[derive(Clone, Debug)]
pub struct Average {
    powers: Vec<Vec<u32>>,
    /// `[terms, output]`.
    weights: DMatrix<f64>,
    /// The mean target, `[output]`.
    mean: Vec<f64>,
}

impl Average {
    /// Of training tasks; the degree is chosen on validation tasks.
    pub fn fit(training: &TaskBatch, validation: &TaskBatch) -> Self {
        let (x, y) = all_of(training);
        let (other_x, other_y) = all_of(validation);
        let width = training.output;
        let examples = (y.len() / width).max(1) as f64;
        let mean = (0..width)
            .map(|at| {
                let own = y.iter().skip(at).step_by(width);
                own.map(|&y| f64::from(y)).sum::<f64>() / examples
            })
            .collect();
        let mut average = Self {
            powers: vec![vec![0; training.input]],
            weights: DMatrix::zeros(1, width),
            mean,
        };
        let mut least = f64::INFINITY;
        for degree in DEGREES {
            let powers = powers(training.input, degree);
            if powers.len() > TERMS && degree > DEGREES[0] {
                break;
            }
            let rows = x.chunks_exact(training.input).map(|x| terms(&powers, x));
            let targets = y.chunks_exact(width);
            let weights = ridge(rows.zip(targets), powers.len(), width, 1e-9);
            let candidate = Self {
                powers,
                weights,
                mean: average.mean.clone(),
            };
            let pairs = (other_x.chunks_exact(training.input)).zip(other_y.chunks_exact(width));
            let error: f64 = pairs
                .flat_map(|(x, y)| candidate.at(x).into_iter().zip(y))
                .map(|(p, y)| f64::from(p - y).powi(2))
                .sum();
            if error < least {
                (least, average) = (error, candidate);
            }
        }
        average
    }

    /// The average at an input, `[output]`.
    pub fn at(&self, x: &[f32]) -> Vec<f32> {
        let terms = DVector::from_vec(terms(&self.powers, x));
        let all = self.weights.transpose() * terms;
        all.iter().map(|&value| value as f32).collect()
    }
}

/// Support and query examples together.
fn all_of(batch: &TaskBatch) -> (Vec<f32>, Vec<f32>) {
    let x = [
        batch.support_x.network_values(),
        batch.query_x.network_values(),
    ];
    (x.concat(), [&batch.support_y[..], &batch.query_y].concat())
}

/// The exponents of all products of inputs up to a degree, the constant first.
fn powers(inputs: usize, degree: u32) -> Vec<Vec<u32>> {
    let mut all = vec![vec![0; inputs]];
    let mut last = all.clone();
    for _ in 0..degree {
        let mut next = Vec::new();
        for powers in &last {
            // Only at or behind the last input, so that none comes twice.
            let from = powers.iter().rposition(|&power| power > 0).unwrap_or(0);
            for at in from..inputs {
                let mut more: Vec<u32> = powers.clone();
                more[at] += 1;
                next.push(more);
            }
        }
        all.extend(next.iter().cloned());
        last = next;
    }
    all
}

fn terms(powers: &[Vec<u32>], x: &[f32]) -> Vec<f64> {
    let product = |powers: &Vec<u32>| {
        let pairs = powers.iter().zip(x);
        pairs
            .map(|(&power, &x)| f64::from(x).powi(power as i32))
            .product()
    };
    powers.iter().map(product).collect()
}

/// `argmin_W Σ ‖y − Wᵀ t‖² + λ ‖W‖²`, `[terms, output]`, through the normal
/// equations in 64 bits.
fn ridge<'a>(
    rows: impl Iterator<Item = (Vec<f64>, &'a [f32])>,
    terms: usize,
    output: usize,
    penalty: f64,
) -> DMatrix<f64> {
    let mut squares = DMatrix::zeros(terms, terms);
    let mut products = DMatrix::zeros(terms, output);
    for (t, y) in rows {
        let t = DVector::from_vec(t);
        let y = DVector::from_iterator(output, y.iter().map(|&y| f64::from(y)));
        squares.syger(1.0, &t, &t, 1.0);
        products.ger(1.0, &t, &y, 1.0);
    }
    let scale = squares.diagonal().max().max(1e-12);
    squares.fill_upper_triangle_with_lower_triangle();
    for at in 0..terms {
        // Never singular, whatever the inputs.
        squares[(at, at)] += penalty + 1e-12 * scale;
    }
    match squares.cholesky() {
        Some(cholesky) => cholesky.solve(&products),
        None => DMatrix::zeros(terms, output),
    }
}

/// A correction of the average, or a line of its own, from the support set.
pub(super) fn corrected(
    baseline: Baseline,
    average: &Average,
    known: Known<'_>,
    queries: &[f32],
    penalty: f64,
) -> Vec<f32> {
    let output = known.output;
    // Where the correction starts from, and what it is linear in.
    let start = |x: &[f32]| match baseline {
        Baseline::Ridge => average.mean.iter().map(|&mean| mean as f32).collect(),
        _ => average.at(x),
    };
    let regressors = |x: &[f32], at: usize| -> Vec<f64> {
        let one = std::iter::once(1.0);
        match baseline {
            Baseline::Ridge => one.chain(x.iter().map(|&x| f64::from(x))).collect(),
            Baseline::OffsetAndSlope => one.chain([f64::from(average.at(x)[at])]).collect(),
            _ => vec![1.0],
        }
    };
    let count = queries.len() / known.input;
    let mut predictions = vec![0.0; count * output];
    for at in 0..output {
        let examples: Vec<(Vec<f64>, [f32; 1])> = known
            .examples()
            .map(|(x, y)| (regressors(x, at), [y[at] - start(x)[at]]))
            .collect();
        let terms = examples.first().map_or(1, |(row, _)| row.len());
        let rows = examples.iter().map(|(row, y)| (row.clone(), &y[..]));
        let weights = ridge(rows, terms, 1, penalty);
        for (query, x) in queries.chunks_exact(known.input).enumerate() {
            let row = DVector::from_vec(regressors(x, at));
            let correction = weights.column(0).dot(&row) as f32;
            predictions[query * output + at] = start(x)[at] + correction;
        }
    }
    predictions
}
