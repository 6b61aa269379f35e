//! Rollouts of an iteration, and the outer objective on them as a function of plain numbers.

use burn::tensor::{Tensor, TensorData};
use mamlet_trainer::environments::Environments;
use mamlet_trainer::loss::{Estimator, Form, Policy};
use mamlet_trainer::meta::{
    Direction, InnerOptimiser, MetaGradient, Order, Rate, in_rows, join, split, to_host,
};
use mamlet_trainer::nn::Network;
use mamlet_trainer::policies::{Adapting, Objective, Point, Recipe, act};
use mamlet_trainer::random::Stream;
use mamlet_trainer::rollouts::{Actors, Address, Seen, Weighing};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::B;

pub const TASKS: usize = 3;
const ROLLOUTS: usize = 4;
const RATE: f32 = 0.3;

/// What the tasks of an iteration have shown.
pub struct Recorded {
    pub network: Network,
    pub policy: Policy,
    pub horizon: usize,
    pub seen: Vec<Vec<Seen<B>>>,
    /// Parameters, then rates, as they stood.
    pub start: Vec<f64>,
}

impl Recorded {
    /// Acts with random parameters and rates around [`RATE`].
    pub fn new(environments: &dyn Environments, network: &Network, steps: usize) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(21);
        let count = network.parameter_count();
        let mut start: Vec<f64> = (0..count)
            .map(|_| f64::from(rng.random_range(-0.6f32..0.6)))
            .collect();
        let rates = network.adapting().len() * steps;
        start.extend((0..rates).map(|_| f64::from(RATE * rng.random_range(0.7..1.3f32))));
        let actors = Actors {
            network,
            environments,
        };
        let address = Address {
            seed: 3,
            stream: Stream::Train,
            batch: 0,
        };
        let tasks = actors.draw_tasks(address, TASKS);
        let mut recorded = Self {
            policy: actors.policy(),
            network: network.clone(),
            horizon: environments.horizon(),
            seen: Vec::new(),
            start: start.clone(),
        };
        recorded.seen = recorded.at(&start, |at| {
            let adapting = Adapting {
                actors,
                optimiser: InnerOptimiser::default(),
                rates: at.rates,
                steps,
                rollouts: [ROLLOUTS; 2],
                weighing: Weighing {
                    discount: 0.95,
                    lambda: 0.9,
                    standardise: true,
                },
            };
            act(&adapting, at.params, &tasks, address).unwrap()
        });
        recorded
    }

    pub fn objective(&self, recipe: Recipe) -> Objective<B> {
        Objective::new(&self.network, self.policy, self.horizon, &self.seen, recipe)
    }

    /// Parameters and rates of plain numbers.
    fn parts(&self, numbers: &[f64]) -> (Vec<Tensor<B, 3>>, Vec<Vec<Tensor<B, 3>>>) {
        let flat = |numbers: &[f64]| {
            let numbers: Vec<f32> = numbers.iter().map(|&number| number as f32).collect();
            let count = numbers.len();
            Tensor::<B, 1>::from_data(TensorData::new(numbers, [count]), &Default::default())
        };
        let (params, rates) = numbers.split_at(self.network.parameter_count());
        let dims = vec![[1; 3]; self.network.adapting().len()];
        (
            split(&self.network, &flat(params)),
            in_rows(&flat(rates), &dims),
        )
    }

    /// Calls with the point that `numbers` are.
    pub fn at<R>(&self, numbers: &[f64], call: impl FnOnce(&Point<'_, B>) -> R) -> R {
        let (params, rates) = self.parts(numbers);
        let learned = |row: Vec<Tensor<B, 3>>| row.into_iter().map(Rate::Learned).collect();
        let rates: Vec<Vec<Rate<B>>> = rates.into_iter().map(learned).collect();
        call(&Point {
            params: &params,
            rates: &rates,
        })
    }

    pub fn direction(&self, numbers: &[f64]) -> Direction<B> {
        let (params, rates) = self.parts(numbers);
        Direction { params, rates }
    }

    /// The start, and a place some way from it.
    pub fn places(&self) -> [Vec<f64>; 2] {
        let mut rng = ChaCha8Rng::seed_from_u64(22);
        let away = self
            .start
            .iter()
            .map(|own| own + rng.random_range(-0.2..0.2));
        [self.start.clone(), away.collect()]
    }
}

/// Plain steps of the second order.
pub fn recipe(estimator: Estimator, outer: Form) -> Recipe {
    Recipe {
        estimator,
        outer,
        optimiser: InnerOptimiser::default(),
        order: Order::Second,
        sampling_term: false,
    }
}

/// Parameters, then rates.
pub fn numbers(gradient: MetaGradient<B>) -> Vec<f64> {
    let params = to_host(join(gradient.params)).into_iter();
    let rates = gradient.rates.into_iter().flat_map(to_host);
    params.chain(rates).map(f64::from).collect()
}

/// The derivative of `f` in every direction of `at`, by central differences of order four.
pub fn differences(at: &[f64], step: f64, f: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let moved = |index: usize, by: f64| {
        let mut at = at.to_vec();
        at[index] += by * step;
        f(&at)
    };
    (0..at.len())
        .map(|index| {
            let [near, far] = [1.0, 2.0].map(|by| moved(index, by) - moved(index, -by));
            (8.0 * near - far) / (12.0 * step)
        })
        .collect()
}

/// `‖a − b‖ / ‖b‖`.
pub fn distance(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    let norm = |numbers: &mut dyn Iterator<Item = f64>| numbers.map(|x| x * x).sum::<f64>().sqrt();
    norm(&mut a.iter().zip(b).map(|(a, b)| a - b)) / norm(&mut b.iter().copied())
}
