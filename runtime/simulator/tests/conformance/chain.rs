//! Networks built layer by layer.

use mamlet_formats::{Padding, Pool, Window};

use crate::common::piece::{Kind, Size, Stored, Values};
use crate::common::{Net, Piece, Random, draw, values};

/// A network in the making.
pub struct Chain {
    pub net: Net,
    pub rate: f32,
    pub random: Random,
}

impl Chain {
    pub fn size(&self) -> Size {
        self.net.sizes().pop().expect("the input's")
    }

    pub fn push(&mut self, piece: Piece) -> &mut Self {
        self.net.pieces.push(piece);
        self
    }

    /// Weights in the range that keeps activations near one.
    fn tensor(&mut self, length: usize, inputs: usize) -> Values {
        let scale = 1.5 / (inputs as f32).sqrt();
        let weights = values(&mut self.random, length);
        (weights.into_iter().map(|w| w * scale).collect(), true)
    }

    pub fn dense(&mut self, outputs: usize) -> &mut Self {
        let inputs = self.size().iter().product();
        let weight = self.tensor(inputs * outputs, inputs);
        let bias = Some(self.tensor(outputs, 9));
        self.push(Piece::Dense {
            outputs,
            weight,
            bias,
        })
    }

    pub fn conv(
        &mut self,
        filters: usize,
        size: [u8; 2],
        stride: [u8; 2],
        padding: Padding,
    ) -> &mut Self {
        self.grouped_conv(1, filters, size, stride, padding)
    }

    pub fn grouped_conv(
        &mut self,
        groups: usize,
        filters: usize,
        size: [u8; 2],
        stride: [u8; 2],
        padding: Padding,
    ) -> &mut Self {
        let window = Window {
            size,
            stride,
            padding,
        };
        let length = taps(size) * self.size()[2] / groups;
        let weight = self.tensor(length * filters, length);
        let bias = Some(self.tensor(filters, 9));
        self.push(Piece::Conv {
            groups,
            filters,
            window,
            weight,
            bias,
        })
    }

    pub fn depthwise(&mut self, size: [u8; 2], stride: [u8; 2], padding: Padding) -> &mut Self {
        let window = Window {
            size,
            stride,
            padding,
        };
        let channels = self.size()[2];
        let weight = self.tensor(taps(size) * channels, taps(size));
        let bias = Some(self.tensor(channels, 9));
        self.push(Piece::Depthwise {
            window,
            weight,
            bias,
        })
    }

    pub fn pool(
        &mut self,
        pool: Pool,
        size: [u8; 2],
        stride: [u8; 2],
        padding: Padding,
    ) -> &mut Self {
        let window = Window {
            size,
            stride,
            padding,
        };
        self.push(Piece::Pool(pool, window))
    }

    /// Statistics of the batch, where there are no rows of stored ones.
    pub fn batch_norm(&mut self, rows: usize) -> &mut Self {
        let channels = self.size()[2];
        let mean = values(&mut self.random, rows * channels);
        let variance = values(&mut self.random, rows * channels);
        let variance = variance.into_iter().map(|x| 0.5 + x.abs()).collect();
        let stored = (rows > 0).then_some(Stored {
            mean,
            variance,
            rows,
        });
        let (gain, bias) = self.gain_and_bias();
        self.push(Piece::BatchNorm {
            stored,
            epsilon: 1e-3,
            gain,
            bias,
        })
    }

    pub fn group_norm(&mut self, groups: usize) -> &mut Self {
        let (gain, bias) = self.gain_and_bias();
        self.push(Piece::GroupNorm {
            groups,
            epsilon: 1e-3,
            gain,
            bias,
        })
    }

    fn gain_and_bias(&mut self) -> (Option<Values>, Option<Values>) {
        let channels = self.size()[2];
        let mut gain = self.tensor(channels, 36);
        gain.0.iter_mut().for_each(|gain| *gain += 1.0);
        (Some(gain), Some(self.tensor(channels, 36)))
    }

    pub fn quantize(&mut self) -> &mut Self {
        self.push(Piece::Quantize(0.0078125, -3))
    }

    pub fn dequantize(&mut self) -> &mut Self {
        self.push(Piece::Dequantize(0.015625, 2))
    }

    pub fn integer_dense(&mut self, outputs: usize) -> &mut Self {
        let inputs = self.size().iter().product();
        self.integer(Kind::Dense(outputs), inputs, outputs)
    }

    pub fn integer_conv(
        &mut self,
        filters: usize,
        size: [u8; 2],
        stride: [u8; 2],
        padding: Padding,
    ) -> &mut Self {
        self.integer_grouped_conv(1, filters, size, stride, padding)
    }

    pub fn integer_grouped_conv(
        &mut self,
        groups: usize,
        filters: usize,
        size: [u8; 2],
        stride: [u8; 2],
        padding: Padding,
    ) -> &mut Self {
        let window = Window {
            size,
            stride,
            padding,
        };
        let length = taps(size) * self.size()[2] / groups;
        self.integer(Kind::Conv(groups, filters, window), length, filters)
    }

    pub fn integer_depthwise(
        &mut self,
        size: [u8; 2],
        stride: [u8; 2],
        padding: Padding,
    ) -> &mut Self {
        let window = Window {
            size,
            stride,
            padding,
        };
        let channels = self.size()[2];
        self.integer(Kind::Depthwise(window), taps(size), channels)
    }

    /// Integers of which most sums stay within the range of the output.
    fn integer(&mut self, kind: Kind, length: usize, outputs: usize) -> &mut Self {
        let mut fixed = draw::fixed(&mut self.random, length, outputs);
        (fixed.input_zero, fixed.zero) = (-3, 2);
        (fixed.low, fixed.high) = (-120, 127);
        for ((bias, multiplier), shift) in fixed
            .bias
            .iter_mut()
            .zip(&mut fixed.multiplier)
            .zip(&mut fixed.shift)
        {
            (*bias, *shift) = (*bias / 8, 8 + (*shift & 1));
            *multiplier |= 1 << 30;
        }
        self.push(Piece::Integer(kind, fixed))
    }
}

fn taps(size: [u8; 2]) -> usize {
    size.map(usize::from).iter().product()
}
