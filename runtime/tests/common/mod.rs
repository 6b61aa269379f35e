//! Networks for tests: written down or drawn at random, as artifacts for the
//! runtime and as parameters for the [`naive`] implementation.
#![allow(dead_code, reason = "each test file uses its part")]

pub mod naive;

use mamlet_formats::{ArtifactWriter, Layer, Loss, Reduction, Shape};
use mamlet_runtime::{Artifact, ExampleError, Learner, Model};
use rand::{RngExt, SeedableRng};
pub use rand_chacha::ChaCha8Rng as Random;

/// As many layers as any network here has.
pub type Net8<'a> = Model<'a, 8>;

/// A seeded generator.
pub fn random(seed: u64) -> Random {
    Random::seed_from_u64(seed)
}

/// Bytes at an address that is a multiple of four, as in flash.
#[derive(Clone)]
pub struct Aligned {
    words: Vec<u32>,
    length: usize,
}

impl Aligned {
    pub fn new(bytes: &[u8]) -> Self {
        let mut aligned = Aligned {
            words: Vec::new(),
            length: 0,
        };
        aligned.set(bytes);
        aligned
    }

    /// Takes other bytes, without another allocation where they fit.
    pub fn set(&mut self, bytes: &[u8]) {
        self.words.clear();
        self.words.resize(bytes.len().div_ceil(4), 0);
        self.length = bytes.len();
        bytemuck::cast_slice_mut(&mut self.words)[..bytes.len()].copy_from_slice(bytes);
    }

    pub fn bytes(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.words)[..self.length]
    }

    pub fn artifact(&self) -> Artifact<'_> {
        Artifact::parse(self.bytes()).expect("a sound artifact")
    }
}

/// A tensor: its values, and whether it adapts.
pub type Values = (Vec<f32>, bool);

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
}

/// A network, its loss and its recipe.
#[derive(Clone, Debug)]
pub struct Net {
    pub inputs: usize,
    pub pieces: Vec<Piece>,
    pub normalisation: Option<(Vec<f32>, Vec<f32>)>,
    pub loss: Loss,
    pub reduction: Reduction,
    pub steps: u32,
    pub max_steps: u32,
    /// A row per step; no rows stand for 0.05 everywhere.
    pub rates: Vec<Vec<f32>>,
}

/// An input and its target: numbers, or one class.
pub type Example = (Vec<f32>, Vec<f32>);

impl Net {
    pub fn new(inputs: usize, pieces: Vec<Piece>) -> Self {
        Net {
            inputs,
            pieces,
            normalisation: None,
            loss: Loss::MeanSquaredError,
            reduction: Reduction::Mean,
            steps: 1,
            max_steps: 32,
            rates: Vec::new(),
        }
    }

    pub fn loss(mut self, loss: Loss, reduction: Reduction) -> Self {
        (self.loss, self.reduction) = (loss, reduction);
        self
    }

    pub fn normalised(mut self, mean: &[f32], scale: &[f32]) -> Self {
        self.normalisation = Some((mean.to_vec(), scale.to_vec()));
        self
    }

    /// The same rate for every tensor in every step.
    pub fn rate(mut self, rate: f32) -> Self {
        self.rates = vec![vec![rate; self.adapting_tensors()]];
        self
    }

    pub fn steps(mut self, steps: u32, max_steps: u32) -> Self {
        (self.steps, self.max_steps) = (steps, max_steps);
        self
    }

    /// A chain of one to five layers with anything anywhere, at least one
    /// tensor of which adapts.
    pub fn any(random: &mut Random) -> Self {
        let inputs = random.random_range(1..=6);
        let mut width = inputs;
        let mut pieces = Vec::new();
        for _ in 0..random.random_range(1..=5) {
            let piece = match random.random_range(0..10) {
                0..=4 => {
                    let outputs = random.random_range(1..=6);
                    dense(random, width, outputs)
                }
                5 => Piece::Relu,
                6 => Piece::LeakyRelu(random.random_range(0.0..1.0)),
                7 => Piece::Tanh,
                8 => Piece::Sigmoid,
                _ => {
                    let length = random.random_range(1..=4);
                    Piece::Context((values(random, length), random.random_bool(0.7)))
                }
            };
            width = match &piece {
                Piece::Dense { outputs, .. } => *outputs,
                Piece::Context((values, _)) => width + values.len(),
                _ => width,
            };
            pieces.push(piece);
        }
        let mut net = Net::new(inputs, pieces);
        if net.adapting_tensors() == 0 {
            let outputs = random.random_range(1..=4);
            let mut last = dense(random, width, outputs);
            if let Piece::Dense { weight, .. } = &mut last {
                weight.1 = true;
            }
            net.pieces.push(last);
        }
        if random.random_bool(0.3) {
            let scale = values(random, inputs);
            net = net.normalised(&values(random, inputs), &scale);
        }
        if random.random_bool(0.4) && net.outputs() > 1 {
            net.loss = Loss::CrossEntropy;
        }
        if random.random_bool(0.3) {
            net.reduction = Reduction::Sum;
        }
        net.steps = random.random_range(1..=6);
        let tensors = net.adapting_tensors();
        net.rates = (0..random.random_range(1..=3))
            .map(|_| {
                (0..tensors)
                    .map(|_| random.random_range(0.001..0.1))
                    .collect()
            })
            .collect();
        net
    }

