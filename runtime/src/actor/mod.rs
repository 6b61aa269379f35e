//! A policy that acts, keeps what it did for a few episodes, learns from that by a
//! policy-gradient step, and checks by further episodes whether the step helped.
//!
//! [`Actor::act`] draws an action for an observation, [`Actor::reward`] takes what came of
//! it. Once [all episodes are there](Actor::is_full), [`Actor::step`] takes a step from
//! them, and [`Actor::verify`] keeps what was learnt or goes back. `docs/actor.md` beside
//! this crate has the smallest complete example, the equations and the memory.
//!
//! | module | owns |
//! |---|---|
//! | [`advantage`] | how good actions were: shared with the trainer |
//! | [`baseline`] | the value of a state: a linear regression on features |
//! | `sample` | actions from the outputs of a policy |
//! | `update` | the step |
//! | `verify` | the rule by which steps are kept |

pub mod advantage;
pub mod baseline;
mod errors;
mod sample;
mod update;
mod verify;

use mamlet_formats::{Loss, Policy};
use rand_pcg::Pcg32;

pub use advantage::Values;
pub use errors::{ActError, ActorError, LengthError, StepError};
pub use update::{StepOutcome, StepReport};
pub use verify::{Summary, Verdict, verdict};

use crate::fault::{Checked, Internal};
use crate::kernels::{all_finite, copy, rows, rows_mut};
use crate::learner::{Learner, LearnerError, RestoreError, SaveError};
use crate::memory::{Memory, Numbers, Rollback, Setup};
use crate::model::Model;

/// The longest episode: lengths are kept as f32, which is exact up to here.
const LONGEST: u32 = 1 << 24;
/// Numbers kept of an episode: its length and its return.
const OF_EPISODE: usize = 2;
/// The stream of the generator, of the many that there are.
const STREAM: u64 = 0x6d61_6d6c;

/// A policy that acts, keeps what it did, learns from it, and checks what it learnt. See
/// [the module](self).
#[derive(Debug)]
pub struct Actor<'m> {
    learner: Learner<'m>,
    policy: Policy,
    loss: Loss,
    max_steps: usize,
    /// Numbers of an observation, and of what stands for it where the layers begin that
    /// adapt.
    inputs: usize,
    features_width: usize,
    /// Numbers of an action and its weight.
    targets_width: usize,
    generator: Pcg32,
    /// `[steps, inputs]`
    observations: &'m mut [f32],
    /// `[steps, features]`; empty where these are the observations.
    features: &'m mut [f32],
    /// `[steps, action and weight]`
    targets: &'m mut [f32],
    /// `[steps]`
    rewards: &'m mut [f32],
    /// `[steps]`
    values: &'m mut [f32],
    /// `[episodes, length and return]`
    episodes: &'m mut [f32],
    /// The likeliest action.
    action: &'m mut [f32],
    /// Steps that have their reward.
    taken: usize,
    /// How many of them belong to episodes that are over.
    closed: usize,
    /// Episodes that are over.
    ended: usize,
    /// Whether an action waits for its reward.
    pending: bool,
    /// Steps of the weights in use that have not been verified.
    unverified: usize,
    /// Returns of the weights before them.
    reference: Option<Summary>,
    /// Whether the velocity of steps begins anew.
    restart: bool,
}

impl<'m> Actor<'m> {
    /// The memory that an actor needs. Exact. `support` is what it keeps of episodes;
    /// weights are there three times: in use, last kept, and while a step makes new ones.
    pub fn memory<const LAYERS: usize>(model: &Model<'_, LAYERS>, policy: Policy) -> Memory {
        let info = &model.info;
        let mut memory = model.memory_for(setup());
        let sizes = Sizes::of(model, policy);
        let support = sizes.all().into_iter().fold(0, usize::saturating_add);
        memory.support = Numbers::new(support);
        let baseline = Numbers::new(baseline::memory(info.inputs));
        memory.workspace = memory.workspace.max(baseline);
        memory
    }

