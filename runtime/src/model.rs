//! From an artifact to a model: the layers fit together, the recipe is
//! consistent, every size is known. After that nothing can fail on content.

mod build;
mod cost;
mod error;
mod info;
mod plan;

use heapless::Vec;
use mamlet_formats::{Artifact, FrontEnd, Loss, Rejection, Shape};

pub use cost::{Cost, LayerCost};
pub use error::ModelError;
pub(crate) use info::{ModelInfo, Stage};

use self::build::Values;
use self::plan::Plan;
use crate::geometry::Extent;
use crate::losses;
use crate::memory::{Memory, Numbers, Rollback, Setup};
use crate::param::Param;
use crate::prototypes;

/// The most inner steps one adaptation may take.
pub const MAX_STEPS: usize = 32;

/// A validated model whose weights stay where the artifact lies.
///
/// The default is a model without layers, to be [loaded](Self::load).
///
/// `LAYERS` is the most layers it can hold; each takes 48 bytes of whatever
/// memory the model is put in.
#[derive(Clone, Debug, Default)]
pub struct Model<'a, const LAYERS: usize = 32> {
    pub(crate) info: ModelInfo<'a>,
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
        let Model { info, stages } = self;
        *info = ModelInfo::default();
        stages.clear();
        info.load(artifact)?;
        let mut values = values(header.input);
        for (index, layer) in artifact.layers().enumerate() {
            let (stage, output) = info.stage(index, layer, values)?;
            values = output;
            let Some(stage) = stage else {
                continue;
            };
            info.reserve(&stage, stages.is_empty())?;
            info.integers |= stage.layer.is_integer();
            stages.push(stage).map_err(|_| ModelError::TooManyLayers {
                needed: header.layers as usize,
                capacity: LAYERS,
            })?;
        }
        if stages.is_empty() {
            return Err(ModelError::Empty);
        }
        if values.integer {
            let layer = (header.layers as usize).saturating_sub(1);
            return Err(ModelError::Integer { layer });
        }
        info.outputs = values.extent.features().ok_or(ModelError::TooLarge)?;
        if info.classes() == 0 {
            return Err(ModelError::Rejection);
        }
        if !losses::fits(info.loss, info.outputs) {
            return Err(ModelError::Loss);
        }
        info.prototypes = prototypes::check(artifact.head(), info, stages)?;
        info.check_recipe(header.recipe.rate_rows as usize)?;
        plan(info, stages)
    }

    /// Numbers per input.
    pub fn inputs(&self) -> usize {
        self.info.inputs
    }

    /// Numbers per output: of a classifier, a logit for each.
    pub fn outputs(&self) -> usize {
        self.info.outputs
    }

    /// Classes that can be taught: all outputs, but for one that
    /// [`rejection`](Self::rejection) keeps for what was not.
    pub fn classes(&self) -> usize {
        self.info.classes()
    }

    /// Numbers per target: as many as outputs, one class, or an action and its
    /// advantage.
    pub fn targets(&self) -> usize {
        self.info.targets()
    }

    /// How many numbers adapt.
    pub fn adapting(&self) -> usize {
        self.info.adapting
    }

    /// Inner steps that [`adapt`](crate::Learner::adapt) takes.
    pub fn steps(&self) -> usize {
        self.info.steps
    }

    /// The most inner steps the recipe allows.
    pub fn max_steps(&self) -> usize {
        self.info.max_steps
    }

    /// What an inner step lowers.
    pub fn loss(&self) -> Loss {
        self.info.loss
    }

    /// The temperature `τ` of a head that starts at the prototypes of the support examples,
    /// where the artifact says it: see [`HeadStart`](mamlet_formats::HeadStart).
    pub fn prototypes(&self) -> Option<f32> {
        self.info.prototypes
    }

    /// How raw samples become an input, where the artifact says it:
    /// [`FrontEnd`](crate::FrontEnd) does it.
    pub fn front_end(&self) -> Option<FrontEnd> {
        self.info.front_end
    }

    /// Which predictions count as none, where the artifact says it.
    pub fn rejection(&self) -> Option<Rejection> {
        self.info.rejection
    }

    /// The memory that a [`Learner`](crate::Learner) for `examples` support
    /// examples needs, all of them computed at once. Exact.
    pub fn memory(&self, examples: usize, rollback: Rollback) -> Memory {
        self.memory_for(Setup::new(examples).rollback(rollback))
    }

    /// The memory that a [`Learner`](crate::Learner) set up like that needs. Exact.
    pub fn memory_for(&self, setup: Setup) -> Memory {
        self.info.memory(setup)
    }

    /// The workspace that [`predict`](Self::predict) needs. Exact.
    pub fn prediction_memory(&self) -> Numbers {
        Numbers::new(self.widened()) + Numbers::new(self.info.prediction)
    }

    /// Numbers of an initialisation that is widened before it is used.
    pub(crate) fn widened(&self) -> usize {
        if self.info.adapts_f16 {
            self.info.adapting
        } else {
            0
        }
    }

    /// Whether a layer takes the statistics of all examples that are computed at once.
    pub(crate) fn mixes_examples(&self) -> bool {
        let mixes = |stage: &Stage| stage.layer.operation().mixes_examples();
        self.stages.iter().any(mixes)
    }

    /// Multiply-accumulates of inference and adaptation.
    pub fn cost(&self) -> Cost {
        let mut cost = Cost::default();
        for layer in self.layers() {
            let once = if layer.once {
                &mut cost.once
            } else {
                &mut cost.forward
            };
            *once = once.saturating_add(layer.forward);
            cost.backward = cost.backward.saturating_add(layer.backward);
        }
        if let (Some(_), Some(head)) = (self.info.prototypes, self.layers().last()) {
            cost.start = cost.forward.saturating_sub(head.forward);
        }
        cost
    }

    /// What each layer costs, from the input to the output. Layers that change
    /// nothing in memory are left out.
    pub fn layers(&self) -> impl Iterator<Item = LayerCost> {
        let bytes = |numbers: usize| Numbers::new(numbers).bytes();
        let ModelInfo { lowest, start, .. } = self.info;
        self.stages.iter().enumerate().map(move |(index, stage)| {
            let operation = stage.layer.operation();
            let macs = operation.macs();
            let (input, output) = (stage.inputs as usize, stage.outputs as usize);
            let weights = operation.weight_bytes();
            let of = |happens: bool, bytes: usize| if happens { bytes } else { 0 };
            let (back, passes) = (index >= lowest, index > lowest);
            let adapting = stage.layer.params().filter(Param::adapts);
            let adapting = adapting.map(|param| param.bytes()).sum::<usize>();
            let backward_bytes = [
                of(back, bytes(output)),
                of(back && operation.reads_input(), bytes(input)),
                of(back && operation.reads_output(), bytes(output)),
                of(passes, bytes(input)),
                of(passes, weights),
                of(back, adapting.saturating_mul(2)),
            ];
            let sum = |parts: &[usize]| parts.iter().fold(0usize, |a, b| a.saturating_add(*b));
            let by_input = if passes { macs.input } else { 0 };
            let by_weights = if back { macs.weights } else { 0 };
            LayerCost {
                layer: usize::from(stage.described),
                output_bytes: bytes(output),
                forward_bytes: sum(&[bytes(input), weights, bytes(output)]),
                backward_bytes: sum(&backward_bytes),
                forward: macs.forward,
                backward: by_input.saturating_add(by_weights),
                once: index < start,
                adapts: stage.layer.adapts(),
                integer: stage.layer.is_integer(),
            }
        })
    }
}

