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
use crate::kernels::{Matrix, multiply_add};
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
        let Forward { x, y, inputs, outputs, .. } = pass;
        match &self.bias {
            None => y.fill(0.0),
            Some(bias) => {
                let bias = bias.read(pass.words, pass.adapted);
                for y in y.chunks_exact_mut(outputs) {
                    y.iter_mut().zip(bias).for_each(|(y, &b)| *y = b);
                }
            }
        }
        let weight = Matrix::new(self.weight.read(pass.words, pass.adapted), outputs);
        let examples = y.len() / outputs;
        multiply_add(Matrix::new(x, inputs), weight, y, (examples, inputs, outputs));
    }

    /// See [`super::Layer::backward`].
    pub fn backward(&self, pass: Backward<'_>, step: &mut Descent<'_>) {
        let Backward { x, dy, dx, inputs, outputs, .. } = pass;
        let examples = dy.len() / outputs;
        if !dx.is_empty() {
            let weight = Matrix::new(step.read(&self.weight), outputs).transposed();
            dx.fill(0.0);
            multiply_add(Matrix::new(dy, outputs), weight, dx, (examples, outputs, inputs));
        }
        if let Some((bias, rate)) = self.bias.as_ref().and_then(|bias| step.begin(bias)) {
            for dy in dy.chunks_exact(outputs) {
                bias.iter_mut().zip(dy).for_each(|(b, dy)| *b -= rate * dy);
            }
        }
        if let Some((weight, rate)) = step.begin(&self.weight) {
            // The gradient by the output is not needed after this: it takes
            // the rate, so that the weights need one pass only.
            dy.iter_mut().for_each(|dy| *dy *= -rate);
            let x = Matrix::new(x, inputs).transposed();
            multiply_add(x, Matrix::new(dy, outputs), weight, (inputs, examples, outputs));
        }
    }
}
