//! What each surrogate keeps of the Hessian of the expected return, where it is known.
//!
//! The table of `docs/results/policy-gradients.md`:
//!
//! ```text
//! cargo test -p mamlet-trainer --test policies surrogates_keep -- --nocapture
//! ```

use burn::tensor::{Tensor, TensorData};
use mamlet_trainer::loss::{Estimator, Loss, LossKind, Policy, Reduction, Surrogate};
use mamlet_trainer::meta::{Graph, InnerOptimiser, MetaObjective, Order, Rate, to_device, to_host};
use mamlet_trainer::nn::{Adapt, Dense, Network, NetworkSpec, Shape};
use mamlet_trainer::random::Stream;
use mamlet_trainer::rollouts::{Actors, Address, Experience, Weighing, discounted};
use mamlet_trainer::samplers::{Replayed, Set};
use rayon::prelude::*;
use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::B;
use crate::exact::{Hessian, Kept, hessian, values};
use crate::mdp::{Mdp, STEPS};

const Z: [f64; 2] = [0.3, -0.5];
const BATCHES: usize = 4000;
const ROLLOUTS: usize = 20;

/// What is taken from the returns.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Baseline {
    None,
    /// The expected return.
    Exact,
    /// The linear one that is fitted to the same rollouts, as in training.
    Fitted,
}

const BASELINES: [Baseline; 3] = [Baseline::None, Baseline::Exact, Baseline::Fitted];
const ESTIMATORS: [Estimator; 3] = [Estimator::LogLikelihood, Estimator::Ratio, Estimator::Dice];

/// A layer whose input is the state: `z_s = w_s1 − w_s0`.
fn policy() -> (Network, Vec<Tensor<B, 3>>) {
    let spec = NetworkSpec {
        input: Shape::Vector(2),
        layers: vec![Dense { out: 2 }.into()],
    };
    let network = Network::new(&spec, &Adapt::default()).unwrap();
    let weights = Z.iter().flat_map(|&z| [0.0, z as f32]).collect();
    let params = to_device(&network, &[weights, vec![0.0; 2]], &Default::default());
    (network, params)
}

fn tensor(numbers: Vec<f32>, examples: usize) -> Tensor<B, 3> {
    let width = numbers.len() / examples;
    let data = TensorData::new(numbers, [1, examples, width]);
    Tensor::from_data(data, &Default::default())
}

/// The rollouts with their weights, as the trainer gives them to a surrogate.
fn support(experience: &Experience, baseline: Baseline, values: &[[f64; 2]]) -> Set<B> {
    let count = ROLLOUTS * STEPS;
    let weights: Vec<f32> = match baseline {
        Baseline::Fitted => experience.weights(&Weighing {
            discount: 1.0,
            lambda: 1.0,
            standardise: false,
        }),
        _ => (0..ROLLOUTS)
            .flat_map(|rollout| {
                let returns = discounted(experience.rewards_of(rollout), 1.0).into_iter();
                let states = experience
                    .observations_of(rollout)
                    .map(|seen| seen[1] as usize);
                let steps = returns.zip(states).enumerate();
                let weights = steps.map(|(t, (rest, state))| match baseline {
                    Baseline::Exact => (rest - values[t][state]) as f32,
                    _ => rest as f32,
                });
                weights.collect::<Vec<f32>>()
            })
            .collect(),
    };
    let actions = tensor(experience.actions.clone(), count);
    let outputs = tensor(experience.outputs.clone(), count);
    let before = Policy::Categorical.log_likelihood(outputs, actions.clone());
    Set {
        x: tensor(experience.observations.clone(), count),
        y: Tensor::cat(vec![actions, tensor(weights, count), before], 2),
    }
}

/// The Hessian of the return that an inner step is differentiated with: the meta-gradient of
/// a query loss with a constant gradient `λ` is `λ − α H λ`.
fn estimate(
    network: &Network,
    params: &[Tensor<B, 3>],
    estimator: Estimator,
    support: &Set<B>,
) -> Hessian {
    let surrogate = Loss {
        kind: LossKind::Surrogate(Surrogate {
            policy: Policy::Categorical,
            form: estimator.form(STEPS),
        }),
        reduction: Reduction::Mean,
    };
    let plain = InnerOptimiser::default();
    let objective = MetaObjective::new(
        network.clone(),
        surrogate,
        plain,
        Order::Second,
        Graph::Keep,
    )
    .with_query_loss(Loss {
        kind: LossKind::Huber { delta: 0.5 },
        reduction: Reduction::Sum,
    });
    // The weights move, and the biases stay.
    let rates = [vec![Rate::Fixed(1.0), Rate::Fixed(0.0)]];
    let columns = [0, 1].map(|state| {
        // Far from any prediction, so that the gradient is −½ by the weights of action 0 and
        // ½ by those of action 1: `Hλ` is then the column of `z_s`.
        let mut observed = vec![0.0; 2];
        observed[state] = 1.0;
        let query = Set {
            x: tensor(observed, 1),
            y: tensor(vec![1e3, -1e3], 1),
        };
        let sampler = Replayed {
            support: std::slice::from_ref(support),
            query,
        };
        let gradient = objective.gradient(params, &rates, &[0.0, 1.0], &sampler);
        let weights = to_host(gradient.params[0].clone());
        // The loss is the negative return, per step.
        [0, 1].map(|row| {
            let lambda = if row == state { 0.5 } else { 0.0 };
            STEPS as f64 * (f64::from(weights[2 * row + 1]) - lambda)
        })
    });
    let crossed = (columns[0][1] + columns[1][0]) / 2.0;
    [columns[0][0], crossed, columns[1][1]]
}

