//! Pools on 8-bit integers. Means are rounded, halves away from zero.

use crate::fault::{Checked, Internal, ensure};
use crate::geometry::Extent;
use crate::layers::pool::{Kind, Pool};
use crate::layers::{Backward, Descent, Forward, Operation};

/// A [`Pool`]: the largest integer under the window, or the mean, rounded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IntegerPool(pub Pool);

/// The mean over all positions, per channel, rounded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IntegerGlobalAverage {
    pub channels: u32,
    pub positions: u32,
}

impl Operation for IntegerPool {
    fn fits(&self, inputs: usize, outputs: usize) -> bool {
        let window = self.0.window;
        window.fits_words(window.channels, inputs, outputs)
    }

    fn forward(&self, pass: Forward<'_>) -> Checked {
        let x: &[i8] = bytemuck::cast_slice(pass.x);
        let y: &mut [i8] = bytemuck::cast_slice_mut(pass.y);
        let Pool { kind, window } = self.0;
        window.within(x, y, window.channels)?;
        let channels = window.channels as usize;
        for (output, y) in window.outputs().zip(y.chunks_mut(channels.max(1))) {
            for (channel, y) in y.iter_mut().enumerate() {
                let seen = window.seen(output);
                let values = seen.filter_map(|(_, at)| x.get(at * channels + channel).copied());
                *y = match kind {
                    Kind::Maximum => values.max().unwrap_or(0),
                    Kind::Average => rounded_mean(values),
                };
            }
        }
        Ok(())
    }

    fn backward(&self, _: Backward<'_>, _: &mut Descent<'_>) -> Checked {
        Err(Internal)
    }
}

impl Operation for IntegerGlobalAverage {
    fn fits(&self, inputs: usize, outputs: usize) -> bool {
        let below = Extent {
            height: 1,
            width: self.positions,
            channels: self.channels,
        };
        let words = [below, Extent::flat(self.channels)].map(Extent::words);
        words == [Some(inputs), Some(outputs)]
    }

    fn forward(&self, pass: Forward<'_>) -> Checked {
        let x: &[i8] = bytemuck::cast_slice(pass.x);
        let y: &mut [i8] = bytemuck::cast_slice_mut(pass.y);
        let (channels, positions) = (self.channels as usize, self.positions as usize);
        ensure(x.len() >= channels * positions && y.len() >= channels)?;
        for (channel, y) in y.iter_mut().take(channels).enumerate() {
            let places = (0..positions).map(|at| at * channels + channel);
            *y = rounded_mean(places.filter_map(|at| x.get(at).copied()));
        }
        Ok(())
    }

    fn backward(&self, _: Backward<'_>, _: &mut Descent<'_>) -> Checked {
        Err(Internal)
    }
}

/// Halves away from zero.
fn rounded_mean(values: impl Iterator<Item = i8>) -> i8 {
    let (sum, count) = values.fold((0i32, 0i32), |(sum, count), value| {
        (sum + i32::from(value), count + 1)
    });
    let half = if sum < 0 { -(count / 2) } else { count / 2 };
    (sum + half).checked_div(count).unwrap_or(0) as i8
}