    /// Divides `memory` among weights, episodes and workspace. Its length must be at least
    /// [`memory`](Self::memory)`(model, policy).total().len()`. `policy` is the artifact's,
    /// [`Artifact::policy`](crate::Artifact::policy), or one of the caller's own. Actions are a function of `seed`,
    /// which a board takes from what differs from one start to the next.
    ///
    /// # Errors
    /// [`ActorError`] where the model is no policy, `policy` cannot be rolled out, or
    /// `memory` is too small, with the length needed.
    pub fn new<const LAYERS: usize>(
        model: &'m Model<'m, LAYERS>,
        policy: Policy,
        seed: u64,
        memory: &'m mut [f32],
    ) -> Result<Self, ActorError> {
        let info = &model.info;
        if !matches!(info.loss, Loss::GaussianPolicy | Loss::CategoricalPolicy) {
            return Err(ActorError::NotAPolicy);
        }
        if !can_be_rolled_out(policy) {
            return Err(ActorError::Policy);
        }
        if model.mixes_examples() {
            return Err(LearnerError::BatchNorm.into());
        }
        let needed = Self::memory(model, policy);
        let error = LearnerError::MemoryTooSmall {
            needed: needed.total().len(),
            given: memory.len(),
        };
        let parts = memory.split_at_mut_checked(needed.support.len());
        let (mut rest, of_learner) = parts.ok_or(error)?;
        let mut take = |numbers: usize| {
            let parts = core::mem::take(&mut rest).split_at_mut_checked(numbers);
            let (part, tail) = parts.ok_or(error)?;
            rest = tail;
            Ok::<_, LearnerError>(part)
        };
        let sizes = Sizes::of(model, policy);
        let (observations, features) = (take(sizes.observations)?, take(sizes.features)?);
        let (targets, rewards) = (take(sizes.targets)?, take(sizes.steps)?);
        let (values, episodes) = (take(sizes.steps)?, take(sizes.episodes)?);
        let action = take(sizes.action)?;
        let of_weights = Memory {
            support: Numbers::ZERO,
            ..needed
        };
        // The length there is would be that behind the episodes.
        let learner = Learner::divide(model, setup(), of_weights, of_learner).map_err(|_| error)?;
        Ok(Actor {
            learner,
            policy,
            loss: info.loss,
            max_steps: info.max_steps,
            inputs: info.inputs,
            features_width: info.features,
            targets_width: info.targets(),
            generator: Pcg32::new(seed, STREAM),
            observations,
            features,
            targets,
            rewards,
            values,
            episodes,
            action,
            taken: 0,
            closed: 0,
            ended: 0,
            pending: false,
            unverified: 0,
            reference: None,
            restart: true,
        })
    }

    /// Draws an action for an observation, and keeps both. A choice is a whole number. The
    /// first action of an episode begins it.
    ///
    /// # Errors
    /// [`ActError`]; nothing is kept then, and the episode is as it was.
    pub fn act(&mut self, observation: &[f32]) -> Result<&[f32], ActError> {
        self.check(observation)?;
        if self.pending {
            return Err(ActError::RewardExpected);
        }
        if self.is_full() {
            let episodes = self.ended;
            return Err(ActError::Full { episodes });
        }
        let row = rows_mut(self.observations, self.inputs).nth(self.taken);
        let row = row.ok_or(ActError::Internal)?;
        copy(row, observation)?;
        let features = match self.features.is_empty() {
            true => row,
            false => {
                let features = rows_mut(self.features, self.features_width).nth(self.taken);
                let features = features.ok_or(ActError::Internal)?;
                self.learner.features(row, features)?;
                features
            }
        };
        let outputs = self.learner.output(features)?;
        let target = rows_mut(self.targets, self.targets_width).nth(self.taken);
        let (_, action) = target
            .and_then(<[f32]>::split_last_mut)
            .ok_or(ActError::Internal)?;
        if !sample::sample(self.loss, outputs, &mut self.generator, action) {
            return Err(ActError::Policy);
        }
        self.pending = true;
        Ok(action)
    }

    /// Takes the reward of the last action. `terminated` ends the episode, which its
    /// horizon does too. Returns whether the episode is over.
    ///
    /// # Errors
    /// [`ActError`] where no action waits for it, or it is NaN or infinite: the action
    /// still waits then.
    pub fn reward(&mut self, reward: f32, terminated: bool) -> Result<bool, ActError> {
        if !self.pending {
            return Err(ActError::ActionExpected);
        }
        if !reward.is_finite() {
            return Err(ActError::NotFinite);
        }
        let place = self.rewards.get_mut(self.taken);
        *place.ok_or(ActError::Internal)? = reward;
        self.pending = false;
        self.taken += 1;
        let length = self.taken - self.closed;
        if !terminated && length < self.policy.horizon as usize {
            return Ok(false);
        }
        let rewards = self.rewards.get(self.closed..self.taken);
        let sum = rewards.ok_or(ActError::Internal)?.iter().sum();
        let episode = rows_mut(self.episodes, OF_EPISODE).nth(self.ended);
        copy(episode.ok_or(ActError::Internal)?, &[length as f32, sum])?;
        (self.closed, self.ended) = (self.taken, self.ended + 1);
        Ok(true)
    }

    /// The likeliest action for an observation: the mean of a Gaussian policy, the choice
    /// with the largest logit. Nothing is drawn or kept. For use once it has learnt.
    ///
    /// # Errors
    /// [`ActError`] where the observation has the wrong length or is not finite, or an
    /// output is not.
    pub fn likeliest(&mut self, observation: &[f32]) -> Result<&[f32], ActError> {
        self.check(observation)?;
        let outputs = self.learner.predict(observation);
        let outputs = outputs.map_err(|_| ActError::Internal)?;
        match sample::likeliest(self.loss, outputs, self.action) {
            true => Ok(self.action),
            false => Err(ActError::Policy),
        }
    }

