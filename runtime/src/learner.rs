//! K labelled examples in, an adapted model out, or no change at all.

mod adapt;
mod errors;
mod examples;
mod persist;
mod report;
#[cfg(feature = "policy")]
mod rollouts;
#[cfg(test)]
mod tests;

pub use errors::{AdaptError, ExampleError, LearnerError, RestoreError, SaveError};
pub use report::{Adaptation, Cause, Losses, Outcome, Report, kept_steps};

use crate::engine::{self, Weights};
use crate::fault::{Checked, Internal};
use crate::inference::{self, PredictError};
use crate::kernels::{all_finite, copy, rows, rows_mut};
use crate::memory::{Batch, Memory, Numbers, Rollback, Setup};
use crate::model::{Model, ModelInfo, Stage};
use crate::prediction::Prediction;

/// A model together with the memory to adapt it.
///
/// Every adaptation starts from the artifact's initialisation, as in the method
/// (Finn et al. 2017, section 2.2): to learn from more examples, add them and
/// adapt again.
#[derive(Debug)]
pub struct Learner<'m> {
    info: &'m ModelInfo<'m>,
    stages: &'m [Stage],
    setup: Setup,
    adapted: &'m mut [f32],
    /// Empty where rollback is to the initialisation.
    committed: &'m mut [f32],
    /// The weights that a step makes; empty where steps are in place.
    spare: &'m mut [f32],
    /// The gradient, where a step needs the whole of it, and its velocity.
    gradient: &'m mut [f32],
    velocity: &'m mut [f32],
    support: Examples<'m>,
    /// `[queries, features]`
    queries: &'m mut [f32],
    workspace: &'m mut [f32],
    examples: usize,
    /// What `adapted` holds, `None` while the initialisation is in use.
    current: Option<Learnt>,
    /// The same of `committed`.
    current_committed: Option<Learnt>,
}

/// The support examples: `[examples, features]` and `[examples, targets]`.
#[derive(Debug)]
enum Examples<'m> {
    /// In the learner's memory.
    Copied {
        inputs: &'m mut [f32],
        targets: &'m mut [f32],
    },
    /// Where the caller has them.
    Lent {
        inputs: &'m [f32],
        targets: &'m [f32],
    },
}

/// How the weights in use came about.
#[derive(Clone, Copy, Debug)]
struct Learnt {
    steps: u32,
    loss_before: f32,
    loss_after: f32,
}

impl<'m> Learner<'m> {
    /// Divides `memory` among weights, examples and workspace. Its length must
    /// be at least [`Model::memory`]`(examples, rollback).total().len()`.
    ///
    /// # Errors
    /// [`LearnerError`] where `memory` is too small, with the length needed.
    pub fn new<const LAYERS: usize>(
        model: &'m Model<'m, LAYERS>,
        examples: usize,
        rollback: Rollback,
        memory: &'m mut [f32],
    ) -> Result<Self, LearnerError> {
        let setup = Setup::new(examples).rollback(rollback);
        Self::with(model, setup, memory)
    }

    /// Divides `memory` as `setup` says. Its length must be at least
    /// [`Model::memory_for`]`(setup).total().len()`.
    ///
    /// # Errors
    /// [`LearnerError`] where `memory` is too small, with the length needed,
    /// or where the model cannot be set up like that.
    pub fn with<const LAYERS: usize>(
        model: &'m Model<'m, LAYERS>,
        setup: Setup,
        memory: &'m mut [f32],
    ) -> Result<Self, LearnerError> {
        let info = &model.info;
        if setup.batch == Batch::OneByOne && model.mixes_examples() {
            return Err(LearnerError::BatchNorm);
        }
        if setup.lent && (info.start > 0 || info.normalisation.is_some()) {
            return Err(LearnerError::CannotLend);
        }
        Self::divide(model, setup, model.memory_for(setup), memory)
    }

    /// Divides `memory` into what is needed.
    pub(crate) fn divide<const LAYERS: usize>(
        model: &'m Model<'m, LAYERS>,
        setup: Setup,
        needed: Memory,
        memory: &'m mut [f32],
    ) -> Result<Self, LearnerError> {
        let info = &model.info;
        let error = LearnerError::MemoryTooSmall {
            needed: needed.total().len(),
            given: memory.len(),
        };
        let Memory {
            adapted,
            committed,
            spare,
            optimiser,
            support,
            workspace,
        } = needed;
        let mut rest = memory;
        let mut take = |numbers: Numbers| {
            let (part, tail) = core::mem::take(&mut rest)
                .split_at_mut_checked(numbers.len())
                .ok_or(error)?;
            rest = tail;
            Ok(part)
        };
        let (adapted, committed) = (take(adapted)?, take(committed)?);
        let (spare, optimiser) = (take(spare)?, take(optimiser)?);
        let (support, workspace) = (take(support)?, take(workspace)?);
        let gradient = if optimiser.is_empty() {
            0
        } else {
            info.adapting
        };
        let (gradient, velocity) = optimiser.split_at_mut_checked(gradient).ok_or(error)?;
        let queries = setup.queries.saturating_mul(info.features);
        let (queries, support) = support.split_at_mut_checked(queries).ok_or(error)?;
        let inputs = if setup.lent { 0 } else { info.features };
        let inputs = setup.examples.saturating_mul(inputs);
        let (inputs, targets) = support.split_at_mut_checked(inputs).ok_or(error)?;
        let support = match setup.lent {
            false => Examples::Copied { inputs, targets },
            true => Examples::Lent {
                inputs: &[],
                targets: &[],
            },
        };
        Ok(Learner {
            info,
            stages: &model.stages,
            setup,
            adapted,
            committed,
            spare,
            gradient,
            velocity,
            support,
            queries,
            workspace,
            examples: 0,
            current: None,
            current_committed: None,
        })
    }

