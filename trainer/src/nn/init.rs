//! Initial weights. Biases and context vectors start at 0, gains at 1.

use rand::RngExt;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

use super::{Fill, Network};
use crate::random::{Stream, generator};

/// Distribution of the initial weights of dense layers and convolutions.
/// `in` is the number of inputs an output depends on, `out` the number of
/// outputs an input has a part in: `kh·kw·channels` and `kh·kw·filters` for a
/// convolution.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Init {
    /// Normal with standard deviation `sigma`, redrawn beyond two of them. The
    /// authors' code uses `sigma = 0.01`.
    TruncatedNormal {
        /// Standard deviation before truncation.
        sigma: f64,
    },
    /// Normal with `sigma = sqrt(2 / in)` (He et al. 2015), for ReLU.
    He,
    /// Uniform in `±sqrt(6 / (in + out))` (Glorot & Bengio 2010).
    Glorot,
}

/// Draws all parameters of `network`, one vector per tensor, row-major.
/// `index` tells apart several draws of one run (the nets of the parameter
/// averaging baseline).
pub fn draw(network: &Network, init: Init, seed: u64, index: u64) -> Vec<Vec<f32>> {
    let mut rng = generator(seed, Stream::Init, index);
    network
        .tensors()
        .iter()
        .map(|info| {
            let (fan_in, fan_out) = match info.fill {
                Fill::Random { fan_in, fan_out } => (fan_in as f32, fan_out as f32),
                Fill::Constant(value) => return vec![value; info.len()],
            };
            (0..info.len())
                .map(|_| match init {
                    Init::TruncatedNormal { sigma } => loop {
                        let z: f32 = rng.sample(StandardNormal);
                        if z.abs() <= 2.0 {
                            break sigma as f32 * z;
                        }
                    },
                    Init::He => {
                        let z: f32 = rng.sample(StandardNormal);
                        (2.0 / fan_in).sqrt() * z
                    }
                    Init::Glorot => {
                        let bound = (6.0 / (fan_in + fan_out)).sqrt();
                        rng.random_range(-bound..=bound)
                    }
                })
                .collect()
        })
        .collect()
}
