//! Normalisation: `y = γ x̂ + β` with `x̂ = (x − mean) · r` and
//! `r = 1 / √(variance + ε)`, per channel.
//!
//! | | mean and (biased) variance over | gradient by the input |
//! |---|---|---|
//! | batch norm, current | all examples and positions of a channel | `r (γ dy − mean(γ dy) − x̂ mean(γ dy x̂))` |
//! | batch norm, stored | fixed, a row per inner step | `r γ dy` |
//! | group norm | all positions and channels of a group, per example | as current |
//!
//! `dγ = Σ dy x̂`, `dβ = Σ dy`. Statistics are computed once more on the way
//! back instead of being kept, so backward reads its input and needs no memory
//! beside it.

use super::dense::descend_bias;
use super::{Backward, Descent, Forward, Operation, part};
use crate::fault::{Checked, ensure};
use crate::param::Param;

/// A normalisation of channels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Norm {
    pub over: Over,
    pub epsilon: f32,
    pub channels: u32,
    /// `γ [channels]`; one where there is none.
    pub gain: Option<Param>,
    /// `β [channels]`; zero where there is none.
    pub bias: Option<Param>,
}

/// What shares mean and variance.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Over {
    /// A channel of the whole batch.
    Batch,
    /// Nothing: they are `[rows, channels]` in the artifact.
    Stored {
        mean: Param,
        variance: Param,
        rows: u32,
    },
    /// So many groups of channels of one example.
    Groups(u32),
}

/// Numbers that share mean and variance: `width` side by side at every one of
/// `positions`.
#[derive(Clone, Copy)]
struct Group {
    /// The first channel.
    channel: usize,
    width: usize,
    /// Where the first number lies, and how far the next position is.
    at: usize,
    stride: usize,
    positions: usize,
}

/// What a group is normalised by.
#[derive(Clone, Copy)]
struct Moments {
    mean: f32,
    /// `1 / √(variance + ε)`
    scale: f32,
}

impl Norm {
    /// The groups of a batch of `numbers`, of which one example has `inputs`.
    fn groups(&self, numbers: usize, inputs: usize) -> impl Iterator<Item = Group> + use<> {
        let channels = self.channels as usize;
        let (spans, width, span) = match self.over {
            // The whole batch is one span, every channel a group.
            Over::Batch | Over::Stored { .. } => (1, 1, numbers),
            Over::Groups(groups) => {
                let width = channels.checked_div(groups as usize).unwrap_or(0);
                let examples = numbers.checked_div(inputs).unwrap_or(0);
                (examples, width, inputs)
            }
        };
        let of_span = move |start: usize| {
            let first = (0..channels).step_by(width.max(1));
            first.map(move |channel| Group {
                channel,
                width,
                at: start + channel,
                stride: channels,
                positions: span.checked_div(channels).unwrap_or(0),
            })
        };
        (0..spans).flat_map(move |index| of_span(index * span))
    }

    /// Mean and scale of a group of `x`.
    fn moments(&self, words: &[f32], x: &[f32], group: Group, step: usize) -> Moments {
        let (mean, variance) = match &self.over {
            Over::Stored {
                mean,
                variance,
                rows,
            } => {
                let row = step.min((*rows as usize).saturating_sub(1));
                let at = row * self.channels as usize + group.channel;
                let value = |param: &Param| param.read(words, &[]).get(at).copied();
                (value(mean), value(variance))
            }
            Over::Batch | Over::Groups(_) => {
                let count = (group.width * group.positions) as f32;
                let numbers = || group.parts(x).flatten();
                let mean = numbers().fold(0.0, |sum, x| sum + x) / count;
                let square = |sum, x: &f32| sum + (x - mean) * (x - mean);
                (Some(mean), Some(numbers().fold(0.0, square) / count))
            }
        };
        let variance = variance.unwrap_or(f32::NAN);
        Moments {
            mean: mean.unwrap_or(f32::NAN),
            scale: 1.0 / libm::sqrtf(variance + self.epsilon),
        }
    }

    /// Whether the values of a parameter are there for all channels. Groups then
    /// have theirs, too.
    fn covers(&self, param: &Option<Param>, values: &[f32]) -> Checked {
        ensure(param.is_none() || values.len() == self.channels as usize)
    }

    /// Whether mean and variance depend on the input.
    fn depends_on_input(&self) -> bool {
        !matches!(self.over, Over::Stored { .. })
    }
}

impl Group {
    /// Where the group's numbers lie, position by position.
    fn ranges(self) -> impl Iterator<Item = core::ops::Range<usize>> {
        let of = move |position| {
            let at = self.at + position * self.stride;
            at..at + self.width
        };
        (0..self.positions).map(of)
    }

    /// The numbers of the group, position by position.
    fn parts(self, x: &[f32]) -> impl Iterator<Item = &[f32]> {
        self.ranges().map(|range| part(x, range))
    }

    /// The values of a parameter for the channels of the group.
    fn values(self, param: &[f32]) -> &[f32] {
        part(param, self.channel..self.channel + self.width)
    }
}

impl Moments {
    fn normalise(self, x: f32) -> f32 {
        (x - self.mean) * self.scale
    }
}

