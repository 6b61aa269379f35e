//! K labelled examples in, an adapted model out, or no change at all.

mod errors;
mod report;

pub use errors::{AdaptError, ExampleError, LearnerError, PredictError, RestoreError, SaveError};
pub use report::{Adaptation, Cause, Losses, Outcome, Report, Rollback};

use heapless::Vec;
use mamlet_formats::{Checkpoint, Loss, checkpoint};

use crate::engine::{self, Support};
use crate::kernels::{all_finite, rows_mut};
use crate::layers::{Base, Descent, Rates};
use crate::model::{Head, Model, Stage};
use crate::{MAX_STEPS, Memory};

/// A model together with the memory to adapt it.
///
/// Every adaptation starts from the artifact's initialisation, as in the method
/// (Finn et al. 2017, section 2.2): to learn from more examples, add them and
/// adapt again.
#[derive(Debug)]
pub struct Learner<'m> {
    head: &'m Head<'m>,
    stages: &'m [Stage],
    adapted: &'m mut [f32],
    /// Empty where rollback is to the initialisation.
    committed: &'m mut [f32],
    inputs: &'m mut [f32],
    targets: &'m mut [f32],
    workspace: &'m mut [f32],
    capacity: usize,
    examples: usize,
    /// What `adapted` holds, `None` while the initialisation is in use.
    current: Option<Learnt>,
    /// The same of `committed`.
    kept: Option<Learnt>,
}

/// How the weights in use came about.
#[derive(Clone, Copy, Debug)]
struct Learnt {
    steps: u32,
    loss_before: f32,
    loss_after: f32,
}

impl<'m> Learner<'m> {
    /// Divides `memory` among weights, examples and workspace. Its length must
    /// be at least [`Model::memory`]`(examples, rollback).total() / 4` numbers.
    ///
    /// # Errors
    /// [`LearnerError`] where `memory` is too small, with the length needed.
    pub fn new<const LAYERS: usize>(
        model: &'m Model<'m, LAYERS>,
        examples: usize,
        rollback: Rollback,
        memory: &'m mut [f32],
    ) -> Result<Self, LearnerError> {
        let Memory {
            adapted,
            committed,
            support,
            workspace,
        } = model.memory(examples, rollback);
        let error = LearnerError::MemoryTooSmall {
            needed: [adapted, committed, support, workspace]
                .iter()
                .fold(0usize, |sum, bytes| sum.saturating_add(bytes / 4)),
            given: memory.len(),
        };
        let mut rest = memory;
        let mut take = |bytes: usize| {
            let (part, tail) = core::mem::take(&mut rest)
                .split_at_mut_checked(bytes / 4)
                .ok_or(error)?;
            rest = tail;
            Ok(part)
        };
        let (adapted, committed, support) = (take(adapted)?, take(committed)?, take(support)?);
        let workspace = take(workspace)?;
        let inputs = examples.saturating_mul(model.inputs());
        let (inputs, targets) = support.split_at_mut_checked(inputs).ok_or(error)?;
        Ok(Learner {
            head: &model.head,
            stages: &model.stages,
            adapted,
            committed,
            inputs,
            targets,
            workspace,
            capacity: examples,
            examples: 0,
            current: None,
            kept: None,
        })
    }

    /// How many examples it has.
    pub fn examples(&self) -> usize {
        self.examples
    }

    /// Adds an example whose target is numbers, for mean squared error.
    ///
    /// # Errors
    /// [`ExampleError`]; nothing is added then.
    pub fn add_values(&mut self, input: &[f32], target: &[f32]) -> Result<(), ExampleError> {
        if self.head.loss == Loss::CrossEntropy {
            return Err(ExampleError::ClassExpected);
        }
        self.add(input, target)
    }

    /// Adds an example of a class, for cross-entropy.
    ///
    /// # Errors
    /// [`ExampleError`]; nothing is added then.
    pub fn add_class(&mut self, input: &[f32], class: usize) -> Result<(), ExampleError> {
        let classes = self.head.outputs;
        if self.head.loss != Loss::CrossEntropy {
            return Err(ExampleError::ValuesExpected);
        }
        if class >= classes {
            return Err(ExampleError::UnknownClass {
                classes,
                given: class,
            });
        }
        self.add(input, &[class as f32])
    }

