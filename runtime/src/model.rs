//! From an artifact to a model: the layers fit together, the recipe is
//! consistent, every size is known. After that nothing can fail on content.

use core::fmt;

use heapless::Vec;
use mamlet_formats::{Artifact, ArtifactId, Loss, Reduction, Tensor};

use crate::layers::{self, Layer};
use crate::learner::Rollback;
use crate::memory::Memory;
use crate::plan::Plan;
use crate::{MAX_STEPS, PredictError, engine, kernels};

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

/// Everything of a model but its layers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head<'a> {
    /// The tensor section of the artifact.
    pub words: &'a [f32],
    /// Mean and scale, per input.
    pub normalisation: Option<(&'a [f32], &'a [f32])>,
    /// `[rows, adapting tensors]`
    pub rates: &'a [f32],
    pub adapting_tensors: usize,
    /// Numbers that adapt.
    pub adapting: usize,
    pub loss: Loss,
    pub reduction: Reduction,
    pub steps: usize,
    pub max_steps: usize,
    pub inputs: usize,
    pub outputs: usize,
    /// The first stage that adapts.
    pub lowest: usize,
    /// Numbers of workspace per support example.
    pub workspace: usize,
    /// Numbers of workspace of a prediction.
    pub prediction: usize,
    pub id: ArtifactId,
}

impl Default for Head<'_> {
    fn default() -> Self {
        Head {
            words: &[],
            normalisation: None,
            rates: &[],
            adapting_tensors: 0,
            adapting: 0,
            loss: Loss::MeanSquaredError,
            reduction: Reduction::Mean,
            steps: 0,
            max_steps: 0,
            inputs: 0,
            outputs: 0,
            lowest: 0,
            workspace: 0,
            prediction: 0,
            id: ArtifactId {
                crc32: 0,
                length: 0,
            },
        }
    }
}

/// A layer with its sizes and its places in the workspace.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stage {
    pub layer: Layer,
    pub inputs: u32,
    pub outputs: u32,
    /// The output overwrites the input.
    pub in_place: bool,
    /// Places of the output, its gradient and the gradient of the input, in
    /// numbers per example.
    pub y_at: u32,
    pub dy_at: u32,
    pub dx_at: u32,
}

/// A tensor of a stage: where it lies in flash, and in the adapted weights.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Param {
    /// Numbers from the start of the tensor section.
    flash: u32,
    /// Numbers from the start of the adapted weights, where it adapts.
    adapted: u32,
    /// Its column in the table of rates; `None` where it does not adapt.
    pub column: Option<u16>,
}

/// Why an artifact is no model that can run here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ModelError {
    /// The artifact's tensors do not lie at a multiple of four bytes, so they
    /// cannot be read in place.
    Unaligned,
    /// The model has more layers than this type holds.
    TooManyLayers {
        /// Layers of the artifact.
        needed: usize,
        /// The type's `LAYERS`.
        capacity: usize,
    },
    /// The artifact has no layer, or a layer without inputs or outputs.
    Empty,
    /// A layer of a kind this runtime does not know.
    UnknownLayer {
        /// Which layer, from 0.
        layer: usize,
    },
    /// A tensor has another length than its layer asks for.
    TensorLength {
        /// Which layer, from 0.
        layer: usize,
        /// Numbers the layer needs.
        needed: usize,
        /// Numbers the tensor has.
        given: usize,
    },
    /// A leaky ReLU's slope is not in `[0, 1]`.
    Slope {
        /// Which layer, from 0.
        layer: usize,
    },
    /// Normalisation that does not have one value per input.
    Normalisation,
    /// The recipe cannot run: no steps, more than [`MAX_STEPS`], more by
    /// default than it allows, or no finite rate for each adapting tensor.
    Recipe,
    /// A loss this runtime does not know, or one that the outputs do not fit.
    Loss,
    /// A size that does not fit the address space.
    TooLarge,
}

/// Multiply-accumulates, by what they are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cost {
    /// One example through all layers.
    pub forward: u64,
    /// One example's part of a gradient step: gradients of activations and
    /// weights, without the forward pass.
    pub backward: u64,
}

impl Cost {
    /// An adaptation with `examples` examples and `steps` steps: each step
    /// goes forward and backward, and one more pass measures the final loss.
    pub fn adaptation(&self, examples: usize, steps: usize) -> u64 {
        let forward = self.forward.saturating_mul((steps as u64).saturating_add(1));
        let backward = self.backward.saturating_mul(steps as u64);
        forward
            .saturating_add(backward)
            .saturating_mul(examples as u64)
    }

