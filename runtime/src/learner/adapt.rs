//! The inner loop: a few gradient steps on the support loss, as a transaction.

use heapless::Vec;

use super::{
    AdaptError, Adaptation, Checked, Internal, Learner, Learnt, Losses, Outcome, Report,
    all_finite, report,
};
use crate::engine::{self, Support, Weights};
use crate::fault::ensure;
use crate::kernels::zip;
use crate::layers::{Base, Descent, Rates};
use crate::losses::Objective;
use crate::memory::Batch;
use crate::model::MAX_STEPS;
use crate::prototypes::Head;

/// What the backward pass of a step writes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// The adapted weights, upon what is said.
    Adapted(Base),
    /// The spare weights, upon what is said.
    Spare(Base),
    /// The gradient itself, in the place for it.
    Gradient,
}

impl Learner<'_> {
    /// Adapts by the artifact's recipe: [`adapt_with`](Self::adapt_with) and
    /// its defaults.
    ///
    /// # Errors
    /// As [`adapt_with`](Self::adapt_with).
    pub fn adapt(&mut self) -> Result<Report, AdaptError> {
        self.adapt_with(Adaptation::default())
    }

    /// Takes gradient steps on the support loss, from the initialisation:
    /// `θₛ₊₁ = θₛ − rateₛ ∇ loss(θₛ)`, and measures the loss after the last.
    ///
    /// It is a transaction. Where a loss or a weight is not a finite number,
    /// or the last loss is above the first, it goes back to the best step
    /// before (by taking its steps again, which needs no memory and gives the
    /// same bits) or, where no step was better than none, to what [`Rollback`](crate::Rollback) says. The
    /// report names what happened. The support loss is thus never worse after
    /// the call than the initialisation's.
    ///
    /// Where the head [starts at prototypes](mamlet_formats::HeadStart), these are what
    /// steps are taken from, what the losses begin with and what is kept where no step
    /// was better: the support loss is never worse than theirs. No step at all is an
    /// adaptation too. A class without examples is never predicted. Before the first
    /// adaptation the head is what the artifact has stored, zeros: all classes are equally
    /// likely.
    ///
    /// It takes at most [`Cost::adaptation_at_most`](crate::Cost) multiply-accumulates.
    ///
    /// # Errors
    /// [`AdaptError`] where it cannot begin; nothing has changed then. After
    /// [`AdaptError::Internal`] it has gone back to what
    /// [`Rollback`](crate::Rollback) says.
    #[inline]
    pub fn adapt_with(&mut self, adaptation: Adaptation) -> Result<Report, AdaptError> {
        let mut report = Report {
            outcome: Outcome::Adapted,
            losses: Vec::new(),
        };
        self.adapt_into(adaptation, &mut report)?;
        Ok(report)
    }

    /// [`adapt_with`](Self::adapt_with), with the report where the caller has
    /// it: it is the largest thing on the engine's stack.
    fn adapt_into(
        &mut self,
        adaptation: Adaptation,
        report: &mut Report,
    ) -> Result<(), AdaptError> {
        let steps = adaptation.steps.unwrap_or(self.info.steps);
        let allowed = match adaptation.rate {
            None => self.info.max_steps,
            Some(rate) if !rate.is_finite() => return Err(AdaptError::Rate),
            // A second step would have nowhere to be made.
            Some(_) if matches!(self.target(1), Target::Spare(_)) && self.spare.is_empty() => {
                self.info.max_steps
            }
            Some(_) => MAX_STEPS,
        };
        if !(self.info.least_steps()..=allowed).contains(&steps) {
            return Err(AdaptError::Steps {
                allowed,
                given: steps,
            });
        }
        if self.examples == 0 {
            return Err(AdaptError::NoExamples);
        }
        let done = self.take_steps(steps, adaptation.rate, report);
        match report.outcome {
            Outcome::Adapted | Outcome::Shortened { .. } if done.is_ok() => {
                self.current = Some(Learnt {
                    steps: report.steps() as u32,
                    loss_before: report.loss_before(),
                    loss_after: report.loss_after(),
                });
            }
            _ => self.discard(),
        }
        Ok(done?)
    }

    /// Takes the steps, and those to the best of them once more where the last is
    /// not good.
    fn take_steps(&mut self, steps: usize, rate: Option<f32>, report: &mut Report) -> Checked {
        self.descend(steps, rate, Some(&mut report.losses))?;
        let (kept, cause) = report::verdict(&report.losses, steps, all_finite(self.adapted));
        if let Some(cause) = cause {
            report.outcome = Outcome::RolledBack { cause };
            match kept {
                // Prototypes are worth keeping without a step.
                0 if self.info.prototypes.is_some() && report.loss_before().is_finite() => {
                    self.begin()?;
                }
                0 => return Ok(()),
                _ => self.descend(kept, rate, None)?,
            }
            if all_finite(self.adapted) {
                report.outcome = Outcome::Shortened { steps: kept, cause };
            }
        }
        Ok(())
    }

    /// The support loss of the initialisation and its gradient, adapting
    /// tensors one behind the other. It is computed where the adapted weights
    /// lie, so the initialisation is in use afterwards; [`discard`](Self::discard)
    /// brings committed weights back.
    ///
    /// # Errors
    /// [`AdaptError::NoExamples`], [`AdaptError::Internal`].
    pub fn gradient(&mut self) -> Result<(f32, &[f32]), AdaptError> {
        if self.examples == 0 {
            return Err(AdaptError::NoExamples);
        }
        self.current = None;
        let target = match (self.info.optimises(), self.setup.batch) {
            (true, _) => Target::Gradient,
            (false, Batch::OneByOne) if !self.reads_flash(0) => Target::Spare(Base::Zero),
            (false, _) => Target::Adapted(Base::Zero),
        };
        let loss = self.pass(0, Some((target, Rates::Uniform(-1.0))), None)?;
        let gradient: &[f32] = match target {
            Target::Gradient => self.gradient,
            Target::Spare(_) => self.spare,
            Target::Adapted(_) => self.adapted,
        };
        Ok((loss, gradient))
    }

    /// Steps down from the initialisation. Where losses are wanted, notes the
    /// one before each step and the one after the last, and ends early where
    /// one is not finite.
    fn descend(
        &mut self,
        steps: usize,
        rate: Option<f32>,
        mut losses: Option<&mut Losses>,
    ) -> Checked {
        let info = self.info;
        for step in 0..=steps {
            if step == steps && losses.is_none() {
                return Ok(());
            }
            let rates = match rate {
                Some(rate) => Rates::Uniform(rate),
                None => Rates::PerTensor(info.rates_of_step(step)?),
            };
            let target = self.target(step);
            let descent = match target {
                _ if step == steps => None,
                Target::Gradient => Some((target, Rates::Uniform(-1.0))),
                Target::Adapted(_) | Target::Spare(_) => Some((target, rates)),
            };
            let loss = self.pass(step, descent, None)?;
            if let Some(losses) = losses.as_deref_mut() {
                // There is room: steps are at most MAX_STEPS.
                losses.push(loss).map_err(|_| Internal)?;
                if !loss.is_finite() || step == steps {
                    return Ok(());
                }
            }
            match target {
                Target::Gradient => self.apply(step, rates)?,
                Target::Spare(_) => core::mem::swap(&mut self.adapted, &mut self.spare),
                Target::Adapted(_) => {}
            }
        }
        Ok(())
    }

    /// What a step writes.
    pub(super) fn target(&self, step: usize) -> Target {
        if self.info.optimises() {
            return Target::Gradient;
        }
        match self.setup.batch {
            Batch::OneByOne if !self.reads_flash(step) => Target::Spare(Base::Source),
            Batch::OneByOne | Batch::Whole => Target::Adapted(Base::Source),
        }
    }

    /// Whether the weights before a step are read where the artifact lies.
    fn reads_flash(&self, step: usize) -> bool {
        step == 0 && self.info.starts_in_flash()
    }

    /// Writes the weights before the first step to where the adapted ones lie: the
    /// initialisation, and the prototypes of the examples where the head starts there.
    fn begin(&mut self) -> Checked {
        let (info, stages) = (self.info, self.stages);
        engine::initialise(info, stages, self.adapted)?;
        let Some(temperature) = info.prototypes else {
            return Ok(());
        };
        let head = Head::of(stages, temperature)?;
        let (inputs, classes) = self.support.parts();
        let classes = classes.get(..self.examples).ok_or(Internal)?;
        let together = match self.setup.batch {
            Batch::Whole => self.examples,
            Batch::OneByOne => 1,
        };
        head.clear(self.adapted)?;
        for first in (0..self.examples).step_by(together.max(1)) {
            let last = first + together;
            let inputs = inputs.get(first * info.features..last * info.features);
            let inputs = inputs.ok_or(Internal)?;
            let weights = Weights {
                adapted: self.adapted,
                step: 0,
            };
            let work = &mut *self.workspace;
            let z = engine::below_head(info, stages, weights, inputs, together, work)?;
            let classes = classes.get(first..last).ok_or(Internal)?;
            head.add(z, classes, self.adapted)?;
        }
        head.finish(classes, self.adapted)
    }

    /// Runs all examples forward, and backward where something is to be
    /// written, and returns the loss. The weights read are the initialisation
    /// before step 0, and the adapted ones later. The examples are the learner's own, or
    /// `others` that somebody else keeps.
    pub(super) fn pass(
        &mut self,
        step: usize,
        descent: Option<(Target, Rates<'_>)>,
        others: Option<Support<'_>>,
    ) -> Checked<f32> {
        let (info, stages) = (self.info, self.stages);
        let reads_flash = self.reads_flash(step);
        if step == 0 && !reads_flash {
            self.begin()?;
        }
        let (inputs, targets) = self.support.parts();
        let examples = self.examples;
        let own = Support {
            inputs,
            targets,
            examples,
        };
        let Support {
            inputs,
            targets,
            examples,
        } = others.unwrap_or(own);
        let objective = Objective::new(info.loss, info.reduction, examples, info.outputs);
        let together = match self.setup.batch {
            Batch::Whole => examples,
            Batch::OneByOne => 1,
        };
        let mut sum = 0.0;
        for first in (0..examples).step_by(together.max(1)) {
            let range = |width: usize| first * width..(first + together) * width;
            let support = Support {
                inputs: inputs.get(range(info.features)).ok_or(Internal)?,
                targets: targets.get(range(info.targets())).ok_or(Internal)?,
                examples: together,
            };
            let adapted: &[f32] = if reads_flash { &[] } else { self.adapted };
            let weights = Weights { adapted, step };
            let work = &mut *self.workspace;
            engine::forward(info, stages, weights, support, objective, work, &mut sum)?;
            let Some((target, rates)) = descent else {
                continue;
            };
            if together > 1 && !(objective.scale * sum).is_finite() {
                break;
            }
            let flash: &[f32] = &[];
            // What later examples add to was begun by the first.
            let upon = |base| if first == 0 { base } else { Base::Target };
            let (source, target, base) = match target {
                Target::Adapted(base) if reads_flash => {
                    (Some(flash), &mut *self.adapted, upon(base))
                }
                Target::Adapted(base) => (None, &mut *self.adapted, upon(base)),
                Target::Spare(base) => (Some(&*self.adapted), &mut *self.spare, upon(base)),
                Target::Gradient => {
                    let source = if reads_flash { flash } else { &*self.adapted };
                    (Some(source), &mut *self.gradient, upon(Base::Zero))
                }
            };
            let mut descent = Descent {
                words: info.words,
                source,
                target,
                base,
                rates,
            };
            engine::backward(info, stages, &mut descent, support, step, work)?;
        }
        Ok(objective.scale * sum)
    }

    /// Takes a step with the whole gradient: `g ← g · min(1, c / ‖g‖)`,
    /// `v ← μ v + g`, `θ ← θ − rate · v`.
    pub(super) fn apply(&mut self, step: usize, rates: Rates<'_>) -> Checked {
        let info = self.info;
        if self.reads_flash(step) {
            engine::initialise(info, self.stages, self.adapted)?;
        }
        if let Some(bound) = info.clip_norm {
            let square = self.gradient.iter().fold(0.0, |sum, g| sum + g * g);
            let norm = libm::sqrtf(square);
            if norm > bound {
                let scale = bound / norm;
                self.gradient.iter_mut().for_each(|g| *g *= scale);
            }
        }
        if let Some(share) = info.momentum {
            if step == 0 {
                self.velocity.fill(0.0);
            }
            ensure(self.velocity.len() == self.gradient.len())?;
            for (v, g) in self.velocity.iter_mut().zip(&mut *self.gradient) {
                *v = share * *v + *g;
                *g = *v;
            }
        }
        for param in self.stages.iter().flat_map(|stage| stage.layer.params()) {
            let Some(column) = param.column() else {
                continue;
            };
            let rate = rates.of(column)?;
            let direction = param.write(self.gradient)?;
            zip(param.write(self.adapted)?, direction, |value, direction| {
                value - rate * direction
            })?;
        }
        Ok(())
    }
}
