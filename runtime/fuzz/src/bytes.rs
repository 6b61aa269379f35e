//! Any bytes as an artifact.

use mamlet_formats::Loss;
use mamlet_formats_fuzz::seal_artifact;
use mamlet_runtime::{Adaptation, Artifact, Learner, Model, Rollback, golden};

use crate::memory::{Aligned, Guarded};

/// Models that ask for more are planned, not run.
const MEMORY: usize = 16 * 1024;
/// Multiply-accumulates of a prediction above which a case takes too long.
const COST: u64 = 100_000;
const EXAMPLES: usize = 3;

/// Gives the bytes the checksum they should have, and does with them all that
/// one can do with an artifact.
pub fn bytes(data: &[u8]) {
    let mut file = data.to_vec();
    seal_artifact(&mut file);
    let file = Aligned::new(&file);
    let Ok(artifact) = Artifact::parse(file.bytes()) else {
        return;
    };
    let mut model = Model::<8>::default();
    let loaded = model.load(&artifact);
    for examples in [0, 1, 1000, usize::MAX] {
        for rollback in [Rollback::ToInitialisation, Rollback::ToCommitted] {
            let total = model.memory(examples, rollback).total();
            assert!(total >= model.prediction_memory());
        }
        let _ = model.cost().adaptation_at_most(examples, usize::MAX);
    }
    // A model that was refused is of no use, and as harmless.
    let needed = model.memory(EXAMPLES, Rollback::ToCommitted).total().len();
    if needed > MEMORY || model.inputs() > MEMORY || model.cost().forward > COST {
        return;
    }
    let mut memory = Guarded::new(needed);
    let live = run(&artifact, &model, memory.inside());
    assert!(live.is_some() || loaded.is_err());
    memory.check();
}

/// Adds examples, adapts and predicts; `None` where a model that was refused
/// did not get that far.
fn run(artifact: &Artifact<'_>, model: &Model<'_, 8>, memory: &mut [f32]) -> Option<()> {
    let (input, mut target) = (vec![0.25; model.inputs()], vec![0.5; model.targets()]);
    if matches!(model.loss(), Loss::CrossEntropy | Loss::CategoricalPolicy) {
        *target.first_mut()? = 0.0;
    }
    let mut learner = Learner::new(model, EXAMPLES, Rollback::ToCommitted, memory).ok()?;
    if let Ok(Some(golden)) = artifact.golden()
        && golden.sizes.examples as usize <= EXAMPLES
    {
        let _ = golden::verify(artifact, &mut learner);
    }
    for _ in 0..EXAMPLES {
        learner.add_target(&input, &target).ok()?;
    }
    let adaptation = Adaptation {
        steps: Some(model.steps().min(3)),
        rate: None,
    };
    let report = learner.adapt_with(adaptation).ok()?;
    if learner.is_adapted() {
        assert!(report.loss_after() <= report.loss_before());
        assert!(learner.weights()?.iter().all(|weight| weight.is_finite()));
        let mut checkpoint = vec![0; learner.checkpoint_size()];
        assert_eq!(learner.save(&mut checkpoint), Ok(checkpoint.len()));
        assert_eq!(learner.restore(&checkpoint), Ok(()));
    }
    let output = learner.predict(&input).ok()?;
    assert_eq!(output.len(), model.outputs());
    Some(())
}
