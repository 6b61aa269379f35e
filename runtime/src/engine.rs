//! Forward and backward through the chain, in a planned workspace.

use core::ops::Range;

use crate::kernels::{all_finite, copy, zip};
use crate::layers::{Backward, Descent, Forward};
use crate::learner::PredictError;
use crate::losses::Objective;
use crate::model::{Head, Stage};

/// Support examples, as they are before the first layer that a step changes,
/// and their targets.
#[derive(Clone, Copy)]
pub(crate) struct Support<'w> {
    /// `[examples, features]`
    pub inputs: &'w [f32],
    /// `[examples, targets]`
    pub targets: &'w [f32],
    pub examples: usize,
}

/// The weights to compute with.
#[derive(Clone, Copy)]
pub(crate) struct Weights<'w> {
    /// The adapted ones; empty while the initialisation is in use.
    pub adapted: &'w [f32],
    /// How many inner steps made them.
    pub step: usize,
}

/// Writes the initialisation to where the adapted weights lie, as far as there
/// is room.
pub(crate) fn initialise(head: &Head<'_>, stages: &[Stage], adapted: &mut [f32]) {
    for param in stages.iter().flat_map(|stage| stage.layer.params()) {
        param.initialise(head.words, adapted);
    }
}

/// Runs support examples forward and adds their losses, unscaled, to `sum`.
/// Leaves the activations and the loss's gradient in the workspace for
/// [`backward`].
pub(crate) fn forward(
    head: &Head<'_>,
    stages: &[Stage],
    weights: Weights<'_>,
    support: Support<'_>,
    objective: Objective,
    workspace: &mut [f32],
    sum: &mut f32,
) {
    let Some(last) = batch(
        head,
        stages,
        weights,
        support.inputs,
        support.examples,
        workspace,
    ) else {
        *sum = f32::NAN;
        return;
    };
    let y = span(last.y_at, last.outputs, support.examples);
    let dy = span(last.dy_at, last.outputs, support.examples);
    match workspace.get_disjoint_mut([y, dy]) {
        Ok([y, dy]) => objective.value_and_gradient(y, support.targets, dy, sum),
        // The plan keeps output and gradient apart; a NaN would be reported.
        Err(_) => *sum = f32::NAN,
    }
}

/// Runs the layers that a step changes, and those above them, for so many
/// examples, and returns the stage whose output is the network's.
pub(crate) fn batch<'s>(
    head: &Head<'_>,
    stages: &'s [Stage],
    weights: Weights<'_>,
    inputs: &[f32],
    examples: usize,
    workspace: &mut [f32],
) -> Option<&'s Stage> {
    let mut source = Source::Outside(inputs);
    for stage in stages.iter().skip(head.start) {
        let y = span(stage.y_at, stage.outputs, examples);
        run(head, stage, weights, source, y.clone(), 0..0, workspace);
        source = Source::Inside(y);
    }
    stages.last()
}

/// The outputs of [`batch`], which lie in the workspace.
pub(crate) fn outputs<'w>(last: &Stage, examples: usize, workspace: &'w [f32]) -> &'w [f32] {
    let y = span(last.y_at, last.outputs, examples);
    workspace.get(y).unwrap_or(&[])
}

/// Goes back through the stages that adapt and takes the step.
pub(crate) fn backward(
    head: &Head<'_>,
    stages: &[Stage],
    descent: &mut Descent<'_>,
    support: Support<'_>,
    step: usize,
    workspace: &mut [f32],
) {
    for (index, stage) in stages.iter().enumerate().skip(head.lowest).rev() {
        // The input of the first stage lies outside of the workspace.
        let below = match index > head.start {
            true => stages.get(index - 1),
            false => None,
        };
        let operation = stage.layer.operation();
        let examples = support.examples;
        let wanted = |wanted, at, width| match wanted {
            true => span(at, width, examples),
            false => 0..0,
        };
        let x_at = below.map_or(0, |below| below.y_at);
        let reads_input = operation.reads_input();
        let passes_on = index > head.lowest && !operation.gradient_in_place();
        let ranges = [
            wanted(reads_input && below.is_some(), x_at, stage.inputs),
            wanted(operation.reads_output(), stage.y_at, stage.outputs),
            wanted(true, stage.dy_at, stage.outputs),
            wanted(passes_on, stage.dx_at, stage.inputs),
        ];
        // The plan keeps apart what a layer reads and writes at one time.
        if let Ok([x, y, dy, dx]) = workspace.get_disjoint_mut(ranges) {
            let x = if below.is_none() { support.inputs } else { x };
            operation.backward(
                Backward {
                    words: head.words,
                    x,
                    y,
                    dy,
                    dx,
                    inputs: stage.inputs as usize,
                    outputs: stage.outputs as usize,
                    step,
                },
                descent,
            );
        }
    }
}

