//! Examples in: added one by one and kept, or lent where they lie.

use mamlet_formats::Loss;

use super::{ExampleError, Examples, Learner, all_finite};
use crate::engine;
use crate::kernels::{rows, rows_mut};

impl Examples<'_> {
    /// Inputs and targets.
    pub(super) fn parts(&self) -> (&[f32], &[f32]) {
        match self {
            Examples::Kept { inputs, targets } => (inputs, targets),
            Examples::Lent { inputs, targets } => (inputs, targets),
        }
    }
}

impl<'m> Learner<'m> {
    /// Adds an example whose target is numbers, for mean squared and Huber
    /// errors.
    ///
    /// What the layers below everything that adapts make of the input is
    /// computed here, once, and is all that is kept of it.
    ///
    /// # Errors
    /// [`ExampleError`]; nothing is added then.
    pub fn add_values(&mut self, input: &[f32], target: &[f32]) -> Result<(), ExampleError> {
        match self.head.loss {
            Loss::MeanSquaredError | Loss::Huber { .. } => self.add(input, target),
            loss => Err(expected(loss)),
        }
    }

    /// Adds an example of a class, for cross-entropy.
    ///
    /// # Errors
    /// [`ExampleError`]; nothing is added then.
    pub fn add_class(&mut self, input: &[f32], class: usize) -> Result<(), ExampleError> {
        match self.head.loss {
            Loss::CrossEntropy => self.add(input, &[self.class(class)?]),
            loss => Err(expected(loss)),
        }
    }

    /// Adds an action that a Gaussian policy took, and its advantage.
    ///
    /// # Errors
    /// [`ExampleError`]; nothing is added then.
    pub fn add_action(
        &mut self,
        input: &[f32],
        action: &[f32],
        advantage: f32,
    ) -> Result<(), ExampleError> {
        if self.head.loss != Loss::GaussianPolicy {
            return Err(expected(self.head.loss));
        }
        let (needed, given) = (self.head.targets().saturating_sub(1), action.len());
        if needed != given {
            return Err(ExampleError::TargetLength { needed, given });
        }
        self.add_parts(input, action, &[advantage])
    }

    /// Adds a choice that a categorical policy made, and its advantage.
    ///
    /// # Errors
    /// [`ExampleError`]; nothing is added then.
    pub fn add_choice(
        &mut self,
        input: &[f32],
        choice: usize,
        advantage: f32,
    ) -> Result<(), ExampleError> {
        match self.head.loss {
            Loss::CategoricalPolicy => self.add(input, &[self.class(choice)?, advantage]),
            loss => Err(expected(loss)),
        }
    }

    /// Adds an example with its target as the loss takes it: numbers, a class
    /// or choice as a whole number, and last the advantage of an action.
    ///
    /// # Errors
    /// [`ExampleError`]; nothing is added then.
    pub fn add_target(&mut self, input: &[f32], target: &[f32]) -> Result<(), ExampleError> {
        self.check_class(target)?;
        self.add(input, target)
    }

    /// Takes all support examples where they lie, in flash for instance,
    /// instead of copies: `inputs` is `[examples, inputs]` and `targets` what
    /// the loss takes, classes as whole numbers. They replace what there was.
    ///
    /// # Errors
    /// [`ExampleError`] where the learner was not [set up](crate::Setup::lent)
    /// for it, and as for adding them one by one; nothing has changed then.
    pub fn lend(&mut self, inputs: &'m [f32], targets: &'m [f32]) -> Result<(), ExampleError> {
        let head = self.head;
        let Examples::Lent { .. } = self.support else {
            return Err(ExampleError::NotLent);
        };
        let count = inputs.len().checked_div(head.inputs).unwrap_or(0);
        let (needed, given) = (count.saturating_mul(head.inputs), inputs.len());
        if needed != given {
            return Err(ExampleError::InputLength { needed, given });
        }
        let (needed, given) = (count.saturating_mul(head.targets()), targets.len());
        if needed != given {
            return Err(ExampleError::TargetLength { needed, given });
        }
        let capacity = self.setup.examples;
        if count > capacity {
            return Err(ExampleError::Full { capacity });
        }
        if !all_finite(inputs) || !all_finite(targets) {
            return Err(ExampleError::NotFinite);
        }
        for target in rows(targets, head.targets()) {
            self.check_class(target)?;
        }
        self.support = Examples::Lent { inputs, targets };
        self.examples = count;
        Ok(())
    }

    /// Whether a target that begins with a class has a class of the model.
    fn check_class(&self, target: &[f32]) -> Result<(), ExampleError> {
        let begins = matches!(self.head.loss, Loss::CrossEntropy | Loss::CategoricalPolicy);
        if let (true, Some(class)) = (begins, target.first()) {
            // The cast takes off a fraction and keeps to the range.
            let given = *class as usize;
            if self.class(given)? != *class {
                let classes = self.head.outputs;
                return Err(ExampleError::UnknownClass { classes, given });
            }
        }
        Ok(())
    }

    /// A class as it is kept.
    fn class(&self, given: usize) -> Result<f32, ExampleError> {
        let classes = self.head.outputs;
        match given < classes {
            true => Ok(given as f32),
            false => Err(ExampleError::UnknownClass { classes, given }),
        }
    }

    fn add(&mut self, input: &[f32], target: &[f32]) -> Result<(), ExampleError> {
        self.add_parts(input, target, &[])
    }

    /// Adds an example whose target comes in two parts.
    fn add_parts(
        &mut self,
        input: &[f32],
        target: &[f32],
        rest: &[f32],
    ) -> Result<(), ExampleError> {
        let head = self.head;
        let (needed, given) = (head.inputs, input.len());
        if needed != given {
            return Err(ExampleError::InputLength { needed, given });
        }
        let (needed, given) = (head.targets(), target.len() + rest.len());
        if needed != given {
            return Err(ExampleError::TargetLength { needed, given });
        }
        if !all_finite(input) || !all_finite(target) || !all_finite(rest) {
            return Err(ExampleError::NotFinite);
        }
        let Examples::Kept { inputs, targets } = &mut self.support else {
            return Err(ExampleError::Lent);
        };
        let features = rows_mut(inputs, head.features).nth(self.examples);
        let row = rows_mut(targets, head.targets()).nth(self.examples);
        let (Some(features), Some(row)) = (features, row) else {
            let capacity = self.setup.examples;
            return Err(ExampleError::Full { capacity });
        };
        engine::features(head, self.stages, input, features, self.workspace);
        let values = target.iter().chain(rest);
        row.iter_mut()
            .zip(values)
            .for_each(|(to, from)| *to = *from);
        self.examples += 1;
        Ok(())
    }
}

/// Which function the loss wants instead.
fn expected(loss: Loss) -> ExampleError {
    match loss {
        Loss::CrossEntropy => ExampleError::ClassExpected,
        Loss::GaussianPolicy => ExampleError::ActionExpected,
        Loss::CategoricalPolicy => ExampleError::ChoiceExpected,
        _ => ExampleError::ValuesExpected,
    }
}