    /// The most an adaptation can take, which is when its last step is bad
    /// and the best one is replayed.
    pub fn adaptation_at_most(&self, examples: usize, steps: usize) -> u64 {
        let replay = steps.saturating_sub(1);
        self.adaptation(examples, steps)
            .saturating_add(self.adaptation(examples, replay))
    }
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
            plan.activation(&mut stage, kept).ok_or(ModelError::TooLarge)?;
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
        plan.gradients(stages, head.lowest).ok_or(ModelError::TooLarge)?;
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

impl<'a> Head<'a> {
    /// Takes over what does not depend on the layers.
    fn load(&mut self, artifact: &Artifact<'a>) -> Result<(), ModelError> {
        let header = artifact.header();
        let recipe = header.recipe;
        self.words =
            bytemuck::try_cast_slice(artifact.tensors()).map_err(|_| ModelError::Unaligned)?;
        self.inputs = header.input.features().ok_or(ModelError::TooLarge)?;
        if let Some(normalisation) = header.normalisation {
            let mean = slice(self.words, normalisation.mean)?;
            let scale = slice(self.words, normalisation.scale)?;
            if mean.len() != self.inputs || scale.len() != self.inputs {
                return Err(ModelError::Normalisation);
            }
            self.normalisation = Some((mean, scale));
        }
        self.rates = slice(self.words, recipe.rates)?;
        (self.loss, self.reduction) = (recipe.loss, recipe.reduction);
        (self.steps, self.max_steps) = (recipe.steps as usize, recipe.max_steps as usize);
        self.id = artifact.id();
        Ok(())
    }

    /// Makes the stage of a layer that stands above `below`.
    fn stage(
        &mut self,
        index: usize,
        layer: mamlet_formats::Layer,
        below: Option<&Stage>,
    ) -> Result<Stage, ModelError> {
        let inputs = below.map_or(self.inputs, |stage| stage.outputs as usize);
        let mut param = |tensor: Tensor, needed: Option<usize>| {
            let (needed, given) = (needed.ok_or(ModelError::TooLarge)?, tensor.length as usize);
            if needed != given {
                return Err(ModelError::TensorLength {
                    layer: index,
                    needed,
                    given,
                });
            }
            self.param(tensor)
        };
        let (layer, outputs) = layers::build(layer, index, inputs, &mut param)?;
        if inputs == 0 || outputs == 0 {
            return Err(ModelError::Empty);
        }
        // In a prediction, input and output lie at opposite ends of the
        // workspace, unless the input is the caller's or is overwritten.
        let outside = below.is_none() && self.normalisation.is_none();
        let beside = if outside || layer.elementwise() { 0 } else { inputs };
        let needed = beside.checked_add(outputs).ok_or(ModelError::TooLarge)?;
        self.prediction = self.prediction.max(needed);
        // An elementwise layer overwrites its input, unless that is the
        // caller's or the layer below needs it to go backward.
        let in_place = layer.elementwise()
            && below.is_some_and(|stage| !stage.layer.backward_reads_output());
        Ok(Stage {
            layer,
            inputs: u32::try_from(inputs).map_err(|_| ModelError::TooLarge)?,
            outputs: u32::try_from(outputs).map_err(|_| ModelError::TooLarge)?,
            in_place,
            y_at: 0,
            dy_at: 0,
            dx_at: 0,
        })
    }

    /// Finds the place of a tensor.
    fn param(&mut self, tensor: Tensor) -> Result<Param, ModelError> {
        let mut param = Param {
            flash: tensor.offset / 4,
            adapted: 0,
            column: None,
        };
        if tensor.adapts {
            let too_large = |_| ModelError::TooLarge;
            param.adapted = u32::try_from(self.adapting).map_err(too_large)?;
            param.column = Some(u16::try_from(self.adapting_tensors).map_err(too_large)?);
            self.adapting_tensors += 1;
            self.adapting = self
                .adapting
                .checked_add(tensor.length as usize)
                .ok_or(ModelError::TooLarge)?;
        }
        Ok(param)
    }

    /// Numbers per target: a class is one number.
    pub(crate) fn targets(&self) -> usize {
        match self.loss {
            Loss::CrossEntropy => 1,
            _ => self.outputs,
        }
    }

