//! An adaptation happens whole, shortened to its best step, or not at all; and
//! what was refused has changed nothing.
#![cfg(all(
    feature = "convolution",
    feature = "normalisation",
    feature = "integer",
    feature = "policy"
))]

mod common;

use common::line::{by, line, line_examples, of_steps, state, with_learner};
use common::{Net, Piece, add_all, random};
use mamlet_runtime::{AdaptError, Adaptation, Cause, Outcome, Rollback, SaveError};
use rand::RngExt;

#[test]
fn a_sound_rate_adapts_and_lowers_the_loss_in_every_step() {
    with_learner(&line(0.1), Rollback::ToInitialisation, |learner| {
        add_all(learner, &line(0.1), &line_examples());
        assert!(!learner.is_adapted());
        let report = learner.adapt().expect("examples");
        assert_eq!(report.outcome, Outcome::Adapted);
        assert_eq!((report.steps(), report.losses.len()), (5, 6));
        assert!(report.losses.is_sorted_by(|before, after| after < before));
        assert_eq!(report.loss_before(), report.losses[0]);
        assert_eq!(report.loss_after(), report.losses[5]);
        assert!(learner.is_adapted());
    });
}

/// Adapting again starts from the initialisation, not from what was learnt.
#[test]
fn adapting_twice_gives_the_same_bits() {
    with_learner(&line(0.1), Rollback::ToCommitted, |learner| {
        add_all(learner, &line(0.1), &line_examples());
        let first = learner.adapt().expect("examples");
        let adapted = state(learner, 1);
        learner.commit();
        assert_eq!(learner.adapt(), Ok(first));
        assert_eq!(state(learner, 1), adapted);
    });
}

#[test]
fn a_first_step_that_makes_it_worse_is_rolled_back() {
    for rollback in [Rollback::ToInitialisation, Rollback::ToCommitted] {
        with_learner(&line(0.1), rollback, |learner| {
            let initial = state(learner, 1);
            add_all(learner, &line(0.1), &line_examples());
            let report = learner.adapt_with(by(1, 10.0)).expect("examples");
            let cause = Cause::Worse { step: 1 };
            assert_eq!(report.outcome, Outcome::RolledBack { cause });
            assert!(report.losses[1] > report.losses[0]);
            assert_eq!(report.loss_after(), report.loss_before());
            assert_eq!(report.steps(), 0);
            assert_eq!(state(learner, 1), initial);
            assert_eq!(learner.save(&mut [0; 100]), Err(SaveError::NotAdapted));
        });
    }
}

#[test]
fn an_overflow_is_rolled_back_and_named() {
    with_learner(&line(0.1), Rollback::ToInitialisation, |learner| {
        let initial = state(learner, 1);
        add_all(learner, &line(0.1), &line_examples());
        let report = learner.adapt_with(by(5, 1e30)).expect("examples");
        let Outcome::RolledBack { cause } = report.outcome else {
            panic!("{report:?}");
        };
        assert!(matches!(cause, Cause::NotFinite { step: 1 }), "{cause:?}");
        assert_eq!(report.losses.len(), 2, "it ends where the loss overflows");
        assert_eq!(state(learner, 1), initial);
    });
}

/// Rates that first help and then diverge: the best step is kept.
fn diverging() -> Net {
    let mut net = line(0.1).steps(4, 20);
    net.rates = vec![vec![0.1; 2], vec![0.1; 2], vec![9.0; 2], vec![9.0; 2]];
    net
}

#[test]
fn a_run_that_diverges_keeps_its_best_step() {
    let net = diverging();
    with_learner(&net, Rollback::ToInitialisation, |learner| {
        add_all(learner, &net, &line_examples());
        let report = learner.adapt().expect("examples");
        let cause = Cause::Worse { step: 4 };
        assert_eq!(report.outcome, Outcome::Shortened { steps: 2, cause });
        assert_eq!(report.steps(), 2);
        assert_eq!(report.loss_after(), report.losses[2]);
        let shortened = state(learner, 1);
        let exact = learner.adapt_with(of_steps(2)).expect("examples");
        assert_eq!(exact.outcome, Outcome::Adapted);
        assert_eq!(state(learner, 1), shortened);
    });
}

