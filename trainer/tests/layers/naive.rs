//! Every layer as loops over one task's examples, straight from its equation.

use mamlet_trainer::nn::{
    AveragePool, BatchNorm, Conv, Dense, Depthwise, Extent, GroupNorm, LayerNorm, LayerSpec,
    LeakyRelu, MaxPool, Padding, Shape, Statistics,
};

use crate::tape::{Tape, Var};

/// The examples of one task, each `[height, width, channels]`.
pub type Examples = Vec<Vec<Var>>;

/// The result of a chain of layers on examples of one task. `params` holds the
/// tensors of all layers in order.
pub fn forward(
    tape: &mut Tape,
    layers: &[LayerSpec],
    shape: Shape,
    params: &[Vec<Var>],
    x: Examples,
) -> Examples {
    let (mut x, mut shape, mut params) = (x, shape, params);
    for layer in layers {
        let count = match layer {
            LayerSpec::Context { .. } => 1,
            LayerSpec::Dense { .. }
            | LayerSpec::Conv { .. }
            | LayerSpec::Depthwise { .. }
            | LayerSpec::BatchNorm { .. }
            | LayerSpec::GroupNorm { .. }
            | LayerSpec::LayerNorm { .. } => 2,
            LayerSpec::MaxPool { .. }
            | LayerSpec::AveragePool { .. }
            | LayerSpec::GlobalAveragePool
            | LayerSpec::Flatten
            | LayerSpec::Relu
            | LayerSpec::Relu6
            | LayerSpec::LeakyRelu { .. }
            | LayerSpec::Tanh
            | LayerSpec::Sigmoid
            | LayerSpec::Softmax => 0,
        };
        let (own, rest) = params.split_at(count);
        params = rest;
        (x, shape) = apply(tape, layer, shape, own, x);
    }
    x
}

