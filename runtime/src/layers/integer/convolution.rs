//! Convolutions on 8-bit integers.

use super::{Integers, Read, packed, weight_bytes};
use crate::fault::{Checked, Internal};
use crate::geometry::Sliding;
use crate::kernels::integer::{Patches, scratch};
use crate::layers::{Backward, Descent, Forward, Macs, Operation};

/// A convolution over rows and columns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IntegerConv {
    pub window: Sliding,
    pub filters: u32,
    /// How many groups; they divide the channels and the filters.
    pub groups: u32,
    pub integers: Integers,
}

/// A convolution of every channel by itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IntegerDepthwise {
    pub window: Sliding,
    pub integers: Integers,
}

impl IntegerConv {
    /// Channels and filters of a group.
    fn of_group(&self) -> (usize, usize) {
        let of = |count: u32| count.checked_div(self.groups).unwrap_or(0) as usize;
        (of(self.window.channels), of(self.filters))
    }

    /// Numbers of a group under the window.
    fn length(&self) -> usize {
        let (channels, _) = self.of_group();
        self.window.taps().saturating_mul(channels)
    }

    /// What an output sees of the channels of a group, those from `channel` on.
    fn patch(&self, x: &[i8], position: usize, channel: usize, to: &mut [i8]) {
        let Sliding { rows, columns, .. } = self.window;
        let channels = self.window.channels as usize;
        let (own, _) = self.of_group();
        let (width, wide) = (usize::from(columns.input), usize::from(columns.output));
        let taps = usize::from(columns.size);
        let (line, column) = (position / wide.max(1), position % wide.max(1));
        let inside = columns.taps(column);
        if rows.taps(line).len() < usize::from(rows.size) || inside.len() < taps {
            let length = self.length();
            to.iter_mut()
                .take(length)
                .for_each(|to| *to = self.integers.input_zero);
        }
        // The channels of a group lie side by side under one tap, all of them
        // under all taps.
        let (runs, length) = match own == channels {
            true => (1, inside.len() * channels),
            false => (inside.len(), own),
        };
        for ky in rows.taps(line) {
            let from = rows.input_of(line, ky) * width + columns.input_of(column, inside.start);
            for run in 0..runs {
                let x = x.get((from + run) * channels + channel..).unwrap_or(&[]);
                let x = x.get(..length).unwrap_or(&[]);
                let to = to.get_mut((ky * taps + inside.start + run) * own..);
                copy(to.unwrap_or(&mut []), x);
            }
        }
    }

    /// How many numbers the weights of a group take.
    fn weights(&self) -> Option<usize> {
        let (_, filters) = self.of_group();
        packed(self.length(), filters)
    }
}

impl Operation for IntegerConv {
    fn scratch(&self) -> usize {
        scratch(self.length())
    }

    fn weight_bytes(&self) -> usize {
        let weights = self.weights();
        let weights = weights.and_then(|weights| weights.checked_mul(self.groups as usize));
        weight_bytes(weights, self.filters as usize)
    }

    fn macs(&self) -> Macs {
        let (channels, _) = self.of_group();
        let weights = (channels as u64).saturating_mul(u64::from(self.filters));
        Macs {
            forward: weights.saturating_mul(self.window.inside()),
            ..Macs::default()
        }
    }

    fn fits(&self, inputs: usize, outputs: usize) -> bool {
        self.window.fits_words(self.filters, inputs, outputs)
    }

    fn forward(&self, pass: Forward<'_>) -> Checked {
        let filters = self.filters as usize;
        let of_group = self.weights().ok_or(Internal)?;
        let weights = of_group.checked_mul(self.groups as usize);
        let read = self.integers.read(pass.words, weights, filters)?;
        let x: &[i8] = bytemuck::cast_slice(pass.x);
        let y: &mut [i8] = bytemuck::cast_slice_mut(pass.y);
        let Sliding { rows, columns, .. } = self.window;
        let positions = usize::from(rows.output) * usize::from(columns.output);
        self.window.within(x, y, self.filters)?;
        let y = y.get_mut(..filters * positions).ok_or(Internal)?;
        let (own_channels, own_filters) = self.of_group();
        for group in 0..self.groups as usize {
            let (channel, filter) = (group * own_channels, group * own_filters);
            let read = read.from(group * of_group, filter)?;
            let patch = |patches: &mut Patches<'_>, lane, position| {
                patches.set(lane, |to| self.patch(x, position, channel, to));
            };
            let y = (y.get_mut(filter..).ok_or(Internal)?, filters);
            read.products(self.length(), own_filters, y, pass.scratch, patch)?;
        }
        Ok(())
    }

    fn backward(&self, _: Backward<'_>, _: &mut Descent<'_>) -> Checked {
        Err(Internal)
    }
}

