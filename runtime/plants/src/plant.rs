//! What all plants have.

use core::fmt;

use rand_core::Rng;

/// A unit of a plant, in the state it is in.
///
/// An episode begins with [`reset`](Self::reset). It ends where a step says
/// [`terminated`](Step::terminated), and after [`HORIZON`](Self::HORIZON) steps, which a
/// plant does not count: an episode that is cut off there is truncated, not terminated.
pub trait Plant: Sized {
    /// What people call the plant.
    const NAME: &'static str;
    /// Numbers of an observation.
    const OBSERVATIONS: usize;
    /// Numbers of an action.
    const ACTIONS: usize;
    /// Steps of an episode, at most.
    const HORIZON: usize;
    /// Numbers that tell a unit from the others: see [`parameters`](Self::parameters).
    const PARAMETERS: usize;
    /// Their names, one for each.
    const PARAMETER_NAMES: &'static [&'static str];

    /// Draws a unit. It stands still until the first [`reset`](Self::reset).
    fn draw(generator: &mut impl Rng) -> Self;

    /// Begins an episode of the same unit.
    fn reset(&mut self, generator: &mut impl Rng);

    /// Writes what a sensor shows.
    ///
    /// # Errors
    /// [`PlantError::Length`] where there is no room for exactly
    /// [`OBSERVATIONS`](Self::OBSERVATIONS) numbers.
    fn observe(&self, observation: &mut [f32]) -> Result<(), PlantError>;

    /// Acts for one period.
    ///
    /// # Errors
    /// [`PlantError`] where the action has not [`ACTIONS`](Self::ACTIONS) numbers, or one
    /// that is NaN or infinite; the plant is as before then.
    fn step(&mut self, action: &[f32]) -> Result<Step, PlantError>;

    /// Writes what no sensor shows: the parameters of the unit, each within −1 to 1. A
    /// policy that is told them is an oracle to compare with.
    ///
    /// # Errors
    /// [`PlantError::Length`] where there is no room for exactly
    /// [`PARAMETERS`](Self::PARAMETERS) numbers.
    fn parameters(&self, parameters: &mut [f32]) -> Result<(), PlantError>;

    /// The unit of such parameters, at rest at its target. Of those of a unit it is the same
    /// unit but for rounding.
    ///
    /// # Errors
    /// As for the action of [`step`](Self::step).
    fn of_parameters(parameters: &[f32]) -> Result<Self, PlantError>;
}

/// What came of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// How good it was.
    pub reward: f32,
    /// Whether the plant ended the episode by itself.
    pub terminated: bool,
}

/// Why a plant did nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlantError {
    /// A slice has another length.
    Length {
        /// Numbers it should have.
        needed: usize,
        /// Numbers it has.
        given: usize,
    },
    /// An action is NaN or infinite.
    NotFinite,
}

impl fmt::Display for PlantError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { needed, given } => {
                write!(f, "the plant has {needed} numbers, {given} were given")
            }
            Self::NotFinite => write!(f, "an action is NaN or infinite"),
        }
    }
}

impl core::error::Error for PlantError {}

/// Writes `values` where there is room for exactly so many.
pub(crate) fn write<const N: usize>(to: &mut [f32], values: [f32; N]) -> Result<(), PlantError> {
    let given = to.len();
    let to: &mut [f32; N] = to
        .try_into()
        .map_err(|_| PlantError::Length { needed: N, given })?;
    *to = values;
    Ok(())
}

/// The numbers of an action, if all are finite.
pub(crate) fn read<const N: usize>(action: &[f32]) -> Result<[f32; N], PlantError> {
    let given = action.len();
    let action: [f32; N] = action
        .try_into()
        .map_err(|_| PlantError::Length { needed: N, given })?;
    match action.iter().all(|value| value.is_finite()) {
        true => Ok(action),
        false => Err(PlantError::NotFinite),
    }
}

/// A number of `low` to `high`, evenly distributed in steps of 2⁻²⁴ of the range.
pub(crate) fn uniform(generator: &mut impl Rng, low: f32, high: f32) -> f32 {
    let share = (generator.next_u32() >> 8) as f32 / (1 << 24) as f32;
    low + (high - low) * share
}