fn apply(
    tape: &mut Tape,
    layer: &LayerSpec,
    shape: Shape,
    params: &[Vec<Var>],
    x: Examples,
) -> (Examples, Shape) {
    let [height, width, channels] = shape.grid();
    let positions = height * width;
    let each = |tape: &mut Tape, f: &dyn Fn(f64) -> (f64, f64)| -> Examples {
        x.iter()
            .map(|example| {
                let element = |&x: &Var| {
                    let (value, derivative) = f(tape.value(x));
                    tape.unary(x, value, derivative)
                };
                example.iter().map(element).collect()
            })
            .collect()
    };
    match layer {
        LayerSpec::Dense(Dense { out }) => {
            let y = x.iter().map(|x| {
                (0..*out)
                    .map(|o| {
                        let terms: Vec<Var> = (0..x.len())
                            .map(|i| tape.multiply(x[i], params[0][i * out + o]))
                            .collect();
                        let sum = tape.sum(terms);
                        tape.add(sum, params[1][o])
                    })
                    .collect()
            });
            (y.collect(), Shape::Vector(*out))
        }
        LayerSpec::Conv(Conv {
            filters,
            groups,
            kernel,
            stride,
            padding,
        }) => windows(
            tape,
            &x,
            shape,
            *filters,
            (*kernel, *stride, *padding),
            |tape, f, at| {
                let mut sum = params[1][f];
                for (k, example) in at {
                    let Some(position) = example else { continue };
                    let own = channels / groups;
                    for c in 0..own {
                        let weight = params[0][(k * own + c) * filters + f];
                        let seen = position[f / (filters / groups) * own + c];
                        let term = tape.multiply(seen, weight);
                        sum = tape.add(sum, term);
                    }
                }
                sum
            },
        ),
        LayerSpec::Depthwise(Depthwise {
            kernel,
            stride,
            padding,
        }) => windows(
            tape,
            &x,
            shape,
            channels,
            (*kernel, *stride, *padding),
            |tape, c, at| {
                let mut sum = params[1][c];
                for (k, position) in at {
                    let Some(position) = position else { continue };
                    let term = tape.multiply(position[c], params[0][k * channels + c]);
                    sum = tape.add(sum, term);
                }
                sum
            },
        ),
        LayerSpec::MaxPool(MaxPool {
            kernel,
            stride,
            padding,
        }) => {
            let window = (*kernel, stride.unwrap_or(*kernel), *padding);
            windows(tape, &x, shape, channels, window, |tape, c, at| {
                let mut inside = at.filter_map(|(_, position)| Some(position?[c]));
                let first = inside.next().expect("a value");
                inside.fold(first, |best, next| {
                    if tape.value(next) > tape.value(best) {
                        next
                    } else {
                        best
                    }
                })
            })
        }
        LayerSpec::AveragePool(AveragePool {
            kernel,
            stride,
            padding,
        }) => {
            let window = (*kernel, stride.unwrap_or(*kernel), *padding);
            windows(tape, &x, shape, channels, window, |tape, c, at| {
                let inside: Vec<Var> = at.filter_map(|(_, position)| Some(position?[c])).collect();
                tape.mean(&inside)
            })
        }
        LayerSpec::GlobalAveragePool => {
            let y = x.iter().map(|x| {
                (0..channels)
                    .map(|c| {
                        let all: Vec<Var> = (0..positions).map(|p| x[p * channels + c]).collect();
                        tape.mean(&all)
                    })
                    .collect()
            });
            (y.collect(), Shape::Vector(channels))
        }
        LayerSpec::Flatten => (x, Shape::Vector(positions * channels)),
        LayerSpec::BatchNorm(BatchNorm {
            statistics: Statistics::Current,
            epsilon,
        }) => {
            let mut y = x.clone();
            for c in 0..channels {
                let set: Vec<(usize, usize)> = (0..x.len())
                    .flat_map(|e| (0..positions).map(move |p| (e, p * channels + c)))
                    .collect();
                normalise(tape, &mut y, &set, channels, params, *epsilon);
            }
            (y, shape)
        }
        LayerSpec::GroupNorm(GroupNorm { groups, epsilon }) => {
            let y = in_groups(tape, x, shape, *groups, params, *epsilon);
            (y, shape)
        }
        LayerSpec::LayerNorm(LayerNorm { epsilon }) => {
            (in_groups(tape, x, shape, 1, params, *epsilon), shape)
        }
        LayerSpec::Softmax => {
            let y = x.iter().map(|x| {
                x.chunks(channels)
                    .flat_map(|x| {
                        let powers: Vec<Var> = x.iter().map(|&x| tape.exp(x)).collect();
                        let total = tape.sum(powers.iter().copied());
                        powers
                            .into_iter()
                            .map(|power| tape.divide(power, total))
                            .collect::<Vec<_>>()
                    })
                    .collect()
            });
            (y.collect(), shape)
        }
        LayerSpec::Context { .. } => {
            let y: Examples = x
                .iter()
                .map(|x| x.iter().chain(&params[0]).copied().collect())
                .collect();
            let features = y[0].len();
            (y, Shape::Vector(features))
        }
        LayerSpec::Relu => (each(tape, &|x| (x.max(0.0), f64::from(x > 0.0))), shape),
        LayerSpec::Relu6 => {
            let relu6 = |x: f64| (x.clamp(0.0, 6.0), f64::from(x > 0.0 && x < 6.0));
            (each(tape, &relu6), shape)
        }
        LayerSpec::LeakyRelu(LeakyRelu { slope }) => {
            let slope = *slope;
            let leaky = move |x: f64| {
                if x > 0.0 {
                    (x, 1.0)
                } else {
                    (slope * x, slope)
                }
            };
            (each(tape, &leaky), shape)
        }
        LayerSpec::Tanh => (each(tape, &|x| (x.tanh(), 1.0 - x.tanh().powi(2))), shape),
        LayerSpec::Sigmoid => {
            let sigmoid = |x: f64| {
                let y = 1.0 / (1.0 + (-x).exp());
                (y, y * (1.0 - y))
            };
            (each(tape, &sigmoid), shape)
        }
        LayerSpec::BatchNorm(BatchNorm {
            statistics: Statistics::Stored | Statistics::PerStep,
            ..
        }) => panic!("stored statistics are not in this reference"),
    }
}

