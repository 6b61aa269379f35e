//! Ends of rollouts, as far as what came of them goes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mamlet_trainer::environments::{Actions, Environment, Environments, Step};
use mamlet_trainer::meta::to_device;
use mamlet_trainer::random::Stream;
use mamlet_trainer::rollouts::{Actors, Address, End, Experience, Weighing, advantages};
use rand_chacha::ChaCha8Rng;

use crate::{B, config};

/// How rollouts of three steps end.
#[derive(Clone, Copy, PartialEq)]
enum Ends {
    Terminated,
    Truncated,
    Never,
}

/// Counts its steps, each of which is paid 1.
struct Counting {
    ends: Ends,
    taken: Arc<AtomicUsize>,
    at: usize,
}

const HORIZON: usize = 7;

impl Environments for Counting {
    fn observation(&self) -> usize {
        2
    }

    fn actions(&self) -> Actions {
        Actions::Continuous(2)
    }

    fn horizon(&self) -> usize {
        HORIZON
    }

    fn task_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn draw_task(&self, _: &mut ChaCha8Rng) -> Vec<f32> {
        Vec::new()
    }

    fn create(&self) -> Box<dyn Environment> {
        Box::new(Self {
            taken: self.taken.clone(),
            ..*self
        })
    }
}

impl Environment for Counting {
    fn reset(&mut self, _: &[f32], _: &mut ChaCha8Rng, observation: &mut Vec<f32>) {
        self.at = 0;
        observation.extend([0.0, 1.0]);
    }

    fn step(&mut self, _: &[f32], observation: &mut Vec<f32>) -> Step {
        self.taken.fetch_add(1, Ordering::Relaxed);
        self.at += 1;
        observation.extend([self.at as f32, 1.0]);
        let last = self.at == 3;
        Step {
            terminated: last && self.ends == Ends::Terminated,
            truncated: last && self.ends == Ends::Truncated,
            ..Step::of(1.0)
        }
    }
}

const ROLLOUTS: usize = 50;

/// What came of it, and how many steps environments were asked for.
fn acted(ends: Ends) -> (Experience, usize) {
    let taken = Arc::<AtomicUsize>::default();
    let environments = Counting {
        ends,
        taken: taken.clone(),
        at: 0,
    };
    let network = config(&[]).network().unwrap();
    let zeros: Vec<Vec<f32>> = (network.tensors().iter())
        .map(|info| vec![0.0; info.len()])
        .collect();
    let params = to_device::<B>(&network, &zeros, &Default::default());
    let actors = Actors {
        network: &network,
        environments: &environments,
    };
    let address = Address {
        seed: 1,
        stream: Stream::Train,
        batch: 0,
    };
    let experience = actors
        .act(&params, (0, &[]), (address, 0), ROLLOUTS)
        .unwrap();
    (experience, taken.load(Ordering::Relaxed))
}

#[test]
fn a_rollout_that_never_ends_ends_at_the_horizon() {
    let (experience, taken) = acted(Ends::Never);
    assert_eq!(experience.lengths, [HORIZON; ROLLOUTS]);
    assert_eq!(experience.ends, vec![End::Horizon; ROLLOUTS]);
    assert_eq!(taken, ROLLOUTS * HORIZON);
    assert_eq!(experience.mean_return(), HORIZON as f64);
}

/// What would have come after a rollout that was cut off is worth what the baseline says of
/// its last observation; after the end of a task nothing comes.
#[test]
fn terminated_and_truncated_rollouts_are_weighed_differently() {
    let (terminated, taken) = acted(Ends::Terminated);
    let (truncated, _) = acted(Ends::Truncated);
    assert_eq!(taken, 3 * ROLLOUTS);
    assert_eq!(terminated.ends, vec![End::Terminated; ROLLOUTS]);
    assert_eq!(
        truncated.ends,
        vec![End::Truncated(vec![3.0, 1.0]); ROLLOUTS]
    );
    let (discount, lambda) = (0.5, 0.8);
    let weighing = Weighing {
        discount,
        lambda,
        standardise: false,
    };
    let [ended, cut] =
        [&terminated, &truncated].map(|own| advantages(own, &weighing).swap_remove(0));
    // Returns of 1.75, 1.5 and 1 lie on a parabola of the observation, which is 0.25 at 3.
    let last = cut[2] - ended[2];
    assert!((last - discount * 0.25).abs() < 0.01, "{last}");
    for (step, factor) in [(1, discount * lambda), (0, (discount * lambda).powi(2))] {
        let difference = cut[step] - ended[step];
        assert!(
            (difference - factor * last).abs() < 1e-9,
            "{step}: {difference}"
        );
    }
}
