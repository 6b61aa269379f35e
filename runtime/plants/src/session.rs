//! An actor learns to control a unit that nobody has seen: the same on a board and in the
//! simulator, to the last bit.

use core::fmt;

use mamlet_runtime::Actor;
use mamlet_runtime::actor::{ActError, StepError, StepOutcome, StepReport, Summary, Verdict};
use rand_pcg::Pcg32;

use crate::plant::{Plant, PlantError};

/// Episodes that tell how good the likeliest actions are.
pub const EVALUATIONS: usize = 10;
/// The most numbers of an observation.
pub const WIDEST: usize = 16;

/// What the generators of a unit are for: numbers of their streams.
const UNIT: u64 = 1;
const EPISODES: u64 = 2;
const EVALUATION: u64 = 3;

/// What a policy does that has taken so many steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stage {
    /// How many steps made the weights in use.
    pub steps: usize,
    /// The episodes with drawn actions, from which the next step learns.
    pub acting: Summary,
    /// The mean return of [`EVALUATIONS`] episodes with the likeliest actions, which the
    /// actor does not learn from. They begin alike at every stage.
    pub likeliest: f32,
}

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ending {
    /// Whether the steps were kept; `None` where a step was not finite, or none was asked
    /// for. The weights are then those of the beginning.
    pub verdict: Option<Verdict>,
    /// As in [`Stage`], with the weights that are in use now.
    pub likeliest: f32,
}

/// A plant, and the generators of its episodes.
#[derive(Clone, Debug)]
pub struct Session<P> {
    /// The unit.
    pub plant: P,
    episodes: Pcg32,
    seed: u64,
    observation: [f32; WIDEST],
}

impl<P: Plant> Session<P> {
    /// Draws the unit of a seed.
    ///
    /// # Errors
    /// [`SessionError::Sizes`] where an observation has more than [`WIDEST`] numbers.
    pub fn new(seed: u64) -> Result<Self, SessionError> {
        match P::OBSERVATIONS <= WIDEST {
            true => Ok(Session {
                plant: P::draw(&mut Pcg32::new(seed, UNIT)),
                episodes: Pcg32::new(seed, EPISODES),
                seed,
                observation: [0.0; WIDEST],
            }),
            false => Err(SessionError::Sizes),
        }
    }

    /// Takes `steps` steps, each from episodes of its own, verifies them by episodes
    /// behind the last, and calls `told` at every stage, the first of them before any step.
    ///
    /// # Errors
    /// [`SessionError`] where the actor is not one of this plant, or refuses.
    pub fn run(
        &mut self,
        actor: &mut Actor<'_>,
        steps: usize,
        mut told: impl FnMut(&Stage),
    ) -> Result<Ending, SessionError> {
        let learnt = self.learn(actor, steps, &mut told);
        let verdict = match learnt {
            Ok(verdict) => verdict,
            // A step went so far that the policy gives no actions.
            Err(SessionError::Act(ActError::Policy)) => {
                actor.go_back();
                None
            }
            Err(error) => return Err(error),
        };
        let likeliest = self.evaluate(actor)?;
        Ok(Ending { verdict, likeliest })
    }

    fn learn(
        &mut self,
        actor: &mut Actor<'_>,
        steps: usize,
        told: &mut impl FnMut(&Stage),
    ) -> Result<Option<Verdict>, SessionError> {
        for step in 0..=steps {
            if step > 0 && self.step(actor)?.outcome == StepOutcome::WentBack {
                return Ok(None);
            }
            self.act(actor)?;
            told(&Stage {
                steps: actor.steps(),
                acting: Summary::of(actor.returns()),
                likeliest: self.evaluate(actor)?,
            });
        }
        match steps {
            0 => Ok(None),
            _ => Ok(Some(actor.verify()?)),
        }
    }

    /// Takes a step from the episodes that are there.
    ///
    /// # Errors
    /// [`SessionError::Step`]
    pub fn step(&mut self, actor: &mut Actor<'_>) -> Result<StepReport, SessionError> {
        Ok(actor.step()?)
    }

    /// Acts until all episodes are there.
    ///
    /// # Errors
    /// [`SessionError`] where the actor is not one of this plant, or refuses.
    pub fn act(&mut self, actor: &mut Actor<'_>) -> Result<(), SessionError> {
        while !actor.is_full() {
            self.plant.reset(&mut self.episodes);
            loop {
                let observation = self.observation.get_mut(..P::OBSERVATIONS);
                let observation = observation.ok_or(SessionError::Sizes)?;
                self.plant.observe(observation)?;
                let step = self.plant.step(actor.act(observation)?)?;
                if actor.reward(step.reward, step.terminated)? {
                    break;
                }
            }
        }
        Ok(())
    }

    /// The mean return of [`EVALUATIONS`] episodes with the likeliest actions, always of
    /// the same beginnings.
    ///
    /// # Errors
    /// [`SessionError`] where the actor is not one of this plant, or refuses.
    pub fn evaluate(&mut self, actor: &mut Actor<'_>) -> Result<f32, SessionError> {
        let mut generator = Pcg32::new(self.seed, EVALUATION);
        let mut sum = 0.0;
        for _ in 0..EVALUATIONS {
            self.plant.reset(&mut generator);
            for _ in 0..P::HORIZON {
                let observation = self.observation.get_mut(..P::OBSERVATIONS);
                let observation = observation.ok_or(SessionError::Sizes)?;
                self.plant.observe(observation)?;
                let step = self.plant.step(actor.likeliest(observation)?)?;
                sum += step.reward;
                if step.terminated {
                    break;
                }
            }
        }
        Ok(sum / EVALUATIONS as f32)
    }
}

/// Why a session broke off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionError {
    /// An observation of the plant has more than [`WIDEST`] numbers.
    Sizes,
    /// The plant refused an action, or has other sizes than the policy.
    Plant(PlantError),
    /// The actor refused an observation or a reward.
    Act(ActError),
    /// The actor refused a step.
    Step(StepError),
}

impl From<PlantError> for SessionError {
    fn from(error: PlantError) -> Self {
        SessionError::Plant(error)
    }
}

impl From<ActError> for SessionError {
    fn from(error: ActError) -> Self {
        SessionError::Act(error)
    }
}

impl From<StepError> for SessionError {
    fn from(error: StepError) -> Self {
        SessionError::Step(error)
    }
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sizes => write!(f, "an observation has more than {WIDEST} numbers"),
            Self::Plant(error) => error.fmt(f),
            Self::Act(error) => error.fmt(f),
            Self::Step(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for SessionError {}
