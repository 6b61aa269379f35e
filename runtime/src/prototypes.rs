//! A head that starts where the support examples lie (Proto-MAML, Triantafillou et al.
//! 2020): with `z` what the layers below make of an example, `n` the examples of a class
//! and `μ` the mean of their `z`,
//!
//! ```text
//! w = 2 τ μ        b = −τ ‖μ‖²
//! ```
//!
//! The sums are taken where the weights lie, so this needs no memory, and in the order of
//! the examples and then of the features, so that examples computed all at once and one
//! by one give the same bits.

use mamlet_formats::{HeadStart, Loss, Score};

use crate::fault::{Checked, Internal, ensure};
use crate::kernels::{rows, rows_mut};
use crate::layers::Layer;
use crate::model::{ModelError, ModelInfo, Stage};
use crate::param::Param;

/// The bias of a class without examples, whose weights are 0: it is never predicted, and
/// as its probability is 0, no step moves it.
pub(crate) const UNTAUGHT: f32 = -1e30;

/// The last layer, dense, of a model whose head starts at prototypes.
#[derive(Clone, Copy)]
pub(crate) struct Head {
    /// `[inputs, outputs]`
    weight: Param,
    /// `[outputs]`
    bias: Param,
    inputs: usize,
    outputs: usize,
    temperature: f32,
}

/// The temperature of an artifact's head, where its model can have prototypes.
///
/// # Errors
/// [`ModelError::Head`] where it cannot.
pub(crate) fn check(
    start: HeadStart,
    info: &ModelInfo<'_>,
    stages: &[Stage],
) -> Result<Option<f32>, ModelError> {
    let temperature = match start {
        HeadStart::Stored => return Ok(None),
        HeadStart::Prototypes { temperature } => temperature,
        _ => return Err(ModelError::Head),
    };
    let rejects = info.rejection.map(|rejection| rejection.score);
    let classifies = info.loss == Loss::CrossEntropy && rejects != Some(Score::NoClass);
    match classifies && Head::of(stages, temperature).is_ok() {
        true => Ok(Some(temperature)),
        false => Err(ModelError::Head),
    }
}

impl Head {
    /// That of a model.
    pub fn of(stages: &[Stage], temperature: f32) -> Checked<Self> {
        let Some(Layer::Dense(dense)) = stages.last().map(|stage| stage.layer) else {
            return Err(Internal);
        };
        let bias = dense.bias.ok_or(Internal)?;
        ensure(dense.positions == 1 && dense.weight.adapts() && bias.adapts())?;
        Ok(Head {
            weight: dense.weight,
            bias,
            inputs: dense.inputs as usize,
            outputs: dense.outputs as usize,
            temperature,
        })
    }

    /// Begins the sums.
    pub fn clear(&self, adapted: &mut [f32]) -> Checked {
        self.weight.write(adapted)?.fill(0.0);
        Ok(())
    }

    /// Adds examples `[examples, inputs]` of some classes to the sums.
    pub fn add(&self, z: &[f32], classes: &[f32], adapted: &mut [f32]) -> Checked {
        let sums = self.weight.write(adapted)?;
        for (z, class) in rows(z, self.inputs).zip(classes) {
            for (sums, z) in rows_mut(sums, self.outputs).zip(z) {
                *sums.get_mut(*class as usize).ok_or(Internal)? += z;
            }
        }
        Ok(())
    }

    /// Makes the weights of the sums over examples of these classes.
    pub fn finish(&self, classes: &[f32], adapted: &mut [f32]) -> Checked {
        for class in 0..self.outputs {
            let own = classes.iter().filter(|&&of| of as usize == class);
            let count = own.count() as f32;
            let mut square = 0.0;
            if count > 0.0 {
                for sums in rows_mut(self.weight.write(adapted)?, self.outputs) {
                    let weight = sums.get_mut(class).ok_or(Internal)?;
                    let mean = *weight / count;
                    square += mean * mean;
                    *weight = 2.0 * self.temperature * mean;
                }
            }
            let biases = self.bias.write(adapted)?;
            *biases.get_mut(class).ok_or(Internal)? = match count > 0.0 {
                true => -self.temperature * square,
                false => UNTAUGHT,
            };
        }
        Ok(())
    }
}
