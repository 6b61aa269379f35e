//! A policy learns to control units of a plant: what a board does, to the last bit.

use anyhow::{Context, Result, ensure};
use mamlet_plants::Plant;
use mamlet_plants::session::Session;
use mamlet_runtime::{Actor, Artifact, Memory, Policy, weights_crc32};
use serde::Serialize;

use crate::Model;

/// What became of a unit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UnitReport {
    /// The seed that it was drawn with.
    pub unit: u64,
    /// Before the first step and behind each.
    pub stages: Vec<StageReport>,
    /// Whether the steps were kept.
    pub kept: bool,
    /// The standard error by which that was decided; none where a step was not finite.
    pub standard_error: Option<f32>,
    /// Mean return of the likeliest actions in the end.
    pub likeliest: f32,
    /// The same, as bits.
    pub likeliest_bits: String,
    /// CRC-32 of the weights in use; none while it is the initialisation.
    pub weights_crc32: Option<String>,
}

/// What a policy does that has taken so many steps.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StageReport {
    /// How many.
    pub steps: usize,
    /// Mean return of the drawn actions, from which the next step learns.
    pub drawn: f32,
    /// Mean return of the likeliest actions.
    pub likeliest: f32,
    /// Both, as bits.
    pub bits: [String; 2],
}

/// RAM of an actor in bytes, without the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct Ram {
    pub weights: usize,
    pub episodes: usize,
    pub workspace: usize,
    pub total: usize,
}

impl Ram {
    /// Of an actor's memory.
    pub fn of(memory: Memory) -> Self {
        Ram {
            weights: memory.weights().bytes(),
            episodes: memory.support.bytes(),
            workspace: memory.workspace.bytes(),
            total: memory.total().bytes(),
        }
    }
}

/// How the artifact of a model rolls its policy out.
///
/// # Errors
/// Where it does not say it, or the policy is not one of the plant.
pub fn policy<P: Plant>(artifact: &Artifact<'_>, model: &Model<'_>) -> Result<Policy> {
    let policy = artifact
        .policy()
        .context("the artifact does not say how a policy is rolled out")?;
    let of_policy = [model.inputs(), model.targets().saturating_sub(1)];
    ensure!(
        of_policy == [P::OBSERVATIONS, P::ACTIONS],
        "a policy of {} observations and {} actions, {} has {} and {}",
        of_policy[0],
        of_policy[1],
        P::NAME,
        P::OBSERVATIONS,
        P::ACTIONS
    );
    Ok(policy)
}

/// Lets the policy learn to control the unit of a seed, which is also that of its actions.
///
/// # Errors
/// Where the actor refuses the model, the [`policy`] or what came of an action.
pub fn act<P: Plant>(
    model: &Model<'_>,
    policy: Policy,
    unit: u64,
    steps: usize,
) -> Result<UnitReport> {
    let mut memory = vec![0.0; Actor::memory(model, policy).total().len()];
    let mut actor = Actor::new(model, policy, unit, &mut memory)?;
    let mut stages = Vec::new();
    let mut session = Session::<P>::new(unit)?;
    let bits = |number: f32| format!("{:08x}", number.to_bits());
    let ending = session.run(&mut actor, steps, |stage| {
        stages.push(StageReport {
            steps: stage.steps,
            drawn: stage.acting.mean,
            likeliest: stage.likeliest,
            bits: [stage.acting.mean, stage.likeliest].map(bits),
        });
    })?;
    let crc32 = actor.weights().map(weights_crc32);
    Ok(UnitReport {
        unit,
        stages,
        kept: ending.verdict.is_some_and(|verdict| verdict.kept),
        standard_error: ending.verdict.map(|verdict| verdict.standard_error),
        likeliest: ending.likeliest,
        likeliest_bits: bits(ending.likeliest),
        weights_crc32: crc32.map(|crc32| format!("{crc32:08x}")),
    })
}
