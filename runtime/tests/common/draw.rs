//! Networks and examples drawn at random.

use mamlet_formats::{Loss, Padding, Pool, Reduction, Window};
use rand::RngExt;

use super::net::{Example, Net};
use super::piece::{Fixed, Kind, Piece, Size, Stored, Values};
use super::{Random, values};

impl Net {
    /// A chain of one to five layers with anything anywhere, at least one
    /// tensor of which adapts.
    pub fn any(random: &mut Random) -> Self {
        let size = any_size(random);
        let mut net = Net::of(size, Vec::new());
        if random.random_bool(0.1) {
            net.pieces = integers(random, size);
        }
        for _ in 0..random.random_range(1..=5) {
            let size = net.sizes().pop().expect("the input's");
            net.pieces.push(any_piece(random, size));
        }
        if net.adapting_tensors() == 0 {
            let inputs = net.outputs();
            let outputs = random.random_range(1..=4);
            let mut last = dense(random, inputs, outputs);
            last.tensors_mut().for_each(|tensor| tensor.1 = true);
            net.pieces.push(last);
        }
        if random.random_bool(0.3) {
            let [mean, scale] = [(); 2].map(|()| values(random, net.inputs));
            net.normalisation = Some((mean, scale));
        }
        net.any_recipe(random)
    }

    /// A network without layers that mix examples.
    pub fn any_without_mixing(random: &mut Random) -> Self {
        loop {
            let net = Net::any(random);
            if !net.mixes_examples() {
                return net;
            }
        }
    }

    /// Gives it any loss that its outputs fit, and any recipe.
    pub fn any_recipe(mut self, random: &mut Random) -> Self {
        let outputs = self.outputs();
        self.loss = match random.random_range(0..10) {
            0..=2 if outputs > 1 => Loss::CrossEntropy,
            3 if outputs > 1 => Loss::CategoricalPolicy,
            4 if outputs.is_multiple_of(2) => Loss::GaussianPolicy,
            5 => Loss::Huber {
                delta: random.random_range(0.1..1.5),
            },
            _ => Loss::MeanSquaredError,
        };
        if random.random_bool(0.3) {
            self.reduction = Reduction::Sum;
        }
        self.steps = random.random_range(1..=6);
        let tensors = self.adapting_tensors();
        let mut row = || -> Vec<f32> {
            let rate = |_| random.random_range(0.001..0.1);
            (0..tensors).map(rate).collect()
        };
        let mut rates = vec![row()];
        while rates.len() < 1 + self.steps as usize % 3 {
            rates.push(row());
        }
        self.rates = rates;
        self.clip_norm = random
            .random_bool(0.15)
            .then(|| random.random_range(0.05..2.0));
        self.momentum = random
            .random_bool(0.15)
            .then(|| random.random_range(0.0..0.95));
        self
    }

    /// Examples with inputs and targets in [−1, 1), or classes.
    pub fn examples(&self, random: &mut Random, count: usize) -> Vec<Example> {
        let outputs = self.outputs();
        let target = |random: &mut Random| match self.loss {
            Loss::CrossEntropy => vec![random.random_range(0..outputs) as f32],
            Loss::CategoricalPolicy => {
                let choice = random.random_range(0..outputs) as f32;
                vec![choice, random.random_range(-1.0..1.0)]
            }
            _ => values(random, self.targets()),
        };
        (0..count)
            .map(|_| (values(random, self.inputs), target(random)))
            .collect()
    }
}

/// A vector, a sequence or an image.
pub fn any_size(random: &mut Random) -> Size {
    match random.random_range(0..4) {
        0 | 1 => [1, 1, random.random_range(1..=6)],
        2 => [1, random.random_range(2..=9), random.random_range(1..=3)],
        _ => [(2, 5), (2, 5), (1, 3)].map(|(least, most)| random.random_range(least..=most)),
    }
}

/// A window that fits, of any stride and padding.
pub fn any_window(random: &mut Random, size: Size) -> Window {
    let most = |axis: usize| if size[axis] == 1 { 2 } else { 4 };
    let sizes = [0, 1].map(|axis| random.random_range(1..=most(axis)));
    let fits = (0..2).all(|axis| usize::from(sizes[axis]) <= size[axis]);
    Window {
        size: sizes,
        stride: [0, 1].map(|_| random.random_range(1..=3)),
        padding: match fits && random.random() {
            true => Padding::Valid,
            false => Padding::Same,
        },
    }
}

/// A tensor of which most adapt.
fn tensor(random: &mut Random, length: usize) -> Values {
    (values(random, length), random.random_bool(0.7))
}

fn optional(random: &mut Random, length: usize) -> Option<Values> {
    random.random_bool(0.7).then(|| tensor(random, length))
}

/// A dense layer with any weights, of which most adapt.
pub fn dense(random: &mut Random, inputs: usize, outputs: usize) -> Piece {
    Piece::Dense {
        outputs,
        weight: tensor(random, inputs * outputs),
        bias: optional(random, outputs),
    }
}

/// A convolution in so many groups, which divide the channels and the filters.
pub fn conv(
    random: &mut Random,
    size: Size,
    (groups, filters): (usize, usize),
    window: Window,
) -> Piece {
    let length = window.size.map(usize::from).iter().product::<usize>() * size[2] / groups;
    Piece::Conv {
        groups,
        filters,
        window,
        weight: tensor(random, length * filters),
        bias: optional(random, filters),
    }
}

