//! Layers of every kind, each of which fits what is below it.

use arbitrary::{Result, Unstructured};
use mamlet_formats::{Integers, Layer, Padding, Pool, Statistics, Window};

use crate::network::Builder;

/// Products in a group of an integer layer's weights as an artifact holds them.
const GROUP: u32 = 4;

impl Builder<'_, '_> {
    /// Adds a layer on f32.
    pub fn layer(&mut self) -> Result<()> {
        let layer = match self.u.int_in_range(0..=17)? {
            0 | 1 => return self.dense(false),
            2 => Layer::Relu,
            3 => Layer::LeakyRelu {
                slope: self.u.choose(&[0.0, 0.01, 0.5, 1.0]).copied()?,
            },
            4 => Layer::Tanh,
            5 => Layer::Sigmoid,
            6 => Layer::Relu6,
            7 => Layer::Softmax,
            8 => {
                let length = self.u.int_in_range(1..=4)?;
                let vector = self.tensor(length, false)?;
                self.size = [1, 1, self.features() + length];
                Layer::Context { vector }
            }
            9 => {
                let (window, below) = self.window()?;
                let filters = self.u.int_in_range(1..=4)?;
                self.size[2] = filters;
                Layer::Conv {
                    filters,
                    window,
                    weight: self.tensor(taps(window) * below * filters, false)?,
                    bias: self.optional(filters)?,
                }
            }
            10 => {
                let (window, below) = self.window()?;
                let groups = self.groups(below)?;
                let filters = groups * self.u.int_in_range(1..=3)?;
                self.size[2] = filters;
                Layer::GroupedConv {
                    groups,
                    filters,
                    window,
                    weight: self.tensor(taps(window) * below / groups * filters, false)?,
                    bias: self.optional(filters)?,
                }
            }
            11 => {
                let (window, channels) = self.window()?;
                Layer::Depthwise {
                    window,
                    weight: self.tensor(taps(window) * channels, false)?,
                    bias: self.optional(channels)?,
                }
            }
            12 => self.batch_norm()?,
            13 | 14 => {
                let channels = self.size[2];
                Layer::GroupNorm {
                    groups: self.groups(channels)?,
                    epsilon: epsilon(self.u)?,
                    gain: self.optional(channels)?,
                    bias: self.optional(channels)?,
                }
            }
            _ => self.either()?,
        };
        self.writer.push(layer);
        Ok(())
    }

    /// Begins the chain with layers on integers, from f32 and back.
    pub fn integers(&mut self) -> Result<()> {
        let [from, to] = [(); 2].map(|()| scale(self.u));
        let (scale, zero) = (from?, self.u.arbitrary()?);
        self.writer.push(Layer::Quantize { scale, zero });
        for _ in 0..self.u.int_in_range(0..=3)? {
            let layer = self.integer()?;
            self.writer.push(layer);
        }
        let (scale, zero) = (to?, self.u.arbitrary()?);
        self.writer.push(Layer::Dequantize { scale, zero });
        Ok(())
    }

    fn integer(&mut self) -> Result<Layer> {
        Ok(match self.u.int_in_range(0..=5)? {
            0 => {
                let inputs = self.features();
                let outputs = self.u.int_in_range(1..=9)?;
                self.size = [1, 1, outputs];
                Layer::IntegerDense {
                    outputs,
                    integers: self.fixed(packed(inputs, outputs), outputs)?,
                }
            }
            1 => {
                let (window, below) = self.window()?;
                let groups = self.groups(below)?;
                let own = self.u.int_in_range(1..=3)?;
                let filters = groups * own;
                self.size[2] = filters;
                let weights = groups * packed(taps(window) * below / groups, own);
                Layer::IntegerGroupedConv {
                    groups,
                    filters,
                    window,
                    integers: self.fixed(weights, filters)?,
                }
            }
            2 => {
                let (window, below) = self.window()?;
                let filters = self.u.int_in_range(1..=4)?;
                self.size[2] = filters;
                Layer::IntegerConv {
                    filters,
                    window,
                    integers: self.fixed(packed(taps(window) * below, filters), filters)?,
                }
            }
            3 => {
                let (window, channels) = self.window()?;
                Layer::IntegerDepthwise {
                    window,
                    integers: self.fixed(taps(window) * channels, channels)?,
                }
            }
            _ => self.either()?,
        })
    }