/// The mean over batches, with its interval and the deviation of one batch.
#[derive(Clone, Copy, Debug)]
struct Measured {
    mean: Hessian,
    half_width: Hessian,
    deviation: Hessian,
}

fn measured(estimates: &[Hessian]) -> Measured {
    let count = estimates.len() as f64;
    let degrees = StudentsT::new(0.0, 1.0, count - 1.0).unwrap();
    // 95 % for all three entries together.
    let points = degrees.inverse_cdf(1.0 - 0.025 / 3.0);
    let mean = [0, 1, 2].map(|at| estimates.iter().map(|own| own[at]).sum::<f64>() / count);
    let deviation = [0, 1, 2].map(|at| {
        let squares = estimates.iter().map(|own| (own[at] - mean[at]).powi(2));
        (squares.sum::<f64>() / (count - 1.0)).sqrt()
    });
    Measured {
        mean,
        half_width: deviation.map(|own| points * own / count.sqrt()),
        deviation,
    }
}

impl Measured {
    fn holds(&self, truth: &Hessian) -> bool {
        (0..3).all(|at| (self.mean[at] - truth[at]).abs() <= self.half_width[at])
    }
}

/// Of the symmetric matrix.
fn norm(entries: Hessian) -> f64 {
    let [a, b, c] = entries;
    (a * a + 2.0 * b * b + c * c).sqrt()
}

fn less(a: Hessian, b: Hessian) -> Hessian {
    [0, 1, 2].map(|at| a[at] - b[at])
}

#[test]
fn surrogates_keep_what_theory_says_of_the_hessian() {
    let (network, params) = policy();
    let actors = Actors {
        network: &network,
        environments: &Mdp,
    };
    let exact = values(Z);
    let of_batch = |batch: usize| -> Vec<Hessian> {
        let address = Address {
            seed: 1,
            stream: Stream::Test,
            batch: batch as u64,
        };
        let experience = actors
            .act(&params, (0, &[]), (address, 0), ROLLOUTS)
            .unwrap();
        let each = BASELINES.iter().flat_map(|&baseline| {
            let support = support(&experience, baseline, &exact);
            ESTIMATORS.map(|estimator| estimate(&network, &params, estimator, &support))
        });
        each.collect()
    };
    let all: Vec<Vec<Hessian>> = (0..BATCHES).into_par_iter().map(of_batch).collect();
    let truth = hessian(Z, Kept::All, |_, _| 0.0);
    println!(
        "Hessian of the expected return: {truth:.4?}, norm {:.4}",
        norm(truth)
    );
    println!("{BATCHES} batches of {ROLLOUTS} rollouts");
    println!("| surrogate | baseline | mean | half of its interval | error | deviation |");
    let mut rows = Vec::new();
    for (at, &baseline) in BASELINES.iter().enumerate() {
        for (own, &estimator) in ESTIMATORS.iter().enumerate() {
            let column = at * ESTIMATORS.len() + own;
            let estimates: Vec<Hessian> = all.iter().map(|batch| batch[column]).collect();
            let measured = measured(&estimates);
            println!(
                "| {estimator:?} | {baseline:?} | {:.4?} | {:.4?} | {:.4} | {:.4} |",
                measured.mean,
                measured.half_width,
                norm(less(measured.mean, truth)),
                norm(measured.deviation),
            );
            rows.push((estimator, baseline, measured));
        }
    }
    let of = |estimator, baseline| {
        let mut own = rows
            .iter()
            .filter(|row| (row.0, row.1) == (estimator, baseline));
        own.next().unwrap().2
    };
    for baseline in [Baseline::None, Baseline::Exact] {
        let value = |t: usize, state: usize| match baseline {
            Baseline::None => 0.0,
            _ => exact[t][state],
        };
        let [plain, ratio, dice] = ESTIMATORS.map(|estimator| of(estimator, baseline));
        assert!(dice.holds(&truth), "{baseline:?}: {dice:?} {truth:?}");
        assert!(!plain.holds(&truth), "{baseline:?}: {plain:?} {truth:?}");
        // Each is what its equation says, and that is no accident of these rollouts.
        let kept = hessian(Z, Kept::LogLikelihood, value);
        assert!(plain.holds(&kept), "{baseline:?}: {plain:?} {kept:?}");
        let kept = hessian(Z, Kept::Ratio, value);
        assert!(ratio.holds(&kept), "{baseline:?}: {ratio:?} {kept:?}");
        let error = |of: Measured| norm(less(of.mean, truth));
        assert!(error(ratio) < error(plain), "{baseline:?}");
        assert!(norm(ratio.deviation) < norm(dice.deviation), "{baseline:?}");
    }
}