#[test]
fn an_overflow_late_in_a_run_keeps_the_best_step() {
    let mut net = diverging();
    net.rates[3] = vec![3e38; 2];
    net.steps = 6;
    with_learner(&net, Rollback::ToInitialisation, |learner| {
        add_all(learner, &net, &line_examples());
        let report = learner.adapt().expect("examples");
        let cause = Cause::NotFinite { step: 4 };
        assert_eq!(report.outcome, Outcome::Shortened { steps: 2, cause });
        let shortened = state(learner, 1);
        let _ = learner.adapt_with(of_steps(2)).expect("examples");
        assert_eq!(state(learner, 1), shortened);
    });
}

/// A weight may overflow where no loss sees it.
#[test]
fn a_weight_that_overflows_behind_a_dead_unit_is_found() {
    let pieces = vec![
        Piece::Dense {
            outputs: 1,
            weight: (vec![1.0], true),
            bias: None,
        },
        Piece::Relu,
    ];
    let net = Net::new(1, pieces).rate(1.0).steps(1, 20);
    with_learner(&net, Rollback::ToInitialisation, |learner| {
        // The step takes the weight to −∞, where the ReLU's output and the
        // loss are zero.
        assert_eq!(learner.add_values(&[1e19], &[0.0]), Ok(()));
        let report = learner.adapt_with(by(1, 1e10)).expect("examples");
        let cause = Cause::NotFinite { step: 1 };
        assert_eq!(report.outcome, Outcome::RolledBack { cause }, "{report:?}");
        assert!(!learner.is_adapted());
    });
}

#[test]
fn committed_weights_survive_a_failed_adaptation() {
    let net = line(0.1);
    with_learner(&net, Rollback::ToCommitted, |learner| {
        let initial = state(learner, 1);
        add_all(learner, &net, &line_examples());
        assert_eq!(learner.adapt().map(|r| r.outcome), Ok(Outcome::Adapted));
        learner.commit();
        let committed = state(learner, 1);
        let mut saved = [0; 100];
        let length = learner.save(&mut saved).expect("room");

        for (steps, rate) in [(1, 10.0), (5, 1e30), (20, -0.5)] {
            let report = learner.adapt_with(by(steps, rate)).expect("examples");
            assert!(
                matches!(report.outcome, Outcome::RolledBack { .. }),
                "{report:?}"
            );
            assert_eq!(state(learner, 1), committed);
            let mut again = [0; 100];
            assert_eq!(learner.save(&mut again), Ok(length));
            assert_eq!(again, saved, "steps and losses are those of the weights");
        }
        // A success that is not committed is discarded.
        assert_eq!(learner.adapt_with(by(2, 0.05)).map(|r| r.steps()), Ok(2));
        assert_ne!(state(learner, 1), committed);
        learner.discard();
        assert_eq!(state(learner, 1), committed);
        // The gradient is computed where the weights lie.
        assert!(learner.gradient().is_ok());
        assert_eq!(state(learner, 1), initial);
        learner.discard();
        assert_eq!(state(learner, 1), committed);
    });
}

#[test]
fn without_a_commit_a_rollback_leads_to_the_initialisation() {
    let net = line(0.1);
    for rollback in [Rollback::ToInitialisation, Rollback::ToCommitted] {
        with_learner(&net, rollback, |learner| {
            let initial = state(learner, 1);
            add_all(learner, &net, &line_examples());
            assert_eq!(learner.adapt().map(|r| r.outcome), Ok(Outcome::Adapted));
            assert_ne!(state(learner, 1), initial);
            learner.discard();
            assert_eq!(state(learner, 1), initial);

            assert_eq!(learner.adapt().map(|r| r.outcome), Ok(Outcome::Adapted));
            let report = learner.adapt_with(by(1, 10.0)).expect("examples");
            assert!(matches!(report.outcome, Outcome::RolledBack { .. }));
            assert_eq!(state(learner, 1), initial);
        });
    }
}

/// Where rollback is to the initialisation, a commit is no promise.
#[test]
fn a_commit_needs_the_memory_for_it() {
    let net = line(0.1);
    with_learner(&net, Rollback::ToInitialisation, |learner| {
        let initial = state(learner, 1);
        add_all(learner, &net, &line_examples());
        assert_eq!(learner.adapt().map(|r| r.outcome), Ok(Outcome::Adapted));
        let adapted = state(learner, 1);
        learner.commit();
        assert_eq!(state(learner, 1), adapted);
        learner.discard();
        assert_eq!(state(learner, 1), initial);
    });
}

