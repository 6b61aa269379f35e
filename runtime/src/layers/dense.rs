//! Dense: `y = x W + b`, with `W` as `[inputs, outputs]`.
//!
//! | | equation | multiply-accumulates per example |
//! |---|---|---|
//! | forward | `y = x W + b` | inputs · outputs |
//! | by the input | `dx = dy Wᵀ` | inputs · outputs |
//! | by the weights | `dW = Σ xᵀ dy`, `db = Σ dy` | inputs · outputs |
//!
//! Backward reads its input where `W` adapts, and never its output.

use super::{Backward, Descent};
use crate::kernels;
use crate::model::Param;

/// A fully connected layer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dense {
    /// `[inputs, outputs]`
    pub weight: Param,
    /// `[outputs]`
    pub bias: Option<Param>,
}

impl Dense {
    /// See [`super::Layer::cost`].
    pub fn cost(&self, inputs: u32, outputs: u32) -> (u64, u64, u64) {
        let product = u64::from(inputs) * u64::from(outputs);
        let weights = if self.weight.adapts.is_some() { product } else { 0 };
        (product, product, weights)
    }

    /// See [`super::Layer::forward`].
    pub fn forward(&self, words: &[f32], adapted: &[f32], x: &[f32], y: &mut [f32], inputs: usize) {
        let weight = self.weight.read(words, adapted);
        let bias = self.bias.as_ref().map(|bias| bias.read(words, adapted));
        kernels::product(x, weight, bias, y, inputs);
    }

    /// See [`super::Layer::backward`].
    pub fn backward(&self, pass: Backward<'_>, step: &mut Descent<'_>, inputs: usize) {
        let Backward { x, dy, dx, .. } = pass;
        let outputs = self.weight.length as usize / inputs.max(1);
        if !dx.is_empty() {
            kernels::product_transposed(dy, step.read(&self.weight), dx, inputs);
        }
        if let Some((bias, rate)) = self.bias.as_ref().and_then(|bias| step.begin(bias)) {
            kernels::descend_rows(dy, rate, bias);
        }
        if let Some((weight, rate)) = step.begin(&self.weight) {
            // The gradient by the output is not needed after this: it takes
            // the rate, so that the weights need one pass only.
            dy.iter_mut().for_each(|dy| *dy *= rate);
            kernels::descend_outer(x, dy, weight, inputs, outputs);
        }
    }
}
