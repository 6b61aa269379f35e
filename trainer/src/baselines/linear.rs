//! The average of the training units, and corrections of it by least squares.

use nalgebra::{DMatrix, DVector};

use super::{Baseline, Known};
use crate::tasks::TaskBatch;

/// The highest degrees that are tried.
const DEGREES: [u32; 5] = [1, 2, 3, 4, 5];

/// Most terms of a polynomial.
const TERMS: usize = 120;

/// A polynomial of the inputs, fitted to the examples of tasks all together.
#[derive(Clone, Debug)]
pub struct Average {
    powers: Vec<Vec<u32>>,
    /// `[terms, output]`.
    weights: DMatrix<f64>,
    /// The mean target, `[output]`.
    mean: Vec<f64>,
}

impl Average {
    /// That of all parts of some tasks, and for each part that of the other parts, of the
    /// degree at which those are best on their parts. A single part is its own other.
    pub(super) fn fit(parts: &[Vec<TaskBatch>]) -> (Self, Vec<Self>) {
        let inputs = parts.first().and_then(|part| part.first());
        let inputs = inputs.map_or(1, |task| task.input);
        let mut best: Option<(f64, Self, Vec<Self>)> = None;
        for degree in DEGREES {
            let powers = powers(inputs, degree);
            if powers.len() > TERMS && degree > DEGREES[0] {
                break;
            }
            let sums: Vec<Sums> = parts.iter().map(|part| Sums::of(&powers, part)).collect();
            let without = |left_out: Option<usize>| {
                let kept = sums.iter().enumerate();
                let kept = kept.filter(|(at, _)| sums.len() == 1 || Some(*at) != left_out);
                let sum = kept.map(|(_, sums)| sums.clone()).reduce(Sums::add);
                Self {
                    powers: powers.clone(),
                    weights: (sum.as_ref()).map_or_else(|| DMatrix::zeros(0, 0), Sums::weights),
                    mean: sum.map_or_else(Vec::new, |sum| sum.mean()),
                }
            };
            let others: Vec<Self> = (0..parts.len()).map(|at| without(Some(at))).collect();
            let error: f64 = (others.iter().zip(parts))
                .flat_map(|(other, part)| part.iter().map(|task| other.error(task)))
                .sum();
            if best.as_ref().is_none_or(|(least, ..)| error < *least) {
                best = Some((error, without(None), others));
            }
        }
        let (_, whole, others) = best.expect("there is at least one degree");
        (whole, others)
    }

    /// The sum of squared errors over the examples of a task.
    fn error(&self, task: &TaskBatch) -> f64 {
        let errors = examples(task).flat_map(|(x, y)| {
            let predicted = self.at(&x);
            let errors = predicted.into_iter().zip(y);
            errors
                .map(|(p, y)| f64::from(p - y).powi(2))
                .collect::<Vec<_>>()
        });
        errors.sum()
    }

    /// The average at an input, `[output]`.
    pub fn at(&self, x: &[f32]) -> Vec<f32> {
        let terms = DVector::from_vec(terms(&self.powers, x));
        let all = self.weights.transpose() * terms;
        all.iter().map(|&value| value as f32).collect()
    }
}

/// Support and query examples of a task.
fn examples(task: &TaskBatch) -> impl Iterator<Item = (Vec<f32>, &[f32])> {
    let sets = [
        (task.support_x.network_values(), &task.support_y),
        (task.query_x.network_values(), &task.query_y),
    ];
    sets.into_iter().flat_map(|(x, y)| {
        let x: Vec<Vec<f32>> = x.chunks_exact(task.input).map(<[f32]>::to_vec).collect();
        x.into_iter().zip(y.chunks_exact(task.output))
    })
}

/// What least squares need to know of some examples, which adds up.
#[derive(Clone, Debug)]
struct Sums {
    squares: DMatrix<f64>,
    products: DMatrix<f64>,
    targets: DVector<f64>,
    count: f64,
}

impl Sums {
    fn of(powers: &[Vec<u32>], tasks: &[TaskBatch]) -> Self {
        let output = tasks.first().map_or(1, |task| task.output);
        let rows = tasks.iter().flat_map(examples);
        Self::of_rows(
            rows.map(|(x, y)| (terms(powers, &x), y)),
            powers.len(),
            output,
        )
    }

    fn of_rows<'a>(
        rows: impl Iterator<Item = (Vec<f64>, &'a [f32])>,
        terms: usize,
        output: usize,
    ) -> Self {
        let mut sums = Self {
            squares: DMatrix::zeros(terms, terms),
            products: DMatrix::zeros(terms, output),
            targets: DVector::zeros(output),
            count: 0.0,
        };
        for (t, y) in rows {
            let t = DVector::from_vec(t);
            let y = DVector::from_iterator(output, y.iter().map(|&y| f64::from(y)));
            sums.squares.syger(1.0, &t, &t, 1.0);
            sums.products.ger(1.0, &t, &y, 1.0);
            sums.targets += y;
            sums.count += 1.0;
        }
        sums
    }

    fn add(self, other: Self) -> Self {
        Self {
            squares: self.squares + other.squares,
            products: self.products + other.products,
            targets: self.targets + other.targets,
            count: self.count + other.count,
        }
    }

    /// The mean target.
    fn mean(&self) -> Vec<f64> {
        let sums = self.targets.iter();
        sums.map(|sum| sum / self.count.max(1.0)).collect()
    }

    /// Those of a polynomial, next to without a penalty.
    fn weights(&self) -> DMatrix<f64> {
        self.ridge(1e-9)
    }

    /// `argmin_W Σ ‖y − Wᵀ t‖² + λ ‖W‖²`, `[terms, output]`, through the normal equations
    /// in 64 bits.
    fn ridge(&self, penalty: f64) -> DMatrix<f64> {
        let mut squares = self.squares.clone();
        let scale = squares.diagonal().max().max(1e-12);
        squares.fill_upper_triangle_with_lower_triangle();
        for at in 0..squares.nrows() {
            // Never singular, whatever the inputs.
            squares[(at, at)] += penalty + 1e-12 * scale;
        }
        match squares.cholesky() {
            Some(cholesky) => cholesky.solve(&self.products),
            None => DMatrix::zeros(self.products.nrows(), self.products.ncols()),
        }
    }
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
        let weights = Sums::of_rows(rows, terms, 1).ridge(penalty);
        for (query, x) in queries.chunks_exact(known.input).enumerate() {
            let row = DVector::from_vec(regressors(x, at));
            let correction = weights.column(0).dot(&row) as f32;
            predictions[query * output + at] = start(x)[at] + correction;
        }
    }
    predictions
}