#[test]
fn committing_the_initialisation_makes_it_what_a_rollback_leads_to() {
    let net = line(0.1);
    with_learner(&net, Rollback::ToCommitted, |learner| {
        let initial = state(learner, 1);
        add_all(learner, &net, &line_examples());
        assert_eq!(learner.adapt().map(|r| r.outcome), Ok(Outcome::Adapted));
        learner.commit();
        assert!(learner.gradient().is_ok());
        learner.commit();
        assert_eq!(learner.adapt().map(|r| r.outcome), Ok(Outcome::Adapted));
        learner.discard();
        assert_eq!(state(learner, 1), initial);
    });
}

/// Over networks and rates of which many diverge.
#[test]
fn no_adaptation_leaves_a_worse_support_loss() {
    let mut random = random(1);
    let mut outcomes = [0; 3];
    for case in 0..12_000 {
        let mut net = Net::any(&mut random);
        let factor = 10f32.powf(random.random_range(-1.0..3.5));
        net.rates
            .iter_mut()
            .flatten()
            .for_each(|rate| *rate *= factor);
        let examples = net.examples(&mut random, 1 + case % 5);
        let rollback = [Rollback::ToInitialisation, Rollback::ToCommitted][case % 2];
        with_learner(&net, rollback, |learner| {
            add_all(learner, &net, &examples);
            let (initial_loss, _) = learner.gradient().expect("examples");
            let steps = 1 + case % 20;
            let rate = random
                .random_bool(0.3)
                .then(|| 10f32.powf(random.random_range(-3.0..3.0)));
            let steps = Some(steps);
            let report = learner
                .adapt_with(Adaptation { steps, rate })
                .expect("examples");
            assert_eq!(report.loss_before().to_bits(), initial_loss.to_bits());
            assert!(
                report.loss_after() <= report.loss_before(),
                "case {case}: {report:?}"
            );
            let weights = learner.weights().map(<[f32]>::to_vec);
            assert!(weights.iter().flatten().all(|weight| weight.is_finite()));
            match report.outcome {
                Outcome::Adapted => outcomes[0] += 1,
                Outcome::Shortened { steps, .. } => {
                    outcomes[1] += 1;
                    let shortened = state(learner, net.inputs);
                    let steps = Some(steps);
                    let exact = learner
                        .adapt_with(Adaptation { steps, rate })
                        .expect("examples");
                    assert_eq!(exact.outcome, Outcome::Adapted, "case {case}");
                    assert_eq!(exact.loss_after().to_bits(), report.loss_after().to_bits());
                    assert_eq!(state(learner, net.inputs), shortened, "case {case}");
                }
                Outcome::RolledBack { .. } => {
                    outcomes[2] += 1;
                    assert!(!learner.is_adapted());
                }
            }
        });
    }
    assert!(
        outcomes.into_iter().all(|count| count > 200),
        "{outcomes:?}"
    );
}

#[test]
fn adaptations_that_cannot_begin_are_named_and_change_nothing() {
    let net = line(0.1);
    with_learner(&net, Rollback::ToCommitted, |learner| {
        assert_eq!(learner.adapt(), Err(AdaptError::NoExamples));
        assert_eq!(learner.gradient().map(|_| ()), Err(AdaptError::NoExamples));
        add_all(learner, &net, &line_examples());
        assert_eq!(learner.adapt().map(|r| r.outcome), Ok(Outcome::Adapted));
        let before = state(learner, 1);
        let steps = |allowed, given| AdaptError::Steps { allowed, given };
        for (adaptation, error) in [
            (of_steps(0), steps(20, 0)),
            (of_steps(21), steps(20, 21)),
            (of_steps(usize::MAX), steps(20, usize::MAX)),
            (by(0, 0.1), steps(32, 0)),
            (by(33, 0.1), steps(32, 33)),
            (by(1, f32::NAN), AdaptError::Rate),
            (by(1, f32::INFINITY), AdaptError::Rate),
        ] {
            assert_eq!(learner.adapt_with(adaptation), Err(error));
            assert_eq!(state(learner, 1), before);
        }
        assert!(learner.adapt_with(of_steps(20)).is_ok());
        assert!(learner.adapt_with(by(32, 0.1)).is_ok());
        learner.clear_examples();
        let before = state(learner, 1);
        assert_eq!(learner.adapt(), Err(AdaptError::NoExamples));
        assert_eq!(state(learner, 1), before);
    });
}
