//! Dense: `y = x W + b`, with `W` as `[inputs, outputs]`.
//!
//! | | equation | multiply-accumulates per example |
//! |---|---|---|
//! | forward | `y = x W + b` | inputs · outputs |
//! | by the input | `dx = dy Wᵀ` | inputs · outputs |
//! | by the weights | `dW = Σ xᵀ dy`, `db = Σ dy` | inputs · outputs |
//!
//! Backward reads its input where `W` adapts, and never its output.

use super::{Backward, Descent, Forward};
use crate::kernels::{Matrix, Start, fold_rows, map_fours, multiply};
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
        let weights = if self.weight.adapts() { product } else { 0 };
        (product, product, weights)
    }

    /// See [`super::Layer::forward`].
    pub fn forward(&self, pass: Forward<'_>) {
        let Forward {
            x,
            y,
            inputs,
            outputs,
            ..
        } = pass;
        let start = match &self.bias {
            None => Start::Zero,
            Some(bias) => Start::Row(bias.read(outputs, pass.words, pass.adapted)),
        };
        let weight = self.weight.read(inputs * outputs, pass.words, pass.adapted);
        let examples = y.len().checked_div(outputs).unwrap_or(0);
        let (x, weight) = (Matrix::new(x, inputs), Matrix::new(weight, outputs));
        multiply(start, x, weight, y, (examples, inputs, outputs));
    }

    /// See [`super::Layer::backward`].
    pub fn backward(&self, pass: Backward<'_>, step: &mut Descent<'_>) {
        let Backward {
            x,
            dy,
            dx,
            inputs,
            outputs,
            ..
        } = pass;
        let examples = dy.len().checked_div(outputs).unwrap_or(0);
        if !dx.is_empty() {
            let weight = step.read(&self.weight, inputs * outputs);
            let weight = Matrix::new(weight, outputs).transposed();
            multiply(
                Start::Zero,
                Matrix::new(dy, outputs),
                weight,
                dx,
                (examples, outputs, inputs),
            );
        }
        let bias = self.bias.as_ref();
        if let Some((bias, rate)) = bias.and_then(|bias| step.begin(bias, outputs)) {
            fold_rows(bias, dy, |b, dy| b - rate * dy);
        }
        if let Some((weight, rate)) = step.begin(&self.weight, inputs * outputs) {
            // The gradient by the output is not needed after this: it takes
            // the rate, so that the weights need one pass only.
            map_fours(dy, |dy| dy * -rate);
            let x = Matrix::new(x, inputs).transposed();
            multiply(
                Start::Sums,
                x,
                Matrix::new(dy, outputs),
                weight,
                (inputs, examples, outputs),
            );
        }
    }
}
