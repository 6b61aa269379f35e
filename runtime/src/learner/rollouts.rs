//! What an actor asks of a learner: outputs of observations, and a step from the weights
//! in use on examples that the actor keeps.

use super::adapt::Target;
use super::{Checked, Internal, Learner, Learnt, all_finite, in_use, inference};
use crate::engine::{self, Support};
use crate::layers::Rates;

impl Learner<'_> {
    /// What stands for an observation behind the layers below everything that adapts.
    pub(crate) fn features(&mut self, observation: &[f32], features: &mut [f32]) -> Checked {
        let (info, stages) = (self.info, self.stages);
        inference::features(info, stages, observation, features, self.workspace)
    }

    /// The output for such features, with the weights in use.
    pub(crate) fn output(&mut self, features: &[f32]) -> Checked<&[f32]> {
        let (info, stages) = (self.info, self.stages);
        let weights = in_use(info, stages, self.current, self.adapted)?;
        let last = engine::batch(info, stages, weights, features, 1, self.workspace)?;
        engine::outputs(last, 1, self.workspace)
    }

    /// The workspace, while no output in it is read.
    pub(crate) fn workspace(&mut self) -> &mut [f32] {
        self.workspace
    }

    /// How many steps made the weights in use.
    pub(crate) fn steps_taken(&self) -> usize {
        self.current.map_or(0, |learnt| learnt.steps as usize)
    }

    /// Takes the recipe's next step from the weights in use, and returns the loss before
    /// it. `None` where the loss or a weight is not finite then: the weights are the
    /// committed ones again. The velocity begins anew where `restart` says so.
    pub(crate) fn step_on(&mut self, support: Support<'_>, restart: bool) -> Checked<Option<f32>> {
        let done = self.take_one(support, restart);
        match done {
            Ok(Some(_)) => {}
            Ok(None) | Err(Internal) => self.discard(),
        }
        done
    }

    fn take_one(&mut self, support: Support<'_>, restart: bool) -> Checked<Option<f32>> {
        let step = self.steps_taken();
        let rates = Rates::PerTensor(self.info.rates_of_step(step)?);
        if restart {
            self.velocity.fill(0.0);
        }
        let target = self.target(step);
        let descent = match target {
            Target::Gradient => (target, Rates::Uniform(-1.0)),
            Target::Adapted(_) | Target::Spare(_) => (target, rates),
        };
        let loss = self.pass(step, Some(descent), Some(support))?;
        match target {
            Target::Gradient => self.apply(step, rates)?,
            Target::Spare(_) => core::mem::swap(&mut self.adapted, &mut self.spare),
            Target::Adapted(_) => {}
        }
        if !loss.is_finite() || !all_finite(self.adapted) {
            return Ok(None);
        }
        self.current = Some(Learnt {
            steps: u32::try_from(step + 1).map_err(|_| Internal)?,
            loss_before: loss,
            loss_after: loss,
        });
        Ok(Some(loss))
    }

    /// Notes what the weights in use are worth, for their checkpoint.
    pub(crate) fn note_losses(&mut self, before: f32, after: f32) {
        if let Some(learnt) = &mut self.current {
            (learnt.loss_before, learnt.loss_after) = (before, after);
        }
    }
}
