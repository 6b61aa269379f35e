//! From an artifact to a model: the layers fit together, the recipe is
//! consistent, every size is known. After that nothing can fail on content.

mod cost;
mod error;
mod head;

use heapless::Vec;
use mamlet_formats::{Artifact, Loss};

pub use cost::Cost;
pub use error::ModelError;
use head::bytes;
pub(crate) use head::{Head, Param, Stage};

use crate::learner::Rollback;
use crate::memory::Memory;
use crate::plan::Plan;
use crate::{PredictError, engine};

/// A validated model whose weights stay where the artifact lies.
///
/// The default is a model without layers, to be [loaded](Self::load).
///
/// `LAYERS` is the most layers it can hold; each takes 48 bytes of whatever
/// memory the model is put in.
#[derive(Clone, Debug, Default)]
pub struct Model<'a, const LAYERS: usize = 32> {
    pub(crate) head: Head<'a>,
    pub(crate) stages: Vec<Stage, LAYERS>,
}

impl<'a, const LAYERS: usize> Model<'a, LAYERS> {
    /// Checks that the artifact's layers, recipe and normalisation fit
    /// together and plans its memory.
    ///
    /// # Errors
    /// [`ModelError`] names the first thing that does not fit.
    pub fn new(artifact: &Artifact<'a>) -> Result<Self, ModelError> {
        let mut model = Model::default();
        model.load(artifact)?;
        Ok(model)
    }

    /// [`new`](Self::new) in place: for a model in a static, or where the
    /// stack has no room for a second one.
    ///
    /// # Errors
    /// As [`new`](Self::new); the model is of no use then.
    #[inline(never)]
    pub fn load(&mut self, artifact: &Artifact<'a>) -> Result<(), ModelError> {
        let header = artifact.header();
        let Model { head, stages } = self;
        *head = Head::default();
        stages.clear();
        head.load(artifact)?;
        let mut plan = Plan::default();
        head.lowest = usize::MAX;
        for (index, layer) in artifact.layers().enumerate() {
            let mut stage = head.stage(index, layer, stages.last())?;
            if head.lowest == usize::MAX && stage.layer.adapts() {
                head.lowest = index;
            }
            let kept = index >= head.lowest;
            plan.activation(&mut stage, kept)
                .ok_or(ModelError::TooLarge)?;
            stages.push(stage).map_err(|_| ModelError::TooManyLayers {
                needed: header.layers as usize,
                capacity: LAYERS,
            })?;
        }
        let last = stages.last().ok_or(ModelError::Empty)?;
        head.outputs = last.outputs as usize;
        if matches!(head.loss, Loss::CrossEntropy) && head.outputs < 2 {
            return Err(ModelError::Loss);
        }
        head.check_recipe(header.recipe.rate_rows as usize)?;
        plan.gradients(stages, head.lowest)
            .ok_or(ModelError::TooLarge)?;
        head.workspace = plan.size as usize;
        Ok(())
    }

    /// Numbers per input.
    pub fn inputs(&self) -> usize {
        self.head.inputs
    }

    /// Numbers per output, or classes.
    pub fn outputs(&self) -> usize {
        self.head.outputs
    }

    /// How many numbers adapt.
    pub fn adapting(&self) -> usize {
        self.head.adapting
    }

    /// Inner steps that [`adapt`](crate::Learner::adapt) takes.
    pub fn steps(&self) -> usize {
        self.head.steps
    }

    /// The most inner steps the recipe allows.
    pub fn max_steps(&self) -> usize {
        self.head.max_steps
    }

    /// What an inner step lowers.
    pub fn loss(&self) -> Loss {
        self.head.loss
    }

    /// Bytes that a [`Learner`](crate::Learner) for `examples` support
    /// examples needs. Exact; the largest possible `usize` stands for "does
    /// not fit any memory".
    pub fn memory(&self, examples: usize, rollback: Rollback) -> Memory {
        self.head.memory(examples, rollback)
    }

    /// Bytes of workspace that [`predict`](Self::predict) needs. Exact.
    pub fn prediction_memory(&self) -> usize {
        bytes(self.head.prediction)
    }

    /// Multiply-accumulates of inference and adaptation.
    pub fn cost(&self) -> Cost {
        let mut cost = Cost {
            forward: 0,
            backward: 0,
        };
        for (i, stage) in self.stages.iter().enumerate() {
            let (forward, dx, weights) = stage.layer.cost(stage.inputs, stage.outputs);
            cost.forward = cost.forward.saturating_add(forward);
            if i >= self.head.lowest {
                let dx = if i > self.head.lowest { dx } else { 0 };
                cost.backward = cost.backward.saturating_add(dx).saturating_add(weights);
            }
        }
        cost
    }

    /// The initialisation's output for one raw input: inference alone, with
    /// [`prediction_memory`](Self::prediction_memory) bytes of workspace, where
    /// the output is left.
    ///
    /// # Errors
    /// A wrong length of `input`, or too little workspace.
    pub fn predict<'w>(
        &self,
        input: &[f32],
        workspace: &'w mut [f32],
    ) -> Result<&'w [f32], PredictError> {
        engine::predict(&self.head, &self.stages, &[], input, workspace)
    }
}
