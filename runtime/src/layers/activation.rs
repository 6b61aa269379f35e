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
            Activation::LeakyRelu { slope } => map(x, &|x| if x <= 0.0 { slope * x } else { x }),
            Activation::Tanh => map(x, &math::tanh),
            Activation::Sigmoid => map(x, &math::sigmoid),
        }
    }

    /// `dy ← dy · f′`
    pub fn backward(&self, pass: Backward<'_>) {
        let Backward { y, dy, .. } = pass;
        match *self {
            Activation::Relu => {
                for (dy, _) in dy.iter_mut().zip(y).filter(|(_, y)| **y <= 0.0) {
                    *dy = 0.0;
                }
            }
            Activation::LeakyRelu { slope } => {
                scale(dy, y, &|y| if y <= 0.0 { slope } else { 1.0 });
            }
            Activation::Tanh => scale(dy, y, &|y| 1.0 - y * y),
            Activation::Sigmoid => scale(dy, y, &|y| y * (1.0 - y)),
        }
    }
}

/// `x ← f(x)`. One loop in flash for all functions but the most common.
fn map(x: &mut [f32], f: &dyn Fn(f32) -> f32) {
    x.iter_mut().for_each(|x| *x = f(*x));
}

/// `dy ← dy · slope(y)`, with the derivative as a function of the output.
fn scale(dy: &mut [f32], y: &[f32], slope: &dyn Fn(f32) -> f32) {
    dy.iter_mut().zip(y).for_each(|(dy, &y)| *dy *= slope(y));
}
