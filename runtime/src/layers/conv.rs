//! Convolution: `y[p] = Σ x[p + k] W[k] + b`, with `W` as `[window, channels,
//! filters]`. In groups, a part of the filters sees a part of the channels, and `W`
//! is `[window, channels of a group, filters]`.
//!
//! No patch is ever copied: with channels last, the inputs that a row of
//! outputs sees through a row of the window are the rows of a matrix that
//! overlap in memory, `[outputs, window columns · channels]`, so each pass is a
//! few matrix products per row, or per column where that fills more tiles.
//! Outputs at the left and right edge see fewer columns of the window. The channels
//! of a group lie side by side under one tap alone, so with several groups there is
//! a product for each tap.
//!
//! | | multiply-accumulates per example |
//! |---|---|
//! | each of forward, by the input, by the weights | taps inside · channels of a group · filters |
//!
//! Backward reads its input where `W` adapts, and never its output.

use core::ops::Range;

use super::dense::{descend_bias, start};
use super::{Backward, Descent, Forward, Macs, Operation, part};
use crate::fault::Checked;
use crate::geometry::Sliding;
use crate::kernels::{Matrix, MatrixMut, Start, TALL, map_eights, multiply, rows, rows_mut};
use crate::param::Param;

/// A convolution over rows and columns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Conv {
    pub window: Sliding,
    pub filters: u32,
    /// How many groups; they divide the channels and the filters.
    pub groups: u32,
    /// `[window, channels of a group, filters]`
    pub weight: Param,
    /// `[filters]`
    pub bias: Option<Param>,
}

/// Outputs at regular distances that see the same taps of one row of the
/// window, and the inputs and weights that make them.
#[derive(Clone, Copy)]
struct Block {
    outputs: usize,
    /// Inputs per output: columns of the window times channels of the group.
    inputs: usize,
    /// Numbers from the first output's inputs to the next's.
    x_stride: usize,
    y_stride: usize,
    /// Where they begin in an example, and in the weights.
    x_at: usize,
    y_at: usize,
    weight_at: usize,
}

impl Conv {
    /// Channels and filters of a group.
    fn of_group(&self) -> (usize, usize) {
        let of = |count: u32| count.checked_div(self.groups).unwrap_or(0) as usize;
        (of(self.window.channels), of(self.filters))
    }

    /// Calls `f` with all blocks of one example.
    fn blocks(&self, mut f: impl FnMut(Block) -> Checked) -> Checked {
        let Sliding { rows, columns, .. } = self.window;
        for group in 0..self.groups as usize {
            for ky in 0..usize::from(rows.size) {
                for (run, taps) in columns.runs() {
                    let mut tap = taps.start;
                    while tap < taps.end {
                        let past = if self.groups == 1 { taps.end } else { tap + 1 };
                        self.blocks_of(group, ky, tap..past, run.clone(), &mut f)?;
                        tap = past;
                    }
                }
            }
        }
        Ok(())
    }

    /// The blocks of one group that see `taps` of row `ky` of the window, in columns
    /// `run`.
    fn blocks_of(
        &self,
        group: usize,
        ky: usize,
        taps: Range<usize>,
        run: Range<usize>,
        f: &mut impl FnMut(Block) -> Checked,
    ) -> Checked {
        let Sliding { rows, columns, .. } = self.window;
        let (channels, filters) = (self.window.channels as usize, self.filters as usize);
        let (own_channels, own_filters) = self.of_group();
        let x_line = usize::from(columns.input) * channels;
        let y_line = usize::from(columns.output) * filters;
        let lines = rows.outputs(ky);
        let tap = ky * usize::from(columns.size) + taps.start;
        let count = run.len();
        let block = |line: usize, column: usize| Block {
            outputs: count,
            inputs: taps.len() * own_channels,
            x_stride: usize::from(columns.stride) * channels,
            y_stride: filters,
            x_at: rows.input_of(line, ky) * x_line
                + columns.input_of(column, taps.start) * channels
                + group * own_channels,
            y_at: line * y_line + column * filters + group * own_filters,
            weight_at: tap * own_channels * filters + group * own_filters,
        };
        // Along lines or down columns: what fills more tiles.
        let along = lines.len() * (run.len() % TALL);
        let down = run.len() * (lines.len() % TALL);
        if along < down || (along == down && run.len() >= lines.len()) {
            for line in lines {
                f(block(line, run.start))?;
            }
        } else {
            for column in run {
                f(Block {
                    outputs: lines.len(),
                    x_stride: usize::from(rows.stride) * x_line,
                    y_stride: y_line,
                    ..block(lines.start, column)
                })?;
            }
        }
        Ok(())
    }