/// What an example is.
fn values(shape: Shape) -> Values {
    let [height, width, channels] = shape.dimensions();
    Values {
        extent: Extent {
            height,
            width,
            channels,
        },
        integer: false,
    }
}

/// Finds where adaptation starts and places what it computes.
fn plan(info: &mut ModelInfo<'_>, stages: &mut [Stage]) -> Result<(), ModelError> {
    let first = |is: &dyn Fn(&Stage) -> bool| stages.iter().position(is).unwrap_or(stages.len());
    info.lowest = first(&|stage| stage.layer.adapts());
    let depends = first(&|stage| {
        let operation = stage.layer.operation();
        operation.mixes_examples() || operation.depends_on_step()
    });
    info.start = info.lowest.min(depends);
    info.features = match info
        .start
        .checked_sub(1)
        .and_then(|below| stages.get(below))
    {
        Some(below) => below.outputs as usize,
        None => info.inputs,
    };
    // Integers are made and used up before anything adapts.
    if let Some(stage) = stages
        .iter()
        .skip(info.start)
        .find(|stage| stage.layer.is_integer())
    {
        return Err(ModelError::Integer {
            layer: usize::from(stage.described),
        });
    }
    Plan::make(stages, info.start, info.lowest)
        .map(|(forward, size)| {
            (info.forward, info.workspace) = (forward as usize, size as usize);
        })
        .ok_or(ModelError::TooLarge)
}
