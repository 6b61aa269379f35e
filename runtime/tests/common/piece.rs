//! Layers that are written down, with their values.

use mamlet_formats::{ArtifactWriter, Integers, Layer, Padding, Pool, Statistics, Tensor, Window};

/// A tensor: its values, and whether it adapts.
pub type Values = (Vec<f32>, bool);

/// Height, width and channels.
pub type Size = [usize; 3];

/// A layer with its values.
#[derive(Clone, Debug)]
pub enum Piece {
    Dense {
        outputs: usize,
        weight: Values,
        bias: Option<Values>,
    },
    Relu,
    LeakyRelu(f32),
    Tanh,
    Sigmoid,
    Context(Values),
    Relu6,
    Softmax,
    Flatten,
    Conv {
        groups: usize,
        filters: usize,
        window: Window,
        weight: Values,
        bias: Option<Values>,
    },
    Depthwise {
        window: Window,
        weight: Values,
        bias: Option<Values>,
    },
    Pool(Pool, Window),
    GlobalAverage,
    BatchNorm {
        stored: Option<Stored>,
        epsilon: f32,
        gain: Option<Values>,
        bias: Option<Values>,
    },
    GroupNorm {
        groups: usize,
        epsilon: f32,
        gain: Option<Values>,
        bias: Option<Values>,
    },
    Quantize(f32, i8),
    Dequantize(f32, i8),
    Integer(Kind, Fixed),
}

/// Stored statistics, `[rows, channels]`.
#[derive(Clone, Debug)]
pub struct Stored {
    pub mean: Vec<f32>,
    pub variance: Vec<f32>,
    pub rows: usize,
}

/// Which layer on integers.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Dense(usize),
    /// Groups, filters.
    Conv(usize, usize, Window),
    Depthwise(Window),
}

/// The numbers of a layer on integers.
#[derive(Clone, Debug)]
pub struct Fixed {
    /// `[numbers of a group under the window, outputs]`; of a depthwise layer
    /// `[window, channels]`.
    pub weight: Vec<i8>,
    pub bias: Vec<i32>,
    pub multiplier: Vec<i32>,
    pub shift: Vec<i8>,
    pub input_zero: i8,
    pub zero: i8,
    pub low: i8,
    pub high: i8,
}

impl Piece {
    /// Its tensors that can adapt.
    pub fn tensors(&self) -> impl Iterator<Item = &Values> {
        let tensors = match self {
            Piece::Dense { weight, bias, .. }
            | Piece::Conv { weight, bias, .. }
            | Piece::Depthwise { weight, bias, .. } => [Some(weight), bias.as_ref()],
            Piece::BatchNorm { gain, bias, .. } | Piece::GroupNorm { gain, bias, .. } => {
                [gain.as_ref(), bias.as_ref()]
            }
            Piece::Context(vector) => [Some(vector), None],
            _ => [None, None],
        };
        tensors.into_iter().flatten()
    }

    /// The same, to be changed.
    pub fn tensors_mut(&mut self) -> impl Iterator<Item = &mut Values> {
        let tensors = match self {
            Piece::Dense { weight, bias, .. }
            | Piece::Conv { weight, bias, .. }
            | Piece::Depthwise { weight, bias, .. } => [Some(weight), bias.as_mut()],
            Piece::BatchNorm { gain, bias, .. } | Piece::GroupNorm { gain, bias, .. } => {
                [gain.as_mut(), bias.as_mut()]
            }
            Piece::Context(vector) => [Some(vector), None],
            _ => [None, None],
        };
        tensors.into_iter().flatten()
    }

    pub fn mixes_examples(&self) -> bool {
        matches!(self, Piece::BatchNorm { stored: None, .. })
    }

    /// The size of its output.
    pub fn output(&self, size: Size) -> Size {
        let flat = |features| [1, 1, features];
        let numbers = size.iter().product::<usize>();
        let slide = |window: Window, channels| {
            let [rows, columns] = [0, 1].map(|axis| outputs(size[axis], window, axis).0);
            [rows, columns, channels]
        };
        match self {
            Piece::Dense { outputs, .. } | Piece::Integer(Kind::Dense(outputs), _) => {
                flat(*outputs)
            }
            Piece::Context((values, _)) => flat(numbers + values.len()),
            Piece::Flatten => flat(numbers),
            Piece::GlobalAverage => flat(size[2]),
            Piece::Conv {
                filters, window, ..
            }
            | Piece::Integer(Kind::Conv(_, filters, window), _) => slide(*window, *filters),
            Piece::Depthwise { window, .. }
            | Piece::Pool(_, window)
            | Piece::Integer(Kind::Depthwise(window), _) => slide(*window, size[2]),
            _ => size,
        }
    }

