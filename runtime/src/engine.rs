//! Forward and backward through the chain, in a planned workspace.

use core::ops::Range;

use crate::fault::{Checked, Internal, ensure};
use crate::kernels::copy;
use crate::layers::{Backward, Descent, Forward};
use crate::losses::Objective;
use crate::model::{ModelInfo, Stage};

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

/// Writes the initialisation to where the adapted weights lie.
pub(crate) fn initialise(info: &ModelInfo<'_>, stages: &[Stage], adapted: &mut [f32]) -> Checked {
    let mut params = stages.iter().flat_map(|stage| stage.layer.params());
    params.try_for_each(|param| param.initialise(info.words, adapted))
}

/// Runs support examples forward and adds their losses, unscaled, to `sum`.
/// Leaves the activations and the loss's gradient in the workspace for
/// [`backward`].
pub(crate) fn forward(
    info: &ModelInfo<'_>,
    stages: &[Stage],
    weights: Weights<'_>,
    support: Support<'_>,
    objective: Objective,
    workspace: &mut [f32],
    sum: &mut f32,
) -> Checked {
    let Support {
        inputs,
        targets,
        examples,
    } = support;
    let last = batch(info, stages, weights, inputs, examples, workspace)?;
    let y = span(last.y_at, last.outputs, examples);
    let dy = span(last.dy_at, last.outputs, examples);
    // The plan keeps output and gradient apart.
    let [y, dy] = workspace.get_disjoint_mut([y, dy]).map_err(|_| Internal)?;
    objective.value_and_gradient(y, targets, dy, examples, sum)
}

/// Runs the layers that a step changes, and those above them, for so many
/// examples, and returns the stage whose output is the network's.
pub(crate) fn batch<'s>(
    info: &ModelInfo<'_>,
    stages: &'s [Stage],
    weights: Weights<'_>,
    inputs: &[f32],
    examples: usize,
    workspace: &mut [f32],
) -> Checked<&'s Stage> {
    layers(info, stages, weights, inputs, examples, workspace)?;
    stages.last().ok_or(Internal)
}

/// What [`batch`] gives the last layer for so many examples.
pub(crate) fn below_head<'w>(
    info: &ModelInfo<'_>,
    stages: &[Stage],
    weights: Weights<'_>,
    inputs: &'w [f32],
    examples: usize,
    workspace: &'w mut [f32],
) -> Checked<&'w [f32]> {
    let (_, below) = stages.split_last().ok_or(Internal)?;
    match below.get(info.start..).and_then(<[Stage]>::last) {
        None => Ok(inputs),
        Some(last) => {
            layers(info, below, weights, inputs, examples, workspace)?;
            outputs(last, examples, workspace)
        }
    }
}

/// Runs `stages` from the first that a step changes.
fn layers(
    info: &ModelInfo<'_>,
    stages: &[Stage],
    weights: Weights<'_>,
    inputs: &[f32],
    examples: usize,
    workspace: &mut [f32],
) -> Checked {
    let mut source = Source::Outside(inputs);
    for stage in stages.iter().skip(info.start) {
        let y = span(stage.y_at, stage.outputs, examples);
        let operands = Operands {
            source,
            y: y.clone(),
            scratch: 0..0,
            examples,
        };
        run(info, stage, weights, operands, workspace)?;
        source = Source::Inside(y);
    }
    Ok(())
}

/// The outputs of [`batch`], or of another stage, which lie in the workspace.
pub(crate) fn outputs<'w>(
    last: &Stage,
    examples: usize,
    workspace: &'w [f32],
) -> Checked<&'w [f32]> {
    let y = span(last.y_at, last.outputs, examples);
    workspace.get(y).ok_or(Internal)
}

/// Goes back through the stages that adapt and takes the step.
pub(crate) fn backward(
    info: &ModelInfo<'_>,
    stages: &[Stage],
    descent: &mut Descent<'_>,
    support: Support<'_>,
    step: usize,
    workspace: &mut [f32],
) -> Checked {
    for (index, stage) in stages.iter().enumerate().skip(info.lowest).rev() {
        // The input of the first stage lies outside of the workspace.
        let below = match index > info.start {
            true => Some(stages.get(index - 1).ok_or(Internal)?),
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
        let passes_on = index > info.lowest && !operation.gradient_in_place();
        let ranges = [
            wanted(reads_input && below.is_some(), x_at, stage.inputs),
            wanted(operation.reads_output(), stage.y_at, stage.outputs),
            wanted(true, stage.dy_at, stage.outputs),
            wanted(passes_on, stage.dx_at, stage.inputs),
        ];
        // The plan keeps apart what a layer reads and writes at one time.
        let parts = workspace.get_disjoint_mut(ranges);
        let [x, y, dy, dx] = parts.map_err(|_| Internal)?;
        let x = if below.is_none() { support.inputs } else { x };
        operation.backward(
            Backward {
                words: info.words,
                x,
                y,
                dy,
                dx,
                examples,
                inputs: stage.inputs as usize,
                outputs: stage.outputs as usize,
                step,
            },
            descent,
        )?;
    }
    Ok(())
}

/// Where a stage finds its input.
pub(crate) enum Source<'s> {
    /// With the caller.
    Outside(&'s [f32]),
    /// In the workspace.
    Inside(Range<usize>),
}

/// Where a stage reads and writes, for so many examples.
pub(crate) struct Operands<'s> {
    pub source: Source<'s>,
    pub y: Range<usize>,
    pub scratch: Range<usize>,
    pub examples: usize,
}

/// Runs one stage forward, in place where `source` and `y` are the same.
pub(crate) fn run(
    info: &ModelInfo<'_>,
    stage: &Stage,
    weights: Weights<'_>,
    operands: Operands<'_>,
    workspace: &mut [f32],
) -> Checked {
    let Operands {
        source,
        y,
        scratch,
        examples,
    } = operands;
    let operation = stage.layer.operation();
    let (inputs, outputs) = (stage.inputs as usize, stage.outputs as usize);
    let (x, outside) = match source {
        Source::Inside(x) if x == y => (0..0, None),
        Source::Inside(x) => (x, None),
        Source::Outside(x) => (0..0, Some(x)),
    };
    // Plans keep input, output and scratch apart and inside the workspace.
    let parts = workspace.get_disjoint_mut([x, y, scratch]);
    let [x, y, scratch] = parts.map_err(|_| Internal)?;
    let mut x = outside.unwrap_or(x);
    if operation.overwrites() {
        ensure(inputs == outputs && y.len() == outputs * examples)?;
        // It is empty where the output is the input.
        if !x.is_empty() {
            copy(y, x)?;
        }
        x = &[];
    } else {
        ensure(x.len() == inputs * examples)?;
    }
    operation.forward(Forward {
        words: info.words,
        adapted: weights.adapted,
        x,
        y,
        scratch,
        examples,
        inputs,
        outputs,
        step: weights.step,
    })
}

/// The workspace of a buffer, given in numbers per example.
pub(crate) fn span(at: u32, width: u32, examples: usize) -> Range<usize> {
    let at = (at as usize).saturating_mul(examples);
    at..at.saturating_add((width as usize).saturating_mul(examples))
}
