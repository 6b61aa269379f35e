//! Nothing panics, and what is refused changes nothing.

use mamlet_formats::Loss;
use mamlet_runtime::actor::{
    ActError, Actor, ActorError, LengthError, StepError, advantage, baseline,
};
use mamlet_runtime::{LearnerError, Model, Policy};

use crate::common::{AnyModel, Net, Piece, random};
use crate::sampling::constant;
use crate::{POLICY, SIZES, gaussian, memory};
use rand::RngExt;

#[test]
fn a_model_that_is_no_policy_and_a_memory_that_is_too_small_are_refused() {
    let (file, _) = gaussian(SIZES, &[[0.1; 5]]);
    let model: AnyModel<'_> = Model::new(&file.artifact()).expect("a model");
    let needed = Actor::memory(&model, POLICY).total().len();
    let mut memory = vec![0.0; needed];
    let given = needed - 1;
    let short = Actor::new(&model, POLICY, 0, &mut memory[..given]);
    let error = LearnerError::MemoryTooSmall { needed, given };
    assert_eq!(short.err(), Some(ActorError::Learner(error)));
    assert!(Actor::new(&model, POLICY, 0, &mut memory).is_ok());
    assert!(Actor::new(&model, POLICY, 0, &mut []).is_err());
    let wrong = [
        Policy {
            discount: 1.5,
            ..POLICY
        },
        Policy {
            discount: f32::NAN,
            ..POLICY
        },
        Policy {
            lambda: -0.1,
            ..POLICY
        },
        Policy {
            horizon: 0,
            ..POLICY
        },
        Policy {
            episodes: 0,
            ..POLICY
        },
        Policy {
            horizon: u32::MAX,
            ..POLICY
        },
    ];
    for policy in wrong {
        let actor = Actor::new(&model, policy, 0, &mut memory);
        assert_eq!(actor.err(), Some(ActorError::Policy), "{policy:?}");
    }
    let huge = Policy {
        horizon: 1 << 24,
        episodes: u32::MAX,
        ..POLICY
    };
    assert!(Actor::new(&model, huge, 0, &mut memory).is_err());

    let line = Net::new(
        1,
        vec![Piece::Dense {
            outputs: 1,
            weight: (vec![1.0], true),
            bias: None,
        }],
    );
    let file = line.file();
    let model: AnyModel<'_> = Model::new(&file.artifact()).expect("a model");
    let actor = Actor::new(&model, POLICY, 0, &mut memory);
    assert_eq!(actor.err(), Some(ActorError::NotAPolicy));
}

#[test]
fn what_is_refused_leaves_the_episode_as_it_was() {
    let (file, _) = gaussian(SIZES, &[[0.1; 5]]);
    let model: AnyModel<'_> = Model::new(&file.artifact()).expect("a model");
    let run = |hostile: bool| {
        let mut memory = memory(&model, POLICY);
        let mut actor = Actor::new(&model, POLICY, 1, &mut memory).expect("an actor");
        let observation = [0.5, -0.25, 1.0];
        let wrong = |actor: &mut Actor<'_>, pending: bool| {
            let length = |given| ActError::ObservationLength { needed: 3, given };
            assert_eq!(actor.act(&[]).err(), Some(length(0)));
            assert_eq!(actor.act(&[0.0; 4]).err(), Some(length(4)));
            assert_eq!(actor.likeliest(&[0.0; 2]).err(), Some(length(2)));
            for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                assert_eq!(actor.act(&[0.0, bad, 0.0]).err(), Some(ActError::NotFinite));
                assert_eq!(actor.likeliest(&[bad; 3]).err(), Some(ActError::NotFinite));
                let expected = match pending {
                    true => ActError::NotFinite,
                    false => ActError::ActionExpected,
                };
                assert_eq!(actor.reward(bad, false), Err(expected));
            }
            match pending {
                true => {
                    assert_eq!(
                        actor.act(&observation).err(),
                        Some(ActError::RewardExpected)
                    );
                    assert_eq!(actor.step(), Err(StepError::EpisodeOpen));
                }
                false => assert_eq!(actor.reward(0.0, true), Err(ActError::ActionExpected)),
            }
        };
        if hostile {
            assert_eq!(
                actor.step(),
                Err(StepError::Episodes {
                    needed: 1,
                    given: 0
                })
            );
            assert_eq!(actor.verify(), Err(StepError::Verified));
        }
        while !actor.is_full() {
            if hostile {
                wrong(&mut actor, false);
            }
            let action = actor.act(&observation).expect("an action")[0];
            if hostile {
                wrong(&mut actor, true);
            }
            actor.reward(action, false).expect("a reward");
        }
        if hostile {
            let full = ActError::Full { episodes: 4 };
            assert_eq!(actor.act(&observation).err(), Some(full));
        }
        let _ = actor.step().expect("a step");
        actor.weights().expect("weights").to_vec()
    };
    assert_eq!(run(false), run(true));
}

