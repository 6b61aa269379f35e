//! The layers, one number after the other.

use mamlet_formats::{Pool, Window};

use super::Batch;
use crate::common::piece::{Fixed, Kind, Piece, Size, Stored, outputs};

/// What a layer that keeps to one example makes of it. Integers are f64 that
/// are whole numbers.
pub(super) fn layer(
    piece: &Piece,
    tensors: &[&[f64]],
    x: &[f64],
    size: Size,
    integer: bool,
) -> Vec<f64> {
    let map = |f: &dyn Fn(f64) -> f64| x.iter().map(|x| f(*x)).collect();
    let channels = size[2];
    match piece {
        Piece::Dense { outputs, .. } => {
            let mut y = tensors
                .get(1)
                .map_or(vec![0.0; *outputs], |bias| bias.to_vec());
            for (i, x) in x.iter().enumerate() {
                for (j, y) in y.iter_mut().enumerate() {
                    *y += x * tensors[0][i * outputs + j];
                }
            }
            y
        }
        Piece::Relu => map(&|x| x.max(0.0)),
        Piece::Relu6 => map(&|x| x.clamp(0.0, 6.0)),
        Piece::LeakyRelu(slope) => map(&|x| if x > 0.0 { x } else { f64::from(*slope) * x }),
        Piece::Tanh => map(&f64::tanh),
        Piece::Sigmoid => map(&|x| 1.0 / (1.0 + (-x).exp())),
        Piece::Context(_) => [x, tensors[0]].concat(),
        Piece::Softmax => x.chunks(channels).flat_map(softmax).collect(),
        Piece::Flatten => x.to_vec(),
        Piece::Conv {
            groups,
            filters,
            window,
            ..
        } => {
            let own = channels / groups;
            let mut y = vec![0.0; seen(size, *window).len() * filters];
            for (at, taps) in seen(size, *window).into_iter().enumerate() {
                for f in 0..*filters {
                    let y = &mut y[at * filters + f];
                    *y = tensors.get(1).map_or(0.0, |bias| bias[f]);
                    let first = f / (filters / groups) * own;
                    for (tap, from) in &taps {
                        for c in 0..own {
                            let weight = tensors[0][(tap * own + c) * filters + f];
                            *y += x[from * channels + first + c] * weight;
                        }
                    }
                }
            }
            y
        }
        Piece::Depthwise { window, .. } => under(x, size, *window, |c, taps| {
            let bias = tensors.get(1).map_or(0.0, |bias| bias[c]);
            let products = taps
                .iter()
                .map(|(tap, x)| x * tensors[0][tap * channels + c]);
            bias + products.sum::<f64>()
        }),
        Piece::Pool(pool, window) => under(x, size, *window, |_, taps| {
            let values: Vec<f64> = taps.iter().map(|(_, x)| *x).collect();
            match pool {
                Pool::Maximum => values.into_iter().fold(f64::NEG_INFINITY, f64::max),
                _ => mean(&values, integer),
            }
        }),
        Piece::GlobalAverage => {
            let of = |c: usize| x[c..].iter().copied().step_by(channels).collect::<Vec<_>>();
            (0..channels).map(|c| mean(&of(c), integer)).collect()
        }
        Piece::Quantize(scale, zero) => map(&|x| {
            // Halves go away from zero.
            let integer = (x / f64::from(*scale)).round() + f64::from(*zero);
            integer.clamp(-128.0, 127.0)
        }),
        Piece::Dequantize(scale, zero) => map(&|q| (q - f64::from(*zero)) * f64::from(*scale)),
        Piece::Integer(kind, fixed) => integers(*kind, fixed, x, size),
        Piece::BatchNorm { .. } | Piece::GroupNorm { .. } => unreachable!("sees all examples"),
    }
}

fn softmax(x: &[f64]) -> Vec<f64> {
    log_softmax(x).into_iter().map(f64::exp).collect()
}

pub(super) fn log_softmax(x: &[f64]) -> Vec<f64> {
    // Only so that no exponential overflows: it falls out of the quotient.
    let largest = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let total: f64 = x.iter().map(|x| (x - largest).exp()).sum();
    x.iter().map(|x| x - largest - total.ln()).collect()
}

/// The mean, of integers rounded with halves away from zero.
fn mean(values: &[f64], integer: bool) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    if integer { mean.round() } else { mean }
}

/// Of every output, row by row: the taps that lie inside, each with the
/// position of the input that it sees.
pub fn seen([height, width, _]: Size, window: Window) -> Vec<Vec<(usize, usize)>> {
    let (lines, above) = outputs(height, window, 0);
    let (columns, left) = outputs(width, window, 1);
    let [high, wide] = window.size.map(usize::from);
    let [down, right] = window.stride.map(usize::from);
    let mut all = Vec::new();
    for line in 0..lines {
        for column in 0..columns {
            let mut taps = Vec::new();
            for ky in 0..high {
                for kx in 0..wide {
                    let (y, x) = (line * down + ky, column * right + kx);
                    if (above..above + height).contains(&y) && (left..left + width).contains(&x) {
                        taps.push((ky * wide + kx, (y - above) * width + x - left));
                    }
                }
            }
            all.push(taps);
        }
    }
    all
}

