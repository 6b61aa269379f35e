//! Examples in: added one by one and kept, or lent where they lie.

use mamlet_formats::Loss;

use super::{
    Checked, ExampleError, Examples, Internal, Learner, PredictError, all_finite, in_use, inference,
};
use crate::engine;
use crate::kernels::{copy, rows, rows_mut};
use crate::model::Stage;

impl Examples<'_> {
    /// Inputs and targets.
    pub(super) fn parts(&self) -> (&[f32], &[f32]) {
        match self {
            Examples::Copied { inputs, targets } => (inputs, targets),
            Examples::Lent { inputs, targets } => (inputs, targets),
        }
    }
}

impl<'m> Learner<'m> {
    /// Adds an example whose target is numbers, for mean squared and Huber
    /// errors.
    ///
    /// The layers below everything that adapts run here, once. Of the input only
    /// their output is stored.
    ///
    /// # Errors
    /// [`ExampleError`]; nothing is added then.
    pub fn add_values(&mut self, input: &[f32], target: &[f32]) -> Result<(), ExampleError> {
        match self.info.loss {
            Loss::MeanSquaredError | Loss::Huber { .. } => self.add(input, target),
            loss => Err(expected(loss)),
        }
    }

    /// Adds an example of a class, for cross-entropy.
    ///
    /// # Errors
    /// [`ExampleError`]; nothing is added then.
    pub fn add_class(&mut self, input: &[f32], class: usize) -> Result<(), ExampleError> {
        match self.info.loss {
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
        if self.info.loss != Loss::GaussianPolicy {
            return Err(expected(self.info.loss));
        }
        let (needed, given) = (self.info.targets().saturating_sub(1), action.len());
        if needed != given {
            return Err(ExampleError::TargetLength { needed, given });
        }
        self.add_parts(input, action, &[advantage])
    }

    /// Adds the one of several actions that a categorical policy took, and its
    /// advantage.
    ///
    /// # Errors
    /// [`ExampleError`]; nothing is added then.
    pub fn add_discrete_action(
        &mut self,
        input: &[f32],
        action: usize,
        advantage: f32,
    ) -> Result<(), ExampleError> {
        match self.info.loss {
            Loss::CategoricalPolicy => self.add(input, &[self.class(action)?, advantage]),
            loss => Err(expected(loss)),
        }
    }

    /// Adds an example with its target as the loss takes it: numbers, a class
    /// or discrete action as a whole number, and last the advantage of an action.
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
        let info = self.info;
        let Examples::Lent { .. } = self.support else {
            return Err(ExampleError::NotLent);
        };
        let count = inputs.len().checked_div(info.inputs).unwrap_or(0);
        let (needed, given) = (count.saturating_mul(info.inputs), inputs.len());
        if needed != given {
            return Err(ExampleError::InputLength { needed, given });
        }
        let (needed, given) = (count.saturating_mul(info.targets()), targets.len());
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
        for target in rows(targets, info.targets()) {
            self.check_class(target)?;
        }
        self.support = Examples::Lent { inputs, targets };
        self.examples = count;
        Ok(())
    }

    /// The class of an example, where targets are classes.
    pub fn class_of(&self, example: usize) -> Option<usize> {
        let targets = self.support.parts().1;
        let class = match self.info.loss {
            Loss::CrossEntropy => rows(targets, 1).take(self.examples).nth(example)?,
            _ => return None,
        };
        class.first().map(|class| *class as usize)
    }

    /// The output for a support example, with the weights in use. It takes less
    /// than [`predict`](Self::predict): the layers below everything that adapts
    /// have already run. `None` where there is no such example.
    ///
    /// # Errors
    /// [`PredictError::Internal`].
    pub fn output_of(&mut self, example: usize) -> Result<Option<&[f32]>, PredictError> {
        let (info, stages) = (self.info, self.stages);
        // A batch norm takes the statistics of all examples.
        let mixes = |stage: &Stage| stage.layer.operation().mixes_examples();
        let (first, count) = match stages.iter().any(mixes) {
            true => (0, self.examples),
            false => (example, 1),
        };
        if example >= self.examples {
            return Ok(None);
        }
        let features = self.support.parts().0;
        let features = features.get(first * info.features..(first + count) * info.features);
        let features = features.ok_or(PredictError::Internal)?;
        let weights = in_use(info, stages, self.current, self.adapted)?;
        let last = engine::batch(info, stages, weights, features, count, self.workspace)?;
        let outputs = engine::outputs(last, count, self.workspace)?;
        let output = rows(outputs, info.outputs).nth(example - first);
        output.map(Some).ok_or(PredictError::Internal)
    }