    /// How many examples it has.
    pub fn examples(&self) -> usize {
        self.examples
    }

    /// Numbers per output: of a classifier, a logit for each.
    pub fn outputs(&self) -> usize {
        self.info.outputs
    }

    /// Classes that can be taught: all outputs, but for one that the artifact's
    /// [`Rejection`](mamlet_formats::Rejection) keeps for what was not.
    pub fn classes(&self) -> usize {
        self.info.classes()
    }

    /// How many examples there is room for.
    pub fn capacity(&self) -> usize {
        self.setup.examples
    }

    /// Forgets the examples. What was learnt of them stays.
    pub fn clear_examples(&mut self) {
        self.examples = 0;
    }

    /// Makes the weights in use the ones a rollback returns to. Does nothing
    /// where rollback is to the initialisation.
    pub fn commit(&mut self) {
        if self.committed.len() == self.adapted.len() {
            self.committed.copy_from_slice(self.adapted);
            self.current_committed = self.current;
        }
    }

    /// Goes back to the weights last committed, or to the initialisation where
    /// there are none.
    pub fn discard(&mut self) {
        self.current = self.current_committed;
        if self.current_committed.is_some() && self.committed.len() == self.adapted.len() {
            self.adapted.copy_from_slice(self.committed);
        }
    }

    /// Goes back to the initialisation and forgets the examples and what was
    /// committed.
    pub fn reset(&mut self) {
        (self.current, self.current_committed) = (None, None);
        self.examples = 0;
    }

    /// Whether predictions come from adapted weights.
    pub fn is_adapted(&self) -> bool {
        self.current.is_some()
    }

    /// The weights in use, adapting tensors one behind the other; `None` while
    /// the initialisation is in use.
    pub fn weights(&self) -> Option<&[f32]> {
        self.current.map(|_| &*self.adapted)
    }

    /// The output for one raw input, with the weights in use. Logits where the
    /// loss is cross-entropy.
    ///
    /// # Errors
    /// [`PredictError`] where the input has another length than the model's, or
    /// the model has layers on integers and a number is not finite.
    pub fn predict(&mut self, input: &[f32]) -> Result<&[f32], PredictError> {
        let weights = in_use(self.info, self.stages, self.current, self.adapted)?;
        inference::predict(self.info, self.stages, weights, input, self.workspace)
    }

    /// The class of one raw input, with the weights in use, and whether it counts
    /// by the artifact's threshold.
    ///
    /// # Errors
    /// As [`predict`](Self::predict).
    pub fn classify(&mut self, input: &[f32]) -> Result<Prediction, PredictError> {
        let rejection = self.info.rejection;
        self.predict(input)
            .map(|logits| Prediction::of(logits, rejection))
    }

    /// The outputs for several raw inputs at once, one behind the other. They
    /// differ from those of [`predict`](Self::predict) where a batch norm takes
    /// the statistics of all that is computed at once.
    ///
    /// # Errors
    /// [`PredictError`] where `inputs` is no whole number of inputs, there are
    /// more than the [`Setup`] has [queries](Setup::queries), `outputs` has
    /// another length, or the model has layers on integers and a number is not
    /// finite.
    pub fn predict_batch(
        &mut self,
        inputs: &[f32],
        outputs: &mut [f32],
    ) -> Result<(), PredictError> {
        let (info, width) = (self.info, self.info.inputs);
        let count = inputs.len().checked_div(width).unwrap_or(0);
        let (needed, given) = (count * width, inputs.len());
        if needed != given {
            return Err(PredictError::InputLength { needed, given });
        }
        if count > self.setup.queries {
            return Err(PredictError::Queries {
                capacity: self.setup.queries,
                given: count,
            });
        }
        let (needed, given) = (count * info.outputs, outputs.len());
        if needed != given {
            return Err(PredictError::OutputLength { needed, given });
        }
        info.check_finite(inputs)?;
        let queries = self.queries.get_mut(..count * info.features);
        let queries = queries.ok_or(PredictError::Internal)?;
        let features = rows_mut(queries, info.features);
        for (input, features) in rows(inputs, width).zip(features) {
            inference::features(info, self.stages, input, features, self.workspace)?;
        }
        let weights = in_use(info, self.stages, self.current, self.adapted)?;
        let last = engine::batch(info, self.stages, weights, queries, count, self.workspace)?;
        copy(outputs, engine::outputs(last, count, self.workspace)?)?;
        Ok(())
    }
}

/// The weights in use. An initialisation that is stored as f16 is first
/// widened to where the adapted weights lie.
fn in_use<'w>(
    info: &ModelInfo<'_>,
    stages: &[Stage],
    current: Option<Learnt>,
    adapted: &'w mut [f32],
) -> Checked<Weights<'w>> {
    let step = current.map_or(0, |learnt| learnt.steps as usize);
    if current.is_none() && info.adapts_f16 {
        engine::initialise(info, stages, adapted)?;
    }
    Ok(match current.is_some() || info.adapts_f16 {
        true => Weights { adapted, step },
        false => Weights { adapted: &[], step },
    })
}
