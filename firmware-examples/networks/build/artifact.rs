//! The artifact of a chain of layers.

use std::error::Error;

pub use mamlet_formats::Window;
use mamlet_formats::{ArtifactWriter, Integers, Layer, Padding, Shape, Statistics};

/// What of a layer adapts.
#[derive(Clone, Copy)]
pub enum Adapts {
    Nothing,
    Bias,
    All,
}

impl Adapts {
    fn weight(self) -> bool {
        matches!(self, Adapts::All)
    }

    fn bias(self) -> bool {
        !matches!(self, Adapts::Nothing)
    }
}

/// A layer of a network, with outputs or filters first.
#[derive(Clone, Copy)]
pub enum Piece {
    Dense(u32, Adapts),
    Conv(u32, Window, Adapts),
    Depthwise(Window, Adapts),
    /// A batch norm with the statistics of the batch.
    Mixing,
    Quantize,
    Dequantize,
    IntegerDense(u32),
    IntegerConv(u32, Window),
    IntegerDepthwise(Window),
}

/// The artifact of a network whose weights are small and not zero.
pub fn artifact(shape: Shape, pieces: &[Piece], rate: f32) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut writer = ArtifactWriter::new("kernel", shape);
    let [height, width, channels] = shape.dimensions();
    let mut extent = [height, width, channels];
    let mut adapting = 0;
    for piece in pieces {
        let [height, width, channels] = extent;
        let features = height * width * channels;
        let mut tensors =
            |writer: &mut ArtifactWriter, length: u32, outputs: u32, adapts: Adapts| {
                adapting += usize::from(adapts.weight()) + usize::from(adapts.bias());
                let weight = writer.tensor(&values(length), adapts.weight());
                (weight, Some(writer.tensor(&values(outputs), adapts.bias())))
            };
        let layer = match *piece {
            Piece::Dense(outputs, adapts) => {
                let (weight, bias) = tensors(&mut writer, features * outputs, outputs, adapts);
                extent = [1, 1, outputs];
                Layer::Dense {
                    outputs,
                    weight,
                    bias,
                }
            }
            Piece::Conv(filters, window, adapts) => {
                let length = taps(window) * channels * filters;
                let (weight, bias) = tensors(&mut writer, length, filters, adapts);
                extent = slid(extent, window, filters);
                Layer::Conv {
                    filters,
                    window,
                    weight,
                    bias,
                }
            }
            Piece::Depthwise(window, adapts) => {
                let length = taps(window) * channels;
                let (weight, bias) = tensors(&mut writer, length, channels, adapts);
                extent = slid(extent, window, channels);
                Layer::Depthwise {
                    window,
                    weight,
                    bias,
                }
            }
            Piece::Mixing => Layer::BatchNorm {
                statistics: Statistics::Current,
                epsilon: 1e-3,
                gain: None,
                bias: None,
            },
            Piece::Quantize => Layer::Quantize {
                scale: 1.0 / 64.0,
                zero: 3,
            },
            Piece::Dequantize => Layer::Dequantize {
                scale: 1.0 / 64.0,
                zero: -5,
            },
            Piece::IntegerDense(outputs) => {
                extent = [1, 1, outputs];
                Layer::IntegerDense {
                    outputs,
                    integers: integers(&mut writer, features, outputs),
                }
            }
            Piece::IntegerConv(filters, window) => {
                extent = slid(extent, window, filters);
                Layer::IntegerConv {
                    filters,
                    window,
                    integers: integers(&mut writer, taps(window) * channels, filters),
                }
            }
            Piece::IntegerDepthwise(window) => {
                extent = slid(extent, window, channels);
                let weight = small(taps(window) * channels);
                Layer::IntegerDepthwise {
                    window,
                    integers: scaled(&mut writer, &weight, taps(window), channels),
                }
            }
        };
        writer.push(layer);
    }
    writer.rates(&[&vec![rate; adapting]]).steps(1, 8);
    Ok(writer.to_bytes()?)
}

fn taps(window: Window) -> u32 {
    u32::from(window.size[0]) * u32::from(window.size[1])
}

/// The output of a window over `input`.
fn slid(input: [u32; 3], window: Window, channels: u32) -> [u32; 3] {
    let along = |axis: usize| {
        let (size, stride) = (u32::from(window.size[axis]), u32::from(window.stride[axis]));
        match window.padding {
            Padding::Same => input[axis].div_ceil(stride),
            _ => (input[axis] - size) / stride + 1,
        }
    };
    [along(0), along(1), channels]
}

fn values(count: u32) -> Vec<f32> {
    let steps = (0..count).map(|i| (i * 29 % 61) as f32);
    steps.map(|step| (step - 30.25) / 256.0).collect()
}

/// Integers from −128 to 127.
fn small(count: u32) -> Vec<i8> {
    (0..count).map(|i| (i * 83 % 251) as u8 as i8).collect()
}

/// The tensors of an integer layer whose outputs see `length` numbers: weights
/// as they lie in an artifact, with zeros where there are none.
fn integers(writer: &mut ArtifactWriter, length: u32, outputs: u32) -> Integers {
    let (pairs, groups) = (outputs.div_ceil(2), length.div_ceil(4));
    let weights = small(length * outputs);
    let mut packed = vec![0; (pairs * groups * 8) as usize];
    for output in 0..outputs {
        for i in 0..length {
            let group = (output / 2 * groups + i / 4) * 8;
            let at = group + output % 2 * 4 + i % 4;
            packed[at as usize] = weights[(output * length + i) as usize];
        }
    }
    scaled(writer, &packed, length, outputs)
}

/// Biases, multipliers and shifts that bring sums of `length` products back to
/// eight bits, some of them past the range.
fn scaled(writer: &mut ArtifactWriter, weight: &[i8], length: u32, outputs: u32) -> Integers {
    let weight = writer.i8_tensor(weight);
    let bias: Vec<i32> = (0..outputs as i32)
        .map(|i| i * 7919 % 2001 - 1000)
        .collect();
    // Sums are of the order of 2⁸ √length too large; shifts of 0 to 6 share it
    // with the multiplier.
    let large = 256.0 * f64::from(length).sqrt() / 4.0;
    let shift: Vec<i8> = (0..outputs).map(|i| (i % 7) as i8).collect();
    let multiplier = shift.iter().map(|shift| {
        let scaled = 2f64.powi(32 + i32::from(*shift)) / large;
        scaled.min(2f64.powi(31) - 1.0) as i32
    });
    let multiplier: Vec<i32> = multiplier.collect();
    Integers {
        weight,
        bias: writer.i32_tensor(&bias),
        multiplier: writer.i32_tensor(&multiplier),
        shift: writer.i8_tensor(&shift),
        input_zero: 3,
        zero: -5,
        low: -120,
        high: 119,
    }
}
