//! Examples and inputs that do not fit are named, and change nothing.
#![cfg(all(
    feature = "convolution",
    feature = "normalisation",
    feature = "integer",
    feature = "policy"
))]

mod common;

use common::line::{line, state, with_learner};
use common::{Net, Piece, add, random, values, with_setup};
use mamlet_formats::{Loss, Reduction};
use mamlet_runtime::{AdaptError, ExampleError, Outcome, PredictError, Rollback, Setup};

/// Two inputs, three outputs or classes.
fn wide(loss: Loss) -> Net {
    let mut random = random(3);
    let pieces = vec![Piece::Dense {
        outputs: 3,
        weight: (values(&mut random, 6), true),
        bias: None,
    }];
    Net::new(2, pieces).loss(loss, Reduction::Mean)
}

#[test]
fn wrong_examples_are_named_and_not_added() {
    use ExampleError as E;
    let input_length = |given| E::InputLength { needed: 2, given };
    let target_length = |given| E::TargetLength { needed: 3, given };
    let values: [(&[f32], &[f32], ExampleError); 9] = [
        (&[], &[0.0; 3], input_length(0)),
        (&[0.0], &[0.0; 3], input_length(1)),
        (&[0.0; 3], &[0.0; 3], input_length(3)),
        (&[0.0; 2], &[], target_length(0)),
        (&[0.0; 2], &[0.0; 2], target_length(2)),
        (&[0.0; 2], &[0.0; 4], target_length(4)),
        (&[0.0, f32::NAN], &[0.0; 3], E::NotFinite),
        (&[f32::INFINITY, 0.0], &[0.0; 3], E::NotFinite),
        (&[0.0; 2], &[0.0, f32::NEG_INFINITY, 0.0], E::NotFinite),
    ];
    with_learner(
        &wide(Loss::MeanSquaredError),
        Rollback::ToInitialisation,
        |learner| {
            assert_eq!(learner.add_values(&[1.0; 2], &[1.0; 3]), Ok(()));
            let (loss, gradient) = learner.gradient().expect("one example");
            let before = (loss, gradient.to_vec());
            for (input, target, error) in values {
                assert_eq!(learner.add_values(input, target), Err(error));
            }
            assert_eq!(learner.add_class(&[0.0; 2], 0), Err(E::ValuesExpected));
            assert_eq!(learner.examples(), 1);
            let (loss, gradient) = learner.gradient().expect("one example");
            assert_eq!((loss, gradient.to_vec()), before);
        },
    );
    let unknown = |given| E::UnknownClass { classes: 3, given };
    let classes: [(&[f32], usize, ExampleError); 5] = [
        (&[0.0; 2], 3, unknown(3)),
        (&[0.0; 2], usize::MAX, unknown(usize::MAX)),
        (&[0.0], 0, input_length(1)),
        (&[0.0; 3], 2, input_length(3)),
        (&[f32::NAN, 0.0], 2, E::NotFinite),
    ];
    with_learner(
        &wide(Loss::CrossEntropy),
        Rollback::ToInitialisation,
        |learner| {
            for (input, class, error) in classes {
                assert_eq!(learner.add_class(input, class), Err(error));
            }
            assert_eq!(
                learner.add_values(&[0.0; 2], &[0.0; 3]),
                Err(E::ClassExpected)
            );
            assert_eq!(learner.examples(), 0);
            assert_eq!(learner.adapt(), Err(AdaptError::NoExamples));
        },
    );
}

#[test]
fn examples_beyond_the_capacity_are_refused_until_they_are_cleared() {
    let net = line(0.1);
    with_learner(&net, Rollback::ToInitialisation, |learner| {
        let example = (vec![1.0], vec![2.0]);
        for _ in 0..5 {
            assert_eq!(add(learner, net.loss, &example), Ok(()));
        }
        let full = Err(ExampleError::Full { capacity: 5 });
        assert_eq!(add(learner, net.loss, &example), full);
        assert_eq!(learner.examples(), 5);
        assert_eq!(learner.adapt().map(|r| r.outcome), Ok(Outcome::Adapted));
        let adapted = state(learner, 1);
        learner.clear_examples();
        assert_eq!(learner.examples(), 0);
        assert_eq!(state(learner, 1), adapted, "what was learnt stays");
        assert_eq!(add(learner, net.loss, &example), Ok(()));
    });
}