    /// `dx += dy Wᵀ`, tap by tap: through one tap, no two outputs see the same
    /// input.
    fn input_gradient(&self, weight: &[f32], dy: &[f32], dx: &mut [f32]) -> Checked {
        for group in 0..self.groups as usize {
            for ky in 0..usize::from(self.window.rows.size) {
                for kx in 0..usize::from(self.window.columns.size) {
                    self.input_gradient_of(group, [ky, kx], weight, dy, dx)?;
                }
            }
        }
        Ok(())
    }

    /// The part of one group through one tap.
    fn input_gradient_of(
        &self,
        group: usize,
        [ky, kx]: [usize; 2],
        weight: &[f32],
        dy: &[f32],
        dx: &mut [f32],
    ) -> Checked {
        let Sliding { rows, columns, .. } = self.window;
        let (channels, filters) = (self.window.channels as usize, self.filters as usize);
        let (own_channels, own_filters) = self.of_group();
        let tap = ky * usize::from(columns.size) + kx;
        let weight_at = tap * own_channels * filters + group * own_filters;
        let weight = part(weight, weight_at..weight.len());
        let run = columns.outputs(kx);
        for line in rows.outputs(ky) {
            let y_at = line * usize::from(columns.output) + run.start;
            let y_at = y_at * filters + group * own_filters;
            let x_at = rows.input_of(line, ky) * usize::from(columns.input)
                + columns.input_of(run.start, kx);
            let x_at = x_at * channels + group * own_channels;
            let dx = dx.get_mut(x_at..).unwrap_or(&mut []);
            multiply(
                Start::Sums,
                Matrix::new(part(dy, y_at..dy.len()), filters),
                Matrix::new(weight, filters).transposed(),
                MatrixMut::new(dx, usize::from(columns.stride) * channels),
                (run.len(), own_filters, own_channels),
            )?;
        }
        Ok(())
    }
}

impl Operation for Conv {
    fn params(&self) -> [Option<Param>; 2] {
        [Some(self.weight), self.bias]
    }

    fn reads_input(&self) -> bool {
        self.weight.adapts()
    }

    fn macs(&self) -> Macs {
        let (channels, _) = self.of_group();
        let weights = (channels as u64).saturating_mul(u64::from(self.filters));
        let product = weights.saturating_mul(self.window.inside());
        Macs {
            forward: product,
            input: product,
            weights: if self.weight.adapts() { product } else { 0 },
        }
    }

    fn fits(&self, inputs: usize, outputs: usize) -> bool {
        self.window.fits(self.filters, inputs, outputs)
    }

    fn forward(&self, pass: Forward<'_>) -> Checked {
        let Forward {
            words,
            adapted,
            inputs,
            outputs,
            ..
        } = pass;
        let filters = self.filters as usize;
        let (_, own_filters) = self.of_group();
        start(self.bias.as_ref(), words, adapted, pass.y, filters)?;
        let weight = self.weight.read(words, adapted);
        for (x, y) in rows(pass.x, inputs).zip(rows_mut(pass.y, outputs)) {
            self.blocks(|block| {
                let x = part(x, block.x_at..x.len());
                let weight = part(weight, block.weight_at..weight.len());
                let y = y.get_mut(block.y_at..).unwrap_or(&mut []);
                multiply(
                    Start::Sums,
                    Matrix::new(x, block.x_stride),
                    Matrix::new(weight, filters),
                    MatrixMut::new(y, block.y_stride),
                    (block.outputs, block.inputs, own_filters),
                )
            })?;
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
        let filters = self.filters as usize;
        let (_, own_filters) = self.of_group();
        if !dx.is_empty() {
            let weight = step.read(&self.weight);
            dx.fill(0.0);
            for (dy, dx) in rows(dy, outputs).zip(rows_mut(dx, inputs)) {
                self.input_gradient(weight, dy, dx)?;
            }
        }
        descend_bias(self.bias.as_ref(), dy, step)?;
        if let Some((weight, rate)) = step.begin(&self.weight)? {
            map_eights(dy, |dy| dy * -rate);
            for (x, dy) in rows(x, inputs).zip(rows(dy, outputs)) {
                self.blocks(|block| {
                    let x = part(x, block.x_at..x.len());
                    let dy = part(dy, block.y_at..dy.len());
                    let weight = weight.get_mut(block.weight_at..).unwrap_or(&mut []);
                    multiply(
                        Start::Sums,
                        Matrix::new(x, block.x_stride).transposed(),
                        Matrix::new(dy, block.y_stride),
                        MatrixMut::new(weight, filters),
                        (block.inputs, block.outputs, own_filters),
                    )
                })?;
            }
        }
        Ok(())
    }
}
