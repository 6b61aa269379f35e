//! Norms.

use mamlet_formats::{Statistics, Tensor};

use super::{Builder, Made};
use crate::layers::{Layer, Norm, Over};
use crate::model::ModelError;

impl Builder<'_, '_> {
    pub(super) fn batch_norm(
        &mut self,
        statistics: Statistics,
        epsilon: f32,
        gain: Option<Tensor>,
        bias: Option<Tensor>,
    ) -> Made {
        let over = match statistics {
            Statistics::Current => Over::Batch,
            Statistics::Stored {
                mean,
                variance,
                rows,
            } => {
                let channels = self.input.extent.channels as usize;
                let numbers = channels.checked_mul(rows as usize);
                if rows == 0 || mean.adapts || variance.adapts {
                    return Err(ModelError::Norm { layer: self.index });
                }
                Over::Stored {
                    mean: self.param(mean, numbers)?,
                    variance: self.param(variance, numbers)?,
                    rows,
                }
            }
        };
        self.norm(over, epsilon, gain, bias)
    }

    pub(super) fn group_norm(
        &mut self,
        groups: u32,
        epsilon: f32,
        gain: Option<Tensor>,
        bias: Option<Tensor>,
    ) -> Made {
        if self.input.extent.channels.checked_rem(groups) != Some(0) {
            return Err(ModelError::Norm { layer: self.index });
        }
        self.norm(Over::Groups(groups), epsilon, gain, bias)
    }

    #[inline(never)]
    fn norm(
        &mut self,
        over: Over,
        epsilon: f32,
        gain: Option<Tensor>,
        bias: Option<Tensor>,
    ) -> Made {
        if !(epsilon >= 0.0 && epsilon.is_finite()) {
            return Err(ModelError::Norm { layer: self.index });
        }
        let channels = self.input.extent.channels;
        let layer = Layer::Norm(Norm {
            over,
            epsilon,
            channels,
            gain: self.optional(gain, channels)?,
            bias: self.optional(bias, channels)?,
        });
        Ok((Some(layer), self.input))
    }
}