/// Group norm.
fn in_groups(
    tape: &mut Tape,
    x: Examples,
    shape: Shape,
    groups: usize,
    params: &[Vec<Var>],
    epsilon: f64,
) -> Examples {
    let (positions, channels) = (shape.positions(), shape.channels());
    let size = channels / groups;
    let mut y = x;
    for example in 0..y.len() {
        for group in 0..groups {
            let set: Vec<(usize, usize)> = (0..positions)
                .flat_map(|p| (0..size).map(move |c| p * channels + group * size + c))
                .map(|index| (example, index))
                .collect();
            normalise(tape, &mut y, &set, channels, params, epsilon);
        }
    }
    y
}

/// Replaces the values at `set` by `gain·(x − mean)/√(variance + ε) + bias`.
fn normalise(
    tape: &mut Tape,
    x: &mut Examples,
    set: &[(usize, usize)],
    channels: usize,
    params: &[Vec<Var>],
    epsilon: f64,
) {
    let values: Vec<Var> = set.iter().map(|&(e, i)| x[e][i]).collect();
    let mean = tape.mean(&values);
    let squares: Vec<Var> = values
        .iter()
        .map(|&value| {
            let centred = tape.subtract(value, mean);
            tape.multiply(centred, centred)
        })
        .collect();
    let variance = tape.mean(&squares);
    let root = (tape.value(variance) + epsilon).sqrt();
    let deviation = tape.unary(variance, root, 0.5 / root);
    for &(e, i) in set {
        let centred = tape.subtract(x[e][i], mean);
        let normal = tape.divide(centred, deviation);
        let scaled = tape.multiply(normal, params[0][i % channels]);
        x[e][i] = tape.add(scaled, params[1][i % channels]);
    }
}

/// Calls `value(channel, window)` for every channel of every place; a window is
/// its positions as channels, row by row, `None` outside.
fn windows(
    tape: &mut Tape,
    x: &Examples,
    shape: Shape,
    channels: usize,
    (kernel, stride, padding): (Extent, Extent, Padding),
    value: impl Fn(&mut Tape, usize, &mut dyn Iterator<Item = (usize, Option<&[Var]>)>) -> Var,
) -> (Examples, Shape) {
    let sizes = |extent| match (extent, shape) {
        (Extent::Rectangle([h, w]), _) => [h as i64, w as i64],
        (Extent::Square(n), Shape::Image { .. }) => [n as i64; 2],
        (Extent::Square(n), _) => [1, n as i64],
    };
    let ([kh, kw], [sh, sw]) = (sizes(kernel), sizes(stride));
    let [h, w, c] = shape.grid();
    let along = |size: usize, k: i64, s: i64| {
        let size = size as i64;
        match padding {
            Padding::Valid => ((size - k) / s + 1, 0),
            Padding::Same => {
                let out = (size + s - 1) / s;
                (out, ((out - 1) * s + k - size).max(0) / 2)
            }
        }
    };
    let ((oh, top), (ow, left)) = (along(h, kh, sh), along(w, kw, sw));
    let mut y = Vec::new();
    for example in x {
        let mut result = Vec::new();
        for place in 0..oh * ow {
            let (row, column) = (place / ow * sh - top, place % ow * sw - left);
            for channel in 0..channels {
                let mut positions = (0..kh * kw).map(|k| {
                    let (row, column) = (row + k / kw, column + k % kw);
                    let inside = (0..h as i64).contains(&row) && (0..w as i64).contains(&column);
                    let start = (row * w as i64 + column) * c as i64;
                    (k as usize, inside.then(|| &example[start as usize..][..c]))
                });
                result.push(value(tape, channel, &mut positions));
            }
        }
        y.push(result);
    }
    let shape = match shape {
        Shape::Image { .. } => Shape::Image {
            height: oh as usize,
            width: ow as usize,
            channels,
        },
        _ => Shape::Sequence {
            length: ow as usize,
            channels,
        },
    };
    (y, shape)
}
