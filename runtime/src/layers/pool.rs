//! Pools: the largest or the mean value under a window, per channel, and the
//! mean over all positions. What lies outside of the input does not count.
//!
//! | | `y` | gradient by the input |
//! |---|---|---|
//! | maximum | `max x[p + k]` | to the first of the largest values |
//! | average | `Σ x[p + k] / n` | `dy / n` to each of the n values inside |
//!
//! Backward of the maximum reads its input and looks for the largest value once
//! more, which takes no memory.

use super::{Backward, Descent, Forward, Operation, row, row_mut};
use crate::fault::{Checked, Internal};
use crate::geometry::Sliding;
use crate::kernels::{copy, rows, rows_mut, zip};

/// What a pool takes of the values under its window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Maximum,
    Average,
}

/// A window that slides over the input.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pool {
    pub kind: Kind,
    pub window: Sliding,
}

impl Operation for Pool {
    fn reads_input(&self) -> bool {
        self.kind == Kind::Maximum
    }

    fn fits(&self, inputs: usize, outputs: usize) -> bool {
        self.window.fits(self.window.channels, inputs, outputs)
    }

    fn forward(&self, pass: Forward<'_>) -> Checked {
        let Forward {
            x,
            y,
            inputs,
            outputs,
            ..
        } = pass;
        let channels = self.window.channels as usize;
        for (x, y) in rows(x, inputs).zip(rows_mut(y, outputs)) {
            for (output, y) in self.window.outputs().zip(rows_mut(y, channels)) {
                let mut seen = self.window.seen(output);
                let (_, first) = seen.next().ok_or(Internal)?;
                copy(y, row(x, first, channels))?;
                let mut count = 1.0;
                for (_, at) in seen {
                    count += 1.0;
                    let x = row(x, at, channels);
                    match self.kind {
                        // A NaN wins, so that the loss shows it.
                        Kind::Maximum => zip(y, x, |y, x| if x <= y { y } else { x })?,
                        Kind::Average => zip(y, x, |y, x| y + x)?,
                    }
                }
                if self.kind == Kind::Average {
                    y.iter_mut().for_each(|y| *y /= count);
                }
            }
        }
        Ok(())
    }

    fn backward(&self, pass: Backward<'_>, _: &mut Descent<'_>) -> Checked {
        let Backward {
            x,
            dy,
            dx,
            inputs,
            outputs,
            ..
        } = pass;
        if dx.is_empty() {
            return Ok(());
        }
        let channels = self.window.channels as usize;
        dx.fill(0.0);
        match self.kind {
            Kind::Maximum => {
                let examples = rows(x, inputs).zip(rows(dy, outputs));
                for ((x, dy), dx) in examples.zip(rows_mut(dx, inputs)) {
                    for (output, dy) in self.window.outputs().zip(rows(dy, channels)) {
                        for (channel, dy) in dy.iter().enumerate() {
                            let at = self.largest(x, output, channel);
                            *dx.get_mut(at).ok_or(Internal)? += dy;
                        }
                    }
                }
            }
            Kind::Average => {
                for (dy, dx) in rows(dy, outputs).zip(rows_mut(dx, inputs)) {
                    for (output, dy) in self.window.outputs().zip(rows(dy, channels)) {
                        let count = self.window.seen(output).count() as f32;
                        for (_, at) in self.window.seen(output) {
                            let dx = row_mut(dx, at, channels);
                            zip(dx, dy, |dx, dy| dx + dy / count)?;
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

impl Pool {
    /// Where the first of the largest values lies that an output sees.
    fn largest(&self, x: &[f32], output: (usize, usize), channel: usize) -> usize {
        let channels = self.window.channels as usize;
        let places = self.window.seen(output);
        let mut places = places.map(|(_, at)| at * channels + channel);
        let value = |at: usize| x.get(at).copied().unwrap_or(f32::NAN);
        let first = places.next().unwrap_or(0);
        let keep = |best, at| if value(at) <= value(best) { best } else { at };
        places.fold(first, keep)
    }
}

/// The mean over all positions, per channel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GlobalAverage {
    pub positions: u32,
}

impl Operation for GlobalAverage {
    fn fits(&self, inputs: usize, outputs: usize) -> bool {
        outputs.checked_mul(self.positions as usize) == Some(inputs)
    }

    fn forward(&self, pass: Forward<'_>) -> Checked {
        let Forward {
            x,
            y,
            inputs,
            outputs,
            ..
        } = pass;
        let count = self.positions as f32;
        for (x, y) in rows(x, inputs).zip(rows_mut(y, outputs)) {
            y.fill(0.0);
            for x in rows(x, outputs) {
                zip(y, x, |y, x| y + x)?;
            }
            y.iter_mut().for_each(|y| *y /= count);
        }
        Ok(())
    }

    fn backward(&self, pass: Backward<'_>, _: &mut Descent<'_>) -> Checked {
        let Backward {
            dy,
            dx,
            inputs,
            outputs,
            ..
        } = pass;
        let count = self.positions as f32;
        for (dy, dx) in rows(dy, outputs).zip(rows_mut(dx, inputs)) {
            for dx in rows_mut(dx, outputs) {
                zip(dx, dy, |_, dy| dy / count)?;
            }
        }
        Ok(())
    }
}
