//! The losses: one file each, with value and gradient.

mod cross_entropy;
mod huber;
mod mse;
#[cfg(feature = "policy")]
mod policy;

use mamlet_formats::{Loss, Reduction};

use crate::fault::{Checked, ensure};

/// A loss, and what its sum over examples is multiplied with.
#[derive(Clone, Copy)]
pub(crate) struct Objective {
    pub loss: Loss,
    /// One, or one over the numbers averaged.
    pub scale: f32,
    /// Numbers per output.
    pub outputs: usize,
}

impl Objective {
    /// For a support set of so many examples.
    pub fn new(loss: Loss, reduction: Reduction, examples: usize, outputs: usize) -> Self {
        let examples = examples as f32;
        let averaged = match loss {
            Loss::MeanSquaredError | Loss::Huber { .. } => examples * outputs as f32,
            _ => examples,
        };
        let scale = match reduction {
            Reduction::Sum => 1.0,
            _ => 1.0 / averaged,
        };
        Objective {
            loss,
            scale,
            outputs,
        }
    }

    /// Writes the gradient by the outputs `y` to `dy` (both `[examples,
    /// outputs]`) and adds the losses of the examples to `sum`, before they
    /// are scaled. `targets` is `[examples, targets]`: see [`targets`].
    ///
    /// # Errors
    /// [`Internal`](crate::fault::Internal) where one of them has another length.
    pub fn value_and_gradient(
        &self,
        y: &[f32],
        targets: &[f32],
        dy: &mut [f32],
        examples: usize,
        sum: &mut f32,
    ) -> Checked {
        let Objective { scale, outputs, .. } = *self;
        let wanted = self::targets(self.loss, outputs).checked_mul(examples);
        ensure(wanted == Some(targets.len()))?;
        ensure(outputs.checked_mul(examples) == Some(y.len()) && y.len() == dy.len())?;
        match self.loss {
            Loss::CrossEntropy => {
                return cross_entropy::value_and_gradient(y, targets, dy, outputs, scale, sum);
            }
            Loss::Huber { delta } => huber::value_and_gradient(y, targets, dy, delta, scale, sum),
            #[cfg(feature = "policy")]
            Loss::GaussianPolicy => return policy::gaussian(y, targets, dy, outputs, scale, sum),
            #[cfg(feature = "policy")]
            Loss::CategoricalPolicy => {
                return policy::categorical(y, targets, dy, outputs, scale, sum);
            }
            _ => mse::value_and_gradient(y, targets, dy, scale, sum),
        }
        Ok(())
    }
}

/// Numbers per target: as many as outputs, a class, or an action and its
/// weight.
pub(crate) fn targets(loss: Loss, outputs: usize) -> usize {
    match loss {
        Loss::CrossEntropy => 1,
        Loss::CategoricalPolicy => 2,
        Loss::GaussianPolicy => outputs / 2 + 1,
        _ => outputs,
    }
}

/// Whether this runtime has the loss, and a network with so many outputs can
/// have it.
pub(crate) fn fits(loss: Loss, outputs: usize) -> bool {
    match loss {
        Loss::MeanSquaredError => true,
        Loss::Huber { delta } => delta > 0.0 && delta.is_finite(),
        // Classes are stored as f32, which is exact up to here.
        Loss::CrossEntropy => (2..=1 << 24).contains(&outputs),
        #[cfg(feature = "policy")]
        Loss::CategoricalPolicy => (2..=1 << 24).contains(&outputs),
        #[cfg(feature = "policy")]
        Loss::GaussianPolicy => outputs >= 2 && outputs.is_multiple_of(2),
        _ => false,
    }
}
