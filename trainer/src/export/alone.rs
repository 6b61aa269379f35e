//! What becomes of a network with norms of the batch at hand on a device, where a query
//! comes alone.

use burn::backend::Flex;
use serde::Serialize;

use super::{ExportError, Options};
use crate::evaluate::{Evaluation, Interval, Measure, Setting, StepReport, evaluate};
use crate::meta::RateTable;
use crate::model::TrainedModel;
use crate::predict::sees_the_batch;
use crate::tasks::{Split, TaskDistribution};

/// Test tasks that both figures are of: the first of those of an evaluation.
const TASKS: usize = 300;

/// Most queries of each class, or of a task without classes.
const QUERIES: usize = 5;

/// A figure with queries as they are evaluated elsewhere, and the device's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Alone {
    /// `accuracy`, in per cent, or `loss`.
    pub what: &'static str,
    /// How queries are evaluated elsewhere.
    pub setting: Setting,
    /// The mean over tasks in that setting.
    pub elsewhere: Interval,
    /// The mean over the same tasks where every query comes alone.
    pub device: Interval,
    /// Number of test tasks.
    pub tasks: usize,
}

impl Alone {
    /// Measures a model that can see the batch at hand, with the rates and the number of
    /// steps of its artifact; `None` for any other.
    ///
    /// # Errors
    /// [`ExportError`] where there are no test tasks or a figure is not finite.
    pub(super) fn measure(
        model: &TrainedModel,
        rates: &RateTable,
        distribution: &dyn TaskDistribution,
        options: &Options,
    ) -> Result<Option<Self>, ExportError> {
        if !sees_the_batch(&model.network) {
            return Ok(None);
        }
        let mut model = model.clone();
        model.rates = Some(rates.clone());
        let setting = match model.config.setting() {
            Setting::Device => Setting::Transductive,
            named => named,
        };
        let (shots, steps) = (options.golden_shots, options.steps_of(&model.config));
        model.config.inner.evaluation_steps = Some(steps);
        let fits = |queries: &usize| {
            let mut splits = [Split::Test, Split::Validation].into_iter();
            splits.all(|split| distribution.check(split, shots, *queries).is_ok())
        };
        let evaluation = Evaluation {
            tasks: TASKS,
            shots: vec![shots],
            steps: Some(steps),
            queries: vec![(1..=QUERIES).rev().find(fits).unwrap_or(1)],
            settings: vec![setting, Setting::Device],
            baselines: false,
            ..Evaluation::default_for(&model.config.tasks)
        };
        let models = [(model.config.title.clone(), model)];
        let report = evaluate::<Flex>(&models, &evaluation, &Default::default(), |_| {})
            .map_err(|error| ExportError::Artifact(error.to_string()))?;
        let (measure, what) = match report.measure() {
            Measure::Accuracy => (Measure::Accuracy, "accuracy"),
            Measure::Loss | Measure::Error | Measure::Return => (Measure::Loss, "loss"),
        };
        let of = |setting: Setting| {
            let mut rows = report.shots.iter().flat_map(|shots| &shots.methods);
            let row = rows.find(|row| row.settings.contains(&setting))?;
            row.after(steps)
                .and_then(|after: &StepReport| after.of(measure))
        };
        let (Some(elsewhere), Some(device)) = (of(setting), of(Setting::Device)) else {
            return Err(ExportError::Artifact(format!(
                "its {what} on test tasks is not finite"
            )));
        };
        Ok(Some(Self {
            what,
            setting,
            elsewhere,
            device,
            tasks: TASKS,
        }))
    }

    /// Whether the device falls behind by more than both intervals together.
    pub fn falls_behind(&self) -> bool {
        let lost = match self.what {
            "accuracy" => self.elsewhere.mean - self.device.mean,
            _ => self.device.mean - self.elsewhere.mean,
        };
        lost > self.elsewhere.half_width + self.device.half_width
    }
}

impl std::fmt::Display for Alone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let value = |Interval { mean, half_width }: Interval| match self.what {
            "accuracy" => format!("{mean:.2} ± {half_width:.2} %"),
            _ => format!("{mean:.4} ± {half_width:.4}"),
        };
        write!(
            f,
            "{} {} on a device, where each query comes alone, and {} {} ({} test tasks)",
            self.what,
            value(self.device),
            value(self.elsewhere),
            self.setting.name(),
            self.tasks
        )
    }
}
