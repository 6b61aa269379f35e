//! Softmax over the channels of every position: `y = exp(x) / Σ exp(x)`,
//! `dx = y (dy − Σ dy y)`. Both overwrite their argument.

use super::{Backward, Descent, Forward, Operation};
use crate::fault::Checked;
use crate::kernels::{map, rows, rows_mut, zip};
use crate::math::exponentials;

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

    fn fits(&self, inputs: usize, outputs: usize) -> bool {
        inputs == outputs && inputs.checked_rem(self.channels as usize) == Some(0)
    }

    fn forward(&self, pass: Forward<'_>) -> Checked {
        for y in rows_mut(pass.y, self.channels as usize) {
            let total = exponentials(y);
            map(y, |y| y / total);
        }
        Ok(())
    }

    fn backward(&self, pass: Backward<'_>, _: &mut Descent<'_>) -> Checked {
        let channels = self.channels as usize;
        for (dy, y) in rows_mut(pass.dy, channels).zip(rows(pass.y, channels)) {
            let mean = dy.iter().zip(y).fold(0.0, |sum, (dy, y)| sum + dy * y);
            zip(dy, y, |dy, y| y * (dy - mean))?;
        }
        Ok(())
    }
}
