//! Examples and inputs that do not fit are named, and change nothing.

mod common;

use common::line::{line, state, with_learner};
use common::{Net, Piece, add, random, values};
use mamlet_formats::{Loss, Reduction};
use mamlet_runtime::{AdaptError, ExampleError, Outcome, PredictError, Rollback};

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