    /// The layer, with its tensors written.
    pub fn layer(&self, writer: &mut ArtifactWriter, f16: bool) -> Layer {
        let small = |number: usize| u32::try_from(number).expect("a small network");
        if let Piece::Integer(kind, fixed) = self {
            return fixed.layer(*kind, writer);
        }
        if let Piece::BatchNorm {
            stored,
            epsilon,
            gain,
            bias,
        } = self
        {
            let statistics = stored.as_ref().map_or(Statistics::Current, |stored| {
                let (mean, variance) = (&stored.mean, &stored.variance);
                Statistics::Stored {
                    mean: writer.tensor(mean, false),
                    variance: writer.tensor(variance, false),
                    rows: small(stored.rows),
                }
            });
            let mut tensor = |values: &Values| store(writer, values, f16);
            return Layer::BatchNorm {
                statistics,
                epsilon: *epsilon,
                gain: gain.as_ref().map(&mut tensor),
                bias: bias.as_ref().map(&mut tensor),
            };
        }
        let mut tensor = |values: &Values| store(writer, values, f16);
        match self {
            Piece::Dense {
                outputs,
                weight,
                bias,
            } => Layer::Dense {
                outputs: small(*outputs),
                weight: tensor(weight),
                bias: bias.as_ref().map(tensor),
            },
            Piece::Conv {
                groups,
                filters,
                window,
                weight,
                bias,
            } => {
                let (filters, window) = (small(*filters), *window);
                let (weight, bias) = (tensor(weight), bias.as_ref().map(tensor));
                match groups {
                    1 => Layer::Conv {
                        filters,
                        window,
                        weight,
                        bias,
                    },
                    _ => Layer::GroupedConv {
                        groups: small(*groups),
                        filters,
                        window,
                        weight,
                        bias,
                    },
                }
            }
            Piece::Depthwise {
                window,
                weight,
                bias,
            } => Layer::Depthwise {
                window: *window,
                weight: tensor(weight),
                bias: bias.as_ref().map(tensor),
            },
            Piece::GroupNorm {
                groups,
                epsilon,
                gain,
                bias,
            } => Layer::GroupNorm {
                groups: small(*groups),
                epsilon: *epsilon,
                gain: gain.as_ref().map(&mut tensor),
                bias: bias.as_ref().map(&mut tensor),
            },
            Piece::Context(vector) => Layer::Context {
                vector: tensor(vector),
            },
            Piece::Relu => Layer::Relu,
            Piece::Relu6 => Layer::Relu6,
            Piece::LeakyRelu(slope) => Layer::LeakyRelu { slope: *slope },
            Piece::Tanh => Layer::Tanh,
            Piece::Sigmoid => Layer::Sigmoid,
            Piece::Softmax => Layer::Softmax,
            Piece::Flatten => Layer::Flatten,
            Piece::Pool(pool, window) => Layer::Pool {
                pool: *pool,
                window: *window,
            },
            Piece::GlobalAverage => Layer::GlobalAveragePool,
            Piece::Quantize(scale, zero) => Layer::Quantize {
                scale: *scale,
                zero: *zero,
            },
            Piece::Dequantize(scale, zero) => Layer::Dequantize {
                scale: *scale,
                zero: *zero,
            },
            Piece::Integer(..) | Piece::BatchNorm { .. } => unreachable!("made above"),
        }
    }
}

fn store(writer: &mut ArtifactWriter, values: &Values, f16: bool) -> Tensor {
    match values {
        (values, true) if f16 => writer.f16_tensor(values, true),
        (values, adapts) => writer.tensor(values, *adapts),
    }
}

impl Fixed {
    fn layer(&self, kind: Kind, writer: &mut ArtifactWriter) -> Layer {
        let small = |number: usize| u32::try_from(number).expect("a small network");
        let outputs = self.bias.len();
        let weight = match kind {
            Kind::Depthwise(_) => self.weight.clone(),
            Kind::Dense(_) => packed(&self.weight, outputs),
            Kind::Conv(groups, filters, _) => (0..groups)
                .flat_map(|group| {
                    let own = filters / groups;
                    let rows = self.weight.chunks(filters);
                    let own: Vec<i8> = rows
                        .flat_map(|row| row[group * own..][..own].to_vec())
                        .collect();
                    packed(&own, filters / groups)
                })
                .collect(),
        };
        let integers = Integers {
            weight: writer.i8_tensor(&weight),
            bias: writer.i32_tensor(&self.bias),
            multiplier: writer.i32_tensor(&self.multiplier),
            shift: writer.i8_tensor(&self.shift),
            input_zero: self.input_zero,
            zero: self.zero,
            low: self.low,
            high: self.high,
        };
        match kind {
            Kind::Dense(outputs) => Layer::IntegerDense {
                outputs: small(outputs),
                integers,
            },
            Kind::Conv(1, filters, window) => Layer::IntegerConv {
                filters: small(filters),
                window,
                integers,
            },
            Kind::Conv(groups, filters, window) => Layer::IntegerGroupedConv {
                groups: small(groups),
                filters: small(filters),
                window,
                integers,
            },
            Kind::Depthwise(window) => Layer::IntegerDepthwise { window, integers },
        }
    }
}

/// Weights `[length, outputs]` as they lie in an artifact: the place of each is
/// the specification's formula.
pub fn packed(weight: &[i8], outputs: usize) -> Vec<i8> {
    let length = weight.len() / outputs;
    let groups = length.div_ceil(4);
    let mut packed = vec![0; outputs.div_ceil(2) * groups * 8];
    for i in 0..length {
        for o in 0..outputs {
            packed[(o / 2 * groups + i / 4) * 8 + o % 2 * 4 + i % 4] = weight[i * outputs + o];
        }
    }
    packed
}

/// How many outputs a window has along an axis, and how many positions lie
/// outside before the first input.
pub fn outputs(input: usize, window: Window, axis: usize) -> (usize, usize) {
    let [size, stride] = [window.size, window.stride].map(|of| usize::from(of[axis]));
    match window.padding {
        Padding::Same => {
            let outputs = input.div_ceil(stride);
            let reach = (outputs - 1) * stride + size;
            (outputs, reach.saturating_sub(input) / 2)
        }
        _ => ((input - size) / stride + 1, 0),
    }
}
