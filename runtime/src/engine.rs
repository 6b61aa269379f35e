//! Forward and backward through the chain, in a planned workspace.

use core::ops::Range;

use crate::layers::{Backward, Descent};
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
    for (index, stage) in stages.iter().enumerate() {
        let layer = &stage.layer;
        let y = span(stage.y_at, stage.outputs, support.examples);
        let x = span(stage.x_at, stage.inputs, support.examples);
        let inputs = stage.inputs as usize;
        if stage.in_place {
            if let Some(y) = workspace.get_mut(y) {
                layer.forward_in_place(y);
            }
        } else if index == 0 {
            if let Some(y) = workspace.get_mut(y) {
                layer.forward(head.words, adapted, support.inputs, y, inputs);
            }
        } else if let Ok([x, y]) = workspace.get_disjoint_mut([x, y]) {
            layer.forward(head.words, adapted, x, y, inputs);
        }
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
        let layer = &stage.layer;
        let examples = support.examples;
        let wanted = |wanted, at, width| match wanted {
            true => span(at, width, examples),
            false => 0..0,
        };
        let from_support = index == 0;
        let reads_input = layer.backward_reads_input();
        let passes_on = index > head.lowest && !layer.gradient_in_place();
        let ranges = [
            wanted(reads_input && !from_support, stage.x_at, stage.inputs),
            wanted(layer.backward_reads_output(), stage.y_at, stage.outputs),
            wanted(true, stage.dy_at, stage.outputs),
            wanted(passes_on, stage.dx_at, stage.inputs),
        ];
        // The plan keeps apart what a layer reads and writes at one time.
        if let Ok([x, y, dy, dx]) = workspace.get_disjoint_mut(ranges) {
            let x = if from_support { support.inputs } else { x };
            layer.backward(Backward { x, y, dy, dx }, step, stage.inputs as usize);
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

    // Where the current activation lies; `None` while it is the caller's.
    let mut x = None;
    if head.normalisation.is_some() {
        let normalised = workspace.get_mut(..input.len()).ok_or(too_small)?;
        normalised.copy_from_slice(input);
        head.normalise(normalised);
        x = Some(0..input.len());
    }
    for stage in stages {
        let outputs = stage.outputs as usize;
        // The end of the workspace that the input does not lie at.
        let y = match &x {
            Some(x) if x.start > 0 => 0..outputs,
            _ => needed.saturating_sub(outputs)..needed,
        };
        let inputs = stage.inputs as usize;
        x = Some(match x {
            Some(x) if stage.layer.elementwise() => {
                if let Some(x) = workspace.get_mut(x.clone()) {
                    stage.layer.forward_in_place(x);
                }
                x
            }
            Some(x) => {
                if let Ok([x, y]) = workspace.get_disjoint_mut([x, y.clone()]) {
                    stage.layer.forward(head.words, adapted, x, y, inputs);
                }
                y
            }
            None => {
                if let Some(y) = workspace.get_mut(y.clone()) {
                    stage.layer.forward(head.words, adapted, input, y, inputs);
                }
                y
            }
        });
    }
    x.and_then(|x| workspace.get(x)).ok_or(too_small)
}

impl Head<'_> {
    /// `x ← (x − mean) · scale`, per feature.
    pub(crate) fn normalise(&self, x: &mut [f32]) {
        if let Some((mean, scale)) = self.normalisation {
            for ((x, mean), scale) in x.iter_mut().zip(mean).zip(scale) {
                *x = (*x - mean) * scale;
            }
        }
    }
}

/// The workspace of a buffer, given in numbers per example.
fn span(at: u32, width: u32, examples: usize) -> Range<usize> {
    let at = (at as usize).saturating_mul(examples);
    at..at.saturating_add((width as usize).saturating_mul(examples))
}