/// An episode that is abandoned is as if it had not begun, but for the draws.
#[test]
fn an_abandoned_episode_is_forgotten() {
    let (file, _) = gaussian(SIZES, &[[0.1; 5]]);
    let model: AnyModel<'_> = Model::new(&file.artifact()).expect("a model");
    let mut memory = memory(&model, POLICY);
    let mut actor = Actor::new(&model, POLICY, 1, &mut memory).expect("an actor");
    actor.act(&[0.0; 3]).expect("an action");
    actor.reward(1.0, true).expect("a reward");
    actor.act(&[0.0; 3]).expect("an action");
    actor.reward(5.0, false).expect("a reward");
    actor.act(&[0.0; 3]).expect("an action");
    actor.abandon();
    assert_eq!(actor.returns().collect::<Vec<_>>(), [1.0]);
    let _ = actor.step().expect("a step");
    assert_eq!(actor.unverified(), 1);
}

#[test]
fn weights_that_overflow_give_no_action() {
    for loss in [Loss::GaussianPolicy, Loss::CategoricalPolicy] {
        // The deviation overflows; logits are NaN as inputs are large.
        let outputs = [3e38, 3e38];
        let file = constant(&outputs, loss);
        let model: AnyModel<'_> = Model::new(&file.artifact()).expect("a model");
        let mut memory = memory(&model, POLICY);
        let mut actor = Actor::new(&model, POLICY, 0, &mut memory).expect("an actor");
        match loss {
            Loss::GaussianPolicy => assert_eq!(actor.act(&[0.0]), Err(ActError::Policy)),
            _ => assert!(actor.act(&[0.0]).is_ok()),
        }
    }
}

#[test]
fn slices_of_other_lengths_are_refused() {
    let error = |needed, given| Err(LengthError { needed, given });
    assert_eq!(advantage::returns(&[1.0], 0.9, &mut []), error(1, 0));
    let (a, b) = ([0.0; 2], [0.0; 3]);
    let mut to = [0.0; 2];
    assert_eq!(
        advantage::generalised(&a, &b, 0.0, 0.9, 0.9, &mut to),
        error(2, 3)
    );
    assert_eq!(
        advantage::generalised(&b, &b, 0.0, 0.9, 0.9, &mut to),
        error(3, 2)
    );
    assert_eq!(baseline::write_features(&a, 0, &mut to), error(8, 2));
    advantage::standardise(&mut []);
    let mut generator = random(9);
    for _ in 0..2000 {
        let mut numbers = |most: usize| vec![1.0; generator.random_range(0..most)];
        let (observations, mut rewards) = (numbers(20), numbers(8));
        let (mut values, mut memory) = (numbers(8), numbers(200));
        let lengths = numbers(4);
        let lengths = lengths.iter().map(|_| usize::MAX / 2 + 2);
        let _ = advantage::of_episodes(
            &observations,
            &mut rewards,
            lengths.chain([2]),
            [1.0, 1.0],
            &mut values,
            &mut memory,
        );
        let count = rewards.len();
        let _ = advantage::of_episodes(
            &observations,
            &mut rewards,
            [count].into_iter(),
            [1.0, 1.0],
            &mut values,
            &mut memory,
        );
    }
}

/// Calls in any order, with numbers of any kind.
#[test]
fn no_order_of_calls_panics() {
    let (file, _) = gaussian(SIZES, &[[0.1; 5]]);
    let model: AnyModel<'_> = Model::new(&file.artifact()).expect("a model");
    let policy = Policy {
        horizon: 3,
        episodes: 3,
        ..POLICY
    };
    let mut memory = memory(&model, policy);
    let mut actor = Actor::new(&model, policy, 1, &mut memory).expect("an actor");
    let mut generator = random(4);
    let mut taken = 0;
    let numbers = [0.0, 1.0, -3.0, 1e30, -3e38, f32::NAN, f32::INFINITY];
    for _ in 0..20_000 {
        let number = numbers[generator.random_range(0..numbers.len())];
        match generator.random_range(0..24) {
            0..9 => drop(actor.act(&[0.1, number, 0.2]).map(<[f32]>::len)),
            9..18 => drop(actor.reward(number, number == 1.0)),
            18 => taken += usize::from(actor.step().is_ok()),
            19 => drop(actor.verify()),
            20 => drop(actor.likeliest(&[number; 3]).map(<[f32]>::len)),
            21 => actor.abandon(),
            22 => actor.go_back(),
            _ if generator.random_range(0..20) == 0 => actor.reset(),
            _ => {}
        }
        let finite = |weights: &[f32]| weights.iter().all(|w| w.is_finite());
        assert!(actor.weights().is_none_or(finite));
    }
    assert!(taken > 50, "{taken}");
}
