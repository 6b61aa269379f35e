//! Elementwise activations. Forward and backward overwrite their argument, and
//! backward needs the output alone: every derivative below is a function of it.
//!
//! | | `y` | `dx / dy` |
//! |---|---|---|
//! | ReLU | `max(x, 0)` | `[y > 0]` |
//! | leaky ReLU | `x` if `x > 0`, else `slope · x` | `1` if `y > 0`, else `slope` |
//! | tanh | `tanh x` | `1 − y²` |
//! | sigmoid | `1 / (1 + e⁻ˣ)` | `y (1 − y)` |
//!
//! NaN stays NaN, so that the loss shows it.

use super::Backward;
use crate::math;

/// An elementwise function.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Activation {
    Relu,
    LeakyRelu { slope: f32 },
    Tanh,
    Sigmoid,
}

impl Activation {
    /// `x ← f(x)`
    pub fn forward(&self, x: &mut [f32]) {
        match *self {
            Activation::Relu => {
                for x in x.iter_mut().filter(|x| **x <= 0.0) {
                    *x = 0.0;
                }
            }
            Activation::LeakyRelu { slope } => {
                for x in x.iter_mut().filter(|x| **x <= 0.0) {
                    *x *= slope;
                }
            }
            Activation::Tanh => x.iter_mut().for_each(|x| *x = math::tanh(*x)),
            Activation::Sigmoid => x.iter_mut().for_each(|x| *x = math::sigmoid(*x)),
        }
    }

    /// `dy ← dy · f′`
    pub fn backward(&self, pass: Backward<'_>) {
        let pairs = pass.dy.iter_mut().zip(pass.y);
        match *self {
            Activation::Relu => {
                for (dy, _) in pairs.filter(|(_, y)| **y <= 0.0) {
                    *dy = 0.0;
                }
            }
            Activation::LeakyRelu { slope } => {
                for (dy, _) in pairs.filter(|(_, y)| **y <= 0.0) {
                    *dy *= slope;
                }
            }
            Activation::Tanh => pairs.for_each(|(dy, y)| *dy *= 1.0 - y * y),
            Activation::Sigmoid => pairs.for_each(|(dy, y)| *dy *= y * (1.0 - y)),
        }
    }
}
