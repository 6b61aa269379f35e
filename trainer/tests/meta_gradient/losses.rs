//! The losses of one example in `f64`, and the library's against them.

use burn::tensor::{Tensor, TensorData};
use mamlet_trainer::loss::{Loss, LossKind, Reduction};
use mamlet_trainer::meta::to_host;

use crate::{distance, oracle::Graph, random::Lcg};

/// Value and gradient by the prediction `p`, for the target `t`.
pub fn loss(kind: LossKind, p: &[f64], t: &[f64]) -> (f64, Vec<f64>) {
    let differences = || p.iter().zip(t).map(|(p, t)| p - t);
    let log_total = p.iter().map(|p| p.exp()).sum::<f64>().ln();
    // Of a categorical distribution with one-hot `t`.
    let surprise = || {
        p.iter()
            .zip(t)
            .map(|(p, t)| t * (log_total - p))
            .sum::<f64>()
    };
    let excess = p.iter().zip(t).map(|(p, t)| (p - log_total).exp() - t);
    match kind {
        LossKind::Mse => (
            differences().map(|d| d * d).sum(),
            differences().map(|d| 2.0 * d).collect(),
        ),
        LossKind::Huber { delta } => {
            let value = |d: f64| {
                if d.abs() <= delta {
                    0.5 * d * d
                } else {
                    delta * (d.abs() - 0.5 * delta)
                }
            };
            let slope = |d: f64| {
                if d.abs() <= delta {
                    d
                } else {
                    delta * d.signum()
                }
            };
            (
                differences().map(value).sum(),
                differences().map(slope).collect(),
            )
        }
        LossKind::CrossEntropy => (surprise(), excess.collect()),
        LossKind::CategoricalPolicy => {
            let weight = t[p.len()];
            (weight * surprise(), excess.map(|e| weight * e).collect())
        }
        LossKind::GaussianPolicy => {
            let n = p.len() / 2;
            let weight = t[n];
            let sigma = |j: usize| p[n + j].exp();
            let z = |j: usize| (t[j] - p[j]) / sigma(j);
            let density = |j: usize| {
                (-0.5 * z(j) * z(j)).exp() / (sigma(j) * (2.0 * std::f64::consts::PI).sqrt())
            };
            let of_mean = (0..n).map(|j| -weight * z(j) / sigma(j));
            let of_log_sigma = (0..n).map(|j| weight * (1.0 - z(j) * z(j)));
            (
                -weight * (0..n).map(|j| density(j).ln()).sum::<f64>(),
                of_mean.chain(of_log_sigma).collect(),
            )
        }
        LossKind::Surrogate(_) | LossKind::Divergence(_) => unreachable!("not among KINDS"),
    }
}

/// A target for a prediction of `outputs` values.
pub fn target(kind: LossKind, outputs: usize, random: &mut Lcg) -> Vec<f64> {
    let width = kind.targets(outputs).unwrap();
    let one_hot = |random: &mut Lcg| -> Vec<f64> {
        let class = ((random.next() + 1.0) / 2.0 * outputs as f64) as usize % outputs;
        (0..outputs)
            .map(|c| f64::from(u8::from(c == class)))
            .collect()
    };
    match kind {
        LossKind::Mse | LossKind::Huber { .. } | LossKind::GaussianPolicy => {
            random.vector(width, 1.5)
        }
        LossKind::CrossEntropy => one_hot(random),
        LossKind::CategoricalPolicy => {
            let mut target = one_hot(random);
            target.extend(random.vector(1, 1.5));
            target
        }
        LossKind::Surrogate(_) | LossKind::Divergence(_) => unreachable!("not among KINDS"),
    }
}

const KINDS: [(LossKind, usize); 5] = [
    (LossKind::Mse, 3),
    (LossKind::Huber { delta: 0.8 }, 3),
    (LossKind::CrossEntropy, 3),
    (LossKind::GaussianPolicy, 4),
    (LossKind::CategoricalPolicy, 3),
];

/// Central differences of `f` at `p` in every direction.
fn differences<T>(p: &[f64], f: impl Fn(&[f64]) -> T, combine: impl Fn(T, T) -> T) -> Vec<T> {
    let moved = |i: usize, step: f64| {
        let mut p = p.to_vec();
        p[i] += step;
        f(&p)
    };
    (0..p.len())
        .map(|i| combine(moved(i, STEP), moved(i, -STEP)))
        .collect()
}

const STEP: f64 = 1e-5;

#[test]
fn values_gradients_and_their_derivatives_equal_finite_differences() {
    let examples = 40;
    for (kind, outputs) in KINDS {
        let mut random = Lcg(7);
        let rows = |width, random: &mut Lcg| -> Vec<Vec<f64>> {
            (0..examples).map(|_| random.vector(width, 1.5)).collect()
        };
        let p = rows(outputs, &mut random);
        let direction = rows(outputs, &mut random);
        let t: Vec<Vec<f64>> = (0..examples)
            .map(|_| target(kind, outputs, &mut random))
            .collect();

        let value: f64 = p.iter().zip(&t).map(|(p, t)| loss(kind, p, t).0).sum();
        let gradient: Vec<f64> = (p.iter().zip(&t))
            .flat_map(|(p, t)| {
                differences(
                    p,
                    |p| loss(kind, p, t).0,
                    |up, down| (up - down) / (2.0 * STEP),
                )
            })
            .collect();
        // ∂⟨gradient, direction⟩/∂p.
        let curvature: Vec<f64> = (p.iter().zip(&t).zip(&direction))
            .flat_map(|((p, t), direction)| {
                let slope = |p: &[f64]| -> f64 {
                    let gradient = loss(kind, p, t).1;
                    gradient.iter().zip(direction).map(|(g, d)| g * d).sum()
                };
                differences(p, slope, |up, down| (up - down) / (2.0 * STEP))
            })
            .collect();

        let tensor = |rows: &[Vec<f64>]| -> Tensor<Graph, 3> {
            let data: Vec<f32> = rows.concat().iter().map(|&x| x as f32).collect();
            let shape = [1, examples, rows[0].len()];
            Tensor::from_data(TensorData::new(data, shape), &Default::default())
        };
        let (y, direction, t) = (tensor(&p).require_grad(), tensor(&direction), tensor(&t));
        let library = Loss {
            kind,
            reduction: Reduction::Sum,
        };
        let got = f64::from(to_host(library.value(y.clone(), t.clone()))[0]);
        assert!(
            (got - value).abs() < 1e-5 * value.abs(),
            "{kind:?}: {got} {value}"
        );
        let explicit = library.gradient(y.clone(), t.clone());
        let error = distance(&to_host(explicit.clone()), &gradient);
        assert!(error < 1e-5, "{kind:?}: gradient off by {error:.1e}");
        let along = library.gradient_tangent(y.clone(), t, direction.clone());
        let error = distance(&to_host(along), &curvature);
        assert!(error < 1e-5, "{kind:?}: tangent off by {error:.1e}");
        let slope = (explicit * direction).sum();
        let second = y.grad(&slope.backward()).unwrap();
        let error = distance(&to_host(second), &curvature);
        assert!(error < 1e-5, "{kind:?}: derivative off by {error:.1e}");
    }
}