    /// Forgets one example; those behind it move up. What was learnt of it stays
    /// until the next adaptation. Returns whether there was one to forget, which
    /// there is not where examples are lent.
    pub fn forget(&mut self, example: usize) -> bool {
        if example >= self.examples || matches!(self.support, Examples::Lent { .. }) {
            return false;
        }
        // Step by step to the end, behind which nothing is an example.
        for next in example + 1..self.examples {
            if self.swap(next - 1, next).is_err() {
                return false;
            }
        }
        self.examples -= 1;
        true
    }

    /// Leaves an example out, which changes places with the last, until it is
    /// [shown](Self::show). There must be one.
    pub(crate) fn hide(&mut self, example: usize) -> Checked {
        let last = self.examples.checked_sub(1).ok_or(Internal)?;
        self.swap(example, last)?;
        self.examples = last;
        Ok(())
    }

    /// Takes in again what was hidden, calls `with` while it is the last example,
    /// and puts it back where it was.
    pub(crate) fn show<T>(
        &mut self,
        example: usize,
        with: impl FnOnce(&mut Self, usize) -> T,
    ) -> Checked<T> {
        let last = self.examples;
        self.examples += 1;
        let result = with(self, last);
        self.swap(example, last)?;
        Ok(result)
    }

    /// Exchanges two examples, which are copies.
    fn swap(&mut self, a: usize, b: usize) -> Checked {
        let Examples::Copied { inputs, targets } = &mut self.support else {
            return Err(Internal);
        };
        if a == b {
            return Ok(());
        }
        for (numbers, width) in [
            (&mut **inputs, self.info.features),
            (&mut **targets, self.info.targets()),
        ] {
            let row = |example: usize| example * width..(example + 1) * width;
            let rows = numbers.get_disjoint_mut([row(a), row(b)]);
            let [a, b] = rows.map_err(|_| Internal)?;
            a.iter_mut().zip(b).for_each(|(a, b)| core::mem::swap(a, b));
        }
        Ok(())
    }

    /// Whether a target that begins with a class has a class of the model.
    fn check_class(&self, target: &[f32]) -> Result<(), ExampleError> {
        let begins = matches!(self.info.loss, Loss::CrossEntropy | Loss::CategoricalPolicy);
        if let (true, Some(class)) = (begins, target.first()) {
            // The cast takes off a fraction and keeps to the range.
            let given = *class as usize;
            if self.class(given)? != *class {
                let classes = self.info.classes();
                return Err(ExampleError::UnknownClass { classes, given });
            }
        }
        Ok(())
    }

    /// A class as it is kept.
    fn class(&self, given: usize) -> Result<f32, ExampleError> {
        let classes = self.info.classes();
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
        let info = self.info;
        let (needed, given) = (info.inputs, input.len());
        if needed != given {
            return Err(ExampleError::InputLength { needed, given });
        }
        let (needed, given) = (info.targets(), target.len() + rest.len());
        if needed != given {
            return Err(ExampleError::TargetLength { needed, given });
        }
        if !all_finite(input) || !all_finite(target) || !all_finite(rest) {
            return Err(ExampleError::NotFinite);
        }
        let Examples::Copied { inputs, targets } = &mut self.support else {
            return Err(ExampleError::Lent);
        };
        let features = rows_mut(inputs, info.features).nth(self.examples);
        let row = rows_mut(targets, info.targets()).nth(self.examples);
        let (Some(features), Some(row)) = (features, row) else {
            let capacity = self.setup.examples;
            return Err(ExampleError::Full { capacity });
        };
        inference::features(info, self.stages, input, features, self.workspace)?;
        let parts = row.split_at_mut_checked(target.len());
        let (of_target, of_rest) = parts.ok_or(ExampleError::Internal)?;
        copy(of_target, target)?;
        copy(of_rest, rest)?;
        self.examples += 1;
        Ok(())
    }
}

/// Which function the loss wants instead.
fn expected(loss: Loss) -> ExampleError {
    match loss {
        Loss::CrossEntropy => ExampleError::ClassExpected,
        Loss::GaussianPolicy => ExampleError::ActionExpected,
        Loss::CategoricalPolicy => ExampleError::DiscreteActionExpected,
        _ => ExampleError::ValuesExpected,
    }
}