    pub fn outputs(&self) -> usize {
        self.pieces
            .iter()
            .fold(self.inputs, |width, piece| match piece {
                Piece::Dense { outputs, .. } => *outputs,
                Piece::Context((values, _)) => width + values.len(),
                _ => width,
            })
    }

    /// All tensors, layer by layer.
    pub fn tensors(&self) -> impl Iterator<Item = &Values> {
        self.pieces.iter().flat_map(|piece| {
            let tensors = match piece {
                Piece::Dense { weight, bias, .. } => [Some(weight), bias.as_ref()],
                Piece::Context(vector) => [Some(vector), None],
                _ => [None, None],
            };
            tensors.into_iter().flatten()
        })
    }

    pub fn adapting_tensors(&self) -> usize {
        self.tensors().filter(|(_, adapts)| *adapts).count()
    }

    pub fn writer(&self) -> ArtifactWriter {
        let features = u32::try_from(self.inputs).expect("a small network");
        let mut writer = ArtifactWriter::new("net", Shape::Vector { features });
        for piece in &self.pieces {
            let mut tensor = |(values, adapts): &Values| writer.tensor(values, *adapts);
            let layer = match piece {
                Piece::Dense {
                    outputs,
                    weight,
                    bias,
                } => Layer::Dense {
                    outputs: u32::try_from(*outputs).expect("a small network"),
                    weight: tensor(weight),
                    bias: bias.as_ref().map(tensor),
                },
                Piece::Relu => Layer::Relu,
                Piece::LeakyRelu(slope) => Layer::LeakyRelu { slope: *slope },
                Piece::Tanh => Layer::Tanh,
                Piece::Sigmoid => Layer::Sigmoid,
                Piece::Context(vector) => Layer::Context {
                    vector: tensor(vector),
                },
            };
            writer.push(layer);
        }
        if let Some((mean, scale)) = &self.normalisation {
            writer.normalisation(mean, scale);
        }
        let default = vec![0.05; self.adapting_tensors()];
        let rows: Vec<&[f32]> = match self.rates.is_empty() {
            true => vec![&default],
            false => self.rates.iter().map(Vec::as_slice).collect(),
        };
        writer
            .rates(&rows)
            .steps(self.steps, self.max_steps)
            .loss(self.loss, self.reduction);
        writer
    }

    pub fn file(&self) -> Aligned {
        Aligned::new(&self.writer().to_bytes().expect("parts that agree"))
    }

    /// Examples with inputs and targets in [−1, 1), or classes.
    pub fn examples(&self, random: &mut Random, count: usize) -> Vec<Example> {
        let outputs = self.outputs();
        let target = |random: &mut Random| match self.loss {
            Loss::CrossEntropy => vec![random.random_range(0..outputs) as f32],
            _ => values(random, outputs),
        };
        (0..count)
            .map(|_| (values(random, self.inputs), target(random)))
            .collect()
    }
}

/// A dense layer with any weights, of which most adapt.
pub fn dense(random: &mut Random, inputs: usize, outputs: usize) -> Piece {
    let bias = random
        .random_bool(0.7)
        .then(|| (values(random, outputs), random.random_bool(0.7)));
    Piece::Dense {
        outputs,
        weight: (values(random, inputs * outputs), random.random_bool(0.7)),
        bias,
    }
}

/// Numbers in [−1, 1).
pub fn values(random: &mut Random, count: usize) -> Vec<f32> {
    (0..count).map(|_| random.random_range(-1.0..1.0)).collect()
}

/// Adds an example by the function for its kind of target.
pub fn add(learner: &mut Learner<'_>, loss: Loss, example: &Example) -> Result<(), ExampleError> {
    let (input, target) = example;
    match loss {
        Loss::CrossEntropy => learner.add_class(input, target[0] as usize),
        _ => learner.add_values(input, target),
    }
}

/// Adds examples that are known to be good.
pub fn add_all(learner: &mut Learner<'_>, net: &Net, examples: &[Example]) {
    for example in examples {
        assert_eq!(add(learner, net.loss, example), Ok(()));
    }
}

/// Numbers as bits, to be compared exactly.
pub fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}
