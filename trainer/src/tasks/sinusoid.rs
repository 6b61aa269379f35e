//! Sinusoid regression, section 5.1 of the paper: `y = A·sin(x − φ)`.

use std::f64::consts::PI;

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{
    Contents, Description, EvaluationDefaults, ExportDefaults, Facts, Keys, Sizes, Split,
    TaskBatch, TaskData, TaskDistribution, TaskFamily, TaskSizes, TaskSource, TasksError, uniform,
};
use crate::fault::{Fault, bounds};
use crate::nn::Shape;

/// The distribution of sinusoids. The defaults are the paper's: amplitude in
/// `U[0.1, 5]`, phase in `U[0, π]`, inputs in `U[−5, 5]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sinusoid {
    /// Bounds of the amplitude `A`.
    pub amplitude: [f64; 2],
    /// Bounds of the phase `φ`.
    pub phase: [f64; 2],
    /// Bounds of the inputs.
    pub x: [f64; 2],
    /// What the network is shown of each example.
    pub inputs: SinusoidInputs,
}

/// What the network is shown of each example.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SinusoidInputs {
    /// `x` alone.
    #[default]
    X,
    /// `x`, the amplitude and the phase: the oracle, which need not adapt.
    XAmplitudePhase,
}

/// One sinusoid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SinusoidTask {
    /// Amplitude `A`.
    pub amplitude: f32,
    /// Phase `φ`.
    pub phase: f32,
}

impl SinusoidTask {
    /// `A·sin(x − φ)`.
    pub fn value(&self, x: f32) -> f32 {
        self.amplitude * (x - self.phase).sin()
    }
}

impl Default for Sinusoid {
    fn default() -> Self {
        Self {
            amplitude: [0.1, 5.0],
            phase: [0.0, PI],
            x: [-5.0, 5.0],
            inputs: SinusoidInputs::X,
        }
    }
}

impl Sinusoid {
    /// Draws the parameters of `tasks` sinusoids; [`TaskDistribution::draw`]
    /// with a generator at the same address draws examples of these.
    pub fn draw_tasks(&self, rng: &mut ChaCha8Rng, tasks: usize) -> Vec<SinusoidTask> {
        (0..tasks)
            .map(|_| SinusoidTask {
                amplitude: uniform(rng, self.amplitude),
                phase: uniform(rng, self.phase),
            })
            .collect()
    }

    /// Examples of given sinusoids, `count` each: inputs and targets,
    /// row-major.
    pub fn examples(
        &self,
        rng: &mut ChaCha8Rng,
        tasks: &[SinusoidTask],
        count: usize,
    ) -> (Vec<f32>, Vec<f32>) {
        let mut inputs = Vec::with_capacity(tasks.len() * count * self.input());
        let mut targets = Vec::with_capacity(tasks.len() * count);
        for task in tasks {
            for _ in 0..count {
                let x = uniform(rng, self.x);
                inputs.push(x);
                if self.inputs == SinusoidInputs::XAmplitudePhase {
                    inputs.push(task.amplitude);
                    inputs.push(task.phase);
                }
                targets.push(task.value(x));
            }
        }
        (inputs, targets)
    }
}

impl TaskSizes for Sinusoid {
    fn sizes(&self) -> Sizes {
        let inputs = match self.inputs {
            SinusoidInputs::X => 1,
            SinusoidInputs::XAmplitudePhase => 3,
        };
        Sizes::of_values(Shape::Vector(inputs), 1)
    }
}

impl TaskFamily for Sinusoid {
    fn check(&self) -> Result<(), Fault> {
        bounds("tasks.amplitude", self.amplitude)?;
        bounds("tasks.phase", self.phase)?;
        bounds("tasks.x", self.x)
    }

    fn facts(&self) -> Facts {
        Facts {
            finite_classes: false,
            target_scale: false,
            shows_task: Some(self.inputs == SinusoidInputs::XAmplitudePhase),
            actions: None,
            evaluation: EvaluationDefaults::VALUES,
            export: ExportDefaults::VALUES,
        }
    }

    fn keys(&mut self) -> Keys<'_> {
        Keys {
            ways: None,
            path: None,
            unit_split: None,
        }
    }

    fn keep_evaluation_keys(&mut self) {
        self.inputs = SinusoidInputs::X;
    }

    fn source(&self) -> Result<TaskSource, TasksError> {
        Ok(TaskSource::supervised(self.clone()))
    }

    fn contents(&self) -> Result<Option<Contents>, TasksError> {
        Ok(None)
    }
}

impl TaskDistribution for Sinusoid {
    fn description(&self) -> Description {
        Description {
            normalisation: None,
            target_scale: None,
            front_end: None,
        }
    }

    fn draw(
        &self,
        _split: Split,
        rng: &mut ChaCha8Rng,
        tasks: usize,
        shots: usize,
        queries: usize,
    ) -> TaskBatch {
        let sinusoids = self.draw_tasks(rng, tasks);
        let (support_x, support_y) = self.examples(rng, &sinusoids, shots);
        let (query_x, query_y) = self.examples(rng, &sinusoids, queries);
        TaskBatch {
            tasks,
            input: self.input(),
            output: 1,
            classes: None,
            support_x: support_x.into(),
            support_y,
            query_x: query_x.into(),
            query_y,
            origins: None,
        }
    }

    fn data(&self) -> Option<&dyn TaskData> {
        None
    }
}