/// The output for one raw input, which is left in the workspace: see
/// [`crate::Learner::predict`].
pub(crate) fn predict<'w>(
    head: &Head<'_>,
    stages: &[Stage],
    weights: Weights<'_>,
    input: &[f32],
    workspace: &'w mut [f32],
) -> Result<&'w [f32], PredictError> {
    let (needed, given) = (head.inputs, input.len());
    if needed != given {
        return Err(PredictError::InputLength { needed, given });
    }
    head.check_finite(input)?;
    let (needed, given) = (head.prediction, workspace.len());
    let too_small = PredictError::Workspace { needed, given };
    let workspace = workspace.get_mut(..needed).ok_or(too_small)?;
    let y = chain(head, stages, weights, input, workspace);
    workspace.get(y).ok_or(too_small)
}

/// What the layers below everything that adapts make of one raw input of the
/// right length, written to `features`.
pub(crate) fn features(
    head: &Head<'_>,
    stages: &[Stage],
    input: &[f32],
    features: &mut [f32],
    workspace: &mut [f32],
) {
    let below = stages.get(..head.start).unwrap_or(&[]);
    if below.is_empty() {
        copy(features, input);
        head.normalise(features);
        return;
    }
    let initial = Weights {
        adapted: &[],
        step: 0,
    };
    if let Some(workspace) = workspace.get_mut(..head.prediction) {
        let y = chain(head, below, initial, input, workspace);
        copy(features, workspace.get(y).unwrap_or(&[]));
    }
}

/// Runs one raw input through `stages`: its values lie at one end of the
/// workspace and then at the other. Returns where the last ones are.
fn chain(
    head: &Head<'_>,
    stages: &[Stage],
    weights: Weights<'_>,
    input: &[f32],
    workspace: &mut [f32],
) -> Range<usize> {
    let size = workspace.len();
    let mut x = 0..0;
    let mut source = Source::Outside(input);
    if head.normalisation.is_some() {
        x = 0..input.len();
        if let Some(normalised) = workspace.get_mut(x.clone()) {
            copy(normalised, input);
            head.normalise(normalised);
        }
        source = Source::Inside(x.clone());
    }
    for stage in stages {
        let outputs = stage.outputs as usize;
        let operation = stage.layer.operation();
        let inside = matches!(source, Source::Inside(_));
        let y = match x.start {
            _ if operation.overwrites() && inside => x.clone(),
            // The end of the workspace that the input does not lie at.
            0 => size.saturating_sub(outputs)..size,
            _ => 0..outputs,
        };
        let scratch = match y.start {
            0 if inside => y.end.min(x.start)..x.start,
            0 => y.end..size,
            _ => x.end.min(y.start)..y.start,
        };
        run(head, stage, weights, source, y.clone(), scratch, workspace);
        source = Source::Inside(y.clone());
        x = y;
    }
    x
}

/// Where a stage finds its input.
enum Source<'s> {
    /// With the caller.
    Outside(&'s [f32]),
    /// In the workspace.
    Inside(Range<usize>),
}

/// Runs one stage forward, in place where `source` and `y` are the same.
fn run(
    head: &Head<'_>,
    stage: &Stage,
    weights: Weights<'_>,
    source: Source<'_>,
    y: Range<usize>,
    scratch: Range<usize>,
    workspace: &mut [f32],
) {
    let operation = stage.layer.operation();
    let (x, outside) = match source {
        Source::Inside(x) if x == y => (0..0, None),
        Source::Inside(x) => (x, None),
        Source::Outside(x) => (0..0, Some(x)),
    };
    // Plans keep input, output and scratch apart and inside the workspace.
    let Ok([x, y, scratch]) = workspace.get_disjoint_mut([x, y, scratch]) else {
        return;
    };
    let mut x = outside.unwrap_or(x);
    if operation.overwrites() {
        copy(y, x);
        x = &[];
    }
    operation.forward(Forward {
        words: head.words,
        adapted: weights.adapted,
        x,
        y,
        scratch,
        inputs: stage.inputs as usize,
        outputs: stage.outputs as usize,
        step: weights.step,
    });
}

impl Head<'_> {
    /// Refuses what integers would turn into a number like any other.
    pub(crate) fn check_finite(&self, inputs: &[f32]) -> Result<(), PredictError> {
        match self.integers && !all_finite(inputs) {
            true => Err(PredictError::NotFinite),
            false => Ok(()),
        }
    }

    /// `x ← (x − mean) · scale`, per feature.
    pub(crate) fn normalise(&self, x: &mut [f32]) {
        if let Some((mean, scale)) = self.normalisation {
            zip(x, mean, |x, mean| x - mean);
            zip(x, scale, |x, scale| x * scale);
        }
    }
}

/// The workspace of a buffer, given in numbers per example.
fn span(at: u32, width: u32, examples: usize) -> Range<usize> {
    let at = (at as usize).saturating_mul(examples);
    at..at.saturating_add((width as usize).saturating_mul(examples))
}
