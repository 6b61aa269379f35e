//! Trained networks side by side, as one: an ensemble that adapts as a whole.
//!
//! The bodies of `n` members become one body whose convolutions have `n` times the
//! groups, so no member sees another's features. One head reads them all, and its
//! logits are the mean of the members' logits,
//!
//! ```text
//! f(x) = 1/n · Σₘ Wₘ xₘ + bₘ,   so   W = [W₁ … Wₙ] / n   and   b = Σₘ bₘ / n.
//! ```
//!
//! All adapt by one gradient, that of the loss of this mean, `δ = ∂L/∂f`. To a member's
//! own weights it is worth `δ xₘᵀ` in `W`, which counts `1/n`, and `1/n` of what it would
//! be in its body: with a rate of `α/n` for the weights of the head, `α` for its bias
//! and `n·α` below it, members that are equal adapt as each would by itself. `α` is the
//! mean of the members' rates.
//!
//! Of heads that start at prototypes ([`HeadStart::Prototype`]), squared distances between
//! features side by side are the sums of the members'. With the temperature
//!
//! ```text
//! τ = (τ₁ · … · τₙ)^(1/n) / n
//! ```
//!
//! the joined head starts at the mean of the members' logits where the members have the
//! same temperature, and near it where they have not.
//!
//! Networks that differ in nothing but their seed are wrong about different examples,
//! and their mean is wrong less often than each of them (Dvornik, Schmid & Mairal 2019,
//! *Diversity with Cooperation: Ensemble Methods for Few-Shot Classification*).

use crate::config::{Config, Difference, Keep, RateConfig, difference};
use crate::meta::RatePer;
use crate::model::TrainedModel;
use crate::nn::{
    HeadStart, LayerSpec, LayerStatistics, Moments, Network, NetworkError, TensorInfo, head,
};
use crate::run::Checkpoint;

/// Why networks cannot be joined.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// There is nothing to join.
    #[error("{0} runs are named, at least 2 are joined")]
    TooFew(usize),
    /// The runs are not of one experiment.
    #[error(
        "{title} is of another experiment than the first run, whose value stands first:\n{}\n\
         only name, title, seed, model.from, [meta] and [record] may differ",
        differences.iter().map(|d| format!("  {d}")).collect::<Vec<_>>().join("\n")
    )]
    Differs {
        /// Title of the run.
        title: String,
        /// Key by key.
        differences: Vec<Difference>,
    },
    /// A layer has no form that keeps members apart.
    #[error("layers.{layer} ({name}) cannot be joined: {remedy}")]
    Layer {
        /// Which layer, from 0.
        layer: usize,
        /// Its kind.
        name: &'static str,
        /// What joined networks need.
        remedy: &'static str,
    },
    /// The adaptation of a mean is not the mean of adaptations.
    #[error("{key}: {remedy}")]
    Recipe {
        /// The key of the config.
        key: &'static str,
        /// What joined networks need.
        remedy: &'static str,
    },
    /// The joined network cannot be built.
    #[error(transparent)]
    Network(#[from] NetworkError),
}

/// A run whose result is the members side by side: its config and its only checkpoint.
/// `name` becomes that of the run.
///
/// # Errors
/// [`JoinError`] where members differ in more than their seed and training, and where
/// layers or recipe have no joined form.
pub fn join(members: &[TrainedModel], name: &str) -> Result<(Config, Checkpoint), JoinError> {
    let [first, others @ ..] = members else {
        return Err(JoinError::TooFew(0));
    };
    if others.is_empty() {
        return Err(JoinError::TooFew(1));
    }
    for other in others {
        let mut differences = difference(&first.config, &other.config);
        let free = ["name", "title", "seed", "model.from", "meta.", "record."];
        differences.retain(|d| !free.iter().any(|key| d.key.starts_with(key)));
        if !differences.is_empty() {
            return Err(JoinError::Differs {
                title: other.config.title.clone(),
                differences,
            });
        }
    }
    check_recipe(first)?;
    let count = members.len();
    let mut config = first.config.clone();
    config.name = name.into();
    config.title = format!("{}, {count} joined", config.title);
    config.model.layers = layers(&config.model.layers, count)?;
    config.model.from = None;
    config.record.keep = Keep::Last;
    if let RateConfig::Fixed { value, .. } = config.inner.rate {
        config.inner.rate = RateConfig::Learned {
            initial: value,
            initial_body: None,
            meta_rate: 0.01,
            per: RatePer::Tensor,
            per_step: false,
        };
    }
    let network = config.network()?;
    let channels = channels(&first.config.model.layers);
    let tensors = network.tensors().iter().zip(first.network.tensors());
    let params = tensors.enumerate().flat_map(|(at, (info, of_member))| {
        let parts: Vec<&[f32]> = members.iter().map(|m| &m.params[at][..]).collect();
        match head::contains(&network, info) {
            true if info.is_weight() => {
                // A feature is a channel at a position.
                let outputs = network.output();
                scaled(side_by_side(&parts, channels * outputs), count)
            }
            true => joined_bias(config.model.head, &parts),
            // Filters and channels are the columns.
            false => side_by_side(&parts, of_member.shape.last().copied().unwrap_or(1)),
        }
    });
    let checkpoint = Checkpoint {
        config_digest: config.digest(),
        iteration: config.meta.iterations,
        params: params.collect(),
        log_rates: rates(&network, members)
            .iter()
            .map(|rate| rate.ln())
            .collect(),
        statistics: statistics(members),
        ..Default::default()
    };
    Ok((config, checkpoint))
}

