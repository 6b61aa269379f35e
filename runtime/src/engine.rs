//! Forward and backward through the chain, in a planned workspace.

use core::ops::Range;

use crate::kernels::{copy, zip};
use crate::layers::{Backward, Descent, Forward};
use crate::learner::PredictError;
use crate::losses;
use crate::model::{Head, Stage};

/// The support set: normalised inputs and targets.
#[derive(Clone, Copy)]
pub(crate) struct Support<'w> {
    /// `[examples, inputs]`
    pub inputs: &'w [f32],
    /// `[examples, targets]`
    pub targets: &'w [f32],
    pub examples: usize,
}

/// Runs the support set forward and returns its loss. Leaves the activations
/// and the loss's gradient in the workspace for [`backward`].
pub(crate) fn forward(
    head: &Head<'_>,
    stages: &[Stage],
    adapted: &[f32],
    support: Support<'_>,
    workspace: &mut [f32],
) -> f32 {
    let mut source = Source::Outside(support.inputs);
    for stage in stages {
        let y = span(stage.y_at, stage.outputs, support.examples);
        run(head, stage, adapted, source, y.clone(), workspace);
        source = Source::Inside(y);
    }
    let Some(last) = stages.last() else {
        return f32::NAN;
    };
    let y = span(last.y_at, last.outputs, support.examples);
    let dy = span(last.dy_at, last.outputs, support.examples);
    match workspace.get_disjoint_mut([y, dy]) {
        Ok([y, dy]) => losses::value_and_gradient(
            head.loss,
            head.reduction,
            y,
            support.targets,
            dy,
            head.outputs,
        ),
        // The plan keeps output and gradient apart; a NaN would be reported.
        Err(_) => f32::NAN,
    }
}

/// Goes back through the stages that adapt and takes the step.
pub(crate) fn backward(
    head: &Head<'_>,
    stages: &[Stage],
    step: &mut Descent<'_>,
    support: Support<'_>,
    workspace: &mut [f32],
) {
    for (index, stage) in stages.iter().enumerate().skip(head.lowest).rev() {
        let below = index.checked_sub(1).and_then(|below| stages.get(below));
        let layer = &stage.layer;
        let examples = support.examples;
        let wanted = |wanted, at, width| match wanted {
            true => span(at, width, examples),
            false => 0..0,
        };
        let x_at = below.map_or(0, |below| below.y_at);
        let reads_input = layer.backward_reads_input();
        let passes_on = index > head.lowest && !layer.gradient_in_place();
        let ranges = [
            wanted(reads_input && below.is_some(), x_at, stage.inputs),
            wanted(layer.backward_reads_output(), stage.y_at, stage.outputs),
            wanted(true, stage.dy_at, stage.outputs),
            wanted(passes_on, stage.dx_at, stage.inputs),
        ];
        // The plan keeps apart what a layer reads and writes at one time.
        if let Ok([x, y, dy, dx]) = workspace.get_disjoint_mut(ranges) {
            let x = if below.is_none() { support.inputs } else { x };
            layer.backward(
                Backward {
                    x,
                    y,
                    dy,
                    dx,
                    inputs: stage.inputs as usize,
                    outputs: stage.outputs as usize,
                },
                step,
            );
        }
    }
}

/// The output for one raw input, which is left in the workspace: see
/// [`crate::Learner::predict`].
pub(crate) fn predict<'w>(
    head: &Head<'_>,
    stages: &[Stage],
    adapted: &[f32],
    input: &[f32],
    workspace: &'w mut [f32],
) -> Result<&'w [f32], PredictError> {
    let (needed, given) = (head.inputs, input.len());
    if needed != given {
        return Err(PredictError::InputLength { needed, given });
    }
    let (needed, given) = (head.prediction, workspace.len());
    let too_small = PredictError::Workspace { needed, given };
    let workspace = workspace.get_mut(..needed).ok_or(too_small)?;

    let mut x = 0..0;
    let mut source = Source::Outside(input);
    if head.normalisation.is_some() {
        x = 0..input.len();
        let normalised = workspace.get_mut(x.clone()).ok_or(too_small)?;
        copy(normalised, input);
        head.normalise(normalised);
        source = Source::Inside(x.clone());
    }
    for stage in stages {
        let outputs = stage.outputs as usize;
        let in_place = stage.layer.elementwise() && matches!(source, Source::Inside(_));
        x = match x.start {
            _ if in_place => x,
            // The end of the workspace that the input does not lie at.
            0 => needed.saturating_sub(outputs)..needed,
            _ => 0..outputs,
        };
        run(head, stage, adapted, source, x.clone(), workspace);
        source = Source::Inside(x.clone());
    }
    workspace.get(x).ok_or(too_small)
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
    adapted: &[f32],
    source: Source<'_>,
    y: Range<usize>,
    workspace: &mut [f32],
) {
    let (x, y) = match source {
        Source::Inside(x) if x == y => {
            if let Some(y) = workspace.get_mut(y) {
                stage.layer.forward_in_place(y);
            }
            return;
        }
        // Plans keep input and output apart and inside the workspace.
        Source::Inside(x) => match workspace.get_disjoint_mut([x, y]) {
            Ok([x, y]) => (&*x, y),
            Err(_) => return,
        },
        Source::Outside(x) => match workspace.get_mut(y) {
            Some(y) => (x, y),
            None => return,
        },
    };
    stage.layer.forward(Forward {
        words: head.words,
        adapted,
        x,
        y,
        inputs: stage.inputs as usize,
        outputs: stage.outputs as usize,
    });
}

impl Head<'_> {
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
