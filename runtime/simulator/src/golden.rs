//! Golden vectors for a new artifact: what this executor computes becomes what
//! every other must.

use anyhow::{Context, Result};
use mamlet_formats::{ArtifactWriter, GoldenValues, checkpoint};
use mamlet_runtime::{Adaptation, Learner, Outcome, Rollback};

use crate::Model;
use crate::file::ArtifactFile;

/// The artifact's bytes with golden vectors for these support examples:
/// `inputs` and `targets` row by row, a class as a whole number.
///
/// # Errors
/// Where the writer's parts make no artifact or no model, an example is
/// refused, or the adaptation is not kept whole.
pub fn attach(writer: &ArtifactWriter, inputs: &[f32], targets: &[f32]) -> Result<Vec<u8>> {
    let plain = ArtifactFile::new(&writer.to_bytes()?);
    let artifact = plain.artifact()?;
    let model = Model::new(&artifact)?;
    let examples = inputs.len() / model.inputs();
    let rollback = Rollback::ToInitialisation;
    let mut memory = vec![0.0; model.memory(examples, rollback).total().len()];
    let mut learner = Learner::new(&model, examples, rollback, &mut memory)?;
    let rows = || inputs.chunks_exact(model.inputs());
    let numbers = targets.len() / examples.max(1);
    for (input, target) in rows().zip(targets.chunks_exact(numbers.max(1))) {
        learner
            .add_target(input, target)
            .context("a golden example was refused")?;
    }
    let (_, gradients) = learner.gradient()?;
    let gradients = gradients.to_vec();
    let predict = |learner: &mut Learner<'_>| -> Result<Vec<f32>> {
        let mut outputs = Vec::new();
        for input in rows() {
            outputs.extend(learner.predict(input)?);
        }
        Ok(outputs)
    };
    let outputs_before = predict(&mut learner)?;
    let report = learner.adapt_with(Adaptation::default())?;
    anyhow::ensure!(
        report.outcome == Outcome::Adapted,
        "the recipe does not adapt to its golden examples: {}",
        crate::session::describe(report.outcome)
    );
    let outputs_after = predict(&mut learner)?;
    let weights = learner.weights().context("no adapted weights")?;
    let mut writer = writer.clone();
    writer.golden(GoldenValues {
        examples: u32::try_from(examples)?,
        inputs,
        targets,
        outputs_before: &outputs_before,
        losses: &report.losses,
        outputs_after: &outputs_after,
        gradients: &gradients,
        adapted_crc32: checkpoint::weights_crc32(weights),
    });
    Ok(writer.to_bytes()?)
}
