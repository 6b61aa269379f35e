//! What changes over a run: the step size, and the weights of the losses after
//! each inner step.

use serde::{Deserialize, Serialize};

/// How a step size falls over the run, after the warm-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// Not at all.
    #[default]
    Constant,
    /// In a straight line from the full rate to the floor.
    Linear,
    /// Half a cosine from the full rate to the floor (Loshchilov & Hutter 2017,
    /// without restarts).
    Cosine,
}

impl Schedule {
    /// Factor on the rate once `part` of the way is gone, 0 to 1, where it ends
    /// at `floor`.
    pub fn factor(self, part: f64, floor: f64) -> f64 {
        let left = match self {
            Self::Constant => return 1.0,
            Self::Linear => 1.0 - part,
            Self::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * part).cos()),
        };
        floor + (1.0 - floor) * left
    }
}

/// How the query losses after the inner steps are weighted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum StepLoss {
    /// Only the last step counts (MAML).
    #[default]
    Last,
    /// Equal weights at first; over `iterations` those of all but the last
    /// step fall to nearly nothing (MAML++, Antoniou et al. 2019).
    Annealed {
        /// Iterations until only the last step counts.
        iterations: u64,
    },
    /// Fixed weights, one per inner step; they are used as given.
    Fixed {
        /// After step 1, 2, ...
        weights: Vec<f64>,
    },
}

impl StepLoss {
    /// Weight of the query loss after each of `steps` inner steps, that before
    /// the first included, at `iteration`.
    pub fn weights(&self, steps: usize, iteration: u64) -> Vec<f32> {
        let mut weights = vec![0.0; steps + 1];
        match self {
            Self::Annealed { iterations } if steps > 0 && iteration < *iterations => {
                let equal = 1.0 / steps as f32;
                let done = iteration as f32 / *iterations as f32;
                let early = (equal * (1.0 - done)).max(0.03 * equal);
                weights[1..steps].fill(early);
                weights[steps] = 1.0 - early * (steps - 1) as f32;
            }
            Self::Fixed { weights: fixed } => {
                for (weight, fixed) in weights[1..].iter_mut().zip(fixed) {
                    *weight = *fixed as f32;
                }
            }
            Self::Last | Self::Annealed { .. } => weights[steps] = 1.0,
        }
        weights
    }
}
