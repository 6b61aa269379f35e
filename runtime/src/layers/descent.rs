//! One gradient step on the adapting weights.
//!
//! | examples | step 0 | later steps |
//! |---|---|---|
//! | all at once | reads flash, writes the adapted weights | in place |
//! | one by one | reads flash, writes the adapted weights | reads the adapted weights, writes the spare ones |
//! | with an optimiser | reads flash, writes the gradient | reads the adapted weights, writes the gradient |
//!
//! The layer that owns a tensor gives the target a value before it adds to it, so
//! nobody has to clear the target.

use crate::fault::{Checked, Internal};
use crate::kernels::copy;
use crate::param::Param;

/// One gradient step on the adapting weights.
pub(crate) struct Descent<'w> {
    /// The artifact's tensors.
    pub words: &'w [f32],
    /// The weights that the backward pass reads, where they are not the ones
    /// it writes: adapted weights, or nothing for the initialisation.
    pub source: Option<&'w [f32]>,
    /// What is written, adapting tensors one behind the other.
    pub target: &'w mut [f32],
    /// What it is written upon.
    pub base: Base,
    /// A rate per adapting tensor.
    pub rates: Rates<'w>,
}

/// What a gradient is subtracted from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Base {
    /// The weights that the backward pass reads.
    Source,
    /// What the target holds.
    Target,
    /// Zero: with a rate of −1 what is written is the gradient itself.
    Zero,
}

/// The learning rates of a step.
#[derive(Clone, Copy)]
pub(crate) enum Rates<'w> {
    /// One per adapting tensor.
    PerTensor(&'w [f32]),
    /// The same for all.
    Uniform(f32),
}

impl Rates<'_> {
    /// The rate of an adapting tensor.
    pub fn of(&self, column: usize) -> Checked<f32> {
        match self {
            Rates::Uniform(rate) => Ok(*rate),
            Rates::PerTensor(rates) => rates.get(column).copied().ok_or(Internal),
        }
    }
}

impl Descent<'_> {
    /// The values of `param` before the step.
    pub fn read(&self, param: &Param) -> &[f32] {
        param.read(self.words, self.source.unwrap_or(self.target))
    }

    /// The values of `param` to subtract from, and the rate to do it with;
    /// `None` where it does not adapt. Call it once a tensor, after the last
    /// [`read`](Self::read) of it.
    #[inline(never)]
    pub fn begin(&mut self, param: &Param) -> Checked<Option<(&mut [f32], f32)>> {
        let Some(column) = param.column() else {
            return Ok(None);
        };
        let rate = self.rates.of(column)?;
        let values = param.write(self.target)?;
        match (self.base, self.source) {
            (Base::Zero, _) => values.fill(0.0),
            (Base::Source, Some(source)) => copy(values, param.read(self.words, source))?,
            (Base::Source, None) | (Base::Target, _) => {}
        }
        Ok(Some((values, rate)))
    }
}
