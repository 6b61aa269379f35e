//! What a model consists of: everything but its layers in [`ModelInfo`], a
//! [`Stage`] per layer, a [`Param`] per tensor.

use mamlet_formats::{
    Artifact, ArtifactId, FrontEnd, Loss, Number, Reduction, Rejection, Shape, Tensor,
};

use super::build::{Values, build};
use super::{MAX_STEPS, ModelError};
use crate::fault::{Checked, Internal};
use crate::layers::Layer;
use crate::memory::{Batch, Memory, Numbers, Rollback, Setup};
use crate::param::{NONE, Param};
use crate::{kernels, losses};

/// Everything of a model but its layers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ModelInfo<'a> {
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
    pub clip_norm: Option<f32>,
    pub momentum: Option<f32>,
    pub inputs: usize,
    pub outputs: usize,
    /// The first stage that adapts.
    pub lowest: usize,
    /// The first stage whose output changes while adapting. The stages before it
    /// run once for an example, when it is added.
    pub start: usize,
    /// Numbers that stand for an example at `start`.
    pub features: usize,
    /// Some adapting tensors are stored as f16: the initialisation is widened
    /// to where the adapted weights lie before it is used.
    pub adapts_f16: bool,
    /// `τ`, where the head starts at the prototypes of the support examples.
    pub prototypes: Option<f32>,
    /// Some layers compute with integers.
    pub integers: bool,
    /// Numbers of workspace per support example.
    pub workspace: usize,
    /// Numbers of workspace per query of those computed at once.
    pub forward: usize,
    /// Numbers of workspace of a prediction.
    pub prediction: usize,
    pub id: ArtifactId,
    pub front_end: Option<FrontEnd>,
    pub rejection: Option<Rejection>,
}

impl Default for ModelInfo<'_> {
    fn default() -> Self {
        ModelInfo {
            words: &[],
            normalisation: None,
            rates: &[],
            adapting_tensors: 0,
            adapting: 0,
            loss: Loss::MeanSquaredError,
            reduction: Reduction::Mean,
            steps: 0,
            max_steps: 0,
            clip_norm: None,
            momentum: None,
            inputs: 0,
            outputs: 0,
            lowest: 0,
            start: 0,
            features: 0,
            adapts_f16: false,
            prototypes: None,
            integers: false,
            workspace: 0,
            forward: 0,
            prediction: 0,
            id: ArtifactId {
                crc32: 0,
                length: 0,
            },
            front_end: None,
            rejection: None,
        }
    }
}

/// A layer with its sizes and its places in the workspace.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stage {
    pub layer: Layer,
    /// Which layer of the artifact it is.
    pub described: u16,
    /// The output overwrites the input.
    pub in_place: bool,
    /// Numbers (f32; four i8 are one) per example.
    pub inputs: u32,
    pub outputs: u32,
    /// Places of the output, its gradient and the gradient of the input, in
    /// numbers per example.
    pub y_at: u32,
    pub dy_at: u32,
    pub dx_at: u32,
}

