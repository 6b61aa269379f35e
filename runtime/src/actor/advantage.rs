//! How good actions were: discounted returns, and generalised advantage estimation
//! (Schulman et al. 2016). The trainer follows the same rule in double precision.

use super::baseline::{self, Regression};
use super::errors::LengthError;
use crate::kernels::rows;

/// What is added to the deviation of advantages before they are divided by it.
const EPSILON: f32 = 1e-8;

/// What the values of states are taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// The linear baseline: see [`baseline`].
    Linear,
    /// The mean return of the episodes from each time step on: the baseline's weights were
    /// not finite.
    MeanPerStep,
    /// Nothing: the mean returns were not finite either.
    Zero,
}

/// The return from every step of an episode on: `Gₜ = rₜ + γ Gₜ₊₁`, and zero behind the
/// last. All are `[steps]`.
///
/// # Errors
/// [`LengthError`] where `returns` has another length than `rewards`.
///
/// ```
/// use mamlet_runtime::actor::advantage;
/// let mut returns = [0.0; 3];
/// advantage::returns(&[1.0, 0.0, 4.0], 0.5, &mut returns)?;
/// assert_eq!(returns, [2.0, 2.0, 4.0]);
/// # Ok::<(), mamlet_runtime::actor::LengthError>(())
/// ```
pub fn returns(rewards: &[f32], discount: f32, returns: &mut [f32]) -> Result<(), LengthError> {
    LengthError::check(rewards.len(), returns.len())?;
    let mut next = 0.0;
    for (to, reward) in returns.iter_mut().zip(rewards).rev() {
        next = reward + discount * next;
        *to = next;
    }
    Ok(())
}

/// Generalised advantage estimation: `Aₜ = δₜ + γ λ Aₜ₊₁` with
/// `δₜ = rₜ + γ Vₜ₊₁ − Vₜ`, from the last step back. All are `[steps]`; `last` is the value
/// of the state behind the last step: zero where the episode is over, by its end or by its
/// horizon.
///
/// # Errors
/// [`LengthError`] where lengths differ.
///
/// ```
/// use mamlet_runtime::actor::advantage;
/// let (rewards, values) = ([1.0, 2.0], [0.5, 1.0]);
/// let mut advantages = [0.0; 2];
/// advantage::generalised(&rewards, &values, 0.0, 1.0, 0.5, &mut advantages)?;
/// assert_eq!(advantages, [2.0, 1.0]); // δ is [1.5, 1]
/// # Ok::<(), mamlet_runtime::actor::LengthError>(())
/// ```
pub fn generalised(
    rewards: &[f32],
    values: &[f32],
    last: f32,
    discount: f32,
    lambda: f32,
    advantages: &mut [f32],
) -> Result<(), LengthError> {
    LengthError::check(rewards.len(), values.len())?;
    LengthError::check(rewards.len(), advantages.len())?;
    for (to, reward) in advantages.iter_mut().zip(rewards) {
        *to = *reward;
    }
    in_place(advantages, values, last, discount, lambda);
    Ok(())
}

/// [`generalised`], from rewards to advantages where they stand.
fn in_place(rewards: &mut [f32], values: &[f32], last: f32, discount: f32, lambda: f32) {
    let (mut advantage, mut next) = (0.0, last);
    for (reward, value) in rewards.iter_mut().zip(values).rev() {
        let error = *reward + discount * next - value;
        advantage = error + discount * lambda * advantage;
        (*reward, next) = (advantage, *value);
    }
}

/// `A ← (A − mean A) / (σ + 10⁻⁸)`, with the deviation `σ = √(Σ (A − mean A)² / n)`. Equal
/// advantages become zero.
pub fn standardise(advantages: &mut [f32]) {
    let count = advantages.len() as f32;
    let mean = advantages.iter().sum::<f32>() / count;
    let squares = advantages.iter().map(|a| (a - mean) * (a - mean));
    let deviation = libm::sqrtf(squares.sum::<f32>() / count);
    for advantage in advantages {
        *advantage = (*advantage - mean) / (deviation + EPSILON);
    }
}

/// From the rewards of a few episodes to standardised advantages, where the rewards stand:
/// fits the baseline to the returns of these episodes, then takes generalised advantages
/// from its values, and standardises them over all steps.
///
/// The episodes lie one behind the other: `observations` is `[steps, inputs]` with `inputs`
/// at least one, `rewards` and `values`, which is overwritten with the value of every
/// state, are `[steps]`, and `lengths` says how many steps each episode has. `memory` has
/// [`baseline::memory`]`(inputs)` numbers.
///
/// # Errors
/// [`LengthError`] where a slice has another length, or the lengths another sum.
pub fn of_episodes(
    observations: &[f32],
    rewards: &mut [f32],
    lengths: impl Iterator<Item = usize> + Clone,
    [discount, lambda]: [f32; 2],
    values: &mut [f32],
    memory: &mut [f32],
) -> Result<Values, LengthError> {
    let steps = rewards.len();
    LengthError::check(steps, values.len())?;
    LengthError::check(steps, lengths.clone().fold(0, usize::saturating_add))?;
    let inputs = observations.len().checked_div(steps).unwrap_or(0);
    LengthError::check(steps * inputs, observations.len())?;
    let mut regression = Regression::new(inputs, memory)?;
    let mut first = 0;
    for length in lengths.clone() {
        let span = first..first + length;
        first = span.end;
        let (Some(rewards), Some(values)) = (rewards.get(span.clone()), values.get_mut(span))
        else {
            continue;
        };
        returns(rewards, discount, values)?;
    }
    let observed = || rows(observations, inputs);
    for ((step, observation), value) in steps_of(lengths.clone()).zip(observed()).zip(&*values) {
        regression.add(observation, step, *value);
    }
    let used = match regression.solve() {
        Some(weights) => {
            let steps = steps_of(lengths.clone()).zip(observed());
            for ((step, observation), value) in steps.zip(&mut *values) {
                *value = baseline::value(weights, observation, step);
            }
            Values::Linear
        }
        None => mean_per_step(values, lengths.clone()),
    };
    let mut first = 0;
    for length in lengths {
        let span = first..first + length;
        first = span.end;
        let (Some(rewards), Some(values)) = (rewards.get_mut(span.clone()), values.get(span))
        else {
            continue;
        };
        in_place(rewards, values, 0.0, discount, lambda);
    }
    standardise(rewards);
    Ok(used)
}

/// The time steps of all episodes, one behind the other.
fn steps_of(lengths: impl Iterator<Item = usize>) -> impl Iterator<Item = usize> {
    lengths.flat_map(|length| 0..length)
}

/// From returns to their means over the episodes that have the time step.
fn mean_per_step(values: &mut [f32], lengths: impl Iterator<Item = usize> + Clone) -> Values {
    let starts = || {
        lengths.clone().scan(0, |first, length| {
            let start = *first;
            *first += length;
            Some((start, length))
        })
    };
    let longest = lengths.clone().max().unwrap_or(0);
    for step in 0..longest {
        let places = || {
            let running = starts().filter(|(_, length)| step < *length);
            running.map(|(start, _)| start + step)
        };
        let of = |at| values.get(at).copied().unwrap_or(0.0);
        let (sum, count) = places()
            .map(of)
            .fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
        for at in places() {
            if let Some(value) = values.get_mut(at) {
                *value = sum / count;
            }
        }
    }
    match values.iter().all(|value| value.is_finite()) {
        true => Values::MeanPerStep,
        false => {
            values.fill(0.0);
            Values::Zero
        }
    }
}
