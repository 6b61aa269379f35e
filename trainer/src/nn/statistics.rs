//! Stored statistics of batch norms.
//!
//! Training always normalises with the statistics of its batch. Those that
//! predictions use instead are measured once, with the final parameters, as
//! means over many tasks ("precise" statistics, Wu & Johnson 2021): running
//! averages would mix the statistics of weights that are long gone.

use burn::tensor::{Tensor, backend::Backend};
use serde::{Deserialize, Serialize};

use super::layers::Operation;
use super::{Network, NetworkError, Statistics, Trace};

/// Mean and variance of every channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    /// `[channels]`.
    pub mean: Vec<f32>,
    /// Biased, `[channels]`.
    pub variance: Vec<f32>,
}

/// The stored statistics of one batch norm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerStatistics {
    /// Index of the layer.
    pub layer: usize,
    /// One row for `stored`. For `per_step` row `s` belongs to the parameters
    /// after `s` inner steps; the last also to all later ones.
    pub rows: Vec<Moments>,
}

/// Mean and variance of one batch norm's input, per task `[T, 1, channels]`.
#[derive(Clone, Debug)]
pub struct BatchStatistics<B: Backend> {
    /// Index of the layer.
    pub layer: usize,
    /// Over examples and positions.
    pub mean: Tensor<B, 3>,
    /// Biased, over the same.
    pub variance: Tensor<B, 3>,
}

impl Network {
    /// The batch norms that use stored statistics after training, by layer.
    pub fn stored_layers(&self) -> Vec<(usize, Statistics)> {
        let layers = self.layers.iter().enumerate();
        layers
            .filter_map(|(index, layer)| Some((index, layer.spec.statistics()?)))
            .filter(|(_, statistics)| *statistics != Statistics::Current)
            .collect()
    }

    /// The same network with stored statistics, for all that comes after
    /// training.
    ///
    /// # Errors
    /// [`NetworkError::Statistics`] unless `statistics` holds finite rows of the
    /// right length for exactly those layers that use them.
    pub fn with_statistics(&self, statistics: &[LayerStatistics]) -> Result<Self, NetworkError> {
        let mut network = self.clone();
        let stored = self.stored_layers().into_iter();
        let wanted: Vec<usize> = stored.map(|(layer, _)| layer).collect();
        if !statistics
            .iter()
            .map(|given| given.layer)
            .eq(wanted.iter().copied())
        {
            return Err(NetworkError::Statistics {
                what: format!("they must be those of the layers {wanted:?}"),
            });
        }
        for of_layer in statistics {
            let layer = &mut network.layers[of_layer.layer];
            let channels = layer.input.channels();
            let fits = |values: &[f32], low: f32| {
                let fine = |&value: &f32| value.is_finite() && value >= low;
                values.len() == channels && values.iter().all(fine)
            };
            let fits = |row: &Moments| fits(&row.mean, f32::MIN) && fits(&row.variance, 0.0);
            if of_layer.rows.is_empty() || !of_layer.rows.iter().all(fits) {
                return Err(NetworkError::Statistics {
                    what: format!(
                        "layers.{} needs at least one row of {channels} finite means and \
                         variances",
                        of_layer.layer
                    ),
                });
            }
            if let Some(norm) = layer.operation.norm_mut() {
                norm.store(&of_layer.rows);
            }
        }
        network.statistics = statistics.to_vec();
        Ok(network)
    }

    /// The stored statistics, layer by layer; empty while training and where no
    /// batch norm uses any.
    pub fn statistics(&self) -> &[LayerStatistics] {
        &self.statistics
    }

    /// The same network with the statistics that another of the same norms has, if it has
    /// any.
    ///
    /// # Errors
    /// As [`Network::with_statistics`].
    pub fn with_statistics_of(self, other: &Self) -> Result<Self, NetworkError> {
        match other.statistics() {
            [] => Ok(self),
            statistics => self.with_statistics(statistics),
        }
    }

    /// The network that parameters after `step` inner steps belong to: batch
    /// norms use that row of their stored statistics. Any other network is the
    /// same at every step.
    pub fn at_step(&self, step: usize) -> Self {
        let mut network = self.clone();
        for of_layer in &self.statistics {
            if let Some(norm) = network.layers[of_layer.layer].operation.norm_mut() {
                norm.at_step(step);
            }
        }
        network
    }

    /// The network that predicts every example by itself, as a batch of one: norms of the
    /// batch at hand take the statistics of an example's own positions. A norm whose
    /// statistics are stored, or are yet to be measured, is as it was.
    pub fn one_by_one(&self) -> Self {
        let mut network = self.clone();
        for layer in &mut network.layers {
            let current = layer.spec.statistics() == Some(Statistics::Current);
            if let Some(norm) = layer.operation.norm_mut().filter(|_| current) {
                norm.one_by_one();
            }
        }
        network
    }

    /// Mean and variance that the forward pass of `trace` saw at each batch
    /// norm that uses stored statistics.
    pub fn batch_statistics<B: Backend>(&self, trace: &Trace<B>) -> Vec<BatchStatistics<B>> {
        self.stored_layers()
            .into_iter()
            .filter_map(|(layer, _)| {
                let x = trace.activations[layer].clone();
                let [mean, variance] = self.layers[layer].operation.norm()?.moments(x);
                Some(BatchStatistics {
                    layer,
                    mean,
                    variance,
                })
            })
            .collect()
    }
}
