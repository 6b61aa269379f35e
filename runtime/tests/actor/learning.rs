//! What helps is kept, what does not is taken back, and choices are learnt.

use mamlet_formats::{Loss, Reduction};
use mamlet_runtime::actor::{Actor, StepError, StepOutcome};
use mamlet_runtime::{Model, Policy};

use crate::common::{AnyModel, random};
use crate::sampling::{constant, constant_net};
use crate::{POLICY, SIZES, gaussian, memory, roll_out};
use rand::RngExt;

/// Fills the episodes with rewards of about so much.
fn fill(actor: &mut Actor<'_>, inputs: usize, mean: f32, seed: u64) {
    let mut generator = random(seed);
    while !actor.is_full() {
        let observation = vec![generator.random_range(-1.0..1.0); inputs];
        actor.act(&observation).expect("an action");
        let reward = mean + generator.random_range(-0.1..0.1);
        actor.reward(reward, false).expect("a reward");
    }
}

#[test]
fn a_step_that_helps_is_kept_and_one_that_does_not_is_taken_back() {
    let (file, _) = gaussian(SIZES, &[[0.1; 5]]);
    let model: AnyModel<'_> = Model::new(&file.artifact()).expect("a model");
    let mut memory = memory(&model, POLICY);
    let mut actor = Actor::new(&model, POLICY, 1, &mut memory).expect("an actor");
    fill(&mut actor, 3, -1.0, 1);
    let step = actor.step().expect("a step");
    assert_eq!(
        (step.outcome, step.episodes.episodes),
        (StepOutcome::Taken, 4)
    );
    assert!((step.episodes.mean + 12.0).abs() < 1.0);
    assert_eq!(
        actor.verify(),
        Err(StepError::Episodes {
            needed: 2,
            given: 0
        })
    );
    fill(&mut actor, 3, -0.5, 2);
    let verdict = actor.verify().expect("a verdict");
    assert!(verdict.kept && verdict.after.mean > verdict.before.mean + 5.0);
    let kept = actor.weights().expect("weights").to_vec();
    assert_eq!(
        (actor.steps(), actor.unverified(), actor.episodes()),
        (1, 0, 4)
    );

    // The next two steps, the first from the episodes of the verdict, make it worse.
    let step = actor.step().expect("a step");
    assert_eq!(step.steps, 2);
    fill(&mut actor, 3, -0.4, 3);
    let step = actor.step().expect("a step");
    assert_eq!((step.steps, actor.unverified()), (3, 2));
    assert_ne!(actor.weights(), Some(&kept[..]));
    fill(&mut actor, 3, -0.7, 4);
    let verdict = actor.verify().expect("a verdict");
    // Compared with what was there before both of them.
    assert!(!verdict.kept && (verdict.before.mean + 6.0).abs() < 1.0);
    assert_eq!(actor.weights(), Some(&kept[..]));
    assert_eq!(
        (actor.steps(), actor.unverified(), actor.episodes()),
        (1, 0, 0)
    );
    assert_eq!(actor.verify(), Err(StepError::Verified));

    // What is kept survives a restart, and goes on with the second row of rates.
    let mut bytes = vec![0; actor.checkpoint_size()];
    actor.save(&mut bytes).expect("weights to save");
    actor.reset();
    assert_eq!((actor.weights(), actor.steps()), (None, 0));
    actor.restore(&bytes).expect("a checkpoint");
    assert_eq!((actor.weights(), actor.steps()), (Some(&kept[..]), 1));
    fill(&mut actor, 3, -0.5, 5);
    assert_eq!(actor.step().expect("a step").steps, 2);
    actor.go_back();
    assert_eq!((actor.weights(), actor.steps()), (Some(&kept[..]), 1));
}

#[test]
fn the_first_step_is_taken_back_to_the_initialisation() {
    let (file, _) = gaussian(SIZES, &[[0.1; 5]]);
    let model: AnyModel<'_> = Model::new(&file.artifact()).expect("a model");
    let mut memory = memory(&model, POLICY);
    let mut actor = Actor::new(&model, POLICY, 1, &mut memory).expect("an actor");
    let before = actor
        .likeliest(&[0.1, 0.2, 0.3])
        .expect("an action")
        .to_vec();
    fill(&mut actor, 3, -0.5, 1);
    let _ = actor.step().expect("a step");
    assert_ne!(actor.likeliest(&[0.1, 0.2, 0.3]), Ok(&before[..]));
    fill(&mut actor, 3, -1.0, 2);
    assert!(!actor.verify().expect("a verdict").kept);
    assert_eq!(actor.likeliest(&[0.1, 0.2, 0.3]), Ok(&before[..]));
    assert_eq!(actor.weights(), None);
}

/// A step that leads to infinity goes back by itself.
#[test]
fn a_step_that_overflows_goes_back() {
    let mut net = constant_net(&[0.0, 0.0], Loss::GaussianPolicy);
    net.reduction = Reduction::Sum;
    net.rates = vec![vec![0.01; 2], vec![3e38; 2]];
    let file = net.file();
    let model: AnyModel<'_> = Model::new(&file.artifact()).expect("a model");
    let mut memory = memory(&model, POLICY);
    let mut actor = Actor::new(&model, POLICY, 1, &mut memory).expect("an actor");
    roll_out(&mut actor, 1, 1);
    let _ = actor.step().expect("a step");
    roll_out(&mut actor, 1, 2);
    let step = actor.step().expect("a report");
    assert_eq!((step.outcome, step.steps), (StepOutcome::WentBack, 0));
    assert_eq!((actor.weights(), actor.episodes()), (None, 0));
    roll_out(&mut actor, 1, 3);
    assert_eq!(actor.step().expect("a step").outcome, StepOutcome::Taken);
}

/// Of five choices one is rewarded: after a few steps it is taken most of the time.
#[test]
fn the_better_choice_is_learnt() {
    let policy = Policy {
        horizon: 20,
        ..POLICY
    };
    let mut net = constant(&[0.0; 5], Loss::CategoricalPolicy);
    let mut best = 0;
    for choice in 0..5 {
        net.set(constant(&[0.0; 5], Loss::CategoricalPolicy).bytes());
        let model: AnyModel<'_> = Model::new(&net.artifact()).expect("a model");
        let mut memory = memory(&model, policy);
        let mut actor = Actor::new(&model, policy, choice, &mut memory).expect("an actor");
        for _ in 0..model.max_steps() {
            while !actor.is_full() {
                let action = actor.act(&[1.0]).expect("an action")[0];
                let reward = f32::from(action == choice as f32);
                actor.reward(reward, false).expect("a reward");
            }
            let _ = actor.step().expect("a step");
        }
        best += usize::from(actor.likeliest(&[1.0]) == Ok(&[choice as f32][..]));
        let allowed = model.max_steps();
        while !actor.is_full() {
            actor.act(&[1.0]).expect("an action");
            actor.reward(0.0, false).expect("a reward");
        }
        assert_eq!(actor.step(), Err(StepError::Steps { allowed }));
    }
    assert_eq!(best, 5);
}