    fn check(&self, observation: &[f32]) -> Result<(), ActError> {
        let (needed, given) = (self.inputs, observation.len());
        if needed != given {
            return Err(ActError::ObservationLength { needed, given });
        }
        match all_finite(observation) {
            true => Ok(()),
            false => Err(ActError::NotFinite),
        }
    }

    /// Whether all episodes are there that a step takes.
    pub fn is_full(&self) -> bool {
        self.ended >= self.policy.episodes as usize
    }

    /// Episodes that are over.
    pub fn episodes(&self) -> usize {
        self.ended
    }

    /// The sum of rewards of every episode that is over, the first one first.
    pub fn returns(&self) -> impl Iterator<Item = f32> + Clone {
        let episodes = rows(self.episodes, OF_EPISODE).take(self.ended);
        episodes.map(|episode| episode.last().copied().unwrap_or(0.0))
    }

    /// How many steps made the weights in use.
    pub fn steps(&self) -> usize {
        self.learner.steps_taken()
    }

    /// How many of them have not been verified.
    pub fn unverified(&self) -> usize {
        self.unverified
    }

    /// The weights in use, adapting tensors one behind the other; `None` while the
    /// initialisation is in use.
    pub fn weights(&self) -> Option<&[f32]> {
        self.learner.weights()
    }

    /// Forgets what is there of an episode that is not over: the plant had to be stopped.
    pub fn abandon(&mut self) {
        (self.taken, self.pending) = (self.closed, false);
    }

    /// Forgets all episodes.
    pub fn clear(&mut self) {
        (self.taken, self.closed, self.ended) = (0, 0, 0);
        self.pending = false;
    }

    /// Goes back to the initialisation and forgets everything.
    pub fn reset(&mut self) {
        self.learner.reset();
        self.forget_steps();
        self.reference = None;
    }

    /// What follows where the weights in use are others than those of the episodes.
    fn forget_steps(&mut self) {
        self.clear();
        self.unverified = 0;
        self.restart = true;
    }

    /// Bytes of a checkpoint.
    pub fn checkpoint_size(&self) -> usize {
        self.learner.checkpoint_size()
    }

    /// Writes the weights in use as a checkpoint, and returns how many bytes it has. Its
    /// losses are returns with the sign turned, before the last verified steps and behind
    /// them.
    ///
    /// # Errors
    /// As [`Learner::save`].
    pub fn save(&self, out: &mut [u8]) -> Result<usize, SaveError> {
        self.learner.save(out)
    }

    /// Takes the weights of a checkpoint into use, as kept ones, and forgets the episodes.
    ///
    /// # Errors
    /// As [`Learner::restore`]; nothing has changed then.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), RestoreError> {
        self.learner.restore(bytes)?;
        self.forget_steps();
        self.reference = None;
        Ok(())
    }
}

/// Whether a discount and a λ are within 0 to 1, and there is something to learn from.
fn can_be_rolled_out(policy: Policy) -> bool {
    let share = |x: f32| (0.0..=1.0).contains(&x);
    share(policy.discount)
        && share(policy.lambda)
        && (1..=LONGEST).contains(&policy.horizon)
        && policy.episodes > 0
}

/// How the learner is set up: one step of an episode after the other, none of them its own.
const fn setup() -> Setup {
    Setup::new(1)
        .one_by_one()
        .lent()
        .rollback(Rollback::ToCommitted)
}

/// How many numbers there are of what an actor keeps.
struct Sizes {
    steps: usize,
    observations: usize,
    features: usize,
    targets: usize,
    episodes: usize,
    action: usize,
}

impl Sizes {
    fn of<const LAYERS: usize>(model: &Model<'_, LAYERS>, policy: Policy) -> Self {
        let info = &model.info;
        let [horizon, episodes] = [policy.horizon, policy.episodes].map(|count| count as usize);
        let steps = horizon.saturating_mul(episodes);
        let of_steps = |width: usize| steps.saturating_mul(width);
        Sizes {
            steps,
            observations: of_steps(info.inputs),
            features: match info.start == 0 && info.normalisation.is_none() {
                true => 0,
                false => of_steps(info.features),
            },
            targets: of_steps(info.targets()),
            episodes: episodes.saturating_mul(OF_EPISODE),
            action: info.targets().saturating_sub(1),
        }
    }

    /// Rewards and values are one number for every step.
    fn all(&self) -> [usize; 7] {
        let Sizes { steps, .. } = *self;
        let [observations, features] = [self.observations, self.features];
        let [targets, episodes] = [self.targets, self.episodes];
        [
            observations,
            features,
            targets,
            steps,
            steps,
            episodes,
            self.action,
        ]
    }
}

/// Compiles and runs the example of the page.
#[cfg(doctest)]
#[doc = include_str!("../../docs/actor.md")]
struct Page;

/// The first `count` rows of so many numbers.
fn first(numbers: &[f32], count: usize, width: usize) -> Checked<&[f32]> {
    let end = count.checked_mul(width).ok_or(Internal)?;
    numbers.get(..end).ok_or(Internal)
}
