//! Dense: `y = x W + b`, with `W` as `[inputs, outputs]`, for every position
//! of every example: of a vector there is one position, and a convolution whose
//! window is one position is this layer too.
//!
//! | | equation | multiply-accumulates per position |
//! |---|---|---|
//! | forward | `y = x W + b` | inputs · outputs |
//! | by the input | `dx = dy Wᵀ` | inputs · outputs |
//! | by the weights | `dW = Σ xᵀ dy`, `db = Σ dy` | inputs · outputs |
//!
//! Backward reads its input where `W` adapts, and never its output.

use super::{Backward, Descent, Forward, Macs, Operation};
use crate::fault::{Checked, ensure};
use crate::kernels::{Matrix, MatrixMut, Start, map_eights, multiply};
#[cfg(feature = "convolution")]
use crate::kernels::{copy, rows_mut};
use crate::param::Param;

/// A fully connected layer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dense {
    /// `[inputs, outputs]`
    pub weight: Param,
    /// `[outputs]`
    pub bias: Option<Param>,
    pub inputs: u32,
    pub outputs: u32,
    /// Positions per example.
    pub positions: u32,
}

impl Operation for Dense {
    fn params(&self) -> [Option<Param>; 2] {
        [Some(self.weight), self.bias]
    }

    fn reads_input(&self) -> bool {
        self.weight.adapts()
    }

    fn macs(&self) -> Macs {
        let weights = u64::from(self.inputs).saturating_mul(u64::from(self.outputs));
        let product = weights.saturating_mul(u64::from(self.positions));
        Macs {
            forward: product,
            input: product,
            weights: if self.weight.adapts() { product } else { 0 },
        }
    }

    fn fits(&self, inputs: usize, outputs: usize) -> bool {
        let of = |numbers: u32| (numbers as usize).checked_mul(self.positions as usize);
        of(self.inputs) == Some(inputs) && of(self.outputs) == Some(outputs)
    }

    fn forward(&self, pass: Forward<'_>) -> Checked {
        let Forward {
            words,
            adapted,
            x,
            y,
            examples,
            ..
        } = pass;
        let (inputs, outputs) = (self.inputs as usize, self.outputs as usize);
        let positions = self.positions as usize * examples;
        let start = match &self.bias {
            None => Start::Zero,
            Some(bias) => Start::Row(bias.read(words, adapted)),
        };
        let weight = self.weight.read(words, adapted);
        multiply(
            start,
            Matrix::new(x, inputs),
            Matrix::new(weight, outputs),
            MatrixMut::new(y, outputs),
            (positions, inputs, outputs),
        )
    }

    fn backward(&self, pass: Backward<'_>, step: &mut Descent<'_>) -> Checked {
        let Backward {
            x,
            dy,
            dx,
            examples,
            ..
        } = pass;
        let (inputs, outputs) = (self.inputs as usize, self.outputs as usize);
        let positions = self.positions as usize * examples;
        if !dx.is_empty() {
            let weight = step.read(&self.weight);
            multiply(
                Start::Zero,
                Matrix::new(dy, outputs),
                Matrix::new(weight, outputs).transposed(),
                MatrixMut::new(dx, inputs),
                (positions, outputs, inputs),
            )?;
        }
        descend_bias(self.bias.as_ref(), dy, step)?;
        if let Some((weight, rate)) = step.begin(&self.weight)? {
            // The gradient by the output is not needed after this: it takes
            // the rate, so that the weights need one pass only.
            map_eights(dy, |dy| dy * -rate);
            multiply(
                Start::Sums,
                Matrix::new(x, inputs).transposed(),
                Matrix::new(dy, outputs),
                MatrixMut::new(weight, outputs),
                (inputs, positions, outputs),
            )?;
        }
        Ok(())
    }
}

/// `y ← b` for every position, or zero where there is no bias.
#[cfg(feature = "convolution")]
pub(super) fn start(
    bias: Option<&Param>,
    words: &[f32],
    adapted: &[f32],
    y: &mut [f32],
    outputs: usize,
) -> Checked {
    match bias {
        None => y.fill(0.0),
        Some(bias) => {
            let bias = bias.read(words, adapted);
            for y in rows_mut(y, outputs) {
                copy(y, bias)?;
            }
        }
    }
    Ok(())
}

/// `b ← b − rate Σ dy`
pub(super) fn descend_bias(bias: Option<&Param>, dy: &[f32], step: &mut Descent<'_>) -> Checked {
    let Some(bias) = bias else {
        return Ok(());
    };
    if let Some((bias, rate)) = step.begin(bias)? {
        let outputs = bias.len();
        let positions = dy.len().checked_div(outputs).unwrap_or(0);
        ensure(positions * outputs == dy.len())?;
        // A row of A that is −rate throughout.
        let rates = Matrix {
            values: &[-rate],
            strides: (0, 0),
        };
        multiply(
            Start::Sums,
            rates,
            Matrix::new(dy, outputs),
            MatrixMut::new(bias, outputs),
            (1, positions, outputs),
        )?;
    }
    Ok(())
}