    /// A layer that takes f32 and integers alike.
    fn either(&mut self) -> Result<Layer> {
        Ok(match self.u.int_in_range(0..=2)? {
            0 => {
                self.size = [1, 1, self.features()];
                Layer::Flatten
            }
            1 => {
                self.size = [1, 1, self.size[2]];
                Layer::GlobalAveragePool
            }
            _ => Layer::Pool {
                window: self.window()?.0,
                pool: *self.u.choose(&[Pool::Maximum, Pool::Average])?,
            },
        })
    }

    fn batch_norm(&mut self) -> Result<Layer> {
        let channels = self.size[2];
        let rows = self.u.int_in_range(0..=3)?;
        let statistics = match rows {
            0 => Statistics::Current,
            _ => Statistics::Stored {
                mean: self.constant(rows * channels)?,
                variance: self.constant(rows * channels)?,
                rows,
            },
        };
        self.mixes |= statistics == Statistics::Current;
        Ok(Layer::BatchNorm {
            statistics,
            epsilon: epsilon(self.u)?,
            gain: self.optional(channels)?,
            bias: self.optional(channels)?,
        })
    }

    /// Groups that divide so many channels.
    fn groups(&mut self, channels: u32) -> Result<u32> {
        let groups = self.u.int_in_range(1..=channels)?;
        let divides = channels.is_multiple_of(groups);
        Ok(if divides { groups } else { channels })
    }

    /// A window that fits, and the channels below; the size is that of its
    /// outputs then.
    fn window(&mut self) -> Result<(Window, u32)> {
        let same = self.u.arbitrary()?;
        let mut window = Window {
            size: [1; 2],
            stride: [1; 2],
            padding: if same { Padding::Same } else { Padding::Valid },
        };
        for axis in 0..2 {
            let input = self.size[axis];
            let largest = if same { 4 } else { input.min(4) };
            let size = self.u.int_in_range(1..=largest)?;
            let stride = self.u.int_in_range(1..=3)?;
            self.size[axis] = match same {
                true => input.div_ceil(stride),
                false => (input - size) / stride + 1,
            };
            // At most four.
            (window.size[axis], window.stride[axis]) = (size as u8, stride as u8);
        }
        Ok((window, self.size[2]))
    }

    /// Tensors of an integer layer.
    fn fixed(&mut self, weights: u32, outputs: u32) -> Result<Integers> {
        let drawn: [i8; 16] = self.u.arbitrary()?;
        let weight: Vec<i8> = drawn.into_iter().cycle().take(weights as usize).collect();
        let mut of_outputs = [Vec::new(), Vec::new()];
        let mut shift = Vec::new();
        for _ in 0..outputs {
            of_outputs[0].push(self.u.arbitrary::<i32>()? >> self.u.int_in_range(0..=31)?);
            of_outputs[1].push(self.u.int_in_range(0..=i32::MAX)?);
            shift.push(self.u.int_in_range(0..=31)?);
        }
        let low = self.u.arbitrary()?;
        let [bias, multiplier] = of_outputs;
        Ok(Integers {
            weight: self.writer.i8_tensor(&weight),
            bias: self.writer.i32_tensor(&bias),
            multiplier: self.writer.i32_tensor(&multiplier),
            shift: self.writer.i8_tensor(&shift),
            input_zero: self.u.arbitrary()?,
            zero: self.u.arbitrary()?,
            low,
            high: self.u.int_in_range(low..=i8::MAX)?,
        })
    }
}

fn taps(window: Window) -> u32 {
    window.size.map(u32::from).iter().product()
}

/// How many numbers the weights `[length, outputs]` take in an artifact.
fn packed(length: u32, outputs: u32) -> u32 {
    outputs.div_ceil(2) * length.div_ceil(GROUP) * 2 * GROUP
}

fn epsilon(u: &mut Unstructured<'_>) -> Result<f32> {
    u.choose(&[0.0, 1e-5, 0.1, 1e30]).copied()
}

fn scale(u: &mut Unstructured<'_>) -> Result<f32> {
    u.choose(&[0.03, 0.25, 1e-30, 1e30]).copied()
}
