//! Layers as their formulas say: a sum at a time, a loop for each index,
//! compiled with the flags of the engine. Only their time counts, so operands
//! are what the memory holds.

/// Which sums a layer takes.
#[derive(Clone, Copy)]
pub enum Pass {
    /// `y = x W`
    Forward,
    /// `dx = dy Wᵀ`
    Input,
    /// `dW = xᵀ dy`
    Weights,
    /// Forward of every channel by itself.
    Depthwise,
    /// [`Forward`](Self::Forward) on 8-bit integers.
    Integer,
    /// [`Depthwise`](Self::Depthwise) on 8-bit integers.
    IntegerDepthwise,
}

/// A layer: a window over `[height, width, channels]`, with same padding.
pub struct Naive {
    pass: Pass,
    input: [usize; 3],
    size: [usize; 2],
    stride: usize,
    filters: usize,
}

impl Naive {
    /// A dense layer: a window of one position.
    pub const fn dense(pass: Pass, examples: usize, inputs: usize, outputs: usize) -> Self {
        Self::conv(pass, [1, examples, inputs], [1, 1], 1, outputs)
    }

    pub const fn conv(
        pass: Pass,
        input: [usize; 3],
        size: [usize; 2],
        stride: usize,
        filters: usize,
    ) -> Self {
        Naive {
            pass,
            input,
            size,
            stride,
            filters,
        }
    }

    /// Takes all sums, with operands one behind the other: x, W, y.
    #[inline(never)]
    pub fn run(&self, memory: &mut [f32]) -> Option<()> {
        let Naive {
            input: [height, width, channels],
            size: [rows, columns],
            stride,
            filters,
            ..
        } = *self;
        let outputs = height.div_ceil(stride.max(1)) * width.div_ceil(stride.max(1)) * filters;
        let (x, rest) = memory.split_at_mut_checked(height * width * channels)?;
        let (weight, rest) = rest.split_at_mut_checked(rows * columns * channels * filters)?;
        let y = rest.get_mut(..outputs)?;
        match self.pass {
            Pass::Forward => self.sums(y, |from, to, filter| {
                let weight = weight.get(to * channels * filters + filter..)?;
                let weight = weight.iter().step_by(filters.max(1));
                Some(dot(x.get(from * channels..)?.iter().take(channels), weight))
            }),
            Pass::Depthwise => self.sums(y, |from, to, channel| {
                Some(x.get(from * channels + channel)? * weight.get(to * channels + channel)?)
            }),
            Pass::Input => self.sums(x, |from, to, channel| {
                let weight = weight.get((to * channels + channel) * filters..)?;
                let dy = y.get(from * filters..)?.iter().take(filters);
                Some(dot(dy, weight.iter()))
            }),
            Pass::Weights => self.weights(x, weight, y),
            Pass::Integer => self.integers(x, weight, y, |x, weight, from, to, filter| {
                let length = rows * columns * channels;
                let weight = weight.get(filter * length + to * channels..)?;
                let products = x.get(from * channels..)?.iter().take(channels).zip(weight);
                Some(products.fold(0, |sum, (x, w)| sum + i32::from(*x) * i32::from(*w)))
            }),
            Pass::IntegerDepthwise => {
                self.integers(x, weight, y, |x, weight, from, to, channel| {
                    let x = *x.get(from * channels + channel)?;
                    Some(i32::from(x) * i32::from(*weight.get(to * channels + channel)?))
                })
            }
        }
    }

    /// Every number of `y` as the sum over the window of what `f` makes of a
    /// position of the input, a tap and a channel of the output.
    fn sums<T: Copy + Default + core::ops::AddAssign>(
        &self,
        y: &mut [T],
        f: impl Fn(usize, usize, usize) -> Option<T>,
    ) -> Option<()> {
        let [height, width, _] = self.input;
        let [rows, columns] = self.size;
        let stride = self.stride.max(1);
        let mut y = y.iter_mut();
        for line in 0..height.div_ceil(stride) {
            for column in 0..width.div_ceil(stride) {
                for channel in 0..self.filters {
                    let mut sum = T::default();
                    for ky in 0..rows {
                        for kx in 0..columns {
                            let (up, left) = (line * stride + ky, column * stride + kx);
                            let (up, left) =
                                (up.wrapping_sub(rows / 2), left.wrapping_sub(columns / 2));
                            if up < height && left < width {
                                sum += f(up * width + left, ky * columns + kx, channel)?;
                            }
                        }
                    }
                    *y.next()? = sum;
                }
            }
        }
        Some(())
    }

    /// `dW = xᵀ dy`, for a stride of one.
    fn weights(&self, x: &[f32], weight: &mut [f32], dy: &[f32]) -> Option<()> {
        let [height, width, channels] = self.input;
        let [rows, columns] = self.size;
        let mut weight = weight.iter_mut();
        for ky in 0..rows {
            for kx in 0..columns {
                for channel in 0..channels {
                    for filter in 0..self.filters {
                        let mut sum = 0.0;
                        for line in 0..height {
                            let up = (line + ky).wrapping_sub(rows / 2);
                            if up < height {
                                let right = kx.saturating_sub(columns / 2);
                                let left = (columns / 2).saturating_sub(kx);
                                let x = x.get((up * width + right) * channels + channel..)?;
                                let dy = dy.get((line * width + left) * self.filters + filter..)?;
                                let x = x.iter().step_by(channels.max(1));
                                let x = x.take(width - left.max(right).min(width));
                                sum += dot(x, dy.iter().step_by(self.filters.max(1)));
                            }
                        }
                        *weight.next()? = sum;
                    }
                }
            }
        }
        Some(())
    }

    /// [`sums`](Self::sums) of integers, scaled to eight bits.
    fn integers(
        &self,
        x: &[f32],
        weight: &[f32],
        y: &mut [f32],
        f: impl Fn(&[i8], &[i8], usize, usize, usize) -> Option<i32>,
    ) -> Option<()> {
        let (x, weight) = (bytemuck::cast_slice(x), bytemuck::cast_slice(weight));
        let y: &mut [i32] = bytemuck::cast_slice_mut(y);
        self.sums(y, |from, to, channel| f(x, weight, from, to, channel))?;
        for y in y {
            *y = ((i64::from(*y) * (1 << 24)) >> 32).clamp(-128, 127) as i32;
        }
        Some(())
    }
}

fn dot<'v>(a: impl Iterator<Item = &'v f32>, b: impl Iterator<Item = &'v f32>) -> f32 {
    a.zip(b).fold(0.0, |sum, (a, b)| sum + a * b)
}
