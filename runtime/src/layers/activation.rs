//! Elementwise activations. Forward and backward overwrite their argument, and
//! backward needs the output alone: every derivative below is a function of it.
//!
//! | | `y` | `dx / dy` |
//! |---|---|---|
//! | ReLU | `max(x, 0)` | `[y > 0]` |
//! | ReLU6 | `min(max(x, 0), 6)` | `[0 < y < 6]` |
//! | leaky ReLU | `x` if `x > 0`, else `slope · x` | `1` if `y > 0`, else `slope` |
//! | tanh | `tanh x` | `1 − y²` |
//! | sigmoid | `1 / (1 + e⁻ˣ)` | `y (1 − y)` |
//!
//! NaN stays NaN, so that the loss shows it.

use super::{Backward, Descent, Forward, Operation};
use crate::kernels::{map, map_fours, zip, zip_fours};
use crate::math;

/// An elementwise function.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Activation {
    Relu,
    Relu6,
    LeakyRelu { slope: f32 },
    Tanh,
    Sigmoid,
}

impl Operation for Activation {
    fn overwrites(&self) -> bool {
        true
    }

    fn gradient_in_place(&self) -> bool {
        true
    }

    fn reads_output(&self) -> bool {
        true
    }

    fn forward(&self, pass: Forward<'_>) {
        let x = pass.y;
        match *self {
            Activation::Relu => map_fours(x, |x| if x <= 0.0 { 0.0 } else { x }),
            Activation::Relu6 => map_fours(x, |x| match x {
                _ if x <= 0.0 => 0.0,
                _ if x >= 6.0 => 6.0,
                _ => x,
            }),
            Activation::LeakyRelu { slope } => {
                map_fours(x, |x| if x <= 0.0 { slope * x } else { x });
            }
            Activation::Tanh => map(x, math::tanh),
            Activation::Sigmoid => map(x, math::sigmoid),
        }
    }

    fn backward(&self, pass: Backward<'_>, _: &mut Descent<'_>) {
        let Backward { y, dy, .. } = pass;
        match *self {
            Activation::Relu => zip_fours(dy, y, |dy, y| if y <= 0.0 { 0.0 } else { dy }),
            Activation::Relu6 => zip_fours(dy, y, |dy, y| match y {
                _ if y <= 0.0 || y >= 6.0 => 0.0,
                _ => dy,
            }),
            Activation::LeakyRelu { slope } => {
                zip_fours(dy, y, |dy, y| if y <= 0.0 { slope * dy } else { dy });
            }
            Activation::Tanh => zip(dy, y, |dy, y| dy * (1.0 - y * y)),
            Activation::Sigmoid => zip(dy, y, |dy, y| dy * (y * (1.0 - y))),
        }
    }
}