    /// Forgets the examples. What was learnt of them stays.
    pub fn clear_examples(&mut self) {
        self.examples = 0;
    }

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
    /// before (by replaying it, which needs no memory and gives the same bits)
    /// or, where no step was better than none, to what [`Rollback`] says. The
    /// report names what happened. The support loss is thus never worse after
    /// the call than the initialisation's.
    ///
    /// It takes at most [`Cost::adaptation_at_most`](crate::Cost) multiply-accumulates.
    ///
    /// # Errors
    /// [`AdaptError`] where it cannot begin; nothing has changed then.
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
        let steps = adaptation.steps.unwrap_or(self.head.steps);
        let allowed = match adaptation.rate {
            None => self.head.max_steps,
            Some(rate) if !rate.is_finite() => return Err(AdaptError::Rate),
            Some(_) => MAX_STEPS,
        };
        if !(1..=allowed).contains(&steps) {
            return Err(AdaptError::Steps {
                allowed,
                given: steps,
            });
        }
        if self.examples == 0 {
            return Err(AdaptError::NoExamples);
        }
        self.descend(steps, adaptation.rate, Some(&mut report.losses));
        let (kept, cause) = report::verdict(&report.losses, steps, all_finite(self.adapted));
        if let Some(cause) = cause {
            report.outcome = Outcome::RolledBack { cause };
            if kept > 0 {
                self.descend(kept, adaptation.rate, None);
                if all_finite(self.adapted) {
                    report.outcome = Outcome::Shortened { steps: kept, cause };
                }
            }
        }
        match report.outcome {
            Outcome::RolledBack { .. } => self.discard(),
            _ => {
                self.current = Some(Learnt {
                    steps: kept as u32,
                    loss_before: report.loss_before(),
                    loss_after: report.loss_after(),
                });
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
    /// [`AdaptError::NoExamples`].
    pub fn gradient(&mut self) -> Result<(f32, &[f32]), AdaptError> {
        if self.examples == 0 {
            return Err(AdaptError::NoExamples);
        }
        self.current = None;
        let loss = self.forward(Base::Initialisation);
        self.step(Base::Zero, Rates::Uniform(-1.0));
        Ok((loss, self.adapted))
    }

    /// Makes the weights in use the ones a rollback returns to. Does nothing
    /// where rollback is to the initialisation.
    pub fn commit(&mut self) {
        if self.committed.len() == self.adapted.len() {
            self.committed.copy_from_slice(self.adapted);
            self.kept = self.current;
        }
    }

    /// Goes back to the weights last committed, or to the initialisation where
    /// there are none.
    pub fn discard(&mut self) {
        self.current = self.kept;
        if self.kept.is_some() && self.committed.len() == self.adapted.len() {
            self.adapted.copy_from_slice(self.committed);
        }
    }

    /// Whether predictions come from adapted weights.
    pub fn is_adapted(&self) -> bool {
        self.current.is_some()
    }

    /// The weights in use, adapting tensors one behind the other; `None` while
    /// the initialisation is in use.
    pub fn weights(&self) -> Option<&[f32]> {
        self.current.map(|_| &*self.adapted)
    }

    /// The output for one raw input, with the weights in use. Logits where the
    /// loss is cross-entropy.
    ///
    /// # Errors
    /// [`PredictError`] where the input has another length than the model's.
    pub fn predict(&mut self, input: &[f32]) -> Result<&[f32], PredictError> {
        let adapted: &[f32] = match self.current {
            Some(_) => self.adapted,
            None => &[],
        };
        engine::predict(self.head, self.stages, adapted, input, self.workspace)
    }

    /// Bytes of a checkpoint.
    pub fn checkpoint_size(&self) -> usize {
        checkpoint::size(self.adapted.len())
    }

    /// Writes the weights in use as a checkpoint bound to the artifact and
    /// returns how many bytes it has.
    ///
    /// # Errors
    /// [`SaveError`] where there is nothing to save or no room; `out` is
    /// untouched then.
    pub fn save(&self, out: &mut [u8]) -> Result<usize, SaveError> {
        let learnt = self.current.ok_or(SaveError::NotAdapted)?;
        let checkpoint = Checkpoint {
            artifact: self.head.id,
            steps: learnt.steps,
            loss_before: learnt.loss_before,
            loss_after: learnt.loss_after,
            weights: &[],
        };
        Ok(checkpoint.write(self.adapted, out)?)
    }

    /// Takes the weights of a checkpoint into use and commits them.
    ///
    /// # Errors
    /// [`RestoreError`] where the bytes are no checkpoint of this artifact;
    /// nothing has changed then.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), RestoreError> {
        let checkpoint = Checkpoint::parse(bytes)?;
        if checkpoint.artifact != self.head.id {
            return Err(RestoreError::OtherArtifact {
                expected: self.head.id,
                found: checkpoint.artifact,
            });
        }
        let weights = checkpoint.weights.as_chunks::<4>().0;
        if weights.len() != self.adapted.len() {
            return Err(RestoreError::Length {
                needed: self.adapted.len(),
                given: weights.len(),
            });
        }
        let weights = weights.iter().map(|&bytes| f32::from_le_bytes(bytes));
        if !weights.clone().all(f32::is_finite) {
            return Err(RestoreError::NotFinite);
        }
        self.adapted
            .iter_mut()
            .zip(weights)
            .for_each(|(w, value)| *w = value);
        self.current = Some(Learnt {
            steps: checkpoint.steps,
            loss_before: checkpoint.loss_before,
            loss_after: checkpoint.loss_after,
        });
        self.commit();
        Ok(())
    }

    fn add(&mut self, input: &[f32], target: &[f32]) -> Result<(), ExampleError> {
        let (capacity, at) = (self.capacity, self.examples);
        let (inputs, targets) = (self.head.inputs, self.head.targets());
        if input.len() != inputs {
            return Err(ExampleError::InputLength {
                needed: inputs,
                given: input.len(),
            });
        }
        if target.len() != targets {
            return Err(ExampleError::TargetLength {
                needed: targets,
                given: target.len(),
            });
        }
        if !all_finite(input) || !all_finite(target) {
            return Err(ExampleError::NotFinite);
        }
        let input_row = rows_mut(self.inputs, inputs).nth(at);
        let target_row = rows_mut(self.targets, targets).nth(at);
        let (Some(input_row), Some(target_row)) = (input_row, target_row) else {
            return Err(ExampleError::Full { capacity });
        };
        input_row.copy_from_slice(input);
        self.head.normalise(input_row);
        target_row.copy_from_slice(target);
        self.examples += 1;
        Ok(())
    }

    /// Steps down from the initialisation. Where losses are wanted, notes the
    /// one before each step and the one after the last, and ends early where
    /// one is not finite.
    fn descend(&mut self, steps: usize, rate: Option<f32>, mut losses: Option<&mut Losses>) {
        let head = self.head;
        for step in 0..=steps {
            let base = match step {
                0 => Base::Initialisation,
                _ => Base::Adapted,
            };
            if step == steps && losses.is_none() {
                return;
            }
            let loss = self.forward(base);
            if let Some(losses) = losses.as_deref_mut() {
                // There is room: steps are at most MAX_STEPS.
                let full = losses.push(loss).is_err();
                if full || !loss.is_finite() || step == steps {
                    return;
                }
            }
            let rates = match rate {
                Some(rate) => Rates::Uniform(rate),
                None => Rates::PerTensor(head.rates_of_step(step)),
            };
            self.step(base, rates);
        }
    }

    fn forward(&mut self, base: Base) -> f32 {
        let adapted: &[f32] = match base {
            Base::Adapted => self.adapted,
            Base::Initialisation | Base::Zero => &[],
        };
        let support = support(self.head, self.inputs, self.targets, self.examples);
        engine::forward(self.head, self.stages, adapted, support, self.workspace)
    }

    fn step(&mut self, base: Base, rates: Rates<'_>) {
        let support = support(self.head, self.inputs, self.targets, self.examples);
        let mut descent = Descent {
            words: self.head.words,
            adapted: self.adapted,
            base,
            rates,
        };
        engine::backward(
            self.head,
            self.stages,
            &mut descent,
            support,
            self.workspace,
        );
    }
}

/// The examples added so far.
fn support<'w>(
    head: &Head<'_>,
    inputs: &'w [f32],
    targets: &'w [f32],
    examples: usize,
) -> Support<'w> {
    Support {
        inputs: inputs.get(..examples * head.inputs).unwrap_or(&[]),
        targets: targets.get(..examples * head.targets()).unwrap_or(&[]),
        examples,
    }
}
