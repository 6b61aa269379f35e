//! The step, and whether it is kept.

use super::advantage::{self, Values};
use super::verify::{Summary, Verdict, verdict};
use super::{Actor, OF_EPISODE, StepError, first};
use crate::engine::Support;
use crate::kernels::{all_finite, rows, rows_mut};

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "a step may have gone back"]
pub struct StepReport {
    /// Whether it was taken.
    pub outcome: StepOutcome,
    /// How many steps made the weights in use.
    pub steps: usize,
    /// The episodes it learnt from, which are forgotten.
    pub episodes: Summary,
    /// What the values of states were taken from.
    pub values: Values,
    /// `−mean(log π(a) A)` before the step, as the artifact reduces it; NaN where it was
    /// not computed.
    pub loss: f32,
}

/// Whether a step was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepOutcome {
    /// The weights in use are those behind the step. Verify it once there are episodes of
    /// them.
    Taken,
    /// An advantage, the loss or a weight was not finite: the weights in use are those last
    /// kept.
    WentBack,
}

/// Episodes of either side that a verdict takes.
const TO_COMPARE: usize = 2;

impl Actor<'_> {
    /// Takes a policy-gradient step from the weights in use (Williams 1992; Finn et al.
    /// 2017, section 5.3) and forgets the episodes: step *s* with row *s* of the artifact's
    /// rates,
    ///
    /// ```text
    /// θₛ₊₁ = θₛ − rateₛ ∇ L,   L = −mean(log π_θ(a) A)
    /// ```
    ///
    /// over all steps of the episodes that are over, with advantages `A` as
    /// [`advantage::of_episodes`] has them. Several steps may follow each other, each with
    /// episodes of its own, before they are [verified](Self::verify).
    ///
    /// # Errors
    /// [`StepError`] where there is no episode, one is not over, or the recipe allows no
    /// further step.
    pub fn step(&mut self) -> Result<StepReport, StepError> {
        self.check_episodes(1)?;
        let allowed = self.max_steps;
        if self.steps() >= allowed {
            return Err(StepError::Steps { allowed });
        }
        let episodes = Summary::of(self.returns());
        if self.unverified == 0 {
            self.reference = Some(episodes);
        }
        let values = self.weigh()?;
        let support = Support {
            inputs: match self.features.is_empty() {
                true => first(self.observations, self.taken, self.inputs)?,
                false => first(self.features, self.taken, self.features_width)?,
            },
            targets: first(self.targets, self.taken, self.targets_width)?,
            examples: self.taken,
        };
        let loss = match all_finite(first(self.rewards, self.taken, 1)?) {
            true => self.learner.step_on(support, self.restart),
            false => {
                self.learner.discard();
                Ok(None)
            }
        };
        let Ok(Some(loss)) = loss else {
            self.forget_steps();
            loss?;
            return Ok(StepReport {
                outcome: StepOutcome::WentBack,
                steps: self.steps(),
                episodes,
                values,
                loss: f32::NAN,
            });
        };
        self.restart = false;
        self.unverified += 1;
        self.clear();
        let before = self.reference.map_or(f32::NAN, |reference| -reference.mean);
        self.learner.note_losses(before, before);
        Ok(StepReport {
            outcome: StepOutcome::Taken,
            steps: self.steps(),
            episodes,
            values,
            loss,
        })
    }

    /// Turns rewards into advantages, which become the weights of the actions.
    fn weigh(&mut self) -> Result<Values, StepError> {
        let taken = self.taken;
        let observations = first(self.observations, taken, self.inputs)?;
        let rewards = self.rewards.get_mut(..taken).ok_or(StepError::Internal)?;
        let values = self.values.get_mut(..taken).ok_or(StepError::Internal)?;
        let episodes = rows(self.episodes, OF_EPISODE).take(self.ended);
        let lengths = episodes.map(|episode| episode.first().map_or(0, |length| *length as usize));
        let used = advantage::of_episodes(
            observations,
            rewards,
            lengths,
            [self.policy.discount, self.policy.lambda],
            values,
            self.learner.workspace(),
        )?;
        let targets = rows_mut(self.targets, self.targets_width);
        for (target, advantage) in targets.zip(&*rewards) {
            if let Some(weight) = target.last_mut() {
                *weight = *advantage;
            }
        }
        Ok(used)
    }

    /// Compares the episodes of the weights in use with those before the steps that have
    /// not been verified, and keeps the steps or goes back, by the rule of [`verdict`].
    ///
    /// Where it keeps them, the next step learns from the same episodes. Where it goes
    /// back, it forgets them: they are those of other weights.
    ///
    /// # Errors
    /// [`StepError`] where there is nothing to verify, an episode is not over, or there are
    /// fewer than two on either side.
    pub fn verify(&mut self) -> Result<Verdict, StepError> {
        if self.unverified == 0 {
            return Err(StepError::Verified);
        }
        self.check_episodes(TO_COMPARE)?;
        let before = self.reference.ok_or(StepError::Internal)?;
        let after = Summary::of(self.returns());
        if before.episodes < TO_COMPARE {
            return Err(StepError::Episodes {
                needed: TO_COMPARE,
                given: before.episodes,
            });
        }
        let verdict = verdict(before, after);
        match verdict.kept {
            true => {
                self.learner.note_losses(-before.mean, -after.mean);
                self.learner.commit();
                self.unverified = 0;
            }
            false => self.go_back(),
        }
        Ok(verdict)
    }

    /// Goes back to the weights last kept, or to the initialisation where there are none,
    /// and forgets the episodes.
    pub fn go_back(&mut self) {
        self.learner.discard();
        self.forget_steps();
    }

    /// Whether there are so many episodes, and none that is not over.
    fn check_episodes(&self, needed: usize) -> Result<(), StepError> {
        if self.pending || self.taken > self.closed {
            return Err(StepError::EpisodeOpen);
        }
        let given = self.ended;
        match given >= needed {
            true => Ok(()),
            false => Err(StepError::Episodes { needed, given }),
        }
    }
}
