//! Where activations and gradients lie in the workspace.
//!
//! Every buffer holds one row per support example, so a plan is made once, in
//! numbers per example, and holds for any number of examples. A buffer lives
//! from the operation that writes it to the last that reads it; buffers whose
//! lives do not overlap may share memory. Placement is first-fit in the order
//! of birth.
//!
//! Time runs through the `n` layers forward (0 … n−1), the loss (n), and the
//! layers backward (n+1 … 2n, layer `i` at `2n − i`).

use heapless::Vec;

use crate::layers::Layer;
use crate::model::Stage;

/// A stretch of workspace with a life.
#[derive(Clone, Copy)]
struct Buffer {
    at: u32,
    length: u32,
    from: u32,
    until: u32,
}

/// Makes buffers one after the other, each in the lowest gap.
struct Arena<const LAYERS: usize> {
    activations: Vec<Buffer, LAYERS>,
    gradients: Vec<Buffer, LAYERS>,
    size: u32,
}

/// Places activations and gradients of all stages and returns the size of the
/// workspace in numbers per example, or `None` where it overflows.
///
/// `lowest` is the first stage with an adapting tensor: no gradient flows
/// below it.
pub(crate) fn place<const LAYERS: usize>(
    stages: &mut Vec<Stage, LAYERS>,
    lowest: usize,
) -> Option<usize> {
    let layers = stages.len();
    let mut arena = Arena::<LAYERS> {
        activations: Vec::new(),
        gradients: Vec::new(),
        size: 0,
    };
    let mut y_at = 0;
    for i in 0..layers {
        let stage = stages.get(i)?;
        let in_place = stage.in_place;
        if !in_place {
            let until = last_use(stages, i, lowest);
            y_at = arena.place(stage.outputs, i as u32, until, true)?;
        }
        let x_at = match i.checked_sub(1).and_then(|below| stages.get(below)) {
            Some(below) => below.y_at,
            None => 0,
        };
        let stage = stages.get_mut(i)?;
        (stage.x_at, stage.y_at) = (x_at, y_at);
    }
    let mut dy_at = None;
    for i in (lowest..layers).rev() {
        let born = 2 * layers as u32 - i as u32;
        let above = match dy_at {
            Some(at) => at,
            // The loss writes the gradient of the last output.
            None => arena.place(stages.get(i)?.outputs, born - 1, born_until(stages, i), false)?,
        };
        let stage = stages.get(i)?;
        let dx_at = if i == lowest || stage.layer.gradient_in_place() {
            above
        } else {
            let until = born_until(stages, i.checked_sub(1)?);
            arena.place(stage.inputs, born, until, false)?
        };
        let stage = stages.get_mut(i)?;
        (stage.dy_at, stage.dx_at) = (above, dx_at);
        dy_at = Some(dx_at);
    }
    Some(arena.size as usize)
}

/// When the activation born at stage `i` is read for the last time, layers
/// that overwrite it in place included.
fn last_use(stages: &[Stage], i: usize, lowest: usize) -> u32 {
    let layers = stages.len() as u32;
    let backward = |stage: usize| 2 * layers - stage as u32;
    let mut until = i as u32;
    for (at, stage) in stages.iter().enumerate().skip(i) {
        let adapts_below = at >= lowest;
        if at > i {
            // Read as an input, forward and perhaps again backward.
            until = until.max(at as u32);
            if adapts_below && stage.layer.backward_reads_input() {
                until = until.max(backward(at));
            }
            if !stage.in_place {
                return until;
            }
        }
        if adapts_below && stage.layer.backward_reads_output() {
            until = until.max(backward(at));
        }
    }
    until.max(layers)
}

/// When the gradient that enters stage `i` is consumed: by that stage, or by
/// one below it that the gradient reaches in place.
fn born_until(stages: &[Stage], i: usize) -> u32 {
    let layers = stages.len() as u32;
    let passes = |stage: &&Stage| stage.layer.gradient_in_place();
    let through = stages.iter().take(i + 1).rev().take_while(passes).count();
    2 * layers - (i as u32).saturating_sub(through as u32)
}

impl<const LAYERS: usize> Arena<LAYERS> {
    /// The lowest offset at which `length` numbers are free from `from` to
    /// `until`.
    fn place(&mut self, length: u32, from: u32, until: u32, activation: bool) -> Option<u32> {
        let mut at = 0u32;
        // Each pass moves `at` behind a buffer in the way, so it ends after
        // at most as many passes as there are buffers.
        while let Some(end) = self.end_of_overlap(at, length, from, until) {
            at = end;
        }
        self.size = self.size.max(at.checked_add(length)?);
        let buffer = Buffer {
            at,
            length,
            from,
            until,
        };
        let list = if activation {
            &mut self.activations
        } else {
            &mut self.gradients
        };
        list.push(buffer).ok()?;
        Some(at)
    }

    /// Where the first buffer ends that lives at the same time and overlaps.
    fn end_of_overlap(&self, at: u32, length: u32, from: u32, until: u32) -> Option<u32> {
        self.activations
            .iter()
            .chain(&self.gradients)
            .filter(|b| b.from <= until && from <= b.until)
            .find(|b| u64::from(b.at) < u64::from(at) + u64::from(length) && at < b.at + b.length)
            .map(|b| b.at + b.length)
    }
}

/// How many numbers prediction needs for one example: the input and output of
/// each stage lie at opposite ends.
pub(crate) fn prediction(stages: &[Stage], normalised: bool) -> usize {
    let in_workspace = |i: usize, stage: &Stage| match i {
        0 if !normalised => 0,
        _ => stage.inputs as usize,
    };
    let need = |(i, stage): (usize, &Stage)| match stage.layer {
        Layer::Activation(_) if i > 0 || normalised => stage.outputs as usize,
        _ => in_workspace(i, stage).saturating_add(stage.outputs as usize),
    };
    stages.iter().enumerate().map(need).max().unwrap_or(0)
}
