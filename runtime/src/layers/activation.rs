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
use crate::fault::Checked;
use crate::kernels::{clear_if_negative, map, map_eights, zip, zip_fours};
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

    fn fits(&self, inputs: usize, outputs: usize) -> bool {
        inputs == outputs
    }

    fn forward(&self, pass: Forward<'_>) -> Checked {
        let x = pass.y;
        match *self {
            Activation::Relu => map_eights(x, relu),
            Activation::Relu6 => map_eights(x, |x| match x {
                _ if x <= 0.0 => 0.0,
                _ if x >= 6.0 => 6.0,
                _ => x,
            }),
            Activation::LeakyRelu { slope } => {
                map_eights(x, |x| if x <= 0.0 { slope * x } else { x });
            }
            Activation::Tanh => map(x, math::tanh),
            Activation::Sigmoid => map(x, math::sigmoid),
        }
        Ok(())
    }

    fn backward(&self, pass: Backward<'_>, _: &mut Descent<'_>) -> Checked {
        let Backward { y, dy, .. } = pass;
        match *self {
            // The output of ReLU is never below zero, nor is it −0.
            Activation::Relu => zip_fours(dy, y, |dy, y| if y.to_bits() == 0 { 0.0 } else { dy }),
            Activation::Relu6 => zip_fours(dy, y, |dy, y| match y {
                _ if y <= 0.0 || y >= 6.0 => 0.0,
                _ => dy,
            }),
            Activation::LeakyRelu { slope } => {
                zip_fours(dy, y, |dy, y| if y <= 0.0 { slope * dy } else { dy })
            }
            Activation::Tanh => zip(dy, y, |dy, y| dy * (1.0 - y * y)),
            Activation::Sigmoid => zip(dy, y, |dy, y| dy * (y * (1.0 - y))),
        }
    }
}

/// `max(x, 0)`, and NaN of NaN: `if x <= 0.0 { 0.0 } else { x }` without a
/// comparison, which takes a Cortex-M4 four instructions.
///
/// As integers, all numbers that are negative, −∞ and −0 among them, are at most
/// −0x80_0000. The sum below is negative for them and for nothing else: NaNs with
/// a sign are above, and it does not overflow for those without.
fn relu(x: f32) -> f32 {
    let bits = x.to_bits();
    let sign = bits.cast_signed().saturating_add(0x7F_FFFF);
    f32::from_bits(clear_if_negative(bits, sign))
}

#[cfg(test)]
mod tests {
    use super::relu;

    #[test]
    fn relu_compares_as_the_formula_does() {
        let magnitudes = [0, 1, 0x7F_FFFF, 0x80_0000, 0x3F80_0000, 0x7F7F_FFFF];
        let not_numbers = [0x7F80_0000, 0x7F80_0001, 0x7FC0_0000, 0x7FFF_FFFF];
        for magnitude in magnitudes.into_iter().chain(not_numbers) {
            for sign in [0, 1 << 31] {
                let x = f32::from_bits(magnitude | sign);
                let expected = if x <= 0.0 { 0.0 } else { x };
                assert_eq!(relu(x).to_bits(), f32::to_bits(expected), "{x}");
            }
        }
    }
}
