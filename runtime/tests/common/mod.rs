//! Networks for tests: written down or drawn at random, as artifacts for the
//! runtime and as parameters for the [`naive`] implementation.
#![allow(dead_code, unused_imports, reason = "each test file uses its part")]

pub mod draw;
pub mod hostile;
pub mod line;
pub mod naive;
pub mod net;
pub mod piece;

pub use draw::dense;
use mamlet_formats::Loss;
use mamlet_runtime::{Artifact, ExampleError, Learner, Model, Setup};
pub use net::{Example, Net};
pub use piece::Piece;
use rand::{RngExt, SeedableRng};
pub use rand_chacha::ChaCha8Rng as Random;

/// As many layers as any network here has.
pub type AnyModel<'a> = Model<'a, 12>;

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

/// Numbers in [−1, 1).
pub fn values(random: &mut Random, count: usize) -> Vec<f32> {
    (0..count).map(|_| random.random_range(-1.0..1.0)).collect()
}

/// Adds an example by the function for its kind of target.
pub fn add(learner: &mut Learner<'_>, loss: Loss, example: &Example) -> Result<(), ExampleError> {
    let (input, target) = example;
    match loss {
        Loss::CrossEntropy => learner.add_class(input, target[0] as usize),
        Loss::CategoricalPolicy => {
            learner.add_discrete_action(input, target[0] as usize, target[1])
        }
        Loss::GaussianPolicy => {
            let (advantage, action) = target.split_last().expect("an advantage");
            learner.add_action(input, action, *advantage)
        }
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

/// Calls `with` with a learner in exactly the memory that it asks for, which
/// holds NaNs.
pub fn with_setup<R>(net: &Net, setup: Setup, with: impl FnOnce(&mut Learner<'_>) -> R) -> R {
    let file = net.file();
    let artifact = file.artifact();
    let model = AnyModel::new(&artifact).unwrap_or_else(|error| panic!("{error}: {net:?}"));
    let mut memory = vec![f32::NAN; model.memory_for(setup).total().len()];
    let mut learner = Learner::with(&model, setup, &mut memory).expect("enough memory");
    with(&mut learner)
}
