//! Samplers whose sets depend on the inner step and on the parameters, as those of a
//! policy that acts: the gradient is that of the sets which were seen.

use std::ops::Range;
use std::sync::Mutex;

use burn::backend::Flex;
use burn::tensor::{Tensor, backend::Backend};
use mamlet_trainer::meta::{Graph, MetaObjective, Order, Rate, in_parts, to_device, to_host};
use mamlet_trainer::samplers::{Sampler, Set};
use mamlet_trainer::tasks::DeviceBatch;

use crate::cases::cases;
use crate::distance;
use crate::oracle::{on_graph, unrolled};
use crate::setup::setup;

/// Examples that shift with the step and with where the parameters are.
struct Acting<B: Backend> {
    batch: DeviceBatch<B>,
    asked: Mutex<Vec<(usize, f32)>>,
}

impl<B: Backend> Acting<B> {
    fn new(batch: DeviceBatch<B>) -> Self {
        let asked = Mutex::new(Vec::new());
        Self { batch, asked }
    }

    /// The mean of a task's parameters, a constant to the gradient, `[1 or T, 1, 1]`.
    fn place(theta: &[Tensor<B, 3>]) -> Tensor<B, 3> {
        let means = theta.iter().map(|tensor| {
            let [tasks, rows, columns] = tensor.dims();
            let all = tensor.clone().detach().reshape([tasks, 1, rows * columns]);
            all.mean_dim(2)
        });
        means.reduce(|sum, mean| sum + mean).unwrap()
    }

    fn moved(set: Set<B>, step: usize, theta: &[Tensor<B, 3>]) -> Set<B> {
        let by = Self::place(theta) + 0.3 * step as f32;
        Set {
            x: set.x + by,
            ..set
        }
    }
}

impl<B: Backend> Sampler<B> for Acting<B> {
    fn tasks(&self) -> usize {
        Sampler::tasks(&self.batch)
    }

    fn examples(&self) -> usize {
        self.batch.examples()
    }

    fn support(&self, step: usize, theta: &[Tensor<B, 3>]) -> Set<B> {
        let place = to_host(Self::place(theta)).iter().sum();
        self.asked.lock().unwrap().push((step, place));
        Self::moved(self.batch.support_set(), step, theta)
    }

    fn query(&self, step: usize, theta: &[Tensor<B, 3>]) -> Set<B> {
        Self::moved(self.batch.query_set(), step, theta)
    }

    fn part(&self, range: Range<usize>) -> Box<dyn Sampler<B> + '_> {
        Box::new(Self::new(self.batch.tasks(range)))
    }

    fn fixed(&self) -> Option<&DeviceBatch<B>> {
        None
    }
}

#[test]
fn every_step_sees_the_set_of_its_own_parameters_once() {
    // A network all of which adapts, and one whose head alone does.
    for index in [3, 4] {
        let case = cases().swap_remove(index);
        let setup = setup(&case, 31);
        let host: Vec<Vec<f32>> = (setup.params.iter())
            .map(|p| p.iter().map(|&x| x as f32).collect())
            .collect();
        let params = to_device::<Flex>(&setup.network, &host, &Default::default());
        let rates = vec![vec![Rate::Fixed(0.1); setup.network.adapting().len()]];
        let weights = [0.2, 0.0, 0.3, 0.0, 0.0, 0.5];
        for order in [Order::First, Order::Second] {
            let gradient = |graph, parts: Option<usize>| {
                let network = setup.network.clone();
                let objective =
                    MetaObjective::new(network, case.loss, case.optimiser, order, graph);
                let sampler = Acting::new(setup.batch.clone());
                let result = in_parts(&sampler, parts.unwrap_or(3), |part| {
                    objective.gradient(&params, &rates, &weights, part)
                });
                let numbers = result.params.into_iter().flat_map(to_host);
                let numbers: Vec<f32> = to_host(result.loss).into_iter().chain(numbers).collect();
                (numbers, sampler.asked.into_inner().unwrap())
            };
            let network = setup.network.clone();
            let objective =
                MetaObjective::new(network, case.loss, case.optimiser, order, Graph::Keep);
            let sampler = Acting::new(on_graph(&setup.batch));
            let oracle = unrolled(&objective, 1, &params, &rates, &weights, &sampler);
            let expected = oracle.params.into_iter().flat_map(to_host);
            let expected = to_host(oracle.loss).into_iter().chain(expected);
            let expected: Vec<f64> = expected.map(f64::from).collect();
            let places = sampler.asked.into_inner().unwrap();
            for (graph, parts) in [
                (Graph::Keep, None),
                (Graph::Rebuild, None),
                (Graph::Keep, Some(2)),
            ] {
                let (given, asked) = gradient(graph, parts);
                let error = distance(&given, &expected);
                let name = case.name;
                assert!(error < 1e-3, "{name}, {order:?}, {graph:?}: {error:.1e}");
                if parts.is_none() {
                    assert_eq!(asked.len(), 5);
                    for ((step, place), (at, expected)) in asked.iter().zip(&places) {
                        assert_eq!(step, at);
                        assert!((place - expected).abs() < 1e-3 * expected.abs().max(1.0));
                    }
                }
            }
        }
    }
}