    /// The rates of a step, one per adapting tensor.
    pub(crate) fn rates_of_step(&self, step: usize) -> &[f32] {
        let columns = self.adapting_tensors;
        let rows = self.rates.len().checked_div(columns).unwrap_or(0);
        let row = step.min(rows.saturating_sub(1));
        kernels::rows(self.rates, columns).nth(row).unwrap_or(&[])
    }

    /// See [`Model::memory`].
    pub(crate) fn memory(&self, examples: usize, rollback: Rollback) -> Memory {
        let adapted = bytes(self.adapting);
        let support = self.inputs.saturating_add(self.targets());
        let workspace = examples.saturating_mul(self.workspace);
        Memory {
            adapted,
            committed: match rollback {
                Rollback::ToInitialisation => 0,
                Rollback::ToCommitted => adapted,
            },
            support: bytes(examples.saturating_mul(support)),
            workspace: bytes(workspace.max(self.prediction)),
        }
    }

    fn check_recipe(&self, rows: usize) -> Result<(), ModelError> {
        let steps = 1..=self.max_steps;
        let rates = rows.checked_mul(self.adapting_tensors);
        let finite = self.rates.iter().all(|rate| rate.is_finite());
        let sound = steps.contains(&self.steps)
            && self.max_steps <= MAX_STEPS
            && rows > 0
            && self.adapting_tensors > 0
            && rates == Some(self.rates.len())
            && finite;
        sound.then_some(()).ok_or(ModelError::Recipe)
    }
}

/// Numbers as bytes.
fn bytes(numbers: usize) -> usize {
    numbers.saturating_mul(size_of::<f32>())
}

/// A tensor's values. The artifact has checked that it lies in the section.
fn slice(words: &[f32], tensor: Tensor) -> Result<&[f32], ModelError> {
    let at = tensor.offset as usize / size_of::<f32>();
    words
        .get(at..)
        .and_then(|rest| rest.get(..tensor.length as usize))
        .ok_or(ModelError::TooLarge)
}

impl Param {
    /// Whether it adapts.
    pub fn adapts(&self) -> bool {
        self.column.is_some()
    }

    /// The `length` values to compute with: the adapted ones where there are
    /// any, else those in the tensor section.
    pub fn read<'w>(&self, length: usize, words: &'w [f32], adapted: &'w [f32]) -> &'w [f32] {
        match self.column {
            Some(_) if !adapted.is_empty() => range(adapted, self.adapted, length),
            _ => range(words, self.flash, length),
        }
    }

    /// The `length` adapted values, to be written; `None` where it does not
    /// adapt.
    pub fn write<'w>(&self, length: usize, adapted: &'w mut [f32]) -> Option<&'w mut [f32]> {
        self.column?;
        let rest = adapted.get_mut(self.adapted as usize..)?;
        rest.get_mut(..length)
    }
}

/// `length` values from `at` on. All ranges were checked when the model was
/// made; an empty slice stands for the impossible rest.
fn range(values: &[f32], at: u32, length: usize) -> &[f32] {
    values
        .get(at as usize..)
        .and_then(|rest| rest.get(..length))
        .unwrap_or(&[])
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unaligned => write!(
                f,
                "the artifact must lie at a multiple of 4 bytes: embed it with include_aligned!"
            ),
            Self::TooManyLayers { needed, capacity } => write!(
                f,
                "{needed} layers, this Model holds {capacity}: use Model::<{needed}>"
            ),
            Self::Empty => write!(f, "no layers, or a layer without inputs or outputs"),
            Self::UnknownLayer { layer } => write!(
                f,
                "layer {layer} is of a kind this runtime does not know: update the runtime"
            ),
            Self::TensorLength {
                layer,
                needed,
                given,
            } => write!(
                f,
                "layer {layer} needs a tensor of {needed} numbers, the artifact has {given}"
            ),
            Self::Slope { layer } => write!(f, "layer {layer}: the slope is not in [0, 1]"),
            Self::Normalisation => write!(f, "normalisation does not have one value per input"),
            Self::Recipe => write!(
                f,
                "the recipe cannot run: it needs 1 to {MAX_STEPS} steps and a finite rate for \
                 each adapting tensor"
            ),
            Self::Loss => write!(f, "the loss does not fit the outputs"),
            Self::TooLarge => write!(f, "a size does not fit this machine's address space"),
        }
    }
}

impl core::error::Error for ModelError {}
