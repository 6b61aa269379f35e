//! Where activations and gradients lie in the workspace.
//!
//! Every buffer holds one row per support example, so a plan is made once, in
//! numbers per example, and holds for any number of examples.
//!
//! ```text
//! forward    │ A₁ │ A₂ │ A₃ │            activations are stacked; elementwise
//! loss       │ A₁ │ A₂ │ A₃ │ G₃ │       layers overwrite their input
//! backward   │ A₁ │ A₂ │    │ G₃ │ G₂ │  a gradient goes right above the
//!            │ A₁ │ G₁ │         │ G₂ │  activations still needed, or where it
//!                                        does not fit there, above the gradient
//!                                        it is made of
//! ```
//!
//! Below the first layer that adapts nothing is kept: activations alternate
//! between the lowest place and the one above their input.

use super::Stage;

/// The plan in the making: where the last activation lies.
#[derive(Clone, Copy, Default)]
pub(crate) struct Plan {
    /// Where the last activation begins.
    at: u32,
    /// How wide it is; zero while it is the caller's input.
    width: u32,
    /// The size of the workspace, in numbers per example.
    size: u32,
}

impl Plan {
    /// Places activations and gradients of the stages from `start` on, of
    /// which `lowest` is the first that adapts, and returns the size of the
    /// workspace without and with the gradients; `None` where sizes overflow.
    pub fn make(stages: &mut [Stage], start: usize, lowest: usize) -> Option<(u32, u32)> {
        let mut plan = Plan::default();
        let mut below: Option<&Stage> = None;
        for (index, stage) in stages.iter_mut().enumerate().skip(start) {
            plan.activation(stage, below, index >= lowest)?;
            below = Some(stage);
        }
        let forward = plan.size;
        plan.gradients(stages, lowest)?;
        Some((forward, plan.size))
    }

    /// Places the output of the next stage. `kept` says whether its input is
    /// needed on the way back.
    fn activation(&mut self, stage: &mut Stage, below: Option<&Stage>, kept: bool) -> Option<()> {
        let operation = stage.layer.operation();
        // A layer overwrites its input, unless that is the caller's, or is
        // needed to go back through this layer or the one below.
        stage.in_place = operation.overwrites()
            && !(kept && operation.reads_input())
            && below.is_some_and(|below| !(kept && below.layer.operation().reads_output()));
        if !stage.in_place {
            self.at = match kept {
                false if self.at >= stage.outputs => 0,
                _ => self.at.checked_add(self.width)?,
            };
        }
        self.width = stage.outputs;
        stage.y_at = self.at;
        self.reserve(self.at, self.width)
    }

    /// Places the gradients of all stages from `lowest` on, after the last
    /// activation.
    fn gradients(&mut self, stages: &mut [Stage], lowest: usize) -> Option<()> {
        let mut dy_at = self.at.checked_add(self.width)?;
        self.reserve(dy_at, self.width)?;
        for index in (lowest..stages.len()).rev() {
            let below = index.checked_sub(1).and_then(|below| stages.get(below));
            let free = below.map_or(0, |below| below.y_at.saturating_add(below.outputs));
            let stage = stages.get_mut(index)?;
            stage.dy_at = dy_at;
            stage.dx_at = dy_at;
            if index > lowest && !stage.layer.operation().gradient_in_place() {
                let above = dy_at.checked_add(stage.outputs)?;
                let fits = free.checked_add(stage.inputs)? <= dy_at;
                stage.dx_at = if fits { free } else { above };
                self.reserve(stage.dx_at, stage.inputs)?;
            }
            dy_at = stage.dx_at;
        }
        Some(())
    }

    fn reserve(&mut self, at: u32, width: u32) -> Option<()> {
        self.size = self.size.max(at.checked_add(width)?);
        Some(())
    }
}