#[test]
fn predictions_of_wrong_inputs_are_refused() {
    with_learner(
        &wide(Loss::CrossEntropy),
        Rollback::ToInitialisation,
        |learner| {
            for given in [0, 1, 3] {
                let error = PredictError::InputLength { needed: 2, given };
                assert_eq!(learner.predict(&vec![0.0; given]), Err(error));
            }
            assert_eq!(learner.predict(&[0.5, 0.5]).map(<[f32]>::len), Ok(3));
        },
    );
}

#[test]
fn wrong_actions_are_named_and_not_added() {
    use ExampleError as E;
    let pieces = vec![Piece::Dense {
        outputs: 4,
        weight: (vec![0.5; 8], true),
        bias: None,
    }];
    let of = |loss| Net::new(2, pieces.clone()).loss(loss, Reduction::Mean);
    let input = [0.5, -0.5];
    with_setup(&of(Loss::GaussianPolicy), Setup::new(1), |learner| {
        let length = |given| E::TargetLength { needed: 2, given };
        let refused: [(&[f32], f32, E); 5] = [
            (&[0.0], 1.0, length(1)),
            (&[0.0; 3], 1.0, length(3)),
            (&[], 1.0, length(0)),
            (&[0.0, f32::NAN], 1.0, E::NotFinite),
            (&[0.0; 2], f32::INFINITY, E::NotFinite),
        ];
        for (action, advantage, error) in refused {
            assert_eq!(learner.add_action(&input, action, advantage), Err(error));
        }
        let given = E::InputLength {
            needed: 2,
            given: 1,
        };
        assert_eq!(learner.add_action(&[0.5], &[0.0; 2], 1.0), Err(given));
        assert_eq!(
            learner.add_values(&input, &[0.0; 3]),
            Err(E::ActionExpected)
        );
        assert_eq!(learner.add_class(&input, 0), Err(E::ActionExpected));
        assert_eq!(
            learner.add_discrete_action(&input, 0, 1.0),
            Err(E::ActionExpected)
        );
        assert_eq!(learner.examples(), 0);
        assert_eq!(learner.add_action(&input, &[0.0; 2], -1.0), Ok(()));
    });
    with_setup(&of(Loss::CategoricalPolicy), Setup::new(1), |learner| {
        let (classes, given) = (4, 4);
        let unknown = E::UnknownClass { classes, given };
        assert_eq!(learner.add_discrete_action(&input, 4, 1.0), Err(unknown));
        assert_eq!(
            learner.add_discrete_action(&input, 3, f32::NAN),
            Err(E::NotFinite)
        );
        assert_eq!(
            learner.add_action(&input, &[0.0], 1.0),
            Err(E::DiscreteActionExpected)
        );
        assert_eq!(
            learner.add_values(&input, &[0.0; 2]),
            Err(E::DiscreteActionExpected)
        );
        assert_eq!(learner.examples(), 0);
        assert_eq!(learner.add_discrete_action(&input, 3, 1.0), Ok(()));
    });
}

#[test]
fn queries_that_do_not_fit_are_refused() {
    let net = wide(Loss::CrossEntropy);
    with_setup(&net, Setup::new(1).queries(2), |learner| {
        let mut outputs = [7.0; 12];
        let (needed, given) = (2, 3);
        let length = PredictError::InputLength { needed, given };
        let (capacity, given) = (2, 3);
        let too_many = PredictError::Queries { capacity, given };
        let (needed, given) = (6, 5);
        let room = PredictError::OutputLength { needed, given };
        assert_eq!(
            learner.predict_batch(&[0.5; 3], &mut outputs[..3]),
            Err(length)
        );
        assert_eq!(
            learner.predict_batch(&[0.5; 6], &mut outputs[..9]),
            Err(too_many)
        );
        assert_eq!(
            learner.predict_batch(&[0.5; 4], &mut outputs[..5]),
            Err(room)
        );
        assert_eq!(outputs, [7.0; 12]);
        assert_eq!(learner.predict_batch(&[], &mut []), Ok(()));
        assert_eq!(learner.predict_batch(&[0.5; 4], &mut outputs[..6]), Ok(()));
        assert_eq!(outputs[6..], [7.0; 6]);
    });
}