impl IntegerDepthwise {
    /// The sums of products of `N` channels of an output, those from `channel`
    /// on. What lies outside of the input is its zero.
    fn sums<const N: usize>(
        &self,
        read: &Read<'_>,
        x: &[i8],
        (line, column): (usize, usize),
        channel: usize,
    ) -> [i32; N] {
        let Sliding { rows, columns, .. } = self.window;
        let channels = self.window.channels as usize;
        let outside = [self.integers.input_zero; N];
        let (inside, across) = (rows.taps(line), columns.taps(column));
        let mut sums = [0i32; N];
        let mut weights = channel;
        for ky in 0..usize::from(rows.size) {
            let line = rows.input_of(line, ky) * usize::from(columns.input);
            for kx in 0..usize::from(columns.size) {
                let seen = inside.contains(&ky) && across.contains(&kx);
                let at = (line + columns.input_of(column, kx)) * channels + channel;
                let x = match seen {
                    true => x.get(at..).and_then(<[i8]>::first_chunk::<N>),
                    false => Some(&outside),
                };
                let weight = read
                    .weight
                    .get(weights..)
                    .and_then(<[i8]>::first_chunk::<N>);
                if let (Some(x), Some(weight)) = (x, weight) {
                    let product = |i: usize| i32::from(x[i]) * i32::from(weight[i]);
                    sums = core::array::from_fn(|i| sums[i].wrapping_add(product(i)));
                }
                weights += channels;
            }
        }
        sums
    }
}

impl Operation for IntegerDepthwise {
    fn weight_bytes(&self) -> usize {
        let channels = self.window.channels as usize;
        weight_bytes(self.window.taps().checked_mul(channels), channels)
    }

    fn macs(&self) -> Macs {
        let channels = u64::from(self.window.channels);
        Macs {
            forward: self.window.inside().saturating_mul(channels),
            ..Macs::default()
        }
    }

    fn fits(&self, inputs: usize, outputs: usize) -> bool {
        self.window
            .fits_words(self.window.channels, inputs, outputs)
    }

    fn forward(&self, pass: Forward<'_>) -> Checked {
        let channels = self.window.channels as usize;
        let x: &[i8] = bytemuck::cast_slice(pass.x);
        let y: &mut [i8] = bytemuck::cast_slice_mut(pass.y);
        let weights = self.window.taps().checked_mul(channels);
        let read = self.integers.read(pass.words, weights, channels)?;
        self.window.within(x, y, self.window.channels)?;
        for (output, y) in self.window.outputs().zip(y.chunks_mut(channels.max(1))) {
            let (eights, rest) = y.as_chunks_mut::<8>();
            let done = channels.saturating_sub(rest.len());
            for (channel, y) in (0..done).step_by(8).zip(eights) {
                let sums = self.sums::<8>(&read, x, output, channel);
                let sums = (channel..).zip(sums);
                for (y, (channel, sum)) in y.iter_mut().zip(sums) {
                    *y = read.scaling.output(channel, sum);
                }
            }
            for (channel, y) in (done..).zip(rest) {
                let [sum] = self.sums(&read, x, output, channel);
                *y = read.scaling.output(channel, sum);
            }
        }
        Ok(())
    }

    fn backward(&self, _: Backward<'_>, _: &mut Descent<'_>) -> Checked {
        Err(Internal)
    }
}

/// Copies to the beginning of a longer piece.
fn copy(to: &mut [i8], from: &[i8]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}
