//! Softmax over the channels of every position: `y = exp(x) / Σ exp(x)`,
//! `dx = y (dy − Σ dy y)`. Both overwrite their argument.

use super::{Backward, Descent, Forward, Operation};
use crate::kernels::{map, rows, rows_mut, zip};
use crate::math;

/// Shares of one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Softmax {
    pub channels: u32,
}

impl Operation for Softmax {
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
        for y in rows_mut(pass.y, self.channels as usize) {
            let total = exponentials(y);
            map(y, |y| y / total);
        }
    }

    fn backward(&self, pass: Backward<'_>, _: &mut Descent<'_>) {
        let channels = self.channels as usize;
        for (dy, y) in rows_mut(pass.dy, channels).zip(rows(pass.y, channels)) {
            let mean = dy.iter().zip(y).fold(0.0, |sum, (dy, y)| sum + dy * y);
            zip(dy, y, |dy, y| y * (dy - mean));
        }
    }
}

/// `x ← exp(x − max x)`, and the sum of that. The largest is subtracted so
/// that no exponential overflows.
pub(crate) fn exponentials(x: &mut [f32]) -> f32 {
    let largest = largest(x);
    let mut total = 0.0;
    for x in x {
        *x = math::exp(*x - largest);
        total += *x;
    }
    total
}

/// The largest number; NaNs do not count.
pub(crate) fn largest(x: &[f32]) -> f32 {
    x.iter()
        .fold(f32::NEG_INFINITY, |a, &b| if b > a { b } else { a })
}
