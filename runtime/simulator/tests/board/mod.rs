//! A board that learns numbers and keeps them in flash.
#![allow(dead_code, reason = "each test file uses its part")]

use mamlet_formats::{ArtifactWriter, Layer, Loss, Reduction, Shape};
use mamlet_runtime::storage::{Saved, Store, StoreError};
use mamlet_runtime::{Learner, Outcome, Rollback};
use mamlet_simulator::Model;
use mamlet_simulator::file::ArtifactFile;
use mamlet_simulator::flash::{Flash, FlashError};

/// The bits of all weights in use; `None` for the initialisation.
pub type Bits = Option<Vec<u32>>;

/// An artifact of which so many weights adapt.
pub fn artifact(name: &str, weights: u32) -> ArtifactFile {
    let features = weights - 1;
    let mut writer = ArtifactWriter::new(name, Shape::Vector { features });
    let initial: Vec<f32> = (0..features).map(|index| index as f32 * 1e-3).collect();
    let weight = writer.tensor(&initial, true);
    let bias = writer.tensor(&[0.0], true);
    writer.push(Layer::Dense {
        outputs: 1,
        weight,
        bias: Some(bias),
    });
    writer
        .rates(&[&[0.25 / weights as f32; 2]])
        .steps(1, 20)
        .loss(Loss::MeanSquaredError, Reduction::Mean);
    ArtifactFile::new(&writer.to_bytes().expect("an artifact"))
}

/// Runs a test with a learner of one example.
pub fn with_learner<T>(file: &ArtifactFile, test: impl FnOnce(&mut Learner<'_>) -> T) -> T {
    let artifact = file.artifact().expect("an artifact");
    let model = Model::new(&artifact).expect("a model");
    let rollback = Rollback::ToCommitted;
    let mut memory = vec![0.0; model.memory(1, rollback).total().len()];
    test(&mut Learner::new(&model, 1, rollback, &mut memory).expect("enough memory"))
}

/// Adapts to one example whose target is `lesson`; no two lessons lead to the
/// same weights.
pub fn teach(learner: &mut Learner<'_>, features: u32, lesson: u32) -> Bits {
    learner.clear_examples();
    let target = 100.0 + lesson as f32;
    let input = vec![1.0; features as usize];
    learner.add_values(&input, &[target]).expect("an example");
    let report = learner.adapt().expect("an adaptation");
    assert_eq!(report.outcome, Outcome::Adapted);
    bits(learner)
}

/// The weights in use.
pub fn bits(learner: &Learner<'_>) -> Bits {
    let weights = learner.weights()?;
    Some(weights.iter().map(|weight| weight.to_bits()).collect())
}

/// A board: the artifact's learner, and flash that outlives its runs.
pub struct Board<'l, 'm> {
    pub learner: &'l mut Learner<'m>,
    pub weights: u32,
    pub profiles: u8,
}

impl Board<'_, '_> {
    /// Learns a lesson and saves it.
    pub fn save<const W: usize, const P: usize>(
        &mut self,
        store: &mut Store<&mut Flash<W, P>>,
        profile: u8,
        lesson: u32,
    ) -> (Bits, Result<Saved, StoreError<FlashError>>) {
        let bits = teach(self.learner, self.weights - 1, lesson);
        (bits, store.save(profile, self.learner))
    }

    /// Starts afresh and says what a profile has.
    pub fn start<const W: usize, const P: usize>(
        &mut self,
        flash: &mut Flash<W, P>,
        profile: u8,
    ) -> Bits {
        let mut store = self.store(flash);
        match store.restore(profile, self.learner).expect("sound flash") {
            Some(_) => bits(self.learner),
            None => None,
        }
    }

    /// The store in all of the flash.
    pub fn store<'f, const W: usize, const P: usize>(
        &self,
        flash: &'f mut Flash<W, P>,
    ) -> Store<&'f mut Flash<W, P>> {
        let all = 0..flash.bytes().len() as u32;
        Store::new(flash, all, self.profiles).expect("a region")
    }
}
