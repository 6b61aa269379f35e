//! Stored statistics of batch norms, measured once training is over or, with
//! `meta.statistics_from`, on the way.
//!
//! Tasks like those of training are adapted to with the parameters as they are,
//! while batch norms use the statistics of their batch as they did in training.
//! Row `s` is the mean over tasks of mean and variance under the parameters
//! after `s` inner steps: on support sets for `s` less than the number of
//! steps, on query sets for the last row, which predictions use. A layer with
//! `stored` statistics has one row, the mean of these.

use burn::tensor::{Tensor, backend::Backend};

use super::Trained;
use crate::algorithms::Algorithm;
use crate::meta::{to_device, to_host};
use crate::model::TrainedModel;
use crate::nn::{BatchStatistics, LayerStatistics, Moments, Statistics};
use crate::random::Stream;
use crate::run::{RunDir, RunError, StoredStatistics};
use crate::samplers::MetaBatch;
use crate::tasks::TaskDistribution;

/// Tasks that statistics are measured on, in whole meta-batches.
const TASKS: usize = 256;

/// Puts the statistics of a model whose training is over into its run, measured
/// unless it was trained with them; does nothing for a model that stores none.
pub(crate) fn record<B: Backend>(
    model: &TrainedModel,
    distribution: &dyn TaskDistribution,
    run: &RunDir,
    device: &B::Device,
) -> Result<(), RunError> {
    if model.network.stored_layers().is_empty() {
        return Ok(());
    }
    let fixed = model.network.statistics();
    run.write_statistics(&StoredStatistics {
        iteration: model.iteration,
        layers: if fixed.is_empty() {
            measure::<B>(model, distribution, device)
        } else {
            fixed.to_vec()
        },
    })
}

/// The statistics of the model's batch norms; empty where none are stored.
pub fn measure<B: Backend>(
    model: &TrainedModel,
    distribution: &dyn TaskDistribution,
    device: &B::Device,
) -> Vec<LayerStatistics> {
    let as_trained =
        (model.config.training_ways()).and_then(|ways| model.clone().with_ways(ways).ok());
    let model = as_trained.as_ref().unwrap_or(model);
    let (config, network) = (&model.config, &model.network);
    let rates = match &model.rates {
        Some(rates) => rates.on::<B>(device),
        // Trained without an inner loop, so there is no step to take.
        None => Vec::new(),
    };
    let params = to_device::<B>(network, &model.params, device);
    let trained = Trained {
        config,
        network,
        params: &params,
        rates: &rates,
    };
    let mut rows: Vec<Vec<Sum>> = vec![Vec::new(); config.inner.steps + 1];
    let mut see = |step: usize, theta: &[Tensor<B, 3>], x: Tensor<B, 3>| {
        let trace = network.forward_trace(theta, x);
        let of_layers = network.batch_statistics(&trace);
        rows[step].resize_with(of_layers.len(), Sum::default);
        for (sum, of_layer) in rows[step].iter_mut().zip(of_layers) {
            sum.add(of_layer);
        }
    };
    let choices = config.meta.shots.choices();
    for index in 0..TASKS.div_ceil(config.meta.tasks) {
        let batch = MetaBatch {
            config,
            tasks: distribution,
            stream: Stream::Statistics,
            index: index as u64,
            shots: choices[index % choices.len()],
            device,
        };
        config.method.show_batches(&trained, &batch, &mut see);
    }
    let layers = network.stored_layers().into_iter().enumerate();
    layers
        .map(|(index, (layer, statistics))| {
            let of_layer = || rows.iter().map(|row| &row[index]);
            let rows = match statistics {
                Statistics::PerStep => of_layer().map(Sum::mean).collect(),
                _ => {
                    let mut all = Sum::default();
                    of_layer().for_each(|sum| all.merge(sum));
                    vec![all.mean()]
                }
            };
            LayerStatistics { layer, rows }
        })
        .collect()
}

/// Sums of means and variances over tasks.
#[derive(Clone, Debug, Default)]
struct Sum {
    mean: Vec<f64>,
    variance: Vec<f64>,
    tasks: usize,
}

impl Sum {
    fn add<B: Backend>(&mut self, of_tasks: BatchStatistics<B>) {
        let over_tasks = |tensor: Tensor<B, 3>| -> Vec<f64> {
            let values = to_host(tensor.sum_dim(0));
            values.into_iter().map(f64::from).collect()
        };
        self.merge(&Self {
            tasks: of_tasks.mean.dims()[0],
            mean: over_tasks(of_tasks.mean),
            variance: over_tasks(of_tasks.variance),
        });
    }

    fn merge(&mut self, other: &Self) {
        let add = |sums: &mut Vec<f64>, terms: &[f64]| {
            sums.resize(terms.len(), 0.0);
            for (sum, term) in sums.iter_mut().zip(terms) {
                *sum += term;
            }
        };
        add(&mut self.mean, &other.mean);
        add(&mut self.variance, &other.variance);
        self.tasks += other.tasks;
    }

    fn mean(&self) -> Moments {
        let mean = |sums: &[f64]| {
            let tasks = self.tasks as f64;
            sums.iter().map(|sum| (sum / tasks) as f32).collect()
        };
        Moments {
            mean: mean(&self.mean),
            variance: mean(&self.variance),
        }
    }
}