impl<'a> ModelInfo<'a> {
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
            let finite = |values: &[f32]| values.iter().all(|value| value.is_finite());
            if mean.len() != self.inputs || scale.len() != self.inputs {
                return Err(ModelError::Normalisation);
            }
            if !finite(mean) || !finite(scale) {
                return Err(ModelError::Normalisation);
            }
            self.normalisation = Some((mean, scale));
        }
        self.rates = slice(self.words, recipe.rates)?;
        (self.clip_norm, self.momentum) = (recipe.clip_norm, recipe.momentum);
        (self.loss, self.reduction) = (recipe.loss, recipe.reduction);
        (self.steps, self.max_steps) = (recipe.steps as usize, recipe.max_steps as usize);
        self.id = artifact.id();
        self.front_end = artifact.front_end();
        self.rejection = artifact.rejection();
        self.check_pipeline(header.input)
    }

    /// Whether what a front end makes is an input, and what a rejection scores
    /// are logits.
    fn check_pipeline(&self, input: Shape) -> Result<(), ModelError> {
        if let Some(FrontEnd {
            channels, length, ..
        }) = self.front_end
        {
            let fits = match input {
                Shape::Sequence { .. } => input == Shape::Sequence { length, channels },
                _ => Shape::Sequence { length, channels }.features() == Some(self.inputs),
            };
            if !fits {
                return Err(ModelError::FrontEnd { channels, length });
            }
        }
        match (self.rejection, self.loss) {
            (None, _) | (Some(_), Loss::CrossEntropy) => Ok(()),
            (Some(_), _) => Err(ModelError::Rejection),
        }
    }

    /// Makes the stage of a layer that stands above `below`, or none where the
    /// layer changes nothing in memory.
    pub(super) fn stage(
        &mut self,
        index: usize,
        layer: mamlet_formats::Layer,
        input: Values,
    ) -> Result<(Option<Stage>, Values), ModelError> {
        let (layer, output) = build(self, index, layer, input)?;
        let (inputs, outputs) = (input.extent.features(), output.extent.features());
        let (inputs, outputs) = inputs.zip(outputs).ok_or(ModelError::TooLarge)?;
        if inputs == 0 || outputs == 0 {
            return Err(ModelError::Empty);
        }
        let words = |numbers: usize, integer| match integer {
            true => numbers.div_ceil(4),
            false => numbers,
        };
        let number = |numbers: usize| u32::try_from(numbers).map_err(|_| ModelError::TooLarge);
        let stage = layer.map(|layer| -> Result<Stage, ModelError> {
            let inputs = words(inputs, input.integer);
            let outputs = words(outputs, output.integer);
            if cfg!(not(target_os = "none")) && !layer.fits(inputs, outputs) {
                return Err(ModelError::Internal { layer: index });
            }
            Ok(Stage {
                layer,
                described: u16::try_from(index).map_err(|_| ModelError::TooLarge)?,
                in_place: false,
                inputs: number(inputs)?,
                outputs: number(outputs)?,
                y_at: 0,
                dy_at: 0,
                dx_at: 0,
            })
        });
        Ok((stage.transpose()?, output))
    }

    /// Numbers of workspace in which a prediction can run `stage`: input and
    /// output lie at opposite ends, unless the input is the caller's or is
    /// overwritten, and scratch between them.
    pub(super) fn reserve(&mut self, stage: &Stage, first: bool) -> Result<(), ModelError> {
        let operation = stage.layer.operation();
        let outside = first && self.normalisation.is_none();
        let beside = if outside || operation.overwrites() {
            0
        } else {
            stage.inputs as usize
        };
        let needed = beside
            .checked_add(stage.outputs as usize)
            .and_then(|needed| needed.checked_add(operation.scratch()))
            .ok_or(ModelError::TooLarge)?;
        self.prediction = self.prediction.max(needed);
        Ok(())
    }

    /// Finds the place of a tensor of f32, or of f16 where it adapts.
    pub(crate) fn param(&mut self, layer: usize, tensor: Tensor) -> Result<Param, ModelError> {
        let mut param = Param {
            flash: tensor.offset / 4,
            adapted: 0,
            length: tensor.length,
            column: NONE,
            f16: tensor.number == Number::F16,
        };
        let known = tensor.number == Number::F32 || (param.f16 && tensor.adapts);
        if !known {
            return Err(ModelError::Number { layer });
        }
        match param.is_finite(self.words) {
            Ok(true) => {}
            Ok(false) => return Err(ModelError::NotFinite { layer }),
            Err(Internal) => return Err(ModelError::Internal { layer }),
        }
        if tensor.adapts {
            let too_large = |_| ModelError::TooLarge;
            param.adapted = u32::try_from(self.adapting).map_err(too_large)?;
            param.column = u16::try_from(self.adapting_tensors).map_err(too_large)?;
            if param.column == NONE || tensor.length == 0 {
                return Err(ModelError::Empty);
            }
            self.adapts_f16 |= param.f16;
            self.adapting_tensors += 1;
            self.adapting = self
                .adapting
                .checked_add(tensor.length as usize)
                .ok_or(ModelError::TooLarge)?;
        }
        Ok(param)
    }

    /// Outputs that can be taught.
    pub(crate) fn classes(&self) -> usize {
        let rejection = self.rejection;
        rejection.map_or(self.outputs, |rejection| rejection.classes(self.outputs))
    }

    /// Numbers per target: see [`losses::targets`].
    pub(crate) fn targets(&self) -> usize {
        losses::targets(self.loss, self.outputs)
    }

    /// The rates of a step, one per adapting tensor; a step beyond the last row
    /// has those of the last row.
    pub(crate) fn rates_of_step(&self, step: usize) -> Checked<&[f32]> {
        let columns = self.adapting_tensors;
        let rows = self.rates.len().checked_div(columns).unwrap_or(0);
        let row = step.min(rows.saturating_sub(1));
        let mut rates = kernels::rows(self.rates, columns);
        rates.nth(row).ok_or(Internal)
    }

    /// See [`super::Model::memory_for`].
    pub(crate) fn memory(&self, setup: Setup) -> Memory {
        let adapted = Numbers::new(self.adapting);
        let copies = |copies: usize| Numbers::new(self.adapting.saturating_mul(copies));
        let optimiser = usize::from(self.optimises()) + usize::from(self.momentum.is_some());
        let several = self.max_steps > 1 || !self.starts_in_flash();
        let spare = setup.batch == Batch::OneByOne && !self.optimises() && several;
        let inputs = if setup.lent { 0 } else { self.features };
        let targets = if setup.lent { 0 } else { self.targets() };
        let queries = setup.queries.saturating_mul(self.features);
        let support = setup
            .examples
            .saturating_mul(inputs.saturating_add(targets));
        let together = match setup.batch {
            Batch::Whole => setup.examples,
            Batch::OneByOne => setup.examples.min(1),
        };
        let workspace = together.saturating_mul(self.workspace);
        let workspace = workspace.max(setup.queries.saturating_mul(self.forward));
        Memory {
            adapted,
            committed: match setup.rollback {
                Rollback::ToInitialisation => Numbers::ZERO,
                Rollback::ToCommitted => adapted,
            },
            spare: copies(usize::from(spare)),
            optimiser: copies(optimiser),
            support: Numbers::new(support.saturating_add(queries)),
            workspace: Numbers::new(workspace.max(self.prediction)),
        }
    }

    /// Whether the weights before the first step are read where the artifact lies.
    pub(crate) fn starts_in_flash(&self) -> bool {
        !self.adapts_f16 && self.prototypes.is_none()
    }

    /// The fewest steps that are an adaptation: prototypes are one without any.
    pub(crate) fn least_steps(&self) -> usize {
        usize::from(self.prototypes.is_none())
    }

    /// Whether a step needs the whole gradient before it can be taken.
    pub(crate) fn optimises(&self) -> bool {
        self.momentum.is_some() || self.clip_norm.is_some()
    }

    pub(super) fn check_recipe(&self, rows: usize) -> Result<(), ModelError> {
        let steps = self.least_steps()..=self.max_steps;
        let rates = rows.checked_mul(self.adapting_tensors);
        let finite = self.rates.iter().all(|rate| rate.is_finite());
        let momentum = self
            .momentum
            .is_none_or(|share| (0.0..1.0).contains(&share));
        let clip = self
            .clip_norm
            .is_none_or(|norm| norm > 0.0 && norm.is_finite());
        let sound = steps.contains(&self.steps)
            && self.max_steps <= MAX_STEPS
            && rows > 0
            && self.adapting_tensors > 0
            && rates == Some(self.rates.len())
            && momentum
            && clip
            && finite;
        sound.then_some(()).ok_or(ModelError::Recipe)
    }
}

/// A tensor's values. The artifact has checked that it lies in the section.
fn slice(words: &[f32], tensor: Tensor) -> Result<&[f32], ModelError> {
    if tensor.number != Number::F32 {
        return Err(ModelError::Recipe);
    }
    let at = tensor.offset as usize / size_of::<f32>();
    words
        .get(at..)
        .and_then(|rest| rest.get(..tensor.length as usize))
        .ok_or(ModelError::TooLarge)
}
