//! What an environment did that it must not do.

/// What an environment, or the policy in it, gave that cannot be learned from.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("task {task} ({described}), rollout {rollout}, step {step}: {what}")]
pub struct EnvironmentFault {
    /// Number of the task in its batch.
    pub task: usize,
    /// The numbers of the task, with their names.
    pub described: String,
    /// Number of the rollout.
    pub rollout: usize,
    /// Step of the rollout; 0 is the reset.
    pub step: usize,
    /// What is wrong, and what it should have been.
    pub what: String,
}

/// What is wrong with an observation.
pub(crate) fn observation_fault(observation: &[f32], expected: usize) -> Option<String> {
    if observation.len() != expected {
        return Some(format!(
            "the environment gave an observation of {} numbers, not {expected}",
            observation.len()
        ));
    }
    let at = observation.iter().position(|number| !number.is_finite())?;
    Some(format!(
        "{} as number {at} of an observation",
        observation[at]
    ))
}

/// What is wrong with a reward.
pub(crate) fn reward_fault(reward: f32) -> Option<String> {
    (!reward.is_finite()).then(|| format!("the environment gave a reward of {reward}"))
}