impl Operation for Norm {
    fn params(&self) -> [Option<Param>; 2] {
        [self.gain, self.bias]
    }

    fn weight_bytes(&self) -> usize {
        let affine = self.params().into_iter().flatten();
        let stored = match self.over {
            // One row of each.
            Over::Stored { .. } => 2 * size_of::<f32>() * self.channels as usize,
            Over::Batch | Over::Groups(_) => 0,
        };
        affine.fold(stored, |sum, param| sum.saturating_add(param.bytes()))
    }

    fn overwrites(&self) -> bool {
        true
    }

    fn mixes_examples(&self) -> bool {
        matches!(self.over, Over::Batch)
    }

    fn depends_on_step(&self) -> bool {
        matches!(self.over, Over::Stored { rows, .. } if rows > 1)
    }

    fn reads_input(&self) -> bool {
        self.depends_on_input() || self.gain.is_some_and(|gain| gain.adapts())
    }

    fn fits(&self, inputs: usize, outputs: usize) -> bool {
        let groups = match self.over {
            Over::Groups(groups) => groups,
            Over::Batch | Over::Stored { .. } => self.channels,
        };
        inputs == outputs
            && inputs.checked_rem(self.channels as usize) == Some(0)
            && self.channels.checked_rem(groups) == Some(0)
    }

    fn forward(&self, pass: Forward<'_>) -> Checked {
        let Forward {
            words, adapted, y, ..
        } = pass;
        let read = |param: &Option<Param>| -> &[f32] {
            let read = |param: &Param| param.read(words, adapted);
            param.as_ref().map_or(&[], read)
        };
        let (gain, bias) = (read(&self.gain), read(&self.bias));
        self.covers(&self.gain, gain)?;
        self.covers(&self.bias, bias)?;
        for group in self.groups(y.len(), pass.inputs) {
            let moments = self.moments(words, y, group, pass.step);
            let (gain, bias) = (group.values(gain), group.values(bias));
            for range in group.ranges() {
                let y = y.get_mut(range).unwrap_or(&mut []);
                for (channel, y) in y.iter_mut().enumerate() {
                    let normal = moments.normalise(*y);
                    let gain = gain.get(channel).copied().unwrap_or(1.0);
                    *y = gain * normal + bias.get(channel).copied().unwrap_or(0.0);
                }
            }
        }
        Ok(())
    }

    fn backward(&self, pass: Backward<'_>, step: &mut Descent<'_>) -> Checked {
        let Backward {
            words,
            x,
            dy,
            dx,
            inputs,
            ..
        } = pass;
        ensure(!self.reads_input() || x.len() == dy.len())?;
        if !dx.is_empty() {
            ensure(dx.len() == dy.len())?;
            let gain = self.gain.as_ref().map_or(&[][..], |gain| step.read(gain));
            self.covers(&self.gain, gain)?;
            for group in self.groups(dy.len(), inputs) {
                let moments = self.moments(words, x, group, pass.step);
                self.input_gradient(x, dy, dx, group, group.values(gain), moments);
            }
        }
        descend_bias(self.bias.as_ref(), dy, step)?;
        let Some(param) = &self.gain else {
            return Ok(());
        };
        let Some((gain, rate)) = step.begin(param)? else {
            return Ok(());
        };
        self.covers(&self.gain, gain)?;
        for group in self.groups(dy.len(), inputs) {
            let moments = self.moments(words, x, group, pass.step);
            let gain = gain.get_mut(group.channel..).unwrap_or(&mut []);
            for (x, dy) in group.parts(x).zip(group.parts(dy)) {
                for (gain, (x, dy)) in gain.iter_mut().zip(x.iter().zip(dy)) {
                    *gain -= rate * (dy * moments.normalise(*x));
                }
            }
        }
        Ok(())
    }
}

impl Norm {
    /// The gradient by the input of one group; `gain` is that of its channels.
    fn input_gradient(
        &self,
        x: &[f32],
        dy: &[f32],
        dx: &mut [f32],
        group: Group,
        gain: &[f32],
        moments: Moments,
    ) {
        let gain = |channel: usize| gain.get(channel).copied().unwrap_or(1.0);
        for range in group.ranges() {
            let dx = dx.get_mut(range.clone()).unwrap_or(&mut []);
            for (channel, (dx, dy)) in dx.iter_mut().zip(part(dy, range)).enumerate() {
                *dx = gain(channel) * dy * moments.scale;
            }
        }
        if !self.depends_on_input() {
            return;
        }
        let (mut sum, mut product) = (0.0, 0.0);
        for (x, dx) in group.parts(x).zip(group.parts(dx)) {
            for (x, dx) in x.iter().zip(dx) {
                sum += dx;
                product += dx * moments.normalise(*x);
            }
        }
        let count = (group.width * group.positions) as f32;
        let (mean, slope) = (sum / count, product / count);
        for range in group.ranges() {
            let x = part(x, range.clone());
            let dx = dx.get_mut(range).unwrap_or(&mut []);
            for (dx, x) in dx.iter_mut().zip(x) {
                *dx -= mean + moments.normalise(*x) * slope;
            }
        }
    }
}
