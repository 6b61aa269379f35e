//! Depthwise convolution: `y[p, c] = Σ x[p + k, c] w[k, c] + b[c]`, with `w` as
//! `[window, channels]`. Every channel by itself, neighbours in memory side by
//! side.
//!
//! | | multiply-accumulates per example |
//! |---|---|
//! | each of forward, by the input, by the weights | taps inside · channels |
//!
//! Backward reads its input where `w` adapts, and never its output.

use super::dense::{descend_bias, start};
use super::{Backward, Descent, Forward, Macs, Operation, row, row_mut};
use crate::fault::Checked;
use crate::geometry::Sliding;
use crate::kernels::{map_eights, multiply_add_each, rows, rows_mut};
use crate::param::Param;

/// A convolution of every channel by itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Depthwise {
    pub window: Sliding,
    /// `[window, channels]`
    pub weight: Param,
    /// `[channels]`
    pub bias: Option<Param>,
}

impl Operation for Depthwise {
    fn params(&self) -> [Option<Param>; 2] {
        [Some(self.weight), self.bias]
    }

    fn reads_input(&self) -> bool {
        self.weight.adapts()
    }

    fn macs(&self) -> Macs {
        let product = self
            .window
            .inside()
            .saturating_mul(u64::from(self.window.channels));
        Macs {
            forward: product,
            input: product,
            weights: if self.weight.adapts() { product } else { 0 },
        }
    }

    fn fits(&self, inputs: usize, outputs: usize) -> bool {
        self.window.fits(self.window.channels, inputs, outputs)
    }

    fn forward(&self, pass: Forward<'_>) -> Checked {
        let Forward {
            words,
            adapted,
            inputs,
            outputs,
            ..
        } = pass;
        let channels = self.window.channels as usize;
        start(self.bias.as_ref(), words, adapted, pass.y, channels)?;
        let weight = self.weight.read(words, adapted);
        for (x, y) in rows(pass.x, inputs).zip(rows_mut(pass.y, outputs)) {
            for (output, y) in self.window.outputs().zip(rows_mut(y, channels)) {
                for (tap, at) in self.window.seen(output) {
                    let weight = row(weight, tap, channels);
                    multiply_add_each(y, row(x, at, channels), weight)?;
                }
            }
        }
        Ok(())
    }

    fn backward(&self, pass: Backward<'_>, step: &mut Descent<'_>) -> Checked {
        let Backward {
            x,
            dy,
            dx,
            inputs,
            outputs,
            ..
        } = pass;
        let channels = self.window.channels as usize;
        if !dx.is_empty() {
            let weight = step.read(&self.weight);
            dx.fill(0.0);
            for (dy, dx) in rows(dy, outputs).zip(rows_mut(dx, inputs)) {
                for (output, dy) in self.window.outputs().zip(rows(dy, channels)) {
                    for (tap, at) in self.window.seen(output) {
                        let dx = row_mut(dx, at, channels);
                        multiply_add_each(dx, dy, row(weight, tap, channels))?;
                    }
                }
            }
        }
        descend_bias(self.bias.as_ref(), dy, step)?;
        if let Some((weight, rate)) = step.begin(&self.weight)? {
            map_eights(dy, |dy| dy * -rate);
            for (x, dy) in rows(x, inputs).zip(rows(dy, outputs)) {
                for (output, dy) in self.window.outputs().zip(rows(dy, channels)) {
                    for (tap, at) in self.window.seen(output) {
                        let weight = row_mut(weight, tap, channels);
                        multiply_add_each(weight, row(x, at, channels), dy)?;
                    }
                }
            }
        }
        Ok(())
    }
}
