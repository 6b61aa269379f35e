//! What a model consists of: everything but its layers in [`Head`], a [`Stage`]
//! per layer, a [`Param`] per tensor.

use mamlet_formats::{Artifact, ArtifactId, Loss, Reduction, Tensor};

use super::ModelError;
use crate::layers::{self, Layer};
use crate::learner::Rollback;
use crate::memory::Memory;
use crate::{MAX_STEPS, kernels};

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

impl<'a> Head<'a> {
    /// Takes over what does not depend on the layers.
    pub(super) fn load(&mut self, artifact: &Artifact<'a>) -> Result<(), ModelError> {
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
    pub(super) fn stage(
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
        let beside = if outside || layer.elementwise() {
            0
        } else {
            inputs
        };
        let needed = beside.checked_add(outputs).ok_or(ModelError::TooLarge)?;
        self.prediction = self.prediction.max(needed);
        // An elementwise layer overwrites its input, unless that is the
        // caller's or the layer below needs it to go backward.
        let in_place =
            layer.elementwise() && below.is_some_and(|stage| !stage.layer.backward_reads_output());
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

    /// See [`super::Model::memory`].
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

    pub(super) fn check_recipe(&self, rows: usize) -> Result<(), ModelError> {
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
pub(super) fn bytes(numbers: usize) -> usize {
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