/// `f` of every channel's values under the window, each with its tap.
fn under(
    x: &[f64],
    size: Size,
    window: Window,
    f: impl Fn(usize, &[(usize, f64)]) -> f64,
) -> Vec<f64> {
    let mut y = Vec::new();
    for taps in seen(size, window) {
        for c in 0..size[2] {
            let values = taps.iter().map(|(tap, from)| (*tap, x[from * size[2] + c]));
            y.push(f(c, &values.collect::<Vec<_>>()));
        }
    }
    y
}

/// A layer on integers, by the formula of the format.
fn integers(kind: Kind, fixed: &Fixed, x: &[f64], size: Size) -> Vec<f64> {
    let zero = i64::from(fixed.input_zero);
    let channels = size[2];
    let count = fixed.bias.len();
    // Of every position: the numbers under the window, as `[window, channels]`.
    let patches: Vec<Vec<i64>> = match kind {
        Kind::Dense(_) => vec![x.iter().map(|x| *x as i64).collect()],
        Kind::Conv(_, _, window) | Kind::Depthwise(window) => {
            let taps: usize = window.size.map(usize::from).iter().product();
            let patch = |inside: Vec<(usize, usize)>| {
                let mut patch = vec![zero; taps * channels];
                for (tap, from) in inside {
                    for c in 0..channels {
                        patch[tap * channels + c] = x[from * channels + c] as i64;
                    }
                }
                patch
            };
            seen(size, window).into_iter().map(patch).collect()
        }
    };
    let mut y = Vec::new();
    for patch in patches {
        for o in 0..count {
            let weights = fixed.weight.iter().skip(o).step_by(count);
            let products = match kind {
                Kind::Depthwise(_) => {
                    let own = patch.iter().skip(o).step_by(channels);
                    own.zip(weights)
                        .map(|(x, w)| x * i64::from(*w))
                        .sum::<i64>()
                }
                Kind::Conv(groups, filters, _) => {
                    let own = channels / groups;
                    let first = o / (filters / groups) * own;
                    let seen = patch.chunks(channels).flat_map(|x| &x[first..first + own]);
                    seen.zip(weights).map(|(x, w)| x * i64::from(*w)).sum()
                }
                Kind::Dense(_) => patch
                    .iter()
                    .zip(weights)
                    .map(|(x, w)| x * i64::from(*w))
                    .sum(),
            };
            y.push(requantised(products, fixed, o));
        }
    }
    y
}

fn requantised(products: i64, fixed: &Fixed, o: usize) -> f64 {
    let sum = products + i64::from(fixed.bias[o]);
    let scaled = (sum * i64::from(fixed.multiplier[o]) + (1 << 31)) >> 32;
    let shift = fixed.shift[o];
    let rounded = (scaled + ((1i64 << shift) >> 1)) >> shift;
    let y = rounded + i64::from(fixed.zero);
    y.clamp(i64::from(fixed.low), i64::from(fixed.high)) as f64
}

/// A norm of all examples. Numbers with the same key share mean and variance.
pub(super) fn normalised(
    piece: &Piece,
    tensors: &[&[f64]],
    batch: Batch,
    channels: usize,
    step: usize,
) -> Batch {
    let (epsilon, gain, bias) = match piece {
        Piece::BatchNorm {
            epsilon,
            gain,
            bias,
            ..
        }
        | Piece::GroupNorm {
            epsilon,
            gain,
            bias,
            ..
        } => (f64::from(*epsilon), gain.is_some(), bias.is_some()),
        _ => unreachable!("a norm"),
    };
    let moments = |example: usize, index: usize| -> (f64, f64) {
        let channel = index % channels;
        let shares = |other: usize, at: usize| match piece {
            Piece::GroupNorm { groups, .. } => {
                let width = channels / groups;
                other == example && at % channels / width == channel / width
            }
            _ => at % channels == channel,
        };
        if let Piece::BatchNorm {
            stored:
                Some(Stored {
                    mean,
                    variance,
                    rows,
                }),
            ..
        } = piece
        {
            let at = step.min(rows - 1) * channels + channel;
            return (f64::from(mean[at]), f64::from(variance[at]));
        }
        let mut values = Vec::new();
        for (other, x) in batch.iter().enumerate() {
            values.extend(
                x.iter()
                    .enumerate()
                    .filter(|(at, _)| shares(other, *at))
                    .map(|(_, x)| *x),
            );
        }
        let mean = mean(&values, false);
        let squares: Vec<f64> = values.iter().map(|x| (x - mean) * (x - mean)).collect();
        (mean, self::mean(&squares, false))
    };
    let mut result = batch.clone();
    for (example, y) in result.iter_mut().enumerate() {
        for (index, y) in y.iter_mut().enumerate() {
            let (mean, variance) = moments(example, index);
            *y = (*y - mean) / (variance + epsilon).sqrt();
            if gain {
                *y *= tensors[0][index % channels];
            }
            if bias {
                *y += tensors[usize::from(gain)][index % channels];
            }
        }
    }
    result
}