/// Groups that divide so many channels.
pub fn any_groups(random: &mut Random, channels: usize) -> usize {
    let divisors = (1..=channels).filter(|groups| channels.is_multiple_of(*groups));
    let divisors: Vec<usize> = divisors.collect();
    divisors[random.random_range(0..divisors.len())]
}

pub fn depthwise(random: &mut Random, size: Size, window: Window) -> Piece {
    let taps: usize = window.size.map(usize::from).iter().product();
    Piece::Depthwise {
        window,
        weight: tensor(random, taps * size[2]),
        bias: optional(random, size[2]),
    }
}

/// Any of the statistics, or groups of any size.
pub fn norm(random: &mut Random, size: Size) -> Piece {
    let channels = size[2];
    let epsilon = random.random_range(0.05..0.5);
    let (gain, bias) = (optional(random, channels), optional(random, channels));
    let rows = random.random_range(1..=3);
    match random.random_range(0..5) {
        0 => Piece::BatchNorm {
            stored: None,
            epsilon,
            gain,
            bias,
        },
        1 => Piece::BatchNorm {
            stored: Some(Stored {
                mean: values(random, rows * channels),
                variance: values(random, rows * channels)
                    .iter()
                    .map(|x| x.abs())
                    .collect(),
                rows,
            }),
            epsilon,
            gain,
            bias,
        },
        _ => Piece::GroupNorm {
            groups: any_groups(random, channels),
            epsilon,
            gain,
            bias,
        },
    }
}

fn any_piece(random: &mut Random, size: Size) -> Piece {
    let numbers: usize = size.iter().product();
    let positions = size[0] * size[1];
    let window = any_window(random, size);
    match random.random_range(0..20) {
        0..=3 => {
            let most = if numbers > 12 { 2 } else { 6 };
            let outputs = random.random_range(1..=most);
            dense(random, numbers, outputs)
        }
        4 => Piece::Relu,
        5 => Piece::LeakyRelu(random.random_range(0.0..1.0)),
        6 => Piece::Tanh,
        7 => Piece::Sigmoid,
        8 => Piece::Relu6,
        9 => Piece::Softmax,
        10 | 11 if positions > 1 => {
            Piece::Pool([Pool::Maximum, Pool::Average][positions % 2], window)
        }
        12 if positions > 1 => Piece::GlobalAverage,
        13 | 14 => {
            let groups = any_groups(random, size[2]);
            let filters = groups * random.random_range(1..=3);
            conv(random, size, (groups, filters), window)
        }
        15 => depthwise(random, size, window),
        16 | 17 => norm(random, size),
        18 => Piece::Flatten,
        _ => {
            let length = random.random_range(1..=4);
            Piece::Context(tensor(random, length))
        }
    }
}

/// Layers on integers, from and to f32.
pub fn integers(random: &mut Random, size: Size) -> Vec<Piece> {
    let scale = [0.0625, 0.03, 0.25][random.random_range(0..3)];
    let mut pieces = vec![Piece::Quantize(scale, random.random_range(-20..20))];
    let mut size = size;
    for _ in 0..random.random_range(0..4) {
        let piece = any_integer(random, size);
        size = piece.output(size);
        pieces.push(piece);
    }
    pieces.push(Piece::Dequantize(scale, random.random_range(-20..20)));
    pieces
}

fn any_integer(random: &mut Random, size: Size) -> Piece {
    let window = any_window(random, size);
    let taps: usize = window.size.map(usize::from).iter().product();
    let numbers: usize = size.iter().product();
    let outputs = random.random_range(1..=5);
    match random.random_range(0..8) {
        0 => Piece::Flatten,
        1 => Piece::Pool(Pool::Maximum, window),
        2 => Piece::Pool(Pool::Average, window),
        3 => Piece::GlobalAverage,
        4 => Piece::Integer(Kind::Dense(outputs), fixed(random, numbers, outputs)),
        5 => {
            let mut fixed = fixed(random, taps, size[2]);
            fixed.input_zero = random.random_range(-128..=127);
            Piece::Integer(Kind::Depthwise(window), fixed)
        }
        _ => {
            let groups = any_groups(random, size[2]);
            let filters = groups * outputs;
            let fixed = fixed(random, taps * size[2] / groups, filters);
            Piece::Integer(Kind::Conv(groups, filters, window), fixed)
        }
    }
}

/// Weights of any size, and multipliers that bring most sums back into range.
pub fn fixed(random: &mut Random, length: usize, outputs: usize) -> Fixed {
    let each = |random: &mut Random, any: fn(&mut Random) -> i32| -> Vec<i32> {
        (0..outputs).map(|_| any(random)).collect()
    };
    let low = random.random_range(-128..=0);
    Fixed {
        weight: (0..length * outputs)
            .map(|_| random.random_range(-128..=127))
            .collect(),
        bias: each(random, |random| random.random_range(-20_000..20_000)),
        multiplier: each(random, |random| random.random_range(1 << 29..=i32::MAX)),
        shift: (0..outputs)
            .map(|_| match random.random_ratio(1, 10) {
                true => random.random_range(0..=31),
                false => random.random_range(0..12),
            })
            .collect(),
        input_zero: random.random_range(-128..=127),
        zero: random.random_range(-128..=127),
        low,
        high: random.random_range(low..=127),
    }
}
