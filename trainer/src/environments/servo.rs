//! A position servo whose gain, friction, load and inertia differ from unit to unit:
//! [`mamlet_plants::servo`], which a device controls by the same code.

use std::sync::Arc;

use mamlet_plants::{Plant, Servo};
use serde::{Deserialize, Serialize};

use super::ShownTask;
use super::plants::Units;
use crate::fault::{Fault, horizon};
use crate::tasks::{
    Contents, EvaluationDefaults, ExportDefaults, Facts, Keys, Sizes, TaskFamily, TaskSizes,
    TaskSource, TasksError,
};

/// A servo that is to turn its load to a target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServoTasks {
    /// The most steps of a rollout, 20 ms each.
    pub horizon: usize,
    /// What the policy is shown.
    pub inputs: ShownTask,
}

impl Default for ServoTasks {
    fn default() -> Self {
        Self {
            horizon: Servo::HORIZON,
            inputs: ShownTask::Observation,
        }
    }
}

impl TaskSizes for ServoTasks {
    fn sizes(&self) -> Sizes {
        let inputs = (self.inputs).width(Servo::OBSERVATIONS, Servo::PARAMETERS);
        Sizes::of_rollouts(inputs, Units::<Servo>::ACTIONS, self.horizon)
    }
}

impl TaskFamily for ServoTasks {
    fn check(&self) -> Result<(), Fault> {
        horizon(self.horizon)
    }

    fn facts(&self) -> Facts {
        Facts {
            finite_classes: false,
            target_scale: false,
            shows_task: Some(self.inputs == ShownTask::ObservationAndTask),
            actions: Some(Units::<Servo>::ACTIONS),
            evaluation: EvaluationDefaults::ROLLOUTS,
            export: ExportDefaults::ROLLOUTS,
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
        self.inputs = ShownTask::Observation;
    }

    fn source(&self) -> Result<TaskSource, TasksError> {
        let units = Units::<Servo>::new(self.horizon);
        Ok(TaskSource::Acting(Arc::from(self.inputs.of(units))))
    }

    fn contents(&self) -> Result<Option<Contents>, TasksError> {
        Ok(None)
    }
}
