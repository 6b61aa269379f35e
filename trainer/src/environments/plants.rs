//! Plants that devices control, as environments: the code is that of the device.

use std::marker::PhantomData;

use mamlet_plants::Plant;
use rand_chacha::ChaCha8Rng;

use super::{Actions, Environment, Environments, Step};

/// A plant whose units differ.
pub(super) struct Units<P> {
    horizon: usize,
    plant: PhantomData<fn() -> P>,
}

impl<P: Plant> Units<P> {
    /// Rollouts of at most `horizon` steps.
    pub fn new(horizon: usize) -> Self {
        Self {
            horizon,
            plant: PhantomData,
        }
    }

    /// What can be done.
    pub const ACTIONS: Actions = Actions::Continuous(P::ACTIONS);
}

impl<P: Plant + Send + 'static> Environments for Units<P> {
    fn observation(&self) -> usize {
        P::OBSERVATIONS
    }

    fn actions(&self) -> Actions {
        Self::ACTIONS
    }

    fn horizon(&self) -> usize {
        self.horizon
    }

    fn task_names(&self) -> Vec<String> {
        let names = P::PARAMETER_NAMES.iter();
        names.map(|&name| name.to_owned()).collect()
    }

    fn draw_task(&self, rng: &mut ChaCha8Rng) -> Vec<f32> {
        let mut parameters = vec![0.0; P::PARAMETERS];
        // There is room for as many as a plant says.
        let told = P::draw(rng).parameters(&mut parameters);
        debug_assert!(told.is_ok());
        parameters
    }

    fn create(&self) -> Box<dyn Environment> {
        Box::new(OneUnit::<P>(None))
    }
}

/// A unit, once it has been reset.
struct OneUnit<P>(Option<P>);

impl<P: Plant> OneUnit<P> {
    /// What is observed; nothing, which is a fault, where there is no unit.
    fn observe(&self, observation: &mut Vec<f32>) {
        observation.resize(P::OBSERVATIONS, 0.0);
        let told = self.0.as_ref().map(|unit| unit.observe(observation));
        if !matches!(told, Some(Ok(()))) {
            observation.clear();
        }
    }
}

impl<P: Plant + Send> Environment for OneUnit<P> {
    fn reset(&mut self, task: &[f32], rng: &mut ChaCha8Rng, observation: &mut Vec<f32>) {
        self.0 = P::of_parameters(task).ok();
        if let Some(unit) = &mut self.0 {
            unit.reset(rng);
        }
        self.observe(observation);
    }

    /// An action that is not finite has a reward that is not a number.
    fn step(&mut self, action: &[f32], observation: &mut Vec<f32>) -> Step {
        let step = self.0.as_mut().and_then(|unit| unit.step(action).ok());
        self.observe(observation);
        match step {
            Some(step) => Step {
                terminated: step.terminated,
                ..Step::of(step.reward)
            },
            None => Step::of(f32::NAN),
        }
    }
}

#[cfg(test)]
mod tests {
    use mamlet_plants::Servo;
    use rand::SeedableRng;

    use super::*;

    /// A task tells its unit: what happens is what happens to the unit that was drawn.
    #[test]
    fn an_environment_is_the_plant_of_its_task() {
        let family = Units::<Servo>::new(40);
        let task = family.draw_task(&mut ChaCha8Rng::seed_from_u64(5));
        let mut drawn = Servo::draw(&mut ChaCha8Rng::seed_from_u64(5));
        let mut environment = family.create();
        let mut seen = Vec::new();
        environment.reset(&task, &mut ChaCha8Rng::seed_from_u64(6), &mut seen);
        drawn.reset(&mut ChaCha8Rng::seed_from_u64(6));
        for time in 0..40 {
            let action = [(0.3 * time as f32).sin()];
            seen.clear();
            let step = environment.step(&action, &mut seen);
            let expected = drawn.step(&action).unwrap();
            assert!((step.reward - expected.reward).abs() < 1e-4, "{time}");
            assert_eq!((step.terminated, seen.len()), (false, Servo::OBSERVATIONS));
        }
        assert!(environment.step(&[f32::NAN], &mut seen).reward.is_nan());
    }
}