/// That members adapt by plain gradient steps with a rate for every tensor.
fn check_recipe(model: &TrainedModel) -> Result<(), JoinError> {
    let refuse = |key, remedy| Err(JoinError::Recipe { key, remedy });
    if !model.config.method.has_recipe() {
        return refuse(
            "method",
            "joined networks adapt by a recipe, as \"maml\" has",
        );
    }
    if model.config.inner.rate.is_per_parameter() {
        return refuse(
            "inner.rate.per",
            "joined networks have a rate per \"tensor\"",
        );
    }
    if model.config.inner.clip_norm.is_some() {
        return refuse(
            "inner.clip_norm",
            "joined networks take steps in proportion to the gradient; train without it",
        );
    }
    Ok(())
}

/// The layers of `count` networks of these layers side by side.
fn layers(of_member: &[LayerSpec], count: usize) -> Result<Vec<LayerSpec>, JoinError> {
    // Up to the first convolution, all members see the same numbers.
    let mut apart = false;
    let last = of_member.len().saturating_sub(1);
    let mut layers = Vec::with_capacity(of_member.len());
    for (layer, spec) in of_member.iter().enumerate() {
        let refuse = |remedy| JoinError::Layer {
            layer,
            name: spec.kind(),
            remedy,
        };
        // One head reads all members.
        let is_head = layer == last && apart && matches!(spec, LayerSpec::Dense(_));
        layers.push(match is_head {
            true => spec.clone(),
            false => spec.facts().joined(count, apart).map_err(refuse)?,
        });
        apart |= matches!(spec, LayerSpec::Conv(_));
    }
    Ok(layers)
}

/// Channels that come to the head of a member.
fn channels(layers: &[LayerSpec]) -> usize {
    let mut channels = 1;
    for spec in layers {
        if let LayerSpec::Conv(conv) = spec {
            channels = conv.filters;
        }
    }
    channels
}

/// `[rows, width]` of every member as `[rows, members · width]`.
fn side_by_side(parts: &[&[f32]], width: usize) -> Vec<f32> {
    let rows = parts.first().map_or(0, |part| part.len() / width);
    let row = |row: usize| {
        let parts = parts.iter();
        parts.flat_map(move |part| &part[row * width..(row + 1) * width])
    };
    (0..rows).flat_map(row).copied().collect()
}

/// The bias of the head, whose first element is `ln τ` where it starts at prototypes.
fn joined_bias(start: HeadStart, parts: &[&[f32]]) -> Vec<f32> {
    let mut bias = mean(parts);
    if let (HeadStart::Prototype, Some(logarithm)) = (start, bias.first_mut()) {
        *logarithm -= (parts.len() as f32).ln();
    }
    bias
}

fn scaled(mut values: Vec<f32>, count: usize) -> Vec<f32> {
    values.iter_mut().for_each(|value| *value /= count as f32);
    values
}

fn mean(parts: &[&[f32]]) -> Vec<f32> {
    let length = parts.first().map_or(0, |part| part.len());
    let sum = |at: usize| parts.iter().map(|part| part[at]).sum::<f32>();
    scaled((0..length).map(sum).collect(), parts.len())
}

/// The rates of the joined network, step after step and tensor after tensor.
fn rates(network: &Network, members: &[TrainedModel]) -> Vec<f32> {
    let count = members.len() as f32;
    let adapting: Vec<&TensorInfo> = network.tensors().iter().filter(|i| i.adapts).collect();
    let tables: Vec<_> = members.iter().filter_map(|m| m.rates.as_ref()).collect();
    let rows = match members.first().map(|member| &member.config.inner.rate) {
        Some(RateConfig::Learned { .. }) => tables.iter().map(|table| table.rows().len()).min(),
        // All rows are the same.
        _ => Some(1),
    };
    let mut rates = Vec::new();
    for row in 0..rows.unwrap_or(0) {
        for (at, info) in adapting.iter().enumerate() {
            let sum: f32 = tables.iter().map(|table| table.rows()[row][at]).sum();
            let factor = match (head::contains(network, info), info.is_weight()) {
                (true, true) => 1.0 / count,
                (true, false) => 1.0,
                (false, _) => count,
            };
            rates.push(factor * sum / count);
        }
    }
    rates
}

/// The stored statistics of batch norms side by side.
fn statistics(members: &[TrainedModel]) -> Vec<LayerStatistics> {
    let of_first = members.first().map_or(&[][..], |m| m.network.statistics());
    let of_layer = |(layer, first): (usize, &LayerStatistics)| {
        let of_row = |row: usize| {
            let rows = || {
                members
                    .iter()
                    .map(move |m| &m.network.statistics()[layer].rows[row])
            };
            Moments {
                mean: rows().flat_map(|row| row.mean.clone()).collect(),
                variance: rows().flat_map(|row| row.variance.clone()).collect(),
            }
        };
        LayerStatistics {
            layer: first.layer,
            rows: (0..first.rows.len()).map(of_row).collect(),
        }
    };
    of_first.iter().enumerate().map(of_layer).collect()
}

#[cfg(test)]
mod tests;
